/** Baking against the golden cases, a float64 reference, and itself under every change that must not matter. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type BakeOptions, bake, readGguf } from '../../native-merge/index.js';
import { encode, floatBits, fromBf16, fromHalf, toBf16, toHalf, writeGguf } from './helpers/gguf.ts';
import { largest, merge, philox, type ReferenceOptions, randomMask } from './helpers/reference.ts';
import {
  adapterMetadata,
  bakeValues,
  bytesOf,
  failure,
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

/** The other methods are in methods.test.ts. */
type Basic = 'task_arithmetic' | 'dare_linear' | 'ties';
const methods: Record<Basic, ReferenceOptions> = {
  task_arithmetic: {},
  dare_linear: { sparsify: 'random', rescale: 'density' },
  ties: { sparsify: 'magnitude', consensus: true, normalize: true },
};

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < actual.length; i++)
    worst = Math.max(worst, Math.abs((actual[i] ?? NaN) - (expected[i] ?? NaN)));
  expect(worst).toBeLessThanOrEqual(tolerance);
}

interface Golden {
  base: number[][];
  ft: number[][][];
  cases: Record<
    string,
    {
      params: {
        weights: number[];
        densities: number[];
        consensus: string | null;
        normalize: boolean;
        rescale: boolean;
        lam?: number;
      };
      merged: number[][];
    }
  >;
}

describe('golden cases of mergekit', () => {
  const golden: Golden = JSON.parse(
    readFileSync(new URL('fixtures/mergekit_task_vectors.json', import.meta.url), 'utf8'),
  );
  const base = Float32Array.from(golden.base.flat());
  const shape = [golden.base[0]?.length ?? 0, golden.base.length];
  writeModel(at('golden.gguf'), shape, base);
  const paths = golden.ft.map((tuned, v) =>
    writeVector(
      at(`golden-${v}.gguf`),
      shape,
      Float32Array.from(tuned.flat(), (x, i) => Math.fround(x) - (base[i] ?? 0)),
    ),
  );

  test('all six are here', () => expect(Object.keys(golden.cases)).toHaveLength(6));

  test.each(Object.entries(golden.cases))('%s', async (_name, { params, merged }) => {
    const values = await bakeValues({
      base: at('golden.gguf'),
      out: at('golden-out.gguf'),
      type: 'f32',
      method: params.consensus ? 'ties' : 'task_arithmetic',
      normalize: params.normalize,
      rescale: params.rescale ? 'l1' : false,
      ...(params.lam === undefined ? {} : { lambda: params.lam }),
      vectors: paths.map((path, v) => ({
        path,
        id: String(v),
        weight: params.weights[v] ?? 0,
        density: params.densities[v] ?? 1,
      })),
    });
    expectClose(values, merged.flat(), 5e-7);
  });
});

