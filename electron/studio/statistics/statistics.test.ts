/** Published numbers' functions against values of SciPy 1.17.1 and pingouin 0.7.0 (named at each), and worked examples. */
import { describe, expect, test } from 'vitest';
import { correlation, exactRankP, rankCorrelation } from './correlation.ts';
import { fQuantile, noncentrality95, noncentralT, tQuantile, tTwoSided } from './distributions.ts';
import { pairedDifference } from './effects.ts';
import { benjaminiHochberg } from './multiple.ts';
import { cronbachAlpha, retestAgreement } from './reliability.ts';

const x = [3.1, 2.4, 4.4, 4.4, 1.9, 3.8, 2.4, 4.9];
const y = [2.0, 2.7, 4.1, 3.6, 2.2, 4.4, 2.0, 3.6];

/** Every element to so many decimals. */
function expectClose(
  actual: (number | null | undefined)[] | null | undefined,
  wanted: number[],
  decimals = 7,
) {
  expect(actual).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(actual?.[i]).toBeCloseTo(value, decimals);
}

describe('distributions', () => {
  test('quantiles are those of scipy.stats.f.ppf and t.ppf', () => {
    expect(fQuantile(0.975, 4, 36)).toBeCloseTo(3.166776563357757, 8);
    expect(fQuantile(0.025, 4, 36)).toBeCloseTo(0.11865341711274123, 8);
    expect(fQuantile(0.975, 19, 171)).toBeCloseTo(1.8099065864476802, 8);
    expect(fQuantile(0.975, 1, 9)).toBeCloseTo(7.209283247522017, 6);
    expectClose(
      [9, 2, 1].map(df => tQuantile(0.975, df)),
      [2.262157162798205, 4.302652729749462, 12.706204736174694],
    );
  });

  test('two-sided p is 2·scipy.stats.t.sf', () => {
    expect(tTwoSided(3.1, 9)).toBeCloseTo(0.01272245597820195, 8);
    expect(tTwoSided(-3.1, 9)).toBe(tTwoSided(3.1, 9));
    expect([tTwoSided(0, 9), tTwoSided(Number.POSITIVE_INFINITY, 9)]).toEqual([1, 0]);
  });

  test('the noncentral t is scipy.stats.nct.cdf, far out as well', () => {
    const cases: [number, number, number, number][] = [
      [2.5, 9, 0.5, 0.9535511642761275],
      [2.5, 9, 4, 0.08820885784581134],
      [12, 9, 15, 0.1329164226496474],
      [-1, 9, 1, 0.02725048292834817],
      [40, 9, 35, 0.6478602480185311],
      [60, 3, 50, 0.5553059209447042],
      [0.3, 1, -0.8, 0.8468200503575476],
      [3, 200, 2.2, 0.7844888285192231],
      [3, 2000, 2.2, 0.7877756279445279],
    ];
    for (const [t, df, delta, wanted] of cases) expect(noncentralT(t, df, delta)).toBeCloseTo(wanted, 8);
  });

  test('the interval of a noncentrality leaves 2.5 % on either side', () => {
    for (const [t, df] of [
      [1.4, 7],
      [-25, 3],
      [0, 1],
    ] as const) {
      const [low, high] = noncentrality95(t, df);
      expectClose([noncentralT(t, df, low), noncentralT(t, df, high)], [0.975, 0.025]);
    }
  });
});

