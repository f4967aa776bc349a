/** Hugging Face checkpoints and adapters, from tiny random ones: against llama.cpp's converters, and run by llama.cpp. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getLlama, type Llama, LlamaLogLevel } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tensorsIn } from '../../electron/studio/checkpoints/safetensors.ts';
import { openDatabase } from '../../electron/studio/log/database.ts';
import { Log } from '../../electron/studio/log/log.ts';
import { WorkerClient } from '../../electron/studio/worker-client.ts';
import { forkWorker } from '../../electron/workers/fork.ts';
import { bake, expand, readGguf } from '../../native-merge/index.js';
import { tensorValues } from '../native/helpers/gguf.ts';
import { openStudio, studioError, type TestStudio } from './studio.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/checkpoints');
const MODELS = [
  ...['llama2', 'llama3', 'mistral', 'nemo', 'qwen2', 'qwen3'],
  ...['gemma2', 'gemma3', 'gemma3vision', 'phi3', 'phi4'],
];

interface Reference {
  metadata: Record<string, unknown>;
  tensors: Record<string, { type: string; shape: number[]; sha256: string }>;
  texts: { text: string; tokens: number[] }[];
  likelihood: { text: string; tokens: number; logProbability: number };
  base: string;
  changes: Record<string, { norm: number; first: number[] }>;
}
const referenceOf = (name: string): Reference =>
  JSON.parse(readFileSync(join(FIXTURES, name, 'reference.json'), 'utf8'));

/** What a file holds, as reference.json has it. */
function contentsOf(path: string): Reference['tensors'] {
  const data = readFileSync(path);
  return Object.fromEntries(
    readGguf(path).tensors.map(({ name, type, shape, offset, bytes }) => [
      name,
      {
        type,
        shape,
        sha256: createHash('sha256')
          .update(data.subarray(offset, offset + bytes))
          .digest('hex'),
      },
    ]),
  );
}

let studio: TestStudio;
let llama: Llama;
const inference = new WorkerClient('inference', forkWorker, worker => worker.configure({ device: 'cpu' }));
const files = new Map<string, string>();

beforeAll(async () => {
  studio = await openStudio();
  llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error });
});

afterAll(async () => {
  inference.close();
  await llama.dispose();
  await studio.remove();
});

/** The fixture in the library; converted once. */
async function fileOf(name: string): Promise<string> {
  const known = files.get(name);
  if (known) return known;
  const run = await studio.end(
    'convert',
    studio.client.library.convert({ source: join(FIXTURES, name), name: `tiny ${name}` }),
  );
  expect(run.error).toBeNull();
  const path = run.result?.path as string;
  files.set(name, path);
  return path;
}

test('the languages of the model card stay with the model, and with what is baked from it, and it is asked in them', async () => {
  const folder = mkdtempSync(join(studio.home, 'card-'));
  cpSync(join(FIXTURES, 'llama3'), folder, { recursive: true });
  const listed = async (id: string) => {
    const { models } = await studio.client.library.models();
    return models.find(model => model.id === id)?.languages;
  };
  const convert = async (card: string, name: string) => {
    writeFileSync(join(folder, 'README.md'), card);
    const run = await studio.end('convert', studio.client.library.convert({ source: folder, name }));
    expect(run.error).toBeNull();
    return listed(name);
  };
  expect(await convert('---\nlicense: mit\nlanguage:\n- DE\n- de_AT\n---\n# A model\n', 'spoken')).toEqual([
    'de',
    'de-at',
  ]);
  expect(await convert('---\nlanguage: en\n---\n', 'english')).toEqual(['en']);
  expect(await convert('---\nlanguage: [&a de, *a\n---\n', 'torn')).toEqual([]);
  expect(await convert('# A model without a head', 'headless')).toEqual([]);

  const baked = await studio.end(
    'bake',
    studio.client.mixing.bake({
      recipe: { version: 2, base: 'spoken' },
      out: join(studio.home, 'models', 'spoken again.gguf'),
    }),
  );
  expect(baked.error).toBeNull();
  expect(await listed('spoken again')).toEqual(['de', 'de-at']);

  const asked = async (base: string, inventory?: string) => {
    const persona = { recipe: { version: 2 as const, base } };
    const run = await studio.end('assess', studio.client.assessment.assess({ persona, inventory }));
    expect(run.error).toBeNull();
    return run.input.inventory;
  };
  expect(await asked('spoken')).toBe('ipip-neo-120-de');
  expect(await asked('spoken', 'mini-ipip')).toBe('mini-ipip');
  expect(await asked('english')).toBe('ipip-50');
  expect(
    await studio.client.experiments.solve({
      persona: { recipe: { version: 2, base: 'spoken' } },
      profile: {},
    }),
  ).toBeNull();
});

