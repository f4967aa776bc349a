/** Experiments: the chosen design with its plan as a form holds it, what it will take, and the run that is shown. */
import {
  type Administration,
  administration as administrationSchema,
  calibrateInput,
  capabilityInput,
  countObstacle,
  type EXPERIMENT_KINDS,
  type FileType,
  type Inventory,
  inventoryFor,
  isResumable,
  METHOD_IDS,
  METHODS,
  type Method,
  type OPERATIONS,
  type Persona,
  type Picture,
  persona as personaSchema,
  picturesInput,
  profilesInput,
  promptingInput,
  type Run,
  type RunSummary,
  stabilityInput,
  TRAITS,
  type Trait,
} from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';
import { resumable } from '../lib/runs.ts';
import type { Library } from './library.svelte.ts';
import type { Mix } from './mix.svelte.ts';
import type { Personas } from './personas.svelte.ts';
import type { PictureFiles } from './pictureFiles.ts';
import type { Place } from './place.svelte.ts';
import type { Runs } from './runs.svelte.ts';

/** In the order of the chooser. */
export const DESIGNS = [
  'assess',
  'sweep',
  'profiles',
  'methods_compare',
  'capability',
  'prompting',
  'transfer',
  'stability',
  'calibrate',
  'pictures',
] as const satisfies readonly ('assess' | (typeof EXPERIMENT_KINDS)[number])[];
export type Design = (typeof DESIGNS)[number];

/** Which settings a design's form has besides the persona. */
export const FIELDS: Record<Design, readonly Field[]> = {
  assess: ['reference'],
  sweep: ['trait', 'alphas'],
  profiles: ['profiles'],
  methods_compare: ['methods', 'profiles'],
  capability: ['tasks'],
  prompting: ['traits'],
  transfer: ['models', 'traits'],
  stability: ['file'],
  calibrate: ['combinations'],
  pictures: ['pictures', 'trait', 'alphas'],
};
type Field =
  | 'reference'
  | 'trait'
  | 'alphas'
  | 'profiles'
  | 'methods'
  | 'tasks'
  | 'traits'
  | 'models'
  | 'file'
  | 'combinations'
  | 'pictures';

/** Designs that put no inventory. */
export const withoutInventory = (design: Design): boolean => design === 'capability' || design === 'pictures';

export const isDesign = (name: string | null): name is Design => DESIGNS.includes(name as Design);

/** Methods that can mix five vectors, which drawn profiles need. */
export const COMPARABLE_METHODS: Method[] = METHOD_IDS.filter(
  method => countObstacle({ method, weights: Object.fromEntries(TRAITS.map(trait => [trait, 1])) }) === null,
);

/** Personas that can describe the same pictures. */
const MOST_DESCRIBERS = 25;

/** Past experiments that the view offers to look at again, and answers that a time is taken from. */
const MOST_PAST = 20;
const TIMED = 7;
/** Answers drawn to an item, unless another number is asked for. */
const SEVERAL = 3;

type InventoryChoice = Pick<Inventory, 'short' | 'name' | 'language' | 'source' | 'reference' | 'licence'> & {
  items: number;
  traits: string[];
  facets: string[];
  instructions: number;
};

export class Experiments {
  design = $state<Design>('sweep');
  inventories = $state.raw<InventoryChoice[]>([]);
  /** The user's own that could not be read. */
  leftOut = $state.raw<{ path: string; message: string }[]>([]);

  /** Whom: the sliders, the base, or a kept persona by its id. */
  who = $state('sliders');
  /** The one that was chosen; null while it follows the model's languages. */
  #inventory = $state<string | null>(null);
  instructions = $state(1);
  order = $state<Administration['order']>('normal');
  mode = $state<Administration['mode']>('probability');
  /** Of drawn answers. */
  repeats = $state(SEVERAL);
  temperature = $state(administrationSchema.shape.temperature.parse(undefined));
  /** Model that rates interviews, by its id. */
  judge = $state('');
  /** Whom an assessment is compared with: nobody, the base, or a kept persona by its id. */
  reference = $state('');
  baked = $state(false);

