/** The library: GGUF models and personality vectors found on disk, with what is known of each. */
import { createHash } from 'node:crypto';
import { access, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type Database from 'better-sqlite3';
import { z } from 'zod';
import type { Model, Program, Vector } from '../contract.ts';
import { model as modelSchema, vector as vectorSchema } from '../contract.ts';
import { StudioError, toStudioError } from '../errors.ts';
import { makeFolder } from '../folders.ts';
import type { WorkerClient } from '../worker-client.ts';
import { firstPart, isPart, modelName, partsOf } from './split.ts';

/** Keys under which a baked file carries how it was made. */
export const BAKED_KEYS = {
  recipe: 'temperament.recipe',
  type: 'temperament.type',
  vectors: 'temperament.vectors',
} as const;

/** Keys under which a vector file carries what it is. */
export const VECTOR_KEYS = {
  version: 'temperament.vector.version',
  trait: 'temperament.vector.trait',
  pole: 'temperament.vector.pole',
  backbone: 'temperament.vector.base.backbone',
  baseContent: 'temperament.vector.base.content',
  baseName: 'temperament.vector.base.name',
  method: 'temperament.vector.method',
  date: 'temperament.vector.date',
  note: 'temperament.vector.note',
} as const;
export const VECTOR_VERSION = 1;

const modelFacts = modelSchema.omit({ id: true, demo: true, linked: true });
const vectorFacts = vectorSchema.omit({ id: true, demo: true });
const facts = z.discriminatedUnion('what', [
  z.object({ what: z.literal('model'), ...modelFacts.shape }),
  z.object({ what: z.literal('vector'), ...vectorFacts.shape }),
]);
type Facts = z.infer<typeof facts>;

interface Listing {
  models: Model[];
  vectors: Vector[];
  broken: { path: string; message: string; linked?: string }[];
}

const FULL_PRECISION = new Set(['F32', 'F16', 'BF16']);

export class Library {
  readonly modelFolder: string;
  readonly vectorFolder: string;
  readonly #demoFolder: string;
  readonly #variantFolder: string;
  readonly #database: Database.Database;
  readonly #merging: WorkerClient<'merging'>;
  /** Files being read now, so that two askers share one reading. */
  readonly #reading = new Map<string, Promise<Facts>>();
  /** Variants being baked now, likewise. */
  readonly #baking = new Map<string, Promise<string>>();

  constructor(
    home: string,
    demoFolder: string,
    database: Database.Database,
    merging: WorkerClient<'merging'>,
  ) {
    this.modelFolder = join(home, 'models');
    this.vectorFolder = join(home, 'vectors');
    this.#demoFolder = demoFolder;
    this.#variantFolder = join(home, 'cache', 'variants');
    this.#database = database;
    this.#merging = merging;
  }

  /** Everything in the demo family and the data folder; unreadable files are listed as broken, with the reason. */
  async list(): Promise<Listing> {
    const listing: Listing = { models: [], vectors: [], broken: [] };
    const demo = await ggufFiles(this.#demoFolder, join(this.#demoFolder, 'vectors'));
    const variants = await ggufFiles(join(this.#demoFolder, 'variants'));
    const own = await ggufFiles(this.modelFolder, this.vectorFolder);
    for (const path of [...demo, ...variants, ...own]) {
      const isVariant = variants.includes(path);
      const isDemo = isVariant || demo.includes(path);
      try {
        const { what: _, ...found } = await this.facts(isVariant ? await this.#variant(path) : path);
        const name = modelName(path);
        const id = isVariant ? `demo-${name}` : isDemo && name === 'base' ? 'demo' : name;
        if ('trait' in found) listing.vectors.push({ ...found, id, demo: isDemo });
        else listing.models.push({ ...found, id, demo: isDemo });
      } catch (error) {
        listing.broken.push({ path, message: toStudioError(error).message });
      }
    }
    await this.#listLinked(listing);
    return listing;
  }

  async #listLinked(listing: Listing): Promise<void> {
    for (const { path, name, program } of this.linked()) {
      if (listing.models.some(model => model.path === path)) continue;
      try {
        const { what, ...found } = await this.facts(path);
        if (what !== 'model') continue;
        // A file without a name of its own may be called by a hash where it lies.
        const label = 'label' in found && found.label !== modelName(path) ? found.label : name;
        listing.models.push({ ...found, label, id: name, demo: false, linked: program } as Model);
      } catch (error) {
        const { data } = toStudioError(error);
        const message =
          data.code === 'not_found'
            ? `${name} is used where another program kept it, and is no longer there: ${path}`
            : data.message;
        listing.broken.push({ path, message, linked: name });
      }
    }
  }

  /** Models that are used where they lie. */
  linked(): { path: string; name: string; program: Program }[] {
    return this.#database
      .prepare<[], { path: string; name: string; program: Program }>('SELECT * FROM linked ORDER BY name')
      .all();
  }

  /** Notes a model that is used where it lies, and returns its library name. */
  async link(path: string, name: string, program: Program): Promise<string> {
    const taken = new Set((await this.list()).models.map(({ id }) => id));
    for (const { name: other } of this.linked()) taken.add(other);
    const plain = name.replaceAll(/[^\p{L}\p{N}._-]/gu, '-').replace(/^[-.]+/, '') || 'model';
    let free = plain;
    for (let n = 2; taken.has(free); n++) free = `${plain}-${n}`;
    this.#database
      .prepare('INSERT INTO linked (path, name, program) VALUES (?, ?, ?)')
      .run(path, free, program);
    return free;
  }

  /** Forgets a model that is used where it lies; the file stays. */
  forget(path: string): string {
    const row = this.#database
      .prepare<[string], { name: string }>('DELETE FROM linked WHERE path = ? RETURNING name')
      .get(path);
    if (row) return row.name;
    throw new StudioError('not_found', `The library uses no file in place at ${path}.`, {
      file: path,
      action: 'Files of the data folder are deleted instead.',
    });
  }

  /** The model of that library name, or at that path. */
  async model(name: string): Promise<Model> {
    const { models } = await this.list();
    const path = firstPart(resolve(name));
    const named = models.find(model => model.id === name) ?? models.find(model => model.path === path);
    if (named) return named;
    if (!/[\\/]|\.gguf$/i.test(name))
      throw new StudioError('not_found', `The library has no model named “${name}”.`, {
        field: 'model',
        action: `Known: ${models.map(model => model.id).join(', ') || 'none'}. Or give the path of a GGUF file.`,
      });
    const { what, ...found } = await this.facts(path);
    if (what !== 'model')
      throw new StudioError('bad_input', `${name} is a personality vector, not a model.`, {
        file: name,
        field: 'model',
      });
    return { ...found, id: modelName(path), demo: false } as Model;
  }

  /** What a file is (a split model by its first part), from the database if it has not changed since it was last read. */
  async facts(path: string, signal?: AbortSignal): Promise<Facts> {
    const stats = await Promise.all((await partsOf(path)).map(part => stat(part)));
    const size = stats.reduce((sum, part) => sum + part.size, 0);
    const mtimeMs = Math.max(...stats.map(part => part.mtimeMs));
    const known = this.#database
      .prepare<[string, number, number], { facts: string }>(
        'SELECT facts FROM files WHERE path = ? AND bytes = ? AND modified_ms = ?',
      )
      .get(path, size, mtimeMs);
    const parsed = known && facts.safeParse(JSON.parse(known.facts));
    if (parsed?.success) return parsed.data;
    const key = `${path}\0${size}\0${mtimeMs}`;
    let reading = this.#reading.get(key);
    if (!reading) {
      reading = this.#read(path, signal).finally(() => this.#reading.delete(key));
      this.#reading.set(key, reading);
    }
    const fresh = await reading;
    this.#database
      .prepare('INSERT OR REPLACE INTO files (path, bytes, modified_ms, facts) VALUES (?, ?, ?, ?)')
      .run(path, size, mtimeMs, JSON.stringify(fresh));
    return fresh;
  }

  /** A file that was read has another path now, and need not be read again. */
  moved(from: string, to: string): void {
    this.#database
      .prepare(
        "UPDATE OR REPLACE files SET path = :to, facts = json_set(facts, '$.path', :to) WHERE path = :from",
      )
      .run({ from, to });
  }

  /**
   * The model that a variant of the demo family stands for: the demo model with the variant's adapter baked in. Made on
   * first use; its name in the cache holds the hash of both, so that another family makes another file.
   */
  async #variant(adapter: string): Promise<string> {
    const base = join(this.#demoFolder, 'base.gguf');
    const hash = createHash('sha256')
      .update((await this.facts(base)).content)
      .update(await readFile(adapter));
    const out = join(this.#variantFolder, `${modelName(adapter)}-${hash.digest('hex').slice(0, 16)}.gguf`);
    let baking = this.#baking.get(out);
    if (!baking) {
      baking = this.#bakeVariant(base, adapter, out).finally(() => this.#baking.delete(out));
      this.#baking.set(out, baking);
    }
    return baking;
  }

  async #bakeVariant(base: string, adapter: string, out: string): Promise<string> {
    const present = await access(out).then(
      () => true,
      () => false,
    );
    if (present) return out;
    makeFolder(this.#variantFolder);
    const { metadata } = await this.#merging.call(worker => worker.read({ path: adapter }));
    const about = Object.entries(metadata).filter(([key]) =>
      ['general.name', 'general.description'].includes(key),
    );
    const events = this.#merging.stream(worker =>
      worker.bake({
        base,
        out,
        type: 'f16',
        method: 'task_arithmetic',
        vectors: [{ path: adapter, id: modelName(adapter), weight: 1 }],
        lambda: 1,
        seed: 0,
        // The same file everywhere.
        device: 'cpu',
        metadata: Object.fromEntries(about.map(([key, value]) => [key, String(value)])),
      }),
    );
    for await (const event of events) if (event.type === 'done') break;
    return out;
  }

  async #read(path: string, signal?: AbortSignal): Promise<Facts> {
    const header = await this.#merging.call(worker => worker.read({ path }, { signal }));
    const { backbone, content } = await this.#merging.call(worker =>
      worker.fingerprint({ path }, { signal }),
    );
    const { metadata, tensors, bytes } = header;
    const text = (key: string) => String(metadata[key] ?? '');
    const number = (key: string) => Number(metadata[key] ?? 0);
    const architecture = text('general.architecture');

    if (VECTOR_KEYS.trait in metadata) {
      const lowRank = tensors.filter(tensor => tensor.name.endsWith('.lora_a'));
      const found = vectorFacts.safeParse({
        path,
        trait: metadata[VECTOR_KEYS.trait],
        pole: metadata[VECTOR_KEYS.pole],
        form: lowRank.length > 0 ? 'low-rank' : 'dense',
        rank: lowRank.length > 0 ? Math.max(...lowRank.map(tensor => tensor.shape[1] ?? 0)) : undefined,
        embeddings: tensors.some(tensor => tensor.name.startsWith('token_embd.')),
        bytes,
        backbone: text(VECTOR_KEYS.backbone),
        baseContent: text(VECTOR_KEYS.baseContent),
        content,
        method: text(VECTOR_KEYS.method),
        date: text(VECTOR_KEYS.date),
        note: text(VECTOR_KEYS.note),
      });
      if (!found.success || !found.data.backbone)
        throw new StudioError(
          'bad_file',
          `${path} names no valid trait, pole and base as a personality vector should.`,
          {
            file: path,
            action: 'Make it again with “extract”.',
          },
        );
      return { what: 'vector', ...found.data };
    }
    if (text('general.type') === 'adapter')
      throw new StudioError('bad_file', `${path} is an adapter without trait and pole.`, {
        file: path,
        action: 'Turn it into a personality vector with “extract --tuned ADAPTER --trait … --pole …”.',
      });

    const weights = new Map<string, number>();
    for (const tensor of tensors)
      if (tensor.shape.length > 1) weights.set(tensor.type, (weights.get(tensor.type) ?? 0) + tensor.bytes);
    const type = [...weights].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'F32';
    return {
      what: 'model',
      // A baked file carries its base's name, so its own tells it from the base.
      label: (BAKED_KEYS.recipe in metadata ? '' : text('general.name')) || modelName(path),
      path,
      architecture,
      type,
      source: [...weights.keys()].every(name => FULL_PRECISION.has(name)),
      parameters: tensors.reduce((sum, tensor) => sum + tensor.shape.reduce((a, b) => a * b, 1), 0),
      bytes,
      contextLength: number(`${architecture}.context_length`),
      tiedEmbeddings: tensors.every(tensor => tensor.name !== 'output.weight'),
      backbone,
      content,
    };
  }
}

/** GGUF files directly in these folders, by name, split models once; none where a folder is absent. */
async function ggufFiles(...folders: string[]): Promise<string[]> {
  const found = new Map<string, string>();
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.sort()) {
      if (!name.toLowerCase().endsWith('.gguf')) continue;
      const path = join(folder, name);
      // Parts find each other by their names, so links to them are not followed. Where the first is missing, the next
      // stands for the model, and reading it says what is missing.
      const whole = isPart(path) ? firstPart(path) : await realpath(path).catch(() => path);
      if (!found.has(whole)) found.set(whole, isPart(path) ? path : whole);
    }
  }
  return [...found.values()];
}
