import { describe, expect, it } from 'vitest';
import type { Figure } from '../../electron/studio/contract.ts';
import { type Drawn, drawnFrom, tableHtml, tableText } from './figures.ts';
import type { Looks } from './looks.ts';

const looks: Looks = {
  ...{ text: 'rgb(1, 1, 1)', quiet: 'rgb(2, 2, 2)', line: 'rgb(3, 3, 3)', persona: 'rgb(4, 4, 4)' },
  ...{ base: 'rgb(5, 5, 5)', danger: 'rgb(6, 6, 6)', surface: 'rgb(7, 7, 7)' },
  ...{ font: 'serif', rem: 16, strong: false },
};
const datasets = ({ drawings: [drawing] }: Drawn) =>
  drawing?.configure(looks).data.datasets.map(({ data }) => data) ?? [];
/** Every stop's marks are in the data. */
const marked = (drawn: Drawn) =>
  drawn.drawings.every(({ stops, configure }) => {
    const { datasets } = configure(looks).data;
    return stops.every(({ marks }) =>
      marks.every(({ datasetIndex, index }) => datasets[datasetIndex]?.data[index] !== undefined),
    );
  });

const panel = {
  ...{ title: 'Openness', note: '', x: [1, -1], y: [4, 2], open: [{ x: 2, y: 5 }] },
  fit: { x: [-1, 0, 1], y: [2, 3, 4], band: { low: [1, 2.5, 3], high: [3, 3.5, 5] } },
};

describe('a scatter', () => {
  const figure: Figure = {
    ...{ form: 'scatter', x: 'α', y: 'Score', range: [1, 5], kinds: ['vector', 'words'] },
    panels: [panel],
  };
  const drawn = drawnFrom(figure);

  it('draws points in the order of x, the others, the line and its band', () => {
    expect(datasets(drawn)).toEqual([
      [
        { x: -1, y: 2 },
        { x: 1, y: 4 },
      ],
      [{ x: 2, y: 5 }],
      ...[panel.fit.y, panel.fit.band.high, panel.fit.band.low].map(values =>
        values.map((y, index) => ({ x: panel.fit.x[index], y })),
      ),
    ]);
    expect(marked(drawn)).toBe(true);
  });

  it('says at each point what it is, and where the line and its band are', () => {
    const half = drawnFrom({ ...figure, panels: [{ ...panel, x: [0.5], y: [3.2] }] });
    expect(half.drawings[0]?.stops[0]).toMatchObject({
      title: 'α = 0.50',
      lines: ['Score: 3.20 (vector)', 'Line: 3.50 [2.75, 4.25]'],
    });
    expect(half.drawings[0]?.stops.at(-1)?.lines).toEqual(['Score: 5.00 (words)']);
  });

  it('has the same points in the table, unrounded and safe to paste', () => {
    expect(drawn.table.rows).toEqual([
      ['Openness', 'vector', 1, 4],
      ['Openness', 'vector', -1, 2],
      ['Openness', 'words', 2, 5],
    ]);
    const table = { head: ['<a>', 'b'], rows: [['x', 1 / 3]] };
    expect(tableText(table)).toBe(`<a>\tb\nx\t${1 / 3}`);
    expect(tableHtml(table)).toContain('<th>&lt;a&gt;</th>');
  });
});

it('scores without a value have a row and no mark', () => {
  const drawn = drawnFrom({
    ...{ form: 'scores', k: 5, reference: 'wanted' },
    rows: [
      { name: 'a', score: null, deviation: null, reference: 2 },
      { name: 'b', score: 4.5, deviation: 1, reference: 3 },
      { name: 'c', score: 4.5, deviation: 1, reference: null },
    ],
  });
  const [filled, open, lines] = datasets(drawn);
  expect(filled).toEqual([
    { x: 4.5, y: 1 },
    { x: 4.5, y: 2 },
  ]);
  expect(open).toEqual([{ x: 3, y: 1 }]);
  // The line of a score with nothing to compare ends at the scale's.
  expect(lines?.slice(3, 5)).toEqual([
    { x: 3.5, y: 2 },
    { x: 5, y: 2 },
  ]);
  expect(drawn.table.rows).toHaveLength(3);
  expect(drawn.drawings[0]?.stops[0]?.lines).toContain('wanted: 3.00');
  expect(marked(drawn)).toBe(true);
});

it('estimates and matrices have a stop for each value', () => {
  const estimates = drawnFrom({
    form: 'estimates',
    rows: [
      { name: 'a', value: null, ci: null },
      { name: 'b', value: 0.9, ci: [0.8, 0.95] },
    ],
  });
  expect(estimates.drawings[0]?.stops.map(({ title, lines }) => [title, ...lines])).toEqual([
    ['b', 'r = 0.90 [0.80, 0.95]'],
  ]);
  expect(estimates.table.rows[0]).toEqual(['a', null, null, null]);
  const matrix = drawnFrom({
    form: 'matrix',
    names: ['a', 'b'],
    values: [
      [1, -0.5],
      [null, 1],
    ],
  });
  expect(matrix.drawings[0]?.stops.map(({ lines }) => lines[0])).toEqual(['1.00', '−0.50', '–', '1.00']);
  expect([estimates, matrix].every(marked)).toBe(true);
});
