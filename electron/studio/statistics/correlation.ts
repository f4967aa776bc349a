/** Pearson's and Spearman's correlation with their confidence intervals and p. */
import { sampleCorrelation, sampleRankCorrelation } from 'simple-statistics';
import { tTwoSided, Z_975 } from './distributions.ts';

export interface Correlation {
  /** −1 … 1; null when undefined: fewer than 3 pairs, or a variable without variance. */
  r: number | null;
  /** 95 % interval by Fisher's z (Fisher 1921): tanh(artanh r ± 1.96/√(n − 3)); null below 4 pairs or for |r| = 1. */
  ci95: [number, number] | null;
  n: number;
  /** Two-sided, from t = r√((n − 2)/(1 − r²)) with n − 2 degrees of freedom; null when r is. */
  p: number | null;
}

/** Pearson's correlation of paired values `x[i]`, `y[i]`; the arrays are of equal length. */
export function correlation(x: number[], y: number[]): Correlation {
  return correlate(x, y, sampleCorrelation, () => 1);
}

/**
 * Spearman's rank correlation, ties at their mean rank; its interval has √(1 + r²/2) times Fisher's standard error
 * (Bonett & Wright 2000), and its p is that of the same t.
 */
export function rankCorrelation(x: number[], y: number[]): Correlation {
  return correlate(x, y, sampleRankCorrelation, r => Math.sqrt(1 + (r * r) / 2));
}

/** Up to so many pairs the distribution over all orders is counted out: 40,320 of them. */
export const MOST_EXACT = 8;

/**
 * Two-sided p of Spearman's correlation: the share of the orders of `y` whose correlation with `x` is as far from 0 as
 * that of the order given, ties at their mean rank. For few pairs t is no guide: four in perfect order have p = 1/12.
 * At most `MOST_EXACT` pairs.
 */
export function exactRankP(x: number[], y: number[]): number {
  const n = x.length;
  if (y.length !== n || n > MOST_EXACT)
    throw new RangeError(`at most ${MOST_EXACT} pairs expected, got ${n} and ${y.length}`);
  const [a, b] = [centredRanks(x), centredRanks(y)];
  const given = Math.abs(a.reduce((sum, rank, at) => sum + rank * (b[at] as number), 0));
  let orders = 0;
  let asFar = 0;
  const place = (at: number, left: number[], sum: number) => {
    if (at < n) {
      for (const [index, rank] of left.entries())
        place(at + 1, left.toSpliced(index, 1), sum + rank * (a[at] as number));
      return;
    }
    orders++;
    if (Math.abs(sum) > given - 1e-9) asFar++;
  };
  place(0, b, 0);
  return asFar / orders;
}

/** Ranks from 1, ties at their mean, less the mean of all. */
const centredRanks = (values: number[]): number[] =>
  values.map(value => {
    const below = values.filter(other => other < value).length;
    const equal = values.filter(other => other === value).length;
    return below + (equal - values.length) / 2;
  });

function correlate(
  x: number[],
  y: number[],
  coefficient: (x: number[], y: number[]) => number,
  widening: (r: number) => number,
): Correlation {
  const n = x.length;
  if (y.length !== n) throw new RangeError(`paired values expected, got ${n} and ${y.length}`);
  if (n < 3 || isConstant(x) || isConstant(y)) return { r: null, ci95: null, n, p: null };
  const r = Math.max(-1, Math.min(1, coefficient(x, y)));
  if (1 - Math.abs(r) < 1e-12) return { r: Math.sign(r), ci95: null, n, p: 0 };
  const p = tTwoSided(r * Math.sqrt((n - 2) / (1 - r * r)), n - 2);
  if (n < 4) return { r, ci95: null, n, p };
  const z = Math.atanh(r);
  const half = (Z_975 * widening(r)) / Math.sqrt(n - 3);
  return { r, ci95: [Math.tanh(z - half), Math.tanh(z + half)], n, p };
}

/** Without variance, up to rounding. */
export const isConstant = (values: number[]): boolean => Math.max(...values) - Math.min(...values) < 1e-12;

export { mean, sampleStandardDeviation } from 'simple-statistics';
