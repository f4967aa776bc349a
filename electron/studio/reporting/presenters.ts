/**
 * What is told of each kind of run: data tables, APA tables and sentences, plots, and how it was designed and analysed.
 * A kind without an entry is told by its fields alone, so a new one can be exported and reported from its first day.
 */
import { type AssessResult, type Run, type RunKind, type Scores, TRAITS } from '../contract.ts';
import { correlation, isConstant } from '../statistics/correlation.ts';
import { benjaminiHochberg } from '../statistics/multiple.ts';
import {
  capital,
  ciText,
  count,
  fixed,
  interval,
  list,
  orDash,
  pCell,
  pText,
  statistic,
  symbol,
  type Text,
  text,
  withoutZero,
} from './apa.ts';
import type { Cell, DataTable } from './csv.ts';
import { general } from './general.ts';
import type { Design } from './methods.ts';
import { matrix, type Panel, type Plot, type ScoreRow, scatter, scores as scorePlot } from './plots.ts';
import type { RunFile } from './schemas.ts';
import { cell, type Table } from './tables.ts';

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

type Presenter<K extends RunKind> = (run: Done<K>, files: RunFile[]) => Presentation;

const PRESENTERS: { [K in RunKind]?: Presenter<K> } = {
  assess: presentAssessment,
  sweep: presentSweep,
  profiles: presentProfiles,
  chat: presentAnswer,
  compare: presentComparison,
  extract: presentExtraction,
  rerun: presentRerun,
};

/** Tells a run that is done. */
export function present(run: Done, files: RunFile[]): Presentation {
  const presenter = PRESENTERS[run.kind] as Presenter<RunKind> | undefined;
  return presenter ? presenter(run, files) : general(run);
}

// ── Shared ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Highest answer of the inventory. */
function rangeOf(files: RunFile[]): number {
  const inventory = files.find(file => file.role === 'inventory');
  return inventory?.answers.length ?? 5;
}

const title = (scale: string) => capital(scale.replaceAll('-', ' '));

/** All scales that any of the scores has, the five traits first. */
function scalesIn(all: Scores[]): string[] {
  const found = new Set(all.flatMap(one => Object.keys(one)));
  return [
    ...TRAITS.filter(trait => found.has(trait)),
    ...[...found].filter(name => !TRAITS.includes(name as never)),
  ];
}

/** Why a correlation of these pairs is undefined. */
function whyUndefined(x: number[], y: number[]): string {
  if (x.length < 3)
    return `${x.length === 0 ? 'there is no pair' : x.length === 1 ? 'there is one pair' : 'there are two pairs'} of values, and it takes three`;
  if (isConstant(x)) return 'α is the same at every point';
  return isConstant(y) ? 'the scores are the same at every point' : 'no reason is in the log';
}

/** r(15) = .96, 95% CI [.88, .98], p < .001 */
function correlationText(found: {
  r: number;
  ci95: readonly [number, number] | null;
  n: number;
  p: number | null;
}): Text {
  const { r, ci95, n, p } = found;
  return text`${statistic(symbol('r'), r, { df: n - 2, format: withoutZero })}${ciText(ci95, withoutZero)}${p === null ? '' : text`, ${pText(p)}`}`;
}

/** Pairs where both are there. */
function paired(points: { x: number; y: number | undefined }[]): [number[], number[]] {
  const known = points.filter((point): point is { x: number; y: number } => point.y !== undefined);
  return [known.map(({ x }) => x), known.map(({ y }) => y)];
}

const column = (name: string) => name.replaceAll('-', '_');
const weightCells = (weights: Partial<Record<string, number>>): Cell[] =>
  TRAITS.map(trait => weights[trait] ?? 0);
const WEIGHT_COLUMNS = TRAITS.map(trait => `alpha_${trait}`);

const CORRELATION_WORKS = ['fisher', 'bonett'] as const;
const CORRELATION_ANALYSIS = text`Pearson’s correlations have 95% confidence intervals by Fisher’s ${symbol('z')} (Fisher, 1921) and two-sided ${symbol('p')} values from ${symbol('t')}; Spearman’s have the interval of Bonett and Wright (2000).`;

// ── Assessment ─────────────────────────────────────────────────────────────────────────────────────────────

