/** Assessments of a persona: one administration, a sweep along one α, a profile study over all five. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type { LiveMix } from '../../workers/contract.ts';
import type {
  AssessResult,
  assessInput,
  Inventory,
  Persona,
  ProfilesResult,
  profilesInput,
  Recipe,
  Scores,
  SweepResult,
  sweepInput,
} from '../contract.ts';
import { TRAITS } from '../contract.ts';
import { StudioError } from '../errors.ts';
import type { Task } from '../log/runs.ts';
import { checkCount, type Mixing } from '../mixing/mixing.ts';
import { liveObstacle, usedTraits } from '../mixing/recipe.ts';
import { correlation } from '../statistics/correlation.ts';
import type { WorkerClient } from '../worker-client.ts';
import { latinHypercube } from './designs.ts';
import { ANSWERS, itemPrompt } from './inventories.ts';
import { scoreInventory, scoreItem } from './scoring.ts';

export class Assessment {
  readonly #mixing: Mixing;
  readonly #inference: WorkerClient<'inference'>;
  readonly #inventories: Inventory[];
  readonly #scratch: string;

  constructor(
    mixing: Mixing,
    inference: WorkerClient<'inference'>,
    inventories: Inventory[],
    scratchFolder: string,
  ) {
    this.#mixing = mixing;
    this.#inference = inference;
    this.#inventories = inventories;
    this.#scratch = scratchFolder;
  }

  /** The inventory of that short name. */
  inventory(short: string): Inventory {
    const found = this.#inventories.find(inventory => inventory.short === short);
    if (found) return found;
    throw new StudioError('not_found', `There is no inventory “${short}”.`, {
      field: 'inventory',
      action: `Known: ${this.#inventories.map(inventory => inventory.short).join(', ')}.`,
    });
  }

  /** A plain weighted sum is mixed live, anything else through a baked file. */
  async assess(input: z.output<typeof assessInput>, task: Task): Promise<AssessResult> {
    const inventory = this.inventory(input.inventory);
    checkMixed([input.persona.recipe]);
    return this.#mixed(input.persona.recipe, false, task, mix =>
      this.#administer(mix, input.persona, inventory, task, (done, total) =>
        task.progress(done, total, 'items'),
      ),
    );
  }

  async sweep(input: z.output<typeof sweepInput>, task: Task): Promise<SweepResult> {
    const { trait, alphas } = input;
    const recipes = alphas.map(alpha => ({
      ...input.persona.recipe,
      weights: { ...input.persona.recipe.weights, [trait]: alpha },
    }));
    const scores = await this.#assessEach(recipes, input, task);
    const points = alphas.map((alpha, index) => ({ alpha, scores: scores[index] as Scores }));
    return {
      trait,
      points,
      ...correlation(
        alphas,
        points.map(point => point.scores[trait]),
      ),
    };
  }

  async profiles(input: z.output<typeof profilesInput>, task: Task): Promise<ProfilesResult> {
    const drawn = latinHypercube(input.n, input.seed);
    const scores = await this.#assessEach(
      drawn.map(weights => ({ ...input.persona.recipe, weights })),
      input,
      task,
    );
    const profiles = drawn.map((weights, index) => ({ weights, scores: scores[index] as Scores }));
    const found = TRAITS.map(trait =>
      correlation(
        drawn.map(weights => weights[trait]),
        profiles.map(profile => profile.scores[trait]),
      ),
    );
    const known = found.flatMap(({ r }) => (r === null ? [] : [r]));
    const perTrait = <V>(of: (index: number) => V) =>
      Object.fromEntries(TRAITS.map((trait, index) => [trait, of(index)])) as Record<
        (typeof TRAITS)[number],
        V
      >;
    return {
      r: perTrait(index => found[index]?.r ?? null),
      ci95: perTrait(index => found[index]?.ci95 ?? null),
      mean_r: known.length === TRAITS.length ? known.reduce((sum, r) => sum + r, 0) / known.length : null,
      n: input.n,
      profiles,
    };
  }

  async #assessEach(
    recipes: Recipe[],
    { persona, inventory: short, baked }: { persona: Persona; inventory: string; baked: boolean },
    task: Task,
  ): Promise<Scores[]> {
    const inventory = this.inventory(short);
    checkMixed(recipes);
    const results: Scores[] = [];
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
      const { scores } = await this.#mixed(recipe, baked, quiet, mix =>
        this.#administer(mix, persona, inventory, quiet, (done, total) =>
          task.progress(results.length + done / total, recipes.length, 'points'),
        ),
      );
      results.push(scores);
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
    inventory: Inventory,
    task: Task,
    onItem: (done: number, total: number) => void,
  ): Promise<AssessResult> {
    const { items } = inventory;
    const prompts = items.map(item => itemPrompt(inventory, item));
    const system = persona.system.trim();
    const results: AssessResult['items'] = [];
    onItem(0, items.length);
    const ratings = this.#inference.stream(worker =>
      worker.rate({ mix, system, prompts, answers: ANSWERS }, { signal: task.signal }),
    );
    for await (const { index, probabilities } of ratings) {
      const item = items[index];
      if (item) results.push(scoreItem(item, probabilities));
      onItem(results.length, items.length);
    }
    task.signal.throwIfAborted();
    return scoreInventory(results);
  }
}

/** Finds a point that its method cannot mix before the first one is assessed; with all α at 0 it is the base. */
function checkMixed(recipes: Recipe[]): void {
  for (const recipe of recipes) if (usedTraits(recipe).length > 0) checkCount(recipe);
}
