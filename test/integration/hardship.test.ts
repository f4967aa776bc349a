/** What goes wrong: bad files, full disks, killed workers. The studio stays alive and the log whole. */

import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resourcesFolder } from '../../electron/host.ts';
import { readGguf } from '../../native-merge/index.js';
import { writeGguf } from '../native/helpers/gguf.ts';
import { openStudio, persona, studioError, type TestStudio } from './studio.ts';

const demo = join(resourcesFolder, 'demo', 'base.gguf');
const vectorFile = join(resourcesFolder, 'demo', 'vectors', 'openness-high.gguf');

let studio: TestStudio;
beforeAll(async () => {
  studio = await openStudio();
  mkdirSync(join(studio.home, 'models'), { recursive: true });
});
afterAll(() => studio.remove());

/** The studio still does its job. */
async function works() {
  const answer = await studio.ask('How are you?', persona({ openness: 1 }));
  expect(answer.text.length).toBeGreaterThan(0);
}

describe('bad model files', () => {
  const folder = () => join(studio.home, 'models');

  test('truncated, foreign and empty files are listed as broken, with the reason, and do no harm', async () => {
    copyFileSync(demo, join(folder(), 'truncated.gguf'));
    truncateSync(join(folder(), 'truncated.gguf'), 100_000);
    writeFileSync(join(folder(), 'foreign.gguf'), '<!doctype html><title>Not found</title>'.repeat(100));
    writeFileSync(join(folder(), 'empty.gguf'), '');
    const { models, broken } = await studio.client.library.models();
    expect(models.every(model => model.demo)).toBe(true);
    expect(broken.map(file => file.path.split('/').at(-1)).sort()).toEqual([
      'empty.gguf',
      'foreign.gguf',
      'truncated.gguf',
    ]);
    for (const { path, message } of broken) expect(message).toContain(path);
    await works();
    for (const { path } of broken) rmSync(path);
  });

  test('flipped bytes in the header never take the studio down', async () => {
    const bytes = readFileSync(demo);
    for (let i = 0; i < 12; i++) {
      const copy = Buffer.from(bytes);
      for (let j = 0; j < 8; j++) copy[4 + ((i * 7919 + j * 104729) % 3000)] = (i * 31 + j * 17) & 0xff;
      writeFileSync(join(folder(), `flipped-${i}.gguf`), copy);
    }
    await studio.client.library.models();
    await works();
    for (let i = 0; i < 12; i++) rmSync(join(folder(), `flipped-${i}.gguf`));
  });

  test('a file that vanishes between list and use', async () => {
    const path = join(folder(), 'fleeting.gguf');
    copyFileSync(demo, path);
    expect((await studio.client.library.models()).models.map(model => model.id)).toContain('fleeting');
    rmSync(path);
    const run = await studio.end(
      'assess',
      studio.client.assessment.assess({ persona: { recipe: { version: 1, base: path } } }),
    );
    expect(run).toMatchObject({
      state: 'failed',
      error: { code: 'not_found', message: expect.stringContaining('fleeting.gguf') },
    });
    await works();
  });

  test('a vector is not a model', async () => {
    const error = await studioError(studio.client.mixing.check({ recipe: { version: 1, base: vectorFile } }));
    expect(error).toMatchObject({
      code: 'bad_input',
      message: expect.stringContaining('personality vector'),
    });
  });

  test('a recipe made with other weights is refused by hash', async () => {
    const recipe = { ...persona().recipe, hashes: { base: 'f'.repeat(64), vectors: {} } };
    expect(await studioError(studio.client.mixing.check({ recipe }))).toMatchObject({
      code: 'mismatch',
      field: 'base',
    });
  });
});