describe('correlation', () => {
  test('Pearson is scipy.stats.pearsonr with its Fisher interval', () => {
    const { r, ci95, p, n } = correlation(x, y);
    expectClose([r, p], [0.7848352889856657, 0.021057322201978448]);
    expectClose(ci95, [0.17935507730209624, 0.9590844629899632]);
    expect(n).toBe(8);
    const rising = correlation([1, 2, 3, 4, 5, 6], [2.1, 2.9, 3.2, 4.8, 4.9, 6.3]);
    expectClose([rising.r, rising.p], [0.97893935880543, 0.0006606551811912522]);
    expectClose(rising.ci95, [0.8143701260523849, 0.997788404432449]);
  });

  test('Spearman, with ties, is scipy.stats.spearmanr', () => {
    const { r, ci95, p } = rankCorrelation(x, y);
    expectClose([r, p], [0.6341463414634148, 0.09128908214416584]);
    // tanh(artanh r ± norm.ppf(.975)·√((1 + r²/2)/(n − 3))), evaluated with NumPy 2.4.6.
    expectClose(ci95, [-0.20915681851506548, 0.9365163588442997]);
  });

  test('of few ranks has the p of all their orders', () => {
    expect(exactRankP([1, 2, 3, 4], [9, 7, 5, 1])).toBeCloseTo(2 / 24, 12);
    // Of ten orders of two ones among three noughts, two set them both at an end.
    expect(exactRankP([1, 2, 3, 4, 5], [0, 0, 0, 1, 1])).toBeCloseTo(2 / 10, 12);
    expect(exactRankP(x, x)).toBeCloseTo((2 * 2 * 2) / 40_320, 12);
    expect(() => exactRankP([...x, 1], [...y, 2])).toThrow(RangeError);
  });

  test('follows direction', () => {
    expect(
      correlation(
        x,
        x.map(value => -value),
      ).r,
    ).toBe(-1);
    expect(rankCorrelation([1, 2, 3, 4], [9, 7, 5, 1]).r).toBe(-1);
  });

  test('is undefined for a constant, and for fewer than three pairs', () => {
    for (const of of [correlation, rankCorrelation]) {
      expect(of([1, 2, 3, 4], [3, 3, 3, 3])).toEqual({ r: null, ci95: null, n: 4, p: null });
      expect(of([1, 2], [1, 2])).toEqual({ r: null, ci95: null, n: 2, p: null });
      expect(of([], [])).toEqual({ r: null, ci95: null, n: 0, p: null });
    }
  });

  test('has no interval where Fisher’s z has none', () => {
    expect(correlation(x, x)).toEqual({ r: 1, ci95: null, n: 8, p: 0 });
    expect(correlation([1, 2, 3], [1, 2, 2.5]).ci95).toBeNull();
  });

  test('refuses unpaired values', () => {
    expect(() => correlation([1, 2, 3], [1, 2])).toThrow(RangeError);
  });
});

describe('Cronbach’s alpha', () => {
  const ratings = [
    [4, 3, 5, 4],
    [2, 2, 3, 1],
    [5, 4, 5, 5],
    [3, 3, 2, 4],
    [1, 2, 2, 2],
    [4, 5, 4, 3],
  ];

  test('is pingouin.cronbach_alpha, with Feldt’s interval', () => {
    const { alpha, ci95, cases, items } = cronbachAlpha(ratings);
    expect(alpha).toBeCloseTo(0.896551724137931, 10);
    // pingouin rounds to [0.630, 0.984]; more digits from scipy.stats.f.ppf.
    expectClose(ci95, [0.6300259983504413, 0.9839059348539496]);
    expect({ cases, items }).toEqual({ cases: 6, items: 4 });
  });

  test('may be negative, and is 1 without an interval when items agree', () => {
    expect(
      cronbachAlpha([
        [1, 5, 1],
        [5, 1, 2],
        [1, 4, 1],
        [4, 1, 3],
      ]).alpha,
    ).toBeLessThan(0);
    expect(
      cronbachAlpha([
        [1, 2],
        [2, 3],
        [4, 5],
      ]),
    ).toMatchObject({ alpha: 1, ci95: null });
  });

  test('is undefined, with the reason, where there is nothing to vary', () => {
    expect(cronbachAlpha([[1, 2, 3]])).toMatchObject({
      alpha: null,
      reason: expect.stringContaining('there is 1'),
    });
    expect(cronbachAlpha([])).toMatchObject({ alpha: null, cases: 0 });
    expect(cronbachAlpha([[1], [2]])).toMatchObject({
      alpha: null,
      reason: expect.stringContaining('2 items'),
    });
    expect(
      cronbachAlpha([
        [3, 3],
        [3, 3],
        [3, 3],
      ]).reason,
    ).toContain('same score');
    expect(() => cronbachAlpha([[1, 2], [1]])).toThrow(RangeError);
  });
});

