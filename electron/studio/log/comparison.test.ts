import { expect, test } from 'vitest';
import { persona as personaSchema, type Run, TRAITS, type Weights } from '../contract.ts';
import { compareRuns } from './comparison.ts';

const persona = (weights: Weights, more = {}) =>
  personaSchema.parse({ recipe: { version: 2, base: 'demo', weights, ...more } });
const scores = (extraversion: number) =>
  Object.fromEntries(TRAITS.map(trait => [trait, trait === 'extraversion' ? extraversion : 3]));

const assessed = (weights: Weights, extraversion: number, more: object = {}) =>
  ({
    kind: 'assess',
    input: { persona: persona(weights, more), inventory: 'ipip-50', administration: { mode: 'probability' } },
    result: { scores: scores(extraversion), validMass: 0.9, items: [{ id: 1, rating: extraversion }] },
    hashes: { '/here/base.gguf': 'a' },
    versions: { temperament: '1', node: '24' },
  }) as unknown as Run;

test('names the fields that differ, with a slider that is not named at 0, and no other', () => {
  const { settings, files, versions } = compareRuns([
    assessed({ extraversion: 1 }, 4),
    assessed({ openness: -0.5, extraversion: 1 }, 4, { method: 'ties', density: 0.3 }),
  ]);
  expect(settings).toContainEqual({ at: 'persona.recipe.weights.openness', values: [0, -0.5] });
  expect(settings).toContainEqual({ at: 'persona.recipe.method', values: ['task_arithmetic', 'ties'] });
  expect(settings).toContainEqual({ at: 'persona.recipe.density', values: [undefined, 0.3] });
  expect(settings.map(({ at }) => at)).not.toContain('persona.recipe.weights.extraversion');
  expect(settings.map(({ at }) => at)).not.toContain('inventory');
  expect(files).toEqual([]);
  expect(versions).toEqual([]);
});

test('has the scores side by side in the order of the traits, and other figures where they differ', () => {
  const second = assessed({}, 3.5);
  const other = {
    ...second,
    hashes: { '/there/base.gguf': 'b' },
    versions: { temperament: '2', node: '24' },
  };
  const found = compareRuns([assessed({ extraversion: 1 }, 4), other]);
  expect(found.measure).toBe('score');
  expect(found.scores.map(({ at }) => at)).toEqual(TRAITS);
  expect(found.scores[2]).toEqual({ at: 'extraversion', values: [4, 3.5] });
  expect(found.figures).toEqual([]);
  expect(found.files).toEqual([{ at: 'base.gguf', values: ['a', 'b'] }]);
  expect(found.versions).toEqual([{ at: 'temperament', values: ['1', '2'] }]);
});

test('sets no scores beside correlations, and lists of named things by their names', () => {
  const study = {
    ...assessed({}, 3),
    kind: 'profiles',
    result: { r: scores(0.9), mean_r: 0.8, n: 24 },
  } as unknown as Run;
  const mixed = compareRuns([assessed({}, 3), study]);
  expect(mixed.measure).toBeNull();
  expect(mixed.scores).toEqual([]);
  expect(mixed.settings).toContainEqual({ at: 'kind', values: ['assess', 'profiles'] });
  expect(mixed.figures).toContainEqual({ at: 'mean_r', values: [undefined, 0.8] });

  const methods = (mean_r: number) =>
    ({
      ...study,
      kind: 'methods_compare',
      result: { recipes: [{ name: 'ties', mean_r }] },
    }) as unknown as Run;
  expect(compareRuns([methods(0.8), methods(0.9)]).figures).toEqual([
    { at: 'recipes.ties.mean_r', values: [0.8, 0.9] },
  ]);
  // Items share their traits: no name tells one from another.
  const items = (rating: number) =>
    ({
      ...methods(0),
      result: { items: [1, 2].map(id => ({ id, trait: 'openness', rating })) },
    }) as unknown as Run;
  expect(compareRuns([items(1), items(2)]).figures).toEqual([]);
});

test('compares more than two, and tells that a failed run has no result', () => {
  const failed = { ...assessed({}, 3), result: null } as unknown as Run;
  const found = compareRuns([assessed({}, 3), assessed({}, 3), failed]);
  expect(found.measure).toBeNull();
  expect(found.figures).toContainEqual({ at: 'scores.openness', values: [3, 3, undefined] });
});
