/** Every merge method against a float64 reference of our own, and against itself under changes that must not matter. */
import { beforeAll, describe, expect, test } from 'vitest';
import { METHODS, type Parameter } from '../../electron/studio/mixing/methods.ts';
import { type BakeOptions, bake, type MergeMethod } from '../../native-merge/index.js';
import { fromBf16, fromHalf, type TestTensor, toBf16, toHalf, writeGguf } from './helpers/gguf.ts';
import {
  keepChances,
  largest,
  merge,
  mergePoints,
  type ReferenceOptions,
  type ReferenceVector,
  sce,
  withoutOutliers,
} from './helpers/reference.ts';
import {
  bakeValues,
  bytesOf,
  gaussian,
  modelMetadata,
  random,
  valuesIn,
  vectorMetadata,
  WEIGHT,
  workspace,
  writeAdapter,
  writeModel,
  writeVector,
} from './helpers/workspace.ts';

const at = workspace();

/** How the reference is told what a method's name and defaults mean. */
const sums = {
  task_arithmetic: {},
  ties: { sparsify: 'magnitude', consensus: true, normalize: true },
  dare_linear: { sparsify: 'random', rescale: 'density' },
  dare_ties: { sparsify: 'random', consensus: true, rescale: 'density' },
  breadcrumbs: { sparsify: 'outliers', gamma: 0.01 },
  breadcrumbs_ties: { sparsify: 'outliers', gamma: 0.01, consensus: true },
  della_linear: { sparsify: 'ranked', epsilon: 0.15, rescale: 'density' },
  della: { sparsify: 'ranked', epsilon: 0.15, consensus: true, normalize: true, rescale: 'density' },
} satisfies Partial<Record<MergeMethod, ReferenceOptions>>;
type Sum = keyof typeof sums;
const points = ['slerp', 'nuslerp', 'model_stock', 'karcher'] as const;
const methods = Object.keys(METHODS) as MergeMethod[];
const vectorCount = (method: MergeMethod) => (method === 'slerp' ? 1 : method === 'nuslerp' ? 2 : 3);

function reference(
  base: ArrayLike<number>,
  vectors: ReferenceVector[],
  { method, ...options }: ReferenceOptions & { method: MergeMethod; selectTopk?: number },
): Float64Array {
  if (method === 'sce') return sce(base, vectors, options);
  if (method in sums) return merge(base, vectors, { ...sums[method as Sum], ...options });
  return mergePoints(method as (typeof points)[number], base, vectors, options.lambda);
}

function worstDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < actual.length; i++) {
    worst = Math.max(worst, Math.abs((actual[i] ?? NaN) - (expected[i] ?? NaN)));
  }
  return worst;
}

const rounded: Record<'F32' | 'F16' | 'BF16', (x: number) => number> = {
  F32: x => x,
  F16: x => fromHalf(toHalf(x)),
  BF16: x => fromBf16(toBf16(x)),
};
const types = ['F32', 'F16', 'BF16'] as const;

/** Numbers as a file of this type gives them back. */
const stored = (type: (typeof types)[number], count: number, seed: number, spread: number) =>
  gaussian(count, seed, spread).map(rounded[type]);

/** A model of one matrix and its vectors on disk, and the same as numbers. */
function setUp(
  shape: [number, number],
  ways: { vectors: number; seed: number; spread?: number; alike?: boolean },
) {
  const { spread = 0.01 } = ways;
  const next = random(ways.seed);
  const count = shape[0] * shape[1];
  const pick = () => types[Math.floor(next() * 3)] ?? 'F32';
  const baseType = pick();
  const base = stored(baseType, count, ways.seed + 1, 0.05);
  writeModel(at('base.gguf'), shape, base, baseType);
  const common = gaussian(count, ways.seed + 2, ways.alike ? spread : 0);
  const vectors = Array.from({ length: ways.vectors }, (_, v) => {
    const type = pick();
    const own = gaussian(count, ways.seed + 10 + v, spread);
    const delta = own.map((x, i) => rounded[type](Math.fround(x + (common[i] ?? 0))));
    return { id: `vector ${v}`, delta, path: writeVector(at(`v${v}.gguf`), shape, delta, type) };
  });
  return { next, base, vectors };
}