describe('test–retest agreement', () => {
  // Shrout and Fleiss (1979), table 2: six cases, four judges; they print ICC(2,1) = .29.
  const judged = [
    [9, 2, 5, 8],
    [6, 1, 3, 2],
    [8, 4, 6, 8],
    [7, 1, 2, 6],
    [10, 5, 6, 9],
    [6, 2, 4, 7],
  ];

  test('is the ICC(A,1) of pingouin.intraclass_corr, with its interval', () => {
    const { icc, ci95, cases, forms } = retestAgreement(judged);
    expect(icc).toBeCloseTo(0.2897637795275591, 10);
    // pingouin rounds to [0.02, 0.76]; more digits from scipy.stats.f.ppf.
    expectClose(ci95, [0.018786513374712016, 0.7610843696489529], 6);
    expect({ cases, forms }).toEqual({ cases: 6, forms: 4 });
  });

  test('a form that shifts all cases lowers it; forms that agree have no interval', () => {
    const same = [1, 2, 4, 5].map(value => [value, value]);
    expect(retestAgreement(same)).toEqual({ icc: 1, ci95: null, cases: 4, forms: 2 });
    expect(retestAgreement(same.map(([a = 0, b = 0]) => [a, b + 1])).icc).toBeLessThan(0.95);
  });

  test('is undefined, with the reason, where there is nothing to compare', () => {
    expect(retestAgreement([[1], [2], [3]])).toMatchObject({
      icc: null,
      reason: expect.stringContaining('2 forms'),
    });
    expect(retestAgreement([[1, 2]])).toMatchObject({
      icc: null,
      reason: expect.stringContaining('there is 1'),
    });
    const constant = [1, 2, 3].map(() => [4, 4]);
    expect(retestAgreement(constant).reason).toContain('the same');
    expect(() => retestAgreement([[1, 2], [1]])).toThrow(RangeError);
  });
});

describe('a paired difference', () => {
  test('is scipy.stats.ttest_rel with its interval', () => {
    const { difference, t, df, p, ci95 } = pairedDifference(x, y);
    expectClose([difference, t, df, p], [0.3375, 1.365947849786506, 7, 0.21421845755230315]);
    expectClose(ci95, [-0.246754139012188, 0.9217541390121881]);
  });

  test('has d_z and the interval that scipy.stats.nct.cdf gives, solved by scipy.optimize.brentq', () => {
    const { d, dCi95 } = pairedDifference(x, y);
    expect(d).toBeCloseTo(0.48293549366561095, 10);
    expectClose(dCi95, [-0.26800204870943556, 1.2040664705257174]);
    expect(pairedDifference(y, x).d).toBeCloseTo(-0.48293549366561095, 10);
  });

  test('has no d, t or interval where differences do not vary', () => {
    expect(pairedDifference([4, 5, 3], [3, 4, 2])).toEqual({
      difference: 1,
      ci95: null,
      t: null,
      df: null,
      p: null,
      d: null,
      dCi95: null,
      n: 3,
    });
    expect(pairedDifference([4], [3])).toMatchObject({ difference: 1, d: null, n: 1 });
    expect(pairedDifference([], [])).toMatchObject({ difference: null, n: 0 });
  });
});

describe('Benjamini–Hochberg', () => {
  test('is scipy.stats.false_discovery_control, in the order given', () => {
    expectClose(benjaminiHochberg([0.01, 0.04, 0.03, 0.005, 0.8]), [0.025, 0.05, 0.05, 0.025, 0.8], 12);
  });

  test('does not count what was not tested', () => {
    expect(benjaminiHochberg([0.01, null, 0.04])).toEqual([0.02, null, 0.04]);
    expect(benjaminiHochberg([null])).toEqual([null]);
  });
});
