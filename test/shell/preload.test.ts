import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { electron } from './double.ts';

vi.mock('electron', async () => (await import('./double.ts')).electron);

interface Exposed {
  pathOf(file: object): string;
}
const exposed: [string, Exposed][] = [];

type Listener = (event: object) => void;
const listeners: Listener[] = [];
const page = {
  origin: 'temperament://studio',
  addEventListener: (_type: 'message', listener: Listener) => void listeners.push(listener),
};
const post = (event: object) => listeners[0]?.(event);
const port = { a: 'port' };
const good = { source: page, origin: page.origin, data: { type: 'temperament:connect' }, ports: [port] };

beforeAll(async () => {
  vi.stubGlobal('window', page);
  await import('../../electron/preload.ts');
  exposed.push(...(electron.contextBridge.exposeInMainWorld.mock.calls as [string, Exposed][]));
});
beforeEach(() => electron.ipcRenderer.postMessage.mockClear());
afterAll(() => vi.unstubAllGlobals());

it('tells where a file lies, and exposes nothing else', () => {
  expect(exposed).toEqual([['temperament', { pathOf: expect.any(Function) }]]);
  expect(exposed[0]?.[1].pathOf({ path: '/m/a.gguf' })).toBe('/m/a.gguf');
});

it('passes a port of our page on', () => {
  expect(Object.keys(page)).toEqual(['origin', 'addEventListener']);
  expect(listeners).toHaveLength(1);
  post(good);
  expect(electron.ipcRenderer.postMessage.mock.calls).toEqual([['temperament:connect', null, [port]]]);
});

it.each([
  ['of another window', { source: {} }],
  ['of another origin', { origin: 'https://evil.example' }],
  ['of another kind', { data: { type: 'shell:open' } }],
  ['without a kind', { data: null }],
  ['that is text', { data: 'temperament:connect' }],
  ['without a port', { ports: [] }],
  ['with two ports', { ports: [port, port] }],
])('ignores a message %s', (_what, change) => {
  post({ ...good, ...change });
  expect(electron.ipcRenderer.postMessage).not.toHaveBeenCalled();
});
