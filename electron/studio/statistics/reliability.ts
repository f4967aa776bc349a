/** How far a score can be trusted: internal consistency, and agreement between occasions, with confidence intervals. */
import { sampleVariance } from 'simple-statistics';
import type { Reliability, Retest } from '../contract.ts';
import { isConstant, mean } from './correlation.ts';
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

/**
 * Test–retest agreement of `values[case][form]`, complete: the intraclass correlation ICC(A,1) of McGraw and Wong (1996),
 * which is ICC(2,1) of Shrout and Fleiss (1979). (MSR − MSE) / (MSR + (k − 1)·MSE + k/n·(MSC − MSE)) of n cases and k
 * forms, so a form that shifts all scores lowers it; 95 % interval as in McGraw and Wong's table 7.
 */
export function retestAgreement(values: number[][]): Retest {
  const n = values.length;
  const k = values[0]?.length ?? 0;
  if (values.some(row => row.length !== k)) throw new RangeError('a complete matrix is expected');
  const undefinedFor = (reason: string): Retest => ({ icc: null, ci95: null, cases: n, forms: k, reason });
  if (k < 2) return undefinedFor('Agreement needs at least 2 forms.');
  if (n < 3)
    return undefinedFor(`Agreement needs at least 3 cases, and there ${n === 1 ? 'is 1' : `are ${n}`}.`);
  if (isConstant(values.flat())) return undefinedFor('All values are the same, so agreement is undefined.');
  const all = mean(values.flat());
  const rows = values.map(row => mean(row));
  const columns = Array.from({ length: k }, (_, form) => mean(values.map(row => row[form] as number)));
  const squares = (of: number[]) => of.reduce((sum, value) => sum + value * value, 0);
  const betweenCases = (k * squares(rows.map(row => row - all))) / (n - 1);
  const betweenForms = (n * squares(columns.map(column => column - all))) / (k - 1);
  const rest = values.flatMap((row, i) =>
    row.map((value, j) => value - (rows[i] as number) - (columns[j] as number) + all),
  );
  const error = squares(rest) / ((n - 1) * (k - 1));
  const icc = (betweenCases - error) / (betweenCases + (k - 1) * error + (k / n) * (betweenForms - error));
  // Perfect agreement leaves no error to build an interval from.
  if (1 - icc < 1e-12) return { icc: 1, ci95: null, cases: n, forms: k };
  const a = (k * icc) / (n * (1 - icc));
  const b = 1 + (k * icc * (n - 1)) / (n * (1 - icc));
  const df =
    (a * betweenForms + b * error) ** 2 /
    ((a * betweenForms) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)));
  const spread = k * betweenForms + (k * n - k - n) * error;
  const [below, above] = [fQuantile(0.975, n - 1, df), fQuantile(0.975, df, n - 1)];
  const ci95: [number, number] = [
    (n * (betweenCases - below * error)) / (below * spread + n * betweenCases),
    (n * (above * betweenCases - error)) / (spread + n * above * betweenCases),
  ];
  return { icc, ci95, cases: n, forms: k };
}