const out = () => ({ base: at('base.gguf'), out: at('out.gguf'), type: 'f32' as const });

describe('sums of changes, float64 reference', () => {
  const shapes: [number, number][] = [
    [1, 1],
    [1, 9],
    [7, 3],
    [100, 41],
    [4097, 5],
    [5000, 9],
  ];
  const cases = (Object.keys(sums) as Sum[]).flatMap(method => shapes.map(shape => [method, shape] as const));

  test.each(cases)('%s over %j', async (method, shape) => {
    const { next, base, vectors } = setUp(shape, { vectors: 3, seed: shape[0] * 31 + shape[1] });
    const weighted = vectors.map(vector => ({
      ...vector,
      weight: Math.fround(next() * 3 - 1),
      ...(method === 'task_arithmetic' ? {} : { density: 0.2 + next() * 0.6 }),
    }));
    const lambda = Math.fround(0.5 + next());
    const values = await bakeValues({
      ...out(),
      method,
      lambda,
      seed: 77n,
      threads: 1 + Math.floor(next() * 4),
      stretch: 4096 * (1 + Math.floor(next() * 3)),
      vectors: weighted.map(({ delta: _, ...vector }) => vector),
    });
    const expected = reference(base, weighted, { method, lambda, seed: 77n, tensor: WEIGHT, row: shape[0] });
    expect(worstDifference(values, expected)).toBeLessThanOrEqual(4e-7);
  });

  test.each<Partial<BakeOptions> & { method: Sum }>([
    { method: 'dare_ties', normalize: true },
    { method: 'dare_ties', rescale: 'l1' },
    { method: 'dare_ties', rescale: false, election: 'unweighted' },
    { method: 'della', rescale: 'l1' },
    { method: 'della', rescale: false, normalize: false },
    { method: 'della', epsilon: 0.35 },
    { method: 'della_linear', normalize: true, rescale: 'l1', epsilon: 0 },
    { method: 'ties', election: 'unweighted' },
    { method: 'ties', election: 'unweighted', normalize: false },
    { method: 'breadcrumbs', gamma: 0.2, rescale: 'l1' },
    { method: 'breadcrumbs', gamma: 0 },
    { method: 'breadcrumbs', gamma: 0.9, normalize: true },
    { method: 'breadcrumbs_ties', gamma: 0.1, election: 'unweighted', normalize: true },
    { method: 'breadcrumbs_ties', rescale: 'density' },
  ])('options %o', async options => {
    const { base, vectors } = setUp([90, 200], { vectors: 3, seed: 5, spread: 0.1 });
    const weighted = vectors.map((vector, v) => ({ ...vector, weight: v ? -0.5 * v : 1.5, density: 0.4 }));
    const values = await bakeValues({
      ...out(),
      ...options,
      vectors: weighted.map(({ delta: _, ...vector }) => vector),
    });
    const { rescale, type: _type, stretch: _stretch, ...rest } = options;
    const told: ReferenceOptions = { ...sums[options.method], ...(rest as ReferenceOptions) };
    if (rescale === false) delete told.rescale;
    if (rescale === 'l1' || rescale === 'density') told.rescale = rescale;
    expect(worstDifference(values, merge(base, weighted, { ...told, tensor: WEIGHT, row: 90 }))).toBeLessThan(
      2e-6,
    );
  });

  test('unweighted election counts vectors, not weights', async () => {
    writeModel(at('base.gguf'), [2, 1], [0, 0]);
    const vectors = [
      [1, 3],
      [2, -1],
      [-0.5, -1],
    ].map((delta, v) => ({ path: writeVector(at(`v${v}.gguf`), [2, 1], delta), id: `${v}`, density: 1 }));
    const ties = (election: 'weighted' | 'unweighted', weights: number[]) =>
      bakeValues({
        ...out(),
        method: 'ties',
        election,
        vectors: vectors.map((vector, v) => ({ ...vector, weight: weights[v] ?? 0 })),
      });
    expect(await ties('unweighted', [1, 1, 1])).toEqual(Float32Array.of(1.5, 3));
    // Weights scale what was elected without them: 0.1·1 and 10·2 by their number; 0.1·3.
    expect(await ties('unweighted', [0.1, 10, 1])).toEqual(Float32Array.of((Math.fround(0.1) + 20) / 2, 0.3));
    expect(await ties('weighted', [0.1, 10, 1])).toEqual(
      Float32Array.of(Math.fround(Math.fround(0.1) + 20) / Math.fround(Math.fround(0.1) + 10), -1),
    );
    // A negative weight turns a vector round.
    expect(await ties('unweighted', [1, -1, 1])).toEqual(Float32Array.of(-1.25, 2));
  });
});

