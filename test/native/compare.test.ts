/** What vectors are like and how they lie to each other, against plain float64 on the multiplied-out matrices. */
import { describe, expect, test } from 'vitest';
import { type Comparison, compare, type JobProgress } from '../../native-merge/index.js';
import { type TestTensor, type TestValue, writeGguf } from './helpers/gguf.ts';
import {
  adapterMetadata,
  failure,
  gaussian,
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
type Tensors = Record<string, Float64Array>;

// More than one band of rows, rows that do not fit the reading units, a short matrix, a norm.
const shapes: Record<string, [number, number?]> = {
  'token_embd.weight': [300, 130],
  'blk.0.attn_q.weight': [96, 70],
  'blk.0.attn_norm.weight': [96],
  'blk.2.ffn_up.weight': [40, 33],
  'blk.10.ffn_up.weight': [77, 900],
  'output.weight': [300, 20],
};
const entriesOf = (name: string) => (shapes[name] as number[]).reduce((a, b) => a * b);

/** A dense vector with some zeros; `type` as stored. */
function dense(file: string, names: string[], seed: number, type: 'F32' | 'F16' | 'BF16' = 'F32'): Tensors {
  const tensors = names.map((name, i): TestTensor => {
    const drop = random(seed + i);
    const values = gaussian(entriesOf(name), seed * 100 + i, 0.01).map(x => (drop() < 0.3 ? 0 : x));
    return { name, shape: shapes[name] as number[], values, type };
  });
  writeGguf(at(file), vectorMetadata, tensors);
  return Object.fromEntries(names.map(name => [name, Float64Array.from(valuesIn(at(file), name))]));
}

/** An adapter and what it multiplies out to. */
function lowRank(file: string, names: string[], rank: number, seed: number, alpha?: number): Tensors {
  const factors: TestTensor[] = [];
  const out: Tensors = {};
  for (const [i, name] of names.entries()) {
    const [columns, rows = 1] = shapes[name] as [number, number];
    const a = gaussian(rank * columns, seed * 100 + 2 * i, 0.1);
    const b = gaussian(rows * rank, seed * 100 + 2 * i + 1, 0.1);
    const scale = alpha === undefined ? 1 : alpha / rank;
    out[name] = Float64Array.from({ length: rows * columns }, (_, at) => {
      const [row, column] = [Math.floor(at / columns), at % columns];
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += (b[row * rank + k] ?? 0) * (a[k * columns + column] ?? 0);
      return scale * sum;
    });
    // llama.cpp keeps the pair of the embedding turned: a [rank, rows], b [rank, columns].
    const turned = Float32Array.from(
      { length: a.length },
      (_, at) => a[(at % rank) * columns + Math.floor(at / rank)] ?? 0,
    );
    const flipped = name === 'token_embd.weight';
    factors.push(
      flipped
        ? { name: `${name}.lora_a`, shape: [rank, rows], values: b }
        : { name: `${name}.lora_a`, shape: [columns, rank], values: a },
      flipped
        ? { name: `${name}.lora_b`, shape: [rank, columns], values: turned }
        : { name: `${name}.lora_b`, shape: [rank, rows], values: b },
    );
  }
  const metadata: Record<string, TestValue> = { ...adapterMetadata };
  if (alpha !== undefined) metadata['adapter.lora.alpha'] = { float32: alpha };
  writeGguf(at(file), metadata, factors);
  return out;
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

/** The definitions of index.d.ts over vectors of equal length. */
function reference(vectors: Float64Array[], totals: number[]): Omit<Comparison, 'name'> {
  const n = vectors[0]?.length ?? 0;
  const pairs = <T>(cell: (a: Float64Array, b: Float64Array) => T) =>
    vectors.map(a => vectors.map(b => cell(a, b)));
  return {
    entries: n,
    norms: vectors.map(v => Math.sqrt(dot(v, v))),
    shares: vectors.map((v, i) => dot(v, v) / (totals[i] ?? 0)),
    zeros: vectors.map(v => v.filter(x => x === 0).length / n),
    sparsity: vectors.map(v => {
      const [one, two] = [v.reduce((sum, x) => sum + Math.abs(x), 0), Math.sqrt(dot(v, v))];
      return two === 0 ? null : (Math.sqrt(n) - one / two) / (Math.sqrt(n) - 1);
    }),
    cosines: pairs((a, b) => {
      const norms = Math.sqrt(dot(a, a) * dot(b, b));
      return norms === 0 ? null : dot(a, b) / norms;
    }),
    agreements: pairs((a, b) => {
      const products = a.map((x, i) => Math.sign(x) * Math.sign(b[i] ?? 0)).filter(x => x !== 0);
      return products.length === 0 ? null : products.filter(x => x > 0).length / products.length;
    }),
    common: pairs((a, b) => {
      const squares = (sign: number) => a.reduce((sum, x, i) => sum + ((x + sign * (b[i] ?? 0)) / 2) ** 2, 0);
      const [together, apart] = [squares(1), squares(-1)];
      return together + apart === 0 ? null : together / (together + apart);
    }),
  };
}

function expectClose(actual: unknown, expected: unknown, digits: number): void {
  if (Array.isArray(expected)) {
    expect(actual).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) expectClose((actual as unknown[])[i], value, digits);
  } else if (typeof expected === 'number') expect(actual).toBeCloseTo(expected, digits);
  else expect(actual).toBe(expected);
}

function expectLike(actual: Comparison | undefined, expected: Partial<Comparison>, digits = 6): void {
  for (const [key, value] of Object.entries(expected))
    expectClose(actual?.[key as keyof Comparison], value, digits);
}

/** (Σσ²)² / Σσ⁴ = ‖M‖⁴ / ‖MᵀM‖². */
function participation(matrix: Float64Array, columns: number): number {
  const rows = matrix.length / columns;
  let fourth = 0;
  for (let i = 0; i < rows; i++)
    for (let j = 0; j <= i; j++) {
      const product = dot(
        matrix.subarray(i * columns, (i + 1) * columns),
        matrix.subarray(j * columns, (j + 1) * columns),
      );
      fourth += (i === j ? 1 : 2) * product ** 2;
    }
  return dot(matrix, matrix) ** 2 / fourth;
}

const all = Object.keys(shapes);
const matrices = all.filter(name => shapes[name]?.length === 2);
const vectors: Record<string, Tensors> = {
  'dense.gguf': dense('dense.gguf', all, 1),
  'half.gguf': dense('half.gguf', all.slice(0, 4), 2, 'F16'),
  'lora.gguf': lowRank('lora.gguf', matrices, 5, 3, 10),
  'thin.gguf': lowRank('thin.gguf', matrices.slice(1), 2, 4),
};
const paths = Object.keys(vectors).map(at);
/** Everything a vector changes among `names`, zeros where it has no such tensor. */
const flat = (vector: Tensors, names: string[]) =>
  Float64Array.from(names.flatMap(name => Array.from(vector[name] ?? new Float64Array(entriesOf(name)))));
const referenceOf = (names: string[], of = Object.values(vectors)) =>
  reference(
    of.map(vector => flat(vector, names)),
    of.map(vector => dot(flat(vector, all), flat(vector, all))),
  );

describe('dense and low-rank vectors together', async () => {
  const result = await compare(paths);

  test('kinds and order', () => {
    expect(result.vectors.map(({ path, kind }) => [path, kind])).toEqual(
      paths.map((path, i) => [path, i < 2 ? 'dense' : 'low_rank']),
    );
    expect(result.tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ['token_embd.weight', [300, 130]],
      ['blk.0.attn_norm.weight', [96]],
      ['blk.0.attn_q.weight', [96, 70]],
      ['blk.2.ffn_up.weight', [40, 33]],
      ['blk.10.ffn_up.weight', [77, 900]],
      ['output.weight', [300, 20]],
    ]);
    expect(result.layers.map(({ name }) => name)).toEqual([
      'token_embd.weight',
      'blk.0',
      'blk.2',
      'blk.10',
      'output.weight',
    ]);
  });

  test.each(all)('%s', name => {
    expectLike(
      result.tensors.find(tensor => tensor.name === name),
      referenceOf([name]),
    );
  });

  test('a block, and everything', () => {
    const block = all.filter(name => name.startsWith('blk.0.'));
    expectLike(result.layers[1], referenceOf(block));
    expectLike(result.all, referenceOf(all));
    expect(result.all).toMatchObject({ name: 'all', shares: [1, 1, 1, 1] });
  });

  test('effective ranks: exact from factors and for short rows, else within the stated error', () => {
    for (const tensor of result.tensors) {
      const [columns = 1, rows = 1] = tensor.shape;
      for (const [v, vector] of Object.values(vectors).entries()) {
        const [values, found] = [vector[tensor.name], tensor.effectiveRanks[v]];
        if (!values) expect(found).toBeNull();
        else {
          const true_ = participation(values, columns);
          const exact = v >= 2 || rows === 1 || columns <= 64;
          if (exact) expect(found?.error).toBe(0);
          else expect(found?.error).toBeGreaterThan(0);
          expect(Math.abs((found?.value ?? 0) - true_)).toBeLessThan(3 * (found?.error ?? 0) + 1e-4 * true_);
        }
      }
    }
    const [, , lora] = result.vectors;
    const squares = matrices.map(name => vectors['lora.gguf']?.[name] as Float64Array).map(m => dot(m, m));
    const mean =
      matrices.reduce((sum, name, i) => {
        const matrix = vectors['lora.gguf']?.[name] as Float64Array;
        return sum + (squares[i] ?? 0) * participation(matrix, (shapes[name] as number[])[0] ?? 1);
      }, 0) / squares.reduce((a, b) => a + b);
    expect(lora?.effectiveRank?.value).toBeCloseTo(mean, 4);
    expect(lora?.effectiveRank?.error).toBe(0);
  });

  test('the same for any number of threads', async () => {
    for (const threads of [1, 3])
      expect({ ...(await compare(paths, { threads })), seconds: 0 }).toEqual({ ...result, seconds: 0 });
  });

  test('without single entries: the same products, and null for the rest', async () => {
    const quick = await compare(paths, { entrywise: false });
    expectClose(quick.all.cosines, result.all.cosines, 12);
    expectClose(quick.tensors[0]?.norms, result.tensors[0]?.norms, 12);
    const none = paths.map(() => null);
    expect(quick.all).toMatchObject({ zeros: none, sparsity: none, agreements: paths.map(() => none) });
  });
});

