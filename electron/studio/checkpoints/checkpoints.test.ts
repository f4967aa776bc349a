/** Folders as they should not be: every one is refused, with the file and what to do. */
import { cpSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StudioErrorData } from '../contract.ts';
import { toStudioError } from '../errors.ts';
import { planAdapter } from './adapter.ts';
import { planCheckpoint } from './checkpoint.ts';
import { llama3Factors } from './families.ts';
import { modelNameOf } from './files.ts';
import { tensorsIn, tensorsOf } from './safetensors.ts';

const FIXTURES = join(import.meta.dirname, '../../../test/fixtures/checkpoints');

let folder: string;
const at = (name: string) => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'checkpoint-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function refusal(work: Promise<unknown>): Promise<StudioErrorData> {
  try {
    await work;
  } catch (error) {
    return toStudioError(error).data;
  }
  throw new Error('It was not refused.');
}

/** A safetensors file of that header and as many bytes of data. */
function write(name: string, header: unknown, bytes: number, length?: bigint): string {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(length ?? BigInt(text.length));
  writeFileSync(at(name), Buffer.concat([size, text, Buffer.alloc(bytes)]));
  return at(name);
}

const tensor = (begin: number, end: number, dtype = 'F32', shape = [(end - begin) / 4]) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('safetensors files', () => {
  test('of every kind are read', async () => {
    const path = write(
      'a.safetensors',
      { __metadata__: { format: 'pt' }, x: tensor(8, 16), y: tensor(0, 8) },
      16,
    );
    const start = readFileSync(path).length - 16;
    expect(await tensorsOf(path)).toEqual([
      { name: 'x', path, dtype: 'F32', shape: [2], offset: start + 8, bytes: 8 },
      { name: 'y', path, dtype: 'F32', shape: [2], offset: start, bytes: 8 },
    ]);
  });

  const x = (value: unknown) => ({ x: value });
  test.each<[what: string, header: unknown, bytes: number, length: bigint | undefined, says: RegExp]>([
    ['a header of 100 GB', x(tensor(0, 8)), 8, 100_000_000_000n, /no safetensors file.*100000000000 bytes/],
    ['a header longer than the file', x(tensor(0, 8)), 8, 90_000n, /cut off/],
    ['a header that is no JSON', '{"x": ', 8, undefined, /no JSON/],
    ['a header that is a list', [1], 8, undefined, /no JSON object/],
    ['an entry that is none', x(7), 8, undefined, /does not say where/],
    ['an offset beyond the file', x(tensor(0, 80)), 8, undefined, /cut off: tensor “x” needs bytes up to/],
    ['an offset below zero', x(tensor(-8, 0)), 8, undefined, /does not say where/],
    [
      'an offset of 1e300',
      x({ ...tensor(0, 8), data_offsets: [0, 1e300] }),
      8,
      undefined,
      /does not say where/,
    ],
    [
      'an end before the beginning',
      x({ ...tensor(0, 8), data_offsets: [8, 0] }),
      8,
      undefined,
      /ends before/,
    ],
    ['a shape that its bytes do not fill', x(tensor(0, 8, 'F32', [3])), 8, undefined, /has 8 bytes, not 12/],
    ['a shape beyond all numbers', x(tensor(0, 8, 'F32', [2 ** 52, 2 ** 52])), 8, undefined, /has 8 bytes/],
    ['overlapping tensors', { x: tensor(0, 8), y: tensor(4, 12) }, 12, undefined, /“x” and “y” overlap/],
    ['the same place twice', { x: tensor(0, 8), y: tensor(0, 8) }, 8, undefined, /overlap/],
  ])('with %s are refused', async (_what, header, bytes, length, says) => {
    const path = write('a.safetensors', header, bytes, length);
    const found = await refusal(tensorsOf(path));
    expect(found).toMatchObject({ code: 'bad_file', file: path });
    expect(found.message).toMatch(says);
  });

  test('of a few bytes, of Git LFS and of pickle are refused by what they are', async () => {
    writeFileSync(at('a.safetensors'), 'abc');
    expect((await refusal(tensorsOf(at('a.safetensors')))).message).toContain('cut off');
    writeFileSync(at('a.safetensors'), 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n');
    expect((await refusal(tensorsOf(at('a.safetensors')))).action).toContain('git lfs pull');
    writeFileSync(at('a.safetensors'), 'PK\x03\x04 and so on');
    expect((await refusal(tensorsOf(at('a.safetensors')))).message).toContain('can run any program');
  });

  test('of any bytes are an error and nothing worse', async () => {
    const good = readFileSync(join(FIXTURES, 'qwen3/model.safetensors'));
    const header = 8 + Number(good.readBigUInt64LE());
    let state = 1;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    let refused = 0;
    for (let round = 0; round < 300; round++) {
      const bad = Buffer.from(good.subarray(0, random(4) ? good.length : random(good.length)));
      for (let n = random(4); n >= 0; n--)
        if (bad.length > 0) bad[random(Math.min(header, bad.length))] = random(256);
      writeFileSync(at('model.safetensors'), bad);
      const tensors = await tensorsOf(at('model.safetensors')).catch(error => {
        refused++;
        expect(toStudioError(error).data.code).toBe('bad_file');
        return [];
      });
      for (const { offset, bytes } of tensors) expect(offset + bytes).toBeLessThanOrEqual(bad.length);
    }
    expect(refused).toBeGreaterThan(100);
  });
});

describe('folders', () => {
  test('with weights in pickle files only are refused, with the reason', async () => {
    writeFileSync(at('pytorch_model.bin'), 'x');
    const found = await refusal(tensorsIn(folder, 'model'));
    expect(found).toMatchObject({ code: 'bad_file', file: at('pytorch_model.bin') });
    expect(found.message).toContain('can run any program');
  });

  test('that are none, or hold nothing, say so', async () => {
    writeFileSync(at('file'), '');
    expect((await refusal(tensorsIn(at('file'), 'model'))).code).toBe('bad_input');
    expect((await refusal(tensorsIn(folder, 'model'))).code).toBe('not_found');
    expect((await refusal(tensorsIn(at('absent'), 'model'))).code).toBe('not_found');
  });

  describe('of several files', () => {
    const INDEX = 'model.safetensors.index.json';
    beforeEach(() => cpSync(join(FIXTURES, 'mistral'), folder, { recursive: true }));
    const edit = (change: (map: Record<string, string>) => void) => {
      const index = JSON.parse(readFileSync(at(INDEX), 'utf8'));
      change(index.weight_map);
      writeFileSync(at(INDEX), JSON.stringify(index));
    };

    test('need all of them', async () => {
      unlinkSync(at('model-00002-of-00003.safetensors'));
      const missing = { code: 'not_found', file: at('model-00002-of-00003.safetensors') };
      expect(await refusal(planCheckpoint(folder, 'auto'))).toMatchObject(missing);
      unlinkSync(at(INDEX));
      expect((await refusal(planCheckpoint(folder, 'auto'))).message).toContain('2 of the 3 files');
    });

    test('need an index that is right', async () => {
      edit(map => {
        map['model.norm.weight'] = 'model-00001-of-00003.safetensors';
      });
      expect((await refusal(planCheckpoint(folder, 'auto'))).message).toContain('and it is not');
      edit(map => {
        delete map['model.norm.weight'];
      });
      expect((await refusal(planCheckpoint(folder, 'auto'))).message).toContain('does not know the tensor');
      for (const name of ['../model.safetensors', '/etc/passwd', 'a\\b.safetensors', 'config.json']) {
        edit(map => {
          map['model.norm.weight'] = name;
        });
        const found = await refusal(planCheckpoint(folder, 'auto'));
        expect(found).toMatchObject({ code: 'bad_file', file: at(INDEX) });
      }
      writeFileSync(at(INDEX), '{');
      expect((await refusal(planCheckpoint(folder, 'auto'))).message).toContain('no JSON');
    });

    test('may do without an index', async () => {
      unlinkSync(at(INDEX));
      expect((await planCheckpoint(folder, 'auto')).tensors).toHaveLength(21);
    });
  });
});

describe('checkpoints', () => {
  beforeEach(() => cpSync(join(FIXTURES, 'llama3'), folder, { recursive: true }));
  const edit = (name: string, change: (value: Record<string, object>) => void) => {
    const value = JSON.parse(readFileSync(at(name), 'utf8'));
    change(value);
    writeFileSync(at(name), JSON.stringify(value));
  };
  const config = (change: Record<string, unknown>) =>
    edit('config.json', value => Object.assign(value, change));

  test.each<[change: Record<string, unknown>, code: string, says: string]>([
    [{ architectures: ['GPT2LMHeadModel'] }, 'bad_file', 'the class GPT2LMHeadModel'],
    [{ quantization_config: { quant_method: 'gptq' } }, 'bad_file', 'quantised checkpoint (gptq)'],
    [{ num_hidden_layers: 3 }, 'mismatch', 'no tensor “model.layers.2.'],
    [{ num_hidden_layers: 1 }, 'mismatch', 'has no place in a model of the architecture llama'],
    [{ hidden_size: 64 }, 'mismatch', 'config.json describes [291, 64]'],
    [{ tie_word_embeddings: false }, 'mismatch', 'no tensor “lm_head.weight”'],
    [{ rope_parameters: { rope_type: 'su' } }, 'bad_file', 'rope scaling of type su'],
    [{ rope_parameters: { rope_type: 'linear' } }, 'bad_file', 'gives no factor'],
    [{ hidden_size: 0 }, 'bad_file', 'hidden_size'],
    [{ vocab_size: 'many' }, 'bad_file', 'vocab_size'],
  ])('with %j in config.json are refused', async (change, code, says) => {
    config(change);
    const found = await refusal(planCheckpoint(folder, 'auto'));
    expect(found.code).toBe(code);
    expect(found.message).toContain(says);
  });

  test('of other dtypes are refused', async () => {
    const header = Object.fromEntries(
      (await tensorsOf(at('model.safetensors'))).map(({ name, shape }) => [
        name,
        { dtype: 'F8_E4M3', shape, data_offsets: [0, 0] },
      ]),
    );
    let offset = 0;
    for (const each of Object.values(header)) {
      const bytes = each.shape.reduce((a, b) => a * b, 1);
      each.data_offsets = [offset, offset + bytes];
      offset += bytes;
    }
    write('model.safetensors', header, offset);
    expect((await refusal(planCheckpoint(folder, 'auto'))).message).toContain('as F8_E4M3');
  });

  test('with an unknown or unfit tokeniser are refused', async () => {
    edit('tokenizer.json', value => {
      Object.assign(value, { pre_tokenizer: { type: 'Whitespace' } });
    });
    expect((await refusal(planCheckpoint(folder, 'auto'))).message).toContain('pre_tokenizer');
    edit('tokenizer.json', value => {
      Object.assign(value.model as object, { type: 'Unigram' });
    });
    expect((await refusal(planCheckpoint(folder, 'auto'))).message).toContain('type Unigram');
    cpSync(join(FIXTURES, 'mistral/tokenizer.json'), at('tokenizer.json'));
    const unfit = await refusal(planCheckpoint(folder, 'auto'));
    expect(unfit.message).toContain('the model’s embedding has 291 rows');
    writeFileSync(at('tokenizer.model'), 'no protobuf');
    expect((await refusal(planCheckpoint(folder, 'auto'))).message).toContain('no SentencePiece model');
    unlinkSync(at('tokenizer.model'));
    unlinkSync(at('tokenizer.json'));
    expect((await refusal(planCheckpoint(folder, 'auto'))).code).toBe('not_found');
  });

  test('say what they lack', async () => {
    unlinkSync(at('chat_template.jinja'));
    expect((await planCheckpoint(folder, 'auto')).notes.join()).toContain('no chat template');
    config({ rope_parameters: { rope_type: 'dynamic', factor: 2 } });
    expect((await planCheckpoint(folder, 'auto')).notes.join()).toContain('dynamic');
  });

  test('may name several chat templates, and one in three places', async () => {
    const texts = async () =>
      (await planCheckpoint(folder, 'auto')).metadata.filter(([key]) => key.startsWith('tokenizer.chat_'));
    expect((await texts())[0]?.[2]).toBe(readFileSync(at('chat_template.jinja'), 'utf8'));
    edit('tokenizer_config.json', value => {
      Object.assign(value, {
        chat_template: [
          { name: 'default', template: 'one' },
          { name: 'tool use', template: 'two' },
        ],
      });
    });
    expect(await texts()).toEqual([
      ['tokenizer.chat_template.tool_use', 'string', 'two'],
      ['tokenizer.chat_templates', 'strings', ['tool_use']],
      ['tokenizer.chat_template', 'string', 'one'],
    ]);
  });

  test('take their name from the folder, or from the repository in the cache', () => {
    expect(modelNameOf('/models/Llama-3.2-1B')).toBe('Llama-3.2-1B');
    expect(modelNameOf('/hub/models--unsloth--Llama-3.2-1B/snapshots/0123abc')).toBe('Llama-3.2-1B');
  });
});

const ROPE_1B = [
  ...Array(15).fill('1.00000000'),
  ...['1.65132928', '3.29226279', '9.66673088'],
  ...Array(14).fill('32.0000000'),
];

test('Llama 3.1’s frequencies are scaled as PyTorch computes it', () => {
  // From torch, float32, for Llama-3.2-1B: entries at both bounds and between.
  const found = llama3Factors({ dimensions: 64, theta: 500_000, factor: 32, low: 1, high: 4, context: 8192 });
  const printed = [...found].map(value => value.toPrecision(9));
  expect(printed).toEqual(ROPE_1B);
});

describe('adapters', () => {
  beforeEach(() => cpSync(join(FIXTURES, 'lora'), folder, { recursive: true }));
  const base = {
    files: ['base.gguf'],
    metadata: {
      'general.architecture': 'llama',
      'llama.attention.head_count': 4,
      'llama.attention.head_count_kv': 2,
    },
    tensors: Object.entries(
      (
        JSON.parse(readFileSync(join(FIXTURES, 'llama3/reference.json'), 'utf8')) as {
          tensors: Record<string, { shape: number[] }>;
        }
      ).tensors,
    ).map(([name, { shape }]) => ({ name, shape, type: 'BF16', bytes: 0, offset: 0, part: 0 })),
  };
  const config = (change: Record<string, unknown>) => {
    const value = JSON.parse(readFileSync(at('adapter_config.json'), 'utf8'));
    writeFileSync(at('adapter_config.json'), JSON.stringify({ ...value, ...change }));
  };

  test.each<[change: Record<string, unknown>, says: string]>([
    [{ use_dora: true }, 'DoRA also rescales every row'],
    [{ modules_to_save: ['lm_head'] }, 'it trained lm_head whole'],
    [{ bias: 'lora_only' }, 'biases'],
    [{ lora_bias: true }, 'biases'],
    [{ peft_type: 'IA3' }, 'of the type IA3'],
    [{ init_lora_weights: 'pissa' }, 'changing the base itself'],
    [{ layer_replication: [[0, 2]] }, 'repeats blocks'],
    [{ alora_invocation_tokens: [1] }, 'aLoRA'],
    [{ use_qalora: true }, 'variant of LoRA'],
    [{ fan_in_fan_out: true }, 'transposed'],
    [{ rank_pattern: {} }, 'the rank 4, and its factors have'],
    [{ alpha_pattern: { '(': 3 } }, 'cannot be read: “(”'],
    [{ r: 0 }, 'r: '],
    [{ lora_alpha: 0 }, 'lora_alpha'],
  ])('with %j are refused, with the reason', async (change, says) => {
    config(change);
    const found = await refusal(planAdapter(folder, base));
    expect(found).toMatchObject({ code: 'bad_file', file: at('adapter_config.json') });
    expect(found.message).toContain(says);
  });

  test('are refused with weights that are no factors, or one of two', async () => {
    const name = 'base_model.model.model.layers.0.self_attn.q_proj';
    const a = tensor(0, 256, 'F32', [2, 32]);
    for (const [other, says] of [
      ['base_model.model.lm_head.weight', 'was trained whole'],
      [`${name}.lora_magnitude_vector`, 'DoRA'],
      ['base_model.model.model.embed_tokens.lora_embedding_A', 'embedding'],
    ] as const) {
      write('adapter_model.safetensors', { [`${name}.lora_A.weight`]: a, [other]: tensor(256, 260) }, 260);
      expect((await refusal(planAdapter(folder, base))).message).toContain(says);
    }
    write('adapter_model.safetensors', { [`${name}.lora_A.weight`]: a }, 256);
    expect((await refusal(planAdapter(folder, base))).message).toContain('only one of the two factors');
    write('adapter_model.safetensors', {}, 0);
    expect((await refusal(planAdapter(folder, base))).message).toContain('no factors at all');
    writeFileSync(at('adapter_model.bin'), 'x');
    unlinkSync(at('adapter_model.safetensors'));
    expect((await refusal(planAdapter(folder, base))).message).toContain('can run any program');
  });

  test('are refused for another model', async () => {
    const wider = base.tensors.map(each => ({ ...each, shape: each.shape.map(n => 2 * n) }));
    expect((await refusal(planAdapter(folder, { ...base, tensors: wider }))).code).toBe('mismatch');
    const tied = base.tensors.filter(({ name }) => !name.startsWith('blk.1.'));
    expect((await refusal(planAdapter(folder, { ...base, tensors: tied }))).message).toContain(
      'has no blk.1.',
    );
    const other = { ...base.metadata, 'general.architecture': 'gptneox' };
    expect((await refusal(planAdapter(folder, { ...base, metadata: other }))).message).toContain('gptneox');
  });
});
