/** Dense vectors as adapters and back: how much is kept, and that llama.cpp's format means the same thing to bake. */
import { describe, expect, test } from 'vitest';
import { bake, expand, factorize, readGguf } from '../../native-merge/index.js';
import { type TestTensor, writeGguf } from './helpers/gguf.ts';
import { matrixOf } from './helpers/random.ts';
import {
  bytesOf,
  failure,
  gaussian,
  modelMetadata,
  valuesIn,
  vectorMetadata,
  WEIGHT,
  workspace,
  writeAdapter,
  writeModel,
  writeVector,
} from './helpers/workspace.ts';

const at = workspace();

/** What the adapter adds to a base of zeros, through bake. */
async function expanded(adapter: string, shape: number[], name = WEIGHT): Promise<Float32Array> {
  writeGguf(at('zeros.gguf'), modelMetadata, [
    { name, shape, values: new Float32Array((shape[0] ?? 0) * (shape[1] ?? 0)) },
  ]);
  const vectors = [{ path: adapter, id: 'a', weight: 1 }];
  await bake({
    base: at('zeros.gguf'),
    out: at('out.gguf'),
    type: 'f32',
    method: 'task_arithmetic',
    vectors,
  });
  return valuesIn(at('out.gguf'), name);
}

const squares = (values: Float32Array) => values.reduce((sum, x) => sum + x * x, 0);
const residual = (a: Float32Array, b: Float32Array) => squares(a.map((x, i) => x - (b[i] ?? 0)));

