/** Figures and tables as the terminal shows them to people. */
import type { Scores } from './studio/contract.ts';
import { TRAITS } from './studio/contract.ts';

/** Cells in columns as wide as their widest; the first row is the heading. */
export function table(rows: string[][]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length))) ?? [];
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export const scoreRow = (scores: Scores) => TRAITS.map(trait => scores[trait]?.toFixed(2) ?? '–');
export const decimals = (value: number | null | undefined, digits = 2) => value?.toFixed(digits) ?? '–';
export const intervalText = (value: number | null | undefined, ci95: [number, number] | null | undefined) =>
  `${decimals(value)}${ci95 ? ` [${decimals(ci95[0])}, ${decimals(ci95[1])}]` : ''}`;
export const correlationText = (r: number | null | undefined, ci95?: [number, number] | null) =>
  r == null ? 'undefined' : `${r.toFixed(3)}${ci95 ? ` [${ci95[0].toFixed(3)}, ${ci95[1].toFixed(3)}]` : ''}`;

/** `12 s`, `3 min`, `1 h 20 min` */
export function timeText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Says on standard error which files a listing left out, and why. */
export function reportBroken<T extends { broken: { message: string }[] }>(listing: T): T {
  for (const { message } of listing.broken) console.error(`Left out: ${message}`);
  return listing;
}
