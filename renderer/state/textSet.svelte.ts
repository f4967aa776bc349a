/** Texts that the user chose or dropped, to be read as one set: text files together, or one column of a table. */
import type { SentSource, TextTable } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';
import { newId } from '../lib/id.ts';
import { t } from '../lib/strings.ts';

/** A file by its name, which within a folder is the path from there. */
export interface NamedFile {
  name: string;
  file: File;
}

const endsIn = (types: string[]) => (name: string) => types.some(type => name.toLowerCase().endsWith(type));
const isText = endsIn(['.txt', '.text', '.md']);
const isTable = endsIn(['.csv', '.tsv']);
export const isTextFile = (name: string): boolean => isText(name) || isTable(name);

/** Texts that are sent at once, in bytes: what a message to the studio may have, with room for names. */
export const MOST_BYTES = 14 * 1024 * 1024;

export class TextSet {
  readonly id = newId();
  readonly name: string;
  readonly files: NamedFile[];
  readonly bytes: number;
  /** A table's columns; null while they are read and for text files. */
  table = $state.raw<TextTable | null>(null);
  column = $state('');
  problem = $state.raw<Problem | null>(null);
  /** Whether it can be read. */
  ready = $derived.by(() => !this.isTable || (this.table !== null && this.column !== ''));

  constructor(name: string, files: NamedFile[]) {
    this.name = name;
    this.files = files;
    this.bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  }

  get isTable() {
    return this.files.some(({ name }) => isTable(name));
  }

  /** How many texts it has; null while that is not known. */
  get texts(): number | null {
    return this.isTable ? (this.table?.rows ?? null) : this.files.length;
  }

  /** Reads a table's columns and proposes the one whose cells are longest. */
  async load({ client }: Connection) {
    const [first] = this.files;
    if (!first || !this.isTable || this.bytes > MOST_BYTES) return;
    try {
      const table = await client.language.table({ name: first.name, file: first.file });
      const [longest] = table.columns.toSorted((a, b) => b.length - a.length);
      this.table = table;
      this.column = longest?.name ?? '';
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  source(): SentSource {
    const column = this.isTable ? this.column : undefined;
    return { kind: 'files', name: this.name, files: this.files, column };
  }
}

/** Sets of the files: each table by itself, text files together; and how many files are neither. */
export function textSetsOf(files: NamedFile[]): { sets: TextSet[]; others: number } {
  const texts = files.filter(({ name }) => isText(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const tables = files.filter(({ name }) => isTable(name));
  const sets = tables.map(one => new TextSet(one.name.split('/').at(-1) ?? one.name, [one]));
  if (texts.length > 0) sets.push(new TextSet(nameOf(texts), withoutFolder(texts)));
  return { sets, others: files.length - texts.length - tables.length };
}

/** The folder that all come from, the file that is alone, or how many they are. */
function nameOf(texts: NamedFile[]): string {
  const folder = folderOf(texts);
  if (folder !== '') return folder;
  const [first] = texts;
  return texts.length === 1 && first ? first.name : t.wordCount.texts(texts.length);
}

function folderOf(texts: NamedFile[]): string {
  const folders = new Set(
    texts.map(({ name }) => (name.includes('/') ? name.slice(0, name.indexOf('/')) : '')),
  );
  return folders.size === 1 ? ([...folders][0] ?? '') : '';
}

/** Names from within the folder, so that texts of two folders make pairs. */
function withoutFolder(texts: NamedFile[]): NamedFile[] {
  const folder = folderOf(texts);
  if (folder === '') return texts;
  return texts.map(({ name, file }) => ({ name: name.slice(folder.length + 1), file }));
}
