/** Readout of a text: which of its words belong to which categories of a lexicon, and the usual counts beside them. */
import { flesch } from 'flesch';
import { fleschKincaid } from 'flesch-kincaid';
import type { TextReadout } from '../contract.ts';
import type { Lexicon, Phrase, WordFacts } from './lexicon.ts';
import { normalWord, plainSign, WORD } from './lexicon.ts';
import { sentimentOf } from './sentiment.ts';

/** A word, phrase or sign of the lexicon that a text has. */
interface Hit {
  /** Places of its categories. */
  categories: readonly number[];
  count: number;
  /** Start and end of each in the text, in UTF-16 units; empty where places were not asked for. */
  at: [number, number][];
}

/** What was counted in one text, or in several together. */
export interface Counts {
  words: number;
  sentences: number;
  /** Words that are in any category; those of a phrase all are. */
  covered: number;
  long: number;
  /** Words with a letter from a to z, and their syllables in English. */
  latin: number;
  syllables: number;
  /** Sum of the sentences' sentiment; null where it was left out. */
  sentiment: number | null;
  punctuation: Record<string, number>;
  /** By word, in lower case. A phrase or a sign is counted once. */
  hits: Map<string, Hit>;
}

/** Punctuation marks by name. What is none of these but punctuation is `other`. */
const MARKS: Record<string, string> = {
  full_stop: '.…',
  comma: ',',
  colon: ':',
  semicolon: ';',
  question_mark: '?',
  exclamation_mark: '!',
  dash: '-–—',
  quotation_mark: '"“”„«»',
  apostrophe: "'’‘",
  bracket: '([{',
};
/** A closing bracket belongs to its opening one. */
const CLOSING = ')]}';
const MARK_NAMES = [...Object.keys(MARKS), 'other'];
const markOf = new Map(
  Object.entries(MARKS).flatMap(([name, marks]) => [...marks].map(mark => [mark, name])),
);

/** End of a sentence in what stands between two words: a mark before white space, or an empty line. */
const SENTENCE_END = /[.!?…]["”’'»)\]]*\s|[。！？]|\n\s*\n/;
/** Dots before a small letter are a pause. */
const PAUSE = /^(?:\.{2,}|…)\s+$/;
const SMALL = /^\p{Ll}/u;

const SPACE = /^\s+$/;
const MARK = /\p{P}/gu;

/**
 * Counts a text.
 * @param places whether to keep where each hit stands
 * @param rate whether to rate the sentiment, which takes ten times as long as all the rest
 */
export function countText(text: string, lexicon: Lexicon, places = false, rate = true): Counts {
  const counts = noCounts();
  if (!rate) counts.sentiment = null;
  const tokens = tokensOf(text, lexicon);
  const { starts, ends, facts, words } = tokens;
  const hit = (key: string, categories: readonly number[], start: number, end: number) => {
    let found = counts.hits.get(key);
    if (!found) {
      found = { categories, count: 0, at: [] };
      counts.hits.set(key, found);
    }
    found.count++;
    if (places) found.at.push([start, end]);
  };
  /** Whether a word came since the last end of a sentence. */
  let open = false;
  let begun = 0;
  const endSentence = (end: number) => {
    counts.sentences++;
    if (counts.sentiment !== null) counts.sentiment += sentimentOf(text.slice(begun, end));
    begun = end;
    open = false;
  };
  const between = (from: number, to: number) => {
    if (to - from < 1 || (to - from === 1 && text.charCodeAt(from) === 32)) return;
    const gap = text.slice(from, to);
    for (const [mark] of gap.matchAll(MARK)) if (!CLOSING.includes(mark)) addMark(counts, mark);
    const pause = PAUSE.test(gap) && SMALL.test(text.slice(to, to + 2));
    if (open && !pause && SENTENCE_END.test(gap)) endSentence(to);
  };

  let taken = 0;
  for (let i = 0; i < starts.length; i++) {
    const [start, end] = [starts[i] as number, ends[i] as number];
    between(i === 0 ? 0 : (ends[i - 1] as number), start);
    counts.words++;
    const fact = facts[i];
    const word = words[i] as string;
    if (!fact) {
      counts.covered++;
      hit(word, lexicon.ofSign(word), start, end);
      continue;
    }
    open = true;
    if (fact.long) counts.long++;
    if (fact.syllables > 0) counts.latin++;
    counts.syllables += fact.syllables;
    if (word.includes("'")) for (const letter of word) if (letter === "'") addMark(counts, letter);
    if (i < taken) continue;
    const phrase = fact.phrases.find(each => standsAt(i, each, text, tokens));
    if (phrase) {
      taken = i + phrase.words.length;
      counts.covered += phrase.words.length;
      hit(words.slice(i, taken).join(' '), phrase.categories, start, ends[taken - 1] as number);
    } else if (fact.categories.length > 0) {
      counts.covered++;
      hit(word, fact.categories, start, end);
    }
  }
  between(ends.at(-1) ?? 0, text.length);
  if (open) endSentence(text.length);
  return counts;
}

interface Tokens {
  starts: number[];
  ends: number[];
  words: string[];
  /** Undefined for a sign. */
  facts: (WordFacts | undefined)[];
}

function tokensOf(text: string, lexicon: Lexicon): Tokens {
  const found: Tokens = { starts: [], ends: [], words: [], facts: [] };
  const pattern = new RegExp(`(${lexicon.signs ?? '(?!)'})|${WORD}`, 'gu');
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const sign = match[1] !== undefined;
    const word = sign ? plainSign(match[0]) : normalWord(match[0]);
    found.starts.push(match.index);
    found.ends.push(pattern.lastIndex);
    found.words.push(word);
    found.facts.push(sign ? undefined : lexicon.facts(word));
  }
  return found;
}

