/** Mixes of quantised types: llama.cpp's choice of types, values close to the float32 mix, and nothing left when it ends early. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type BakeOptions,
  bake,
  type JobProgress,
  type QuantizedType,
  readGguf,
} from '../../native-merge/index.js';
import { type TestTensor, type TestValue, tensorValues, writeGguf } from './helpers/gguf.ts';
import {
  bytesOf,
  failure,
  filesIn,
  gaussian,
  imatrixMetadata,
  random,
  workspace,
  writeImatrix,
} from './helpers/workspace.ts';

const at = workspace();
const demo = fileURLToPath(new URL('../../resources/demo/', import.meta.url));
const outputs = at('outputs');
mkdirSync(outputs);

const recipe = JSON.stringify({ version: 1, weights: { extraversion: 1 } });
const options = (type: BakeOptions['type'], changes: Partial<BakeOptions> = {}): BakeOptions => ({
  base: `${demo}base.gguf`,
  out: `${outputs}/${type}.gguf`,
  type,
  method: 'task_arithmetic',
  vectors: [
    { path: `${demo}vectors/extraversion-high.gguf`, id: 'extraversion-high', weight: 1 },
    { path: `${demo}vectors/openness-low.gguf`, id: 'openness-low', weight: 0.5 },
  ],
  metadata: { 'temperament.recipe': recipe },
  ...changes,
});

const typesIn = (path: string) => new Map(readGguf(path).tensors.map(({ name, type }) => [name, type]));
const kindOf = (name: string) => name.replace(/^blk\.\d+\./, '').replace('.weight', '');

/** A model of the llama architecture with everything that llama.cpp asks for. shapes by tensor name. */
function writeLlama(
  path: string,
  tensors: TestTensor[],
  metadata: Record<string, TestValue> = {},
  width = 256,
): string {
  return writeGguf(
    path,
    {
      'general.architecture': 'llama',
      'llama.block_count': 2,
      'llama.context_length': 64,
      'llama.embedding_length': width,
      'llama.feed_forward_length': 512,
      'llama.attention.head_count': 4,
      'llama.attention.layer_norm_rms_epsilon': { float32: 1e-5 },
      'llama.rope.dimension_count': width / 4,
      'tokenizer.ggml.tokens': ['a', 'b'],
      ...metadata,
    },
    tensors,
  );
}
const matrix = (name: string, columns: number, rows: number, seed = 1): TestTensor => ({
  name,
  shape: [columns, rows],
  values: gaussian(columns * rows, seed, 0.05),
});

const disk = at('disk');
mkdirSync(disk);
const mounted =
  process.platform === 'linux' &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'native-merge-test', disk]).status === 0;
if (!mounted) console.warn('SKIPPED: full-disk tests need the right to mount a tmpfs (root on Linux).');
afterAll(() => {
  if (mounted) spawnSync('umount', [disk]);
});

beforeAll(async () => {
  await bake(options('f32'));
});

/** Root mean square of the differences from the float32 mix, over that of its values, for quantised tensors. */
async function error(path: string): Promise<number> {
  const back = at('back.gguf');
  await bake({ base: path, out: back, type: 'f32', method: 'task_arithmetic', vectors: [] });
  const exact = `${outputs}/f32.gguf`;
  const [one, two] = [readGguf(exact).tensors, readGguf(back).tensors];
  let difference = 0;
  let size = 0;
  for (const [name, type] of typesIn(path)) {
    const [a, b] = [tensorValues(exact, one, name), tensorValues(back, two, name)];
    if (type === 'F32') expect(b).toEqual(a);
    else
      for (const [i, value] of a.entries()) {
        difference += (value - (b[i] ?? Number.NaN)) ** 2;
        size += value ** 2;
      }
  }
  return Math.sqrt(difference / size);
}

