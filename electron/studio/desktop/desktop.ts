/** Between the page and the desktop around it: commands to the page, the menu to the desktop, files that were double-clicked. */
import { randomUUID } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { StudioError } from '../errors.ts';
import { pushed } from '../stream.ts';
import type { DesktopCommand, DesktopMenu } from './contract.ts';

/** What the system may give to the application: personas and character cards. */
const OPENED = new Set(['.persona', '.charx', '.png', '.json']);
/** Bytes; as much as a message to the studio holds. */
const MOST_BYTES = 15 * 1024 * 1024;
/** Files that wait for their page. */
const MOST_FILES = 50;

/** Whether a path, as from the command line, names a file that the page can open. */
export const opensHere = (path: string): boolean => OPENED.has(extname(path).toLowerCase());

export class Desktop {
  /** Set by the host: shows what the page has told of its menu. */
  onMenu: (menu: DesktopMenu) => void = () => {};

  #page: ((command: DesktopCommand) => void) | null = null;
  readonly #waiting: DesktopCommand[] = [];
  readonly #files = new Map<string, string>();

  /** To the page that is there, or to the next one. */
  send(command: DesktopCommand): void {
    if (this.#page) this.#page(command);
    else this.#waiting.push(command);
  }

  /** Has the page open a file of this machine. Only files named here can be asked for. */
  open(path: string): void {
    if (!opensHere(path) || this.#files.size >= MOST_FILES) return;
    const id = randomUUID();
    this.#files.set(id, path);
    this.send({ type: 'open', id });
  }

  /** Commands to one page, until it goes or another one comes. */
  commands(signal?: AbortSignal): AsyncGenerator<DesktopCommand> {
    return pushed<DesktopCommand, void>(
      push =>
        new Promise(resolve => {
          this.#page = push;
          for (const command of this.#waiting.splice(0)) push(command);
          signal?.addEventListener('abort', () => {
            if (this.#page === push) this.#page = null;
            resolve();
          });
        }),
    );
  }

  /** A file that the system gave to the application; it is handed out once. */
  async opened(id: string): Promise<File> {
    const path = this.#files.get(id);
    if (path === undefined)
      throw new StudioError('not_found', 'This file is no longer waiting to be opened.', {
        action: 'Open it again.',
      });
    this.#files.delete(id);
    const name = basename(path);
    const { size } = await stat(path);
    if (size > MOST_BYTES)
      throw new StudioError('bad_input', `${name} is too large for the page.`, {
        file: path,
        action: 'Import it in the terminal with “personas import”.',
      });
    return new File([await readFile(path)], name);
  }
}
