/** What is told of the experiments: methods compared, prompts against vectors, transfer, capability, stability, calibration. */
import { TRAITS } from '../contract.ts';
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
import { fitLine, type Plot } from './plots.ts';
import type { Done, Presentation } from './presenting.ts';
import { rangeOf, scaleTitle, scoreColumns, WEIGHT_COLUMNS, weightCells } from './presenting.ts';
import type { RunFile } from './schemas.ts';
import { cell, type Table } from './tables.ts';

type Interval = readonly [number, number] | null;

const bounds = (ci: Interval | undefined): Cell[] => [ci?.[0] ?? null, ci?.[1] ?? null];
const r = (value: number | null | undefined) => orDash(value, withoutZero);
const percent = (share: number | null) => orDash(share, value => `${fixed(100 * value, 1)}%`);
const percentInterval = (ci: Interval) => interval(ci, value => fixed(100 * value, 1));
const dashes = 'A dash means that the value is undefined.';
const seeded = (seed: number) => `seed ${seed}`;

const drawn = (n: number, seed: number) =>
  text`Profiles of weights α for all five traits were drawn from [−1, 1] by a Latin hypercube (McKay et al., 1979; ${seeded(seed)}; ${symbol('n')} = ${n}).`;

const plotData = (name: string, columns: string[], rows: Cell[][]): DataTable => ({ name, columns, rows });

/** Rows of points of a design with α and scores, led by what they belong to. */
function points(
  lead: string[],
  rows: { lead: Cell[]; weights: Partial<Record<string, number>>; scores: Record<string, number> }[],
): DataTable {
  const scales = scoreColumns(rows.map(({ scores }) => scores));
  return {
    name: 'points',
    columns: [...lead, ...WEIGHT_COLUMNS, ...scales.columns],
    rows: rows.map(({ lead: first, weights, scores }) => [
      ...first,
      ...weightCells(weights),
      ...scales.cells(scores),
    ]),
  };
}

// ── Methods ────────────────────────────────────────────────────────────────────────────────────────────────

export function presentMethods({ result }: Done<'methods_compare'>): Presentation {
  const { n, seed, recipes, differences, resamples } = result;
  return {
    heading: `Comparison of ${count(recipes.length)} recipes`,
    design: text`${drawn(n, seed)} The same profiles were mixed under each of ${count(recipes.length)} recipes, and the inventory was administered to each.`,
    analysis: text`For each recipe the correlations of α with the score of the same trait were averaged over the five traits. Intervals of the mean and of differences between recipes are percentile intervals over ${resamples} bootstrap samples of profiles, which are paired; ${symbol('p')} values are from the same samples and adjusted over all pairs after Benjamini and Hochberg (1995).`,
    works: ['mckay', 'fisher', 'benjamini'],
    sentences: [
      ...recipes.map(({ name, mean_r, mean_rCi95 }) =>
        mean_r === null
          ? text`Under “${name}” the mean correlation is undefined, because one of the five is.`
          : text`Under “${name}” the mean correlation over the five traits was ${statistic(symbol('M', 'r'), mean_r, { format: withoutZero })}${ciText(mean_rCi95, withoutZero)}.`,
      ),
      ...differences.flatMap(({ first, second, difference, ci95, p, pAdjusted }): Text[] =>
        difference === null
          ? []
          : [
              text`The mean correlation under “${second}” differed from that under “${first}” by ${withoutZero(difference)}${ciText(ci95, withoutZero)}${p === null ? '' : text`, ${pText(p)}`}${pAdjusted === null ? '' : text` (adjusted, ${pText(pAdjusted)})`}.`,
            ],
      ),
    ],
    tables: [
      {
        title: 'Correlations of weights with scores by recipe',
        head: [
          cell('Recipe'),
          symbol('M', 'r'),
          text`95% CI`,
          ...TRAITS.map(trait => cell(scaleTitle(trait))),
        ],
        rows: recipes.map(recipe => ({
          cells: [
            recipe.name,
            r(recipe.mean_r),
            interval(recipe.mean_rCi95, withoutZero),
            ...TRAITS.map(trait => r(recipe.r[trait])),
          ].map(cell),
        })),
        note: text`${symbol('M', 'r')} is the mean of the five correlations. ${dashes}`,
      },
      {
        title: 'Differences between recipes',
        head: [
          cell('First'),
          cell('Second'),
          cell('Second − first'),
          text`95% CI`,
          symbol('p'),
          symbol('p', 'adj'),
        ],
        rows: differences.map(({ first, second, difference, ci95, p, pAdjusted }) => ({
          cells: [first, second, r(difference), interval(ci95, withoutZero), pCell(p), pCell(pAdjusted)].map(
            cell,
          ),
        })),
        note: text`Of the mean correlation. ${symbol('p', 'adj')} is adjusted over the rows after Benjamini and Hochberg (1995).`,
      },
    ],
    plots: [
      {
        name: 'recipes',
        title: 'Mean correlation of weights with scores by recipe',
        note: 'Lines are 95% confidence intervals over bootstrap samples of profiles.',
        figure: {
          form: 'estimates',
          rows: recipes.map(({ name, mean_r, mean_rCi95 }) => ({ name, value: mean_r, ci: mean_rCi95 })),
        },
        data: plotData(
          'recipes-plot',
          ['recipe', 'mean_r', 'ci_low', 'ci_high'],
          recipes.map(({ name, mean_r, mean_rCi95 }) => [name, mean_r, ...bounds(mean_rCi95)]),
        ),
      },
    ],
    data: [
      points(
        ['recipe', 'point'],
        recipes.flatMap(({ name, profiles }) =>
          profiles.map(({ weights, scores }, index) => ({ lead: [name, index + 1], weights, scores })),
        ),
      ),
      {
        name: 'correlations',
        columns: ['recipe', 'trait', 'r', 'r_ci_low', 'r_ci_high'],
        rows: recipes.flatMap(recipe =>
          TRAITS.map((trait): Cell[] => [
            recipe.name,
            trait,
            recipe.r[trait] ?? null,
            ...bounds(recipe.ci95[trait]),
          ]),
        ),
      },
      {
        name: 'differences',
        columns: ['first', 'second', 'difference', 'ci_low', 'ci_high', 'p', 'p_adjusted'],
        rows: differences.map(({ first, second, difference, ci95, p, pAdjusted }) => [
          first,
          second,
          difference,
          ...bounds(ci95),
          p,
          pAdjusted,
        ]),
      },
    ],
  };
}

