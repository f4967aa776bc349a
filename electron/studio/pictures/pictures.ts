/** The pictures that models were shown, kept once each in the database beside the log. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type Database from 'better-sqlite3';
import { StudioError } from '../errors.ts';
import { type Picture, picture } from './contract.ts';
import { readPicture } from './format.ts';

/** Days that a picture is kept which nothing refers to (any more). */
const KEPT_FOR = 7;

interface Row {
  type: Picture['type'];
  data: Buffer;
}

export class Pictures {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  /** Keeps a picture, and says what it is. Throws a StudioError where models take no such file. */
  async add(name: string, file: Blob): Promise<Picture> {
    const shown = basename(name.replaceAll('\\', '/')).slice(0, 200) || 'picture';
    const data = Buffer.from(await file.arrayBuffer());
    const facts = readPicture(data, shown);
    const hash = createHash('sha256').update(data).digest('hex');
    this.#database
      .prepare(
        `INSERT INTO pictures (hash, type, data, added_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (hash) DO UPDATE SET added_at = excluded.added_at`,
      )
      .run(hash, facts.type, data, new Date().toISOString());
    return { hash, name: shown, ...facts, bytes: data.length };
  }

  has(hash: string): boolean {
    return this.#database.prepare('SELECT 1 FROM pictures WHERE hash = ?').get(hash) !== undefined;
  }

  get({ hash, name }: { hash: string; name?: string }): Row {
    const row = this.#database
      .prepare<[string], Row>('SELECT type, data FROM pictures WHERE hash = ?')
      .get(hash);
    if (row) return row;
    throw new StudioError('not_found', `The picture ${name ?? hash} is not kept here.`, {
      field: 'pictures',
      action: `Add it again; its SHA-256 is ${hash}.`,
    });
  }

  /** As a message to a server holds it. */
  dataUrl(picture: Pick<Picture, 'hash' | 'name'>): string {
    const { type, data } = this.get(picture);
    return `data:${type};base64,${data.toString('base64')}`;
  }

  /** For the host that has the data folder to itself: forgets those that no message and no run refers to. */
  tidy(now = new Date()): void {
    if (!this.#database.prepare('SELECT 1 FROM pictures LIMIT 1').get()) return;
    const before = new Date(now.getTime() - KEPT_FOR * 24 * 3600 * 1000).toISOString();
    this.#database
      .prepare(
        `DELETE FROM pictures WHERE added_at < ? AND hash NOT IN (
           SELECT value ->> 'hash' FROM messages, json_each(messages.pictures)
           UNION SELECT value ->> 'hash' FROM runs, json_tree(runs.input)
             WHERE instr(runs.input, '"pictures"') > 0 AND json_tree.type = 'object' AND value ->> 'hash' IS NOT NULL
         )`,
      )
      .run(before);
  }
}

/** Every picture that a plan names, each once. */
export function picturesIn(plan: unknown): Picture[] {
  const found = new Map<string, Picture>();
  const visit = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    const parsed = picture.safeParse(value);
    if (parsed.success) found.set(parsed.data.hash, parsed.data);
    else for (const inner of Object.values(value)) visit(inner);
  };
  visit(plan);
  return [...found.values()];
}
