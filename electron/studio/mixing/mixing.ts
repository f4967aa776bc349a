/** Recipe → live mix (adapters on a loaded base) or baked file. */
import { access, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import type { LiveMix } from '../../workers/contract.ts';
import type { BakeResult, bakeInput, FileType, Model, Recipe, Trait, Vector, Warning } from '../contract.ts';
import { TRAITS } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { makeFolder } from '../folders.ts';
import type { Library } from '../library/library.ts';
import type { Task } from '../log/runs.ts';
import type { WorkerClient } from '../worker-client.ts';
import { vectorName, warningsFor } from './warnings.ts';

/** A recipe with the files it stands for. */
export interface Resolved {
  recipe: Recipe;
  model: Model;
  vectors: Partial<Record<Trait, Vector>>;
}

/** Share of a dense vector's energy (‖·‖²_F) that its adapter keeps in a live mix. */
const LIVE_ENERGY = 0.999;

export class Mixing {
  readonly #library: Library;
  readonly #merging: WorkerClient<'merging'>;
  readonly #cache: string;
  readonly #version: string;

  constructor(library: Library, merging: WorkerClient<'merging'>, cacheFolder: string, version: string) {
    this.#library = library;
    this.#merging = merging;
    this.#cache = cacheFolder;
    this.#version = version;
  }

  async resolve(recipe: Recipe): Promise<Resolved> {
    const model = await this.#library.model(recipe.base);
    if (recipe.hashes && recipe.hashes.base !== model.content)
      throw new StudioError(
        'mismatch',
        `The recipe was made with other weights of “${recipe.base}” than the library has.`,
        {
          file: model.path,
          field: 'base',
          action: `It needs the model whose weights have the hash ${recipe.hashes.base}.`,
        },
      );
    const all = (await this.#library.list()).vectors;
    const vectors: Resolved['vectors'] = {};
    for (const trait of TRAITS) {
      const alpha = recipe.weights[trait];
      if (!alpha) continue;
      const name = vectorName(trait, alpha);
      const wanted = recipe.hashes?.vectors[name];
      const candidates = all.filter(
        vector => `${vector.trait}-${vector.pole}` === name && (!wanted || vector.content === wanted),
      );
      if (wanted && candidates.length === 0)
        throw new StudioError(
          'not_found',
          `The recipe needs a vector ${name} that the library does not have.`,
          {
            field: 'weights',
            action: `Put the vector with the hash ${wanted} into ${this.#library.vectorFolder}.`,
          },
        );
      const closeness = (vector: Vector) =>
        (vector.backbone === model.backbone ? 2 : 0) + (vector.baseContent === model.content ? 1 : 0);
      const [best] = candidates.sort((a, b) => closeness(b) - closeness(a));
      if (best) vectors[trait] = best;
    }
    return { recipe, model, vectors };
  }

  async check(recipe: Recipe, live: boolean, type?: FileType): Promise<Warning[]> {
    return warningsFor({ ...(await this.resolve(recipe)), live, type });
  }

  /** Model and adapters of a live mix. Notes what it uses in the task. */
  async live(recipe: Recipe, task: Task): Promise<LiveMix> {
    const resolved = await this.resolve(recipe);
    const parts = this.#parts(resolved, task);
    // llama.cpp ends the whole process on such an adapter.
    for (const { vector, name } of parts)
      if (vector.form === 'low-rank' && vector.embeddings && resolved.model.tiedEmbeddings)
        throw new StudioError(
          'mismatch',
          `The adapter ${name} changes the token embeddings, which ${resolved.model.label} shares with its output layer; llama.cpp cannot apply that to a loaded model.`,
          { file: vector.path, field: 'weights', action: 'Bake the mix into a file, and use that.' },
        );
    const adapters = [];
    for (const { vector, weight } of parts)
      adapters.push({ path: await this.#adapter(vector, task), scale: weight * recipe.lambda });
    return { model: resolved.model.path, adapters };
  }

  /** Bakes a recipe into a new file. */
  async bake(input: z.output<typeof bakeInput>, task: Task): Promise<BakeResult> {
    const resolved = await this.resolve(input.recipe);
    const warnings = warningsFor({ ...resolved, live: false, type: input.type });
    const out = resolve(
      input.out ?? join(this.#library.modelFolder, `${defaultName(resolved)}-${input.type}.gguf`),
    );
    const inputs = [resolved.model.path, ...Object.values(resolved.vectors).map(vector => vector.path)];
    if (inputs.includes(out))
      throw new StudioError('bad_input', `The file ${out} is part of the recipe and cannot be its result.`, {
        file: out,
        field: 'out',
        action: 'Name another file.',
      });
    if (!input.overwrite && (await exists(out)))
      throw new StudioError('bad_input', `The file ${out} exists already.`, {
        file: out,
        field: 'out',
        action: 'Name another file, or allow overwriting.',
      });
    makeFolder(dirname(out));
    const done = await this.bakeTo(resolved, input.type, out, task);
    const facts = await this.#library.facts(out, task.signal);
    return { ...done, path: out, content: facts.content, warnings };
  }

  /** Bakes without the checks that a user's own choice of file needs. */
  async bakeTo(resolved: Resolved, type: FileType, out: string, task: Task) {
    const { recipe, model } = resolved;
    const parts = this.#parts(resolved, task);
    const hashes = {
      base: model.content,
      vectors: Object.fromEntries(parts.map(({ vector, name }) => [name, vector.content])),
    };
    return this.#follow(task, 'bytes', () =>
      this.#merging.stream(worker =>
        worker.bake(
          {
            base: model.path,
            out,
            type,
            method: recipe.method,
            vectors: parts.map(({ vector, name, weight }) => ({
              path: vector.path,
              id: name,
              weight,
              density: recipe.method === 'task_arithmetic' ? undefined : recipe.density,
            })),
            lambda: recipe.lambda,
            normalize: recipe.normalize,
            seed: recipe.seed,
            metadata: {
              'temperament.version': this.#version,
              'temperament.recipe': JSON.stringify({ ...recipe, base: model.id, hashes }),
            },
          },
          { signal: task.signal },
        ),
      ),
    );
  }

  /** The vectors of a recipe with their weights; refuses what cannot be added to the model. */
  #parts({ recipe, model, vectors }: Resolved, task: Task) {
    const parts = Object.entries(vectors).map(([key, vector]) => {
      const alpha = recipe.weights[key as Trait] ?? 0;
      return { vector, name: vectorName(key as Trait, alpha), weight: Math.abs(alpha) };
    });
    for (const trait of TRAITS)
      if (recipe.weights[trait] && !vectors[trait])
        throw new StudioError(
          'not_found',
          `The library has no vector ${vectorName(trait, recipe.weights[trait])}.`,
          {
            field: `weights.${trait}`,
            action: `Put one for this model into ${this.#library.vectorFolder}, or set ${trait} to 0.`,
          },
        );
    for (const { vector, name } of parts)
      if (vector.backbone !== model.backbone)
        throw new StudioError(
          'mismatch',
          `The vector ${name} belongs to a model of another backbone than ${model.label}.`,
          {
            file: vector.path,
            field: 'weights',
            action:
              'Use vectors extracted from a model with the same architecture, dimensions and tokenizer.',
          },
        );
    task.used(
      Object.fromEntries([model, ...parts.map(part => part.vector)].map(file => [file.path, file.content])),
    );
    return parts;
  }

  /** The file of a vector's low-rank factors: its own, or made from the dense delta once and kept. */
  async #adapter(vector: Vector, task: Task): Promise<string> {
    if (vector.form === 'low-rank') return vector.path;
    makeFolder(this.#cache);
    const out = join(this.#cache, `${vector.content}-${LIVE_ENERGY}.gguf`);
    if (await exists(out)) return out;
    const fresh = `${out}.${process.pid}.gguf`;
    try {
      await this.#follow(task, 'tensors', () =>
        this.#merging.stream(worker =>
          worker.factorize({ vector: vector.path, out: fresh, energy: LIVE_ENERGY }, { signal: task.signal }),
        ),
      );
      await rename(fresh, out);
    } finally {
      await rm(fresh, { force: true });
    }
    return out;
  }

  /** Passes a job's progress on to the task and returns the job's result. */
  async #follow<R>(
    task: Task,
    unit: string,
    start: () => AsyncIterable<
      { type: 'progress'; done: number; total: number; message: string } | { type: 'done'; result: R }
    >,
  ): Promise<R> {
    for await (const event of start()) {
      if (event.type === 'done') return event.result;
      task.progress(event.done, event.total, unit, event.message);
    }
    throw new StudioError('internal', 'The merging worker ended a job without a result.');
  }
}

/** `demo-extraversion1-neuroticism-0.5` */
function defaultName({ recipe, model }: Resolved): string {
  const mix = TRAITS.flatMap(trait => (recipe.weights[trait] ? [`${trait}${recipe.weights[trait]}`] : []));
  const method = recipe.method === 'task_arithmetic' ? [] : [recipe.method];
  return [model.id, ...(mix.length > 0 ? mix : ['base']), ...method].join('-');
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
