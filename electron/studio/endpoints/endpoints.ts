/** Models that other servers run, beside the local ones: which are known, how a mix reaches them, and what they answer. */
import { basename } from 'node:path';
import type Database from 'better-sqlite3';
import { z } from 'zod';
import type {
  AnswerEvent,
  AnswerInput,
  GenerateEvent,
  GenerateInput,
  RateEvent,
  RateInput,
  Turn,
} from '../../workers/contract.ts';
import type { Recipe, Sampling, Trait, Vector, VectorName, Warning } from '../contract.ts';
import { StudioError } from '../errors.ts';
import type { Task } from '../log/runs.ts';
import { neededVectors, vectorWeights } from '../mixing/basis.ts';
import { liveWarning } from '../mixing/recipe.ts';
import { doseWarnings } from '../mixing/warnings.ts';
import { MAX_SENT_BYTES, type Picture } from '../pictures/contract.ts';
import type { Pictures } from '../pictures/pictures.ts';
import { mean } from '../statistics/correlation.ts';
import { seededRandom } from '../statistics/random.ts';
import { pushed } from '../stream.ts';
import { addressOf, cleanUrl, isLocal, parseAddress } from './address.ts';
import { adaptersOf, completion, factsOf, modelsOf } from './asking.ts';
import { type AddEndpoint, type Endpoint, type EndpointFacts, endpointFacts } from './contract.ts';
import type { Keys } from './keys.ts';
import { Server } from './server.ts';

/** Answers asked for at a time where a server does not say how many it makes. */
const REQUESTS = 4;

/** A mix on another server: its model, and a scale for each of its adapters; null where it has no interface for them. */
export interface RemoteMix {
  endpoint: string;
  lora: { id: number; scale: number }[] | null;
}

/** A turn that may come with pictures. */
export type SeenTurn = Turn & { pictures?: Picture[] };

type Remote<I> = Omit<I, 'mix'> & { mix: RemoteMix };

interface Row {
  id: string;
  label: string;
  requests: number | null;
  facts: string;
}

const piece = z.object({
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .nullish(),
  usage: z.object({ completion_tokens: z.number().nullish() }).nullish(),
  error: z.unknown().optional(),
});

export class Endpoints {
  readonly keys: Keys;
  readonly #database: Database.Database;
  readonly #pictures: Pictures;
  readonly #vectors: () => Promise<Vector[]>;
  readonly #offline: () => boolean;
  readonly #servers = new Map<string, Server>();
  /** What was asked of servers that are not kept. */
  readonly #asked = new Map<string, EndpointFacts>();

  constructor(
    database: Database.Database,
    keys: Keys,
    pictures: Pictures,
    vectors: () => Promise<Vector[]>,
    offline: () => boolean,
  ) {
    this.#database = database;
    this.keys = keys;
    this.#pictures = pictures;
    this.#vectors = vectors;
    this.#offline = offline;
  }

  // ── Those that are known ─────────────────────────────────────────────────────────────────────────────────

  /** The models of a server, whether it is kept or not. */
  async models(
    address: string,
    key?: string,
    signal?: AbortSignal,
  ): Promise<{ url: string; models: string[] }> {
    const url = cleanUrl(address);
    const server = key === undefined ? this.#server(url) : this.#made(url, () => key, 1);
    return { url, models: (await modelsOf(server, signal)).map(({ id }) => id) };
  }

