/** A persona's emblem as a PNG file: a card is a picture, also where the persona has none. */
import { deflateSync } from 'node:zlib';
import type { Weights } from '../contract.ts';
import { emblem } from './emblem.ts';
import { writePng } from './png.ts';

/** Pixels; cards are portraits of 2 : 3. */
const [WIDTH, HEIGHT] = [256, 384];
/** Points looked at along each side of a pixel. */
const FINE = 2;

export function emblemPng(weights: Weights): Buffer {
  const { ground, shapes } = emblem(weights);
  const colourAt = (x: number, y: number) =>
    shapes.findLast(({ points }) => contains(points, x, y))?.colour ?? ground;
  const scale = 100 / WIDTH;
  const top = (HEIGHT - WIDTH) / 2;
  // One byte before each row: its filter, none.
  const rows = Buffer.alloc(HEIGHT * (1 + WIDTH * 3));
  for (let row = 0; row < HEIGHT; row++)
    for (let column = 0; column < WIDTH; column++) {
      const sum = [0, 0, 0];
      for (let point = 0; point < FINE * FINE; point++) {
        const x = column + ((point % FINE) + 0.5) / FINE;
        const y = row - top + (Math.floor(point / FINE) + 0.5) / FINE;
        for (const [channel, value] of colourAt(x * scale, y * scale).entries())
          sum[channel] = (sum[channel] ?? 0) + value;
      }
      const at = row * (1 + WIDTH * 3) + 1 + column * 3;
      for (const [channel, value] of sum.entries()) rows[at + channel] = Math.round(value / FINE ** 2);
    }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(HEIGHT, 4);
  // Eight bits, red, green and blue.
  header.set([8, 2], 8);
  return writePng([
    { type: 'IHDR', data: header },
    { type: 'IDAT', data: deflateSync(rows) },
    { type: 'IEND', data: Buffer.alloc(0) },
  ]);
}

/** Whether a polygon has the point inside, by the crossings of a line to the right. */
function contains(points: [number, number][], x: number, y: number): boolean {
  let inside = false;
  for (const [index, [ax, ay]] of points.entries()) {
    const [bx, by] = points.at(index - 1) ?? [ax, ay];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}
