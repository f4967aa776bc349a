/** A real studio for tests: its own data folder, real workers, the demo family. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRouterClient } from '@orpc/server';
import { resourcesFolder } from '../../electron/host.ts';
import type { ChatResult, PersonaInput, Run, RunKind, Weights } from '../../electron/studio/contract.ts';
import { createStudio, type StudioOptions } from '../../electron/studio/studio.ts';
import type { WorkerName, WorkerProcess } from '../../electron/studio/workers.ts';
import { forkWorker } from '../../electron/workers/fork.ts';

export type TestStudio = Awaited<ReturnType<typeof openStudio>>;

export async function openStudio(
  home = mkdtempSync(join(tmpdir(), 'temperament-')),
  more: Pick<StudioOptions, 'http'> = {},
) {
  const workers: Partial<Record<WorkerName, WorkerProcess>> = {};
  const studio = await createStudio({
    home,
    resources: resourcesFolder,
    host: 'browser',
    ...more,
    spawnWorker: name => {
      const worker = forkWorker(name);
      workers[name] = worker;
      return worker;
    },
  });
  const client = createRouterClient(studio.router);
  return {
    home,
    client,
    router: studio.router,
    receive: studio.receive,
    /** The worker processes that run now, by name. */
    workers,
    close: () => studio.close(),
    async remove() {
      await studio.close();
      rmSync(home, { recursive: true, force: true });
    },
    /** Follows a run to its end. */
    async end<K extends RunKind>(
      kind: K,
      starting: Promise<{ run: string }>,
    ): Promise<Extract<Run, { kind: K }>> {
      const { run: id } = await starting;
      for await (const event of await client.runs.watch({ id }))
        if (event.type === 'end' && event.run.kind === kind) return event.run as Extract<Run, { kind: K }>;
      throw new Error(`no end of ${kind}`);
    },
    /** Answer to one question. */
    async ask(text: string, persona: PersonaInput): Promise<ChatResult> {
      for await (const event of await client.chat.send({ persona, messages: [{ role: 'user', text }] }))
        if (event.type === 'done') return event.result;
      throw new Error('no answer');
    },
  };
}

export function persona(weights: Weights = {}, more: Partial<PersonaInput> = {}): PersonaInput {
  return { recipe: { version: 1, base: 'demo', weights }, ...more };
}

/** The data of the studio error that a promise ends with. */
export async function studioError(
  work: Promise<unknown>,
): Promise<{ code: string; message: string; file?: string; field?: string; action?: string }> {
  try {
    await work;
  } catch (error) {
    const data = (error as { data?: { code: string; message: string } }).data;
    if (data) return data;
    throw error;
  }
  throw new Error('It did not fail.');
}
