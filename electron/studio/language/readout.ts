/** Readout of a text: the share of its words in each category of a lexicon. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Readout } from '../contract.ts';

const lexiconFile = z.object({
  name: z.string(),
  licence: z.string(),
  note: z.string(),
  /** Category → words; `word*` matches any ending, `*word` any beginning. */
  categories: z.record(z.string(), z.array(z.string().regex(/^\*?[^*\s]+\*?$/))),
});

/** A lexicon ready for look-up. */
export interface Lexicon {
  readonly categories: string[];
  /** Categories of a word in lower case; a word has none when the lexicon does not know it. */
  lookup(word: string): ReadonlySet<string>;
}

export async function loadLexicon(file: string): Promise<Lexicon> {
  return buildLexicon(lexiconFile.parse(JSON.parse(await readFile(file, 'utf8'))).categories);
}

export function buildLexicon(categories: Record<string, string[]>): Lexicon {
  const exact = new Map<string, string[]>();
  const starts: [string, string][] = [];
  const ends: [string, string][] = [];
  for (const [category, words] of Object.entries(categories))
    for (const word of words) {
      if (word.startsWith('*')) ends.push([word.slice(1), category]);
      else if (word.endsWith('*')) starts.push([word.slice(0, -1), category]);
      else exact.set(word, [...(exact.get(word) ?? []), category]);
    }
  const known = new Map<string, ReadonlySet<string>>();
  const find = (word: string) =>
    new Set([
      ...(exact.get(word) ?? []),
      ...starts.flatMap(([start, category]) => (word.startsWith(start) ? [category] : [])),
      ...ends.flatMap(([end, category]) => (word.endsWith(end) ? [category] : [])),
    ]);
  return {
    categories: Object.keys(categories),
    lookup(word) {
      let found = known.get(word);
      if (!found) {
        found = find(word);
        known.set(word, found);
      }
      return found;
    },
  };
}

/** Words as a dictionary count sees them: letters and digits, with apostrophes and hyphens inside. */
export function words(text: string): string[] {
  return (
    text
      .toLowerCase()
      .replaceAll('’', "'")
      .match(/[\p{L}\p{N}]+(?:['-][\p{L}\p{N}]+)*/gu) ?? []
  );
}

/** Counts a text. An empty text has 0 words and 0 % in every category. */
export function readText(text: string, lexicon: Lexicon): Readout {
  const found = words(text);
  const counts = Object.fromEntries(lexicon.categories.map(category => [category, 0]));
  let covered = 0;
  for (const word of found) {
    const categories = lexicon.lookup(word);
    if (categories.size > 0) covered++;
    for (const category of categories) counts[category] = (counts[category] ?? 0) + 1;
  }
  const share = (count: number) => (found.length > 0 ? (100 * count) / found.length : 0);
  const ends = text.match(/[.!?…]+(?=\s|$|["”')\]])/g)?.length ?? 0;
  return {
    words: found.length,
    sentences: found.length > 0 ? Math.max(1, ends) : 0,
    categories: Object.fromEntries(
      Object.entries(counts).map(([category, count]) => [category, share(count)]),
    ),
    coverage: share(covered),
  };
}
