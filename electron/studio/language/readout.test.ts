import { describe, expect, test } from 'vitest';
import { buildLexicon, loadLexicon, readText, words } from './readout.ts';

const lexicon = buildLexicon({
  self: ['i', "i'm"],
  joy: ['happ*', 'fun'],
  no: ['not', "*n't"],
  feel: ['happy'],
});

describe('words', () => {
  test('keep apostrophes and hyphens inside, in any script', () => {
    expect(words("I'm well-known – don’t 'quote' me, Zoë 42!")).toEqual([
      "i'm",
      'well-known',
      "don't",
      'quote',
      'me',
      'zoë',
      '42',
    ]);
  });
});

describe('readText', () => {
  test('gives shares of the words; a word may count in several categories', () => {
    const readout = readText("I'm happy. It isn't fun!", lexicon);
    expect(readout).toMatchObject({ words: 5, sentences: 2 });
    expect(readout.categories).toEqual({ self: 20, joy: 40, no: 20, feel: 20 });
    expect(readout.coverage).toBe(80);
  });

  test('an empty text has nothing', () => {
    expect(readText('  …', lexicon)).toEqual({
      words: 0,
      sentences: 0,
      categories: { self: 0, joy: 0, no: 0, feel: 0 },
      coverage: 0,
    });
  });

  test('a text without a full stop is one sentence', () => {
    expect(readText('so much fun', lexicon).sentences).toBe(1);
  });

  test('the lexicon that comes with the studio reads styles apart', async () => {
    const own = await loadLexicon(new URL('../../../resources/lexicon/en.json', import.meta.url).pathname);
    const anxious = readText('I worry that I am nervous and afraid.', own).categories;
    const outgoing = readText('We love parties! Everyone is so happy to meet new friends.', own).categories;
    expect(anxious.anxiety).toBeGreaterThan(30);
    expect(outgoing.anxiety).toBe(0);
    expect(outgoing.social).toBeGreaterThan(anxious.social as number);
    expect(outgoing.positive_emotion).toBeGreaterThan(anxious.positive_emotion as number);
  });
});
