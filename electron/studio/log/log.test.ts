import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Run, runListInput, TRAITS } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { lockFolder, openDatabase } from './database.ts';
import { Log } from './log.ts';
import { Runs } from './runs.ts';

const input = { persona: { recipe: { version: 1, base: 'demo' } } } as never;
const scores = Object.fromEntries(TRAITS.map(trait => [trait, 3]));
const newest = runListInput.parse({ limit: 10 });
const result = { scores, deviations: scores, items: [], validMass: 1 } as never;

let home: string;
let database: Database.Database;
let runs: Runs;
let log: Log;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'temperament-log-'));
  database = openDatabase(home);
  log = new Log(database);
  runs = new Runs(log, () => ({ temperament: '1' }));
});
afterEach(() => {
  database.close();
  rmSync(home, { recursive: true, force: true });
});

async function end(id: string): Promise<Run> {
  for await (const event of runs.watch(id)) if (event.type === 'end') return event.run;
  throw new Error('no end');
}

describe('runs', () => {
  test('log what was done, with what, and what came out', async () => {
    const { id, finished } = runs.start('assess', 'demo: base', input, async task => {
      task.used({ '/a.gguf': 'h1' });
      task.used({ '/b.gguf': 'h2' });
      task.progress(1, 2, 'items');
      return result;
    });
    expect(log.get(id)).toMatchObject({ state: 'running', kind: 'assess', title: 'demo: base' });
    await finished;
    expect(await end(id)).toMatchObject({
      state: 'done',
      error: null,
      hashes: { '/a.gguf': 'h1', '/b.gguf': 'h2' },
      versions: { temperament: '1' },
      result: { validMass: 1 },
    });
    expect(runs.list(newest)).toMatchObject([{ id, state: 'done', progress: null }]);
  });

  test('of an older version are read as those of today', () => {
    const recipe = {
      version: 1,
      base: 'demo',
      weights: { openness: 1 },
      method: 'ties',
      density: 0.4,
      seed: 7,
    };
    const versions = { temperament: '0' };
    const startedAt = new Date().toISOString();
    log.begin({ id: 'old', kind: 'bake', title: 't', startedAt, input: { recipe, type: 'f16' }, versions });
    expect(log.get('old')).toMatchObject({
      kind: 'bake',
      input: { recipe: { version: 2, method: 'ties', density: 0.4, weights: { openness: 1 } } },
    });
  });

  test('are found by the beginning of their ids, and the newest by “latest”', async () => {
    const { id, finished } = runs.start('assess', 't', input, async () => result);
    expect(() => log.find('latest')).toThrow('no run in the log that is done');
    await finished;
    expect(log.find(id.slice(0, 8)).id).toBe(id);
    expect(log.find('latest').id).toBe(id);
    expect(() => log.find(id.slice(0, 3))).toThrow('There is no run');
    expect(() => log.find('%%%%')).toThrow('There is no run %%%%');
    log.add({ ...log.get(id), id: `${id.slice(0, 8)}-other` });
    expect(() => log.find(id.slice(0, 8))).toThrow('Several runs');
    expect(log.find(id).id).toBe(id);
  });

  test('from elsewhere keep what they were, and where they came from', async () => {
    const { id, finished } = runs.start('assess', 't', input, async () => result);
    await finished;
    const imported = { bundle: 'b', at: '2026-01-01T00:00:00.000Z', id, files: [] };
    log.add({ ...log.get(id), id: 'other', imported });
    expect(log.get('other')).toEqual({ ...log.get(id), id: 'other', imported });
    expect(log.importedAs('b', id)).toBe('other');
    expect(log.importedAs('b', 'other')).toBeUndefined();
    expect(runs.list(newest).map(run => run.imported?.bundle)).toEqual(
      expect.arrayContaining(['b', undefined]),
    );
    // All or none.
    expect(() =>
      log.together(() => {
        log.add({ ...log.get(id), id: 'third' });
        log.add({ ...log.get(id), id: 'other' });
      }),
    ).toThrow();
    expect(log.has('third')).toBe(false);
  });

  test('tell progress, then the end', async () => {
    let step = () => {};
    const { id } = runs.start('assess', 't', input, async task => {
      for (let done = 1; done <= 2; done++) {
        await new Promise<void>(resolve => (step = resolve));
        task.progress(done, 2, 'items');
      }
      return result;
    });
    const seen: unknown[] = [];
    setTimeout(() => step(), 5);
    for await (const event of runs.watch(id)) {
      seen.push(event.type === 'progress' ? event.progress.done : event.run.state);
      setTimeout(() => step(), 5);
    }
    expect(seen).toEqual([1, 2, 'done']);
  });

  test('tell the time left, from the pace where the work does not know it', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const told: unknown[] = [];
      const tell = () => told.push(runs.list(newest)[0]?.progress?.secondsLeft);
      await runs.start('assess', 't', input, async task => {
        task.progress(0, 10, 'bytes');
        tell();
        vi.advanceTimersByTime(4000);
        task.progress(2, 10, 'bytes');
        tell();
        task.progress(3, 10, 'bytes', '', 7);
        tell();
        task.progress(3, 10, 'bytes', '', null);
        tell();
        return result;
      }).finished;
      expect(told).toEqual([undefined, 16, 7, undefined]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('can be cancelled, and say so', async () => {
    const { id, finished } = runs.start(
      'assess',
      't',
      input,
      task =>
        new Promise((_resolve, reject) =>
          task.signal.addEventListener('abort', () => reject(task.signal.reason)),
        ),
    );
    expect(runs.cancel(id)).toBe(true);
    await expect(finished).rejects.toThrow('Cancelled');
    expect(log.get(id)).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' } });
    expect(runs.cancel(id)).toBe(false);
  });

  test('keep the error of a failure', async () => {
    const { id, finished } = runs.start('assess', 't', input, async () => {
      throw new StudioError('no_space', 'The disk is full.', { file: '/x', action: 'Free some.' });
    });
    await expect(finished).rejects.toThrow('full');
    expect((await end(id)).error).toEqual({
      code: 'no_space',
      message: 'The disk is full.',
      file: '/x',
      action: 'Free some.',
    });
  });

  test('are announced to who follows the changes', async () => {
    const abort = new AbortController();
    const changes = runs.changes(abort.signal);
    const first = changes.next();
    const { id, finished } = runs.start('assess', 't', input, async () => result);
    expect((await first).value).toMatchObject({ id, state: 'running' });
    await finished;
    expect((await changes.next()).value).toMatchObject({ id, state: 'done' });
    abort.abort();
    await expect(changes.next()).rejects.toThrow();
  });

  test('that a dead process left open are interrupted; those of a living one are not', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    const gone = child.pid as number;
    await new Promise(resolve => child.on('exit', resolve));
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
    for (const [id, pid] of [
      ['dead', gone],
      ['alive', other.pid as number],
    ] as const) {
      log.begin({ id, kind: 'assess', title: 't', startedAt: new Date().toISOString(), input, versions: {} });
      database.prepare('UPDATE runs SET pid = ? WHERE id = ?').run(pid, id);
    }
    expect(log.closeInterrupted()).toHaveLength(1);
    expect(log.get('dead').state).toBe('interrupted');
    expect(log.get('alive').state).toBe('running');
    other.kill();
  });
});

describe('the notebook', () => {
  const done = async (title: string) => {
    const { id, finished } = runs.start('assess', title, input, async () => result);
    await finished;
    return id;
  };
  const titles = (query = {}) => runs.list(runListInput.parse(query)).map(({ title }) => title);

  test('keeps tags, notes and a star, each by itself, and shows the model', async () => {
    const id = await done('one');
    expect(log.summary(id)).toMatchObject({
      tags: [],
      notes: '',
      starred: false,
      model: 'demo',
      deleted: false,
    });
    log.remark(id, { tags: ['pilot', 'week 3'] });
    log.remark(id, { starred: true });
    log.remark(id, { notes: 'Odd.' });
    expect(log.summary(id)).toMatchObject({ tags: ['pilot', 'week 3'], notes: 'Odd.', starred: true });
    log.remark(id, { starred: false, notes: '' });
    expect(runs.list(newest)).toMatchObject([{ tags: ['pilot', 'week 3'], notes: '', starred: false }]);
    expect(() => log.remark('nothing', { notes: 'x' })).toThrow('There is no run nothing');
  });

  test('gives pages, the newest first', async () => {
    for (const title of ['a', 'b', 'c']) {
      await done(title);
      await new Promise(resolve => setTimeout(resolve, 2));
    }
    expect(titles({ limit: 2 })).toEqual(['c', 'b']);
    expect(titles({ limit: 2, offset: 2 })).toEqual(['a']);
  });

  test('has a bin: out of lists and readings, back again, and empty after 30 days', async () => {
    const [one, two] = [await done('one'), await done('two')];
    log.delete([one]);
    expect(titles()).toEqual(['two']);
    expect(titles({ deleted: true })).toEqual(['one']);
    expect(log.summary(one).deleted).toBe(true);
    expect(log.get(one).result).not.toBeNull();
    expect(log.find('latest').id).toBe(two);
    log.restore([one]);
    expect(titles()).toHaveLength(2);

    log.delete([one], new Date(Date.now() - 31 * 24 * 3600 * 1000));
    log.delete([two], new Date(Date.now() - 29 * 24 * 3600 * 1000));
    log.tidy();
    expect(log.has(one)).toBe(false);
    expect(log.has(two)).toBe(true);
  });

  test('deletes all or none, and nothing that goes on', async () => {
    const one = await done('one');
    let stop = () => {};
    const { id, finished } = runs.start('assess', 'two', input, async () => {
      await new Promise<void>(resolve => (stop = resolve));
      return result;
    });
    await Promise.resolve();
    expect(() => log.delete([one, id])).toThrow('The run “two” is going on');
    expect(titles()).toHaveLength(2);
    expect(() => log.restore([one, 'nothing'])).toThrow('There is no run nothing');
    stop();
    await finished;
  });

  test('tells its changes', async () => {
    const id = await done('one');
    const abort = new AbortController();
    const changes = runs.changes(abort.signal);
    const next = changes.next();
    runs.change([id], log => log.delete([id]));
    expect((await next).value).toMatchObject({ id, deleted: true });
    abort.abort();
  });
});

describe('the database', () => {
  test('opens again with everything in it', async () => {
    await runs.start('assess', 't', input, async () => result).finished;
    database.close();
    database = openDatabase(home);
    expect(new Log(database).list(newest)).toHaveLength(1);
  });

  test('of a newer version is refused', () => {
    database.pragma('user_version = 99');
    expect(() => openDatabase(home)).toThrow('newer Temperament');
  });

  test('that is damaged is refused and left alone', () => {
    const other = join(home, 'other');
    openDatabase(other).close();
    writeFileSync(join(other, 'studio.db'), 'not a database, but long enough to be read as one'.repeat(50));
    expect(() => openDatabase(other)).toThrow(
      expect.objectContaining({ data: expect.objectContaining({ code: 'bad_file' }) }),
    );
  });

  test('in a folder that cannot be made says which and what to do', () => {
    writeFileSync(join(home, 'file'), '');
    expect(() => openDatabase(join(home, 'file', 'data'))).toThrow(
      expect.objectContaining({
        data: expect.objectContaining({ code: 'io', action: expect.stringContaining('TEMPERAMENT_HOME') }),
      }),
    );
  });

  test.runIf(process.platform === 'linux')(
    'in a folder that the system refuses ends with an error, not never',
    () => {
      expect(() => openDatabase('/proc/temperament/data')).toThrow('cannot be made');
    },
  );

  test('is for one studio at a time', () => {
    const unlock = lockFolder(home);
    expect(() => lockFolder(home)).toThrow('Another studio');
    unlock();
    lockFolder(home)();
  });
});
