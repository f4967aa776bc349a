import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resourcesFolder } from '../../electron/host.ts';
import { emblemSvg } from '../../electron/studio/contract.ts';
import { writePersonaFile } from '../../electron/studio/personas/file.ts';
import { openStudio, persona, studioError, type TestStudio } from './studio.ts';

let studio: TestStudio;
const personas = () => studio.client.personas;

beforeAll(async () => {
  studio = await openStudio();
});
afterAll(() => studio.remove());

test('a persona is kept with what its mix is made of, and gets a version for each change of the mix alone', async () => {
  const mix = { ...persona({ extraversion: 1, neuroticism: -0.5 }), system: 'Be brief.' };
  const first = await personas().save({
    name: 'Mara',
    persona: mix,
    tags: ['sea', 'bold'],
    notes: 'A captain.',
  });
  expect(first).toMatchObject({ name: 'Mara', version: 1, versions: 1, tags: ['sea', 'bold'], missing: [] });
  expect(first.persona).toMatchObject({ name: 'Mara', system: 'Be brief.' });
  const { models, vectors } = {
    ...(await studio.client.library.models()),
    ...(await studio.client.library.vectors()),
  };
  const hashOf = (id: string) => [...models, ...vectors].find(file => file.id === id)?.content;
  expect(first.needs.map(({ about, hash }) => [about, hash])).toEqual([
    [models.find(({ id }) => id === 'demo')?.label, hashOf('demo')],
    ['extraversion-high', hashOf('extraversion-high')],
    ['neuroticism-low', hashOf('neuroticism-low')],
  ]);

  const same = await personas().save({ id: first.id, persona: mix, notes: 'Notes are no version.' });
  expect(same).toMatchObject({
    version: 1,
    versions: 1,
    notes: 'Notes are no version.',
    tags: ['sea', 'bold'],
  });
  const other = { ...mix, recipe: { ...mix.recipe, weights: { extraversion: 2 } } };
  const second = await personas().save({ id: first.id, persona: other });
  expect(second).toMatchObject({ version: 2, versions: 2, name: 'Mara' });
  expect(second.history.map(({ version }) => version)).toEqual([2, 1]);
  await personas().activate({ id: first.id, version: 1 });
  const [listed] = await personas().list({});
  expect(listed).toMatchObject({ version: 1, versions: 2 });
  expect(listed?.persona.recipe.weights).toEqual({ extraversion: 1, neuroticism: -0.5 });
  // The next change is a third version, although the first is in use.
  expect((await personas().save({ id: first.id, persona: other })).version).toBe(3);
});

test('the profile is the newest measurement of the very mix, or that of a run which measured it', async () => {
  const mix = persona({ openness: 1.5 });
  expect((await personas().save({ name: 'Unmeasured', persona: mix })).profile).toBe(null);
  const run = await studio.end(
    'assess',
    studio.client.assessment.assess({ persona: mix, inventory: 'mini-ipip' }),
  );
  const kept = await personas().save({ name: 'Measured', persona: { ...mix, name: 'Measured' } });
  expect(kept.profile).toMatchObject({
    run: run.id,
    inventory: 'mini-ipip',
    highest: 5,
    scores: run.result?.scores,
  });
  const otherwise = { ...mix, system: 'You are tired.' };
  expect((await personas().save({ name: 'Told', persona: otherwise })).profile).toBe(null);
  const refused = await studioError(personas().save({ name: 'Told', persona: otherwise, run: run.id }));
  expect(refused).toMatchObject({ code: 'mismatch', field: 'run' });
});

test('a copy is a persona of its own, and a deleted one comes back', async () => {
  const { id } = await personas().save({ name: 'Ada', persona: persona({ openness: 1 }) });
  const first = await personas().duplicate({ id });
  const second = await personas().duplicate({ id });
  expect((await personas().get(first)).name).toBe('Ada (copy)');
  expect((await personas().get(second)).name).toBe('Ada (copy 2)');
  await personas().edit({ id: first.id, name: 'Bea', tags: ['x', 'x'] });
  expect(await personas().get({ id })).toMatchObject({ name: 'Ada', tags: [] });
  expect(await personas().get(first)).toMatchObject({ name: 'Bea', tags: ['x'], persona: { name: 'Bea' } });

  await personas().delete({ id });
  const names = async (deleted: boolean) => (await personas().list({ deleted })).map(({ name }) => name);
  expect(await names(false)).not.toContain('Ada');
  expect(await names(true)).toEqual(['Ada']);
  await personas().restore({ id });
  expect(await names(false)).toContain('Ada');
});