describe('breadcrumbs', () => {
  test('outliers and small entries go, ties by index', async () => {
    const next = random(8);
    const delta = Float32Array.from(
      { length: 12000 },
      () => (next() < 0.5 ? -1 : 1) * Math.ceil(next() * 4) * 2 ** -12,
    );
    writeModel(at('base.gguf'), [120, 100], new Float32Array(12000));
    const path = writeVector(at('v0.gguf'), [120, 100], delta);
    for (const [density, gamma] of [
      [0.1, 0.1],
      [0.25, 0.3],
      [0.7, 0.1],
      [0.7, 0.5],
    ] as const) {
      const vectors = [{ path, id: 'a', weight: 1, density }];
      const values = await bakeValues({ ...out(), method: 'breadcrumbs', gamma, vectors, stretch: 4096 });
      const expected = withoutOutliers(delta, density, gamma);
      expect(Array.from(values, x => x !== 0)).toEqual(expected);
      expect(expected.filter(Boolean)).toHaveLength(Math.floor(density * 12000));
    }
  });
});

describe("DELLA's mask", () => {
  const shape: [number, number] = [500, 800];
  const delta = gaussian(shape[0] * shape[1], 60);
  writeModel(at('zeros.gguf'), shape, new Float32Array(delta.length));
  writeVector(at('della.gguf'), shape, delta);
  const della = (options: Partial<BakeOptions> = {}, density = 0.5) =>
    bakeValues({
      base: at('zeros.gguf'),
      out: at('out.gguf'),
      type: 'f32',
      method: 'della_linear',
      epsilon: 0.3,
      vectors: [{ path: at('della.gguf'), id: 'a', weight: 1, density }],
      ...options,
    });

  test('keeps by rank: from d + ε for the largest of a row to d − ε for the smallest', async () => {
    const values = await della({ rescale: false });
    const chances = keepChances(delta, 0.5, { sparsify: 'ranked', epsilon: 0.3, row: shape[0] });
    for (let tenth = 0; tenth < 10; tenth++) {
      const low = 0.2 + 0.06 * tenth;
      const chosen = chances.flatMap((p, i) => (p >= low && p < low + 0.06 ? [i] : []));
      const share = chosen.filter(i => values[i] !== 0).length / chosen.length;
      expect(chosen.length).toBeGreaterThan(30_000);
      expect(Math.abs(share - (low + 0.03))).toBeLessThan(5 * Math.sqrt(0.25 / chosen.length));
    }
  });

  test('rescaled by each own probability it is right on average', async () => {
    const seeds = Array.from({ length: 8 }, (_, seed) => seed);
    const sum = new Float64Array(delta.length);
    for (const seed of seeds)
      for (const [i, x] of (await della({ seed })).entries()) sum[i] = (sum[i] ?? 0) + x / 8;
    for (const limit of [0.1, 0.5, 2]) {
      const chosen = Array.from(delta, (x, i) => [x, i] as const).filter(([x]) => Math.abs(x) < limit);
      const along = chosen.reduce((total, [x, i]) => total + x * (sum[i] ?? 0), 0);
      expect(along / chosen.reduce((total, [x]) => total + x * x, 0)).toBeCloseTo(1, 1.5);
    }
  });

  test('one row of 150,000 entries, cut anywhere', async () => {
    const long = gaussian(150_000, 61).map(x => Math.round(8 * x) / 8);
    writeModel(at('long.gguf'), [150_000], new Float32Array(150_000));
    const path = writeVector(at('long-vector.gguf'), [150_000], long);
    const vectors = [{ path, id: 'a', weight: 1, density: 0.5 }];
    const told = { tensor: WEIGHT, row: 150_000 };
    const expected = merge(new Float32Array(150_000), [{ id: 'a', delta: long, weight: 1, density: 0.5 }], {
      ...sums.della_linear,
      ...told,
    });
    for (const stretch of [4096, 40960]) {
      const values = await bakeValues({
        ...out(),
        base: at('long.gguf'),
        method: 'della_linear',
        vectors,
        stretch,
      });
      expect(worstDifference(values, expected)).toBeLessThan(1e-6);
    }
  });
});

