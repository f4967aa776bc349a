/** Figures and tables as the terminal shows them to people. */
import { LOW_MASS, ordersCancel, traitByTrait } from './studio/assessment/scoring.ts';
import type { AssessResult, Retest, Scores } from './studio/contract.ts';
import { TRAITS } from './studio/contract.ts';

/** Cells in columns as wide as their widest; the first row is the heading. */
export function table(rows: string[][]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length))) ?? [];
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export const scoreRow = (scores: Scores) => TRAITS.map(trait => scores[trait]?.toFixed(2) ?? '–');
export const decimals = (value: number | null | undefined, digits = 2) => value?.toFixed(digits) ?? '–';
export const intervalText = (value: number | null | undefined, ci95: [number, number] | null | undefined) =>
  `${decimals(value)}${ci95 ? ` [${decimals(ci95[0])}, ${decimals(ci95[1])}]` : ''}`;
export const correlationText = (r: number | null | undefined, ci95?: [number, number] | null) =>
  r == null ? 'undefined' : `${r.toFixed(3)}${ci95 ? ` [${ci95[0].toFixed(3)}, ${ci95[1].toFixed(3)}]` : ''}`;

/** `12 s`, `3 min`, `1 h 20 min` */
export function timeText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Says on standard error which files a listing left out, and why. */
export function reportBroken<T extends { broken: { message: string }[] }>(listing: T): T {
  for (const { message } of listing.broken) console.error(`Left out: ${message}`);
  return listing;
}

/** Scores with what a reader needs to judge them. */
export function assessmentText(result: AssessResult): string {
  const several = result.cases.length > 1;
  const compared = new Map(result.comparison?.map(found => [found.scale, found]));
  const head = ['scale', 'score', 'sd of items'];
  if (several) head.push('alpha', 'sd of forms');
  if (result.comparison) head.push('reference', 'difference', 'd', 'p adjusted');
  const rows = traitByTrait(result.scales).map(scale => {
    const row = [`${scale.kind === 'facet' ? '  ' : ''}${scale.scale}`, decimals(scale.score)];
    row.push(decimals(scale.deviation));
    if (several)
      row.push(intervalText(scale.reliability.alpha, scale.reliability.ci95), decimals(scale.formDeviation));
    const against = compared.get(scale.scale);
    if (against)
      row.push(
        decimals(against.reference),
        intervalText(against.difference, against.ci95),
        intervalText(against.d, against.dCi95),
        against.pAdjusted !== null && against.pAdjusted < 0.0001 ? '<.0001' : decimals(against.pAdjusted, 4),
      );
    return row;
  });
  const share = (100 * result.validMass).toFixed(1);
  const { parsing, flagged } = result;
  const notes = [
    parsing
      ? `${parsing.answers} answers were drawn, ${parsing.unparsed} of them without a readable rating.`
      : `${share} % of the probability fell on valid answers.`,
    ...(result.unseen
      ? [
          `The server tells the likeliest tokens alone: at most ${(100 * result.unseen.probability).toFixed(2)} % of an item is left out, which moves its rating by ${decimals(result.unseen.rating)} at most.`,
        ]
      : []),
    ...(flagged.length > 0
      ? [`Less than half of it did on ${flagged.length} items: ${flagged.join(', ')}.`]
      : []),
    ...(several ? [`Alpha is over ${result.cases.length} cases: instructions × orders × repeats.`] : []),
    ...(result.retest ? [retestText(result.retest)] : []),
    ...(result.comparison ? ['d is d_z, paired over the items of a scale.'] : []),
  ];
  const doubtful =
    result.validMass < LOW_MASS && !parsing
      ? [
          `Only ${share} % of the probability fell on valid answers: the model hardly answers with a rating, and these scores say little.\n`,
        ]
      : [];
  if (ordersCancel(result))
    doubtful.push(
      'The two orders of the answers cancel out: in reversed order the scores lie on the other side of the middle, so the model goes by the numbers of the answers and not by their labels, and these means say little. The cases below show each order by itself.\n',
    );
  return [
    ...doubtful,
    table([head, ...rows]),
    ...(several ? ['', casesText(result), ''] : []),
    ...notes,
  ].join('\n');
}

const retestText = ({ icc, ci95, cases, forms, reason }: Retest) =>
  icc === null
    ? `Test–retest agreement over ${forms} wordings is undefined: ${reason}`
    : `Test–retest agreement of the items over ${forms} wordings: ICC(A,1) = ${intervalText(icc, ci95)}, ${cases} items.`;

/** Trait scores of each case, so that what an instruction or an order does can be seen. */
function casesText({ cases }: AssessResult): string {
  const traits = [...new Set(cases.flatMap(({ scores }) => Object.keys(scores)))];
  return table([
    ['instruction', 'order', 'repeat', ...traits],
    ...cases.map(({ instruction, order, repeat, scores }) => [
      String(instruction),
      order,
      String(repeat),
      ...traits.map(trait => decimals(scores[trait])),
    ]),
  ]);
}
