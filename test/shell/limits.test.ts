/** What the page cannot do: read other files, go elsewhere, ask for devices, or let another page speak for it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { os } from '@orpc/server';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Studio } from '../../electron/studio/studio.ts';
import { electron, pages, permissions, WebContentsDouble } from './double.ts';

vi.mock('electron', async () => (await import('./double.ts')).electron);
const { isStudioUrl, setupPage, setupScheme } = await import('../../electron/shell/scheme.ts');
const { setupNavigationLimits } = await import('../../electron/shell/navigation.ts');
const { setupPermissions } = await import('../../electron/shell/permissions.ts');
const { setupConnection } = await import('../../electron/shell/connection.ts');

const HOSTILE = [
  'https://evil.example/',
  'http://studio/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'data:text/html,hi',
  'temperament://other/',
  'temperament://studio.evil.example/',
  'temperaments://studio/',
  'not an address',
];

describe('the scheme', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'temperament-scheme-'));
    mkdirSync(join(folder, 'renderer', 'assets'), { recursive: true });
    mkdirSync(join(folder, 'renderer-old'));
    writeFileSync(join(folder, 'renderer', 'index.html'), 'the page');
    writeFileSync(join(folder, 'renderer', 'assets', 'main.js'), 'export {};');
    writeFileSync(join(folder, 'secret.txt'), 'secret');
    writeFileSync(join(folder, 'renderer-old', 'secret.txt'), 'secret');
    setupPage(join(folder, 'renderer'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  /** As Electron hands it over: `Request` itself would tidy up the address. */
  const ask = async (url: string, method = 'GET') => {
    const response = await pages.respond?.({ url, method } as Request);
    return { status: response?.status, headers: response?.headers, body: await response?.text() };
  };

  it('is an origin of its own, and secure', () => {
    setupScheme();
    expect(electron.protocol.registerSchemesAsPrivileged).toHaveBeenCalledWith([
      {
        scheme: 'temperament',
        privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
      },
    ]);
  });

  it('serves the page with its policy', async () => {
    const page = await ask('temperament://studio/');
    expect(page).toMatchObject({ status: 200, body: 'the page' });
    expect(page.headers?.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = page.headers?.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).not.toContain('unsafe-eval');
    expect(page.headers?.get('x-content-type-options')).toBe('nosniff');
    const script = await ask('temperament://studio/assets/main.js?v=1#x');
    expect(script.headers?.get('content-type')).toBe('text/javascript; charset=utf-8');
  });

  it.each([
    'temperament://studio/../secret.txt',
    'temperament://studio/..%2fsecret.txt',
    'temperament://studio/%2e%2e%2fsecret.txt',
    'temperament://studio/assets/..%2f..%2fsecret.txt',
    'temperament://studio/..%2frenderer-old/secret.txt',
    'temperament://studio//etc/passwd',
    'temperament://studio/%2fetc%2fpasswd',
    'temperament://studio/index.html%00.js',
    'temperament://studio/%',
    'temperament://studio/assets',
    'temperament://studio/missing.js',
    'temperament://other/index.html',
    'file:///etc/passwd',
  ])('does not serve %s', async url => {
    const answer = await ask(url);
    expect(answer).toMatchObject({ status: 404, body: '' });
    expect(answer.headers?.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('is read, not written', async () => {
    expect(await ask('temperament://studio/', 'POST')).toMatchObject({ status: 405 });
  });

  it.each(HOSTILE)('%s is not our page', url => expect(isStudioUrl(url)).toBe(false));
  it('its own addresses are', () => expect(isStudioUrl('temperament://studio/index.html#mixer')).toBe(true));
});

describe('navigation', () => {
  let contents: WebContentsDouble;
  const navigate = (name: string, url: string, isMainFrame = true) => {
    const event = { url, isMainFrame, preventDefault: vi.fn() };
    contents.emit(name, event);
    return event.preventDefault.mock.calls.length > 0;
  };
  beforeAll(() => setupNavigationLimits());
  beforeEach(() => {
    electron.shell.openExternal.mockClear();
    contents = new WebContentsDouble();
    electron.app.emit('web-contents-created', {}, contents);
  });

  it.each(HOSTILE)('to %s is stopped, by link, frame and redirect', url => {
    expect(navigate('will-frame-navigate', url)).toBe(true);
    expect(navigate('will-frame-navigate', url, false)).toBe(true);
    expect(navigate('will-redirect', url)).toBe(true);
  });
  it('within the page is free', () => {
    expect(navigate('will-frame-navigate', 'temperament://studio/index.html')).toBe(false);
    expect(navigate('will-redirect', 'temperament://studio/')).toBe(false);
  });
  it('opens web links outside, and only those', () => {
    for (const url of HOSTILE) navigate('will-frame-navigate', url);
    expect(electron.shell.openExternal.mock.calls).toEqual([['https://evil.example/'], ['http://studio/']]);
  });
  it('of a frame opens nothing outside', () => {
    navigate('will-frame-navigate', 'https://evil.example/', false);
    expect(electron.shell.openExternal).not.toHaveBeenCalled();
  });
  it('never opens a second window', () => {
    for (const url of [...HOSTILE, 'temperament://studio/'])
      expect(contents.openHandler?.({ url })).toEqual({ action: 'deny' });
    expect(electron.shell.openExternal.mock.calls).toEqual([['https://evil.example/'], ['http://studio/']]);
  });
  it('attaches no webview', () => {
    const event = { preventDefault: vi.fn() };
    contents.emit('will-attach-webview', event);
    expect(event.preventDefault).toHaveBeenCalled();
  });
});

describe('permissions', () => {
  beforeAll(() => setupPermissions());
  const request = (permission: string, requestingUrl = 'temperament://studio/') => {
    const answer = vi.fn();
    permissions.request?.(null, permission, answer, { requestingUrl });
    return answer.mock.calls[0]?.[0];
  };
  it.each(['media', 'geolocation', 'clipboard-read', 'openExternal', 'fileSystem', 'unknown', 'hid'])(
    'deny %s',
    permission => {
      expect(request(permission)).toBe(false);
      expect(permissions.check?.(null, permission, 'temperament://studio')).toBe(false);
    },
  );
  it.each(['clipboard-sanitized-write', 'notifications'])(
    'give %s to our page, and to no other',
    permission => {
      expect(request(permission)).toBe(true);
      expect(permissions.check?.(null, permission, 'temperament://studio/')).toBe(true);
      expect(request(permission, 'https://evil.example/')).toBe(false);
      expect(permissions.check?.(null, permission, 'https://evil.example')).toBe(false);
    },
  );
  it('give no device', () => expect(permissions.device?.()).toBe(false));
});

describe('the connection', () => {
  /** A MessagePortMain as far as the adapter uses it. */
  const makePort = () => {
    const { port1, port2 } = new MessageChannel();
    const port = {
      on: vi.fn((event: string, listener: (event: { data: unknown }) => void) => {
        if (event === 'message')
          port1.addEventListener('message', event => listener({ data: (event as MessageEvent).data }));
      }),
      postMessage: (data: unknown) => port1.postMessage(data),
      start: vi.fn(() => port1.start()),
      close: vi.fn(() => port1.close()),
    };
    return { port, far: port2 };
  };
  beforeAll(() => setupConnection({ echo: os.handler(({ input }) => input) } as unknown as Studio['router']));
  const connect = (senderFrame: unknown, ports: unknown[]) =>
    electron.ipcMain.emit('temperament:connect', { senderFrame, ports });

  it('answers our page', async () => {
    const { createORPCClient } = await import('@orpc/client');
    const { RPCLink } = await import('@orpc/client/message-port');
    const { port, far } = makePort();
    connect({ url: 'temperament://studio/', parent: null }, [port]);
    far.start();
    const client = createORPCClient<{ echo(input: unknown): Promise<unknown> }>(new RPCLink({ port: far }));
    expect(await client.echo({ alpha: 1.5 })).toEqual({ alpha: 1.5 });
    far.close();
  });

  it.each([
    ...HOSTILE.map(url => [url, { url, parent: null }] as const),
    [
      'a frame within our page',
      { url: 'temperament://studio/', parent: { url: 'temperament://studio/' } },
    ] as const,
    ['a frame that is gone', null] as const,
  ])('is closed to %s', (_who, frame) => {
    const { port, far } = makePort();
    connect(frame, [port]);
    expect(port.close).toHaveBeenCalled();
    expect(port.start).not.toHaveBeenCalled();
    expect(port.on).not.toHaveBeenCalled();
    far.close();
  });

  it('is nothing without a port', () => {
    expect(() => connect({ url: 'temperament://studio/', parent: null }, [])).not.toThrow();
  });
});