describe('models that do not belong together', () => {
  /** A model of another backbone, with every weight at `value`. */
  function stranger(name: string, value: number, size = 32): string {
    const metadata = {
      'general.architecture': 'llama',
      'general.name': 'Stranger',
      'llama.block_count': 1,
      'llama.embedding_length': size,
      'tokenizer.ggml.tokens': ['a', 'b'],
    };
    const shape = [size, 2];
    return writeGguf(join(studio.home, name), metadata, [
      { name: 'token_embd.weight', shape, type: 'F32', values: Array(2 * size).fill(value) },
    ]);
  }
  const extract = (base: string, tuned: string, more = {}) =>
    studio.end(
      'extract',
      studio.client.library.extract({
        base,
        tuned,
        trait: 'openness',
        pole: 'high',
        overwrite: true,
        ...more,
      }),
    );

  test('a vector of another base is warned of, and refused when mixed', async () => {
    const made = await extract(stranger('one.gguf', 1), stranger('two.gguf', 1.5), {
      out: join(studio.home, 'vectors', 'strange.gguf'),
    });
    expect(made.result).toMatchObject({ form: 'dense', relative: 0.5 });
    const { vectors } = await studio.client.library.vectors();
    const { models } = await studio.client.library.models();
    const strange = vectors.find(vector => vector.id === 'strange');
    const hashes = {
      base: models.find(model => model.id === 'demo')?.content as string,
      vectors: { 'openness-high': strange?.content as string },
    };
    const recipe = { ...persona({ openness: 1 }).recipe, hashes };
    expect(await studio.client.mixing.check({ recipe })).toMatchObject([
      { code: 'other_backbone', trait: 'openness' },
    ]);
    const error = await studioError(studio.ask('Hello', { recipe }));
    expect(error).toMatchObject({
      code: 'mismatch',
      file: strange?.path,
      action: expect.stringContaining('same architecture'),
    });
    // The library's own vector is taken where the recipe leaves the choice.
    expect(await studio.client.mixing.check({ recipe: persona({ openness: 1 }).recipe })).toEqual([]);
    await works();
  });

  test('a difference of models with other shapes, vocabulary or broken weights is refused precisely', async () => {
    const one = stranger('one.gguf', 1);
    const shape = await extract(one, stranger('wide.gguf', 1, 64));
    expect(shape).toMatchObject({
      state: 'failed',
      error: { code: 'mismatch', message: expect.stringMatching(/32.*64/s) },
    });
    const demoToo = await extract('demo', one);
    expect(demoToo).toMatchObject({ state: 'failed', error: { code: 'mismatch' } });
    const broken = await extract(one, stranger('nan.gguf', Number.NaN));
    expect(broken).toMatchObject({
      error: { code: 'not_finite', message: expect.stringContaining('token_embd.weight') },
    });
    const same = await extract(one, one);
    expect(same).toMatchObject({ state: 'failed', error: { code: 'mismatch' } });
  });
});

describe('an adapter of the token embeddings', () => {
  test('is refused live, where llama.cpp would end the process, and can be baked', async () => {
    const { tensors } = readGguf(demo);
    const [columns = 0, rows = 0] = tensors.find(tensor => tensor.name === 'token_embd.weight')?.shape ?? [];
    const adapter = writeGguf(
      join(studio.home, 'embeddings.gguf'),
      {
        'general.architecture': 'llama',
        'general.type': 'adapter',
        'adapter.type': 'lora',
        'adapter.lora.alpha': { float32: 1 },
      },
      [
        { name: 'token_embd.weight.lora_a', shape: [1, rows], values: Array(rows).fill(0.01) },
        { name: 'token_embd.weight.lora_b', shape: [1, columns], values: Array(columns).fill(0.01) },
      ],
    );
    const made = await studio.end(
      'extract',
      studio.client.library.extract({
        base: 'demo',
        tuned: adapter,
        trait: 'neuroticism',
        pole: 'low',
        out: join(studio.home, 'vectors', 'embeddings.gguf'),
      }),
    );
    expect(made).toMatchObject({ state: 'done', result: { form: 'low-rank' } });
    const { vectors } = await studio.client.library.vectors();
    const hashes = {
      base: vectors[0]?.baseContent as string,
      vectors: { 'neuroticism-low': vectors.find(vector => vector.id === 'embeddings')?.content as string },
    };
    const recipe = { ...persona({ neuroticism: -1 }).recipe, hashes };
    expect(await studioError(studio.ask('Hello', { recipe }))).toMatchObject({
      code: 'mismatch',
      action: expect.stringContaining('Bake'),
    });
    const baked = await studio.end(
      'bake',
      studio.client.mixing.bake({ recipe, out: join(studio.home, 'embedded.gguf') }),
    );
    expect(baked.state).toBe('done');
    await works();
    rmSync(made.result?.path as string);
  });
});