test('low-rank vectors alone', async () => {
  const some = [at('lora.gguf'), at('thin.gguf')];
  for (const entrywise of [true, false]) {
    const result = await compare(some, { entrywise });
    const expected = referenceOf(matrices, [
      vectors['lora.gguf'] as Tensors,
      vectors['thin.gguf'] as Tensors,
    ]);
    const { zeros: _z, sparsity: _s, agreements: _a, ...products } = expected;
    expectLike(result.all, entrywise ? expected : products, 9);
  }
});

test('opposite, equal and orthogonal poles', async () => {
  const values = gaussian(64 * 50, 20);
  writeVector(at('plus.gguf'), [64, 50], values);
  writeVector(
    at('minus.gguf'),
    [64, 50],
    values.map(x => -x),
  );
  const { all } = await compare([at('plus.gguf'), at('minus.gguf'), at('plus.gguf')]);
  expectClose(
    all.common,
    [
      [1, 0, 1],
      [0, 1, 0],
      [1, 0, 1],
    ],
    12,
  );
  expectClose(
    all.cosines,
    [
      [1, -1, 1],
      [-1, 1, -1],
      [1, -1, 1],
    ],
    12,
  );
  expect(all.agreements).toEqual([
    [1, 0, 1],
    [0, 1, 0],
    [1, 0, 1],
  ]);
});

