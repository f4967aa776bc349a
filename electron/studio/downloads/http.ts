/** Requests to other machines: through proxies, over redirects, with limits to how long one is waited for. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { StudioError } from '../errors.ts';

export interface HttpOptions {
  /** Longest wait for a connection, an answer, or the next bytes, in milliseconds (default: 30 000). */
  patienceMs?: number;
  /** Milliseconds before each further attempt; as many as there are pauses (default: 1, 2, 4, 8 and 16 seconds). */
  pausesMs?: number[];
  /** In place of the environment’s HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
  proxies?: { httpProxy?: string; httpsProxy?: string; noProxy?: string };
}

export interface Answer {
  status: number;
  /** Of the last answer, in lower case. */
  headers: Record<string, string>;
  /** What the hub says of the file behind it, which the redirect to its store carries. */
  linked: { bytes: number | null; sha256: string | null };
  body: Dispatcher.ResponseData['body'];
}

/** A failure that another attempt may mend. */
export class Passing extends Error {
  readonly waitMs: number | null;

  constructor(message: string, waitMs: number | null = null, cause?: unknown) {
    super(message, { cause });
    this.waitMs = waitMs;
  }
}

const REDIRECTS = 10;
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);
const PASSING_ERRORS = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);
/** A server that asks for more patience than this is told of instead. */
const LONGEST_WAIT_MS = 120_000;
const LARGEST_TEXT = 2 ** 25;

export class Http {
  readonly pausesMs: number[];
  readonly #patienceMs: number;
  readonly #proxies: HttpOptions['proxies'];
  #dispatcher: Dispatcher | undefined;

  constructor({
    patienceMs = 30_000,
    pausesMs = [1000, 2000, 4000, 8000, 16_000],
    proxies,
  }: HttpOptions = {}) {
    this.#patienceMs = patienceMs;
    this.pausesMs = pausesMs;
    this.#proxies = proxies;
  }

