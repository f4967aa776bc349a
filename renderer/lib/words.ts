/** Which word categories differ most between two answers. */
import type { Readout } from '../../electron/studio/contract.ts';

export interface WordDifference {
  category: string;
  /** Shares in per cent of all words. */
  base: number;
  persona: number;
}

/** Differences that vanish when they are shown with one decimal, in percentage points. */
const NONE = 0.05;

/** The `most` categories with the largest difference; those without any are left out. */
export function wordDifferences(base: Readout, persona: Readout, most: number): WordDifference[] {
  const keys = new Set([...Object.keys(base.categories), ...Object.keys(persona.categories)]);
  return [...keys]
    .map(category => ({
      category,
      base: base.categories[category] ?? 0,
      persona: persona.categories[category] ?? 0,
    }))
    .filter(row => Math.abs(row.persona - row.base) >= NONE)
    .sort(
      (a, b) =>
        Math.abs(b.persona - b.base) - Math.abs(a.persona - a.base) || a.category.localeCompare(b.category),
    )
    .slice(0, most);
}
