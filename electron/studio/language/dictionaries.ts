/** The user's dictionaries: files in LIWC's formats, `.dic` and `.dicx` (or the same table as `.csv`), read as they are. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { StudioError } from '../errors.ts';
import type { Category, LexiconSource } from './lexicon.ts';
import { normalWord, patternProblem } from './lexicon.ts';
import { parseTable, readTextFile } from './texts.ts';

/** Something in a dictionary that was left out, or that its author may want to look at. */
export interface Remark {
  line: number;
  message: string;
}

export interface Dictionary {
  source: LexiconSource;
  remarks: Remark[];
}

const DICTIONARY_TYPES = ['.dic', '.dicx', '.csv'];

/** More problems than this are counted, not listed. */
const MOST_LISTED = 10;

/** Dictionaries in a folder, by name; none when there is no such folder. */
export async function listDictionaries(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const names = await readdir(folder);
  return names
    .filter(name => DICTIONARY_TYPES.includes(extname(name).toLowerCase()))
    .sort()
    .map(name => join(folder, name));
}

export async function readDictionary(file: string): Promise<Dictionary> {
  const text = await readTextFile(file);
  return extname(file).toLowerCase() === '.dic' ? parseDic(text, file) : parseDicx(text, file);
}

/** Collects what is wrong with a file, so that its author sees all of it at once. */
class Problems {
  readonly list: Remark[] = [];

  add(line: number, message: string): void {
    this.list.push({ line, message });
  }

  /** Throws when there is anything. */
  throwFor(file: string): void {
    const [first] = this.list;
    if (!first) return;
    const lines = this.list.slice(0, MOST_LISTED).map(({ line, message }) => `line ${line}: ${message}`);
    const more = this.list.length - lines.length;
    if (more > 0) lines.push(`and ${more} more`);
    throw new StudioError(
      'bad_file',
      `${basename(file)} cannot be read as a dictionary:\n${lines.join('\n')}`,
      {
        file,
        field: `line ${first.line}`,
        action: 'Correct these lines.',
      },
    );
  }
}

/** Entries with the line they were first seen on; one that comes again has the categories of both. */
class Entries {
  readonly entries = new Map<string, number[]>();
  readonly #lines = new Map<string, number>();
  readonly remarks: Remark[] = [];

  add(line: number, entry: string, categories: number[]): void {
    const pattern = normalWord(entry.replace(/\s+/g, ' '));
    const problem = patternProblem(pattern, false);
    if (problem) {
      this.remarks.push({ line, message: `“${entry}” is left out: ${problem}` });
      return;
    }
    const first = this.#lines.get(pattern);
    if (first !== undefined)
      this.remarks.push({
        line,
        message: `“${entry}” stands on line ${first} too; it has the categories of both`,
      });
    else this.#lines.set(pattern, line);
    this.entries.set(pattern, [...new Set([...(this.entries.get(pattern) ?? []), ...categories])]);
  }
}

const sourceOf = (file: string, categories: Category[], { entries }: Entries): LexiconSource => ({
  name: basename(file),
  categories,
  entries,
  matching: 'first',
  // A LIWC dictionary lists a word's parent categories itself.
  parentsCount: false,
  usualCoverage: 0,
  language: null,
});

/**
 * LIWC2007 and LIWC2015: numbered categories between two lines with `%`, then an entry a line with the numbers of its
 * categories, separated by tabs. Indented categories are parts of the one above. Conditional entries (`kind <of>131/125`)
 * have no public description: they are remarked on and left out.
 */
