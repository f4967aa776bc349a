/** Work under way: begins a run in the log, does it, tells its progress to whoever watches, and logs how it ended. */
import { randomUUID } from 'node:crypto';
import { EventEmitter, on } from 'node:events';
import type { Progress, Run, RunKind, RunListQuery, RunSummary } from '../contract.ts';
import { StudioError, toStudioError } from '../errors.ts';
import type { Log } from './log.ts';
import { Pace } from './pace.ts';

/** What work is given: a signal to stop at, and ways to tell how far it is and which files it used. */
export interface Task {
  /** Id of the run. */
  readonly run: string;
  readonly signal: AbortSignal;
  /** @param secondsLeft as the work knows it; null where nobody can; left out, it is told from the pace so far */
  progress(done: number, total: number, unit: string, message?: string, secondsLeft?: number | null): void;
  /** Content hashes of files by path. In a resumed run, a file that has changed since ends the run. */
  used(hashes: Record<string, string>): void;
  /** What servers that answered say of themselves, by their models' addresses: of their files no hash is known. */
  served(servers: Record<string, string>): void;
}

interface Active {
  abort: AbortController;
  progress: Progress | null;
  finished: Promise<unknown>;
}

type Inputs = { [R in Run as R['kind']]: R['input'] };
type Results = { [R in Run as R['kind']]: NonNullable<R['result']> };
export type InputOf<K extends RunKind> = Inputs[K];
export type ResultOf<K extends RunKind> = Results[K];

export class Runs {
  readonly #log: Log;
  readonly #versions: () => Record<string, string>;
  readonly #active = new Map<string, Active>();
  readonly #events = new EventEmitter({ captureRejections: false }).setMaxListeners(0);

  constructor(log: Log, versions: () => Record<string, string>) {
    this.#log = log;
    this.#versions = versions;
  }

  /** Begins work and returns its run's id and the promise of its result; a failure is in the log and in the promise. */
  start<K extends RunKind>(
    kind: K,
    title: string,
    input: InputOf<K>,
    work: (task: Task) => Promise<ResultOf<K>>,
    outer?: AbortSignal,
  ): { id: string; finished: Promise<ResultOf<K>> } {
    const id = randomUUID();
    this.#log.begin({
      id,
      kind,
      title,
      startedAt: new Date().toISOString(),
      input,
      versions: this.#versions(),
    });
    return { id, finished: this.#begin(id, {}, work, outer) };
  }

  /**
   * Goes on with a run that ended before it was done. The work must find by itself what it had done.
   *
   * @throws StudioError when the run is going on or done, or was begun by other versions, whose numbers may differ
   */
  resume(run: Run, work: (task: Task) => Promise<unknown>): void {
    const { id, versions, hashes } = run;
    const now = this.#versions();
    const other = ['temperament', 'llama', 'device'].find(
      name => versions[name] !== undefined && versions[name] !== now[name],
    );
    if (other)
      throw new StudioError(
        'mismatch',
        `The run was begun with ${other} ${versions[other]}, and here is ${now[other] ?? 'none'}: their numbers may differ.`,
        { field: 'id', action: 'Start it again instead.' },
      );
    if (!this.#log.reopen(id))
      throw new StudioError(
        run.state === 'done' ? 'bad_input' : 'busy',
        `The run ${id} is ${run.state === 'done' ? 'done' : 'running'} and cannot be resumed.`,
        {
          field: 'id',
          action:
            run.state === 'done' ? 'Do it again as a new run instead.' : 'Watch it, or cancel it first.',
        },
      );
    void this.#begin(id, { ...hashes }, work);
  }

  /** `known`: hashes of the files that took part before. */
  #begin<R>(
    id: string,
    known: Record<string, string>,
    work: (task: Task) => Promise<R>,
    outer?: AbortSignal,
  ): Promise<R> {
    const abort = new AbortController();
    const active: Active = { abort, progress: null, finished: Promise.resolve() };
    const hashes = { ...known };
    const pace = new Pace();
    const task: Task = {
      run: id,
      signal: outer ? AbortSignal.any([abort.signal, outer]) : abort.signal,
      progress: (done, total, unit, message = '', secondsLeft) => {
        const rest = secondsLeft === undefined ? pace.left(done, total, unit) : secondsLeft;
        active.progress = { done, total, unit, message, secondsLeft: rest ?? undefined };
        this.#events.emit(id);
        this.#events.emit('change', id);
      },
      used: more => {
        for (const [path, hash] of Object.entries(more))
          if (known[path] !== undefined && known[path] !== hash)
            throw new StudioError('mismatch', `The file ${path} has changed since the run was begun.`, {
              file: path,
              action: 'Put the old file back, or start the run again.',
            });
        this.#log.setHashes(id, Object.assign(hashes, more));
      },
      served: servers => this.#log.addVersions(id, servers),
    };
    const finished = this.#perform(id, task, work);
    active.finished = finished;
    finished.catch(() => {});
    this.#active.set(id, active);
    this.#events.emit('change', id);
    return finished;
  }

  async #perform<R>(id: string, task: Task, work: (task: Task) => Promise<R>): Promise<R> {
    // Let `start` return first: whoever began the work can watch it from its beginning.
    await Promise.resolve();
    const end = (end: Parameters<Log['end']>[1]) => {
      this.#log.end(id, end);
      this.#active.delete(id);
      this.#events.emit(id);
      this.#events.emit('change', id);
    };
    const now = () => new Date().toISOString();
    try {
      task.signal.throwIfAborted();
      const result = await work(task);
      end({ state: 'done', finishedAt: now(), result });
      return result;
    } catch (cause) {
      const error = toStudioError(
        task.signal.aborted ? new StudioError('cancelled', 'Cancelled.', { cause }) : cause,
      );
      if (error.data.code === 'internal') console.error(error);
      end({
        state: error.data.code === 'cancelled' ? 'cancelled' : 'failed',
        finishedAt: now(),
        error: error.data,
      });
      throw error;
    }
  }

  cancel(id: string): boolean {
    const active = this.#active.get(id);
    active?.abort.abort();
    return active !== undefined;
  }

  list(query: RunListQuery): RunSummary[] {
    return this.#log.list(query).map(run => this.#withProgress(run));
  }

  /** Changes what is in the log of runs that are there, and tells who follows the changes. */
  change(ids: string[], work: (log: Log) => void): void {
    work(this.#log);
    for (const id of ids) this.#events.emit('change', id);
  }

  #withProgress(run: Omit<RunSummary, 'progress'>): RunSummary {
    return { ...run, progress: this.#active.get(run.id)?.progress ?? null };
  }

  /** Progress as it comes (never more than the newest for a slow reader), then the run as it ended. */
  async *watch(id: string, signal?: AbortSignal) {
    const changes = on(this.#events, id, { signal });
    let told: Progress | null = null;
    try {
      for (;;) {
        const active = this.#active.get(id);
        if (!active) {
          yield { type: 'end' as const, run: this.#log.get(id) };
          return;
        }
        if (active.progress && active.progress !== told) {
          told = active.progress;
          yield { type: 'progress' as const, progress: told };
        } else await changes.next();
      }
    } finally {
      await changes.return?.();
    }
  }

  async *changes(signal?: AbortSignal): AsyncGenerator<RunSummary> {
    for await (const [id] of on(this.#events, 'change', { signal }))
      yield this.#withProgress(this.#log.summary(id));
  }

  /** Cancels everything and waits until it is logged. */
  async close(): Promise<void> {
    for (const { abort } of this.#active.values()) abort.abort();
    await Promise.allSettled([...this.#active.values()].map(active => active.finished));
  }
}
