/** Lexicons: categories and the words, phrases and signs that belong to them, compiled so that a look-up is quick. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { syllable } from 'syllable';
import { z } from 'zod';
import { StudioError } from '../errors.ts';

export interface Category {
  key: string;
  title: string;
  /** Key of the category that this one is part of. */
  parent: string | null;
}

/** A lexicon as its file has it. Categories are meant by their place in `categories`. */
export interface LexiconSource {
  name: string;
  categories: Category[];
  /** Patterns in lower case with their categories; `word*` matches any ending, `*word` any beginning. */
  entries: Map<string, number[]>;
  /** Patterns that take categories away again: `happen*` from a category with `happ*`. */
  exceptions?: Map<string, number[]>;
  /**
   * `all`: a word has the categories of every pattern that matches it. `first`: of one entry alone, as LIWC counts: the
   * exact one, else the longest wildcard.
   */
  matching: 'all' | 'first';
  /** Whether what belongs to a category belongs to its parents too. */
  parentsCount: boolean;
  /** Share of words, in per cent, that texts in the lexicon's language nearly always reach; 0 when not known. */
  usualCoverage: number;
  /** ISO 639-1, of the studio's own ones; null where nobody says. */
  language: string | null;
}

/** What a lexicon knows of a word. */
export interface WordFacts {
  /** Places of its categories, ascending. */
  categories: readonly number[];
  /** Phrases that may begin with it, longest first. */
  phrases: readonly Phrase[];
  /** More than six letters. */
  long: boolean;
  /** Syllables of an English word; 0 for one without a letter from a to z. */
  syllables: number;
}

export interface Phrase {
  pattern: string;
  words: WordPattern[];
  categories: readonly number[];
}

interface WordPattern {
  text: string;
  wildcard: boolean;
}

export interface Lexicon {
  readonly name: string;
  readonly categories: readonly Category[];
  readonly usualCoverage: number;
  readonly language: string | null;
  /** Matches emoticons and other entries with signs in them, longest first; null when there are none. */
  readonly signs: string | null;
  /** @param word in lower case, with straight apostrophes */
  facts(word: string): WordFacts;
  /** Categories of a sign that `signs` has matched, in its plain form. */
  ofSign(sign: string): readonly number[];
}

/** A word: letters and digits with apostrophes and hyphens inside, or a number with its points and commas. */
export const WORD =
  "\\p{N}+(?:[.,]\\p{N}+)+|[\\p{L}\\p{N}][\\p{L}\\p{M}\\p{N}]*(?:['’‐‑-][\\p{L}\\p{N}][\\p{L}\\p{M}\\p{N}]*)*";
const WHOLE_WORD = new RegExp(`^(?:${WORD})$`, 'u');

/** Words already looked up are kept, up to so many: more than any language has in daily use. */
const MOST_KEPT = 300_000;

