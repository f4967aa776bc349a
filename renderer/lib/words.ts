/** Which word categories differ most between two answers, and by which words. */
import type { Readout, TextReadout } from '../../electron/studio/contract.ts';

export interface WordDifference {
  category: string;
  /** Shares in per cent of all words. */
  base: number;
  persona: number;
}

/** Differences that vanish when they are shown with one decimal, in percentage points. */
const NONE = 0.05;

type Counted = Readout & Pick<TextReadout, 'parents'>;

/**
 * The `most` categories whose difference stands out most from chance; those without any are left out. Of a category and
 * one that it is part of, only the clearer is shown: the other says the same.
 */
export function wordDifferences(base: Counted, persona: Counted, most: number): WordDifference[] {
  const parents = { ...base.parents, ...persona.parents };
  const keys = new Set([...Object.keys(base.categories), ...Object.keys(persona.categories)]);
  const rows = [...keys]
    .map(category => {
      const row = {
        category,
        base: base.categories[category] ?? 0,
        persona: persona.categories[category] ?? 0,
      };
      return { row, clear: clarity(row, base.words, persona.words) };
    })
    .filter(({ row }) => Math.abs(row.persona - row.base) >= NONE)
    .sort((a, b) => b.clear - a.clear || a.row.category.localeCompare(b.row.category));
  const shown: WordDifference[] = [];
  for (const { row } of rows) {
    if (shown.length === most) break;
    const related = (other: WordDifference) =>
      isPart(row.category, other.category, parents) || isPart(other.category, row.category, parents);
    if (!shown.some(related)) shown.push(row);
  }
  return shown;
}

/** z of two shares, by their common share: large when few words could not have made the difference. */
function clarity(row: WordDifference, baseWords: number, personaWords: number): number {
  const [n, m] = [Math.max(1, baseWords), Math.max(1, personaWords)];
  const common = (row.base * n + row.persona * m) / (n + m) / 100;
  return (
    Math.abs(row.persona - row.base) / Math.sqrt(Math.max(1e-9, common * (1 - common)) * (1 / n + 1 / m))
  );
}

/** Whether `category` is below `other`, in the parents' chain. */
function isPart(category: string, other: string, parents: Record<string, string>): boolean {
  const parent = parents[category];
  return parent !== undefined && (parent === other || isPart(parent, other, parents));
}

/** The words of a category as a short list: `happy (2), fun`. */
export function wordsOf(readout: TextReadout, category: string): string {
  return (readout.found?.[category] ?? [])
    .map(({ word, count }) => (count > 1 ? `${word} (${count})` : word))
    .join(', ');
}
