/** The terminal's “download”: what it fetches, says and keeps. */
import { spawn } from 'node:child_process';
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
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { appFolder, resourcesFolder } from '../../electron/host.ts';
import { Hub, sha256, startServer } from './file-server.ts';

const home = mkdtempSync(join(tmpdir(), 'temperament-cli-'));
const model = readFileSync(join(resourcesFolder, 'demo', 'base.gguf'));
const size = `${(model.length / 1e6).toFixed(1)} MB`;
let hub: Hub;
let hubServer: Awaited<ReturnType<typeof startServer>>;
let storeServer: Awaited<ReturnType<typeof startServer>>;

beforeAll(async () => {
  hubServer = await startServer((request, response) => hub.handle(request, response));
  storeServer = await startServer((request, response) => hub.store.handle(request, response));
});
beforeEach(() => {
  hub = new Hub('lab/tiny-GGUF');
  hub.storeUrl = storeServer.url;
  hub.add('tiny-Q8_0.gguf', model);
  rmSync(home, { recursive: true, force: true });
});
afterAll(async () => {
  await Promise.all([hubServer.close(), storeServer.close()]);
  rmSync(home, { recursive: true, force: true });
});

/** Runs a command; `until` is asked now and then whether to interrupt it, once. */
function cli(args: string[], until?: () => boolean) {
  const child = spawn(process.execPath, [join(appFolder, 'electron', 'cli.ts'), ...args], {
    env: { ...process.env, TEMPERAMENT_HOME: home, HOME: home, HF_ENDPOINT: hubServer.url, NO_PROXY: '*' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', data => (out += data));
  child.stderr.on('data', data => (err += data));
  const timer = setInterval(() => {
    if (!until?.()) return;
    clearInterval(timer);
    child.kill('SIGINT');
  }, 50);
  return new Promise<{ code: number | null; out: string; err: string }>(resolve =>
    child.on('close', code => {
      clearInterval(timer);
      resolve({ code, out, err });
    }),
  );
}

test('says what it would fetch, fetches it, and says what it was checked by', async () => {
  const plan = await cli(['download', 'hf:lab/tiny-GGUF', '--dry-run']);
  expect(plan).toMatchObject({ code: 0, err: '' });
  expect(plan.out.replace(/ +/g, ' ')).toContain(
    `1 Q8_0 ${size} fits suggested hf:lab/tiny-GGUF/tiny-Q8_0.gguf`,
  );
  const url = `${hubServer.url}/lab/tiny-GGUF/resolve/main/tiny-Q8_0.gguf`;
  expect(plan.out).toContain(`It would fetch ${url} (${size}, SHA-256 ${sha256(model)})`);
  expect(plan.out).toMatch(/Licence and description: .*lab\/tiny-GGUF\n/);
  expect(existsSync(join(home, 'models'))).toBe(false);
  const done = await cli(['download', 'hf:lab/tiny-GGUF']);
  expect(done.code).toBe(0);
  expect(done.out).toContain(
    `tiny-Q8_0.gguf, model, ${size}\nSHA-256 ${sha256(model)}\nAs the hash that the server gave.`,
  );
  expect(readFileSync(join(home, 'models', 'tiny-Q8_0.gguf')).equals(model)).toBe(true);
  expect((await cli(['models'])).out).toContain('tiny-Q8_0');
});

test('an interrupted download is kept, and the same command goes on with it', async () => {
  hub.store.failing = [{ hangAfter: 500_000 }];
  const begun = () => {
    const names = existsSync(home) ? readdirSync(home, { recursive: true, encoding: 'utf8' }) : [];
    return names.some(name => name.endsWith('.part') && statSync(join(home, name)).size > 0);
  };
  const cut = await cli(['download', 'lab/tiny-GGUF'], begun);
  expect(cut.code).toBe(1);
  expect(cut.err).toMatch(/What had come is kept[\s\S]*The same command goes on/);
  const listed = await cli(['models', 'unfinished']);
  expect(listed.out).toMatch(/^[0-9a-f]{8} +0\.\d MB of /);
  expect(listed.out.replace(/ +/g, ' ')).toContain(` of ${size} hf:lab/tiny-GGUF/tiny-Q8_0.gguf`);
  const again = JSON.parse((await cli(['download', 'lab/tiny-GGUF', '--json'])).out);
  expect(again).toMatchObject({ what: 'model', checked: 'server', resumed: expect.any(Number) });
  expect(again.resumed).toBeGreaterThan(0);
  expect((await cli(['models', 'unfinished'])).out).toBe('No download is unfinished.\n');
  expect((await cli(['models', 'discard', 'x'])).code).toBe(1);
});

test('several models are listed to choose from, and a choice that is missing is bad usage', async () => {
  hub.add('tiny-F16.gguf', model);
  const { code, out, err } = await cli(['download', 'hf:lab/tiny-GGUF', '--json']);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(/has 2 models:\n1 +F16 +\d\.\d MB +fits[\s\S]*2 +Q8_0 .*suggested[\s\S]*after a colon/);
  const to = join(home, 'disk');
  expect((await cli(['download', 'hf:lab/tiny-GGUF:f16', '--to', to])).out).toContain(
    join(to, 'tiny-F16.gguf'),
  );
  expect((await cli(['download', 'grump'])).code).toBe(2);
  expect((await cli(['download', 'hf:lab/tiny-GGUF:f16', '--sha256', '12'])).code).toBe(2);
});

test('offline it asks nobody and says what it would fetch', async () => {
  expect((await cli(['settings', '--offline', 'yes'])).out).toMatch(/offline +yes/);
  const from = hubServer.seen.length;
  const plan = await cli(['download', 'llama-3.2-1b', '--dry-run']);
  expect(plan.out).toMatch(
    /no server was asked[\s\S]*It would ask which files there are: .*\/api\/models\/bartowski\/Llama-3\.2-1B-Instruct-GGUF\/tree\/main/,
  );
  const refused = await cli(['download', 'hf:lab/tiny-GGUF/tiny-Q8_0.gguf']);
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(
    /set to stay offline[\s\S]*It would fetch .*tiny-Q8_0\.gguf\. Put the file into /,
  );
  expect(hubServer.seen.length).toBe(from);
  expect((await cli(['settings', '--offline', 'perhaps'])).code).toBe(2);
  expect((await cli(['settings', '--hub', 'mirror'])).code).toBe(2);
});

test('lists models to begin with, with licences, and that no vectors are published', async () => {
  const { out } = await cli(['models', 'catalogue']);
  expect(out).toMatch(
    /llama-3\.2-1b +1\.2 billion +≈ 1\.3 GB .*Llama 3\.2 Community License +en de .*none published/,
  );
});

test('finds a model of LM Studio, uses it where it lies, and forgets it', async () => {
  const file = join(home, '.lmstudio', 'models', 'lab', 'tiny-GGUF', 'tiny-Q8_0.gguf');
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(join(resourcesFolder, 'demo', 'base.gguf'), file);
  expect((await cli(['models', 'found'])).out).toMatch(
    /^tiny-Q8_0 +LM Studio +\d\.\d MiB +.*tiny-Q8_0\.gguf/m,
  );
  expect((await cli(['models', 'link', 'tiny-Q8_0'])).out).toContain(`tiny-Q8_0, used at ${file}`);
  expect((await cli(['models'])).out).toContain('tiny-Q8_0');
  const forgotten = await cli(['models', 'delete', 'tiny-Q8_0', '--json']);
  expect(JSON.parse(forgotten.out)).toEqual({ forgotten: { name: 'tiny-Q8_0' }, path: file });
  expect(existsSync(file)).toBe(true);
  expect((await cli(['models', 'link', 'nothing.gguf'])).code).toBe(1);
});
