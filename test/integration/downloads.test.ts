/** Models fetched over HTTP: whole and checked, whatever the servers do, or not at all. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { resourcesFolder } from '../../electron/host.ts';
import type { HttpOptions } from '../../electron/studio/downloads/http.ts';
import { readGguf } from '../../native-merge/index.js';
import { splitGguf } from '../native/helpers/gguf.ts';
import { Hub, sha256, startProxy, startServer } from './file-server.ts';
import { openStudio, studioError, type TestStudio } from './studio.ts';

const base = join(resourcesFolder, 'demo', 'base.gguf');
const model = readFileSync(base);
const vector = readFileSync(join(resourcesFolder, 'demo', 'vectors', 'openness-low.gguf'));
const quick: HttpOptions = {
  patienceMs: 400,
  pausesMs: [20, 20, 20],
  proxies: { httpProxy: '', httpsProxy: '' },
};

type Server = Awaited<ReturnType<typeof startServer>>;
let studio: TestStudio;
let elsewhere: string;
let hub: Hub;
let hubServer: Server;
let storeServer: Server;

beforeAll(async () => {
  studio = await openStudio(undefined, { http: quick });
  elsewhere = mkdtempSync(join(tmpdir(), 'temperament-to-'));
});
beforeEach(async () => {
  hub = new Hub('lab/tiny-GGUF');
  hubServer = await startServer((request, response) => hub.handle(request, response));
  storeServer = await startServer((request, response) => hub.store.handle(request, response));
  hub.storeUrl = storeServer.url;
  hub.add('tiny-Q8_0.gguf', model);
  await studio.client.settings.set({ hub: hubServer.url, offline: false });
});
afterEach(async () => {
  await Promise.all([hubServer.close(), storeServer.close()]);
  for (const name of ['models', 'vectors', 'downloads']) rmSync(at(name), { recursive: true, force: true });
});
afterAll(async () => {
  await studio.remove();
  rmSync(elsewhere, { recursive: true, force: true });
});

const at = (...names: string[]) => join(studio.home, ...names);
const library = () => studio.client.library;
type Input = Parameters<ReturnType<typeof library>['download']>[0];
const download = (source: string, more: Omit<Input, 'source'> = {}) =>
  studio.end('download', library().download({ source, ...more }));
const address = (name = 'tiny-Q8_0.gguf') => `${storeServer.url}/${name}`;
const left = () => (existsSync(at('downloads')) ? readdirSync(at('downloads'), { recursive: true }) : []);
const ranges = () => storeServer.seen.map(({ range }) => range);

test('a repository’s only model arrives byte by byte, checked by the hub’s hash, and can be talked to', async () => {
  const run = await download('hf:lab/tiny-GGUF');
  const path = at('models', 'tiny-Q8_0.gguf');
  expect(run).toMatchObject({
    state: 'done',
    title: 'hf:lab/tiny-GGUF',
    input: { source: 'hf:lab/tiny-GGUF' },
    result: {
      ...{ what: 'model', path, files: [path], bytes: model.length, resumed: 0 },
      ...{ sha256: [sha256(model)], checked: 'server' },
    },
  });
  expect(readFileSync(path).equals(model)).toBe(true);
  expect(run.hashes).toEqual({ [path]: run.result?.content });
  expect((await library().models()).models.map(({ id }) => id)).toContain('tiny-Q8_0');
  expect(left()).toEqual([]);
  const { text } = await studio.ask('Hello!', { recipe: { version: 2, base: 'tiny-Q8_0' } });
  expect(text.length).toBeGreaterThan(0);
});

test('a vector from an address goes to the vectors; without a hash from the server its length is what was checked', async () => {
  hub.add('low.gguf', vector);
  expect((await download(address('low.gguf'))).result).toMatchObject({
    ...{ what: 'vector', path: at('vectors', 'low.gguf'), checked: null, sha256: [sha256(vector)] },
  });
});

test('of several models the user has to choose one, by quantisation or by file', async () => {
  hub.add('tiny-F16.gguf', model);
  hub.add('other/tiny-Q4_K_M.gguf', model);
  hub.add('mmproj-F16.gguf', model);
  hub.add('README.md', Buffer.from('#'));
  hub.pageSize = 2;
  const plan = await library().lookUp({ source: `${hubServer.url}/lab/tiny-GGUF/tree/main` });
  expect(plan.choices.map(({ source, label }) => [source, label])).toEqual([
    ['hf:lab/tiny-GGUF/other/tiny-Q4_K_M.gguf', 'Q4_K_M'],
    ['hf:lab/tiny-GGUF/tiny-F16.gguf', 'F16'],
    ['hf:lab/tiny-GGUF/tiny-Q8_0.gguf', 'Q8_0'],
  ]);
  expect(plan).toMatchObject({ chosen: null, suggested: 2, offline: false, folder: at('models') });
  expect(plan.projectors).toEqual(['hf:lab/tiny-GGUF/mmproj-F16.gguf']);
  expect(plan.choices[0]).toMatchObject({ bytes: model.length, fits: 'well', taken: null, kept: 0 });
  expect(plan.freeBytes).toBeGreaterThan(0);
  expect(storeServer.seen).toEqual([]);
  const several = await download('hf:lab/tiny-GGUF');
  expect(several.error).toMatchObject({ code: 'bad_input', field: 'source' });
  expect(several.error?.message).toMatch(/3 models: Q4_K_M .*F16.*Q8_0/);
  expect((await download('hf:lab/tiny-GGUF:q4_k_m')).result?.path).toBe(at('models', 'tiny-Q4_K_M.gguf'));
  expect((await download('lab/tiny-GGUF/tiny-F16.gguf')).result?.path).toBe(at('models', 'tiny-F16.gguf'));
  expect((await download('hf:lab/tiny-GGUF:Q2_K')).error?.action).toContain('It has: Q4_K_M, F16, Q8_0.');
  expect((await download('hf:lab/tiny-GGUF:F16')).error?.message).toContain(
    'has a file called tiny-F16.gguf already',
  );
});

test('parts of a split model come together or not at all', async () => {
  const parts = splitGguf(base, join(elsewhere, 'cut'), readGguf(base)).map(path => readFileSync(path));
  const name = (part: number) => `Q8_0/cut-Q8_0-0000${part + 1}-of-0000${parts.length}.gguf`;
  parts.forEach((part, index) => void hub.add(name(index), part));
  hub.store.failing = [null, { status: 404 }];
  const cut = await download(`hf:lab/tiny-GGUF/${name(0)}`);
  expect(cut.error).toMatchObject({ code: 'not_found' });
  expect(existsSync(at('models'))).toBe(false);
  const run = await download(`hf:lab/tiny-GGUF/${name(1)}`);
  expect(run.result).toMatchObject({ what: 'model', resumed: parts[0]?.length, bytes: expect.any(Number) });
  expect(run.result?.files).toHaveLength(parts.length);
  expect((await library().models()).models.map(({ id }) => id)).toContain('cut-Q8_0');
  expect(left()).toEqual([]);

  for (const path of run.result?.files ?? []) rmSync(path);
  hub.add('parts/cut-00001-of-00003.gguf', parts[0] as Buffer);
  const missing = await download('hf:lab/tiny-GGUF/parts/cut-00001-of-00003.gguf');
  expect(missing.error?.message).toContain('2 of the parts of cut-00001-of-00003.gguf are missing');
  // By addresses, the others are found from the first.
  const byAddress = await download(`${storeServer.url}/${name(0)}`);
  expect(byAddress.result?.files).toHaveLength(parts.length);
});

test('what is dropped half-way goes on by itself, from the next byte', async () => {
  hub.store.failing = [{ dropAfter: 300_000 }, { dropAfter: 100_000 }, { status: 503 }];
  const run = await download('hf:lab/tiny-GGUF');
  expect(run.state).toBe('done');
  expect(readFileSync(at('models', 'tiny-Q8_0.gguf')).equals(model)).toBe(true);
  const asked = ranges().map(range => Number(/\d+/.exec(range ?? '0')?.[0]));
  expect(asked).toHaveLength(4);
  expect(asked[0]).toBe(0);
  expect(asked[1]).toBeGreaterThan(0);
  expect(asked[2]).toBeGreaterThan(asked[1] as number);
  expect(asked[3]).toBe(asked[2]);
});

test('a server that hangs is left, and what came is gone on with later', async () => {
  hub.store.failing = Array.from({ length: 4 }, (_, at) => ({ hangAfter: at === 0 ? 200_000 : 0 }));
  const run = await download('hf:lab/tiny-GGUF');
  expect(run.error).toMatchObject({ code: 'io', message: expect.stringContaining('does not answer') });
  const [kept] = await library().unfinished();
  expect(kept).toMatchObject({ name: 'tiny-Q8_0.gguf', bytes: model.length, running: false });
  expect(kept?.done).toBeGreaterThan(0);
  expect((await library().lookUp({ source: 'hf:lab/tiny-GGUF' })).choices[0]?.kept).toBe(kept?.done);

  // Another studio on the same folder, as after a restart.
  await studio.close();
  studio = await openStudio(studio.home, { http: quick });
  storeServer.seen.length = 0;
  const again = await download(kept?.source ?? '');
  expect(again.result).toMatchObject({ resumed: kept?.done, checked: 'server' });
  expect(ranges()).toEqual([`bytes=${kept?.done}-`]);
  expect(readFileSync(at('models', 'tiny-Q8_0.gguf')).equals(model)).toBe(true);
  expect(await library().unfinished()).toEqual([]);
});

test('what is cancelled is kept, listed and can be discarded', async () => {
  hub.store.failing = [{ hangAfter: 250_000 }];
  const { run } = await library().download({ source: 'hf:lab/tiny-GGUF' });
  let unfinished: Awaited<ReturnType<ReturnType<typeof library>['unfinished']>> = [];
  for await (const event of await studio.client.runs.watch({ id: run }))
    if (event.type === 'progress' && event.progress.done > 0) {
      unfinished = await library().unfinished();
      expect((await studioError(library().discard({ id: unfinished[0]?.id ?? '' }))).code).toBe('busy');
      await studio.client.runs.cancel({ id: run });
    }
  expect(unfinished).toMatchObject([{ running: true }]);
  expect((await studio.client.runs.get({ id: run })).state).toBe('cancelled');
  const [kept] = await library().unfinished();
  expect(kept).toMatchObject({ source: 'hf:lab/tiny-GGUF/tiny-Q8_0.gguf', running: false });
  expect(await library().discard({ id: kept?.id ?? '' })).toEqual({ freed: kept?.done });
  expect(left()).toEqual([]);
  expect((await studioError(library().discard({ id: kept?.id ?? '' }))).code).toBe('not_found');
});

test.each([
  ['has another file by now', { etag: true, ignoreRange: false }],
  ['knows no ranges', { etag: true, ignoreRange: true }],
  ['gives nothing to know the file by', { etag: false, ignoreRange: false }],
])('an address whose server %s is begun anew', async (_what, { etag, ignoreRange }) => {
  if (!etag) hub.store.etag = null;
  hub.store.failing = [null, { dropAfter: 200_000 }, ...Array.from({ length: 3 }, () => ({ status: 500 }))];
  expect((await download(address())).state).toBe('failed');
  expect((await library().unfinished())[0]?.done).toBeGreaterThan(0);
  // As long as before, with another byte near its end.
  const other = Buffer.from(model);
  other.writeUInt8(other.readUInt8(other.length - 5) ^ 1, other.length - 5);
  if (!ignoreRange) hub.add('tiny-Q8_0.gguf', other);
  hub.store.failing = [null, { ignoreRange }];
  const run = await download(address());
  expect(run.state).toBe('done');
  expect(readFileSync(at('models', 'tiny-Q8_0.gguf')).equals(ignoreRange ? model : other)).toBe(true);
});

test('a hash of the user’s is what counts, and nothing stays of a file that has another', async () => {
  const run = await download(address(), { sha256: 'ab'.repeat(32) });
  expect(run.error).toMatchObject({ code: 'mismatch' });
  expect(run.error?.message).toContain(`its SHA-256 is ${sha256(model)}, expected was abab`);
  expect(left()).toEqual([]);
  expect(existsSync(at('models', 'tiny-Q8_0.gguf'))).toBe(false);
  const right = await download(address(), { sha256: `sha256:${sha256(model).toUpperCase()}` });
  expect(right.result?.checked).toBe('given');
  expect((await studioError(library().download({ source: address(), sha256: 'abc' }))).field).toBe('sha256');
});

test.each([
  [
    'is not the one whose hash the hub tells',
    () => hub.told.set('tiny-Q8_0.gguf', { oid: 'cd'.repeat(32) }),
    'mismatch',
    /its SHA-256 is/,
  ],
  [
    'is longer than the hub tells',
    () => hub.told.set('tiny-Q8_0.gguf', { size: 500_000 }),
    'mismatch',
    /its list says 500000/,
  ],
  [
    'is a page',
    () => hub.add('tiny-Q8_0.gguf', Buffer.from('<html>Please log in</html>')),
    'bad_file',
    /does not begin with “GGUF”/,
  ],
  ['is empty', () => hub.add('tiny-Q8_0.gguf', Buffer.alloc(0)), 'bad_file', /empty/],
  ['is cut off', () => hub.add('tiny-Q8_0.gguf', model.subarray(0, 900_000)), 'bad_file', /tiny-Q8_0\.gguf/],
  [
    'is damaged',
    () => hub.add('tiny-Q8_0.gguf', Buffer.concat([Buffer.from('GGUF'), Buffer.alloc(300, 0xff)])),
    'bad_file',
    /tiny-Q8_0\.gguf/,
  ],
  [
    'comes packed',
    () => (hub.store.failing = [{ headers: { 'content-encoding': 'gzip' } }]),
    'io',
    /packed \(gzip\)/,
  ],
])('nothing stays of a file that %s', async (_what, spoil, code, message) => {
  spoil();
  const run = await download('hf:lab/tiny-GGUF');
  expect(run.error).toMatchObject({ code, message: expect.stringMatching(message) });
  expect(run.error?.message).not.toContain(studio.home);
  expect(left()).toEqual([]);
  expect(existsSync(at('models', 'tiny-Q8_0.gguf'))).toBe(false);
});

test('a server that always ends early or sends too much is given up, and says how far it came', async () => {
  hub.store.failing = Array.from({ length: 9 }, () => ({ endAfter: 0 }));
  expect((await download('hf:lab/tiny-GGUF')).error?.code).toBe('io');
  hub.store.failing = Array.from({ length: 9 }, () => ({
    extra: 100,
    headers: { 'transfer-encoding': 'chunked' },
  }));
  const long = await download(address());
  expect(long.state).toBe('failed');
  expect(existsSync(at('models', 'tiny-Q8_0.gguf'))).toBe(false);
});

test('a private or gated repository opens with a token, which goes to the hub alone and into no log', async () => {
  hub.token = 'hf_secret';
  const without = await download('hf:lab/tiny-GGUF');
  expect(without.error).toMatchObject({
    code: 'io',
    field: 'token',
    message: expect.stringContaining('(401)'),
  });
  hub.refusal = 403;
  expect((await download('hf:lab/tiny-GGUF')).error?.action).toMatch(/accept its licence/);
  const run = await download('hf:lab/tiny-GGUF', { token: 'hf_secret' });
  expect(run.state).toBe('done');
  expect(storeServer.seen.every(({ authorization }) => authorization === undefined)).toBe(true);
  expect(JSON.stringify(await studio.client.runs.get({ id: run.id }))).not.toContain('hf_secret');
  const database = [at('studio.db'), at('studio.db-wal')].filter(existsSync).map(path => readFileSync(path));
  expect(database.some(content => content.includes('hf_secret'))).toBe(false);
});

test('what the environment says counts: token, mirror, offline', async () => {
  hub.token = 'hf_env';
  await studio.client.settings.set({ hub: '' });
  process.env.HF_TOKEN = 'hf_env';
  process.env.HF_ENDPOINT = `${hubServer.url}/`;
  try {
    expect((await download('hf:lab/tiny-GGUF')).state).toBe('done');
    storeServer.seen.length = 0;
    expect((await library().lookUp({ source: address() })).choices[0]?.taken).toBe(
      at('models', 'tiny-Q8_0.gguf'),
    );
    expect(storeServer.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
    process.env.HF_HUB_OFFLINE = '1';
    expect((await library().lookUp({ source: 'hf:lab/tiny-GGUF' })).offline).toBe(true);
  } finally {
    for (const name of ['HF_TOKEN', 'HF_ENDPOINT', 'HF_HUB_OFFLINE']) delete process.env[name];
  }
});

test('a server that wants fewer requests is obeyed', async () => {
  hub.store.failing = [{ status: 429, headers: { 'retry-after': '1' } }];
  const from = performance.now();
  expect((await download('hf:lab/tiny-GGUF')).state).toBe('done');
  expect(performance.now() - from).toBeGreaterThan(1000);
  hub.store.failing = [null, { status: 429, headers: { 'retry-after': '3600' } }];
  rmSync(at('models'), { recursive: true });
  expect((await download(address())).error).toMatchObject({ code: 'io', action: 'Try again in 60 minutes.' });
});

test('offline nothing is asked of anybody, and what would be fetched is said', async () => {
  await studio.client.settings.set({ offline: true });
  const plan = await library().lookUp({ source: 'hf:lab/tiny-GGUF' });
  const list = `${hubServer.url}/api/models/lab/tiny-GGUF/tree/main?recursive=true`;
  expect(plan).toMatchObject({ offline: true, choices: [], asks: [list], folder: at('models') });
  const file = `${hubServer.url}/lab/tiny-GGUF/resolve/main/tiny-Q8_0.gguf`;
  const exact = await library().lookUp({ source: 'hf:lab/tiny-GGUF/tiny-Q8_0.gguf' });
  expect(exact.choices[0]?.files).toEqual([{ name: 'tiny-Q8_0.gguf', url: file, bytes: null, sha256: null }]);
  const run = await download('hf:lab/tiny-GGUF/tiny-Q8_0.gguf');
  expect(run.error).toMatchObject({ code: 'io', field: 'offline' });
  expect(run.error?.action).toContain(`It would fetch ${file}. Put the file into ${at('models')} by hand`);
  expect([...hubServer.seen, ...storeServer.seen]).toEqual([]);
});

test('goes through a proxy, but not to hosts that are to be reached without', async () => {
  const proxy = await startProxy();
  const open = (noProxy: string) =>
    openStudio(undefined, { http: { ...quick, proxies: { httpProxy: proxy.url, noProxy } } });
  try {
    for (const [noProxy, throughProxy] of [
      ['', true],
      ['127.0.0.1', false],
    ] as const) {
      proxy.seen.length = 0;
      const other = await open(noProxy);
      try {
        await other.client.settings.set({ hub: hubServer.url });
        const run = await other.end('download', other.client.library.download({ source: 'lab/tiny-GGUF' }));
        expect(run.state).toBe('done');
        const through = proxy.seen.map(({ path }) => new URL(path).origin);
        expect(new Set(through)).toEqual(new Set(throughProxy ? [hubServer.url, storeServer.url] : []));
      } finally {
        await other.remove();
      }
    }
  } finally {
    await proxy.close();
  }
});

test('a folder of the user’s takes the file in place of the library, with what is not whole yet beside it', async () => {
  const to = join(elsewhere, 'disk');
  hub.store.failing = [{ dropAfter: 200_000 }, ...Array.from({ length: 3 }, () => ({ status: 500 }))];
  expect((await download('hf:lab/tiny-GGUF', { to })).state).toBe('failed');
  const [kept] = await library().unfinished();
  expect(kept).toMatchObject({ to, done: expect.any(Number) });
  expect(statSync(join(to, `.temperament-${kept?.id}`, 'tiny-Q8_0.gguf.part')).size).toBe(kept?.done);
  const run = await download('hf:lab/tiny-GGUF', { to });
  expect(run.result).toMatchObject({ path: join(to, 'tiny-Q8_0.gguf'), resumed: kept?.done });
  expect(readdirSync(to)).toEqual(['tiny-Q8_0.gguf']);
  expect((await download('hf:lab/tiny-GGUF', { to })).error?.file).toBe(join(to, 'tiny-Q8_0.gguf'));
});

test('refuses more than the disk holds before a byte of it comes', async () => {
  hub.told.set('tiny-Q8_0.gguf', { size: 2 ** 52 });
  const run = await download('hf:lab/tiny-GGUF');
  expect(run.error).toMatchObject({
    code: 'no_space',
    message: expect.stringContaining('tiny-Q8_0.gguf has'),
  });
  expect(storeServer.seen).toEqual([]);
  expect((await library().lookUp({ source: 'hf:lab/tiny-GGUF' })).choices[0]?.fits).toBe('no');
});

test.each([
  ['what names nothing', 'grump', 'bad_input', /names nothing/],
  ['a way out of the repository', 'hf:lab/tiny/../../etc/passwd.gguf', 'bad_input', /names nothing/],
  ['another scheme', 'file:///etc/passwd.gguf', 'bad_input', /no address/],
  ['a password in the address', 'https://ada:pw@example.org/x.gguf', 'bad_input', /password/],
  ['an address of no GGUF file', 'http://127.0.0.1:9/page.html', 'bad_input', /does not end in the name/],
  ['a hidden name', 'http://127.0.0.1:9/.x.gguf', 'bad_input', /does not end in the name/],
  ['a closed port', 'http://127.0.0.1:9/x.gguf', 'io', /connection to 127\.0\.0\.1:9 was lost|answer/],
  ['a repository that is not there', 'hf:lab/nothing', 'not_found', /has no such thing/],
])('refuses %s', async (_what, source, code, message) => {
  expect((await download(source)).error).toMatchObject({ code, message: expect.stringMatching(message) });
});

test('a mirror without lists still gives a file that is named', async () => {
  hub.lists = false;
  expect((await download('hf:lab/tiny-GGUF/tiny-Q8_0.gguf')).result).toMatchObject({ checked: 'server' });
});

test('redirects in a circle, to other schemes and to nowhere are not followed', async () => {
  let to = '/again.gguf';
  const circle = await startServer((_, response) => response.writeHead(302, { location: to }).end());
  try {
    const source = `${circle.url}/x.gguf`;
    expect((await download(source)).error?.message).toMatch(/in a circle/);
    for (to of ['file:///etc/passwd', 'http://[', ''])
      expect((await download(source)).error?.message).toMatch(/not followed|in a circle/);
  } finally {
    await circle.close();
  }
});
