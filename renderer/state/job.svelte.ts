/** A run that the page starts and waits for: its progress, its result, and what went wrong. */
import type { Progress, Run, RunKind } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, problemOf, toProblem } from '../lib/errors.ts';
import { followRun } from '../lib/follow.ts';
import { withTitle } from '../lib/told.ts';

type Results = { [R in Run as R['kind']]: NonNullable<R['result']> };

export class Job<K extends RunKind> {
  running = $state(false);
  progress = $state.raw<Progress | null>(null);
  problem = $state.raw<Problem | null>(null);
  result = $state.raw<Results[K] | null>(null);
  /** The whole run whose result that is. */
  run = $state.raw<Run | null>(null);
  #id: string | null = null;
  #cancelled = false;

  protected readonly connection: Connection;
  readonly #kind: K;

  constructor(connection: Connection, kind: K) {
    this.connection = connection;
    this.#kind = kind;
  }

  /** Starts the run and follows it to its end; does nothing while one goes on. */
  async follow(starting: () => Promise<{ run: string }>): Promise<void> {
    if (this.running) return;
    this.running = true;
    this.#cancelled = false;
    this.problem = null;
    this.result = null;
    this.run = null;
    try {
      const started = await starting();
      this.#id = started.run;
      if (this.#cancelled) this.cancel();
      const run = await followRun(this.connection, started.run, progress => {
        this.progress = progress;
      });
      if (run.kind === this.#kind && run.result) {
        this.result = run.result as Results[K];
        this.run = withTitle(run);
      } else if (run.error && run.state !== 'cancelled') this.problem = problemOf(run.error);
    } catch (error) {
      this.problem = toProblem(error);
    } finally {
      this.running = false;
      this.progress = null;
      this.#id = null;
    }
  }

  cancel() {
    this.#cancelled = true;
    if (this.#id) void this.connection.client.runs.cancel({ id: this.#id }).catch(() => {});
  }
}