  trait = $state<Trait>('extraversion');
  from = $state(-2);
  to = $state(2);
  step = $state(0.5);
  traits = $state<Trait[]>(promptingInput.shape.traits.parse(undefined));
  n = $state(profilesInput.shape.n.parse(undefined));
  seed = $state(profilesInput.shape.seed.parse(undefined));
  methods = $state<Method[]>(['task_arithmetic', 'ties', 'dare_linear']);
  models = $state<string[]>([]);
  problems = $state(capabilityInput.shape.problems.parse(undefined));
  operations = $state<(typeof OPERATIONS)[number][]>(capabilityInput.shape.operations.parse(undefined));
  largest = $state(capabilityInput.shape.largest.parse(undefined));
  requests = $state(capabilityInput.shape.requests.parse(undefined));
  text = $state(true);
  type = $state<FileType>(stabilityInput.shape.type.parse(undefined));
  combinations = $state(calibrateInput.shape.combinations.parse(undefined));
  pictures = $state.raw<Picture[]>([]);
  prompt = $state(picturesInput.shape.prompt.parse(undefined));
  descriptions = $state(picturesInput.shape.repeats.parse(undefined));
  /** Pictures are on their way to the studio. */
  attaching = $state(false);

  /** The run whose result is shown; null while it goes on or where there is none. */
  shown = $state.raw<Run | null>(null);
  /** Its id. */
  showing = $state<string | null>(null);
  /** The same run as the list has it. */
  line = $derived.by(() => this.#runs.list.find(({ id }) => id === this.showing) ?? null);
  starting = $state(false);
  problem = $state.raw<Problem | null>(null);

  get inventory(): string {
    return this.#inventory ?? inventoryFor(this.#languages, this.inventories);
  }

  set inventory(short: string) {
    this.#inventory = short;
  }

  /** Of the model that is studied. */
  #languages = $derived.by(() => this.#library.find(this.persona().recipe.base)?.languages ?? []);

  /** How the chosen inventory is administered. */
  administration = $derived.by(() => {
    const { mode, order, seed, repeats, temperature } = this;
    // An interview has one wording.
    const instructions = mode === 'interview' ? 1 : Math.min(this.instructions, this.wordings);
    const forms = { mode, order, instructions };
    if (mode === 'probability') return forms;
    return { ...forms, seed, repeats, temperature, judge: mode === 'interview' ? this.judge : undefined };
  });
  /** How many wordings there are for the chosen inventory. */
  wordings = $derived.by(
    () => this.inventories.find(({ short }) => short === this.inventory)?.instructions ?? 1,
  );
  /** Models that can judge. */
  judges = $derived.by(() => this.#library.models);

  /** α of the sweep, from low to high. */
  alphas = $derived.by(() => {
    const { from, to, step } = this;
    if (!(step > 0) || !(from <= to)) return [];
    const count = Math.floor((to - from) / step + 1e-9) + 1;
    return Array.from({ length: count }, (_, index) => Number((from + index * step).toFixed(6)));
  });
  /** Models that take the vectors of the base. */
  relatives = $derived.by(() => {
    const base = this.#library.find(this.#mix.base);
    return this.#library.models.filter(model => model.id !== base?.id && model.backbone === base?.backbone);
  });
  past = $derived.by(() =>
    this.#runs.list.filter(({ kind, state }) => kind === this.design && state === 'done').slice(0, MOST_PAST),
  );
  /** Experiments that go on, and those that can be gone on with. */
  running = $derived.by(() =>
    this.#runs.list.filter(run => isResumable(run.kind) && run.state === 'running'),
  );
  unfinished = $derived.by(() => this.#runs.list.filter(resumable).slice(0, MOST_PAST));

  readonly #connection: Connection;
  readonly #mix: Mix;
  readonly #library: Library;
  readonly #personas: Personas;
  readonly #runs: Runs;
  readonly #place: Place;
  readonly #files: PictureFiles;

  constructor(parts: {
    connection: Connection;
    mix: Mix;
    library: Library;
    personas: Personas;
    runs: Runs;
    place: Place;
    files: PictureFiles;
  }) {
    this.#connection = parts.connection;
    this.#mix = parts.mix;
    this.#library = parts.library;
    this.#personas = parts.personas;
    this.#runs = parts.runs;
    this.#place = parts.place;
    this.#files = parts.files;
    this.#runs.onEnd(({ id }) => {
      if (id === this.showing) void this.#load(id);
    });
  }

  get #client() {
    return this.#connection.client;
  }

