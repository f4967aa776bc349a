/** Compares the vectors of a model with each other: how strong they are in each layer, and how alike. */
import type { CompareResult, Comparison, Progress } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, problemOf, toProblem } from '../lib/errors.ts';
import { followRun } from '../lib/follow.ts';

export const FIGURES = ['shares', 'cosines', 'agreements'] as const;
export type Figure = (typeof FIGURES)[number];

export class Inside {
  figure = $state<Figure>('shares');
  /** Which layer the pairs are compared in; empty: everything taken together. */
  layer = $state('');
  running = $state(false);
  progress = $state.raw<Progress | null>(null);
  problem = $state.raw<Problem | null>(null);
  result = $state.raw<CompareResult | null>(null);
  /** The model whose vectors the result is of. */
  model = $state('');
  part = $derived.by((): Comparison | null => {
    const { layer, result } = this;
    return result && (result.layers.find(({ name }) => name === layer) ?? result.all);
  });
  #run: string | null = null;
  #cancelled = false;

  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async start(model: string) {
    if (this.running) return;
    this.running = true;
    this.#cancelled = false;
    this.problem = null;
    try {
      const { client } = this.#connection;
      const { run: id } = await client.library.compare({ model });
      this.#run = id;
      if (this.#cancelled) this.cancel();
      const run = await followRun(this.#connection, id, progress => {
        this.progress = progress;
      });
      if (run.kind === 'compare' && run.result) {
        this.result = run.result;
        this.model = model;
        this.layer = '';
      } else if (run.error && run.state !== 'cancelled') this.problem = problemOf(run.error);
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
