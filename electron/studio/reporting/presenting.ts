/** What every presenter gives, and words and columns that several of them use. */
import { type Run, type RunKind, type Scores, TRAITS } from '../contract.ts';
import { isConstant } from '../statistics/correlation.ts';
import { capital, ciText, pText, statistic, symbol, type Text, text, withoutZero } from './apa.ts';
import type { Cell, DataTable } from './csv.ts';
import type { Design } from './methods.ts';
import type { Plot } from './plots.ts';
import type { RunFile } from './schemas.ts';
import type { Table } from './tables.ts';

export type Done<K extends RunKind = RunKind> = Extract<Run, { kind: K }> & {
  result: NonNullable<Extract<Run, { kind: K }>['result']>;
};

export interface Presentation extends Design {
  heading: string;
  /** Findings in sentences as a paper has them. */
  sentences: Text[];
  tables: Table[];
  plots: Plot[];
  data: DataTable[];
  /** What was said, for a conversation. */
  passages?: { who: string; text: string }[];
}

/** Highest answer of the inventory. */
export function rangeOf(files: RunFile[]): number {
  const inventory = files.find(file => file.role === 'inventory');
  return inventory?.answers.length ?? 5;
}

/** `self-efficacy`, `activity level`: a scale's name as words, with the hyphens that it keeps as a word. */
export const scaleWords = (scale: string) =>
  scale
    .replaceAll('-', ' ')
    .replace(/\bself (?=\w)| (?=(?:seeking|striving)\b)/g, gap => gap.replace(' ', '-'));
export const scaleTitle = (scale: string) => capital(scaleWords(scale));

/** All scales that any of the scores has, the five traits first. */
export function scalesIn(all: Scores[]): string[] {
  const found = new Set(all.flatMap(one => Object.keys(one)));
  return [
    ...TRAITS.filter(trait => found.has(trait)),
    ...[...found].filter(name => !TRAITS.includes(name as never)),
  ];
}

/** Why a correlation of these pairs is undefined. */
export function whyUndefined(x: number[], y: number[]): string {
  if (x.length < 3)
    return `${x.length === 0 ? 'there is no pair' : x.length === 1 ? 'there is one pair' : 'there are two pairs'} of values, and it takes three`;
  if (isConstant(x)) return 'α is the same at every point';
  return isConstant(y) ? 'the scores are the same at every point' : 'no reason is in the log';
}

/** r(15) = .96, 95% CI [.88, .98], p < .001 */
export function correlationText(found: {
  r: number;
  ci95: readonly [number, number] | null;
  n: number;
  p: number | null;
}): Text {
  const { r, ci95, n, p } = found;
  return text`${statistic(symbol('r'), r, { df: n - 2, format: withoutZero })}${ciText(ci95, withoutZero)}${p === null ? '' : text`, ${pText(p)}`}`;
}

/** Pairs where both are there. */
export function paired(points: { x: number; y: number | undefined }[]): [number[], number[]] {
  const known = points.filter((point): point is { x: number; y: number } => point.y !== undefined);
  return [known.map(({ x }) => x), known.map(({ y }) => y)];
}

export const column = (name: string) => name.replaceAll('-', '_');
export const weightCells = (weights: Partial<Record<string, number>>): Cell[] =>
  TRAITS.map(trait => weights[trait] ?? 0);
export const WEIGHT_COLUMNS = TRAITS.map(trait => `alpha_${trait}`);

export const CORRELATION_WORKS = ['fisher', 'bonett'] as const;
export const CORRELATION_ANALYSIS = text`Pearson’s correlations have 95% confidence intervals by Fisher’s ${symbol('z')} (Fisher, 1921) and two-sided ${symbol('p')} values from ${symbol('t')}; Spearman’s have the interval of Bonett and Wright (2000).`;

/** Columns for the scores of every scale that any of them has, and a row's cells for them. */
export function scoreColumns(all: Scores[]): { columns: string[]; cells: (scores: Scores) => Cell[] } {
  const scales = scalesIn(all);
  return {
    columns: scales.map(scale => `score_${column(scale)}`),
    cells: scores => scales.map(scale => scores[scale] ?? null),
  };
}
