/** A studio for scripts that measure: the demonstration family, a data folder that goes with it, and no page. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRouterClient } from '@orpc/server';
import { resourcesFolder } from '../../electron/host.ts';
import { createStudio } from '../../electron/studio/studio.ts';
import { forkWorker } from '../../electron/workers/fork.ts';

export const home = mkdtempSync(join(tmpdir(), 'temperament-measuring-'));
const studio = await createStudio({
  home,
  resources: resourcesFolder,
  host: 'terminal',
  spawnWorker: forkWorker,
});

export const client = createRouterClient(studio.router);

/** The result of a run that has been started; throws the run's error where it fails. */
export async function end<R>(starting: Promise<{ run: string }>): Promise<R> {
  const { run: id } = await starting;
  for await (const event of await client.runs.watch({ id })) {
    if (event.type !== 'end') continue;
    if (event.run.state !== 'done') throw new Error(event.run.error?.message ?? event.run.state);
    return event.run.result as R;
  }
  throw new Error('The run has no end.');
}

export async function close(): Promise<void> {
  await studio.close();
  rmSync(home, { recursive: true, force: true });
}
