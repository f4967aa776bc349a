/** From answer probabilities to item ratings, scale scores, their reliability, and differences between two personas. */
import type {
  AssessResult,
  ComparisonResult,
  Inventory,
  ItemResult,
  Retest,
  ScaleResult,
  Scores,
} from '../contract.ts';
import { TRAITS } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { mean, sampleStandardDeviation } from '../statistics/correlation.ts';
import { pairedDifference } from '../statistics/effects.ts';
import { benjaminiHochberg } from '../statistics/multiple.ts';
import { cronbachAlpha, retestAgreement } from '../statistics/reliability.ts';

type Item = Inventory['items'][number];

/** Items with less of the probability, or of the drawn answers, on valid answers are flagged. */
export const LOW_MASS = 0.5;

/** Share of a scale's items that must be answered for a score; the mean of those then stands for all. */
const ANSWERED_SHARE = 2 / 3;

/** One administration of the inventory. */
export interface Case {
  /** From 1. */
  instruction: number;
  order: 'normal' | 'reversed';
  repeat: number;
  items: ItemResult[];
}

/**
 * The expected rating Σ k·p(k) / Σ p(k) over the answers k = 1 … K, from `probabilities[k − 1]` of the answers as they
 * were asked. In reversed order the answer k meant K + 1 − k, and is turned back first. Without any probability on a valid
 * answer the item is missing.
 */
export function scoreItem(
  item: Item,
  probabilities: number[],
  order: 'normal' | 'reversed' = 'normal',
): ItemResult {
  const p = probabilities.map(value => (Number.isFinite(value) ? value : 0));
  if (order === 'reversed') p.reverse();
  const mass = p.reduce((sum, value) => sum + value, 0);
  const rating = mass > 0 ? p.reduce((sum, value, index) => sum + (index + 1) * value, 0) / mass : null;
  return { ...item, rating, keyedRating: keyed(item, rating, p.length), probabilities: p, mass };
}

/** A minus-keyed rating is turned round within 1 … K. */
const keyed = (item: Item, rating: number | null, answers: number) =>
  rating === null || item.keyed === 'plus' ? rating : answers + 1 - rating;

/** Scores an administration in one or more cases; each case has the same items in the same order. */
export function scoreCases(cases: Case[]): AssessResult {
  const items = average(cases.map(one => one.items));
  if (items.every(item => item.rating === null))
    throw new StudioError('bad_input', 'The model gives no probability to any valid answer on any item.', {
      field: 'inventory',
      action: 'Its weights may be broken by too large an α: bring the sliders nearer to 0.',
    });
  const scales = scalesOf(items).map(scale => scaleResult(scale, items, cases));
  const traits = scales.filter(({ kind }) => kind === 'trait');
  return {
    scores: byName(traits, ({ score }) => score),
    deviations: byName(traits, ({ deviation }) => deviation),
    items,
    validMass: mean(items.map(item => item.mass)),
    facets: byName(
      scales.filter(({ kind }) => kind === 'facet'),
      ({ score }) => score,
    ),
    scales,
    flagged: items.filter(item => item.mass < LOW_MASS).map(item => item.id),
    cases: cases.map(({ items: answers, ...which }) => ({
      ...which,
      scores: scoresOf(answers, 'trait'),
      facets: scoresOf(answers, 'facet'),
      missing: answers.filter(item => item.rating === null).length,
      validMass: mean(answers.map(item => item.mass)),
    })),
    retest: retestOf(cases),
    parsing: null,
    unseen: null,
    comparison: null,
  };
}

/** Each item averaged over the cases that have a rating of it. */
function average(cases: ItemResult[][]): ItemResult[] {
  const [first = []] = cases;
  return first.map((item, index) => {
    const all = cases.map(one => one[index] as ItemResult);
    const ratings = all.flatMap(({ rating }) => rating ?? []);
    const rating = ratings.length > 0 ? mean(ratings) : null;
    const probabilities = item.probabilities.map((_, k) =>
      mean(all.map(one => one.probabilities[k] as number)),
    );
    return {
      ...item,
      rating,
      keyedRating: keyed(item, rating, probabilities.length),
      probabilities,
      mass: mean(all.map(one => one.mass)),
    };
  });
}

