/**
 * What a trait's α stands for: the vector of one pole, or the axis between both, as they are or turned away from each
 * other. Every answer is a weighted sum of the same ten vectors, so each of them can be live.
 */

import type { Trait, VectorName, Weights } from '../contract.ts';
import { POLES, TRAITS } from '../contract.ts';
import { eigenSymmetric } from '../statistics/eigen.ts';
import type { ParameterValues } from './methods.ts';

type Basis = NonNullable<ParameterValues['basis']>;

type VectorWeights = Partial<Record<VectorName, number>>;

/** Eigenvalues of the cosines below this count as zero: vectors that depend on each other have no directions of their own. */
const DEPENDENT = 1e-6;

/** The vectors that a mix needs, in a fixed order: with `whitening` every trait's, else those of traits with α ≠ 0. */
export function neededVectors(weights: Weights, basis: Basis = 'poles', whitening = 0): VectorName[] {
  return TRAITS.flatMap(trait => {
    const alpha = weights[trait] ?? 0;
    if (!alpha && whitening === 0) return [];
    const both = basis === 'axes' || whitening > 0;
    return POLES.filter(pole => both || pole === (alpha < 0 ? 'low' : 'high')).map(
      (pole): VectorName => `${trait}-${pole}`,
    );
  });
}

/**
 * The weight of every vector in the mix.
 *
 * Poles: α·φ_high for α > 0, |α|·φ_low for α < 0. Axes (METHOD §5): α·(φ_high − φ_low)/2.
 *
 * whitening β, 0 … 1: the directions e = φ/‖φ‖ of the basis (ten poles, or five axes) become Σⱼ (C^(−β/2))ᵢⱼ eⱼ, C being
 * their cosines, each as long as it was. β = 1 is Löwdin's symmetric orthogonalisation (1950): of all orthonormal sets
 * the one nearest to the old directions. β = 0 leaves them alone.
 *
 * @param products ⟨φᵢ, φⱼ⟩ of the vectors `names`, over all weights; needed where whitening > 0
 * @throws RangeError when the basis is not linearly independent and cannot be whitened
 */
export function vectorWeights(
  weights: Weights,
  basis: Basis = 'poles',
  whitening = 0,
  names: VectorName[] = [],
  products: number[][] = [],
): VectorWeights {
  const rows = basis === 'axes' ? axes() : poles();
  const used = whitening > 0 ? rows.filter(row => row.parts.every(([name]) => names.includes(name))) : rows;
  const turned = whitening > 0 ? whiten(used, whitening, names, products) : used;
  const mix: VectorWeights = {};
  for (const [index, { trait, sign }] of used.entries()) {
    const alpha = weights[trait] ?? 0;
    const amount = sign === 0 ? alpha : Math.max(0, sign * alpha);
    if (amount === 0) continue;
    for (const [name, factor] of turned[index]?.parts ?? []) mix[name] = (mix[name] ?? 0) + amount * factor;
  }
  return mix;
}

/** A direction of the basis as a sum of vectors. sign: the side of α that it serves; 0 both. */
interface Direction {
  trait: Trait;
  sign: -1 | 0 | 1;
  parts: [VectorName, number][];
}

const axes = (): Direction[] =>
  TRAITS.map(trait => ({
    trait,
    sign: 0,
    parts: [
      [`${trait}-high`, 0.5],
      [`${trait}-low`, -0.5],
    ],
  }));
const poles = (): Direction[] =>
  TRAITS.flatMap((trait): Direction[] => [
    { trait, sign: 1, parts: [[`${trait}-high`, 1]] },
    { trait, sign: -1, parts: [[`${trait}-low`, 1]] },
  ]);

function whiten(
  directions: Direction[],
  beta: number,
  names: VectorName[],
  products: number[][],
): Direction[] {
  const product = (a: Direction, b: Direction) =>
    a.parts.reduce(
      (sum, [first, x]) =>
        sum +
        b.parts.reduce(
          (part, [second, y]) =>
            part + x * y * (products[names.indexOf(first)]?.[names.indexOf(second)] ?? 0),
          0,
        ),
      0,
    );
  const lengths = directions.map(direction => Math.sqrt(product(direction, direction)));
  if (lengths.some(length => !(length > 0))) throw new RangeError('a direction of the basis is zero');
  const length = (i: number) => lengths[i] as number;
  const cosines = directions.map((a, i) => directions.map((b, j) => product(a, b) / (length(i) * length(j))));
  const { values, vectors } = eigenSymmetric(cosines);
  if (Math.min(...values) < DEPENDENT) throw new RangeError('directions of the basis are linearly dependent');
  return directions.map((direction, i) => {
    const parts = new Map<VectorName, number>();
    for (const [j, other] of directions.entries()) {
      const root = values.reduce(
        (sum, value, k) => sum + (vectors[k]?.[i] ?? 0) * value ** (-beta / 2) * (vectors[k]?.[j] ?? 0),
        0,
      );
      for (const [name, factor] of other.parts)
        parts.set(name, (parts.get(name) ?? 0) + (length(i) * root * factor) / length(j));
    }
    return { ...direction, parts: rescaled([...parts], length(i), names, products) };
  });
}

/** The same direction at the given length. */
function rescaled(
  parts: [VectorName, number][],
  wanted: number,
  names: VectorName[],
  products: number[][],
): [VectorName, number][] {
  let square = 0;
  for (const [a, x] of parts)
    for (const [b, y] of parts) square += x * y * (products[names.indexOf(a)]?.[names.indexOf(b)] ?? 0);
  const factor = wanted / Math.sqrt(square);
  return parts.map(([name, x]) => [name, x * factor]);
}
