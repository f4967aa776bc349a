/** Scoring of administrations, reading of drawn answers, forms, and designs. */
import { describe, expect, test } from 'vitest';
import { resourcesFolder } from '../../host.ts';
import { administration, TRAITS } from '../contract.ts';
import { answersAsked, formsOf, readRating } from './administration.ts';
import { latinHypercube } from './designs.ts';
import { Inventories } from './inventories.ts';
import {
  type Case,
  compare,
  ordersCancel,
  reliabilityOver,
  retestOver,
  scoreCases,
  scoreItem,
  scoresByWording,
} from './scoring.ts';

const shelf = new Inventories(resourcesFolder, '');
const [ipip, neo] = await Promise.all(['ipip-50', 'ipip-neo-120'].map(short => shelf.find(short)));
if (!ipip || !neo) throw new Error('no inventory');
const certain = (answer: number | null) => [1, 2, 3, 4, 5].map(k => (k === answer ? 0.8 : 0));
/** A case in which item i gets that answer. */
const caseOf = (
  answer: (index: number) => number | null,
  which: Partial<Case> = {},
  inventory = ipip,
): Case => ({
  instruction: 1,
  order: 'normal',
  repeat: 1,
  ...which,
  items: inventory.items.map((item, index) => scoreItem(item, certain(answer(index)))),
});

describe('an item', () => {
  const plus = { id: 1, text: 'Am always prepared.', trait: 'conscientiousness', keyed: 'plus' } as const;
  const minus = { ...plus, id: 2, keyed: 'minus' } as const;

  test('is rated by the expected value over the valid answers', () => {
    const item = scoreItem(plus, [0.1, 0, 0, 0.1, 0.2]);
    expect(item.mass).toBeCloseTo(0.4);
    expect(item.rating).toBeCloseTo((1 * 0.1 + 4 * 0.1 + 5 * 0.2) / 0.4);
    expect(item.keyedRating).toBe(item.rating);
  });

  test('keyed minus is reversed, once, within its own range', () => {
    expect(scoreItem(minus, certain(2))).toMatchObject({ rating: 2, keyedRating: 4 });
    expect(scoreItem(minus, [0, 0.5, 0])).toMatchObject({ rating: 2, keyedRating: 2 });
    expect(scoreItem(minus, [0, 0, 0, 0, 0, 0, 0.5])).toMatchObject({ rating: 7, keyedRating: 1 });
  });

  test('asked in reversed order is turned back before its key', () => {
    expect(scoreItem(plus, certain(2), 'reversed')).toMatchObject({ rating: 4, keyedRating: 4 });
    expect(scoreItem(minus, certain(2), 'reversed')).toMatchObject({ rating: 4, keyedRating: 2 });
    expect(scoreItem(plus, [0.7, 0.1, 0, 0, 0], 'reversed').probabilities).toEqual([0, 0, 0, 0.1, 0.7]);
  });

  test('without a valid answer is missing', () => {
    expect(scoreItem(plus, [0, 0, 0, 0, 0])).toMatchObject({ rating: null, keyedRating: null, mass: 0 });
    expect(scoreItem(plus, [NaN, 0, 0, 0, 0])).toMatchObject({ rating: null, mass: 0 });
  });
});