describe('the estimate of a dense effective rank', () => {
  test('is 1 for rank 1, whatever the signs', async () => {
    const [left, right] = [gaussian(90, 1), gaussian(200, 2)];
    const matrix = Float32Array.from(
      { length: 90 * 200 },
      (_, i) => (left[Math.floor(i / 200)] ?? 0) * (right[i % 200] ?? 0),
    );
    writeVector(at('one.gguf'), [200, 90], matrix);
    const { tensors } = await compare([at('one.gguf')], { seed: 5 });
    expect(tensors[0]?.effectiveRanks[0]?.value).toBeCloseTo(1, 5);
    expect(tensors[0]?.effectiveRanks[0]?.error).toBeLessThan(1e-5);
  });

  test.each([
    ['flat', () => 1],
    ['falling', (k: number) => 0.9 ** k],
    ['steep', (k: number) => 0.5 ** k],
  ])('%s spectrum: its error is its spread over seeds', async (_name, size) => {
    // Rows of different sizes: a spectrum between the two extremes of random matrices.
    const matrix = gaussian(150 * 200, 7).map((x, i) => x * size(Math.floor(i / 200)));
    writeVector(at('spectrum.gguf'), [200, 150], matrix);
    const truth = participation(Float64Array.from(matrix), 200);
    const found = [];
    for (let seed = 0; seed < 40; seed++) {
      const { tensors } = await compare([at('spectrum.gguf')], { seed });
      found.push(tensors[0]?.effectiveRanks[0] ?? { value: 0, error: 0 });
    }
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    const off = Math.sqrt(mean(found.map(({ value }) => (value - truth) ** 2)));
    const stated = mean(found.map(({ error }) => error));
    expect(off / truth).toBeLessThan(0.2);
    expect(stated / off).toBeGreaterThan(0.6);
    expect(stated / off).toBeLessThan(1.7);
  });
});

