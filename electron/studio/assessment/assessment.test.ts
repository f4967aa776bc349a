import { describe, expect, test } from 'vitest';
import { TRAITS } from '../contract.ts';
import { latinHypercube } from './designs.ts';
import { itemPrompt, loadInventories, parseInventory, statement } from './inventories.ts';
import { scoreInventory, scoreItem } from './scoring.ts';

const [ipip] = await loadInventories(new URL('../../../resources/inventories', import.meta.url).pathname);
if (!ipip) throw new Error('no inventory');
const certain = (answer: number) => [1, 2, 3, 4, 5].map(k => (k === answer ? 0.8 : 0));

describe('inventories', () => {
  test('the 50 markers have ten items a trait, keyed both ways', () => {
    for (const trait of TRAITS) {
      const items = ipip.items.filter(item => item.trait === trait);
      expect(items).toHaveLength(10);
      expect(new Set(items.map(item => item.keyed))).toEqual(new Set(['plus', 'minus']));
    }
  });

  test('an item becomes a statement and a question', () => {
    expect(statement("Don't talk a lot.")).toBe("I don't talk a lot.");
    expect(itemPrompt(ipip, ipip.items[0] as never)).toBe(
      'How well does this statement describe you? Answer with one number from 1 (very inaccurate) to 5 (very accurate).\n' +
        'Statement: I am the life of the party.',
    );
  });

  test('a bad file is refused by name and field', () => {
    const text = JSON.stringify({ ...ipip, items: [{ ...ipip.items[0], keyed: 'reverse' }] });
    expect(() => parseInventory(text, 'mine.json')).toThrow(
      expect.objectContaining({
        data: expect.objectContaining({ file: 'mine.json', field: 'items.0.keyed' }),
      }),
    );
    const twice = JSON.stringify({ ...ipip, items: [ipip.items[0], ipip.items[0]] });
    expect(() => parseInventory(twice, 'mine.json')).toThrow('two items with the id 1');
    expect(() => parseInventory('{', 'mine.json')).toThrow('not valid JSON');
  });
});

describe('scoring', () => {
  const plus = { id: 1, text: 'Am always prepared.', trait: 'conscientiousness', keyed: 'plus' } as const;
  const minus = { ...plus, id: 2, keyed: 'minus' } as const;

  test('a rating is the expected value over the valid answers', () => {
    const item = scoreItem(plus, [0.1, 0, 0, 0.1, 0.2]);
    expect(item.mass).toBeCloseTo(0.4);
    expect(item.rating).toBeCloseTo((1 * 0.1 + 4 * 0.1 + 5 * 0.2) / 0.4);
    expect(item.keyedRating).toBe(item.rating);
  });

  test('an item keyed minus is reversed, once', () => {
    expect(scoreItem(minus, certain(2))).toMatchObject({ rating: 2, keyedRating: 4 });
  });

  test('a model that gives no valid answer any probability is an error', () => {
    expect(() => scoreItem(plus, [0, 0, 0, 0, 0])).toThrow('no probability');
    expect(() => scoreItem(plus, [NaN, 0, 0, 0, 0])).toThrow('no probability');
  });

  test('a persona that agrees with everything scores by the keys', () => {
    const { scores, deviations } = scoreInventory(ipip.items.map(item => scoreItem(item, certain(5))));
    for (const trait of TRAITS) {
      const items = ipip.items.filter(item => item.trait === trait);
      const plusKeyed = items.filter(item => item.keyed === 'plus').length;
      expect(scores[trait]).toBeCloseTo((5 * plusKeyed + 1 * (items.length - plusKeyed)) / items.length);
      expect(deviations[trait]).toBeGreaterThan(0);
    }
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
