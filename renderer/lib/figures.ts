/** What chart.js draws of a figure: its drawings, the points that can be pointed at or walked to, and the table behind it. */
import type { ChartConfiguration, ChartDataset, Plugin } from 'chart.js';
import type { Figure, Fit } from '../../electron/studio/contract.ts';
import type { ScoreRow } from '../state/measurement.svelte.ts';
import { interval, plain } from './format.ts';
import { decimal } from './language.ts';
import { type Looks, translucent } from './looks.ts';
import { t } from './strings.ts';

/** What is said of a point, and the marks that stand for it: places of datasets and in them. */
export interface Stop {
  title: string;
  lines: string[];
  marks: { datasetIndex: number; index: number }[];
}

/** One canvas. */
export interface Drawing {
  /** Tells it from the others of its figure; may be empty. */
  title: string;
  note: string;
  /** In rem. */
  height: number;
  stops: Stop[];
  configure: (looks: Looks) => ChartConfiguration<'scatter' | 'radar'>;
}

export interface Table {
  head: string[];
  rows: (string | number | null)[][];
}

/** A figure as the page draws it. */
export interface Drawn {
  drawings: Drawing[];
  table: Table;
}

/** Numbers whole, with the decimal sign of the language, so that a spreadsheet takes them as numbers. */
const cellText = (cell: string | number | null) =>
  typeof cell === 'number' ? decimal(String(cell)) : (cell ?? '');

/** Tabs between cells. */
export const tableText = ({ head, rows }: Table): string =>
  [head, ...rows].map(row => row.map(cellText).join('\t')).join('\n');

export function tableHtml({ head, rows }: Table): string {
  const safe = (text: string) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const row = (cells: Table['rows'][number], tag: string) =>
    `<tr>${cells.map(cell => `<${tag}>${safe(cellText(cell))}</${tag}>`).join('')}</tr>`;
  return `<table>${row(head, 'th')}${rows.map(cells => row(cells, 'td')).join('')}</table>`;
}

export function drawnFrom(figure: Figure): Drawn {
  switch (figure.form) {
    case 'scatter':
      return scatter(figure);
    case 'scores':
      return scores(figure);
    case 'estimates':
      return estimates(figure);
    case 'matrix':
      return matrix(figure);
    default:
      return figure satisfies never;
  }
}

type FigureOf<F extends Figure['form']> = Extract<Figure, { form: F }>;
type Dataset = ChartDataset<'scatter', { x: number; y: number }[]>;

const POINT = 4;
const GAP = { x: Number.NaN, y: Number.NaN };
const ci = (bounds: readonly [number, number] | null) => (bounds ? ` ${interval(bounds)}` : '');

const points = (data: { x: number; y: number }[], colour: string, look: Partial<Dataset> = {}): Dataset => ({
  data,
  pointRadius: POINT,
  pointHoverRadius: POINT + 2,
  // Marks on the edge are seen whole.
  clip: 8,
  backgroundColor: colour,
  borderColor: colour,
  ...look,
});
const open = (looks: Looks): Partial<Dataset> => ({
  backgroundColor: looks.surface,
  borderWidth: looks.strong ? 2.5 : 1.5,
  pointRadius: POINT + 0.5,
});
/** Not to be pointed at. */
const path = (data: { x: number; y: number }[], look: Partial<Dataset>): Dataset => ({
  data,
  showLine: true,
  pointRadius: 0,
  pointHitRadius: 0,
  pointHoverRadius: 0,
  ...look,
});
const width = (looks: Looks) => (looks.strong ? 3 : 2);

// ── Points with a line ─────────────────────────────────────────────────────────────────────────────────────