function presentAssessment({ input, result }: Done<'assess'>, files: RunFile[]): Presentation {
  const { scales, cases, comparison, flagged, items } = result;
  const k = items[0]?.probabilities.length ?? rangeOf(files);
  const several = cases.length > 1;
  const compared = comparison ?? [];
  const inventory = files.find(file => file.role === 'inventory');
  const name = inventory?.title ?? input.inventory;

  const scoreTable: Table = {
    title: `Scores on the ${name}`,
    head: [
      cell('Scale'),
      symbol('k'),
      symbol('M'),
      symbol('SD'),
      ...(several ? [text`Cronbach’s α`, text`95% CI`, text`${symbol('SD')} of forms`] : []),
    ],
    rows: scales.map(scale => ({
      indent: scale.kind === 'facet',
      cells: [
        cell(title(scale.scale)),
        cell(String(scale.items)),
        cell(orDash(scale.score)),
        cell(orDash(scale.deviation)),
        ...(several
          ? [
              cell(orDash(scale.reliability.alpha, withoutZero)),
              cell(interval(scale.reliability.ci95, withoutZero)),
              cell(orDash(scale.formDeviation)),
            ]
          : []),
      ],
    })),
    note: scoreNote(result, k),
  };

  const differenceTable: Table = {
    title: 'Differences from the reference persona',
    head: [
      cell('Scale'),
      text`${symbol('M')} of reference`,
      text`${symbol('M')} difference`,
      text`95% CI`,
      symbol('t'),
      symbol('df'),
      symbol('p'),
      symbol('p', 'adj'),
      symbol('d', 'z'),
      text`95% CI`,
    ],
    rows: compared.map(({ scale, kind, reference, difference, ci95, t, df, p, pAdjusted, d, dCi95 }) => ({
      indent: kind === 'facet',
      cells: [
        cell(title(scale)),
        cell(orDash(reference)),
        cell(orDash(difference)),
        cell(interval(ci95)),
        cell(orDash(t)),
        cell(orDash(df, String)),
        cell(pCell(p)),
        cell(pCell(pAdjusted)),
        cell(orDash(d)),
        cell(interval(dCi95)),
      ],
    })),
    note: text`The difference is persona minus reference, paired over the items of a scale, with the paired ${symbol('t')} test. ${symbol('p', 'adj')} is adjusted after Benjamini and Hochberg (1995) over the traits, and over the facets. ${symbol('d', 'z')} is the mean difference over the standard deviation of the differences between items, with the interval of the noncentral ${symbol('t')}; it says how uniformly items moved and is no effect over persons.${compared.some(({ d }) => d === null) ? ' A dash means that the statistic is undefined: the differences do not vary, or fewer than two items were answered by both.' : ''}`,
  };

  const sentences: Text[] = [];
  const traits = scales.filter(({ kind }) => kind === 'trait');
  const scored = traits.filter(({ score }) => score !== null);
  if (scored.length > 0)
    sentences.push([
      'Scores were ',
      ...scored.flatMap(({ scale, score, deviation }, index): Text => {
        const link = index === 0 ? '' : index === scored.length - 1 ? ', and ' : ', ';
        return text`${link}${symbol('M')} = ${fixed(score as number)} (${symbol('SD')} = ${orDash(deviation)}) for ${scale.replaceAll('-', ' ')}`;
      }),
      ', with the standard deviation taken over items.',
    ]);
  const unscored = scales.filter(({ score }) => score === null);
  if (unscored.length > 0)
    sentences.push(
      text`There is no score for ${list(unscored.map(({ scale }) => scale.replaceAll('-', ' ')))}: fewer than two thirds of the items have a readable answer.`,
    );
  for (const found of compared.filter(({ kind }) => kind === 'trait')) {
    const { scale, difference, ci95, t, df, p, pAdjusted, d, dCi95 } = found;
    if (difference === null) {
      sentences.push(
        text`For ${scale} there is no difference to report: no item was answered by both personas.`,
      );
      continue;
    }
    const tests =
      t === null || df === null || p === null || d === null
        ? text`, and ${symbol('t')} and ${symbol('d', 'z')} are undefined, because the difference is the same for every item`
        : text`${ciText(ci95)}, ${statistic(symbol('t'), t, { df })}, ${pText(p)}${pAdjusted === null ? '' : text` (adjusted, ${pText(pAdjusted)})`}, ${statistic(symbol('d', 'z'), d, {})}${ciText(dCi95)}`;
    sentences.push(
      text`The difference in ${scale} between the persona and the reference persona was ${statistic(symbol('M', 'diff'), difference, {})}${tests}.`,
    );
  }
  if (several)
    for (const { scale, reliability } of traits)
      sentences.push(
        reliability.alpha === null
          ? text`Cronbach’s α of ${scale} over the cases is undefined: ${reason(reliability.reason)}.`
          : text`Over ${count(reliability.cases)} cases of the administration, Cronbach’s α of ${scale} was ${withoutZero(reliability.alpha)}${ciText(reliability.ci95, withoutZero)}.`,
      );
  else
    sentences.push(
      text`Cronbach’s α is undefined: one administration to one persona is a single case, and α needs two.`,
    );

  const rows = scales.map(
    ({ scale, kind, score, deviation }): ScoreRow => ({
      name: title(scale),
      score,
      deviation,
      reference: compared.find(found => found.scale === scale)?.reference ?? null,
      indent: kind === 'facet',
    }),
  );
  return {
    heading: `Assessment with the ${name}`,
    design: text`${
      several
        ? `The administration had ${count(cases.length)} cases (instructions × orders × repeats); an item’s rating is its mean over them.`
        : 'The inventory was administered once.'
    }${comparison ? ' A reference persona was administered the inventory in the same way.' : ''}`,
    analysis: text`${
      several ? 'Cronbach’s α (Cronbach, 1951) is over the cases, with the interval of Feldt (1965).' : ''
    }${several && comparison ? ' ' : ''}${
      comparison
        ? text`Differences were tested by paired ${symbol('t')} tests over items, with ${symbol('d', 'z')} and its interval from the noncentral ${symbol('t')} distribution (Goulet-Pelletier & Cousineau, 2018); ${symbol('p')} values were adjusted after Benjamini and Hochberg (1995).`
        : ''
    }`,
    works: [
      ...(several ? (['cronbach', 'feldt'] as const) : []),
      ...(comparison ? (['cousineau', 'benjamini'] as const) : []),
    ],
    sentences,
    tables: [scoreTable, ...(comparison ? [differenceTable] : []), ...(several ? [caseTable(result)] : [])],
    plots: [
      {
        name: 'scores',
        title: `Scores on the ${name}`,
        note: comparison
          ? 'Filled circles: the persona. Open circles: the reference persona.'
          : 'Lines reach one standard deviation of the items to both sides.',
        svg: scorePlot(`Scores on the ${name}, from 1 to ${k}`, rows, k),
        data: {
          name: 'scores-plot',
          columns: ['scale', 'kind', 'score', 'deviation', 'reference'],
          rows: scales.map(({ scale, kind, score, deviation }, index) => [
            scale,
            kind,
            score,
            deviation,
            rows[index]?.reference ?? null,
          ]),
        },
      },
    ],
    data: assessmentData(result, new Set(flagged)),
  };
}

