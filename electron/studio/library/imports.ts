/** Bringing GGUF files into the library: taken from a path of this machine, or streamed in by a page. */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { link, mkdtemp, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ImportFileInput, ImportFileResult, ModelElsewhere } from '../contract.ts';
import { StudioError, toStudioError } from '../errors.ts';
import { makeFolder } from '../folders.ts';
import type { Runs, Task } from '../log/runs.ts';
import { modelsElsewhere } from './elsewhere.ts';
import type { Library } from './library.ts';
import type { Room } from './room.ts';
import { firstPart, isPart, modelName } from './split.ts';

/** How long a page may take to begin sending a file that it has announced. */
const BEGINS_WITHIN_MS = 60_000;
/** Files that come in at the same time. */
const AT_ONCE = 8;
/** Time between two words on how far a file is. */
const TELL_EVERY_MS = 200;
const MAGIC = Buffer.from('GGUF');

/** What a page has announced: its bytes as they come, and word when no more of them are wanted. */
interface Awaited {
  coming: PromiseWithResolvers<Readable>;
  over: PromiseWithResolvers<void>;
}

export class Imports {
  readonly #library: Library;
  readonly #runs: Runs;
  readonly #scratch: string;
  readonly #awaited = new Map<string, Awaited>();
  readonly #room: Room;
  #under = 0;

  /** @param scratch folder on the library's disk, for what is not whole yet */
  constructor(library: Library, runs: Runs, room: Room, scratch: string) {
    this.#library = library;
    this.#runs = runs;
    this.#room = room;
    this.#scratch = scratch;
  }

