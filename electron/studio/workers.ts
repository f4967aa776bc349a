/** What the studio needs of a worker process, whichever host provides it. */

export type WorkerName = 'inference' | 'merging';

/** A worker in a process of its own: a message port that can be killed. Shaped so that oRPC's message-port adapter takes it. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  postMessage(data: unknown): void;
  on(event: 'message', callback: (event?: { data: unknown }) => void): void;
  /** The process ended, for whatever reason; called once. */
  on(event: 'close', callback: () => void): void;
  kill(): void;
}

/** Starts the worker of that name; a host supplies it (utilityProcess under Electron, a child process under Node). */
export type SpawnWorker = (name: WorkerName) => WorkerProcess;