const reason = (sentence = 'no reason is known') =>
  (sentence.charAt(0) + sentence.slice(1))
    .replace(/^Alpha/, 'α')
    .replace(/^All/, 'all')
    .replace(/\.$/, '');

function scoreNote({ scales, validMass, parsing, flagged, cases }: AssessResult, k: number): Text {
  const several = cases.length > 1;
  const share = fixed(100 * validMass, 1);
  const reasons = several
    ? [
        ...new Set(
          scales.flatMap(({ reliability: { alpha, reason: why } }) => (alpha === null ? [reason(why)] : [])),
        ),
      ]
    : [];
  return [
    ...text`${symbol('k')} = number of items; scores can range from 1 to ${k}; ${symbol('SD')} is over items.`,
    parsing
      ? ` ${parsing.answers} answers were drawn, ${parsing.unparsed} of them without a readable rating.`
      : ` ${share}% of the probability fell on valid answers.`,
    ...(flagged.length > 0
      ? [
          ` On ${flagged.length === 1 ? 'one item' : `${flagged.length} items`} less than half of it did, so their ratings say little (items ${flagged.join(', ')}).`,
        ]
      : []),
    ...(several
      ? text` ${symbol('SD')} of forms is over instructions and orders. The cases stand for persons in α; being of one persona they hardly vary in truth, so α says little about the scale.`
      : []),
    ...(reasons.length > 0 ? [` A dash under α means that it is undefined: ${reasons.join('; ')}.`] : []),
    ...(scales.some(({ score }) => score === null)
      ? text` A dash under ${symbol('M')} means no score: fewer than two thirds of the items have an answer.`
      : []),
  ];
}

