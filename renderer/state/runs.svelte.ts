/** The experiment log as a list that follows what happens, what can be done with runs, and the one open in the studio. */
import type {
  About,
  Presented,
  Progress,
  ReadText,
  Run,
  RunRemarks,
  RunSummary,
} from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { isConnectionLoss, type Problem, toProblem } from '../lib/errors.ts';
import { reconnected } from '../lib/follow.ts';
import { headline } from '../lib/runs.ts';
import { saveFile } from '../lib/save.ts';
import { presentedHere, withTitle } from '../lib/told.ts';

/** How many the studio shows beside the conversation. */
const RECENT = 12;
/** The first page is there at once; the others may be as large as the studio allows. */
const FIRST_PAGE = 100;
const PAGE = 1000;

/** What runs can be kept as. */
export type Keeping = 'report' | 'pdf' | 'study' | 'data';

export class Runs {
  /** All runs, newest first. */
  list = $state.raw<RunSummary[]>([]);
  /** How far the runs are that go on, by id. Apart from the list: it changes many times a second. */
  progress = $state.raw<ReadonlyMap<string, Progress>>(new Map());
  problem = $state.raw<Problem | null>(null);
  loaded = $state(false);
  recent = $derived(this.list.slice(0, RECENT));
  open = $state.raw<Run | null>(null);
  openProblem = $state.raw<Problem | null>(null);
  /** Main outcomes of ended runs, by id, asked for when a row comes into view. */
  headlines = $state.raw<ReadonlyMap<string, string>>(new Map());

  /** What is being made of runs now. */
  keeping = $state<Keeping | 'again' | null>(null);
  keepProblem = $state.raw<Problem | null>(null);

