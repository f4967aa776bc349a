/** Tells any run by its fields: lists of objects become tables, everything else one table of places and values. */
import { capital, fixed, type Text, text } from './apa.ts';
import type { Cell, DataTable } from './csv.ts';
import type { Done, Presentation } from './presenting.ts';
import { cell, type Table } from './tables.ts';

/** Larger tables are only given as data. */
const MOST_ROWS = 40;
const MOST_COLUMNS = 9;

/** Settings that the methods section has words for. */
const TOLD = new Set(['persona', 'reference', 'before', 'recipe', 'recipes', 'inventory', 'administration']);

export function general({ kind, input, result }: Done): Presentation {
  const data = tablesOf(result as Record<string, unknown>);
  const settings = Object.entries(input as object).flatMap(([name, value]) =>
    TOLD.has(name) || value === undefined ? [] : [`${words(name)} ${shown(value)}`],
  );
  const { notes = [] } = result as { notes?: unknown };
  return {
    heading: capital(words(kind)),
    design: settings.length > 0 ? text`Settings of this run: ${settings.join('; ')}.` : [],
    analysis: [],
    works: [],
    sentences: Array.isArray(notes) ? notes.map((note): Text => [String(note)]) : [],
    tables: data
      .filter(
        ({ rows, columns }) => rows.length > 0 && rows.length <= MOST_ROWS && columns.length <= MOST_COLUMNS,
      )
      .map(asTable),
    plots: [],
    data,
  };
}

/** `mean_rCi95` and `profilesStudy` as words. */
const words = (name: string) =>
  name
    .replaceAll('_', ' ')
    .replaceAll(
      /([a-z0-9])([A-Z])/g,
      (_, before: string, after: string) => `${before} ${after.toLowerCase()}`,
    );

const shown = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value));

function asTable({ name, columns, rows }: DataTable): Table {
  return {
    title: capital(words(name.replaceAll('-', ' '))),
    head: columns.map(column => cell(capital(words(column)))),
    rows: rows.map(row => ({
      cells: columns.map((_, index) => {
        const value = row[index] ?? null;
        if (typeof value === 'number' && !Number.isInteger(value))
          return cell(Math.abs(value) >= 0.005 ? fixed(value) : value.toPrecision(2).replace('-', '−'));
        return cell(value === null ? '—' : String(value));
      }),
    })),
    note: text`Values as the run’s result names them; a dash means undefined or absent.`,
  };
}

const isPlain = (value: unknown): value is Cell => value === null || typeof value !== 'object';
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const snake = (name: string) =>
  words(name)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_');

/** Every list of objects as a table named after its place; all single values in the table `values`. */
function tablesOf(result: Record<string, unknown>): DataTable[] {
  const tables: DataTable[] = [];
  const values: Cell[][] = [];
  const visit = (value: unknown, path: string[]) => {
    if (isPlain(value)) values.push([path.join('.'), value ?? null]);
    else if (Array.isArray(value)) {
      if (value.length > 0 && value.every(isObject)) tables.push(tableOf(path, value));
      else if (path[0] !== 'notes') values.push([path.join('.'), JSON.stringify(value)]);
    } else for (const [key, inner] of Object.entries(value as object)) visit(inner, [...path, key]);
  };
  visit(result, []);
  return [
    ...(values.length > 0 ? [{ name: 'values', columns: ['place', 'value'], rows: values }] : []),
    ...tables,
  ];
}

/** A row for each object, a column for each place in any of them; lists within are JSON. */
function tableOf(path: string[], objects: Record<string, unknown>[]): DataTable {
  const flat = objects.map(object => {
    const cells = new Map<string, Cell>();
    const visit = (value: unknown, within: string[]) => {
      if (isObject(value)) for (const [key, inner] of Object.entries(value)) visit(inner, [...within, key]);
      else cells.set(within.map(snake).join('_'), isPlain(value) ? (value ?? null) : JSON.stringify(value));
    };
    visit(object, []);
    return cells;
  });
  const columns = [...new Set(flat.flatMap(cells => [...cells.keys()]))];
  return {
    name: path.map(part => snake(part).replaceAll('_', '-')).join('-') || 'rows',
    columns,
    rows: flat.map(cells => columns.map(column => cells.get(column) ?? null)),
  };
}