function caseTable({ cases, scales }: AssessResult): Table {
  const traits = scales.filter(({ kind }) => kind === 'trait').map(({ scale }) => scale);
  return {
    title: 'Trait scores by instruction, order of the answers, and repeat',
    head: [
      cell('Instruction'),
      cell('Order'),
      cell('Repeat'),
      ...traits.map(trait => cell(title(trait))),
      cell('Missing'),
    ],
    rows: cases.map(({ instruction, order, repeat, scores, missing }) => ({
      cells: [
        cell(String(instruction)),
        cell(order),
        cell(String(repeat)),
        ...traits.map(trait => cell(orDash(scores[trait]))),
        cell(String(missing)),
      ],
    })),
    note: text`Missing = items without a readable answer.`,
  };
}

function assessmentData(
  { items, scales, cases, comparison }: AssessResult,
  flagged: Set<number>,
): DataTable[] {
  const k = Math.max(...items.map(({ probabilities }) => probabilities.length));
  const bounds = (ci: readonly [number, number] | null): Cell[] => [ci?.[0] ?? null, ci?.[1] ?? null];
  return [
    {
      name: 'items',
      columns: [
        ...['item', 'text', 'trait', 'facet', 'keyed', 'rating', 'keyed_rating', 'valid_mass', 'flagged'],
        ...Array.from({ length: k }, (_, index) => `p_${index + 1}`),
      ],
      rows: items.map(
        ({ id, text: words, trait, facet, keyed, rating, keyedRating, mass, probabilities }) => [
          ...[id, words, trait, facet ?? null, keyed, rating, keyedRating, mass, flagged.has(id)],
          ...probabilities,
        ],
      ),
    },
    {
      name: 'scales',
      columns: [
        ...['scale', 'kind', 'trait', 'items', 'answered', 'score', 'deviation'],
        ...['alpha', 'alpha_ci_low', 'alpha_ci_high', 'alpha_cases', 'alpha_undefined', 'form_deviation'],
      ],
      rows: scales.map(
        ({ scale, kind, trait, items: count, answered, score, deviation, reliability, formDeviation }) => [
          ...[scale, kind, trait, count, answered, score, deviation],
          ...[reliability.alpha, ...bounds(reliability.ci95), reliability.cases, reliability.reason ?? null],
          formDeviation,
        ],
      ),
    },
    {
      name: 'cases',
      columns: ['case', 'instruction', 'order', 'repeat', 'missing', 'valid_mass', 'scale', 'kind', 'score'],
      rows: cases.flatMap(({ instruction, order, repeat, missing, validMass, scores, facets }, index) =>
        [
          ...Object.entries(scores).map(([scale, score]): Cell[] => [scale, 'trait', score]),
          ...Object.entries(facets).map(([scale, score]): Cell[] => [scale, 'facet', score]),
        ].map(score => [index + 1, instruction, order, repeat, missing, validMass, ...score]),
      ),
    },
    ...(comparison
      ? [
          {
            name: 'differences',
            columns: [
              ...['scale', 'kind', 'reference_score', 'difference', 'ci_low', 'ci_high', 't', 'df', 'p'],
              ...['p_adjusted', 'd_z', 'd_z_ci_low', 'd_z_ci_high', 'n_items'],
            ],
            rows: comparison.map(
              ({ scale, kind, reference, difference, ci95, t, df, p, pAdjusted, d, dCi95, n }) => [
                ...[scale, kind, reference, difference, ...bounds(ci95), t, df, p],
                ...[pAdjusted, d, ...bounds(dCi95), n],
              ],
            ),
          },
        ]
      : []),
  ];
}

// ── Sweep ──────────────────────────────────────────────────────────────────────────────────────────────────