// ── Prompting against vectors ──────────────────────────────────────────────────────────────────────────────

export function presentPrompting({ result }: Done<'prompting'>, files: RunFile[]): Presentation {
  const { traits } = result;
  const k = rangeOf(files);
  const panels = traits.map(({ trait, vectors, levels }) => {
    const x = vectors.filter(({ score }) => score !== null).map(({ alpha }) => alpha);
    const y = vectors.flatMap(({ score }) => score ?? []);
    const open = levels.flatMap(({ level, score }) => (score === null ? [] : [{ x: level, y: score }]));
    return { title: scaleTitle(trait), note: '', x, y, open, fit: fitLine(x, y) };
  });
  return {
    heading: 'Prompting against vectors',
    design: text`Each trait was moved in two ways: by adjectives in the system prompt, on levels from −2 to 2, and by the weight α of its personality vector. The inventory was administered to each.`,
    analysis: text`Slopes are by least squares, in points of the score for one level or one α; a level’s equivalent α is found by linear interpolation between the α that were assessed. Intervals of a level’s score are Student’s, over its adjectives; correlations have 95% confidence intervals by Fisher’s ${symbol('z')} (Fisher, 1921).`,
    works: ['fisher'],
    sentences: traits.map(({ trait, prompting, vector }) =>
      prompting.slope === null || vector.slope === null
        ? text`For ${trait} a slope is undefined: there are too few scores, or they do not vary.`
        : text`One level of adjectives moved ${trait} by ${fixed(prompting.slope)} points, one α of its vector by ${fixed(vector.slope)} points.`,
    ),
    tables: [
      {
        title: 'Response to adjectives and to vectors',
        head: [
          ...[cell('Trait'), cell('Slope, adjectives'), symbol('r'), text`95% CI`],
          ...[cell('Slope, vector'), symbol('r'), text`95% CI`],
        ],
        rows: traits.map(({ trait, prompting, vector }) => ({
          cells: [
            ...[
              scaleTitle(trait),
              orDash(prompting.slope),
              r(prompting.r),
              interval(prompting.ci95, withoutZero),
            ],
            ...[orDash(vector.slope), r(vector.r), interval(vector.ci95, withoutZero)],
          ].map(cell),
        })),
        note: text`Slopes are points of the trait’s score for one level of adjectives, or for one α. ${dashes}`,
      },
      {
        title: 'Levels of adjectives and the weight that does the same',
        head: [
          cell('Trait'),
          cell('Level'),
          symbol('M'),
          text`95% CI`,
          cell('Shift of other traits'),
          cell('Equivalent α'),
        ],
        rows: traits.flatMap(({ trait, levels }) =>
          levels.map(({ level, score, ci95, others, alpha }) => ({
            cells: [
              scaleTitle(trait),
              fixed(level, 0),
              orDash(score),
              interval(ci95),
              orDash(others),
              orDash(alpha),
            ].map(cell),
          })),
        ),
        note: text`${symbol('M')} is the mean of the trait’s score over adjectives. The shift of other traits is the mean absolute shift from the base. A dash under equivalent α means that no α that was assessed gives that score.`,
      },
    ],
    plots: [
      {
        name: 'prompting',
        title: 'Scores by weight and by level of adjectives',
        note: 'Filled circles and the line with its 95% confidence band: by α. Open circles: by level of adjectives, on the same axis.',
        figure: {
          form: 'scatter',
          x: 'α or level',
          y: 'Score',
          range: [1, k],
          kinds: ['vector', 'adjectives'],
          panels,
        },
        data: plotData(
          'prompting-plot',
          ['trait', 'by', 'x', 'score'],
          traits.flatMap(({ trait, vectors, levels }) => [
            ...vectors.map(({ alpha, score }): Cell[] => [trait, 'vector', alpha, score]),
            ...levels.map(({ level, score }): Cell[] => [trait, 'adjectives', level, score]),
          ]),
        ),
      },
    ],
    data: [
      {
        name: 'levels',
        columns: ['trait', 'level', 'score', 'ci_low', 'ci_high', 'others', 'alpha'],
        rows: traits.flatMap(({ trait, levels }) =>
          levels.map(({ level, score, ci95, others, alpha }) => [
            trait,
            level,
            score,
            ...bounds(ci95),
            others,
            alpha,
          ]),
        ),
      },
      promptRows(traits),
      {
        name: 'vectors',
        columns: ['trait', 'alpha', 'score', 'others'],
        rows: traits.flatMap(({ trait, vectors }) =>
          vectors.map(({ alpha, score, others }) => [trait, alpha, score, others]),
        ),
      },
    ],
  };
}

