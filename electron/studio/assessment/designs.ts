/** Experimental designs: which α to assess. */
import type { Trait } from '../contract.ts';
import { TRAITS } from '../contract.ts';
import { seededRandom } from '../statistics/random.ts';

/**
 * `n` profiles α ∈ [−1, 1]⁵ by Latin hypercube (McKay, Beckman & Conover 1979): each trait's range is cut into n equal
 * strata, every stratum is used once, and the α lies anywhere inside it.
 */
export function latinHypercube(n: number, seed: number): Record<Trait, number>[] {
  const random = seededRandom(seed);
  const columns = TRAITS.map(() => {
    const strata = Array.from({ length: n }, (_, index) => index);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [strata[i], strata[j]] = [strata[j] as number, strata[i] as number];
    }
    return strata.map(stratum => -1 + (2 * (stratum + random())) / n);
  });
  return Array.from({ length: n }, (_, row) =>
    Object.fromEntries(TRAITS.map((trait, column) => [trait, columns[column]?.[row] as number])),
  ) as Record<Trait, number>[];
}
