/** The library: GGUF models and personality vectors found on disk, with what is known of each. */
import { createHash } from 'node:crypto';
import { access, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type Database from 'better-sqlite3';
import { z } from 'zod';
import type { Model, Program, Projector, Vector } from '../contract.ts';
import { model as modelSchema, projector as projectorSchema, vector as vectorSchema } from '../contract.ts';
import { StudioError, toStudioError } from '../errors.ts';
import { makeFolder } from '../folders.ts';
import type { WorkerClient } from '../worker-client.ts';
import { besides, fits } from './projectors.ts';
import { firstPart, isPart, modelName, partsOf } from './split.ts';

/** Keys under which a baked file carries how it was made. */
export const BAKED_KEYS = {
  recipe: 'temperament.recipe',
  type: 'temperament.type',
  vectors: 'temperament.vectors',
  /** Hash of the weights of the base's projector. */
  projector: 'temperament.projector',
  /** Hash of the importance matrix. */
  imatrix: 'temperament.imatrix',
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

const modelFacts = modelSchema.omit({ id: true, demo: true, linked: true, projector: true }).extend({
  /** Of a baked file: hash of the projector that its base had. */
  projectorContent: z.string().optional(),
});
const vectorFacts = vectorSchema.omit({ id: true, demo: true });
const projectorFacts = projectorSchema.omit({ id: true });
const facts = z.discriminatedUnion('what', [
  z.object({ what: z.literal('model'), ...modelFacts.shape }),
  z.object({ what: z.literal('vector'), ...vectorFacts.shape }),
  z.object({ what: z.literal('projector'), ...projectorFacts.shape }),
]);
type Facts = z.infer<typeof facts>;

interface Listing {
  models: Model[];
  vectors: Vector[];
  projectors: Projector[];
  broken: { path: string; message: string; linked?: string }[];
}

/** A model whose projector is not looked up yet. */
type Found = Omit<Model, 'projector'> & Pick<z.infer<typeof modelFacts>, 'projectorContent'>;

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
    const listing: Listing = { models: [], vectors: [], projectors: [], broken: [] };
    const models: Found[] = [];
    const demo = await ggufFiles(this.#demoFolder, join(this.#demoFolder, 'vectors'));
    const variants = await ggufFiles(join(this.#demoFolder, 'variants'));
    const own = await ggufFiles(this.modelFolder, this.vectorFolder);
    for (const path of [...demo, ...variants, ...own]) {
      const isVariant = variants.includes(path);
      const isDemo = isVariant || demo.includes(path);
      try {
        const found = await this.facts(isVariant ? await this.#variant(path) : path);
        const name = modelName(path);
        const id = isVariant ? `demo-${name}` : isDemo && name === 'base' ? 'demo' : name;
        if (found.what === 'vector') listing.vectors.push({ ...known(found), id, demo: isDemo });
        else if (found.what === 'projector') listing.projectors.push({ ...known(found), id });
        else models.push({ ...known(found), id, demo: isDemo });
      } catch (error) {
        listing.broken.push({ path, message: toStudioError(error).message });
      }
    }
    await this.#listLinked(listing, models);
    const projectors = [
      ...listing.projectors,
      ...(await this.#projectorsElsewhere(models, listing.projectors)),
    ];
    listing.models = models.map(model => this.#withProjector(model, projectors, models));
    return listing;
  }

  async #listLinked(listing: Listing, models: Found[]): Promise<void> {
    for (const { path, name, program } of this.linked()) {
      if (models.some(model => model.path === path)) continue;
      try {
        const found = await this.facts(path);
        if (found.what !== 'model') continue;
        // A file without a name of its own may be called by a hash where it lies.
        const label = found.label !== modelName(path) ? found.label : name;
        models.push({ ...known(found), label, id: name, demo: false, linked: program });
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

  /** Projectors in the folders of models that lie elsewhere, and those that the user named. */
  async #projectorsElsewhere(models: Found[], listed: Projector[]): Promise<Projector[]> {
    const folders = new Set(models.map(({ path }) => dirname(path)));
    for (const { path } of listed) folders.delete(dirname(path));
    const beside = (await ggufFiles(...folders)).filter(path => /mm-?proj/i.test(path));
    const paths = new Set([...beside, ...this.#named().values()]);
    const found: Projector[] = [];
    for (const path of paths) {
      if (path === '' || listed.some(other => other.path === path)) continue;
      const facts = await this.facts(path).catch(() => undefined);
      if (facts?.what === 'projector') found.push({ ...known(facts), id: modelName(path) });
    }
    return found;
  }

  /** A model with its projector: as the user said, else as it was baked, else as the names of files say. */
  #withProjector({ projectorContent, ...model }: Found, projectors: Projector[], models: Found[]): Model {
    const named = this.#named().get(model.path);
    const how = named !== undefined ? 'named' : projectorContent !== undefined ? 'baked' : 'beside';
    const own = {
      named: () => projectors.find(({ path }) => path === named),
      baked: () => projectors.find(({ content }) => content === projectorContent),
      beside: () => besides(model, projectors, models),
    }[how]();
    return own ? { ...model, projector: { id: own.id, path: own.path, known: how } } : model;
  }

  /** Hash of the weights of a model's projector; undefined where it has none. */
  async projectorContent({ projector }: Model): Promise<string | undefined> {
    return projector && (await this.facts(projector.path)).content;
  }

  /** What the user said of models' projectors, by the models' paths; empty: it shall have none. */
  #named(): Map<string, string> {
    const rows = this.#database
      .prepare<[], { model: string; projector: string }>('SELECT * FROM projectors')
      .all();
    return new Map(rows.map(({ model, projector }) => [model, projector]));
  }

  /**
   * Says which projector a model has, and answers with the model.
   * @param name library name or path of the model
   * @param projector library name or path; `none`: it shall have none; `auto`: as the files say
   */
  async setProjector(name: string, projector: string): Promise<Model> {
    const model = await this.model(name);
    const put = (path: string) =>
      this.#database.prepare('INSERT OR REPLACE INTO projectors VALUES (?, ?)').run(model.path, path);
    if (projector === 'auto')
      this.#database.prepare('DELETE FROM projectors WHERE model = ?').run(model.path);
    else if (projector === 'none') put('');
    else {
      const { projectors } = await this.list();
      const path = projectors.find(({ id }) => id === projector)?.path ?? resolve(projector);
      const facts = await this.facts(path);
      if (facts.what !== 'projector' || !facts.images)
        throw new StudioError('bad_input', `${projector} is no projector of pictures.`, {
          file: path,
          field: 'projector',
          action: 'Name the file that came with the model; it is often called mmproj-….gguf.',
        });
      if (!fits(facts, model.width))
        throw new StudioError(
          'mismatch',
          `${projector} is for another model: ${model.label} has embeddings of ${model.width} numbers, which it does not make.`,
          { file: path, field: 'projector', action: 'Name the projector that came with this model.' },
        );
      put(path);
    }
    return this.model(name);
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
    const found = await this.facts(path);
    if (found.what !== 'model')
      throw new StudioError(
        'bad_input',
        `${name} is a ${found.what === 'vector' ? 'personality vector' : 'projector of pictures'}, not a model.`,
        { file: name, field: 'model' },
      );
    const own = { ...known(found), id: modelName(path), demo: false };
    const { projectors } = await this.list();
    const others = await this.#projectorsElsewhere([own], projectors);
    return this.#withProjector(own, [...projectors, ...others], [own]);
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
    if (architecture === 'clip')
      return {
        what: 'projector',
        path,
        bytes,
        images: metadata['clip.has_vision_encoder'] === true,
        // One of the last matrices has the model's width on one side; which it is differs by kind.
        widths: [
          ...new Set(
            tensors.flatMap(({ name, shape }) => (/^(mm|resampler|adapter)\./.test(name) ? shape : [])),
          ),
        ].filter(width => width > 1),
        content,
      };
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
      width: number(`${architecture}.embedding_length`),
      languages: languageTags(header.languages),
      tiedEmbeddings: tensors.every(tensor => tensor.name !== 'output.weight'),
      backbone,
      content,
      ...(BAKED_KEYS.projector in metadata && { projectorContent: text(BAKED_KEYS.projector) }),
    };
  }
}

/** What was read of a file, without the word for what it is. */
function known<F extends Facts>({ what: _, ...found }: F): Omit<F, 'what'> {
  return found;
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

/** Those that can be tags of languages, written as such; a model card may have anything there. */
function languageTags(named: string[]): string[] {
  return named
    .map(tag => tag.toLowerCase().replaceAll('_', '-'))
    .filter(tag => /^[a-z]{2,3}(-[a-z0-9]+)*$/.test(tag));
}
