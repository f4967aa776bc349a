/** What follows from a recipe alone: what is wrong with it, what it leaves to defaults, and how it can be mixed. */
import type { Method, Recipe, Trait, Warning } from '../contract.ts';
import {
  accepts,
  METHODS,
  PARAMETERS,
  type ParameterId,
  type ParameterValues,
  parameterOf,
  rangeOf,
  settingsOf,
  weightOf,
} from './methods.ts';

/** The part of a recipe that says how its vectors are mixed. */
interface Draft extends ParameterValues {
  method: Method;
  depth?: Partial<Record<Trait, number[]>>;
  filters?: { filter: string; factor: number }[];
}

interface Problem {
  path: (string | number)[];
  message: string;
}

/** What the method does not allow, beyond what each field says for itself. */
export function recipeProblems(draft: Draft): Problem[] {
  const { method, depth = {}, filters = [] } = draft;
  const problems: Problem[] = [];
  for (const id of Object.keys(PARAMETERS) as ParameterId[])
    if (draft[id] !== undefined && !parameterOf(method, id)) {
      const own = settingsOf(method).map(parameter => parameter.id);
      problems.push({ path: [id], message: `${method} takes no ${id}; it takes ${own.join(', ')}` });
    }

  const weight = weightOf(method);
  const factor = (value: number, ...path: Problem['path']) => {
    if (!accepts(weight, value))
      problems.push({
        path,
        message: `a factor on the weights of ${method} is ${rangeOf(weight)}, not ${value}`,
      });
  };
  for (const [trait, points] of Object.entries(depth))
    for (const [index, value] of points.entries()) factor(value, 'depth', trait, index);
  for (const [index, rule] of filters.entries()) factor(rule.factor, 'filters', index, 'factor');

  const { basis, whitening = 0, normalize } = withDefaults(draft);
  if ((basis === 'axes' || whitening > 0) && normalize)
    problems.push({
      path: ['normalize'],
      message:
        'the weights of axes and of whitened vectors have both signs, so their sum is nothing to divide by: turn normalize off',
    });
  if (whitening > 0 && draft.depth)
    problems.push({
      path: ['depth'],
      message: 'whitening mixes the vectors of all traits, so no trait can vary over depth by itself',
    });

  // A probability of being kept lies between 0 and 1 on both sides of the density.
  const { density, epsilon } = withDefaults(draft);
  if (epsilon !== undefined)
    for (const share of typeof density === 'object' ? Object.values(density) : [density])
      if (share !== undefined && share < 1 && !(share - epsilon > 0 && share + epsilon < 1))
        problems.push({
          path: ['epsilon'],
          message: `density ${share} ± epsilon ${epsilon} leaves the range from 0 to 1: choose an epsilon below ${Number(Math.min(share, 1 - share).toFixed(6))}`,
        });
  return problems;
}

/** Every parameter of the method: as given, else its default. */
export function withDefaults({ method, ...given }: Draft): ParameterValues {
  return Object.fromEntries(
    settingsOf(method).map(parameter => [parameter.id, given[parameter.id] ?? parameter.default]),
  );
}

/** The parameters of the recipe's method that are not at their defaults. */
export function ownSettings(recipe: Draft): ParameterValues {
  return Object.fromEntries(
    settingsOf(recipe.method).flatMap(({ id, default: usual }) =>
      recipe[id] === undefined || recipe[id] === usual ? [] : [[id, recipe[id]]],
    ),
  );
}

/** The traits whose α is not 0. */
export function usedTraits({ weights }: Pick<Recipe, 'weights'>): Trait[] {
  return (Object.keys(weights) as Trait[]).filter(trait => weights[trait]);
}

/**
 * The weight of a trait's vector from the first block to the last, as native-merge reads it: |α| times the recipe's
 * factors over depth. One number where there are none.
 */
export function weightPoints({ weights, depth }: Recipe, trait: Trait): number[] {
  const alpha = Math.abs(weights[trait] ?? 0);
  return (depth?.[trait] ?? [1]).map(factor => alpha * factor);
}

/**
 * Why a mix needs a baked file, as the subject of a sentence; null where adapters on a loaded base do the same. Only a
 * plain weighted sum can be live. Without a weight there is nothing to mix, whatever the method.
 */
export function liveObstacle(recipe: Recipe): string | null {
  const used = usedTraits(recipe);
  if (used.length === 0) return null;
  if (recipe.method !== 'task_arithmetic') return `The method ${recipe.method}`;
  if (recipe.normalize) return 'Normalisation';
  if (used.some(trait => new Set(weightPoints(recipe, trait)).size > 1))
    return 'A weight that varies over depth';
  if (recipe.filters?.length) return 'A weight that depends on the tensor’s name';
  if (recipe.embeddings === false) return 'A mix that leaves out the embeddings';
  if (recipe.outputHead === false) return 'A mix that leaves out the output head';
  return null;
}

/** The warning that a live mix is not what a baked file would be; none where it is. */
export function liveWarning(recipe: Recipe): Warning[] {
  const obstacle = liveObstacle(recipe);
  if (!obstacle) return [];
  const message = `${obstacle} cannot be mixed live, only baked; the live mix is plain task arithmetic.`;
  return [{ code: 'live_approximation', message }];
}

/** What is wrong with the number of weights that are not 0, for the recipe's method; null where nothing is. */
export function countObstacle(recipe: Pick<Recipe, 'method' | 'weights'>): string | null {
  const { label, vectors } = METHODS[recipe.method];
  const { min, max = Number.POSITIVE_INFINITY } = vectors;
  const count = usedTraits(recipe).length;
  if (count >= min && count <= max) return null;
  const wanted = `${max > min ? 'at least' : 'exactly'} ${min} vector${min > 1 ? 's' : ''}`;
  const found =
    count === 0 ? 'all weights are' : count === 1 ? '1 weight is not' : `${count} weights are not`;
  return `${label} (${recipe.method}) mixes ${wanted}, but ${found} 0.`;
}
