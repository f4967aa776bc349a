/** A real web server on the loopback that serves files as Hugging Face and its store do, and fails as told. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

interface Seen {
  path: string;
  range: string | undefined;
  authorization: string | undefined;
}

export const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

export async function startServer(handler: Handler) {
  const sockets = new Set<Socket>();
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const { range, authorization } = request.headers;
    seen.push({ path: request.url ?? '', range, authorization });
    handler(request, response);
  });
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    url: `http://127.0.0.1:${port}`,
    port,
    /** What was asked for, in order. */
    seen,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

export interface Failing {
  /** Closes the connection after that many bytes of the answer's body. */
  dropAfter?: number;
  /** Sends no byte more after that many, and keeps the connection. */
  hangAfter?: number;
  /** Ends after that many bytes as if that were all. */
  endAfter?: number;
  /** Sends that much beyond the end. */
  extra?: number;
  /** Sends the whole file whatever is asked for. */
  ignoreRange?: boolean;
  /** Claims this length of the whole. */
  claim?: number;
  status?: number;
  headers?: Record<string, string>;
}

/** Files with ranges and ETags; `failing` is taken from the front, one for each request of a file. */
export class Store {
  readonly files = new Map<string, Buffer>();
  /** `null`: no ETag and no date. */
  etag: ((content: Buffer) => string) | null = content => `"${sha256(content).slice(0, 16)}"`;
  failing: (Failing | null)[] = [];

  handle(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url ?? '', 'http://store').pathname);
    const content = this.files.get(path);
    if (!content) return void response.writeHead(404).end('Not Found');
    const failing = this.failing.shift() ?? {};
    if (failing.status) return void response.writeHead(failing.status, failing.headers).end('no');
    const etag = this.etag?.(content);
    const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const valid = !request.headers['if-range'] || request.headers['if-range'] === etag;
    const ranged = asked && valid && !failing.ignoreRange;
    const from = ranged ? Number(asked[1]) : 0;
    const to = ranged && asked[2] ? Number(asked[2]) + 1 : content.length;
    const total = failing.claim ?? content.length;
    if (ranged && from >= content.length)
      return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    const length = Math.min(to, total) - from;
    response.writeHead(ranged ? 206 : 200, {
      'content-length': length,
      ...(ranged && { 'content-range': `bytes ${from}-${to - 1}/${total}` }),
      ...(etag && { etag }),
      ...failing.headers,
    });
    const body = Buffer.concat([content.subarray(from, to), Buffer.alloc(failing.extra ?? 0, 1)]);
    const cut = failing.dropAfter ?? failing.hangAfter ?? failing.endAfter;
    if (cut === undefined) return void response.end(body);
    response.write(body.subarray(0, cut), () => {
      // What fetch holds unread is lost with the connection: time enough to read it on a busy machine.
      if (failing.hangAfter === undefined) setTimeout(() => response.socket?.destroy(), 500);
    });
  }
}

/**
 * A hub with one repository, whose files lie in a store on another port, as Hugging Face’s do.
 *
 * @param token what a request must carry; undefined: anybody may
 */
export class Hub {
  readonly store = new Store();
  token: string | undefined;
  refusal: 401 | 403 = 401;
  /** Files of a page of the list. */
  pageSize = 1000;
  lists = true;
  /** In place of what the list says of a file. */
  readonly told = new Map<string, { size?: number; oid?: string }>();
  storeUrl = '';
  readonly repository: string;

  constructor(repository: string) {
    this.repository = repository;
  }

  add(path: string, content: Buffer): void {
    this.store.files.set(`/${path}`, content);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', 'http://hub');
    if (this.token && request.headers.authorization !== `Bearer ${this.token}`)
      return void response.writeHead(this.refusal).end('Access denied');
    const tree = `/api/models/${this.repository}/tree/main`;
    const files = `/${this.repository}/resolve/main/`;
    if (url.pathname === tree && this.lists) {
      const all = [...this.store.files].map(([path, content]) => {
        const { size = content.length, oid = sha256(content) } = this.told.get(path.slice(1)) ?? {};
        const lfs = path.endsWith('.gguf') ? { lfs: { oid, size, pointerSize: 134 } } : {};
        return { type: 'file', oid: 'f00', size, path: path.slice(1), ...lfs };
      });
      const from = Number(url.searchParams.get('cursor') ?? 0);
      const more = from + this.pageSize < all.length;
      const next = `<https://elsewhere.example${tree}?recursive=true&cursor=${from + this.pageSize}>; rel="next"`;
      response.writeHead(200, { 'content-type': 'application/json', ...(more && { link: next }) });
      return void response.end(JSON.stringify(all.slice(from, from + this.pageSize)));
    }
    const path = decodeURIComponent(url.pathname.slice(files.length));
    const content = this.store.files.get(`/${path}`);
    if (!url.pathname.startsWith(files) || !content) return void response.writeHead(404).end('Not Found');
    response
      .writeHead(302, {
        location: `${this.storeUrl}/${path}?signed=yes`,
        'x-linked-etag': `"${sha256(content)}"`,
        'x-linked-size': `${content.length}`,
      })
      .end();
  }
}

/** A proxy: plain requests by whole addresses, and tunnels. */
export async function startProxy() {
  const tunnels: string[] = [];
  const proxy = await startServer((request, response) => {
    const target = new URL(request.url ?? '');
    const { host, port, pathname, search } = target;
    const onward = send(
      { host: target.hostname, port, path: pathname + search, headers: { ...request.headers, host } },
      answer => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.end();
  });
  proxy.server.on('connect', (request, client: Socket) => {
    tunnels.push(request.url ?? '');
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const server = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      server.pipe(client);
      client.pipe(server);
    });
    for (const [one, other] of [
      [server, client],
      [client, server],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  return { ...proxy, tunnels };
}
