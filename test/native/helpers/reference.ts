/** METHOD.md section 3 in float64, written to be read: what native-merge is measured against. */
import { createHash } from 'node:crypto';

export interface ReferenceVector {
  id: string;
  delta: ArrayLike<number>;
  weight: number;
  density?: number;
}

export interface ReferenceOptions {
  sparsify?: 'magnitude' | 'random';
  consensus?: boolean;
  normalize?: boolean;
  rescale?: 'density' | 'l1';
  lambda?: number;
  seed?: bigint;
  tensor?: string;
}

export function merge(
  base: ArrayLike<number>,
  vectors: ReferenceVector[],
  options: ReferenceOptions,
): Float64Array {
  const { lambda = 1 } = options;
  const deltas = vectors.map(vector => sparsify(vector, options));
  return Float64Array.from(base, (b, i) => {
    const products = vectors.map(({ weight }, v) => weight * (deltas[v]?.[i] ?? 0));
    let kept = products.map((_, v) => v);
    if (options.consensus) {
      const sign = products.reduce((sum, u) => sum + u, 0) >= 0 ? 1 : -1;
      kept = kept.filter(v => Math.sign(products[v] ?? 0) === sign);
    }
    let sum = kept.reduce((total, v) => total + (products[v] ?? 0), 0);
    if (options.normalize) {
      const divisor = kept.reduce((total, v) => total + (vectors[v]?.weight ?? 0), 0);
      sum /= Math.abs(divisor) < 1e-8 ? 1 : divisor;
    }
    return b + lambda * sum;
  });
}

function sparsify({ id, delta, density = 1 }: ReferenceVector, options: ReferenceOptions): Float64Array {
  const values = Float64Array.from(delta);
  if (!options.sparsify || density >= 1) return values;
  const keep =
    options.sparsify === 'magnitude'
      ? largest(delta, density)
      : randomMask(delta.length, id, density, options);
  const masked = values.map((x, i) => (keep[i] ? x : 0));
  const size = (all: Float64Array) => all.reduce((sum, x) => sum + Math.abs(x), 0);
  let divisor = 1;
  if (options.rescale === 'density') divisor = density;
  if (options.rescale === 'l1') divisor = size(masked) / size(values) || 1;
  return masked.map(x => x / divisor);
}

/** The floor(d N) entries of largest magnitude, ties in favour of the lowest index. */
export function largest(values: ArrayLike<number>, density: number): boolean[] {
  const size = (i: number) => Math.abs(values[i] ?? 0);
  const order = Array.from(values, (_, i) => i).sort((a, b) => size(b) - size(a) || a - b);
  const keep = Array.from(values, () => false);
  for (const i of order.slice(0, Math.floor(density * values.length))) keep[i] = true;
  return keep;
}

export function randomMask(
  count: number,
  id: string,
  density: number,
  { seed = 0n, tensor = '' }: { seed?: bigint; tensor?: string },
): boolean[] {
  const key = randomKey('dare', seed, id, tensor);
  const threshold = Math.floor(density * 2 ** 32);
  return Array.from({ length: count }, (_, i) => randomWord(key, i) < threshold);
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

/** Word i of the stream: groups of 32 are 8 lanes by 4 words. */
function randomWord([k0, k1, t0, t1]: Four, i: number): number {
  const counter = 8 * Math.floor(i / 32) + (i % 8);
  return philox([counter, 0, t0, t1], [k0, k1])[Math.floor(i / 8) % 4] ?? 0;
}
