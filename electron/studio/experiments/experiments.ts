/** Every experiment by its kind: begun from a plan, and gone on with after an interruption. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import type { z } from 'zod';
import type { Assessment } from '../assessment/assessment.ts';
import type { LoadedInventory } from '../assessment/inventories.ts';
import type { ExperimentKind, Recipe, SolveResult, solveInput, Trait } from '../contract.ts';
import {
  adjectives as adjectivesSchema,
  EXPERIMENT_KINDS,
  persona as personaSchema,
  recipe as recipeSchema,
  TRAITS,
  weightsText,
} from '../contract.ts';
import { StudioError } from '../errors.ts';
import type { Inference } from '../inference.ts';
import type { Language } from '../language/language.ts';
import type { Log } from '../log/log.ts';
import type { InputOf, ResultOf, Runs, Task } from '../log/runs.ts';
import type { Mixing } from '../mixing/mixing.ts';
import { Bench, perTrait, withWeights } from './bench.ts';
import { type CapabilityMaterial, capability } from './capability.ts';
import { prompting, sweep, type TransferModel, transfer } from './doses.ts';
import { pictures } from './pictures.ts';
import { Points } from './points.ts';
import { methodsCompare, profiles } from './profiles.ts';
import { stability } from './stability.ts';
import { Calibrations, calibrate, keyOf, solveStored, target } from './targets.ts';
import { requestMaterial } from './tasks.ts';
import { tune } from './tuning.ts';

interface Experiment<K extends ExperimentKind> {
  title(input: InputOf<K>): string;
  perform(input: InputOf<K>, points: Points, task: Task): Promise<ResultOf<K>>;
}

export interface ExperimentTools {
  database: Database.Database;
  log: Log;
  runs: Runs;
  assessment: Assessment;
  mixing: Mixing;
  inference: Inference;
  language: Language;
  /** Folder of the product's data files. */
  resources: string;
}

export class Experiments {
  readonly calibrations: Calibrations;
  readonly #tools: ExperimentTools;
  readonly #table: { [K in ExperimentKind]: Experiment<K> };

  constructor(tools: ExperimentTools) {
    this.#tools = tools;
    this.calibrations = new Calibrations(tools.database);
    this.#table = this.#experiments();
  }

  /** Begins an experiment; returns the id of its run. */
  start<K extends ExperimentKind>(kind: K, input: InputOf<K>): string {
    return this.#tools.runs.start(kind, this.#table[kind].title(input), input, this.#work(kind, input)).id;
  }

  /** Goes on with a run that ended before it was done; the points, or answers, that it has are not done again. */
  resume(id: string): void {
    const { assessment, log, runs } = this.#tools;
    const run = log.get(id);
    if (run.kind === 'assess') {
      runs.resume(run, task => assessment.assess(run.input, task, log));
      return;
    }
    const kind = EXPERIMENT_KINDS.find(known => known === run.kind);
    if (!kind)
      throw new StudioError('bad_input', `The run ${id} is no experiment but of the kind ${run.kind}.`, {
        field: 'id',
        action: 'Start it again as it was started.',
      });
    runs.resume(run, this.#work(kind, run.input as InputOf<ExperimentKind>));
  }

  /** α for wanted scores by the calibration that is kept; null where there is none. */
  async solve(plan: z.output<typeof solveInput>): Promise<SolveResult> {
    const inventory = await this.#tools.assessment.inventory(plan.inventory, { used: () => {} }, TRAITS);
    const { key } = await this.#condition(plan, inventory);
    return solveStored(plan, key, this.calibrations);
  }

  #work<K extends ExperimentKind>(kind: K, input: InputOf<K>): (task: Task) => Promise<ResultOf<K>> {
    return task => this.#table[kind].perform(input, new Points(this.#tools.log, task), task);
  }