describe('factorize', () => {
  test.each([
    [40, 30, 4],
    [300, 200, 16],
    [200, 300, 16],
    [400, 300, 30],
    [2, 50, 2],
    [50, 2, 2],
    [50, 1, 1],
  ])('a %i × %i matrix of rank %i comes back', async (rows, columns, rank) => {
    const matrix = matrixOf(
      rows,
      columns,
      Array.from({ length: rank }, (_, k) => 1 / (k + 1)),
      1,
    );
    writeVector(at('vector.gguf'), [columns, rows], matrix);
    const result = await factorize({
      vector: at('vector.gguf'),
      out: at('adapter.gguf'),
      type: 'f32',
      energy: 1 - 1e-9,
    });
    expect(result.layers).toMatchObject([{ tensor: WEIGHT, rank, share: 1 }]);
    expect(residual(await expanded(at('adapter.gguf'), [columns, rows]), matrix)).toBeLessThan(
      1e-10 * squares(matrix),
    );
  });

  test('a fixed rank is within 1 % of the best possible', async () => {
    // Slow decay, where a careless range finder does worst.
    const singular = Array.from({ length: 180 }, (_, k) => (k + 1) ** -0.5);
    const matrix = matrixOf(200, 180, singular, 3);
    writeVector(at('vector.gguf'), [180, 200], matrix);
    for (const rank of [4, 16, 64]) {
      const result = await factorize({
        vector: at('vector.gguf'),
        out: at('adapter.gguf'),
        type: 'f32',
        rank,
      });
      const best = singular.slice(rank).reduce((sum, s) => sum + s * s, 0);
      const left = residual(await expanded(at('adapter.gguf'), [180, 200]), matrix);
      expect(left / best).toBeLessThan(1.01);
      expect(result.energy).toBeCloseTo(1 - left / squares(matrix), 5);
      expect(result.layers[0]?.rank).toBe(rank);
    }
  });

  test('an energy is met by the smallest rank', async () => {
    const singular = Array.from({ length: 60 }, (_, k) => 0.9 ** k);
    const total = singular.reduce((sum, s) => sum + s * s, 0);
    writeVector(at('vector.gguf'), [150, 140], matrixOf(140, 150, singular, 5));
    for (const energy of [0.3, 0.9, 0.9999]) {
      let needed = 0;
      for (let kept = 0; kept < energy * total; needed++) kept += (singular[needed] ?? 0) ** 2;
      const { layers } = await factorize({ vector: at('vector.gguf'), out: at('adapter.gguf'), energy });
      expect(layers[0]?.rank).toBe(needed);
      expect(layers[0]?.energy).toBeGreaterThanOrEqual(energy);
    }
    const capped = await factorize({
      vector: at('vector.gguf'),
      out: at('adapter.gguf'),
      energy: 0.9999,
      rank: 3,
    });
    expect(capped.layers[0]?.rank).toBe(3);
  });

  test('says what an adapter cannot carry; writes what llama.cpp reads', async () => {
    const tensors: TestTensor[] = [
      { name: 'token_embd.weight', shape: [24, 50], values: matrixOf(50, 24, [3, 1], 7) },
      { name: 'blk.0.attn_norm.weight', shape: [24], values: Float32Array.of(3, ...new Float32Array(23)) },
      { name: WEIGHT, shape: [24, 32], values: matrixOf(32, 24, [2, 1], 8) },
    ];
    writeGguf(at('vector.gguf'), { ...vectorMetadata, 'temperament.vector.trait': 'openness' }, tensors);
    const options = {
      vector: at('vector.gguf'),
      out: at('adapter.gguf'),
      rank: 2,
      embeddings: true,
      metadata: { 'temperament.note': 'x' },
    };
    const result = await factorize(options);
    expect(result.layers.map(({ tensor, rank }) => [tensor, rank])).toEqual([
      ['token_embd.weight', 2],
      ['blk.0.attn_norm.weight', 0],
      [WEIGHT, 2],
    ]);
    expect(result.layers.map(({ share }) => Math.round(share * 24))).toEqual([10, 9, 5]);
    expect(result.energy).toBeCloseTo(15 / 24, 6);
    const info = readGguf(at('adapter.gguf'));
    expect(info.metadata).toEqual({
      'general.architecture': 'llama',
      'general.type': 'adapter',
      'adapter.type': 'lora',
      'temperament.vector.trait': 'openness',
      'temperament.note': 'x',
    });
    expect(info.tensors.map(({ name, shape, type }) => [name, shape, type])).toEqual([
      ['token_embd.weight.lora_a', [2, 50], 'F16'],
      ['token_embd.weight.lora_b', [2, 24], 'F16'],
      [`${WEIGHT}.lora_a`, [24, 2], 'F16'],
      [`${WEIGHT}.lora_b`, [2, 32], 'F16'],
    ]);
    const plain = await factorize({ ...options, out: at('plain.gguf'), embeddings: false });
    expect(plain.layers.map(({ rank }) => rank)).toEqual([0, 0, 2]);
    expect(plain.energy).toBeCloseTo(5 / 24, 6);
    // F16 factors: eleven bits.
    const embedding = Float32Array.from(tensors[0]?.values ?? []);
    const only = readGguf(at('adapter.gguf')).tensors.filter(({ name }) => name.startsWith('token_embd'));
    writeGguf(
      at('one.gguf'),
      { 'general.architecture': 'llama', 'general.type': 'adapter', 'adapter.type': 'lora' },
      only.map(({ name, shape }) => ({ name, shape, values: valuesIn(at('adapter.gguf'), name) })),
    );
    const back = await expanded(at('one.gguf'), [24, 50], 'token_embd.weight');
    expect(residual(back, embedding)).toBeLessThan(1e-6 * squares(embedding));
  });

  test('the same bytes for any threads; another seed is no worse', async () => {
    const matrix = gaussian(300 * 200, 9);
    writeVector(at('vector.gguf'), [300, 200], matrix);
    const run = async (options: { threads?: number; seed?: number }) => {
      const { energy } = await factorize({
        vector: at('vector.gguf'),
        out: at('adapter.gguf'),
        rank: 8,
        ...options,
      });
      return { bytes: bytesOf(at('adapter.gguf')), energy };
    };
    const first = await run({ threads: 1 });
    expect((await run({ threads: 5 })).bytes.equals(first.bytes)).toBe(true);
    expect((await run({ seed: 4 })).energy).toBeCloseTo(first.energy, 2);
  });

  test('refuses adapters, models and nonsense', async () => {
    writeAdapter(at('adapter.gguf'), [4, 4], 1, [1, 2, 3, 4], [1, 2, 3, 4]);
    writeModel(at('model.gguf'), [4, 4], gaussian(16, 10));
    for (const vector of [at('adapter.gguf'), at('model.gguf')]) {
      expect(await failure(() => factorize({ vector, out: at('refused.gguf') }))).toMatchObject({
        code: 'mismatch',
      });
    }
    writeVector(at('vector.gguf'), [4, 4], [...gaussian(15, 11), Number.NaN]);
    const options = { vector: at('vector.gguf'), out: at('refused.gguf') };
    expect(await failure(() => factorize(options))).toMatchObject({ code: 'not_finite', tensor: WEIGHT });
    expect(await failure(() => factorize({ ...options, rank: 0 }))).toMatchObject({
      code: 'invalid_argument',
    });
    expect(await failure(() => factorize({ ...options, energy: 2 }))).toMatchObject({
      code: 'invalid_argument',
    });
  });
});

