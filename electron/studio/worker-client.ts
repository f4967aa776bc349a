/** A worker as the studio uses it: started when needed, started again after it died, its calls never left hanging. */

import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { ContractRouterClient } from '@orpc/contract';
import type { inferenceContract, mergingContract } from '../workers/contract.ts';
import { StudioError, toStudioError } from './errors.ts';
import type { SpawnWorker, WorkerName, WorkerProcess } from './workers.ts';

interface Clients {
  inference: ContractRouterClient<typeof inferenceContract>;
  merging: ContractRouterClient<typeof mergingContract>;
}

interface Running<N extends WorkerName> {
  process: WorkerProcess;
  client: Clients[N];
  /** Rejects when the process ends. */
  lost: Promise<never>;
  /** Resolves when it has been told what comes before all work. */
  ready: Promise<unknown>;
}

const WORK: Record<WorkerName, string> = {
  inference: 'running the models',
  merging: 'reading and writing model files',
};

export class WorkerClient<N extends WorkerName> {
  readonly #name: N;
  readonly #spawn: SpawnWorker;
  readonly #prepare: (client: Clients[N]) => Promise<unknown>;
  #running: Running<N> | undefined;
  #closed = false;

  /** @param prepare tells a worker that has just started what holds for all its work */
  constructor(name: N, spawn: SpawnWorker, prepare: (client: Clients[N]) => Promise<unknown>) {
    this.#name = name;
    this.#spawn = spawn;
    this.#prepare = prepare;
  }

  /** Process id of the worker, when one runs. */
  get pid(): number | undefined {
    return this.#running?.process.pid;
  }

  /** One call. Throws a StudioError; `worker_lost` when the process ended before it answered. */
  async call<T>(request: (client: Clients[N]) => Promise<T>): Promise<T> {
    const { client, lost, ready } = this.#start();
    try {
      await Promise.race([ready, lost]);
      return await Promise.race([request(client), lost]);
    } catch (error) {
      throw toStudioError(error);
    }
  }

  /** One streaming call, its events in order; aborting the signal given to the request ends it with `cancelled`. */
  async *stream<T>(request: (client: Clients[N]) => Promise<AsyncIterable<T>>): AsyncGenerator<T> {
    const { client, lost, ready } = this.#start();
    try {
      await Promise.race([ready, lost]);
      const events = (await Promise.race([request(client), lost]))[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await Promise.race([events.next(), lost]);
          if (next.done) return;
          yield next.value;
        }
      } finally {
        void events.return?.()?.catch(() => {});
      }
    } catch (error) {
      throw toStudioError(error);
    }
  }

  /** Tells a worker that runs already what has changed; one that does not is told when it starts. */
  async prepare(): Promise<void> {
    if (this.#running) await this.call(client => this.#prepare(client));
  }

  close(): void {
    this.#closed = true;
    this.#running?.process.kill();
  }

  #start(): Running<N> {
    if (this.#closed) throw new StudioError('cancelled', 'The studio is closing.');
    if (this.#running) return this.#running;
    const process = this.#spawn(this.#name);
    const lost = new Promise<never>((_resolve, reject) => {
      process.on('close', () => {
        if (this.#running?.process === process) this.#running = undefined;
        reject(
          new StudioError('worker_lost', `The process ${WORK[this.#name]} has ended unexpectedly.`, {
            action:
              'It starts again by itself: repeat what you did. If it ends each time, a file may be damaged or memory short.',
          }),
        );
      });
    });
    lost.catch(() => {});
    const client = createORPCClient<Clients[N]>(new RPCLink({ port: process }));
    const ready = this.#prepare(client);
    ready.catch(() => {});
    this.#running = { process, client, lost, ready };
    return this.#running;
  }
}
