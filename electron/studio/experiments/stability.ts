/** Does a trait survive a second merge? A first mix is written to a file, and others are merged into that file. */
import type { z } from 'zod';
import type { Recipe, StabilityResult, stabilityInput, Trait } from '../contract.ts';
import { TRAITS, weightsText } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { usedTraits } from '../mixing/recipe.ts';
import { type Bench, type Measured, withWeights } from './bench.ts';

/** Shifts below this, in points of score, are too small to say which share of them is kept. */
const SMALLEST_SHIFT = 0.05;

/** `written` gives the path of the file of the first merge, made when it is first asked for. */
export async function stability(
  { persona, type, second: given }: z.output<typeof stabilityInput>,
  written: () => Promise<string>,
  bench: Bench,
): Promise<StabilityResult> {
  const { recipe } = persona;
  const traits = usedTraits(recipe);
  if (traits.length === 0)
    throw new StudioError(
      'bad_input',
      'The first merge has no weight: there is nothing that could survive.',
      {
        field: 'persona.recipe.weights',
        action: 'Give at least one trait an α.',
      },
    );
  const second = given.length > 0 ? given : usual(recipe, traits);
  bench.check([recipe, ...second.map(({ recipe: onTop }) => onTop)]);
  bench.points.expect(2 + second.length);
  const base = await bench.measure({ name: 'base', recipe: withWeights(recipe, {}) });
  const first = await bench.measure({ name: 'first merge', recipe });
  const found: Measured[] = [];
  for (const { name, recipe: onTop } of second) {
    const point = `second merge: ${name}`;
    const file = bench.points.has(point) ? recipe.base : await written();
    found.push(await bench.measure({ name: point, recipe: { ...onTop, base: file, hashes: undefined } }));
  }
  return {
    base: base.scores,
    first: { weights: recipe.weights, scores: first.scores, type },
    second: second.map(({ name, recipe: onTop }, index) => {
      const measured = found[index] as Measured;
      return {
        name,
        weights: onTop.weights,
        method: onTop.method,
        scores: measured.scores,
        traits: traits.map(trait => survival(trait, base, first, measured, bench)),
      };
    }),
    notes: bench.notes,
  };
}

function usual(recipe: Recipe, traits: Trait[]) {
  const others = TRAITS.filter(trait => !traits.includes(trait));
  const mixes = others.flatMap(trait => [-1, 1].map(alpha => ({ [trait]: alpha })));
  return [
    { name: 'written once more', recipe: withWeights(recipe, {}) },
    ...mixes.map(weights => ({ name: weightsText(weights), recipe: withWeights(recipe, weights) })),
  ];
}

function survival(trait: Trait, base: Measured, first: Measured, second: Measured, bench: Bench) {
  const before = bench.shift(trait, first, base).difference;
  const after = bench.shift(trait, second, base).difference;
  const { difference, ci95, d, p } = bench.shift(trait, second, first);
  const kept = before === null || after === null || Math.abs(before) < SMALLEST_SHIFT ? null : after / before;
  return { trait, before, after, kept, difference, ci95, d, p };
}