describe('the demo model', () => {
  test.each<[QuantizedType, number, Record<string, string>]>([
    ['q6_k', 0.025, { ffn_down: 'Q6_K' }],
    ['q5_k_m', 0.045, { attn_q: 'Q5_K' }],
    ['q5_k_s', 0.05, { attn_q: 'Q5_K', attn_v: 'Q5_K', ffn_down: 'Q5_K' }],
    ['q5_1', 0.06, { attn_q: 'Q5_1', ffn_down: 'Q5_1' }],
    ['q5_0', 0.06, { attn_q: 'Q5_0', ffn_down: 'Q5_0' }],
    ['q4_k_m', 0.09, { attn_q: 'Q4_K', ffn_up: 'Q4_K' }],
    ['q4_k_s', 0.09, { attn_q: 'Q4_K', ffn_up: 'Q4_K' }],
    ['q4_1', 0.11, { attn_q: 'Q4_1' }],
    ['q4_0', 0.11, { attn_q: 'Q4_0', ffn_down: 'Q4_0' }],
    ['iq4_nl', 0.1, { attn_q: 'IQ4_NL' }],
    ['iq4_xs', 0.1, { attn_q: 'IQ4_XS' }],
    ['q3_k_l', 0.2, { attn_v: 'Q5_K', attn_output: 'Q5_K', ffn_down: 'Q5_K', attn_q: 'Q3_K' }],
    ['q3_k_m', 0.2, { attn_output: 'Q4_K', attn_q: 'Q3_K' }],
    ['q3_k_s', 0.2, { attn_output: 'Q3_K', attn_q: 'Q3_K' }],
    ['iq3_s', 0.25, { attn_q: 'IQ3_S' }],
    ['q2_k', 0.35, { attn_q: 'Q2_K', attn_output: 'Q3_K' }],
  ])('%s', async (type, limit, some) => {
    const result = await bake(options(type));
    expect(result.notes).toEqual([]);
    const types = typesIn(`${outputs}/${type}.gguf`);
    for (const [name, stored] of types) {
      const [, expected] = Object.entries(some).find(([kind]) => kindOf(name) === kind) ?? [];
      if (expected) expect([name, stored]).toEqual([name, expected]);
      expect(stored === 'F32').toBe(name.endsWith('norm.weight'));
      // The embeddings are the output layer too, which llama.cpp keeps finer.
      if (name === 'token_embd.weight') expect(['Q6_K', 'Q8_0']).toContain(stored);
    }
    const found = await error(`${outputs}/${type}.gguf`);
    expect(found).toBeLessThan(limit);
    expect(found).toBeGreaterThan(limit / 10);
  });

  test('the mix of q4_k_m takes more bits where llama.cpp does', async () => {
    const types = typesIn(`${outputs}/q4_k_m.gguf`);
    expect([...types].filter(([name]) => /attn_v|ffn_down/.test(name)).map(([, type]) => type)).toContain(
      'Q6_K',
    );
    expect(types.get('blk.0.attn_v.weight')).toBe('Q4_K');
  });

  test('the same bytes for any threads and stretch', async () => {
    await bake(options('q4_k_m'));
    const first = bytesOf(`${outputs}/q4_k_m.gguf`);
    for (const [threads, stretch] of [
      [1, 4096],
      [3, undefined],
      [7, 65536],
    ]) {
      await bake(options('q4_k_m', { out: at('again.gguf'), threads, stretch }));
      expect(bytesOf(at('again.gguf')).equals(first)).toBe(true);
    }
  });

  test('metadata, tokenizer, chat template and recipe survive', async () => {
    const source = readGguf(`${demo}base.gguf`).metadata;
    const { metadata } = readGguf(`${outputs}/q4_k_m.gguf`);
    expect(source['tokenizer.chat_template']).toBeTypeOf('string');
    expect(metadata).toEqual({
      ...source,
      'general.file_type': 15,
      'general.quantization_version': 2,
      'temperament.recipe': recipe,
    });
  });

  test('an unchanged tensor that has its type already keeps its bytes', async () => {
    const base = `${outputs}/q4_k_m.gguf`;
    await bake(options('q4_k_m', { base, out: at('copy.gguf'), vectors: [] }));
    expect(bytesOf(at('copy.gguf')).equals(bytesOf(base))).toBe(true);
  });
});

