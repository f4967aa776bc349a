import { expect, it } from 'vitest';
import type { Vote } from '../../electron/studio/contract.ts';
import { shuffled } from './shuffle.ts';
import { signTest, tally } from './tally.ts';

const vote = (choice: string, rater = 'R1', panes = ['a', 'b']): Vote => ({
  ...{ turn: 1, rater, choice, seed: 1, at: '' },
  answers: panes.map(pane => ({ pane, message: pane })),
});

it('gives the exact two-sided sign test', () => {
  // Of ten, none or one: 2 · (1 + 10) / 2¹⁰; up to two: 2 · (1 + 10 + 45) / 2¹⁰.
  expect(signTest(1, 10)).toBeCloseTo(22 / 1024, 12);
  expect(signTest(8, 10)).toBeCloseTo(112 / 1024, 12);
  expect(signTest(5, 10)).toBe(1);
});

it('counts what was best of what was compared, ties apart', () => {
  const votes = [vote('a'), vote('a', 'R2'), vote('b'), vote('tie')];
  expect(tally(['a', 'b'], votes)).toEqual({
    panes: [
      { pane: 'a', best: 2, compared: 4 },
      { pane: 'b', best: 1, compared: 4 },
    ],
    ...{ ties: 1, votes: 4, raters: 2, p: 1 },
  });
  expect(tally(['a', 'b', 'c'], votes).p).toBeNull();
  expect(tally(['a', 'b'], [vote('tie')]).p).toBeNull();
});

it('shuffles alike for one seed, and every order comes about as often', () => {
  const items = ['a', 'b', 'c'];
  expect(shuffled(items, 7)).toEqual(shuffled(items, 7));
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 6000; seed++) {
    const order = shuffled(items, seed).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
});
