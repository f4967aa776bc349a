/** Runs side by side: what differed in what was asked for, and what differed in what came out. */
import type { Run } from '../contract.ts';
import { TRAITS, type Trait } from '../terms.ts';

type Plain = string | number | boolean | null;

/** A row of values, one for each run, in their order; undefined where a run has no such field. */
interface Row<V> {
  /** Place in the plan or result: `persona.recipe.weights.extraversion`. */
  at: string;
  values: (V | undefined)[];
}

export interface RunComparison {
  /** Fields of the plans that are not the same in all runs. */
  settings: Row<Plain>[];
  /** Hashes of files by name, and versions of programs, that are not the same in all. */
  files: Row<string>[];
  versions: Row<string>[];
  /** What `scores` are; null where the runs have no such figures in common. */
  measure: Measure | null;
  /** A figure for each trait or other scale, the same or not; the five traits first. */
  scores: Row<number>[];
  /** Every other number of the results that is not the same in all. */
  figures: Row<number>[];
}

/** `score`: on the inventory's scale. `r`: correlation of α with the score. `slope`: points of score for one α. */
export type Measure = 'score' | 'r' | 'slope';

/** The conversation that an answer belongs to, and what a persona is called, which only role-play tells the model. */
const NO_SETTING = new Set(['conversation', 'persona.name']);
/** Texts that a readout has read: they are what was found, and are many. */
const READ = /^(source|reference)\.(answers|texts)\b/;

/** Sets runs side by side. */
export function compareRuns(runs: readonly Run[]): RunComparison {
  const plans = runs.map(({ kind, input }) => new Map([['kind', kind as Plain], ...fieldsOf(input)]));
  const settings = differing(plans).filter(({ at }) => !NO_SETTING.has(at) && !READ.test(at));
  const own = runs.map(scoresOf);
  const [first] = own;
  const measure =
    first && own.every(each => each !== null && each.measure === first.measure) ? first.measure : null;
  const scores = measure ? rowsOf(own.map(each => each?.values ?? new Map())) : [];
  const shown = new Set(measure ? own.flatMap(each => each?.places ?? []) : []);
  const figures = differing(runs.map(({ result }) => numbersOf(result))).filter(({ at }) => !shown.has(at));
  return {
    settings,
    files: differing(runs.map(({ hashes }) => byName(hashes))),
    versions: differing(runs.map(({ versions }) => new Map(Object.entries(versions)))),
    measure,
    scores: [
      ...TRAITS.flatMap(trait => scores.filter(({ at }) => at === trait)),
      ...scores.filter(({ at }) => !TRAITS.includes(at as Trait)),
    ],
    figures,
  };
}

interface Scores {
  measure: Measure;
  values: Map<string, number>;
  /** Where these figures stand in the result, so that they are not shown twice. */
  places: string[];
}

function scoresOf(run: Run): Scores | null {
  if (!run.result) return null;
  const of = (measure: Measure, at: string, found: Partial<Record<string, number | null>>): Scores => {
    const known = Object.entries(found).filter((entry): entry is [string, number] => entry[1] != null);
    return { measure, values: new Map(known), places: known.map(([scale]) => `${at}.${scale}`) };
  };
  switch (run.kind) {
    case 'assess':
      return of('score', 'scores', run.result.scores);
    case 'target':
      return of('score', 'measured', run.result.measured);
    case 'sweep': {
      const { trait, r } = run.result;
      return { ...of('r', 'r', { [trait]: r }), places: ['r'] };
    }
    case 'profiles':
      return of('r', 'r', run.result.r);
    case 'calibrate': {
      const { jacobian } = run.result;
      const own = TRAITS.map(trait => [trait, jacobian[trait][trait]]);
      const places = TRAITS.map(trait => `jacobian.${trait}.${trait}`);
      return { ...of('slope', 'jacobian', Object.fromEntries(own)), places };
    }
    default:
      return null;
  }
}

/** Every place that any of them has, in the order of its first appearance, with the value that each has there. */
function rowsOf<V>(all: ReadonlyMap<string, V>[]): Row<V>[] {
  const places = new Set(all.flatMap(each => [...each.keys()]));
  return [...places].map(at => ({ at, values: all.map(each => each.get(at)) }));
}

const differing = <V>(all: ReadonlyMap<string, V>[]): Row<V>[] =>
  rowsOf(all).filter(({ values }) => values.some(value => value !== values[0]));

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every single value of a plan by its place; a list of single values is one value. */
function fieldsOf(plan: unknown): Map<string, Plain> {
  const found = new Map<string, Plain>();
  const visit = (value: unknown, path: string[]) => {
    if (Array.isArray(value)) {
      const keys = keysOf(value) ?? value.map((_, index) => `${index + 1}`);
      if (value.every(inner => typeof inner !== 'object')) found.set(path.join('.'), value.join(', '));
      else for (const [index, inner] of value.entries()) visit(inner, [...path, keys[index] as string]);
    } else if (isObject(value)) {
      // A slider that is not named stands at 0.
      if (path.at(-1) === 'weights') for (const trait of TRAITS) found.set([...path, trait].join('.'), 0);
      for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key]);
    } else if (value !== undefined) found.set(path.join('.'), value as Plain);
  };
  visit(plan, []);
  return found;
}

/** Every number of a result by its place. Of lists, those whose entries have names: a number would tell nothing. */
function numbersOf(result: unknown): Map<string, number> {
  const found = new Map<string, number>();
  const visit = (value: unknown, path: string[]) => {
    if (typeof value === 'number') found.set(path.join('.'), value);
    else if (isObject(value)) for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key]);
    else if (Array.isArray(value)) {
      const keys = keysOf(value);
      if (keys) for (const [index, inner] of value.entries()) visit(inner, [...path, keys[index] as string]);
    }
  };
  visit(result, []);
  return found;
}

/** What the entries of a list are known by, each by another name; undefined where they are not. */
function keysOf(list: unknown[]): string[] | undefined {
  const field = ['name', 'model', 'trait', 'scale', 'alpha'].find(known =>
    list.every(entry => isObject(entry) && ['string', 'number'].includes(typeof entry[known])),
  );
  if (field === undefined) return undefined;
  const keys = (list as Record<string, unknown>[]).map(
    entry => `${field === 'alpha' ? 'α ' : ''}${entry[field]}`,
  );
  return new Set(keys).size === keys.length ? keys : undefined;
}

const byName = (hashes: Record<string, string>) =>
  new Map(Object.entries(hashes).map(([path, hash]) => [path.split(/[\\/]/).at(-1) ?? path, hash]));