describe('scores', () => {
  test('a persona that agrees with everything scores by the keys', () => {
    const { scores, deviations, flagged, cases } = scoreCases([caseOf(() => 5)]);
    for (const trait of TRAITS) {
      const items = ipip.items.filter(item => item.trait === trait);
      const plusKeyed = items.filter(item => item.keyed === 'plus').length;
      expect(scores[trait]).toBeCloseTo((5 * plusKeyed + 1 * (items.length - plusKeyed)) / items.length);
      expect(deviations[trait]).toBeGreaterThan(0);
    }
    expect(flagged).toEqual([]);
    expect(cases).toMatchObject([{ scores, missing: 0, validMass: expect.closeTo(0.8) }]);
  });

  test('facets are scored beside their domains', () => {
    const anxious = caseOf(index => (neo.items[index]?.facet === 'anxiety' ? 5 : 3), {}, neo);
    const { facets, scores, scales } = scoreCases([anxious]);
    expect(Object.keys(facets)).toHaveLength(30);
    expect(facets).toMatchObject({ anxiety: 5, anger: 3 });
    // One facet of six.
    expect(scores.neuroticism).toBeCloseTo((5 + 5 * 3) / 6);
    expect(scales.filter(({ kind }) => kind === 'facet')).toHaveLength(30);
    expect(scales.find(({ scale }) => scale === 'anxiety')).toMatchObject({ trait: 'neuroticism', items: 4 });
  });

  test('two thirds of the items answered give the mean of those, fewer none', () => {
    const extraversion = ipip.items.flatMap(({ trait }, index) => (trait === 'extraversion' ? [index] : []));
    const without = (count: number) =>
      scoreCases([caseOf(index => (extraversion.slice(0, count).includes(index) ? null : 3))]);
    expect(without(3)).toMatchObject({ scores: { extraversion: 3 } });
    const scale = (count: number) => without(count).scales.find(found => found.scale === 'extraversion');
    expect(scale(3)).toMatchObject({ answered: 7, items: 10, score: 3 });
    expect(scale(4)).toMatchObject({ answered: 6, score: null });
    expect(without(4).scores).not.toHaveProperty('extraversion');
    expect(without(4).scores).toHaveProperty('openness');
    expect(without(4).flagged).toHaveLength(4);
    // Three of four items of a facet are enough, two are not.
    const anxiety = neo.items.flatMap(({ facet }, index) => (facet === 'anxiety' ? [index] : []));
    const facet = (count: number) =>
      scoreCases([caseOf(index => (anxiety.slice(0, count).includes(index) ? null : 4), {}, neo)]).facets
        .anxiety;
    expect([facet(1), facet(2)]).toEqual([4, undefined]);
  });

  test('nothing answered is an error', () => {
    expect(() => scoreCases([caseOf(() => null)])).toThrow('no probability');
  });

  test('an item with little on valid answers is flagged', () => {
    const one = caseOf(() => 3);
    one.items[4] = scoreItem(ipip.items[4] as never, [0.1, 0.1, 0.1, 0.1, 0.09]);
    one.items[5] = scoreItem(ipip.items[5] as never, [0.1, 0.1, 0.1, 0.1, 0.1]);
    expect(scoreCases([one]).flagged).toEqual([5]);
  });

  test('forms are averaged, and say how much the score depends on them', () => {
    const plusKeyed = (one: number, other: number) => (index: number) =>
      ipip.items[index]?.keyed === 'plus' ? one : other;
    const { scores, scales, cases } = scoreCases([
      caseOf(plusKeyed(5, 1)),
      caseOf(plusKeyed(4, 2), { order: 'reversed' }),
      caseOf(plusKeyed(3, 3), { instruction: 2 }),
      caseOf(plusKeyed(3, 3), { instruction: 2, repeat: 2 }),
    ]);
    expect(cases.map(one => one.scores.openness)).toEqual([5, 4, 3, 3]);
    expect(scores.openness).toBeCloseTo(15 / 4);
    // Three forms with the scores 5, 4, 3: standard deviation 1.
    expect(scales[0]?.formDeviation).toBeCloseTo(1);
    expect(scoreCases([caseOf(() => 3)]).scales[0]?.formDeviation).toBeNull();
  });

  test('orders that mirror each other are found, others are not', () => {
    const outgoing = (index: number) => {
      const item = ipip.items[index];
      return item?.trait !== 'extraversion' ? 3 : item.keyed === 'plus' ? 5 : 1;
    };
    const asked = (order: Case['order'], answer: (index: number) => number) => caseOf(answer, { order });
    const cancel = (...cases: Case[]) => ordersCancel(scoreCases(cases));
    // By numbers: the same token in both orders is the other label in the second.
    expect(
      cancel(
        asked('normal', outgoing),
        asked('reversed', index => 6 - outgoing(index)),
      ),
    ).toBe(true);
    expect(cancel(asked('normal', outgoing), asked('reversed', outgoing))).toBe(false);
    expect(
      cancel(
        asked('normal', outgoing),
        asked('reversed', () => 3),
      ),
    ).toBe(false);
    expect(cancel(asked('normal', outgoing))).toBe(false);
    expect(
      cancel(
        asked('normal', () => 3),
        asked('reversed', () => 3),
      ),
    ).toBe(false);
  });

  test('wordings that answer items alike agree; keys, repeats and the other order do not come in', () => {
    const varied = (shift: number) => (index: number) => 1 + (index % 4) + shift;
    const { retest, cases } = scoreCases([
      caseOf(varied(0)),
      caseOf(varied(0), { instruction: 2 }),
      caseOf(varied(1), { instruction: 2, repeat: 2 }),
      caseOf(() => 3, { order: 'reversed' }),
    ]);
    expect(retest).toMatchObject({ cases: ipip.items.length, forms: 2 });
    // The second wording is half a point above the first: by hand, (s² − 0) / (s² + 2/n·(n/8 − 0)/2) with s² of the items.
    const values = ipip.items.map((_, index) => index % 4);
    const middle = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
    expect(retest?.icc).toBeCloseTo(variance / (variance + 1 / 8), 10);
    expect(scoreCases([caseOf(() => 3)]).retest).toBeNull();
    const wordings = scoresByWording(cases);
    expect(wordings).toHaveLength(2);
    expect(retestOver([wordings, wordings, wordings]).openness).toMatchObject({ cases: 3, forms: 2 });
    expect(retestOver([wordings.slice(0, 1)])).toEqual({});
  });

  test('alpha is over cases, complete ones alone, and undefined for one administration', () => {
    const single = scoreCases([caseOf(() => 3)]).scales[0]?.reliability;
    expect(single).toMatchObject({
      alpha: null,
      ci95: null,
      cases: 1,
      reason: expect.stringContaining('at least 2'),
    });
    const agreeing = (level: number) => (index: number) =>
      ipip.items[index]?.keyed === 'plus' ? level : 6 - level;
    const cases = [1, 2, 4, 5].map((level, repeat) => caseOf(agreeing(level), { repeat: repeat + 1 }));
    expect(scoreCases(cases).scales[0]?.reliability).toMatchObject({ alpha: 1, cases: 4, items: 10 });
    const gap = caseOf(index => (index === 0 ? null : 3), { repeat: 5 });
    const [extraversion, agreeableness] = scoreCases([...cases, gap]).scales;
    expect(extraversion?.reliability.cases).toBe(4);
    expect(agreeableness?.reliability.cases).toBe(5);
    expect(reliabilityOver(cases.map(({ items }) => items)).neuroticism).toMatchObject({
      alpha: 1,
      cases: 4,
    });
  });
});

