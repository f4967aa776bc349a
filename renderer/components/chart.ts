/** A drawing on a canvas by chart.js: the part that all plots share. */
import {
  Chart,
  Filler,
  LinearScale,
  LineElement,
  PointElement,
  RadarController,
  RadialLinearScale,
  ScatterController,
  SubTitle,
  Title,
  Tooltip,
} from 'chart.js';
import type { Drawing } from '../lib/figures.ts';
import type { Looks } from '../lib/looks.ts';

Chart.register(
  ...[RadarController, ScatterController, LinearScale, RadialLinearScale],
  ...[PointElement, LineElement, Filler, Title, SubTitle, Tooltip],
);

/** Pixels around a mark that count as the mark. */
const REACH = 8;

export function drawChart(
  canvas: HTMLCanvasElement,
  { title, note, stops, configure }: Drawing,
  looks: Looks,
) {
  const { type, data, options, plugins } = configure(looks);
  const size = (rem: number) => rem * looks.rem;
  const stopOf = (mark: { datasetIndex: number; dataIndex: number } | undefined) =>
    stops.find(({ marks }) =>
      marks.some(
        ({ datasetIndex, index }) => datasetIndex === mark?.datasetIndex && index === mark.dataIndex,
      ),
    );
  return new Chart(canvas, {
    type,
    data,
    plugins,
    options: {
      animation: false,
      maintainAspectRatio: false,
      font: { family: looks.font, size: size(0.75) },
      elements: { point: { hitRadius: REACH } },
      ...options,
      plugins: {
        title: {
          ...{ display: title !== '', text: title, align: 'start', color: looks.text },
          ...{ font: { size: size(0.8125), weight: 600 }, padding: { top: 0, bottom: note ? 0 : size(0.5) } },
        },
        subtitle: {
          ...{ display: note !== '', text: note, align: 'start', color: looks.quiet },
          ...{ font: { size: size(0.75) }, padding: { bottom: size(0.5) } },
        },
        tooltip: {
          displayColors: false,
          ...{ backgroundColor: looks.text, titleColor: looks.surface, bodyColor: looks.surface },
          // One stop may have several marks, whose lines are the stop's.
          filter: (item, _index, items) => item === items[0],
          callbacks: {
            title: ([item]) => stopOf(item)?.title ?? '',
            label: item => stopOf(item)?.lines ?? '',
          },
          titleFont: { size: size(0.75) },
          bodyFont: { size: size(0.75) },
        },
      },
    },
  });
}

/** Points at a stop as the mouse would; null: at none. */
export function pointAt(chart: Chart, drawing: Drawing, stop: number | null) {
  const marks = stop === null ? [] : (drawing.stops[stop]?.marks ?? []);
  chart.setActiveElements(marks);
  chart.tooltip?.setActiveElements(marks, { x: 0, y: 0 });
  chart.update();
}

/** The canvases inside the element where they stand, on one ground, with the title above. */
export async function pictureOf(element: HTMLElement, title: string, looks: Looks): Promise<Blob> {
  const frame = element.getBoundingClientRect();
  const canvases = [...element.querySelectorAll('canvas')];
  const [room, head] = [looks.rem, title ? 2 * looks.rem : 0];
  const scale = devicePixelRatio;
  const picture = document.createElement('canvas');
  picture.width = (frame.width + 2 * room) * scale;
  picture.height = (frame.height + 2 * room + head) * scale;
  const context = picture.getContext('2d');
  if (!context) throw new Error('This browser cannot draw.');
  context.scale(scale, scale);
  context.fillStyle = looks.surface;
  context.fillRect(0, 0, picture.width, picture.height);
  context.fillStyle = looks.text;
  context.font = `600 ${0.875 * looks.rem}px ${looks.font}`;
  context.fillText(title, room, room + looks.rem, frame.width);
  for (const canvas of canvases) {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    context.drawImage(canvas, left - frame.left + room, top - frame.top + room + head, width, height);
  }
  return new Promise((resolve, reject) =>
    picture.toBlob(blob => (blob ? resolve(blob) : reject(new Error('This browser cannot make a picture.')))),
  );
}
