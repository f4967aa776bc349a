/** Looking inside vectors: how large, sparse and low-rank they are, and how they lie to each other. */
import { resolve } from 'node:path';
import type { z } from 'zod';
import type { CompareResult, compareInput, Vector } from '../contract.ts';
import { TRAITS } from '../contract.ts';
import { StudioError } from '../errors.ts';
import type { Task } from '../log/runs.ts';
import type { WorkerClient } from '../worker-client.ts';
import type { Library } from './library.ts';

export async function compare(
  { vectors: names, model, entrywise }: z.output<typeof compareInput>,
  library: Library,
  merging: WorkerClient<'merging'>,
  task: Task,
): Promise<CompareResult> {
  const chosen = names.length > 0 ? await named(names, library, task) : await allOf(model, library);
  task.used(Object.fromEntries(chosen.map(({ path, content }) => [path, content])));
  const events = merging.stream(worker =>
    worker.compare({ paths: chosen.map(({ path }) => path), entrywise }, { signal: task.signal }),
  );
  for await (const event of events) {
    if (event.type === 'progress') {
      task.progress(event.done, event.total, event.unit, event.message);
      continue;
    }
    const { vectors, all, layers, tensors } = event.result;
    const poles = TRAITS.flatMap(trait => {
      const place = (pole: string) => chosen.findIndex(v => v.trait === trait && v.pole === pole);
      const [high, low] = [place('high'), place('low')];
      if (high < 0 || low < 0) return [];
      const common = (within: typeof all) => within.common[high]?.[low] ?? null;
      return [{ trait, high, low, common: common(all), layers: layers.map(common) }];
    });
    return {
      vectors: chosen.map(({ id, path, trait, pole, form }, index) => ({
        id,
        path,
        trait,
        pole,
        form,
        effectiveRank: vectors[index]?.effectiveRank ?? null,
      })),
      all,
      layers,
      tensors,
      poles,
    };
  }
  throw new StudioError('internal', 'The merging worker ended the comparison without a result.');
}

type Chosen = Omit<Vector, 'demo'>;

async function allOf(modelName: string, library: Library): Promise<Chosen[]> {
  const model = await library.model(modelName);
  const found = (await library.list()).vectors.filter(vector => vector.backbone === model.backbone);
  if (found.length > 0) return found;
  throw new StudioError('not_found', `The library has no vectors for ${model.label}.`, {
    field: 'model',
    action: `Make some with “extract”, put them into ${library.vectorFolder}, or name their files.`,
  });
}

async function named(names: string[], library: Library, task: Task): Promise<Chosen[]> {
  const { vectors } = await library.list();
  return Promise.all(
    names.map(async name => {
      const known = vectors.find(v => v.id === name) ?? vectors.find(v => v.path === resolve(name));
      if (known) return known;
      if (!/[\\/]|\.gguf$/i.test(name))
        throw new StudioError('not_found', `The library has no vector named “${name}”.`, {
          field: 'vectors',
          action: `Known: ${vectors.map(v => v.id).join(', ') || 'none'}. Or give the path of a GGUF file.`,
        });
      const { what, ...facts } = await library.facts(resolve(name), task.signal);
      if (what !== 'vector')
        throw new StudioError('bad_input', `${name} is a model, not a personality vector.`, {
          file: name,
          field: 'vectors',
          action: 'Make a vector from it with “extract”.',
        });
      return { ...facts, id: name } as Chosen;
    }),
  );
}