function promptRows(traits: Done<'prompting'>['result']['traits']): DataTable {
  const all = traits.flatMap(({ trait, levels }) =>
    levels.flatMap(({ level, prompts }) => prompts.map(prompt => ({ trait, level, ...prompt }))),
  );
  const scales = scoreColumns(all.map(({ scores }) => scores));
  return {
    name: 'prompts',
    columns: ['trait', 'level', 'adjective', 'system', ...scales.columns],
    rows: all.map(({ trait, level, adjective, system, scores }) => [
      trait,
      level,
      adjective,
      system,
      ...scales.cells(scores),
    ]),
  };
}

// ── Transfer ───────────────────────────────────────────────────────────────────────────────────────────────

export function presentTransfer({ result }: Done<'transfer'>): Presentation {
  const { models } = result;
  const each = models.flatMap(({ label, traits }) => traits.map(found => ({ label, ...found })));
  return {
    heading: 'Transfer to other models',
    design: text`The same personality vectors were added to ${list(models.map(({ label }) => label))}, the first of which they were made for, with the same weights α.`,
    analysis: text`Shifts are from the model’s own scores without vectors, paired over items. The ratio is the slope on a model over that on the first. Correlations have 95% confidence intervals by Fisher’s ${symbol('z')} (Fisher, 1921).`,
    works: ['fisher'],
    sentences: each.map(({ label, trait, r: found, rCi95, ratio }) =>
      found === null
        ? text`On ${label}, the correlation between α and ${trait} is undefined: the scores do not vary, or there are fewer than three.`
        : text`On ${label}, the correlation between α and ${trait} was ${statistic(symbol('r'), found, { format: withoutZero })}${ciText(rCi95, withoutZero)}${ratio === null ? '' : text`, with ${fixed(ratio)} times the slope of the first model`}.`,
    ),
    tables: [
      {
        title: 'Response to the same vectors by model',
        head: [cell('Model'), cell('Trait'), symbol('r'), text`95% CI`, cell('Slope'), cell('Ratio')],
        rows: each.map(({ label, trait, r: found, rCi95, slope, ratio }) => ({
          cells: [
            label,
            scaleTitle(trait),
            r(found),
            interval(rCi95, withoutZero),
            orDash(slope),
            orDash(ratio),
          ].map(cell),
        })),
        note: text`Slopes are points of the score for one α. The ratio is to the slope on the first model. ${dashes}`,
      },
    ],
    plots: [
      {
        name: 'transfer',
        title: 'Correlation of weight with score by model and trait',
        note: 'Lines are 95% confidence intervals.',
        figure: {
          form: 'estimates',
          rows: each.map(({ label, trait, r: value, rCi95 }) => ({
            name: `${label}: ${trait}`,
            value,
            ci: rCi95,
          })),
        },
        data: plotData(
          'transfer-plot',
          ['model', 'trait', 'r', 'ci_low', 'ci_high'],
          each.map(({ label, trait, r: value, rCi95 }) => [label, trait, value, ...bounds(rCi95)]),
        ),
      },
    ],
    data: [
      {
        name: 'shifts',
        columns: ['model', 'trait', 'alpha', 'score', 'shift', 'ci_low', 'ci_high', 'd_z'],
        rows: models.flatMap(({ label, traits }) =>
          traits.flatMap(({ trait, points: found }) =>
            found.map(({ alpha, scores, shift, ci95, d }): Cell[] => [
              label,
              trait,
              alpha,
              scores[trait] ?? null,
              shift,
              ...bounds(ci95),
              d,
            ]),
          ),
        ),
      },
      {
        name: 'correlations',
        columns: ['model', 'trait', 'r', 'r_ci_low', 'r_ci_high', 'slope', 'ratio'],
        rows: each.map(({ label, trait, r: value, rCi95, slope, ratio }) => [
          label,
          trait,
          value,
          ...bounds(rCi95),
          slope,
          ratio,
        ]),
      },
    ],
  };
}

