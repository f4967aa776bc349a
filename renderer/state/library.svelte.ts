/** The models and vectors on disk. */
import {
  type DeletedFile,
  type Dependents,
  type Endpoint,
  type Model,
  type OwnFile,
  POLES,
  type Projector,
  type ServeCommands,
  type Storage,
  TRAITS,
  type Trait,
  type Vector,
  type VectorName,
} from '../../electron/studio/contract.ts';
import type { Client } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';

export interface BrokenFile {
  path: string;
  message: string;
  /** Library name of one that is used in place. */
  linked?: string;
}

export class Library {
  models = $state.raw<Model[]>([]);
  vectors = $state.raw<Vector[]>([]);
  projectors = $state.raw<Projector[]>([]);
  broken = $state.raw<BrokenFile[]>([]);
  /** Models on other servers, and where their keys are kept. */
  endpoints = $state.raw<Endpoint[]>([]);
  keys = $state.raw<{ place: 'keychain' | 'file'; file: string }>({ place: 'file', file: '' });
  /** The disk, what may be deleted, and the bin; asked for by the views that show them. */
  storage = $state.raw<Storage | null>(null);
  modelFolder = $state('');
  vectorFolder = $state('');
  problem = $state.raw<Problem | null>(null);
  loaded = $state(false);
  loading = $state(false);

  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async load() {
    this.loading = true;
    try {
      const [models, vectors, endpoints] = await Promise.all([
        this.#client.library.models(),
        this.#client.library.vectors(),
        this.#client.endpoints.list(),
      ]);
      this.models = models.models;
      this.projectors = models.projectors;
      this.modelFolder = models.folder;
      this.vectors = vectors.vectors;
      this.vectorFolder = vectors.folder;
      this.endpoints = endpoints.endpoints;
      this.keys = { place: endpoints.keys, file: endpoints.keyFile };
      // A file that is neither model nor vector is in both lists.
      const broken = [...models.broken, ...vectors.broken];
      this.broken = [...new Map(broken.map(file => [file.path, file])).values()];
      this.problem = null;
      this.loaded = true;
    } catch (error) {
      this.problem = toProblem(error);
    } finally {
      this.loading = false;
    }
  }

  async loadStorage() {
    await this.#try(async () => {
      this.storage = await this.#client.library.storage();
    });
  }

  /** The file as one that may be deleted; null where it may not. */
  own(path: string): OwnFile | null {
    return this.storage?.own.find(file => file.path === path) ?? null;
  }

  serveCommands(model: string): Promise<ServeCommands> {
    return this.#client.endpoints.command({ model });
  }

  /** Says which projector a model has: its path; `none`; `auto`: as the files say. */
  setProjector(model: string, projector: string): Promise<boolean> {
    return this.#try(async () => {
      const changed = await this.#client.library.setProjector({ model, projector });
      this.models = this.models.map(other => (other.path === changed.path ? changed : other));
    });
  }

  dependents(path: string): Promise<Dependents> {
    return this.#client.library.dependents({ path });
  }

  delete(path: string): Promise<DeletedFile> {
    return this.#client.library.delete({ path });
  }

  /** Takes a model that is used in place from the list; its file stays. */
  forget(path: string): Promise<boolean> {
    return this.#try(() => this.#client.library.forget({ path }));
  }

  restore(id: string): Promise<boolean> {
    return this.#try(() => this.#client.library.restore({ id }));
  }

  emptyBin(): Promise<boolean> {
    return this.#try(() => this.#client.library.emptyBin());
  }

  async #try(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      this.problem = null;
      return true;
    } catch (error) {
      this.problem = toProblem(error);
      return false;
    }
  }

  find(id: string): Model | null {
    return this.models.find(model => model.id === id) ?? null;
  }

  endpoint(id: string): Endpoint | null {
    return this.endpoints.find(endpoint => endpoint.id === id) ?? null;
  }

  /** Whether recipes can name it: a file of the library, or a model on another server. */
  has(id: string): boolean {
    return this.find(id) !== null || this.endpoint(id) !== null;
  }

  /** The vectors that a server has not as adapters, of all that sliders can ask for. */
  missing({ facts }: Endpoint): VectorName[] {
    const has = new Set(facts.adapters?.map(({ vector }) => vector));
    return TRAITS.flatMap(trait => POLES.map((pole): VectorName => `${trait}-${pole}`)).filter(
      name => !has.has(name),
    );
  }

  /** Whether a slider can act: always on a file, on a server where it has an adapter for one side at least. */
  movable(id: string, trait: Trait): boolean {
    const endpoint = this.endpoint(id);
    if (!endpoint) return true;
    const missing = this.missing(endpoint);
    return POLES.some(pole => !missing.includes(`${trait}-${pole}`));
  }

  /** Models that a vector fits. */
  /** Why a vector fits a model, or does not: made from its very weights, from others of its backbone, or of another. */
  reason(model: Model, vector: Vector): 'own' | 'transfers' | 'other' {
    if (vector.backbone !== model.backbone) return 'other';
    return vector.baseContent === model.content ? 'own' : 'transfers';
  }

  fittedBy({ backbone }: Vector): Model[] {
    return this.models.filter(model => model.backbone === backbone);
  }

  /** How many of the ten trait poles have a vector of the model's backbone. */
  fitting(model: Model): number {
    const fits = this.vectors.filter(vector => vector.backbone === model.backbone);
    return TRAITS.flatMap(trait => POLES.filter(pole => fits.some(v => v.trait === trait && v.pole === pole)))
      .length;
  }
}
