/** The experiment log: every run that was begun, with what, and what came of it. */
import type Database from 'better-sqlite3';
import type { Run, RunKind, RunListQuery, RunRemarks, RunSummary, StudioErrorData } from '../contract.ts';
import { isResumable, run as runSchema } from '../contract.ts';
import { StudioError } from '../errors.ts';

interface Row {
  id: string;
  kind: RunKind;
  title: string;
  state: Run['state'];
  started_at: string;
  finished_at: string | null;
  input: string;
  result: string | null;
  error: string | null;
  hashes: string;
  versions: string;
  pid: number;
  imported: string | null;
  model: string | null;
  tags: string;
  notes: string;
  starred: number;
  deleted_at: string | null;
}

type Summary = Omit<RunSummary, 'progress'>;

/** The columns of a list: plans and results can be large. */
type Listed = Omit<Row, 'input' | 'result' | 'hashes' | 'versions' | 'pid'>;
const LISTED =
  'id, kind, title, state, started_at, finished_at, error, imported, model, tags, notes, starred, deleted_at';

/** Days that a deleted run can be brought back. */
const KEPT_FOR = 30;

export interface NewRun {
  id: string;
  kind: RunKind;
  title: string;
  startedAt: string;
  input: unknown;
  versions: Record<string, string>;
}

export interface RunEnd {
  state: Exclude<Run['state'], 'running'>;
  finishedAt: string;
  result?: unknown;
  error?: StudioErrorData;
}

export interface Answer {
  /** Of its run. */
  id: string;
  text: string;
  voice: string;
  /** Number of the question in its conversation, from 1. */
  turn: number;
}

export class Log {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  begin(run: NewRun): void {
    this.#database
      .prepare(
        `INSERT INTO runs (id, kind, title, state, started_at, input, versions, pid)
         VALUES (:id, :kind, :title, 'running', :startedAt, :input, :versions, :pid)`,
      )
      .run({
        ...run,
        input: JSON.stringify(run.input),
        versions: JSON.stringify(run.versions),
        pid: process.pid,
      });
  }

  /** Notes which files take part in a run, by content hash. */
  addVersions(id: string, versions: Record<string, string>): void {
    this.#database
      .prepare('UPDATE runs SET versions = json_patch(versions, ?) WHERE id = ?')
      .run(JSON.stringify(versions), id);
  }

  setHashes(id: string, hashes: Record<string, string>): void {
    this.#database.prepare('UPDATE runs SET hashes = ? WHERE id = ?').run(JSON.stringify(hashes), id);
  }

  /** A run that goes on, in any process, and has told that it uses one of these files. */
  using(paths: string[]): { id: string; title: string } | undefined {
    return this.#database
      .prepare<[string], { id: string; title: string }>(
        `SELECT runs.id, runs.title FROM runs, json_each(runs.hashes) AS used
         WHERE runs.state = 'running' AND used.key IN (SELECT value FROM json_each(?)) LIMIT 1`,
      )
      .get(JSON.stringify(paths));
  }

  end(id: string, { state, finishedAt, result, error }: RunEnd): void {
    this.#database
      .prepare('UPDATE runs SET state = ?, finished_at = ?, result = ?, error = ? WHERE id = ?')
      .run(state, finishedAt, json(result), json(error), id);
  }

  /** Has an ended run go on in this process; false where it is running or done. */
  reopen(id: string): boolean {
    const { changes } = this.#database
      .prepare(
        `UPDATE runs SET state = 'running', finished_at = NULL, error = NULL, pid = ?
         WHERE id = ? AND state IN ('failed', 'cancelled', 'interrupted')`,
      )
      .run(process.pid, id);
    return changes === 1;
  }

  /** Stores a finished point of an experiment, or an answer of a measurement. */
  addPoint(run: string, point: string, result: unknown, seconds: number): void {
    this.#database
      .prepare('INSERT INTO points (run, point, result, seconds, finished_at) VALUES (?, ?, ?, ?, ?)')
      .run(run, point, JSON.stringify(result), seconds, new Date().toISOString());
  }

  /** Every point of a run that is done, by name. */
  points(run: string): Map<string, { result: unknown; seconds: number }> {
    const rows = this.#database
      .prepare<[string], { point: string; result: string; seconds: number }>(
        'SELECT point, result, seconds FROM points WHERE run = ?',
      )
      .all(run);
    return new Map(
      rows.map(({ point, result, seconds }) => [point, { result: JSON.parse(result), seconds }]),
    );
  }

  /** Forgets them: what they were kept for is in the result. */
  dropPoints(run: string): void {
    this.#database.prepare('DELETE FROM points WHERE run = ?').run(run);
  }

