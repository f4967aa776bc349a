/** Recipe → live mix (adapters on a loaded base) or baked file. */
import { createHash } from 'node:crypto';
import { access, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { LiveMix } from '../../workers/contract.ts';
import type {
  BakedRecipe,
  BakeResult,
  bakeInput,
  FileType,
  MixCost,
  Model,
  Recipe,
  Trait,
  Vector,
  VectorName,
  Warning,
} from '../contract.ts';
import { fileType, recipe as recipeSchema, TRAITS } from '../contract.ts';
import { isEndpoint } from '../endpoints/contract.ts';
import type { Endpoints } from '../endpoints/endpoints.ts';
import { inWords, StudioError } from '../errors.ts';
import { makeFolder } from '../folders.ts';
import type { Mix } from '../inference.ts';
import { BAKED_KEYS, type Library } from '../library/library.ts';
import type { Task } from '../log/runs.ts';
import type { WorkerClient } from '../worker-client.ts';
import { neededVectors, vectorWeights } from './basis.ts';
import { METHODS } from './methods.ts';
import { countObstacle, usedTraits } from './recipe.ts';
import { tensorWarnings, vectorName, warningsFor } from './warnings.ts';

/** A recipe with the files it stands for. */
export interface Resolved {
  recipe: Recipe;
  model: Model;
  /** The vector of each trait's own pole. */
  vectors: Partial<Record<Trait, Vector>>;
  /** Those and the others that the recipe's basis needs. */
  all: Partial<Record<VectorName, Vector>>;
}

/** Share of a dense vector's energy (‖·‖²_F) that its adapter keeps, in a live mix and where a method merges factors. */
const ADAPTER_ENERGY = 0.999;

export class Mixing {
  readonly #library: Library;
  readonly #endpoints: Endpoints;
  readonly #merging: WorkerClient<'merging'>;
  readonly #cache: string;
  readonly #version: string;
  /** Files being baked now. */
  readonly #writing = new Set<string>();

  constructor(
    library: Library,
    endpoints: Endpoints,
    merging: WorkerClient<'merging'>,
    cacheFolder: string,
    version: string,
  ) {
    this.#library = library;
    this.#endpoints = endpoints;
    this.#merging = merging;
    this.#cache = cacheFolder;
    this.#version = version;
  }

  async resolve(recipe: Recipe): Promise<Resolved> {
    if (isEndpoint(recipe.base))
      throw new StudioError(
        'bad_input',
        `The weights of ${recipe.base} are on its server, and this needs them here.`,
        {
          field: 'model',
          action: 'Choose a model of this machine for it; a server’s can be talked to and assessed.',
        },
      );
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
    const known = (await this.#library.list()).vectors;
    const all: Resolved['all'] = {};
    for (const name of neededVectors(recipe.weights, recipe.basis, recipe.whitening)) {
      const wanted = recipe.hashes?.vectors[name];
      const candidates = known.filter(
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
      if (best) all[name] = best;
    }
    const vectors: Resolved['vectors'] = {};
    for (const trait of usedTraits(recipe)) {
      const own = all[vectorName(trait, recipe.weights[trait] ?? 0)];
      if (own) vectors[trait] = own;
    }
    return { recipe, model, vectors, all };
  }

  async check(recipe: Recipe, live: boolean, type?: FileType): Promise<Warning[]> {
    if (isEndpoint(recipe.base)) return this.#endpoints.check(recipe);
    const resolved = await this.resolve(recipe);
    return warningsFor({
      ...resolved,
      live,
      type,
      tensors: live ? undefined : await this.#tensors(resolved),
    });
  }

  /** Names of the model's tensors, where the recipe has filters for them. */
  async #tensors({ recipe, model }: Resolved): Promise<string[] | undefined> {
    if (!recipe.filters?.length) return undefined;
    const { tensors } = await this.#merging.call(worker => worker.read({ path: model.path }));
    return tensors.map(({ name }) => name);
  }

  /**
   * Model and adapters of a live mix, here or on the server that its base names: the plain weighted sum, which is an
   * approximation where `liveObstacle` has a reason. Notes the files that it uses in the task.
   */
  async live(recipe: Recipe, task: Task): Promise<Mix> {
    if (isEndpoint(recipe.base)) return this.#endpoints.mix(recipe, task);
    return this.adapters(recipe, task);
  }

  /** The same for a model of this machine: its adapters and their scales, plain task arithmetic. */
  async adapters(recipe: Recipe, task: Task): Promise<LiveMix> {
    const resolved = await this.resolve(recipe);
    const parts = await this.#parts(resolved, task);
    // llama.cpp ends the whole process on such an adapter.
    for (const { vector, name } of parts)
      if (vector.form === 'low-rank' && vector.embeddings && resolved.model.tiedEmbeddings)
        throw new StudioError(
          'mismatch',
          `The adapter ${name} changes the token embeddings, which ${resolved.model.label} shares with its output layer; llama.cpp cannot apply that to a loaded model.`,
          { file: vector.path, field: 'weights', action: 'Bake the mix into a file, and use that.' },
        );
    const adapters = [];
    for (const { vector, points } of parts) {
      const mean = points.reduce((sum, point) => sum + point, 0) / points.length;
      adapters.push({ path: await this.#adapter(vector, task), scale: mean * (recipe.lambda ?? 1) });
    }
    return { model: resolved.model.path, adapters };
  }

  /** The adapters of a live mix, and how much of each vector they keep. */
  async cost(recipe: Recipe): Promise<MixCost> {
    if (isEndpoint(recipe.base)) return { adapters: [] };
    const { model, all } = await this.resolve(recipe);
    const usable = Object.entries(all).filter(([, { backbone }]) => backbone === model.backbone);
    const adapters = usable.map(async ([name, vector]) => ({
      vector: name as VectorName,
      // An adapter is used as it is.
      ...(vector.form === 'low-rank'
        ? { rank: vector.rank ?? null, energy: 1 }
        : await readFacts(`${this.#adapterPath(vector)}.json`)),
    }));
    return { adapters: await Promise.all(adapters) };
  }

  /** Bakes a recipe into a new file. */
  async bake(input: z.output<typeof bakeInput>, task: Task): Promise<BakeResult> {
    checkCount(input.recipe);
    const resolved = await this.resolve(input.recipe);
    const warnings = warningsFor({
      ...resolved,
      live: false,
      type: input.type,
      tensors: await this.#tensors(resolved),
    });
    const out = resolve(input.out ?? (await this.#unusedName(resolved, input)));
    const inputs = [resolved.model, ...Object.values(resolved.all)].map(({ path }) => path);
    if (inputs.includes(out))
      throw new StudioError('bad_input', `The file ${out} is part of the recipe and cannot be its result.`, {
        file: out,
        field: 'out',
        action: 'Name another file.',
      });
    if (this.#writing.has(out))
      throw new StudioError('busy', `The file ${out} is being written by another run.`, {
        file: out,
        field: 'out',
        action: 'Wait for it, or name another file.',
      });
    this.#writing.add(out);
    const { notes, ...done } = await this.#bakeAlone(resolved, input, out, task).finally(() =>
      this.#writing.delete(out),
    );
    warnings.push(...tensorWarnings(notes));
    const facts = await this.#library.facts(out, task.signal);
    const projector = resolved.model.projector?.path ?? null;
    return { ...done, path: out, content: facts.content, projector, warnings };
  }

  /** In the library, named after the recipe, and numbered where that name is taken, unless it may be overwritten. */
  async #unusedName(resolved: Resolved, { type, overwrite }: z.output<typeof bakeInput>): Promise<string> {
    const name = join(this.#library.modelFolder, `${defaultName(resolved)}-${type}`);
    const taken = async (path: string) => this.#writing.has(path) || (await exists(path));
    for (let number = 1; ; number++) {
      const path = number === 1 ? `${name}.gguf` : `${name}-${number}.gguf`;
      if (overwrite || !(await taken(resolve(path)))) return path;
    }
  }

  async #bakeAlone(
    resolved: Resolved,
    { type, imatrix, overwrite, device }: z.output<typeof bakeInput>,
    out: string,
    task: Task,
  ) {
    if (!overwrite && (await exists(out)))
      throw new StudioError('bad_input', `The file ${out} exists already.`, {
        file: out,
        field: 'out',
        action: 'Name another file, or allow overwriting.',
      });
    makeFolder(dirname(out));
    if (imatrix === undefined) return this.bakeTo(resolved, type, out, task, { device });
    const path = resolve(imatrix);
    const { content } = await this.#merging.call(worker =>
      worker.fingerprint({ path }, { signal: task.signal }),
    );
    task.used({ [path]: content });
    return this.bakeTo(resolved, type, out, task, { device, imatrix: { path, content } });
  }

  /** Bakes without the checks that a user's own choice of file needs. */
  async bakeTo(
    resolved: Resolved,
    type: FileType,
    out: string,
    task: Task,
    { device = 'auto', imatrix }: { device?: string; imatrix?: { path: string; content: string } } = {},
  ) {
    const { recipe, model } = resolved;
    const { version: _version, base: _base, weights: _weights, hashes: _hashes, ...how } = recipe;
    const {
      method,
      density,
      depth: _depth,
      filters = [],
      basis: _basis,
      whitening: _whitening,
      ...settings
    } = how;
    const parts = await this.#parts(resolved, task);
    const paths = new Map<VectorName, string>();
    for (const { name, vector } of parts)
      paths.set(name, METHODS[method].lowRank ? await this.#adapter(vector, task) : vector.path);
    const hashes = {
      base: model.content,
      vectors: Object.fromEntries(parts.map(({ vector, name }) => [name, vector.content])),
    };
    const eye = await this.#library.projectorContent(model);
    return this.#follow(task, 'bytes', () =>
      this.#merging.stream(worker =>
        worker.bake(
          {
            base: model.path,
            out,
            type,
            imatrix: imatrix?.path,
            // Without a vector every method gives the base, but some refuse to.
            ...(parts.length > 0 ? { method, ...settings } : { method: 'task_arithmetic' }),
            vectors: parts.map(({ trait, vector, name, points }) => ({
              path: paths.get(name) ?? vector.path,
              id: name,
              weight: points,
              weights: filters.map(({ filter, factor }) => ({
                filter,
                weight: points.map(point => point * factor),
              })),
              density: typeof density === 'object' ? density[trait] : density,
            })),
            device,
            metadata: {
              'temperament.version': this.#version,
              [BAKED_KEYS.type]: type,
              [BAKED_KEYS.recipe]: JSON.stringify({ ...recipe, base: model.id, hashes }),
              ...(eye && { [BAKED_KEYS.projector]: eye }),
              ...(imatrix && { [BAKED_KEYS.imatrix]: imatrix.content }),
              [BAKED_KEYS.vectors]: JSON.stringify(
                Object.fromEntries(parts.map(({ vector, name }) => [name, basename(vector.path)])),
              ),
            },
          },
          { signal: task.signal },
        ),
      ),
    );
  }

  /** The recipe that a baked file carries, of whatever version, and what else it was baked with. */
  async recipe(file: string): Promise<BakedRecipe> {
    const path = resolve(file);
    const { metadata } = await this.#merging.call(worker => worker.read({ path }));
    const text = metadata[BAKED_KEYS.recipe];
    const refuse = (message: string, cause?: unknown) =>
      new StudioError('bad_file', message, {
        file: path,
        field: 'recipe',
        action: 'Name a model file that was baked by this or an older Temperament, or a recipe in JSON.',
        cause,
      });
    if (typeof text !== 'string') throw refuse(`${file} carries no recipe: Temperament has not baked it.`);
    try {
      const parsed = recipeSchema.safeParse(JSON.parse(text));
      if (!parsed.success)
        throw refuse(`The recipe in ${file} is not valid: ${inWords(parsed.error.issues).message}.`);
      const imatrix = metadata[BAKED_KEYS.imatrix];
      return {
        recipe: parsed.data,
        type: fileType.safeParse(metadata[BAKED_KEYS.type]).data,
        ...(imatrix !== undefined && {
          imatrix: { name: String(metadata['quantize.imatrix.file']), content: String(imatrix) },
        }),
      };
    } catch (error) {
      throw error instanceof StudioError ? error : refuse(`The recipe in ${file} is not valid JSON.`, error);
    }
  }

  /** The vectors of a recipe with their weights; refuses what cannot be added to the model. */
  async #parts({ recipe, model, all }: Resolved, task: Task) {
    const { weights, basis, whitening = 0, depth = {} } = recipe;
    for (const name of neededVectors(weights, basis)) {
      const vector = all[name];
      if (!vector)
        throw new StudioError('not_found', `The library has no vector ${name}.`, {
          field: `weights.${traitOf(name)}`,
          action: `Put one for this model into ${this.#library.vectorFolder}, or set ${traitOf(name)} to 0.`,
        });
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
    }
    const found = Object.entries(all) as [VectorName, Vector][];
    const usable = found.filter(([, vector]) => vector.backbone === model.backbone);
    const products =
      whitening > 0
        ? await this.#products(
            usable.map(([, vector]) => vector),
            task,
          )
        : [];
    const names = usable.map(([name]) => name);
    const parts = Object.entries(combined(recipe, names, products)).map(([key, weight]) => {
      const name = key as VectorName;
      const trait = traitOf(name);
      return {
        trait,
        vector: all[name] as Vector,
        name,
        points: (depth[trait] ?? [1]).map(factor => weight * factor),
      };
    });
    task.used(
      Object.fromEntries([model, ...parts.map(part => part.vector)].map(file => [file.path, file.content])),
    );
    return parts;
  }

  /** ⟨φᵢ, φⱼ⟩ of vectors over all their weights; measured once and kept. */
  async #products(vectors: Vector[], task: Task): Promise<number[][]> {
    const folder = join(dirname(this.#cache), 'products');
    const hash = createHash('sha256').update(vectors.map(({ content }) => content).join('\n'));
    const file = join(folder, `${hash.digest('hex')}.json`);
    if (await exists(file)) return JSON.parse(await readFile(file, 'utf8'));
    const paths = vectors.map(({ path }) => path);
    const { all } = await this.#follow(task, 'bytes', () =>
      this.#merging.stream(worker => worker.compare({ paths, entrywise: false }, { signal: task.signal })),
    );
    const norm = (i: number) => all.norms[i] ?? 0;
    const products = all.cosines.map((row, i) => row.map((cosine, j) => (cosine ?? 0) * norm(i) * norm(j)));
    makeFolder(folder);
    await writeFile(`${file}.${process.pid}`, JSON.stringify(products));
    await rename(`${file}.${process.pid}`, file);
    return products;
  }

  /** The file that llama.cpp can take as a vector's adapter; null where a dense vector's factors are not made yet. */
  async adapterFile(vector: Vector): Promise<string | null> {
    if (vector.form === 'low-rank') return vector.path;
    const path = this.#adapterPath(vector);
    return (await exists(path)) ? path : null;
  }

  #adapterPath(vector: Vector): string {
    return join(this.#cache, `${vector.content}-${ADAPTER_ENERGY}.gguf`);
  }

  /** The file of a vector's low-rank factors: its own, or made from the dense delta once and kept. */
  async #adapter(vector: Vector, task: Task): Promise<string> {
    if (vector.form === 'low-rank') return vector.path;
    makeFolder(this.#cache);
    const out = this.#adapterPath(vector);
    if (await exists(out)) return out;
    const fresh = `${out}.${process.pid}.gguf`;
    try {
      const { rank, energy } = await this.#follow(task, 'tensors', () =>
        this.#merging.stream(worker =>
          worker.factorize(
            { vector: vector.path, out: fresh, energy: ADAPTER_ENERGY },
            { signal: task.signal },
          ),
        ),
      );
      await writeFile(`${out}.json`, JSON.stringify({ rank, energy }));
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

const traitOf = (name: VectorName) => name.slice(0, name.lastIndexOf('-')) as Trait;

function combined(recipe: Recipe, names: VectorName[], products: number[][]) {
  try {
    return vectorWeights(recipe.weights, recipe.basis, recipe.whitening, names, products);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new StudioError('bad_input', `The vectors cannot be whitened: ${cause.message}.`, {
      field: 'whitening',
      action: 'Set whitening to 0, or take out the vector that is there twice.',
      cause,
    });
  }
}

/** Refuses, before any work, a number of weights that the method cannot mix. */
export function checkCount(recipe: Recipe): void {
  const message = countObstacle(recipe);
  if (message)
    throw new StudioError('bad_input', message, {
      field: 'weights',
      action: 'Set more or fewer weights to 0, or choose another method.',
    });
}

/** `demo-extraversion1-neuroticism-0.5` */
function defaultName({ recipe, model }: Resolved): string {
  const mix = TRAITS.flatMap(trait => (recipe.weights[trait] ? [`${trait}${recipe.weights[trait]}`] : []));
  const method = recipe.method === 'task_arithmetic' ? [] : [recipe.method];
  return [model.id, ...(mix.length > 0 ? mix : ['base']), ...method].join('-');
}

const factorFacts = z.object({ rank: z.number().nullable(), energy: z.number().nullable() });

/** What was noted of factors when they were made; nulls where they are not made, or are of an older version. */
async function readFacts(path: string): Promise<z.infer<typeof factorFacts>> {
  try {
    return factorFacts.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return { rank: null, energy: null };
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