describe('float64 reference', () => {
  const shapes = [
    [1, 1],
    [7, 3],
    [32, 128],
    [100, 41],
    [4096, 3],
    [4097, 5],
    [5000, 20],
  ] as const;
  const cases = Object.keys(methods).flatMap(method =>
    shapes.map(shape => [method as Basic, shape] as const),
  );

  test.each(cases)('%s over %j', async (method, shape) => {
    const next = random(shape[0] * 31 + shape[1]);
    const count = shape[0] * shape[1];
    const base = gaussian(count, 1, 0.05);
    const vectors = [0, 1, 2].map(v => ({
      id: `vector ${v}`,
      delta: gaussian(count, 10 + v, 0.01),
      weight: Math.fround(next() * 3 - 1),
      ...(method === 'task_arithmetic' ? {} : { density: 0.1 + next() * 0.9 }),
    }));
    const lambda = Math.fround(0.5 + next());
    writeModel(at('base.gguf'), [...shape], base);
    const values = await bakeValues({
      base: at('base.gguf'),
      out: at('out.gguf'),
      type: 'f32',
      method,
      lambda,
      seed: 77n,
      vectors: vectors.map(({ delta, ...vector }, v) => ({
        ...vector,
        path: writeVector(at(`v${v}.gguf`), [...shape], delta),
      })),
    });
    expectClose(
      values,
      merge(base, vectors, { ...methods[method], lambda, seed: 77n, tensor: WEIGHT }),
      3e-7,
    );
  });

  test.each([
    { method: 'ties', normalize: false },
    { method: 'ties', rescale: 'l1' },
    { method: 'ties', rescale: true },
    { method: 'dare_linear', normalize: true },
    { method: 'dare_linear', rescale: 'l1' },
    { method: 'dare_linear', rescale: false },
    { method: 'task_arithmetic', normalize: true },
  ] as const)('options %j', async options => {
    const count = 9000;
    const base = gaussian(count, 2);
    const vectors = [0, 1].map(v => ({
      id: String(v),
      delta: gaussian(count, v + 3, 0.1),
      weight: v ? -0.5 : 1.5,
      ...(options.method === 'task_arithmetic' ? {} : { density: 0.6 }),
    }));
    writeModel(at('base.gguf'), [90, 100], base);
    const values = await bakeValues({
      base: at('base.gguf'),
      out: at('out.gguf'),
      type: 'f32',
      ...options,
      vectors: vectors.map(({ delta, ...vector }, v) => ({
        ...vector,
        path: writeVector(at(`v${v}.gguf`), [90, 100], delta),
      })),
    });
    const { rescale, ...rest }: { rescale?: boolean | 'l1'; normalize?: boolean } = options;
    const reference: ReferenceOptions = { ...methods[options.method], ...rest, tensor: WEIGHT };
    if (rescale !== undefined) {
      delete reference.rescale;
      if (rescale) reference.rescale = rescale === 'l1' ? 'l1' : 'density';
    }
    expectClose(values, merge(base, vectors, reference), 2e-6);
  });

  test('changes that cancel elect the positive sign', async () => {
    const delta = gaussian(50, 6);
    writeModel(at('base.gguf'), [50, 1], new Float32Array(50));
    const values = await bakeValues({
      base: at('base.gguf'),
      out: at('out.gguf'),
      type: 'f32',
      method: 'ties',
      vectors: [1, -1].map(sign => ({
        path: writeVector(
          at(`${sign}.gguf`),
          [50, 1],
          delta.map(x => sign * x),
        ),
        id: String(sign),
        weight: 1,
        density: 1,
      })),
    });
    expect(values).toEqual(delta.map(Math.abs));
  });

  test('a vector that skips a tensor still weighs in the mean', async () => {
    const base = gaussian(64, 4);
    const delta = gaussian(64, 5);
    const other = 'blk.0.ffn_down.weight';
    writeGguf(at('two.gguf'), modelMetadata, [
      { name: WEIGHT, shape: [8, 8], values: base },
      { name: other, shape: [8, 8], values: base },
    ]);
    writeVector(at('v0.gguf'), [8, 8], delta);
    writeGguf(at('v1.gguf'), vectorMetadata, [{ name: other, shape: [8, 8], values: delta }]);
    const values = await bakeValues({
      base: at('two.gguf'),
      out: at('out.gguf'),
      type: 'f32',
      method: 'task_arithmetic',
      normalize: true,
      vectors: [
        { path: at('v0.gguf'), id: 'a', weight: 1 },
        { path: at('v1.gguf'), id: 'b', weight: 3 },
      ],
    });
    expectClose(
      values,
      base.map((b, i) => b + (delta[i] ?? 0) / 4),
      3e-7,
    );
  });
});

