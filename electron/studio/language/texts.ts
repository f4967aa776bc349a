/** Texts to read: a file, the files of a folder, or a column of a table. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join, relative, sep } from 'node:path';
import { parse } from 'csv-parse/sync';
import type { TextTable } from '../contract.ts';
import { StudioError } from '../errors.ts';

export interface NamedText {
  /** Name of its file, or its row; texts that are compared in pairs share their name. */
  name: string;
  text: string;
  /** Of an answer in the log: whose it is, and to which question of its conversation, from 1. */
  voice?: string;
  turn?: number;
}

export interface Texts {
  texts: NamedText[];
  /** What was passed over. */
  notes: string[];
}

const TEXT_TYPES = ['.txt', '.text', '.md'];
const TABLE_TYPES = ['.csv', '.tsv'];
/** Characters of a cell that are shown of it. */
const MOST_SHOWN = 120;

/** A text is held in memory as a whole; this is some forty million words. */
const MOST_BYTES = 256 * 2 ** 20;

/**
 * @param path a text file (one text), a folder (a text per .txt, .text or .md file, subfolders too), or a .csv or .tsv
 *   file with headings (a text per row)
 * @param column heading of the column with the texts; may be absent where there is one column alone
 */
export async function readTexts(path: string, column?: string): Promise<Texts> {
  if ((await stat(path)).isDirectory()) return readFolder(path);
  const text = await readTextFile(path);
  if (isTable(path)) return { texts: readColumn(text, path, column), notes: [] };
  if (column !== undefined)
    throw new StudioError('bad_input', `${basename(path)} is no table, so it has no column “${column}”.`, {
      file: path,
      field: 'column',
      action: 'Name a .csv or .tsv file, or leave the column out.',
    });
  return { texts: [{ name: basename(path), text }], notes: [] };
}

/** Whether a file is read as a table of texts, by its ending. */
export const isTable = (path: string): boolean => TABLE_TYPES.includes(extname(path).toLowerCase());

/**
 * SHA-256 that says whether texts on disk are still the same: of a file's bytes; of a folder, of the lines “hash, two spaces,
 * name” of its text files in the order of their names, as `sha256sum` writes them.
 */
export async function hashTexts(path: string): Promise<string> {
  if (!(await stat(path)).isDirectory()) return sha256(await readFile(path));
  const { readable } = await filesIn(path);
  const lines: string[] = [];
  for (const file of readable)
    lines.push(`${sha256(await readFile(file))}  ${relative(path, file).split(sep).join('/')}\n`);
  return sha256(lines.join(''));
}

const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

async function filesIn(folder: string): Promise<{ files: string[]; readable: string[] }> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort();
  return { files, readable: files.filter(file => TEXT_TYPES.includes(extname(file).toLowerCase())) };
}

async function readFolder(folder: string): Promise<Texts> {
  const { files, readable } = await filesIn(folder);
  if (readable.length === 0)
    throw new StudioError('not_found', `There are no text files in ${folder}.`, {
      file: folder,
      action: `Texts end in ${TEXT_TYPES.join(', ')}. For a table, name the file itself.`,
    });
  const texts: NamedText[] = [];
  for (const file of readable)
    texts.push({ name: relative(folder, file).split(sep).join('/'), text: await readTextFile(file) });
  const others = files.length - readable.length;
  const what = others === 1 ? '1 other file' : `${others} other files`;
  const notes = others > 0 ? [`${what} in ${folder} ${others === 1 ? 'was' : 'were'} passed over.`] : [];
  return { texts, notes };
}

/** Texts that were sent instead of lying on the disk: files of texts, or one table. */
export async function textsOf(
  files: { name: string; file: Blob }[],
  column: string | undefined,
): Promise<NamedText[]> {
  const table = files.find(({ name }) => isTable(name));
  if (table && files.length > 1)
    throw new StudioError('bad_input', `${table.name} is a table, and is read by itself.`, {
      file: table.name,
      action: 'Send it alone, or send text files alone.',
    });
  const texts: NamedText[] = [];
  for (const { name, file } of files) texts.push({ name, text: decodeText(await file.bytes(), name) });
  return table ? readColumn(texts[0]?.text ?? '', table.name, column) : texts;
}

