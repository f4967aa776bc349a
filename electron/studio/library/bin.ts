/** Deleting files of the library: what depends on one, and the bin in which it lies until it is brought back. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, realpath, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DeletedFile, Dependents, OwnFile, Storage } from '../contract.ts';
import { deletedFile, recipe as recipeSchema } from '../contract.ts';
import { StudioError } from '../errors.ts';
import type { Calibrations } from '../experiments/targets.ts';
import { makeFolder } from '../folders.ts';
import { tryJson } from '../json.ts';
import type { Log } from '../log/log.ts';
import type { Personas } from '../personas/personas.ts';
import type { WorkerClient } from '../worker-client.ts';
import { BAKED_KEYS, type Library } from './library.ts';
import { modelName, partsOf } from './split.ts';

/** Days that a file can be brought back: shorter than for runs, because files fill the disk. */
const KEPT_FOR = 7;

/** Beside the files in their folder of the bin. */
const ABOUT = 'about.json';

interface Parts {
  home: string;
  library: Library;
  personas: Personas;
  calibrations: Calibrations;
  log: Log;
  inference: WorkerClient<'inference'>;
  merging: WorkerClient<'merging'>;
}

type Listed = OwnFile & { content: string | null };

export class Bin {
  readonly #folder: string;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#folder = join(parts.home, 'bin');
    this.#parts = parts;
  }

  async storage(): Promise<Storage> {
    const { home } = this.#parts;
    const [disk, own, bin] = await Promise.all([statfs(home), this.#own(), this.#list()]);
    return {
      freeBytes: disk.bavail * disk.bsize,
      totalBytes: disk.blocks * disk.bsize,
      own: own.map(({ content: _, ...file }) => file),
      bin,
    };
  }

  async dependents(path: string): Promise<Dependents> {
    const { content, ...file } = await this.#find(path);
    const nothing = { file, copies: [], vectors: [], personas: [], calibrations: [], baked: [] };
    if (content === null) return nothing;
    const { library, personas, calibrations } = this.#parts;
    const { models, vectors } = await library.list();
    const copies = [...models, ...vectors].filter(other => other.content === content && other.path !== path);
    const baked = await Promise.all(
      models.map(async model => (await this.#madeFrom(model.path)).includes(content)),
    );
    return {
      file,
      copies: copies.map(({ id }) => id),
      vectors: vectors.filter(vector => vector.baseContent === content).map(({ id }) => id),
      personas: personas.needing(content),
      calibrations: calibrations.using(content),
      baked: models.filter(({ path: own }, at) => baked[at] && own !== path).map(({ id }) => id),
    };
  }

  /** Moves a file into the bin. The models' worker lets go of it first; a run that uses it stands in the way. */
  async delete(path: string): Promise<DeletedFile> {
    const { content: _, path: own, ...file } = await this.#find(path);
    const { inference, log } = this.#parts;
    const parts = await partsOf(own);
    const user = log.using(parts);
    if (user)
      throw new StudioError('busy', `The run “${user.title}” is using ${basename(own)}.`, {
        file: own,
        action: 'Wait until it is done, or cancel it, and delete the file then.',
      });
    if (inference.pid !== undefined) await inference.call(worker => worker.unload({ model: own }));
    const deleted: DeletedFile = {
      ...file,
      id: randomUUID(),
      from: dirname(own) === (await this.#folders()).vectors ? 'vectors' : 'models',
      files: parts.map(part => basename(part)),
      deletedAt: new Date().toISOString(),
    };
    const into = join(this.#folder, deleted.id);
    makeFolder(into);
    // First what it is: a studio that is killed in between can bring back what has been moved.
    await writeFile(join(into, ABOUT), JSON.stringify(deleted));
    await moveAll(deleted.files, dirname(own), into);
    return deleted;
  }

  /** Puts a file back where it lay. */
  async restore(id: string): Promise<DeletedFile> {
    const found = (await this.#list()).find(file => file.id === id);
    if (!found)
      throw new StudioError('not_found', 'The bin no longer holds this file.', {
        field: 'id',
        action: 'Add it again from where it came from.',
      });
    const { library } = this.#parts;
    const from = join(this.#folder, id);
    const into = found.from === 'models' ? library.modelFolder : library.vectorFolder;
    makeFolder(into);
    const taken = found.files.find(name => existsSync(join(into, name)));
    if (taken !== undefined)
      throw new StudioError('bad_input', `Another file is called ${taken} by now.`, {
        file: join(into, taken),
        action: 'Rename or delete that one, and bring this one back then.',
      });
    // Where a studio was killed while it moved them, the others still lie there.
    await moveAll(
      found.files.filter(name => existsSync(join(from, name))),
      from,
      into,
    );
    await rm(from, { recursive: true, force: true });
    return found;
  }

  /** Deletes for good what lies in the bin, and says how many bytes that freed. */
  async empty(): Promise<{ freed: number }> {
    const files = await this.#list();
    await rm(this.#folder, { recursive: true, force: true });
    return { freed: files.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** Deletes for good what has lain there for long. */
  async tidy(now = new Date()): Promise<void> {
    const before = new Date(now.getTime() - KEPT_FOR * 24 * 3600 * 1000).toISOString();
    for (const { id, deletedAt } of await this.#list())
      if (deletedAt < before) await rm(join(this.#folder, id), { recursive: true, force: true });
  }

  async #list(): Promise<DeletedFile[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const found = await Promise.all(
      names.map(async name => {
        const text = await readFile(join(this.#folder, name, ABOUT), 'utf8').catch(() => 'null');
        const parsed = deletedFile.safeParse(tryJson(text));
        return parsed.success && parsed.data.id === name ? [parsed.data] : [];
      }),
    );
    return found.flat().sort((a, b) => (a.deletedAt > b.deletedAt ? -1 : 1));
  }

  /** The library's folders as paths without links, which is how the library lists its files. */
  async #folders() {
    const { modelFolder, vectorFolder } = this.#parts.library;
    const real = (path: string) => realpath(path).catch(() => path);
    return { models: await real(modelFolder), vectors: await real(vectorFolder) };
  }

  /** Files of the library that lie in the data folder themselves. */
  async #own(): Promise<Listed[]> {
    const { library } = this.#parts;
    const { models, vectors, projectors, broken } = await library.list();
    const real = await this.#folders();
    const folders = [library.modelFolder, library.vectorFolder, real.models, real.vectors];
    const listed: (Omit<Listed, 'bytes'> & { bytes?: number; demo?: boolean })[] = [
      ...models.map(({ id: name, ...model }) => ({ kind: 'model' as const, name, ...model })),
      ...vectors.map(({ id: name, ...vector }) => ({ kind: 'vector' as const, name, ...vector })),
      ...projectors.map(({ id: name, ...file }) => ({ kind: 'projector' as const, name, ...file })),
      ...broken.map(({ path }) => ({ kind: 'broken' as const, name: modelName(path), path, content: null })),
    ];
    const own = listed.filter(({ path, demo }) => !demo && folders.includes(dirname(path)));
    return Promise.all(
      own.map(async ({ kind, name, path, content, bytes }) => ({
        ...{ kind, name, path, content },
        bytes: bytes ?? (await stat(path).catch(() => ({ size: 0 }))).size,
      })),
    );
  }

  async #find(path: string): Promise<Listed> {
    const found = (await this.#own()).find(file => file.path === path);
    if (found) return found;
    throw new StudioError('bad_input', `${path} is no file of the library that may be deleted here.`, {
      file: path,
      action:
        'Only files that lie in the data folder can be: the demonstration family comes with the program, and a file elsewhere is yours to keep.',
    });
  }

  /** Hashes of the base and the vectors that a baked file was made from; none of any other file. */
  async #madeFrom(path: string): Promise<string[]> {
    const { metadata } = await this.#parts.merging.call(worker => worker.read({ path }));
    const { data } = recipeSchema.safeParse(tryJson(String(metadata[BAKED_KEYS.recipe] ?? 'null')));
    return data?.hashes ? [data.hashes.base, ...Object.values(data.hashes.vectors)] : [];
  }
}

/** All or none. */
async function moveAll(names: string[], from: string, into: string): Promise<void> {
  const moved: string[] = [];
  try {
    for (const name of names) {
      await rename(join(from, name), join(into, name));
      moved.push(name);
    }
  } catch (cause) {
    for (const name of moved) await rename(join(into, name), join(from, name)).catch(() => {});
    const { code, path } = cause as NodeJS.ErrnoException;
    // So Windows refuses to move what a program has open.
    if (code !== 'EBUSY' && code !== 'EPERM') throw cause;
    throw new StudioError('busy', `The file ${path} is in use by a program, and was left where it is.`, {
      file: path,
      action: 'Close what uses it, another Temperament perhaps, and try again.',
      cause,
    });
  }
}
