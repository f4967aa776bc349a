/** The persona being tuned: sliders with their history, instructions, sampling, and how a file would be baked. */
import {
  ALPHA_LIMIT,
  countObstacle,
  type Method,
  type MixCost,
  ownSettings,
  type ParameterId,
  type ParameterValues,
  type Persona,
  persona,
  type Recipe,
  type RecipeInput,
  type RolePlay,
  recipe,
  SAFE_ALPHA_SUM,
  sampling as samplingSchema,
  settingsOf,
  TRAITS,
  type Trait,
  type Warning,
  type Weights,
} from '../../electron/studio/contract.ts';
import type { Client } from '../client.ts';
import { History } from '../lib/history.ts';
import { recall, remember } from '../lib/storage.ts';

/** The sliders end here; a restored recipe may hold more. */
export const SLIDER_LIMIT = 2;
export const FINE_STEP = 0.05;
export const COARSE_STEP = 0.5;

/** Milliseconds after the last change before the mix is checked, and before it counts as settled. */
const CHECK_AFTER = 150;
const SETTLED_AFTER = 450;

// Adding 0 makes −0 a plain 0.
const round = (alpha: number) => Math.round(alpha * 1000) / 1000 + 0;
const DEFAULTS = samplingSchema.parse({});

/** What a step of the history can bring back. */
const REMEMBERED = [
  'base',
  'weights',
  'method',
  'settings',
  'factors',
  'system',
  'character',
  'temperature',
  'topP',
  'seed',
  'maxTokens',
] as const;
type Remembered = (typeof REMEMBERED)[number];

export class Mix {
  /** Library name of the base model; empty until one is chosen. */
  base = $state('');
  weights = $state.raw<Weights>({});
  system = $state('');
  /** Who the persona plays, with the name that its words are filled in with; only a kept persona can bring one. */
  character = $state.raw<{ name: string; rolePlay: RolePlay } | null>(null);
  temperature = $state(DEFAULTS.temperature);
  /** What only a persona from elsewhere sets. */
  topP = $state(DEFAULTS.topP);
  seed = $state(DEFAULTS.seed);
  maxTokens = $state(DEFAULTS.maxTokens);
  /** For baking; the panes always use task arithmetic. */
  method = $state<Method>('task_arithmetic');
  /** What was set away from the defaults, for the methods that take it. */
  settings = $state.raw<ParameterValues>({});
  /** Factors on the strengths: over depth, and, which only a recipe from elsewhere can say, by tensor name. */
  factors = $state.raw<Pick<Recipe, 'depth' | 'filters'>>({});

  warnings = $state.raw<Warning[]>([]);
  /** What the mix costs, live; null while it is not known. */
  cost = $state.raw<MixCost | null>(null);
  /** False when the last check could not be made. */
  checked = $state(true);
  canUndo = $state(false);
  canRedo = $state(false);

  budget = $derived(round(TRAITS.reduce((sum, trait) => sum + Math.abs(this.weights[trait] ?? 0), 0)));

