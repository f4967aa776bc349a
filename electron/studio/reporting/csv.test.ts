import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { type Cell, toCsv } from './csv.ts';

const written = (...rows: Cell[][]) => toCsv({ columns: ['a', 'b'], rows });

test('reads back as what was written, whatever stands in the fields', () => {
  const rows = [
    ['plain', 'with, comma'],
    ['with "quotes"', 'two\r\nlines\nor three'],
    ['', 'Übung, 測試'],
  ];
  expect(parse(written(...rows))).toEqual([['a', 'b'], ...rows]);
  expect(written(['x', 1])).toBe('a,b\r\nx,1\r\n');
});

test('numbers keep every digit, and their sign', () => {
  const values = [Math.PI, -0.1 - 0.2, 1e-300, -5];
  const [, ...rows] = parse(written(...values.map(value => [value, null]))) as string[][];
  expect(rows.map(([value]) => Number(value))).toEqual(values);
  expect(rows.every(([, empty]) => empty === '')).toBe(true);
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '＝1', '=HYPERLINK("http://x","y")'])(
  'text that a spreadsheet would take for a formula gets an apostrophe: %j',
  formula => {
    expect(parse(written([formula, true]))).toEqual([
      ['a', 'b'],
      [`'${formula}`, 'true'],
    ]);
  },
);
