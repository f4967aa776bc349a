/** The files of a run as another lab can know them again: by hash, with what each is. */
import { basename, isAbsolute } from 'node:path';
import type { Inventories, LoadedInventory } from '../assessment/inventories.ts';
import type { Run } from '../contract.ts';
import type { Library } from '../library/library.ts';
import { modelName } from '../library/split.ts';
import type { RunFile } from './schemas.ts';

/** Everything that can be found here by its hash. */
export class Shelf {
  readonly #byHash = new Map<string, RunFile>();

  /** Reads the library and the inventories as they are now. */
  static async of(library: Library, inventories: Inventories): Promise<Shelf> {
    const shelf = new Shelf();
    const { models, vectors } = await library.list();
    for (const { id, path, content, label, architecture, type, parameters, demo } of models)
      shelf.#add({
        ...{ role: 'model', name: basename(path), hash: content, id, label },
        ...{ architecture, type, parameters, demo },
      });
    for (const { id, path, content, trait, pole, form, rank, demo } of vectors)
      shelf.#add({
        ...{ role: 'vector', name: basename(path), hash: content, id },
        ...{ vector: `${trait}-${pole}`, form, rank, demo },
      });
    for (const inventory of (await inventories.list()).inventories) shelf.#add(described(inventory));
    return shelf;
  }

  /** Of two files with the same content, the first counts. */
  #add(file: RunFile): void {
    const key = keyOf(file);
    if (!this.#byHash.has(key)) this.#byHash.set(key, file);
  }

  /** A file with that hash; `inventory`: which one, where a file holds several languages. */
  find(hash: string, inventory = ''): RunFile | undefined {
    return this.#byHash.get(hash) ?? this.#byHash.get(`${hash} ${inventory}`);
  }
}

const keyOf = (file: RunFile) => (file.role === 'inventory' ? `${file.hash} ${file.id}` : file.hash);

function described(inventory: LoadedInventory): RunFile {
  const { path, hash, short, name, language, source, reference, licence, items, scale } = inventory;
  return {
    ...{ role: 'inventory', name: basename(path), hash, id: short, title: name },
    ...{ language, source, reference, licence, items: items.length, answers: Object.values(scale) },
  };
}

/** The files of a run: those that came with it from elsewhere, or by their hashes as they are found here. */
export function filesOf(run: Run, shelf: Shelf): RunFile[] {
  if (run.imported) return run.imported.files;
  if (run.kind === 'readout' || run.kind === 'pictures')
    return Object.entries(run.hashes).map(file => ofReadout(run, file));
  const inventory = 'inventory' in run.input ? String(run.input.inventory) : '';
  return Object.entries(run.hashes).map(
    ([path, hash]) => shelf.find(hash, inventory) ?? { role: 'other', name: basename(path), hash },
  );
}

function ofReadout(
  { result }: Extract<Run, { kind: 'readout' | 'pictures' }>,
  [path, hash]: [string, string],
): RunFile {
  const name = basename(path);
  return result?.lexicon.hash === hash && result.lexicon.file === name
    ? { role: 'lexicon', name, hash, title: result.lexicon.name }
    : { role: 'texts', name, hash };
}

/** The model of that library name, file name or path among the files of a run. */
export function modelOf(files: RunFile[], name: string): Extract<RunFile, { role: 'model' }> | undefined {
  const models = files.filter(file => file.role === 'model');
  return (
    models.find(({ id }) => id === name) ??
    models.find(file => file.name === basename(name) || modelName(file.name) === modelName(name)) ??
    (models.length === 1 ? models[0] : undefined)
  );
}

/** Fields that name files, in plans and results of whatever kind. */
export const FILE_FIELDS = new Set([
  'base',
  'imatrix',
  'judge',
  'model',
  'models',
  'out',
  'path',
  'tuned',
  'vectors',
]);

/**
 * A value without the folders of this machine: every path to a file becomes the file's name, and so do the known `paths`
 * inside of titles and messages. What a run says to others needs no home folder; what was said in a chat stays as it is.
 */
export function withoutFolders<T>(value: T, paths: string[]): T {
  const known = paths.filter(isAbsolute).sort((a, b) => b.length - a.length);
  const strip = (given: unknown, field: string): unknown => {
    if (typeof given === 'string') {
      if (FILE_FIELDS.has(field) && isAbsolute(given)) return basename(given);
      return known.reduce((text, path) => text.replaceAll(path, basename(path)), given);
    }
    if (Array.isArray(given)) return given.map(inner => strip(inner, field));
    if (typeof given !== 'object' || given === null) return given;
    return Object.fromEntries(Object.entries(given).map(([key, inner]) => [key, strip(inner, key)]));
  };
  return strip(value, '') as T;
}
