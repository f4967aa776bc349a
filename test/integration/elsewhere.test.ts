/** Models that other programs keep: found by their folders, used where they lie, and never touched. */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resourcesFolder } from '../../electron/host.ts';
import { modelsElsewhere } from '../../electron/studio/library/elsewhere.ts';
import { readGguf } from '../../native-merge/index.js';
import { splitGguf } from '../native/helpers/gguf.ts';
import { writeProjector } from '../projector.ts';
import { sha256 } from './file-server.ts';
import { openStudio, studioError, type TestStudio } from './studio.ts';

const base = join(resourcesFolder, 'demo', 'base.gguf');
const model = readFileSync(base);
const digest = sha256(model);
const HOME = process.env.HOME;
let studio: TestStudio;
let user: string;

const at = (...names: string[]) => join(user, ...names);
function put(content: Buffer | string, ...names: string[]) {
  mkdirSync(dirname(at(...names)), { recursive: true });
  writeFileSync(at(...names), content);
  return at(...names);
}
const manifest = (...layers: [mediaType: string, digest: string][]) =>
  JSON.stringify({
    schemaVersion: 2,
    layers: layers.map(([mediaType, of]) => ({
      mediaType: `application/vnd.ollama.image.${mediaType}`,
      digest: of,
      size: 1,
    })),
  });

beforeAll(async () => {
  user = mkdtempSync(join(tmpdir(), 'temperament-user-'));
  put(model, '.lmstudio/models/lab/tiny-GGUF/tiny-Q8_0.gguf');
  put('', '.lmstudio/models/lab/tiny-GGUF/empty.gguf');
  put(model, '.lmstudio/models/lab/tiny-GGUF/mmproj-tiny-F16.gguf');
  symlinkSync(at('.lmstudio'), at('.lmstudio/models/circle'));
  put(model, '.config/Jan/data/llamacpp/models/lab/tiny-jan/model.gguf');
  put(model, '.ollama/models/blobs', `sha256-${digest}`);
  const library = '.ollama/models/manifests/registry.ollama.ai';
  const weights: [string, string] = ['model', `sha256:${digest}`];
  put(manifest(['license', `sha256:${'a'.repeat(64)}`], weights), library, 'library/tiny/latest');
  const eye = readFileSync(writeProjector(join(user, 'eye.gguf'), 256));
  rmSync(join(user, 'eye.gguf'));
  const seeing = manifest(['model', `sha256:${digest}`], ['projector', `sha256:${sha256(eye)}`]);
  put(seeing, 'seeing/manifests/registry.ollama.ai', 'library/tiny-eye/latest');
  put(model, 'seeing/blobs', `sha256-${digest}`);
  put(eye, 'seeing/blobs', `sha256-${sha256(eye)}`);
  put(manifest(weights, ['adapter', `sha256:${digest}`]), library, 'library/adapted/latest');
  put(manifest(['model', 'sha256:../../../../etc/passwd']), library, 'library/evil/latest');
  put(manifest(['model', `sha256:${'b'.repeat(64)}`]), library, 'library/gone/latest');
  put('not json', library, 'library/broken/latest');
  const snapshot = '.cache/huggingface/hub/models--lab--tiny/snapshots/0123abc';
  for (const part of splitGguf(base, join(user, 'cut'), readGguf(base))) {
    const blob = put(
      readFileSync(part),
      '.cache/huggingface/hub/models--lab--tiny/blobs',
      sha256(readFileSync(part)),
    );
    mkdirSync(at(snapshot), { recursive: true });
    symlinkSync(blob, at(snapshot, part.slice(user.length + 1)));
    rmSync(part);
  }
  put(model, '.cache/llama.cpp/lab_tiny_tiny-Q4.gguf');
  for (const name of [
    'OLLAMA_MODELS',
    'HF_HOME',
    'HF_HUB_CACHE',
    'LLAMA_CACHE',
    'XDG_CACHE_HOME',
    'XDG_CONFIG_HOME',
  ])
    delete process.env[name];
  // What the studio looks below.
  process.env.HOME = user;
  studio = await openStudio();
});
afterAll(async () => {
  process.env.HOME = HOME;
  await studio.remove();
  rmSync(user, { recursive: true, force: true });
});

/** Names, sizes and times of everything the user has. */
const traces = () =>
  readdirSync(user, { recursive: true, encoding: 'utf8' })
    .filter(name => !name.includes('circle'))
    .sort()
    .map(name => [name, statSync(at(name)).mtimeMs, statSync(at(name)).size]);

test('are found under the names that their programs give them', async () => {
  const found = await studio.client.library.elsewhere();
  expect(found.map(({ program, name, linked }) => [program, name, linked])).toEqual([
    ['huggingface', 'cut', null],
    ['jan', 'lab/tiny-jan', null],
    ['llamacpp', 'lab_tiny_tiny-Q4', null],
    ['lmstudio', 'tiny-Q8_0', null],
    ['ollama', 'tiny:latest', null],
  ]);
  expect(found.find(({ program }) => program === 'ollama')).toMatchObject({
    path: at('.ollama/models/blobs', `sha256-${digest}`),
    bytes: model.length,
  });
  expect(found[0]?.bytes).toBeGreaterThan(model.length - 100_000);
});

