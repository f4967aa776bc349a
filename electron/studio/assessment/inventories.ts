/** Inventories: the shipped ones and the user's own, read and checked, and how an item is put to a model. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { parse as parseCsv } from 'csv-parse/sync';
import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { z } from 'zod';
import type { Inventory, inventorySummary } from '../contract.ts';
import { inventory as schema } from '../contract.ts';
import { StudioError } from '../errors.ts';

/** Wordings of the questions, in one language; `ratings[0]` is the standard one. */
const instructions = z.object({
  ratings: z.array(z.string().includes('{statement}')).min(1),
  interview: z.string().includes('{statement}'),
  judge: z.string().includes('{statement}').includes('{answer}'),
});
type Instructions = z.infer<typeof instructions>;

/** An inventory with what administering it needs. */
export interface LoadedInventory extends Inventory {
  /** File it was read from, and the SHA-256 of that. */
  path: string;
  hash: string;
  own: boolean;
  /** Instructions in the inventory's language; English ones where none are shipped for it. */
  wording: Instructions;
}

/** The shipped inventories and those in the user's folder, which is read anew each time. */
export class Inventories {
  /** The user's folder. */
  readonly folder: string;
  readonly #shipped: Promise<LoadedInventory[]>;
  readonly #instructions: Promise<Map<string, Instructions>>;

  constructor(resources: string, folder: string) {
    this.folder = folder;
    this.#instructions = loadInstructions(join(resources, 'instructions'));
    this.#shipped = this.#loadShipped(join(resources, 'inventories'));
    // Whoever asks first is told.
    this.#shipped.catch(() => {});
  }