// ── Capability ─────────────────────────────────────────────────────────────────────────────────────────────

export function presentCapability({ result }: Done<'capability'>): Presentation {
  const { arithmetic, instructions, likelihood, seed } = result;
  const kinds = [
    ...(arithmetic ? [{ name: 'Arithmetic', ...arithmetic }] : []),
    ...(instructions ? [{ name: 'Following instructions', ...instructions }] : []),
  ];
  return {
    heading: 'Check of general ability',
    design: text`The persona was compared with the persona before, on ${list([
      ...kinds.map(({ name, n }) => `${n} tasks of ${name.toLowerCase()}`),
      ...(likelihood ? [`the likelihood of ${count(likelihood.passages)} passages of text`] : []),
    ])} (${seeded(seed)}).`,
    analysis: text`Shares of right answers have Wilson’s interval, their differences that of Bonett and Price (2012); ${symbol('p')} is from McNemar’s exact test over the tasks, which are paired. Intervals of perplexity are percentile intervals over bootstrap samples of passages.`,
    works: ['bonettPrice'],
    sentences: [
      ...kinds.map(({ name, n, before, after, difference, ci95, p }) =>
        difference === null
          ? text`${name}: there is nothing to compare, for want of tasks.`
          : text`${name}: ${before.right} of ${n} tasks were right before and ${after.right} after, a difference of ${fixed(100 * difference, 1)} percentage points${ciText(ci95, value => fixed(100 * value, 1))}${p === null ? '' : text`, ${pText(p)}`}.`,
      ),
      ...(likelihood
        ? [
            text`The perplexity of the text was ${fixed(likelihood.before.perplexity)} before and ${fixed(likelihood.after.perplexity)} after, a ratio of ${fixed(likelihood.ratio)}${ciText(likelihood.ratioCi95)}.`,
          ]
        : []),
    ],
    tables:
      kinds.length > 0
        ? [
            {
              title: 'Tasks solved before and after',
              head: [
                ...[cell('Tasks'), symbol('n'), cell('Before'), text`95% CI`, cell('After'), text`95% CI`],
                ...[cell('Difference'), text`95% CI`, cell('Gained'), cell('Lost'), symbol('p')],
              ],
              rows: kinds.map(({ name, n, before, after, difference, ci95, gained, lost, p }) => ({
                cells: [
                  ...[
                    name,
                    `${n}`,
                    percent(before.share),
                    percentInterval(before.ci95),
                    percent(after.share),
                  ],
                  ...[
                    percentInterval(after.ci95),
                    percent(difference),
                    percentInterval(ci95),
                    `${gained}`,
                    `${lost}`,
                    pCell(p),
                  ],
                ].map(cell),
              })),
              note: text`Gained = right after and not before; lost = the other way round. ${symbol('p')} is McNemar’s, exact. Intervals are in percentage points.`,
            },
          ]
        : [],
    plots: [],
    data: [
      ...(arithmetic
        ? [
            {
              name: 'arithmetic',
              columns: ['question', 'answer', 'before', 'before_right', 'after', 'after_right'],
              rows: arithmetic.tasks.map(({ question, answer, before, after }) => [
                question,
                answer,
                before.text,
                before.right,
                after.text,
                after.right,
              ]),
            },
          ]
        : []),
      ...(instructions
        ? [
            {
              name: 'instructions',
              columns: ['rule', 'question', 'before', 'before_right', 'after', 'after_right'],
              rows: instructions.tasks.map(({ rule, question, before, after }) => [
                rule,
                question,
                before.text,
                before.right,
                after.text,
                after.right,
              ]),
            },
          ]
        : []),
      ...(likelihood
        ? [
            {
              name: 'likelihood',
              columns: ['when', 'perplexity', 'ci_low', 'ci_high'],
              rows: [
                ['before', likelihood.before.perplexity, ...bounds(likelihood.before.ci95)],
                ['after', likelihood.after.perplexity, ...bounds(likelihood.after.ci95)],
                ['ratio', likelihood.ratio, ...bounds(likelihood.ratioCi95)],
              ] as Cell[][],
            },
          ]
        : []),
    ],
  };
}

