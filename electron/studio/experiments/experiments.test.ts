/** What the experiments compute from their points, and how a search spends its budget. */
import { describe, expect, test } from 'vitest';
import { recipe, TRAITS, TUNABLE_METHODS } from '../contract.ts';
import { liveObstacle } from '../mixing/recipe.ts';
import { doseFor } from './doses.ts';
import { compareMeans, meanR, type Profile } from './profiles.ts';
import { drawSettings, roundsWithin, tunedRecipe } from './tuning.ts';

describe('the α that gives a score', () => {
  const points = [
    { alpha: -1, score: 2 },
    { alpha: 0, score: 3 },
    { alpha: 0.5, score: 4 },
    { alpha: 1, score: 4.2 },
    { alpha: 2, score: null },
  ];
  test.each([
    [3.5, 1, 0.25],
    [4.1, 1, 0.75],
    [3, 1, 0],
    [2.5, -1, -0.5],
    [4.5, 1, null],
    [2.5, 1, null],
    [1.5, -1, null],
  ])('%f on the side %i is %j', (score, sign, alpha) => {
    const found = doseFor(score, sign, points);
    if (alpha === null) expect(found).toBeNull();
    else expect(found).toBeCloseTo(alpha, 10);
  });

  test('is the nearest where the curve turns back', () => {
    const turning = [
      { alpha: 0, score: 3 },
      { alpha: 1, score: 4 },
      { alpha: 2, score: 3 },
    ];
    expect(doseFor(3.5, 1, turning)).toBeCloseTo(0.5, 10);
  });
});

describe('mean r over profiles', () => {
  const alphas = [-1, -0.6, -0.2, 0.1, 0.5, 0.9];
  const study = (noise: number[]): Profile[] =>
    alphas.map((alpha, index) => ({
      weights: Object.fromEntries(TRAITS.map(trait => [trait, alpha])) as Profile['weights'],
      scores: Object.fromEntries(TRAITS.map(trait => [trait, 3 + alpha + (noise[index] as number)])),
    }));
  const clean = study([0, 0, 0, 0, 0, 0]);
  const noisy = study([0.8, -0.9, 0.7, -0.6, 0.5, -0.9]);

  test('is undefined where a trait is constant or has no score', () => {
    expect(meanR(clean)).toBeCloseTo(1, 12);
    const constant = clean.map(({ weights, scores }) => ({ weights, scores: { ...scores, openness: 3 } }));
    expect(meanR(constant)).toBeNull();
    const { openness: _, ...others } = (clean[0] as Profile).scores;
    expect(meanR([{ ...(clean[0] as Profile), scores: others }, ...clean.slice(1)])).toBeNull();
  });

  test('differs between recipes with an interval and p; against itself not at all', () => {
    const compared = compareMeans([clean, noisy, clean], 500, 1);
    const { difference, ci95, p } = compared.difference(0, 1);
    expect(difference).toBeLessThan(0);
    expect(ci95?.[1]).toBeLessThan(0);
    expect(p).toBeLessThan(0.05);
    expect(compared.difference(0, 2)).toMatchObject({ difference: 0, ci95: [0, 0], p: 1 });
    expect(compareMeans([clean, noisy], 500, 1).difference(0, 1)).toEqual(compared.difference(0, 1));
  });
});

describe('tuning', () => {
  const cost = (rounds: ReturnType<typeof roundsWithin>) =>
    rounds.reduce(
      (sum, { candidates, profiles }, i) => sum + candidates * (profiles - (rounds[i - 1]?.profiles ?? 0)),
      0,
    );

  test('halves the candidates, doubles the profiles, and keeps to its budget', () => {
    for (const budget of [12, 50, 100, 352, 1000, 5000]) {
      const rounds = roundsWithin(budget);
      expect(cost(rounds)).toBeLessThanOrEqual(budget);
      expect(cost(rounds)).toBeGreaterThan(budget / 3);
      for (const [index, { candidates, profiles }] of rounds.entries()) {
        const before = rounds[index - 1];
        if (!before) continue;
        expect(candidates).toBe(Math.ceil(before.candidates / 2));
        expect(profiles).toBe(2 * before.profiles);
      }
      expect(rounds.at(-1)?.candidates).toBe(2);
    }
    expect(roundsWithin(11)).toEqual([]);
  });

  test('draws settings that make valid recipes, the plain one first', () => {
    const base = recipe.parse({ version: 2, base: 'demo' });
    const drawn = drawSettings(400, [...TUNABLE_METHODS], 3);
    expect(drawn[0]).toEqual({ method: 'task_arithmetic', lambda: expect.objectContaining({ openness: 1 }) });
    expect(new Set(drawn.map(({ method }) => method))).toEqual(new Set(TUNABLE_METHODS));
    for (const settings of drawn) {
      const made = tunedRecipe(base, settings, 7);
      expect(made.method).toBe(settings.method);
      if (settings.density !== undefined) expect(made.density).toBe(settings.density);
      if (settings.trim !== undefined) expect(made.trim).toBe(settings.trim);
      const live = liveObstacle({ ...made, weights: { openness: 1 } });
      if (settings.method === 'task_arithmetic') expect(live).toBeNull();
    }
    expect(drawSettings(400, [...TUNABLE_METHODS], 3)).toEqual(drawn);
  });
});
