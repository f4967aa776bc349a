/** The studio's settings, and what there is to know about the machine and the data folder beside them. */
import { type StudioInfo, USER, type Settings as Values } from '../../electron/studio/contract.ts';
import type { Client } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';

export class Settings {
  values = $state.raw<Values | null>(null);
  info = $state.raw<StudioInfo | null>(null);
  problem = $state.raw<Problem | null>(null);

  /** What `{{user}}` stands for. */
  userName = $derived(this.values?.userName ?? USER);

  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async loadValues() {
    await this.#try(async () => {
      this.values = await this.#client.settings.get();
    });
  }

  async load() {
    await this.loadValues();
    // Starts the models' worker where none runs, so that it may take a moment.
    await this.#try(() => this.#loadInfo());
  }

  async change(changes: Partial<Values>) {
    await this.#try(async () => {
      this.values = await this.#client.settings.set(changes);
      await this.#loadInfo();
    });
  }

  async #loadInfo() {
    this.info = await this.#client.studio.info();
  }

  async #try(work: () => Promise<void>) {
    try {
      await work();
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }
}
