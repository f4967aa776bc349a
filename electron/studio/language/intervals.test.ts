import { describe, expect, test } from 'vitest';
import { percentile95, resampled } from '../statistics/bootstrap.ts';
import { seededRandom } from '../statistics/random.ts';
import { intervalsOf, ratioInterval } from './intervals.ts';
import { compileLexicon } from './lexicon.ts';
import { countText, readoutOf } from './readout.ts';

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

describe('the interval of a ratio', () => {
  test('is the one worked by hand', () => {
    // r = 12 / 60 = .2; residuals 2, −2, 0; squares 8; error √(3/2 · 8) / 60 = .057735; t(.975; 2) = 4.302653.
    const [y, x] = [
      [4, 2, 6],
      [10, 20, 30],
    ];
    const error = Math.sqrt(12) / 60;
    const plain = ratioInterval(y as number[], x as number[], false);
    expect(plain?.[0]).toBeCloseTo(0.2 - 4.302653 * error, 6);
    expect(plain?.[1]).toBeCloseTo(0.2 + 4.302653 * error, 6);
    // logit .2 = −1.386294; error on that scale .057735 / .16.
    const share = ratioInterval(y as number[], x as number[], true);
    const logit = (p: number) => Math.log(p / (1 - p));
    expect(logit(share?.[0] as number)).toBeCloseTo(-1.386294 - (4.302653 * error) / 0.16, 5);
    expect(logit(share?.[1] as number)).toBeCloseTo(-1.386294 + (4.302653 * error) / 0.16, 5);
  });

  test('is about that of a bootstrap over the texts, and wider than words alone would give', () => {
    const random = seededRandom(3);
    const words = Array.from({ length: 60 }, () => 40 + Math.floor(160 * random()));
    const found = words.map(n => Math.round(n * (0.02 + 0.1 * random())));
    const [low, high] = ratioInterval(found, words, true) as [number, number];
    const share = (cases: number[]) =>
      sum(cases.map(one => found[one] as number)) / sum(cases.map(one => words[one] as number));
    const [[bootLow, bootHigh]] = [percentile95(resampled(60, [share], 4000, 1)[0] ?? [])] as [
      [number, number],
    ];
    expect(Math.abs(low - bootLow)).toBeLessThan(0.1 * (bootHigh - bootLow));
    expect(Math.abs(high - bootHigh)).toBeLessThan(0.1 * (bootHigh - bootLow));
    const [p, n] = [sum(found) / sum(words), sum(words)];
    expect(high - low).toBeGreaterThan(1.3 * 2 * 1.96 * Math.sqrt((p * (1 - p)) / n));
  });

  test('is none for a single text, nothing that varies, a share of 0 or 1', () => {
    expect(ratioInterval([2], [10], true)).toBeNull();
    expect(ratioInterval([2, 4], [10, 20], true)).toBeNull();
    expect(ratioInterval([0, 0], [10, 20], true)).toBeNull();
    expect(ratioInterval([10, 20], [10, 20], true)).toBeNull();
  });
});

test('figures of several texts have intervals that hold them, in per cent; texts without words count for nothing', () => {
  const lexicon = compileLexicon({
    name: 'Test',
    categories: ['joy', 'never'].map(key => ({ key, title: key, parent: null })),
    entries: new Map([
      ['happy', [0]],
      ['unseen', [1]],
    ]),
    matching: 'all',
    parentsCount: false,
    usualCoverage: 0,
    language: null,
  });
  const texts = ['happy x y z. Good.', 'happy happy x y z w v u.', '', 'x y z w happy.'].map(text =>
    readoutOf(countText(text, lexicon), lexicon),
  );
  const intervals = intervalsOf(texts);
  const share = (100 * 4) / 18;
  expect(intervals.joy?.[0]).toBeGreaterThan(0);
  expect(intervals.joy?.[0]).toBeLessThan(share);
  expect(intervals.joy?.[1]).toBeGreaterThan(share);
  expect(intervals.never).toBeUndefined();
  expect(intervals.words_per_sentence?.[0]).toBeLessThan(18 / 4);
  expect(intervals.words_per_sentence?.[1]).toBeGreaterThan(18 / 4);
  expect(intervalsOf([])).toEqual({});
});
