/** TSV-M and KnOTS, which native-merge computes from factors, against whole matrices in float64. */
import { describe, expect, test } from 'vitest';
import { type BakeOptions, type BakeVector, bake, expand } from '../../native-merge/index.js';
import { type Change, columnsOf, knotsTies, svd, tsvM } from './helpers/factors.ts';
import { type TestTensor, writeGguf } from './helpers/gguf.ts';
import {
  adapterMetadata,
  bakeValues,
  bytesOf,
  failure,
  gaussian,
  modelMetadata,
  random,
  valuesIn,
  WEIGHT,
  workspace,
  writeAdapter,
  writeModel,
  writeVector,
} from './helpers/workspace.ts';

const at = workspace();
const methods = ['tsv_m', 'knots_ties'] as const;
type Shape = [columns: number, rows: number];

/** An adapter of random factors on disk, and what it changes, in float64. */
function adapter(name: string, [columns, rows]: Shape, rank: number, seed: number, alpha?: number) {
  const [a, b] = [gaussian(columns * rank, seed, 0.1), gaussian(rows * rank, seed + 1, 0.1)];
  const scale = alpha === undefined ? 1 : alpha / rank;
  const delta = new Float64Array(columns * rows);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      for (let k = 0; k < rank; k++)
        delta[i * columns + j] =
          (delta[i * columns + j] ?? 0) + scale * (b[i * rank + k] ?? 0) * (a[k * columns + j] ?? 0);
  return { path: writeAdapter(at(`${name}.gguf`), [columns, rows], rank, a, b, alpha), id: name, delta };
}

const plain = (vectors: (BakeVector & { delta?: Float64Array })[]) =>
  vectors.map(({ delta: _, ...vector }) => vector);

function worst(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  return Array.from(actual).reduce((most, x, i) => Math.max(most, Math.abs(x - (expected[i] ?? NaN))), 0);
}

/** Bakes over a base of zeros. */
function merged(
  shape: Shape,
  vectors: BakeVector[],
  options: Partial<BakeOptions> & Pick<BakeOptions, 'method'>,
) {
  writeModel(at('zeros.gguf'), shape, new Float32Array(shape[0] * shape[1]));
  return bakeValues({ base: at('zeros.gguf'), out: at('out.gguf'), type: 'f32', vectors, ...options });
}

describe('float64 reference', () => {
  const shapes: Shape[] = [
    [1, 1],
    [1, 9],
    [9, 1],
    [7, 3],
    [12, 30],
    [41, 40],
    [96, 25],
    [200, 45],
  ];
  const variants: Partial<BakeOptions>[] = [
    {},
    { normalize: false, rankShare: 0.5 },
    { election: 'unweighted', rankShare: 0.2 },
  ];
  const cases = methods.flatMap(method => shapes.map(shape => [method, shape] as const));

  test.each(cases)('%s over %j', async (method, shape) => {
    const seed = 31 * shape[0] + shape[1];
    const next = random(seed);
    const base = gaussian(shape[0] * shape[1], seed + 5, 0.05);
    writeModel(at('base.gguf'), shape, base);
    for (const { rankShare, ...ofTies } of variants) {
      const vectors = [0, 1, 2].map(v => ({
        ...adapter(`v${v}`, shape, 1 + Math.floor(next() * 8), seed + 10 * v, v === 1 ? 5 : undefined),
        weight: Math.fround(next() * 3 - 1),
        ...(method === 'knots_ties' ? { density: 0.2 + 0.8 * next() } : {}),
      }));
      const lambda = Math.fround(0.5 + next());
      const values = await bakeValues({
        base: at('base.gguf'),
        out: at('out.gguf'),
        type: 'f32',
        method,
        ...(method === 'tsv_m' ? { rankShare } : ofTies),
        lambda,
        threads: 1 + Math.floor(next() * 4),
        stretch: 4096,
        vectors: plain(vectors),
      });
      const change =
        method === 'tsv_m' ? tsvM(vectors, shape[0], rankShare) : knotsTies(vectors, shape[0], ofTies);
      const expected = Float64Array.from(base, (b, i) => b + lambda * (change[i] ?? 0));
      expect(worst(values, expected)).toBeLessThan(5e-7);
      // A density may leave nothing of a few entries.
      if (change.length > 9) expect(Math.max(...change.map(Math.abs))).toBeGreaterThan(1e-3);
    }
  });
});

