/** Sentiment against what the authors of VADER print for their own examples, and over texts. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resourcesFolder } from '../../host.ts';
import { loadLexicon } from './lexicon.ts';
import { countText, readoutOf, readText, sumCounts } from './readout.ts';
import { sentimentOf } from './sentiment.ts';

const lexicon = await loadLexicon(join(resourcesFolder, 'lexicon', 'en.json'));

// From the README of vaderSentiment, the authors' own program in Python.
test.each([
  ['VADER is smart, handsome, and funny.', 0.8316],
  ['VADER is VERY SMART, handsome, and FUNNY.', 0.9227],
  ['VADER is not smart, handsome, nor funny.', -0.7424],
  ['The book was good.', 0.4404],
  ['The book was kind of good.', 0.3832],
  ['The plot was good, but the characters are uncompelling and the dialog is not great.', -0.7042],
  ['Today SUX!', -0.5461],
  ['Make sure you :) or :D today!', 0.8633],
])('%s: %d', (sentence, compound) => {
  expect(sentimentOf(sentence)).toBe(compound);
});

test('of a text is the mean over its sentences, also of several texts together', () => {
  const [good, bad] = ['The book was good.', 'Today SUX!'];
  expect(readText(`${good} ${bad}`, lexicon).sentiment).toBeCloseTo((0.4404 - 0.5461) / 2, 12);
  const together = sumCounts([`${good} ${good}`, bad].map(text => countText(text, lexicon)));
  expect(readoutOf(together, lexicon).sentiment).toBeCloseTo((2 * 0.4404 - 0.5461) / 3, 12);
  // Without a mark at its end the last sentence counts too.
  expect(readText('Fine. The book was good', lexicon).sentiment).toBeCloseTo((0.2023 + 0.4404) / 2, 12);
});

test('can be left out, of one text and so of all together', () => {
  const [rated, unrated] = [true, false].map(rate => countText('The book was good.', lexicon, false, rate));
  if (!rated || !unrated) throw new Error('nothing was counted');
  expect(readoutOf(rated, lexicon).sentiment).toBe(0.4404);
  expect(readoutOf(unrated, lexicon).sentiment).toBeNull();
  expect(readoutOf(sumCounts([rated, unrated]), lexicon).sentiment).toBeNull();
});

test('is undefined without words, in another script, and in what seems to be another language', () => {
  for (const text of [
    '',
    'Сегодня хороший день.',
    'Gestern war ich mit meinen Freunden im Park, wo wir lange über Bücher und Filme sprachen.',
  ])
    expect(readText(text, lexicon).sentiment).toBeNull();
});

test('is not slowed down by what is no word', () => {
  const began = performance.now();
  expect(sentimentOf(`good ${'AB'.repeat(50_000)}a`)).toBe(0.4404);
  expect(performance.now() - began).toBeLessThan(5000);
});