/** What of an item counts for a scale. */
type Keyed = Pick<ItemResult, 'trait' | 'facet' | 'keyedRating'>;

interface Scale {
  scale: string;
  kind: 'trait' | 'facet';
  trait: string;
}

/** Traits and then facets, in the order of the items. */
function scalesOf(items: Keyed[]): Scale[] {
  const found = new Map<string, Scale>();
  for (const { trait } of items) found.set(trait, { scale: trait, kind: 'trait', trait });
  for (const { trait, facet } of items) if (facet) found.set(facet, { scale: facet, kind: 'facet', trait });
  return [...found.values()];
}

/** Scales as a person reads them: the five traits in their order, then others, each followed by its facets. */
export function traitByTrait<S extends Scale>(scales: S[]): S[] {
  const rank = (trait: string) => (TRAITS as readonly string[]).indexOf(trait) + 1 || TRAITS.length + 1;
  return scales
    .filter(({ kind }) => kind === 'trait')
    .toSorted((a, b) => rank(a.scale) - rank(b.scale))
    .flatMap(one => [one, ...scales.filter(({ kind, trait }) => kind === 'facet' && trait === one.scale)]);
}

const itemsOf = <I extends Keyed>({ scale, kind }: Scale, items: I[]) =>
  items.filter(item => (kind === 'trait' ? item.trait : item.facet) === scale);

const ratingsOf = (items: Keyed[]) => items.flatMap(({ keyedRating }) => keyedRating ?? []);

function scaleScore(items: ItemResult[]): number | null {
  const ratings = ratingsOf(items);
  // Counted in thirds, so that rounding cannot decide.
  return ratings.length > 0 && ratings.length >= ANSWERED_SHARE * items.length - 1e-9 ? mean(ratings) : null;
}

function scoresOf(items: ItemResult[], kind: Scale['kind']): Scores {
  const scales = scalesOf(items).filter(scale => scale.kind === kind);
  return byName(
    scales.map(scale => ({ ...scale, score: scaleScore(itemsOf(scale, items)) })),
    ({ score }) => score,
  );
}

function byName<S extends { scale: string }>(scales: S[], of: (scale: S) => number | null): Scores {
  return Object.fromEntries(
    scales.flatMap((scale): [string, number][] => {
      const value = of(scale);
      return value === null ? [] : [[scale.scale, value]];
    }),
  );
}

function scaleResult(scale: Scale, items: ItemResult[], cases: Case[]): ScaleResult {
  const own = itemsOf(scale, items);
  const ratings = ratingsOf(own);
  const matrix = cases
    .map(one => ratingsOf(itemsOf(scale, one.items)))
    .filter(row => row.length === own.length);
  return {
    ...scale,
    items: own.length,
    answered: ratings.length,
    score: scaleScore(own),
    deviation: ratings.length > 1 ? sampleStandardDeviation(ratings) : null,
    reliability: cronbachAlpha(matrix),
    formDeviation: formDeviation(scale, cases),
  };
}

/** Standard deviation of the score over the forms (instruction and order), each the average of its repeats. */
function formDeviation(scale: Scale, cases: Case[]): number | null {
  const scores = formsOf(cases).flatMap(items => scaleScore(itemsOf(scale, items)) ?? []);
  return scores.length > 1 ? sampleStandardDeviation(scores) : null;
}

/** The items under each form (instruction and order), repeats averaged. */
const formsOf = (cases: Case[]): ItemResult[][] =>
  (
    Object.values(Object.groupBy(cases, ({ instruction, order }) => `${instruction} ${order}`)) as Case[][]
  ).map(repeats => average(repeats.map(one => one.items)));

/** Cases that differ by their wording alone: those with the order that was asked first. */
const inOneOrder = <C extends Pick<Case, 'order'>>(cases: C[]): C[] =>
  cases.filter(({ order }) => order === cases[0]?.order);

/**
 * Whether the trait scores lie on the other side of the scale's middle where the answers were asked in reversed order.
 * A model that goes by the numbers of the answers and not by their labels does so, and its means over both orders say
 * nothing. Σ n·r over the traits, n and r being what a score is off the middle in each order, is −½ Σ (n² + r²) where one
 * mirrors the other; half of that counts.
 */
