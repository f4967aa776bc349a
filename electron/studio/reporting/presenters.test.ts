import { describe, expect, test } from 'vitest';
import { type AssessResult, type Run, run as runSchema, TRAITS } from '../contract.ts';
import { correlation, rankCorrelation } from '../statistics/correlation.ts';
import { toHtml, toPlain } from './apa.ts';
import { drawSvg, type Plot } from './plots.ts';
import { present } from './presenters.ts';
import type { Done } from './presenting.ts';
import { reportHtml } from './report.ts';
import type { RunFile } from './schemas.ts';
import { tableHtml, tableLatex, tableText } from './tables.ts';

const recipe = { version: 2, base: 'demo', weights: {} };
const common = {
  ...{ id: 'abcd1234', title: 't', state: 'done', startedAt: '2026-01-02T03:04:05.000Z' },
  ...{ finishedAt: '2026-01-02T03:05:05.000Z', error: null, hashes: {}, versions: { temperament: '1.2.3' } },
};
const make = (kind: string, input: object, result: object, more = {}) =>
  runSchema.parse({ ...common, kind, input, result, ...more }) as Done;

const scoresOf = (extraversion: number) => ({
  ...Object.fromEntries(TRAITS.map((trait, index) => [trait, 3 + index / 10])),
  extraversion,
});

function sweep(alphas: number[], scores: number[]) {
  const points = alphas.map((alpha, index) => ({ alpha, scores: scoresOf(scores[index] as number) }));
  const { r: rho, ci95: rhoCi95 } = rankCorrelation(alphas, scores);
  const result = { trait: 'extraversion', points, ...correlation(alphas, scores), rho, rhoCi95 };
  return make('sweep', { persona: { recipe }, trait: 'extraversion', alphas }, result);
}
const drawn = (plot: Plot | undefined) => plot && drawSvg(plot);
const sentencesOf = (run: Done, files: RunFile[] = []) => present(run, files).sentences.map(toPlain);

describe('a sweep', () => {
  test('is told in a sentence, with the degrees of freedom and the interval', () => {
    // By hand: Sxy = 8.8, Sxx = 17.5, Syy = 4.9, so r = .9503; t = 6.106; tanh(artanh r ± 1.96/√3) = .607, .995.
    const run = sweep([-2, -1, 0, 1, 2, 3], [1.2, 2.5, 2.9, 3.1, 3.8, 3.9]);
    expect(sentencesOf(run)[0]).toBe(
      'The correlation between the weight of extraversion (α) and the extraversion score was r(4) = .95, 95% CI [.61, .99], p = .004.',
    );
  });

  test.each([
    ['one point', [1], [3], 'there is one pair of values, and it takes three'],
    ['no variance in the scores', [-1, 0, 1], [3, 3, 3], 'the scores are the same at every point'],
    ['no variance in α', [1, 1, 1], [2, 3, 4], 'α is the same at every point'],
  ])('with %s says that the correlation is undefined, and why', (_, alphas, scores, why) => {
    const run = sweep(alphas, scores);
    expect(sentencesOf(run)[0]).toContain(`is undefined: ${why}.`);
    const { tables, plots } = present(run, []);
    const [, correlations] = tables.map((table, index) => tableText(table, index + 1));
    expect(correlations).toContain('—');
    expect(correlations).toContain('A dash means undefined');
    // No line through what has none.
    if (why.startsWith('α') || alphas.length < 3) expect(drawn(plots[0])).not.toContain('<polyline');
  });

  test('without error says that there is no interval', () => {
    expect(sentencesOf(sweep([-1, 0, 1, 2], [2, 3, 4, 5]))).toContain(
      'There is no interval: the points lie on a line without error.',
    );
  });

  test('gives a row for each point and scale, unrounded', () => {
    const run = sweep([-1, 0, 1 / 3], [2, 3, 10 / 3]);
    const [points, correlations] = present(run, []).data;
    expect(points?.columns).toEqual([
      'point',
      ...TRAITS.map(trait => `alpha_${trait}`),
      ...TRAITS.map(trait => `score_${trait}`),
    ]);
    expect(points?.rows[2]).toEqual([3, 0, 0, 1 / 3, 0, 0, 3, 3.1, 10 / 3, 3.3, 3.4]);
    expect(correlations?.rows).toHaveLength(TRAITS.length);
  });
});

