import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Connection } from '../client.ts';
import { Aiming, DESIGN_POINTS } from './aiming.svelte.ts';
import { Mix } from './mix.svelte.ts';

const solve = vi.fn();
const list = vi.fn();
const get = vi.fn();
let mix: Mix;
let aiming: Aiming;

const solved = (alphas: Record<string, number>, present: Record<string, number> = {}) => ({
  ...{ alphas, base: {}, predicted: { extraversion: 4 }, predictedCi95: {} },
  ...{ present, presentCi95: { extraversion: [1, 2] } },
});

beforeEach(() => {
  vi.useFakeTimers();
  solve.mockReset();
  list.mockReset().mockResolvedValue([]);
  get.mockReset();
  const client = { mixing: { check: async () => [] }, experiments: { solve }, runs: { list, get } };
  const connection = { client } as unknown as Connection;
  mix = new Mix(connection.client);
  mix.base = 'demo';
  aiming = new Aiming(connection, mix);
});

afterEach(() => {
  vi.useRealTimers();
});

it('puts the solved α on the sliders, where undo takes them back, and leaves unnamed traits free', async () => {
  mix.set('openness', 1);
  solve.mockResolvedValue(solved({ extraversion: 0.8 }));
  aiming.want('neuroticism', 2);
  aiming.want('neuroticism', null);
  aiming.want('extraversion', 4);
  await vi.advanceTimersByTimeAsync(200);
  expect(solve).toHaveBeenCalledTimes(1);
  expect(solve.mock.calls[0]?.[0]).toMatchObject({ profile: { extraversion: 4 }, others: 'free' });
  expect(mix.persona().recipe.weights).toEqual({ extraversion: 0.8 });
  expect(aiming.moved).toBe(false);
  mix.undo();
  expect(mix.persona().recipe.weights).toEqual({ openness: 1 });
  expect(aiming.moved).toBe(true);
  aiming.place();
  expect(mix.alpha('extraversion')).toBe(0.8);
});

it('predicts what the sliders give where they stand, with and without wanted scores', async () => {
  mix.set('extraversion', 1);
  solve.mockResolvedValueOnce(solved({}, { extraversion: 4.4 }));
  await aiming.refresh();
  expect(solve.mock.calls[0]?.[0]).toMatchObject({ persona: { recipe: { weights: { extraversion: 1 } } } });
  expect([aiming.predicted, aiming.intervals]).toEqual([{ extraversion: 4.4 }, { extraversion: [1, 2] }]);
  solve.mockResolvedValueOnce(solved({ extraversion: 0.8 }));
  aiming.want('extraversion', 4);
  await vi.advanceTimersByTimeAsync(200);
  await aiming.refresh();
  expect(solve).toHaveBeenCalledTimes(2);
  expect(aiming.predicted).toEqual({ extraversion: 4 });
  mix.set('extraversion', -1);
  solve.mockResolvedValueOnce(solved({ extraversion: 0.8 }, { extraversion: 1.5 }));
  await aiming.refresh();
  expect([aiming.moved, aiming.predicted]).toEqual([true, { extraversion: 1.5 }]);
  expect(mix.alpha('extraversion')).toBe(-1);
});

it('drops a solution that came too late', async () => {
  let late: (answer: unknown) => void = () => {};
  solve.mockImplementationOnce(() => new Promise(resolve => (late = resolve)));
  aiming.want('extraversion', 4);
  await vi.advanceTimersByTimeAsync(200);
  solve.mockResolvedValueOnce(solved({ extraversion: 0.3 }));
  aiming.want('extraversion', 3.5);
  await vi.advanceTimersByTimeAsync(200);
  late(solved({ extraversion: 1.9 }));
  await vi.advanceTimersByTimeAsync(0);
  expect(mix.alpha('extraversion')).toBe(0.3);
});

it('asks again for other instructions, leaves the sliders alone then, and estimates a calibration', async () => {
  solve.mockResolvedValueOnce(solved({ extraversion: 1 }));
  await aiming.refresh();
  await aiming.refresh();
  expect(solve).toHaveBeenCalledTimes(1);
  expect(mix.alpha('extraversion')).toBe(0);
  mix.system = 'Be brief.';
  solve.mockResolvedValueOnce(null);
  list.mockResolvedValueOnce([{ id: 'other' }, { id: 'own' }]);
  get.mockImplementation(async ({ id }: { id: string }) => ({
    kind: 'assess',
    state: 'done',
    startedAt: '2026-01-01T00:00:00Z',
    finishedAt: id === 'own' ? '2026-01-01T00:00:02Z' : '2026-01-01T00:01:00Z',
    input: { persona: { recipe: { base: id === 'own' ? 'demo' : 'large' } } },
  }));
  await aiming.refresh();
  expect(aiming.solved).toBeNull();
  expect(aiming.estimate).toBe(2 * DESIGN_POINTS);
});
