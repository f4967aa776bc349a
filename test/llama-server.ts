/** A real llama-server on loopback for tests, with the demonstration model and, if asked for, its vectors as adapters. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { resourcesFolder } from '../electron/host.ts';

/** Set by `npm test`, where it could be built. */
const { LLAMA_SERVER: program, LLAMA_LIBRARIES: libraries } = process.env;
export const hasLlamaServer = program !== undefined;

const demo = (...names: string[]) => join(resourcesFolder, 'demo', ...names);
export const DEMO_VECTORS = readdirSync(demo('vectors')).map(name => demo('vectors', name));

export interface RunningServer {
  /** `http://127.0.0.1:PORT/v1` */
  url: string;
  /** What it calls its model. */
  model: string;
  /** What a recipe names as its base. */
  base: string;
  close(): Promise<void>;
}

export interface ServerOptions {
  model?: string;
  adapters?: string[];
  /** Projector of pictures. */
  projector?: string;
  slots?: number;
  /** It refuses whoever has not this one. */
  key?: string;
}

export async function startLlamaServer({
  model = demo('base.gguf'),
  adapters = [],
  projector,
  slots = 4,
  key,
}: ServerOptions = {}): Promise<RunningServer> {
  if (!program || !libraries) throw new Error('LLAMA_SERVER is not set: run the tests by npm test.');
  const port = await freePort();
  const child = spawn(
    program,
    [
      ...['-m', model, '--alias', 'tiny', '--host', '127.0.0.1', '--port', `${port}`],
      ...['-c', `${1024 * slots}`, '-np', `${slots}`, '-t', '1', '--no-warmup'],
      ...(projector === undefined ? [] : ['--mmproj', projector]),
      ...(adapters.length > 0 ? ['--lora-init-without-apply'] : []),
      ...adapters.flatMap(path => ['--lora', path]),
      ...(key === undefined ? [] : ['--api-key', key]),
    ],
    {
      cwd: libraries,
      env: { ...process.env, LD_LIBRARY_PATH: libraries },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', text => {
      said = (said + text).slice(-4000);
    });
  const url = `http://127.0.0.1:${port}/v1`;
  for (let tries = 0; ; tries++) {
    if (child.exitCode !== null || tries > 600) throw new Error(`llama-server did not start.\n${said}`);
    const response = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (response?.ok) break;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  return {
    url,
    model: 'tiny',
    base: `${url}#tiny`,
    close: () =>
      new Promise(resolve => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