  /** What the form offers: inventories and kept personas. */
  async load() {
    try {
      const { inventories, broken } = await this.#client.assessment.inventories();
      this.inventories = inventories;
      this.leftOut = broken;
      await this.#personas.load();
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  /** Shows what the address names: a design, or the run of one. */
  follow(item: string | null) {
    if (item === null) return;
    if (isDesign(item)) {
      if (this.line?.kind !== item) this.#hide();
      this.design = item;
    } else if (item !== this.showing) void this.#load(item);
  }

  choose(design: Design) {
    this.problem = null;
    this.#place.show(design);
  }

  show(id: string) {
    this.problem = null;
    this.#place.show(id);
  }

  #hide() {
    this.shown = null;
    this.showing = null;
  }

  async #load(id: string) {
    this.showing = id;
    try {
      const run = await this.#runs.get(id);
      if (this.showing !== id) return;
      if (isDesign(run.kind)) this.design = run.kind;
      this.shown = run.state === 'running' ? null : run;
    } catch (error) {
      if (this.showing !== id) return;
      this.#hide();
      this.problem = toProblem(error);
    }
  }

  // ── The plan ─────────────────────────────────────────────────────────────────────────────────────────────

  /** The persona that is studied. */
  persona(): Persona {
    return this.#personaOf(this.who) ?? this.#mix.persona();
  }

