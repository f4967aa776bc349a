/** Word readouts as a paper tells them: shares, differences from a reference, and how they change from turn to turn. */
import type { ReadTextsResult, TextReadout, TextSource, Trend } from '../contract.ts';
import { isShare } from '../language/differences.ts';
import { capital, fixed, interval, orDash, pCell, pText, symbol, type Text, text } from './apa.ts';
import type { Cell, DataTable } from './csv.ts';
import type { Plot } from './plots.ts';
import type { Done, Presentation } from './presenting.ts';
import { cell, type Table } from './tables.ts';

/** Rows of a table and marks of a plot: the clearest. */
const MOST_ROWS = 20;
const MOST_PANELS = 6;
/** Words told of a category. */
const MOST_WORDS = 5;
/** Findings that are told in a sentence each. */
const MOST_TOLD = 3;

const titled = (feature: string) => capital(feature.replaceAll('_', ' '));
const percent = (value: number) => `${fixed(value, 1)}%`;
const bounds = (ci: readonly [number, number] | null): Cell[] => (ci ? [...ci] : [null, null]);

export function presentReadout({ input, result }: Done<'readout'>): Presentation {
  const { lexicon, texts, total, reference, differences, trends } = result;
  const trending = (trends ?? []).filter(({ changes }) => changes.length > 0);
  const single = trending.length === 1;
  return {
    heading: 'Word readout',
    design: text`${capital(amount(texts.length))} of ${total.words} words (${sourceText(input.source)})${input.reference ? text` and, as a reference, ${amount(reference?.texts.length ?? 0)} of ${reference?.total.words ?? 0} words (${sourceText(input.reference)})` : ''} were read with the lexicon “${lexicon.name}” of ${lexicon.categories.length} categories (SHA-256 of the file beginning with ${lexicon.hash.slice(0, 12)}). A figure is the share of the words that are in a category, in per cent; a word may count in several.`,
    analysis: analysisText(result, trending.length > 0),
    works: [
      ...(total.sentiment === null ? [] : (['hutto'] as const)),
      ...(differences || trending.length > 0 ? (['benjamini'] as const) : []),
      ...(differences?.comparison === 'log_odds' ? (['monroe'] as const) : []),
      ...(differences && differences.comparison !== 'log_odds' ? (['cousineau'] as const) : []),
      ...(trending.length > 0 ? (['bonett', 'cleveland'] as const) : []),
      ...(result.intervals || reference?.intervals ? (['cochran'] as const) : []),
    ],
    sentences: [
      text`The lexicon held ${percent(total.coverage)} of the words; a sentence had ${fixed(total.wordsPerSentence, 1)} words.${sentimentText(total)}`,
      ...differenceSentences(result),
      ...trending.flatMap(trend => trendSentences(trend, single)),
    ],
    tables: [
      shareTable(result),
      ...wordTables(result),
      ...(result.expected ? [expectedTable(result.expected, result.differences)] : []),
      ...trending.flatMap(trend => trendTable(trend, single)),
    ],
    plots: [
      ...(differences ? [differencePlot(differences)] : result.intervals ? [sharePlot(result)] : []),
      ...trending.flatMap((trend, index) => trendPlot(trend, single, index)),
    ],
    data: dataOf(result),
  };
}

const sentimentText = ({ sentiment }: TextReadout) =>
  sentiment === null
    ? ''
    : ` The mean sentiment of a sentence was ${fixed(sentiment)} on a scale from −1 to 1 (VADER, a list of rated words with rules; Hutto & Gilbert, 2014).`;

const amount = (n: number) => (n === 1 ? 'one text' : `${n} texts`);

function sourceText(source: TextSource): string {
  switch (source.kind) {
    case 'texts':
      return source.name ?? 'given as they are';
    case 'path': {
      const name = source.path.split(/[\\/]/).at(-1) ?? source.path;
      return source.column === undefined ? name : `${name}, column “${source.column}”`;
    }
    case 'log': {
      const whose = source.persona === undefined ? '' : ` of the persona “${source.persona}”`;
      return `answers${whose} in ${source.conversation === undefined ? 'the log' : 'a conversation'}`;
    }
    default:
      return source satisfies never;
  }
}

