/** From answer probabilities to item ratings and trait scores. */
import type { AssessResult, Inventory, ItemResult, Scores } from '../contract.ts';
import { TRAITS } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { sampleStandardDeviation } from '../statistics/correlation.ts';

/** Probability mode: the expected rating Σ k·p(k) / Σ p(k) over the answers k = 1 … 5. */
export function scoreItem(item: Inventory['items'][number], probabilities: number[]): ItemResult {
  const mass = probabilities.reduce((sum, p) => sum + p, 0);
  if (!(mass > 0) || probabilities.length !== 5)
    throw new StudioError(
      'bad_input',
      `The model gives no probability to any answer from 1 to 5 on item ${item.id}.`,
      {
        field: 'inventory',
        action: 'Its weights may be broken by too large an α: bring the sliders nearer to 0.',
      },
    );
  const rating = probabilities.reduce((sum, p, index) => sum + (index + 1) * p, 0) / mass;
  const keyedRating = item.keyed === 'minus' ? 6 - rating : rating;
  return { ...item, rating, keyedRating, probabilities, mass };
}

/** Trait scores: the mean of the keyed ratings of each trait's items, 1 … 5. */
export function scoreInventory(items: ItemResult[]): AssessResult {
  const ratings = (trait: string) => items.filter(item => item.trait === trait).map(item => item.keyedRating);
  const perTrait = (of: (values: number[]) => number): Scores =>
    Object.fromEntries(
      TRAITS.flatMap(trait => (ratings(trait).length > 0 ? [[trait, of(ratings(trait))]] : [])),
    ) as Scores;
  return {
    scores: perTrait(mean),
    deviations: perTrait(values => (values.length > 1 ? sampleStandardDeviation(values) : 0)),
    items,
    validMass: mean(items.map(item => item.mass)),
  };
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