describe('a comparison with a reference persona', () => {
  test('is paired over the items of each scale, with adjusted p', () => {
    const keyedAnswer = (level: (index: number) => number) => (index: number) =>
      ipip.items[index]?.keyed === 'plus' ? level(index) : 6 - level(index);
    const persona = caseOf(
      keyedAnswer(index => (ipip.items[index]?.trait === 'extraversion' ? 4 + (index % 2) : 3)),
    );
    const results = compare(persona.items, caseOf(() => 3).items);
    const extraversion = results.find(({ scale }) => scale === 'extraversion');
    const ours = persona.items
      .filter(item => item.trait === 'extraversion')
      .map(item => item.keyedRating as number);
    const mean = ours.reduce((a, b) => a + b) / 10;
    const sd = Math.sqrt(ours.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 9);
    expect(extraversion).toMatchObject({ kind: 'trait', reference: 3, n: 10, df: 9 });
    expect(extraversion?.difference).toBeCloseTo(mean - 3);
    if (sd > 0) expect(extraversion?.d).toBeCloseTo((mean - 3) / sd);
    expect(results.find(({ scale }) => scale === 'openness')).toMatchObject({
      difference: 0,
      d: null,
      p: null,
    });
  });

  test('adjusts p over the scales that have one', () => {
    const noisy = (shift: number) => (index: number) =>
      ipip.items[index]?.keyed === 'plus' ? 3 + shift * (index % 3) : 3 - shift * (index % 3);
    const results = compare(caseOf(noisy(1)).items, caseOf(() => 3).items);
    const p = results.map(result => result.p as number);
    for (const { p: own, pAdjusted } of results) {
      expect(pAdjusted).toBeGreaterThanOrEqual(own as number);
      expect(pAdjusted).toBeLessThanOrEqual(Math.min(1, (own as number) * p.length));
    }
    expect(results.find(result => result.p === Math.max(...p))?.pAdjusted).toBeCloseTo(Math.max(...p));
  });
});

