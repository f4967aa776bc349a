/** The library's bin: what depends on a file is told, deleting and bringing back are exact, and nothing else can go. */
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resourcesFolder } from '../../electron/host.ts';
import { readGguf } from '../../native-merge/index.js';
import { splitGguf } from '../native/helpers/gguf.ts';
import { openStudio, persona, studioError, type TestStudio } from './studio.ts';

const demo = join(resourcesFolder, 'demo', 'base.gguf');

let studio: TestStudio;
let elsewhere: string;
beforeAll(async () => {
  studio = await openStudio();
  elsewhere = mkdtempSync(join(tmpdir(), 'temperament-elsewhere-'));
  for (const folder of ['models', 'vectors']) mkdirSync(join(studio.home, folder), { recursive: true });
});
afterAll(async () => {
  await studio.remove();
  rmSync(elsewhere, { recursive: true, force: true });
});

const models = (name = '') => join(studio.home, 'models', name);
const storage = () => studio.client.library.storage();
const ids = async () => (await studio.client.library.models()).models.map(({ id }) => id);

test('tells what depends on a model, lets go of it while it is loaded, and brings all of it back', async () => {
  const { library, mixing, personas, experiments } = studio.client;
  const own = models('own.gguf');
  const loud = persona({ extraversion: 1 }).recipe;
  // A base of other weights than the demo's, so that nothing but its hash leads to it.
  await studio.end('bake', mixing.bake({ recipe: persona({ openness: 2 }).recipe, type: 'f32', out: own }));
  const about = { trait: 'openness', pole: 'low' } as const;
  const out = join(studio.home, 'vectors', 'own-openness-low.gguf');
  await studio.end('extract', library.extract({ base: 'own', tuned: demo, ...about, out }));
  const recipe = { ...loud, base: 'own' };
  await studio.end('bake', mixing.bake({ recipe, type: 'f32', out: models('from-own.gguf') }));
  await personas.save({ name: 'Olga', persona: persona({}, { recipe }) });
  const asked = persona({}, { recipe: { ...recipe, weights: {} } });
  const plan = { persona: asked, inventory: 'mini-ipip', knots: [1], combinations: 0 };
  const measured = await studio.end('calibrate', experiments.calibrate(plan));
  expect(measured.state).toBe('done');
  const before = (await studio.ask('How are you?', { recipe })).text;

  const found = await library.dependents({ path: own });
  expect(found).toMatchObject({
    file: { kind: 'model', name: 'own', path: own },
    copies: [],
    vectors: ['own-openness-low'],
    personas: ['Olga'],
    calibrations: [{ inventory: 'mini-ipip' }],
    baked: ['from-own'],
  });

  const content = readFileSync(own);
  const deleted = await library.delete({ path: own });
  expect(existsSync(own)).toBe(false);
  expect(await ids()).not.toContain('own');
  expect((await storage()).bin).toMatchObject([{ id: deleted.id, name: 'own', bytes: content.length }]);
  expect((await personas.list({}))[0]?.missing).toMatchObject([{ role: 'model', name: 'own.gguf' }]);
  expect((await studioError(studio.ask('How are you?', { recipe }))).code).toBe('not_found');

  await library.restore({ id: deleted.id });
  expect(readFileSync(own).equals(content)).toBe(true);
  expect((await studio.ask('How are you?', { recipe })).text).toBe(before);
  expect((await personas.list({}))[0]?.missing).toEqual([]);
  expect((await storage()).bin).toEqual([]);
}, 400_000);

test('names the other file of the same weights', async () => {
  copyFileSync(models('own.gguf'), models('twin.gguf'));
  expect((await studio.client.library.dependents({ path: models('own.gguf') })).copies).toEqual(['twin']);
});

