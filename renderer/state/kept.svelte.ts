/** The conversations that the studio keeps: a list, a search over every word, and what can be done with one. */
import type { ConversationFormat, ConversationSummary, SearchHit } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';
import { saveFile } from '../lib/save.ts';

export class Kept {
  list = $state.raw<ConversationSummary[]>([]);
  total = $state(0);
  hits = $state.raw<SearchHit[]>([]);
  query = $state('');
  loaded = $state(false);
  problem = $state.raw<Problem | null>(null);
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get #client() {
    return this.#connection.client.conversations;
  }

  load() {
    return this.#try(async () => {
      const { conversations, total } = await this.#client.list({});
      this.list = conversations;
      this.total = total;
      this.loaded = true;
    });
  }

  /** Looks for `query`; what was typed later wins. */
  search() {
    const text = this.query.trim();
    if (text === '') {
      this.hits = [];
      return;
    }
    return this.#try(async () => {
      const hits = await this.#client.search({ text });
      if (this.query.trim() === text) this.hits = hits.filter(firstOfQuestion());
    });
  }

  async get(id: string) {
    return await this.#client.get({ id });
  }

  remove(id: string) {
    return this.#try(async () => {
      await this.#client.delete({ id });
      await this.load();
    });
  }

  restore(id: string) {
    return this.#try(async () => {
      await this.#client.restore({ id });
      await this.load();
    });
  }

  save(id: string, format: ConversationFormat) {
    return this.#try(async () => {
      const { name, type, text } = await this.#client.export({ id, format });
      saveFile(new File([text], name, { type }));
    });
  }

  async #try(work: () => Promise<void>) {
    try {
      this.problem = null;
      await work();
    } catch (error) {
      this.problem = toProblem(error);
    }
  }
}

/** A question went to both sides and is found in both: once is enough. */
function firstOfQuestion() {
  const seen = new Set<string>();
  return ({ role, conversation, turn }: SearchHit) => {
    const key = `${conversation} ${turn}`;
    if (role !== 'user') return true;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  };
}
