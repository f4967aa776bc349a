import { expect, it } from 'vitest';
import { type About, about, run as runSchema } from '../../electron/studio/contract.ts';
import { aboutText, factsOf } from './about.ts';

const HASH = 'ab'.repeat(32);
const told = (kind: string, input: object, files: object[] = []): About =>
  about.parse({
    files,
    run: runSchema.parse({
      ...{ id: 'abcd1234', kind, title: 'T', state: 'done', input, result: null, error: null },
      ...{ startedAt: '2026-01-02T03:04:05.000Z', finishedAt: '2026-01-02T03:04:15.000Z' },
      ...{ hashes: {}, versions: { temperament: '1.2.3', llama: 'b1', device: 'CPU' } },
    }),
  });
const recipe = { version: 2, base: 'demo', weights: { extraversion: 1.5 } };
const model = {
  ...{ role: 'model', name: 'base.gguf', hash: HASH, id: 'demo', label: 'Demo', architecture: 'llama' },
  ...{ type: 'f32', parameters: 1, demo: true },
};
const value = (of: About, name: string) => factsOf(of).find(fact => fact.name === name)?.value;

it('of an assessment: model with its hash, mix, administration, device, versions, when', () => {
  const assessed = told('assess', { persona: { recipe }, inventory: 'mini-ipip' }, [model]);
  expect(factsOf(assessed)).toContainEqual({
    name: 'Model',
    value: 'Demo, F32, base.gguf (demonstration)',
    hash: HASH,
  });
  expect(value(assessed, 'Sliders')).toBe('E +1.50');
  expect(value(assessed, 'How ratings are read')).toBe('probability');
  expect(value(assessed, 'When')).toMatch(/2026.*took 10 s/);
  expect(value(assessed, 'Computed on')).toBe('CPU');
  expect(value(assessed, 'Versions')).toBe('temperament 1.2.3, llama b1');
  // Nothing was drawn, so there is no seed to tell.
  expect(value(assessed, 'Seed')).toBeUndefined();
  expect(aboutText(factsOf(assessed))).toContain(
    `Model: Demo, F32, base.gguf (demonstration) (SHA-256 ${HASH})`,
  );
});

it('where something was drawn, its seed', () => {
  const persona = { recipe, sampling: { seed: 11 } };
  expect(value(told('chat', { persona, messages: [{ role: 'user', text: 'Hi' }] }), 'Seed')).toBe('11');
  const administration = { mode: 'sampled', seed: 12 };
  expect(value(told('assess', { persona, administration }), 'Seed')).toBe('12');
  expect(value(told('profiles', { persona, n: 5, seed: 13 }), 'Seed')).toBe('13');
});