test('the environment names other folders, and each system has its own', async () => {
  const other = put(model, 'disk/models/x.gguf');
  const env = { LLAMA_CACHE: dirname(other), OLLAMA_MODELS: at('nothing'), HF_HOME: at('nothing') };
  const found = await modelsElsewhere({ home: at('nobody'), env, platform: 'linux' });
  expect(found).toEqual([{ name: 'x', path: other, bytes: model.length, program: 'llamacpp' }]);
  put(model, 'mac/Library/Application Support/Jan/data/llamacpp/models/m/model.gguf');
  const mac = await modelsElsewhere({ home: at('mac'), env: {}, platform: 'darwin' });
  expect(mac.map(({ name }) => name)).toEqual(['m']);
});

test('Ollama’s manifests name projectors of pictures, and others lie beside their models', async () => {
  const [found] = await modelsElsewhere({ home: at('nobody'), env: { OLLAMA_MODELS: at('seeing') } });
  expect(found?.name).toBe('tiny-eye:latest');
  const projector = found?.projector ?? '';
  expect(readGguf(projector).metadata['general.architecture']).toBe('clip');
  const other = await openStudio();
  process.env.OLLAMA_MODELS = at('seeing');
  try {
    const path = found?.path ?? '';
    await other.end('import', other.client.library.import({ inPlace: path }));
    const { models } = await other.client.library.models();
    expect(models.find(one => one.path === path)?.projector).toMatchObject({
      path: projector,
      known: 'named',
    });
    // As LM Studio has them, one folder for a model.
    const beside = put(model, 'studio', 'tiny-Q8_0.gguf');
    writeProjector(at('studio', 'mmproj-model-f16.gguf'), 256);
    const { file } = await other.client.endpoints.command({ model: beside });
    expect(file).toContain(`--mmproj ${at('studio', 'mmproj-model-f16.gguf')}`);
  } finally {
    delete process.env.OLLAMA_MODELS;
    await other.remove();
  }
});

test('are used where they lie, and forgotten without a trace', async () => {
  const { client } = studio;
  const before = traces();
  for (const { path } of await client.library.elsewhere()) {
    const run = await studio.end('import', client.library.import({ inPlace: path }));
    expect(run).toMatchObject({ state: 'done', result: { what: 'model', path, linked: true } });
  }
  const { models } = await client.library.models();
  const linked = models.filter(found => found.linked);
  expect(linked.map(({ id, linked: program }) => [id, program])).toEqual([
    ['cut', 'huggingface'],
    ['lab-tiny-jan', 'jan'],
    ['lab_tiny_tiny-Q4', 'llamacpp'],
    ['tiny-Q8_0', 'lmstudio'],
    ['tiny-latest', 'ollama'],
  ]);
  // A blob has no ending, and its name is a hash.
  const { text } = await studio.ask('Hello!', {
    recipe: { version: 2, base: 'tiny-latest', weights: { openness: 1 } },
  });
  expect(text.length).toBeGreaterThan(0);
  const { own } = await client.library.storage();
  expect(own).toEqual([]);
  const ollama = linked.find(({ id }) => id === 'tiny-latest');
  expect((await studioError(client.library.delete({ path: ollama?.path ?? '' }))).code).toBe('bad_input');
  const again = await studio.end('import', client.library.import({ inPlace: ollama?.path ?? '' }));
  expect(again.error?.message).toContain('already, as tiny-latest');

  await studio.close();
  studio = await openStudio(studio.home);
  expect((await studio.client.library.elsewhere()).map(found => found.linked)).toContain('tiny-latest');
  for (const { path } of linked) await studio.client.library.forget({ path });
  expect((await studio.client.library.models()).models.some(found => found.linked)).toBe(false);
  expect((await studioError(studio.client.library.forget({ path: ollama?.path ?? '' }))).code).toBe(
    'not_found',
  );
  expect(traces()).toEqual(before);
});

test('one whose file is gone is told of by name, and what is no model is refused', async () => {
  const { client } = studio;
  const path = put(model, 'disk/own.gguf');
  await studio.end('import', client.library.import({ inPlace: path }));
  expect((await client.library.models()).models.find(({ id }) => id === 'own')?.linked).toBe('other');
  rmSync(path);
  const { models, broken } = await client.library.models();
  expect(models.some(({ id }) => id === 'own')).toBe(false);
  expect(broken).toEqual([
    {
      path,
      linked: 'own',
      message: `own is used where another program kept it, and is no longer there: ${path}`,
    },
  ]);
  expect(await client.library.forget({ path })).toEqual({ name: 'own' });
  const vector = at('disk/vector.gguf');
  copyFileSync(join(resourcesFolder, 'demo', 'vectors', 'openness-low.gguf'), vector);
  const link = async (inPlace: string) =>
    (await studio.end('import', client.library.import({ inPlace }))).error;
  expect(await link(vector)).toMatchObject({ code: 'bad_input', message: expect.stringContaining('vector') });
  expect(await link(put('<html>', 'disk/page.gguf'))).toMatchObject({ code: 'bad_file' });
  expect(await link(at('disk/absent.gguf'))).toMatchObject({ code: 'not_found' });
});
