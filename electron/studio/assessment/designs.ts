/** Experimental designs: which α to assess. */
import type { Trait } from '../contract.ts';
import { TRAITS } from '../contract.ts';

/**
 * Numbers in [0, 1) from a 32-bit seed: mulberry32. Small and the same everywhere; for designs, not for statistics
 * that need a long period.
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

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
