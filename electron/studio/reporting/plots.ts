/**
 * Plots as SVG, written without a browser, from the plain data of a figure: scatter with line and band, scores of scales, a
 * matrix of values. Colours are attributes, for programs that know no style sheets; the classes let a report give them those
 * of its theme. The page draws the same figures itself.
 */
import { isConstant, mean } from '../statistics/correlation.ts';
import { tQuantile } from '../statistics/distributions.ts';
import { escapeHtml as esc, fixed, withoutZero } from './apa.ts';
import type { DataTable } from './csv.ts';
import type { Figure, Fit } from './schemas.ts';

export interface Plot {
  /** File name without its ending. */
  name: string;
  title: string;
  /** What the marks mean; stands below. */
  note: string;
  figure: Figure;
  /** What is plotted. */
  data: DataTable;
}

type FigureOf<F extends Figure['form']> = Extract<Figure, { form: F }>;

export function drawSvg({ title, figure }: Pick<Plot, 'title' | 'figure'>): string {
  switch (figure.form) {
    case 'scatter':
      return scatter(title, figure);
    case 'scores':
      return scores(title, figure);
    case 'estimates':
      return estimates(title, figure);
    case 'matrix':
      return matrix(title, figure);
    default:
      return figure satisfies never;
  }
}

const INK = 'class="ink" fill="#1a201d"';
const QUIET = 'class="ink quiet" fill="#545e58"';
const GRID = 'class="grid" stroke="#dde1dd"';
const MARK = 'class="mark" fill="#0f6e5c"';
const LINE = 'class="line" stroke="#0f6e5c" fill="none"';
const AREA = 'class="mark" fill="#0f6e5c" fill-opacity="0.14"';
const OTHER = 'class="other" fill="none" stroke="#5b6577"';
const WARM = 'class="warm" fill="#b1261c"';

/** Coordinates to a hundredth of a unit. */
const at = (value: number) => String(Math.round(value * 100) / 100);