  async list(): Promise<{ inventories: LoadedInventory[]; broken: { path: string; message: string }[] }> {
    const inventories = [...(await this.#shipped)];
    const broken: { path: string; message: string }[] = [];
    const names = existsSync(this.folder) ? (await readdir(this.folder)).sort() : [];
    for (const name of names.filter(file => /\.(json|csv)$/i.test(file) && !file.startsWith('.'))) {
      const path = join(this.folder, name);
      try {
        for (const inventory of await this.#load(path, true)) {
          const same = inventories.find(({ short }) => short === inventory.short);
          if (same)
            throw bad(path, `its name “${inventory.short}” is taken by ${same.path}`, { field: 'short' });
          inventories.push(inventory);
        }
      } catch (error) {
        broken.push({ path, message: (error as Error).message });
      }
    }
    return { inventories, broken };
  }

  /** The inventory of that short name. */
  async find(short: string): Promise<LoadedInventory> {
    const { inventories, broken } = await this.list();
    const found = inventories.find(inventory => inventory.short === short);
    if (found) return found;
    const isMeant = (path: string) => basename(path, extname(path)).toLowerCase() === short.toLowerCase();
    const meant = broken.filter(({ path }) => isMeant(path));
    const others = broken.length - meant.length;
    // A translation goes by the name of what it translates.
    const names = inventories.map(inventory => inventory.short);
    const originals = names.filter(name => !names.some(other => name.startsWith(`${other}-`)));
    const translations = names.length - originals.length;
    throw new StudioError(
      'not_found',
      [
        `There is no inventory “${short}”.`,
        ...meant.map(({ message }) => message),
        ...(others > 0
          ? [`Left out for mistakes: ${others} ${meant.length > 0 ? 'more ' : ''}in ${this.folder}.`]
          : []),
      ].join(' '),
      {
        field: 'inventory',
        action: `Known: ${originals.join(', ')}, and ${translations} translations, as in ipip-neo-120-de.`,
      },
    );
  }

  async #loadShipped(folder: string): Promise<LoadedInventory[]> {
    const names = (await readdir(folder)).filter(name => name.endsWith('.json')).sort();
    return (await Promise.all(names.map(name => this.#load(join(folder, name), false)))).flat();
  }

  async #load(path: string, own: boolean): Promise<LoadedInventory[]> {
    const text = await readFile(path, 'utf8');
    const hash = createHash('sha256').update(text).digest('hex');
    const known = await this.#instructions;
    return parseInventories(text, path).map(inventory => {
      const language = known.get(inventory.language) ?? known.get(inventory.language.split('-')[0] as string);
      const wording = language ?? (known.get('en') as Instructions);
      const ratings = inventory.instructions ?? wording.ratings;
      return { ...inventory, path, hash, own, wording: { ...wording, ratings } };
    });
  }
}

async function loadInstructions(folder: string): Promise<Map<string, Instructions>> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.json'));
  const read = async (name: string) =>
    [
      basename(name, '.json'),
      instructions.parse(JSON.parse(await readFile(join(folder, name), 'utf8'))),
    ] as const;
  return new Map(await Promise.all(names.map(read)));
}

export function summary(inventory: LoadedInventory): z.infer<typeof inventorySummary> {
  const { items, hash: _hash, wording, ...rest } = inventory;
  const traits = [...new Set(items.map(item => item.trait))];
  const facets = [...new Set(items.flatMap(item => item.facet ?? []))];
  return { ...rest, items: items.length, traits, facets, instructions: wording.ratings.length };
}

// ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────

/** A file that holds several languages has the keys in `items` and the texts, in the same order, in each language. */
const languages = z.record(
  z.string(),
  z.object({
    name: z.string(),
    translators: z.string().optional(),
    note: z.string().default(''),
    stem: z.string().default(''),
    scale: schema.shape.scale,
    texts: z.array(schema.shape.items.element.shape.text),
  }),
);
const multilingual = schema.omit({ scale: true, language: true, stem: true, instructions: true }).extend({
  items: z.array(schema.shape.items.element.omit({ text: true })).min(1),
  languages,
});

/** Where in a file something stands. */
interface Place {
  field?: string;
  line?: number;
}

function bad(file: string, problem: string, { field, line }: Place = {}): StudioError {
  const where = [line ? `line ${line}` : '', field ? `field ${field}` : ''].filter(Boolean).join(', ');
  return new StudioError('bad_file', `The inventory ${file}${where ? `, ${where}` : ''}: ${problem}.`, {
    file,
    field,
    action: 'Correct the file, or take it out of the folder.',
  });
}

/** The inventories in a file's text, one for each language; `file` is named in errors and tells CSV from JSON. */
export function parseInventories(text: string, file: string): Inventory[] {
  const clean = text.replace(/^\ufeff/, '');
  if (extname(file).toLowerCase() === '.csv') {
    const { data, lines } = readCsv(clean, file);
    return [
      withoutTwins(
        checked(schema, data, file, path => lines(path)),
        file,
        lines,
      ),
    ];
  }
  const { data, line } = readJson(clean, file);
  if (typeof data !== 'object' || data === null || !('languages' in data))
    return [withoutTwins(checked(schema, data, file, line), file, line)];
  const { languages: texts, items, ...rest } = check(multilingual, data, file, line);
  return Object.entries(texts).map(([language, { texts: lines, translators, name, note, ...more }]) => {
    if (lines.length !== items.length)
      throw bad(file, `${lines.length} texts for ${items.length} items`, {
        field: `languages.${language}.texts`,
        line: line(['languages', language, 'texts']),
      });
    const translated = {
      ...rest,
      ...more,
      short: language === 'en' ? rest.short : `${rest.short}-${language}`,
      name: language === 'en' ? rest.name : `${rest.name}, ${name}`,
      language,
      note: [rest.note, translators ? `Translated by ${translators}.` : '', note].filter(Boolean).join(' '),
      items: items.map((item, index) => ({ ...item, text: lines[index] })),
    };
    return checked(schema, translated, file, path => line(['languages', language, ...path]));
  });
}

type LineOf = (path: PropertyKey[]) => number | undefined;

function check<S extends z.ZodType>(type: S, data: unknown, file: string, lineOf: LineOf): z.output<S> {
  const parsed = type.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue, ...others] = parsed.error.issues as [z.core.$ZodIssue, ...z.core.$ZodIssue[]];
  const nameOf = (path: PropertyKey[]) => path.map(String).join('.');
  const rest = others.slice(0, MOST_TOLD).map(({ path }) => nameOf(path));
  const more = others.length > MOST_TOLD ? ` and ${others.length - MOST_TOLD} more` : '';
  const field = nameOf(issue.path);
  const headline = extname(file).toLowerCase() === '.csv' && issue.path.length === 1;
  const problem = headline ? `${issue.message}, in a line above the columns, “# ${field}: …”` : issue.message;
  throw bad(file, `${problem}${rest.length ? ` (as well: ${rest.join(', ')}${more})` : ''}`, {
    field,
    line: lineOf(issue.path),
  });
}

/** Further fields with a mistake that are told. */
const MOST_TOLD = 4;

/** What the schema cannot say: the answers are 1 … k, ids occur once, a facet belongs to one trait. */
function checked(type: typeof schema, data: unknown, file: string, lineOf: LineOf): Inventory {
  const inventory = check(type, data, file, lineOf);
  const answers = Object.keys(inventory.scale);
  if (
    answers.length < 2 ||
    answers.length > 9 ||
    !answers.every((_, index) => `${index + 1}` in inventory.scale)
  )
    throw bad(file, 'the labels are those of the answers 1, 2 … up to 9, at least two', {
      field: 'scale',
      line: lineOf(['scale']),
    });
  const seen = new Set<number>();
  const traitOf = new Map<string, string>();
  for (const [index, { id, trait, facet }] of inventory.items.entries()) {
    const place = (field: string) => ({
      field: `items.${index}.${field}`,
      line: lineOf(['items', index, field]),
    });
    if (seen.has(id)) throw bad(file, `two items with the id ${id}`, place('id'));
    seen.add(id);
    if (!facet) continue;
    if (inventory.items.some(item => item.trait === facet))
      throw bad(file, `“${facet}” is the name of a trait as well as of a facet`, place('facet'));
    const other = traitOf.get(facet) ?? trait;
    if (other !== trait)
      throw bad(file, `the facet “${facet}” belongs to ${other} and to ${trait}`, place('facet'));
    traitOf.set(facet, trait);
  }
  return inventory;
}

/** Refuses an item that stands twice. Translations may have one word for two items, and say so in their note. */
function withoutTwins(inventory: Inventory, file: string, lineOf: LineOf): Inventory {
  const first = new Map<string, number>();
  for (const [index, { text, id }] of inventory.items.entries()) {
    const known = first.get(text.toLowerCase());
    if (known !== undefined)
      throw bad(file, `the items ${known} and ${id} are the same, “${text}”`, {
        field: `items.${index}.text`,
        line: lineOf(['items', index, 'text']),
      });
    first.set(text.toLowerCase(), id);
  }
  return inventory;
}

/** JSON, and the line of each of its fields (of the nearest one above it, when it is absent). */
function readJson(text: string, file: string): { data: unknown; line: LineOf } {
  const lineAt = (offset: number) => text.slice(0, offset).split('\n').length;
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { disallowComments: true });
  const [error] = errors;
  if (error || !tree)
    throw bad(file, `not valid JSON: ${error ? printParseErrorCode(error.error) : 'the file is empty'}`, {
      line: error && lineAt(error.offset),
    });
  const line: LineOf = path => {
    for (let length = path.length; length >= 0; length--) {
      const node: Node | undefined = findNodeAtLocation(tree, path.slice(0, length) as (string | number)[]);
      if (node) return lineAt(node.offset);
    }
    return undefined;
  };
  return { data: JSON.parse(text), line };
}