async function likelihoodOf(model: string, text: string, adapter?: string) {
  const adapters = adapter ? [{ path: adapter, scale: 1 }] : [];
  for await (const found of inference.stream(worker =>
    worker.likelihood({ mix: { model, adapters }, texts: [text] }),
  ))
    return found;
  throw new Error('no likelihood');
}

describe.each(MODELS)('%s', name => {
  const reference = referenceOf(name);

  test('has the tensors of convert_hf_to_gguf.py, bit for bit', async () => {
    expect(contentsOf(await fileOf(name))).toEqual(reference.tensors);
  });

  test('has its metadata too, but for what is named here', async () => {
    const { metadata } = readGguf(await fileOf(name));
    const expected: Record<string, unknown> = { ...reference.metadata };
    expected['general.name'] = `tiny ${name}`;
    // Not written: nothing reads it.
    delete expected['general.size_label'];
    if (name === 'mistral') {
      // Without tokenizer.model the converter gives all tokens one score and takes [INST] for a word.
      const types = expected['tokenizer.ggml.token_type'] as number[];
      types.fill(3, -2);
      delete expected['tokenizer.ggml.scores'];
      delete metadata['tokenizer.ggml.scores'];
      expected['tokenizer.ggml.add_space_prefix'] = true;
    }
    if (name.startsWith('gemma3')) {
      // The converter takes the marks of turns for words where tokenizer.json alone says what they are.
      const types = expected['tokenizer.ggml.token_type'] as number[];
      expect(types.splice(4, 2, 3, 3)).toEqual([1, 1]);
    }
    expect(metadata).toEqual(expected);
  });

  test('reads texts as transformers does', async () => {
    const model = await llama.loadModel({ modelPath: await fileOf(name), vocabOnly: true });
    try {
      for (const { text, tokens } of reference.texts)
        expect({ text, tokens: [...model.tokenize(text, false)].map(Number) }).toEqual({ text, tokens });
    } finally {
      await model.dispose();
    }
  });

  test('gives a text the probability that transformers gives it', async () => {
    const { text, tokens, logProbability } = reference.likelihood;
    const found = await likelihoodOf(await fileOf(name), text);
    expect(found.tokens).toBe(tokens);
    // llama.cpp rounds the keys and values that it keeps to F16.
    expect(Math.abs(found.logProbability - logProbability)).toBeLessThan(0.02 * tokens);
  });
});

test('the probability of an answer does not depend on which others are asked for', async () => {
  const model = await fileOf('llama3');
  const rate = async (answers: string[]) => {
    const mix = { model, adapters: [] };
    for await (const found of inference.stream(worker =>
      worker.rate({ mix, system: '', prompts: ['How are you?'], answers }),
    ))
      return found.probabilities;
    throw new Error('no rating');
  };
  const letters = [...'abcdefghijklmnopqrstuvwxyz'];
  const together = await rate(letters);
  const alone: number[] = [];
  for (const letter of letters) alone.push((await rate([letter]))[0] as number);
  for (const [i, probability] of alone.entries()) expect(probability).toBeCloseTo(together[i] as number, 5);
  expect(together.reduce((a, b) => a + b)).toBeLessThan(1);
});

