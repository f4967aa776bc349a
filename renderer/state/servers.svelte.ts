/** Models on other servers: adding one by its address, asking it again, forgetting it. */
import type { Endpoint } from '../../electron/studio/contract.ts';
import type { Client } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';

export class Servers {
  /** What is typed into the form. */
  url = $state('');
  key = $state('');
  model = $state('');
  requests = $state<number | null>(null);
  /** What the server at that address has; null until it is asked. */
  models = $state.raw<string[] | null>(null);
  /** What is done now: for the form, or for the model of that id. */
  busy = $state<string | null>(null);
  problem = $state.raw<Problem | null>(null);
  /** The one that was added last, until another is typed. */
  added = $state.raw<Endpoint | null>(null);

  readonly #client: Client;
  readonly #changed: () => Promise<void>;
  #asking: AbortController | undefined;

  constructor(client: Client, changed: () => Promise<void>) {
    this.#client = client;
    this.#changed = changed;
  }

  /** Looks up what models the server has. */
  ask() {
    return this.#do('form', async signal => {
      const found = await this.#client.endpoints.ask({ url: this.url, key: this.#key() }, { signal });
      this.url = found.url;
      this.models = found.models;
      if (!found.models.includes(this.model)) this.model = found.models[0] ?? '';
    });
  }

  add() {
    return this.#do('form', async signal => {
      const { url, model, requests } = this;
      this.added = await this.#client.endpoints.add({ url, model, requests, key: this.#key() }, { signal });
      // It is kept now, and no page needs it any more.
      this.key = '';
      this.models = null;
    });
  }

  again({ id, url, model, label, requests }: Endpoint) {
    return this.#do(id, signal => this.#client.endpoints.add({ url, model, label, requests }, { signal }));
  }

  remove({ id }: Endpoint) {
    return this.#do(id, () => this.#client.endpoints.remove({ id }));
  }

  /** Another address is another server. */
  typed() {
    this.models = null;
    this.added = null;
    this.problem = null;
  }

  cancel() {
    this.#asking?.abort();
  }

  #key() {
    return this.key.trim() || undefined;
  }

  async #do(what: string, work: (signal: AbortSignal) => Promise<unknown>) {
    if (this.busy !== null) return;
    this.busy = what;
    this.problem = null;
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    try {
      await work(signal);
      await this.#changed();
    } catch (error) {
      if (!signal.aborted) this.problem = toProblem(error);
    } finally {
      this.busy = null;
    }
  }
}
