/** Internal consistency of a scale: Cronbach's alpha with its confidence interval. */
import { sampleVariance } from 'simple-statistics';
import type { Reliability } from '../contract.ts';
import { isConstant } from './correlation.ts';
import { fQuantile } from './distributions.ts';

/**
 * α = k/(k − 1) · (1 − Σ s²ᵢ / s²_total) of a matrix `ratings[case][item]`, keyed, complete (Cronbach 1951), with the 95 %
 * interval of Feldt (1965): 1 − (1 − α)·F(.975; n − 1, (n − 1)(k − 1)) to 1 − (1 − α)·F(.025; …).
 *
 * The cases play the part of persons. A language model that is asked once is one person, for which alpha is undefined;
 * it needs administrations that differ: other personas, instructions, orders, or drawn answers.
 */
export function cronbachAlpha(ratings: number[][]): Reliability {
  const n = ratings.length;
  const k = ratings[0]?.length ?? 0;
  if (ratings.some(row => row.length !== k)) throw new RangeError('a complete matrix is expected');
  const undefinedFor = (reason: string): Reliability => ({
    alpha: null,
    ci95: null,
    cases: n,
    items: k,
    reason,
  });
  if (n < 2) return undefinedFor(`Alpha needs at least 2 cases, and there ${n === 1 ? 'is 1' : 'are none'}.`);
  if (k < 2) return undefinedFor('Alpha needs at least 2 items.');
  const totals = ratings.map(row => row.reduce((sum, rating) => sum + rating, 0));
  if (isConstant(totals)) return undefinedFor('All cases have the same score, so alpha is undefined.');
  const within = Array.from({ length: k }, (_, item) =>
    sampleVariance(ratings.map(row => row[item] as number)),
  ).reduce((sum, variance) => sum + variance, 0);
  const alpha = (k / (k - 1)) * (1 - within / sampleVariance(totals));
  const bound = (p: number) => 1 - (1 - alpha) * fQuantile(p, n - 1, (n - 1) * (k - 1));
  // Perfect consistency leaves no error to build an interval from.
  return { alpha, ci95: 1 - alpha < 1e-12 ? null : [bound(0.975), bound(0.025)], cases: n, items: k };
}
