/**
 * Writes resources/inventories/ipip-neo-120.json from the package @bigfive-org/questions (MIT): keys once, texts and
 * labels for each language. Run it again when the package has a new version:
 *
 *   node scripts/inventories.ts
 *
 * The package gives choices with their scores already reversed for items keyed minus. Here labels are kept in the order
 * of the answers and reversal is left to the studio's scoring, which does it once.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

interface Question {
  id: string;
  text: string;
  keyed: 'plus' | 'minus';
  domain: 'O' | 'C' | 'E' | 'A' | 'N';
  facet: number;
}
type Choices = Record<'plus' | 'minus', { text: string; score: number }[]>;

const TRAITS = {
  O: 'openness',
  C: 'conscientiousness',
  E: 'extraversion',
  A: 'agreeableness',
  N: 'neuroticism',
};
/** Facets 1 … 6 of each trait under the names of Johnson (2014). */
const FACETS = {
  O: ['imagination', 'artistic-interests', 'emotionality', 'adventurousness', 'intellect', 'liberalism'],
  C: [
    'self-efficacy',
    'orderliness',
    'dutifulness',
    'achievement-striving',
    'self-discipline',
    'cautiousness',
  ],
  E: [
    'friendliness',
    'gregariousness',
    'assertiveness',
    'activity-level',
    'excitement-seeking',
    'cheerfulness',
  ],
  A: ['trust', 'morality', 'altruism', 'cooperation', 'modesty', 'sympathy'],
  N: ['anxiety', 'anger', 'depression', 'self-consciousness', 'immoderation', 'vulnerability'],
};

const require = createRequire(import.meta.url);
const source = dirname(require.resolve('@bigfive-org/questions/package.json'));
const read = (...path: string[]) => JSON.parse(readFileSync(join(source, ...path), 'utf8'));
const { version } = read('package.json') as { version: string };
const translators = read('translators.json') as { name: string; language: string }[];
/** Codes under which the package's list of translators has some languages. */
const LISTED_AS: Record<string, string> = { sv: 'se', ja: 'jp' };

const english = questions('en');
const languages: Record<string, object> = {};
for (const { id, text } of (read('data', 'languages.json') as { id: string; text: string }[]).sort((a, b) =>
  a.id < b.id ? -1 : 1,
)) {
  const translated = questions(id);
  checkKeys(id, translated);
  const scale = labels(id);
  const by = translators
    .filter(({ language }) => language === (LISTED_AS[id] ?? id) && id !== 'en')
    .map(({ name }) => name);
  languages[id] = {
    name: text === 'Deutsch' ? 'German' : text,
    // English items leave out their subject; most translations are whole sentences, and are put as they stand.
    ...(id === 'en' ? { stem: 'I' } : {}),
    ...(by.length ? { translators: by.join(', ') } : {}),
    note: notes(id, translated, scale).join(' '),
    scale,
    texts: translated.map(question => question.text),
  };
}

const folder = join(import.meta.dirname, '..', 'resources', 'inventories');
const inventory = {
  short: 'ipip-neo-120',
  name: 'IPIP-NEO-120',
  source: `International Personality Item Pool (ipip.ori.org); texts from the package @bigfive-org/questions ${version}`,
  reference:
    'Johnson, J. A. (2014). Measuring thirty facets of the Five Factor Model with a 120-item public domain inventory: Development of the IPIP-NEO-120. Journal of Research in Personality, 51, 78–89',
  licence: 'Items: public domain. Translations: MIT, Copyright (c) 2024 B5 Holding AS',
  items: english.map(({ domain, facet, keyed }, index) => ({
    id: index + 1,
    trait: TRAITS[domain],
    facet: FACETS[domain][facet - 1],
    keyed,
  })),
  languages,
};
writeFileSync(join(folder, 'ipip-neo-120.json'), `${compact(inventory)}\n`);
copyFileSync(join(source, 'LICENSE'), join(folder, 'ipip-neo-120.LICENSE'));
console.log(`${Object.keys(languages).length} languages of version ${version}`);

function questions(language: string): Question[] {
  return (read('data', language, 'questions.json') as Question[]).map(question => ({
    ...question,
    text: question.text
      .replaceAll(/[\u200e\u200f\ufeff]/g, '')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  }));
}

function checkKeys(language: string, translated: Question[]): void {
  for (const [index, item] of english.entries()) {
    const other = translated[index];
    const same = (['id', 'keyed', 'domain', 'facet'] as const).every(key => item[key] === other?.[key]);
    if (!same || translated.length !== english.length)
      throw new Error(`${language}: item ${index + 1} is keyed otherwise than in English`);
  }
}

/** Labels of the answers 1 … 5, taken from the choices of plus-keyed items; those of minus-keyed ones must mirror them. */
function labels(language: string): Record<string, string> {
  const { plus, minus } = require(join(source, 'data', language, 'choices.js')) as Choices;
  for (const [index, choice] of plus.entries())
    if (choice.score !== index + 1 || minus[index]?.score !== 5 - index || minus[index]?.text !== choice.text)
      throw new Error(`${language}: the choices are not 1 … 5 and their mirror`);
  return Object.fromEntries(plus.map(({ text, score }) => [String(score), text.trim()]));
}

/** What a user of this translation should know, found by comparing it with the English one and with itself. */
function notes(language: string, translated: Question[], scale: Record<string, string>): string[] {
  if (language === 'en') return [];
  const found: string[] = [];
  const untranslated = translated.filter((question, index) => question.text === english[index]?.text).length;
  if (untranslated) found.push(`${untranslated} of the ${translated.length} items are not translated.`);
  if (scale[1] === labels('en')[1]) found.push('The labels of the answers are not translated.');
  for (const [index, { text }] of translated.entries()) {
    const first = translated.findIndex(other => other.text === text);
    if (first < index) found.push(`Items ${first + 1} and ${index + 1} have the same text.`);
  }
  return found;
}

/** JSON with one line for each item, and one for the texts of a language. */
function compact({ items, languages: all, ...head }: typeof inventory): string {
  const lines = (entries: string[]) => `\n${entries.map(entry => `    ${entry}`).join(',\n')}\n  `;
  const top = Object.entries(head).map(
    ([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  );
  const parts = [
    ...top,
    `  "items": [${lines(items.map(item => JSON.stringify(item)))}]`,
    `  "languages": {${lines(Object.entries(all).map(([id, data]) => `${JSON.stringify(id)}: ${JSON.stringify(data)}`))}}`,
  ];
  return `{\n${parts.join(',\n')}\n}`;
}
