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

/** rows × columns matrix with the given singular values, from random orthonormal vectors. */
export function matrixOf(rows: number, columns: number, singular: number[], seed: number): Float32Array {
  const left = orthonormal(rows, singular.length, seed);
  const right = orthonormal(columns, singular.length, seed + 1);
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return singular.reduce((sum, s, k) => sum + s * (left[k]?.[row] ?? 0) * (right[k]?.[column] ?? 0), 0);
  });
}

function orthonormal(length: number, count: number, seed: number): number[][] {
  const vectors: number[][] = [];
  for (let k = 0; k < count; k++) {
    let vector = Array.from(gaussian(length, seed * 1000 + k));
    for (const other of [...vectors, ...vectors]) {
      const along = vector.reduce((sum, x, i) => sum + x * (other[i] ?? 0), 0);
      vector = vector.map((x, i) => x - along * (other[i] ?? 0));
    }
    const norm = Math.hypot(...vector);
    vectors.push(vector.map(x => x / norm));
  }
  return vectors;
}
