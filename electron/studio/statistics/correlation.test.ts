import { describe, expect, test } from 'vitest';
import { correlation } from './correlation.ts';

const x = [1, 2, 3, 4, 5, 6];
const y = [2.1, 2.9, 3.2, 4.8, 4.9, 6.3];

/** Textbook formula, written out on its own: Σ(x−x̄)(y−ȳ) / √(Σ(x−x̄)² Σ(y−ȳ)²). */
function pearson(a: number[], b: number[]): number {
  const mean = (v: number[]) => v.reduce((s, e) => s + e, 0) / v.length;
  const sum = (f: (i: number) => number) => a.reduce((s, _, i) => s + f(i), 0);
  const da = a.map(v => v - mean(a));
  const db = b.map(v => v - mean(b));
  return (
    sum(i => (da[i] as number) * (db[i] as number)) /
    Math.sqrt(sum(i => (da[i] as number) ** 2) * sum(i => (db[i] as number) ** 2))
  );
}

describe('correlation', () => {
  test('is Pearson’s r with Fisher’s interval', () => {
    const { r, ci95, n } = correlation(x, y);
    expect(r).toBeCloseTo(pearson(x, y), 12);
    const z = Math.atanh(r as number);
    expect(ci95?.[0]).toBeCloseTo(Math.tanh(z - 1.959964 / Math.sqrt(3)), 5);
    expect(ci95?.[1]).toBeCloseTo(Math.tanh(z + 1.959964 / Math.sqrt(3)), 5);
    expect(n).toBe(6);
  });

  test('follows direction', () => {
    expect(correlation(x, y.toReversed()).r).toBeLessThan(-0.9);
  });

  test('is undefined for a constant, and for fewer than three pairs', () => {
    expect(
      correlation(
        x,
        x.map(() => 3),
      ),
    ).toEqual({ r: null, ci95: null, n: 6 });
    expect(correlation([1, 2], [1, 2])).toEqual({ r: null, ci95: null, n: 2 });
  });

  test('has no interval where Fisher’s z has none', () => {
    expect(correlation(x, x)).toEqual({ r: 1, ci95: null, n: 6 });
    expect(correlation([1, 2, 3], [1, 2, 2.5]).ci95).toBeNull();
  });

  test('refuses unpaired values', () => {
    expect(() => correlation([1, 2, 3], [1, 2])).toThrow(RangeError);
  });
});