function scatter({ x: xName, y: yName, range, xRange, kinds, panels }: FigureOf<'scatter'>): Drawn {
  const several = panels.length > 1;
  const drawings = panels.map((panel): Drawing => {
    const filled = sorted(panel.x.map((x, index) => ({ x, y: panel.y[index] as number })));
    const others = sorted(panel.open);
    const [low, high] = xRange ?? spanOf([...filled, ...others].map(({ x }) => x));
    const room = 0.04 * (high - low) || 0.5;
    const said = (point: { x: number; y: number }, kind: 0 | 1): string[] => [
      `${yName}: ${plain(point.y)}${kinds ? ` (${kinds[kind]})` : ''}`,
      ...(kind === 0 && panel.fit ? [lineAt(panel.fit, point.x)] : []),
    ];
    const stops = ([filled, others] as const).flatMap((of, datasetIndex) =>
      of.map((point, index) => ({
        title: `${xName} = ${plain(point.x)}`,
        lines: said(point, datasetIndex === 0 ? 0 : 1),
        marks: [{ datasetIndex, index }],
      })),
    );
    return {
      title: panel.title,
      note: panel.note,
      height: several ? 15 : 20,
      stops,
      configure: looks => ({
        type: 'scatter',
        data: {
          datasets: [
            points(filled, looks.persona),
            points(others, looks.base, open(looks)),
            ...(panel.fit ? line(panel.fit, looks) : []),
          ],
        },
        options: {
          scales: {
            x: {
              ...axis(looks, xName),
              min: low - room,
              max: high + room,
              ticks: {
                color: looks.quiet,
                includeBounds: false,
                maxTicksLimit: several ? 5 : 9,
                callback: tick,
              },
            },
            y: {
              ...axis(looks, yName),
              ...(Array.isArray(range)
                ? { min: range[0], max: range[1] }
                : { grace: '5%', ...floor(panel.y) }),
              ticks: { color: looks.quiet, maxTicksLimit: 6, callback: tick },
            },
          },
        },
      }),
    };
  });
  const lead = several || panels[0]?.title !== '';
  return {
    drawings,
    table: {
      head: [...(lead ? [t.plots.panel] : []), ...(kinds ? [t.plots.kind] : []), xName, yName],
      rows: panels.flatMap(panel => {
        const row = (kind: 0 | 1) => [...(lead ? [panel.title] : []), ...(kinds ? [kinds[kind]] : [])];
        return [
          ...panel.x.map((x, index) => [...row(0), x, panel.y[index] ?? null]),
          ...panel.open.map(({ x, y }) => [...row(1), x, y]),
        ];
      }),
    },
  };
}

const spanOf = (values: number[]) => [Math.min(...values), Math.max(...values)] as const;
/** Shares and counts that come near 0 are drawn from there: the room around them would name values that can't be. */
function floor(values: number[]): { min?: number } {
  const [low, high] = spanOf(values);
  return low >= 0 && low < 0.1 * (high - low) ? { min: 0 } : {};
}
const sorted = (of: { x: number; y: number }[]) => of.toSorted((a, b) => a.x - b.x);
const tick = (value: string | number) => plain(Number(value), decimals(Number(value)));
/** As many as the number needs, two at most. */
const decimals = (value: number) =>
  [0, 1].find(digits => Math.abs(value * 10 ** digits - Math.round(value * 10 ** digits)) < 1e-6) ?? 2;

/** `Line: 3.40 [3.21, 3.59]`, between the two steps around x. */
function lineAt(fit: Fit, x: number): string {
  const after = Math.max(
    1,
    fit.x.findIndex(step => step >= x - 1e-12),
  );
  const [from, to] = [fit.x[after - 1] as number, fit.x[after] as number];
  const share = (x - from) / (to - from);
  const at = (of: number[]) => (of[after - 1] as number) * (1 - share) + (of[after] as number) * share;
  const { band } = fit;
  return `${t.plots.line}: ${plain(at(fit.y))}${band ? ci([at(band.low), at(band.high)]) : ''}`;
}

