import { describe, expect, test } from 'vitest';
import { resourcesFolder } from '../../host.ts';
import type { Lexicon } from './lexicon.ts';
import { compileLexicon, loadLexicon } from './lexicon.ts';
import { countText, foundIn, readoutOf, readText, sumCounts } from './readout.ts';

/** A lexicon of `category: 'pattern, pattern'`. */
function lexiconOf(
  categories: Record<string, string>,
  matching: 'all' | 'first' = 'all',
  usualCoverage = 0,
): Lexicon {
  const entries = new Map<string, number[]>();
  for (const [place, list] of Object.values(categories).entries())
    for (const pattern of list.split(', ')) entries.set(pattern, [...(entries.get(pattern) ?? []), place]);
  return compileLexicon({
    name: 'Test',
    categories: Object.keys(categories).map(key => ({ key, title: key, parent: null })),
    entries,
    matching,
    parentsCount: false,
    usualCoverage,
    language: null,
  });
}

const lexicon = lexiconOf({ self: "i, i'm", joy: 'happ*, fun', no: "not, *n't", feel: 'happy' });

describe('words', () => {
  const wordsOf = (text: string) => {
    const every = lexiconOf({ any: 'a*, b*, c*, d*, i*, m*, q*, w*, z*, 1*, 3*, 4*, é*, 日*, ü*' });
    return Object.values(readText(text, every).found ?? {})
      .flat()
      .flatMap(({ word, at }) => (at ?? []).map(([start]) => ({ word, start })))
      .sort((a, b) => a.start - b.start)
      .map(({ word }) => word);
  };

  test('keep apostrophes and hyphens inside, in any script', () => {
    expect(wordsOf("I'm well-known – don’t 'quote' me, Zoë 42!")).toEqual([
      "i'm",
      'well-known',
      "don't",
      'quote',
      'me',
      'zoë',
      '42',
    ]);
  });

  test('a number keeps its points and commas', () => {
    expect(wordsOf('3.50 of 1,000, 3:30')).toEqual(['3.50', '1,000', '3', '30']);
  });

  test('are the same however their letters are composed', () => {
    expect(wordsOf('e\u0301tude')).toEqual(['étude']);
    expect(readText('É', lexiconOf({ a: 'é' })).categories.a).toBe(100);
  });
});

describe('readText', () => {
  test('gives shares of the words; a word may count in several categories', () => {
    const readout = readText("I'm happy. It isn't fun!", lexicon);
    expect(readout).toMatchObject({ words: 5, sentences: 2, wordsPerSentence: 2.5, coverage: 80 });
    expect(readout.categories).toEqual({ self: 20, joy: 40, no: 20, feel: 20 });
  });

  test('says which words are behind a figure, how often and where', () => {
    const text = 'Fun! I’m happy, so happy.';
    const { found } = readText(text, lexicon);
    expect(found).toEqual({
      joy: [
        {
          word: 'happy',
          count: 2,
          at: [
            [9, 14],
            [19, 24],
          ],
        },
        { word: 'fun', count: 1, at: [[0, 3]] },
      ],
      self: [{ word: "i'm", count: 1, at: [[5, 8]] }],
      feel: [
        {
          word: 'happy',
          count: 2,
          at: [
            [9, 14],
            [19, 24],
          ],
        },
      ],
    });
    expect(text.slice(19, 24)).toBe('happy');
  });

  test('an empty text has nothing, and a note', () => {
    for (const text of ['', '  …', '\n\n?!'])
      expect(readText(text, lexicon)).toMatchObject({
        words: 0,
        sentences: 0,
        wordsPerSentence: 0,
        categories: { self: 0, joy: 0, no: 0, feel: 0 },
        coverage: 0,
        longWords: 0,
        readability: null,
        sentiment: null,
        notes: ['There are no words in this text.'],
        found: {},
      });
  });

  test('another script or language is said, not guessed at', async () => {
    const own = await loadLexicon(`${resourcesFolder}/lexicon/en.json`);
    const russian = readText('Мы все очень рады видеть вас сегодня у нас в гостях.', own);
    expect(russian).toMatchObject({ words: 11, coverage: 0, readability: null });
    expect(russian.notes).toEqual([expect.stringMatching(/^Only 0\.0 % of the words are in “Temperament/)]);
    // However short: the letters tell.
    for (const text of ['Я люблю гулять.', '今日は公園を散歩しました。'])
      expect(readText(text, own).notes).toEqual([expect.stringMatching(/another language or script/)]);
    for (const text of ['Hm, pfft.', '42', ':)']) expect(readText(text, own).notes).toEqual([]);
    const german = 'Ich habe gestern lange mit meiner Mutter über das neue Haus gesprochen und dann gekocht.';
    expect(readText(german, own).notes).toHaveLength(1);
    expect(readText('I talked to my mother about the new house, and then we cooked.', own).notes).toEqual([]);
  });

  test('a dictionary of few words is not taken for another language unless nothing is found', () => {
    const few = lexiconOf({ a: 'spaceship' });
    const filler = 'one two three four five six seven eight nine';
    expect(readText(`${filler} spaceship`, few).notes).toEqual([]);
    expect(readText(`${filler} ten`, few).notes).toEqual([expect.stringMatching(/^None of the words/)]);
    expect(readText(filler, few).notes).toEqual([]);
  });
});