describe('magnitude selection', () => {
  async function kept(delta: ArrayLike<number>, density: number, options: Partial<BakeOptions> = {}) {
    const shape = [delta.length, 1];
    writeModel(at('zero.gguf'), shape, new Float32Array(delta.length));
    writeVector(at('ties.gguf'), shape, delta);
    const values = await bakeValues({
      base: at('zero.gguf'),
      out: at('out.gguf'),
      type: 'f32',
      method: 'ties',
      vectors: [{ path: at('ties.gguf'), id: 'a', weight: 1, density }],
      ...options,
    });
    return Array.from(values, x => x !== 0);
  }

  test('ties at the threshold: lowest index first, wherever the stretches are cut', async () => {
    const next = random(6);
    // Few distinct magnitudes of both signs, as deltas of BF16 models have.
    const delta = Float32Array.from(
      { length: 20000 },
      () => (next() < 0.5 ? -1 : 1) * Math.ceil(next() * 4) * 2 ** -12,
    );
    for (const density of [0.1, 0.25, 0.5, 0.75, 0.99]) {
      for (const stretch of [4096, 8192]) {
        expect(await kept(delta, density, { stretch })).toEqual(largest(delta, density));
      }
    }
  });

  test('all entries equal', async () => {
    const delta = new Float32Array(10000).fill(-0.25);
    expect(await kept(delta, 0.3)).toEqual(largest(delta, 0.3));
  });

  test('magnitudes that differ in the last bit only', async () => {
    const one = floatBits(1);
    const values = new Float32Array(
      new Uint32Array(5000).map((_, i) => one + ((i * 2654435761) % 4999)).buffer,
    );
    expect(await kept(values, 0.37)).toEqual(largest(values, 0.37));
  });

  // Tensors of a million entries and more are selected by way of a sample.
  const many = 1_200_000;
  test.each([
    ['normal numbers', gaussian(many, 7)],
    ['numbers of F16', gaussian(many, 8, 1e-3).map(x => fromHalf(toHalf(x)))],
    ['a handful of magnitudes', gaussian(many, 9).map(Math.round)],
    ['sorted numbers', gaussian(many, 10).sort()],
    [
      'large ones where no sample is taken',
      new Float32Array(many).map((_, i) => (i % 4096 === 4095 ? 1000 + i : i % 7)),
    ],
    ['mostly zeros', gaussian(many, 11).map((x, i) => (i % 50 ? 0 : x))],
  ])('of a large tensor: %s', async (_name, delta) => {
    for (const density of [0.001, 0.3, 0.7]) {
      const keep = largest(delta, density);
      // What is zero anyway cannot be told from what was dropped.
      const expected = keep.map((kept, i) => kept && delta[i] !== 0);
      expect((await kept(delta, density)).every((kept, i) => kept === expected[i])).toBe(true);
    }
  });

  test('fewer than one entry: nothing is kept', async () => {
    expect(await kept(Float32Array.of(1, 2, 3), 0.3)).toEqual([false, false, false]);
  });

  test('subnormal magnitudes order too', async () => {
    const delta = Float32Array.of(1e-40, -3e-40, 2e-40, 1e-45);
    expect(await kept(delta, 0.5)).toEqual([false, true, true, false]);
  });
});

describe("DARE's mask", () => {
  const count = 200_000;
  async function mask(density: number, options: Partial<BakeOptions> = {}, id = 'extraversion') {
    writeModel(at('zeros.gguf'), [1000, count / 1000], new Float32Array(count));
    writeVector(at('ones.gguf'), [1000, count / 1000], new Float32Array(count).fill(1));
    return await bakeValues({
      base: at('zeros.gguf'),
      out: at('out.gguf'),
      type: 'f32',
      method: 'dare_linear',
      vectors: [{ path: at('ones.gguf'), id, weight: 1, density }],
      ...options,
    });
  }
  const share = (values: Float32Array) => values.reduce((n, x) => n + (x ? 1 : 0), 0) / values.length;
  const agreement = (a: Float32Array, b: Float32Array) =>
    a.reduce((n, x, i) => n + (x === b[i] ? 1 : 0), 0) / a.length;

  test('Philox4x32-7 gives the published answers', () => {
    expect(philox([0, 0, 0, 0], [0, 0]).map(x => x.toString(16))).toEqual([
      '5f6fb709',
      'd893f64',
      '4f121f81',
      '4f730a48',
    ]);
  });

  test('is the one documented', async () => {
    const values = await mask(0.3, { seed: 2n ** 64n - 1n });
    const expected = randomMask('dare', 'extraversion', Array(5000).fill(0.3), {
      seed: 2n ** 64n - 1n,
      tensor: WEIGHT,
    });
    expect(Array.from(values.subarray(0, 5000), x => x !== 0)).toEqual(expected);
  });

  test.each([0.01, 0.1, 0.5, 0.9])('keeps a share of %f and rescales by it', async density => {
    const values = await mask(density);
    const spread = Math.sqrt((density * (1 - density)) / count);
    expect(Math.abs(share(values) - density)).toBeLessThan(5 * spread);
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / Math.fround(density))]));
    // Neighbours are independent.
    let pairs = 0;
    for (let i = 1; i < count; i++) pairs += values[i] && values[i - 1] ? 1 : 0;
    expect(Math.abs(pairs / count - density ** 2)).toBeLessThan(8 * spread);
  });

  test('depends on seed and id, and on nothing else', async () => {
    const first = await mask(0.5, { seed: 1 });
    expect(await mask(0.5, { seed: 1, threads: 1, stretch: 4096 })).toEqual(first);
    for (const other of [await mask(0.5, { seed: 2 }), await mask(0.5, { seed: 1 }, 'openness')]) {
      expect(Math.abs(agreement(first, other) - 0.5)).toBeLessThan(0.01);
    }
  });
});