test('what is not there is refused in words', async () => {
  const unknown = { ...persona(), recipe: { version: 2 as const, base: 'nobody' } };
  expect(await studioError(personas().save({ persona: unknown }))).toMatchObject({ code: 'not_found' });
  expect(await studioError(personas().get({ id: 'gone' }))).toMatchObject({ code: 'not_found', field: 'id' });
  const { id } = await personas().save({ name: 'One', persona: persona() });
  expect(await studioError(personas().activate({ id, version: 7 }))).toMatchObject({ field: 'version' });
  const text = new File(['not a picture'], 'a.png');
  expect(await studioError(personas().setPicture({ id, file: text }))).toMatchObject({
    code: 'bad_file',
    file: 'a.png',
  });
});

test('an emblem says its weights: the same ones alike, others otherwise', () => {
  expect(emblemSvg({ openness: 1 })).toBe(emblemSvg({ openness: 1, neuroticism: 0 }));
  const drawn = [{}, { openness: 1 }, { openness: -1 }, { openness: 1.1 }, { neuroticism: 1 }].map(emblemSvg);
  expect(new Set(drawn).size).toBe(5);
  expect(emblemSvg({ openness: 5 })).toBe(emblemSvg({ openness: 4 }));
});

test('a persona goes to a fresh data folder with its vectors, and answers there as it did here', async () => {
  const mix = {
    ...persona({ extraversion: 1.5 }, { system: 'Be brief.' }),
    rolePlay: { scenario: 'A harbour.' },
  };
  const kept = await personas().save({ name: 'Käpt’n Mara', persona: mix, tags: ['sea'] });
  const png = (await personas().export({ id: kept.id, format: 'card' })).file;
  await personas().setPicture({ id: kept.id, file: png });
  const { file } = await personas().export({ id: kept.id, vectors: true });
  expect(file.name).toMatch(/mara\.persona$/);

  const other = await openStudio();
  try {
    const { persona: there, notes } = await other.client.personas.import({ file });
    expect(notes).toEqual([]);
    expect(there).toMatchObject({ name: 'Käpt’n Mara', tags: ['sea'], missing: [], picture: true });
    expect(there.persona).toMatchObject({ system: 'Be brief.', rolePlay: { scenario: 'A harbour.' } });
    const answers = [studio.ask('Hello!', kept.persona), other.ask('Hello!', there.persona)];
    const [here, away] = await Promise.all(answers);
    expect(away?.text).toBe(here?.text);
    // The library had the vector already: nothing was added to its folder.
    const { vectors } = await other.client.library.vectors();
    expect(vectors.every(({ demo }) => demo)).toBe(true);
  } finally {
    await other.remove();
  }
});