describe('tables', () => {
  const table = present(sweep([-1, 0, 1], [2, 3, 4.5]), []).tables[1];
  if (!table) throw new Error('no table');

  test('have number, title, three lines and a note, in every form', () => {
    const html = tableHtml(table, 3);
    expect(html).toContain('<b>Table 3</b>');
    expect(html).toContain('<i>Correlations of the weight of extraversion with the scores</i>');
    expect(html).toContain('<i>Note.</i>');
    // Lines above and below the head, and below the last row alone.
    expect(html.match(/border-top:1pt solid/g)).toHaveLength(table.head.length);
    expect(html.match(/border-bottom:1pt solid/g)).toHaveLength(2 * table.head.length);
    expect(html).not.toMatch(/border-(left|right)/);
    const latex = tableLatex(table, 3);
    for (const rule of ['\\toprule', '\\midrule', '\\bottomrule']) expect(latex.split(rule)).toHaveLength(2);
    expect(latex.split('\n').filter(line => line.endsWith('\\\\'))).toHaveLength(1 + table.rows.length);
    expect(latex).toContain('\\textit{p}\\textsubscript{adj}');
    expect(tableText(table, 3)).toMatch(/^Table 3\n/);
  });
});

describe('an assessment', () => {
  const item = (id: number, rating: number) => ({
    ...{ id, text: `Item ${id}`, trait: 'openness', keyed: 'plus', rating, keyedRating: rating },
    ...{ probabilities: [0, 0, 1, 0, 0], mass: 1 },
  });
  const assessed = (more: Partial<AssessResult>) =>
    make(
      'assess',
      { persona: { recipe } },
      {
        ...{
          scores: { openness: 3 },
          deviations: { openness: 0 },
          items: [item(1, 3), item(2, 3)],
          validMass: 1,
        },
        scales: [
          {
            ...{ scale: 'openness', kind: 'trait', trait: 'openness', items: 2, answered: 2, score: 3 },
            ...{ deviation: 0, formDeviation: null },
            reliability: {
              alpha: null,
              ci95: null,
              cases: 1,
              items: 2,
              reason: 'Alpha needs at least 2 cases, and there is 1.',
            },
          },
        ],
        ...more,
      },
    );

  test('in several wordings says how well they agree, and gives that as data', () => {
    const retest = { icc: 0.961, ci95: [0.94, 0.98] as [number, number], cases: 50, forms: 5 };
    const run = assessed({ retest });
    expect(sentencesOf(run).join(' ')).toContain(
      'Between the five wordings of the instruction, test–retest agreement of the 50 items was ICC(A,1) = .96, 95% CI [.94, .98].',
    );
    const data = present(run, []).data.find(({ name }) => name === 'retest');
    expect(data?.rows).toEqual([[0.961, 0.94, 0.98, 50, 5, null]]);
    expect(present(assessed({}), []).data.map(({ name }) => name)).not.toContain('retest');
    const reason = 'All values are the same, so agreement is undefined.';
    expect(
      sentencesOf(assessed({ retest: { ...retest, icc: null, ci95: null, reason } })).join(' '),
    ).toContain('between the five wordings is undefined: all values are the same');
  });

  test('has the traits in their order, each with its facets below it', () => {
    const [one] = (assessed({}).result as AssessResult).scales;
    const scale = (name: string, kind: 'trait' | 'facet', trait: string) => ({
      ...(one as NonNullable<typeof one>),
      ...{ scale: name, kind, trait },
    });
    const run = assessed({
      scales: [
        ...[scale('neuroticism', 'trait', 'neuroticism'), scale('openness', 'trait', 'openness')],
        ...[scale('anxiety', 'facet', 'neuroticism'), scale('artistic-interests', 'facet', 'openness')],
        ...[scale('self-consciousness', 'facet', 'neuroticism'), scale('imagination', 'facet', 'openness')],
      ],
    });
    const { tables, plots } = present(run, []);
    const names = [
      'Openness',
      'Artistic interests',
      'Imagination',
      'Neuroticism',
      'Anxiety',
      'Self-consciousness',
    ];
    expect(tables[0]?.rows.map(({ cells: [name = []] }) => toPlain(name))).toEqual(names);
    expect(tables[0]?.rows.map(({ indent }) => indent)).toEqual([false, true, true, false, true, true]);
    const [figure] = plots.map(plot => plot.figure);
    expect(figure?.form === 'scores' && figure.rows.map(({ name }) => name)).toEqual(names);
  });

  test('with hardly any valid answer does not list every item', () => {
    const flagged = (ids: number[]) => toPlain(present(assessed({ flagged: ids }), []).tables[0]?.note ?? []);
    expect(flagged([2])).toContain(
      'On one item less than half of it did, so its rating says little (item 2).',
    );
    expect(flagged([1, 2])).toContain('On no item as much as half of it did, so the ratings say little.');
  });

  test('of a model that gives no ratings says so first', () => {
    expect(sentencesOf(assessed({ validMass: 0.02 }))[0]).toMatch(/^Only 2\.0% of the probability/);
    const parsing = { answers: 50, unparsed: 49 };
    expect(sentencesOf(assessed({ validMass: 0.02, parsing }))[0]).toMatch(/^Only 2\.0% of the drawn/);
  });

  test('with equal differences says that t and d are undefined', () => {
    const comparison = {
      ...{
        scale: 'openness',
        kind: 'trait' as const,
        reference: 2,
        difference: 1,
        ci95: null,
        t: null,
        df: null,
      },
      ...{ p: null, pAdjusted: null, d: null, dCi95: null, n: 2 },
    };
    const run = assessed({ comparison: [comparison] });
    expect(sentencesOf(run)).toContain(
      'The difference in openness between the persona and the reference persona was M_diff = 1.00, and t and d_z are undefined, because the difference is the same for every item.',
    );
    expect(toPlain(present(run, []).tables[1]?.note ?? [])).toContain(
      'A dash means that the statistic is undefined',
    );
  });

  test('of one case says that alpha is undefined; a scale without a score is said to have none', () => {
    const run = assessed({});
    expect(sentencesOf(run).join(' ')).toContain('Cronbach’s α is undefined');
    const scales = (run.result as AssessResult).scales.map(scale => ({
      ...scale,
      score: null,
      deviation: null,
    }));
    const without = assessed({ scales });
    expect(sentencesOf(without).join(' ')).toContain('There is no score for openness');
    expect(drawn(present(without, []).plots[0])).toContain('no score');
  });
});

