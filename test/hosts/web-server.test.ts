import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import { os } from '@orpc/server';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Studio } from '../../electron/studio/studio.ts';
import { allowedNames } from '../../electron/web/access.ts';
import type { Described } from '../../electron/web/describe.ts';
import { exposureWarning, startWebServer, type WebServer } from '../../electron/web/server.ts';

const TOKEN = 'a token / of this test';
const router = { echo: os.handler(({ input }) => input) } as unknown as Studio['router'];

/** Files that were let in, and when no more of them is wanted. */
const bodies: Readable[] = [];
let over: Promise<void>;

let folder: string;
let renderer: string;
let server: WebServer;
let cookie: string;

beforeAll(async () => {
  process.env.TEMPERAMENT_TOKEN = TOKEN;
  folder = mkdtempSync(join(tmpdir(), 'temperament-web-'));
  renderer = join(folder, 'renderer');
  mkdirSync(join(renderer, 'assets'), { recursive: true });
  writeFileSync(join(renderer, 'index.html'), '<title>the studio</title>');
  writeFileSync(join(renderer, 'assets', 'main.js'), 'export {};');
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  server = await startWebServer({ renderer, port: 0 });
  server.connect(router, (run, body) => {
    if (run !== 'awaited') return undefined;
    bodies.push(body);
    return over;
  });
  const { headers } = await get(new URL(server.url).pathname + new URL(server.url).search);
  cookie = String(headers['set-cookie']?.[0]).split(';')[0] ?? '';
});

afterAll(async () => {
  await server.close();
  delete process.env.TEMPERAMENT_TOKEN;
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A request as written here: `fetch` would tidy up paths and refuse a Host header. */
function get(
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
  at = server,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: at.port, path, method, headers }, response => {
      let body = '';
      response.on('data', chunk => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    request.on('error', reject);
    request.end();
  });
}

/** The status a WebSocket is answered with: 101 when it opens. */
function openSocket(headers: Record<string, string>, path = '/rpc'): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, { headers });
    socket.on('open', () => {
      socket.close();
      resolve(101);
    });
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', reject);
  });
}

describe('the token', () => {
  it('opens the studio: sets a cookie that no script reads and no other site sends, and leaves the address bar', async () => {
    const { pathname, search } = new URL(server.url);
    const answer = await get(pathname + search);
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toBe('/');
    expect(answer.headers['set-cookie']?.[0]).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(answer.headers['referrer-policy']).toBe('no-referrer');
    const page = await get('/', { cookie: `other=1; ${cookie}` });
    expect(page.status).toBe(200);
    expect(page.body).toContain('the studio');
  });

  it.each([
    ['nothing', '/', {}],
    ['a wrong token', '/?token=guess', {}],
    ['an empty token', '/?token=', {}],
    ['a wrong cookie', '/', { cookie: 'temperament-0=guess' }],
    ['a wrong value in the right cookie', '/', { cookie: () => `${cookie.split('=')[0]}=guess` }],
    ['a file', '/assets/main.js', {}],
  ])(
    'answers %s with 401 and a way in',
    async (_what, path, headers: { cookie?: string | (() => string) }) => {
      const value = typeof headers.cookie === 'function' ? headers.cookie() : headers.cookie;
      const answer = await get(path, value ? { cookie: value } : {});
      expect(answer.status).toBe(401);
      expect(answer.body).toContain('open the address that the terminal printed');
      expect(answer.headers['set-cookie']).toBeUndefined();
      expect(answer.body).not.toContain(encodeURIComponent(TOKEN));
    },
  );

  it('differs from start to start unless it is fixed', async () => {
    delete process.env.TEMPERAMENT_TOKEN;
    const [first, second] = await Promise.all([0, 1].map(() => startWebServer({ renderer, port: 0 })));
    process.env.TEMPERAMENT_TOKEN = TOKEN;
    const token = (one?: WebServer) => new URL(one?.url ?? '').searchParams.get('token');
    expect(token(first)).toHaveLength(32);
    expect(token(first)).not.toBe(token(second));
    await Promise.all([first?.close(), second?.close()]);
  });
});

describe('the Host header', () => {
  it.each(['127.0.0.1:1', 'localhost', 'LOCALHOST:8080', '[::1]:4747'])('%s is this machine', async host => {
    expect((await get('/', { host, cookie })).status).toBe(200);
  });
  it.each([
    'evil.example',
    'evil.example:4747',
    '127.0.0.1.evil.example',
    '[evil',
    '127.0.0.1@evil.example',
    "a'; x",
  ])('"%s" is refused, cookie or not', async host => {
    const answer = await get('/', { host, cookie });
    expect(answer.status).toBe(403);
    expect(answer.body).not.toContain('the studio');
  });
  it('may name the address that was asked for, or any of the machine when all are served', () => {
    expect(allowedNames('192.0.2.7')).toContain('192.0.2.7');
    expect(allowedNames('192.0.2.7')).not.toContain('192.0.2.8');
    expect(allowedNames('fe80::1')).toContain('[fe80::1]');
    expect(allowedNames('0.0.0.0')).toContain('127.0.0.1');
    expect(allowedNames('0.0.0.0')).not.toContain('evil.example');
  });
});