export function ordersCancel({ cases, items }: Pick<AssessResult, 'cases' | 'items'>): boolean {
  const middle = ((items[0]?.probabilities.length ?? 0) + 1) / 2;
  const orders = Object.groupBy(cases, ({ order }) => order);
  const off = (order: Case['order'], trait: string) => {
    const scores = (orders[order] ?? []).flatMap(({ scores }) => scores[trait] ?? []);
    return scores.length > 0 ? mean(scores) - middle : 0;
  };
  if (!orders.normal || !orders.reversed) return false;
  const traits = Object.keys(cases[0]?.scores ?? {});
  const pairs = traits.map(trait => [off('normal', trait), off('reversed', trait)] as const);
  const sum = (of: (n: number, r: number) => number) => pairs.reduce((all, [n, r]) => all + of(n, r), 0);
  return sum((n, r) => n * r) < -sum((n, r) => n * n + r * r) / 4;
}

/** How well the wordings agree about the items that all of them rated, in one order of the answers; null with a single one. */
function retestOf(cases: Case[]): Retest | null {
  const wordings = formsOf(inOneOrder(cases));
  if (wordings.length < 2) return null;
  const ratings = (wordings[0] ?? []).map((_, index) =>
    wordings.flatMap(items => items[index]?.rating ?? []),
  );
  return retestAgreement(ratings.filter(row => row.length === wordings.length));
}

/** Trait scores under each wording of an assessment, in one order of the answers, averaged over the repeats that have one. */
export function scoresByWording(cases: AssessResult['cases']): Scores[] {
  const wordings = Object.values(
    Object.groupBy(inOneOrder(cases), ({ instruction }) => instruction),
  ) as AssessResult['cases'][];
  return wordings.map(repeats => {
    const traits = new Set(repeats.flatMap(({ scores }) => Object.keys(scores)));
    return Object.fromEntries(
      [...traits].map(trait => [trait, mean(repeats.flatMap(({ scores }) => scores[trait] ?? []))]),
    );
  });
}

/** Test–retest agreement of each trait's score over personas: `personas[case][wording]`. */
export function retestOver(personas: Scores[][]): Record<string, Retest> {
  const wordings = personas[0]?.length ?? 0;
  if (wordings < 2 || personas.some(persona => persona.length !== wordings)) return {};
  return Object.fromEntries(
    Object.keys(personas[0]?.[0] ?? {}).map(trait => {
      const scores = personas.map(persona => persona.flatMap(one => one[trait] ?? []));
      return [trait, retestAgreement(scores.filter(row => row.length === wordings))];
    }),
  );
}

/** The persona's items against the reference persona's, scale by scale; p adjusted within traits and within facets. */
export function compare(items: ItemResult[], reference: ItemResult[]): ComparisonResult[] {
  const results = scalesOf(items).map(scale => {
    const [ours, theirs] = [itemsOf(scale, items), itemsOf(scale, reference)];
    const pairs = ours.flatMap((item, index): [number, number][] => {
      const [x, y] = [item.keyedRating, theirs[index]?.keyedRating];
      return x == null || y == null ? [] : [[x, y]];
    });
    const paired = pairedDifference(
      pairs.map(([x]) => x),
      pairs.map(([, y]) => y),
    );
    return { scale: scale.scale, kind: scale.kind, reference: scaleScore(theirs), ...paired };
  });
  const adjusted = new Map<string, number | null>();
  for (const kind of ['trait', 'facet'] as const) {
    const tests = results.filter(result => result.kind === kind);
    for (const [index, p] of benjaminiHochberg(tests.map(test => test.p)).entries())
      adjusted.set(tests[index]?.scale as string, p);
  }
  return results.map(result => ({ ...result, pAdjusted: adjusted.get(result.scale) ?? null }));
}

/** Cronbach's alpha of each trait over personas: `personas[case]` are the items of one. */
export function reliabilityOver(personas: Keyed[][]) {
  const traits = scalesOf(personas[0] ?? []).filter(({ kind }) => kind === 'trait');
  return Object.fromEntries(
    traits.map(scale => {
      const matrix = personas.map(items => ratingsOf(itemsOf(scale, items)));
      const complete = itemsOf(scale, personas[0] as Keyed[]).length;
      return [scale.scale, cronbachAlpha(matrix.filter(row => row.length === complete))];
    }),
  );
}