describe('phrases', () => {
  const phrases = lexiconOf({ hedge: 'kind of, sort of', care: 'kind, kind*', thing: 'kind of thing, of' });

  test('come before their words, longer ones before shorter', () => {
    expect(readText('kind of', phrases).categories).toEqual({ hedge: 50, care: 0, thing: 0 });
    expect(readText('that kind of thing', phrases).categories).toEqual({ hedge: 0, care: 0, thing: 25 });
    expect(readText('one kind. Of it', phrases).categories).toEqual({ hedge: 0, care: 25, thing: 25 });
    expect(readText('Kind\n of', phrases).categories.hedge).toBe(50);
  });

  test('count once and cover all their words', () => {
    const readout = readText('kind of it', phrases);
    expect(readout.coverage).toBeCloseTo(200 / 3);
    expect(readout.found).toEqual({ hedge: [{ word: 'kind of', count: 1, at: [[0, 7]] }] });
  });

  test('may have a wildcard at the end of a word', () => {
    const wild = lexiconOf({ a: 'break* down, break down', b: 'look forward*' });
    expect(readText('it breaks down', wild).categories.a).toBeCloseTo(100 / 3);
    expect(readText('look forwards', wild).categories.b).toBe(50);
    expect(readText('breaks in', wild).categories.a).toBe(0);
    // More words come first, even with a wildcard.
    const long = lexiconOf({ two: 'kind of', three: 'kind* of it' });
    expect(readText('kind of it', long).categories).toEqual({ two: 0, three: 100 / 3 });
  });
});

test('first matching: an exact entry before a wildcard, the longest wildcard before others', () => {
  const first = lexiconOf({ exact: 'happen', long: 'happe*', short: 'happ*, ha*' }, 'first');
  expect(readText('happen', first).categories).toEqual({ exact: 100, long: 0, short: 0 });
  expect(readText('happens', first).categories).toEqual({ exact: 0, long: 100, short: 0 });
  expect(readText('happy', first).categories).toEqual({ exact: 0, long: 0, short: 100 });
  expect(readText('hat', first).categories).toEqual({ exact: 0, long: 0, short: 100 });
});

describe('signs', () => {
  const signs = lexiconOf({ smile: ':), :-), :d, ❤', sad: ':(, :/', love: "<3, 'cause" });

  test('emoticons count as words and not as punctuation', () => {
    const readout = readText('Good :-) and bad:( :D', signs);
    expect(readout).toMatchObject({ words: 6, categories: { smile: 100 / 3, sad: 100 / 6, love: 0 } });
    expect(readout.punctuation.all).toBe(0);
  });

  test('are not found inside addresses, times and words', () => {
    expect(readText('http://a.b at 3:30, so:Dogs', signs).found).toEqual({});
    expect(readText('1<3', signs).found).toEqual({});
  });

  test('may be emoji in either form, or begin with an apostrophe', () => {
    expect(readText('❤ ❤\uFE0F❤', signs).found?.smile?.[0]?.count).toBe(3);
    expect(readText('’Cause I said', signs).found?.love).toEqual([
      { word: "'cause", count: 1, at: [[0, 6]] },
    ]);
  });
});

