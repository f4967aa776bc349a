/**
 * The browser host's HTTP server: the built page for those who hold the token, the contract over a WebSocket for the page and over
 * HTTP for scripts (docs/scripting.md), and files for the library.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { BodyLimitPlugin, RPCHandler as HttpHandler } from '@orpc/server/node';
import { RPCHandler } from '@orpc/server/ws';
import sirv from 'sirv';
import { WebSocketServer } from 'ws';
import { contentSecurityPolicy } from '../host.ts';
import { StudioError } from '../studio/errors.ts';
import type { Studio } from '../studio/studio.ts';
import { Access, isLoopback, makeToken } from './access.ts';
import { describeContract } from './describe.ts';

/** Taken when no port is asked for; another one when it is busy. */
const DEFAULT_PORT = 4747;
/** Longest message a page may send, in bytes: a long conversation, a persona with a picture. */
const MAX_MESSAGE = 16 * 1024 * 1024;

/** A file that is being sent may pause so long. */
const STANDS_STILL_MS = 60_000;

const DENIED = {
  401: 'Please open the address that the terminal printed when Temperament started: it holds the key to this studio.',
  403: 'This address is not one that Temperament serves. Use the address that the terminal printed.',
  404: 'There is no such page.',
  405: 'Only GET and HEAD are answered here.',
  410: 'No file of this name is awaited any more.',
  503: 'Temperament is starting. Load this page again in a moment.',
} as const;
type Denial = keyof typeof DENIED;

export interface WebServerOptions {
  /** Port to listen on. Default: 4747, or a free one when that is busy; a port given here is insisted on. */
  port?: number;
  /** Address to listen on. Default: 127.0.0.1. */
  host?: string;
  /** Folder with the built page. */
  renderer: string;
}

export interface WebServer {
  /** The address that opens the studio, token included. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** From here on the studio answers; before, callers are told to wait. */
  connect(router: Studio['router'], receive?: Studio['receive']): void;
  close(): Promise<void>;
}

