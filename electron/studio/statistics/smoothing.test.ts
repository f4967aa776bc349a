/** Lowess against R's, and where it has nothing to go by. */
import { expect, test } from 'vitest';
import { lowess } from './smoothing.ts';

// R's data set `cars`: speed in mph, stopping distance in feet (Ezekiel 1930).
const SPEED = [
  ...[4, 4, 7, 7, 8, 9, 10, 10, 10, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15],
  ...[15, 16, 16, 17, 17, 17, 18, 18, 18, 18, 19, 19, 19, 20, 20, 20, 20, 20, 22, 23, 24, 24, 24, 24, 25],
];
const DISTANCE = [
  ...[2, 10, 4, 22, 16, 10, 18, 26, 34, 17, 28, 14, 20, 24, 28, 26, 34, 34, 46, 26, 36, 60, 80, 20, 26],
  ...[54, 32, 40, 32, 40, 50, 42, 56, 76, 84, 36, 46, 68, 32, 48, 52, 56, 64, 66, 54, 70, 92, 93, 120, 85],
];

test('gives what lowess(cars) gives in R', () => {
  const smooth = lowess(SPEED, DISTANCE);
  const at = (speed: number) => smooth[SPEED.indexOf(speed)];
  expect(at(4)).toBeCloseTo(4.965459, 5);
  expect(at(7)).toBeCloseTo(13.124495, 5);
  expect(at(8)).toBeCloseTo(15.858633, 5);
  expect(at(9)).toBeCloseTo(18.579691, 5);
  expect(at(10)).toBeCloseTo(21.280313, 5);
});

test('follows a line exactly, and one outlier does not move it', () => {
  const x = Array.from({ length: 30 }, (_, i) => i + 1);
  const line = x.map(value => 3 - 0.2 * value);
  for (const [i, value] of lowess(x, line).entries()) expect(value).toBeCloseTo(line[i] as number, 9);
  const noisy = line.map((value, i) => value + 0.01 * (i % 3));
  const off = noisy.with(14, 50);
  expect(Math.abs((lowess(x, off)[14] as number) - (noisy[14] as number))).toBeLessThan(0.05);
});

test('of points at one x is their mean', () => {
  for (const value of lowess([2, 2, 2], [1, 5, 3])) expect(value).toBeCloseTo(3, 9);
});
