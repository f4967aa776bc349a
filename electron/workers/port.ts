/** Inside a worker: the port to the studio, whichever host started the process. */

/** Shaped as oRPC's message-port adapter wants it. */
export interface WorkerPort {
  on(event: string, callback: (event?: { data: unknown }) => void): void;
  postMessage(data: unknown): void;
}

/** The part of Electron's `process.parentPort` that is used here; declared so that no worker imports electron. */
interface ParentPort {
  on(event: 'message', listener: (event: { data: unknown }) => void): void;
  postMessage(data: unknown): void;
}

/** The port to the process that started this worker. The worker ends when that process is gone. */
export function parentPort(): WorkerPort {
  const { parentPort: port } = process as { parentPort?: ParentPort };
  if (port) return utilityProcessPort(port);
  if (process.send) return childProcessPort();
  throw new Error('A worker is started by the studio, not by hand.');
}

/** Under Electron. The system ends a utility process with the main process, so nothing is to be watched. */
function utilityProcessPort(port: ParentPort): WorkerPort {
  return {
    on: (event, callback) => {
      if (event === 'message') port.on('message', ({ data }) => callback({ data }));
    },
    postMessage: data => port.postMessage(data),
  };
}

/** Under Node. */
function childProcessPort(): WorkerPort {
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches every process of the terminal; the studio decides when its workers end.
  process.on('SIGINT', () => {});
  return {
    on: (event, callback) => {
      if (event === 'message') process.on('message', data => callback({ data }));
      if (event === 'close') process.on('disconnect', () => callback());
    },
    postMessage: data => {
      if (process.connected) process.send?.(data, undefined, undefined, () => {});
    },
  };
}
