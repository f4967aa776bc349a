/** What an experiment works with: personas assessed point by point, all with the same inventory in the same way. */
import { answersAsked } from '../assessment/administration.ts';
import { type Assessment, checkMixed } from '../assessment/assessment.ts';
import type { LoadedInventory } from '../assessment/inventories.ts';
import { scoresByWording } from '../assessment/scoring.ts';
import type { Administration, Persona, Recipe, Scores, Trait, Weights } from '../contract.ts';
import { TRAITS } from '../contract.ts';
import { StudioError, toStudioError } from '../errors.ts';
import type { Task } from '../log/runs.ts';
import { type Correlation, correlation, isConstant } from '../statistics/correlation.ts';
import { type PairedDifference, pairedDifference } from '../statistics/effects.ts';
import type { Points } from './points.ts';

/** The part of a plan that all assessments of an experiment share. */
interface Studied {
  persona: Persona;
  inventory: string;
  administration: Administration;
  baked: boolean;
}

/** A point: a persona of its own. */
export interface Subject {
  /** Unique within the run; errors and notes are told with it. */
  name: string;
  recipe: Recipe;
  system?: string;
}

/** What an assessment gave, as it is stored: the scores, and what statistics over items need. */
export interface Measured {
  scores: Scores;
  /** Keyed ratings in the order of the inventory's items. */
  ratings: (number | null)[];
  validMass: number;
  /** Ids of items with less than half of the probability on valid answers. */
  flagged: number[];
  /** Trait scores under each wording, in one order of the answers; absent in points of earlier versions. */
  wordings?: Scores[];
}

export class Bench {
  readonly points: Points;
  readonly inventory: LoadedInventory;
  readonly #studied: Studied;
  readonly #assessment: Assessment;
  readonly #notes = new Set<string>();

  private constructor(points: Points, inventory: LoadedInventory, studied: Studied, assessment: Assessment) {
    this.points = points;
    this.inventory = inventory;
    this.#studied = studied;
    this.#assessment = assessment;
  }

  /** `needed`: traits that the inventory must measure. */
  static async open(
    studied: Studied,
    needed: readonly Trait[],
    points: Points,
    assessment: Assessment,
    task: Task,
  ): Promise<Bench> {
    return new Bench(
      points,
      await assessment.inventory(studied.inventory, task, needed),
      studied,
      assessment,
    );
  }

  /** Refuses what cannot be mixed, before anything is assessed. */
  check(recipes: Recipe[]): void {
    checkMixed(recipes);
  }

  /** Assesses one after another; refuses what cannot be mixed before the first. `further`: points that follow. */
  async measureAll(subjects: Subject[], further = 0): Promise<Measured[]> {
    this.check(subjects.map(({ recipe }) => recipe));
    this.points.expect(subjects.length + further);
    const measured: Measured[] = [];
    for (const subject of subjects) measured.push(await this.measure(subject));
    return measured;
  }

  async measure({ name, recipe, system }: Subject): Promise<Measured> {
    const { persona, administration, baked } = this.#studied;
    const subject = { ...persona, recipe, system: system ?? persona.system };
    const asked = answersAsked(this.inventory, administration);
    const measured = await this.points.do(name, async (task): Promise<Measured> => {
      // A bake inside the point keeps quiet about its bytes.
      const quiet: Task = { ...task, progress: () => {} };
      const result = await this.#assessment
        .measure(subject, this.inventory, administration, baked, quiet, done =>
          task.progress(done, asked, ''),
        )
        .catch(cause => {
          const { data } = toStudioError(cause);
          if (data.code === 'cancelled') throw cause;
          throw new StudioError(data.code, `${name}: ${data.message}`, { ...data, cause });
        });
      const { scores, items, validMass, flagged, cases } = result;
      const ratings = items.map(item => item.keyedRating);
      return { scores, ratings, validMass, flagged, wordings: scoresByWording(cases) };
    });
    if (measured.flagged.length > 0)
      this.note(
        `${name}: less than half of the probability, or of the answers, was valid on ${measured.flagged.length} of ${this.inventory.items.length} items.`,
      );
    return measured;
  }

  note(text: string): void {
    this.#notes.add(text);
  }

  get notes(): string[] {
    return [...this.#notes];
  }

  /** Correlation of α (or of a level) with a score; where it is undefined, a note says why. */
  correlate(
    what: string,
    x: number[],
    y: (number | undefined)[],
  ): Correlation & { x: number[]; y: number[] } {
    const known = y.flatMap((value, index) => (value === undefined ? [] : [index]));
    const pairs = {
      x: known.map(index => x[index] as number),
      y: known.map(index => y[index] as number),
    };
    if (known.length < y.length)
      this.note(`${what}: ${y.length - known.length} of ${y.length} points have no score and are left out.`);
    const reason = undefinedBecause(pairs.x, pairs.y);
    if (reason) this.note(`${what}: the correlation is undefined, because ${reason}.`);
    return { ...correlation(pairs.x, pairs.y), ...pairs };
  }

  /** The shift of a trait's score between two assessments, paired over the items that both answered. */
  shift(trait: Trait, measured: Measured, from: Measured): PairedDifference {
    const pairs = this.inventory.items.flatMap((item, index): [number, number][] => {
      const [x, y] = [measured.ratings[index], from.ratings[index]];
      return item.trait !== trait || x == null || y == null ? [] : [[x, y]];
    });
    return pairedDifference(
      pairs.map(([x]) => x),
      pairs.map(([, y]) => y),
    );
  }
}

/** Why a correlation of these pairs is undefined; null where it is not. */
function undefinedBecause(x: number[], y: number[]): string | null {
  if (x.length < 3) return `it needs 3 points, and there ${x.length === 1 ? 'is 1' : `are ${x.length}`}`;
  if (isConstant(x)) return 'all points have the same dose';
  if (isConstant(y)) return 'all points have the same score: the answers are constant';
  return null;
}

export const perTrait = <V>(of: (trait: Trait) => V): Record<Trait, V> =>
  Object.fromEntries(TRAITS.map(trait => [trait, of(trait)])) as Record<Trait, V>;

export const withWeights = (recipe: Recipe, weights: Weights): Recipe => ({ ...recipe, weights });
