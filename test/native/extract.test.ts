/** Making vectors: exactness, the round trip, and precise refusals. */
import { describe, expect, test } from 'vitest';
import { bake, extract, readGguf } from '../../native-merge/index.js';
import {
  fromBf16,
  fromHalf,
  type StoredType,
  type TestTensor,
  type TestValue,
  toBf16,
  toHalf,
  writeGguf,
} from './helpers/gguf.ts';
import {
  adapterMetadata,
  bytesOf,
  failure,
  gaussian,
  modelMetadata,
  valuesIn,
  WEIGHT,
  workspace,
  writeAdapter,
  writeModel,
} from './helpers/workspace.ts';

const at = workspace();
const shape: [number, number] = [96, 70];
const count = shape[0] * shape[1];
const metadata = { 'temperament.vector.trait': 'extraversion' };

/** A fine-tune: every weight moves by a small share of itself, as training at low rates does. */
function pair(type: StoredType): { base: Float32Array; tuned: Float32Array } {
  const round = {
    F32: Math.fround,
    F16: (x: number) => fromHalf(toHalf(x)),
    BF16: (x: number) => fromBf16(toBf16(x)),
  };
  const stored = round[type as keyof typeof round];
  const base = gaussian(count, 1, 0.05).map(stored);
  const step = gaussian(count, 2, 0.05);
  const tuned = base.map((x, i) => stored(x * (1 + Math.max(-0.3, Math.min(0.3, step[i] ?? 0)))));
  base[5] = tuned[5] = -0;
  return { base, tuned };
}

describe('dense vectors', () => {
  test.each([
    ['F32', 'f32'],
    ['F16', 'f16'],
    ['BF16', 'bf16'],
  ] as const)('base + 1 · (tuned − base) = tuned, bit for bit, from %s', async (type, out) => {
    const { base, tuned } = pair(type);
    writeModel(at('base.gguf'), shape, base, type);
    writeModel(at('tuned.gguf'), shape, tuned, type);
    await extract({ base: at('base.gguf'), tuned: at('tuned.gguf'), out: at('vector.gguf'), metadata });
    expect(valuesIn(at('vector.gguf'))).toEqual(tuned.map((x, i) => Math.fround(x - (base[i] ?? 0))));
    await bake({
      base: at('base.gguf'),
      out: at('out.gguf'),
      type: out,
      method: 'task_arithmetic',
      vectors: [{ path: at('vector.gguf'), id: 'a', weight: 1 }],
    });
    const data = (path: string) => bytesOf(path).subarray(readGguf(path).dataOffset);
    expect(data(at('out.gguf')).equals(data(at('tuned.gguf')))).toBe(true);
  });

  test('an F16 model comes back even where a weight changed beyond recognition', async () => {
    const base = gaussian(count, 3, 0.05).map(x => fromHalf(toHalf(x)));
    const tuned = gaussian(count, 4, 0.05).map(x => fromHalf(toHalf(x)));
    writeModel(at('base.gguf'), shape, base, 'F16');
    writeModel(at('tuned.gguf'), shape, tuned, 'F16');
    await extract({ base: at('base.gguf'), tuned: at('tuned.gguf'), out: at('vector.gguf') });
    const vectors = [{ path: at('vector.gguf'), id: 'a', weight: 1 }];
    await bake({
      base: at('base.gguf'),
      out: at('out.gguf'),
      type: 'f16',
      method: 'task_arithmetic',
      vectors,
    });
    expect(valuesIn(at('out.gguf'))).toEqual(tuned);
  });

  test('says how large each change is, leaves out what did not change, keeps metadata', async () => {
    const base = gaussian(count, 5);
    const tensors = (scale: number): TestTensor[] => [
      { name: WEIGHT, shape, values: base.map(x => x * scale) },
      { name: 'blk.0.attn_norm.weight', shape: [2], values: [3 * scale, 4 * scale] },
      { name: 'blk.0.same.weight', shape: [4], values: [1, 2, 3, 4] },
    ];
    writeGguf(at('base.gguf'), modelMetadata, tensors(1));
    writeGguf(at('tuned.gguf'), modelMetadata, tensors(1.5));
    const result = await extract({
      base: at('base.gguf'),
      tuned: at('tuned.gguf'),
      out: at('vector.gguf'),
      type: 'f16',
      metadata,
    });
    expect(result).toMatchObject({ kind: 'dense', entries: count + 2 });
    const [matrix, norm, same] = result.layers;
    const length = Math.sqrt(base.reduce((sum, x) => sum + x * x, 0));
    expect(matrix?.baseNorm).toBeCloseTo(length, 8);
    expect(matrix?.relative).toBeCloseTo(0.5, 6);
    expect(norm).toEqual({ tensor: 'blk.0.attn_norm.weight', norm: 2.5, baseNorm: 5, relative: 0.5 });
    expect(same).toMatchObject({ norm: 0, relative: 0 });
    expect(result.norm).toBeCloseTo(Math.hypot(length / 2, 2.5), 5);
    const info = readGguf(at('vector.gguf'));
    expect(info.metadata).toEqual({
      'general.architecture': 'llama',
      'general.type': 'personality-vector',
      ...metadata,
    });
    expect(info.tensors.map(({ name, type }) => [name, type])).toEqual([
      [WEIGHT, 'F16'],
      ['blk.0.attn_norm.weight', 'F32'],
    ]);
  });

  test('norms and bytes do not depend on the threads', async () => {
    writeModel(at('base.gguf'), [512, 300], gaussian(153_600, 6));
    writeModel(at('tuned.gguf'), [512, 300], gaussian(153_600, 7));
    const run = async (threads: number) => {
      const options = { base: at('base.gguf'), tuned: at('tuned.gguf'), out: at('vector.gguf'), threads };
      const { seconds, ...result } = await extract(options);
      return [result, bytesOf(at('vector.gguf')).toString('base64')];
    };
    expect(await run(1)).toEqual(await run(6));
  });
});

