/** One OpenAI-compatible server over HTTP: at most so many requests at a time, repeated where that helps, never waited for without end. */
import { setTimeout as wait } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { StudioError } from '../errors.ts';

export interface Patience {
  /** Milliseconds until the first byte of an answer, which begins when the server has read the prompt. */
  first: number;
  /** Milliseconds between two pieces of it. */
  between: number;
  /** Milliseconds before the first repetition; doubles with each. */
  pause: number;
  /** Repetitions of what failed for want of a connection, or because the server was busy. */
  repeats: number;
}

export const PATIENCE: Patience = { first: 300_000, between: 120_000, pause: 500, repeats: 4 };
/** For a question that somebody waits for in front of the page. */
export const IMPATIENCE: Patience = { first: 20_000, between: 10_000, pause: 500, repeats: 0 };

/** Longest pause that a server can ask for by Retry-After, in milliseconds. */
const LONGEST_PAUSE = 60_000;
/** More than any answer: log-probabilities of a few thousand tokens. */
const MAX_BYTES = 16 * 2 ** 20;
const MAX_EVENT = 2 ** 20;
/** Of an error's text, what is told. */
const MAX_WORDS = 300;
const BUSY = [429, 502, 503, 504];

/** Lets so many in at a time, the others in the order that they came. */
export class Gate {
  limit: number;
  #inside = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.limit = limit;
  }

  async enter(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    while (this.#inside >= this.limit) {
      await new Promise<void>((resolve, reject) => {
        const go = () => {
          signal?.removeEventListener('abort', giveUp);
          resolve();
        };
        const giveUp = () => {
          this.#waiting.delete(go);
          reject(signal?.reason);
        };
        this.#waiting.add(go);
        signal?.addEventListener('abort', giveUp, { once: true });
      });
    }
    this.#inside++;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#inside--;
      const [next] = this.#waiting;
      if (!next) return;
      this.#waiting.delete(next);
      next();
    };
  }
}

export interface Request {
  /** Behind the address of the interface; one that begins with a slash stands behind the server's own. */
  path: string;
  /** Sent as JSON by POST; GET without one. */
  body?: object;
  signal?: AbortSignal;
  patience?: Patience;
}

/** An attempt that may succeed when it is repeated. */
class Again extends Error {
  readonly error: StudioError;
  /** What the server asks for, in milliseconds. */
  readonly after: number | undefined;
  /** What has to be said with the request the next time. */
  readonly adding: object;

  constructor(error: StudioError, after?: number, adding = {}) {
    super(error.message);
    this.error = error;
    this.after = after;
    this.adding = adding;
  }
}

export class Server {
  readonly url: string;
  readonly gate: Gate;
  readonly #key: () => string | undefined;
  readonly #permit: () => void;

  /** @param permit throws where the server may not be asked */
  constructor(url: string, key: () => string | undefined, limit: number, permit: () => void = () => {}) {
    this.url = url;
    this.gate = new Gate(limit);
    this.#key = key;
    this.#permit = permit;
  }