function presentSweep({ input, result }: Done<'sweep'>, files: RunFile[]): Presentation {
  const { trait, points } = result;
  const scales = scalesIn(points.map(({ scores }) => scores));
  const k = rangeOf(files);
  const each = scales.map(scale => {
    const [x, y] = paired(points.map(({ alpha, scores }) => ({ x: alpha, y: scores[scale] })));
    return { scale, x, y, ...correlation(x, y) };
  });
  const adjusted = benjaminiHochberg(each.map(({ p }) => p));
  const own = each.find(({ scale }) => scale === trait);
  const { r, ci95, n, p, rho, rhoCi95 } = result;
  const undefinedOnes = each.filter(found => found.r === null);

  const main =
    r === null
      ? text`The correlation between the weight of ${trait} (α) and the ${trait} score is undefined: ${whyUndefined(own?.x ?? [], own?.y ?? [])}.`
      : text`The correlation between the weight of ${trait} (α) and the ${trait} score was ${correlationText({ r, ci95, n, p })}.`;
  const ranks =
    rho === null
      ? []
      : [
          text`Spearman’s rank correlation was ${statistic(symbol('r', 's'), rho, { df: n - 2, format: withoutZero })}${ciText(rhoCi95, withoutZero)}.`,
        ];
  const perfect =
    r !== null && ci95 === null
      ? [
          text`There is no interval: ${n < 4 ? 'it takes four points' : 'the points lie on a line without error'}.`,
        ]
      : [];

  const name = title(trait);
  return {
    heading: `Sweep of ${trait}`,
    design: text`The weight α of ${trait} took ${points.length === 1 ? 'one value' : `${count(points.length)} values`} from ${fixed(Math.min(...input.alphas))} to ${fixed(Math.max(...input.alphas))}, everything else being the same, and the inventory was administered at each${input.baked ? ' to a model file baked for it' : ''}; a positive α takes the vector of the trait’s high pole, a negative one that of its low pole (${symbol('n')} = ${points.length} points).`,
    analysis: text`${CORRELATION_ANALYSIS} Correlations with the other scales are reported beside that with ${trait}, their ${symbol('p')} values adjusted after Benjamini and Hochberg (1995).`,
    works: [...CORRELATION_WORKS, 'benjamini'],
    sentences: [main, ...perfect, ...ranks],
    tables: [
      {
        title: `Scores by the weight of ${trait}`,
        head: [text`α`, ...scales.map(scale => cell(title(scale)))],
        rows: points.map(({ alpha, scores }) => ({
          cells: [cell(fixed(alpha)), ...scales.map(scale => cell(orDash(scores[scale])))],
        })),
        note: text`α is the weight of the personality vector of ${trait}. Scores can range from 1 to ${k}.`,
      },
      {
        title: `Correlations of the weight of ${trait} with the scores`,
        head: [cell('Scale'), symbol('n'), symbol('r'), text`95% CI`, symbol('p'), symbol('p', 'adj')],
        rows: each.map((found, index) => ({
          cells: [
            cell(title(found.scale)),
            cell(String(found.n)),
            cell(orDash(found.r, withoutZero)),
            cell(interval(found.ci95, withoutZero)),
            cell(pCell(found.p)),
            cell(pCell(adjusted[index])),
          ],
        })),
        note: text`${symbol('n')} = points with a score. ${symbol('p', 'adj')} is adjusted over the rows after Benjamini and Hochberg (1995).${undefinedOnes.length > 0 ? ` A dash means undefined: for ${list(undefinedOnes.map(({ scale, x, y }) => `${scale}, ${whyUndefined(x, y)}`))}.` : ''}`,
      },
    ],
    plots: own
      ? [
          {
            name: 'sweep',
            title: `${name} score by the weight of ${trait}`,
            note:
              own.x.length < 3 || isConstant(own.x)
                ? 'Points are assessments.'
                : 'Points are assessments; the line is the least-squares fit with the 95% confidence band of its mean.',
            svg: scatter(
              `${name} score by the weight of ${trait}`,
              [{ title: '', note: '', x: own.x, y: own.y }],
              { x: `α of ${trait}`, y: `${name} score`, range: [1, k] },
            ),
            data: {
              name: 'sweep-plot',
              columns: ['alpha', 'score'],
              rows: own.x.map((x, index) => [x, own.y[index] ?? null]),
            },
          },
        ]
      : [],
    data: [
      {
        name: 'points',
        columns: ['point', ...WEIGHT_COLUMNS, ...scales.map(scale => `score_${column(scale)}`)],
        rows: points.map(({ alpha, scores }, index) => [
          index + 1,
          ...weightCells({ ...input.persona.recipe.weights, [trait]: alpha }),
          ...scales.map(scale => scores[scale] ?? null),
        ]),
      },
      {
        name: 'correlations',
        columns: CORRELATION_COLUMNS,
        rows: each.map((found, index) => {
          const main = found.scale === trait;
          return [
            ...[trait, found.scale, found.n, found.r, found.ci95?.[0] ?? null, found.ci95?.[1] ?? null],
            ...[found.p, adjusted[index] ?? null],
            ...(main ? [rho, rhoCi95?.[0] ?? null, rhoCi95?.[1] ?? null] : [null, null, null]),
          ];
        }),
      },
    ],
  };
}

const CORRELATION_COLUMNS = [
  ...['alpha_of', 'score_of', 'n', 'r', 'r_ci_low', 'r_ci_high', 'p', 'p_adjusted'],
  ...['rho', 'rho_ci_low', 'rho_ci_high'],
];

// ── Profile study ──────────────────────────────────────────────────────────────────────────────────────────

