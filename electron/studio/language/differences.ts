/** Two sets of texts compared, category by category, with effect sizes, intervals and a correction for many tests. */
import type { TextReadout, WordDifference } from '../contract.ts';
import { tTwoSided, Z_975 } from '../statistics/distributions.ts';
import { independentDifference, type MeanDifference, pairedDifference } from '../statistics/effects.ts';
import { benjaminiHochberg } from '../statistics/multiple.ts';

export type Comparison = 'independent' | 'paired' | 'log_odds';

/** Readouts of the texts of one set, texts with words only, and of all of them taken as one. */
export interface Side {
  texts: TextReadout[];
  total: TextReadout;
}

/** Figures beside the categories. Those that are no shares are compared by means of texts only. */
const MEASURES = {
  words: readout => readout.words,
  words_per_sentence: readout => readout.wordsPerSentence,
  long_words: readout => readout.longWords,
  sentiment: readout => readout.sentiment ?? 0,
} satisfies Record<string, (readout: TextReadout) => number>;

/** Names of the figures that all of these texts have. */
export const measuresOf = (texts: TextReadout[]): string[] =>
  Object.keys(MEASURES).filter(
    name => name !== 'sentiment' || texts.every(({ sentiment }) => sentiment !== null),
  );

/** A figure of a readout: a measure's, else the category's share. */
export function featureOf(readout: TextReadout, feature: string): number {
  const measure = Object.entries(MEASURES).find(([name]) => name === feature)?.[1];
  return measure ? measure(readout) : (readout.categories[feature] ?? 0);
}

/** Means of texts where both sets have two or more, else the words themselves. */
export function comparisonFor(texts: Side, reference: Side, paired: boolean): Comparison {
  if (texts.texts.length < 2 || reference.texts.length < 2) return 'log_odds';
  return paired ? 'paired' : 'independent';
}

/**
 * A row per measure and category.
 * - `independent`, `paired`: means of the texts' shares, each text counting the same; the texts of a pair stand at the
 *   same place
 * - `log_odds`: one text, or several as one, against another: the log-odds ratio of a word being in the category
 */
export function differences(texts: Side, reference: Side, comparison: Comparison): WordDifference[] {
  const features = [
    ...measuresOf([...texts.texts, ...reference.texts]).map(feature => ({
      feature,
      kind: 'measure' as const,
    })),
    ...Object.keys(texts.total.categories).map(feature => ({ feature, kind: 'category' as const })),
  ].filter(({ feature }) => comparison !== 'log_odds' || isShare(feature));
  const rows = features.map(({ feature, kind }) => ({
    feature,
    kind,
    ...(comparison === 'log_odds'
      ? ofWords(texts.total, reference.total, feature)
      : ofTexts(texts, reference, feature, comparison)),
  }));
  const q = benjaminiHochberg(rows.map(({ p }) => p));
  return rows.map((row, index) => ({ ...row, q: q[index] ?? null }));
}

export const isShare = (feature: string): boolean =>
  !['words', 'words_per_sentence', 'sentiment'].includes(feature);

type Row = Omit<WordDifference, 'feature' | 'kind' | 'q'>;

function ofTexts(texts: Side, reference: Side, feature: string, comparison: 'independent' | 'paired'): Row {
  const [a, b] = [texts, reference].map(side => side.texts.map(readout => featureOf(readout, feature)));
  const compare = comparison === 'paired' ? inPairs : independentDifference;
  const mean = (values: number[] = []) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return { value: mean(a), reference: mean(b), ...compare(a as number[], b as number[]) };
}

function inPairs(a: number[], b: number[]): MeanDifference {
  const { difference, ci95, d, dCi95, p } = pairedDifference(a, b);
  return { difference: difference ?? 0, ci95, effect: d, effectCi95: dCi95, p };
}

/** Words that the prior counts for: enough to keep a word that is said once from looking like a finding. */
const PRIOR_WORDS = 100;

function ofWords(text: TextReadout, reference: TextReadout, feature: string): Row {
  const count = (readout: TextReadout) => Math.round((featureOf(readout, feature) * readout.words) / 100);
  const ratio = logOddsRatio(count(text), text.words, count(reference), reference.words);
  const [value, other] = [featureOf(text, feature), featureOf(reference, feature)];
  const half = Z_975 * (ratio?.error ?? 0);
  return {
    value,
    reference: other,
    difference: value - other,
    ci95: null,
    effect: ratio?.value ?? null,
    effectCi95: ratio && [ratio.value - half, ratio.value + half],
    // Student's t with so many degrees of freedom is normal.
    p: ratio && tTwoSided(ratio.value / ratio.error, 1e9),
  };
}

/**
 * Log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008), for a category against all other
 * words: of y in n words against z in m words. The prior has the weight of 100 words, shared out as in both texts
 * together; the variance is the sum of the cells' reciprocals. Words are taken as independent of each other, which those
 * of one text are not: the interval is too narrow rather than too wide. Null when neither text has such a word.
 */
export function logOddsRatio(
  y: number,
  n: number,
  z: number,
  m: number,
): { value: number; error: number } | null {
  if (y + z === 0 || n === 0 || m === 0) return null;
  const share = (y + z + 0.5) / (n + m + 1);
  const [inside, outside] = [PRIOR_WORDS * share, PRIOR_WORDS * (1 - share)];
  const cells = [y + inside, n - y + outside, z + inside, m - z + outside] as const;
  const value = Math.log(cells[0] / cells[1]) - Math.log(cells[2] / cells[3]);
  return { value, error: Math.sqrt(cells.reduce((sum, cell) => sum + 1 / cell, 0)) };
}