describe('an importance matrix', () => {
  const sizes = () =>
    readGguf(`${demo}base.gguf`)
      .tensors.filter(({ name, shape }) => shape.length === 2 && name.startsWith('blk'))
      .map(({ name, shape }): [string, number] => [name, shape[0] ?? 0]);

  test('guides the rounding and is noted in the file', async () => {
    const imatrix = writeImatrix(at('own.imatrix.gguf'), sizes());
    await bake(options('q4_k_m', { out: at('guided.gguf'), imatrix }));
    expect(readGguf(at('guided.gguf')).metadata).toMatchObject({
      'quantize.imatrix.file': 'own.imatrix.gguf',
      'quantize.imatrix.dataset': 'wiki.txt',
      'quantize.imatrix.entries_count': sizes().length,
      'quantize.imatrix.chunks_count': 7,
    });
    await bake(options('q4_k_m'));
    expect(typesIn(at('guided.gguf'))).toEqual(typesIn(`${outputs}/q4_k_m.gguf`));
    expect(bytesOf(at('guided.gguf')).equals(bytesOf(`${outputs}/q4_k_m.gguf`))).toBe(false);
    expect(await error(at('guided.gguf'))).toBeLessThan(0.1);
  });

  test('columns that matter more are kept closer', async () => {
    const tensors = [matrix('token_embd.weight', 256, 2), matrix('blk.0.ffn_up.weight', 256, 64, 2)];
    const base = writeLlama(at('small.gguf'), tensors);
    const heavy = Array.from({ length: 256 }, (_, i) => (i % 8 === 0 ? 1e4 : 1));
    const imatrix = writeGguf(at('heavy.gguf'), imatrixMetadata, [
      { name: 'blk.0.ffn_up.weight.in_sum2', shape: [256], values: heavy },
      { name: 'blk.0.ffn_up.weight.counts', shape: [1], values: [1] },
    ]);
    const heavyError = async (guide?: string) => {
      await bake(options('q4_0', { base, vectors: [], out: at('q.gguf'), imatrix: guide }));
      await bake(options('f32', { base: at('q.gguf'), vectors: [], out: at('back.gguf') }));
      const [a, b] = [base, at('back.gguf')].map(path =>
        tensorValues(path, readGguf(path).tensors, 'blk.0.ffn_up.weight'),
      ) as [Float32Array, Float32Array];
      return a.reduce((sum, x, i) => sum + (i % 8 === 0 ? (x - (b[i] ?? 0)) ** 2 : 0), 0);
    };
    expect(await heavyError(imatrix)).toBeLessThan(0.5 * (await heavyError()));
  });

  test('is asked for by types that need one', async () => {
    const none = await failure(() => bake(options('iq2_xs')));
    expect(none).toMatchObject({ code: 'invalid_argument' });
    expect(none.message).toMatch(/importance matrix.*none was given/);
    const imatrix = writeImatrix(at('part.gguf'), sizes().slice(0, 3));
    const part = await failure(() => bake(options('iq2_xs', { imatrix })));
    expect(part).toMatchObject({ code: 'invalid_argument', file: imatrix });
    expect(part.message).toContain('has nothing for it');
    await bake(options('iq2_xs', { imatrix: writeImatrix(at('whole.gguf'), sizes()) }));
    expect([...typesIn(`${outputs}/iq2_xs.gguf`).values()]).toContain('IQ2_XS');
    rmSync(`${outputs}/iq2_xs.gguf`);
  });

  test.each([
    ['that is a model', () => `${demo}base.gguf`, 'mismatch', 'no importance matrix'],
    [
      'of another model',
      () => writeImatrix(at('other.gguf'), [['blk.99.ffn_up.weight', 256]]),
      'mismatch',
      'another model',
    ],
    [
      'of another size',
      () => writeImatrix(at('size.gguf'), [['blk.0.ffn_up.weight', 128]]),
      'mismatch',
      '128 values',
    ],
    [
      'without counts',
      () =>
        writeGguf(at('counts.gguf'), imatrixMetadata, [
          { name: 'blk.0.ffn_up.weight.in_sum2', shape: [256], values: gaussian(256, 1) },
        ]),
      'mismatch',
      'counts',
    ],
    ['in the older format', () => fileURLToPath(import.meta.url), 'not_gguf', 'llama-imatrix --in-file'],
    ['that is not there', () => at('nowhere.gguf'), 'io', 'nowhere.gguf'],
  ])('%s is refused', async (_name, write, code, words) => {
    const failed = await failure(() => bake(options('q4_k_m', { out: at('no.gguf'), imatrix: write() })));
    expect(failed.code).toBe(code);
    expect(failed.message).toContain(words);
  });

  test('with NaN is refused, and so is one for a type that takes none', async () => {
    const imatrix = writeGguf(at('nan.gguf'), imatrixMetadata, [
      { name: 'blk.0.ffn_up.weight.in_sum2', shape: [256], values: Array(256).fill(Number.NaN) },
      { name: 'blk.0.ffn_up.weight.counts', shape: [1], values: [1] },
    ]);
    expect(await failure(() => bake(options('q4_k_m', { imatrix })))).toMatchObject({ code: 'not_finite' });
    expect(await failure(() => bake(options('f16', { imatrix })))).toMatchObject({
      code: 'invalid_argument',
    });
  });
});

