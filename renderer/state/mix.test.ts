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
  mix.adjust('density', 0.4);
  expect(mix.persona().recipe.method).toBe('task_arithmetic');
  expect(mix.bakeRecipe()).toMatchObject({ method: 'ties', density: 0.4, weights: { extraversion: 1 } });
});

it('keeps settings over a change of method where the new one takes them, and finds back to the defaults', () => {
  mix.method = 'dare_linear';
  mix.adjust('density', 0.4);
  mix.adjust('seed', 3);
  mix.method = 'ties';
  expect(mix.bakeRecipe()).toMatchObject({ density: 0.4, normalize: true });
  expect(mix.bakeRecipe()).not.toHaveProperty('seed');
  mix.adjust('density', 0.3);
  mix.adjust('lambda', 0.5);
  mix.resetMethod();
  expect(mix.settings).toEqual({});
  expect(mix.bakeRecipe()).toMatchObject({ density: 0.3, lambda: 1 });
});

it('says what keeps a method from making the file', () => {
  mix.set('extraversion', 1);
  mix.set('openness', 1);
  mix.method = 'slerp';
  expect(mix.bakeObstacle).toContain('SLERP (slerp) mixes exactly 1 vector, but 2 weights are not 0.');
  mix.reset('openness');
  expect(mix.bakeObstacle).toBeNull();
  mix.method = 'della';
  mix.adjust('density', 0.9);
  expect(mix.bakeObstacle).toContain('choose an epsilon below 0.1');
  // What contradicts itself is not remembered, but the sliders are.
  expect(mix.whole().recipe).toMatchObject({ method: 'task_arithmetic', weights: { extraversion: 1 } });
});

it('keeps all of a restored recipe for the file', () => {
  const recipe = {
    version: 2 as const,
    base: 'demo',
    weights: { openness: 1 },
    method: 'breadcrumbs' as const,
    density: { openness: 0.4 },
    gamma: 0.02,
    depth: { openness: [0, 1] },
    filters: [{ filter: 'attn', factor: 0.5 }],
  };
  mix.restore(persona.parse({ recipe }));
  expect(mix.settings).toEqual({ density: { openness: 0.4 }, gamma: 0.02 });
  expect(mix.bakeRecipe()).toMatchObject(recipe);
  mix.resetMethod();
  expect(mix.bakeRecipe()).not.toHaveProperty('depth');
});

it('takes factors over depth for a trait, and drops a line that is 1 everywhere', () => {
  mix.restore(
    persona.parse({ recipe: { version: 2, base: 'demo', weights: { openness: 1, neuroticism: 1 } } }),
  );
  mix.vary('openness', [1, 0.5, 0]);
  mix.vary('neuroticism', [0, 1]);
  expect(mix.bakeRecipe().depth).toEqual({ openness: [1, 0.5, 0], neuroticism: [0, 1] });
  mix.vary('openness', [1, 1]);
  expect(mix.bakeRecipe().depth).toEqual({ neuroticism: [0, 1] });
  mix.vary('neuroticism', [1, 1, 1]);
  expect(mix.bakeRecipe()).not.toHaveProperty('depth');
});

it('undoes a restored persona as one step', () => {
  mix.set('extraversion', 1);
  mix.restore(
    persona.parse({ recipe: { version: 1, base: 'demo', weights: { openness: -1 } }, system: 'Be brief.' }),
  );
  expect([mix.alpha('openness'), mix.alpha('extraversion'), mix.system]).toEqual([-1, 0, 'Be brief.']);
  mix.undo();
  expect([mix.alpha('openness'), mix.alpha('extraversion'), mix.system]).toEqual([0, 1, '']);
  mix.redo();
  expect([mix.alpha('openness'), mix.system]).toEqual([-1, 'Be brief.']);
});

it('undoes changes of the method, its settings and curves, and leaves alone what was typed since', () => {
  mix.set('extraversion', 1);
  mix.choose('ties');
  mix.adjust('density', 0.4);
  mix.vary('extraversion', [1, 0]);
  mix.resetMethod();
  mix.system = 'Be brief.';
  expect(mix.bakeRecipe()).not.toHaveProperty('depth');
  mix.undo();
  expect(mix.bakeRecipe()).toMatchObject({ density: 0.4, depth: { extraversion: [1, 0] } });
  mix.undo();
  expect(mix.bakeRecipe()).not.toHaveProperty('depth');
  mix.undo();
  mix.undo();
  expect([mix.method, mix.alpha('extraversion'), mix.settings]).toEqual(['task_arithmetic', 1, {}]);
  mix.undo();
  expect([mix.alpha('extraversion'), mix.system, mix.canUndo]).toEqual([0, 'Be brief.', false]);
  for (let step = 0; step < 4; step++) mix.redo();
  expect(mix.bakeRecipe()).toMatchObject({ method: 'ties', density: 0.4, depth: { extraversion: [1, 0] } });
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

it('lets both sides play the character of a persona that is restored, and nobody after one without', () => {
  const recipe = { version: 2, base: 'demo', weights: { openness: 1 } } as const;
  const rolePlay = { character: 'Keeps a lamp.' };
  const mara = persona.parse({ name: 'Mara', recipe, rolePlay, sampling: { topP: 0.5 } });
  mix.restore(mara);
  expect(mix.persona()).toEqual(mara);
  expect(mix.basePersona()).toEqual({ ...mara, recipe: { ...mara.recipe, weights: {} } });
  mix.restore(persona.parse({ recipe }));
  expect(mix.persona().rolePlay).toBe(undefined);
  expect(mix.persona().name).toBe('Persona');
});

it('takes the α of wanted scores as one step, and knows when the sliders stand elsewhere', () => {
  mix.set('extraversion', 1);
  mix.place({ extraversion: 0.51239, openness: -0.0001 }, null);
  expect(mix.persona().recipe.weights).toEqual({ extraversion: 0.512 });
  expect(mix.holds({ extraversion: 0.5122 })).toBe(true);
  mix.set('openness', 0.5);
  expect(mix.holds({ extraversion: 0.5122 })).toBe(false);
  mix.undo();
  mix.undo();
  expect(mix.persona().recipe.weights).toEqual({ extraversion: 1 });
});

it('weighs nothing before it has a model, as when another window’s answer ends while this one loads', async () => {
  mix.base = '';
  await mix.weigh();
  expect(mix.cost).toBeNull();
});
