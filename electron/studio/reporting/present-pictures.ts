/** What is told of pictures that several personas have described. */
import type { PicturesResult } from '../contract.ts';
import { isShare } from '../language/differences.ts';
import { capital, count, fixed, interval, orDash, pCell, pText, symbol, type Text, text } from './apa.ts';
import type { Cell } from './csv.ts';
import type { Plot } from './plots.ts';
import type { Done, Presentation } from './presenting.ts';
import { cell, type Table } from './tables.ts';

/** Rows of a table and marks of a plot: the clearest. */
const MOST_ROWS = 20;
/** Findings that are told in a sentence each. */
const MOST_TOLD = 3;

const titled = (feature: string) => capital(feature.replaceAll('_', ' '));
const bounds = (ci: readonly [number, number] | null | undefined): Cell[] => (ci ? [...ci] : [null, null]);
const clearest = <R extends { p: number | null }>(rows: R[], size: (row: R) => number): R[] =>
  rows.toSorted((a, b) => (a.p ?? 1) - (b.p ?? 1) || size(b) - size(a));
const unitOf = (feature: string) => (isShare(feature) ? '%' : '');

export function presentPictures({ input, result }: Done<'pictures'>): Presentation {
  const { personas, slopes, lexicon, trait } = result;
  const [first] = personas;
  const each = input.repeats === 1 ? 'once' : `${input.repeats} times`;
  return {
    heading: 'Pictures described',
    design: text`${capital(count(input.pictures.length))} ${input.pictures.length === 1 ? 'picture was' : 'pictures were'} described ${each} by each of ${count(personas.length)} ${personas.length === 1 ? 'persona' : 'personas'} (${personas.map(({ name }) => `“${name}”`).join(', ')}), asked “${result.prompt}”. Descriptions were drawn with the same seeds for every persona, and read with the lexicon “${lexicon.name}” (SHA-256 of the file beginning with ${lexicon.hash.slice(0, 12)}).`,
    analysis: [
      ...comparisonText(personas),
      ...(slopes
        ? text`The change for one α is the mean over the pictures of the least-squares slope within a picture, with Student’s interval over the pictures; ${symbol('p')} values are corrected over all figures (Benjamini & Hochberg, 1995).`
        : []),
    ],
    works: [
      ...(personas.length > 1 ? (['benjamini'] as const) : []),
      ...(comparisonOf(personas) === 'paired' ? (['cousineau'] as const) : []),
      ...(comparisonOf(personas) === 'log_odds' ? (['monroe'] as const) : []),
    ],
    sentences: [
      ...personas.map(
        ({ name, words, descriptions }) =>
          text`“${name}” used ${fixed(words / Math.max(1, descriptions.length), 1)} words a picture.`,
      ),
      ...slopeSentences(slopes, trait),
    ],
    tables: [
      shares(personas),
      ...personas.slice(1).flatMap(one => differencesTable(one, first?.name ?? '')),
      ...slopeTable(slopes, trait),
    ],
    plots: slopePlot(slopes),
    data: [
      {
        name: 'descriptions',
        columns: ['persona', 'alpha', 'picture', 'picture_sha256', 'repeat', 'text'],
        rows: personas.flatMap(({ name, alpha, descriptions }) =>
          descriptions.map(({ picture, name: shown, repeat, text: said }): Cell[] => [
            ...[name, alpha, shown, picture, repeat, said],
          ]),
        ),
      },
      {
        name: 'shares',
        columns: ['persona', 'alpha', 'category', 'share', 'share_ci_low', 'share_ci_high'],
        rows: personas.flatMap(({ name, alpha, categories, intervals }) =>
          Object.entries(categories).map(([category, share]): Cell[] => [
            ...[name, alpha, category, share, ...bounds(intervals?.[category])],
          ]),
        ),
      },
      {
        name: 'differences',
        columns: [
          ...['persona', 'figure', 'value', 'reference', 'difference', 'ci_low', 'ci_high', 'd_z'],
          ...['d_z_ci_low', 'd_z_ci_high', 'p', 'p_adjusted'],
        ],
        rows: personas.flatMap(({ name, differences }) =>
          (differences?.rows ?? []).map((row): Cell[] => [
            ...[name, row.feature, row.value, row.reference, row.difference, ...bounds(row.ci95)],
            ...[row.effect, ...bounds(row.effectCi95), row.p, row.q],
          ]),
        ),
      },
      ...(slopes
        ? [
            {
              name: 'slopes',
              columns: ['figure', 'slope', 'slope_ci_low', 'slope_ci_high', 'n', 'p', 'p_adjusted'],
              rows: slopes.map(({ feature, slope, ci95, n, p, pAdjusted }): Cell[] => [
                ...[feature, slope, ...bounds(ci95), n, p, pAdjusted],
              ]),
            },
          ]
        : []),
    ],
  };
}

type Described = PicturesResult['personas'][number];
type Slopes = NonNullable<PicturesResult['slopes']>;

/** The same for all: they have the same number of descriptions. */
const comparisonOf = (personas: Described[]) => personas[1]?.differences?.comparison;