  #experiments(): { [K in ExperimentKind]: Experiment<K> } {
    const bench = (
      input: Parameters<typeof Bench.open>[0],
      needed: readonly Trait[],
      points: Points,
      task: Task,
    ) => Bench.open(input, needed, points, this.#tools.assessment, task);
    return {
      sweep: {
        title: ({ trait, alphas }) => `${trait}, ${alphas.length} points`,
        perform: async (input, points, task) => sweep(input, await bench(input, [input.trait], points, task)),
      },
      profiles: {
        title: ({ n, persona }) => `${n} profiles, ${persona.recipe.method.replaceAll('_', ' ')}`,
        perform: async (input, points, task) => profiles(input, await bench(input, TRAITS, points, task)),
      },
      methods_compare: {
        title: ({ n, recipes }) => `${n} profiles: ${recipes.map(({ name }) => name).join(', ')}`,
        perform: async (input, points, task) =>
          methodsCompare(input, await bench(input, TRAITS, points, task)),
      },
      prompting: {
        title: ({ persona, traits }) => `${persona.recipe.base}: ${traits.join(', ')}`,
        perform: async (input, points, task) =>
          prompting(
            input,
            input.adjectives ?? (await this.#adjectives()),
            await bench(input, input.traits, points, task),
          ),
      },
      transfer: {
        title: ({ persona, models }) => `${persona.recipe.base} → ${models.join(', ')}`,
        perform: async (input, points, task) => {
          const models = await this.#transferModels(input.persona.recipe, input.models);
          return transfer(input, models, await bench(input, input.traits, points, task));
        },
      },
      capability: {
        title: ({ persona }) => `${persona.recipe.base}: ${weightsText(persona.recipe.weights)}`,
        perform: async (input, points, task) => {
          const { recipe } = input.persona;
          const before =
            input.before ?? personaSchema.parse({ name: 'Base', recipe: { version: 2, base: recipe.base } });
          const { assessment, inference } = this.#tools;
          const tools = { assessment, inference, points, task };
          return capability({ ...input, before }, await this.#material(), tools);
        },
      },
      stability: {
        title: ({ persona }) => `${persona.recipe.base}: ${weightsText(persona.recipe.weights)}`,
        perform: async (input, points, task) => {
          const own = await bench(
            input,
            TRAITS.filter(trait => input.persona.recipe.weights[trait]),
            points,
            task,
          );
          return this.#tools.assessment.withFile(input.persona.recipe, input.type, task, written =>
            stability(input, written, own),
          );
        },
      },
      calibrate: {
        title: ({ persona, inventory }) => `${persona.recipe.base}, ${inventory}`,
        perform: async (input, points, task) => {
          const own = await bench(input, TRAITS, points, task);
          const condition = await this.#condition(input, own.inventory);
          return calibrate(input, { ...condition, run: task.run }, this.calibrations, own);
        },
      },
      target: {
        title: ({ profile }) =>
          TRAITS.flatMap(trait => (profile[trait] === undefined ? [] : [`${trait} ${profile[trait]}`])).join(
            ', ',
          ),
        perform: async (input, points, task) => {
          const own = await bench(input, TRAITS, points, task);
          const condition = await this.#condition(input, own.inventory);
          return target(input, { ...condition, run: task.run }, this.calibrations, own);
        },
      },
      tune: {
        title: ({ persona, budget }) => `${persona.recipe.base}, ${budget} assessments`,
        perform: async (input, points, task) => tune(input, await bench(input, TRAITS, points, task)),
      },
      pictures: {
        title: ({ pictures: all, compared }) => `pictures: ${all.length}, personas: ${compared.length + 1}`,
        perform: async (input, points, task) => pictures(input, this.#tools, points, task),
      },
    };
  }

  async #adjectives() {
    return adjectivesSchema.parse(await this.#json('adjectives.json'));
  }

  async #material(): Promise<CapabilityMaterial> {
    return {
      requests: requestMaterial.parse(await this.#json('capability', 'requests.json')),
      text: await readFile(join(this.#tools.resources, 'capability', 'held-out.txt'), 'utf8'),
    };
  }

  async #json(...path: string[]): Promise<unknown> {
    return JSON.parse(await readFile(join(this.#tools.resources, ...path), 'utf8'));
  }

  /** The base and the other models; every recipe pins the base's vectors, so that all take the same ones. */
  async #transferModels(recipe: Recipe, names: string[]): Promise<TransferModel[]> {
    const { mixing } = this.#tools;
    const { vectors } = await this.#vectors(recipe);
    const models: TransferModel[] = [];
    for (const name of [recipe.base, ...names]) {
      const own = recipeSchema.parse({ ...withWeights(recipe, {}), base: name, hashes: undefined });
      // A variant may be called by what its name has behind the base's: captain for demo-captain.
      const { model } = await mixing
        .resolve(own)
        .catch(error =>
          mixing.resolve({ ...own, base: `${recipe.base}-${name}` }).catch(() => Promise.reject(error)),
        );
      if (models.some(({ content }) => content === model.content)) continue;
      const { id, label, content, path } = model;
      models.push({
        id,
        label,
        content,
        recipe: weights => ({ ...own, base: path, weights, hashes: { base: content, vectors } }),
      });
    }
    if (models.length < 2)
      throw new StudioError('bad_input', 'The models are all the base itself.', {
        field: 'models',
        action: 'Name another model of its backbone.',
      });
    return models;
  }

  /** The model and the content of every vector that its mixes may use. */
  async #vectors(recipe: Recipe) {
    const { mixing } = this.#tools;
    const sides = [];
    for (const alpha of [-1, 1])
      sides.push(
        await mixing.resolve(
          withWeights(
            recipe,
            perTrait(() => alpha),
          ),
        ),
      );
    const vectors = Object.fromEntries(
      sides
        .flatMap(({ all }) => Object.entries(all).map(([name, { content }]) => [name, content] as const))
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    return { model: (sides[0] as (typeof sides)[number]).model, vectors };
  }

  async #condition(
    input: Pick<InputOf<'calibrate'>, 'persona' | 'administration' | 'baked'>,
    inventory: LoadedInventory,
  ) {
    const { model, vectors } = await this.#vectors(input.persona.recipe);
    const { base: _base, weights: _weights, hashes: _hashes, ...settings } = input.persona.recipe;
    const { administration, baked, persona } = input;
    const key = keyOf({
      model: model.content,
      vectors,
      inventory: inventory.hash,
      settings: {
        ...settings,
        system: persona.system.trim(),
        topP: persona.sampling.topP,
        administration,
        baked,
      },
    });
    return { key, model: model.id };
  }
}
