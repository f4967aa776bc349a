/** Measures base and persona with the inventory, and keeps what was measured beside what it was measured with. */
import {
  type AssessResult,
  type Persona,
  type Progress,
  TRAITS,
  type Trait,
} from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, problemOf, toProblem } from '../lib/errors.ts';
import { followRun } from '../lib/follow.ts';
import type { Library } from './library.svelte.ts';
import { type Mix, sameMix } from './mix.svelte.ts';

export interface Measured {
  persona: Persona;
  result: AssessResult;
  /** Short name of what was asked. */
  inventory: string;
  /** Its id in the log. */
  run: string;
}

export interface ScoreRow {
  trait: Trait;
  base: number | null;
  baseDeviation: number | null;
  persona: number | null;
  personaDeviation: number | null;
}

const SAMPLED = { mode: 'sampled', repeats: 3 } as const;

const SIDES = ['base', 'persona'] as const;
type Side = (typeof SIDES)[number];

export class Measurement {
  base = $state.raw<Measured | null>(null);
  persona = $state.raw<Measured | null>(null);
  /** Which side is being measured now. */
  step = $state<Side | null>(null);
  progress = $state.raw<Progress | null>(null);
  problem = $state.raw<Problem | null>(null);
  rows = $derived<ScoreRow[]>(
    TRAITS.map(trait => ({
      trait,
      base: this.base?.result.scores[trait] ?? null,
      baseDeviation: this.base?.result.deviations[trait] ?? null,
      persona: this.persona?.result.scores[trait] ?? null,
      personaDeviation: this.persona?.result.deviations[trait] ?? null,
    })),
  );

  /** Base results of this session, by model and instructions. */
  readonly #bases = new Map<string, Measured>();
  #run: string | null = null;
  #cancelled = false;

  readonly #connection: Connection;
  readonly #mix: Mix;
  readonly #library: Library;

  constructor(connection: Connection, mix: Mix, library: Library) {
    this.#connection = connection;
    this.#mix = mix;
    this.#library = library;
  }

  /** What is shown, and the runs that it came of. */
  get runs(): { side: Side; run: string }[] {
    return SIDES.flatMap(side => {
      const measured = this[side];
      return measured ? [{ side, run: measured.run }] : [];
    });
  }

  /** Whether the sliders have moved since. */
  get stale() {
    return this.persona !== null && !sameMix(this.#mix.persona(), this.persona.persona);
  }

  async start() {
    if (this.step || this.#mix.base === '') return;
    this.problem = null;
    this.#cancelled = false;
    const persona = this.#mix.persona();
    const basePersona = this.#mix.basePersona();
    const key = JSON.stringify([
      this.#library.find(persona.recipe.base)?.content ?? persona.recipe.base,
      persona.system,
      persona.rolePlay,
    ]);
    try {
      const base = this.#bases.get(key) ?? (await this.#assess('base', basePersona));
      if (!base) return;
      this.#bases.set(key, base);
      if (this.persona && !sameMix(persona, this.persona.persona)) this.persona = null;
      this.base = base;
      const measured = sameMix(persona, basePersona)
        ? { ...base, persona }
        : await this.#assess('persona', persona);
      if (measured) this.persona = measured;
    } catch (error) {
      this.problem = toProblem(error);
    } finally {
      this.step = null;
      this.progress = null;
      this.#run = null;
    }
  }

  cancel() {
    this.#cancelled = true;
    if (this.#run) void this.#connection.client.runs.cancel({ id: this.#run }).catch(() => {});
  }

  async #assess(step: Side, persona: Persona): Promise<Measured | null> {
    if (this.#cancelled) return null;
    this.step = step;
    this.progress = null;
    const endpoint = this.#library.endpoint(persona.recipe.base);
    // Where a server tells no probabilities, answers are drawn, several to each item.
    const administration = endpoint?.facts.logprobs === 0 ? SAMPLED : undefined;
    const started = await this.#connection.client.assessment.assess({ persona, administration });
    this.#run = started.run;
    if (this.#cancelled) this.cancel();
    const run = await followRun(this.#connection, started.run, progress => {
      this.progress = progress;
    });
    if (run.kind === 'assess' && run.state === 'done' && run.result)
      return { persona, result: run.result, inventory: run.input.inventory, run: run.id };
    if (run.error && run.state !== 'cancelled') this.problem = problemOf(run.error);
    return null;
  }
}