test('what a shared persona lacks is named with its hash, and brought by the file where it can be', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'temperament-personas-'));
  const lender = await openStudio();
  try {
    const demo = join(resourcesFolder, 'demo', 'base.gguf');
    const adapter = join(resourcesFolder, 'demo', 'vectors', 'openness-high.gguf');
    const own = await lender.end(
      'extract',
      lender.client.library.extract({
        base: demo,
        tuned: adapter,
        trait: 'agreeableness',
        pole: 'high',
        note: 'ours',
      }),
    );
    const content = (await lender.client.library.vectors()).vectors.find(
      ({ path }) => path === own.result?.path,
    );
    expect(content?.form).toBe('low-rank');
    const hashes = { base: '', vectors: { 'agreeableness-high': content?.content ?? '' } };
    hashes.base =
      (await lender.client.library.models()).models.find(({ id }) => id === 'demo')?.content ?? '';
    const mix = { recipe: { version: 2 as const, base: 'demo', weights: { agreeableness: 1 }, hashes } };
    const { id } = await lender.client.personas.save({ name: 'Ours', persona: mix });
    const plain = (await lender.client.personas.export({ id })).file;
    const full = (await lender.client.personas.export({ id, vectors: true })).file;

    const without = (await personas().import({ file: plain })).persona;
    expect(without.missing).toEqual([
      {
        role: 'vector',
        about: 'agreeableness-high',
        hash: content?.content,
        name: basename(own.result?.path ?? ''),
      },
    ]);
    const refused = await studioError(studio.ask('Hello!', without.persona));
    expect(refused.action).toContain(content?.content);

    const path = join(folder, 'ours.persona');
    writeFileSync(path, Buffer.from(await full.arrayBuffer()));
    const brought = (await personas().import({ file: path })).persona;
    expect(brought.missing).toEqual([]);
    expect((await personas().get({ id: without.id })).missing).toEqual([]);
    expect((await studio.ask('Hello!', brought.persona)).text).toBe((await lender.ask('Hello!', mix)).text);
    expect(readdirSync(join(studio.home, 'vectors'))).toHaveLength(1);
    expect(readdirSync(join(studio.home, 'cache', 'scratch')).filter(name => name.endsWith('.gguf'))).toEqual(
      [],
    );
  } finally {
    await lender.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a character card comes in with its picture and its unknown fields, which go out again', async () => {
  const data = { name: 'Quill', first_mes: 'Well?', odd: [1, { two: 2 }], character_book: { entries: [{}] } };
  const json = new File([JSON.stringify({ spec: 'chara_card_v2', spec_version: '2.0', data })], 'quill.json');
  const { persona: quill, notes } = await personas().import({ file: json });
  expect(quill).toMatchObject({ name: 'Quill', card: true, picture: false, profile: null });
  expect(quill.persona.recipe).toMatchObject({ base: 'demo', weights: {} });
  expect(notes).toEqual(['Of the lorebook one entry is kept and not used, for want of plain keys.']);
  await personas().save({
    id: quill.id,
    persona: { ...quill.persona, recipe: persona({ openness: 2 }).recipe },
  });

  const { file } = await personas().export({ id: quill.id, format: 'card' });
  const { persona: again } = await personas().import({ file });
  expect(again.picture).toBe(true);
  expect(again.persona.recipe.weights).toEqual({ openness: 2 });
  const out = JSON.parse(await (await personas().export({ id: again.id, format: 'json' })).file.text());
  expect(out.data).toMatchObject(data);

  // As a ZIP: its own picture comes back, and what the card named elsewhere stays named.
  const charx = (await personas().export({ id: again.id, format: 'charx' })).file;
  expect(charx.name).toBe('quill.charx');
  const third = await personas().import({ file: charx });
  expect(third).toMatchObject({ persona: { picture: true, name: 'Quill' }, notes });
  expect(third.persona.persona.recipe).toEqual(again.persona.recipe);
  const pictures = await Promise.all([again, third.persona].map(({ id }) => personas().picture({ id })));
  const [one, other] = await Promise.all(
    pictures.map(async ({ file }) => file && Buffer.from(await file.arrayBuffer())),
  );
  expect(other?.equals(one as Buffer)).toBe(true);
  const last = JSON.parse(
    await (await personas().export({ id: third.persona.id, format: 'json' })).file.text(),
  );
  expect(last.data).toMatchObject(data);
  expect(last.data.assets).toEqual([]);

  const refused = await studioError(personas().import({ file: new File(['hello'], 'a.txt') }));
  expect(refused).toMatchObject({ code: 'bad_file', file: 'a.txt' });
});

test('a persona file with a vector that its mix does not need, or that is none, leaves nothing behind', async () => {
  const kept = await personas().save({ name: 'Trojan', persona: persona({ openness: 1 }) });
  const forged = async (vector: Buffer) => {
    const vectors = new Map([['neuroticism-high.gguf', vector]]);
    const content = { ...kept, picture: null, card: null, vectors };
    const bytes = await writePersonaFile(content, { made: new Date().toISOString(), version: '1' });
    return new File([new Uint8Array(bytes)], 'trojan.persona');
  };
  const count = async () => (await personas().list({})).length;
  const files = (...folder: string[]) =>
    readdirSync(join(studio.home, ...folder)).filter(name => /gguf/.test(name));
  const before = [await count(), files('vectors')];
  const other = readFileSync(join(resourcesFolder, 'demo', 'vectors', 'neuroticism-high.gguf'));
  const refused = await studioError(personas().import({ file: await forged(other) }));
  expect(refused).toMatchObject({ code: 'bad_file', file: 'trojan.persona' });
  expect(refused.message).toContain('not one of the low-rank vectors that its mix needs');
  for (const broken of [Buffer.from('GGUF nonsense'), other.subarray(0, 5000)]) {
    const { code, message } = await studioError(personas().import({ file: await forged(broken) }));
    expect(code).toBe('bad_file');
    expect(message).toMatch(/trojan\.persona/);
  }
  expect([await count(), files('vectors')]).toEqual(before);
  expect(files('cache', 'scratch')).toEqual([]);
});

test('a lorebook tells the model what the conversation brings up, and no more', async () => {
  const told = 'You are very talkative, lively and outgoing.';
  const lorebook = { entries: [{ keys: ['party'], content: told }] };
  const plain = { name: 'Base', recipe: persona({}).recipe, sampling: { temperature: 0 } };
  const knowing = { ...plain, rolePlay: { lorebook } };
  const asked = 'Will you go to the party?';
  const { text } = await studio.ask(asked, knowing);
  expect(text).toBe((await studio.ask(asked, { ...plain, system: told })).text);
  expect(text).not.toBe((await studio.ask(asked, plain)).text);
  const other = 'Do you like coffee?';
  expect((await studio.ask(other, knowing)).text).toBe((await studio.ask(other, plain)).text);
});