test.each(['gemma2', 'gemma3'])(
  '%s, which sees a window, rates the same alone and among others',
  async name => {
    const model = await fileOf(name);
    const prompts = ['one', 'another', 'a third'].map(
      word => `How well does this describe you? Answer with one letter, and think of ${word} first.`,
    );
    const rate = async (client: typeof inference, asked: string[]) => {
      const mix = { model, adapters: [] };
      const found: number[][] = [];
      const input = { mix, system: 'Be honest and brief.', prompts: asked, answers: ['a', 'b', 'c'] };
      for await (const each of client.stream(worker => worker.rate(input))) found.push(each.probabilities);
      return found;
    };
    const together = await rate(inference, prompts);
    for (const [i, prompt] of prompts.entries()) {
      const fresh = new WorkerClient('inference', forkWorker, worker => worker.configure({ device: 'cpu' }));
      try {
        const [alone] = await rate(fresh, [prompt]);
        for (const [j, probability] of (alone as number[]).entries())
          expect(together[i]?.[j]).toBeCloseTo(probability, 4);
      } finally {
        fresh.close();
      }
    }
  },
);

describe('a base and its fine-tune as folders', () => {
  /** The checkpoint of qwen2 with one matrix trained on. */
  function fineTune(): string {
    const folder = join(studio.home, 'qwen2-outgoing');
    cpSync(join(FIXTURES, 'qwen2'), folder, { recursive: true });
    const path = join(folder, 'model.safetensors');
    const data = readFileSync(path);
    const length = Number(data.readBigUInt64LE());
    const header = JSON.parse(data.toString('utf8', 8, 8 + length));
    const [begin] = header['model.layers.1.self_attn.k_proj.weight'].data_offsets;
    data.writeFloatLE(data.readFloatLE(8 + length + begin) + 0.5, 8 + length + begin);
    writeFileSync(path, data);
    return folder;
  }

  test('make the vector that their GGUF files make', async () => {
    const tuned = fineTune();
    const extract = async (base: string, from: string, out: string) => {
      const run = await studio.end(
        'extract',
        studio.client.library.extract({
          base,
          tuned: from,
          trait: 'extraversion',
          pole: 'high',
          out: join(studio.home, out),
        }),
      );
      expect(run.error).toBeNull();
      return run.result;
    };
    const folders = await extract(join(FIXTURES, 'qwen2'), tuned, 'folders.gguf');
    const converted = await studio.end(
      'convert',
      studio.client.library.convert({ source: tuned, out: join(studio.home, 'tuned.gguf') }),
    );
    const ggufs = await extract(await fileOf('qwen2'), converted.result?.path as string, 'ggufs.gguf');
    expect(folders?.form).toBe('dense');
    expect(folders?.norm).toBeCloseTo(0.5, 5);
    const changed = folders?.layers.filter(({ norm }) => norm > 0).map(({ tensor }) => tensor);
    expect(changed).toEqual(['blk.1.attn_k.weight']);
    expect(contentsOf(folders?.path as string)).toEqual(contentsOf(ggufs?.path as string));
    // Nothing of the conversions is left.
    const scratch = join(studio.home, 'cache', 'scratch');
    expect(readdirSync(scratch)).toEqual([]);
  });
});