describe('what must come out', () => {
  const shape: Shape = [120, 50];
  const factors = (columns: number[][], length: number) =>
    Float32Array.from(
      { length: length * columns.length },
      (_, i) => columns[Math.floor(i / length)]?.[i % length] ?? 0,
    );

  test.each(methods)('%s: a single vector gives itself', async method => {
    const vector = { ...adapter('single', shape, 6, 1), weight: 1.5 };
    const knots = method === 'knots_ties' ? { normalize: false } : {};
    const density = method === 'knots_ties' ? { density: 1 } : {};
    const values = await merged(shape, plain([{ ...vector, ...density }]), { method, ...knots });
    const itself = await merged(shape, plain([vector]), { method: 'task_arithmetic' });
    expect(worst(values, itself)).toBeLessThan(3e-7);
    expect(Math.max(...itself.map(Math.abs))).toBeGreaterThan(0.05);
  });

  test.each(methods)('%s: orthogonal vectors give the plain sum', async method => {
    // Blocks of a matrix have neither rows nor columns in common.
    const vectors = [0, 1, 2].map(v => {
      const inside = (length: number, blocks: number, seed: number) => (i: number) =>
        Math.floor((i * blocks) / length) === v ? (gaussian(length, seed + v)[i] ?? 0) : 0;
      const columns = (length: number, seed: number) =>
        Array.from({ length: 3 }, (_, k) =>
          Array.from({ length }, (_, i) => inside(length, 3, seed + 7 * k)(i)),
        );
      const a = factors(columns(120, 20), 120);
      const left = columns(50, 60);
      const b = Float32Array.from({ length: 50 * 3 }, (_, i) => left[i % 3]?.[Math.floor(i / 3)] ?? 0);
      return { path: writeAdapter(at(`v${v}.gguf`), shape, 3, a, b), id: `${v}`, weight: 0.5 + v };
    });
    const dense = method === 'knots_ties' ? vectors.map(own => ({ ...own, density: 1 })) : vectors;
    const values = await merged(shape, dense, {
      method,
      ...(method === 'knots_ties' ? { normalize: false } : {}),
    });
    const sum = await merged(shape, vectors, { method: 'task_arithmetic' });
    expect(worst(values, sum)).toBeLessThan(5e-6);
    expect(Math.max(...sum.map(Math.abs))).toBeGreaterThan(1);
  });

  test('tsv_m: the same vector twice acts once, with the mean of the weights', async () => {
    const vector = adapter('same', shape, 5, 2);
    const both = [1, 0.5].map((weight, v) => ({ path: vector.path, id: `${v}`, weight }));
    const values = await merged(shape, both, { method: 'tsv_m' });
    const once = vector.delta.map(x => 0.75 * x);
    expect(worst(values, once)).toBeLessThan(3e-7);
  });

  test('tsv_m: what is kept of a single vector is its best approximation of that rank', async () => {
    const vector = { ...adapter('one', shape, 6, 3), weight: 1 };
    const { s } = svd(columnsOf(vector.delta, shape[0]));
    for (const [rankShare, rank] of [
      [0.5, 3],
      [0.4, 3],
      [0.1, 1],
    ] as const) {
      const values = await merged(shape, plain([vector]), { method: 'tsv_m', rankShare });
      const rest = values.reduce((sum, x, i) => sum + (x - (vector.delta[i] ?? 0)) ** 2, 0);
      const least = s.slice(rank).reduce((sum, x) => sum + x * x, 0);
      expect(rest / least).toBeCloseTo(1, 5);
    }
  });

  test('knots_ties: what rounding made of zeros has no say', async () => {
    // Orthogonal directions in no special place: as float32 they are orthogonal to seven digits only.
    const { u: left } = svd(columnsOf(gaussian(50 * 6, 70), 6));
    const { u: right } = svd(columnsOf(gaussian(120 * 6, 71), 6));
    const vectors = [0, 1].map(v => {
      const own = [0, 1, 2].map(k => 3 * v + k);
      const a = Float32Array.from(own.flatMap(k => Array.from(right[k] ?? [], x => (1 + k) * x)));
      const b = Float32Array.from({ length: 150 }, (_, i) => left[3 * v + (i % 3)]?.[Math.floor(i / 3)] ?? 0);
      return { path: writeAdapter(at(`v${v}.gguf`), shape, 3, a, b), id: `${v}`, weight: 0.5 + v };
    });
    const values = await merged(
      shape,
      vectors.map(own => ({ ...own, density: 1 })),
      { method: 'knots_ties' },
    );
    // Every direction is one vector's alone, and its weight is divided away.
    const sum = await merged(
      shape,
      vectors.map(own => ({ ...own, weight: 1 })),
      { method: 'task_arithmetic' },
    );
    expect(worst(values, sum)).toBeLessThan(1e-5);
    expect(Math.max(...sum.map(Math.abs))).toBeGreaterThan(0.1);
  });

  test('knots_ties: entries are elected in the shared directions, not in the matrix', async () => {
    const vectors = [0, 1].map(v => ({ ...adapter(`v${v}`, shape, 4, 40 + 2 * v), weight: 1, density: 1 }));
    const knots = await merged(shape, plain(vectors), { method: 'knots_ties' });
    const ties = await merged(shape, plain(vectors), { method: 'ties' });
    expect(worst(knots, knotsTies(vectors as Change[], shape[0]))).toBeLessThan(5e-7);
    expect(worst(knots, ties)).toBeGreaterThan(0.01);
  });

  test.each(methods)('%s: vectors without weight or without the tensor do not count', async method => {
    const [a, b] = [adapter('a', shape, 4, 5), adapter('b', shape, 4, 6)];
    const density = method === 'knots_ties' ? { density: 0.5 } : {};
    const other = at('other.gguf');
    const values = gaussian(400, 9);
    const model: TestTensor[] = [
      { name: WEIGHT, shape, values: new Float32Array(shape[0] * shape[1]) },
      { name: 'blk.0.ffn_down.weight', shape: [20, 20], values },
    ];
    writeGguf(at('base.gguf'), modelMetadata, model);
    writeGguf(other, adapterMetadata, [
      { name: 'blk.0.ffn_down.weight.lora_a', shape: [20, 2], values: gaussian(40, 7) },
      { name: 'blk.0.ffn_down.weight.lora_b', shape: [2, 20], values: gaussian(40, 8) },
    ]);
    const two = [a, b].map(own => ({ path: own.path, id: own.id, weight: 1, ...density }));
    const bakeOf = (vectors: BakeVector[]) =>
      bakeValues({ base: at('base.gguf'), out: at('out.gguf'), type: 'f32', method, vectors });
    const expected = await bakeOf(two);
    const more = [
      { path: adapter('c', shape, 3, 12).path, id: 'c', weight: 0 },
      { path: other, id: 'other', weight: 1 },
    ];
    expect(await bakeOf([...two, ...more])).toEqual(expected);
    expect(worst(valuesIn(at('out.gguf'), 'blk.0.ffn_down.weight'), values)).toBeGreaterThan(0.1);
  });
});

