import { describe, expect, test } from 'vitest';
import { tQuantile, tTwoSided } from './distributions.ts';
import { independentDifference } from './effects.ts';
import { benjaminiHochberg } from './multiple.ts';

describe('Student’s t', () => {
  // Printed tables of the t distribution, two-sided 5 % and 1 %.
  test.each([
    [1, 0.05, 12.706],
    [2, 0.05, 4.303],
    [4, 0.05, 2.776],
    [10, 0.05, 2.228],
    [49, 0.05, 2.01],
    [120, 0.05, 1.98],
    [10, 0.01, 3.169],
  ])('with %i degrees of freedom leaves %f beyond %f', (df, p, t) => {
    expect(tQuantile(1 - p / 2, df)).toBeCloseTo(t, 3);
    expect(tTwoSided(t, df)).toBeCloseTo(p, 4);
  });

  test('is Cauchy’s with one degree of freedom: p = 1 − 2/π·arctan t', () => {
    for (const t of [0, 0.3, 1, 4, 60])
      expect(tTwoSided(t, 1)).toBeCloseTo(1 - (2 / Math.PI) * Math.atan(t), 8);
  });

  test('is nearly normal with many', () => {
    expect(tQuantile(0.975, 1e7)).toBeCloseTo(1.959964, 5);
  });
});

describe('differences of means', () => {
  // By hand: means 4 and 2, variances 1 and 1, n 3 and 3: t = 2/√(2/3) = 2.449, df 4, J = 1 − 3/15 = 0.8.
  test('between groups: Welch’s interval and Hedges’ g', () => {
    const found = independentDifference([3, 4, 5], [1, 2, 3]);
    expect(found.difference).toBe(2);
    expect(found.ci95?.[0]).toBeCloseTo(2 - 2.7764 * Math.sqrt(2 / 3), 3);
    expect(found.ci95?.[1]).toBeCloseTo(2 + 2.7764 * Math.sqrt(2 / 3), 3);
    expect(found.effect).toBeCloseTo(1.6, 10);
    expect(found.effectCi95?.[0]).toBeCloseTo(1.6 - 1.959964 * Math.sqrt(6 / 9 + 2.56 / 12), 5);
    expect(found.p).toBeCloseTo(0.0705, 4);
  });

  test('Welch’s degrees of freedom fall when variances differ', () => {
    // By hand: variances 1 and 100 of n = 3: df = (1/3 + 100/3)² / ((1/9 + 10000/9)/2) = 2.04.
    const { ci95, difference } = independentDifference([3, 4, 5], [-8, 2, 12]);
    const half = (ci95?.[1] as number) - difference;
    expect(half / Math.sqrt(101 / 3)).toBeCloseTo(tQuantile(0.975, (2 * 101 ** 2) / 10001), 8);
  });

  test('nothing varies: a difference without a test', () => {
    const none = { ci95: null, effect: null, effectCi95: null, p: null };
    expect(independentDifference([0, 0], [0, 0, 0])).toEqual({ difference: 0, ...none });
  });

  test('too few values are refused', () => {
    expect(() => independentDifference([1], [1, 2])).toThrow(RangeError);
  });
});

test('Benjamini–Hochberg: p·m/rank, never above the next, in the order given', () => {
  // By hand: ranks 1 … 4 of 0.01, 0.02, 0.03, 0.5 give 0.04, 0.04, 0.04, 0.5.
  const close = (value: number | null) => (value === null ? null : expect.closeTo(value, 12));
  expect(benjaminiHochberg([0.03, 0.5, null, 0.01, 0.02])).toEqual([0.04, 0.5, null, 0.04, 0.04].map(close));
  // 0.039·4/2 is more than 0.04·4/3, so the latter holds for both.
  expect(benjaminiHochberg([0.01, 0.039, 0.04, 0.5])).toEqual([0.04, 0.16 / 3, 0.16 / 3, 0.5].map(close));
  expect(benjaminiHochberg([])).toEqual([]);
});