  readonly #asked = new Set<string>();
  readonly #presented = new Map<string, Promise<Presented>>();
  /** Those that went into the bin: when they come back, they have not just ended. */
  readonly #gone = new Set<string>();
  readonly #onEnd = new Set<(run: RunSummary) => void>();

  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get #client() {
    return this.#connection.client;
  }

  /** Loads the list and follows the changes, again after every lost connection. */
  async follow(): Promise<never> {
    for (;;) {
      try {
        const changes = await this.#client.runs.changes();
        this.#asked.clear();
        await this.load();
        for await (const run of changes) this.#take(withTitle(run));
      } catch (error) {
        // The head of the window says when the connection is lost.
        if (!isConnectionLoss(error)) this.problem = toProblem(error);
      }
      await reconnected(this.#connection);
    }
  }

  /** Loads the whole log, page by page. What begins or goes meanwhile moves the pages, so that a run may come twice. */
  async load() {
    try {
      const found = new Map<string, RunSummary>();
      for (let limit = FIRST_PAGE; ; limit = PAGE) {
        const page = await this.#client.runs.list({ limit, offset: found.size });
        const before = found.size;
        for (const run of page) found.set(run.id, withTitle(run));
        if (!this.loaded || page.length < limit || found.size === before) {
          this.list = [...found.values()];
          this.loaded = true;
        }
        if (page.length < limit || found.size === before) break;
      }
      this.progress = new Map(
        this.list.flatMap(({ id, progress }) => (progress ? [[id, progress] as const] : [])),
      );
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  onEnd(listener: (run: RunSummary) => void) {
    this.#onEnd.add(listener);
  }

  async get(id: string): Promise<Run> {
    return withTitle(await this.#client.runs.get({ id }));
  }

  async about(id: string): Promise<About> {
    const { run, files } = await this.#client.reporting.about({ run: id });
    return { run: withTitle(run), files };
  }

  /** What came out of a run, as a paper tells it; kept, because it does not change. */
  present(id: string): Promise<Presented> {
    const known = this.#presented.get(id);
    if (known) return known;
    const asked = this.#client.reporting.present({ run: id }).then(presentedHere);
    this.#presented.set(id, asked);
    asked.catch(() => this.#presented.delete(id));
    return asked;
  }

  /** A text that a kept readout has read. */
  readText(input: Parameters<Connection['client']['language']['text']>[0]): Promise<ReadText> {
    return this.#client.language.text(input);
  }

  /** Asks for a row's outcome, once. */
  async want(run: RunSummary) {
    if (run.state === 'running' || this.#asked.has(run.id)) return;
    this.#asked.add(run.id);
    try {
      const text = headline(await this.get(run.id));
      if (text) this.headlines = new Map(this.headlines).set(run.id, text);
    } catch {
      this.#asked.delete(run.id);
    }
  }

  async select(id: string) {
    this.openProblem = null;
    try {
      this.open = await this.get(id);
    } catch (error) {
      this.openProblem = toProblem(error);
    }
  }

  close() {
    this.open = null;
    this.keepProblem = null;
  }

  /** Saves runs as one file of the user's. */
  keep(runs: Pick<Run, 'id' | 'kind'>[], what: Keeping) {
    return this.#make(what, async () => {
      const { reporting } = this.#client;
      const asked = { runs: runs.map(({ id }) => id) };
      const [first] = runs;
      const name =
        first && runs.length === 1 ? `${first.kind}-${first.id.slice(0, 8)}` : `${runs.length}-runs`;
      const save = (content: BlobPart, ending: string, type?: string) =>
        saveFile(new File([content], `${name}.${ending}`, { type }));
      if (what === 'study') saveFile((await reporting.bundle(asked)).file);
      else if (what === 'data') save((await reporting.archive(asked)).file, 'zip', 'application/zip');
      else if (what === 'pdf') save(await reporting.pdf(asked), 'pdf');
      else save((await reporting.report(asked)).html, 'html', 'text/html');
    });
  }

  /** Does runs again; the comparison is a run of its own at the head of the list. True when it has begun. */
  again(ids: string[]): Promise<boolean> {
    return this.#make('again', async () => {
      await this.#client.reporting.rerun({ runs: ids });
    });
  }

  /** Puts the runs of a study file into the log. */
  async bring(file: File) {
    try {
      await this.#client.reporting.import({ file });
      await this.load();
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  async #make(what: Keeping | 'again', work: () => Promise<void>): Promise<boolean> {
    this.keeping = what;
    this.keepProblem = null;
    try {
      await work();
      return true;
    } catch (error) {
      this.keepProblem = toProblem(error);
      return false;
    } finally {
      this.keeping = null;
    }
  }

  async cancel(id: string) {
    await this.#client.runs.cancel({ id }).catch(() => {});
  }

  /** Goes on with an experiment; a refusal is shown. */
  async resume(id: string) {
    this.openProblem = null;
    try {
      await this.#client.runs.resume({ id });
      this.close();
    } catch (error) {
      this.close();
      this.openProblem = toProblem(error);
    }
  }

  /** Writes down what the user notes. The list has it at once. */
  remark(id: string, remarks: Partial<RunRemarks>) {
    this.list = this.list.map(run => (run.id === id ? { ...run, ...remarks } : run));
    return this.#change(() => this.#client.runs.edit({ id, ...remarks }));
  }

  /** The newest of what was deleted. */
  async bin(): Promise<RunSummary[]> {
    return (await this.#client.runs.list({ limit: PAGE, deleted: true })).map(withTitle);
  }

  delete(ids: string[]): Promise<boolean> {
    return this.#change(() => this.#client.runs.delete({ ids }));
  }

  restore(ids: string[]): Promise<boolean> {
    return this.#change(() => this.#client.runs.restore({ ids }));
  }

  async #change(work: () => Promise<void>): Promise<boolean> {
    this.problem = null;
    try {
      await work();
      return true;
    } catch (error) {
      this.problem = toProblem(error);
      return false;
    }
  }

  #take(run: RunSummary) {
    const at = this.list.findIndex(other => other.id === run.id);
    const known = this.list[at];
    if (run.progress || this.progress.has(run.id)) {
      const progress = new Map(this.progress);
      if (run.progress) progress.set(run.id, run.progress);
      else progress.delete(run.id);
      this.progress = progress;
    }
    if (run.deleted) {
      this.#gone.add(run.id);
      if (known) this.list = this.list.toSpliced(at, 1);
      return;
    }
    // What was said of a run that goes on holds no longer.
    if (run.state === 'running') this.#asked.delete(run.id);
    if (!known) this.list = inserted(this.list, run);
    else if (run.state !== 'running' || known.state !== 'running') this.list = this.list.with(at, run);
    if (run.state === 'running' || known?.state === run.state || this.#gone.delete(run.id)) return;
    for (const listener of this.#onEnd) listener(run);
    if (this.open?.id === run.id) void this.select(run.id);
  }
}

/** The list with a run where its time puts it: one that comes back from the bin may be old. */
function inserted(list: RunSummary[], run: RunSummary): RunSummary[] {
  const at = list.findIndex(({ startedAt }) => startedAt <= run.startedAt);
  return at < 0 ? [...list, run] : list.toSpliced(at, 0, run);
}