const KEYED: Record<string, string> = { '+': 'plus', '-': 'minus', '−': 'minus', '1': 'plus', '-1': 'minus' };

/**
 * CSV with a header of the columns text, trait, keyed and, if there are, id and facet. Lines above it that begin with #
 * give the rest: `# name: …`, `# source: …`, `# licence: …`, `# scale: Disagree strongly | … | Agree strongly`.
 */
function readCsv(text: string, file: string): { data: unknown; lines: LineOf } {
  const header = text.split(/\r?\n/).find(line => line.trim() && !/^["']?#/.test(line)) ?? '';
  const count = (sign: string) => header.split(sign).length;
  const delimiter = [',', ';', '\t'].reduce((best, sign) => (count(sign) > count(best) ? sign : best));
  let rows: { record: string[]; info: { lines: number } }[];
  try {
    rows = parseCsv(text, {
      delimiter,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }) as never;
  } catch (cause) {
    throw bad(file, `not valid CSV: ${(cause as Error).message}`, {
      line: (cause as { lines?: number }).lines,
    });
  }
  const data: Record<string, unknown> = { short: slug(basename(file, extname(file))) };
  const headLines: Record<string, number> = {};
  const heads = rows.findIndex(({ record }) => !record[0]?.startsWith('#'));
  const [head, ...body] = rows.slice(heads < 0 ? rows.length : heads);
  if (!head) throw bad(file, 'there is no header line with the columns text, trait, keyed');
  for (const { record, info } of rows.slice(0, heads)) {
    const [, key = '', value = ''] =
      /^#\s*([a-z]+)\s*:\s*(.*)$/is.exec(record.filter(Boolean).join(`${delimiter} `)) ?? [];
    if (!key) continue;
    data[key.toLowerCase()] = value.trim();
    headLines[key.toLowerCase()] = info.lines;
  }
  if (typeof data.scale === 'string')
    data.scale = Object.fromEntries(
      data.scale.split('|').map((label, index) => [String(index + 1), label.trim()]),
    );
  const columns = head.record.map(name => name.toLowerCase());
  for (const needed of ['text', 'trait', 'keyed'])
    if (!columns.includes(needed))
      throw bad(file, `there is no column “${needed}”`, { field: needed, line: head.info.lines });
  data.items = body.map(({ record }, index) => {
    const cell = (name: string) => record[columns.indexOf(name)] || undefined;
    const keyed = cell('keyed')?.toLowerCase() ?? '';
    return {
      id: columns.includes('id') ? Number(cell('id') ?? Number.NaN) : index + 1,
      text: cell('text'),
      trait: slug(cell('trait') ?? ''),
      facet: cell('facet') && slug(cell('facet') as string),
      keyed: KEYED[keyed] ?? keyed,
    };
  });
  return {
    data,
    lines: ([field, index]) =>
      field === 'items' ? body[Number(index)]?.info.lines : headLines[String(field)],
  };
}

const slug = (text: string) =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');

// ── Asking ─────────────────────────────────────────────────────────────────────────────────────────────────

/** The answers of an inventory's scale, in order: `1` … `k`. */
export const answersOf = ({ scale }: Inventory): string[] =>
  Object.keys(scale).map((_, index) => String(index + 1));

/** “Worry about things” after the stem “I”: “I worry about things.” An item without a stem is put as it stands. */
export function statement({ stem }: Pick<Inventory, 'stem'>, text: string): string {
  if (!stem) return text;
  const whole = `${stem.trimEnd()} ${text.charAt(0).toLowerCase()}${text.slice(1)}`;
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/**
 * A wording with its places filled: {first}, {last} the numbers of the outer answers, {low}, {high} their labels,
 * {labels} all of them, {statement} the item. In reversed order the label of the highest answer stands at 1. Items come
 * last in the wordings, so that all prompts of an inventory share what precedes.
 */
export function fill(
  wording: string,
  inventory: Inventory,
  text: string,
  order: 'normal' | 'reversed' = 'normal',
  more: Record<string, string> = {},
): string {
  const answers = answersOf(inventory);
  const labels = answers.map(answer => label(inventory, answer));
  if (order === 'reversed') labels.reverse();
  const places: Record<string, string> = {
    first: answers[0] as string,
    last: answers.at(-1) as string,
    low: labels[0] as string,
    high: labels.at(-1) as string,
    labels: answers.map((answer, index) => `${answer} = ${labels[index]}`).join(', '),
    statement: statement(inventory, text),
    ...more,
  };
  return wording.replaceAll(/\{(\w+)\}/g, (whole, name: string) => places[name] ?? whole);
}

/** English labels are set in title case for a form; inside a sentence they are not. */
function label({ scale, language }: Inventory, answer: string): string {
  const text = scale[answer] ?? '';
  return language === 'en' ? text.toLowerCase().replaceAll(/\bi\b/g, 'I') : text;
}