  get(id: string): Run {
    const row = this.#database.prepare<[string], Row>('SELECT * FROM runs WHERE id = ?').get(id);
    if (!row) throw new StudioError('not_found', `There is no run ${id} in the log.`, { field: 'id' });
    return runSchema.parse({
      ...common(row),
      input: JSON.parse(row.input),
      result: row.result && JSON.parse(row.result),
      hashes: JSON.parse(row.hashes),
      versions: JSON.parse(row.versions),
    });
  }

  has(id: string): boolean {
    return this.#database.prepare<[string]>('SELECT 1 FROM runs WHERE id = ?').get(id) !== undefined;
  }

  /** The run of that id, or the only one whose id begins so (4 characters at least); `latest`: the newest that is done. */
  find(name: string): Run {
    if (name === 'latest') {
      const newest = this.#database
        .prepare<[], { id: string }>(
          "SELECT id FROM runs WHERE state = 'done' AND deleted_at IS NULL ORDER BY started_at DESC, id DESC LIMIT 1",
        )
        .get();
      if (newest) return this.get(newest.id);
      throw new StudioError('not_found', 'There is no run in the log that is done.', { field: 'id' });
    }
    if (this.has(name) || name.length < 4) return this.get(name);
    const found = this.#database
      .prepare<[string, string], { id: string }>(
        'SELECT id FROM runs WHERE substr(id, 1, length(?)) = ? LIMIT 2',
      )
      .all(name, name);
    if (found.length > 1)
      throw new StudioError('bad_input', `Several runs have an id that begins with ${name}.`, {
        field: 'id',
        action: 'Give more of its characters.',
      });
    return this.get(found[0]?.id ?? name);
  }

  /** Id of the run that was imported as `own` from the bundle with this manifest. */
  importedAs(bundle: string, own: string): string | undefined {
    return this.#database
      .prepare<[string, string], { id: string }>(
        "SELECT id FROM runs WHERE json_extract(imported, '$.bundle') = ? AND json_extract(imported, '$.id') = ?",
      )
      .get(bundle, own)?.id;
  }

  /** Adds a run that was made elsewhere and has ended. */
  add(run: Run): void {
    this.#database
      .prepare(
        `INSERT INTO runs (id, kind, title, state, started_at, finished_at, input, result, error, hashes, versions, pid, imported)
         VALUES (:id, :kind, :title, :state, :startedAt, :finishedAt, :input, :result, :error, :hashes, :versions, 0, :imported)`,
      )
      .run({
        ...run,
        input: JSON.stringify(run.input),
        result: json(run.result ?? undefined),
        error: json(run.error ?? undefined),
        hashes: JSON.stringify(run.hashes),
        versions: JSON.stringify(run.versions),
        imported: json(run.imported ?? undefined),
      });
  }

  /** All of the work, or nothing. */
  together(work: () => void): void {
    this.#database.transaction(work)();
  }

  /** Newest first; those in the bin alone where they are asked for. */
  list({ limit, offset, kinds, deleted }: RunListQuery): Summary[] {
    const rows = this.#database
      .prepare<{ kinds: string | null; limit: number; offset: number; deleted: number }, Listed>(
        `SELECT ${LISTED} FROM runs
         WHERE (deleted_at IS NOT NULL) = :deleted
           AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
         ORDER BY started_at DESC, id DESC LIMIT :limit OFFSET :offset`,
      )
      .all({ kinds: kinds ? JSON.stringify(kinds) : null, limit, offset, deleted: deleted ? 1 : 0 });
    return rows.map(listed);
  }

  summary(id: string): Summary {
    const row = this.#database.prepare<[string], Listed>(`SELECT ${LISTED} FROM runs WHERE id = ?`).get(id);
    if (!row) throw new StudioError('not_found', `There is no run ${id} in the log.`, { field: 'id' });
    return listed(row);
  }

  /** Writes down what the user notes on a run; what is left out stays as it is. */
  remark(id: string, { tags, notes, starred }: Partial<RunRemarks>): void {
    const { changes } = this.#database
      .prepare(
        `UPDATE runs SET tags = coalesce(:tags, tags), notes = coalesce(:notes, notes),
           starred = coalesce(:starred, starred) WHERE id = :id`,
      )
      .run({
        id,
        tags: json(tags),
        notes: notes ?? null,
        starred: starred === undefined ? null : Number(starred),
      });
    if (changes === 0)
      throw new StudioError('not_found', `There is no run ${id} in the log.`, { field: 'id' });
  }

