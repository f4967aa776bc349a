/** Where a window may go: nowhere but our own page. Links to the web open in the user's browser. */
import { app, shell, type WebContents } from 'electron';
import { isStudioUrl } from './scheme.ts';

/** Holds for every window and frame that will ever exist. */
export function setupNavigationLimits(): void {
  app.on('web-contents-created', (_event, contents) => limit(contents));
}

function limit(contents: WebContents): void {
  contents.on('will-frame-navigate', event => {
    if (isStudioUrl(event.url)) return;
    event.preventDefault();
    if (event.isMainFrame) openOutside(event.url);
  });
  contents.on('will-redirect', event => {
    if (!isStudioUrl(event.url)) event.preventDefault();
  });
  contents.on('will-attach-webview', event => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    openOutside(url);
    return { action: 'deny' };
  });
}

/** Hands a web address to the system. Other schemes could start programs, so they are dropped. */
function openOutside(address: string): void {
  const url = URL.parse(address);
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return;
  shell.openExternal(url.href).catch(error => console.error(`The system could not open ${url.href}:`, error));
}
