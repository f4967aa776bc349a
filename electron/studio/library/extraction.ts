/** Extraction of a personality vector: tuned − base, stamped with what it is and where it comes from. */
import { dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import type { ExtractResult, extractInput, Model } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { makeFolder } from '../folders.ts';
import type { Task } from '../log/runs.ts';
import type { WorkerClient } from '../worker-client.ts';
import { ggufOf, mayWrite, tunedOf, withFolders } from './conversion.ts';
import type { Library } from './library.ts';
import { VECTOR_KEYS, VECTOR_VERSION } from './library.ts';

export async function extract(
  input: z.output<typeof extractInput>,
  library: Library,
  merging: WorkerClient<'merging'>,
  scratch: string,
  task: Task,
): Promise<ExtractResult> {
  if (input.out !== undefined) await mayWrite(resolve(input.out), input.overwrite);
  return withFolders(scratch, async at => {
    const base = await library.model(await ggufOf(input.base, library, merging, at, task));
    task.used({ [base.path.startsWith(scratch) ? resolve(input.base) : base.path]: base.content });
    const tuned = await tunedOf(input.tuned, base.path, library, merging, at, task);
    return { ...(await fromFiles(base, tuned.path, input, at, library, merging, task)), notes: tuned.notes };
  });
}

async function fromFiles(
  base: Model,
  tunedPath: string,
  { trait, pole, type, rank, energy, note, overwrite, ...input }: z.output<typeof extractInput>,
  at: (name: string) => string,
  library: Library,
  merging: WorkerClient<'merging'>,
  task: Task,
): Promise<Omit<ExtractResult, 'notes'>> {
  const out = resolve(input.out ?? join(library.vectorFolder, `${base.id}-${trait}-${pole}.gguf`));
  if (out === base.path || out === tunedPath)
    throw new StudioError('bad_input', `The file ${out} is an input and cannot be the result.`, {
      file: out,
      field: 'out',
    });
  await mayWrite(out, overwrite);
  makeFolder(dirname(out));

  const header = await merging.call(worker => worker.read({ path: tunedPath }, { signal: task.signal }));
  const adapter = header.metadata['general.type'] === 'adapter';
  const factor = rank !== undefined || energy !== undefined;
  if (factor && adapter)
    throw new StudioError('bad_input', `${tunedPath} is an adapter, whose factors are taken as they are.`, {
      file: tunedPath,
      field: rank !== undefined ? 'rank' : 'energy',
      action: 'Leave rank and energy out.',
    });
  const metadata = {
    [VECTOR_KEYS.version]: VECTOR_VERSION,
    [VECTOR_KEYS.trait]: trait,
    [VECTOR_KEYS.pole]: pole,
    [VECTOR_KEYS.backbone]: base.backbone,
    [VECTOR_KEYS.baseContent]: base.content,
    [VECTOR_KEYS.baseName]: base.label,
    [VECTOR_KEYS.method]: String(header.metadata[VECTOR_KEYS.method] ?? (adapter ? 'adapter' : 'difference')),
    [VECTOR_KEYS.date]: new Date().toISOString(),
    [VECTOR_KEYS.note]: note || String(header.metadata[VECTOR_KEYS.note] ?? ''),
  };
  const dense = factor ? at('difference.gguf') : out;
  const result = await followed(
    task,
    merging.stream(worker =>
      worker.extract(
        { base: base.path, tuned: tunedPath, out: dense, type: factor ? 'f32' : type, metadata },
        { signal: task.signal },
      ),
    ),
  );
  const factored = factor
    ? await followed(
        task,
        merging.stream(worker =>
          worker.factorize({ vector: dense, out, type, rank, energy }, { signal: task.signal }),
        ),
      )
    : null;
  const facts = await library.facts(out, task.signal);
  if (facts.what !== 'vector')
    throw new StudioError('internal', `${out} was not written as a vector.`, { file: out });
  task.used({ [out]: facts.content });
  return { ...result, factored, path: out, bytes: facts.bytes, form: facts.form };
}

/** Passes a job's progress on to the task and returns the job's result. */
async function followed<R>(
  task: Task,
  events: AsyncIterable<
    | { type: 'progress'; done: number; total: number; unit: string; message: string }
    | { type: 'done'; result: R }
  >,
): Promise<R> {
  for await (const event of events) {
    if (event.type === 'done') return event.result;
    task.progress(event.done, event.total, event.unit, event.message);
  }
  throw new StudioError('internal', 'The merging worker ended the extraction without a result.');
}
