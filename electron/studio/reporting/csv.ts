/** Data tables as CSV (RFC 4180), for statistics programs: unrounded, and harmless in a spreadsheet. */
import { stringify } from 'csv-stringify/sync';

export type Cell = string | number | boolean | null;

/** A table of data: its columns mean the same in every version; docs/reports.md lists them. */
export interface DataTable {
  /** File name without its ending: lower case, with hyphens. */
  name: string;
  columns: string[];
  rows: Cell[][];
}

/**
 * Comma-separated, lines ended by CR LF, UTF-8, a header line. Numbers have all their digits, with a point; what is
 * undefined or missing is an empty field; true and false are words. Text that a spreadsheet would take for a formula (it
 * begins with = + - @, a tab or their wide forms) has an apostrophe before it.
 */
export function toCsv({ columns, rows }: Pick<DataTable, 'columns' | 'rows'>): string {
  return stringify([columns, ...rows], {
    record_delimiter: 'windows',
    escape_formulas: true,
    cast: { boolean: String },
  });
}

/** Rows as objects by column. */
export const toObjects = ({ columns, rows }: DataTable): Record<string, Cell>[] =>
  rows.map(row => Object.fromEntries(columns.map((column, index) => [column, row[index] ?? null])));
