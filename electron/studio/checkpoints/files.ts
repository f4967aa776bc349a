/** The small files of a checkpoint's folder: read with a limit, checked, and complained of by name. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { inWords, StudioError } from '../errors.ts';

/** Larger than any real one: Gemma's tokenizer.json, the largest, has 34 MB. */
const MOST_BYTES = 512 * 2 ** 20;

/** What is wrong with a file that somebody else made. */
export const badFile = (file: string, message: string, action?: string): StudioError =>
  new StudioError('bad_file', `${file} ${message}`, { file, action });

/** Names of the files in a folder; null where the path is no folder. */
export async function namesIn(folder: string): Promise<string[] | null> {
  const found = await stat(folder);
  return found.isDirectory() ? (await readdir(folder)).sort() : null;
}

/** The text of a file, or null where there is none. */
export async function textIn(folder: string, name: string): Promise<string | null> {
  const path = join(folder, name);
  try {
    const { size } = await stat(path);
    if (size > MOST_BYTES) throw badFile(path, `is ${size} bytes long, far more than such a file has.`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** A JSON file by its schema, or null where there is none. */
export async function jsonIn<S extends z.ZodType>(
  folder: string,
  name: string,
  schema: S,
): Promise<z.output<S> | null> {
  const text = await textIn(folder, name);
  return text === null ? null : parsed(text, join(folder, name), schema);
}

/** Likewise, where it must be there. */
export async function requiredJsonIn<S extends z.ZodType>(
  folder: string,
  name: string,
  schema: S,
): Promise<z.output<S>> {
  const found = await jsonIn(folder, name, schema);
  if (found !== null) return found;
  throw new StudioError('not_found', `The folder ${folder} has no ${name}.`, {
    file: join(folder, name),
    action: 'Choose the folder that the model was saved or downloaded to, with all its files.',
  });
}

function parsed<S extends z.ZodType>(text: string, path: string, schema: S): z.output<S> {
  if (text.startsWith('version https://git-lfs'))
    throw badFile(path, 'is only a pointer of Git LFS.', 'Fetch the files themselves: git lfs pull.');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badFile(path, `is no JSON: ${(error as Error).message}.`, 'Download the file again.');
  }
  const found = schema.safeParse(value);
  if (found.success) return found.data;
  throw badFile(path, `is not as expected: ${inWords(found.error.issues).message}.`);
}

/** A folder's name; in the cache of huggingface_hub, where it is a commit's hash, that of the repository. */
export function modelNameOf(folder: string): string {
  const path = resolve(folder);
  const repository = dirname(dirname(path));
  if (basename(dirname(path)) === 'snapshots' && basename(repository).startsWith('models--'))
    return basename(repository).split('--').slice(2).join('--');
  return basename(path);
}

const modelCard = z.object({ language: z.union([z.string(), z.array(z.string())]) });

/** Languages that the model card in a folder names, in `language` of its head; none where it names none or cannot be read. */
export async function languagesIn(folder: string): Promise<string[]> {
  const [, head] =
    /^---\r?\n([\s\S]{0,65536}?)\r?\n---/.exec((await textIn(folder, 'README.md')) ?? '') ?? [];
  if (head === undefined) return [];
  try {
    const card = modelCard.safeParse(parse(head, { maxAliasCount: 0 }));
    return card.success ? [card.data.language].flat() : [];
  } catch {
    return [];
  }
}