describe('expand', () => {
  test('multiplies out to what bake adds, scale and turned embedding included', async () => {
    const [a, b] = [gaussian(3 * 70, 30), gaussian(90 * 3, 31)];
    writeAdapter(at('adapter.gguf'), [70, 90], 3, a, b, 6);
    const result = await expand({
      adapter: at('adapter.gguf'),
      out: at('dense.gguf'),
      metadata: { 'temperament.note': 'x' },
    });
    expect(result).toMatchObject({ tensors: 1, bytes: bytesOf(at('dense.gguf')).length });
    expect(readGguf(at('dense.gguf'))).toMatchObject({
      metadata: {
        'general.architecture': 'llama',
        'general.type': 'personality-vector',
        'temperament.note': 'x',
      },
      tensors: [{ name: WEIGHT, shape: [70, 90], type: 'F32' }],
    });
    expect(Object.keys(readGguf(at('dense.gguf')).metadata)).toHaveLength(3);
    const dense = valuesIn(at('dense.gguf'));
    const product = Float32Array.from({ length: 70 * 90 }, (_, i) => {
      const [row, column] = [Math.floor(i / 70), i % 70];
      return 2 * [0, 1, 2].reduce((sum, k) => sum + (b[row * 3 + k] ?? 0) * (a[k * 70 + column] ?? 0), 0);
    });
    expect(residual(dense, product)).toBeLessThan(1e-12 * squares(product));
    expect(dense).toEqual(await expanded(at('adapter.gguf'), [70, 90]));
    expect(dense).toEqual(await expanded(at('dense.gguf'), [70, 90]));
  });

  test.each(['f32', 'f16', 'bf16'] as const)('there and back again, %s', async type => {
    const tensors = ['token_embd.weight', WEIGHT].map((name, i) => ({
      name,
      shape: [130, 300],
      values: matrixOf(300, 130, [5, 4, 3, 1], 40 + i),
    }));
    writeGguf(at('dense.gguf'), vectorMetadata, tensors);
    await factorize({
      vector: at('dense.gguf'),
      out: at('adapter.gguf'),
      type: 'f32',
      rank: 4,
      embeddings: true,
    });
    await expand({ adapter: at('adapter.gguf'), out: at('back.gguf'), type, threads: 1 });
    const relative = { f32: 1e-6, f16: 2 ** -11, bf16: 2 ** -8 }[type];
    for (const { name, values } of tensors)
      expect(residual(valuesIn(at('back.gguf'), name), values)).toBeLessThan(relative ** 2 * squares(values));
    await expand({ adapter: at('adapter.gguf'), out: at('again.gguf'), type, threads: 5 });
    expect(bytesOf(at('again.gguf')).equals(bytesOf(at('back.gguf')))).toBe(true);
  });

  test('refuses dense vectors, its own input, and what does not fit the type', async () => {
    writeVector(at('dense.gguf'), [4, 4], gaussian(16, 50));
    const refused = { adapter: at('dense.gguf'), out: at('refused.gguf') };
    expect(await failure(() => expand(refused))).toMatchObject({ code: 'mismatch', file: at('dense.gguf') });
    writeAdapter(at('huge.gguf'), [2, 2], 1, [1e3, 1], [1e3, 1]);
    expect(await failure(() => expand({ adapter: at('huge.gguf'), out: at('huge.gguf') }))).toMatchObject({
      code: 'invalid_argument',
    });
    expect(
      await failure(() => expand({ adapter: at('huge.gguf'), out: at('refused.gguf'), type: 'f16' })),
    ).toMatchObject({ code: 'not_finite', file: at('huge.gguf'), tensor: WEIGHT });
  });
});
