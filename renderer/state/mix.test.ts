import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { persona } from '../../electron/studio/contract.ts';
import type { Client } from '../client.ts';
import { Mix, safeReach } from './mix.svelte.ts';

const check = vi.fn();
let mix: Mix;

beforeEach(() => {
  vi.useFakeTimers();
  check.mockReset().mockResolvedValue([]);
  mix = new Mix({ mixing: { check } } as unknown as Client);
  mix.base = 'demo';
});

afterEach(() => {
  vi.useRealTimers();
});

it('keeps sliders within ±2 and leaves zeros out of the recipe', () => {
  mix.set('extraversion', 3);
  mix.set('openness', -0.1);
  mix.set('openness', 0);
  expect(mix.persona().recipe.weights).toEqual({ extraversion: 2 });
  expect(mix.basePersona().recipe.weights).toEqual({});
});

it('adds up steps without drifting off them', () => {
  for (let i = 1; i <= 20; i++) mix.set('extraversion', mix.alpha('extraversion') + 0.05);
  expect(mix.alpha('extraversion')).toBe(1);
});

it('bakes by the chosen method and talks by plain addition', () => {
  mix.set('extraversion', 1);
  mix.method = 'ties';
  mix.density = 0.3;
  expect(mix.persona().recipe.method).toBe('task_arithmetic');
  expect(mix.bakeRecipe()).toMatchObject({ method: 'ties', density: 0.3, weights: { extraversion: 1 } });
});

it('undoes a restored persona as one step', () => {
  mix.set('extraversion', 1);
  mix.restore(
    persona.parse({ recipe: { version: 1, base: 'demo', weights: { openness: -1 } }, system: 'Be brief.' }),
  );
  expect([mix.alpha('openness'), mix.alpha('extraversion'), mix.system]).toEqual([-1, 0, 'Be brief.']);
  mix.undo();
  expect([mix.alpha('openness'), mix.alpha('extraversion')]).toEqual([0, 1]);
});

it('checks once after many moves, and drops an answer that came too late', async () => {
  let late: (warnings: unknown[]) => void = () => {};
  check.mockImplementationOnce(() => new Promise(resolve => (late = resolve)));
  mix.set('extraversion', 1);
  mix.set('extraversion', 1.1);
  await vi.advanceTimersByTimeAsync(200);
  expect(check).toHaveBeenCalledTimes(1);
  check.mockResolvedValueOnce([{ code: 'alpha_sum_high', message: 'new' }]);
  mix.set('extraversion', 2);
  await vi.advanceTimersByTimeAsync(200);
  late([]);
  await vi.advanceTimersByTimeAsync(0);
  expect(mix.warnings).toMatchObject([{ message: 'new' }]);
});

it('says how far a slider may go before the whole mix leaves the safe region', () => {
  expect(safeReach({}, 'openness')).toBe(2);
  expect(safeReach({ extraversion: -1.5, openness: 1 }, 'openness')).toBe(0.5);
  expect(safeReach({ extraversion: 2, neuroticism: 1 }, 'openness')).toBe(0);
});