export function parseDic(text: string, file: string): Dictionary {
  const problems = new Problems();
  const lines = text.split(/\r\n|\r|\n/);
  const head = lines.findIndex(line => line.trim() !== '');
  const isBorder = (line: string | undefined) => line?.trim() === '%';
  const end = lines.findIndex((line, index) => index > head && isBorder(line));
  if (!isBorder(lines[head]))
    problems.add(Math.max(0, head) + 1, 'a line with % alone must open the list of categories');
  else if (end < 0) problems.add(lines.length, 'no line with % alone closes the list of categories');
  problems.throwFor(file);

  const categories: Category[] = [];
  const places = new Map<number, number>();
  const idLines = new Map<number, number>();
  const keyLines = new Map<string, number>();
  const outer: { indent: number; key: string }[] = [];
  for (let index = head + 1; index < end; index++) {
    const line = lines[index] as string;
    const number = index + 1;
    if (line.trim() === '') continue;
    const [, indent = '', digits, label = ''] = /^(\s*)(\d+)\s+(\S.*?)\s*$/.exec(line) ?? [];
    if (digits === undefined) {
      problems.add(number, `expected the number of a category, a tab and its name, got “${line.trim()}”`);
      continue;
    }
    const id = Number(digits);
    const [, key = label, title = label] = /^(.*\S)\s*\((.+)\)$/.exec(label) ?? [];
    const before = idLines.get(id) ?? keyLines.get(key);
    if (before !== undefined) {
      const what = idLines.has(id) ? `category number ${id}` : `category “${key}”`;
      problems.add(number, `${what} stands on line ${before} already`);
      continue;
    }
    while ((outer.at(-1)?.indent ?? -1) >= indent.length) outer.pop();
    places.set(id, categories.length);
    categories.push({ key, title, parent: outer.at(-1)?.key ?? null });
    outer.push({ indent: indent.length, key });
    idLines.set(id, number);
    keyLines.set(key, number);
  }
  if (categories.length === 0) problems.add(head + 1, 'the list of categories is empty');

  const entries = new Entries();
  for (let index = end + 1; index < lines.length; index++) {
    const line = (lines[index] as string).trim();
    const number = index + 1;
    if (line === '') continue;
    const { entry, rest } = splitEntry(line);
    if (rest === null) {
      problems.add(number, `“${line}” has no categories: put a tab between the entry and their numbers`);
      continue;
    }
    if (/[<>(]|\//.test(rest)) {
      entries.remarks.push({
        line: number,
        message: `“${line.replace(/\s+/g, ' ')}” is left out: it is a conditional entry`,
      });
      continue;
    }
    const found: number[] = [];
    for (const field of rest.split(/\s+/)) {
      const place = /^\d+$/.test(field) ? places.get(Number(field)) : undefined;
      if (place !== undefined) found.push(place);
      else if (/^\d+$/.test(field)) problems.add(number, `there is no category ${field} (entry “${entry}”)`);
      else problems.add(number, `“${field}” is no category number (entry “${entry}”)`);
    }
    if (found.length > 0) entries.add(number, entry, found);
  }
  problems.throwFor(file);
  if (entries.entries.size === 0) problems.add(lines.length, 'there are no entries');
  problems.throwFor(file);
  return { source: sourceOf(file, categories, entries), remarks: entries.remarks };
}

/** An entry ends at the first tab; without tabs it is one word. `rest` is null when nothing follows. */
function splitEntry(line: string): { entry: string; rest: string | null } {
  const tab = line.indexOf('\t');
  if (tab >= 0) return { entry: line.slice(0, tab).trim(), rest: line.slice(tab).trim() || null };
  const [, entry = line, rest] = /^(\S+)\s+([\d<(].*)$/.exec(line) ?? [];
  return { entry, rest: rest ?? null };
}

/**
 * LIWC-22: a table with a row for each entry and a column for each category; `X` says that the entry belongs to it.
 * Commas, semicolons or tabs separate the columns.
 */
export function parseDicx(text: string, file: string): Dictionary {
  const problems = new Problems();
  const rows = parseTable(text, file);
  const [head] = rows;
  const keys = head?.cells.slice(1).map(cell => cell.trim()) ?? [];
  if (keys.length === 0)
    problems.add(1, 'expected a row of headings: DicTerm, then the name of each category');
  for (const [index, key] of keys.entries()) {
    if (key === '') problems.add(head?.line ?? 1, `column ${index + 2} has no name`);
    else if (keys.indexOf(key) < index) problems.add(head?.line ?? 1, `column “${key}” is there twice`);
  }
  problems.throwFor(file);

  const entries = new Entries();
  for (const { line, cells } of rows.slice(1)) {
    const [first = '', ...marks] = cells;
    const entry = first.trim();
    if (cells.every(cell => cell.trim() === '')) continue;
    if (entry === '') problems.add(line, 'the row has no entry');
    if (marks.length !== keys.length)
      problems.add(line, `${cells.length} columns where the headings have ${keys.length + 1}`);
    const found: number[] = [];
    for (const [place, mark] of marks.entries()) {
      if (/^x$/i.test(mark.trim())) found.push(place);
      else if (mark.trim() !== '')
        problems.add(line, `“${mark.trim()}” in column “${keys[place]}”: expected X or nothing`);
    }
    if (found.length > 0) entries.add(line, entry, found);
    else if (marks.every(mark => mark.trim() === ''))
      entries.remarks.push({ line, message: `“${entry}” has no category` });
  }
  problems.throwFor(file);
  if (entries.entries.size === 0) problems.add(1, 'there are no entries');
  problems.throwFor(file);
  const categories = keys.map(key => ({ key, title: key, parent: null }));
  return { source: sourceOf(file, categories, entries), remarks: entries.remarks };
}