describe('low-rank vectors', () => {
  const shape: [number, number] = [300, 70];
  const rank = 5;
  const a = gaussian(shape[0] * rank, 20, 0.1);
  const b = gaussian(rank * shape[1], 21, 0.1);
  const product = (scale: number) =>
    Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => {
      const row = Math.floor(i / shape[0]);
      const column = i % shape[0];
      let sum = 0;
      for (let k = 0; k < rank; k++) {
        sum = Math.fround(sum + Math.fround((b[row * rank + k] ?? 0) * (a[k * shape[0] + column] ?? 0)));
      }
      return Math.fround(scale * sum);
    });

  test.each([
    ['without alpha', undefined, 1],
    ['with alpha', 16, 16 / rank],
  ] as const)('bake like the dense vector they stand for, bit for bit, %s', async (_name, alpha, scale) => {
    writeModel(at('base.gguf'), shape, gaussian(shape[0] * shape[1], 22));
    const dense = writeVector(at('dense.gguf'), shape, product(Math.fround(scale)));
    const adapter = writeAdapter(at('adapter.gguf'), shape, rank, a, b, alpha);
    for (const method of Object.keys(methods) as Basic[]) {
      for (const stretch of [4096, 12288]) {
        const [low, full] = await Promise.all(
          [adapter, dense].map((path, i) =>
            bakeValues({
              base: at('base.gguf'),
              out: at(`out-${i}.gguf`),
              type: 'f32',
              method,
              vectors: [{ path, id: 'a', weight: 0.7 }],
              stretch,
            }),
          ),
        );
        expect(low).toEqual(full);
      }
    }
  });

  test('the flipped pair of token_embd.weight', async () => {
    // llama.cpp: a is [rank, vocabulary], b is [rank, embedding].
    const [embedding, vocabulary] = [6, 9];
    const left = gaussian(vocabulary * 2, 23);
    const right = gaussian(embedding * 2, 24);
    const name = 'token_embd.weight';
    writeGguf(at('embedding.gguf'), modelMetadata, [
      { name, shape: [embedding, vocabulary], values: new Float32Array(54) },
    ]);
    writeGguf(at('embedding-adapter.gguf'), adapterMetadata, [
      { name: `${name}.lora_a`, shape: [2, vocabulary], values: left },
      { name: `${name}.lora_b`, shape: [2, embedding], values: right },
    ]);
    const vectors = [{ path: at('embedding-adapter.gguf'), id: 'a', weight: 1 }];
    await bake({
      base: at('embedding.gguf'),
      out: at('out.gguf'),
      type: 'f32',
      method: 'task_arithmetic',
      vectors,
    });
    const expected = Float64Array.from({ length: 54 }, (_, i) => {
      const [row, column] = [Math.floor(i / embedding), i % embedding];
      return (
        (left[2 * row] ?? 0) * (right[2 * column] ?? 0) +
        (left[2 * row + 1] ?? 0) * (right[2 * column + 1] ?? 0)
      );
    });
    expectClose(valuesIn(at('out.gguf'), name), expected, 1e-6);
  });

  test('tensors that llama.cpp passes over are noted', async () => {
    writeModel(at('base.gguf'), shape, gaussian(shape[0] * shape[1], 25));
    writeGguf(at('adapter.gguf'), adapterMetadata, [
      { name: `${WEIGHT}.lora_a`, shape: [shape[0], rank], values: a },
      { name: `${WEIGHT}.lora_b`, shape: [rank, shape[1]], values: b },
      { name: 'blk.0.attn_norm.weight', shape: [4], values: [1, 2, 3, 4] },
    ]);
    const { notes } = await bake({
      base: at('base.gguf'),
      out: at('out.gguf'),
      type: 'f32',
      method: 'task_arithmetic',
      vectors: [{ path: at('adapter.gguf'), id: 'a', weight: 1 }],
    });
    expect(notes).toMatchObject([{ code: 'ignored_tensor', tensor: 'blk.0.attn_norm.weight' }]);
  });
});

