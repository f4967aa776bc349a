import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { resourcesFolder } from '../../host.ts';
import { compileLexicon, loadLexicon, parseLexicon } from './lexicon.ts';
import { readText } from './readout.ts';

const file = (categories: Record<string, object>, more: object = {}) =>
  JSON.stringify({ name: 'Test', licence: 'CC0-1.0', note: '', categories, ...more });
const lexicon = (categories: Record<string, object>) =>
  compileLexicon(parseLexicon(file(categories), 'test.json'));
const categoriesOf = (word: string, categories: Record<string, object>) => {
  const compiled = lexicon(categories);
  return compiled.facts(word).categories.map(place => compiled.categories[place]?.key);
};

describe('a lexicon', () => {
  test('gives a word every category that has a pattern for it', () => {
    const categories = {
      joy: { about: '', words: ['happ*, fun'] },
      feel: { about: '', words: ['happy'] },
      no: { about: '', words: ["*n't, not"] },
    };
    expect(categoriesOf('happy', categories)).toEqual(['joy', 'feel']);
    expect(categoriesOf('happiness', categories)).toEqual(['joy']);
    expect(categoriesOf("isn't", categories)).toEqual(['no']);
    expect(categoriesOf('hap', categories)).toEqual([]);
    expect(categoriesOf('funny', categories)).toEqual([]);
  });

  test('takes exceptions away', () => {
    const categories = {
      joy: { about: '', words: ['happ*'], except: ['happen*'] },
      b: { about: '', words: ['hap*'] },
    };
    expect(categoriesOf('happens', categories)).toEqual(['b']);
    expect(categoriesOf('happily', categories)).toEqual(['joy', 'b']);
  });

  test('counts a word for all parents of its category, once', () => {
    const categories = {
      emotion: { about: '', words: ['mood'] },
      bad: { about: '', parent: 'emotion', words: ['awful'] },
      fear: { about: '', parent: 'bad', words: ['afraid, awful'] },
    };
    expect(categoriesOf('afraid', categories)).toEqual(['emotion', 'bad', 'fear']);
    expect(categoriesOf('awful', categories)).toEqual(['emotion', 'bad', 'fear']);
    expect(categoriesOf('mood', categories)).toEqual(['emotion']);
  });

  test.each([
    ['not JSON', '{', /is not a lexicon/],
    ['a list of words that is none', file({ a: { about: '', words: 'x' } }), /categories\.a\.words/],
    ['an unknown parent', file({ a: { about: '', parent: 'b' } }), /parent “b” of “a”/],
    [
      'parents in a circle',
      file({ a: { about: '', parent: 'b' }, b: { about: '', parent: 'a' } }),
      /“a” is its own parent/,
    ],
    ['a wildcard inside', file({ a: { about: '', words: ['ha*py'] } }), /“ha\*py” in “a”: \* may stand only/],
    ['a wildcard alone', file({ a: { about: '', words: ['*'] } }), /there is no word in it/],
    ['a wildcard behind signs', file({ a: { about: '', words: [':*'] } }), /cannot follow signs/],
    ['an entry twice', file({ a: { about: '', words: ['x, y', 'x'] } }), /“x” stands twice in “a”/],
  ])('is refused with %s', (_what, text, message) => {
    expect(() => parseLexicon(text, '/somewhere/mine.json')).toThrow(message);
    expect(() => parseLexicon(text, '/somewhere/mine.json')).toThrow(/^mine\.json/);
  });
});

