/** Calibration and targets on a made-up respondent whose answers to α are known. */
import { describe, expect, test } from 'vitest';
import type { Trait } from '../contract.ts';
import { SAFE_ALPHA_SUM, TRAITS } from '../contract.ts';
import { seededRandom } from '../statistics/random.ts';
import { calibrationDesign, fitCalibration, predict, reachOf, solve } from './calibration.ts';

const KNOTS = [0.5, 1, 2];

/** Levels off behind ½, steeper on the low side, and a tenth of it bleeds into the next trait. */
function respond(alphas: Record<Trait, number>, noise = () => 0): Record<string, number> {
  const own = (alpha: number) => {
    const size = Math.abs(alpha);
    const risen = size < 0.5 ? 1.6 * size : 0.8 + 0.3 * (size - 0.5);
    return alpha < 0 ? -1.2 * risen : risen;
  };
  return Object.fromEntries(
    TRAITS.map((trait, index) => {
      const before = TRAITS[(index + 4) % 5] as Trait;
      return [trait, 3.1 + own(alphas[trait]) + 0.1 * own(alphas[before]) + noise()];
    }),
  );
}
const measured = (combinations: number, noise?: () => number) =>
  calibrationDesign(KNOTS, combinations, 3).map(weights => ({ weights, scores: respond(weights, noise) }));
const sum = (alphas: Record<Trait, number>) =>
  TRAITS.reduce((total, trait) => total + Math.abs(alphas[trait]), 0);
const alphasOf = (given: Partial<Record<Trait, number>>) =>
  Object.fromEntries(TRAITS.map(trait => [trait, given[trait] ?? 0])) as Record<Trait, number>;

describe('the design', () => {
  test('has the base, both poles at every knot, and combinations within the safe sum', () => {
    const design = calibrationDesign(KNOTS, 20, 3);
    expect(design).toHaveLength(1 + 5 * 2 * 3 + 20);
    expect(sum(design[0] as Record<Trait, number>)).toBe(0);
    const singles = design.slice(1, 31);
    expect(new Set(singles.map(alphas => TRAITS.filter(trait => alphas[trait]).length))).toEqual(
      new Set([1]),
    );
    const mixed = design.slice(31);
    for (const alphas of mixed) expect(sum(alphas)).toBeLessThanOrEqual(SAFE_ALPHA_SUM + 1e-9);
    expect(Math.max(...mixed.map(sum))).toBeGreaterThan(1.5);
    expect(calibrationDesign(KNOTS, 20, 3)).toEqual(design);
    expect(calibrationDesign(KNOTS, 20, 4)).not.toEqual(design);
  });
});

describe('the fit', () => {
  test('finds slopes of both poles, their mean, and what bleeds over', () => {
    const { jacobian, low, high, base, curves, df } = fitCalibration(measured(20), KNOTS);
    expect(base.openness).toBeCloseTo(3.1, 6);
    expect(high.openness.openness).toBeCloseTo(1.6, 6);
    expect(low.openness.openness).toBeCloseTo(1.92, 6);
    expect(jacobian.openness.openness).toBeCloseTo(1.76, 6);
    expect(jacobian.conscientiousness.openness).toBeCloseTo(0.176, 6);
    expect(jacobian.openness.conscientiousness).toBeCloseTo(0, 6);
    const at = curves.find(({ trait, alpha }) => trait === 'neuroticism' && alpha === -2);
    expect(at?.shift.neuroticism).toBeCloseTo(-1.2 * 1.25, 6);
    expect(df).toBe(51 - 31);
  });

  test('without combinations leaves no degrees of freedom and no intervals', () => {
    const calibration = fitCalibration(measured(0), KNOTS);
    expect(calibration.df).toBe(0);
    expect(predict(calibration, { openness: 1 }).ci95.openness).toBeNull();
  });

  test('has prediction intervals that hold what they promise', () => {
    const random = seededRandom(9);
    // Sum of twelve uniform numbers: nearly normal, standard deviation 1.
    const noise = () => 0.1 * (Array.from({ length: 12 }, random).reduce((a, b) => a + b) - 6);
    const calibration = fitCalibration(measured(60, noise), KNOTS);
    expect(calibration.residual.openness).toBeGreaterThan(0.07);
    expect(calibration.residual.openness).toBeLessThan(0.13);
    let inside = 0;
    for (let i = 0; i < 200; i++) {
      const alphas = alphasOf({ openness: 2 * random() - 1, neuroticism: 2 * random() - 1 });
      const truth = respond(alphas, noise);
      const [low, high] = predict(calibration, alphas).ci95.openness as [number, number];
      if ((truth.openness as number) >= low && (truth.openness as number) <= high) inside++;
    }
    expect(inside / 200).toBeGreaterThan(0.9);
    expect(inside / 200).toBeLessThan(0.995);
  });
});