  /** The base, or a kept persona by its id. */
  #personaOf(which: string): Persona | undefined {
    if (which === 'base') return this.#mix.basePersona();
    const kept = this.#personas.list.find(({ id }) => id === which);
    return kept && personaSchema.parse(kept.persona);
  }

  /** Adds pictures to be described; one that cannot be taken ends it, with the reason. */
  async attach(files: File[]) {
    this.problem = null;
    this.attaching = true;
    try {
      for (const file of files) {
        const picture = await this.#files.add(file);
        if (this.pictures.every(({ hash }) => hash !== picture.hash))
          this.pictures = [...this.pictures, picture];
      }
    } catch (error) {
      this.problem = toProblem(error);
    } finally {
      this.attaching = false;
    }
  }

  detach(hash: string) {
    this.pictures = this.pictures.filter(picture => picture.hash !== hash);
  }

  /** Why this cannot begin; null where it can. */
  obstacle = $derived.by((): Obstacle | null => {
    const { design } = this;
    if (this.#mix.base === '') return 'model';
    if (!withoutInventory(design) && this.mode === 'interview' && this.judge === '') return 'judge';
    if (design === 'pictures') {
      const { base } = this.persona().recipe;
      if (!this.#library.endpoint(base)?.facts.images) return 'blind';
      if (this.pictures.length === 0) return 'pictures';
      if (this.alphas.length > MOST_DESCRIBERS) return 'manyDescribers';
      if (this.alphas.length === 0) return 'alphas';
    }
    if (design === 'sweep' && this.alphas.length === 0) return 'alphas';
    if (design === 'sweep' && this.alphas.length > 201) return 'manyAlphas';
    if ((design === 'prompting' || design === 'transfer') && this.traits.length === 0) return 'traits';
    if (design === 'methods_compare' && this.methods.length < 2) return 'methods';
    if (design === 'transfer' && this.relatives.length === 0) return 'relatives';
    if (design === 'transfer' && this.chosenModels.length === 0) return 'models';
    const moved = TRAITS.some(trait => this.persona().recipe.weights[trait]);
    if ((design === 'stability' || design === 'capability') && !moved) return 'weights';
    if (design === 'capability' && this.problems + this.requests === 0 && !this.text) return 'tasks';
    if (design === 'capability' && this.problems > 0 && this.operations.length === 0) return 'operations';
    return null;
  });

  /** The chosen models that are still there. */
  get chosenModels(): string[] {
    return this.models.filter(id => this.relatives.some(model => model.id === id));
  }

  /** How many assessments it takes, or for the capability check how many answers. */
  amountOf(design: Design): number {
    const { traits } = this;
    switch (design) {
      case 'assess':
        return this.reference === '' ? 1 : 2;
      case 'sweep':
        return this.alphas.length;
      case 'profiles':
        return this.n;
      case 'methods_compare':
        return this.n * this.methods.length;
      case 'capability':
        return 2 * (this.problems + this.requests);
      case 'prompting':
        // The base; for each trait three adjectives at each of four levels, and eight α.
        return 1 + traits.length * (4 * 3 + 8);
      case 'transfer':
        return (1 + this.chosenModels.length) * (1 + 4 * traits.length);
      case 'stability': {
        const { weights } = this.persona().recipe;
        return 3 + 2 * TRAITS.filter(trait => !weights[trait]).length;
      }
      case 'calibrate':
        return 1 + TRAITS.length * 2 * calibrateInput.shape.knots.parse(undefined).length + this.combinations;
      case 'pictures':
        return this.alphas.length * this.pictures.length * this.descriptions;
      default:
        return design satisfies never;
    }
  }

  /** Seconds that it may take, from what such work took here of late; null where nothing is known. */
  secondsOf(design: Design): number | null {
    const kind = withoutInventory(design) ? 'chat' : 'assess';
    const took = this.#runs.list
      .filter(
        run => run.kind === kind && run.state === 'done' && run.model === this.#mix.base && !run.imported,
      )
      .slice(0, TIMED)
      .map(
        ({ startedAt, finishedAt }) => (Date.parse(finishedAt ?? startedAt) - Date.parse(startedAt)) / 1000,
      )
      .sort((a, b) => a - b);
    const middle = took[Math.floor(took.length / 2)];
    return middle === undefined ? null : middle * this.amountOf(design);
  }

  /** Begins the experiment and shows its run. */
  async start() {
    if (this.starting || this.obstacle) return;
    this.starting = true;
    this.problem = null;
    try {
      const { run } = await this.#begin();
      this.show(run);
    } catch (error) {
      this.problem = toProblem(error);
    } finally {
      this.starting = false;
    }
  }

  #begin(): Promise<{ run: string }> {
    const { assessment, experiments } = this.#client;
    const { design, inventory, administration, baked, n, seed, traits } = this;
    const persona = this.persona();
    const studied = { persona, inventory, administration, baked };
    switch (design) {
      case 'assess': {
        const reference = this.#personaOf(this.reference);
        return assessment.assess({ persona, inventory, administration, reference });
      }
      case 'sweep':
        return assessment.sweep({ ...studied, trait: this.trait, alphas: this.alphas });
      case 'profiles':
        return assessment.profiles({ ...studied, n, seed });
      case 'methods_compare': {
        const { base } = persona.recipe;
        const recipes = this.methods.map(method => ({
          name: METHODS[method].label,
          recipe: { version: 2 as const, base, method },
        }));
        return experiments.methods({ ...studied, n, seed, recipes });
      }
      case 'capability': {
        const { problems, operations, largest, requests } = this;
        const tasks = { problems, operations, largest, requests, text: this.text ? undefined : '', seed };
        // An operation must be named even where no sum is set.
        if (operations.length === 0) tasks.operations = ['plus'];
        return experiments.capability({ persona, baked, ...tasks });
      }
      case 'prompting':
        return experiments.prompting({ ...studied, traits });
      case 'transfer':
        return experiments.transfer({ ...studied, traits, models: this.chosenModels });
      case 'stability':
        return experiments.stability({ ...studied, type: this.type });
      case 'calibrate':
        return experiments.calibrate({ ...studied, combinations: this.combinations, seed });
      case 'pictures': {
        const { trait, pictures, prompt, descriptions } = this;
        // The model as it is, where it is among them, is what the others are compared with.
        const alphas = this.alphas.toSorted((a, b) => Number(b === 0) - Number(a === 0));
        const [first, ...compared] = alphas.map(alpha => ({
          ...persona,
          name: `${trait} ${String(alpha).replace('-', '−')}`,
          recipe: { ...persona.recipe, weights: { ...persona.recipe.weights, [trait]: alpha } },
          sampling: { ...persona.sampling, seed },
        }));
        return experiments.pictures({
          persona: first ?? persona,
          compared,
          pictures,
          prompt,
          repeats: descriptions,
          trait,
        });
      }
      default:
        return design satisfies never;
    }
  }

  /** Fills the form with the plan of a run; the persona is the caller's, on the sliders. */
  take({ kind, input }: Run) {
    if (!isDesign(kind)) return;
    this.design = kind;
    this.who = 'sliders';
    // A plan has the fields of its kind alone; those of others stay as they are in the form.
    const plan = input as Partial<Plan>;
    if (plan.baked !== undefined) this.baked = plan.baked;
    if (plan.inventory) this.inventory = plan.inventory;
    if (plan.administration) {
      const { instructions, order, mode, repeats, temperature, judge } = plan.administration;
      Object.assign(this, { instructions, order, mode, temperature, judge: judge ?? '' });
      if (mode !== 'probability') this.repeats = repeats;
    }
    // Another persona than the base is not looked up: it may have changed since.
    if (kind === 'assess') this.reference = plan.reference ? 'base' : '';
    if (plan.seed !== undefined) this.seed = plan.seed;
    if (plan.n !== undefined) this.n = plan.n;
    if (plan.trait) this.trait = plan.trait;
    if (plan.traits) this.traits = plan.traits;
    if (plan.models) this.models = plan.models;
    if (plan.type) this.type = plan.type;
    if (plan.combinations !== undefined) this.combinations = plan.combinations;
    if (plan.recipes) this.methods = [...new Set(plan.recipes.map(({ recipe }) => recipe.method))];
    if (kind === 'sweep' && plan.alphas) {
      const [first = 0, second = first] = plan.alphas;
      this.from = first;
      this.to = plan.alphas.at(-1) ?? first;
      this.step = Number((second - first).toFixed(6)) || this.step;
    }
    if (kind === 'pictures') {
      this.pictures = plan.pictures ?? this.pictures;
      this.prompt = plan.prompt ?? this.prompt;
      this.descriptions = plan.repeats ?? this.descriptions;
      const weights = [plan.persona, ...(plan.compared ?? [])].map(
        one => one?.recipe.weights[this.trait] ?? 0,
      );
      const [low = 0, next = low] = weights.toSorted((a, b) => a - b);
      this.from = low;
      this.to = Math.max(...weights);
      this.step = Number((next - low).toFixed(6)) || this.step;
      this.seed = plan.persona?.sampling.seed ?? this.seed;
    }
    if (kind === 'capability') {
      this.problems = plan.problems ?? this.problems;
      this.operations = plan.operations ?? this.operations;
      this.largest = plan.largest ?? this.largest;
      this.requests = plan.requests ?? this.requests;
      this.text = plan.text !== '';
    }
  }

  async resume(run: RunSummary) {
    this.problem = null;
    try {
      await this.#client.runs.resume({ id: run.id });
      this.shown = null;
      this.show(run.id);
    } catch (error) {
      this.problem = toProblem(error);
    }
  }
}

type InputOf<K extends Run['kind']> = Extract<Run, { kind: K }>['input'];
/** The fields that a plan of any design may have. */
type Plan = InputOf<'assess'> &
  InputOf<'sweep'> &
  InputOf<'methods_compare'> &
  InputOf<'capability'> &
  InputOf<'transfer'> &
  InputOf<'stability'> &
  InputOf<'calibrate'> &
  InputOf<'pictures'>;

export type Obstacle =
  | 'model'
  | 'judge'
  | 'alphas'
  | 'manyAlphas'
  | 'traits'
  | 'methods'
  | 'relatives'
  | 'models'
  | 'weights'
  | 'tasks'
  | 'operations'
  | 'blind'
  | 'pictures'
  | 'manyDescribers';