describe('refuses and stops', () => {
  test.each([
    ['a model', () => writeModel(at('other.gguf'), [40, 33], gaussian(40 * 33, 1)), 'mismatch'],
    [
      'another shape',
      () =>
        writeGguf(at('other.gguf'), vectorMetadata, [
          { name: 'output.weight', shape: [20, 300], values: gaussian(6000, 1) },
        ]),
      'mismatch',
    ],
    [
      'another architecture',
      () =>
        writeGguf(at('other.gguf'), { ...vectorMetadata, 'general.architecture': 'qwen2' }, [
          { name: WEIGHT, shape: [4, 4], values: gaussian(16, 1) },
        ]),
      'mismatch',
    ],
    ['NaN', () => writeVector(at('other.gguf'), [4, 4], [...gaussian(15, 1), Number.NaN]), 'not_finite'],
    [
      'an infinite factor',
      () => writeAdapter(at('other.gguf'), [2, 2], 1, [1, Infinity], [1, 1]),
      'not_finite',
    ],
  ])('%s', async (_what, write, code) => {
    write();
    for (const entrywise of [true, false])
      expect(await failure(() => compare([at('dense.gguf'), at('other.gguf')], { entrywise }))).toMatchObject(
        {
          code,
          file: at('other.gguf'),
        },
      );
  });

  test('nonsense', async () => {
    for (const call of [
      () => compare([]),
      () => compare([7 as never]),
      () => compare(paths, { entrywise: 'no' as never }),
      () => compare(paths, { seed: -1 }),
    ])
      expect(await failure(call)).toMatchObject({ code: 'invalid_argument' });
  });

  test('reports progress, and stops when asked', async () => {
    const large = new Uint8Array(1 << 23);
    const tensors = Array.from({ length: 16 }, (_, i) => ({
      name: `blk.${i}.x.weight`,
      shape: [2048, 1024],
      raw: large,
    }));
    writeGguf(at('large.gguf'), vectorMetadata, tensors);
    const seen: JobProgress[] = [];
    await compare([at('large.gguf')], { onProgress: progress => seen.push(progress) });
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)).toMatchObject({ unit: 'bytes', done: 16 << 23, total: 16 << 23 });
    const controller = new AbortController();
    let aborted = 0;
    const error = await failure(() =>
      compare([at('large.gguf'), at('large.gguf')], {
        signal: controller.signal,
        onProgress: () => {
          aborted ||= Date.now();
          controller.abort();
        },
      }),
    );
    expect(error).toMatchObject({ code: 'cancelled' });
    expect(Date.now() - aborted).toBeLessThan(1000);
  });
});
