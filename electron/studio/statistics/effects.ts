/** Differences between two measurements of the same items: paired t test and Cohen's d. */
import { isConstant, mean, sampleStandardDeviation } from './correlation.ts';
import { noncentrality95, tQuantile, tTwoSided } from './distributions.ts';

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

/** `x[i]` against `y[i]`: two ratings of the same item. */
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
