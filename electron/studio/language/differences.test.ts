import { describe, expect, test } from 'vitest';
import type { Side } from './differences.ts';
import { comparisonFor, differences, logOddsRatio } from './differences.ts';
import { compileLexicon } from './lexicon.ts';
import { countText, readoutOf, sumCounts } from './readout.ts';

const lexicon = compileLexicon({
  name: 'Test',
  categories: ['joy', 'fear', 'never'].map(key => ({ key, title: key, parent: null })),
  entries: new Map([
    ['happy', [0]],
    ['afraid', [1]],
    ['unseen', [2]],
  ]),
  matching: 'all',
  parentsCount: false,
  usualCoverage: 0,
  language: null,
});
const sideOf = (texts: string[]): Side => {
  const counts = texts.map(text => countText(text, lexicon));
  return { texts: counts.map(one => readoutOf(one, lexicon)), total: readoutOf(sumCounts(counts), lexicon) };
};
const row = (rows: ReturnType<typeof differences>, feature: string) =>
  rows.find(each => each.feature === feature);

// Shares of joy: 50, 25, 75 against 0, 25, 20.
const here = sideOf(['happy x', 'happy x y z', 'happy happy happy x']);
const there = sideOf(['x y', 'happy x afraid z', 'happy x y z w']);

describe('differences over texts', () => {
  test('are of the means of the texts, each counting the same', () => {
    const rows = differences(here, there, 'independent');
    expect(row(rows, 'joy')).toMatchObject({ kind: 'category', value: 50, reference: 15, difference: 35 });
    expect(row(rows, 'words')).toMatchObject({ kind: 'measure', value: 10 / 3, reference: 11 / 3 });
    // By hand: variances 625 and 175, error √(800/3), pooled deviation 20, J = 0.8.
    expect(row(rows, 'joy')?.effect).toBeCloseTo((0.8 * 35) / 20, 10);
  });

  test('in pairs take each text with its partner', () => {
    const rows = differences(here, there, 'paired');
    // Differences 50, 0, 55: mean 35, deviation √925.
    expect(row(rows, 'joy')?.difference).toBe(35);
    expect(row(rows, 'joy')?.effect).toBeCloseTo(35 / Math.sqrt(925), 10);
  });

  test('have no test where nothing varies, and q over those that have one', () => {
    const rows = differences(here, there, 'independent');
    expect(row(rows, 'never')).toMatchObject({ value: 0, difference: 0, ci95: null, p: null, q: null });
    const tested = rows.filter(({ p }) => p !== null);
    expect(tested.length).toBeGreaterThanOrEqual(3);
    const largest = Math.max(...tested.map(({ p }) => p as number));
    expect(Math.max(...tested.map(({ q }) => q as number))).toBeCloseTo(largest, 12);
    for (const { p, q } of tested) expect(q as number).toBeGreaterThanOrEqual(p as number);
    expect(tested.some(({ p, q }) => (q as number) > 1.2 * (p as number))).toBe(true);
  });
});

describe('differences of single texts', () => {
  test('are chosen as soon as one side is alone', () => {
    const alone = sideOf(['happy x y']);
    expect(comparisonFor(alone, there, false)).toBe('log_odds');
    expect(comparisonFor(here, alone, true)).toBe('log_odds');
    expect(comparisonFor(here, there, false)).toBe('independent');
    expect(comparisonFor(here, there, true)).toBe('paired');
  });

  test('log-odds ratio: cells with their share of a prior of 100 words', () => {
    // By hand: 8 of 100 against 2 of 100; the prior is 10.5/201 in, the rest out.
    const inside = (100 * 10.5) / 201;
    const cells = [8 + inside, 192 - inside, 2 + inside, 198 - inside] as const;
    const found = logOddsRatio(8, 100, 2, 100);
    expect(found?.value).toBeCloseTo(Math.log(cells[0] / cells[1] / (cells[2] / cells[3])), 12);
    expect(found?.error).toBeCloseTo(Math.sqrt(cells.reduce((sum, cell) => sum + 1 / cell, 0)), 12);
    expect(logOddsRatio(2, 100, 8, 100)?.value).toBeCloseTo(-(found?.value as number), 12);
    expect(logOddsRatio(0, 100, 0, 100)).toBeNull();
    expect(logOddsRatio(0, 0, 3, 100)).toBeNull();
  });

  test('one word more or less is no finding, many are', () => {
    const text = (n: number, of: number) => `${'happy '.repeat(n)}${'x '.repeat(of - n)}`;
    const compare = (a: number, b: number, of: number) =>
      row(differences(sideOf([text(a, of)]), sideOf([text(b, of)]), 'log_odds'), 'joy');
    expect(compare(1, 0, 50)?.effectCi95?.[0]).toBeLessThan(0);
    const many = compare(60, 20, 1000);
    expect(many?.effectCi95?.[0]).toBeGreaterThan(0);
    expect(many?.p).toBeLessThan(0.001);
    expect(many).toMatchObject({ value: 6, reference: 2, difference: 4, ci95: null });
  });

  test('compare shares alone: numbers of words have no odds', () => {
    const features = differences(here, there, 'log_odds').map(({ feature }) => feature);
    expect(features).toEqual(['long_words', 'joy', 'fear', 'never']);
  });
});
