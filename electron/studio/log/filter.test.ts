import { expect, test } from 'vitest';
import { runMatches } from './filter.ts';

const run = {
  id: '1f2e3d4c-aaaa',
  kind: 'sweep',
  title: 'Extraversion, 9 points',
  model: 'demo',
  tags: ['pilot', 'week 3'],
  notes: 'Levels off above +1.',
  starred: false,
  startedAt: new Date(2026, 10, 25, 13, 30).toISOString(),
} as const;
const matches = (filter: Parameters<typeof runMatches>[0]) =>
  runMatches(filter)({ ...run, tags: [...run.tags] });

test('finds every word in title, tags and notes, and the beginning of an id', () => {
  expect(matches({})).toBe(true);
  expect(matches({ text: ' levels PILOT extra ' })).toBe(true);
  expect(matches({ text: 'levels sinks' })).toBe(false);
  expect(matches({ text: '1f2e' })).toBe(true);
  expect(matches({ text: 'aaaa' })).toBe(false);
});

test('tells kinds, models, tags and stars apart', () => {
  expect(matches({ kind: 'sweep', model: 'demo', tag: 'week 3' })).toBe(true);
  expect(matches({ kind: 'assess' })).toBe(false);
  expect(matches({ model: 'other' })).toBe(false);
  expect(matches({ tag: 'week' })).toBe(false);
  expect(matches({ starred: true })).toBe(false);
  expect(runMatches({ starred: true })({ ...run, tags: [], starred: true })).toBe(true);
});

test('takes whole days, the first and the last with them', () => {
  expect(matches({ from: '2026-11-25', to: '2026-11-25' })).toBe(true);
  expect(matches({ from: '2026-11-26' })).toBe(false);
  expect(matches({ to: '2026-11-24' })).toBe(false);
});
