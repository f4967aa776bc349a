/** Compares the vectors of a model with each other: how strong they are in each layer, and how alike. */
import type { Comparison } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { Job } from './job.svelte.ts';

export const FIGURES = ['shares', 'cosines', 'agreements'] as const;
export type Figure = (typeof FIGURES)[number];

export class Inside extends Job<'compare'> {
  figure = $state<Figure>('shares');
  /** Which layer the pairs are compared in; empty: everything taken together. */
  layer = $state('');
  /** The model whose vectors the result is of. */
  model = $state('');
  part = $derived.by((): Comparison | null => {
    const { layer, result } = this;
    return result && (result.layers.find(({ name }) => name === layer) ?? result.all);
  });

  constructor(connection: Connection) {
    super(connection, 'compare');
  }

  async start(model: string) {
    if (this.running) return;
    await this.follow(() => this.connection.client.library.compare({ model }));
    if (!this.result) return;
    this.model = model;
    this.layer = '';
  }
}