test.each(methods)('%s: the embedding, whose factors are stored the other way round', async method => {
  const name = 'token_embd.weight';
  writeGguf(at('zeros.gguf'), modelMetadata, [{ name, shape: [30, 80], values: new Float32Array(2400) }]);
  const path = writeGguf(at('embedding.gguf'), adapterMetadata, [
    { name: `${name}.lora_a`, shape: [3, 80], values: gaussian(240, 1) },
    { name: `${name}.lora_b`, shape: [3, 30], values: gaussian(90, 2) },
  ]);
  await expand({ adapter: path, out: at('dense.gguf') });
  const vector = { path, id: 'a', weight: 1, ...(method === 'knots_ties' ? { density: 1 } : {}) };
  const files = { base: at('zeros.gguf'), out: at('out.gguf') };
  await bake({ ...files, type: 'f32', method, vectors: [vector] });
  expect(worst(valuesIn(at('out.gguf'), name), valuesIn(at('dense.gguf'), name))).toBeLessThan(5e-6);
});

test.each(methods)('%s: the same bytes for any threads and stretch', async method => {
  const shape: Shape = [700, 450];
  writeModel(at('base.gguf'), shape, gaussian(shape[0] * shape[1], 50), 'F16');
  const vectors = [0, 1, 2].map(v => ({
    path: adapter(`v${v}`, shape, 9, 60 + v).path,
    id: `${v}`,
    weight: 1 - v / 4,
  }));
  const run = async (changes: Partial<BakeOptions>) => {
    await bakeValues({
      base: at('base.gguf'),
      out: at('out.gguf'),
      type: 'f16',
      method,
      vectors,
      ...changes,
    });
    return bytesOf(at('out.gguf'));
  };
  const first = await run({ threads: 1 });
  for (const changes of [{ threads: 2 }, { threads: 7 }, { stretch: 4096 }, { stretch: 20480, threads: 3 }])
    expect((await run(changes)).equals(first)).toBe(true);
});

test.each(methods)('%s refuses a dense vector and says what to do', async method => {
  const dense = writeVector(at('dense.gguf'), [8, 8], gaussian(64, 1));
  const error = await failure(() => merged([8, 8], [{ path: dense, id: 'a', weight: 1 }], { method }));
  expect(error).toMatchObject({ code: 'mismatch', file: dense });
  expect(error.message).toMatch(/dense vector.*factorize/);
});
