import { expect, it } from 'vitest';
import type { Readout, TextReadout } from '../../electron/studio/contract.ts';
import { wordDifferences, wordsOf } from './words.ts';

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

it('shows a category or what it is part of, whichever is clearer', () => {
  const parents = { anxiety: 'negative_emotion', negative_emotion: 'emotion', anger: 'negative_emotion' };
  const rows = wordDifferences(
    { ...readout({ emotion: 30, negative_emotion: 0, anxiety: 0, anger: 0, social: 10 }), parents },
    { ...readout({ emotion: 40, negative_emotion: 30, anxiety: 15, anger: 15, social: 15 }), parents },
    4,
  );
  expect(rows.map(({ category }) => category)).toEqual(['negative_emotion', 'social']);
});

it('puts a rare category that changed before a frequent one that wavers', () => {
  const rows = wordDifferences(
    readout({ function_words: 50, anxiety: 0 }),
    readout({ function_words: 58, anxiety: 7 }),
    1,
  );
  expect(rows.map(({ category }) => category)).toEqual(['anxiety']);
});

it('lists the words of a category with their counts', () => {
  const counted = {
    ...readout({ joy: 15 }),
    found: {
      joy: [
        { word: 'happy', count: 2 },
        { word: 'fun', count: 1 },
      ],
    },
  } as unknown as TextReadout;
  expect(wordsOf(counted, 'joy')).toBe('happy (2), fun');
  expect(wordsOf(counted, 'fear')).toBe('');
});
