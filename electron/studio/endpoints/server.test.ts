/** What a server may do wrong, done by a small TCP server that a real one would never be. */
import { createServer, type Socket, type Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { StudioError, toStudioError } from '../errors.ts';
import { Gate, pauseOf, Server } from './server.ts';

const quick = { first: 300, between: 300, pause: 10, repeats: 2 };
const open: TcpServer[] = [];
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of open.splice(0)) server.close();
});

/** A server that answers the nth request as the nth of these do, the last one from then on. */
async function lying(...answers: ((socket: Socket) => void)[]) {
  const requests: string[] = [];
  const tcp = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    let read = '';
    socket.on('data', data => {
      read += data;
      const head = read.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(read)?.[1] ?? 0);
      if (head < 0 || read.length < head + 4 + length) return;
      requests.push(read);
      read = '';
      (answers[requests.length - 1] ?? answers.at(-1))?.(socket);
    });
  });
  open.push(tcp);
  await new Promise<void>(resolve => tcp.listen(0, '127.0.0.1', resolve));
  const { port } = tcp.address() as { port: number };
  return { server: new Server(`http://127.0.0.1:${port}/v1`, () => 'sk-secret', 2), requests };
}

const reply =
  (status: string, body: string, headers = '') =>
  (socket: Socket) =>
    socket.end(
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`,
    );
const stream = (...events: string[]) =>
  `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n${events.map(event => `data: ${event}\n\n`).join('')}`;

async function failure(work: Promise<unknown>) {
  try {
    await work;
  } catch (error) {
    expect(error).toBeInstanceOf(StudioError);
    return toStudioError(error).data;
  }
  throw new Error('It did not fail.');
}

async function all(server: Server, signal?: AbortSignal) {
  const events: string[] = [];
  for await (const event of server.events({ path: 'chat/completions', body: {}, patience: quick, signal }))
    events.push(event);
  return events;
}

describe('a server', () => {
  test('that hangs is given up', async () => {
    const { server } = await lying(() => {});
    const began = performance.now();
    const error = await failure(server.json({ path: 'models', patience: quick }));
    expect(error.message).toContain('said nothing for');
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test('that hangs in the middle of a stream is given up', async () => {
    const { server } = await lying(socket => socket.write(stream('one')));
    const seen: string[] = [];
    const error = await failure(
      (async () => {
        for await (const event of server.events({ path: 'chat/completions', body: {}, patience: quick }))
          seen.push(event);
      })(),
    );
    expect(seen).toEqual(['one']);
    expect(error.message).toContain('said nothing for');
  });

  test('that breaks off a stream is told of, with what was said before', async () => {
    const { server } = await lying(socket => {
      socket.write(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n',
      );
      setTimeout(() => socket.destroy(), 20);
    });
    const seen: string[] = [];
    const error = await failure(
      (async () => {
        for await (const event of server.events({ path: 'chat/completions', body: {}, patience: quick }))
          seen.push(event);
      })(),
    );
    expect(seen).toEqual(['one']);
    expect(error.message).toContain('broke off in the middle');
  });

  test('that promises more than it sends, or less, is not believed', async () => {
    const more = await lying(socket => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"data":'));
    expect((await failure(more.server.json({ path: 'models', patience: quick }))).message).toContain(
      'broke off',
    );
    // What breaks off may come whole the next time.
    expect(more.requests).toHaveLength(3);
    const less = await lying(socket => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{"data":[]}'));
    expect((await failure(less.server.json({ path: 'models', patience: quick }))).message).toContain(
      'not JSON',
    );
  });

  test('that never ends is cut off', async () => {
    const { server } = await lying(socket => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n');
      const megabyte = `100000\r\n${' '.repeat(2 ** 20)}\r\n`;
      const more = () => {
        while (!socket.destroyed && socket.write(megabyte));
        socket.once('drain', more);
      };
      more();
    });
    const error = await failure(server.json({ path: 'models', patience: { ...quick, between: 10_000 } }));
    expect(error.message).toContain('more than any answer');
  });

  test('that is busy is asked again, after the pause that it asks for', async () => {
    const { server, requests } = await lying(
      reply('429 Too Many Requests', '{"error":{"message":"slow down"}}', 'Retry-After: 1\r\n'),
      reply('503 Service Unavailable', 'Loading model'),
      reply('200 OK', '{"fine":true}'),
    );
    const began = performance.now();
    expect(await server.json({ path: 'models', patience: quick })).toEqual({ fine: true });
    expect(performance.now() - began).toBeGreaterThan(990);
    expect(requests).toHaveLength(3);
    const busy = await lying(reply('429 Too Many Requests', '{"error":{"message":"slow down"}}'));
    const error = await failure(busy.server.json({ path: 'models', patience: quick }));
    expect(error.message).toMatch(/busy \(status 429\) \(slow down\)/);
    expect(busy.requests).toHaveLength(3);
  });

  test('that loses track of a picture is asked again, another failure is told at once', async () => {
    const { server } = await lying(
      reply('500 Internal Server Error', '{"error":{"message":"got exception: Chunk not found"}}'),
      reply('200 OK', '{"fine":true}'),
    );
    expect(await server.json({ path: 'models', patience: quick })).toEqual({ fine: true });
    const failing = await lying(reply('500 Internal Server Error', '{"error":{"message":"out of memory"}}'));
    const error = await failure(failing.server.json({ path: 'models', patience: quick }));
    expect(error.message).toMatch(/failed \(status 500\) \(out of memory\)/);
    expect(failing.requests).toHaveLength(1);
  });

  test('that closes the connection before an answer is asked again, also for a stream', async () => {
    const { server, requests } = await lying(
      socket => socket.destroy(),
      socket => socket.end(stream('one', '[DONE]', 'after the end')),
    );
    expect(await all(server)).toEqual(['one']);
    expect(requests).toHaveLength(2);
  });

  test('that is not there is told of', async () => {
    const { server } = await lying();
    await new Promise(resolve => open.pop()?.close(resolve));
    const error = await failure(server.json({ path: 'models', patience: { ...quick, repeats: 0 } }));
    expect(error).toMatchObject({ code: 'io', message: expect.stringContaining('nothing listens there') });
  });

  test('that repeats the key is quoted without it, and gets none by another address', async () => {
    const wrong = await lying(reply('401 Unauthorized', '{"error":{"message":"Incorrect key: sk-secret"}}'));
    const error = await failure(wrong.server.json({ path: 'models', patience: quick }));
    expect(error).toMatchObject({ code: 'bad_input', field: 'key', message: expect.stringContaining('•••') });
    expect(JSON.stringify(error)).not.toContain('sk-secret');
    expect(wrong.requests[0]).toMatch(/authorization: bearer sk-secret/i);
    const other = await lying(reply('200 OK', '{}'));
    const leading = await lying(
      reply('307 Temporary Redirect', '', `Location: ${other.server.url}/models\r\n`),
    );
    const led = await failure(leading.server.json({ path: 'models', patience: quick }));
    expect(led.message).toContain('another address');
    expect(other.requests).toEqual([]);
  });

  test('is left when whoever asks has gone', async () => {
    const { server } = await lying(socket => socket.write(stream('one')));
    const abort = new AbortController();
    const asked = all(server, abort.signal);
    setTimeout(() => abort.abort(), 50);
    await expect(asked).rejects.toThrow(/abort/i);
  });

  test('gets no more requests at a time than its limit', async () => {
    let now = 0;
    let most = 0;
    const { server } = await lying(socket => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        reply('200 OK', '{}')(socket);
      }, 30);
    });
    await Promise.all(
      Array.from({ length: 7 }, () => server.json({ path: 'models', patience: { ...quick, first: 5000 } })),
    );
    expect(most).toBe(2);
  });
});

test('the gate forgets who does not wait any more', async () => {
  const gate = new Gate(1);
  const leave = await gate.enter();
  const abort = new AbortController();
  const impatient = gate.enter(abort.signal);
  const patient = gate.enter();
  abort.abort(new Error('gone'));
  await expect(impatient).rejects.toThrow('gone');
  leave();
  leave();
  (await patient)();
});

test('Retry-After is read in seconds and as a date', () => {
  expect(pauseOf('3')).toBe(3000);
  expect(pauseOf('Wed, 21 Oct 2026 07:28:05 GMT', Date.parse('2026-10-21T07:28:00Z'))).toBe(5000);
  expect(pauseOf('soon')).toBeUndefined();
  expect(pauseOf(null)).toBeUndefined();
});