test('a split model goes and comes as one, and not over a file that took its name', async () => {
  const parts = splitGguf(demo, models('cut'), readGguf(demo));
  const [first] = parts;
  const deleted = await studio.client.library.delete({ path: first });
  expect(deleted.files).toHaveLength(2);
  expect(parts.some(part => existsSync(part))).toBe(false);
  writeFileSync(parts[1], 'another file');
  expect(await studioError(studio.client.library.restore({ id: deleted.id }))).toMatchObject({
    code: 'bad_input',
    file: parts[1],
  });
  rmSync(parts[1]);
  await studio.client.library.restore({ id: deleted.id });
  expect(parts.every(part => existsSync(part))).toBe(true);
  expect(await ids()).toContain('cut');
});

test('refuses the demo family, files elsewhere and files that are linked from elsewhere', async () => {
  const outside = join(elsewhere, 'mine.gguf');
  linkSync(models('twin.gguf'), outside);
  symlinkSync(outside, models('link.gguf'));
  expect(await ids()).toContain('mine');
  const { own } = await storage();
  expect(own.map(({ name }) => name)).not.toContain('mine');
  expect(own.map(({ name }) => name)).not.toContain('demo');
  const paths = [demo, outside, models('link.gguf'), join(studio.home, 'studio.db'), models('../studio.db')];
  for (const path of paths) {
    expect((await studioError(studio.client.library.delete({ path }))).code).toBe('bad_input');
    expect(existsSync(path)).toBe(true);
  }
  rmSync(models('link.gguf'));
});

test('a file that cannot be read can go, and a link to nothing is listed and not fatal', async () => {
  writeFileSync(models('torn.gguf'), 'GGUF');
  symlinkSync(join(elsewhere, 'gone.gguf'), models('dangling.gguf'));
  const { broken } = await studio.client.library.models();
  expect(broken.map(({ path }) => path)).toContain(models('torn.gguf'));
  expect(broken.map(({ path }) => path)).toContain(models('dangling.gguf'));
  const deleted = await studio.client.library.delete({ path: models('torn.gguf') });
  expect(deleted).toMatchObject({ kind: 'broken', name: 'torn', bytes: 4 });
  expect(await studio.client.library.emptyBin()).toEqual({ freed: 4 });
  expect((await storage()).bin).toEqual([]);
  expect((await studioError(studio.client.library.restore({ id: deleted.id }))).code).toBe('not_found');
  rmSync(models('dangling.gguf'));
});

test('a run that uses a model stands in the way until it ends', async () => {
  const { library, mixing } = studio.client;
  const recipe = { ...persona({ extraversion: 1 }).recipe, base: 'own' };
  const { run } = await studio.client.assessment.sweep({
    persona: persona({}, { recipe: { ...recipe, weights: {} } }),
    trait: 'extraversion',
    inventory: 'ipip-50',
    alphas: [-2, -1, 0, 1, 2],
  });
  for await (const event of await studio.client.runs.watch({ id: run })) {
    if (event.type === 'end' || event.progress.done > 0) break;
  }
  const refused = await studioError(library.delete({ path: models('own.gguf') }));
  expect(refused).toMatchObject({ code: 'busy', file: models('own.gguf') });
  await studio.client.runs.cancel({ id: run });
  for await (const event of await studio.client.runs.watch({ id: run })) if (event.type === 'end') break;
  const deleted = await library.delete({ path: models('own.gguf') });
  await library.restore({ id: deleted.id });
  expect(await mixing.check({ recipe })).toBeInstanceOf(Array);
});

test('the bin outlives a restart, and what has lain there for long is gone at the next', async () => {
  const { home } = studio;
  const deleted = await studio.client.library.delete({ path: models('twin.gguf') });
  await studio.close();
  studio = await openStudio(home);
  expect((await storage()).bin).toMatchObject([{ id: deleted.id }]);
  await studio.close();
  const about = join(home, 'bin', deleted.id, 'about.json');
  writeFileSync(about, readFileSync(about, 'utf8').replace(/"deletedAt":"\d{4}/, '"deletedAt":"2020'));
  studio = await openStudio(home);
  expect((await storage()).bin).toEqual([]);
  expect(readdirSync(join(home, 'bin'))).toEqual([]);
});
