/** Models fetched from Hugging Face or an address: looked up, begun, gone on with, and what is not whole yet. */
import type {
  CatalogueEntry,
  DownloadChoice,
  DownloadPlan,
  RunSummary,
  UnfinishedDownload,
} from '../../electron/studio/contract.ts';
import type { Client } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';
import type { Runs } from './runs.svelte.ts';

export class Downloading {
  /** What is looked up: a name, a repository, an address. */
  source = $state('');
  /** Typed for a gated repository; goes with this page. */
  token = $state('');
  sha256 = $state('');
  plan = $state.raw<DownloadPlan | null>(null);
  looking = $state(false);
  problem = $state.raw<Problem | null>(null);
  catalogue = $state.raw<CatalogueEntry[]>([]);
  unfinished = $state.raw<UnfinishedDownload[]>([]);

  /** Runs that this page began, until their end was read. */
  #own = $state.raw<ReadonlySet<string>>(new Set());
  /** All that go on, whoever began them, and those of this page that have ended. */
  readonly runs: RunSummary[] = $derived.by(() =>
    this.#runs.list.filter(
      ({ id, kind, state }) =>
        kind === 'download' && (state === 'running' || (this.#own.has(id) && state !== 'cancelled')),
    ),
  );
  /** Those that do not go on. */
  readonly resting: UnfinishedDownload[] = $derived(
    this.unfinished.filter(
      ({ source, running }) =>
        !running && !this.runs.some(run => run.state === 'running' && run.title === source),
    ),
  );

  readonly #client: Client;
  readonly #runs: Runs;

  constructor(client: Client, runs: Runs) {
    this.#client = client;
    this.#runs = runs;
    runs.onEnd(({ kind }) => {
      if (kind === 'download') void this.loadUnfinished();
    });
  }

  async load() {
    await Promise.all([
      this.loadUnfinished(),
      this.#try(async () => {
        this.catalogue = await this.#client.library.catalogue();
      }),
    ]);
  }

  loadUnfinished() {
    return this.#try(async () => {
      this.unfinished = await this.#client.library.unfinished();
    });
  }

  async lookUp(source = this.source) {
    this.source = source;
    this.plan = null;
    this.looking = true;
    await this.#try(async () => {
      const plan = await this.#client.library.lookUp({ source, token: this.#token });
      if (this.source === source) this.plan = plan;
    });
    this.looking = false;
  }

  /** Fetches what was looked up. */
  async start({ source }: DownloadChoice) {
    if (await this.#begin({ source, sha256: this.sha256.trim() || undefined })) {
      this.plan = null;
      this.source = '';
      this.sha256 = '';
    }
  }

  /** Goes on with one that ended before it was whole. */
  goOn({ source, to }: UnfinishedDownload) {
    return this.#begin({ source, to: to ?? undefined });
  }

  async discard({ id }: UnfinishedDownload) {
    await this.#try(() => this.#client.library.discard({ id }));
    await this.loadUnfinished();
  }

  /** Takes the word of an ended run away. */
  dismiss(id: string) {
    this.#own = new Set([...this.#own].filter(own => own !== id));
  }

  #begin(input: { source: string; sha256?: string; to?: string }): Promise<boolean> {
    return this.#try(async () => {
      const { run } = await this.#client.library.download({ ...input, token: this.#token });
      // What was said of an earlier attempt holds no longer.
      const earlier = this.runs.filter(({ title, state }) => title === input.source && state !== 'running');
      const kept = [...this.#own].filter(id => !earlier.some(other => other.id === id));
      this.#own = new Set([...kept, run]);
    });
  }

  get #token() {
    return this.token.trim() || undefined;
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
}
