/** Between Hugging Face folders and GGUF files: a checkpoint into a source model, a PEFT adapter into llama.cpp's format, a vector back. */
import { rmSync } from 'node:fs';
import { access, mkdtemp, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import { savedModules } from '../checkpoints/adapter.ts';
import { modelNameOf } from '../checkpoints/files.ts';
import type { ConvertResult, convertInput, Recipe } from '../contract.ts';
import { liveObstacle } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { makeFolder } from '../folders.ts';
import type { Task } from '../log/runs.ts';
import type { Mixing } from '../mixing/mixing.ts';
import type { WorkerClient } from '../worker-client.ts';
import type { Library } from './library.ts';

type Merging = WorkerClient<'merging'>;
type Plan = z.output<typeof convertInput>;

/** What a vector is written as. */
const EXPORTED = ['adapter_model.safetensors', 'adapter_config.json', 'model.safetensors'];

export async function convert(
  { source, base, out: asked, name, type, overwrite, recipe }: Plan,
  library: Library,
  mixing: Mixing,
  merging: Merging,
  scratch: string,
  task: Task,
): Promise<ConvertResult> {
  if (recipe) return exportMix(recipe, asked, overwrite, mixing, merging, task);
  const folder = resolve(source);
  if (!(await isFolder(folder))) return exportVector(source, asked, overwrite, library, merging, task);
  const adapter = await isAdapter(folder);
  if (adapter && (base === undefined || asked === undefined))
    throw new StudioError(
      'bad_input',
      `${folder} is an adapter: its base and the file to write are needed.`,
      {
        file: folder,
        field: base === undefined ? 'base' : 'out',
        action: 'Give both, or make a personality vector of it with “extract”.',
      },
    );
  const called = name ?? modelNameOf(folder);
  const out = resolve(asked ?? join(library.modelFolder, `${fileNameOf(called)}.gguf`));
  await mayWrite(out, overwrite);
  makeFolder(dirname(out));
  return withFolders(scratch, async at => {
    const found = adapter
      ? await writeAdapter(merging, task, {
          folder,
          base: (await library.model(await ggufOf(base as string, library, merging, at, task))).path,
          out,
          saved: 'refuse',
        })
      : await writeModel(merging, task, { folder, out, type, name: called });
    if (adapter) return { ...found, path: out, content: null };
    const facts = await library.facts(out, task.signal);
    task.used({ [out]: facts.content });
    return { ...found, path: out, content: facts.content };
  });
}

async function exportVector(
  source: string,
  out: string | undefined,
  overwrite: boolean,
  library: Library,
  merging: Merging,
  task: Task,
): Promise<ConvertResult> {
  const path = resolve(source);
  const { models, vectors } = await library.list();
  const vector = vectors.find(known => known.id === source || known.path === path);
  if (!vector)
    throw new StudioError('not_found', `There is no folder ${path}, and no vector of that name.`, {
      file: path,
      field: 'source',
      action:
        'Name the folder that holds config.json and the .safetensors files, or a vector of the library.',
    });
  if (out === undefined)
    throw new StudioError('bad_input', `${vector.id} is a vector: the folder to write is needed.`, {
      field: 'out',
      action: 'Name a folder; it gets the files of an adapter, or of a dense vector the differences.',
    });
  const folder = resolve(out);
  for (const name of EXPORTED) await mayWrite(join(folder, name), overwrite);
  makeFolder(folder);
  const base = models.find(({ content }) => content === vector.baseContent)?.path ?? null;
  const found = await finished(
    merging.stream(worker =>
      worker.exportVector({ path: vector.path, base, folder }, { signal: task.signal }),
    ),
    task,
  ).catch(error => {
    // The worker removes what it began, unless it was killed.
    removeUnfinished(folder);
    throw error;
  });
  task.used({ [vector.path]: vector.content });
  return { ...found, path: folder, content: null };
}

/** What a live mix is made of, as one adapter for servers that load PEFT's. */
async function exportMix(
  recipe: Recipe,
  out: string | undefined,
  overwrite: boolean,
  mixing: Mixing,
  merging: Merging,
  task: Task,
): Promise<ConvertResult> {
  const obstacle = liveObstacle(recipe);
  if (obstacle)
    throw new StudioError('bad_input', `${obstacle} cannot be written as an adapter.`, {
      field: 'recipe',
      action: 'Bake the mix into a file, and serve that.',
    });
  if (out === undefined)
    throw new StudioError('bad_input', 'The folder to write the adapter to is needed.', { field: 'out' });
  const { model, adapters } = await mixing.adapters(recipe, task);
  const used = adapters.filter(({ scale }) => scale !== 0);
  if (used.length === 0)
    throw new StudioError('bad_input', 'All weights of the mix are 0: there is no adapter to write.', {
      field: 'recipe',
      action: 'Give weights, as in --mix extraversion=1.',
    });
  const folder = resolve(out);
  for (const name of EXPORTED) await mayWrite(join(folder, name), overwrite);
  makeFolder(folder);
  const found = await finished(
    merging.stream(worker =>
      worker.exportMix({ adapters: used, base: model, folder }, { signal: task.signal }),
    ),
    task,
  ).catch(error => {
    removeUnfinished(folder);
    throw error;
  });
  return { ...found, path: folder, content: null };
}

/** Removes what a killed export of a vector has left in its folder; what is no folder, or closed to us, is left alone. */
export function removeUnfinished(folder: string): void {
  for (const name of EXPORTED)
    try {
      rmSync(join(folder, `${name}.part`), { force: true });
    } catch {
      return;
    }
}

/** Refuses to write over a file that exists, unless that was asked for. */
export async function mayWrite(out: string, overwrite: boolean): Promise<void> {
  if (overwrite || !(await exists(out))) return;
  throw new StudioError('bad_input', `The file ${out} exists already.`, {
    file: out,
    field: 'out',
    action: 'Name another file, or allow overwriting.',
  });
}

/** A place for files that are needed only while something is made of them; called with a maker of their paths. */
export async function withFolders<R>(
  scratch: string,
  work: (at: (name: string) => string) => Promise<R>,
): Promise<R> {
  const folder = await mkdtemp(join(scratch, 'convert-'));
  try {
    return await work(name => join(folder, name));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A model by its library name or file, as it is; or the file that a folder's checkpoint is converted to. */
export async function ggufOf(
  name: string,
  library: Library,
  merging: Merging,
  at: (name: string) => string,
  task: Task,
): Promise<string> {
  const { models } = await library.list();
  const known = models.find(model => model.id === name);
  if (known || !(await isFolder(name))) return known?.path ?? name;
  const folder = resolve(name);
  if (await isAdapter(folder))
    throw new StudioError('bad_input', `${folder} is an adapter, not a model.`, {
      file: folder,
      action: 'Name the model that it was trained on.',
    });
  const out = at(`${fileNameOf(modelNameOf(folder))}.gguf`);
  await writeModel(merging, task, { folder, out, type: 'auto' });
  return out;
}

/** Likewise, for what a vector is made of: an adapter too, for the base whose file is given. */
export async function tunedOf(
  name: string,
  base: string,
  library: Library,
  merging: Merging,
  at: (name: string) => string,
  task: Task,
): Promise<{ path: string; notes: string[] }> {
  if (!(await isFolder(name)) || !(await isAdapter(resolve(name))))
    return {
      path: resolve(await ggufOf(name, library, merging, file => at(`tuned-${file}`), task)),
      notes: [],
    };
  const folder = resolve(name);
  const out = at('adapter.gguf');
  const { notes } = await writeAdapter(merging, task, { folder, base, out, saved: 'leave' });
  if ((await savedModules(folder)).length === 0) return { path: out, notes };
  // What was trained whole, with the factors on top of it: a fine-tuned model, which the vector is made from.
  const [edited, tuned] = [at('edited.gguf'), at('tuned.gguf')];
  const saved = await finished(
    merging.stream(worker => worker.convertSaved({ folder, base, out: edited }, { signal: task.signal })),
    task,
  );
  await finished(
    merging.stream(worker =>
      worker.bake(
        {
          ...{ base: edited, out: tuned, type: 'f32', method: 'task_arithmetic', lambda: 1, seed: 0 },
          vectors: [{ path: out, id: 'adapter', weight: 1 }],
          // The same bytes everywhere.
          device: 'cpu',
          metadata: {},
        },
        { signal: task.signal },
      ),
    ),
    task,
  );
  await rm(edited);
  return { path: tuned, notes: [...notes, ...saved.notes] };
}

function writeModel(
  merging: Merging,
  task: Task,
  plan: { folder: string; out: string; type: Plan['type']; name?: string },
) {
  return finished(
    merging.stream(worker => worker.convert(plan, { signal: task.signal })),
    task,
  );
}

function writeAdapter(
  merging: Merging,
  task: Task,
  plan: { folder: string; base: string; out: string; saved: 'refuse' | 'leave' },
) {
  return finished(
    merging.stream(worker => worker.convertAdapter(plan, { signal: task.signal })),
    task,
  );
}

type Event<R> =
  | { type: 'progress'; done: number; total: number; unit: string; message: string }
  | { type: 'done'; result: R };

async function finished<R>(events: AsyncIterable<Event<R>>, task: Task): Promise<R> {
  for await (const event of events) {
    if (event.type === 'done') return event.result;
    task.progress(event.done, event.total, event.unit, event.message);
  }
  throw new StudioError('internal', 'The merging worker ended the conversion without a result.');
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

const isFolder = (path: string) =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  );

const isAdapter = (folder: string) => exists(join(folder, 'adapter_config.json'));

/** What every file system takes as a name. */
const fileNameOf = (name: string) =>
  name.replaceAll(/[^\p{L}\p{N}._ -]/gu, '_').replace(/^\.+/, '') || 'model';