/** Starts to listen. Throws a StudioError when the port or the address cannot be had. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const host = options.host ?? '127.0.0.1';
  const server = createServer();
  const port = await listen(server, host, options.port);
  const access = new Access(makeToken(), host, port);
  const files = sirv(options.renderer, {
    etag: true,
    onNoMatch: (_request, response) => deny(response, 404),
  });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE });
  // A model takes longer to send than Node allows a request by itself; one that stands still ends all the same.
  server.requestTimeout = 0;
  let handler: RPCHandler<Record<never, never>> | undefined;
  let calls: HttpHandler<Record<never, never>> | undefined;
  let receive: Studio['receive'] | undefined;

  server.on('request', (request, response) => {
    setSecurityHeaders(request, response);
    if (!access.isOurHost(request)) return deny(response, 403);
    if (request.method === 'PUT') return void take(request, response);
    if (/^\/rpc(\/|$)/.test(request.url ?? '')) return void call(request, response);
    if (request.method !== 'GET' && request.method !== 'HEAD') return deny(response, 405);
    const url = URL.parse(request.url ?? '', 'http://studio');
    if (!url) return deny(response, 404);
    const token = url.searchParams.get('token');
    if (token !== null && access.isToken(token)) {
      url.searchParams.delete('token');
      response.writeHead(303, { 'set-cookie': access.cookieHeader(), location: `/${url.search}` });
      return response.end();
    }
    if (!access.hasCookie(request)) return deny(response, 401);
    if (!handler) return deny(response, 503);
    files(request, response);
  });

  /** A script's call of the contract by POST, or its question by GET what there is to call. */
  async function call(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!access.hasBearer(request)) return deny(response, 401);
    if (request.method === 'GET' && request.url === '/rpc') {
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
      return void response.end(JSON.stringify(describeContract(), null, 1));
    }
    if (request.method !== 'POST') return deny(response, 405);
    if (!calls) return deny(response, 503);
    const { matched } = await calls.handle(request, response, { prefix: '/rpc', context: {} });
    if (!matched) deny(response, 404);
  }

  /** A file for the library, announced by `library.import`: its run's id is in the path. */
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const run = /^\/upload\/([\w-]{1,64})$/.exec(request.url ?? '')?.[1];
    if (run === undefined) return deny(response, 405);
    if (!access.hasBearer(request)) {
      if (!access.isOurOrigin(request)) return deny(response, 403);
      if (!access.hasCookie(request)) return deny(response, 401);
    }
    request.setTimeout(STANDS_STILL_MS, () => request.destroy());
    const over = receive?.(run, request);
    if (!over) return deny(response, 410);
    await over;
    // What was refused half-way is not read to its end.
    response.writeHead(204, request.complete ? {} : { connection: 'close' });
    response.end(() => request.complete || request.destroy());
  }

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (!access.isOurHost(request) || !access.isOurOrigin(request)) return refuse(socket, 403, 'Forbidden');
    if (!access.hasCookie(request)) return refuse(socket, 401, 'Unauthorized');
    if (URL.parse(request.url ?? '', 'http://studio')?.pathname !== '/rpc')
      return refuse(socket, 404, 'Not Found');
    const ready = handler;
    if (!ready) return refuse(socket, 503, 'Service Unavailable');
    sockets.handleUpgrade(request, socket, head, client => {
      // The close event that follows is what ends the client's calls.
      client.on('error', () => {});
      void ready.upgrade(client, { context: {} });
    });
  });

  return {
    url: access.url(host, port),
    host,
    port,
    connect: (router, receiver) => {
      receive = receiver;
      handler = new RPCHandler(router);
      calls = new HttpHandler(router, { plugins: [new BodyLimitPlugin({ maxBodySize: MAX_MESSAGE })] });
    },
    close: () =>
      new Promise(resolve => {
        for (const client of sockets.clients) client.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, host: string, wanted: number | undefined): Promise<number> {
  try {
    return await tryToListen(server, host, wanted ?? DEFAULT_PORT);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' && wanted === undefined) return tryToListen(server, host, 0);
    if (code === 'EADDRINUSE')
      throw new StudioError('busy', `Port ${wanted} on ${host} is in use by another program.`, {
        field: 'port',
        action: 'Name another one with --port N, or leave the option out to get a free one.',
      });
    if (code === 'EACCES')
      throw new StudioError('io', `Port ${wanted} may not be used by this account.`, {
        field: 'port',
        action: 'Name a port above 1023 with --port N.',
      });
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
      throw new StudioError('bad_input', `${host} is not an address of this machine.`, {
        field: 'host',
        action: 'Leave --host out to serve this machine alone, or name one of its addresses.',
      });
    throw error;
  }
}

function tryToListen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function setSecurityHeaders({ headers }: IncomingMessage, response: ServerResponse): void {
  // Named because not every browser takes 'self' to include WebSockets; anything but a plain host is left out.
  const socket = /^[\w.:[\]-]+$/.test(headers.host ?? '') ? [`ws://${headers.host}`] : [];
  response.setHeader('content-security-policy', contentSecurityPolicy(...socket));
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('x-frame-options', 'DENY');
  response.setHeader('referrer-policy', 'no-referrer');
  response.setHeader('cross-origin-opener-policy', 'same-origin');
  response.setHeader('cross-origin-resource-policy', 'same-origin');
  response.setHeader('permissions-policy', 'camera=(), microphone=(), geolocation=(), usb=(), serial=()');
  response.setHeader('cache-control', 'no-cache');
}

function deny(response: ServerResponse, status: Denial): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    ...(status === 405 && { allow: 'GET, HEAD' }),
    ...(status === 503 && { 'retry-after': '1' }),
  });
  response.end(
    `<!doctype html><html lang="en"><title>Temperament</title><h1>Temperament</h1><p>${DENIED[status]}</p></html>\n`,
  );
}

function refuse(socket: Duplex, status: Denial, reason: string): void {
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

/** What a person should know before others can reach the studio. */
export function exposureWarning(host: string): string | undefined {
  if (isLoopback(host)) return undefined;
  return (
    `Warning: the studio can be reached from other machines through ${host}. Whoever has its address with the token ` +
    'can read and write model files here, and the connection is not encrypted. Use an SSH tunnel where you can.'
  );
}
