/** How answers change from turn to turn: every figure by turn, a smooth line through the turns, and a rank correlation. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TextReadout, Trend } from '../contract.ts';
import { exactRankP, MOST_EXACT, rankCorrelation } from '../statistics/correlation.ts';
import { benjaminiHochberg } from '../statistics/multiple.ts';
import { lowess } from '../statistics/smoothing.ts';
import { featureOf, measuresOf } from './differences.ts';
import type { Lexicon } from './lexicon.ts';
import type { Counts } from './readout.ts';
import { readoutOf, sumCounts } from './readout.ts';

/** An answer that was counted. */
export interface Said {
  voice: string;
  turn: number;
  counts: Counts;
  readout: TextReadout;
}

/** Fewer turns have no smooth line: of three points or fewer to each fit, it would go through them. */
const FEWEST_TURNS = 6;

/** A trend for each voice, in the order in which they first speak. Figures that are 0 at every turn are left out. */
export async function trendsOf(said: Said[], lexicon: Lexicon, signal?: AbortSignal): Promise<Trend[]> {
  const voices = Map.groupBy(said, ({ voice }) => voice);
  const trends: Trend[] = [];
  for (const [voice, answers] of voices) trends.push(await trendOf(voice, answers, lexicon, signal));
  return trends;
}

async function trendOf(voice: string, answers: Said[], lexicon: Lexicon, signal?: AbortSignal) {
  const spoken = answers.filter(({ readout }) => readout.words > 0);
  const byTurn = [...Map.groupBy(spoken, ({ turn }) => turn)].sort(([a], [b]) => a - b);
  const wholes = byTurn.map(([, texts]) => readoutOf(sumCounts(texts.map(({ counts }) => counts)), lexicon));
  const turns = byTurn.map(([turn, texts], at): Trend['turns'][number] => ({
    turn,
    texts: texts.length,
    words: wholes[at]?.words ?? 0,
    values: {},
  }));
  const measures = measuresOf(spoken.map(({ readout }) => readout));
  const features = [...measures, ...lexicon.categories.map(({ key }) => key)];
  const changes: Omit<Trend['changes'][number], 'q'>[] = [];
  for (const feature of features) {
    const values = wholes.map((whole, at) => {
      const value = featureOf(whole, feature);
      // Words of a turn are those of an answer, whatever the number of takes.
      return feature === 'words' ? value / (turns[at]?.texts ?? 1) : value;
    });
    if (values.every(value => value === 0)) continue;
    const smooth =
      turns.length >= FEWEST_TURNS
        ? lowess(
            turns.map(({ turn }) => turn),
            values,
          )
        : null;
    for (const [at, each] of turns.entries()) {
      each.values[feature] = values[at] as number;
      // Nothing else is below 0, where a line may lead.
      const least = feature === 'sentiment' ? -1 : 0;
      if (smooth) each.smooth = { ...each.smooth, [feature]: Math.max(least, smooth[at] as number) };
    }
    const spokenAt = spoken.map(({ turn }) => turn);
    const figures = spoken.map(({ readout }) => featureOf(readout, feature));
    const { r, ci95, p, n } = rankCorrelation(spokenAt, figures);
    if (r !== null)
      changes.push({ feature, n, rho: r, ci95, p: n <= MOST_EXACT ? exactRankP(spokenAt, figures) : p });
    // A line through a thousand turns takes a while; others get their turn in between.
    await nextTurn();
    signal?.throwIfAborted();
  }
  const q = benjaminiHochberg(changes.map(({ p }) => p));
  return { voice, turns, changes: changes.map((change, at) => ({ ...change, q: q[at] ?? null })) };
}