describe('shapes and models', () => {
  test('rows that the type cannot hold: the next best type, with a note', async () => {
    const base = writeLlama(
      at('odd.gguf'),
      [
        matrix('token_embd.weight', 96, 2),
        matrix('blk.0.ffn_up.weight', 96, 20, 2),
        matrix('blk.0.ffn_down.weight', 512, 10, 3),
        matrix('blk.1.ffn_up.weight', 36, 20, 4),
      ],
      {},
      96,
    );
    const { notes } = await bake(options('q4_k_s', { base, vectors: [], out: at('odd-out.gguf') }));
    expect(Object.fromEntries(typesIn(at('odd-out.gguf')))).toEqual({
      'token_embd.weight': 'Q8_0',
      'blk.0.ffn_up.weight': 'Q5_0',
      'blk.0.ffn_down.weight': 'Q4_K',
      'blk.1.ffn_up.weight': 'F16',
    });
    expect(notes.map(({ code, tensor }) => [code, tensor])).toEqual(
      ['blk.0.ffn_up.weight', 'blk.1.ffn_up.weight'].map(tensor => ['type_fallback', tensor]),
    );
    expect(notes[0]?.message).toMatch(/rows of 96 entries.*Q5_0/);
  });

  test('experts are quantised each with its own importances', async () => {
    const name = 'blk.0.ffn_down.weight';
    const values = gaussian(256 * 6 * 3, 8, 0.05);
    const next = random(3);
    const sums = Array.from({ length: 3 * 256 }, () => next());
    const counts = [2, 1, 4];
    /** The tensor's stored bytes. With an importance matrix, llama.cpp takes Q4_1 for the first of many ffn_down. */
    const quantised = async (tensor: TestTensor, importances: TestTensor[]) => {
      const embeddings = matrix('token_embd.weight', 256, 2);
      const base = writeLlama(at('experts.gguf'), [embeddings, tensor], { 'llama.block_count': 16 });
      const imatrix = writeGguf(at('experts.imatrix'), imatrixMetadata, importances);
      const out = at('experts-out.gguf');
      await bake(options('q4_0', { base, vectors: [], out, imatrix }));
      const { type, offset, bytes } = readGguf(out).tensors.find(found => found.name === name) ?? {};
      expect(type).toBe('Q4_1');
      return bytesOf(out).subarray(offset, (offset ?? 0) + (bytes ?? 0));
    };
    const whole = await quantised({ name, shape: [256, 6, 3], values }, [
      { name: `${name}.in_sum2`, shape: [256, 3], values: sums },
      { name: `${name}.counts`, shape: [1, 3], values: counts },
    ]);
    for (const [expert, count] of counts.entries()) {
      const own = values.subarray(expert * 1536, (expert + 1) * 1536);
      const part = await quantised({ name, shape: [256, 6], values: own }, [
        { name: `${name}.in_sum2`, shape: [256], values: sums.slice(expert * 256, (expert + 1) * 256) },
        { name: `${name}.counts`, shape: [1], values: [count] },
      ]);
      expect(whole.subarray(expert * part.length, (expert + 1) * part.length).equals(part)).toBe(true);
    }
  });

  test('a model that llama.cpp does not know, or that says too little, is refused in its words', async () => {
    const strange = writeLlama(at('strange.gguf'), [matrix('token_embd.weight', 256, 2)], {
      'general.architecture': 'phrenology',
    });
    const unknown = await failure(() =>
      bake(options('q4_k_m', { base: strange, vectors: [], out: at('no.gguf') })),
    );
    expect(unknown).toMatchObject({ code: 'unsupported_type', file: strange });
    expect(unknown.message).toMatch(/unknown model architecture.*phrenology/);
    await bake(options('q8_0', { base: strange, vectors: [], out: at('yes.gguf') }));

    const silent = writeGguf(at('silent.gguf'), { 'general.architecture': 'llama' }, [
      matrix('token_embd.weight', 256, 2),
    ]);
    const failed = await failure(() =>
      bake(options('q4_k_m', { base: silent, vectors: [], out: at('no.gguf') })),
    );
    expect(failed).toMatchObject({ code: 'unsupported_type', file: silent });
    expect(failed.message).toContain('llama.context_length');
  });

  test('values too large for the type', async () => {
    const values = gaussian(256 * 8, 1);
    values[77] = 3e38;
    const base = writeLlama(at('huge.gguf'), [
      matrix('token_embd.weight', 256, 2),
      { name: 'blk.0.ffn_up.weight', shape: [256, 8], values },
    ]);
    const failed = await failure(() =>
      bake(options('q4_0', { base, vectors: [], out: `${outputs}/huge.gguf` })),
    );
    expect(failed).toMatchObject({ code: 'not_finite', tensor: 'blk.0.ffn_up.weight' });
    expect(filesIn(outputs).filter(name => name.includes('huge'))).toEqual([]);
  });
});