  /** A whole answer in JSON. Throws a StudioError that names the server. */
  async json(request: Request): Promise<unknown> {
    return this.#repeated(request, async attempt => {
      const response = await attempt.open();
      const decoder = new TextDecoder();
      let text = '';
      for await (const piece of attempt.pieces(response)) text += decoder.decode(piece, { stream: true });
      try {
        return JSON.parse(text + decoder.decode());
      } catch {
        throw this.#strange('answered with something that is not JSON');
      }
    });
  }

  /** The data of an answer's events, as they come, up to `[DONE]`. What has begun is not repeated. */
  async *events(request: Request): AsyncGenerator<string> {
    const leave = await this.gate.enter(request.signal);
    try {
      let attempt: Attempt | undefined;
      const response = await this.#attempts(request, async made => {
        attempt = made;
        return made.open();
      });
      if (!attempt) return;
      try {
        if (!/^text\/event-stream\b/i.test(response.headers.get('content-type') ?? ''))
          throw this.#strange('was asked for a stream and sent something else');
        const data: string[] = [];
        const parser = createParser({
          onEvent: event => void data.push(event.data),
          maxBufferSize: MAX_EVENT,
          onError: () => {},
        });
        const decoder = new TextDecoder();
        for await (const piece of attempt.pieces(response)) {
          parser.feed(decoder.decode(piece, { stream: true }));
          for (const event of data.splice(0)) {
            if (event === '[DONE]') return;
            yield event;
          }
        }
      } finally {
        attempt.end();
      }
    } catch (error) {
      throw error instanceof Again ? error.error : error;
    } finally {
      leave();
    }
  }

  /** @throws StudioError, made of what a server says is wrong in the middle of its answer */
  refusal(message: string): StudioError {
    return new StudioError('io', `${this.url} broke off: ${this.#words(message)}`, {
      field: 'endpoint',
      action: 'Ask again; the server’s own log may say more.',
    });
  }

  #strange(what: string): StudioError {
    return new StudioError('io', `${this.url} ${what}.`, {
      field: 'endpoint',
      action: 'Check that the address is that of an OpenAI-compatible server, and what its log says.',
    });
  }

  /** What a server says, in one line, and without the key, which some repeat. */
  #words(text: string): string {
    const key = this.#key();
    const line = text.replace(/\s+/g, ' ').trim();
    const told = key ? line.replaceAll(key, '•••') : line;
    return told.length > MAX_WORDS ? `${told.slice(0, MAX_WORDS)}…` : told;
  }

  async #repeated<R>(request: Request, work: (attempt: Attempt) => Promise<R>): Promise<R> {
    const leave = await this.gate.enter(request.signal);
    try {
      return await this.#attempts(request, attempt => work(attempt).finally(() => attempt.end()));
    } finally {
      leave();
    }
  }

  /** Tries until it succeeds, fails for good, or has been repeated as often as patience has it. */
  async #attempts<R>(request: Request, work: (attempt: Attempt) => Promise<R>): Promise<R> {
    const { signal, patience = PATIENCE } = request;
    let { body } = request;
    this.#permit();
    for (let count = 0; ; count++) {
      const attempt = new Attempt(this.url, { ...request, body }, this.#key(), patience, {
        strange: what => this.#strange(what),
        words: text => this.#words(text),
      });
      try {
        return await work(attempt);
      } catch (error) {
        attempt.end();
        signal?.throwIfAborted();
        if (!(error instanceof Again)) throw error;
        if (count >= patience.repeats) throw error.error;
        body = body && { ...body, ...error.adding };
        await wait(Math.min(LONGEST_PAUSE, error.after ?? patience.pause * 2 ** count), undefined, {
          signal,
        });
      }
    }
  }
}

interface Telling {
  strange(what: string): StudioError;
  words(text: string): string;
}

