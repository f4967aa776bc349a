import { expect, it } from 'vitest';
import type { Readout } from '../../electron/studio/contract.ts';
import { wordDifferences } from './words.ts';

const readout = (categories: Record<string, number>): Readout => ({
  words: 20,
  sentences: 2,
  coverage: 50,
  categories,
});

it('puts the largest difference first and leaves out what does not differ', () => {
  const rows = wordDifferences(
    readout({ social: 5, negation: 0, certainty: 4, insight: 2, tentative: 3 }),
    readout({ social: 9, negation: 0, certainty: 4, insight: 8, tentative: 3.01 }),
    4,
  );
  expect(rows).toEqual([
    { category: 'insight', base: 2, persona: 8 },
    { category: 'social', base: 5, persona: 9 },
  ]);
});

it('counts a category that only one readout knows as 0 in the other', () => {
  expect(wordDifferences(readout({}), readout({ social: 3 }), 4)).toEqual([
    { category: 'social', base: 0, persona: 3 },
  ]);
});