describe('storage', () => {
  const plain = { method: 'task_arithmetic', vectors: [] } satisfies Partial<BakeOptions>;
  const convert = (out: string, type: BakeOptions['type'], base = at('base.gguf')) =>
    bake({ ...plain, base, out: at(out), type });

  // Ordinary numbers, halves between neighbours, subnormals and the edges of F16.
  const special = [
    0,
    -0,
    1,
    -1,
    65504,
    65519,
    2 ** -14,
    2 ** -24,
    2 ** -25,
    3 * 2 ** -26,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
  ];
  const values = new Float32Array(64 * 96);
  values.set(gaussian(values.length, 30, 0.1));
  values.set(gaussian(1000, 31, 1e-6), 2000);
  values.set(gaussian(1000, 32, 100), 4000);
  values.set(special);

  test.each([
    ['f16', 'F16'],
    ['bf16', 'BF16'],
    ['q8_0', 'Q8_0'],
  ] as const)('%s rounds like the reference, bit for bit', async (type, stored) => {
    writeModel(at('base.gguf'), [64, 96], values);
    await convert('out.gguf', type);
    const [tensor] = readGguf(at('out.gguf')).tensors;
    expect(tensor).toMatchObject({ type: stored, shape: [64, 96] });
    const bytes = bytesOf(at('out.gguf')).subarray(
      tensor?.offset,
      (tensor?.offset ?? 0) + (tensor?.bytes ?? 0),
    );
    expect(bytes.equals(encode(stored, values))).toBe(true);
  });

  test('Q8_0 rounds halves away from zero', async () => {
    const row = Float32Array.from({ length: 32 }, (_, i) => (i % 2 ? -1 : 1) * (i / 2));
    row[0] = 127;
    writeModel(at('base.gguf'), [32, 2], Float32Array.from([...row, ...row]));
    await convert('out.gguf', 'q8_0');
    const expected = Array.from(row, x => Math.sign(x) * Math.round(Math.abs(x)) + 0);
    expect(Array.from(valuesIn(at('out.gguf')), x => x + 0)).toEqual([...expected, ...expected]);
  });

  test('every half and bfloat survives being read and written', async () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i).filter(i => (i & 0x7c00) !== 0x7c00);
    const floats = Uint16Array.from({ length: 65536 }, (_, i) => i).filter(i => (i & 0x7f80) !== 0x7f80);
    for (const [type, bits, decode] of [
      ['F16', halves, fromHalf],
      ['BF16', floats, fromBf16],
    ] as const) {
      writeGguf(at('base.gguf'), modelMetadata, [
        {
          name: WEIGHT,
          shape: [256, bits.length / 256],
          type,
          raw: new Uint8Array(bits.buffer.slice(0, bits.byteLength)),
        },
      ]);
      await convert('wide.gguf', 'f32');
      const wide = valuesIn(at('wide.gguf'));
      expect(Array.from(wide).every((x, i) => Object.is(x, decode(bits[i] ?? 0)))).toBe(true);
      await convert('back.gguf', type === 'F16' ? 'f16' : 'bf16', at('wide.gguf'));
      const { offset = 0, bytes = 0 } = readGguf(at('back.gguf')).tensors[0] ?? {};
      expect(
        bytesOf(at('back.gguf'))
          .subarray(offset, offset + bytes)
          .equals(Buffer.from(bits.buffer, 0, bits.byteLength)),
      ).toBe(true);
    }
  });

  test('the reference formats agree with each other', () => {
    for (const x of [...special, ...values.subarray(0, 500)]) {
      expect(Math.abs(fromHalf(toHalf(x)) - x)).toBeLessThanOrEqual(
        Math.max(Math.abs(x) * 2 ** -11, 2 ** -25, x > 65504 ? 16 : 0),
      );
      expect(Math.abs(fromBf16(toBf16(x)) - x)).toBeLessThanOrEqual(Math.abs(x) * 2 ** -8);
    }
  });

  test('a weak change survives one rounding on average (METHOD.md section 4)', async () => {
    const count = 256 * 400;
    const base = gaussian(count, 33, 0.02).map(x => fromBf16(toBf16(x)));
    const delta = gaussian(count, 34, 2e-4);
    writeModel(at('base.gguf'), [256, 400], base, 'BF16');
    const vectors = [{ path: writeVector(at('v.gguf'), [256, 400], delta), id: 'a', weight: 0.2 }];
    const effect = async (type: 'f16' | 'bf16') => {
      const baked = await bakeValues({
        base: at('base.gguf'),
        out: at('out.gguf'),
        type,
        method: 'task_arithmetic',
        vectors,
      });
      const along = baked.reduce((sum, x, i) => sum + (x - (base[i] ?? 0)) * (delta[i] ?? 0), 0);
      return along / delta.reduce((sum, x) => sum + x * x, 0);
    };
    expect(await effect('f16')).toBeCloseTo(0.2, 2);
    expect(await effect('bf16')).toBeLessThan(0.19);
  });

  test('what llama.cpp keeps in full precision stays F32; rows that Q8_0 cannot hold become F16', async () => {
    writeGguf(at('base.gguf'), modelMetadata, [
      { name: 'token_embd.weight', shape: [64, 5], values: gaussian(320, 35) },
      { name: 'blk.0.attn_norm.weight', shape: [64], values: gaussian(64, 36) },
      { name: 'blk.0.attn_q_norm.weight', shape: [8, 8], values: gaussian(64, 37) },
      { name: 'blk.0.attn_q.bias', shape: [64], values: gaussian(64, 38), type: 'F16' },
      { name: 'blk.0.odd.weight', shape: [40, 4], values: gaussian(160, 39) },
      { name: 'blk.0.table', shape: [4], values: [1, -2, 3, 4], type: 'I32' },
    ]);
    const { notes, tensors } = await convert('out.gguf', 'q8_0');
    expect(tensors).toBe(6);
    expect(notes).toMatchObject([{ code: 'f16_fallback', tensor: 'blk.0.odd.weight' }]);
    expect(readGguf(at('out.gguf')).tensors.map(({ type }) => type)).toEqual([
      'Q8_0',
      'F32',
      'F32',
      'F32',
      'F16',
      'I32',
    ]);
  });

  test('a quantised base is dequantised, with a note', async () => {
    const base = gaussian(64 * 20, 40);
    writeModel(at('q8.gguf'), [64, 20], base, 'Q8_0');
    const delta = gaussian(64 * 20, 41, 0.01);
    const quantised = valuesIn(at('q8.gguf'));
    const options: BakeOptions = {
      base: at('q8.gguf'),
      out: at('out.gguf'),
      type: 'f32',
      method: 'task_arithmetic',
      vectors: [{ path: writeVector(at('v.gguf'), [64, 20], delta), id: 'a', weight: 1 }],
    };
    const { notes } = await bake(options);
    expect(notes).toMatchObject([{ code: 'quantised_base' }]);
    expectClose(
      valuesIn(at('out.gguf')),
      quantised.map((x, i) => x + (delta[i] ?? 0)),
      0,
    );
    // Untouched and of the asked type: the very bytes.
    await convert('same.gguf', 'q8_0', at('q8.gguf'));
    const bytesIn = (path: string) => {
      const { offset = 0, bytes = 0 } = readGguf(path).tensors[0] ?? {};
      return bytesOf(path).subarray(offset, offset + bytes);
    };
    expect(bytesIn(at('same.gguf')).equals(bytesIn(at('q8.gguf')))).toBe(true);
  });

  test('metadata survives, and says what was written', async () => {
    const metadata = {
      ...modelMetadata,
      'general.file_type': 1,
      'tokenizer.chat_template': '{% for m in messages %}\u{1f642}\n{% endfor %}',
      'test.big': 2n ** 63n,
      'test.flag': true,
    };
    writeGguf(at('base.gguf'), metadata, [{ name: WEIGHT, shape: [32, 2], values: gaussian(64, 42) }]);
    await bake({
      ...plain,
      base: at('base.gguf'),
      out: at('out.gguf'),
      type: 'q8_0',
      metadata: { 'temperament.recipe': '{}', 'temperament.n': -1.5, 'temperament.k': -3 },
    });
    expect(readGguf(at('out.gguf')).metadata).toEqual({
      ...metadata,
      'general.file_type': 7,
      'general.quantization_version': 2,
      'temperament.recipe': '{}',
      'temperament.n': -1.5,
      'temperament.k': -3,
    });
  });

  test('values too large for F16 are refused', async () => {
    writeModel(at('base.gguf'), [32, 2], new Float32Array(64).fill(7e4));
    expect(await failure(() => convert('huge.gguf', 'f16'))).toMatchObject({
      code: 'not_finite',
      tensor: WEIGHT,
    });
    await convert('huge.gguf', 'bf16');
  });

  test('zero weights, absent vectors and the sign of zero', async () => {
    const base = Float32Array.from({ length: 64 }, (_, i) => (i % 2 ? -0 : i));
    writeModel(at('base.gguf'), [32, 2], base);
    const delta = gaussian(64, 43).map((x, i) => (i % 2 ? 0 : x));
    const path = writeVector(at('v.gguf'), [32, 2], delta);
    const options: BakeOptions = {
      ...plain,
      base: at('base.gguf'),
      out: at('out.gguf'),
      type: 'f32',
      vectors: [{ path, id: 'a', weight: 0 }],
    };
    expect(await bakeValues(options)).toEqual(base);
    const moved = await bakeValues({ ...options, vectors: [{ path, id: 'a', weight: 1 }] });
    expect(
      Array.from(moved).every((x, i) => Object.is(x, i % 2 ? -0 : Math.fround(i + (delta[i] ?? 0)))),
    ).toBe(true);
  });
});

