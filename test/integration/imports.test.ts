/** Files brought into the library: whole and in their place, or not at all. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resourcesFolder } from '../../electron/host.ts';
import { readGguf } from '../../native-merge/index.js';
import { splitGguf } from '../native/helpers/gguf.ts';
import { openStudio, studioError, type TestStudio } from './studio.ts';

const base = join(resourcesFolder, 'demo', 'base.gguf');
const vector = join(resourcesFolder, 'demo', 'vectors', 'openness-low.gguf');
const model = readFileSync(base);

let studio: TestStudio;
let elsewhere: string;
beforeAll(async () => {
  studio = await openStudio();
  elsewhere = mkdtempSync(join(tmpdir(), 'temperament-from-'));
});
afterAll(async () => {
  await studio.remove();
  rmSync(elsewhere, { recursive: true, force: true });
});

const at = (...names: string[]) => join(studio.home, ...names);
const library = () => studio.client.library;
const half = () => readdirSync(at('cache', 'scratch'));
const fromPath = (path: string) => studio.end('import', library().import({ path }));

/** Sends a file as a page does, in pieces. */
async function send(name: string, content: Buffer, bytes = content.length, cut = false) {
  const started = await library().import({ name, bytes });
  const body = Readable.from(
    (async function* () {
      for (let from = 0; from < content.length; from += 100_000) yield content.subarray(from, from + 100_000);
      if (cut) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    })(),
    { objectMode: false },
  );
  const over = studio.receive(started.run, body);
  expect(over).toBeDefined();
  const run = await studio.end('import', Promise.resolve(started));
  await over;
  return run;
}

test('a model and a vector from a path find their places, by a link where the disk is the same', async () => {
  const [from, as] = [join(elsewhere, 'mine.gguf'), at('models', 'mine.gguf')];
  copyFileSync(base, from);
  const run = await fromPath(from);
  expect(run).toMatchObject({ state: 'done', result: { what: 'model', path: as, bytes: model.length } });
  expect(run.hashes).toEqual({ [as]: run.result?.content });
  expect(run.result?.linked).toBe(statSync(from).dev === statSync(as).dev);
  expect(readFileSync(as).equals(model)).toBe(true);
  expect(existsSync(from)).toBe(true);
  expect((await fromPath(vector)).result).toMatchObject({
    what: 'vector',
    path: at('vectors', 'openness-low.gguf'),
  });
  const listed = await library().models();
  expect(listed.models.map(({ path }) => path)).toContain(as);
  expect(half()).toEqual([]);
});

test('a file that a page sends arrives byte by byte, and takes no name that is taken', async () => {
  const run = await send('sent.gguf', model);
  expect(run).toMatchObject({ state: 'done', result: { what: 'model', linked: false } });
  expect(readFileSync(at('models', 'sent.gguf')).equals(model)).toBe(true);
  expect((await fromPath(join(elsewhere, 'mine.gguf'))).error).toMatchObject({
    code: 'bad_input',
    file: at('models', 'mine.gguf'),
  });
});

test.each([
  [
    'is no GGUF file',
    () => Buffer.from('<html>not a model</html>'),
    /does not begin with “GGUF”/,
    undefined,
    false,
  ],
  ['is cut off', () => model.subarray(0, 1_000_000), /bad\.gguf/, undefined, false],
  [
    'ends before its announced size',
    () => model.subarray(0, 500_000),
    /ended after 500000 of/,
    model.length,
    false,
  ],
  ['goes on after its announced size', () => model, /longer than was announced/, 500_000, false],
  ['loses its connection', () => model.subarray(0, 300_000), /ended after 300000 of/, model.length, true],
  [
    'is damaged',
    () => Buffer.concat([Buffer.from('GGUF'), Buffer.alloc(200, 0xff)]),
    /bad\.gguf/,
    undefined,
    false,
  ],
])('nothing stays of a file that %s', async (_how, content, message, bytes, cut) => {
  const run = await send('bad.gguf', content(), bytes, cut);
  expect(run.state).toBe('failed');
  expect(run.error?.message).toMatch(message);
  expect(run.error?.message).not.toContain('scratch');
  expect(existsSync(at('models', 'bad.gguf'))).toBe(false);
  expect(half()).toEqual([]);
});

test('nothing stays of a file that is cancelled on its way', async () => {
  const { run } = await library().import({ name: 'slow.gguf', bytes: model.length });
  let go = () => {};
  const waits = new Promise<void>(resolve => {
    go = resolve;
  });
  const body = Readable.from(
    (async function* () {
      yield model.subarray(0, 100_000);
      await waits;
    })(),
  );
  const over = studio.receive(run, body);
  expect(studio.receive(run, Readable.from([]))).toBeUndefined();
  for await (const event of await studio.client.runs.watch({ id: run }))
    if (event.type === 'progress') await studio.client.runs.cancel({ id: run });
  await over;
  go();
  expect((await studio.client.runs.get({ id: run })).state).toBe('cancelled');
  expect(existsSync(at('models', 'slow.gguf'))).toBe(false);
  expect(half()).toEqual([]);
});

test('refuses more than the disk holds, before a byte is sent', async () => {
  const run = await studio.end('import', library().import({ name: 'huge.gguf', bytes: 2 ** 52 }));
  expect(run.error).toMatchObject({ code: 'no_space', message: expect.stringContaining('huge.gguf has') });
});

test.each(['../evil.gguf', 'a/b.gguf', 'a\\b.gguf', '.hidden.gguf', 'model.txt', 'c:evil.gguf', 'a\0.gguf'])(
  'refuses the name %j',
  async name => {
    expect((await studioError(library().import({ name, bytes: 4 }))).code).toBe('bad_input');
  },
);

test('refuses a folder and what is not there', async () => {
  const folder = join(elsewhere, 'folder.gguf');
  mkdirSync(folder);
  expect((await fromPath(folder)).error).toMatchObject({ code: 'bad_input', file: folder });
  const absent = join(elsewhere, 'absent.gguf');
  expect((await fromPath(absent)).error).toMatchObject({ code: 'not_found', file: absent });
});

test('parts of a split model come one by one, and are a model when all are there', async () => {
  for (const part of splitGguf(base, join(elsewhere, 'cut'), readGguf(base))) {
    expect((await library().models()).models.map(({ id }) => id)).not.toContain('cut');
    expect((await fromPath(part)).result).toMatchObject({ what: 'part', content: null });
  }
  expect((await library().models()).models.map(({ id }) => id)).toContain('cut');
});

test('the bytes of a file that nobody announced are not taken', () => {
  expect(studio.receive('0b0e8a52-0000-4000-8000-000000000000', Readable.from(['x']))).toBeUndefined();
});
