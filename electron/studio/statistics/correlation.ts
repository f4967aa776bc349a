/** Pearson's correlation with its confidence interval. */
import { sampleCorrelation } from 'simple-statistics';

export interface Correlation {
  /** −1 … 1; null when undefined: fewer than 3 pairs, or a variable without variance. */
  r: number | null;
  /** 95 % interval by Fisher's z (Fisher 1921): tanh(artanh r ± 1.96/√(n − 3)); null below 4 pairs or for |r| = 1. */
  ci95: [number, number] | null;
  n: number;
}

/** 97.5 % quantile of the standard normal distribution. */
const Z_975 = 1.959963984540054;

/** Correlation of paired values `x[i]`, `y[i]`; the arrays are of equal length. */
export function correlation(x: number[], y: number[]): Correlation {
  const n = x.length;
  if (y.length !== n) throw new RangeError(`paired values expected, got ${n} and ${y.length}`);
  const constant = (values: number[]) => Math.max(...values) - Math.min(...values) < 1e-12;
  if (n < 3 || constant(x) || constant(y)) return { r: null, ci95: null, n };
  const r = Math.max(-1, Math.min(1, sampleCorrelation(x, y)));
  if (n < 4 || 1 - Math.abs(r) < 1e-12) return { r, ci95: null, n };
  const z = Math.atanh(r);
  const half = Z_975 / Math.sqrt(n - 3);
  return { r, ci95: [Math.tanh(z - half), Math.tanh(z + half)], n };
}

/** Sample standard deviation (n − 1); 0 for fewer than two values. */
export { sampleStandardDeviation } from 'simple-statistics';