  /** Begins to bring a file in, and returns the run's id. For one that a page sends, `receive` gets its bytes. */
  start(input: ImportFileInput): string {
    if (this.#under >= AT_ONCE)
      throw new StudioError('busy', `${AT_ONCE} files are being added already.`, {
        action: 'Wait until one of them is in, or cancel it.',
      });
    const sent: Awaited | undefined =
      'bytes' in input ? { coming: Promise.withResolvers(), over: Promise.withResolvers() } : undefined;
    sent?.coming.promise.catch(() => {});
    const { id } = this.#runs.start('import', nameOf(input), input, async task => {
      try {
        return await this.#import(input, sent, task);
      } finally {
        this.#under--;
        this.#room.release(id);
        this.#awaited.delete(id);
        sent?.over.resolve();
      }
    });
    this.#under++;
    if (sent) this.#awaited.set(id, sent);
    return id;
  }

  /** Takes the bytes of an announced file; resolves when no more are wanted. Undefined where none is awaited. */
  receive(run: string, body: Readable): Promise<void> | undefined {
    const sent = this.#awaited.get(run);
    if (!sent) return undefined;
    this.#awaited.delete(run);
    sent.coming.resolve(body);
    return sent.over.promise;
  }

  async #import(input: ImportFileInput, sent: Awaited | undefined, task: Task): Promise<ImportFileResult> {
    if ('inPlace' in input) return this.#link(input.inPlace, task);
    const name = nameOf(input);
    this.mayTake(name);
    const folder = await mkdtemp(join(this.#scratch, 'import-'));
    try {
      const file = join(folder, name);
      const linked = 'path' in input && (await this.#fromPath(input.path, file, task));
      if ('bytes' in input) await this.#fromPage(input.bytes, sent as Awaited, file, task);
      return { ...(await this.#shelve(file, task)), linked };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Reads a model where it lies, so that the library lists it there. */
  async #link(asked: string, task: Task): Promise<ImportFileResult> {
    const path = firstPart(resolve(asked));
    const linked = this.#library.linked().find(other => other.path === path);
    if (linked)
      throw new StudioError('bad_input', `The library uses this file already, as ${linked.name}.`, {
        file: path,
        action: 'There is nothing to do.',
      });
    const known = (await modelsElsewhere()).find(other => other.path === path);
    const name = known?.name ?? modelName(path);
    task.progress(0, 0, '', name);
    const { what, bytes, content } = await this.#library.facts(path, task.signal);
    if (what !== 'model')
      throw new StudioError(
        'bad_input',
        `${path} is a ${what === 'vector' ? 'personality vector' : 'projector of pictures'}.`,
        {
          file: path,
          action:
            what === 'vector'
              ? 'Add it as a file (“models add”): vectors are small.'
              : 'Link its model: a projector beside it is found by itself, another is named by “models projector”.',
        },
      );
    task.signal.throwIfAborted();
    await this.#library.link(path, name, known?.program ?? 'other');
    if (known?.projector) await this.#library.setProjector(path, known.projector);
    task.used({ [path]: content });
    return { what, path, bytes, content, linked: true };
  }

  /** Models of other programs, and which of them are used here. */
  async elsewhere(): Promise<ModelElsewhere[]> {
    const linked = new Map(this.#library.linked().map(({ path, name }) => [path, name]));
    return (await modelsElsewhere()).map(found => ({ ...found, linked: linked.get(found.path) ?? null }));
  }

  /** By another name of the same file where the disk is the same, which takes no room; else as a copy. */
  async #fromPath(path: string, file: string, task: Task): Promise<boolean> {
    const from = await realpath(resolve(path));
    const stats = await stat(from);
    if (!stats.isFile())
      throw new StudioError('bad_input', `${path} is no file.`, {
        file: path,
        action: 'Name a GGUF file. The folder of a checkpoint is added by “Add a model” or “convert”.',
      });
    if (
      await link(from, file).then(
        () => true,
        () => false,
      )
    )
      return true;
    await this.#room.take(task.run, basename(file), stats.size, this.#scratch);
    await this.#write(createReadStream(from), stats.size, file, task);
    return false;
  }

  async #fromPage(bytes: number, { coming }: Awaited, file: string, task: Task): Promise<void> {
    await this.#room.take(task.run, basename(file), bytes, this.#scratch);
    const late = setTimeout(
      () =>
        coming.reject(
          new StudioError('io', `The page did not send ${basename(file)}.`, {
            action: 'Load the page again, and add the file once more.',
          }),
        ),
      BEGINS_WITHIN_MS,
    );
    const cancel = () => coming.reject(task.signal.reason);
    task.signal.addEventListener('abort', cancel, { once: true });
    try {
      await this.#write(await coming.promise, bytes, file, task);
    } finally {
      clearTimeout(late);
      task.signal.removeEventListener('abort', cancel);
    }
  }

  /** Writes exactly that many bytes of a GGUF file, no faster than the disk takes them. */
  async #write(source: Readable, bytes: number, file: string, task: Task): Promise<void> {
    const name = basename(file);
    let done = 0;
    let told = 0;
    let head = Buffer.alloc(0);
    const tell = () => task.progress(done / 1e6, bytes / 1e6, 'MB', name);
    const checked = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        if (head.length < MAGIC.length) {
          head = Buffer.concat([head, chunk]).subarray(0, MAGIC.length);
          if (!MAGIC.subarray(0, head.length).equals(head))
            throw new StudioError('bad_file', `${name} is not a GGUF file: it does not begin with “GGUF”.`, {
              action: 'Choose a model or vector in GGUF format.',
            });
        }
        done += chunk.length;
        if (done > bytes) throw new StudioError('bad_file', `${name} is longer than was announced.`);
        if (performance.now() - told > TELL_EVERY_MS) {
          told = performance.now();
          tell();
        }
        yield chunk;
      }
    };
    try {
      // Flushed, so that what the library lists has reached the disk.
      const target = createWriteStream(file, { flags: 'wx', flush: true });
      await pipeline(source, checked, target, { signal: task.signal });
    } catch (cause) {
      task.signal.throwIfAborted();
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') throw cutShort(name, done, bytes);
      throw cause;
    }
    if (done < bytes) throw cutShort(name, done, bytes);
    this.#room.owe(task.run, 0);
    tell();
  }

  /** Reads what the file is and puts it where it belongs. */
  async #shelve(file: string, task: Task): Promise<Omit<ImportFileResult, 'linked'>> {
    if (!isPart(file)) {
      const { files: _, ...found } = await this.shelve([file], task);
      return found;
    }
    // What it belongs to is known when the other parts lie beside it; until then the library says what is missing.
    const { size: bytes } = await stat(file);
    const [path] = await this.#place([file], this.#library.modelFolder);
    return { what: 'part', path, bytes, content: null };
  }

  /**
   * Reads what a file is, or all parts of a split model that lie together, and moves it where it belongs: all or none.
   *
   * @param into folder in place of the library's
   */
  async shelve(
    files: string[],
    task: Task,
    into?: string,
  ): Promise<{
    what: 'model' | 'vector' | 'projector';
    path: string;
    files: string[];
    bytes: number;
    content: string;
  }> {
    const [file = ''] = files;
    const { modelFolder, vectorFolder } = this.#library;
    const name = basename(file);
    task.progress(0, 0, '', name);
    const { what, bytes, content } = await this.#library.facts(file, task.signal).catch(cause => {
      // The user knows the file by its name, not by where it lay meanwhile.
      const { data } = toStudioError(cause);
      const message = data.message.replaceAll(join(dirname(file), '/'), '');
      throw new StudioError(data.code, message, { field: data.field, action: data.action, cause });
    });
    task.signal.throwIfAborted();
    const placed = await this.#place(files, into ?? (what === 'vector' ? vectorFolder : modelFolder));
    const [path] = placed;
    this.#library.moved(file, path);
    task.used({ [path]: content });
    return { what, path, files: placed, bytes, content };
  }

  async #place(files: string[], folder: string): Promise<[string, ...string[]]> {
    makeFolder(folder);
    const real = await realpath(folder);
    const placed: string[] = [];
    try {
      for (const file of files) {
        this.mayTake(basename(file), folder);
        const path = join(real, basename(file));
        await rename(file, path);
        placed.push(path);
      }
    } catch (error) {
      for (const [at, path] of placed.entries()) await rename(path, files[at] as string).catch(() => {});
      throw error;
    }
    return placed as [string, ...string[]];
  }

  /** Refuses a name that a file of the library, or of another folder, has already. */
  mayTake(name: string, folder?: string): void {
    const taken = this.taken(name, folder);
    if (taken !== undefined)
      throw new StudioError(
        'bad_input',
        `${folder !== undefined && !this.#own.includes(folder) ? folder : 'The library'} has a file called ${name} already.`,
        { file: taken, action: 'Delete that one first, or give this one another name.' },
      );
  }

  /** Path of the file of that name in the library, or in another folder. */
  taken(name: string, folder?: string): string | undefined {
    return (folder === undefined || this.#own.includes(folder) ? this.#own : [folder])
      .map(place => join(place, name))
      .find(path => existsSync(path));
  }

  get #own(): string[] {
    return [this.#library.modelFolder, this.#library.vectorFolder];
  }
}

const nameOf = (input: ImportFileInput) =>
  'bytes' in input ? input.name : basename('path' in input ? input.path : input.inPlace);

const cutShort = (name: string, done: number, bytes: number) =>
  new StudioError('io', `${name} ended after ${done} of ${bytes} bytes.`, {
    action: 'Nothing of it was kept. Add it again.',
  });