describe('SCE', () => {
  test.each([1, 0.9, 0.3, 0.01])('selectTopk %f', async selectTopk => {
    for (const [shape, seed] of [
      [[64, 70], 70],
      [[4097, 5], 71],
    ] as [[number, number], number][]) {
      const { next, base, vectors } = setUp(shape, { vectors: 4, seed });
      const weighted = vectors.map(vector => ({ ...vector, weight: Math.fround(next() * 2 - 0.5) }));
      const values = await bakeValues({
        ...out(),
        method: 'sce',
        selectTopk,
        lambda: 0.75,
        stretch: 4096,
        vectors: weighted.map(({ delta: _, ...vector }) => vector),
      });
      const expected = sce(base, weighted, { selectTopk, lambda: 0.75 });
      expect(worstDifference(values, expected)).toBeLessThan(4e-7);
    }
  });

  test('equal entries do not vary; of those that do, ties go by index', async () => {
    // Spread 0, 1, 1, 1, 2, …: half of the three that vary in every group of four.
    const a = Float32Array.from({ length: 4000 }, (_, i) => [3, 1, -1, 1][i % 4] ?? 0);
    const b = Float32Array.from({ length: 4000 }, (_, i) => [3, -1, 1, 3][i % 4] ?? 0);
    writeModel(at('base.gguf'), [40, 100], new Float32Array(4000));
    const vectors = [a, b].map((delta, v) => ({
      id: `${v}`,
      path: writeVector(at(`v${v}.gguf`), [40, 100], delta),
      weight: 1,
    }));
    const values = await bakeValues({ ...out(), method: 'sce', selectTopk: 0.5, vectors });
    const kept = Array.from(values, x => x !== 0);
    expect(kept).toEqual(Array.from(a, (_, i) => i % 4 !== 0 && i < 2000));
  });

  test('a vector that leaves a tensor alone is a zero among the others', async () => {
    const other = 'blk.0.ffn_down.weight';
    const [base, delta, second] = [gaussian(640, 72), gaussian(640, 73, 0.1), gaussian(640, 74, 0.1)];
    const tensors = [WEIGHT, other].map(name => ({ name, shape: [8, 80], values: base }));
    writeGguf(at('base.gguf'), modelMetadata, tensors);
    writeVector(at('v0.gguf'), [8, 80], delta);
    writeVector(at('v1.gguf'), [8, 80], second);
    writeGguf(at('v2.gguf'), vectorMetadata, [{ name: other, shape: [8, 80], values: delta }]);
    const vectors = [0, 1, 2].map(v => ({ path: at(`v${v}.gguf`), id: `${v}`, weight: 1 }));
    const values = await bakeValues({ ...out(), method: 'sce', selectTopk: 0.4, vectors });
    const expected = sce(
      base,
      [delta, second, new Float32Array(640)].map((delta, v) => ({ id: `${v}`, delta, weight: 1 })),
      { selectTopk: 0.4 },
    );
    expect(worstDifference(values, expected)).toBeLessThan(5e-7);
  });
});