describe('drawn answers', () => {
  test.each([
    ['4', 4],
    [' 3.', 3],
    ['"2"', 2],
    ['5 (very accurate), 1 being the other end', 5],
    ['I would say 4.', 4],
    ['On a scale from 1 to 5, I would say 2.', 2],
    ['4 out of 5', 4],
    ['3/5', 3],
    ['My answer is 4, yes, 4.', 4],
  ])('%j is %d', (text, rating) => {
    expect(readRating(text, 5)).toBe(rating);
  });

  test.each(['', 'very accurate', '6', '0', '-2', '3.5', 'It is 2 or 3.', 'I am 24 years old', '45'])(
    '%j cannot be read',
    text => {
      expect(readRating(text, 5)).toBeNull();
    },
  );

  test('are read within the range of the inventory', () => {
    expect([readRating('7', 7), readRating('7', 5), readRating('from 1 to 7: 6', 7)]).toEqual([7, null, 6]);
  });
});

describe('forms', () => {
  const given = (change: object) => administration.parse(change);

  test('are instructions times orders', () => {
    expect(formsOf(ipip, given({}))).toEqual([{ instruction: 1, order: 'normal' }]);
    expect(formsOf(ipip, given({ instructions: 2, order: 'both' }))).toEqual([
      { instruction: 1, order: 'normal' },
      { instruction: 1, order: 'reversed' },
      { instruction: 2, order: 'normal' },
      { instruction: 2, order: 'reversed' },
    ]);
    expect(answersAsked(ipip, given({ mode: 'sampled', repeats: 3, instructions: 2 }))).toBe(300);
  });

  test('that cannot be had are refused', () => {
    expect(() => formsOf(ipip, given({ instructions: 20 }))).toThrow('There are 5 instructions for ipip-50');
    expect(() => formsOf(ipip, given({ repeats: 2 }))).toThrow('the same ratings each time');
    expect(() => formsOf(ipip, given({ mode: 'interview' }))).toThrow('a model that judges');
    expect(() => formsOf(ipip, given({ mode: 'interview', judge: 'demo', instructions: 2 }))).toThrow(
      'one wording',
    );
  });
});

describe('Latin hypercube', () => {
  test('uses every stratum of every trait once and depends on the seed alone', () => {
    const profiles = latinHypercube(24, 7);
    for (const trait of TRAITS) {
      const strata = profiles.map(profile => Math.floor(((profile[trait] + 1) / 2) * 24));
      expect(strata.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, i) => i));
    }
    expect(latinHypercube(24, 7)).toEqual(profiles);
    expect(latinHypercube(24, 8)).not.toEqual(profiles);
  });

  test('draws the traits independently', () => {
    const profiles = latinHypercube(500, 3);
    const product = profiles.reduce((sum, p) => sum + p.openness * p.neuroticism, 0) / 500;
    expect(Math.abs(product)).toBeLessThan(0.06);
  });
});
