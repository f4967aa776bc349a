import { expect, it } from 'vitest';
import { fieldName, fieldValue, inARow } from './fields.ts';

it('names fields by the studio’s terms, and others by their own words', () => {
  expect(fieldName('persona.recipe.weights.extraversion')).toBe('Extraversion α');
  expect(fieldName('reference.recipe.weights.openness')).toBe('Compared with › Openness α');
  expect(fieldName('persona.recipe.density')).toBe('Density');
  expect(fieldName('persona.sampling.temperature')).toBe('Temperature');
  expect(fieldName('administration.mode')).toBe('How ratings are read');
  expect(fieldName('recipes.ties.mean_r')).toBe('Recipes › ties › Mean r');
  expect(fieldName('someNewField')).toBe('some new field');
});

it('shows values as they are read elsewhere', () => {
  expect(fieldValue('persona.recipe.method', 'ties')).toBe('TIES');
  expect(fieldValue('kind', 'sweep')).toBe('Sweep');
  expect(fieldValue('baked', true)).toBe('on');
  expect(fieldValue('n', 24)).toBe('24');
  expect(fieldValue('r', -0.12345)).toBe('−0.1235');
  expect(fieldValue('persona.recipe.weights.openness', 1.5)).toBe('+1.50');
  expect(fieldValue('alphas', '-2, -0.5, 0, 1.25')).toBe('−2, −0.5, 0, 1.25');
  expect(inARow(['−0,5', '1'])).toBe('−0,5; 1');
  expect(fieldValue('seed', 4294967295)).toBe('4294967295');
  expect(fieldValue('r', undefined)).toBe('–');
});