function presentProfiles({ input, result }: Done<'profiles'>, files: RunFile[]): Presentation {
  const { profiles, n } = result;
  const k = rangeOf(files);
  const scales = scalesIn(profiles.map(({ scores }) => scores));
  const each = TRAITS.map(trait => {
    const [x, y] = paired(
      profiles.map(({ weights, scores }) => ({ x: weights[trait] as number, y: scores[trait] })),
    );
    return {
      ...{ trait, x, y, n: x.length, r: result.r[trait], ci95: result.ci95[trait] },
      ...{ p: result.p[trait] ?? null, pAdjusted: result.pAdjusted[trait] ?? null },
      ...{ rho: result.rho[trait] ?? null, rhoCi95: result.rhoCi95[trait] ?? null },
      reliability: result.reliability[trait],
    };
  });
  const panels = each
    .filter(({ x }) => x.length > 0)
    .map(
      ({ trait, x, y, r }): Panel => ({
        title: title(trait),
        note: r === null ? 'r undefined' : `r = ${withoutZero(r)}`,
        x,
        y,
      }),
    );
  const undefinedOnes = each.filter(({ r }) => r === null);
  return {
    heading: `Profile study with ${n} profiles`,
    design: text`Profiles of weights α for all five traits were drawn from [−1, 1] by a Latin hypercube (McKay et al., 1979; seed ${input.seed}); a positive α takes the vector of the trait’s high pole, a negative one that of its low pole. The inventory was administered once to each${input.baked ? ', as a model file baked for it' : ''} (${symbol('n')} = ${n} profiles).`,
    analysis: text`${CORRELATION_ANALYSIS} ${symbol('p')} values were adjusted over the five traits after Benjamini and Hochberg (1995). Cronbach’s α (Cronbach, 1951) is over the profiles, with the interval of Feldt (1965).`,
    works: ['mckay', ...CORRELATION_WORKS, 'benjamini', 'cronbach', 'feldt'],
    sentences: [
      ...each.map(({ trait, r, ci95, n: pairs, p, pAdjusted, x, y }) =>
        r === null
          ? text`The correlation between the weight of ${trait} (α) and the ${trait} score is undefined: ${whyUndefined(x, y)}.`
          : text`The correlation between the weight of ${trait} (α) and the ${trait} score was ${correlationText({ r, ci95, n: pairs, p })}${pAdjusted === null ? '' : text` (adjusted, ${pText(pAdjusted)})`}.`,
      ),
      result.mean_r === null
        ? text`The mean correlation over the five traits is undefined, because one of the five is.`
        : text`The mean of the five correlations was ${symbol('M')} = ${withoutZero(result.mean_r)}.`,
    ],
    tables: [
      {
        title: 'Correlations of weights with scores over the profiles',
        head: [
          ...[cell('Trait'), symbol('n'), symbol('r'), text`95% CI`, symbol('p'), symbol('p', 'adj')],
          ...[symbol('r', 's'), text`95% CI`, text`Cronbach’s α`, text`95% CI`],
        ],
        rows: each.map(found => ({
          cells: [
            cell(title(found.trait)),
            cell(String(found.n)),
            cell(orDash(found.r, withoutZero)),
            cell(interval(found.ci95, withoutZero)),
            cell(pCell(found.p)),
            cell(pCell(found.pAdjusted)),
            cell(orDash(found.rho, withoutZero)),
            cell(interval(found.rhoCi95, withoutZero)),
            cell(orDash(found.reliability?.alpha, withoutZero)),
            cell(interval(found.reliability?.ci95, withoutZero)),
          ],
        })),
        note: text`Each row correlates α of a trait with the score of the same trait. ${symbol('p', 'adj')} is adjusted over the traits after Benjamini and Hochberg (1995); ${symbol('r', 's')} is Spearman’s.${undefinedOnes.length > 0 ? ` A dash means undefined: for ${list(undefinedOnes.map(({ trait, x, y }) => `${trait}, ${whyUndefined(x, y)}`))}.` : ''}${each.some(({ rho, rhoCi95 }) => rho !== null && rhoCi95 === null) ? ' A perfect correlation has no interval.' : ''}`,
      },
    ],
    plots: [
      {
        name: 'profiles',
        title: 'Scores by weight, trait by trait',
        note: 'Points are profiles; lines are least-squares fits with the 95% confidence bands of their means.',
        svg: scatter('Scores by weight, trait by trait', panels, {
          x: 'α',
          y: 'Score',
          range: [1, k],
          xRange: [-1, 1],
        }),
        data: {
          name: 'profiles-plot',
          columns: ['trait', 'alpha', 'score'],
          rows: each.flatMap(({ trait, x, y }) => x.map((value, index) => [trait, value, y[index] ?? null])),
        },
      },
    ],
    data: [
      {
        name: 'points',
        columns: ['point', ...WEIGHT_COLUMNS, ...scales.map(scale => `score_${column(scale)}`)],
        rows: profiles.map(({ weights, scores }, index) => [
          index + 1,
          ...weightCells(weights),
          ...scales.map(scale => scores[scale] ?? null),
        ]),
      },
      {
        name: 'correlations',
        columns: CORRELATION_COLUMNS,
        rows: each.map(found => [
          ...[found.trait, found.trait, found.n, found.r, found.ci95?.[0] ?? null, found.ci95?.[1] ?? null],
          ...[found.p, found.pAdjusted, found.rho, found.rhoCi95?.[0] ?? null, found.rhoCi95?.[1] ?? null],
        ]),
      },
      {
        name: 'reliability',
        columns: ['scale', 'alpha', 'alpha_ci_low', 'alpha_ci_high', 'cases', 'items', 'alpha_undefined'],
        rows: Object.entries(result.reliability).map(
          ([scale, { alpha, ci95, cases, items, reason: why }]) => [
            ...[scale, alpha, ci95?.[0] ?? null, ci95?.[1] ?? null, cases, items, why ?? null],
          ],
        ),
      },
    ],
  };
}

