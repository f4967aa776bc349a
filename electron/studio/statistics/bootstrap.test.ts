/** Resampling, shares of right answers and least squares, against values worked by hand or published. */
import { describe, expect, test } from 'vitest';
import { bootstrapP, percentile95, resampled } from './bootstrap.ts';
import { pairedProportions, proportion } from './proportions.ts';
import { leastSquares, slope } from './regression.ts';

describe('the bootstrap', () => {
  const values = Array.from({ length: 40 }, (_, i) => Math.sin(i * i));
  const meanOf = (cases: number[]) => cases.reduce((sum, i) => sum + (values[i] as number), 0) / cases.length;

  test('of a mean has the width of its standard error', () => {
    const [draws = []] = resampled(40, [meanOf], 4000, 3);
    const [low, high] = percentile95(draws) as [number, number];
    const m = meanOf([...values.keys()]);
    const error = Math.sqrt(values.reduce((sum, v) => sum + (v - m) ** 2, 0) / 40 / 40);
    expect((high - low) / (2 * 1.96 * error)).toBeCloseTo(1, 1);
    expect(bootstrapP(draws)).toBeCloseTo(2 * (1 - 0.5 * (1 + erf(Math.abs(m) / error / Math.SQRT2))), 1);
  });

  test('shows all statistics the same resamples', () => {
    const [one, two] = resampled(40, [meanOf, cases => 1 + meanOf(cases)], 100, 3);
    expect(two).toEqual(one?.map(value => 1 + (value as number)));
    expect(resampled(40, [meanOf], 100, 3)[0]).toEqual(one);
    expect(resampled(40, [meanOf], 100, 4)[0]).not.toEqual(one);
  });

  test('has no interval for what is mostly undefined', () => {
    expect(percentile95([1, 2, null])).toBeNull();
    expect(bootstrapP([1, 2, null])).toBeNull();
    expect(percentile95([])).toBeNull();
  });
});

/** Abramowitz & Stegun 7.1.26. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return 1 - poly * Math.exp(-x * x);
}

describe('shares', () => {
  // Newcombe (1998), Statistics in Medicine 17, 857–872, table I, method 3: 81/263 and 0/20.
  test('have Wilson’s interval', () => {
    const { share, ci95 } = proportion(81, 263);
    expect(share).toBeCloseTo(0.308, 3);
    expect(ci95?.[0]).toBeCloseTo(0.2553, 4);
    expect(ci95?.[1]).toBeCloseTo(0.3662, 4);
    expect(proportion(0, 20).ci95?.[1]).toBeCloseTo(0.1611, 4);
    expect(proportion(0, 0)).toEqual({ right: 0, share: null, ci95: null });
  });

  // 21 children, 1 changed one way and 7 the other (Bentur et al. 2009, worked in Fagerland, Lydersen & Laake 2014,
  // Statistics in Medicine 33, 2850–2875): exact McNemar test p = .070, Bonett and Price −0.508 to −0.013.
  test('of the same tasks have McNemar’s exact test and the interval of Bonett and Price', () => {
    const pairs = [
      { before: true, after: true },
      { before: false, after: true },
      ...Array.from({ length: 7 }, () => ({ before: true, after: false })),
      ...Array.from({ length: 12 }, () => ({ before: false, after: false })),
    ];
    const found = pairedProportions(pairs);
    expect(found).toMatchObject({ n: 21, gained: 1, lost: 7, before: { right: 8 }, after: { right: 2 } });
    expect(found.difference).toBeCloseTo(-6 / 21, 12);
    expect(found.p).toBeCloseTo(0.0703, 4);
    expect(found.ci95?.[0]).toBeCloseTo(-0.508, 3);
    expect(found.ci95?.[1]).toBeCloseTo(-0.013, 3);
  });

  test('that did not change have p = 1', () => {
    const pairs = Array.from({ length: 5 }, () => ({ before: true, after: true }));
    expect(pairedProportions(pairs)).toMatchObject({ difference: 0, p: 1 });
    expect(pairedProportions([])).toMatchObject({ difference: null, p: null });
  });
});

describe('least squares', () => {
  // The first ten rows of Norris, NIST Statistical Reference Datasets; over all 36 the slope is 1.00212.
  const x = [0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777.0];
  const y = [0.1, 338.8, 118.1, 888.0, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9];

  test('of a line agree with the formulas of simple regression', () => {
    const n = x.length;
    const [mx, my] = [x, y].map(values => values.reduce((a, b) => a + b) / n) as [number, number];
    const sxx = x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
    const sxy = x.reduce((sum, value, i) => sum + (value - mx) * ((y[i] as number) - my), 0);
    const b = sxy / sxx;
    const rss = x.reduce((sum, value, i) => sum + ((y[i] as number) - my - b * (value - mx)) ** 2, 0);
    const fit = leastSquares(
      x.map(value => [1, value]),
      y.map(value => [value, 2 * value]),
    );
    expect(fit.coefficients[1]?.[0]).toBeCloseTo(b, 10);
    expect(fit.coefficients[1]?.[1]).toBeCloseTo(2 * b, 10);
    expect(fit.df).toBe(8);
    expect(fit.residual[0]).toBeCloseTo(Math.sqrt(rss / 8), 8);
    expect(fit.covariance[1]?.[1]).toBeCloseTo(1 / sxx, 12);
    expect(slope(x, y)).toBeCloseTo(b, 10);
    expect(b).toBeCloseTo(1.002, 2);
  });

  test('left-out residuals are those of fits without the case; none where only it says what it says', () => {
    const rows = x.map(value => [1, value, 0]);
    const [design, outcome] = [
      [...rows, [1, 0, 1]],
      [...y, 7],
    ];
    const { left } = leastSquares(
      design,
      outcome.map(value => [value]),
    );
    expect(left.at(-1)).toBeNull();
    for (const i of [0, 4, 9]) {
      const without = leastSquares(
        x.toSpliced(i, 1).map(value => [1, value]),
        y.toSpliced(i, 1).map(value => [value]),
      );
      const [intercept = [], b = []] = without.coefficients;
      const predicted = (intercept[0] as number) + (b[0] as number) * (x[i] as number);
      expect(left[i]?.[0]).toBeCloseTo((y[i] as number) - predicted, 10);
    }
  });

  test('a slope without variance in x is undefined', () => {
    expect(slope([1, 1, 1], [1, 2, 3])).toBeNull();
    expect(slope([1], [1])).toBeNull();
  });
});
