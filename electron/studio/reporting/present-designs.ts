/** What is told of designs over α: the sweep along one trait and the profile study over all five. */
import { type Retest, TRAITS } from '../contract.ts';
import { correlation, isConstant } from '../statistics/correlation.ts';
import { benjaminiHochberg } from '../statistics/multiple.ts';
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
  text,
  withoutZero,
} from './apa.ts';
import type { Cell } from './csv.ts';
import { fitLine } from './plots.ts';
import {
  CORRELATION_ANALYSIS,
  CORRELATION_WORKS,
  column,
  correlationText,
  type Done,
  type Presentation,
  paired,
  rangeOf,
  scalesIn,
  scaleTitle,
  WEIGHT_COLUMNS,
  weightCells,
  whyUndefined,
} from './presenting.ts';
import type { RunFile } from './schemas.ts';
import { cell } from './tables.ts';

export function presentSweep({ input, result }: Done<'sweep'>, files: RunFile[]): Presentation {
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

  const name = scaleTitle(trait);
  return {
    heading: `Sweep of ${trait}`,
    design: text`The weight α of ${trait} took ${points.length === 1 ? 'one value' : `${count(points.length)} values`} from ${fixed(Math.min(...input.alphas))} to ${fixed(Math.max(...input.alphas))}, everything else being the same, and the inventory was administered at each${input.baked ? ' to a model file baked for it' : ''}; a positive α takes the vector of the trait’s high pole, a negative one that of its low pole (${symbol('n')} = ${points.length} points).`,
    analysis: text`${CORRELATION_ANALYSIS} Correlations with the other scales are reported beside that with ${trait}, their ${symbol('p')} values adjusted after Benjamini and Hochberg (1995).`,
    works: [...CORRELATION_WORKS, 'benjamini'],
    sentences: [main, ...perfect, ...ranks],
    tables: [
      {
        title: `Scores by the weight of ${trait}`,
        head: [text`α`, ...scales.map(scale => cell(scaleTitle(scale)))],
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
            cell(scaleTitle(found.scale)),
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
            figure: {
              ...{ form: 'scatter', x: `α of ${trait}`, y: `${name} score`, range: [1, k] },
              panels: [{ title: '', note: '', x: own.x, y: own.y, open: [], fit: fitLine(own.x, own.y) }],
            },
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

const retestCells = (found: Retest | undefined): Cell[] => [
  ...[found?.icc ?? null, found?.ci95?.[0] ?? null, found?.ci95?.[1] ?? null, found?.forms ?? null],
];

export function presentProfiles({ input, result }: Done<'profiles'>, files: RunFile[]): Presentation {
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
      retest: result.retest[trait],
    };
  });
  const panels = each
    .filter(({ x }) => x.length > 0)
    .map(({ trait, x, y, r }) => ({
      title: scaleTitle(trait),
      note: r === null ? 'r undefined' : `r = ${withoutZero(r)}`,
      x,
      y,
      open: [],
      fit: fitLine(x, y),
    }));
  const undefinedOnes = each.filter(({ r }) => r === null);
  const retested = each.some(({ retest }) => retest !== undefined);
  return {
    heading: `Profile study with ${n} profiles`,
    design: text`Profiles of weights α for all five traits were drawn from [−1, 1] by a Latin hypercube (McKay et al., 1979; seed ${input.seed}); a positive α takes the vector of the trait’s high pole, a negative one that of its low pole. The inventory was administered once to each${input.baked ? ', as a model file baked for it' : ''} (${symbol('n')} = ${n} profiles).`,
    analysis: text`${CORRELATION_ANALYSIS} ${symbol('p')} values were adjusted over the five traits after Benjamini and Hochberg (1995). Cronbach’s α (Cronbach, 1951) is over the profiles, with the interval of Feldt (1965).${retested ? ' Test–retest agreement of the scores is over the profiles, between the wordings of the instruction: the intraclass correlation of absolute agreement, ICC(A,1), with the interval of McGraw and Wong (1996).' : ''}`,
    works: [
      ...(['mckay', ...CORRELATION_WORKS, 'benjamini', 'cronbach', 'feldt'] as const),
      ...(retested ? (['mcgraw'] as const) : []),
    ],
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
          ...(retested ? [text`ICC(A,1)`, text`95% CI`] : []),
        ],
        rows: each.map(found => ({
          cells: [
            cell(scaleTitle(found.trait)),
            cell(String(found.n)),
            cell(orDash(found.r, withoutZero)),
            cell(interval(found.ci95, withoutZero)),
            cell(pCell(found.p)),
            cell(pCell(found.pAdjusted)),
            cell(orDash(found.rho, withoutZero)),
            cell(interval(found.rhoCi95, withoutZero)),
            cell(orDash(found.reliability?.alpha, withoutZero)),
            cell(interval(found.reliability?.ci95, withoutZero)),
            ...(retested
              ? [
                  cell(orDash(found.retest?.icc, withoutZero)),
                  cell(interval(found.retest?.ci95, withoutZero)),
                ]
              : []),
          ],
        })),
        note: text`Each row correlates α of a trait with the score of the same trait. ${symbol('p', 'adj')} is adjusted over the traits after Benjamini and Hochberg (1995); ${symbol('r', 's')} is Spearman’s${retested ? '; ICC(A,1) is the test–retest agreement between wordings' : ''}.${undefinedOnes.length > 0 ? ` A dash means undefined: for ${list(undefinedOnes.map(({ trait, x, y }) => `${trait}, ${whyUndefined(x, y)}`))}.` : ''}${each.some(({ rho, rhoCi95 }) => rho !== null && rhoCi95 === null) ? ' A perfect correlation has no interval.' : ''}`,
      },
    ],
    plots: [
      {
        name: 'profiles',
        title: 'Scores by weight, trait by trait',
        note: 'Points are profiles; lines are least-squares fits with the 95% confidence bands of their means.',
        figure: { form: 'scatter', x: 'α', y: 'Score', range: [1, k], xRange: [-1, 1], panels },
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
        columns: [
          ...['scale', 'alpha', 'alpha_ci_low', 'alpha_ci_high', 'cases', 'items', 'alpha_undefined'],
          ...['retest_icc', 'retest_icc_ci_low', 'retest_icc_ci_high', 'retest_wordings'],
        ],
        rows: Object.entries(result.reliability).map(
          ([scale, { alpha, ci95, cases, items, reason: why }]) => [
            ...[scale, alpha, ci95?.[0] ?? null, ci95?.[1] ?? null, cases, items, why ?? null],
            ...retestCells(result.retest[scale]),
          ],
        ),
      },
    ],
  };
}
