/** Workers as utility processes of Electron, each with a Node of its own. */
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { utilityProcess } from 'electron';
import type { SpawnWorker } from '../studio/workers.ts';

export const spawnUtilityWorker: SpawnWorker = name => {
  // The bundle keeps main.js and the workers side by side.
  const child = utilityProcess.fork(join(import.meta.dirname, `${name}.js`), [], {
    serviceName: `Temperament ${name}`,
    stdio: 'pipe',
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface(stream).on('line', line => process.stderr.write(`[${name}] ${line}\n`));
  }
  const closed = new Promise<void>(settle => child.once('exit', () => settle()));

  function on(event: 'message', callback: (event?: { data: unknown }) => void): void;
  function on(event: 'close', callback: () => void): void;
  function on(event: 'message' | 'close', callback: (event?: { data: unknown }) => void): void {
    if (event === 'message') child.on('message', data => callback({ data }));
    else void closed.then(() => callback());
  }
  return {
    get pid() {
      return child.pid;
    },
    postMessage: data => child.postMessage(data),
    on,
    kill: () => void child.kill(),
  };
};
