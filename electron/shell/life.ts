/** How the application begins and ends: once per data folder, with a reason when it cannot, and leaving nothing behind. */

import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, dialog } from 'electron';
import { describeError, REPORTED_EXIT_CODE } from '../host.ts';
import { type Desktop, opensHere } from '../studio/desktop/desktop.ts';
import { makeFolder } from '../studio/folders.ts';
import { openWindow, showWindow } from './window.ts';

/** Keeps what Chromium stores inside the data folder. Returns that place. */
export function setupProfile(home: string): string {
  const profile = join(home, 'desktop');
  makeFolder(profile);
  app.setPath('userData', profile);
  return profile;
}

/** False when this data folder is open in another window already, which then comes to the front. */
export function setupSingleInstance(stateFile: string): boolean {
  if (!app.requestSingleInstanceLock()) {
    app.quit();
    return false;
  }
  app.on('second-instance', () => showWindow(stateFile));
  return true;
}

/**
 * Files that were double-clicked: the system names them on the command line, to the instance that runs already, or on a
 * Mac by an event, which may come before everything is ready.
 */
export function setupOpenedFiles(desktop: Desktop): void {
  const open = (args: string[], folder: string) => {
    for (const path of filesNamed(args, folder)) desktop.open(path);
  };
  // The first is this program; with an Electron that runs a folder, the second is that.
  open(process.argv.slice(1), process.cwd());
  app.on('second-instance', (_event, args, folder) => open(args.slice(1), folder));
  app.on('open-file', (event, path) => {
    event.preventDefault();
    desktop.open(path);
  });
}

/** The files among arguments that the page can open, as whole paths; some systems name them as addresses. */
export function filesNamed(args: string[], folder: string): string[] {
  return args
    .filter(argument => !argument.startsWith('-') && opensHere(argument))
    .flatMap(argument => {
      if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(argument)) return [resolve(folder, argument)];
      try {
        return [fileURLToPath(argument)];
      } catch {
        return [];
      }
    });
}

/** One window; on a Mac the application outlives it. */
export function setupWindow(stateFile: string): void {
  app.on('activate', () => showWindow(stateFile));
  // A file that comes earlier waits for the window that is opened here.
  app.on('open-file', () => showWindow(stateFile));
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  openWindow(stateFile);
}

/** Lets the studio finish (log, workers, unfinished files) before the application ends. */
export function setupQuit(close: () => Promise<void>): void {
  let closing = false;
  app.on('will-quit', event => {
    event.preventDefault();
    if (closing) return;
    closing = true;
    const limit = setTimeout(() => app.exit(1), 5000);
    close()
      .catch(error => console.error(describeError(error)))
      .finally(() => {
        clearTimeout(limit);
        app.exit(0);
      });
  });
}

/** Says why the application cannot start, in a dialog and on the terminal, and ends it. */
export function reportStartupError(error: unknown): void {
  const text = describeError(error);
  console.error(text);
  dialog.showErrorBox('Temperament cannot start', text);
  app.exit(REPORTED_EXIT_CODE);
}