describe('a killed worker', () => {
  test('costs the answer, says so, and the next one comes', async () => {
    await works();
    const long = persona({}, { sampling: { temperature: 3, maxTokens: 900 } });
    const events = await studio.client.chat.send({
      persona: long,
      messages: [{ role: 'user', text: 'Tell me about your day.' }],
    });
    const error = await studioError(
      (async () => {
        for await (const _ of events)
          if (studio.workers.inference?.pid) process.kill(studio.workers.inference.pid, 'SIGKILL');
      })(),
    );
    expect(error).toMatchObject({ code: 'worker_lost', action: expect.stringContaining('again') });
    const [last] = await studio.client.runs.list({ kinds: ['chat'], limit: 1 });
    expect(last).toMatchObject({ state: 'failed', error: { code: 'worker_lost' } });
    await works();
  });

  test('leaves no partial file when it was baking', async () => {
    const folder = join(studio.home, 'half');
    const recipe = {
      ...persona({ openness: 1, extraversion: -1, neuroticism: 1 }).recipe,
      method: 'ties' as const,
    };
    let state = '';
    // The demo is small: a bake may be done before it can be killed.
    for (let attempt = 0; attempt < 20 && state !== 'failed'; attempt++) {
      rmSync(folder, { recursive: true, force: true });
      const { run } = await studio.client.mixing.bake({
        recipe,
        type: 'f32',
        out: join(folder, 'baked.gguf'),
      });
      for await (const event of await studio.client.runs.watch({ id: run })) {
        if (event.type === 'progress' && studio.workers.merging?.pid)
          process.kill(studio.workers.merging.pid, 'SIGKILL');
        if (event.type === 'end')
          state = event.run.error?.code === 'worker_lost' ? 'failed' : event.run.state;
      }
      expect(readdirSync(folder)).toEqual(state === 'done' ? ['baked.gguf'] : []);
    }
    expect(state).toBe('failed');
    const again = await studio.end(
      'bake',
      studio.client.mixing.bake({ recipe, out: join(folder, 'again.gguf') }),
    );
    expect(again.state).toBe('done');
  });
});

describe('the data folder', () => {
  test('is for one studio at a time; the second is refused and the first goes on', async () => {
    await expect(openStudio(studio.home)).rejects.toMatchObject({
      data: { code: 'busy', action: expect.stringContaining('TEMPERAMENT_HOME') },
    });
    await works();
  });

  test('a full disk ends a bake with what is needed, and leaves nothing', async context => {
    const mount = join(studio.home, 'small');
    mkdirSync(mount);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', mount], { stdio: 'pipe' });
    } catch {
      context.skip('A full disk can only be made by root.');
    }
    try {
      const run = await studio.end(
        'bake',
        studio.client.mixing.bake({ recipe: persona({ openness: 1 }).recipe, out: join(mount, 'mix.gguf') }),
      );
      expect(run).toMatchObject({ state: 'failed', error: { code: 'no_space' } });
      expect(readdirSync(mount)).toEqual([]);
    } finally {
      execFileSync('umount', [mount]);
    }
    await works();
  });
});
