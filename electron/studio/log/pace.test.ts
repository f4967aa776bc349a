import { expect, it } from 'vitest';
import { Pace } from './pace.ts';

it('tells the rest at the mean pace so far, and nothing before there is one', () => {
  const pace = new Pace();
  expect(pace.left(0, 100, 'bytes', 5000)).toBeUndefined();
  expect(pace.left(10, 100, 'bytes', 5500)).toBeUndefined();
  expect(pace.left(20, 100, 'bytes', 7000)).toBe(8);
  expect(pace.left(50, 100, 'bytes', 10_000)).toBe(5);
  expect(pace.left(100, 100, 'bytes', 15_000)).toBe(0);
});

it('begins anew where something else is counted, and does not take what was there before for quick work', () => {
  const pace = new Pace();
  pace.left(0, 100, 'bytes', 0);
  pace.left(100, 100, 'bytes', 2000);
  expect(pace.left(0, 50, 'answers', 3000)).toBeUndefined();
  expect(pace.left(10, 50, 'answers', 5000)).toBe(8);
  // The next persona's answers, or a download that goes on where it was interrupted.
  expect(pace.left(0, 50, 'answers', 6000)).toBeUndefined();
  const resumed = new Pace();
  resumed.left(90, 100, 'MB', 0);
  expect(resumed.left(91, 100, 'MB', 2000)).toBe(18);
});