// ── Answers and vectors ────────────────────────────────────────────────────────────────────────────────────

function presentAnswer({ input, result }: Done<'chat'>): Presentation {
  const { sampling } = input.persona;
  return {
    heading: 'An answer',
    design: text`The answer was drawn at temperature ${sampling.temperature} from the likeliest tokens that make up ${fixed(100 * sampling.topP, 0)}% of the probability (seed ${sampling.seed}, at most ${sampling.maxTokens} tokens).`,
    analysis: [],
    works: [],
    sentences: [],
    tables: [],
    plots: [],
    data: [
      {
        name: 'turns',
        columns: ['turn', 'role', 'text'],
        rows: [...input.messages, { role: 'assistant', text: result.text }].map(
          ({ role, text: words }, index) => [index + 1, role, words],
        ),
      },
    ],
    passages: [
      ...input.messages.map(({ role, text: words }) => ({
        who: role === 'user' ? 'Asked' : 'Answered before',
        text: words,
      })),
      { who: 'Answered', text: result.text },
    ],
  };
}

function presentComparison({ result }: Done<'compare'>): Presentation {
  const { vectors, all, layers, poles } = result;
  const names = vectors.map(({ id }) => id);
  const tables: Table[] = [
    {
      title: 'Personality vectors',
      head: [
        ...[cell('Vector'), cell('Form'), text`‖φ‖`, cell('Effective rank'), cell('Sparsity'), cell('Zeros')],
      ],
      rows: vectors.map(({ id, form, effectiveRank }, v) => ({
        cells: [
          cell(id),
          cell(form),
          cell(orDash(all.norms[v], value => fixed(value, 3))),
          cell(orDash(effectiveRank?.value, value => fixed(value, 1))),
          cell(orDash(all.sparsity[v])),
          cell(orDash(all.zeros[v], share => `${fixed(100 * share, 1)}%`)),
        ],
      })),
      note: text`‖φ‖ is the Frobenius norm over all weights. Effective rank is the participation ratio of the squared singular values, sparsity Hoyer’s (0 = all entries of one size, 1 = a single entry). A dash means that it was not looked at, or is undefined for a vector of zeros.`,
    },
  ];
  if (poles.length > 0)
    tables.push({
      title: 'Common part of the two poles of a trait',
      head: [cell('Trait'), ...layers.map(({ name }) => cell(name)), cell('All')],
      rows: poles.map(({ trait, layers: within, common }) => ({
        cells: [
          cell(title(trait)),
          ...within.map(share => cell(orDash(share, withoutZero))),
          cell(orDash(common, withoutZero)),
        ],
      })),
      note: text`Share of what both poles have in common in the whole: 0 = opposite, .50 = orthogonal, 1 = the same.`,
    });
  return {
    heading: 'Comparison of personality vectors',
    design: text`${capital(count(vectors.length))} personality vectors were compared as they are, over all weights and by layer.`,
    analysis: text`Cosines are between the weights of two vectors taken as one long list each.`,
    works: ['sun'],
    sentences: [],
    tables,
    plots: [
      {
        name: 'cosines',
        title: 'Cosines between personality vectors',
        note: 'The stronger the colour, the further from 0; red is negative. Numbers above the columns are those of the rows.',
        svg: matrix('Cosines between personality vectors', names, all.cosines),
        data: {
          name: 'cosines-plot',
          columns: ['first', 'second', 'cosine'],
          rows: names.flatMap((first, i) =>
            names.map((second, j) => [first, second, all.cosines[i]?.[j] ?? null]),
          ),
        },
      },
    ],
    data: [
      {
        name: 'vectors',
        columns: [
          ...['vector', 'trait', 'pole', 'form', 'norm', 'effective_rank', 'effective_rank_error'],
          ...['sparsity', 'zeros'],
        ],
        rows: vectors.map(({ id, trait, pole, form, effectiveRank }, v) => [
          ...[id, trait, pole, form, all.norms[v] ?? null],
          ...[effectiveRank?.value ?? null, effectiveRank?.error ?? null],
          ...[all.sparsity[v] ?? null, all.zeros[v] ?? null],
        ]),
      },
      {
        name: 'pairs',
        columns: ['part', 'first', 'second', 'cosine', 'same_sign', 'common'],
        rows: [all, ...layers].flatMap(({ name, cosines, agreements, common }) =>
          names.flatMap((first, i) =>
            names.flatMap((second, j): Cell[][] =>
              j > i
                ? [
                    [
                      ...[name, first, second, cosines[i]?.[j] ?? null],
                      ...[agreements[i]?.[j] ?? null, common[i]?.[j] ?? null],
                    ],
                  ]
                : [],
            ),
          ),
        ),
      },
    ],
  };
}