describe('the lexicon that comes with the studio', async () => {
  const own = await loadLexicon(`${resourcesFolder}/lexicon/en.json`);
  const shares = (text: string) => readText(text, own).categories;
  const has = (word: string, category: string) =>
    own.facts(word).categories.some(place => own.categories[place]?.key === category);

  test('has the categories that others rely on', () => {
    const keys = own.categories.map(({ key }) => key);
    expect(keys.length).toBeGreaterThanOrEqual(45);
    expect(keys).toEqual(
      expect.arrayContaining(
        'first_person first_person_plural second_person positive_emotion negative_emotion anxiety anger social insight tentative certainty achievement_and_order care negation'.split(
          ' ',
        ),
      ),
    );
  });

  test('is described: each category in the README, with its parent above it', () => {
    const readme = readFileSync(`${resourcesFolder}/lexicon/README.md`, 'utf8');
    const above: string[] = [];
    const described = [...readme.matchAll(/^( *)- `(\w+)` – /gm)].map(([, indent = '', key = '']) => {
      above.length = indent.length / 2;
      above.push(key);
      return { key, parent: above.at(-2) ?? null };
    });
    const byKey = (a: { key: string }, b: { key: string }) => a.key.localeCompare(b.key);
    expect(described.sort(byKey)).toEqual(
      own.categories.map(({ key, parent }) => ({ key, parent })).sort(byKey),
    );
  });

  test('has what the literature’s expectations name, and they have their sources', () => {
    const { expectations, sources } = JSON.parse(
      readFileSync(`${resourcesFolder}/lexicon/trait-language.json`, 'utf8'),
    ) as {
      expectations: { trait: string; feature: string; sources: string[] }[];
      sources: Record<string, string>;
    };
    const features = [...own.categories.map(({ key }) => key), 'long_words'];
    for (const { trait, feature, sources: cited } of expectations) {
      expect([trait, features.includes(feature)]).toEqual([trait, true]);
      for (const source of cited) expect(sources[source]).toMatch(/\(\d{4}\)/);
    }
    const pairs = expectations.map(({ trait, feature }) => `${trait} ${feature}`);
    expect(new Set(pairs).size).toBe(pairs.length);
    expect(new Set(expectations.map(({ trait }) => trait)).size).toBe(5);
  });

  test('has every function word of its classes', () => {
    const complete: Record<string, string> = {
      article: 'a an the',
      first_person: 'i me my mine myself',
      first_person_plural: 'we us our ours ourselves',
      second_person: 'you your yours yourself yourselves',
      third_person: 'he him his himself she her hers herself',
      third_person_plural: 'they them their theirs themselves',
      impersonal_pronoun: 'it its itself this that these those who whom whose which what',
      auxiliary_verb:
        'am is are was were be been being have has had having do does did can could may might must shall should will would',
      conjunction: 'and but or nor so yet for because although though while if unless until since whereas',
      negation: "no not never nothing nobody none nowhere neither nor cannot don't isn't won't",
      quantifier: 'all any both each every few many more most much several some',
      preposition:
        'about above across after against along among around at before behind below beneath beside between beyond by despite down during except for from in inside into like near of off on onto out outside over past since through throughout to toward towards under underneath until up upon via with within without',
    };
    for (const [category, words] of Object.entries(complete))
      for (const word of words.split(' ')) expect([word, has(word, category)]).toEqual([word, true]);
  });

  test('parents have what their children have', () => {
    for (const [word, categories] of Object.entries({
      worried: ['anxiety', 'negative_emotion', 'emotion'],
      myself: ['first_person', 'personal_pronoun', 'pronoun', 'function_words'],
      schedule: ['order', 'achievement_and_order', 'drives'],
      mother: ['family', 'social'],
    }))
      for (const category of categories)
        expect([word, category, has(word, category)]).toEqual([word, category, true]);
  });

  test('keeps apart what only looks alike', () => {
    expect(has('scarf', 'anxiety')).toBe(false);
    expect(has('happened', 'positive_emotion')).toBe(false);
    expect(has('hello', 'swearing')).toBe(false);
    expect(has('harmony', 'negative_emotion')).toBe(false);
    expect(has('rabbit', 'religion')).toBe(false);
    expect(has('respectively', 'care')).toBe(false);
    expect(has('unclear', 'family')).toBe(false);
    expect(has('flower', 'motion')).toBe(false);
    expect(shares('It was late (so far): home!').negative_emotion).toBe(0);
  });

  test('reads styles apart', () => {
    const anxious = shares('I worry that I am nervous and afraid.');
    const outgoing = shares('We love parties! Everyone is so happy to meet new friends.');
    expect(anxious.anxiety).toBeCloseTo((100 * 3) / 8);
    expect(outgoing.anxiety).toBe(0);
    expect(outgoing.social).toBeGreaterThan(anxious.social as number);
    expect(outgoing.positive_emotion).toBeGreaterThan(anxious.positive_emotion as number);
  });
});