describe('other counts', () => {
  // Counted by hand: 12 words, 3 sentences; long: wonderful, shouldn't (8 letters), strawberries.
  const text = 'A wonderful day (so far): "why not?" It shouldn’t rain... Strawberries; 3.5 kg';

  test('words per sentence and long words', () => {
    const readout = readText(text, lexicon);
    expect(readout).toMatchObject({ words: 13, sentences: 3 });
    expect(readout.wordsPerSentence).toBeCloseTo(13 / 3);
    expect(readout.longWords).toBeCloseTo(300 / 13);
  });

  test('six letters are not long, seven are; apostrophes are no letters', () => {
    expect(readText('planet', lexicon).longWords).toBe(0);
    expect(readText('planets', lexicon).longWords).toBe(100);
    expect(readText("who'd've", lexicon).longWords).toBe(0);
  });

  test('punctuation per 100 words by kind', () => {
    const { punctuation } = readText(text, lexicon);
    const per = (count: number) => (100 * count) / 13;
    const expected = {
      full_stop: per(3),
      comma: 0,
      colon: per(1),
      semicolon: per(1),
      question_mark: per(1),
      exclamation_mark: 0,
      dash: 0,
      quotation_mark: per(2),
      apostrophe: per(1),
      bracket: per(1),
      other: 0,
      all: per(10),
    };
    for (const [name, share] of Object.entries(expected))
      expect([name, punctuation[name]]).toEqual([name, expect.closeTo(share, 10)]);
  });

  test.each([
    ['so much fun', 1],
    ['One. Two! Three?', 3],
    ['One... two', 1],
    ['“One.” Two.', 2],
    ['Version 3.5 is at a.b', 1],
    ['A heading\n\nA text', 2],
    ['一。二。', 2],
    ['Wait! … What?', 2],
    ['One. and a rest', 2],
  ])('sentences of %j: %i', (sentences, count) => {
    expect(readText(sentences, lexicon).sentences).toBe(count);
  });

  test('readability by Flesch and Kincaid', () => {
    // 6 words, 1 sentence, 7 syllables (e-ven has two): 206.835 − 6.09 − 84.6·7/6.
    const { readability } = readText('The cat sat even so here.', lexicon);
    expect(readability?.readingEase).toBeCloseTo(206.835 - 1.015 * 6 - (84.6 * 7) / 6, 10);
    expect(readability?.grade).toBeCloseTo(0.39 * 6 + (11.8 * 7) / 6 - 15.59, 10);
    expect(readability?.enough).toBe(false);
    expect(readText('The cat sat. '.repeat(34), lexicon).readability?.enough).toBe(true);
  });

  test('composites: balance of emotion, and the first person among persons', () => {
    const own = lexiconOf({
      positive_emotion: 'glad, fun',
      negative_emotion: 'sad',
      first_person: 'i',
      personal_pronoun: 'i, you, we',
    });
    expect(readText('I know you were glad, not sad: we had fun.', own).composites).toEqual({
      emotion_balance: 10,
      self_reference: expect.closeTo(100 / 3, 10),
    });
    expect(readText('glad', own).composites).toEqual({ emotion_balance: 100, self_reference: null });
    expect(readText('glad', lexicon).composites).toEqual({});
  });
});

describe('several texts', () => {
  const texts = ["I'm happy.", 'Not fun, not fun!', '', 'Fun here'];
  const counts = (text: string) => countText(text, lexicon);

  test('together count as the sum of their words', () => {
    const sum = sumCounts(texts.map(counts));
    const total = readoutOf(sum, lexicon);
    expect(total).toMatchObject({ words: 8, sentences: 3 });
    expect(total.categories).toEqual({ self: 12.5, joy: 50, no: 25, feel: 12.5 });
    expect(foundIn(sum, lexicon).joy).toEqual([
      { word: 'fun', count: 3 },
      { word: 'happy', count: 1 },
    ]);
  });

  test('a text reads the same whatever was read before it', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    const words = [
      'happy',
      'happen',
      'not',
      "isn't",
      'fun',
      'I',
      'x.',
      'So,',
      ':)',
      '\n\n',
      '日本',
      'HAPPY!',
    ];
    const drawn = Array.from({ length: 200 }, () =>
      Array.from({ length: random(30) }, () => words[random(words.length)]).join(' '),
    );
    const fresh = () => lexiconOf({ self: "i, i'm", joy: 'happ*, fun', no: "not, *n't", feel: 'happy' });
    const alone = drawn.map(text => readText(text, fresh()));
    expect(drawn.map(text => readText(text, lexicon))).toEqual(alone);
    expect(drawn.toReversed().map(text => readText(text, lexicon))).toEqual(alone.toReversed());
  });
});
