/** Writes the present mix as a model file. */
import type { FileType, Warning } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { Job } from './job.svelte.ts';
import type { Mix } from './mix.svelte.ts';

export class Baking extends Job<'bake'> {
  type = $state<FileType>('f16');
  /** What to know before writing this file, beyond what the sliders say already. */
  warnings = $state.raw<Warning[]>([]);
  #checks = 0;

  readonly #mix: Mix;

  constructor(connection: Connection, mix: Mix) {
    super(connection, 'bake');
    this.#mix = mix;
  }

  async check() {
    if (this.#mix.base === '') return;
    const turn = ++this.#checks;
    try {
      const recipe = this.#mix.bakeRecipe();
      const warnings = await this.connection.client.mixing.check({ recipe, type: this.type, live: false });
      if (turn === this.#checks) this.warnings = warnings;
    } catch {
      // The sliders' own check reports a studio that does not answer.
    }
  }

  start() {
    return this.follow(() =>
      this.connection.client.mixing.bake({ recipe: this.#mix.bakeRecipe(), type: this.type }),
    );
  }
}