describe('points, float64 reference', () => {
  const shapes: [number, number][] = [
    [2, 1],
    [33, 40],
    [4097, 5],
    [1000, 300],
  ];
  // Changes as large as the base, so that angles matter; and as small as a fine-tune's.
  const cases = points.flatMap(method =>
    shapes.flatMap(shape => [0.08, 2e-4].map(spread => [method, shape, spread] as const)),
  );

  test.each(cases)('%s over %j, changes of %f', async (method, shape, spread) => {
    const seed = shape[0] + shape[1];
    const { next, base, vectors } = setUp(shape, { vectors: vectorCount(method), seed, spread, alike: true });
    // Model Stock may turn a vector round.
    const sign = (v: number) => (method === 'model_stock' && v === 1 ? -1 : 1);
    const weighted = vectors.map((vector, v) => ({
      ...vector,
      weight: sign(v) * Math.fround(0.1 + 0.8 * next()),
    }));
    const lambda = Math.fround(0.5 + next());
    const values = await bakeValues({
      ...out(),
      method,
      lambda,
      threads: 1 + Math.floor(next() * 3),
      vectors: weighted.map(({ delta: _, ...vector }) => vector),
    });
    const expected = mergePoints(method, base, weighted, lambda);
    expect(worstDifference(values, expected)).toBeLessThan(5e-7);
    expect(worstDifference(base, expected)).toBeGreaterThan(spread / 10);
  });

  test.each(['karcher', 'model_stock'] as const)(
    '%s: a vector that leaves a tensor alone is a point at the base',
    async method => {
      const other = 'blk.0.ffn_down.weight';
      const base = gaussian(640, 75);
      const deltas = [gaussian(640, 76), new Float32Array(640), gaussian(640, 77)];
      const both = [WEIGHT, other].map(name => ({ name, shape: [8, 80], values: base }));
      writeGguf(at('base.gguf'), modelMetadata, both);
      const vectors = deltas.map((delta, v) => {
        const name = v === 1 ? other : WEIGHT;
        writeGguf(at(`v${v}.gguf`), vectorMetadata, [{ name, shape: [8, 80], values: delta }]);
        return { path: at(`v${v}.gguf`), id: `${v}`, weight: 0.5 + v / 4 };
      });
      const values = await bakeValues({ ...out(), method, vectors });
      const told = vectors.map(({ weight, id }, v) => ({ id, weight, delta: deltas[v] ?? [] }));
      expect(worstDifference(values, mergePoints(method, base, told))).toBeLessThan(5e-7);
    },
  );

  test('slerp is an arc between different tensors, and a line between like ones', async () => {
    writeModel(at('base.gguf'), [2, 1], [1, 0]);
    const slerp = (delta: number[], weight: number) =>
      bakeValues({
        ...out(),
        method: 'slerp',
        vectors: [{ path: writeVector(at('v0.gguf'), [2, 1], delta), id: 'a', weight }],
      });
    const [x = 0, y = 0] = await slerp([-1, 1], 0.5);
    expect(x).toBeCloseTo(Math.SQRT1_2, 6);
    expect(y).toBeCloseTo(Math.SQRT1_2, 6);
    expect(await slerp([0, 0.03125], 0.5)).toEqual(Float32Array.of(1, 0.015625));
  });
});

/** A model of blocks with everything around them, and a vector of ones on all of it. */
function layered(blocks: number) {
  const names = [
    'token_embd.weight',
    'rope_freqs.weight',
    ...Array.from({ length: blocks }, (_, b) => [`blk.${b}.attn_q.weight`, `blk.${b}.ffn_up.weight`]).flat(),
    'output_norm.weight',
    'output.weight',
  ];
  const tensors = (value: number): TestTensor[] =>
    names.map(name => ({ name, shape: [8, 2], values: new Float32Array(16).fill(value) }));
  writeGguf(at('base.gguf'), modelMetadata, tensors(0));
  writeGguf(at('v0.gguf'), vectorMetadata, tensors(1));
  return async (vector: Partial<BakeOptions['vectors'][number]>, options: Partial<BakeOptions> = {}) => {
    await bake({
      ...out(),
      method: 'task_arithmetic',
      vectors: [{ path: at('v0.gguf'), id: 'a', weight: 1, ...vector }],
      ...options,
    });
    return Object.fromEntries(names.map(name => [name, valuesIn(at('out.gguf'), name)[0]]));
  };
}