describe('the German lexicon', async () => {
  const [english, german] = await Promise.all(
    ['en', 'de'].map(language => loadLexicon(`${resourcesFolder}/lexicon/${language}.json`, language)),
  );
  if (!english || !german) throw new Error('a lexicon is missing');
  const has = (word: string, category: string) =>
    german.facts(word).categories.some(place => german.categories[place]?.key === category);

  test('has the English one’s categories, and words in all that have words there', () => {
    expect(german.categories).toEqual(english.categories);
    const words = (language: string) =>
      Object.entries(
        JSON.parse(readFileSync(`${resourcesFolder}/lexicon/${language}.json`, 'utf8')).categories as Record<
          string,
          { words?: string[] }
        >,
      ).flatMap(([key, { words: lines = [] }]) => (lines.length > 0 ? [key] : []));
    expect(words('de')).toEqual(words('en'));
  });

  test('has every function word of its classes', () => {
    const complete: Record<string, string> = {
      article: 'der die das den dem des ein eine einen einem einer eines',
      first_person: 'ich mich mir mein meine meinen meinem meiner meines',
      first_person_plural: 'wir uns unser unsere unseren unserem unserer unseres',
      second_person: 'du dich dir dein deine ihr euch euer eure',
      third_person: 'er ihn ihm sein seine sie ihr ihre',
      third_person_plural: 'sie ihnen ihr ihre',
      auxiliary_verb:
        'bin bist ist sind seid war waren wäre habe hast hat haben hatte hätte werde wird werden wurde würde kann können konnte könnte muss müssen soll sollte will wollen darf dürfen mag möchte',
      conjunction: 'und oder aber denn sondern dass ob weil obwohl wenn als während bevor nachdem',
      negation: 'nein nicht nie niemals nichts niemand nirgends kein keine keinen keinem keiner weder',
      preposition:
        'an auf aus bei durch für gegen hinter in mit nach neben ohne seit statt trotz über um unter von vor während wegen zu zwischen',
    };
    for (const [category, words] of Object.entries(complete))
      for (const word of words.split(' ')) expect([word, has(word, category)]).toEqual([word, true]);
  });

  test('keeps apart what only looks alike', () => {
    for (const [word, category] of [
      ['schuldig', 'education'],
      ['gleichgültig', 'positive_emotion'],
      ['papierkorb', 'family'],
      ['freundlich', 'friends'],
      ['unterhaltung', 'space'],
      ['natürlich', 'nature'],
      ['lesbar', 'sexuality'],
      ['total', 'death'],
      ['christina', 'religion'],
      ['terminal', 'order'],
    ] as const)
      expect([word, category, has(word, category)]).toEqual([word, category, false]);
  });

  test('reads styles apart, without scores that are made for English', () => {
    const anxious = readText('Ich fürchte mich und mache mir Sorgen. Ich bin so nervös.', german);
    const outgoing = readText('Wir lieben Feste! Alle freuen sich über neue Freunde.', german);
    expect(anxious.categories.anxiety).toBeCloseTo((100 * 3) / 11);
    expect(outgoing.categories.anxiety).toBe(0);
    expect(outgoing.categories.social).toBeGreaterThan(anxious.categories.social as number);
    expect(outgoing.categories.positive_emotion).toBeGreaterThan(
      anxious.categories.positive_emotion as number,
    );
    for (const readout of [anxious, outgoing])
      expect(readout).toMatchObject({ sentiment: null, readability: null, notes: [] });
  });

  test('knows German words and hardly any of other languages', () => {
    const { languages } = JSON.parse(
      readFileSync(`${resourcesFolder}/inventories/ipip-neo-120.json`, 'utf8'),
    ) as { languages: Record<string, { texts: string[] }> };
    const coverage = (language: string) =>
      readText(languages[language]?.texts.join('. ') ?? '', german).coverage;
    expect(coverage('de')).toBeGreaterThan(80);
    for (const other of ['en', 'fr', 'nl', 'es', 'sv', 'pl'])
      expect(coverage(other)).toBeLessThan(german.usualCoverage);
  });
});
