/** TSV-M and KnOTS over whole matrices in float64, written to be read: what native-merge does with factors alone. */
import { largest } from './reference.ts';

/** A list of columns. */
export type Matrix = Float64Array[];

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

/** Columns of a matrix that is stored row by row. */
export function columnsOf(values: ArrayLike<number>, columns: number): Matrix {
  const rows = values.length / columns;
  return Array.from({ length: columns }, (_, j) =>
    Float64Array.from({ length: rows }, (_, i) => values[i * columns + j] ?? 0),
  );
}

const transposed = (matrix: Matrix): Matrix =>
  Array.from(matrix[0] ?? [], (_, i) => Float64Array.from(matrix, column => column[i] ?? 0));

/** Σ sₖ uₖ vₖᵀ, row by row. */
function product(u: Matrix, s: number[], v: Matrix): Float64Array {
  const [rows, columns] = [u[0]?.length ?? 0, v[0]?.length ?? 0];
  const result = new Float64Array(rows * columns);
  for (const [k, size] of s.entries())
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++)
        result[i * columns + j] = (result[i * columns + j] ?? 0) + size * (u[k]?.[i] ?? 0) * (v[k]?.[j] ?? 0);
  return result;
}

/** Singular values above 1e-6 of the largest, largest first, by one-sided Jacobi rotations. */
export function svd(matrix: Matrix): { u: Matrix; s: number[]; v: Matrix } {
  if (matrix.length > (matrix[0]?.length ?? 0)) {
    const { u, s, v } = svd(transposed(matrix));
    return { u: v, s, v: u };
  }
  const work = matrix.map(column => column.slice());
  const turns = work.map((_, j) => Float64Array.from(work, (_, i) => (i === j ? 1 : 0)));
  for (let rotated = true; rotated; ) {
    rotated = false;
    for (const [p, a] of work.entries())
      for (const [q, b] of work.entries()) {
        const [x, y, along] = [dot(a, a), dot(b, b), dot(a, b)];
        if (q <= p || Math.abs(along) <= 1e-15 * Math.sqrt(x * y)) continue;
        rotated = true;
        const zeta = (y - x) / (2 * along);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        for (const [one, other] of [
          [a, b],
          [turns[p], turns[q]],
        ] as [Float64Array, Float64Array][])
          for (const [i, value] of one.entries()) {
            const second = other[i] ?? 0;
            one[i] = c * (value - t * second);
            other[i] = c * (second + t * value);
          }
      }
  }
  const sizes = work.map(column => Math.sqrt(dot(column, column)));
  const order = sizes.map((_, i) => i).sort((i, j) => (sizes[j] ?? 0) - (sizes[i] ?? 0));
  const kept = order.filter(i => (sizes[i] ?? 0) > 1e-6 * Math.max(...sizes));
  return {
    u: kept.map(i => (work[i] as Float64Array).map(x => x / (sizes[i] ?? 1))),
    s: kept.map(i => sizes[i] ?? 0),
    v: kept.map(i => turns[i] as Float64Array),
  };
}

export interface Change {
  /** Row by row. */
  delta: Float64Array;
  weight: number;
  density?: number;
}

/** Orthogonal Procrustes: the nearest matrix with orthonormal columns. */
function nearestOrthonormal(matrix: Matrix): Matrix {
  const { u, s, v } = svd(matrix);
  return columnsOf(product(u, s.map(() => 1), v), matrix.length); // biome-ignore format: as it is in the formula
}

/** The merged change of TSV-M. */
export function tsvM(changes: Change[], columns: number, rankShare = 1): Float64Array {
  const rows = (changes[0]?.delta.length ?? 0) / columns;
  const room = Math.max(1, Math.floor(Math.min(rows, columns) / changes.length));
  const parts = changes.map(({ delta, weight }) => {
    const { u, s, v } = svd(columnsOf(delta, columns));
    const kept = Math.min(Math.ceil(rankShare * s.length), room);
    return { u: u.slice(0, kept), s: s.slice(0, kept).map(x => weight * x), v: v.slice(0, kept) };
  });
  return product(
    nearestOrthonormal(parts.flatMap(({ u }) => u)),
    parts.flatMap(({ s }) => s),
    nearestOrthonormal(parts.flatMap(({ v }) => v)),
  );
}

/** The merged change of KnOTS with TIES. */
export function knotsTies(
  changes: Change[],
  columns: number,
  { normalize = true, election = 'weighted' } = {},
): Float64Array {
  const { u, s, v } = svd(changes.flatMap(({ delta }) => columnsOf(delta, columns)));
  // Coordinates of each change, row by row.
  const coordinates = changes.map(({ density = 0.3 }, c) => {
    const all = s.flatMap((size, k) =>
      Array.from(v[k]?.slice(c * columns, (c + 1) * columns) ?? [], x => size * x),
    );
    const keep = largest(all, density);
    const noise = 1e-6 * Math.max(...all.map(Math.abs));
    return all.map((x, i) => (keep[i] && Math.abs(x) > noise ? x : 0));
  });
  const merged = Float64Array.from(coordinates[0] ?? [], (_, i) => {
    const terms = changes.map(({ weight }, c) => ({ weight, x: coordinates[c]?.[i] ?? 0 }));
    const vote = terms.reduce(
      (sum, { weight, x }) => sum + (election === 'weighted' ? weight : Math.sign(weight)) * x,
      0,
    );
    const elected = terms.filter(({ weight, x }) => Math.sign(weight * x) === (vote >= 0 ? 1 : -1));
    const sum = elected.reduce((total, { weight, x }) => total + weight * x, 0);
    const divisor = elected.reduce((total, { weight }) => total + (election === 'weighted' ? weight : 1), 0);
    return normalize ? sum / (divisor || 1) : sum;
  });
  const ones = u.map(() => 1);
  return product(u, ones, transposed(columnsOf(merged, columns)));
}
