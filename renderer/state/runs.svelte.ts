/** The experiment log as a list that follows what happens, and the one run that is open. */
import type { Run, RunKind, RunSummary } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { isConnectionLoss, type Problem, toProblem } from '../lib/errors.ts';
import { reconnected } from '../lib/follow.ts';
import { headline } from '../lib/runs.ts';
import { saveFile } from '../lib/save.ts';

const LIMIT = 200;

/** What a run can be kept as. */
export type Keeping = 'report' | 'pdf' | 'study';

export class Runs {
  list = $state.raw<RunSummary[]>([]);
  filter = $state<RunKind | 'all'>('all');
  problem = $state.raw<Problem | null>(null);
  loaded = $state(false);
  shown = $derived(this.filter === 'all' ? this.list : this.list.filter(run => run.kind === this.filter));
  open = $state.raw<Run | null>(null);
  openProblem = $state.raw<Problem | null>(null);
  /** Main outcomes of ended runs, by id, asked for when a row comes into view. */
  headlines = $state.raw<ReadonlyMap<string, string>>(new Map());

  /** What is being made of the open run now. */
  keeping = $state<Keeping | 'again' | null>(null);
  keepProblem = $state.raw<Problem | null>(null);

  readonly #asked = new Set<string>();
  readonly #onEnd = new Set<(run: RunSummary) => void>();

  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Loads the list and follows the changes, again after every lost connection. */
  async follow(): Promise<never> {
    for (;;) {
      try {
        const changes = await this.#connection.client.runs.changes();
        this.#asked.clear();
        await this.load();
        for await (const run of changes) this.#take(run);
      } catch (error) {
        // The head of the window says when the connection is lost.
        if (!isConnectionLoss(error)) this.problem = toProblem(error);
      }
      await reconnected(this.#connection);
    }
  }

  async load() {
    try {
      const kinds = this.filter === 'all' ? undefined : [this.filter];
      this.list = await this.#connection.client.runs.list({ limit: LIMIT, kinds });
      this.problem = null;
      this.loaded = true;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  async show(kind: RunKind | 'all') {
    this.filter = kind;
    await this.load();
  }

  onEnd(listener: (run: RunSummary) => void) {
    this.#onEnd.add(listener);
  }

  /** Asks for a row's outcome, once. */
  async want(run: RunSummary) {
    if (run.state === 'running' || this.#asked.has(run.id)) return;
    this.#asked.add(run.id);
    try {
      const text = headline(await this.#connection.client.runs.get({ id: run.id }));
      if (text) this.headlines = new Map(this.headlines).set(run.id, text);
    } catch {
      this.#asked.delete(run.id);
    }
  }

  async select(id: string) {
    this.openProblem = null;
    try {
      this.open = await this.#connection.client.runs.get({ id });
    } catch (error) {
      this.openProblem = toProblem(error);
    }
  }

  close() {
    this.open = null;
    this.keepProblem = null;
  }

  /** Saves a run as a file of the user's. */
  keep(id: string, what: Keeping) {
    return this.#make(what, async () => {
      const { reporting } = this.#connection.client;
      const asked = { runs: [id] };
      const name = `${this.open?.kind ?? 'run'}-${id.slice(0, 8)}`;
      if (what === 'study') saveFile((await reporting.bundle(asked)).file);
      else if (what === 'pdf') saveFile(new File([await reporting.pdf(asked)], `${name}.pdf`));
      else saveFile(new File([(await reporting.report(asked)).html], `${name}.html`, { type: 'text/html' }));
    });
  }

  /** Does a run again; the comparison is a run of its own at the head of the list. */
  again(id: string) {
    return this.#make('again', async () => {
      await this.#connection.client.reporting.rerun({ runs: [id] });
      this.close();
    });
  }

  /** Puts the runs of a study file into the log. */
  async bring(file: File) {
    try {
      await this.#connection.client.reporting.import({ file });
      await this.load();
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  async #make(what: Keeping | 'again', work: () => Promise<void>) {
    this.keeping = what;
    this.keepProblem = null;
    try {
      await work();
    } catch (error) {
      this.keepProblem = toProblem(error);
    } finally {
      this.keeping = null;
    }
  }

  async cancel(id: string) {
    await this.#connection.client.runs.cancel({ id }).catch(() => {});
  }

  /** Goes on with an experiment; a refusal is shown. */
  async resume(id: string) {
    this.openProblem = null;
    try {
      await this.#connection.client.runs.resume({ id });
      this.close();
    } catch (error) {
      this.close();
      this.openProblem = toProblem(error);
    }
  }

  #take(run: RunSummary) {
    // What was said of a run that goes on holds no longer.
    if (run.state === 'running') this.#asked.delete(run.id);
    const at = this.list.findIndex(other => other.id === run.id);
    if (at >= 0) this.list = this.list.with(at, run);
    else if (this.filter === 'all' || this.filter === run.kind)
      this.list = [run, ...this.list].slice(0, LIMIT);
    if (run.state === 'running') return;
    for (const listener of this.#onEnd) listener(run);
    if (this.open?.id === run.id) void this.select(run.id);
  }
}