  async list(): Promise<Endpoint[]> {
    const rows = this.#database.prepare<[], Row>('SELECT * FROM endpoints ORDER BY added_at, id').all();
    const vectors = await this.#vectors();
    return rows.map(row => this.#shown(row, vectors));
  }

  /** Asks a server what it can do, and keeps it; one that is known already is asked anew. */
  async add(
    { url: address, model, label, requests, key }: AddEndpoint,
    signal?: AbortSignal,
  ): Promise<Endpoint> {
    const url = cleanUrl(address);
    const id = addressOf({ url, model });
    const server = key === undefined ? this.#server(url) : this.#made(url, () => key, REQUESTS);
    const vectors = await this.#vectors();
    const facts = await this.#ask(server, model, vectors, signal);
    if (key !== undefined) this.keys.set(url, key);
    this.#database
      .prepare(
        `INSERT INTO endpoints (id, label, requests, facts, added_at) VALUES (:id, :label, :requests, :facts, :now)
         ON CONFLICT (id) DO UPDATE SET label = :label, requests = :requests, facts = :facts`,
      )
      .run({
        id,
        label: label || `${basename(model).replace(/\.gguf$/i, '')} (${new URL(url).host})`,
        requests,
        facts: JSON.stringify(facts),
        now: new Date().toISOString(),
      });
    this.#servers.delete(url);
    return this.#shown(this.#row(id) as Row, vectors);
  }

  /** Forgets a model, and with the last of its server the key. */
  remove(id: string): void {
    if (this.#database.prepare('DELETE FROM endpoints WHERE id = ?').run(id).changes === 0)
      throw new StudioError('not_found', `No server’s model is kept as ${id}.`, { field: 'id' });
    const { url } = parseAddress(id);
    const others = this.#database
      .prepare<{ server: string }, number>(
        'SELECT count(*) FROM endpoints WHERE substr(id, 1, length(:server)) = :server',
      )
      .pluck()
      .get({ server: `${url}#` });
    if (!others) this.keys.delete(url);
    this.#servers.delete(url);
  }

  #row(id: string): Row | undefined {
    return this.#database.prepare<[string], Row>('SELECT * FROM endpoints WHERE id = ?').get(id);
  }

  #shown(row: Row, vectors: Vector[]): Endpoint {
    const { url, model } = parseAddress(row.id);
    const facts = endpointFacts.parse(JSON.parse(row.facts));
    return {
      ...{ id: row.id, url, model, label: row.label, requests: row.requests },
      hasKey: this.keys.has(url),
      facts: { ...facts, adapters: facts.adapters && matched(facts.adapters, vectors) },
    };
  }

