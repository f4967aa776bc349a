/** Student's t distribution: tail probabilities and quantiles for tests and intervals of means. */

/** Two-sided p of a t statistic with `df` > 0 degrees of freedom: P(|T| ≥ |t|), 0 … 1. */
export const tTwoSided = (t: number, df: number): number => incompleteBeta(df / (df + t * t), df / 2, 0.5);

/** Quantile of Student's t for 0.5 < p < 1: 1.96 for p = 0.975 and many degrees of freedom. */
export function tQuantile(p: number, df: number): number {
  const tails = 2 * (1 - p);
  let low = 0;
  let high = 1;
  while (tTwoSided(high, df) > tails) high *= 2;
  // Halving: the tails fall with t, so one crossing lies between.
  while (high - low > 1e-13 * high) {
    const middle = (low + high) / 2;
    if (tTwoSided(middle, df) > tails) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Regularised incomplete beta function Iₓ(a, b), by its continued fraction (Abramowitz & Stegun 26.5.8, Lentz's method). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges quickly on the near side only; the other follows from Iₓ(a, b) = 1 − I₁₋ₓ(b, a).
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front =
    Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  const safe = (value: number) => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let c = 1;
  let d = 1 / safe(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < 10_000; m++) {
    for (const term of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / safe(1 + term * d);
      c = safe(1 + term / c);
      fraction *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return front * fraction;
}

/** ln Γ(x) for x > 0: Stirling's series after the recurrence has taken x above 10; error below 1e-13. */
function logGamma(x: number): number {
  let shift = 0;
  while (x < 10) shift -= Math.log(x++);
  const series = 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1260 * x ** 5) - 1 / (1680 * x ** 7);
  return shift + (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series;
}
