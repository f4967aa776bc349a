import { describe, expect, it } from 'vitest';
import { bytes, duration, fileName, howFar, parseNumber, signed, timeLeft, weightsText } from './format.ts';

describe('signed', () => {
  it.each([
    [1.5, '+1.50'],
    [-0.3, '−0.30'],
    [0, '0.00'],
    [-0.001, '0.00'],
  ])('writes %d as %s', (value, text) => expect(signed(value)).toBe(text));
});

describe('parseNumber', () => {
  it.each([
    ['1.5', 1.5],
    [' +0,25 ', 0.25],
    ['−2', -2],
    ['.5', 0.5],
    ['1.', 1],
  ])('reads %s', (text, value) => expect(parseNumber(text)).toBe(value));
  it.each(['', '-', 'much', '1.2.3', '1e3', '1 2'])('refuses "%s"', text =>
    expect(parseNumber(text)).toBeNull(),
  );
  it('reads what signed writes', () => expect(parseNumber(signed(-1.25))).toBe(-1.25));
});

it('writes sizes, durations, file names and mixes', () => {
  expect([bytes(999), bytes(14_200_000), bytes(16.1e9), bytes(335e6)]).toEqual([
    '999 B',
    '14.2 MB',
    '16.1 GB',
    '335 MB',
  ]);
  expect(duration('2026-01-01T00:00:00Z', '2026-01-01T00:00:02.500Z')).toBe('2.5 s');
  expect(duration('2026-01-01T00:00:00Z', '2026-01-01T00:03:05Z')).toBe('3 min 5 s');
  expect([fileName('/a/b.gguf'), fileName('C:\\models\\b.gguf')]).toEqual(['b.gguf', 'b.gguf']);
  expect(weightsText({ neuroticism: -0.5, extraversion: 1.5, openness: 0 })).toBe('E +1.50 · N −0.50');
  expect(weightsText({})).toBe('all at 0');
});

it('writes how far work is, and how long the rest takes', () => {
  const work = { done: 3.2e9, total: 16.1e9, unit: 'bytes', message: '' };
  expect(howFar(work)).toBe('3.2 GB / 16.1 GB');
  expect(howFar({ ...work, done: 12.4, total: 55, unit: 'points' })).toBe('12 / 55 points');
  expect(howFar({ ...work, done: 5, total: 900, unit: 'MB' })).toBe('5.0 MB / 900 MB');
  expect(howFar({ ...work, done: 0, total: 0 })).toBe('');
  expect([timeLeft(work), timeLeft({ ...work, secondsLeft: 39.2 })]).toEqual(['', '40 s left']);
});
