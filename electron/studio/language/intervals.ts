/** How far the figures of several texts, taken as one, hold for other texts of the kind. */
import type { TextReadout } from '../contract.ts';
import { tQuantile } from '../statistics/distributions.ts';
import { featureOf, measuresOf } from './differences.ts';

type Interval = [number, number];

/**
 * 95 % intervals of the figures of all texts as one, by category and measure; figures that no interval can be given for
 * are left out. Texts are the sample, not words, which hang together within a text: see `ratioInterval`.
 */
export function intervalsOf(texts: TextReadout[]): Record<string, Interval> {
  const read = texts.filter(({ words }) => words > 0);
  const [first] = read;
  if (!first) return {};
  const words = read.map(readout => readout.words);
  const sentences = read.map(readout => readout.sentences);
  const sums = (feature: string, over: number[]) =>
    read.map((readout, index) => featureOf(readout, feature) * (over[index] as number));
  const shares = [...Object.keys(first.categories), 'long_words'].map(
    (feature): [string, Interval | null] => {
      const counts = sums(feature, words).map(hundredfold => hundredfold / 100);
      const interval = ratioInterval(counts, words, true);
      return [feature, interval && [100 * interval[0], 100 * interval[1]]];
    },
  );
  const rated = measuresOf(read).includes('sentiment');
  const means: [string, Interval | null][] = [
    ['words_per_sentence', ratioInterval(words, sentences, false)],
    ['sentiment', rated ? ratioInterval(sums('sentiment', sentences), sentences, false) : null],
  ];
  return Object.fromEntries(
    [...shares, ...means].filter((entry): entry is [string, Interval] => entry[1] !== null),
  );
}

/**
 * 95 % interval of the ratio Σy / Σx over k units, by the linearised variance of a ratio of two sums, k / (k − 1) ·
 * Σ (y − r·x)² / (Σx)² (Cochran 1977, § 6.4), and Student's t with k − 1 degrees of freedom. Of a `share`, on the scale of
 * logits, so that it stays within 0 … 1. Null below two units, where nothing varies, and for a share of 0 or 1.
 */
export function ratioInterval(y: number[], x: number[], share: boolean): Interval | null {
  const k = x.length;
  const total = x.reduce((sum, value) => sum + value, 0);
  if (k < 2 || total === 0) return null;
  const ratio = y.reduce((sum, value) => sum + value, 0) / total;
  const squares = y.reduce((sum, value, index) => sum + (value - ratio * (x[index] as number)) ** 2, 0);
  const error = Math.sqrt((k / (k - 1)) * squares) / total;
  const half = tQuantile(0.975, k - 1) * error;
  if (!(error > 1e-12)) return null;
  if (!share) return [ratio - half, ratio + half];
  if (ratio <= 0 || ratio >= 1) return null;
  const spread = half / (ratio * (1 - ratio));
  const middle = Math.log(ratio / (1 - ratio));
  const back = (logit: number) => 1 / (1 + Math.exp(-logit));
  return [back(middle - spread), back(middle + spread)];
}
