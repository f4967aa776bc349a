/** What is told of an assessment: scores, differences from a reference persona, what wordings and orders did. */
import { LOW_MASS, ordersCancel, traitByTrait } from '../assessment/scoring.ts';
import type { AssessResult } from '../contract.ts';
import {
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
import { type Done, type Presentation, rangeOf, scaleTitle, scaleWords } from './presenting.ts';
import type { RunFile } from './schemas.ts';
import { cell, type Table } from './tables.ts';

export function presentAssessment({ input, result }: Done<'assess'>, files: RunFile[]): Presentation {
  const { cases, comparison, flagged, items, retest } = result;
  const scales = traitByTrait(result.scales);
  const k = items[0]?.probabilities.length ?? rangeOf(files);
  const several = cases.length > 1;
  const compared = scales.flatMap(({ scale }) => comparison?.find(found => found.scale === scale) ?? []);
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
        cell(scaleTitle(scale.scale)),
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
        cell(scaleTitle(scale)),
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
  if (result.validMass < LOW_MASS)
    sentences.push(
      result.parsing
        ? text`Only ${fixed(100 * result.validMass, 1)}% of the drawn answers held a rating, so the scores say little.`
        : text`Only ${fixed(100 * result.validMass, 1)}% of the probability fell on valid answers: the model hardly answers with a rating, and the scores say little.`,
    );
  if (ordersCancel(result))
    sentences.push(
      text`In reversed order of the answers the scores lie on the other side of the middle of the scale: the model goes by the numbers of the answers and not by their labels, and means over both orders say little.`,
    );
  const traits = scales.filter(({ kind }) => kind === 'trait');
  const scored = traits.filter(({ score }) => score !== null);
  if (scored.length > 0)
    sentences.push([
      'Scores were ',
      ...scored.flatMap(({ scale, score, deviation }, index): Text => {
        const link = index === 0 ? '' : index === scored.length - 1 ? ', and ' : ', ';
        return text`${link}${symbol('M')} = ${fixed(score as number)} (${symbol('SD')} = ${orDash(deviation)}) for ${scaleWords(scale)}`;
      }),
      ', with the standard deviation taken over items.',
    ]);
  const unscored = scales.filter(({ score }) => score === null);
  if (unscored.length > 0)
    sentences.push(
      text`There is no score for ${list(unscored.map(({ scale }) => scaleWords(scale)))}: fewer than two thirds of the items have a readable answer.`,
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
  if (several) {
    const defined = traits.filter(({ reliability }) => reliability.alpha !== null);
    if (defined.length > 0)
      sentences.push([
        ...text`Over ${count(cases.length)} cases of the administration, Cronbach’s α was `,
        ...defined.flatMap(({ scale, reliability }, index): Text => {
          const link = index === 0 ? '' : index === defined.length - 1 ? ', and ' : ', ';
          return text`${link}${withoutZero(reliability.alpha as number)}${ciText(reliability.ci95, withoutZero)} for ${scaleWords(scale)}`;
        }),
        '.',
      ]);
    for (const { scale, reliability } of traits)
      if (reliability.alpha === null)
        sentences.push(
          text`Cronbach’s α of ${scale} over the cases is undefined: ${reason(reliability.reason)}.`,
        );
  } else
    sentences.push(
      text`Cronbach’s α is undefined: one administration to one persona is a single case, and α needs two.`,
    );
  if (retest)
    sentences.push(
      retest.icc === null
        ? text`Test–retest agreement between the ${count(retest.forms)} wordings is undefined: ${reason(retest.reason)}.`
        : text`Between the ${count(retest.forms)} wordings of the instruction, test–retest agreement of the ${retest.cases} items was ${statistic(['ICC(A,1)'], retest.icc, { format: withoutZero })}${ciText(retest.ci95, withoutZero)}.`,
    );

  const rows = scales.map(({ scale, kind, score, deviation }) => ({
    name: scaleTitle(scale),
    score,
    deviation,
    reference: compared.find(found => found.scale === scale)?.reference ?? null,
    indent: kind === 'facet',
  }));
  return {
    heading: `Assessment with the ${name}`,
    design: text`${
      several
        ? `The administration had ${count(cases.length)} cases (instructions × orders × repeats); an item’s rating is its mean over them.`
        : 'The inventory was administered once.'
    }${comparison ? ' A reference persona was administered the inventory in the same way.' : ''}`,
    analysis: text`${
      several ? 'Cronbach’s α (Cronbach, 1951) is over the cases, with the interval of Feldt (1965).' : ''
    }${
      retest
        ? ' Test–retest agreement is the intraclass correlation of absolute agreement of single wordings over the items’ ratings as answered, ICC(A,1), with the interval of McGraw and Wong (1996).'
        : ''
    }${several && comparison ? ' ' : ''}${
      comparison
        ? text`Differences were tested by paired ${symbol('t')} tests over items, with ${symbol('d', 'z')} and its interval from the noncentral ${symbol('t')} distribution (Goulet-Pelletier & Cousineau, 2018); ${symbol('p')} values were adjusted after Benjamini and Hochberg (1995).`
        : ''
    }`,
    works: [
      ...(several ? (['cronbach', 'feldt'] as const) : []),
      ...(retest ? (['mcgraw'] as const) : []),
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
        figure: { form: 'scores', k, ...(comparison ? { reference: 'reference persona' } : {}), rows },
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

function scoreNote({ scales, validMass, parsing, flagged, cases, items }: AssessResult, k: number): Text {
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
    ...(flagged.length === 0
      ? []
      : flagged.length === items.length
        ? [' On no item as much as half of it did, so the ratings say little.']
        : [
            flagged.length === 1
              ? ` On one item less than half of it did, so its rating says little (item ${flagged[0]}).`
              : ` On ${flagged.length} items less than half of it did, so their ratings say little (items ${flagged.join(', ')}).`,
          ]),
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
      ...traits.map(trait => cell(scaleTitle(trait))),
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
  { items, scales, cases, comparison, retest }: AssessResult,
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
    ...(retest
      ? [
          {
            name: 'retest',
            columns: ['icc', 'icc_ci_low', 'icc_ci_high', 'items', 'wordings', 'icc_undefined'],
            rows: [[retest.icc, ...bounds(retest.ci95), retest.cases, retest.forms, retest.reason ?? null]],
          },
        ]
      : []),
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