describe('weights by depth and name', () => {
  test('a list is a line over the blocks; around them its ends', async () => {
    const weights = await layered(5)({ weight: [1, 3, 0] });
    expect(weights).toMatchObject({
      'token_embd.weight': 1,
      'rope_freqs.weight': 1,
      'blk.0.attn_q.weight': 1,
      'blk.1.attn_q.weight': 2,
      'blk.2.ffn_up.weight': 3,
      'blk.3.attn_q.weight': 1.5,
      'blk.4.ffn_up.weight': 0,
      'output_norm.weight': 0,
      'output.weight': 0,
    });
  });

  test('more points than blocks, and a single block', async () => {
    expect(await layered(2)({ weight: [1, 5, 5, 5, 2] })).toMatchObject({
      'blk.0.ffn_up.weight': 1,
      'blk.1.ffn_up.weight': 2,
    });
    expect(await layered(1)({ weight: [1, 2] })).toMatchObject({
      'blk.0.ffn_up.weight': 1,
      'output.weight': 2,
    });
  });

  test('the first filter that matches decides, else the weight', async () => {
    const weights = [
      { filter: 'blk.?.attn_*', weight: [2, 4] },
      { filter: 'attn', weight: 9 },
      { filter: '*embd*', weight: 0 },
      { filter: 'norm', weight: -1 },
      { filter: 'put', weight: 7 },
      { filter: 'ffn*', weight: 8 },
    ];
    expect(await layered(3)({ weight: 5, weights })).toEqual({
      'token_embd.weight': 0,
      'rope_freqs.weight': 5,
      'blk.0.attn_q.weight': 2,
      'blk.0.ffn_up.weight': 5,
      'blk.1.attn_q.weight': 3,
      'blk.1.ffn_up.weight': 5,
      'blk.2.attn_q.weight': 4,
      'blk.2.ffn_up.weight': 5,
      'output_norm.weight': -1,
      'output.weight': 7,
    });
  });

  test('embeddings and output head in or out', async () => {
    const merge = layered(1);
    expect(await merge({})).toMatchObject({ 'token_embd.weight': 1, 'output.weight': 1 });
    expect(await merge({}, { embeddings: false })).toMatchObject({
      'token_embd.weight': 0,
      'rope_freqs.weight': 1,
      'output_norm.weight': 1,
      'output.weight': 1,
    });
    expect(await merge({}, { outputHead: false })).toMatchObject({
      'token_embd.weight': 1,
      'output_norm.weight': 1,
      'output.weight': 0,
    });
  });

  test('normalised by the weights of the tensor at hand', async () => {
    layered(2);
    const vectors = [
      { path: at('v0.gguf'), id: 'a', weight: [1, 3] },
      { path: at('v0.gguf'), id: 'b', weight: 1, weights: [{ filter: 'blk.1', weight: 0 }] },
    ];
    await bake({ ...out(), method: 'task_arithmetic', normalize: true, lambda: 6, vectors });
    for (const block of [0, 1]) expect(valuesIn(at('out.gguf'), `blk.${block}.ffn_up.weight`)[0]).toBe(6);
  });
});