function comparisonText(personas: Described[]): Text {
  switch (comparisonOf(personas)) {
    case undefined:
    case 'independent':
      return [];
    case 'paired':
      return text`Figures were compared with those of “${personas[0]?.name ?? ''}” over pairs of descriptions of the same picture, with ${symbol('d', 'z')} (Goulet-Pelletier & Cousineau, 2018); ${symbol('p')} values are corrected over all figures (Benjamini & Hochberg, 1995). `;
    case 'log_odds':
      return text`Words were compared with those of “${personas[0]?.name ?? ''}” by log-odds ratios with a Dirichlet prior (Monroe et al., 2008), as if they were independent of each other; ${symbol('p')} values are corrected over all figures (Benjamini & Hochberg, 1995). `;
  }
}

function slopeSentences(slopes: PicturesResult['slopes'], trait: string | null): Text[] {
  if (!slopes || !trait) return [];
  const sure = clearest(slopes, ({ slope }) => Math.abs(slope)).filter(
    ({ pAdjusted }) => pAdjusted !== null && pAdjusted < 0.05,
  );
  if (sure.length === 0)
    return [text`No figure changed with the α of ${trait} after correction for many tests.`];
  return sure
    .slice(0, MOST_TOLD)
    .map(
      ({ feature, slope, pAdjusted }) =>
        text`${titled(feature)} changed by ${fixed(slope)}${unitOf(feature)} for one α of ${trait}, corrected ${pText(pAdjusted as number)}.`,
    );
}

/** Shares of the words by persona: the categories that differ most between them. */
function shares(personas: Described[]): Table {
  const keys = Object.keys(personas[0]?.categories ?? {});
  const of = (key: string) => personas.map(({ categories }) => categories[key] ?? 0);
  const range = (key: string) => Math.max(...of(key)) - Math.min(...of(key));
  return {
    title: 'Shares of the words by persona',
    head: [cell('Category'), ...personas.map(({ name }) => cell(name))],
    rows: keys
      .filter(key => Math.max(...of(key)) > 0)
      .sort((a, b) => range(b) - range(a) || Math.max(...of(b)) - Math.max(...of(a)))
      .slice(0, MOST_ROWS)
      .map(key => ({ cells: [titled(key), ...of(key).map(share => fixed(share))].map(cell) })),
    note: text`Per cent of all words of a persona’s descriptions. The ${MOST_ROWS} categories that differ most, at most; the data have all.`,
  };
}

function differencesTable({ name, differences }: Described, reference: string): Table[] {
  if (!differences) return [];
  const rows = clearest(
    differences.rows.filter(row => row.value !== 0 || row.reference !== 0),
    row => Math.abs(row.effect ?? 0),
  );
  const means = differences.comparison !== 'log_odds';
  return [
    {
      title: `${name}: differences from ${reference}`,
      head: [
        ...['Figure', name, reference, ...(means ? ['Difference', '95% CI'] : [])].map(cell),
        means ? symbol('d', 'z') : cell('Log-odds ratio'),
        cell('95% CI'),
        text`Corrected ${symbol('p')}`,
      ],
      rows: rows.slice(0, MOST_ROWS / 2).map(row => ({
        cells: [
          ...[titled(row.feature), fixed(row.value), fixed(row.reference)],
          ...(means ? [fixed(row.difference), interval(row.ci95)] : []),
          ...[orDash(row.effect), interval(row.effectCi95), pCell(row.q)],
        ].map(cell),
      })),
      note: text`Over ${differences.n} descriptions. The clearest ${MOST_ROWS / 2} figures at most; the data have all. A dash means undefined, because nothing varies.`,
    },
  ];
}

function slopeTable(slopes: PicturesResult['slopes'], trait: string | null): Table[] {
  if (!slopes || !trait) return [];
  return [
    {
      title: `Change for one α of ${trait}`,
      head: [
        ...['Figure', 'Change', '95% CI', 'Pictures'].map(cell),
        symbol('p'),
        text`Corrected ${symbol('p')}`,
      ],
      rows: shown(slopes).map(({ feature, slope, ci95, n, p, pAdjusted }) => ({
        cells: [titled(feature), fixed(slope), interval(ci95), `${n}`, pCell(p), pCell(pAdjusted)].map(cell),
      })),
      note: text`Shares in per cent of the words. The clearest ${MOST_ROWS} figures at most; the data have all. A dash means undefined: the pictures do not vary, or there is one alone.`,
    },
  ];
}

const shown = (slopes: Slopes) =>
  clearest(
    slopes.filter(({ slope }) => slope !== 0),
    ({ slope }) => Math.abs(slope),
  ).slice(0, MOST_ROWS);

function slopePlot(slopes: PicturesResult['slopes']): Plot[] {
  if (!slopes) return [];
  const rows = shown(slopes).filter(({ feature }) => isShare(feature));
  if (rows.length === 0) return [];
  return [
    {
      name: 'slopes',
      title: 'Change of the shares for one α',
      note: 'Per cent of the words, with 95% confidence intervals over the pictures.',
      figure: {
        ...{ form: 'estimates', of: 'Change (%)' },
        rows: rows.map(({ feature, slope, ci95 }) => ({ name: titled(feature), value: slope, ci: ci95 })),
      },
      data: {
        name: 'slopes-plot',
        columns: ['figure', 'slope', 'slope_ci_low', 'slope_ci_high'],
        rows: rows.map(({ feature, slope, ci95 }) => [feature, slope, ...bounds(ci95)]),
      },
    },
  ];
}
