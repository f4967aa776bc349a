/** Keys of servers: in one file of the data folder that only the user can read, sealed by the system's keychain where the host has one. */
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { StudioError } from '../errors.ts';

/** The system's keychain, as Electron's `safeStorage` has it. */
export interface Keychain {
  /** False where it would only pretend: some Linux desktops have none. */
  available(): boolean;
  seal(text: string): Buffer;
  open(sealed: Buffer): string;
}

const stored = z.object({
  version: z.literal(1),
  /** By the server's address. `sealed` is base64. */
  keys: z.record(z.string(), z.union([z.object({ plain: z.string() }), z.object({ sealed: z.string() })])),
});
type Stored = z.infer<typeof stored>;

const PRIVATE = 0o600;

export class Keys {
  readonly file: string;
  readonly #keychain: Keychain | undefined;
  /** Of this process alone. */
  readonly #lent = new Map<string, string>();

  constructor(home: string, keychain?: Keychain) {
    this.file = join(home, 'keys.json');
    this.#keychain = keychain;
  }

  get place(): 'keychain' | 'file' {
    return this.#keychain?.available() ? 'keychain' : 'file';
  }

  has(url: string): boolean {
    return this.#lent.has(url) || this.#read().keys[url] !== undefined;
  }

  /** The key of a server; undefined where it has none. Throws a StudioError where it is sealed and cannot be opened here. */
  get(url: string): string | undefined {
    const lent = this.#lent.get(url);
    if (lent !== undefined) return lent;
    const kept = this.#read().keys[url];
    if (kept === undefined) return undefined;
    if ('plain' in kept) return kept.plain;
    try {
      if (this.#keychain?.available()) return this.#keychain.open(Buffer.from(kept.sealed, 'base64'));
    } catch {
      // Told below, without what the system says.
    }
    throw new StudioError(
      'bad_input',
      `The key of ${url} is in a keychain that cannot be opened from here.`,
      {
        field: 'key',
        action: 'Enter the key again, or use the desktop application that kept it.',
      },
    );
  }

  /** Keeps a key. */
  set(url: string, key: string): void {
    const kept =
      this.place === 'keychain'
        ? { sealed: this.#keychain?.seal(key).toString('base64') ?? '' }
        : { plain: key };
    const { keys } = this.#read();
    this.#write({ version: 1, keys: { ...keys, [url]: kept } });
  }

  /** Has a key used until the process ends, and written nowhere. */
  lend(url: string, key: string): void {
    this.#lent.set(url, key);
  }

  delete(url: string): void {
    this.#lent.delete(url);
    const { [url]: gone, ...keys } = this.#read().keys;
    if (gone === undefined) return;
    if (Object.keys(keys).length > 0) this.#write({ version: 1, keys });
    else rmSync(this.file, { force: true });
  }

  #read(): Stored {
    if (!existsSync(this.file)) return { version: 1, keys: {} };
    // Copied from a backup, say, with other rights.
    if (process.platform !== 'win32' && statSync(this.file).mode & 0o077) chmodSync(this.file, PRIVATE);
    try {
      return stored.parse(JSON.parse(readFileSync(this.file, 'utf8')));
    } catch {
      // The reason would quote what is in it.
      throw new StudioError('bad_file', `The file of keys ${this.file} cannot be read.`, {
        file: this.file,
        action: 'Delete it, and enter the keys again.',
      });
    }
  }

  #write(content: Stored): void {
    const fresh = `${this.file}.${process.pid}`;
    try {
      writeFileSync(fresh, JSON.stringify(content), { mode: PRIVATE, flag: 'wx' });
      renameSync(fresh, this.file);
    } finally {
      rmSync(fresh, { force: true });
    }
  }
}