describe('a PEFT adapter', () => {
  const adapterOf = async (name: string) => {
    const out = join(studio.home, `${name}.gguf`);
    if (existsSync(out)) return out;
    const run = await studio.end(
      'convert',
      studio.client.library.convert({
        source: join(FIXTURES, name),
        base: await fileOf(referenceOf(name).base),
        out,
      }),
    );
    expect(run.error).toBeNull();
    return out;
  };

  test.each(['lora', 'fused'])('%s has the tensors and metadata of convert_lora_to_gguf.py', async name => {
    const path = await adapterOf(name);
    const reference = referenceOf(name);
    expect(contentsOf(path)).toEqual(reference.tensors);
    const expected: Record<string, unknown> = { ...reference.metadata, 'general.name': name };
    delete expected['general.size_label'];
    expect(readGguf(path).metadata).toEqual(expected);
  });

  test.each(['lora', 'fused', 'rslora'])('%s changes the weights as peft does', async name => {
    const { changes, base } = referenceOf(name);
    const out = join(studio.home, `${name}-dense.gguf`);
    await expand({ adapter: await adapterOf(name), out });
    const { tensors } = readGguf(out);
    const fused = { qkv_proj: 'attn_qkv', gate_up_proj: 'ffn_up' };
    const layers = { q_proj: 'attn_q', k_proj: 'attn_k', v_proj: 'attn_v', o_proj: 'attn_output' };
    const inner = { gate_proj: 'ffn_gate', up_proj: 'ffn_up', down_proj: 'ffn_down' };
    const found = new Set<string>();
    for (const [module, { norm, first }] of Object.entries(changes)) {
      const [, block, layer] = /layers\.(\d+)\.\w+\.(\w+)$/.exec(module) ?? [];
      const known: Record<string, string> = { ...fused, ...layers, ...inner };
      const tensor = module === 'lm_head' ? 'output.weight' : `blk.${block}.${known[layer as string]}.weight`;
      const values = tensorValues(out, tensors, tensor);
      found.add(tensor);
      expect(Math.hypot(...values)).toBeCloseTo(norm, 4);
      // The first row stays the first, also where rows are taken by turns.
      for (const [i, value] of first.entries()) expect(values[i]).toBeCloseTo(value, 5);
    }
    expect([...found].sort()).toEqual(tensors.map(each => each.name).sort());
    expect(base).toBe({ lora: 'llama3', fused: 'phi3', rslora: 'qwen3' }[name]);
  });

  test.each(['lora', 'fused', 'rslora'])('%s gives a text the probability that peft gives it', async name => {
    const { likelihood, base } = referenceOf(name);
    const found = await likelihoodOf(await fileOf(base), likelihood.text, await adapterOf(name));
    const off = Math.abs(found.logProbability - likelihood.logProbability);
    expect(off).toBeLessThan(0.02 * likelihood.tokens);
    // The adapter matters more than that.
    const without = await likelihoodOf(await fileOf(base), likelihood.text);
    expect(Math.abs(without.logProbability - likelihood.logProbability)).toBeGreaterThan(10 * off);
  });

  test('becomes a vector in the library, which knows its base', async () => {
    await fileOf('llama3');
    const run = await studio.end(
      'extract',
      studio.client.library.extract({
        base: 'tiny llama3',
        tuned: join(FIXTURES, 'lora'),
        trait: 'openness',
        pole: 'high',
      }),
    );
    expect(run.error).toBeNull();
    expect(run.result).toMatchObject({ form: 'low-rank' });
    expect(run.result?.notes.join()).toContain('llama3');
    const [{ models }, { vectors }] = await Promise.all([
      studio.client.library.models(),
      studio.client.library.vectors(),
    ]);
    const base = models.find(({ id }) => id === 'tiny llama3');
    const vector = vectors.find(({ path }) => path === run.result?.path);
    expect(vector).toMatchObject({ trait: 'openness', rank: 6, backbone: base?.backbone });
  });

  test.each(['saved', 'savedturned'])(
    'that saved modules whole, %s, is the dense vector of what peft’s own merge changes',
    async name => {
      const reference = JSON.parse(readFileSync(join(FIXTURES, name, 'reference.json'), 'utf8')) as {
        base: string;
        changes: Record<string, { norm: number; first: number[] }>;
        likelihood: { text: string; tokens: number; logProbability: number };
      };
      const base = await fileOf(reference.base);
      const out = join(studio.home, 'vectors', `whole-${name}.gguf`);
      const plan = {
        base,
        tuned: join(FIXTURES, name),
        trait: 'openness' as const,
        pole: 'high' as const,
        out,
      };
      const run = await studio.end('extract', studio.client.library.extract(plan));
      expect(run.error).toBeNull();
      expect(run.result).toMatchObject({ form: 'dense' });
      expect(run.result?.notes.join(' ')).toContain('whole, so the vector is dense');

      // The same tensors, by the names of the checkpoint and with rows as transformers has them.
      const folder = join(studio.home, `whole-${name}`);
      const exported = await studio.end(
        'convert',
        studio.client.library.convert({ source: out, out: folder }),
      );
      expect(exported.error).toBeNull();
      const stored = await tensorsIn(folder, 'model');
      expect([...stored.keys()].sort()).toEqual(Object.keys(reference.changes).sort());
      for (const [tensor, { path, offset, bytes }] of stored) {
        const values = readFileSync(path).subarray(offset, offset + bytes);
        const floats = Array.from({ length: bytes / 4 }, (_, i) => values.readFloatLE(i * 4));
        const { norm, first } = reference.changes[tensor] ?? { norm: 0, first: [] };
        expect(Math.hypot(...floats) / norm).toBeCloseTo(1, 5);
        for (const [i, value] of first.entries()) expect(floats[i]).toBeCloseTo(value, 5);
      }

      const id = `whole-${name}`;
      expect((await studio.client.library.vectors()).vectors.find(vector => vector.id === id)?.form).toBe(
        'dense',
      );
      const adapter = { source: join(FIXTURES, name), base, out: join(studio.home, `${name}.lora.gguf`) };
      const refused = await studio.end('convert', studio.client.library.convert(adapter));
      expect(refused.error).toMatchObject({
        code: 'bad_file',
        message: expect.stringContaining('modules_to_save'),
      });
      expect(refused.error?.action).toContain('extract');
    },
  );

  test('that saved modules whole for another vocabulary is refused, and leaves nothing behind', async () => {
    const broken = join(studio.home, 'saved-cut');
    cpSync(join(FIXTURES, 'saved'), broken, { recursive: true });
    const path = join(broken, 'adapter_model.safetensors');
    const data = readFileSync(path);
    const length = Number(data.readBigUInt64LE());
    const header = JSON.parse(data.subarray(8, 8 + length).toString());
    const embedding = header['base_model.model.model.embed_tokens.weight'];
    embedding.shape = [embedding.shape[0] / 2, embedding.shape[1] * 2];
    const text = Buffer.from(JSON.stringify(header).padEnd(length));
    writeFileSync(path, Buffer.concat([data.subarray(0, 8), text, data.subarray(8 + length)]));
    const plan = {
      base: await fileOf('qwen3'),
      tuned: broken,
      trait: 'openness' as const,
      pole: 'high' as const,
    };
    const run = await studio.end(
      'extract',
      studio.client.library.extract({ ...plan, out: join(studio.home, 'no.gguf') }),
    );
    expect(run.error).toMatchObject({ code: 'mismatch', message: expect.stringContaining('embed_tokens') });
    expect(existsSync(join(studio.home, 'no.gguf'))).toBe(false);
  });

  test('for another model is refused', async () => {
    const error = await studio.end(
      'extract',
      studio.client.library.extract({
        base: await fileOf('qwen3'),
        tuned: join(FIXTURES, 'lora'),
        trait: 'openness',
        pole: 'low',
        out: join(studio.home, 'other.gguf'),
      }),
    );
    expect(error.error).toMatchObject({ code: 'mismatch' });
    expect(existsSync(join(studio.home, 'other.gguf'))).toBe(false);
  });
});