/** Whether the words from the `i`-th on are the phrase's, with nothing but white space between them. */
function standsAt(i: number, phrase: Phrase, text: string, { starts, ends, words, facts }: Tokens): boolean {
  return phrase.words.every((pattern, k) => {
    const word = words[i + k];
    if (word === undefined || !facts[i + k]) return false;
    if (pattern.wildcard ? !word.startsWith(pattern.text) : word !== pattern.text) return false;
    return k === 0 || SPACE.test(text.slice(ends[i + k - 1], starts[i + k]));
  });
}

function addMark(counts: Counts, mark: string): void {
  const name = markOf.get(mark) ?? 'other';
  counts.punctuation[name] = (counts.punctuation[name] ?? 0) + 1;
}

const noCounts = (): Counts => ({
  words: 0,
  sentences: 0,
  covered: 0,
  long: 0,
  latin: 0,
  syllables: 0,
  sentiment: 0,
  punctuation: Object.fromEntries(MARK_NAMES.map(name => [name, 0])),
  hits: new Map(),
});

const SUMS = ['words', 'sentences', 'covered', 'long', 'latin', 'syllables'] as const;

/** The texts' counts together; places are left out. */
export function sumCounts(all: Iterable<Counts>): Counts {
  const sum = noCounts();
  for (const counts of all) {
    for (const key of SUMS) sum[key] += counts[key];
    sum.sentiment =
      sum.sentiment === null || counts.sentiment === null ? null : sum.sentiment + counts.sentiment;
    for (const name of MARK_NAMES)
      sum.punctuation[name] = (sum.punctuation[name] ?? 0) + (counts.punctuation[name] ?? 0);
    for (const [word, { categories, count }] of counts.hits) {
      const found = sum.hits.get(word);
      if (found) found.count += count;
      else sum.hits.set(word, { categories, count, at: [] });
    }
  }
  return sum;
}

/** Number of words in each category, in the order of the lexicon's categories. */
export function categoryCounts({ hits }: Counts, lexicon: Lexicon): number[] {
  const counts = lexicon.categories.map(() => 0);
  for (const { categories, count } of hits.values())
    for (const place of categories) counts[place] = (counts[place] as number) + count;
  return counts;
}

/** Below this many words, readability formulas say little (Flesch took samples of 100 words). */
const ENOUGH_TO_READ = 100;

/** Counts as shares. A text without words has 0 % everywhere and no readability. */
export function readoutOf(counts: Counts, lexicon: Lexicon): TextReadout {
  const { words, sentences, punctuation } = counts;
  const share = (count: number) => (words > 0 ? (100 * count) / words : 0);
  const inCategory = categoryCounts(counts, lexicon);
  const categories = Object.fromEntries(
    lexicon.categories.map(({ key }, place) => [key, share(inCategory[place] as number)]),
  );
  const total = Object.values(punctuation).reduce((sum, count) => sum + count, 0);
  return {
    words,
    sentences,
    categories,
    coverage: share(counts.covered),
    wordsPerSentence: sentences > 0 ? words / sentences : 0,
    longWords: share(counts.long),
    punctuation: Object.fromEntries(
      [...MARK_NAMES.map(name => [name, punctuation[name] ?? 0] as const), ['all', total] as const].map(
        ([name, count]) => [name, share(count)],
      ),
    ),
    composites: compositesOf(categories),
    readability: readabilityOf(counts, lexicon),
    sentiment: counts.sentiment !== null && isEnglish(counts, lexicon) ? counts.sentiment / sentences : null,
    notes: notesOf(counts, lexicon),
  };
}

