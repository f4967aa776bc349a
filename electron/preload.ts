/**
 * Runs in the sandboxed page before its own code. Passes one thing on: a message port from our page to the main
 * process, over which the contract is spoken. The page also learns where a file lies that the user dropped or chose; else
 * it gets nothing of Electron or Node.
 */
import { contextBridge, ipcRenderer, webUtils } from 'electron';

const CONNECT = 'temperament:connect';

/** The parts of the page's window that are used here; the rest of this program has no DOM. */
declare const window: {
  readonly origin: string;
  addEventListener(type: 'message', listener: (event: PageMessage) => void): void;
};
interface PageMessage {
  readonly source: unknown;
  readonly origin: string;
  readonly data: unknown;
  readonly ports: readonly unknown[];
}

window.addEventListener('message', ({ source, origin, data, ports }) => {
  if (source !== window || origin !== window.origin) return;
  if ((data as { type?: unknown } | null)?.type !== CONNECT || ports.length !== 1) return;
  ipcRenderer.postMessage(CONNECT, null, [...ports]);
});

contextBridge.exposeInMainWorld('temperament', {
  /** Empty for a file that the page made itself. */
  pathOf: (file: Parameters<typeof webUtils.getPathForFile>[0]) => webUtils.getPathForFile(file),
});
