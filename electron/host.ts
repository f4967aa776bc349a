/** What the three hosts share: where things lie, how a failed start is told, how a process ends. */
import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toStudioError } from './studio/errors.ts';

/** Exit code of the desktop host when it has already told its user why it could not start. */
export const REPORTED_EXIT_CODE = 78;

/** Folder with package.json in it: the repository, or the application's archive. Holds for sources and bundles. */
export const appFolder = (() => {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`No package.json above ${import.meta.dirname}`);
    folder = parent;
  }
  return folder;
})();

/** The built page: what the desktop's custom scheme and the browser host serve. */
export const rendererFolder = join(appFolder, 'dist', 'renderer');

/** The demo family, lexicons and icons. A packaged desktop application keeps them beside its archive instead. */
export const resourcesFolder = join(appFolder, 'resources');

/** The data folder that all hosts share: `TEMPERAMENT_HOME`, else the platform's place for application data. */
export function dataFolder(
  env: Record<string, string | undefined> = process.env,
  platform: NodeJS.Platform = process.platform,
  home = homedir(),
): string {
  if (env.TEMPERAMENT_HOME) return resolve(env.TEMPERAMENT_HOME);
  switch (platform) {
    case 'darwin':
      return join(home, 'Library', 'Application Support', 'Temperament');
    case 'win32':
      return join(env.APPDATA || join(home, 'AppData', 'Roaming'), 'Temperament');
    default:
      return join(env.XDG_DATA_HOME || join(home, '.local', 'share'), 'temperament');
  }
}

/**
 * What a page of the studio may do. Scripts come from our files alone; style attributes are allowed because charts
 * and sliders place things with them, style elements are not.
 * @param connect further sources the page may connect to
 */
export function contentSecurityPolicy(...connect: string[]): string {
  return [
    `default-src 'none'`,
    `script-src 'self'`,
    `style-src 'self'`,
    `style-src-attr 'unsafe-inline'`,
    `img-src 'self' data: blob:`,
    `font-src 'self'`,
    `connect-src ${["'self'", ...connect].join(' ')}`,
    `manifest-src 'self'`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
  ].join('; ');
}

/** An error as a person reads it: what happened, then what to do. A fault of ours comes with its stack. */
export function describeError(error: unknown): string {
  const { data, cause } = toStudioError(error);
  const fault = data.code === 'internal' && cause instanceof Error ? cause.stack : undefined;
  return [fault ?? data.message, data.action].filter(Boolean).join('\n');
}

/** True in the module that Node was started with. */
export function isMain(url: string): boolean {
  const started = process.argv[1];
  return started !== undefined && existsSync(started) && realpathSync(started) === fileURLToPath(url);
}

/**
 * Runs `close` once when the process is told to end, or when the process that started it is gone; then exits. A
 * `close` that takes longer than `limitMs` is not waited for.
 */
export function closeOnSignals(close: () => Promise<void>, limitMs = 5000): void {
  let closing = false;
  const end = () => {
    if (closing) return;
    closing = true;
    setTimeout(() => process.exit(1), limitMs).unref();
    close().then(
      () => process.exit(0),
      error => {
        console.error(describeError(error));
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  process.on('disconnect', end);
}
