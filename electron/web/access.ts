/** Who may talk to the browser host: checks of the Host and Origin headers and of the token of this start. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { hostname, networkInterfaces } from 'node:os';

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];
const ANY_ADDRESS = ['0.0.0.0', '::'];

/** A token nobody guesses; `TEMPERAMENT_TOKEN` fixes it, for tests and for labs that keep a bookmark. */
export const makeToken = (): string => process.env.TEMPERAMENT_TOKEN || randomBytes(24).toString('base64url');

/** As a URL and a Host header write it: an IPv6 address in brackets. */
export const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** Addresses that only programs on this machine can reach. */
export const isLoopback = (host: string): boolean => LOOPBACK.includes(urlHost(host));

/** Names under which this studio may be addressed; any other in a Host header is a rebinding attack, or a proxy. */
export function allowedNames(host: string): string[] {
  const own = ANY_ADDRESS.includes(host)
    ? [
        hostname(),
        ...Object.values(networkInterfaces()).flatMap(list => list?.map(entry => entry.address) ?? []),
      ]
    : [host];
  return [...LOOPBACK, ...own.map(name => urlHost(name).toLowerCase())];
}

const digest = (text: string) => createHash('sha256').update(text).digest();

export class Access {
  /** As URLs and cookies write it. */
  readonly #token: string;
  readonly #names: string[];
  readonly #cookie: string;

  /** @param port names the cookie, because browsers share cookies between the ports of a host */
  constructor(token: string, host: string, port: number) {
    this.#token = encodeURIComponent(token);
    this.#names = allowedNames(host);
    this.#cookie = `temperament-${port}`;
  }

  /** The address that opens the studio. */
  url(host: string, port: number): string {
    const name = ANY_ADDRESS.includes(host) ? hostname() : urlHost(host);
    return `http://${name}:${port}/?token=${this.#token}`;
  }

  /** The Host header names this machine. Its port may be another: the near end of an SSH tunnel. */
  isOurHost({ headers }: IncomingMessage): boolean {
    const match = /^([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.exec(headers.host ?? '');
    return match?.[1] !== undefined && this.#names.includes(match[1].toLowerCase());
  }

  /** The request comes from a page of ours. Browsers always say where a WebSocket was opened. */
  isOurOrigin({ headers }: IncomingMessage): boolean {
    return headers.origin === `http://${headers.host}`;
  }

  hasCookie({ headers }: IncomingMessage): boolean {
    const pairs = (headers.cookie ?? '').split(';').map(pair => pair.trim().split('='));
    return pairs.some(
      ([name, value]) => name === this.#cookie && value !== undefined && this.#matches(value),
    );
  }

  /** A script's way to say the token: `Authorization: Bearer …`, which no other site's page can have a browser send. */
  hasBearer({ headers }: IncomingMessage): boolean {
    const candidate = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    return candidate !== undefined && this.isToken(candidate);
  }

  isToken(candidate: string): boolean {
    return this.#matches(encodeURIComponent(candidate));
  }

  cookieHeader(): string {
    return `${this.#cookie}=${this.#token}; Path=/; HttpOnly; SameSite=Strict`;
  }

  #matches(encoded: string): boolean {
    return timingSafeEqual(digest(encoded), digest(this.#token));
  }
}