describe('where vectors interfere', () => {
  const random = seededRandom(4);
  const normal = () => Array.from({ length: 12 }, random).reduce((a, b) => a + b) - 6;
  // Every two traits together move every score by their own factor of the product.
  const pairs = TRAITS.flatMap((one, i) => TRAITS.slice(i + 1).map(other => [one, other] as const));
  const factors = TRAITS.map(() => pairs.map(() => 0.15 * normal()));
  const interfering = (alphas: Record<Trait, number>) => {
    const additive = respond(alphas);
    return Object.fromEntries(
      TRAITS.map((trait, score) => [
        trait,
        pairs.reduce(
          (sum, [one, other], at) => sum + (factors[score]?.[at] ?? 0) * alphas[one] * alphas[other],
          additive[trait] as number,
        ),
      ]),
    );
  };
  const calibration = fitCalibration(
    calibrationDesign(KNOTS, 40, 3).map(weights => ({ weights, scores: interfering(weights) })),
    KNOTS,
  );
  const widthOf = (alphas: Record<Trait, number>, of = calibration) => {
    const [low, high] = predict(of, alphas).ci95.openness as [number, number];
    return high - low;
  };

  test('an interval is wide for several traits at once and narrow for one, and holds what it promises', () => {
    expect(widthOf(alphasOf({ openness: 1.5 }))).toBeLessThan(
      0.6 * widthOf(Object.fromEntries(TRAITS.map(trait => [trait, 0.4])) as Record<Trait, number>),
    );
    let inside = 0;
    for (let i = 0; i < 100; i++) {
      const drawn = alphasOf(Object.fromEntries(TRAITS.map(trait => [trait, 2 * random() - 1])));
      const scale = (random() * SAFE_ALPHA_SUM) / sum(drawn);
      const alphas = alphasOf(Object.fromEntries(TRAITS.map(trait => [trait, drawn[trait] * scale])));
      const { ci95 } = predict(calibration, alphas);
      const truth = interfering(alphas);
      for (const trait of TRAITS) {
        const [low, high] = ci95[trait] as [number, number];
        if ((truth[trait] as number) >= low && (truth[trait] as number) <= high) inside++;
      }
    }
    expect(inside / 500).toBeGreaterThan(0.9);
    expect(inside / 500).toBeLessThan(0.995);
  });

  test('a calibration from before knows one width', () => {
    const before = { ...calibration, spread: undefined };
    expect(widthOf(alphasOf({}), before)).toBeGreaterThan(widthOf(alphasOf({})));
  });
});

describe('the solution', () => {
  const calibration = fitCalibration(measured(20), KNOTS);

  test('finds back the α that the wanted scores came from, whatever the pole and the piece of the line', () => {
    for (const given of [
      {},
      { openness: 0.3, neuroticism: -0.2 },
      { openness: -1.2, extraversion: 0.4 },
      { conscientiousness: 0.25, extraversion: -0.25, agreeableness: 0.25, neuroticism: 0.6 },
      { openness: 1.9 },
    ]) {
      const alphas = alphasOf(given);
      const found = solve(calibration, respond(alphas), 0);
      for (const trait of TRAITS) expect(found[trait]).toBeCloseTo(alphas[trait], 3);
    }
  });

  test('stays within Σ|α| ≤ 2, and comes as near as that allows', () => {
    const wanted = Object.fromEntries(TRAITS.map(trait => [trait, 5]));
    const found = solve(calibration, wanted, 0.01);
    expect(sum(found)).toBeCloseTo(SAFE_ALPHA_SUM, 3);
    const missed = (alphas: Record<Trait, number>) =>
      TRAITS.reduce((total, trait) => total + (5 - predict(calibration, alphas).scores[trait]) ** 2, 0);
    const random = seededRandom(2);
    for (let i = 0; i < 500; i++) {
      const drawn = alphasOf(Object.fromEntries(TRAITS.map(trait => [trait, random()])));
      const scale = SAFE_ALPHA_SUM / sum(drawn);
      const other = alphasOf(Object.fromEntries(TRAITS.map(trait => [trait, drawn[trait] * scale])));
      expect(missed(found)).toBeLessThan(missed(other) + 0.01);
    }
  });

  test('lies within the reach, whose ends are what the most fitting α give', () => {
    const reach = reachOf(calibration);
    const random = seededRandom(3);
    for (let i = 0; i < 2000; i++) {
      const drawn = alphasOf(Object.fromEntries(TRAITS.map(trait => [trait, 2 * random() - 1])));
      const scale = (SAFE_ALPHA_SUM * random()) / sum(drawn);
      const within = Math.min(scale, 2 / Math.max(...TRAITS.map(trait => Math.abs(drawn[trait]))));
      const { scores } = predict(
        calibration,
        alphasOf(Object.fromEntries(TRAITS.map(trait => [trait, drawn[trait] * within]))),
      );
      for (const trait of TRAITS) {
        expect(scores[trait]).toBeLessThanOrEqual(reach[trait][1] + 1e-9);
        expect(scores[trait]).toBeGreaterThanOrEqual(reach[trait][0] - 1e-9);
      }
    }
    for (const trait of TRAITS)
      for (const [end, wanted] of [
        [0, -50],
        [1, 50],
      ] as const) {
        const { scores } = predict(calibration, solve(calibration, { [trait]: wanted }, 0));
        expect(Math.abs(scores[trait] - (reach[trait][end] as number))).toBeLessThan(0.02);
      }
  });

  test('leaves traits alone that may go anywhere, and a larger ridge makes α smaller', () => {
    const found = solve(calibration, { openness: 3.6 }, 0.01);
    expect(found.openness).toBeGreaterThan(0.2);
    expect(Math.abs(found.agreeableness)).toBeLessThan(0.01);
    expect(solve(calibration, { openness: 3.6 }, 1).openness).toBeLessThan(found.openness);
  });
});
