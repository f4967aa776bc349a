/** The notebook: which runs of the log are shown and in which order, which are chosen, and what stands beside them. */
import {
  compareRuns,
  type Run,
  type RunFilter,
  type RunSummary,
  runMatches,
} from '../../electron/studio/contract.ts';
import { type Problem, toProblem } from '../lib/errors.ts';
import type { Place } from './place.svelte.ts';
import type { Runs } from './runs.svelte.ts';

export const SORTS = ['starred', 'kind', 'title', 'model', 'startedAt', 'took'] as const;
export type Sort = (typeof SORTS)[number];

/** More columns than this can nobody compare. */
export const MOST_COMPARED = 6;

export class Notebook {
  filter = $state.raw<RunFilter>({});
  sort = $state.raw<{ by: Sort; falling: boolean }>({ by: 'startedAt', falling: true });
  shown = $derived.by(() => sorted(this.#runs.list.filter(runMatches(this.filter)), this.sort));
  models = $derived.by(() => names(this.#runs.list.flatMap(({ model }) => model ?? [])));
  tags = $derived.by(() => names(this.#runs.list.flatMap(({ tags }) => tags)));
  filtered = $derived(Object.values(this.filter).some(value => value !== undefined));

  /** Ids of the runs that are chosen, for what is done with several. */
  chosen = $state.raw<ReadonlySet<string>>(new Set());
  /** The row that the keys act on, by its run's id. */
  cursor = $state<string | null>(null);
  /** The run whose details stand beside the table. */
  details = $state.raw<Run | null>(null);
  /** Its line in the list, with what is noted on it. */
  summary = $derived.by(() => this.#runs.list.find(({ id }) => id === this.details?.id) ?? null);
  /** The chosen runs, to be compared; empty below two. */
  compared = $state.raw<Run[]>([]);
  comparison = $derived(this.compared.length > 1 ? compareRuns(this.compared) : null);
  problem = $state.raw<Problem | null>(null);

  /** Where a stretch of rows begins that Shift chooses. */
  #anchor: string | null = null;
  /** Later questions make earlier answers void. */
  #loads = 0;
  #comparisons = 0;

  readonly #runs: Runs;
  readonly #place: Place;

  constructor(runs: Runs, place: Place) {
    this.#runs = runs;
    this.#place = place;
    runs.onEnd(({ id }) => {
      if (id === this.details?.id) void this.#load(id);
    });
  }

  /** Changes some of the filter; an empty text or choice asks for nothing. */
  ask(change: RunFilter) {
    const asked = Object.entries({ ...this.filter, ...change }).map(([field, value]) => [
      field,
      value === '' || value === false ? undefined : value,
    ]);
    this.filter = Object.fromEntries(asked);
  }

  /** Sorts by a column; a second time the other way round. */
  order(by: Sort) {
    const fallsFirst = by === 'startedAt' || by === 'starred' || by === 'took';
    this.sort = { by, falling: this.sort.by === by ? !this.sort.falling : fallsFirst };
  }

  /** Opens what the address names, or closes. */
  follow(id: string | null) {
    if (id === (this.details?.id ?? null)) return;
    if (id === null) this.details = null;
    else {
      this.cursor ??= id;
      void this.#load(id);
    }
  }

  show(id: string) {
    this.cursor = id;
    this.#anchor = id;
    this.#place.show(id);
  }

  hide() {
    this.#place.show(null);
  }

  async #load(id: string) {
    const turn = ++this.#loads;
    this.problem = null;
    try {
      const run = await this.#runs.get(id);
      if (turn === this.#loads && this.#place.item === id) this.details = run;
    } catch (error) {
      if (turn !== this.#loads) return;
      this.details = null;
      this.problem = toProblem(error);
    }
  }

  // ── Rows ─────────────────────────────────────────────────────────────────────────────────────────────────

  at(id: string | null): number {
    return this.shown.findIndex(run => run.id === id);
  }

  /** Puts the cursor `by` rows further; with `extend` every row from the anchor to there is chosen. */
  move(by: number, extend: boolean) {
    const from = this.at(this.cursor);
    const start = from < 0 ? (by > 0 ? -1 : 0) : from;
    const to = Math.min(this.shown.length - 1, Math.max(0, start + by));
    const run = this.shown[to];
    if (!run) return;
    if (extend) this.chooseTo(run.id);
    else {
      this.cursor = run.id;
      this.#anchor = run.id;
    }
    if (this.details && !extend) this.show(run.id);
  }

  choose(id: string) {
    const chosen = new Set(this.chosen);
    if (!chosen.delete(id)) chosen.add(id);
    this.cursor = id;
    this.#anchor = id;
    this.#setChosen(chosen);
  }

  /** Chooses every row from the anchor to this one. */
  chooseTo(id: string) {
    this.#anchor ??= this.cursor ?? id;
    const [a, b] = [this.at(this.#anchor), this.at(id)].sort((x, y) => x - y) as [number, number];
    this.cursor = id;
    if (a < 0) return this.choose(id);
    this.#setChosen(new Set(this.shown.slice(a, b + 1).map(run => run.id)));
  }

  chooseAll() {
    this.#setChosen(new Set(this.shown.map(({ id }) => id)));
  }

  chooseNone() {
    this.#setChosen(new Set());
  }

  #setChosen(chosen: ReadonlySet<string>) {
    this.chosen = chosen;
    void this.#compare();
  }

  async #compare() {
    const ids = [...this.chosen];
    const turn = ++this.#comparisons;
    if (ids.length < 2 || ids.length > MOST_COMPARED) {
      this.compared = [];
      return;
    }
    try {
      const runs = await Promise.all(ids.map(id => this.#runs.get(id)));
      if (turn === this.#comparisons) this.compared = runs;
    } catch (error) {
      if (turn === this.#comparisons) this.problem = toProblem(error);
    }
  }

  /** The chosen runs as the list has them, in its order. */
  get chosenRuns(): RunSummary[] {
    return this.#runs.list.filter(({ id }) => this.chosen.has(id));
  }

  /** Runs that are gone can neither be chosen nor open. */
  forget(ids: string[]) {
    this.#setChosen(new Set([...this.chosen].filter(id => !ids.includes(id))));
    if (this.details && ids.includes(this.details.id)) this.hide();
  }
}

const names = (all: string[]): string[] => [...new Set(all)].sort((a, b) => a.localeCompare(b));

/** Milliseconds from start to end; one that goes on lasts longest. */
const took = ({ startedAt, finishedAt }: RunSummary) =>
  finishedAt ? Date.parse(finishedAt) - Date.parse(startedAt) : Number.POSITIVE_INFINITY;

const ORDERS: Record<Sort, (a: RunSummary, b: RunSummary) => number> = {
  starred: (a, b) => Number(a.starred) - Number(b.starred),
  kind: (a, b) => a.kind.localeCompare(b.kind),
  title: (a, b) => a.title.localeCompare(b.title, undefined, { numeric: true }),
  model: (a, b) => (a.model ?? '').localeCompare(b.model ?? ''),
  startedAt: (a, b) => (a.startedAt < b.startedAt ? -1 : Number(a.startedAt > b.startedAt)),
  took: (a, b) => {
    const [x, y] = [took(a), took(b)];
    return x === y ? 0 : x - y;
  },
};

/** The runs, newest first, in the order asked for; those that are alike stay newest first. */
function sorted(runs: RunSummary[], { by, falling }: { by: Sort; falling: boolean }): RunSummary[] {
  if (by === 'startedAt' && falling) return runs;
  const order = ORDERS[by];
  return runs.toSorted((a, b) => (falling ? order(b, a) : order(a, b)));
}