describe('the same bytes', () => {
  const shape: [number, number] = [512, 130];
  const count = shape[0] * shape[1];

  test.each(['task_arithmetic', 'dare_linear', 'ties'] as const)(
    '%s: for any threads and stretch, and twice',
    async method => {
      writeGguf(at('base.gguf'), modelMetadata, [
        { name: WEIGHT, shape, values: gaussian(count, 50), type: 'F16' },
        { name: 'blk.0.attn_norm.weight', shape: [512], values: gaussian(512, 51) },
      ]);
      writeGguf(at('v0.gguf'), vectorMetadata, [
        { name: WEIGHT, shape, values: gaussian(count, 52, 0.01), type: 'BF16' },
        { name: 'blk.0.attn_norm.weight', shape: [512], values: gaussian(512, 53, 0.01) },
      ]);
      writeAdapter(at('v1.gguf'), shape, 3, gaussian(512 * 3, 54, 0.1), gaussian(130 * 3, 55, 0.1), 6);
      const run = async (out: string, options: Partial<BakeOptions>) => {
        await bake({
          base: at('base.gguf'),
          out: at(out),
          type: 'q8_0',
          method,
          ...(method === 'task_arithmetic' ? {} : { rescale: 'l1' }),
          seed: 9,
          vectors: [
            { path: at('v0.gguf'), id: 'a', weight: 1.25 },
            { path: at('v1.gguf'), id: 'b', weight: -0.5 },
          ],
          ...options,
        });
        return bytesOf(at(out));
      };
      const first = await run('first.gguf', { threads: 1 });
      for (const options of [
        { threads: 1 },
        { threads: 2 },
        { threads: 7 },
        { stretch: 4096 },
        { stretch: 20480, threads: 3 },
      ]) {
        expect((await run('again.gguf', options)).equals(first)).toBe(true);
      }
    },
  );
});
