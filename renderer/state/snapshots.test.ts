import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Client } from '../client.ts';
import { Mix } from './mix.svelte.ts';
import { Snapshots } from './snapshots.svelte.ts';

let mix: Mix;
let snapshots: Snapshots;

beforeEach(() => {
  vi.useFakeTimers();
  mix = new Mix({ mixing: { check: async () => [] } } as unknown as Client);
  mix.base = 'demo';
  snapshots = new Snapshots(mix);
});

afterEach(() => {
  vi.useRealTimers();
});

it('flips between two mixes, says what differs, and undo goes back', () => {
  mix.set('extraversion', 1);
  snapshots.keep('A');
  snapshots.flip();
  expect([snapshots.shown, snapshots.differences]).toEqual(['A', null]);
  mix.set('openness', -0.5);
  expect(snapshots.shown).toBeNull();
  snapshots.keep('B');
  expect(snapshots.differences).toEqual([{ trait: 'openness', A: 0, B: -0.5 }]);
  snapshots.flip();
  expect([snapshots.shown, mix.alpha('openness'), mix.alpha('extraversion')]).toEqual(['A', 0, 1]);
  snapshots.flip();
  expect([snapshots.shown, mix.alpha('openness')]).toEqual(['B', -0.5]);
  mix.undo();
  expect(snapshots.shown).toBe('A');
  mix.resetAll();
  snapshots.flip();
  expect(snapshots.shown).toBe('A');
});
