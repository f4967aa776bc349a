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
