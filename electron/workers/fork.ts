/** Workers as child processes of Node: for the browser and the terminal host. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { SpawnWorker, WorkerProcess } from '../studio/workers.ts';

export const forkWorker: SpawnWorker = name => forkFile(join(import.meta.dirname, `${name}.ts`), name);

/** Starts a module as a worker. What it prints goes to standard error, each line under the worker's name. */
export function forkFile(file: string, name: string): WorkerProcess {
  const child = fork(file, [], {
    // Structured clones instead of JSON: the messages carry binary data.
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, TEMPERAMENT_WORKER: name },
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface(stream).on('line', line => process.stderr.write(`[${name}] ${line}\n`));
  }
  const closed = new Promise<void>(settle => {
    child.once('exit', () => settle());
    child.once('error', error => {
      process.stderr.write(`[${name}] ${error.message}\n`);
      // A process that never started has no exit to wait for.
      if (child.pid === undefined) settle();
    });
  });

  function on(event: 'message', callback: (event?: { data: unknown }) => void): void;
  function on(event: 'close', callback: () => void): void;
  function on(event: 'message' | 'close', callback: (event?: { data: unknown }) => void): void {
    if (event === 'message') child.on('message', data => callback({ data }));
    else void closed.then(() => callback());
  }
  return {
    pid: child.pid,
    postMessage: data => send(child, data),
    on,
    // Nothing in a worker needs saying goodbye: what it leaves behind, the studio cleans up after a crash anyway.
    kill: () => void child.kill('SIGKILL'),
  };
}

/** A message to a process that has just died is lost, as it is for any port; the close event tells. */
function send(child: ChildProcess, data: unknown): void {
  if (child.connected) child.send(data as NodeJS.ArrayBufferView, () => {});
}