describe('one threshold over the whole vector', () => {
  const names = ['token_embd.weight', 'blk.0.ffn_up.weight', 'blk.0.ffn_down.weight', 'output.weight'];
  const counts = [3000, 9000, 20_000, 5000];
  const tensor = (name: string, values: ArrayLike<number>): TestTensor => ({
    name,
    shape: [50, values.length / 50],
    values,
  });

  /** What each tensor keeps of changes that are all different from zero. */
  async function kept(
    deltas: Float32Array[],
    density: number,
    options: Partial<BakeOptions> = {},
    type: TestTensor['type'] = 'F32',
  ) {
    writeGguf(
      at('base.gguf'),
      modelMetadata,
      names.map((name, t) => tensor(name, new Float32Array(counts[t] ?? 0))),
    );
    // The vector's own order must not matter.
    const changed = names
      .flatMap((name, t) =>
        deltas[t] ? [{ ...tensor(name, deltas[t]), type: t % 2 ? type : 'F32' } as const] : [],
      )
      .reverse();
    writeGguf(at('v0.gguf'), vectorMetadata, changed);
    const vectors = [{ path: at('v0.gguf'), id: 'a', weight: 1, density }];
    await bake({ ...out(), method: 'ties', trim: 'vector', vectors, ...options });
    return names.flatMap(name => Array.from(valuesIn(at('out.gguf'), name), x => x !== 0));
  }

  const flat = (deltas: Float32Array[]) => Float32Array.from(deltas.flatMap(delta => Array.from(delta)));

  test('keeps the largest of all tensors together', async () => {
    // Tensors of different spread: a threshold for each would keep other entries.
    const deltas = counts.map((count, t) => gaussian(count, 80 + t, 10 ** -t));
    for (const density of [0.01, 0.3, 0.8]) {
      expect(await kept(deltas, density)).toEqual(largest(flat(deltas), density));
    }
  });

  test('ties in the order of the base, whatever the stretch and threads', async () => {
    const next = random(9);
    const deltas = counts.map(count =>
      Float32Array.from({ length: count }, () => (next() < 0.5 ? -1 : 1) * 2 ** -Math.ceil(next() * 3)),
    );
    for (const density of [0.02, 0.3, 0.5, 0.95]) {
      const expected = largest(flat(deltas), density);
      for (const stretch of [4096, 8192]) {
        for (const type of ['F32', 'F16', 'BF16'] as const)
          expect(await kept(deltas, density, { stretch, threads: stretch / 4096 }, type)).toEqual(expected);
      }
    }
  });

  test('tensors that the vector leaves alone count, embeddings left out do not', async () => {
    const deltas = counts.map((count, t) => gaussian(count, 90 + t));
    const share = (values: boolean[]) => values.filter(Boolean).length;
    const total = counts.reduce((sum, n) => sum + n, 0);
    expect(share(await kept(deltas.slice(0, 3), 0.5))).toBe(Math.floor(0.5 * total));
    expect(share(await kept(deltas.slice(0, 3), 0.9))).toBe(32_000);
    expect(share(await kept(deltas, 0.5, { embeddings: false }))).toBe(Math.floor(0.5 * (total - 3000)));
    expect(share(await kept(deltas, 0.5, { outputHead: false }))).toBe(Math.floor(0.5 * (total - 5000)));
  });
});

describe('the same bytes', () => {
  const shape: [number, number] = [512, 300];
  const count = shape[0] * shape[1];

  test.each<Partial<BakeOptions> & { method: MergeMethod }>([
    ...(Object.keys(sums) as Sum[]).map(method => ({ method })),
    { method: 'ties', trim: 'vector', election: 'unweighted' },
    { method: 'dare_ties', rescale: 'l1' },
    { method: 'breadcrumbs_ties', rescale: 'l1' },
    { method: 'della', rescale: 'l1' },
    { method: 'sce', selectTopk: 0.3 },
    ...points.map(method => ({ method })),
  ])('%o: for any threads and stretch', async options => {
    const norm = (seed: number, spread: number) => ({
      name: 'blk.0.attn_norm.weight',
      shape: [5000],
      values: gaussian(5000, seed, spread),
    });
    writeGguf(at('base.gguf'), modelMetadata, [
      { name: WEIGHT, shape, values: gaussian(count, 50), type: 'F16' },
      norm(51, 1),
    ]);
    writeAdapter(at('v0.gguf'), shape, 3, gaussian(512 * 3, 54, 0.3), gaussian(300 * 3, 55, 0.3), 6);
    writeGguf(at('v1.gguf'), vectorMetadata, [
      { name: WEIGHT, shape, values: gaussian(count, 52, 0.5), type: 'BF16' },
      norm(53, 0.5),
    ]);
    writeGguf(at('v2.gguf'), vectorMetadata, [norm(56, 0.5)]);
    const vectors = [0.75, 0.5, 0.25]
      .slice(0, vectorCount(options.method))
      .map((weight, v) => ({ path: at(`v${v}.gguf`), id: `${v}`, weight }));
    const run = async (name: string, changes: Partial<BakeOptions>) => {
      await bake({
        base: at('base.gguf'),
        out: at(name),
        type: 'f32',
        seed: 9,
        vectors,
        ...options,
        ...changes,
      });
      return bytesOf(at(name));
    };
    const first = await run('first.gguf', { threads: 1 });
    for (const changes of [
      { threads: 2 },
      { threads: 7 },
      { stretch: 4096 },
      { stretch: 20480, threads: 3 },
    ]) {
      expect((await run('again.gguf', changes)).equals(first)).toBe(true);
    }
  });
});

