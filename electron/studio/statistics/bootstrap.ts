/** Percentile bootstrap (Efron & Tibshirani 1993, ch. 13) over cases, seeded. */
import { quantile } from 'simple-statistics';
import { seededRandom } from './random.ts';

/**
 * Statistics of resampled cases: `draws[s][b]` is statistic s of resample b, a list of `n` case numbers drawn with
 * replacement. All statistics see the same resamples, so their differences are paired.
 */
export function resampled<S extends (cases: number[]) => number | null>(
  n: number,
  statistics: S[],
  resamples: number,
  seed: number,
): (number | null)[][] {
  const random = seededRandom(seed);
  const draws = statistics.map((): (number | null)[] => []);
  for (let b = 0; b < resamples; b++) {
    const cases = Array.from({ length: n }, () => Math.floor(random() * n));
    for (const [s, statistic] of statistics.entries()) draws[s]?.push(statistic(cases));
  }
  return draws;
}

/** 95 % percentile interval; null where more than a twentieth of the resamples leave the statistic undefined. */
export function percentile95(draws: (number | null)[]): [number, number] | null {
  const known = draws.filter(value => value !== null);
  if (known.length === 0 || known.length < 0.95 * draws.length) return null;
  return [quantile(known, 0.025), quantile(known, 0.975)];
}

/**
 * Two-sided p that a statistic is 0: twice the share of resamples on the rarer side of it, at least 2 / (resamples + 1);
 * null where the interval is.
 */
export function bootstrapP(draws: (number | null)[]): number | null {
  if (percentile95(draws) === null) return null;
  const known = draws.filter(value => value !== null);
  const below = known.filter(value => value <= 0).length;
  const above = known.filter(value => value >= 0).length;
  return Math.min(1, (2 * (Math.min(below, above) + 1)) / (known.length + 1));
}