/**
 * Our own figures made of several categories, for a lexicon that has them.
 * - `emotion_balance`: share of positive minus share of negative emotion words, in percentage points
 * - `self_reference`: first person singular as a share of all personal pronouns, 0 … 100; null without any
 */
function compositesOf(categories: Record<string, number>): Record<string, number | null> {
  const composites: Record<string, number | null> = {};
  const { positive_emotion, negative_emotion, first_person, personal_pronoun } = categories;
  if (positive_emotion !== undefined && negative_emotion !== undefined)
    composites.emotion_balance = positive_emotion - negative_emotion;
  if (first_person !== undefined && personal_pronoun !== undefined)
    composites.self_reference = personal_pronoun > 0 ? (100 * first_person) / personal_pronoun : null;
  return composites;
}

/**
 * Readability of English prose; null when most words have no letter from a to z, and with a lexicon of another language.
 * - reading ease (Flesch 1948): 206.835 − 1.015 words/sentences − 84.6 syllables/words; 0 … 100, higher is easier
 * - grade (Kincaid et al. 1975): 0.39 words/sentences + 11.8 syllables/words − 15.59; US school grade
 */
function readabilityOf(
  { words, sentences, latin, syllables }: Counts,
  lexicon: Lexicon,
): TextReadout['readability'] {
  if (!mayBeEnglish(lexicon) || !inLatinLetters({ words, latin })) return null;
  // Syllables are known of words in Latin letters alone; the others count as such words on average.
  const counts = { sentence: sentences, word: words, syllable: (syllables / latin) * words };
  return {
    readingEase: flesch(counts),
    grade: fleschKincaid(counts),
    enough: words >= ENOUGH_TO_READ,
  };
}

/** Fewer words than this say nothing about coverage, unless they are in another script. */
const ENOUGH_TO_COVER = 10;

const inLatinLetters = ({ words, latin }: Pick<Counts, 'words' | 'latin'>) => words > 0 && latin * 2 >= words;
const mayBeEnglish = ({ language }: Lexicon) => language === null || language === 'en';
const tellsLanguage = ({ words, covered, latin }: Counts) =>
  words >= ENOUGH_TO_COVER || (words > 0 && latin === 0 && covered === 0);
const isForeign = (counts: Counts, lexicon: Lexicon) =>
  tellsLanguage(counts) && (100 * counts.covered) / counts.words < lexicon.usualCoverage;
/** As far as letters and the lexicon tell; a user's dictionary does not say how much it usually covers. */
const isEnglish = (counts: Counts, lexicon: Lexicon) =>
  mayBeEnglish(lexicon) && inLatinLetters(counts) && counts.sentences > 0 && !isForeign(counts, lexicon);

function notesOf(counts: Counts, lexicon: Lexicon): string[] {
  const { words, covered } = counts;
  if (words === 0) return ['There are no words in this text.'];
  const coverage = (100 * covered) / words;
  if (!tellsLanguage(counts)) return [];
  if (covered === 0 && lexicon.usualCoverage === 0)
    return [`None of the words is in “${lexicon.name}”. Is it in the language of the text?`];
  if (!isForeign(counts, lexicon)) return [];
  return [
    `Only ${coverage.toFixed(1)} % of the words are in “${lexicon.name}”: the text seems to be in another language or script, and its shares say little.`,
  ];
}

/** The words behind each category's figure, most frequent first. Categories without any are left out. */
export function foundIn({ hits }: Counts, lexicon: Lexicon): NonNullable<TextReadout['found']> {
  const found = new Map<string, NonNullable<TextReadout['found']>[string]>();
  const sorted = [...hits].sort(([a, one], [b, other]) => other.count - one.count || (a < b ? -1 : 1));
  for (const [word, { categories, count, at }] of sorted)
    for (const place of categories) {
      const { key } = lexicon.categories[place] as Lexicon['categories'][number];
      const list = found.get(key) ?? [];
      list.push(at.length > 0 ? { word, count, at } : { word, count });
      found.set(key, list);
    }
  return Object.fromEntries(found);
}

/** Readout of one text with the words behind each figure and where they stand. */
export function readText(text: string, lexicon: Lexicon): TextReadout {
  const counts = countText(text, lexicon, true);
  const parents = lexicon.categories.flatMap(({ key, parent }) => (parent ? [[key, parent]] : []));
  return {
    ...readoutOf(counts, lexicon),
    found: foundIn(counts, lexicon),
    parents: Object.fromEntries(parents),
  };
}
