/** Names of the parts of split models: `name-00001-of-00003.gguf`, as llama.cpp writes them. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const PART = /-(\d{5,})-of-(\d{5,})(?=\.gguf$)/;

/** Whether a file is named as a part of a split model is. */
export function isPart(path: string): boolean {
  return PART.test(path);
}

/** Path of the first part, for a file named as a part; else the path itself. */
export function firstPart(path: string): string {
  return path.replace(
    PART,
    (_, number: string, count: string) => `-${'1'.padStart(number.length, '0')}-of-${count}`,
  );
}

/** Paths of all parts, for a file named as one of them; of any other file its own. */
export function partNames(path: string): string[] {
  const [, number = '', count = ''] = PART.exec(path) ?? [];
  return Array.from({ length: Number(count) || 1 }, (_, at) =>
    path.replace(PART, () => `-${String(at + 1).padStart(number.length, '0')}-of-${count}`),
  );
}

/** Name of a model's file without its ending, and without the number of its part. */
export function modelName(path: string): string {
  return basename(path.replace(PART, ''), '.gguf');
}

/** The first part and the others that are beside it; the file alone where it is not a part. */
export async function partsOf(path: string): Promise<string[]> {
  if (!isPart(path)) return [path];
  const names = await readdir(dirname(path));
  const others = names
    .map(name => join(dirname(path), name))
    .filter(other => firstPart(other) === firstPart(path));
  return [path, ...others.filter(other => other !== path)];
}