describe('a kind of run without a presenter', () => {
  // Baking has none, as a kind that is new would have none.
  const run = make(
    'bake',
    { recipe },
    {
      path: 'x.gguf',
      bytes: 12,
      tensors: 3,
      seconds: 1.5,
      content: 'c0ffee',
      warnings: [{ code: 'quantised_target', message: 'm' }],
    },
  );

  test('is told by its fields', () => {
    const { data, tables, heading } = present(run, []);
    expect(heading).toBe('Bake');
    expect(data.map(({ name }) => name)).toEqual(['values', 'warnings']);
    expect(data[0]?.rows).toContainEqual(['seconds', 1.5]);
    expect(data[1]?.rows).toEqual([['quantised_target', 'm']]);
    expect(tables.map((table, index) => tableText(table, index + 1)).join('\n')).toContain('c0ffee');
  });

  test('can be reported', () => {
    const html = reportHtml([{ run, files: [], told: present(run, []) }], {
      made: common.startedAt,
      version: '1',
    });
    expect(html).toContain('<h2>Bake</h2>');
  });
});

describe('a report', () => {
  const files: RunFile[] = [
    {
      ...{
        role: 'model',
        name: 'base.gguf',
        hash: 'a'.repeat(64),
        id: 'demo',
        label: '<b>Demo</b>',
        demo: true,
      },
      ...{ architecture: 'llama', type: 'F16', parameters: 3_100_000 },
    },
  ];
  const evil = '<img src=x onerror=alert(1)>';
  const run = make(
    'chat',
    { persona: { recipe, system: evil }, messages: [{ role: 'user', text: evil }] },
    { text: `${evil} ]]> &amp;`, tokens: 1, seed: 7, stop: 'end', firstTokenMs: 1, tokensPerSecond: 1 },
  ) as Done<'chat'>;
  const html = reportHtml([{ run, files, told: present(run, files) }], {
    ...{ title: evil, made: common.startedAt, version: '1' },
  });

  test('escapes everything', () => {
    expect(html).not.toContain('<img');
    expect(html).not.toContain('<b>Demo');
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt; ]]&gt; &amp;amp;');
    expect(html).not.toContain('<script');
  });

  test('asks no network for anything', () => {
    // Within tags; what stands as text loads nothing.
    for (const [tag] of html.matchAll(/<[^>]+>/g))
      expect(tag).not.toMatch(/(src|href)\s*=\s*["']?(?!["']?(#|data:))|url\(/);
    expect(html).toContain("default-src 'none'");
  });

  test('names the model by hash and says that it is a demonstration', () => {
    expect(html).toContain('a'.repeat(64));
    expect(html).toContain('Demonstration only.');
    const own = files.map(file => ({ ...file, demo: false })) as RunFile[];
    const other = reportHtml([{ run, files: own, told: present(run, own) }], {
      made: common.startedAt,
      version: '1',
    });
    expect(other).not.toContain('Demonstration only.');
  });

  test('of an imported run says so', () => {
    const imported = { bundle: 'b'.repeat(64), at: common.startedAt, id: 'abcd1234', files };
    const from = { ...run, imported } as Run as Done;
    expect(
      reportHtml([{ run: from, files, told: present(from, files) }], {
        made: common.startedAt,
        version: '1',
      }),
    ).toContain('imported from the study bundle');
  });
});

test('sentences in HTML have their statistics in italics', () => {
  expect(present(sweep([-1, 0, 1, 2], [2, 3, 4.5, 4]), []).sentences.map(toHtml)[0]).toMatch(
    /<i>r<\/i>\(2\).*<i>p<\/i>/,
  );
});
