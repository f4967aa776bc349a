/** Shares of right answers, alone and of the same tasks before and after. */
import { binomialCdf, Z_975 } from './distributions.ts';

/** A share `right / n` with Wilson's (1927) 95 % interval; null without tasks. */
export function proportion(right: number, n: number) {
  if (n === 0) return { right, share: null, ci95: null };
  const share = right / n;
  const z2 = Z_975 ** 2;
  const middle = (share + z2 / (2 * n)) / (1 + z2 / n);
  const half = (Z_975 / (1 + z2 / n)) * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n * n));
  return { right, share, ci95: [Math.max(0, middle - half), Math.min(1, middle + half)] as [number, number] };
}

/**
 * The same `n` tasks before and after, `pairs[i]` right or wrong: difference of the shares with the adjusted Wald interval
 * of Bonett & Price (2012), and McNemar's exact test (the binomial of the tasks that changed; 1 where none did).
 */
export function pairedProportions(pairs: { before: boolean; after: boolean }[]) {
  const n = pairs.length;
  const count = (test: (pair: { before: boolean; after: boolean }) => boolean) => pairs.filter(test).length;
  const gained = count(({ before, after }) => after && !before);
  const lost = count(({ before, after }) => before && !after);
  const shares = {
    n,
    before: proportion(
      count(({ before }) => before),
      n,
    ),
    after: proportion(
      count(({ after }) => after),
      n,
    ),
    gained,
    lost,
  };
  if (n === 0) return { ...shares, difference: null, ci95: null, p: null };
  const [up, down] = [(gained + 1) / (n + 2), (lost + 1) / (n + 2)];
  const half = Z_975 * Math.sqrt((up + down - (up - down) ** 2) / (n + 2));
  const p = Math.min(1, 2 * binomialCdf(Math.min(gained, lost), gained + lost, 0.5));
  return {
    ...shares,
    difference: (gained - lost) / n,
    ci95: [Math.max(-1, up - down - half), Math.min(1, up - down + half)] as [number, number],
    p,
  };
}
