/** An inventory administered to a persona, whatever its mix needs to become real. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type {
  Administration,
  AssessResult,
  assessInput,
  FileType,
  Persona,
  Recipe,
  Trait,
} from '../contract.ts';
import { recipe as recipeSchema } from '../contract.ts';
import { isEndpoint } from '../endpoints/contract.ts';
import { StudioError } from '../errors.ts';
import type { Inference, Mix } from '../inference.ts';
import type { Log } from '../log/log.ts';
import type { Task } from '../log/runs.ts';
import { checkCount, type Mixing } from '../mixing/mixing.ts';
import { liveObstacle, usedTraits } from '../mixing/recipe.ts';
import { administer, answersAsked, type Kept } from './administration.ts';
import type { Inventories, LoadedInventory } from './inventories.ts';
import { compare, scoreCases } from './scoring.ts';

export class Assessment {
  readonly #mixing: Mixing;
  readonly #inference: Inference;
  readonly #inventories: Inventories;
  readonly #scratch: string;

  constructor(mixing: Mixing, inference: Inference, inventories: Inventories, scratchFolder: string) {
    this.#mixing = mixing;
    this.#inference = inference;
    this.#inventories = inventories;
    this.#scratch = scratchFolder;
  }

  /**
   * A plain weighted sum is mixed live, anything else through a baked file. What was answered is in the log as it comes,
   * until all is: a run that is resumed asks only what is left.
   */
  async assess(input: z.output<typeof assessInput>, task: Task, log: Log): Promise<AssessResult> {
    const inventory = await this.inventory(input.inventory, task);
    const personas = [input.persona, ...(input.reference ? [input.reference] : [])];
    checkMixed(personas.map(({ recipe }) => recipe));
    const asked = answersAsked(inventory, input.administration);
    const stored = log.points(task.run);
    const results: AssessResult[] = [];
    for (const [index, persona] of personas.entries()) {
      const before = asked * index;
      const onAnswer = (done: number) => task.progress(before + done, asked * personas.length, 'answers');
      const named = (name: string) => `persona ${index + 1}, ${name}`;
      const kept: Kept = {
        get: name => stored.get(named(name))?.result,
        add: (name, answer) => log.addPoint(task.run, named(name), answer, 0),
      };
      results.push(await this.measure(persona, inventory, input.administration, false, task, onAnswer, kept));
    }
    log.dropPoints(task.run);
    const [result, reference] = results as [AssessResult, AssessResult?];
    return { ...result, comparison: reference ? compare(result.items, reference.items) : null };
  }

  /** The inventory of that name, which must have items of the traits `needed`. */
  async inventory(
    short: string,
    task: Pick<Task, 'used'>,
    needed: readonly Trait[] = [],
  ): Promise<LoadedInventory> {
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

  /** One administration to one persona. `baked`: through a file where live adapters would do. */
  measure(
    persona: Persona,
    inventory: LoadedInventory,
    administration: Administration,
    baked: boolean,
    task: Task,
    onAnswer: (done: number) => void,
    kept?: Kept,
  ): Promise<AssessResult> {
    return this.withMix(persona.recipe, baked, task, mix =>
      this.#administer(mix, persona, inventory, administration, task, onAnswer, kept),
    );
  }

  /** Makes the mix real (live, or as a file that is deleted afterwards) and works with it. */
  async withMix<R>(recipe: Recipe, baked: boolean, task: Task, work: (mix: Mix) => Promise<R>): Promise<R> {
    if (isEndpoint(recipe.base)) checkRemote(recipe, baked);
    if (!baked && !liveObstacle(recipe)) return work(await this.#mixing.live(recipe, task));
    const folder = await mkdtemp(join(this.#scratch, 'mix-'));
    const model = join(folder, 'mix.gguf');
    try {
      await this.#mixing.bakeTo(await this.#mixing.resolve(recipe), 'f32', model, task);
      return await work({ model, adapters: [] });
    } finally {
      await this.#inference.unload(model).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Gives the work a way to write a recipe to a file, at most once; the file is deleted afterwards. */
  async withFile<R>(
    recipe: Recipe,
    type: FileType,
    task: Task,
    work: (written: () => Promise<string>) => Promise<R>,
  ): Promise<R> {
    const folder = await mkdtemp(join(this.#scratch, 'file-'));
    const model = join(folder, 'first.gguf');
    let writing: Promise<string> | undefined;
    const write = async () => {
      const quiet: Task = { ...task, progress: () => {} };
      await this.#mixing.bakeTo(await this.#mixing.resolve(recipe), type, model, quiet);
      return model;
    };
    try {
      return await work(() => {
        writing ??= write();
        return writing;
      });
    } finally {
      await this.#inference.unload(model).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #administer(
    mix: Mix,
    persona: Persona,
    inventory: LoadedInventory,
    administration: Administration,
    task: Task,
    onAnswer: (done: number) => void,
    kept?: Kept,
  ): Promise<AssessResult> {
    const judge =
      administration.mode === 'interview' && administration.judge
        ? await this.#mixing.live(recipeSchema.parse({ version: 2, base: administration.judge }), task)
        : undefined;
    let done = 0;
    onAnswer(done);
    const { cases, parsing, unseen } = await administer(
      this.#inference,
      { mix, persona, judge },
      inventory,
      administration,
      task.signal,
      () => onAnswer(++done),
      kept,
    );
    return { ...scoreCases(cases), parsing, unseen };
  }
}

/** Refuses, before any work, a mix that its server cannot make. */
function checkRemote(recipe: Recipe, baked: boolean): void {
  const obstacle = liveObstacle(recipe) ?? (baked ? 'A baked file' : null);
  if (obstacle)
    throw new StudioError('bad_input', `${obstacle} cannot be had from a server, which only adds adapters.`, {
      field: 'persona',
      action: 'Bake the mix into a file, serve that, and assess it with all sliders at 0.',
    });
}

/** Finds a point that its method cannot mix before the first one is assessed; with all α at 0 it is the base. */
export function checkMixed(recipes: Recipe[]): void {
  for (const recipe of recipes) if (usedTraits(recipe).length > 0) checkCount(recipe);
}
