/** Assessments of a persona: one administration, a sweep along one α, a profile study over all five. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type { LiveMix } from '../../workers/contract.ts';
import type {
  Administration,
  AssessResult,
  assessInput,
  Persona,
  ProfilesResult,
  profilesInput,
  Recipe,
  SweepResult,
  sweepInput,
  Trait,
} from '../contract.ts';
import { recipe as recipeSchema, TRAITS } from '../contract.ts';
import { StudioError } from '../errors.ts';
import type { Task } from '../log/runs.ts';
import { checkCount, type Mixing } from '../mixing/mixing.ts';
import { liveObstacle, usedTraits } from '../mixing/recipe.ts';
import { correlation, mean, rankCorrelation } from '../statistics/correlation.ts';
import { benjaminiHochberg } from '../statistics/multiple.ts';
import type { WorkerClient } from '../worker-client.ts';
import { administer, answersAsked } from './administration.ts';
import { latinHypercube } from './designs.ts';
import type { Inventories, LoadedInventory } from './inventories.ts';
import { compare, reliabilityOver, scoreCases } from './scoring.ts';

export class Assessment {
  readonly #mixing: Mixing;
  readonly #inference: WorkerClient<'inference'>;
  readonly #inventories: Inventories;
  readonly #scratch: string;

  constructor(
    mixing: Mixing,
    inference: WorkerClient<'inference'>,
    inventories: Inventories,
    scratchFolder: string,
  ) {
    this.#mixing = mixing;
    this.#inference = inference;
    this.#inventories = inventories;
    this.#scratch = scratchFolder;
  }

  /** A plain weighted sum is mixed live, anything else through a baked file. */
  async assess(input: z.output<typeof assessInput>, task: Task): Promise<AssessResult> {
    const inventory = await this.#inventory(input.inventory, task);
    const personas = [input.persona, ...(input.reference ? [input.reference] : [])];
    checkMixed(personas.map(({ recipe }) => recipe));
    const asked = answersAsked(inventory, input.administration);
    const results: AssessResult[] = [];
    for (const persona of personas) {
      const before = asked * results.length;
      const onAnswer = (done: number) => task.progress(before + done, asked * personas.length, 'answers');
      results.push(
        await this.#mixed(persona.recipe, false, task, mix =>
          this.#administer(mix, persona, inventory, input.administration, task, onAnswer),
        ),
      );
    }
    const [result, reference] = results as [AssessResult, AssessResult?];
    return { ...result, comparison: reference ? compare(result.items, reference.items) : null };
  }

  async sweep(input: z.output<typeof sweepInput>, task: Task): Promise<SweepResult> {
    const { trait, alphas } = input;
    const recipes = alphas.map(alpha => ({
      ...input.persona.recipe,
      weights: { ...input.persona.recipe.weights, [trait]: alpha },
    }));
    const results = await this.#assessEach(recipes, input, [trait], task);
    const points = alphas.map((alpha, index) => ({ alpha, scores: results[index]?.scores ?? {} }));
    const [x, y] = scored(points.map(point => [point.alpha, point.scores[trait]]));
    const { r: rho, ci95: rhoCi95 } = rankCorrelation(x, y);
    return { trait, points, ...correlation(x, y), rho, rhoCi95 };
  }

  async profiles(input: z.output<typeof profilesInput>, task: Task): Promise<ProfilesResult> {
    const drawn = latinHypercube(input.n, input.seed);
    const results = await this.#assessEach(
      drawn.map(weights => ({ ...input.persona.recipe, weights })),
      input,
      TRAITS,
      task,
    );
    const profiles = drawn.map((weights, index) => ({ weights, scores: results[index]?.scores ?? {} }));
    const pairs = TRAITS.map(trait =>
      scored(profiles.map(profile => [profile.weights[trait], profile.scores[trait]])),
    );
    const found = pairs.map(([x, y]) => correlation(x, y));
    const ranks = pairs.map(([x, y]) => rankCorrelation(x, y));
    const adjusted = benjaminiHochberg(found.map(({ p }) => p));
    const known = found.flatMap(({ r }) => (r === null ? [] : [r]));
    const perTrait = <V>(values: V[]) =>
      Object.fromEntries(TRAITS.map((trait, index) => [trait, values[index]])) as Record<Trait, V>;
    return {
      r: perTrait(found.map(({ r }) => r)),
      ci95: perTrait(found.map(({ ci95 }) => ci95)),
      mean_r: known.length === TRAITS.length ? mean(known) : null,
      n: input.n,
      profiles,
      p: perTrait(found.map(({ p }) => p)),
      pAdjusted: perTrait(adjusted),
      rho: perTrait(ranks.map(({ r }) => r)),
      rhoCi95: perTrait(ranks.map(({ ci95 }) => ci95)),
      reliability: reliabilityOver(results.map(({ items }) => items)),
    };
  }

  async #inventory(short: string, task: Task, needed: readonly Trait[] = []): Promise<LoadedInventory> {
    const inventory = await this.#inventories.find(short);
    const missing = needed.find(trait => !inventory.items.some(item => item.trait === trait));
    if (missing)
      throw new StudioError('bad_input', `The inventory ${short} has no items of ${missing}.`, {
        field: 'inventory',
        action: 'Choose one that measures it.',
      });
    task.used({ [inventory.path]: inventory.hash });
    return inventory;
  }

  async #assessEach(
    recipes: Recipe[],
    {
      persona,
      inventory: short,
      administration,
      baked,
    }: { persona: Persona; inventory: string; administration: Administration; baked: boolean },
    needed: readonly Trait[],
    task: Task,
  ): Promise<AssessResult[]> {
    const inventory = await this.#inventory(short, task, needed);
    checkMixed(recipes);
    const asked = answersAsked(inventory, administration);
    const results: AssessResult[] = [];
    // Progress is counted in points; a bake inside a point keeps quiet about its bytes.
    const quiet: Task = {
      ...task,
      signal: task.signal,
      used: hashes => task.used(hashes),
      progress: () => {},
    };
    for (const recipe of recipes) {
      task.signal.throwIfAborted();
      task.progress(results.length, recipes.length, 'points');
      const result = await this.#mixed(recipe, baked, quiet, mix =>
        this.#administer(mix, persona, inventory, administration, quiet, done =>
          task.progress(results.length + done / asked, recipes.length, 'points'),
        ),
      );
      results.push(result);
    }
    return results;
  }

  /** Makes the mix real (live, or as a file that is deleted afterwards) and works with it. */
  async #mixed<R>(
    recipe: Recipe,
    baked: boolean,
    task: Task,
    work: (mix: LiveMix) => Promise<R>,
  ): Promise<R> {
    if (!baked && !liveObstacle(recipe)) return work(await this.#mixing.live(recipe, task));
    const folder = await mkdtemp(join(this.#scratch, 'mix-'));
    const model = join(folder, 'mix.gguf');
    try {
      await this.#mixing.bakeTo(await this.#mixing.resolve(recipe), 'f32', model, task);
      return await work({ model, adapters: [] });
    } finally {
      await this.#inference.call(worker => worker.unload({ model })).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #administer(
    mix: LiveMix,
    persona: Persona,
    inventory: LoadedInventory,
    administration: Administration,
    task: Task,
    onAnswer: (done: number) => void,
  ): Promise<AssessResult> {
    const judge =
      administration.mode === 'interview' && administration.judge
        ? await this.#mixing.live(recipeSchema.parse({ version: 2, base: administration.judge }), task)
        : undefined;
    let done = 0;
    onAnswer(done);
    const { cases, parsing } = await administer(
      this.#inference,
      { mix, persona, judge },
      inventory,
      administration,
      task.signal,
      () => onAnswer(++done),
    );
    return { ...scoreCases(cases), parsing };
  }
}

/** Values with their scores, those without a score left out. */
function scored(pairs: [number, number | undefined][]): [number[], number[]] {
  const known = pairs.filter((pair): pair is [number, number] => pair[1] !== undefined);
  return [known.map(([value]) => value), known.map(([, score]) => score)];
}

/** Finds a point that its method cannot mix before the first one is assessed; with all α at 0 it is the base. */
function checkMixed(recipes: Recipe[]): void {
  for (const recipe of recipes) if (usedTraits(recipe).length > 0) checkCount(recipe);
}