function presentExtraction({ input, result }: Done<'extract'>): Presentation {
  const { form, norm, relative, layers } = result;
  return {
    heading: `Extraction of ${input.trait}, ${input.pole} pole`,
    design: text`The personality vector is the difference of the weights of ${input.tuned} and ${input.base} (Sun et al., 2025), kept in ${form === 'dense' ? 'dense' : 'low-rank'} form.`,
    analysis: [],
    works: ['sun'],
    sentences: [
      text`The vector’s norm was ‖φ‖ = ${norm.toPrecision(4)}, ${fixed(100 * relative, 3)}% of that of the base.`,
    ],
    tables: [],
    plots: [],
    data: [
      {
        name: 'tensors',
        columns: ['tensor', 'norm', 'base_norm', 'relative'],
        rows: layers.map(layer => [layer.tensor, layer.norm, layer.baseNorm, layer.relative]),
      },
    ],
  };
}

// ── Runs done again ────────────────────────────────────────────────────────────────────────────────────────

function presentRerun({ result }: Done<'rerun'>): Presentation {
  const { runs, tolerance, reproduced } = result;
  const exact = (value: number | null) => (value === null ? '—' : value.toPrecision(2).replace('-', '−'));
  return {
    heading: 'Runs done again',
    design: text`${capital(count(runs.length))} ${runs.length === 1 ? 'run was' : 'runs were'} done again from the plan in the log, with files of the same SHA-256.`,
    analysis: text`Every value of the results was compared; a number counts as different when it is off by more than ${tolerance}, times its size above 1.`,
    works: [],
    sentences: [
      reproduced
        ? text`The results were reproduced: no value differed by more than the tolerance.`
        : text`The results were not reproduced: some values differed by more than the tolerance.`,
    ],
    tables: [
      {
        title: 'Values of runs done again',
        head: ['Run', 'Kind', 'Values', 'The same', 'Beyond the tolerance', 'Largest difference'].map(cell),
        rows: runs.map(({ run, kind, values, equal, beyond, largest }) => ({
          cells: [run.slice(0, 8), kind, `${values}`, `${equal}`, `${beyond}`, exact(largest)].map(cell),
        })),
        note: text`The same = equal to the last digit. A dash means that nothing compared is a number.`,
      },
    ],
    plots: [],
    data: [
      {
        name: 'runs',
        columns: ['again', 'now', 'kind', 'values', 'equal', 'beyond', 'largest'],
        rows: runs.map(each => [
          each.run,
          each.now,
          each.kind,
          each.values,
          each.equal,
          each.beyond,
          each.largest,
        ]),
      },
      {
        name: 'differences',
        columns: ['again', 'at', 'before', 'now', 'difference'],
        rows: runs.flatMap(({ run, differences }) =>
          differences.map(({ at, before, now, difference }) => [run, at, before, now, difference]),
        ),
      },
    ],
  };
}
