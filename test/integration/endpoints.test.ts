/** Models on other servers, with a real llama-server: chat, ratings, adapters, keys. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appFolder } from '../../electron/host.ts';
import { type PersonaInput, TRAITS, type Weights } from '../../electron/studio/contract.ts';
import { DEMO_VECTORS, hasLlamaServer, type RunningServer, startLlamaServer } from '../llama-server.ts';
import { openStudio, persona, studioError, type TestStudio } from './studio.ts';

const KEY = 'sk-a-key-that-must-not-be-told';

describe.skipIf(!hasLlamaServer)('a model on a llama-server', () => {
  let studio: TestStudio;
  let live: RunningServer;
  let plain: RunningServer;
  beforeAll(async () => {
    [studio, live, plain] = await Promise.all([
      openStudio(),
      startLlamaServer({ adapters: DEMO_VECTORS }),
      startLlamaServer({ key: KEY, slots: 1 }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([studio?.remove(), live?.close(), plain?.close()]);
  });

  const on = (base: string, weights: Weights = {}, more: Partial<PersonaInput> = {}): PersonaInput => ({
    recipe: { version: 2, base, weights },
    ...more,
  });
  const greedy = { temperature: 0, maxTokens: 24 };

  async function assess(given: PersonaInput, administration: object = {}, inventory = 'mini-ipip') {
    const run = await studio.end(
      'assess',
      studio.client.assessment.assess({ persona: given, inventory, administration }),
    );
    if (!run.result) throw new Error(run.error?.message);
    return run.result;
  }

  test('is asked what it can do, and is kept with it', async () => {
    const asked = await studio.client.endpoints.ask({ url: live.url.replace('/v1', '') });
    expect(asked).toEqual({ url: live.url, models: ['tiny'] });
    const added = await studio.client.endpoints.add({ url: live.url, model: 'tiny' });
    expect(added).toMatchObject({
      ...{ id: live.base, label: expect.stringContaining('tiny'), hasKey: false, requests: null },
      facts: { server: 'llama.cpp', logprobs: 100, slots: 4, contextLength: 1024, images: false },
    });
    expect(added.facts.adapters?.map(({ vector }) => vector).sort()).toEqual(
      TRAITS.flatMap(trait => [`${trait}-high`, `${trait}-low`]).sort(),
    );
    expect((await studio.client.endpoints.list()).endpoints).toEqual([added]);
  });

  test('answers as the same model here does, and streams', async () => {
    for (const weights of [{}, { extraversion: 1, neuroticism: -0.5 }]) {
      const said: string[] = [];
      const events = await studio.client.chat.send({
        persona: on(live.base, weights, { sampling: greedy }),
        messages: [{ role: 'user', text: 'How was your week?' }],
      });
      for await (const event of events) {
        if (event.type === 'token') said.push(event.text);
        else
          expect(event.result).toMatchObject({
            text: said.join(''),
            stop: expect.stringMatching(/end|length/),
          });
      }
      expect(said.length).toBeGreaterThan(3);
      const here = await studio.ask('How was your week?', persona(weights, { sampling: greedy }));
      expect(said.join('')).toBe(here.text);
    }
  });

  test('stops when it is told to', async () => {
    const abort = new AbortController();
    const events = await studio.client.chat.send(
      {
        persona: on(live.base, {}, { sampling: { temperature: 1.5, maxTokens: 900 } }),
        messages: [{ role: 'user', text: 'Tell me a long story.' }],
      },
      { signal: abort.signal },
    );
    for await (const event of events) if (event.type === 'token') break;
    abort.abort();
    await expect
      .poll(async () => (await studio.client.runs.list({ limit: 1 }))[0]?.state, { timeout: 10_000 })
      .toBe('done');
    const [{ id = '' } = {}] = await studio.client.runs.list({ limit: 1 });
    expect((await studio.client.runs.get({ id })).result).toMatchObject({ stop: 'stopped' });
  });

  test('is rated from its probabilities as the same model here is, and moves with its adapters as the live mix does', async () => {
    for (const weights of [{}, { extraversion: 1 }, { extraversion: -1, openness: 0.5 }]) {
      const [there, here] = [await assess(on(live.base, weights)), await assess(persona(weights))];
      // Other batches, other kernels: float32 sums in another order.
      for (const trait of TRAITS)
        expect(Math.abs((there.scores[trait] as number) - (here.scores[trait] as number))).toBeLessThan(0.01);
      expect(here.unseen).toBeNull();
      expect(there.unseen?.probability).toBeLessThan(0.02);
      expect(there.unseen?.rating).toBeLessThan(0.1);
    }
    const [high, low] = [
      await assess(on(live.base, { extraversion: 1 })),
      await assess(on(live.base, { extraversion: -1 })),
    ];
    expect((high.scores.extraversion as number) - (low.scores.extraversion as number)).toBeGreaterThan(1);
  });

  test('draws the same answers again, and is interviewed and judges', async () => {
    const sampled = { mode: 'sampled', temperature: 0.8, repeats: 2 };
    const one = await assess(on(live.base, { agreeableness: 1 }), sampled);
    expect(one.parsing?.answers).toBe(40);
    expect((await assess(on(live.base, { agreeableness: 1 }), sampled)).items).toEqual(one.items);
    const judged = await assess(on(live.base), { mode: 'interview', temperature: 0, judge: live.base });
    expect(judged.parsing).toEqual({ answers: 20, unparsed: 0 });
  });

  test('is swept along α, and refuses what only weights can do', async () => {
    const sweep = await studio.end(
      'sweep',
      studio.client.assessment.sweep({
        persona: on(live.base),
        ...{ trait: 'extraversion', alphas: [-1, 0, 1], inventory: 'mini-ipip' },
      }),
    );
    expect(sweep.result?.rho).toBe(1);
    const ties: PersonaInput = {
      recipe: { version: 2, base: live.base, weights: { openness: 1, extraversion: 1 }, method: 'ties' },
    };
    const refused = await studio.end('assess', studio.client.assessment.assess({ persona: ties }));
    expect(refused.error).toMatchObject({ code: 'bad_input', message: expect.stringContaining('ties') });
    const bake = await studio.end('bake', studio.client.mixing.bake({ recipe: on(live.base).recipe }));
    expect(bake.error).toMatchObject({ code: 'bad_input', field: 'model' });
  });

  test('serves four panes at once', async () => {
    const asked = TRAITS.slice(0, 4).map(trait =>
      studio.ask('What do you like?', on(live.base, { [trait]: 1.5 }, { sampling: greedy })),
    );
    const answers = await Promise.all(asked);
    expect(new Set(answers.map(({ text }) => text)).size).toBeGreaterThan(1);
    for (const [index, trait] of TRAITS.slice(0, 4).entries()) {
      const alone = await studio.ask(
        'What do you like?',
        on(live.base, { [trait]: 1.5 }, { sampling: greedy }),
      );
      expect(answers[index]?.text).toBe(alone.text);
    }
  });

  test('without adapters says which are missing, and works with all sliders at 0', async () => {
    await studio.client.endpoints.lendKey({ url: plain.url, key: KEY });
    const recipe = on(plain.base, { openness: 1 }).recipe;
    const checked = await studio.client.mixing.check({ recipe });
    expect(checked).toMatchObject([{ code: 'vector_missing', trait: 'openness' }]);
    expect(await studioError(studio.ask('Hello?', on(plain.base, { openness: 1 })))).toMatchObject({
      field: 'weights',
      message: expect.stringContaining('openness-high'),
    });
    expect((await studio.ask('Hello?', on(plain.base))).text).not.toBe('');
  });

  test('has its key kept where only the user can read it, and nowhere else', async () => {
    const fresh = await openStudio();
    try {
      const { client, home } = fresh;
      const wrong = await studioError(
        client.endpoints.add({ url: plain.url, model: 'tiny', key: 'sk-wrong' }),
      );
      expect(wrong).toMatchObject({ code: 'bad_input', field: 'key' });
      expect(JSON.stringify(wrong)).not.toContain('sk-wrong');
      const added = await client.endpoints.add({ url: plain.url, model: 'tiny', key: KEY });
      expect(added).toMatchObject({ hasKey: true });
      const { keys, keyFile } = await client.endpoints.list();
      expect(keys).toBe('file');
      expect(statSync(keyFile).mode & 0o777).toBe(0o600);
      const run = await fresh.end(
        'assess',
        client.assessment.assess({ persona: on(plain.base), inventory: 'mini-ipip' }),
      );
      expect(run.state).toBe('done');
      const { html } = await client.reporting.report({ runs: [run.id] });
      const { files } = await client.reporting.export({ runs: [run.id] });
      const { file } = await client.reporting.bundle({ runs: [run.id] });
      const told = [
        html,
        JSON.stringify(files),
        await file.text(),
        JSON.stringify(await client.endpoints.list()),
      ];
      for (const text of told) expect(text).not.toContain(KEY);
      const others = readdirSync(home, { recursive: true, withFileTypes: true }).filter(
        entry => entry.isFile() && join(entry.parentPath, entry.name) !== keyFile,
      );
      for (const entry of others)
        expect(readFileSync(join(entry.parentPath, entry.name)).includes(KEY), entry.name).toBe(false);
      await client.endpoints.remove({ id: added.id });
      expect(existsSync(keyFile)).toBe(false);
    } finally {
      await fresh.remove();
    }
  });

  // Eleven processes.
  test('is used from the terminal', { timeout: 300_000 }, async () => {
    const cli = async (...args: string[]) => {
      const child = spawn(process.execPath, [join(appFolder, 'electron', 'cli.ts'), ...args], {
        env: { ...process.env, TEMPERAMENT_HOME: studio.home, LAB_KEY: KEY },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let out = '';
      let err = '';
      child.stdout.on('data', data => (out += data));
      child.stderr.on('data', data => (err += data));
      const code = await new Promise(resolve => child.on('close', resolve));
      return { code, out, err };
    };
    const mix = ['--mix', 'extraversion=1', '--temperature', '0', '--max-tokens', '12', '--prompt', 'Hello?'];
    const there = await cli('chat', '--endpoint', live.url, ...mix);
    expect(there).toMatchObject({ code: 0, out: (await cli('chat', ...mix)).out });
    const assessed = await cli(
      ...['assess', '--endpoint', plain.url, '--model-name', 'tiny', '--key-env', 'LAB_KEY'],
      ...['--inventory', 'mini-ipip', '--json'],
    );
    expect(JSON.parse(assessed.out)).toMatchObject({ unseen: { probability: expect.any(Number) } });
    const refused = await cli('chat', '--endpoint', plain.url, '--prompt', 'Hello?');
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('refuses the key') });
    expect(await cli('chat', '--model-name', 'x', '--prompt', 'Hello?')).toMatchObject({ code: 2 });
    expect(await cli('endpoints', 'add', plain.url, '--key-env', 'NO_SUCH')).toMatchObject({ code: 2 });
    expect((await cli('endpoints', 'add', live.url)).out).toContain('All vectors can be mixed live.');
    expect((await cli('endpoints')).out).toContain(live.base);
    expect((await cli('endpoints', 'remove', live.base)).code).toBe(0);
    expect((await cli('endpoints', 'remove', live.base)).code).toBe(1);
  });

  test('is served by the command that the studio writes', async () => {
    const { adapters, file } = await studio.client.endpoints.command({ model: 'demo' });
    expect(file).toMatch(/^llama-server -m \S+base\.gguf --host 127\.0\.0\.1 --port 8080$/);
    for (const path of DEMO_VECTORS) expect(adapters).toContain(`--lora ${path}`);
    expect(adapters).toContain('--lora-init-without-apply');
  });
});

test('offline, only servers on this machine are asked', async () => {
  const studio = await openStudio();
  try {
    await studio.client.settings.set({ offline: true });
    // An address that belongs to nobody (RFC 5737): asking it would take until the connection is given up.
    expect(await studioError(studio.client.endpoints.ask({ url: 'http://192.0.2.1:9/v1' }))).toMatchObject({
      message: 'The studio is set to stay offline, so http://192.0.2.1:9/v1 was not asked.',
    });
    expect(await studioError(studio.client.endpoints.ask({ url: 'http://127.0.0.1:9/v1' }))).toMatchObject({
      message: expect.not.stringContaining('offline'),
    });
  } finally {
    await studio.remove();
  }
});