  /**
   * Gets an address; the caller reads the body to its end or destroys it.
   *
   * @param token goes to the address's own origin alone, not to where that redirects
   * @throws Passing where another attempt may help, StudioError where not
   */
  async get(
    url: string,
    {
      headers = {},
      token,
      signal,
    }: { headers?: Record<string, string>; token?: string; signal: AbortSignal },
  ): Promise<Answer> {
    const linked: Answer['linked'] = { bytes: null, sha256: null };
    const home = new URL(url).origin;
    let at = new URL(url);
    for (let hop = 0; hop <= REDIRECTS; hop++) {
      const {
        statusCode: status,
        headers: raw,
        body,
      } = await this.#request(at, {
        headers: {
          'user-agent': 'temperament',
          // Stored bytes are wanted as they are.
          'accept-encoding': 'identity',
          ...headers,
          ...(token && at.origin === home && { authorization: `Bearer ${token}` }),
        },
        signal,
      });
      body.on('error', () => {});
      const found = Object.fromEntries(
        Object.entries(raw).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.join(', ') : `${value}`,
        ]),
      );
      const hash = found['x-linked-etag']?.replaceAll(/^W\/|"/g, '');
      if (hash && /^[0-9a-f]{64}$/.test(hash)) linked.sha256 = hash;
      if (/^\d+$/.test(found['x-linked-size'] ?? '')) linked.bytes = Number(found['x-linked-size']);
      if (![301, 302, 303, 307, 308].includes(status)) {
        if (status < 400 || status === 416) return { status, headers: found, linked, body };
        body.destroy();
        throw refusal(status, found, at);
      }
      body.destroy();
      const next = URL.parse(found.location ?? '', at.href);
      if (
        !next ||
        !['http:', 'https:'].includes(next.protocol) ||
        (at.protocol === 'https:' && next.protocol === 'http:')
      )
        throw new StudioError(
          'io',
          `${at.host} leads on to “${found.location ?? ''}”, which is not followed.`,
          {
            action:
              'A redirect may lead to http or https, and not from https to http. Use the address of the file itself.',
          },
        );
      at = next;
    }
    throw new StudioError('io', `${new URL(url).host} leads in a circle: more than ${REDIRECTS} redirects.`, {
      action: 'Use the address of the file itself.',
    });
  }

  /** An answer of JSON. */
  async json(
    url: string,
    options: { token?: string; signal: AbortSignal },
  ): Promise<{ value: unknown; headers: Record<string, string> }> {
    const { body, headers } = await this.get(url, { ...options, headers: { accept: 'application/json' } });
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > LARGEST_TEXT)
          throw new StudioError('io', `${new URL(url).host} answers with more than a list of files can be.`, {
            action: 'Check the address of the hub in the settings.',
          });
        chunks.push(chunk);
      }
    } catch (error) {
      options.signal.throwIfAborted();
      throw asFailure(error, new URL(url));
    } finally {
      body.destroy();
    }
    try {
      return { value: JSON.parse(Buffer.concat(chunks).toString('utf8')), headers };
    } catch (cause) {
      throw new StudioError('io', `${new URL(url).host} does not answer as Hugging Face does: no JSON.`, {
        action:
          'Check the address of the hub in the settings; a network that asks for a login answers so, too.',
        cause,
      });
    }
  }

  /** Does work again after failures that may pass, with longer and longer pauses. Progress takes the count back to none. */
  async persist<T>(
    work: () => Promise<T>,
    {
      signal,
      progressed = () => false,
      pausesMs = this.pausesMs,
      onwait = () => {},
    }: {
      signal: AbortSignal;
      progressed?: () => boolean;
      pausesMs?: number[];
      onwait?: (ms: number, why: string) => void;
    },
  ): Promise<T> {
    for (let failures = 0; ; ) {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Passing)) throw error;
        if (progressed()) failures = 0;
        const next = pausesMs[failures];
        const wait = Math.max(next ?? 0, error.waitMs ?? 0);
        if (next === undefined || wait > LONGEST_WAIT_MS)
          throw new StudioError('io', error.message, {
            action:
              wait > LONGEST_WAIT_MS
                ? `Try again in ${Math.ceil(wait / 60_000)} minutes.`
                : 'Check the connection, and the proxy if you need one (HTTPS_PROXY), and try again.',
            cause: error,
          });
        failures++;
        onwait(wait, error.message);
        await pause(wait, undefined, { signal });
      }
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher?.destroy();
  }

  async #request(url: URL, { headers, signal }: { headers: Record<string, string>; signal: AbortSignal }) {
    try {
      return await request(url, {
        dispatcher: this.#agent(),
        headersTimeout: this.#patienceMs,
        bodyTimeout: this.#patienceMs,
        headers,
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      throw asFailure(error, url);
    }
  }

  #agent(): Dispatcher {
    if (this.#dispatcher) return this.#dispatcher;
    const connect = { timeout: this.#patienceMs };
    try {
      // Plain http goes through a proxy as a request for the whole address: many refuse tunnels to port 80.
      this.#dispatcher = new EnvHttpProxyAgent({ ...this.#proxies, proxyTunnel: false, connect });
    } catch (cause) {
      throw new StudioError(
        'bad_input',
        `The proxy is not named as an address: ${(cause as Error).message}.`,
        {
          field: 'HTTPS_PROXY',
          action: 'Set HTTPS_PROXY and HTTP_PROXY like http://proxy.example:3128, or unset them.',
          cause,
        },
      );
    }
    return this.#dispatcher;
  }
}

/** What a failed exchange means to the user, or that it may pass. Undici's and Node's errors carry codes. */
export function asFailure(error: unknown, { host }: URL): Error {
  if (error instanceof StudioError || error instanceof Passing) return error;
  const { code = '', message } = error as { code?: string; message: string };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new Passing(`There is no way to ${host}: its name is not found.`, null, error);
  if (code.includes('TIMEOUT') || code === 'ETIMEDOUT')
    return new Passing(`${host} does not answer.`, null, error);
  if (PASSING_ERRORS.has(code))
    return new Passing(`The connection to ${host} was lost (${message}).`, null, error);
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code))
    return new StudioError('io', `The certificate of ${host} is not trusted (${message}).`, {
      action:
        'Where your network looks into connections, name its certificate in NODE_EXTRA_CA_CERTS before the start.',
      cause: error,
    });
  if (/\b407\b/.test(message))
    return new StudioError('io', 'The proxy asks for a user name and a password.', {
      action: 'Write them into the proxy’s address: http://user:password@proxy.example:3128.',
      cause: error,
    });
  return new StudioError('io', `${host} does not answer as a web server does (${message}).`, {
    action: 'Check the address, and the proxy if you need one.',
    cause: error,
  });
}

function refusal(status: number, headers: Record<string, string>, url: URL): Error {
  if (PASSING_STATUS.has(status))
    return new Passing(
      status === 429
        ? `${url.host} wants fewer requests (429).`
        : `${url.host} cannot answer now (${status}).`,
      waitOf(headers['retry-after']),
    );
  const where = `${url.origin}${url.pathname}`;
  if (status === 401)
    return new StudioError(
      'io',
      `${url.host} wants a token for this, or there is no such thing (401): ${where}`,
      {
        field: 'token',
        action:
          'Check the name. For a private or gated repository give an access token (HF_TOKEN in a terminal).',
      },
    );
  if (status === 403)
    return new StudioError('io', `${url.host} refuses this (403): ${where}`, {
      field: 'token',
      action:
        'Open the model’s page in a browser, accept its licence there, and give an access token of the same account (HF_TOKEN in a terminal).',
    });
  if (status === 404 || status === 410)
    return new StudioError('not_found', `${url.host} has no such thing (${status}): ${where}`, {
      field: 'source',
      action: 'Check the name, its capitals too. It may have been renamed or taken away.',
    });
  return new StudioError('io', `${url.host} answers with ${status}: ${where}`, {
    action: 'Check the address.',
  });
}

/** Of a Retry-After header, seconds or a date, in milliseconds. */
function waitOf(text: string | undefined, now = Date.now()): number | null {
  if (text === undefined) return null;
  const ms = /^\d+$/.test(text) ? 1000 * Number(text) : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
