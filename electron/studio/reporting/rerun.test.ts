import { describe, expect, test } from 'vitest';
import { type Run, run as runSchema } from '../contract.ts';
import { compared, leavesOf, planHere } from './rerun.ts';
import type { RunFile } from './schemas.ts';

const chat = (text: string, tokens: number, more = {}): Run =>
  runSchema.parse({
    ...{ id: `id-${text}`, kind: 'chat', title: 't', state: 'done', error: null, hashes: {} },
    ...{ startedAt: '2026-01-02T03:04:05.000Z', finishedAt: '2026-01-02T03:05:05.000Z' },
    versions: { temperament: '1', device: 'CPU' },
    input: { persona: { recipe: { version: 2, base: 'demo' } }, messages: [{ role: 'user', text: 'Hello' }] },
    result: {
      text,
      tokens,
      seed: 7,
      stop: 'end',
      firstTokenMs: Math.random(),
      tokensPerSecond: Math.random(),
    },
    ...more,
  });
const result = (value: object) => ({ ...chat('a', 1), result: value }) as unknown as Run;

describe('two runs of a plan', () => {
  test('are the same when every value is; times do not count', () => {
    expect(compared(chat('a', 1), chat('a', 1), 0)).toMatchObject({
      values: 4,
      equal: 4,
      beyond: 0,
      largest: 0,
    });
  });

  test('differ where a text does, whatever the tolerance', () => {
    expect(compared(chat('a', 1), chat('b', 1), 1)).toMatchObject({
      equal: 3,
      differences: [{ at: 'text', before: 'a', now: 'b', difference: null }],
    });
  });

  test.each([
    [{ x: 0.5 }, { x: 0.5009 }, 0],
    [{ x: 0.5 }, { x: 0.5011 }, 1],
    [{ x: 500 }, { x: 500.4 }, 0],
    [{ x: 500 }, { x: 500.6 }, 1],
    [{ x: null }, { x: 0 }, 1],
    [{ x: [1, 2] }, { x: [1, 2, 3] }, 1],
    [{ x: { y: 1 } }, { x: {} }, 1],
    // From before there was such a figure.
    [{ x: 1, retest: null }, { x: 1, retest: { icc: 0.9 } }, 0],
    [{ x: 1, retest: { icc: 0.8 } }, { x: 1, retest: { icc: 0.9 } }, 1],
    [{ x: 1, retest: { icc: 0.8 } }, { x: 1, retest: null }, 1],
  ])('%j against %j at 0.001: %d beyond', (before, now, beyond) => {
    expect(compared(result(before), result(now), 1e-3).beyond).toBe(beyond);
  });

  test('name the conditions that changed', () => {
    const other = chat('a', 1, { versions: { temperament: '2', device: 'CPU' } });
    expect(compared(chat('a', 1), other, 0).conditions).toEqual([
      { name: 'temperament', before: '1', now: '2' },
    ]);
  });

  test('list a hundred differences, and count all', () => {
    const many = (value: number) => result({ x: Array.from({ length: 150 }, () => value) });
    const { beyond, differences } = compared(many(0), many(1), 0.1);
    expect([beyond, differences.length]).toEqual([150, 100]);
  });
});

test('values are named by their place', () => {
  expect([...leavesOf({ points: [{ scores: { openness: 3 } }], path: '/x' })]).toEqual([
    ['points.0.scores.openness', 3],
  ]);
});

test('a plan is bound to the hashes of its files, under the names that they have here', () => {
  const file = (more: object) =>
    ({ hash: '', label: '', architecture: '', type: '', parameters: 0, demo: false, ...more }) as RunFile;
  const base = file({ role: 'model', name: 'llama.gguf', id: 'llama', hash: 'h1' });
  const judge = file({ role: 'model', name: 'judge.gguf', id: 'judge', hash: 'h2' });
  const vector = file({
    role: 'vector',
    name: 'v.gguf',
    id: 'v',
    hash: 'h3',
    vector: 'openness-high',
    form: 'dense',
  });
  const twice = [4, 5].map(n =>
    file({ role: 'vector', name: `e${n}.gguf`, id: `e${n}`, hash: `h${n}`, vector: 'openness-low' }),
  );
  const names = new Map([
    [base, 'my-llama'],
    [judge, '/models/j.gguf'],
    [vector, 'open'],
  ]);
  const recipe = { version: 2, base: 'llama.gguf', weights: { openness: 1 }, method: 'ties' };
  const plan = {
    persona: { recipe, system: 'judge' },
    administration: { judge: 'judge' },
    vectors: ['v'],
    trait: 'openness',
  };
  expect(planHere(plan, [base, judge, vector, ...twice], names, true)).toEqual({
    persona: {
      recipe: { ...recipe, base: 'my-llama', hashes: { base: 'h1', vectors: { 'openness-high': 'h3' } } },
      system: 'judge',
    },
    administration: { judge: '/models/j.gguf' },
    vectors: ['open'],
    trait: 'openness',
  });
  const free = planHere(plan, [base, judge, vector, ...twice], names, false) as {
    persona: { recipe: object };
  };
  expect(free.persona.recipe).toEqual({ ...recipe, base: 'my-llama' });
});