  async #ask(server: Server, model: string, vectors: Vector[], signal?: AbortSignal): Promise<EndpointFacts> {
    const listed = await modelsOf(server, signal);
    const ids = listed.map(({ id }) => id);
    if (ids.length > 0 && !ids.includes(model))
      throw new StudioError('not_found', `${server.url} has no model “${model}”.`, {
        field: 'model',
        action: `It has: ${ids.slice(0, 20).join(', ')}.`,
      });
    const { adapters, ...facts } = await factsOf(server, model, listed, signal);
    return { ...facts, adapters: adapters && matched(adapters, vectors) };
  }

  async #facts(id: string, signal?: AbortSignal): Promise<EndpointFacts> {
    const row = this.#row(id);
    const known = row ? endpointFacts.parse(JSON.parse(row.facts)) : this.#asked.get(id);
    if (known) return known;
    const { url, model } = parseAddress(id);
    const facts = await this.#ask(this.#server(url), model, await this.#vectors(), signal);
    this.#asked.set(id, facts);
    const server = this.#server(url);
    server.gate.limit = facts.slots ?? REQUESTS;
    return facts;
  }

  #server(url: string): Server {
    let server = this.#servers.get(url);
    if (!server) {
      const rows = this.#database.prepare<[], Row>('SELECT * FROM endpoints').all();
      const own = rows.filter(({ id }) => parseAddress(id).url === url);
      const limits = own.map(
        ({ requests, facts }) => requests ?? endpointFacts.parse(JSON.parse(facts)).slots,
      );
      const limit = Math.min(...limits.flatMap(most => most ?? []));
      server = this.#made(url, () => this.keys.get(url), Number.isFinite(limit) ? limit : REQUESTS);
      this.#servers.set(url, server);
    }
    return server;
  }

  #made(url: string, key: () => string | undefined, limit: number): Server {
    return new Server(url, key, limit, () => {
      if (!this.#offline() || isLocal(url)) return;
      throw new StudioError('bad_input', `The studio is set to stay offline, so ${url} was not asked.`, {
        field: 'offline',
        action: 'Use a model of this machine, or let the studio use the network in its settings.',
      });
    });
  }

  // ── Mixes ────────────────────────────────────────────────────────────────────────────────────────────────

  /** The mix that a recipe is on its server: a scale for each adapter, as the server has them now. */
  async mix(recipe: Recipe, { signal, served }: Pick<Task, 'signal' | 'served'>): Promise<RemoteMix> {
    const { url } = parseAddress(recipe.base);
    const { adapters: known, server, about } = await this.#facts(recipe.base, signal);
    served({ [recipe.base]: [server, about].filter(Boolean).join(' ') });
    const names = this.#needed(recipe);
    if (known === null) {
      if (names.length > 0) throw missing(`${url} has no interface for adapters, and the mix needs`, names);
      return { endpoint: recipe.base, lora: null };
    }
    const now = (await adaptersOf(this.#server(url), signal)) ?? [];
    const adapters = matched(now, await this.#vectors());
    const absent = names.filter(name => !adapters.some(({ vector }) => vector === name));
    if (absent.length > 0) throw missing(`${url} was started without the adapters`, absent);
    const weights = vectorWeights(recipe.weights, recipe.basis, 0, names, []);
    const scaleOf = (name: VectorName) => {
      const along = recipe.depth?.[name.slice(0, name.lastIndexOf('-')) as Trait] ?? [1];
      return (weights[name] ?? 0) * mean(along) * (recipe.lambda ?? 1);
    };
    const given = new Set<string>();
    return {
      endpoint: recipe.base,
      // All are named, because one that is not has the scale that the server was started with.
      lora: adapters.map(({ id, vector }) => {
        if (vector === null || given.has(vector)) return { id, scale: 0 };
        given.add(vector);
        return { id, scale: scaleOf(vector) };
      }),
    };
  }

  /** What the user should know before a mix is used. */
  async check(recipe: Recipe): Promise<Warning[]> {
    const found = [...doseWarnings(recipe), ...liveWarning(recipe)];
    const row = this.#row(recipe.base);
    const facts = row ? this.#shown(row, await this.#vectors()).facts : await this.#facts(recipe.base);
    const has = new Set(facts.adapters?.map(({ vector }) => vector));
    for (const name of neededVectors(recipe.weights, recipe.basis))
      if (!has.has(name)) {
        const trait = name.slice(0, name.lastIndexOf('-')) as Trait;
        found.push({
          code: 'vector_missing',
          trait,
          message: `The server has no adapter that is the vector ${name}: start it with one, or set ${trait} to 0.`,
        });
      }
    return found;
  }

  #needed(recipe: Recipe): VectorName[] {
    if ((recipe.whitening ?? 0) > 0)
      throw new StudioError('bad_input', 'Whitened vectors cannot be mixed on a server.', {
        field: 'whitening',
        action: 'Set whitening to 0, or bake the mix into a file and serve that.',
      });
    return neededVectors(recipe.weights, recipe.basis);
  }

  // ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Streams an answer. It ends with `length` also where a server does not keep to the limit. */
  async *generate(
    { mix, turns, sampling }: Remote<Omit<GenerateInput, 'turns'>> & { turns: SeenTurn[] },
    signal?: AbortSignal,
  ): AsyncGenerator<GenerateEvent> {
    const server = this.#server(parseAddress(mix.endpoint).url);
    const body = {
      ...(await this.#body(mix, turns, sampling, signal)),
      stream: true,
      stream_options: { include_usage: true },
    };
    const began = performance.now();
    let first = 0;
    let pieces = 0;
    let tokens: number | undefined;
    let stop: 'end' | 'length' | undefined;
    for await (const data of server.events({ path: 'chat/completions', body, signal })) {
      const { choices, usage, error } = readPiece(server, data);
      if (error !== undefined && error !== null) throw server.refusal(wordsOf(error));
      tokens = usage?.completion_tokens ?? tokens;
      const [choice] = choices ?? [];
      const text = choice?.delta?.content;
      if (text) {
        first ||= performance.now();
        pieces++;
        yield { type: 'token', text };
      }
      if (choice?.finish_reason) stop = choice.finish_reason === 'length' ? 'length' : 'end';
      // A token may come in several pieces, but not in that many.
      if (pieces > sampling.maxTokens * 4 + 16) {
        stop = 'length';
        break;
      }
    }
    if (!stop) throw server.refusal('the answer has no end');
    const made = tokens ?? pieces;
    const seconds = (performance.now() - first) / 1000;
    yield {
      type: 'done',
      tokens: made,
      stop,
      firstTokenMs: first ? first - began : 0,
      tokensPerSecond: first && made > 1 ? (made - 1) / seconds : 0,
    };
  }

  /**
   * Probabilities of the answers as first tokens, as far as they are among the likeliest tokens, which are all that a
   * server tells. `unseen`: the most that all answers together can have beyond.
   */
  async *rate(
    { mix, system, prompts, answers }: Remote<RateInput>,
    signal?: AbortSignal,
  ): AsyncGenerator<RateEvent> {
    const server = this.#server(parseAddress(mix.endpoint).url);
    const { logprobs } = await this.#facts(mix.endpoint, signal);
    if (logprobs === 0)
      throw new StudioError(
        'bad_input',
        `${server.url} gives no log-probabilities, which probability mode reads.`,
        {
          field: 'administration.mode',
          action: 'Use sampled mode.',
        },
      );
    yield* pushed<RateEvent, void>(push =>
      this.#each(server, prompts, signal, async (prompt, index, stopped) => {
        const sampling = { temperature: 0, topP: 1, seed: 0, maxTokens: 1 };
        const body = {
          ...(await this.#body(mix, chat(system, prompt), sampling, stopped)),
          logprobs: true,
          top_logprobs: logprobs,
        };
        const answer = completion.safeParse(
          await server.json({ path: 'chat/completions', body, signal: stopped }),
        );
        const likeliest = answer.data?.choices[0]?.logprobs?.content?.[0]?.top_logprobs ?? [];
        if (likeliest.length === 0) throw server.refusal('the answer came without log-probabilities');
        push({ index, ...probabilitiesOf(likeliest, answers) });
      }),
    );
  }

  /** Answers drawn to each prompt; the seeds do not depend on what is asked at the same time. */
  async *answer(
    { mix, system, prompts, repeats, sampling, pictures }: Remote<AnswerInput> & { pictures?: Picture[][] },
    signal?: AbortSignal,
  ): AsyncGenerator<AnswerEvent> {
    const server = this.#server(parseAddress(mix.endpoint).url);
    const random = seededRandom(sampling.seed);
    const questions = prompts.flatMap((prompt, index) =>
      Array.from({ length: repeats }, (_, repeat) => ({
        prompt,
        index,
        repeat,
        seed: Math.floor(random() * 2 ** 32),
      })),
    );
    yield* pushed<AnswerEvent, void>(push =>
      this.#each(server, questions, signal, async ({ prompt, index, repeat, seed }, _, stopped) => {
        const turns = chat(system, prompt, pictures?.[index]);
        const body = await this.#body(mix, turns, { ...sampling, seed }, stopped);
        const answer = completion.safeParse(
          await server.json({ path: 'chat/completions', body, signal: stopped }),
        );
        if (!answer.success) throw server.refusal('the answer has no text');
        push({ index, repeat, text: answer.data.choices[0]?.message.content ?? '' });
      }),
    );
  }

  /** What every request says, with what switches off the filters that only some servers have. */
  async #body({ endpoint, lora }: RemoteMix, turns: SeenTurn[], sampling: Sampling, signal?: AbortSignal) {
    const { server, images } = await this.#facts(endpoint, signal);
    const pictures = turns.flatMap(({ pictures: own = [] }) => own);
    if (pictures.length > 0) checkPictures(endpoint, images, pictures);
    const { temperature, topP, seed, maxTokens } = sampling;
    return {
      model: parseAddress(endpoint).model,
      messages: turns.map(({ role, content, pictures: own = [] }) => ({
        role,
        content:
          own.length === 0
            ? content
            : [
                ...own.map(one => ({ type: 'image_url', image_url: { url: this.#pictures.dataUrl(one) } })),
                { type: 'text', text: content },
              ],
      })),
      ...{ temperature, top_p: topP, seed, max_tokens: maxTokens },
      ...(server === 'llama.cpp' && { top_k: 0, min_p: 0, repeat_penalty: 1 }),
      ...(server === 'vllm' && { top_k: -1, min_p: 0, repetition_penalty: 1 }),
      ...(lora && lora.length > 0 && { lora }),
    };
  }

  /** Does the work for all, as many at a time as the server takes; the first failure ends the others. */
  async #each<T>(
    server: Server,
    all: T[],
    signal: AbortSignal | undefined,
    work: (one: T, index: number, stopped: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const failed = new AbortController();
    const stopped = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
    const waiting = all.entries();
    const worker = async () => {
      for (const [index, one] of waiting) {
        if (stopped.aborted) return;
        await work(one, index, stopped);
      }
    };
    const workers = Array.from({ length: Math.min(server.gate.limit, all.length) }, () =>
      worker().catch(error => {
        failed.abort();
        throw error;
      }),
    );
    const ends = await Promise.allSettled(workers);
    signal?.throwIfAborted();
    const reasons = ends.flatMap(end => (end.status === 'rejected' ? [end.reason] : []));
    const cause = reasons.find(reason => reason instanceof StudioError) ?? reasons[0];
    if (cause) throw cause;
  }
}

function checkPictures(endpoint: string, taken: boolean, pictures: Picture[]): void {
  const { url, model } = parseAddress(endpoint);
  if (!taken)
    throw new StudioError('bad_input', `The model ${model} on ${url} takes no pictures.`, {
      field: 'pictures',
      action:
        'Start llama-server with the model’s projector (--mmproj; “endpoints command” writes how), then have the library ask it again.',
    });
  const bytes = pictures.reduce((sum, picture) => sum + picture.bytes, 0);
  if (bytes > MAX_SENT_BYTES)
    throw new StudioError(
      'bad_input',
      `The pictures of this conversation have ${(bytes / 2 ** 20).toFixed(1)} MiB together, which all go with every question; ${MAX_SENT_BYTES / 2 ** 20} are taken.`,
      { field: 'pictures', action: 'Begin a new conversation, or use smaller pictures.' },
    );
}

const chat = (system: string, content: string, pictures?: Picture[]): SeenTurn[] => [
  ...(system ? [{ role: 'system' as const, content: system }] : []),
  { role: 'user', content, pictures },
];

/** Adapters with the vectors of the library that they are: the same file, else one of that name. */
function matched(
  adapters: { id: number; path: string }[],
  vectors: Vector[],
): NonNullable<EndpointFacts['adapters']> {
  const names = (path: string) => path.split(/[\\/]/).at(-1) ?? path;
  return adapters.map(({ id, path }) => {
    const vector =
      vectors.find(known => known.path === path) ??
      // The factors of a dense vector are kept under its hash.
      vectors.find(known => names(known.path) === names(path) || names(path).startsWith(`${known.content}-`));
    return { id, path, vector: vector ? `${vector.trait}-${vector.pole}` : null };
  });
}

const missing = (what: string, names: VectorName[]) =>
  new StudioError('bad_input', `${what} ${names.join(', ')}.`, {
    field: 'weights',
    action: 'Set those sliders to 0, or start the server with the command that the library writes for it.',
  });

function readPiece(server: Server, data: string): z.output<typeof piece> {
  try {
    return piece.parse(JSON.parse(data));
  } catch {
    throw server.refusal('a piece of the answer cannot be read');
  }
}

const wordsOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);

/**
 * Σ p over an answer's tokens (the bare word, the word after a space) for each answer. Beyond the list, a token has at
 * most the probability of the last of it, and all together what the list leaves.
 */
export function probabilitiesOf(
  likeliest: { token: string; logprob: number }[],
  answers: string[],
): { probabilities: number[]; unseen: number } {
  const shares = new Map<string, number>();
  for (const { token, logprob } of likeliest) {
    // Some servers write a space as their tokenizer does.
    const text = token.replace(/^[Ġ▁]/, ' ');
    shares.set(text, (shares.get(text) ?? 0) + Math.exp(logprob));
  }
  const forms = answers.map(answer => [answer, ` ${answer}`]);
  const rest = Math.max(0, 1 - [...shares.values()].reduce((sum, share) => sum + share, 0));
  const last = Math.exp(Math.min(...likeliest.map(({ logprob }) => logprob)));
  const absent = forms.flat().filter(form => !shares.has(form)).length;
  return {
    probabilities: forms.map(pair => pair.reduce((sum, form) => sum + (shares.get(form) ?? 0), 0)),
    unseen: Math.min(rest, absent * last),
  };
}