/** The line, and the band between its two bounds where it has one. */
function line(fit: Fit, looks: Looks): Dataset[] {
  const along = (of: number[]) => fit.x.map((x, index) => ({ x, y: of[index] as number }));
  const soft = translucent(looks.persona, 0.16);
  const edge = looks.strong ? { borderColor: looks.persona, borderWidth: 1 } : { borderWidth: 0 };
  return [
    path(along(fit.y), { borderColor: looks.persona, borderWidth: width(looks) }),
    ...(fit.band
      ? [
          path(along(fit.band.high), { ...edge, backgroundColor: soft, fill: '+1' }),
          path(along(fit.band.low), edge),
        ]
      : []),
  ];
}

function axis(looks: Looks, name: string) {
  return {
    title: { display: name !== '', text: name, color: looks.text },
    grid: { color: looks.line },
    border: { display: false },
  };
}

// ── Rows with values ───────────────────────────────────────────────────────────────────────────────────────

/** Letters of a line of a row's name. */
const LONGEST = 22;
/** Rem. */
const ROW = 1.6;

interface Row {
  name: string;
  value: number | null;
  indent?: boolean;
}

/** Rows from top to bottom: names at the left, values at the right, marks between. */
function rowsDrawing(
  rows: Row[],
  stops: Stop[],
  { datasets, low, high }: { datasets: (looks: Looks) => Dataset[]; low: number; high: number },
): Drawing {
  const names = rows.map(({ name }) => linesOf(name));
  const most = Math.max(1, ...names.map(lines => lines.length));
  const side = (looks: Looks, labels: string[][]) => ({
    reverse: true,
    min: -0.5,
    max: rows.length - 0.5,
    grid: { display: false },
    border: { display: false },
    afterBuildTicks: (scale: { ticks: { value: number }[] }) => {
      scale.ticks = rows.map((_, value) => ({ value }));
    },
    // Else the names are cut where the axis has a quarter of the width.
    afterFit: (scale: { width: number; ctx: CanvasRenderingContext2D }) => {
      scale.ctx.font = `${0.75 * looks.rem}px ${looks.font}`;
      const widths = labels.flat().map(text => scale.ctx.measureText(text).width);
      scale.width = Math.max(...widths) + looks.rem;
    },
    ticks: {
      autoSkip: false,
      color: rows.map(({ indent }) => (indent ? looks.quiet : looks.text)),
      callback: (value: string | number) => labels[Number(value)] ?? '',
    },
  });
  return {
    title: '',
    note: '',
    height: rows.length * ROW * (most > 1 ? 0.35 + 0.65 * most : 1) + 2.5,
    stops,
    configure: looks => ({
      type: 'scatter',
      data: { datasets: datasets(looks) },
      options: {
        scales: {
          x: {
            ...axis(looks, ''),
            min: low,
            max: high,
            ticks: { color: looks.quiet, includeBounds: false, maxTicksLimit: 7, callback: tick },
          },
          y: { ...side(looks, names), position: 'left' },
          values: {
            ...side(
              looks,
              rows.map(({ value }) => [plain(value)]),
            ),
            type: 'linear',
            position: 'right',
          },
        },
      },
    }),
  };
}

