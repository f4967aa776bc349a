/** Random numbers from a seed, for tests and measurements. */

/** Uniform in [0, 1), from a seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normal numbers of the given spread, as float32. */
export function gaussian(count: number, seed: number, spread = 1): Float32Array {
  const next = random(seed);
  return Float32Array.from(
    { length: count },
    () => spread * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );
}