/** Lower case, straight apostrophes, plain hyphens, composed letters: as words are compared. */
export function normalWord(word: string): string {
  const lower = word.toLowerCase();
  return /^[a-z0-9'-]*$/.test(lower)
    ? lower
    : lower.normalize('NFC').replace(/’/g, "'").replace(/[‐‑]/g, '-');
}

/** Whether a pattern is a word, with or without wildcards, as a text's words are cut. `*'ll` is one, `:)` is not. */
const isWord = (pattern: string) => WHOLE_WORD.test(pattern.replace(/^\*|\*$/g, 'x'));

/** Why a pattern cannot be matched, or null when it can. `*` may stand at the end, and at the beginning if allowed. */
export function patternProblem(pattern: string, beginnings: boolean): string | null {
  const words = pattern.split(' ');
  for (const word of words) {
    const body = word.replace(beginnings ? /^\*|\*$/g : /\*$/, '');
    if (body === '') return 'there is no word in it';
    if ((beginnings || !word.startsWith('*')) && isWord(word)) continue;
    if (/[\p{L}\p{N}]\*|\*[\p{L}\p{N}]/u.test(body)) return '* may stand only at the end of a word';
    if (body !== word) return 'a wildcard cannot follow signs';
    if (words.length > 1) return 'a phrase may hold only words';
  }
  if (words.length > 1 && words.some(word => word.startsWith('*')))
    return '* may stand only at the end of a word of a phrase';
  return null;
}

/** Exact words, beginnings and endings, each with categories. */
class Patterns {
  readonly exact = new Map<string, number[]>();
  readonly starts = new Map<string, number[]>();
  readonly ends = new Map<string, number[]>();

  add(pattern: string, categories: number[]): void {
    const [map, key] = pattern.endsWith('*')
      ? [this.starts, pattern.slice(0, -1)]
      : pattern.startsWith('*')
        ? [this.ends, pattern.slice(1)]
        : [this.exact, pattern];
    map.set(key, [...(map.get(key) ?? []), ...categories]);
  }

  /** Categories of everything that matches. */
  all(word: string): Set<number> {
    const found = new Set(this.exact.get(word));
    for (let length = word.length; length > 0; length--) {
      for (const category of this.starts.get(word.slice(0, length)) ?? []) found.add(category);
      for (const category of this.ends.get(word.slice(-length)) ?? []) found.add(category);
    }
    return found;
  }

  /** Categories of the exact entry, else of the longest beginning. */
  first(word: string): Set<number> {
    let found = this.exact.get(word);
    for (let length = word.length; length > 0 && !found; length--)
      found = this.starts.get(word.slice(0, length));
    return new Set(found);
  }
}

export function compileLexicon(source: LexiconSource): Lexicon {
  const places = new Map(source.categories.map(({ key }, place) => [key, place]));
  const above = source.categories.map(({ parent }) => {
    const parents: number[] = [];
    for (let key = parent; key !== null && source.parentsCount; ) {
      const place = places.get(key) as number;
      parents.push(place);
      key = source.categories[place]?.parent ?? null;
    }
    return parents;
  });
  const complete = (categories: Iterable<number>) =>
    [...new Set([...categories].flatMap(place => [place, ...(above[place] as number[])]))].sort(
      (a, b) => a - b,
    );

  const words = new Patterns();
  const exceptions = new Patterns();
  const signs = new Map<string, readonly number[]>();
  const phrases = new Map<string, Phrase[]>();
  const phraseStarts = new Map<string, Phrase[]>();
  for (const [pattern, categories] of source.entries) {
    const parts = pattern.split(' ').map(part => ({
      text: part.replace(/\*$/, ''),
      wildcard: part.endsWith('*'),
    }));
    const [first] = parts as [WordPattern];
    if (parts.length > 1) {
      const map = first.wildcard ? phraseStarts : phrases;
      map.set(first.text, [
        ...(map.get(first.text) ?? []),
        { pattern, words: parts, categories: complete(categories) },
      ]);
    } else if (isWord(pattern)) words.add(pattern, categories);
    else signs.set(plainSign(pattern), complete(categories));
  }
  for (const [pattern, categories] of source.exceptions ?? []) exceptions.add(pattern, categories);

  const categoriesOf = (word: string) => {
    if (source.matching === 'first') return complete(words.first(word));
    const found = words.all(word);
    for (const place of found.size > 0 ? exceptions.all(word) : []) found.delete(place);
    return complete(found);
  };
  const phrasesOf = (word: string) => {
    const found = [...(phrases.get(word) ?? [])];
    if (phraseStarts.size > 0)
      for (let length = word.length; length > 0; length--)
        found.push(...(phraseStarts.get(word.slice(0, length)) ?? []));
    return found.sort(longestFirst);
  };
  const known = new Map<string, WordFacts>();
  return {
    name: source.name,
    categories: source.categories,
    usualCoverage: source.usualCoverage,
    language: source.language,
    signs: signsPattern([...signs.keys()]),
    ofSign: sign => signs.get(sign) ?? [],
    facts(word) {
      let facts = known.get(word);
      if (facts) return facts;
      if (known.size >= MOST_KEPT) known.clear();
      facts = {
        categories: categoriesOf(word),
        phrases: phrasesOf(word),
        long: (word.match(/\p{L}/gu)?.length ?? 0) > 6,
        syllables: /[a-z]/.test(word) ? Math.max(1, syllable(word.replaceAll("'", ''))) : 0,
      };
      known.set(word, facts);
      return facts;
    },
  };
}

/** U+FE0F asks for the coloured form of an emoji and means nothing. */
export const plainSign = (sign: string) => normalWord(sign).replaceAll('\uFE0F', '');

/** More words before fewer, an exact word before a wildcard, then more letters. */
function longestFirst(a: Phrase, b: Phrase): number {
  const wildcards = ({ words }: Phrase) => words.filter(({ wildcard }) => wildcard).length;
  return (
    b.words.length - a.words.length || wildcards(a) - wildcards(b) || b.pattern.length - a.pattern.length
  );
}

/** A sign that begins or ends like a word stands apart from other words; `:/` is none in `http://`, `:3` none in 3:3. */
function signsPattern(signs: string[]): string | null {
  if (signs.length === 0) return null;
  const patterns = signs
    .sort((a, b) => b.length - a.length)
    .map(sign => {
      const literal = sign
        .replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
        .replaceAll("'", "['’]")
        .replace(/\p{L}/gu, letter => `[${letter}${letter.toUpperCase()}]`);
      const before = /^[\p{L}\p{N}]/u.test(sign) ? '(?<![\\p{L}\\p{N}])' : '(?<!\\p{N})';
      const after = /\p{Extended_Pictographic}$/u.test(sign) ? '\\uFE0F?' : '(?![\\p{L}\\p{N}/])';
      return before + literal + after;
    });
  // A look at the first character spares most places the whole list.
  const first = [...new Set(signs.map(sign => [...sign.replace(/^[’']/, "'")][0] as string))].join('');
  const either = `${first}${first.toUpperCase()}${first.includes("'") ? '’' : ''}`;
  return `(?=[${either.replace(/[\\\]^-]/g, '\\$&')}])(?:${patterns.join('|')})`;
}

// ── The studio's own format ────────────────────────────────────────────────────────────────────────────────

/** Entries separated by commas; an array so that lines stay short. */
const entryList = z.array(z.string());
const lexiconFile = z.object({
  name: z.string().min(1),
  licence: z.string(),
  note: z.string(),
  usual_coverage: z.number().min(0).max(100).default(0),
  categories: z.record(
    z.string().regex(/^[a-z][a-z0-9_]*$/),
    z.object({
      about: z.string(),
      parent: z.string().optional(),
      words: entryList.default([]),
      except: entryList.default([]),
    }),
  ),
});

/** Reads a lexicon in the format that resources/lexicon/README.md describes. `language`: of its words, ISO 639-1. */
export async function loadLexicon(file: string, language: string | null = null): Promise<Lexicon> {
  return compileLexicon({ ...parseLexicon(await readFile(file, 'utf8'), file), language });
}

export function parseLexicon(text: string, file: string): LexiconSource {
  const bad = (message: string, field?: string) =>
    new StudioError('bad_file', `${basename(file)} is not a lexicon: ${message}`, {
      file,
      field,
      action: 'The format is described in resources/lexicon/README.md.',
    });
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw bad(`${(cause as Error).message}.`);
  }
  const parsed = lexiconFile.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw bad(`${issue?.path.join('.')}: ${issue?.message}.`, issue?.path.join('.'));
  }
  const { name, categories, usual_coverage: usualCoverage } = parsed.data;
  const keys = Object.keys(categories);
  const source = {
    name,
    usualCoverage,
    language: null,
    matching: 'all' as const,
    parentsCount: true,
    categories: keys.map(key => ({
      key,
      title: key.replaceAll('_', ' '),
      parent: categories[key]?.parent ?? null,
    })),
    entries: new Map<string, number[]>(),
    exceptions: new Map<string, number[]>(),
  };
  for (const [place, key] of keys.entries()) {
    const { words, except } = categories[key] as (typeof categories)[string];
    const line = [key];
    for (let up = categories[key]?.parent; up !== undefined; up = categories[up]?.parent) {
      if (!categories[up]) throw bad(`the parent “${up}” of “${line.at(-1)}” is no category.`, key);
      if (line.includes(up)) throw bad(`“${key}” is its own parent.`, key);
      line.push(up);
    }
    for (const [map, lists] of [
      [source.entries, words],
      [source.exceptions, except],
    ] as const)
      for (const entry of lists.flatMap(list => list.split(','))) {
        const pattern = normalWord(entry.trim().replace(/\s+/g, ' '));
        if (pattern === '') continue;
        const problem = patternProblem(pattern, true);
        if (problem) throw bad(`“${pattern}” in “${key}”: ${problem}.`, key);
        const before = map.get(pattern) ?? [];
        if (before.includes(place)) throw bad(`“${pattern}” stands twice in “${key}”.`, key);
        map.set(pattern, [...before, place]);
      }
  }
  return source;
}