describe('ending early', () => {
  const folder = at('early');
  mkdirSync(folder);
  const large = at('large.gguf');
  // 24 million entries: seconds of work for q3_k.
  const slow = (): BakeOptions => options('q3_k_m', { base: large, vectors: [], out: `${folder}/out.gguf` });
  const values = new Uint8Array(gaussian(1 << 16, 1, 0.05).buffer);
  const raw = Buffer.concat(Array.from({ length: 64 }, () => values));
  writeLlama(
    large,
    [
      matrix('token_embd.weight', 2048, 2),
      ...Array.from({ length: 6 }, (_, i) => ({
        name: `blk.${i % 2}.${['ffn_up', 'ffn_gate', 'ffn_down'][i >> 1]}.weight`,
        shape: [2048, 2048],
        raw,
      })),
    ],
    {},
    2048,
  );

  test('progress rises through mixing and quantising', async () => {
    const seen: JobProgress[] = [];
    await bake(slow(), { onProgress: progress => seen.push(progress) });
    const total = seen.at(-1)?.total ?? 0;
    expect(seen.at(-1)?.done).toBe(total);
    for (const [i, { done }] of seen.entries()) expect(done).toBeGreaterThanOrEqual(seen[i - 1]?.done ?? 0);
    // Reports come by time, so how far apart they are depends on the machine; mixing alone is not all of it.
    const steps = seen.map(({ done }, i) => done - (seen[i - 1]?.done ?? 0));
    expect(Math.max(...steps)).toBeLessThan(0.5 * total);
    expect(new Set(seen.map(({ tensor }) => tensor)).size).toBeGreaterThan(2);
    rmSync(`${folder}/out.gguf`);
  });

  test('cancelling takes effect within a second and leaves nothing', async () => {
    for (const share of [0.02, 0.3, 0.7]) {
      const controller = new AbortController();
      let aborted = 0;
      const job = bake(slow(), {
        signal: controller.signal,
        onProgress: ({ done, total }) => {
          if (aborted || done < share * total) return;
          aborted = Date.now();
          controller.abort();
        },
      });
      expect(await failure(() => job)).toMatchObject({ code: 'cancelled' });
      expect(Date.now() - aborted).toBeLessThan(1000);
      expect(filesIn(folder)).toEqual([]);
    }
  });

  test.skipIf(process.platform !== 'linux')('kill -9 at any moment leaves nothing', async () => {
    const index = fileURLToPath(new URL('../../native-merge/index.js', import.meta.url));
    const script = `
      import { bake } from ${JSON.stringify(index)};
      console.log('ready');
      await bake(${JSON.stringify(slow())});`;
    const next = random(11);
    for (let i = 0; i < 6; i++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
      const ended = new Promise(resolve => child.once('exit', resolve));
      await Promise.race([new Promise(resolve => child.stdout.once('data', resolve)), ended]);
      await new Promise(resolve => setTimeout(resolve, next() * 1500));
      child.kill('SIGKILL');
      await ended;
      // Whole if it was done already.
      for (const name of filesIn(folder)) {
        expect(name).toBe('out.gguf');
        expect(readGguf(`${folder}/${name}`).tensors.length).toBe(7);
        rmSync(`${folder}/${name}`);
      }
    }
  });

  test('two at once, to two files and to one', async () => {
    const [a, b] = ['a.gguf', 'b.gguf'].map(name => `${folder}/${name}`) as [string, string];
    await bake(options('q4_k_m', { out: at('alone.gguf') }));
    const alone = bytesOf(at('alone.gguf'));
    await Promise.all([a, b, a].map(out => bake(options('q4_k_m', { out }))));
    for (const path of [a, b]) expect(bytesOf(path).equals(alone)).toBe(true);
    expect(filesIn(folder)).toEqual(['a.gguf', 'b.gguf']);
    for (const path of [a, b]) rmSync(path);
  });

  test.skipIf(!mounted)('a full disk: room for the file and the work is looked for first', async () => {
    // The file takes 10 MiB, the largest tensor in float32 16 MiB.
    const failed = await failure(() => bake({ ...slow(), out: `${disk}/out.gguf` }));
    expect(failed).toMatchObject({ code: 'no_space', file: `${disk}/out.gguf` });
    expect(failed.message).toMatch(
      /needed \(16\.0 MiB of it for the time of the work\), 24\.0 MiB available/,
    );
    expect(filesIn(disk)).toEqual([]);
  });

  test.skipIf(!mounted)('a disk that fills up meanwhile', async () => {
    spawnSync('mount', ['-o', 'remount,size=40m', disk]);
    let taken = false;
    const failed = await failure(() =>
      bake(
        { ...slow(), out: `${disk}/out.gguf` },
        {
          onProgress: () => {
            if (!taken) expect(spawnSync('fallocate', ['-l', '22m', `${disk}/hog`]).status).toBe(0);
            taken = true;
          },
        },
      ),
    );
    expect(failed).toMatchObject({ code: 'no_space', file: `${disk}/out.gguf` });
    expect(filesIn(disk)).toEqual(['hog']);
  });
});