/** One request and its answer, given up when the server is silent for too long. */
class Attempt {
  readonly #url: string;
  readonly #request: Request;
  readonly #key: string | undefined;
  readonly #patience: Patience;
  readonly #telling: Telling;
  readonly #silence = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(url: string, request: Request, key: string | undefined, patience: Patience, telling: Telling) {
    this.#url = url;
    this.#request = request;
    this.#key = key;
    this.#patience = patience;
    this.#telling = telling;
  }

  async open(): Promise<Response> {
    const { path, body, signal } = this.#request;
    const address = path.startsWith('/')
      ? `${this.#url.replace(/\/v\d+$/, '')}${path}`
      : `${this.#url}/${path}`;
    this.#expect(this.#patience.first);
    let response: Response;
    try {
      response = await fetch(address, {
        method: body ? 'POST' : 'GET',
        headers: {
          accept: 'application/json, text/event-stream',
          ...(body && { 'content-type': 'application/json' }),
          ...(this.#key !== undefined && { authorization: `Bearer ${this.#key}` }),
        },
        body: body && JSON.stringify(body),
        // To wherever it leads, the key would go along.
        redirect: 'error',
        signal: signal ? AbortSignal.any([signal, this.#silence.signal]) : this.#silence.signal,
      });
    } catch (cause) {
      throw this.#lost(cause);
    }
    if (response.ok) return response;
    throw await this.#refused(response);
  }

  /** The bytes of an answer; ends in an error where it breaks off, takes too long, or never ends. */
  async *pieces(response: Response): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    try {
      this.#expect(this.#patience.between);
      for await (const piece of response.body ?? []) {
        bytes += piece.length;
        if (bytes > MAX_BYTES) throw this.#telling.strange('sends more than any answer has');
        yield piece;
        this.#expect(this.#patience.between);
      }
    } catch (cause) {
      throw cause instanceof StudioError ? cause : this.#lost(cause, bytes > 0);
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Lets go of the connection, with which a server ends what it still computes. */
  end(): void {
    clearTimeout(this.#timer);
    this.#silence.abort();
  }

  #expect(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#silence.abort(new Silence(milliseconds)), milliseconds);
  }

  #lost(cause: unknown, begun = false): Error {
    if (this.#request.signal?.aborted) return this.#request.signal.reason as Error;
    const reason = this.#silence.signal.reason;
    if (reason instanceof Silence)
      return new StudioError(
        'io',
        `${this.#url} said nothing for ${Math.round(reason.milliseconds / 1000)} seconds.`,
        {
          field: 'endpoint',
          action: 'Check whether the server hangs, or has too much to do, and ask again.',
          cause,
        },
      );
    const { code = '', message = '' } = ((cause as Error).cause ?? cause) as {
      code?: string;
      message?: string;
    };
    if (/redirect/i.test(message))
      return this.#telling.strange('leads to another address, which is not followed');
    const what = begun ? 'broke off in the middle of its answer' : 'cannot be reached';
    const why = UNREACHABLE[code] ?? (begun ? undefined : code || message);
    return new Again(
      new StudioError('io', `${this.#url} ${what}${why ? ` (${this.#telling.words(why)})` : ''}.`, {
        field: 'endpoint',
        action: 'Check that the server runs, and that the address is right.',
        cause,
      }),
    );
  }

  async #refused(response: Response): Promise<Error> {
    const { status } = response;
    const said = await this.#reason(response);
    const about = said ? ` (${said})` : '';
    const refuse = (code: 'bad_input' | 'io' | 'not_found', message: string, field: string, action: string) =>
      new StudioError(code, `${message}${about}.`, { field, action });
    if (status === 401 || status === 403)
      return refuse(
        'bad_input',
        `${this.#url} refuses the key${this.#key === undefined ? ': none is kept for it' : ''}`,
        'key',
        'Enter the server’s key with its address, in the library.',
      );
    if (status === 404)
      return refuse(
        'not_found',
        `${this.#url} has no such model or address`,
        'endpoint',
        'Check both; the server lists its models.',
      );
    if (BUSY.includes(status))
      return new Again(
        refuse(
          'io',
          `${this.#url} is busy (status ${status})`,
          'endpoint',
          'Ask again in a while, or ask for fewer answers at a time.',
        ),
        pauseOf(response.headers.get('retry-after')),
      );
    if (status < 500)
      return refuse(
        'bad_input',
        `${this.#url} does not take the request (status ${status})`,
        'endpoint',
        'The server’s own log may say more.',
      );
    const failure = refuse(
      'io',
      `${this.#url} failed (status ${status})`,
      'endpoint',
      'The server’s own log may say more.',
    );
    return LOST_PICTURE.test(said) ? new Again(failure, 0, { cache_prompt: false }) : failure;
  }

  /** The words of an error's body: `{"error": {"message": …}}`, or the text itself. */
  async #reason(response: Response): Promise<string> {
    let text = '';
    try {
      const decoder = new TextDecoder();
      for await (const piece of this.pieces(response)) {
        text += decoder.decode(piece, { stream: true });
        if (text.length > 64_000) break;
      }
      const { error, message, detail } = JSON.parse(text);
      text = String(error?.message ?? message ?? detail ?? error ?? '');
    } catch {
      if (/<[a-z]/i.test(text)) return '';
    }
    return this.#telling.words(text).replace(/\.$/, '');
  }
}

/**
 * What llama-server says, also when it is asked again, where the slot that it chose holds a question with two pictures, one behind
 * the other, of which the new one has the first only: it cannot cut what it holds between two pictures. It answers once it need
 * not reuse what it holds.
 */
const LOST_PICTURE = /Chunk not found/;

class Silence extends Error {
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    super('silence');
    this.milliseconds = milliseconds;
  }
}

const UNREACHABLE: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such machine',
  EAI_AGAIN: 'its name cannot be looked up now',
  ECONNRESET: 'it closed the connection',
  UND_ERR_SOCKET: 'it closed the connection',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  ETIMEDOUT: 'it does not answer',
};

/** Retry-After in milliseconds: seconds, or a date. */
export function pauseOf(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  const pause = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now;
  return Number.isFinite(pause) ? Math.max(0, pause) : undefined;
}
