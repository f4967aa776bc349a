import { beforeEach, expect, it, vi } from 'vitest';
import { persona } from '../../electron/studio/contract.ts';
import { type Recent, Recents, recentKey, recentName } from './recents.svelte.ts';

const stored = new Map<string, string>();
beforeEach(() => {
  stored.clear();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
  });
});

const mix = (extraversion: number, method = 'task_arithmetic'): Recent => ({
  kind: 'mix',
  persona: persona.parse({ recipe: { version: 2, base: 'demo', weights: { extraversion }, method } }),
});
const kept = (id: string): Recent => ({ kind: 'persona', id, name: `Persona ${id}` });

it('has the last five of each kind, each once and the newest first, and keeps them', () => {
  const recents = new Recents();
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'c']) recents.used(kept(id));
  recents.used(mix(1));
  recents.used(mix(0.5, 'ties'));
  recents.used(mix(1));
  expect(recents.groups.map(group => group.map(recentName))).toEqual([
    ['Persona c', 'Persona f', 'Persona e', 'Persona d', 'Persona b'],
    ['E +1.00 (demo)', 'E +0.50 (demo, TIES)'],
  ]);
  const again = new Recents();
  expect(again.list).toEqual(recents.list);
  const one = again.find(recentKey(kept('f')));
  expect(one).toMatchObject({ kind: 'persona', id: 'f' });
  again.forget(one as Recent);
  expect(new Recents().find(recentKey(kept('f')))).toBeNull();
});

it('does without what it cannot read', () => {
  stored.set('temperament.recents', '[{"kind":"persona"}]');
  expect(new Recents().list).toEqual([]);
});
