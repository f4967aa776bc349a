/** Pictures, with a real llama-server, the demonstration model, and a tiny random projector: its descriptions mean nothing. */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appFolder, resourcesFolder } from '../../electron/host.ts';
import type { PersonaInput, Picture, Run, Weights } from '../../electron/studio/contract.ts';
import { DEMO_VECTORS, hasLlamaServer, type RunningServer, startLlamaServer } from '../llama-server.ts';
import { BLUE, CHECKS, fileOf, png, RED } from '../pictures.ts';
import { writeProjector } from '../projector.ts';
import { openStudio, persona, studioError, type TestStudio } from './studio.ts';

type Described = Extract<Run, { kind: 'pictures' }>;

const folder = mkdtempSync(join(tmpdir(), 'temperament-pictures-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const projector = writeProjector(join(folder, 'mmproj-tiny-random.gguf'), 256);
const base = join(resourcesFolder, 'demo', 'base.gguf');

describe('a projector in the library', () => {
  let studio: TestStudio;
  beforeAll(async () => {
    studio = await openStudio();
  });
  afterAll(() => studio?.remove());
  const models = async () => (await studio.client.library.models()).models;
  const add = async (path: string) => {
    const run = await studio.end('import', studio.client.library.import({ path }));
    if (!run.result) throw new Error(run.error?.message);
    return run.result;
  };

  test('is no model, goes with the one that it is named after, and is served with it', async () => {
    copyFileSync(base, join(folder, 'tiny-random.gguf'));
    await add(join(folder, 'tiny-random.gguf'));
    expect(await add(projector)).toMatchObject({ what: 'projector', content: expect.any(String) });
    const listed = await studio.client.library.models();
    expect(listed.projectors).toMatchObject([{ id: 'mmproj-tiny-random', images: true }]);
    expect(listed.models.map(({ id }) => id)).not.toContain('mmproj-tiny-random');
    const own = listed.models.find(({ id }) => id === 'tiny-random');
    expect(own?.projector).toMatchObject({ id: 'mmproj-tiny-random', known: 'beside' });
    expect(listed.models.find(({ id }) => id === 'demo')?.projector).toBeUndefined();
    const { file, adapters } = await studio.client.endpoints.command({ model: 'tiny-random' });
    expect(file).toContain(`-m ${own?.path} --mmproj ${own?.projector?.path} --host`);
    expect(adapters).toContain('--mmproj');
  });

  test('is still known of what is baked, wherever that lies', async () => {
    const out = join(folder, 'elsewhere', 'warm.gguf');
    const recipe = { version: 2 as const, base: 'tiny-random', weights: { agreeableness: 1 } };
    const baked = await studio.end('bake', studio.client.mixing.bake({ recipe, out }));
    expect(baked.result?.projector).toMatch(/mmproj-tiny-random\.gguf$/);
    const { file } = await studio.client.endpoints.command({ model: out });
    expect(file).toContain(`-m ${out} --mmproj ${baked.result?.projector} --host`);
  });

  test('is named by the user, unless it is another model’s', async () => {
    const wrong = writeProjector(join(folder, 'mmproj-wide.gguf'), 320);
    const name = (file: string) => studio.client.library.setProjector({ model: 'demo', projector: file });
    expect(await studioError(name(wrong))).toMatchObject({ code: 'mismatch', field: 'projector' });
    expect(await studioError(name(base))).toMatchObject({ code: 'bad_input', field: 'projector' });
    expect((await name(projector)).projector).toMatchObject({ path: projector, known: 'named' });
    expect((await models()).find(({ id }) => id === 'demo')?.projector?.path).toBe(projector);
    expect((await name('auto')).projector).toBeUndefined();
    const none = await studio.client.library.setProjector({ model: 'tiny-random', projector: 'none' });
    expect(none.projector).toBeUndefined();
    await studio.client.library.setProjector({ model: 'tiny-random', projector: 'auto' });
    expect(
      await studioError(studio.ask('Hi?', persona({}, { recipe: { version: 2, base: projector } }))),
    ).toMatchObject({
      message: expect.stringContaining('projector of pictures, not a model'),
    });
  });

  test('is deleted and brought back like a model', async () => {
    const { own } = await studio.client.library.storage();
    const file = own.find(({ kind }) => kind === 'projector');
    expect(file).toMatchObject({ name: 'mmproj-tiny-random' });
    const { id } = await studio.client.library.delete({ path: file?.path ?? '' });
    expect((await models()).find(({ id: name }) => name === 'tiny-random')?.projector).toBeUndefined();
    await studio.client.library.restore({ id });
    expect((await models()).find(({ id: name }) => name === 'tiny-random')?.projector).toBeDefined();
  });
});

describe.skipIf(!hasLlamaServer)('a model that takes pictures', () => {
  let studio: TestStudio;
  let seeing: RunningServer;
  let blind: RunningServer;
  let red: Picture;
  let blue: Picture;
  beforeAll(async () => {
    [studio, seeing, blind] = await Promise.all([
      openStudio(),
      startLlamaServer({ adapters: DEMO_VECTORS, projector }),
      startLlamaServer({ slots: 1 }),
    ]);
    red = await studio.client.pictures.add({ name: 'red.png', file: fileOf(RED, 'red.png') });
    blue = await studio.client.pictures.add({ name: 'blue.png', file: fileOf(BLUE, 'blue.png') });
  });
  afterAll(async () => {
    await Promise.all([studio?.remove(), seeing?.close(), blind?.close()]);
  });

  const on = (server: string, weights: Weights = {}): PersonaInput => ({
    recipe: { version: 2, base: server, weights },
    sampling: { temperature: 0, maxTokens: 24 },
  });
  async function describePicture(pictures: Picture[], given = on(seeing.base), text = 'What do you see?') {
    const messages = [{ role: 'user' as const, text, pictures }];
    for await (const event of await studio.client.chat.send({ persona: given, messages }))
      if (event.type === 'done') return event.result;
    throw new Error('no answer');
  }
  /** Answers to several questions: a random projector's pictures may well get the same answer to one. */
  async function said(pictures: Picture[], given?: PersonaInput) {
    const texts: string[] = [];
    for (const question of ['What do you see?', 'Tell me more about it.', 'Where would you put it?'])
      texts.push((await describePicture(pictures, given, question)).text);
    return texts;
  }

  test('is known by what its server says, or by trying', async () => {
    const facts = async (url: string) => (await studio.client.endpoints.add({ url, model: 'tiny' })).facts;
    expect((await facts(seeing.url)).images).toBe(true);
    expect((await facts(blind.url)).images).toBe(false);
    // The same servers, as if they were of a kind that does not say.
    const [open, shut] = await Promise.all([silent(seeing.url), silent(blind.url)]);
    try {
      expect((await facts(open.url)).images).toBe(true);
      expect((await facts(shut.url)).images).toBe(false);
    } finally {
      open.server.close();
      shut.server.close();
    }
  });

  test('says something else of another picture, and of the same with another mix; the log keeps which', async () => {
    const first = await describePicture([red]);
    const ofRed = await said([red]);
    expect(ofRed).toEqual([first.text, expect.stringMatching(/./), expect.stringMatching(/./)]);
    expect(await said([red])).toEqual(ofRed);
    expect(await said([blue])).not.toEqual(ofRed);
    expect(await said([red, blue])).not.toEqual(ofRed);
    expect(await said([red], on(seeing.base, { extraversion: 2 }))).not.toEqual(ofRed);
    const { input } = await studio.client.runs.get({ id: first.run });
    expect(input).toMatchObject({ messages: [{ text: 'What do you see?', pictures: [red] }] });
    const { file } = await studio.client.pictures.get({ hash: red.hash });
    expect(Buffer.from(await file.arrayBuffer()).equals(RED)).toBe(true);
  });

  test('is shown the first of two pictures alone by a server that still holds both', async () => {
    const one = await startLlamaServer({ slots: 1, projector });
    try {
      await studio.client.endpoints.add({ url: one.url, model: one.model });
      const alone = await describePicture([red], on(one.base));
      await describePicture([red, blue], on(one.base));
      expect((await describePicture([red], on(one.base))).text).toBe(alone.text);
    } finally {
      await one.close();
    }
  });

  test('is refused pictures where it takes none, where they are gone, and here', async () => {
    for (const [given, words] of [
      [on(blind.base), 'takes no pictures'],
      [persona(), 'shows models no pictures'],
    ] as const)
      expect(await studioError(describePicture([red], given))).toMatchObject({
        ...{ code: 'bad_input', field: 'pictures', message: expect.stringContaining(words) },
        action: expect.stringContaining('projector'),
      });
    const gone = { ...red, hash: '0'.repeat(64), name: 'gone.png' };
    expect(await studioError(describePicture([gone]))).toMatchObject({
      message: expect.stringContaining('gone.png'),
    });
    const text = fileOf(Buffer.from('no picture'), 'notes.txt');
    expect(await studioError(studio.client.pictures.add({ name: 'notes.txt', file: text }))).toMatchObject({
      ...{ code: 'bad_file', message: expect.stringContaining('notes.txt') },
    });
  });

  test('is told of the picture in later turns of a conversation, which keeps it', async () => {
    const id = 'conversation-of-pictures';
    const given = on(seeing.base);
    const { client } = studio;
    const pane = { id: 'pane-of-pictures', name: 'Eye', colour: 0, source: 'own' as const, persona: given };
    await client.conversations.save({ id, title: '', panes: [pane] });
    const ask = async (
      question: string,
      parent: string | null,
      turn: number,
      text: string,
      own: Picture[],
    ) => {
      const message = { id: question, pane: pane.id, parent, turn, role: 'user' as const, text };
      await client.conversations.add({ conversation: id, messages: [{ ...message, pictures: own }] });
      const answer = `${question}-answer`;
      const events = await client.conversations.answer({
        ...{ conversation: id, pane: pane.id, id: answer, parent: question, persona: given },
      });
      for await (const event of events) if (event.type === 'done') return { answer, text: event.result.text };
      throw new Error('no answer');
    };
    const one = await ask('question-1', null, 1, 'What do you see?', [red]);
    expect(one.text).toBe((await describePicture([red])).text);
    await ask('question-2', one.answer, 2, 'And what else?', []);
    const kept = await client.conversations.get({ id });
    expect(kept.messages.map(({ pictures }) => pictures)).toEqual([[red], [], [], []]);
    const { text: page } = await client.conversations.export({ id, format: 'html' });
    expect(page).toContain(`<img src="data:image/png;base64,${RED.toString('base64')}" alt="red.png"`);
    const { text: rows } = await client.conversations.export({ id, format: 'csv' });
    expect(rows).toContain(`red.png, 32 × 32, SHA-256 ${red.hash}`);
    const [run] = await client.runs.list({ limit: 1, kinds: ['chat'] });
    const { input } = await client.runs.get({ id: run?.id ?? '' });
    expect(input).toMatchObject({ messages: [{ pictures: [red] }, {}, {}] });
  });

  test('is asked from the terminal', { timeout: 120_000 }, async () => {
    const file = join(folder, 'red.png');
    writeFileSync(file, RED);
    const cli = async (...args: string[]) => {
      const child = spawn(process.execPath, [join(appFolder, 'electron', 'cli.ts'), 'chat', ...args], {
        env: { ...process.env, TEMPERAMENT_HOME: studio.home },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [out, err] = ['', ''];
      child.stdout.on('data', data => (out += data));
      child.stderr.on('data', data => (err += data));
      return { code: await new Promise(resolve => child.on('close', resolve)), out: out.trim(), err };
    };
    const rest = ['--prompt', 'What do you see?', '--temperature', '0', '--max-tokens', '24'];
    const told = await cli('--endpoint', seeing.url, '--image', file, ...rest);
    expect(told).toMatchObject({ code: 0, out: (await describePicture([red])).text });
    expect(await cli('--image', file, ...rest)).toMatchObject({
      ...{ code: 2, err: expect.stringContaining('shows models no pictures') },
    });
    expect(await cli('--endpoint', seeing.url, '--image', join(folder, 'none.png'), ...rest)).toMatchObject({
      ...{ code: 2, err: expect.stringContaining('none.png') },
    });
  });

  test('describes a set of pictures as several personas, whose words are compared', async () => {
    const checks = await studio.client.pictures.add({
      name: 'checks.png',
      file: fileOf(CHECKS, 'checks.png'),
    });
    const named = (name: string, weights: Weights): PersonaInput => ({
      ...on(seeing.base, weights),
      ...{ name, sampling: { temperature: 0.8, maxTokens: 40, seed: 5 } },
    });
    const plan = {
      persona: named('plain', {}),
      compared: [named('outgoing', { extraversion: 1 }), named('quiet', { extraversion: -1 })],
      ...{ pictures: [red, blue, checks], repeats: 2, trait: 'extraversion' as const },
    };
    const run = await studio.end('pictures', studio.client.experiments.pictures(plan));
    const { personas = [], slopes, notes } = run.result ?? {};
    expect(personas.map(({ name, alpha }) => [name, alpha])).toEqual([
      ['plain', 0],
      ['outgoing', 1],
      ['quiet', -1],
    ]);
    for (const { descriptions, words } of personas) {
      expect(descriptions.map(({ name, repeat }) => `${name} ${repeat}`)).toEqual(
        ['red.png', 'blue.png', 'checks.png'].flatMap(name => [`${name} 0`, `${name} 1`]),
      );
      expect(descriptions.every(({ text }) => text !== '')).toBe(true);
      expect(words).toBe(
        descriptions.reduce((sum, { text }) => sum + (text.match(/[\p{L}\d'’]+/gu) ?? []).length, 0),
      );
    }
    expect(personas[0]?.differences).toBeNull();
    expect(personas[1]?.differences).toMatchObject({ comparison: 'paired', n: 6, nReference: 6 });
    // The mean over the pictures of each one's slope, from the texts themselves.
    const counts = personas.map(({ descriptions }) =>
      descriptions.map(({ text }) => (text.match(/[\p{L}\d'’]+/gu) ?? []).length),
    );
    const slope = [0, 1, 2].map(picture => {
      const at = (who: number) => [counts[who]?.[picture * 2] ?? 0, counts[who]?.[picture * 2 + 1] ?? 0];
      const [high, low] = [at(1), at(2)];
      return (high.reduce((a, b) => a + b) - low.reduce((a, b) => a + b)) / 4;
    });
    const words = slopes?.find(({ feature }) => feature === 'words');
    expect(words?.slope).toBeCloseTo(slope.reduce((a, b) => a + b) / 3, 9);
    expect(words?.n).toBe(3);
    expect(notes?.join(' ')).toContain('nothing of what is in them');

    // No files, but what the server says of itself.
    expect(run.hashes).not.toHaveProperty([base]);
    expect(run.versions[seeing.base]).toMatch(/^llama\.cpp .*base\.gguf, F16, \d+ parameters$/);
    const { html } = await studio.client.reporting.report({ runs: [run.id] });
    expect(html).toContain(`“tiny” on the server ${seeing.url}, which says of itself: llama.cpp`);
    expect(html).toContain('A server tells no hashes of its files');
    const { tables } = await studio.client.reporting.present({ run: run.id });
    expect(tables.map(({ title }) => title)).toEqual([
      'Shares of the words by persona',
      'outgoing: differences from plain',
      'quiet: differences from plain',
      'Change for one α of extraversion',
    ]);
    const again = await studio.end('rerun', studio.client.reporting.rerun({ runs: [run.id] }));
    // What else a server computes at the same time moves its drawn words; that the same is asked of the same pictures stays.
    const [redone] = again.result?.runs ?? [];
    const repeated = (await studio.client.runs.get({ id: redone?.now ?? '' })) as Described;
    const told = (of: Described) =>
      of.result?.personas.map(({ name, alpha, descriptions }) => [
        ...[name, alpha],
        ...descriptions.map(one => `${one.name} ${one.repeat} ${one.text !== ''}`),
      ]);
    expect(told(repeated)).toEqual(told(run));
    // Another lab gets the pictures with the study.
    const { file } = await studio.client.reporting.bundle({ runs: [run.id] });
    const lab = await openStudio();
    try {
      await lab.client.reporting.import({ file });
      const { file: same } = await lab.client.pictures.get({ hash: checks.hash });
      expect(Buffer.from(await same.arrayBuffer()).equals(CHECKS)).toBe(true);
    } finally {
      await lab.remove();
    }
    const here = { ...plan, persona: { ...plan.persona, ...persona(), name: 'here' }, compared: [] };
    const refused = await studio.end('pictures', studio.client.experiments.pictures(here));
    expect(refused.error).toMatchObject({
      field: 'pictures',
      message: expect.stringContaining('no pictures'),
    });
  });

  test('keeps pictures once, and forgets those that nothing refers to', async () => {
    const again = await studio.client.pictures.add({ name: 'other.png', file: fileOf(RED, 'other.png') });
    expect(again.hash).toBe(red.hash);
    const lost = png(() => [1, 2, 3]);
    const { hash } = await studio.client.pictures.add({ name: 'lost.png', file: fileOf(lost, 'lost.png') });
    expect(CHECKS.length).toBeGreaterThan(0);
    const { Pictures } = await import('../../electron/studio/pictures/pictures.ts');
    const { openDatabase } = await import('../../electron/studio/log/database.ts');
    const database = openDatabase(studio.home);
    try {
      new Pictures(database).tidy(new Date(Date.now() + 8 * 24 * 3600 * 1000));
    } finally {
      database.close();
    }
    expect(await studioError(studio.client.pictures.get({ hash }))).toMatchObject({ code: 'not_found' });
    await studio.client.pictures.get({ hash: red.hash });
  });
});

/** A server before another that hides what llama.cpp says of itself. */
async function silent(url: string): Promise<{ url: string; server: Server }> {
  const server = createServer(async (request, response) => {
    const path = request.url ?? '';
    if (!/^\/v1\/(models|chat\/completions)$/.test(path)) {
      response.writeHead(404).end();
      return;
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const answer = await fetch(url.replace('/v1', path), {
      method: request.method,
      headers: { 'content-type': 'application/json' },
      body: chunks.length > 0 ? Buffer.concat(chunks) : undefined,
    });
    const text = await answer.text();
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}/v1`, server };
}
