/** Which runs of the log someone asks for. Free of the database, so that the page filters what it has as one types. */
import type { RunKind, RunSummary } from '../contract.ts';

export interface RunFilter {
  kind?: RunKind;
  model?: string;
  tag?: string;
  starred?: boolean;
  /** Every word is in the title, the tags or the notes, or begins the id; in any case. */
  text?: string;
  /** First and last day, `2026-11-25`, where the reader is. */
  from?: string;
  to?: string;
}

type Filtered = Pick<
  RunSummary,
  'id' | 'kind' | 'title' | 'model' | 'tags' | 'notes' | 'starred' | 'startedAt'
>;

/** The filter as a test of runs, so that what is asked for is read once. */
export function runMatches(filter: RunFilter): (run: Filtered) => boolean {
  const { kind, model, tag, starred } = filter;
  const words = (filter.text ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const from = filter.from ? Date.parse(`${filter.from}T00:00`) : Number.NEGATIVE_INFINITY;
  const to = filter.to ? dayAfter(filter.to) : Number.POSITIVE_INFINITY;
  return run => {
    if (kind !== undefined && run.kind !== kind) return false;
    if (model !== undefined && run.model !== model) return false;
    if (tag !== undefined && !run.tags.includes(tag)) return false;
    if (starred && !run.starred) return false;
    const started = Date.parse(run.startedAt);
    if (started < from || started >= to) return false;
    if (words.length === 0) return true;
    const text = [run.title, ...run.tags, run.notes].join('\n').toLowerCase();
    return words.every(word => text.includes(word) || run.id.startsWith(word));
  };
}

/** The moment at which the day after begins: days are not all 24 hours long. */
function dayAfter(day: string): number {
  const date = new Date(`${day}T00:00`);
  date.setDate(date.getDate() + 1);
  return date.getTime();
}