describe('low-rank vectors', () => {
  test('do what the dense vectors they stand for do, bit for bit', async () => {
    const shape: [number, number] = [300, 70];
    const base = gaussian(300 * 70, 62, 0.3);
    const pairs = [0, 1, 2].map(v => {
      const [a, b] = [gaussian(300 * 4, 63 + v, 0.3), gaussian(70 * 4, 73 + v, 0.3)];
      return { low: writeAdapter(at(`low${v}.gguf`), shape, 4, a, b), dense: at(`dense${v}.gguf`) };
    });
    writeModel(at('zeros.gguf'), shape, new Float32Array(300 * 70));
    for (const { low, dense } of pairs) {
      const vectors = [{ path: low, id: 'a', weight: 1 }];
      const plain = { ...out(), base: at('zeros.gguf'), method: 'task_arithmetic' as const };
      writeVector(dense, shape, await bakeValues({ ...plain, vectors }));
    }
    writeModel(at('base.gguf'), shape, base);
    for (const options of [
      ...methods.filter(method => !METHODS[method].lowRank).map(method => ({ method })),
      { method: 'ties', trim: 'vector' },
      { method: 'sce', selectTopk: 0.3 },
    ] as (Partial<BakeOptions> & { method: MergeMethod })[]) {
      const merged = (form: 'low' | 'dense') =>
        bakeValues({
          ...out(),
          ...options,
          vectors: pairs
            .slice(0, vectorCount(options.method))
            .map((pair, v) => ({ path: pair[form], id: `${v}`, weight: 0.5 + v / 8 })),
        });
      expect(await merged('low')).toEqual(await merged('dense'));
    }
  });
});

describe("the studio's table of methods", () => {
  const shape: [number, number] = [64, 80];
  type Values = Record<string, unknown>;
  /** What the studio turns into weights; the engine does not know of it. */
  const ours = ['basis', 'whitening'];
  const engineParameters = (method: MergeMethod) =>
    METHODS[method].parameters.filter(({ id }) => !ours.includes(id));

  /** Options of the table for a bake of this method, with values for some parameters. */
  function asked(method: MergeMethod, values: (parameter: Parameter) => unknown): BakeOptions {
    const of = (scope: Parameter['scope']): Values =>
      Object.fromEntries(
        engineParameters(method).flatMap(own => (own.scope === scope ? [[own.id, values(own)]] : [])),
      );
    const form = METHODS[method].lowRank ? 'low' : 'v';
    const vectors = Array.from({ length: vectorCount(method) }, (_, v) => ({
      path: at(`${form}${v}.gguf`),
      id: `${v}`,
      weight: 1,
      ...of('vector'),
    }));
    return { ...out(), method, ...of('mix'), vectors };
  }

  beforeAll(() => {
    setUp(shape, { vectors: 3, seed: 99, alike: true });
    for (let v = 0; v < 3; v++)
      writeAdapter(at(`low${v}.gguf`), shape, 4, gaussian(64 * 4, 100 + v), gaussian(80 * 4, 110 + v));
  });

  test.each(methods)('%s has the defaults of the engine', async method => {
    const told = await bakeValues(asked(method, own => own.default));
    const unsaid = asked(method, own => (own.id === 'weight' ? own.default : undefined));
    expect(await bakeValues(unsaid)).toEqual(told);
  });

  test.each(methods)('%s: the engine takes all of every range', async method => {
    for (const parameter of engineParameters(method)) {
      const { type } = parameter;
      const values =
        type === 'flag'
          ? [true, false]
          : type === 'choice'
            ? parameter.choices.map(({ value }) => value)
            : [
                parameter.open === 'min' ? parameter.min + 1e-3 : parameter.min,
                parameter.open === 'max' ? parameter.max - 1e-3 : parameter.max,
              ];
      for (const value of values) {
        // Density and epsilon limit each other.
        const fitting = (own: Parameter) =>
          own.id === 'epsilon' && parameter.id === 'density' ? 0 : own.default;
        await bake(asked(method, own => (own.id === parameter.id ? value : fitting(own))));
      }
    }
  });
});