describe('the page', () => {
  it('may load only what is ours', async () => {
    const { headers } = await get('/', { cookie });
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${server.port};`);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe-eval');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['cross-origin-resource-policy']).toBe('same-origin');
  });

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/../../secret.txt',
    '/assets/..%5c..%5csecret.txt',
    '//etc/passwd',
    '//',
    'http://[',
    '/%00',
    '/%',
    '/missing.js',
  ])('%s is not there', async path => {
    const answer = await get(path, { cookie });
    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain('secret');
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is not answered', async method => {
    const answer = await get('/', { cookie }, method);
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET, HEAD');
  });

  it('asks to wait until the studio is there', async () => {
    const starting = await startWebServer({ renderer, port: 0 });
    const { headers } = await get(`/${new URL(starting.url).search}`, {}, 'GET', starting);
    const answer = await get(
      '/',
      { cookie: String(headers['set-cookie']?.[0]).split(';')[0] ?? '' },
      'GET',
      starting,
    );
    expect(answer.status).toBe(503);
    await starting.close();
  });
});

describe('a file that is sent', () => {
  /** Begins to send; what is written further goes to `request`. */
  function put(path: string, headers: Record<string, string> = {}) {
    const own = { cookie, host: `127.0.0.1:${server.port}`, origin: `http://127.0.0.1:${server.port}` };
    const all = { ...own, 'content-length': '8', ...headers };
    const request = httpRequest({
      ...{ host: '127.0.0.1', port: server.port, path, method: 'PUT' },
      headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '')),
    });
    const status = new Promise<number | undefined>((resolve, reject) => {
      request.on('response', response => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
    });
    return { request, status };
  }
  const ended = (body: Readable) =>
    new Promise<string>(resolve => {
      let text = '';
      body.on('data', chunk => {
        text += chunk;
      });
      body.on('end', () => resolve(text));
    });

  it('goes to the run that awaits it', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    over = promise;
    const { request, status } = put('/upload/awaited');
    request.end('contents');
    await expect.poll(() => bodies.length).toBe(1);
    expect(await ended(bodies.pop() as Readable)).toBe('contents');
    resolve();
    expect(await status).toBe(204);
  });

  it.each([
    ['without the cookie', { cookie: '' }, 401],
    ['from another page', { origin: 'http://evil.example' }, 403],
    ['from no page', { origin: '' }, 403],
    ['under another name', { host: 'evil.example', origin: 'http://evil.example' }, 403],
  ])('is refused %s', async (_how, headers, expected) => {
    const { request, status } = put('/upload/awaited', headers);
    request.end('contents');
    expect(await status).toBe(expected);
    expect(bodies).toEqual([]);
  });

  it('is refused when no run awaits it', async () => {
    const { request, status } = put('/upload/another');
    request.end('contents');
    expect(await status).toBe(410);
  });

  it('is taken no faster than it is wanted, and not to its end when it is not', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    over = promise;
    const size = 64 * 2 ** 20;
    const { request, status } = put('/upload/awaited', { 'content-length': `${size}` });
    status.catch(() => {});
    request.end(Buffer.alloc(size));
    await expect.poll(() => bodies.length).toBe(1);
    await new Promise(done => setTimeout(done, 500));
    expect(request.socket?.bytesWritten).toBeGreaterThan(0);
    expect(bodies.pop()?.readableLength).toBeLessThan(2 ** 20);
    expect(request.writableFinished).toBe(false);
    resolve();
    await expect.poll(() => request.socket?.destroyed).toBe(true);
  });
});