/** The columns of a table, so that one can be chosen. */
export async function describeTable(name: string, file: Blob): Promise<TextTable> {
  const [head, ...rows] = parseTable(decodeText(await file.bytes(), name), name);
  if (!head || rows.length === 0)
    throw new StudioError('bad_file', `${name} has ${head ? 'headings but no rows' : 'nothing in it'}.`, {
      file: name,
      action: 'A table has headings in its first line, and a text per row below.',
    });
  return {
    rows: rows.length,
    columns: head.cells.map((heading, place) => {
      const cells = rows.map(({ cells }) => (cells[place] ?? '').trim()).filter(cell => cell !== '');
      const length = cells.reduce((sum, cell) => sum + cell.length, 0) / Math.max(1, cells.length);
      const example = (cells[0] ?? '').replace(/\s+/g, ' ').slice(0, MOST_SHOWN);
      return { name: heading.trim(), filled: cells.length, length, example };
    }),
  };
}

/** A text per row, named by its number. */
function readColumn(text: string, file: string, column: string | undefined): NamedText[] {
  const [head, ...rows] = parseTable(text, file);
  const columns = head?.cells.map(cell => cell.trim()) ?? [];
  const place = column === undefined && columns.length === 1 ? 0 : columns.indexOf(column ?? '');
  if (place < 0) {
    const what = column === undefined ? 'needs the name of a column' : `has no column “${column}”`;
    throw new StudioError('bad_input', `${basename(file)} ${what}.`, {
      file,
      field: 'column',
      action: columns.length > 0 ? `Its columns: ${columns.join(', ')}.` : 'It is empty.',
    });
  }
  return rows.map(({ line, cells }, index) => {
    if (cells.length !== columns.length)
      throw new StudioError(
        'bad_file',
        `${basename(file)}, line ${line}: ${cells.length} columns where the headings have ${columns.length}.`,
        {
          file,
          field: `line ${line}`,
          action: 'Put texts with commas or line breaks between quotation marks.',
        },
      );
    return { name: `row ${index + 1}`, text: cells[place] as string };
  });
}

/** Rows of a table, empty lines left out; `line` is the line on which the row ends. */
export function parseTable(text: string, file: string): { line: number; cells: string[] }[] {
  try {
    const rows = parse(text, {
      delimiter: extname(file).toLowerCase() === '.tsv' ? '\t' : delimiterOf(text),
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      // With `info`, which the types do not know of.
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return rows.map(({ record, info }) => ({ line: info.lines, cells: record }));
  } catch (cause) {
    throw new StudioError(
      'bad_file',
      `${basename(file)} is not a valid table: ${(cause as Error).message}.`,
      {
        file,
        action: 'Save it again as CSV: texts with commas or quotation marks between quotation marks.',
        cause,
      },
    );
  }
}

/** The separator that the first line of a table has most of: comma, semicolon or tab. */
function delimiterOf(table: string): string {
  const line = table.slice(0, table.search(/[\r\n]|$/)).replace(/"[^"]*"/g, '');
  const count = (mark: string) => line.split(mark).length;
  return [',', ';', '\t'].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
}

/** Encodings by the bytes that a file in them begins with. */
const UTF16: Record<string, string> = { fffe: 'utf-16le', feff: 'utf-16be' };

/** A file's text, from UTF-8 or, when it says so, UTF-16. What is no text is refused. */
export async function readTextFile(file: string): Promise<string> {
  const { size } = await stat(file);
  if (size > MOST_BYTES)
    throw new StudioError('bad_input', `${basename(file)} is larger than ${MOST_BYTES / 2 ** 20} MiB.`, {
      file,
      action: 'Split it into several files in one folder.',
    });
  return decodeText(await readFile(file), file);
}

/** @param file what the bytes come from, for the error */
export function decodeText(bytes: Uint8Array, file: string): string {
  const utf16 = UTF16[Buffer.from(bytes.subarray(0, 2)).toString('hex')];
  if (!utf16 && bytes.includes(0))
    throw new StudioError('bad_file', `${basename(file)} is not a text file.`, {
      file,
      action: 'Save the text as plain text in UTF-8.',
    });
  try {
    return new TextDecoder(utf16 ?? 'utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new StudioError('bad_file', `${basename(file)} is not text in UTF-8.`, {
      file,
      action: 'Save it as plain text in UTF-8.',
      cause,
    });
  }
}
