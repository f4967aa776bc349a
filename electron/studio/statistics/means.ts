/** Differences of two means with their intervals and effect sizes, paired or between independent groups. */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import { tQuantile, tTwoSided } from './student.ts';

export interface MeanDifference {
  /** Mean of the first minus mean of the second, or of the reference. */
  difference: number;
  /** 95 % interval of the difference by Student's t; null where nothing varies. */
  ci95: [number, number] | null;
  /** Difference over its standard deviation, corrected for small samples (Hedges 1981); null where nothing varies. */
  effect: number | null;
  /** 95 % interval of the effect by its large-sample variance (Hedges & Olkin 1985). */
  effectCi95: [number, number] | null;
  /** Two-sided; null where nothing varies. */
  p: number | null;
}

/** 97.5 % quantile of the standard normal distribution. */
const Z_975 = 1.959963984540054;
const TINY = 1e-12;

/**
 * Two independent groups of at least 2 values: Welch's t (1947) for the difference, Hedges' g with the pooled standard
 * deviation for the effect.
 */
export function independentDifference(a: number[], b: number[]): MeanDifference {
  const [n, m] = [a.length, b.length];
  if (n < 2 || m < 2) throw new RangeError(`at least 2 values a group expected, got ${n} and ${m}`);
  const difference = mean(a) - mean(b);
  const [varA, varB] = [sampleStandardDeviation(a) ** 2, sampleStandardDeviation(b) ** 2];
  const [errorA, errorB] = [varA / n, varB / m];
  const error = Math.sqrt(errorA + errorB);
  if (error < TINY) return constant(difference);
  const df = (errorA + errorB) ** 2 / (errorA ** 2 / (n - 1) + errorB ** 2 / (m - 1));
  const pooled = Math.sqrt(((n - 1) * varA + (m - 1) * varB) / (n + m - 2));
  const effect = (correction(n + m - 2) * difference) / pooled;
  const variance = (n + m) / (n * m) + effect ** 2 / (2 * (n + m));
  return {
    difference,
    ci95: around(difference, tQuantile(0.975, df) * error),
    effect,
    effectCi95: around(effect, Z_975 * Math.sqrt(variance)),
    p: tTwoSided(difference / error, df),
  };
}

/**
 * Pairs `a[i]`, `b[i]`, at least 2: the paired t for the difference, the mean difference over the standard deviation of
 * the differences (d_z) for the effect.
 */
export function pairedDifference(a: number[], b: number[]): MeanDifference {
  const n = a.length;
  if (b.length !== n || n < 2) throw new RangeError(`at least 2 pairs expected, got ${n} and ${b.length}`);
  const differences = a.map((value, i) => value - (b[i] as number));
  const difference = mean(differences);
  const deviation = sampleStandardDeviation(differences);
  const error = deviation / Math.sqrt(n);
  if (error < TINY) return constant(difference);
  const effect = (correction(n - 1) * difference) / deviation;
  return {
    difference,
    ci95: around(difference, tQuantile(0.975, n - 1) * error),
    effect,
    effectCi95: around(effect, Z_975 * Math.sqrt(1 / n + effect ** 2 / (2 * n))),
    p: tTwoSided(difference / error, n - 1),
  };
}

/** Hedges' (1981) correction for small samples, in its usual approximation. */
const correction = (df: number) => 1 - 3 / (4 * df - 1);
const around = (middle: number, half: number): [number, number] => [middle - half, middle + half];
const constant = (difference: number): MeanDifference => ({
  difference,
  ci95: null,
  effect: null,
  effectCi95: null,
  p: null,
});
