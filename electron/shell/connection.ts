/** The page's line to the studio: a message port, taken from our own page alone. */
import { RPCHandler } from '@orpc/server/message-port';
import { ipcMain, type WebFrameMain } from 'electron';
import type { Studio } from '../studio/studio.ts';
import { isStudioUrl } from './scheme.ts';

/** The preload script sends this with one port; see preload.ts. */
const CONNECT = 'temperament:connect';

export function setupConnection(router: Studio['router']): void {
  const handler = new RPCHandler(router);
  ipcMain.on(CONNECT, ({ senderFrame, ports }) => {
    const [port] = ports;
    if (!port) return;
    if (!isOurPage(senderFrame)) return port.close();
    handler.upgrade(port, { context: {} });
    port.start();
  });
}

/** The top frame of a window that shows our page; null when the frame is gone already. */
function isOurPage(frame: WebFrameMain | null): boolean {
  return frame !== null && frame.parent === null && isStudioUrl(frame.url);
}
