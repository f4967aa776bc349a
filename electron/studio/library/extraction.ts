/** Extraction of a personality vector: tuned − base, stamped with what it is and where it comes from. */
import { access } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import type { ExtractResult, extractInput } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { makeFolder } from '../folders.ts';
import type { Task } from '../log/runs.ts';
import type { WorkerClient } from '../worker-client.ts';
import type { Library } from './library.ts';
import { VECTOR_KEYS, VECTOR_VERSION } from './library.ts';

export async function extract(
  { base: baseName, tuned, trait, pole, type, note, overwrite, ...input }: z.output<typeof extractInput>,
  library: Library,
  merging: WorkerClient<'merging'>,
  task: Task,
): Promise<ExtractResult> {
  const base = await library.model(baseName);
  const tunedPath = (await library.list()).models.find(model => model.id === tuned)?.path ?? resolve(tuned);
  const out = resolve(input.out ?? join(library.vectorFolder, `${base.id}-${trait}-${pole}.gguf`));
  if (out === base.path || out === tunedPath)
    throw new StudioError('bad_input', `The file ${out} is an input and cannot be the result.`, {
      file: out,
      field: 'out',
    });
  if (
    !overwrite &&
    (await access(out).then(
      () => true,
      () => false,
    ))
  )
    throw new StudioError('bad_input', `The file ${out} exists already.`, {
      file: out,
      field: 'out',
      action: 'Name another file, or allow overwriting.',
    });
  makeFolder(dirname(out));
  task.used({ [base.path]: base.content });

  const header = await merging.call(worker => worker.read({ path: tunedPath }, { signal: task.signal }));
  const adapter = header.metadata['general.type'] === 'adapter';
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
  const events = merging.stream(worker =>
    worker.extract({ base: base.path, tuned: tunedPath, out, type, metadata }, { signal: task.signal }),
  );
  for await (const event of events) {
    if (event.type === 'progress') {
      task.progress(event.done, event.total, event.unit, event.message);
      continue;
    }
    const facts = await library.facts(out, task.signal);
    if (facts.what !== 'vector')
      throw new StudioError('internal', `${out} was not written as a vector.`, { file: out });
    task.used({ [out]: facts.content });
    return { ...event.result, path: out, bytes: facts.bytes, form: facts.form };
  }
  throw new StudioError('internal', 'The merging worker ended the extraction without a result.');
}