describe('the WebSocket', () => {
  const origin = () => `http://127.0.0.1:${server.port}`;

  it('carries the contract for our own page', async () => {
    const websocket = new WebSocket(`ws://127.0.0.1:${server.port}/rpc`, {
      headers: { cookie, origin: origin() },
    });
    const client = createORPCClient<{ echo(input: unknown): Promise<unknown> }>(
      new RPCLink({ websocket: websocket as unknown as globalThis.WebSocket }),
    );
    await new Promise(resolve => websocket.on('open', resolve));
    expect(await client.echo({ sliders: 5 })).toEqual({ sliders: 5 });
    websocket.close();
  });

  it.each([
    ['of another site', { origin: 'https://evil.example' }, 403],
    ['of another local page', { origin: 'http://127.0.0.1:1' }, 403],
    ['of a file', { origin: 'null' }, 403],
    ['from nowhere', {}, 403],
  ])('is closed to a page %s', async (_what, headers, status) => {
    expect(await openSocket({ cookie, ...headers })).toBe(status);
  });

  it('needs the cookie, our host name and its own path', async () => {
    expect(await openSocket({ origin: origin() })).toBe(401);
    expect(await openSocket({ cookie, origin: 'http://evil.example', host: 'evil.example' })).toBe(403);
    expect(await openSocket({ cookie, origin: origin() }, '/elsewhere')).toBe(404);
    expect(await openSocket({ cookie, origin: origin() })).toBe(101);
  });

  it('survives bytes that are no WebSocket and messages that are no call', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
    const raw = connect(server.port, '127.0.0.1');
    raw.on('error', () => {});
    raw.end('GET /rpc HTTP/1.1\r\nupgrade: websocket\r\n\r\n\xff\xff');
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/rpc`, {
      headers: { cookie, origin: origin() },
    });
    await new Promise(resolve => socket.on('open', resolve));
    socket.send('not a call');
    socket.send(Buffer.alloc(100, 255));
    await new Promise(resolve => setTimeout(resolve, 50));
    socket.terminate();
    logged.mockRestore();
    expect((await get('/', { cookie })).status).toBe(200);
  });
});

describe('a script', () => {
  const send = (path: string, headers: Record<string, string>, body?: unknown) =>
    fetch(`http://127.0.0.1:${server.port}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  const bearer = { authorization: `Bearer ${TOKEN}` };

  it('calls the contract by POST with the token, and is told by GET what there is to call', async () => {
    const answer = await send('/rpc/echo', bearer, { json: { sliders: 5 } });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ json: { sliders: 5 } });
    const all = (await (await send('/rpc', bearer)).json()) as Described[];
    expect(all.find(({ procedure }) => procedure === 'runs/get')).toMatchObject({
      input: { properties: { id: { type: 'string' } }, required: ['id'] },
    });
    expect(all.find(({ procedure }) => procedure === 'chat/send')?.stream).toBe(true);
    expect((await send('/rpc/nothing', bearer, {})).status).toBe(404);
  });

  it.each([
    ['no token', {}],
    ['a wrong one', { authorization: 'Bearer guess' }],
    ['the token in another way', { authorization: `Basic ${TOKEN}` }],
  ])('is answered 401 with %s', async (_what, headers) => {
    expect((await send('/rpc/echo', headers, { json: 1 })).status).toBe(401);
    expect((await send('/rpc', headers)).status).toBe(401);
  });

  it('cannot be a page of another site, which has the browser’s cookie at most', async () => {
    const { port } = server;
    const own = { cookie, origin: `http://127.0.0.1:${port}` };
    expect((await get('/rpc/echo', own, 'POST')).status).toBe(401);
    expect((await get('/rpc/echo', { ...bearer, host: 'evil.example' }, 'POST')).status).toBe(403);
    const asked = await get('/rpc/echo', { origin: 'https://evil.example' }, 'OPTIONS');
    expect(asked.headers['access-control-allow-origin']).toBeUndefined();
    expect(asked.status).toBe(401);
  });

  it('may send no more than a message’s length at once', async () => {
    expect((await send('/rpc/echo', bearer, { json: 'x'.repeat(17 * 2 ** 20) })).status).toBe(413);
    expect((await send('/rpc/echo', bearer, { json: 1 })).status).toBe(200);
  });

  it('sends a file for the library with the token alone', async () => {
    const sent = fetch(`http://127.0.0.1:${server.port}/upload/unknown`, { method: 'PUT', headers: bearer });
    expect((await sent).status).toBe(410);
  });
});

describe('the port', () => {
  it('that was asked for and is busy is named, with the way out', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(startWebServer({ renderer, port })).rejects.toMatchObject({
      message: `Port ${port} on 127.0.0.1 is in use by another program.`,
      data: { code: 'busy', field: 'port', action: expect.stringContaining('--port N') },
    });
    other.close();
  });

  it('is another one when none was asked for and the usual one is busy', async () => {
    const first = await startWebServer({ renderer });
    const second = await startWebServer({ renderer });
    expect(second.port).not.toBe(first.port);
    await Promise.all([first.close(), second.close()]);
  });

  it('is not opened on an address that is not ours', async () => {
    await expect(startWebServer({ renderer, host: '192.0.2.1', port: 0 })).rejects.toMatchObject({
      data: { code: 'bad_input', field: 'host' },
    });
  });

  it('is warned about where others can reach it', () => {
    expect(exposureWarning('127.0.0.1')).toBeUndefined();
    expect(exposureWarning('localhost')).toBeUndefined();
    expect(exposureWarning('0.0.0.0')).toContain('other machines');
    expect(exposureWarning('192.168.1.4')).toContain('not encrypted');
  });
});
