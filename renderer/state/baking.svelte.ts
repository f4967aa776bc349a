/** Writes the present mix as a model file. */
import type { BakeResult, FileType, Progress, Warning } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, problemOf, toProblem } from '../lib/errors.ts';
import { followRun } from '../lib/follow.ts';
import type { Mix } from './mix.svelte.ts';

export class Baking {
  type = $state<FileType>('f16');
  running = $state(false);
  progress = $state.raw<Progress | null>(null);
  problem = $state.raw<Problem | null>(null);
  result = $state.raw<BakeResult | null>(null);
  /** What to know before writing this file, beyond what the sliders say already. */
  warnings = $state.raw<Warning[]>([]);
  #run: string | null = null;
  #cancelled = false;
  #checks = 0;

  readonly #connection: Connection;
  readonly #mix: Mix;

  constructor(connection: Connection, mix: Mix) {
    this.#connection = connection;
    this.#mix = mix;
  }

  async check() {
    if (this.#mix.base === '') return;
    const turn = ++this.#checks;
    try {
      const recipe = this.#mix.bakeRecipe();
      const warnings = await this.#connection.client.mixing.check({ recipe, type: this.type, live: false });
      if (turn === this.#checks) this.warnings = warnings;
    } catch {
      // The sliders' own check reports a studio that does not answer.
    }
  }

  async start() {
    if (this.running) return;
    this.running = true;
    this.#cancelled = false;
    this.problem = null;
    this.result = null;
    try {
      const { client } = this.#connection;
      const started = await client.mixing.bake({ recipe: this.#mix.bakeRecipe(), type: this.type });
      this.#run = started.run;
      if (this.#cancelled) this.cancel();
      const run = await followRun(this.#connection, started.run, progress => {
        this.progress = progress;
      });
      if (run.kind === 'bake' && run.result) this.result = run.result;
      else if (run.error && run.state !== 'cancelled') this.problem = problemOf(run.error);
    } catch (error) {
      this.problem = toProblem(error);
    } finally {
      this.running = false;
      this.progress = null;
      this.#run = null;
    }
  }

  cancel() {
    this.#cancelled = true;
    if (this.#run) void this.#connection.client.runs.cancel({ id: this.#run }).catch(() => {});
  }
}
