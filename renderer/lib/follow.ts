/** Follows a started run to its end, across lost connections: the run goes on in the studio meanwhile. */
import type { Progress, Run } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { isConnectionLoss } from './errors.ts';

export async function followRun(
  connection: Connection,
  id: string,
  onProgress: (progress: Progress) => void,
): Promise<Run> {
  for (;;) {
    try {
      for await (const event of await connection.client.runs.watch({ id })) {
        if (event.type === 'end') return event.run;
        onProgress(event.progress);
      }
      return await connection.client.runs.get({ id });
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
      await reconnected(connection);
    }
  }
}

/** Milliseconds before a call is made again over a connection that is open. */
const PAUSE = 1000;

/** Resolves when the connection is open; never when it has closed for good. */
export function reconnected(connection: Connection): Promise<void> {
  if (connection.state === 'open') return new Promise(resolve => setTimeout(resolve, PAUSE));
  return new Promise(resolve => {
    const stop = connection.onState(state => {
      if (state !== 'open') return;
      stop();
      resolve();
    });
  });
}
