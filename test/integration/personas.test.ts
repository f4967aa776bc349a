import { afterAll, beforeAll, expect, test } from 'vitest';
import { emblemSvg } from '../../electron/studio/contract.ts';
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
