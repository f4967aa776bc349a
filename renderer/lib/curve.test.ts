import { expect, it } from 'vitest';
import { resampled } from './curve.ts';

it('reads the same line at other places', () => {
  expect(resampled([0, 1], 3)).toEqual([0, 0.5, 1]);
  expect(resampled([0, 1, 0], 5)).toEqual([0, 0.5, 1, 0.5, 0]);
  expect(resampled([2, 0, 1], 2)).toEqual([2, 1]);
  expect(resampled([1, 0.5, 0, 2], 4)).toEqual([1, 0.5, 0, 2]);
  expect(resampled([0.7], 3)).toEqual([0.7, 0.7, 0.7]);
});