  /** Puts runs into the bin, all or none. One that goes on cannot go there. */
  delete(ids: string[], now = new Date()): void {
    this.together(() => {
      for (const id of ids) {
        const { state, title } = this.summary(id);
        if (state === 'running')
          throw new StudioError('busy', `The run “${title}” is going on and cannot be deleted.`, {
            field: 'ids',
            action: 'Cancel it first, or wait for its end.',
          });
        this.#setDeleted(id, now.toISOString());
      }
    });
  }

  /** Takes runs out of the bin. */
  restore(ids: string[]): void {
    this.together(() => {
      for (const { id } of ids.map(id => this.summary(id))) this.#setDeleted(id, null);
    });
  }

  #setDeleted(id: string, at: string | null): void {
    this.#database.prepare('UPDATE runs SET deleted_at = ? WHERE id = ?').run(at, id);
  }

  /** Forgets what has been in the bin for 30 days. To be called when a host starts. */
  tidy(now = new Date()): void {
    const before = new Date(now.getTime() - KEPT_FOR * 24 * 3600 * 1000).toISOString();
    this.#database.prepare('DELETE FROM runs WHERE deleted_at < ?').run(before);
  }

  /**
   * Answers that were given in full or in part, oldest first; of one conversation, or one of its panes, and of a persona's
   * name where asked. `voice`: the pane's name where a conversation is asked for, else the persona's.
   */
  answers({ conversation, persona }: { conversation?: string; persona?: string }): Answer[] {
    return this.#database
      .prepare<{ conversation: string | null; persona: string | null }, Answer>(
        `SELECT runs.id, result ->> '$.text' AS text,
           (SELECT count(*) FROM json_each(input, '$.messages') WHERE value ->> '$.role' = 'user') AS turn,
           coalesce(CASE WHEN :conversation IS NOT NULL THEN panes.data ->> '$.name' END,
             input ->> '$.persona.name') AS voice
         FROM runs LEFT JOIN panes ON panes.id = input ->> '$.conversation'
         WHERE kind = 'chat' AND state = 'done' AND deleted_at IS NULL
           AND (:conversation IS NULL OR input ->> '$.conversation' = :conversation
             OR panes.conversation = :conversation)
           AND (:persona IS NULL OR input ->> '$.persona.name' = :persona)
         ORDER BY started_at, runs.id`,
      )
      .all({ conversation: conversation ?? null, persona: persona ?? null });
  }

  /** Personas by the names that they answered under; most answers first. */
  voices(): { name: string; answers: number; conversations: number }[] {
    return this.#database
      .prepare<[], { name: string; answers: number; conversations: number }>(
        `SELECT input ->> '$.persona.name' AS name, count(*) AS answers,
           count(DISTINCT coalesce(panes.conversation, input ->> '$.conversation', runs.id)) AS conversations
         FROM runs LEFT JOIN panes ON panes.id = input ->> '$.conversation'
         WHERE kind = 'chat' AND state = 'done' AND deleted_at IS NULL
         GROUP BY name ORDER BY answers DESC, name`,
      )
      .all();
  }

  /** Marks runs whose process is gone, and returns what they were. To be called when a host starts. */
  closeInterrupted(): { kind: RunKind; input: unknown }[] {
    const rows = this.#database.prepare<[], Row>("SELECT * FROM runs WHERE state = 'running'").all();
    const dead = rows.filter(row => row.pid === process.pid || !alive(row.pid));
    const finishedAt = new Date().toISOString();
    const error = (kind: RunKind) =>
      ({
        code: 'worker_lost',
        message: 'Temperament ended before this run did.',
        action: isResumable(kind)
          ? 'Resume it: what it had done is kept.'
          : kind === 'download'
            ? 'Start it again: it goes on from where it ended.'
            : 'Start the run again.',
      }) as const;
    this.#database.transaction(() => {
      for (const { id, kind } of dead) this.end(id, { state: 'interrupted', finishedAt, error: error(kind) });
    })();
    return dead.map(({ kind, input }) => ({ kind, input: JSON.parse(input) }));
  }
}

const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));

function common(row: Listed) {
  return {
    id: row.id,
    kind: row.kind,
    title: row.title,
    state: row.state,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    error: row.error && JSON.parse(row.error),
    imported: row.imported && JSON.parse(row.imported),
  };
}

const listed = (row: Listed): Summary => ({
  ...common(row),
  model: row.model,
  tags: JSON.parse(row.tags),
  notes: row.notes,
  starred: row.starred === 1,
  deleted: row.deleted_at !== null,
});

/** Whether a process of that number runs. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
