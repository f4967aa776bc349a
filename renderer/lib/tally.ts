/** Counting the votes of a blind study. */
import type { Vote } from '../../electron/studio/contract.ts';

export interface Tally {
  panes: { pane: string; best: number; compared: number }[];
  ties: number;
  votes: number;
  raters: number;
  /** Two-sided sign test of two panes, ties left out (binomial with p = 1/2); null with other than two panes or no vote. */
  p: number | null;
}

/** How often each of `panes` was the best of those compared. */
export function tally(panes: string[], votes: Vote[]): Tally {
  const rows = panes.map(pane => ({
    pane,
    best: votes.filter(({ choice }) => choice === pane).length,
    compared: votes.filter(({ answers }) => answers.some(answer => answer.pane === pane)).length,
  }));
  const decided = rows.reduce((sum, { best }) => sum + best, 0);
  return {
    panes: rows,
    ties: votes.filter(({ choice }) => choice === 'tie').length,
    votes: votes.length,
    raters: new Set(votes.map(({ rater }) => rater)).size,
    p: rows.length === 2 && decided > 0 ? signTest(rows[0]?.best ?? 0, decided) : null,
  };
}

/** Exact two-sided p of `wins` out of `n` ≥ 1 under p = 1/2 (Dixon & Mood 1946). */
export function signTest(wins: number, n: number): number {
  let term = 0.5 ** n;
  let tail = 0;
  for (let k = 0; k <= Math.min(wins, n - wins); k++) {
    tail += term;
    term *= (n - k) / (k + 1);
  }
  return Math.min(1, 2 * tail);
}