/** Metadata and tensors of a file. */
type Content = [Record<string, TestValue>, TestTensor[]];

describe('refusals name what differs', () => {
  const refusal = async (
    tuned: Content,
    base: Content = [modelMetadata, [{ name: WEIGHT, shape, values: gaussian(count, 8) }]],
  ) => {
    writeGguf(at('base.gguf'), ...base);
    writeGguf(at('tuned.gguf'), ...tuned);
    return failure(() =>
      extract({ base: at('base.gguf'), tuned: at('tuned.gguf'), out: at('refused.gguf') }),
    );
  };
  const matrix: TestTensor = { name: WEIGHT, shape, values: gaussian(count, 9) };

  test.each<[string, Content, string[]]>([
    [
      'architecture',
      [{ ...modelMetadata, 'general.architecture': 'qwen2' }, [matrix]],
      ["'llama'", "'qwen2'"],
    ],
    [
      'vocabulary size',
      [{ ...modelMetadata, 'tokenizer.ggml.tokens': ['<s>'] }, [matrix]],
      ['5 tokens', '1 in'],
    ],
    [
      'a token',
      [{ ...modelMetadata, 'tokenizer.ggml.tokens': ['<s>', '</s>', 'b', 'ß', 'c'] }, [matrix]],
      ['token 2', "'a'", "'b'"],
    ],
    ['a shape', [modelMetadata, [{ ...matrix, shape: [70, 96] }]], [WEIGHT, '[96, 70]', '[70, 96]']],
    ['a missing tensor', [modelMetadata, []], [WEIGHT, 'missing']],
    [
      'an additional tensor',
      [modelMetadata, [matrix, { ...matrix, name: 'output.weight' }]],
      ['output.weight', 'missing'],
    ],
    ['nothing at all', [modelMetadata, [{ ...matrix, values: gaussian(count, 8) }]], ['exactly the weights']],
  ])('%s', async (_name, tuned, words) => {
    const error = await refusal(tuned);
    expect(error.code).toBe('mismatch');
    for (const word of [...words, at('tuned.gguf')]) expect(error.message).toContain(word);
  });

  test('quantised sources', async () => {
    const error = await refusal([modelMetadata, [{ ...matrix, type: 'Q8_0' }]]);
    expect(error).toMatchObject({ code: 'unsupported_type', file: at('tuned.gguf'), tensor: WEIGHT });
    expect(error.message).toMatch(/Q8_0.*F32, F16 or BF16/);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('%f in a weight', async bad => {
    const values = gaussian(count, 10);
    values[count - 1] = bad;
    const error = await refusal([modelMetadata, [{ ...matrix, values }]]);
    expect(error).toMatchObject({ code: 'not_finite', file: at('tuned.gguf'), tensor: WEIGHT });
    const inBase = await refusal(
      [modelMetadata, [matrix]],
      [modelMetadata, [{ ...matrix, values, type: 'F16' }]],
    );
    expect(inBase).toMatchObject({ code: 'not_finite', file: at('base.gguf'), tensor: WEIGHT });
  });

  test('a vector in the place of a model', async () => {
    const vector: [Record<string, string>, TestTensor[]] = [
      { 'general.architecture': 'llama', 'general.type': 'personality-vector' },
      [matrix],
    ];
    expect(await refusal(vector)).toMatchObject({ code: 'mismatch', file: at('tuned.gguf') });
    expect(await refusal([modelMetadata, [matrix]], vector)).toMatchObject({
      code: 'mismatch',
      file: at('base.gguf'),
    });
  });
});

describe('from an adapter', () => {
  const rank = 4;
  const a = gaussian(shape[0] * rank, 11);
  const b = gaussian(shape[1] * rank, 12);

  test('factors and alpha are kept, the change is measured', async () => {
    const base = gaussian(count, 13);
    writeModel(at('base.gguf'), shape, base, 'Q8_0');
    writeAdapter(at('adapter.gguf'), shape, rank, a, b, 2);
    const result = await extract({
      base: at('base.gguf'),
      tuned: at('adapter.gguf'),
      out: at('vector.gguf'),
      metadata,
    });
    expect(result).toMatchObject({ kind: 'low_rank', entries: a.length + b.length });
    let square = 0;
    for (let row = 0; row < shape[1]; row++) {
      for (let column = 0; column < shape[0]; column++) {
        let sum = 0;
        for (let k = 0; k < rank; k++) sum += (b[row * rank + k] ?? 0) * (a[k * shape[0] + column] ?? 0);
        square += (0.5 * sum) ** 2;
      }
    }
    expect(result.norm / Math.sqrt(square)).toBeCloseTo(1, 6);
    const info = readGguf(at('vector.gguf'));
    expect(info.metadata).toEqual({ ...adapterMetadata, 'adapter.lora.alpha': 2, ...metadata });
    expect(valuesIn(at('vector.gguf'), `${WEIGHT}.lora_a`)).toEqual(a);
    expect(valuesIn(at('vector.gguf'), `${WEIGHT}.lora_b`)).toEqual(b);
  });

  test.each([
    ['a tensor the base lacks', { 'x.weight.lora_a': [96, 4], 'x.weight.lora_b': [4, 70] }, 'x.weight'],
    ['the wrong width', { [`${WEIGHT}.lora_a`]: [95, 4], [`${WEIGHT}.lora_b`]: [4, 70] }, '[95, 70]'],
    ['ranks that differ', { [`${WEIGHT}.lora_a`]: [96, 4], [`${WEIGHT}.lora_b`]: [3, 70] }, 'do not fit'],
    ['half a pair', { [`${WEIGHT}.lora_a`]: [96, 4] }, 'only one'],
    ['a stranger', { 'x.weight': [96, 4] }, 'no LoRA factor'],
  ])('%s', async (_name, factors, words) => {
    writeModel(at('base.gguf'), shape, gaussian(count, 14));
    const tensors = Object.entries(factors).map(([name, size]) => ({
      name,
      shape: size,
      values: gaussian((size[0] ?? 0) * (size[1] ?? 0), 15),
    }));
    writeGguf(at('adapter.gguf'), adapterMetadata, tensors);
    const error = await failure(() =>
      extract({ base: at('base.gguf'), tuned: at('adapter.gguf'), out: at('refused.gguf') }),
    );
    expect(error).toMatchObject({ code: 'mismatch', file: at('adapter.gguf') });
    expect(error.message).toContain(words);
  });
});