// ── Stability ──────────────────────────────────────────────────────────────────────────────────────────────

export function presentStability({ result }: Done<'stability'>): Presentation {
  const { first, second } = result;
  const each = second.flatMap(({ name, traits }) => traits.map(found => ({ name, ...found })));
  return {
    heading: 'Stability under a second merge',
    design: text`The first merge was written as a ${first.type} file and taken as the base of each second merge.`,
    analysis: text`Shifts are from the base’s scores. The share kept is the shift after the second merge over that before it; the difference between both is paired over items.`,
    works: ['cousineau'],
    sentences: each.map(
      ({ name, trait, before, after, kept, difference, ci95, p }) =>
        text`After “${name}”, the shift of ${trait} was ${orDash(after)} points where it had been ${orDash(before)}${kept === null ? '' : `, ${fixed(100 * kept, 0)}% of it`}${difference === null ? '' : text` (${statistic(symbol('M', 'diff'), difference, {})}${ciText(ci95)}${p === null ? '' : text`, ${pText(p)}`})`}.`,
    ),
    tables: [
      {
        title: 'What is left of a trait after a second merge',
        head: [
          ...[cell('Second merge'), cell('Trait'), cell('Shift before'), cell('Shift after'), cell('Kept')],
          ...[cell('Difference'), text`95% CI`, symbol('d', 'z'), symbol('p')],
        ],
        rows: each.map(({ name, trait, before, after, kept, difference, ci95, d, p }) => ({
          cells: [
            ...[name, scaleTitle(trait), orDash(before), orDash(after), percent(kept)],
            ...[orDash(difference), interval(ci95), orDash(d), pCell(p)],
          ].map(cell),
        })),
        note: text`Shifts are points of the score from the base. A dash under kept means that there was hardly a shift to keep; elsewhere, that the value is undefined.`,
      },
    ],
    plots: [],
    data: [
      points(
        ['merge'],
        [
          { lead: ['first'], weights: first.weights, scores: first.scores },
          ...second.map(({ name, weights, scores }) => ({ lead: [name], weights, scores })),
        ],
      ),
      {
        name: 'kept',
        columns: ['merge', 'trait', 'before', 'after', 'kept', 'difference', 'ci_low', 'ci_high', 'd_z', 'p'],
        rows: each.map(({ name, trait, before, after, kept, difference, ci95, d, p }) => [
          name,
          trait,
          before,
          after,
          kept,
          difference,
          ...bounds(ci95),
          d,
          p,
        ]),
      },
    ],
  };
}

