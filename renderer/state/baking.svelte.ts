/** Writes the present mix as a model file. */
import type { BakeResult, FileType, Recipe, Warning } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { toProblem } from '../lib/errors.ts';
import { Job } from './job.svelte.ts';
import type { Mix } from './mix.svelte.ts';

export class Baking extends Job<'bake'> {
  type = $state<FileType>('f16');
  /** What to know before writing this file, beyond what the sliders say already. */
  warnings = $state.raw<Warning[]>([]);
  /** What the last file was made of. */
  #recipe = $state.raw<Recipe | null>(null);
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
    const recipe = this.#mix.bakeRecipe();
    this.#recipe = recipe;
    return this.follow(() => this.connection.client.mixing.bake({ recipe, type: this.type }));
  }

  /** The file that was made of this very recipe, where it was the last one. */
  fileOf(recipe: Recipe): BakeResult | null {
    return JSON.stringify(recipe) === JSON.stringify(this.#recipe) ? this.result : null;
  }

  /** The recipe as a mergekit configuration; null where it has none, with the problem set. */
  async toMergekit(): Promise<File | null> {
    const recipe = this.#mix.bakeRecipe();
    const made = await this.#asked(this.connection.client.mixing.toMergekit({ recipe }));
    const name = `${recipe.base}-${recipe.method}.yml`;
    return made && new File([made.yaml], name, { type: 'application/yaml' });
  }

  /** The recipe of a mergekit configuration for the present model, and what will differ. */
  async fromMergekit(file: File): Promise<{ recipe: Recipe; notes: string[] } | null> {
    const yaml = await file.text();
    return this.#asked(this.connection.client.mixing.fromMergekit({ yaml, base: this.#mix.base }));
  }

  async #asked<T>(answer: Promise<T>): Promise<T | null> {
    this.problem = null;
    try {
      return await answer;
    } catch (error) {
      this.problem = toProblem(error);
      return null;
    }
  }
}
