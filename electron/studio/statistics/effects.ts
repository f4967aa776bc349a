/** Differences of two means with their intervals and effect sizes, paired or between independent groups. */
import { isConstant, mean, sampleStandardDeviation } from './correlation.ts';
import { noncentrality95, tQuantile, tTwoSided, Z_975 } from './distributions.ts';

export interface PairedDifference {
  /** Mean of x − y; null without pairs. */
  difference: number | null;
  /** 95 % interval of the mean difference: ± t(.975; n − 1)·s/√n. */
  ci95: [number, number] | null;
  t: number | null;
  df: number | null;
  /** Two-sided. */
  p: number | null;
  /** Cohen's d_z = mean(x − y) / sd(x − y), sd with n − 1. Null when the differences don't vary. */
  d: number | null;
  /** 95 % interval of d_z: that of the noncentrality of t, over √n (Goulet-Pelletier & Cousineau 2018). */
  dCi95: [number, number] | null;
  n: number;
}

/** Pairs `x[i]`, `y[i]`, as two ratings of the same item: the paired t test and Cohen's d_z. */
export function pairedDifference(x: number[], y: number[]): PairedDifference {
  const n = x.length;
  if (y.length !== n) throw new RangeError(`paired values expected, got ${n} and ${y.length}`);
  const differences = x.map((value, index) => value - (y[index] as number));
  const difference = n > 0 ? mean(differences) : null;
  if (difference === null || n < 2 || isConstant(differences))
    return { difference, ci95: null, t: null, df: null, p: null, d: null, dCi95: null, n };
  const deviation = sampleStandardDeviation(differences);
  const error = deviation / Math.sqrt(n);
  const t = difference / error;
  const df = n - 1;
  const half = tQuantile(0.975, df) * error;
  const [low, high] = noncentrality95(t, df);
  return {
    difference,
    ci95: [difference - half, difference + half],
    t,
    df,
    p: tTwoSided(t, df),
    d: difference / deviation,
    dCi95: [low / Math.sqrt(n), high / Math.sqrt(n)],
    n,
  };
}

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
  if (error < TINY) return { difference, ci95: null, effect: null, effectCi95: null, p: null };
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

/** Hedges' (1981) correction for small samples, in its usual approximation. */
const correction = (df: number) => 1 - 3 / (4 * df - 1);
const around = (middle: number, half: number): [number, number] => [middle - half, middle + half];
