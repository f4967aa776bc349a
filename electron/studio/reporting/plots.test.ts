import { expect, test } from 'vitest';
import { drawSvg, fitLine } from './plots.ts';
import type { Figure } from './schemas.ts';

/** Opening and closing tags in order, as XML asks for; attributes quoted. */
function wellFormed(svg: string): boolean {
  const open: string[] = [];
  for (const [, slash, name, rest = ''] of svg.matchAll(/<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*\/?>/g)) {
    if (slash) {
      if (open.pop() !== name) return false;
    } else if (!svg.slice(svg.indexOf(rest)).startsWith(`${rest}/>`)) open.push(name as string);
  }
  const tags = svg.match(/<[^>]*>/g)?.length ?? 0;
  const read = [...svg.matchAll(/<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*\/?>/g)].length;
  return tags === read;
}

const draw = (figure: Figure, title = 'T') => drawSvg({ title, figure });
const one = (x: number[], y: number[], title = '') =>
  draw({
    ...{ form: 'scatter', x: 'x', y: 'y', range: [0, 10] },
    panels: [{ title, note: '', x, y, open: [], fit: fitLine(x, y) }],
  });
const numbers = (text: string) => (text.match(/-?[\d.]+/g) ?? []).map(Number);
const attribute = (svg: string, tag: string) =>
  numbers(new RegExp(`<${tag} points="([^"]*)"`).exec(svg)?.[1] ?? '');

test('the line is the least-squares fit, drawn through the same scale as the points', () => {
  // By hand: mean x 2, mean y 5.2, Sxx 10, Sxy 20, so the slope is 2.
  const svg = one([0, 1, 2, 3, 4], [1, 3, 6, 7, 9]);
  const circles = [...svg.matchAll(/<circle cx="([\d.-]+)" cy="([\d.-]+)"/g)].map(match => [
    Number(match[1]),
    Number(match[2]),
  ]);
  expect(circles).toHaveLength(5);
  const [x1, y1, x2, y2] = attribute(svg, 'polyline') as [number, number, number, number];
  // Pixels for one unit of y, from the points at y = 1 and y = 9.
  const unit = ((circles[0]?.[1] as number) - (circles[4]?.[1] as number)) / 8;
  expect(x1).toBeCloseTo(circles[0]?.[0] as number, 1);
  expect(x2).toBeCloseTo(circles[4]?.[0] as number, 1);
  expect((y1 - y2) / unit).toBeCloseTo(8, 2);
  // At x = 0 the fit is 5.2 − 2·2 = 1.2.
  expect(((circles[0]?.[1] as number) - y1) / unit).toBeCloseTo(0.2, 2);
  // Band at x = 0: t(.975; 3)·s·√(1/5 + 4/10), with s² = 0.8/3 and t = 3.18245: 1.273.
  const band = attribute(svg, 'polygon');
  expect((y1 - (band[1] as number)) / unit).toBeCloseTo(1.273, 2);
});

test('without variance in x, or below three points, there is no line', () => {
  expect(one([1, 1, 1], [1, 2, 3])).not.toContain('<polyline');
  expect(one([1, 2], [1, 2])).not.toContain('<polyline');
  expect(one([1], [1]).match(/<circle/g)).toHaveLength(1);
});

test('plots are well-formed, whatever they are called', () => {
  const evil = '<script>"&\'\u0000';
  const plots = [
    one([1, 2, 3], [1, 2, 2], evil),
    draw(
      {
        form: 'scores',
        k: 5,
        rows: [
          { name: evil, score: 3, deviation: 1, reference: 2 },
          { name: 'b', score: null, deviation: null, reference: null },
        ],
      },
      evil,
    ),
    draw(
      {
        form: 'estimates',
        rows: [
          { name: evil, value: 0.9, ci: [0.8, 0.95] },
          { name: 'b', value: null, ci: null },
        ],
      },
      evil,
    ),
    draw(
      {
        form: 'matrix',
        names: [evil, 'b'],
        values: [
          [1, -0.5],
          [null, 1],
        ],
      },
      evil,
    ),
  ];
  for (const plot of plots) {
    expect(plot).not.toContain('<script');
    expect(plot).not.toMatch(/NaN|Infinity|undefined/);
    expect(wellFormed(plot)).toBe(true);
  }
  expect(wellFormed('<svg><g></svg>')).toBe(false);
});

test('scores stand at their place between 1 and k', () => {
  const svg = draw({ form: 'scores', k: 7, rows: [{ name: 'a', score: 4, deviation: null, reference: 2 }] });
  const at = (kind: string) =>
    Number(new RegExp(`<circle cx="([\\d.]+)"[^>]*class="${kind}"`).exec(svg)?.[1]);
  expect(at('mark')).toBeCloseTo(380 * (3 / 6), 1);
  expect(at('other')).toBeCloseTo(380 * (1 / 6), 1);
});
