/** Files in and out of the studio: quantised mixes that load and talk, split models, and bakes that end early or meet. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resourcesFolder } from '../../electron/host.ts';
import { type Run, TRAITS } from '../../electron/studio/contract.ts';
import { readGguf } from '../../native-merge/index.js';
import { splitGguf, type TestTensor, writeGguf } from '../native/helpers/gguf.ts';
import { random } from '../native/helpers/workspace.ts';
import { openStudio, persona, studioError, type TestStudio } from './studio.ts';

const demo = join(resourcesFolder, 'demo', 'base.gguf');

let studio: TestStudio;
beforeAll(async () => {
  studio = await openStudio();
  mkdirSync(join(studio.home, 'models'), { recursive: true });
});
afterAll(() => studio.remove());

const bake = (input: Parameters<TestStudio['client']['mixing']['bake']>[0]) =>
  studio.end('bake', studio.client.mixing.bake(input));
const recipe = persona({ extraversion: 1, neuroticism: -0.5 }).recipe;

test('a file that is baked over speaks as it is now', async () => {
  const [shared, own] = ['shared', 'own'].map(name => join(studio.home, 'models', `${name}.gguf`)) as [
    string,
    string,
  ];
  const said = async (file: string) =>
    (
      await studio.ask('What are you doing this weekend?', {
        recipe: { version: 2, base: file },
        sampling: { temperature: 0 },
      })
    ).text;
  const loud = persona({ extraversion: 2 }).recipe;
  const anxious = persona({ neuroticism: 2 }).recipe;
  await bake({ recipe: loud, type: 'f32', out: shared });
  const before = await said(shared);
  await bake({ recipe: anxious, type: 'f32', out: own });
  await bake({ recipe: anxious, type: 'f32', out: shared, overwrite: true });
  expect(await said(shared)).toBe(await said(own));
  expect(await said(shared)).not.toBe(before);
});

describe('a quantised mix', () => {
  const out = () => join(studio.home, 'models', 'small.gguf');

  test('loads, talks, scores like the live mix, and says where it comes from', async () => {
    const made = await bake({ recipe, type: 'q4_k_m', out: out() });
    expect(made).toMatchObject({
      state: 'done',
      result: { path: out(), warnings: [{ code: 'quantised_target' }] },
    });
    expect(made.result?.bytes).toBeLessThan(0.35 * statSync(demo).size);

    const { models } = await studio.client.library.models();
    const small = models.find(model => model.id === 'small');
    expect(small).toMatchObject({ type: 'Q4_K', source: false, path: out() });
    expect(small?.backbone).toBe(models.find(model => model.id === 'demo')?.backbone);
    const answer = await studio.ask('How are you?', { recipe: { version: 1, base: 'small' } });
    expect(answer.text.length).toBeGreaterThan(5);

    const assess = async (of: object) =>
      (await studio.end('assess', studio.client.assessment.assess({ persona: { recipe: of as never } })))
        .result;
    const [live, baked] = [await assess(recipe), await assess({ version: 1, base: 'small' })];
    for (const trait of TRAITS)
      expect(Math.abs((baked?.scores[trait] ?? 0) - (live?.scores[trait] ?? 9))).toBeLessThan(0.5);

    const { metadata } = readGguf(out());
    const source = readGguf(demo).metadata;
    for (const key of ['tokenizer.chat_template', 'tokenizer.ggml.tokens', 'tokenizer.ggml.merges'])
      expect(metadata[key]).toEqual(source[key]);
    expect(JSON.parse(String(metadata['temperament.recipe']))).toMatchObject({
      base: 'demo',
      weights: recipe.weights,
      hashes: {
        base: models.find(model => model.id === 'demo')?.content,
        vectors: { 'extraversion-high': expect.any(String), 'neuroticism-low': expect.any(String) },
      },
    });
    expect(JSON.parse(String(metadata['temperament.vectors']))).toEqual({
      'extraversion-high': 'extraversion-high.gguf',
      'neuroticism-low': 'neuroticism-low.gguf',
    });
    expect(metadata['temperament.type']).toBe('q4_k_m');
    expect(metadata['temperament.version']).toBe((await studio.client.studio.info()).version);
  });

  test('with an importance matrix, which is hashed into the log', async () => {
    const tensors = readGguf(demo).tensors.flatMap(({ name, shape }): TestTensor[] =>
      shape.length === 2
        ? [
            { name: `${name}.in_sum2`, shape: [shape[0] ?? 0], values: Array(shape[0]).fill(3) },
            { name: `${name}.counts`, shape: [1], values: [2] },
          ]
        : [],
    );
    const imatrix = writeGguf(
      join(studio.home, 'own.gguf'),
      {
        'general.type': 'imatrix',
        'imatrix.datasets': ['talk'],
        'imatrix.chunk_count': 1,
        'imatrix.chunk_size': 2,
      },
      tensors,
    );
    const guided = await bake({ recipe, type: 'q4_k_m', imatrix, out: join(studio.home, 'guided.gguf') });
    expect(guided.state).toBe('done');
    expect(guided.hashes[imatrix]).toMatch(/^[0-9a-f]{64}$/);
    expect(readGguf(join(studio.home, 'guided.gguf')).metadata['quantize.imatrix.file']).toBe('own.gguf');
    const wrong = await bake({ recipe, type: 'q4_k_m', imatrix: demo, out: join(studio.home, 'no.gguf') });
    expect(wrong).toMatchObject({ state: 'failed', error: { code: 'mismatch', file: demo } });
    expect(existsSync(join(studio.home, 'no.gguf'))).toBe(false);
  });

  test('of a quantised model is warned of twice', async () => {
    const warnings = await studio.client.mixing.check({
      recipe: { version: 1, base: 'small', weights: { openness: 1 } },
      type: 'q4_0',
      live: false,
    });
    expect(warnings.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['quantised_source', 'quantised_target']),
    );
    expect(warnings.find(({ code }) => code === 'quantised_target')?.message).toContain('rounded again');
  });
});

describe('a split model', () => {
  let parts: [string, string];
  beforeAll(() => {
    parts = splitGguf(demo, join(studio.home, 'models', 'halves'), readGguf(demo));
  });

  test('is listed once, talks, and mixes as the whole does', async () => {
    const { models, broken } = await studio.client.library.models();
    expect(broken).toEqual([]);
    const found = models.filter(model => model.id.startsWith('halves'));
    const whole = models.find(model => model.id === 'demo');
    expect(found).toMatchObject([
      { id: 'halves', path: parts[0], content: whole?.content, backbone: whole?.backbone, source: true },
    ]);
    expect(found[0]?.parameters).toBe(whole?.parameters);
    const ask = (base: string) =>
      studio.ask('How are you?', { recipe: { ...recipe, base }, sampling: { seed: 3 } });
    const expected = (await ask('demo')).text;
    for (const base of ['halves', parts[0], parts[1]]) expect((await ask(base)).text).toBe(expected);
    const [a, b] = ['demo', 'halves'].map(base =>
      bake({ recipe: { ...recipe, base }, out: join(studio.home, `${base}.gguf`) }),
    );
    expect((await a)?.result?.content).toBe((await b)?.result?.content);
  });

  test('whose part is missing is listed as broken, once, with what is missing', async () => {
    const second = readFileSync(parts[1]);
    rmSync(parts[1]);
    const { models, broken } = await studio.client.library.models();
    expect(models.map(model => model.id)).not.toContain('halves');
    expect(broken).toMatchObject([
      { path: parts[0], message: expect.stringContaining('part 2 cannot be read') },
    ]);
    writeFileSync(parts[1], second);
    const first = readFileSync(parts[0]);
    rmSync(parts[0]);
    const without = await studio.client.library.models();
    expect(without.broken).toMatchObject([
      { path: parts[1], message: expect.stringContaining('part 1 cannot be read') },
    ]);
    writeFileSync(parts[0], first);
    expect((await studio.client.library.models()).broken).toEqual([]);
  });
});

describe('bakes that meet', () => {
  test('to one file: the first goes on, the second is told; to two files both do', async () => {
    const [one, two] = ['one.gguf', 'two.gguf'].map(name => join(studio.home, 'meeting', name)) as [
      string,
      string,
    ];
    const runs = await Promise.all([one, one, two].map(out => bake({ recipe, type: 'q3_k_m', out })));
    expect(runs.map(({ state }) => state).sort()).toEqual(['done', 'done', 'failed']);
    expect(runs.find(({ state }) => state === 'failed')?.error).toMatchObject({ code: 'busy', file: one });
    expect(readdirSync(join(studio.home, 'meeting'))).toEqual(['one.gguf', 'two.gguf']);
    expect(readFileSync(one).equals(readFileSync(two))).toBe(true);
    const again = await bake({ recipe, type: 'q3_k_m', out: one });
    expect(again).toMatchObject({ state: 'failed', error: { code: 'bad_input', file: one } });
  });
});

describe('a merging worker killed at random moments', () => {
  test('leaves nothing behind, and the next start finds nothing either', async () => {
    const folder = join(studio.home, 'models', 'killed');
    const next = random(17);
    let killed = 0;
    // What the files of the library are is known from here on.
    await studio.client.library.models();
    for (let i = 0; i < 8; i++) {
      const out = join(folder, `${i}.gguf`);
      const { run } = await studio.client.mixing.bake({ recipe, type: i % 3 ? 'q2_k' : 'f32', out });
      let timer: NodeJS.Timeout | undefined;
      const killWithin = (ms: number) => {
        timer ??= setTimeout(() => studio.workers.merging?.kill(), next() * ms);
      };
      // While it starts, or from its first progress on: then it is mixing or quantising.
      if (i % 4 === 0) killWithin(400);
      let ended: Run | undefined;
      for await (const event of await studio.client.runs.watch({ id: run })) {
        if (event.type === 'progress') killWithin(200);
        else ended = event.run;
      }
      clearTimeout(timer);
      if (ended?.state === 'failed') {
        expect(ended.error?.code).toBe('worker_lost');
        killed++;
      }
      for (const name of existsSync(folder) ? readdirSync(folder) : []) {
        expect(name).toBe(`${i}.gguf`);
        expect(readGguf(out).tensors.length).toBeGreaterThan(30);
        rmSync(out);
      }
    }
    expect(killed).toBeGreaterThan(1);
    const after = await bake({ recipe, type: 'q2_k', out: join(folder, 'after.gguf') });
    expect(after.state).toBe('done');
    rmSync(folder, { recursive: true });
  });

  test('where files cannot be nameless, the next start removes what it left', async () => {
    const home = studio.home;
    const left = join(home, 'models', '.mix.gguf.999999-0.partial');
    await studio.close();
    writeFileSync(left, 'half a model');
    studio = await openStudio(home);
    expect(existsSync(left)).toBe(false);
    expect((await studio.ask('How are you?', persona())).text.length).toBeGreaterThan(0);
  });
});

test('a full disk ends a quantised bake with what is needed, and leaves nothing', async context => {
  const mount = join(studio.home, 'tight');
  mkdirSync(mount);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2300k', 'tmpfs', mount], { stdio: 'pipe' });
  } catch {
    context.skip('A full disk can only be made by root.');
  }
  try {
    // Room for the file of 2.1 MiB, but not for a tensor in float32 beside it.
    const run = await bake({ recipe, type: 'q4_k_m', out: join(mount, 'mix.gguf') });
    expect(run).toMatchObject({
      state: 'failed',
      error: { code: 'no_space', message: expect.stringContaining('for the time of the work') },
    });
    expect(readdirSync(mount)).toEqual([]);
  } finally {
    execFileSync('umount', [mount]);
  }
});

test('an unknown file type and a missing importance matrix are refused by name', async () => {
  expect(await studioError(studio.client.mixing.bake({ recipe, type: 'q9_k' as never }))).toMatchObject({
    code: 'bad_input',
    field: 'type',
  });
  const imatrix = join(studio.home, 'nowhere.gguf');
  const run = await bake({ recipe, type: 'q4_k_m', imatrix, out: join(studio.home, 'no.gguf') });
  expect(run).toMatchObject({ state: 'failed', error: { code: 'io', file: imatrix } });
});