test('a mix is written as one PEFT adapter, which changes every weight as the mix does', async () => {
  const recipe = {
    version: 2 as const,
    base: 'demo',
    weights: { extraversion: 0.7, neuroticism: -1.2 },
    lambda: 0.9,
  };
  const out = join(studio.home, 'mix-peft');
  const plan = { source: 'demo', recipe, out };
  const run = await studio.end('convert', studio.client.library.convert(plan));
  expect(run.error).toBeNull();
  // Two of rank 8.
  expect(run.result).toMatchObject({ what: 'peft', type: 'f32', path: out });
  expect(run.result?.notes.join()).toContain('rank 16');
  const config = JSON.parse(readFileSync(join(out, 'adapter_config.json'), 'utf8'));
  expect(config).toMatchObject({
    peft_type: 'LORA',
    r: 16,
    lora_alpha: 16,
    rank_pattern: {},
    alpha_pattern: {},
  });
  const stored = await tensorsIn(out, 'adapter_model');
  for (const [name, { shape, dtype }] of stored)
    expect([name, dtype, shape[name.includes('lora_A') ? 0 : 1]]).toEqual([name, 'F32', 16]);

  // What is read back is what peft makes of such a folder: the fixtures above show it.
  const adapter = join(studio.home, 'mix.gguf');
  const back = await studio.end(
    'convert',
    studio.client.library.convert({ source: out, base: 'demo', out: adapter }),
  );
  expect(back.error).toBeNull();
  const [asked, made] = [join(studio.home, 'asked.gguf'), join(studio.home, 'made.gguf')];
  const baked = await studio.end(
    'bake',
    studio.client.mixing.bake({ recipe, type: 'f32', out: asked, device: 'cpu' }),
  );
  expect(baked.error).toBeNull();
  const base = (await studio.client.library.models()).models.find(({ id }) => id === 'demo')?.path as string;
  await bake({
    ...{ base, out: made, type: 'f32', method: 'task_arithmetic', lambda: 1, seed: 0, device: 'cpu' },
    vectors: [{ path: adapter, id: 'mix', weight: 1 }],
  });
  const changed = new Set([...stored.keys()].map(name => name.replace(/\.lora_[AB]/, ''))).size;
  // Seven matrices in each of the four blocks.
  expect(changed).toBe(28);
  let moved = 0;
  const valuesIn = (path: string) => {
    const { tensors } = readGguf(path);
    return (name: string) => tensorValues(path, tensors, name);
  };
  const [inAsked, inMade, inBase] = [valuesIn(asked), valuesIn(made), valuesIn(base)];
  for (const { name } of readGguf(asked).tensors) {
    const [one, other, before] = [inAsked(name), inMade(name), inBase(name)];
    let [largest, change] = [0, 0];
    for (const [i, value] of one.entries()) {
      largest = Math.max(largest, Math.abs(value - (other[i] as number)));
      change = Math.max(change, Math.abs(value - (before[i] as number)));
    }
    expect([name, largest < 1e-6]).toEqual([name, true]);
    if (change > 1e-3) moved++;
  }
  expect(moved).toBe(changed);

  const refusedFor = async (more: object) => {
    const one = { ...plan, out: join(studio.home, 'none'), ...more };
    return (await studio.end('convert', studio.client.library.convert(one))).error;
  };
  expect((await refusedFor({ recipe: { ...recipe, method: 'ties', density: 0.5 } }))?.action).toContain(
    'Bake',
  );
  expect((await refusedFor({ recipe: { ...recipe, weights: {} } }))?.message).toContain('0');
  expect((await refusedFor({ out }))?.message).toContain('exists already');
  expect((await refusedFor({ out: undefined }))?.field).toBe('out');
  expect(existsSync(join(studio.home, 'none'))).toBe(false);
});

