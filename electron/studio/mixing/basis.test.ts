import { describe, expect, test } from 'vitest';
import type { VectorName, Weights } from '../contract.ts';
import { POLES, TRAITS } from '../contract.ts';
import { eigenSymmetric } from '../statistics/eigen.ts';
import { seededRandom } from '../statistics/random.ts';
import { neededVectors, vectorWeights } from './basis.ts';

const names = TRAITS.flatMap(trait => POLES.map((pole): VectorName => `${trait}-${pole}`));
const next = seededRandom(3);
/** Ten vectors of 40 numbers with something in common, so that their cosines are far from 0. */
const common = Array.from({ length: 40 }, () => next() - 0.5);
const vectors = new Map(names.map(name => [name, common.map(x => 0.7 * x + next() - 0.5)]));
const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
const products = names.map(a => names.map(b => dot(vectors.get(a) ?? [], vectors.get(b) ?? [])));

/** The mix itself. */
function mixed(weights: Weights, ...how: [basis: 'poles' | 'axes', whitening?: number]): number[] {
  const sum = new Array<number>(40).fill(0);
  for (const [name, weight] of Object.entries(vectorWeights(weights, ...how, names, products)))
    for (const [i, x] of (vectors.get(name as VectorName) ?? []).entries())
      sum[i] = (sum[i] ?? 0) + weight * x;
  return sum;
}

describe('weights of the vectors', () => {
  test('poles: the vector of the sign', () => {
    expect(vectorWeights({ openness: 0.5, neuroticism: -2, extraversion: 0 }, 'poles')).toEqual({
      'openness-high': 0.5,
      'neuroticism-low': 2,
    });
    expect(neededVectors({ openness: 0.5, neuroticism: -2 }, 'poles', 0)).toEqual([
      'openness-high',
      'neuroticism-low',
    ]);
  });

  test('axes: half of the high pole minus half of the low one, on both sides', () => {
    expect(vectorWeights({ openness: 0.5, neuroticism: -2 }, 'axes')).toEqual({
      'openness-high': 0.25,
      'openness-low': -0.25,
      'neuroticism-high': -1,
      'neuroticism-low': 1,
    });
    expect(neededVectors({ openness: 0.5 }, 'axes', 0)).toEqual(['openness-high', 'openness-low']);
  });

  test('whitening needs every vector', () => {
    expect(neededVectors({ openness: 0.5 }, 'axes', 0.5)).toEqual(names);
    expect(neededVectors({ openness: 0.5 }, 'poles', 1)).toEqual(names);
  });
});

describe('whitening', () => {
  test.each(['poles', 'axes'] as const)(
    '%s: fully, the directions are orthogonal and as long as before',
    basis => {
      const signs = basis === 'axes' ? [1] : [1, -1];
      const directions = TRAITS.flatMap(trait =>
        signs.map(sign => [mixed({ [trait]: sign }, basis, 1), mixed({ [trait]: sign }, basis)] as const),
      );
      for (const [i, [a, before]] of directions.entries()) {
        expect(dot(a, a)).toBeCloseTo(dot(before, before), 9);
        for (const [b] of directions.slice(0, i)) expect(Math.abs(dot(a, b))).toBeLessThan(1e-9);
      }
    },
  );

  test('of all orthogonal sets the nearest: a turned one is further away', () => {
    const unit = (v: number[]) => v.map(x => x / Math.sqrt(dot(v, v)));
    const [before, after] = [0, 1].map(beta =>
      TRAITS.map(trait => unit(mixed({ [trait]: 1 }, 'axes', beta))),
    );
    const distance = (set: number[][] = []) =>
      set.reduce(
        (sum, v, i) => sum + v.reduce((part, x, k) => part + (x - (before?.[i]?.[k] ?? 0)) ** 2, 0),
        0,
      );
    const [first = [], second = [], ...rest] = after ?? [];
    for (const angle of [0.05, -0.05]) {
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      const turned = [
        first.map((x, k) => c * x - s * (second[k] ?? 0)),
        first.map((x, k) => s * x + c * (second[k] ?? 0)),
        ...rest,
      ];
      expect(distance(turned)).toBeGreaterThan(distance(after));
    }
  });

  test('softly, the cosines lie between', () => {
    const cosine = (beta: number) => {
      const [a, b] = [mixed({ openness: 1 }, 'poles', beta), mixed({ agreeableness: 1 }, 'poles', beta)];
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    };
    expect(cosine(0)).toBeGreaterThan(0.2);
    expect(cosine(0.5)).toBeLessThan(cosine(0.25));
    expect(cosine(0.5)).toBeGreaterThan(0.01);
    expect(mixed({ openness: 1 }, 'poles', 1e-9)).toEqual(
      mixed({ openness: 1 }, 'poles').map(x => expect.closeTo(x, 6)),
    );
  });

  test('linear in α, over axes; over poles on each side', () => {
    const sum = mixed({ openness: 1, extraversion: -0.5 }, 'axes', 0.7);
    const [a, b] = [mixed({ openness: 1 }, 'axes', 0.7), mixed({ extraversion: -0.5 }, 'axes', 0.7)];
    expect(sum).toEqual(a.map((x, i) => expect.closeTo(x + (b[i] ?? 0), 9)));
  });

  test('leaves out a trait without vectors; refuses dependent ones', () => {
    const some = names.slice(2);
    const without = products.slice(2).map(row => row.slice(2));
    expect(vectorWeights({ extraversion: 1 }, 'axes', 1, some, without)).not.toHaveProperty('openness-high');
    const same = names.map(() => names.map(() => 1));
    expect(() => vectorWeights({ extraversion: 1 }, 'poles', 1, names, same)).toThrow(RangeError);
  });
});

test('eigenvectors and values give the matrix back', () => {
  const { values, vectors: found } = eigenSymmetric(products);
  for (const [i, row] of products.entries())
    for (const [j, value] of row.entries()) {
      const sum = values.reduce((part, x, k) => part + x * (found[k]?.[i] ?? 0) * (found[k]?.[j] ?? 0), 0);
      expect(sum).toBeCloseTo(value, 9);
    }
  for (const [k, vector] of found.entries()) {
    expect(dot(vector, vector)).toBeCloseTo(1, 12);
    if (k > 0) expect(dot(vector, found[k - 1] ?? [])).toBeCloseTo(0, 12);
  }
});