// ── Calibration, targets, tuning ───────────────────────────────────────────────────────────────────────────

export function presentCalibration({ result }: Done<'calibrate'>): Presentation {
  const { traits, jacobian, jacobianError, low, lowError, high, highError, base, n, df } = result;
  return {
    heading: 'Calibration',
    design: text`Each pole of each trait was assessed alone at several α, and then combinations of all traits (${symbol('n')} = ${n} assessments).`,
    analysis: text`The response of every score to every α was fitted by least squares, linear between the α that were assessed, with ${df} degrees of freedom left.`,
    works: [],
    sentences: [],
    tables: [
      {
        title: 'Response of scores to weights around zero',
        head: [cell('Score'), cell('Base'), ...traits.map(trait => text`α of ${trait}`)],
        rows: traits.map(score => ({
          cells: [
            scaleTitle(score),
            orDash(base[score]),
            ...traits.map(
              trait =>
                `${orDash(jacobian[score]?.[trait])} (${orDash(df < 1 ? null : jacobianError[score]?.[trait])})`,
            ),
          ].map(cell),
        })),
        note: text`Points of the score for one α, central differences between both poles; standard errors in brackets${df < 1 ? ' (a dash: the design leaves no degrees of freedom)' : ''}. Base = fitted score with all α at 0.`,
      },
    ],
    plots: [],
    data: [
      {
        name: 'response',
        columns: ['score', 'alpha_of', 'slope', 'slope_error', 'low', 'low_error', 'high', 'high_error'],
        rows: traits.flatMap(score =>
          traits.map((trait): Cell[] => [
            ...[score, trait, jacobian[score]?.[trait] ?? null, jacobianError[score]?.[trait] ?? null],
            ...[low[score]?.[trait] ?? null, lowError[score]?.[trait] ?? null],
            ...[high[score]?.[trait] ?? null, highError[score]?.[trait] ?? null],
          ]),
        ),
      },
      points(
        ['point'],
        result.points.map(({ weights, scores }, index) => ({ lead: [index + 1], weights, scores })),
      ),
    ],
  };
}

export function presentTarget({ result }: Done<'target'>, files: RunFile[]): Presentation {
  const { wanted, alphas, predicted, predictedCi95, measured, error, steps } = result;
  const k = rangeOf(files);
  const rows = TRAITS.map(trait => ({
    ...{
      trait,
      wanted: wanted[trait] ?? null,
      alpha: alphas[trait] ?? null,
      predicted: predicted[trait] ?? null,
    },
    ...{ ci95: predictedCi95[trait] ?? null, measured: measured[trait] ?? null },
  }));
  return {
    heading: 'A wanted profile',
    design: text`Weights for the wanted scores were found from the calibration by ridge regression within Σ|α| ≤ 2, and the mix was assessed${steps.length > 1 ? `, with ${count(steps.length - 1)} corrections by what was missed` : ''}.`,
    analysis: text`Intervals of prediction are for one assessment. Their variance grows with the products of the weights of two traits at once, as far as combinations that the fit was not told of have shown it.`,
    works: [],
    sentences: [text`The mean absolute error of the measured profile was ${fixed(error)} points.`],
    tables: [
      {
        title: 'Wanted, predicted and measured scores',
        head: [cell('Trait'), cell('Wanted'), text`α`, cell('Predicted'), text`95% PI`, cell('Measured')],
        rows: rows.map(row => ({
          cells: [
            ...[scaleTitle(row.trait), orDash(row.wanted), orDash(row.alpha), orDash(row.predicted)],
            ...[interval(row.ci95), orDash(row.measured)],
          ].map(cell),
        })),
        note: text`PI = prediction interval. A dash under wanted means that the profile does not name the trait.`,
      },
    ],
    plots: [
      {
        name: 'target',
        title: 'Wanted and measured scores',
        note: 'Filled circles: measured. Open circles: wanted.',
        figure: {
          form: 'scores',
          k,
          reference: 'wanted',
          rows: rows.map(row => ({
            name: scaleTitle(row.trait),
            score: row.measured,
            deviation: null,
            reference: row.wanted,
          })),
        },
        data: plotData(
          'target-plot',
          ['trait', 'wanted', 'measured'],
          rows.map(row => [row.trait, row.wanted, row.measured]),
        ),
      },
    ],
    data: [
      {
        name: 'target',
        columns: [
          'trait',
          'wanted',
          'alpha',
          'predicted',
          'predicted_ci_low',
          'predicted_ci_high',
          'measured',
        ],
        rows: rows.map(row => [
          row.trait,
          row.wanted,
          row.alpha,
          row.predicted,
          ...bounds(row.ci95),
          row.measured,
        ]),
      },
    ],
  };
}

