/** METHOD.md section 3 in float64, written to be read: what native-merge is measured against. */
import { createHash } from 'node:crypto';

export interface ReferenceVector {
  id: string;
  delta: ArrayLike<number>;
  weight: number;
  density?: number;
}

export interface ReferenceOptions {
  sparsify?: 'magnitude' | 'outliers' | 'random' | 'ranked';
  consensus?: boolean;
  election?: 'weighted' | 'unweighted';
  normalize?: boolean;
  rescale?: 'density' | 'l1';
  lambda?: number;
  seed?: bigint;
  tensor?: string;
  gamma?: number;
  epsilon?: number;
  /** Entries of a row. */
  row?: number;
}

export function merge(
  base: ArrayLike<number>,
  vectors: ReferenceVector[],
  options: ReferenceOptions,
): Float64Array {
  const { lambda = 1, election } = options;
  const deltas = vectors.map(vector => sparsify(vector, options));
  const votes = vectors.map(({ weight }) => (election === 'unweighted' ? Math.sign(weight) : weight));
  return Float64Array.from(base, (b, i) => {
    const products = vectors.map(({ weight }, v) => weight * (deltas[v]?.[i] ?? 0));
    let kept = products.map((_, v) => v);
    if (options.consensus) {
      const total = votes.reduce((sum, vote, v) => sum + vote * (deltas[v]?.[i] ?? 0), 0);
      const sign = total >= 0 ? 1 : -1;
      kept = kept.filter(v => Math.sign(products[v] ?? 0) === sign);
    }
    let sum = kept.reduce((total, v) => total + (products[v] ?? 0), 0);
    if (options.normalize) {
      const shares = kept.map(v => (election === 'unweighted' ? 1 : (vectors[v]?.weight ?? 0)));
      const divisor = shares.reduce((total, share) => total + share, 0);
      sum /= Math.abs(divisor) < 1e-8 ? 1 : divisor;
    }
    return b + lambda * sum;
  });
}

function sparsify(vector: ReferenceVector, options: ReferenceOptions): Float64Array {
  const { delta, density = 1 } = vector;
  const values = Float64Array.from(delta);
  if (!options.sparsify || density >= 1) return values;
  const chances = keepChances(delta, density, options);
  const keep = keptEntries(vector, density, chances, options);
  const masked = values.map((x, i) => (keep[i] ? x : 0));
  const size = (all: Float64Array) => all.reduce((sum, x) => sum + Math.abs(x), 0);
  if (options.rescale === 'density') return masked.map((x, i) => x / (chances[i] ?? NaN));
  const divisor = options.rescale === 'l1' ? size(masked) / size(values) || 1 : 1;
  return masked.map(x => x / divisor);
}

function keptEntries(
  { id, delta }: ReferenceVector,
  density: number,
  chances: number[],
  options: ReferenceOptions,
): boolean[] {
  switch (options.sparsify) {
    case 'random':
      return randomMask('dare', id, chances, options);
    case 'ranked':
      return randomMask('della', id, chances, options);
    case 'outliers':
      return withoutOutliers(delta, density, options.gamma ?? 0);
    default:
      return largest(delta, density);
  }
}

/** The floor(d N) largest that remain when the floor(gamma N) largest are gone, or fewer if there is no room. */
export function withoutOutliers(values: ArrayLike<number>, density: number, gamma: number): boolean[] {
  const kept = Math.floor(density * values.length);
  const dropped = Math.min(Math.floor(gamma * values.length), values.length - kept);
  const keep = Array.from(values, () => false);
  for (const i of bySize(values).slice(dropped, dropped + kept)) keep[i] = true;
  return keep;
}

/** The probability that an entry is kept; in DELLA it falls evenly from the largest of a row to the smallest. */
export function keepChances(
  delta: ArrayLike<number>,
  density: number,
  { sparsify, epsilon = 0, row = delta.length }: ReferenceOptions,
): number[] {
  const chances = Array.from(delta, () => density);
  if (sparsify !== 'ranked' || row < 2) return chances;
  const step = (2 * epsilon) / (row - 1);
  for (let start = 0; start < delta.length; start += row) {
    const order = bySize(Array.from({ length: row }, (_, i) => delta[start + i] ?? 0));
    for (const [rank, i] of order.entries())
      chances[start + i] = Math.max(density + epsilon - step * rank, 0);
  }
  return chances;
}