test('a model that sees pictures: what is left out or refused, and how its projector is made', async () => {
  const half = await studio.end(
    'convert',
    studio.client.library.convert({ source: join(FIXTURES, 'gemma3vision'), name: 'half' }),
  );
  expect(half.result?.notes.join()).toMatch(/sees pictures is left out.*--mmproj/);

  const folder = join(studio.home, 'qwen2vl');
  cpSync(join(FIXTURES, 'qwen2'), folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
  const convert = async (architecture: string) => {
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, architectures: [architecture] }));
    return (await studio.end('convert', studio.client.library.convert({ source: folder }))).error;
  };
  const seeing = await convert('Qwen2VLForConditionalGeneration');
  expect(seeing).toMatchObject({ code: 'bad_file', file: join(folder, 'config.json') });
  expect(seeing?.message).toContain('Qwen2VLForConditionalGeneration');
  expect(seeing?.action).toMatch(/convert_hf_to_gguf\.py.*--mmproj/);
  const experts = await convert('MixtralForCausalLM');
  expect(experts?.action).toContain('convert_hf_to_gguf.py');
  expect(experts?.action).not.toContain('--mmproj');
  expect(readdirSync(join(studio.home, 'models'))).not.toContain('qwen2vl.gguf');
});

test('a name that is taken is not written over, and a wrong folder leaves nothing behind', async () => {
  const path = await fileOf('nemo');
  const before = readFileSync(path);
  const again = { source: join(FIXTURES, 'nemo'), name: 'tiny nemo' };
  const taken = await studio.end('convert', studio.client.library.convert(again));
  expect(taken.error).toMatchObject({ code: 'bad_input', field: 'out' });
  expect(readFileSync(path).equals(before)).toBe(true);

  const broken = join(studio.home, 'broken');
  cpSync(join(FIXTURES, 'mistral'), broken, { recursive: true });
  const shard = join(broken, 'model-00002-of-00003.safetensors');
  writeFileSync(shard, readFileSync(shard).subarray(0, -100));
  const failed = await studio.end('convert', studio.client.library.convert({ source: broken }));
  expect(failed.error).toMatchObject({ code: 'bad_file', file: shard });
  expect(readdirSync(join(studio.home, 'models'))).not.toContain('broken.gguf');
  expect(await studioError(studio.client.library.convert({ source: ' ' }))).toMatchObject({
    code: 'bad_input',
  });
});

