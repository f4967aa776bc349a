/** The radar: a chart.js instance, and its colours and figures. */
import {
  Chart,
  Filler,
  LineElement,
  PointElement,
  RadarController,
  RadialLinearScale,
  Tooltip,
} from 'chart.js';
import { TRAITS } from '../../../electron/studio/contract.ts';
import { plain } from '../../lib/format.ts';
import { t } from '../../lib/strings.ts';
import type { ScoreRow } from '../../state/measurement.svelte.ts';

Chart.register(RadarController, RadialLinearScale, PointElement, LineElement, Filler, Tooltip);

const SIDES = ['base', 'persona'] as const;

const names = TRAITS.map(trait => t.traits[trait].name);

export function drawRadar(canvas: HTMLCanvasElement): Chart<'radar'> {
  return new Chart(canvas, {
    type: 'radar',
    data: { labels: [], datasets: [] },
    options: {
      animation: false,
      maintainAspectRatio: false,
      layout: { padding: 0 },
      plugins: {
        tooltip: {
          callbacks: {
            title: ([item]) => (item ? (names[item.dataIndex] ?? '') : ''),
            label: item => `${item.dataset.label}: ${plain(item.parsed.r, 2)}`,
          },
        },
      },
      scales: { r: { min: 1, max: 5, ticks: { stepSize: 1, backdropColor: 'transparent' } } },
    },
  });
}

/** Puts the scores on the radar, in the page's present colours. */
export function showRadar(chart: Chart<'radar'>, rows: ScoreRow[]) {
  const ink = (name: string) => inkOf(chart.canvas, name);
  chart.data.labels = rows.map(row => t.traits[row.trait].letter);
  chart.data.datasets = SIDES.map(side => ({
    label: t.common[side],
    data: rows.map(row => row[side] ?? Number.NaN),
    borderColor: ink(side),
    backgroundColor: side === 'persona' ? translucent(ink(side)) : 'transparent',
    pointBackgroundColor: ink(side),
    pointRadius: 2.5,
    borderWidth: side === 'persona' ? 2 : 1.5,
    borderDash: side === 'persona' ? [] : [4, 3],
  }));
  const scale = chart.options.scales?.r;
  if (scale) {
    scale.grid = { color: ink('line') };
    scale.angleLines = { color: ink('line') };
    // Every second ring is named; more would hide the profile.
    scale.ticks = {
      ...scale.ticks,
      callback: value => (Number(value) % 2 === 1 ? value : ''),
      color: ink('text'),
      font: { size: 10 },
    };
    scale.pointLabels = {
      color: ink('text'),
      font: { size: 12, weight: 600, family: getComputedStyle(chart.canvas).fontFamily },
    };
  }
  chart.update();
}

function inkOf(canvas: HTMLCanvasElement, name: string): string {
  const swatch = canvas.parentElement?.querySelector(`.ink.${name}`);
  return swatch ? getComputedStyle(swatch).color : 'gray';
}

const translucent = (rgb: string) => rgb.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.16)');
