/** Opens the studio's one database file and brings it up to date. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { StudioError } from '../errors.ts';
import { makeFolder } from '../folders.ts';
import { MIGRATIONS } from './schema.ts';

export function openDatabase(home: string): Database.Database {
  const file = join(home, 'studio.db');
  const action =
    'Choose another data folder with the environment variable TEMPERAMENT_HOME, or mend its permissions.';
  try {
    makeFolder(home);
  } catch (cause) {
    throw new StudioError('io', `The data folder ${home} cannot be made.`, { file: home, action, cause });
  }
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: 5000 });
    database.pragma('journal_mode = WAL');
    database.pragma('foreign_keys = ON');
    database.pragma('synchronous = NORMAL');
    migrate(database, file);
    return database;
  } catch (cause) {
    database?.close();
    if (cause instanceof StudioError) throw cause;
    const { code = '', message } = cause as { code?: string; message: string };
    if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT'))
      throw new StudioError('bad_file', `The experiment log ${file} is damaged (${message}).`, {
        file,
        action: 'Move it away to begin a new one; a copy from a backup can take its place.',
        cause,
      });
    throw new StudioError('io', `The data folder ${home} cannot be written to (${message}).`, {
      file: home,
      action,
      cause,
    });
  }
}

function migrate(database: Database.Database, file: string): void {
  // Immediate: of two hosts that start together, one migrates and the other waits.
  const bring = database.transaction(() => {
    const version = database.pragma('user_version', { simple: true }) as number;
    if (version > MIGRATIONS.length)
      throw new StudioError('bad_file', `The experiment log ${file} was written by a newer Temperament.`, {
        file,
        action: 'Update Temperament, or choose another data folder with TEMPERAMENT_HOME.',
      });
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
    database.pragma(`user_version = ${MIGRATIONS.length}`);
  });
  bring.immediate();
}

/**
 * Keeps a second studio off the same data folder until this process ends, however it ends: the lock is the
 * operating system's, taken through a second, empty database.
 */
export function lockFolder(home: string): () => void {
  const lock = new Database(join(home, 'studio.lock'), { timeout: 0 });
  try {
    lock.pragma('locking_mode = EXCLUSIVE');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new StudioError('busy', `Another studio is open on the data folder ${home}.`, {
      file: home,
      action:
        'Use or close the other one, or choose another data folder with the environment variable TEMPERAMENT_HOME.',
      cause,
    });
  }
  return () => lock.close();
}
