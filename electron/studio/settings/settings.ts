/** Keeps the settings in the studio's database, a row for each that was ever changed. */
import type Database from 'better-sqlite3';
import { type Settings, settings as settingsSchema } from './contract.ts';

export class SettingsStore {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  /** All of them; one that was never set, or no longer makes sense, has its default. */
  get(): Settings {
    const rows = this.#database
      .prepare<[], { name: string; value: string }>('SELECT name, value FROM settings')
      .all();
    const stored = Object.fromEntries(rows.map(({ name, value }) => [name, JSON.parse(value)]));
    const valid = Object.entries(settingsSchema.shape).map(([name, schema]) => {
      const parsed = schema.safeParse(stored[name]);
      return [name, parsed.success ? parsed.data : undefined];
    });
    return settingsSchema.parse(Object.fromEntries(valid));
  }

  /** Changes those that are given. */
  set(changes: Partial<Settings>): void {
    const write = this.#database.prepare('INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)');
    this.#database.transaction(() => {
      for (const [name, value] of Object.entries(changes))
        if (value !== undefined) write.run(name, JSON.stringify(value));
    })();
  }
}