  /** The recipe of a file by the chosen method, or what is wrong with it. */
  bake = $derived.by(() => recipe.safeParse(this.#bakeDraft()));
  /** Why the chosen method cannot make a file of this mix; null where it can. */
  bakeObstacle = $derived.by(() => this.#bakeObstacle());

  /** Each step holds what it changed, so that texts typed meanwhile stay. */
  readonly #history = new History<Partial<Pick<Mix, Remembered>>>();
  readonly #onSettled = new Set<() => void>();
  #checkTimer: ReturnType<typeof setTimeout> | undefined;
  #settleTimer: ReturnType<typeof setTimeout> | undefined;
  #checks = 0;

  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
    const saved = recall('persona', persona);
    if (saved) this.#take(saved);
  }

  alpha(trait: Trait): number {
    return this.weights[trait] ?? 0;
  }

  /** Moves one slider; moves of one gesture are one step of the history. */
  set(trait: Trait, alpha: number) {
    const value = round(Math.min(SLIDER_LIMIT, Math.max(-SLIDER_LIMIT, alpha)));
    if (value === this.alpha(trait)) return;
    this.#change({ ...this.weights, [trait]: value }, trait);
  }

  reset(trait: Trait) {
    if (this.alpha(trait) !== 0) this.#change({ ...this.weights, [trait]: 0 }, null);
  }

  /** Sets every slider to 0; false when all were there. */
  resetAll(): boolean {
    if (this.budget === 0) return false;
    this.#change({}, null);
    return true;
  }

  /** Puts α of all traits on the sliders, rounded to three digits; places of one gesture are one step of the history. */
  place(alphas: Weights, gesture: string | null) {
    if (this.holds(alphas)) return;
    this.#change(Object.fromEntries(TRAITS.map(trait => [trait, round(alphas[trait] ?? 0)])), gesture);
  }

  /** Whether the sliders stand at these α. */
  holds(alphas: Weights): boolean {
    return TRAITS.every(trait => round(alphas[trait] ?? 0) === this.alpha(trait));
  }

  undo() {
    this.#show(this.#history.undo(before => this.#present(keysOf(before))));
  }

  redo() {
    this.#show(this.#history.redo(after => this.#present(keysOf(after))));
  }

  /** Takes another method for the file. */
  choose(method: Method) {
    if (method === this.method) return;
    this.#record(['method'], null);
    this.method = method;
    this.changed();
  }

  /** Everything the panes and the log need, at the present settings. */
  persona(): Persona {
    return this.#personaWith('Persona', this.#set());
  }

  /** The same without any vector. */
  basePersona(): Persona {
    return this.#personaWith('Base', {});
  }

  /** The recipe of a baked file: the chosen method instead of the panes' plain addition. */
  bakeRecipe(): Recipe {
    return recipe.parse(this.#bakeDraft());
  }

  /** The persona with its file's recipe. Settings that contradict each other are left out, so as to keep the sliders. */
  whole(): Persona {
    const { success, data } = this.bake;
    return success ? { ...this.persona(), recipe: data } : this.persona();
  }

  /** Sets one parameter of the method; its default counts as not set. */
  adjust<K extends ParameterId>(id: K, value: ParameterValues[K]) {
    this.#record(['settings'], id);
    const { [id]: _, ...others } = this.settings;
    const own = ownSettings({ method: this.method, [id]: value });
    this.settings = { ...others, ...own };
    this.changed();
  }

  /**
   * Factors on a trait's strength from the first layer to the last; the same 1 everywhere counts as not set. Changes of
   * one gesture are one step of the history.
   */
  vary(trait: Trait, points: number[], gesture: string | null = null) {
    const { [trait]: old, ...others } = this.factors.depth ?? {};
    const even = points.every(point => point === 1);
    if (even ? old === undefined : JSON.stringify(points) === JSON.stringify(old)) return;
    this.#record(['factors'], gesture);
    const depth = even ? others : { ...others, [trait]: points };
    this.factors = { ...this.factors, depth: Object.keys(depth).length > 0 ? depth : undefined };
    this.changed();
  }

  /** Back to the method's defaults. */
  resetMethod() {
    this.#record(['settings', 'factors'], null);
    this.settings = {};
    this.factors = {};
    this.changed();
  }

  /** Puts a logged persona on the sliders, with all that belongs to it, as one step of the history. */
  restore(from: Persona) {
    this.#record(REMEMBERED, null);
    this.#take(from);
    this.changed();
  }

  /** Call after any setting other than a slider was changed. */
  changed() {
    this.canUndo = this.#history.canUndo;
    this.canRedo = this.#history.canRedo;
    clearTimeout(this.#checkTimer);
    this.#checkTimer = setTimeout(() => void this.check(), CHECK_AFTER);
    clearTimeout(this.#settleTimer);
    this.#settleTimer = setTimeout(() => {
      remember('persona', this.whole());
      for (const listener of this.#onSettled) listener();
    }, SETTLED_AFTER);
  }

  /** Calls back when the settings have rested for a moment after a change. */
  onSettled(listener: () => void) {
    this.#onSettled.add(listener);
  }

  async check() {
    if (this.base === '') return;
    const turn = ++this.#checks;
    void this.weigh();
    try {
      const warnings = await this.#client.mixing.check({ recipe: this.persona().recipe });
      if (turn !== this.#checks) return;
      this.warnings = warnings;
      this.checked = true;
    } catch {
      if (turn === this.#checks) this.checked = false;
    }
  }

  /** Asks what the mix costs; so too after an answer, with which a dense vector gets its factors. */
  async weigh() {
    // Another window's answer may end before this one has its model.
    if (this.base === '') return;
    const recipe = this.persona().recipe;
    try {
      const cost = await this.#client.mixing.cost({ recipe });
      if (JSON.stringify(recipe) === JSON.stringify(this.persona().recipe)) this.cost = cost;
    } catch {
      this.cost = null;
    }
  }

  #change(weights: Weights, gesture: string | null) {
    this.#record(['weights'], gesture);
    this.weights = weights;
    this.changed();
  }

  #record(what: readonly Remembered[], gesture: string | null) {
    this.#history.record(this.#present(what), gesture);
  }

  #present(what: readonly Remembered[]): Partial<Pick<Mix, Remembered>> {
    return Object.fromEntries(what.map(key => [key, this[key]]));
  }

  #show(state: Partial<Pick<Mix, Remembered>> | null) {
    if (!state) return;
    Object.assign(this, state);
    this.changed();
  }

  #take(from: Persona) {
    this.base = from.recipe.base;
    this.weights = from.recipe.weights;
    this.method = from.recipe.method;
    this.settings = ownSettings(from.recipe);
    this.factors = { depth: from.recipe.depth, filters: from.recipe.filters };
    this.system = from.system;
    this.character = from.rolePlay ? { name: from.name, rolePlay: from.rolePlay } : null;
    this.temperature = from.sampling.temperature;
    this.topP = from.sampling.topP;
    this.seed = from.sampling.seed;
    this.maxTokens = from.sampling.maxTokens;
  }

  #bakeDraft(): RecipeInput {
    const taken = settingsOf(this.method).filter(({ id }) => this.settings[id] !== undefined);
    return {
      version: 2,
      base: this.base,
      weights: this.#set(),
      method: this.method,
      ...Object.fromEntries(taken.map(({ id }) => [id, this.settings[id]])),
      ...this.factors,
    };
  }

