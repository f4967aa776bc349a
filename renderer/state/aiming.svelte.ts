/** Wanted scores instead of α: solved by the calibration that is kept, put on the sliders, then measured and corrected. */
import {
  type Persona,
  type Scores,
  type SolveResult,
  type TargetResult,
  TRAITS,
  type Trait,
} from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';
import { Job } from './job.svelte.ts';
import type { Mix } from './mix.svelte.ts';

/** The default inventory's scale. */
export const LOWEST_SCORE = 1;
export const HIGHEST_SCORE = 5;

/** Assessments of the default design: the base, three knots of both poles of five traits, 24 combinations. */
export const DESIGN_POINTS = 55;

/** Milliseconds after the last change of a wanted score before it is solved. */
const SOLVE_AFTER = 120;

/** What a calibration holds for besides model and vectors; a change of these asks for another one. */
const conditionOf = ({ recipe, system, sampling }: Persona) =>
  JSON.stringify([recipe.base, system.trim(), sampling.topP]);

export class Aiming {
  /** Scores that are asked for; absent: the trait is left free. */
  wanted = $state.raw<Scores>({});
  /** Undefined until it was asked for, null where no calibration is kept. */
  solved = $state.raw<SolveResult | undefined>(undefined);
  measured = $state.raw<TargetResult | null>(null);
  readonly #calibrating: Job<'calibrate'>;
  readonly #targeting: Job<'target'>;
  /** What went wrong while solving. */
  #problem = $state.raw<Problem | null>(null);
  /** Seconds that a calibration takes, after the last measurement of this model; null where there is none. */
  estimate = $state<number | null>(null);

  #condition = '';
  /** The α that the prediction of the present sliders is for. */
  #weights = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;

  readonly #connection: Connection;
  readonly #mix: Mix;

  constructor(connection: Connection, mix: Mix) {
    this.#connection = connection;
    this.#mix = mix;
    this.#calibrating = new Job(connection, 'calibrate');
    this.#targeting = new Job(connection, 'target');
  }

  /** What goes on now, one at a time. */
  get running(): 'calibrate' | 'target' | null {
    return this.#calibrating.running ? 'calibrate' : this.#targeting.running ? 'target' : null;
  }

  get progress() {
    return this.#calibrating.progress ?? this.#targeting.progress;
  }

  get problem() {
    return this.#problem ?? this.#calibrating.problem ?? this.#targeting.problem;
  }

  /** The α that are aimed with now: the measured correction's where there is one, else the solved ones. */
  get alphas() {
    return this.measured?.alphas ?? this.solved?.alphas ?? null;
  }

  /** What is predicted where the sliders stand. */
  get predicted() {
    const { measured, solved } = this;
    if (!this.#placed) return solved?.present ?? null;
    return measured?.predicted ?? solved?.predicted ?? null;
  }

  get intervals() {
    const { measured, solved } = this;
    if (!this.#placed) return solved?.presentCi95 ?? null;
    return measured?.predictedCi95 ?? solved?.predictedCi95 ?? null;
  }

  /** Whether the sliders stand where the wanted scores have put them. */
  get #placed() {
    return this.aimed && this.alphas !== null && this.#mix.holds(this.alphas);
  }

  get aimed() {
    return TRAITS.some(trait => this.wanted[trait] !== undefined);
  }

  /** Whether the sliders stand elsewhere than the wanted scores have put them. */
  get moved() {
    const { alphas } = this;
    return this.aimed && alphas !== null && !this.#mix.holds(alphas);
  }

  /** Asks for a score, or for none; the α follow on the sliders. */
  want(trait: Trait, score: number | null) {
    const { [trait]: _, ...others } = this.wanted;
    this.wanted = score === null ? others : { ...others, [trait]: score };
    this.measured = null;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#solve(true), SOLVE_AFTER);
  }

  /** Puts the α on the sliders again. */
  place() {
    if (this.alphas) this.#mix.place(this.alphas, null);
  }

  /** Looks for a calibration where the model or the instructions have changed since, and for a prediction where the sliders have. */
  async refresh() {
    if (this.#mix.base === '' || this.running) return;
    const persona = this.#mix.persona();
    const condition = conditionOf(persona);
    const predicted = this.#placed || JSON.stringify(persona.recipe.weights) === this.#weights;
    if (condition === this.#condition && this.solved && predicted) return;
    if (condition !== this.#condition) this.measured = null;
    await this.#solve(false);
  }

  async calibrate() {
    if (!this.#ready()) return;
    const persona = this.#mix.persona();
    const job = this.#calibrating;
    await job.follow(() => this.#connection.client.experiments.calibrate({ persona }));
    if (job.run) await this.#solve(this.aimed);
  }

  /** Measures the mix, corrects the α by what it missed and measures again, as often as is usual; the best goes on the sliders. */
  async measure() {
    if (!this.#ready()) return;
    const profile = this.wanted;
    const persona = this.#mix.persona();
    const job = this.#targeting;
    await job.follow(() => this.#connection.client.experiments.target({ persona, profile, others: 'free' }));
    if (!job.result || profile !== this.wanted) return;
    this.measured = job.result;
    this.place();
  }

  cancel() {
    this.#calibrating.cancel();
    this.#targeting.cancel();
  }

  /** Nothing goes on, and what went wrong before is forgotten. */
  #ready(): boolean {
    if (this.running) return false;
    for (const part of [this.#calibrating, this.#targeting]) part.problem = null;
    this.#problem = null;
    return true;
  }

  async #solve(place: boolean) {
    const turn = ++this.#turn;
    const persona = this.#mix.persona();
    try {
      const solved = await this.#connection.client.experiments.solve({
        persona,
        profile: this.wanted,
        others: 'free',
      });
      if (turn !== this.#turn) return;
      this.#condition = conditionOf(persona);
      this.#weights = JSON.stringify(persona.recipe.weights);
      this.#problem = null;
      this.solved = solved;
      if (!solved) await this.#guess(persona);
      else if (place) this.#mix.place(solved.alphas, 'target');
    } catch (error) {
      if (turn === this.#turn) this.#problem = toProblem(error);
    }
  }

  async #guess(persona: Persona) {
    const { client } = this.#connection;
    for (const { id } of await client.runs.list({ kinds: ['assess'], limit: 5 })) {
      const run = await client.runs.get({ id });
      if (run.kind !== 'assess' || run.state !== 'done' || !run.finishedAt) continue;
      if (run.input.persona.recipe.base !== persona.recipe.base) continue;
      this.estimate = ((Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000) * DESIGN_POINTS;
      return;
    }
    this.estimate = null;
  }
}