const WAYS = {
  independent: text`Means of the texts’ figures were compared by Welch’s ${symbol('t')} intervals, with Hedges’ ${symbol('g')} (Goulet-Pelletier & Cousineau, 2018)`,
  paired: text`Means of the texts’ figures were compared in pairs by ${symbol('t')} intervals, with ${symbol('d', 'z')} (Goulet-Pelletier & Cousineau, 2018)`,
  log_odds: text`Words were compared by log-odds ratios with a Dirichlet prior (Monroe et al., 2008), as if they were independent of each other`,
};

function analysisText({ differences, intervals, reference }: ReadTextsResult, trend: boolean): Text {
  return [
    ...(intervals || reference?.intervals
      ? text`Shares of all texts as one have intervals by the linearised variance of a ratio over texts, on the scale of logits (Cochran, 1977)${differences || trend ? '. ' : '.'}`
      : []),
    ...(differences
      ? text`${WAYS[differences.comparison]}; ${symbol('p')} values are corrected over all figures (Benjamini & Hochberg, 1995).`
      : []),
    ...(trend
      ? text`${differences ? ' ' : ''}Change from turn to turn is the rank correlation of the turn and an answer’s figure, with the interval of Bonett and Wright (2000) and ${symbol('p')}, up to eight answers over all their orders, corrected over all figures of a voice (Benjamini & Hochberg, 1995). Lines in plots are local regressions through the turns (Cleveland, 1979).`
      : []),
  ];
}

/** By how sure they are, then by their size. */
const clearest = <R extends { p: number | null }>(rows: R[], size: (row: R) => number): R[] =>
  rows.toSorted((a, b) => (a.p ?? 1) - (b.p ?? 1) || size(b) - size(a));

type Difference = NonNullable<ReadTextsResult['differences']>['rows'][number];
const clearDifferences = (rows: Difference[]) =>
  clearest(
    rows.filter(({ value, reference }) => value !== 0 || reference !== 0),
    row => Math.abs(row.effect ?? 0),
  );

const unitOf = (feature: string) => (isShare(feature) ? '%' : '');

function differenceSentences({ differences }: ReadTextsResult): Text[] {
  if (!differences) return [];
  const sure = clearDifferences(differences.rows).filter(({ q }) => q !== null && q < 0.05);
  if (sure.length === 0)
    return [text`No figure differed from the reference after correction for many tests.`];
  return sure
    .slice(0, MOST_TOLD)
    .map(
      ({ feature, value, reference, q }) =>
        text`${titled(feature)}: ${fixed(value)}${unitOf(feature)} against ${fixed(reference)}${unitOf(feature)}, corrected ${pText(q as number)}.`,
    );
}

const heads = (words: (string | Text)[]): Text[] =>
  words.map(word => (typeof word === 'string' ? cell(word) : word));

