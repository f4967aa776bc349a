import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resourcesFolder } from '../../host.ts';
import { drawSvg } from './plots.ts';
import { toPng } from './png.ts';

const fonts = join(resourcesFolder, 'fonts');
const svg = (content: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40" font-family="system-ui, sans-serif" font-size="12">${content}</svg>`;
const sizeOf = (png: Uint8Array) => {
  const view = new DataView(png.buffer, png.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
};

test('a plot becomes a PNG file three times its size', async () => {
  const figure = {
    form: 'estimates' as const,
    rows: [{ name: 'Extraversion', value: 0.9, ci: [0.8, 0.95] as [number, number] }],
  };
  const plot = drawSvg({ title: 'Correlations', figure });
  const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(plot) ?? [];
  const png = await toPng(plot, fonts);
  expect(Buffer.from(png.subarray(0, 8))).toEqual(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'));
  expect(sizeOf(png)).toEqual([3 * Number(width), 3 * Number(height)]);
});

test('letters are drawn, Greek ones and signs too, whatever fonts the system has', async () => {
  const empty = (await toPng(svg(''), fonts)).length;
  const pictures = new Set([empty]);
  for (const sign of ['α', 'ρ', 'λ', '−', '‖', '’', '—', 'ü', 'W']) {
    const picture = await toPng(svg(`<text x="10" y="20">${sign}</text>`), fonts);
    expect(picture.length, sign).toBeGreaterThan(empty);
    pictures.add(picture.length);
  }
  // Signs that a font lacks would all be the same box.
  expect(pictures.size).toBeGreaterThan(6);
});
