/** Distributions behind the intervals: jStat's, and the noncentral t, for which jStat's own fails at large values. */
import jstat from 'jstat';

const { centralF, studentt, normal, binomial, gammaln } = jstat.jStat;

/** 97.5 % quantile of the standard normal distribution. */
export const Z_975 = 1.959963984540054;

/** Quantile of the F distribution; 0 < p < 1. */
export const fQuantile = (p: number, df1: number, df2: number): number => centralF.inv(p, df1, df2);

/** Quantile of Student's t; 0 < p < 1. */
export const tQuantile = (p: number, df: number): number => studentt.inv(p, df);

/** P(X ≤ k) of a binomial with n trials, each a success with probability p; 1 without trials. */
export const binomialCdf = (k: number, n: number, p: number): number => (n === 0 ? 1 : binomial.cdf(k, n, p));

/** Two-sided p of a t statistic. */
export const tTwoSided = (t: number, df: number): number =>
  Number.isFinite(t) ? Math.min(1, 2 * studentt.cdf(-Math.abs(t), df)) : 0;

/**
 * P(T ≤ t) of the noncentral t: ∫ Φ(t·s − δ) f(s) ds over s = √(χ²_ν / ν), by Simpson's rule where f has its mass
 * (Johnson, Kotz & Balakrishnan 1995, ch. 31). Absolute error below 1e-8 for ν ≥ 1.
 */
export function noncentralT(t: number, df: number, delta: number): number {
  const logScale = Math.log(2) + (df / 2) * Math.log(df / 2) - gammaln(df / 2);
  const density = (s: number) =>
    Math.exp(logScale + (df > 1 ? (df - 1) * Math.log(s) : 0) - (df * s * s) / 2);
  const half = 12 / Math.sqrt(2 * df);
  const [from, to] = [Math.max(0, 1 - half), 1 + half];
  // Φ(t·s − δ) goes from 0 to 1 within a few 1/|t|.
  const steps = 2 * Math.ceil(250 + 20 * Math.abs(t) * (to - from));
  const width = (to - from) / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const s = from + i * width;
    const weight = i === 0 || i === steps ? 1 : i % 2 ? 4 : 2;
    sum += weight * normal.cdf(t * s - delta, 0, 1) * density(s);
  }
  return Math.min(1, (sum * width) / 3);
}

/** 95 % interval of the noncentrality δ of which `t` was drawn (Steiger & Fouladi 1997). */
export function noncentrality95(t: number, df: number): [number, number] {
  const solve = (target: number) => {
    // P(T ≤ t | δ) falls as δ grows.
    let spread = 2 + Math.abs(t);
    while (noncentralT(t, df, t - spread) < target || noncentralT(t, df, t + spread) > target) spread *= 2;
    let [low, high] = [t - spread, t + spread];
    while (high - low > 1e-9 * (1 + Math.abs(t))) {
      const middle = (low + high) / 2;
      if (noncentralT(t, df, middle) > target) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  };
  return [solve(0.975), solve(0.025)];
}