/** Words in lines that are as long as they may be. */
function linesOf(name: string): string[] {
  const lines: string[] = [];
  for (const word of name.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < LONGEST)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** One line for each row that has both ends; the gaps between keep them apart. */
const bars = (ends: ([number, number] | null)[]) =>
  ends.flatMap((pair, y) => (pair ? [{ x: pair[0], y }, { x: pair[1], y }, GAP] : []));

function scores({ rows, k, reference: what }: FigureOf<'scores'>): Drawn {
  const within = (value: number) => Math.max(1, Math.min(k, value));
  const filled = rows.flatMap(({ score }, y) => (score === null ? [] : [{ x: score, y }]));
  const others = rows.flatMap(({ reference, score }, y) =>
    reference === null || score === null ? [] : [{ x: reference, y }],
  );
  const ends = rows.map(({ score, deviation, reference }): [number, number] | null => {
    if (score === null) return null;
    if (reference !== null) return [reference, score];
    return deviation === null ? null : [within(score - deviation), within(score + deviation)];
  });
  const compared = others.length > 0;
  const stops = filled.map(({ y }, index): Stop => {
    const { name, score, deviation, reference } = rows[y] as (typeof rows)[number];
    const other = others.findIndex(point => point.y === y);
    return {
      title: name,
      lines: [
        `${t.plots.score}: ${plain(score)}`,
        ...(deviation === null ? [] : [`${t.plots.deviation}: ${plain(deviation)}`]),
        ...(reference === null ? [] : [`${what ?? t.plots.reference}: ${plain(reference)}`]),
      ],
      marks: [{ datasetIndex: 0, index }, ...(other < 0 ? [] : [{ datasetIndex: 1, index: other }])],
    };
  });
  const drawing = rowsDrawing(
    rows.map(({ name, score, indent }) => ({ name, value: score, indent })),
    stops,
    {
      low: 1,
      high: k,
      datasets: looks => [
        points(filled, looks.persona),
        points(others, looks.base, open(looks)),
        path(bars(ends), {
          borderColor: looks.persona,
          borderWidth: width(looks) - 0.5,
          borderDash: compared ? [3, 3] : [],
        }),
      ],
    },
  );
  const [deviations, references] = [
    rows.some(({ deviation }) => deviation !== null),
    rows.some(({ reference }) => reference !== null),
  ];
  return {
    drawings: [drawing],
    table: {
      head: [
        t.plots.scale,
        t.plots.score,
        ...(deviations ? [t.plots.deviation] : []),
        ...(references ? [what ?? t.plots.reference] : []),
      ],
      rows: rows.map(({ name, score, deviation, reference }) => [
        name,
        score,
        ...(deviations ? [deviation] : []),
        ...(references ? [reference] : []),
      ]),
    },
  };
}

function estimates({ rows, of = 'r' }: FigureOf<'estimates'>): Drawn {
  const filled = rows.flatMap(({ value }, y) => (value === null ? [] : [{ x: value, y }]));
  const known = [0, ...rows.flatMap(({ value, ci }) => [...(value === null ? [] : [value]), ...(ci ?? [])])];
  const [low, high] = spanOf(known);
  const room = 0.04 * (high - low) || 0.5;
  const stops = filled.map(({ y }, index): Stop => {
    const { name, value, ci: interval } = rows[y] as (typeof rows)[number];
    return {
      title: name,
      lines: [`${of} = ${plain(value)}${ci(interval)}`],
      marks: [{ datasetIndex: 0, index }],
    };
  });
  const drawing = rowsDrawing(rows, stops, {
    low: low - room,
    high: high + room,
    datasets: looks => [
      points(filled, looks.persona),
      path(bars(rows.map(row => row.ci)), { borderColor: looks.persona, borderWidth: width(looks) - 0.5 }),
    ],
  });
  return {
    drawings: [drawing],
    table: {
      head: [t.plots.name, of, t.plots.low, t.plots.high],
      rows: rows.map(row => [row.name, row.value, row.ci?.[0] ?? null, row.ci?.[1] ?? null]),
    },
  };
}

// ── A square of values ─────────────────────────────────────────────────────────────────────────────────────

function matrix({ names, values }: FigureOf<'matrix'>): Drawn {
  const cells = names.flatMap((first, y) =>
    names.map((second, x) => ({ first, second, x, y, value: values[y]?.[x] ?? null })),
  );
  const edge = { min: -0.5, max: names.length - 0.5, grid: { display: false }, border: { display: false } };
  const each = (scale: { ticks: { value: number }[] }) => {
    scale.ticks = names.map((_, value) => ({ value }));
  };
  const written = (looks: Looks): Plugin<'scatter'> => ({
    id: 'values',
    afterDatasetsDraw({ ctx, getDatasetMeta }) {
      ctx.save();
      Object.assign(ctx, { font: `${0.75 * looks.rem}px ${looks.font}`, fillStyle: looks.text });
      Object.assign(ctx, { textAlign: 'center', textBaseline: 'middle' });
      for (const [index, { x, y }] of getDatasetMeta(0).data.entries())
        ctx.fillText(plain(cells[index]?.value), x, y);
      ctx.restore();
    },
  });
  return {
    drawings: [
      {
        title: '',
        note: '',
        height: names.length * 2.5 + 2,
        stops: cells.map(({ first, second, value }, index) => ({
          title: `${first} · ${second}`,
          lines: [plain(value)],
          marks: [{ datasetIndex: 0, index }],
        })),
        configure: looks => ({
          type: 'scatter',
          data: {
            datasets: [
              points(cells, looks.persona, {
                pointStyle: 'rect',
                borderWidth: 0,
                // Of a square, the radius reaches to its corners.
                pointRadius: ({ chart }) =>
                  (Math.SQRT1_2 * (chart.chartArea?.height ?? 0)) / names.length - 2,
                pointHoverRadius: ({ chart }) =>
                  (Math.SQRT1_2 * (chart.chartArea?.height ?? 0)) / names.length,
                pointBackgroundColor: cells.map(({ value }) =>
                  translucent((value ?? 0) < 0 ? looks.danger : looks.persona, 0.55 * Math.abs(value ?? 0)),
                ),
              }),
            ],
          },
          options: {
            scales: {
              x: {
                ...edge,
                position: 'top',
                afterBuildTicks: each,
                ticks: { autoSkip: false, color: looks.quiet, callback: value => `${Number(value) + 1}` },
              },
              y: {
                ...edge,
                reverse: true,
                afterBuildTicks: each,
                ticks: {
                  autoSkip: false,
                  color: looks.text,
                  callback: value => `${Number(value) + 1}  ${names[Number(value)]}`,
                },
              },
            },
          },
          plugins: [written(looks) as Plugin],
        }),
      },
    ],
    table: {
      head: [t.plots.name, ...names],
      rows: names.map((name, row) => [name, ...names.map((_, column) => values[row]?.[column] ?? null)]),
    },
  };
}

// ── The measurement's radar ────────────────────────────────────────────────────────────────────────────────

const SIDES = ['base', 'persona'] as const;

/** Trait scores of base and persona on spokes, from 1 to 5. */
export function radar(rows: ScoreRow[]): Drawn {
  const stops = rows.map((row, index) => ({
    title: t.traits[row.trait].name,
    lines: SIDES.map(side => `${t.common[side]}: ${plain(row[side])}`),
    marks: SIDES.flatMap((side, datasetIndex) => (row[side] === null ? [] : [{ datasetIndex, index }])),
  }));
  return {
    drawings: [
      {
        title: '',
        note: '',
        height: 12,
        stops: stops.filter(({ marks }) => marks.length > 0),
        configure: looks => ({
          type: 'radar',
          data: {
            labels: rows.map(row => t.traits[row.trait].letter),
            datasets: SIDES.map(side => ({
              data: rows.map(row => row[side] ?? Number.NaN),
              borderColor: looks[side],
              backgroundColor: side === 'persona' ? translucent(looks[side], 0.16) : 'transparent',
              fill: side === 'persona',
              pointBackgroundColor: looks[side],
              pointRadius: 2.5,
              borderWidth: width(looks) - (side === 'persona' ? 0 : 0.5),
              borderDash: side === 'persona' ? [] : [4, 3],
            })),
          },
          options: {
            scales: {
              r: {
                min: 1,
                max: 5,
                grid: { color: looks.line },
                angleLines: { color: looks.line },
                // Every second ring is named; more would hide the profile.
                ticks: {
                  stepSize: 1,
                  backdropColor: 'transparent',
                  callback: value => (Number(value) % 2 === 1 ? value : ''),
                  color: looks.quiet,
                  font: { size: 0.65 * looks.rem },
                },
                pointLabels: { color: looks.quiet, font: { size: 0.75 * looks.rem, weight: 600 } },
              },
            },
          },
        }),
      },
    ],
    table: {
      head: [t.measure.trait, t.common.base, t.common.persona],
      rows: rows.map(row => [t.traits[row.trait].name, row.base, row.persona]),
    },
  };
}