function svg(width: number, height: number, title: string, content: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${at(width)} ${at(height)}" width="${at(width)}" height="${at(height)}" role="img" aria-label="${esc(title)}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="12">`,
    `<title>${esc(title)}</title>`,
    ...content,
    '</svg>',
  ].join('\n');
}

const label = (x: number, y: number, words: string, more = '', ink = INK) =>
  `<text x="${at(x)}" y="${at(y)}" ${ink} ${more}>${esc(words)}</text>`;

/** About `count` round numbers within [low, high]. */
function ticks(low: number, high: number, count = 5): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find(factor => factor * power >= rough) as number);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
}

const plain = (value: number) => String(value).replace('-', '−');

/** A range that holds the values, with a little room; around a single value, half a unit each way. */
function around(values: number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = high > low ? 0.04 * (high - low) : 0.5;
  return [low - room, high + room];
}

/** Panels share the axis of y, unless each has its own range. Below 3 points, or without variance in x, there is no line. */
function scatter(title: string, { x: xName, y: yName, range, xRange, panels }: FigureOf<'scatter'>): string {
  const columns = Math.min(panels.length, 3);
  const [width, height] = panels.length === 1 ? [560, 360] : [270, 230];
  const [left, top, right, bottom] = [54, panels.length === 1 && !panels[0]?.title ? 14 : 44, 14, 46];
  const shared = range === 'own' ? null : (range ?? around(panels.flatMap(({ y }) => y)));
  const content = panels.flatMap(({ title: head, note, x, y, open, fit }, index) => {
    const [low, high] = shared ?? around(y);
    const [x0, y0] = [(index % columns) * width, Math.floor(index / columns) * height];
    const [w, h] = [width - left - right, height - top - bottom];
    const [from, to] = around(xRange ?? [...x, ...open.map(point => point.x)]);
    const sx = (value: number) => (w * (value - from)) / (to - from);
    const sy = (value: number) => h - (h * (value - low)) / (high - low);
    const parts: string[] = [`<g transform="translate(${at(x0 + left)} ${at(y0 + top)})">`];
    if (head) parts.push(label(0, -24, head, 'font-weight="600"'));
    if (note) parts.push(label(0, -8, note, '', QUIET));
    for (const tick of ticks(low, high, 4))
      parts.push(
        `<line x1="0" x2="${at(w)}" y1="${at(sy(tick))}" y2="${at(sy(tick))}" ${GRID}/>`,
        label(-8, sy(tick) + 4, plain(tick), 'text-anchor="end"', QUIET),
      );
    for (const tick of ticks(from, to, panels.length === 1 ? 8 : 4))
      parts.push(
        `<line x1="${at(sx(tick))}" x2="${at(sx(tick))}" y1="${at(h)}" y2="${at(h + 4)}" ${GRID}/>`,
        label(sx(tick), h + 17, plain(tick), 'text-anchor="middle"', QUIET),
      );
    parts.push(label(w / 2, h + 36, xName, 'text-anchor="middle"'));
    parts.push(
      label(0, 0, yName, `text-anchor="middle" transform="translate(-38 ${at(h / 2)}) rotate(-90)"`),
    );
    // An inner picture cuts off what the band or the line would draw outside.
    parts.push(
      `<svg x="0" y="0" width="${at(w)}" height="${at(h)}" overflow="hidden">`,
      ...(fit ? fitted(fit, sx, sy) : []),
      '</svg>',
    );
    for (const [point, value] of x.entries())
      parts.push(
        `<circle cx="${at(sx(value))}" cy="${at(sy(y[point] as number))}" r="3.5" ${MARK} fill-opacity="0.85"/>`,
      );
    for (const point of open)
      parts.push(
        `<circle cx="${at(sx(point.x))}" cy="${at(sy(point.y))}" r="4" ${OTHER} stroke-width="1.5"/>`,
      );
    parts.push('</g>');
    return parts;
  });
  return svg(columns * width, Math.ceil(panels.length / columns) * height, title, content);
}

function fitted({ x, y, band }: Fit, sx: (x: number) => number, sy: (y: number) => number): string[] {
  const points = (heights: number[]) =>
    heights.map((height, index) => `${at(sx(x[index] as number))},${at(sy(height))}`);
  const line = points(y);
  // What has a band is straight.
  const outline = band ? [...points(band.high), ...points(band.low).toReversed()].join(' ') : '';
  return [
    ...(band ? [`<polygon points="${outline}" ${AREA}/>`] : []),
    `<polyline points="${(band ? [line[0], line.at(-1)] : line).join(' ')}" ${LINE} stroke-width="2"/>`,
  ];
}

/** Steps of the band from the lowest x to the highest. */
const STEPS = 40;

/**
 * The least-squares line with the 95 % confidence band of its mean: ŷ ± t(.975; n − 2)·s·√(1/n + (x − x̄)²/Σ(x − x̄)²).
 * Null without variance in x, or below 3 points.
 */
export function fitLine(x: number[], y: number[]): Fit | null {
  const n = x.length;
  if (n < 3 || isConstant(x)) return null;
  const [mx, my] = [mean(x), mean(y)];
  const sxx = x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
  const slope = x.reduce((sum, value, i) => sum + (value - mx) * ((y[i] as number) - my), 0) / sxx;
  const fitted = (value: number) => my + slope * (value - mx);
  const residual = Math.sqrt(
    x.reduce((sum, value, i) => sum + ((y[i] as number) - fitted(value)) ** 2, 0) / (n - 2),
  );
  const half = (value: number) =>
    tQuantile(0.975, n - 2) * residual * Math.sqrt(1 / n + (value - mx) ** 2 / sxx);
  const [from, to] = [Math.min(...x), Math.max(...x)];
  const steps = Array.from({ length: STEPS + 1 }, (_, index) => from + ((to - from) * index) / STEPS);
  return {
    x: steps,
    y: steps.map(fitted),
    band: {
      low: steps.map(value => fitted(value) - half(value)),
      high: steps.map(value => fitted(value) + half(value)),
    },
  };
}

/** One scale below the other; the reference is an open circle. */
function scores(title: string, { rows, k }: FigureOf<'scores'>): string {
  const [left, right, top, step] = [176, 58, 12, 24];
  const [w, h] = [380, rows.length * step];
  const sx = (value: number) => (w * (value - 1)) / (k - 1);
  const parts: string[] = [`<g transform="translate(${left} ${top})">`];
  for (const tick of Array.from({ length: k }, (_, index) => index + 1))
    parts.push(
      `<line x1="${at(sx(tick))}" x2="${at(sx(tick))}" y1="0" y2="${at(h)}" ${GRID}/>`,
      label(sx(tick), h + 18, String(tick), 'text-anchor="middle"', QUIET),
    );
  for (const [index, { name, score, deviation, reference, indent }] of rows.entries()) {
    const y = index * step + step / 2;
    parts.push(label(indent ? -150 : -164, y + 4, name, '', indent ? QUIET : INK));
    if (score === null) {
      parts.push(
        label(sx((1 + k) / 2), y + 4, 'no score', 'text-anchor="middle" font-style="italic"', QUIET),
      );
      continue;
    }
    const within = (value: number) => Math.max(1, Math.min(k, value));
    if (reference !== null)
      parts.push(
        `<line x1="${at(sx(reference))}" x2="${at(sx(score))}" y1="${at(y)}" y2="${at(y)}" ${LINE} stroke-width="1.5" stroke-dasharray="2 3"/>`,
        `<circle cx="${at(sx(reference))}" cy="${at(y)}" r="4.5" ${OTHER} stroke-width="1.5"/>`,
      );
    else if (deviation !== null)
      parts.push(
        `<line x1="${at(sx(within(score - deviation)))}" x2="${at(sx(within(score + deviation)))}" y1="${at(y)}" y2="${at(y)}" ${LINE} stroke-width="1.5"/>`,
      );
    parts.push(
      `<circle cx="${at(sx(score))}" cy="${at(y)}" r="${indent ? 3.5 : 5}" ${MARK}/>`,
      label(w + 14, y + 4, fixed(score), 'font-variant-numeric="tabular-nums"', indent ? QUIET : INK),
    );
  }
  parts.push('</g>');
  return svg(left + w + right, top + h + 28, title, parts);
}

/** Values with their intervals, one below the other. */
function estimates(title: string, { rows, of }: FigureOf<'estimates'>): string {
  const [left, right, top, step] = [236, 58, 12, 24];
  const [w, h] = [340, rows.length * step];
  const known = rows.flatMap(({ value, ci }) => [...(value === null ? [] : [value]), ...(ci ?? [])]);
  const [low, high] = around([0, ...known]);
  const sx = (value: number) => (w * (value - low)) / (high - low);
  const parts: string[] = [`<g transform="translate(${left} ${top})">`];
  for (const tick of ticks(low, high))
    parts.push(
      `<line x1="${at(sx(tick))}" x2="${at(sx(tick))}" y1="0" y2="${at(h)}" ${GRID}/>`,
      label(sx(tick), h + 18, plain(tick), 'text-anchor="middle"', QUIET),
    );
  for (const [index, { name, value, ci }] of rows.entries()) {
    const y = index * step + step / 2;
    parts.push(label(12 - left, y + 4, name.length > 34 ? `${name.slice(0, 33)}…` : name));
    if (ci)
      parts.push(
        `<line x1="${at(sx(ci[0]))}" x2="${at(sx(ci[1]))}" y1="${at(y)}" y2="${at(y)}" ${LINE} stroke-width="1.5"/>`,
      );
    if (value === null) parts.push(label(w + 14, y + 4, '—', '', QUIET));
    else
      parts.push(
        `<circle cx="${at(sx(value))}" cy="${at(y)}" r="4.5" ${MARK}/>`,
        label(
          w + 14,
          y + 4,
          of === undefined ? withoutZero(value) : fixed(value),
          'font-variant-numeric="tabular-nums"',
        ),
      );
  }
  parts.push('</g>');
  return svg(left + w + right, top + h + 28, title, parts);
}

/** The stronger the colour, the further from 0. */
function matrix(title: string, { names, values }: FigureOf<'matrix'>): string {
  const [left, size] = [176, 44];
  const parts = names.flatMap((name, row) => [
    label(12, 30 + row * size + size / 2 + 4, `${row + 1}  ${name}`),
    label(left + row * size + size / 2, 20, String(row + 1), 'text-anchor="middle"', QUIET),
    ...names.flatMap((_, column) => {
      const value = values[row]?.[column] ?? null;
      const [x, y] = [left + column * size, 30 + row * size];
      const fill = value !== null && value < 0 ? WARM : MARK;
      return [
        `<rect x="${x + 1}" y="${y + 1}" width="${size - 2}" height="${size - 2}" rx="3" ${fill} fill-opacity="${at(0.55 * Math.abs(value ?? 0))}"/>`,
        label(
          x + size / 2,
          y + size / 2 + 4,
          value === null ? '—' : withoutZero(value),
          'text-anchor="middle" font-variant-numeric="tabular-nums"',
        ),
      ];
    }),
  ]);
  return svg(left + names.length * size + 12, 30 + names.length * size + 12, title, parts);
}