export function presentTuning({ result }: Done<'tune'>): Presentation {
  const { settings, heldOut, rounds, spent, budget } = result;
  const { tuned, plain, difference, ci95, p, n, seed } = heldOut;
  const settled = [
    `method ${settings.method}`,
    ...(settings.density === undefined ? [] : [`density ${fixed(settings.density)}`]),
    ...(settings.trim === undefined ? [] : [`trimmed by ${settings.trim}`]),
    `factors on α ${list(TRAITS.map(trait => `${trait} ${orDash(settings.lambda[trait])}`))}`,
  ];
  const recipes = [
    { name: 'Tuned', ...tuned },
    { name: 'Plain', ...plain },
  ];
  const table: Table = {
    title: 'Correlations of weights with scores over held-out profiles',
    head: [cell('Recipe'), symbol('M', 'r'), text`95% CI`, ...TRAITS.map(trait => cell(scaleTitle(trait)))],
    rows: recipes.map(recipe => ({
      cells: [
        recipe.name,
        r(recipe.mean_r),
        interval(recipe.mean_rCi95, withoutZero),
        ...TRAITS.map(trait => r(recipe.r[trait])),
      ].map(cell),
    })),
    note: text`${symbol('M', 'r')} is the mean of the five correlations; ${symbol('n')} = ${n} profiles that had no part in the tuning. ${dashes}`,
  };
  const plot: Plot = {
    name: 'tuning',
    title: 'Mean correlation over held-out profiles',
    note: 'Lines are 95% confidence intervals over bootstrap samples of profiles.',
    figure: {
      form: 'estimates',
      rows: recipes.map(({ name, mean_r, mean_rCi95 }) => ({ name, value: mean_r, ci: mean_rCi95 })),
    },
    data: plotData(
      'tuning-plot',
      ['recipe', 'mean_r', 'ci_low', 'ci_high'],
      recipes.map(({ name, mean_r, mean_rCi95 }) => [name, mean_r, ...bounds(mean_rCi95)]),
    ),
  };
  return {
    heading: 'Tuning of the recipe',
    design: text`Method, density and factors on α were searched by successive halving with ${spent} of ${budget} assessments in ${count(rounds.length)} rounds. ${drawn(n, seed)} Those profiles had no part in the search.`,
    analysis: text`Intervals and ${symbol('p')} are from bootstrap samples of the held-out profiles, which are paired.`,
    works: ['mckay'],
    sentences: [
      text`The winner was ${list(settled)}.`,
      difference === null
        ? text`Its difference from the plain recipe is undefined, because a correlation is.`
        : text`On held-out profiles, its mean correlation differed from that of the plain recipe by ${withoutZero(difference)}${ciText(ci95, withoutZero)}${p === null ? '' : text`, ${pText(p)}`}.`,
    ],
    tables: [table],
    plots: [plot],
    data: [
      {
        name: 'held-out',
        columns: ['recipe', 'trait', 'r'],
        rows: recipes.flatMap(recipe =>
          TRAITS.map((trait): Cell[] => [recipe.name.toLowerCase(), trait, recipe.r[trait] ?? null]),
        ),
      },
      {
        name: 'candidates',
        columns: [
          'round',
          'profiles',
          'candidate',
          'method',
          'density',
          'trim',
          ...TRAITS.map(trait => `lambda_${trait}`),
          'mean_r',
        ],
        rows: rounds.flatMap(({ profiles, candidates }, index) =>
          candidates.map(({ id, settings: tried, mean_r }): Cell[] => [
            ...[index + 1, profiles, id, tried.method, tried.density ?? null, tried.trim ?? null],
            ...TRAITS.map(trait => tried.lambda[trait] ?? null),
            mean_r,
          ]),
        ),
      },
    ],
  };
}