  #bakeObstacle(): string | null {
    if (this.base === '') return null;
    if (this.bake.success) return countObstacle(this.bake.data);
    const [{ message } = { message: '' }] = this.bake.error.issues;
    return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
  }

  /** The strengths that are not 0. */
  #set(): Weights {
    return Object.fromEntries(
      TRAITS.filter(trait => this.alpha(trait) !== 0).map(trait => [trait, this.alpha(trait)]),
    );
  }

  #personaWith(name: string, weights: Weights): Persona {
    const { temperature, topP, seed, maxTokens } = this;
    return persona.parse({
      // The character's texts name it, also to the base.
      name: this.character?.name ?? name,
      recipe: { version: 2, base: this.base, weights },
      system: this.system,
      rolePlay: this.character?.rolePlay,
      sampling: { temperature, topP, seed, maxTokens },
    });
  }
}

const keysOf = (state: Partial<Pick<Mix, Remembered>>) => Object.keys(state) as Remembered[];

export const sameWeights = (a: Persona, b: Persona): boolean =>
  TRAITS.every(trait => (a.recipe.weights[trait] ?? 0) === (b.recipe.weights[trait] ?? 0));

/** Whether two personas would measure alike: same model, sliders and instructions. */
export const sameMix = (a: Persona, b: Persona): boolean =>
  a.recipe.base === b.recipe.base &&
  a.system === b.system &&
  JSON.stringify(a.rolePlay) === JSON.stringify(b.rolePlay) &&
  sameWeights(a, b);

/** Whether two personas would answer alike: the same mix and the same sampling. */
export const sameSettings = (a: Persona, b: Persona): boolean =>
  sameMix(a, b) &&
  a.sampling.temperature === b.sampling.temperature &&
  a.sampling.topP === b.sampling.topP &&
  a.sampling.seed === b.sampling.seed &&
  a.sampling.maxTokens === b.sampling.maxTokens;

/** How far a slider may go before the whole mix leaves the safe region. */
export const safeReach = (weights: Weights, trait: Trait): number => {
  const others = TRAITS.reduce(
    (sum, other) => sum + (other === trait ? 0 : Math.abs(weights[other] ?? 0)),
    0,
  );
  return Math.max(0, Math.min(ALPHA_LIMIT, SAFE_ALPHA_SUM - others));
};