test('what a killed export of a vector left is gone after the next start', async () => {
  const folder = mkdtempSync(join(studio.home, 'killed-'));
  const part = join(folder, 'model.safetensors.part');
  writeFileSync(part, 'half');
  writeFileSync(join(folder, 'model.safetensors'), 'of before');
  const other = await openStudio();
  try {
    const database = openDatabase(other.home);
    // As the log has it when the process that did it is no more: a vector's folder, and a model's file.
    for (const [id, out] of [
      ['killed-export', folder],
      ['killed-model', join(folder, 'model.safetensors')],
    ] as const)
      new Log(database).begin({
        ...{ id, kind: 'convert', title: 'x', startedAt: new Date().toISOString() },
        ...{ input: { source: 'x', type: 'auto', overwrite: true, out }, versions: {} },
      });
    database.prepare('UPDATE runs SET pid = 999999999').run();
    database.close();
    await other.close();
    const again = await openStudio(other.home);
    expect(readdirSync(folder)).toEqual(['model.safetensors']);
    expect((await again.client.runs.get({ id: 'killed-export' })).state).toBe('interrupted');
    await again.remove();
  } finally {
    rmSync(other.home, { recursive: true, force: true });
  }
});

describe('a vector', () => {
  /** Every tensor of a folder's safetensors files: type, shape and bytes. */
  async function storedIn(folder: string, name: 'model' | 'adapter_model') {
    const stored = [...(await tensorsIn(folder, name)).values()];
    return Object.fromEntries(
      stored.map(({ name: tensor, path, dtype, shape, offset, bytes }) => [
        tensor,
        {
          dtype,
          shape,
          data: readFileSync(path)
            .subarray(offset, offset + bytes)
            .toString('base64'),
        },
      ]),
    );
  }

  async function vectorOf(base: string, tuned: string, name: string): Promise<string> {
    const out = join(studio.home, 'vectors', `${name}.gguf`);
    const plan = { base: await fileOf(base), tuned, trait: 'openness' as const, pole: 'low' as const, out };
    const run = await studio.end('extract', studio.client.library.extract(plan));
    expect(run.error).toBeNull();
    return name;
  }

  const written = async (source: string, folder: string) => {
    const plan = { source, out: join(studio.home, folder) };
    const run = await studio.end('convert', studio.client.library.convert(plan));
    expect(run.error).toBeNull();
    return plan.out;
  };

  test.each(['lora', 'fused', 'rslora'])(
    'that came from %s goes out as a PEFT adapter of the same factors',
    async name => {
      const source = await vectorOf(referenceOf(name).base, join(FIXTURES, name), `from-${name}`);
      const folder = await written(source, `peft-${name}`);
      const [before, after] = [
        await storedIn(join(FIXTURES, name), 'adapter_model'),
        await storedIn(folder, 'adapter_model'),
      ];
      const names = Object.keys(before).filter(tensor => !tensor.includes('base_layer'));
      expect(Object.keys(after).sort()).toEqual(names.sort());
      // rsLoRA's scales are not alpha / rank, so they went into the factors.
      for (const tensor of names)
        if (name !== 'rslora' || tensor.includes('lora_A')) expect(after[tensor]).toEqual(before[tensor]);
      // And it is an adapter that can be read again, to the same vector.
      const again = join(studio.home, `again-${name}.gguf`);
      const base = await fileOf(referenceOf(name).base);
      const run = await studio.end(
        'convert',
        studio.client.library.convert({ source: folder, base, out: again }),
      );
      expect(run.error).toBeNull();
      const vector = contentsOf(join(studio.home, 'vectors', `from-${name}.gguf`));
      expect(contentsOf(again)).toEqual(vector);
      expect(readGguf(again).metadata['adapter.lora.alpha']).toBe(
        readGguf(join(studio.home, 'vectors', `from-${name}.gguf`)).metadata['adapter.lora.alpha'],
      );
    },
  );

  test.each(['llama2', 'gemma3', 'phi3'])(
    'that is dense goes out as differences by the names of the checkpoint: %s',
    async name => {
      const tuned = join(studio.home, `${name}-tuned.gguf`);
      cpSync(await fileOf(name), tuned);
      const { tensors } = readGguf(tuned);
      const data = readFileSync(tuned);
      // The lowest bits of every number: a difference everywhere.
      for (const { offset, bytes, type } of tensors.filter(each => !each.name.startsWith('rope_')))
        for (let at = 0; at < bytes; at += type === 'F32' ? 4 : 2)
          data.writeUInt8(data.readUInt8(offset + at) ^ 1, offset + at);
      writeFileSync(tuned, data);
      const folder = await written(await vectorOf(name, tuned, `dense-${name}`), `differences-${name}`);
      const [checkpoint, differences] = [
        await storedIn(join(FIXTURES, name), 'model'),
        await storedIn(folder, 'model'),
      ];
      expect(Object.keys(differences).sort()).toEqual(Object.keys(checkpoint).sort());
      for (const [tensor, { shape }] of Object.entries(differences))
        expect(shape).toEqual(checkpoint[tensor]?.shape);
    },
  );

  test('is not written over files that are there, nor without a folder', async () => {
    const source = await vectorOf('llama3', join(FIXTURES, 'lora'), 'from-lora-again');
    const out = await written(source, 'twice');
    const failure = async (plan: { source: string; out?: string }) =>
      (await studio.end('convert', studio.client.library.convert(plan))).error?.message;
    expect(await failure({ source, out })).toMatch(/adapter_model\.safetensors exists already/);
    expect(await failure({ source })).toMatch(/is a vector: the folder to write is needed/);
    expect(await failure({ source: 'nothing-of-the-kind' })).toMatch(
      /no folder .*, and no vector of that name/,
    );
    expect(readdirSync(out).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  });
});