function shareTable({ lexicon, total, intervals, differences }: ReadTextsResult): Table {
  if (differences) {
    // Of words, nothing but the ratio has an interval.
    const means = differences.comparison !== 'log_odds';
    const effect = {
      independent: symbol('g'),
      paired: symbol('d', 'z'),
      log_odds: cell('Log-odds ratio'),
    }[differences.comparison];
    return {
      title: 'Figures and their differences from the reference',
      head: heads([
        ...['Figure', 'Texts', 'Reference', ...(means ? ['Difference', '95% CI'] : [])],
        ...[effect, '95% CI', text`Corrected ${symbol('p')}`],
      ]),
      rows: clearDifferences(differences.rows)
        .slice(0, MOST_ROWS)
        .map(row => ({
          cells: [
            ...[titled(row.feature), fixed(row.value), fixed(row.reference)],
            ...(means ? [fixed(row.difference), interval(row.ci95)] : []),
            ...[orDash(row.effect), interval(row.effectCi95), pCell(row.q)],
          ].map(cell),
        })),
      note: text`Shares in per cent of the words; words and words per sentence are counts; sentiment runs from −1 to 1. The clearest ${MOST_ROWS} figures at most; the data have all. A dash means undefined, because nothing varies.`,
    };
  }
  const used = lexicon.categories
    .map(({ key, title }) => ({ key, title, share: total.categories[key] ?? 0 }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share);
  return {
    title: 'Shares of the words by category',
    head: heads(['Category', 'Share (%)', ...(intervals ? ['95% CI'] : []), 'Most frequent words']),
    rows: used.slice(0, MOST_ROWS).map(({ key, title, share }) => ({
      cells: [
        ...[title, fixed(share), ...(intervals ? [interval(intervals[key])] : [])],
        wordsOf(total, key),
      ].map(cell),
    })),
    note: text`The largest ${MOST_ROWS} at most; the data have all.${intervals ? ' A dash means that the texts do not vary.' : ''}`,
  };
}

/** The most frequent words of a category: `happy (2), fun`. */
const wordsOf = ({ found }: TextReadout, category: string): string =>
  (found?.[category] ?? [])
    .slice(0, MOST_WORDS)
    .map(({ word, count }) => (count > 1 ? `${word} (${count})` : word))
    .join(', ');

/** Of a comparison, the words on both sides; without a reference the shares stand beside them. */
function wordTables({ total, reference, differences }: ReadTextsResult): Table[] {
  if (!differences || !reference) return [];
  const shown = clearDifferences(differences.rows).filter(({ kind }) => kind === 'category');
  if (shown.length === 0) return [];
  return [
    {
      title: 'The words behind the figures',
      head: heads(['Category', 'Texts', 'Reference']),
      rows: shown.slice(0, MOST_ROWS / 2).map(({ feature }) => ({
        cells: [
          titled(feature),
          orNone(wordsOf(total, feature)),
          orNone(wordsOf(reference.total, feature)),
        ].map(cell),
      })),
      note: text`The most frequent words of each category, ${MOST_WORDS} at most, with how often they stand; a dash: none. The clearest ${MOST_ROWS / 2} categories at most; the data have all words.`,
    },
  ];
}

const orNone = (words: string) => words || '—';

function expectedTable(
  expected: NonNullable<ReadTextsResult['expected']>,
  differences: ReadTextsResult['differences'],
): Table {
  const here = (feature: string, value: number) => {
    const row = differences?.rows.find(each => each.feature === feature);
    return row ? [fixed(row.value), fixed(row.reference)] : [fixed(value), '—'];
  };
  return {
    title: 'What the literature expects of the high pole, and what was found',
    head: heads(['Figure', 'Expected', 'Correlation in people', 'Texts', 'Reference', 'Found']),
    rows: expected.map(({ feature, direction, strength, value, found }) => ({
      cells: [titled(feature), direction, strength, ...here(feature, value), found ?? '—'].map(cell),
    })),
    note: text`${[...new Set(expected.flatMap(({ sources }) => sources))].join(' ')}`,
  };
}

// ── Trends ─────────────────────────────────────────────────────────────────────────────────────────────────

const nameOf = ({ voice }: Trend, single: boolean) => (single ? '' : `${voice}: `);
const clearChanges = ({ changes }: Trend) => clearest(changes, ({ rho }) => Math.abs(rho));

function trendSentences(trend: Trend, single: boolean): Text[] {
  const sure = clearChanges(trend).filter(({ q }) => q !== null && q < 0.05);
  const lead = single ? '' : `${trend.voice}: `;
  if (sure.length === 0)
    return [
      text`${lead}${single ? 'No' : 'no'} figure changed with the turn after correction for many tests.`,
    ];
  return sure
    .slice(0, MOST_TOLD)
    .map(
      ({ feature, rho, n, q }) =>
        text`${lead}${single ? titled(feature) : feature.replaceAll('_', ' ')} ${rho > 0 ? 'rose' : 'fell'} from turn to turn, ρ\u00a0=\u00a0${fixed(rho)} over ${n} answers, corrected ${pText(q as number)}.`,
    );
}

/** The figures that change most clearly, turn by turn. */
function trendTable(trend: Trend, single: boolean): Table[] {
  const shown = clearChanges(trend).slice(0, 5);
  if (shown.length === 0) return [];
  return [
    {
      title: `${nameOf(trend, single)}Figures by turn`,
      head: heads(['Turn', 'Answers', 'Words', ...shown.map(({ feature }) => titled(feature))]),
      rows: [
        ...trend.turns.slice(0, 2 * MOST_ROWS).map(({ turn, texts, words, values }) => ({
          cells: [
            ...[`${turn}`, `${texts}`, `${words}`],
            ...shown.map(({ feature }) => fixed(values[feature] ?? 0)),
          ].map(cell),
        })),
        {
          cells: [cell('Change, ρ'), cell(''), cell(''), ...shown.map(({ rho }) => cell(fixed(rho)))],
        },
        {
          cells: [
            text`Corrected ${symbol('p')}`,
            cell(''),
            cell(''),
            ...shown.map(({ q }) => cell(pCell(q))),
          ],
        },
      ],
      note: text`The figures that change most clearly with the turn. Answers of a turn are taken as one; shares are in per cent of their words. The first ${2 * MOST_ROWS} turns at most; the data have all.`,
    },
  ];
}

function trendPlot(trend: Trend, single: boolean, index: number): Plot[] {
  const shown = clearChanges(trend).slice(0, MOST_PANELS);
  if (shown.length === 0) return [];
  const turns = trend.turns.map(({ turn }) => turn);
  const panels = shown.map(({ feature, rho }) => {
    const smooth = trend.turns.flatMap(turn => {
      const y = turn.smooth?.[feature];
      return y === undefined ? [] : [{ x: turn.turn, y }];
    });
    return {
      title: titled(feature),
      note: `ρ = ${fixed(rho)}`,
      x: turns,
      y: trend.turns.map(({ values }) => values[feature] ?? 0),
      open: [],
      fit:
        smooth.length > 1 ? { x: smooth.map(({ x }) => x), y: smooth.map(({ y }) => y), band: null } : null,
    };
  });
  const title = `${nameOf(trend, single)}Figures by turn`;
  const name = single ? 'trend' : `trend-${index + 1}`;
  return [
    {
      name,
      title,
      note: 'Points: all answers of a turn. Line: local regression through the turns (Cleveland, 1979); below six turns there is none.',
      figure: { form: 'scatter', x: 'Turn', y: 'Per cent, or words', range: 'own', panels },
      data: {
        name: `${name}-plot`,
        columns: ['figure', 'turn', 'value', 'smooth'],
        rows: shown.flatMap(({ feature }) =>
          trend.turns.map(({ turn, values, smooth }): Cell[] => [
            ...[feature, turn, values[feature] ?? 0, smooth?.[feature] ?? null],
          ]),
        ),
      },
    },
  ];
}

function sharePlot({ lexicon, total, intervals }: ReadTextsResult): Plot {
  const rows = lexicon.categories
    .map(({ key }) => ({ key, share: total.categories[key] ?? 0, ci: intervals?.[key] ?? null }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
    .slice(0, MOST_ROWS);
  return {
    name: 'shares',
    title: 'Shares of the words by category',
    note: 'Per cent of the words of all texts, with 95% confidence intervals over texts. The largest shares.',
    figure: {
      ...{ form: 'estimates', of: 'Share (%)' },
      rows: rows.map(({ key, share, ci }) => ({ name: titled(key), value: share, ci })),
    },
    data: {
      name: 'shares-plot',
      columns: ['category', 'share', 'share_ci_low', 'share_ci_high'],
      rows: rows.map(({ key, share, ci }) => [key, share, ...bounds(ci)]),
    },
  };
}

function differencePlot({ rows, comparison }: NonNullable<ReadTextsResult['differences']>): Plot {
  const shown = clearDifferences(rows)
    .filter(({ effect }) => effect !== null)
    .slice(0, MOST_ROWS);
  const what = { independent: 'Hedges’ g', paired: 'd_z', log_odds: 'Log-odds ratios' }[comparison];
  const title = 'Differences from the reference';
  return {
    name: 'differences',
    title,
    note: `${what} with 95% confidence intervals; right of 0: more than in the reference.`,
    figure: {
      ...{ form: 'estimates', of: what },
      rows: shown.map(({ feature, effect, effectCi95 }) => ({
        name: titled(feature),
        value: effect,
        ci: effectCi95,
      })),
    },
    data: {
      name: 'differences-plot',
      columns: ['figure', 'effect', 'effect_ci_low', 'effect_ci_high'],
      rows: shown.map(({ feature, effect, effectCi95 }) => [feature, effect, ...bounds(effectCi95)]),
    },
  };
}

// ── Data ───────────────────────────────────────────────────────────────────────────────────────────────────

function dataOf(result: ReadTextsResult): DataTable[] {
  const { lexicon, total, texts, intervals, reference, differences, trends, expected } = result;
  const keys = lexicon.categories.map(({ key }) => key);
  const textRows = (
    set: string,
    all: { name: string; voice?: string; turn?: number; readout: TextReadout }[],
  ) =>
    all.map(({ name, voice, turn, readout }): Cell[] => [
      ...[set, name, voice ?? null, turn ?? null, readout.words, readout.sentences],
      ...[readout.wordsPerSentence, readout.longWords, readout.coverage],
      ...[readout.readability?.readingEase ?? null, readout.readability?.grade ?? null, readout.sentiment],
      ...keys.map(key => readout.categories[key] ?? 0),
    ]);
  const wordRows = (set: string, readout?: TextReadout) =>
    Object.entries(readout?.found ?? {}).flatMap(([category, words]) =>
      words.map(({ word, count }): Cell[] => [set, category, word, count]),
    );
  const tables: DataTable[] = [
    {
      name: 'texts',
      columns: [
        ...['set', 'name', 'voice', 'turn', 'words', 'sentences', 'words_per_sentence', 'long_words'],
        ...['coverage', 'reading_ease', 'grade', 'sentiment', ...keys],
      ],
      rows: [...textRows('texts', texts), ...textRows('reference', reference?.texts ?? [])],
    },
    {
      name: 'categories',
      columns: [
        ...['category', 'title', 'parent', 'share', 'share_ci_low', 'share_ci_high'],
        ...['reference_share', 'reference_ci_low', 'reference_ci_high'],
      ],
      rows: lexicon.categories.map(({ key, title, parent }) => [
        ...[key, title, parent, total.categories[key] ?? 0, ...bounds(intervals?.[key] ?? null)],
        ...[reference?.total.categories[key] ?? null, ...bounds(reference?.intervals?.[key] ?? null)],
      ]),
    },
    {
      name: 'words',
      columns: ['set', 'category', 'word', 'count'],
      rows: [...wordRows('texts', total), ...wordRows('reference', reference?.total)],
    },
  ];
  if (differences)
    tables.push({
      name: 'differences',
      columns: [
        ...['figure', 'kind', 'value', 'reference', 'difference', 'ci_low', 'ci_high', 'effect'],
        ...['effect_ci_low', 'effect_ci_high', 'p', 'p_adjusted'],
      ],
      rows: differences.rows.map(row => [
        ...[row.feature, row.kind, row.value, row.reference, row.difference, ...bounds(row.ci95)],
        ...[row.effect, ...bounds(row.effectCi95), row.p, row.q],
      ]),
    });
  if (expected)
    tables.push({
      name: 'expected',
      columns: ['figure', 'direction', 'strength', 'value', 'found'],
      rows: expected.map(each => [each.feature, each.direction, each.strength, each.value, each.found]),
    });
  if (trends)
    tables.push(
      {
        name: 'trend',
        columns: ['voice', 'turn', 'answers', 'words', 'figure', 'value', 'smooth'],
        rows: trends.flatMap(({ voice, turns }) =>
          turns.flatMap(({ turn, texts: answers, words, values, smooth }) =>
            Object.entries(values).map(([figure, value]): Cell[] => [
              ...[voice, turn, answers, words, figure, value, smooth?.[figure] ?? null],
            ]),
          ),
        ),
      },
      {
        name: 'changes',
        columns: ['voice', 'figure', 'n', 'rho', 'rho_ci_low', 'rho_ci_high', 'p', 'p_adjusted'],
        rows: trends.flatMap(({ voice, changes }) =>
          changes.map(({ feature, n, rho, ci95, p, q }): Cell[] => [
            ...[voice, feature, n, rho, ...bounds(ci95), p, q],
          ]),
        ),
      },
    );
  return tables;
}