/** Indices from the largest magnitude to the smallest, equal ones in order. */
function bySize(values: ArrayLike<number>): number[] {
  const size = (i: number) => Math.abs(values[i] ?? 0);
  return Array.from(values, (_, i) => i).sort((a, b) => size(b) - size(a) || a - b);
}

/** The floor(d N) entries of largest magnitude, ties in favour of the lowest index. */
export function largest(values: ArrayLike<number>, density: number): boolean[] {
  const keep = Array.from(values, () => false);
  for (const i of bySize(values).slice(0, Math.floor(density * values.length))) keep[i] = true;
  return keep;
}

export function randomMask(
  purpose: 'dare' | 'della',
  id: string,
  chances: number[],
  { seed = 0n, tensor = '' }: { seed?: bigint; tensor?: string },
): boolean[] {
  const key = randomKey(purpose, seed, id, tensor);
  return chances.map((chance, i) => randomWord(key, i) < Math.floor(chance * 2 ** 32));
}

type Four = [number, number, number, number];

/** Philox4x32-7 (Salmon et al. 2011). */
export function philox(counter: Four, key: [number, number]): Four {
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  const mask = 0xffffffffn;
  for (let round = 0; round < 7; round++) {
    const p0 = c0 * 0xd2511f53n;
    const p1 = c2 * 0xcd9e8d57n;
    [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask, (p0 >> 32n) ^ c3 ^ k1, p0 & mask];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [Number(c0), Number(c1), Number(c2), Number(c3)];
}

function randomKey(purpose: string, seed: bigint, id: string, name: string): Four {
  const number = (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes;
  };
  const field = (text: string) => Buffer.concat([number(BigInt(Buffer.byteLength(text))), Buffer.from(text)]);
  const hash = createHash('sha256');
  for (const part of [field(purpose), number(seed), field(id), field(name)]) hash.update(part);
  const digest = hash.digest();
  return [0, 4, 8, 12].map(at => digest.readUInt32LE(at)) as Four;
}

/** Word i: the upper half from block ⌊i/8⌋, the lower from the block 2⁶³ further on; in both, half i mod 8 counts. */
function randomWord([k0, k1, t0, t1]: Four, i: number): number {
  const half = (counterHigh: number) => {
    const words = philox([Math.floor(i / 8), counterHigh, t0, t1], [k0, k1]);
    return ((words[(i % 8) >> 1] ?? 0) >>> (16 * (i % 2))) & 0xffff;
  };
  return half(0) * 2 ** 16 + half(2 ** 31);
}

// ── methods of their own ──────────────────────────────────────────────────────────────────────────────────

/** SCE as mergekit defines it, on w·δ. A vector that leaves the tensor alone has a delta of zeros. */
export function sce(
  base: ArrayLike<number>,
  vectors: ReferenceVector[],
  { selectTopk = 1, lambda = 1 }: { selectTopk?: number; lambda?: number },
): Float64Array {
  const n = vectors.length;
  let products = vectors.map(({ delta, weight }) => Float64Array.from(delta, x => Math.fround(weight * x)));
  const column = (i: number) => products.map(product => product[i] ?? 0);
  const spread = Float32Array.from(base, (_, i) => {
    const mean = column(i).reduce((sum, u) => sum + u, 0) / n;
    return Math.sqrt(column(i).reduce((sum, u) => sum + (u - mean) ** 2, 0) / n);
  });
  if (selectTopk < 1) {
    const count = Math.floor(selectTopk * spread.filter(x => x > 0).length);
    const chosen = new Set(bySize(spread).slice(0, count));
    products = products.map(product => product.map((u, i) => (chosen.has(i) ? u : 0)));
  }
  const energies = products.map(product => product.reduce((sum, u) => sum + u * u, 0));
  const total = energies.reduce((sum, energy) => sum + energy, 0);
  return Float64Array.from(base, (b, i) => {
    const sign = column(i).reduce((sum, u) => sum + u, 0) >= 0 ? 1 : -1;
    let [sum, divisor] = [0, 0];
    for (const [v, u] of column(i).entries()) {
      if (Math.sign(u) !== sign) continue;
      sum += ((energies[v] ?? 0) / total) * u;
      divisor += (energies[v] ?? 0) / total;
    }
    return b + lambda * (sum / (divisor || 1));
  });
}

const inner = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
const norm = (a: Float64Array) => Math.sqrt(inner(a, a));
const combine = (...terms: [number, Float64Array][]) =>
  (terms[0]?.[1] ?? new Float64Array()).map((_, i) =>
    terms.reduce((sum, [f, a]) => sum + f * (a[i] ?? 0), 0),
  );

function between(a: Float64Array, b: Float64Array, t: number, straight: (cosine: number) => boolean) {
  const cosine = inner(a, b) / (norm(a) * norm(b));
  if (straight(cosine)) return combine([1 - t, a], [t, b]);
  const angle = Math.acos(cosine);
  return combine(
    [Math.sin((1 - t) * angle) / Math.sin(angle), a],
    [Math.sin(t * angle) / Math.sin(angle), b],
  );
}

/** slerp, nuslerp, model_stock and karcher as mergekit defines them, on whole tensors. */
export function mergePoints(
  method: 'slerp' | 'nuslerp' | 'model_stock' | 'karcher',
  from: ArrayLike<number>,
  vectors: ReferenceVector[],
  lambda = 1,
): Float64Array {
  const base = Float64Array.from(from);
  const deltas = vectors.map(({ delta }) => Float64Array.from(delta));
  const weights = vectors.map(({ weight }) => weight);
  const merged = { slerp, nuslerp, model_stock: modelStock, karcher }[method](base, deltas, weights);
  return combine([1 - lambda, base], [lambda, merged]);
}

function slerp(base: Float64Array, [delta]: Float64Array[], [t = NaN]: number[]): Float64Array {
  const tuned = combine([1, base], [1, delta ?? base]);
  return between(base, tuned, t, cosine => Math.abs(cosine) > 0.9995);
}

function nuslerp(base: Float64Array, [a = base, b = base]: Float64Array[], [v = 0, w = 0]: number[]) {
  const t = Math.abs(v + w) < 1e-6 ? 0.5 : w / (v + w);
  return combine([1, base], [1, between(a, b, t, cosine => Math.abs(cosine) > 1 - 1e-15)]);
}

function modelStock(base: Float64Array, deltas: Float64Array[], weights: number[]): Float64Array {
  const scaled = deltas.map((delta, i) => combine([weights[i] ?? 0, delta]));
  const cosines = scaled.flatMap((a, i) =>
    scaled.slice(i + 1).map(b => inner(a, b) / (norm(a) * norm(b) || 1)),
  );
  const cosine = cosines.reduce((sum, c) => sum + c, 0) / cosines.length;
  const n = scaled.length;
  const t = (n * cosine) / (1 + (n - 1) * cosine);
  return combine([1, base], ...scaled.map((a): [number, Float64Array] => [t / n, a]));
}

function karcher(base: Float64Array, deltas: Float64Array[], weights: number[]): Float64Array {
  const total = weights.reduce((sum, w) => sum + w, 0);
  const points = deltas.map(delta => combine([1, base], [1, delta]));
  const units = points.map(point => combine([1 / norm(point), point]));
  const share = (i: number) => (weights[i] ?? 0) / total;
  let mean = combine(...units.map((unit, i): [number, Float64Array] => [share(i), unit]));
  mean = combine([1 / norm(mean), mean]);
  for (let step = 0; step < 10; step++) {
    let tangent = new Float64Array(base.length);
    for (const [i, unit] of units.entries()) {
      const cosine = Math.min(1, inner(mean, unit));
      const angle = Math.acos(cosine);
      if (angle < 1e-5) continue;
      tangent = combine(
        [1, tangent],
        [(share(i) * angle) / Math.sin(angle), combine([1, unit], [-cosine, mean])],
      );
    }
    const far = norm(tangent);
    if (far < 1e-5) break;
    mean = combine([Math.cos(far), mean], [Math.sin(far) / far, tangent]);
    mean = combine([1 / norm(mean), mean]);
  }
  return combine([points.reduce((sum, point, i) => sum + share(i) * norm(point), 0), mean]);
}
