/** Seeded random numbers. */

/**
 * Numbers in [0, 1) from a 32-bit seed: mulberry32. Small and the same everywhere; for designs
 * and resampling, not for statistics that need more than 2³² numbers.
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
