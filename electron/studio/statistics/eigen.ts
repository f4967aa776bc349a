/** Eigenvalues and eigenvectors of small symmetric matrices. */

/**
 * By Jacobi rotations (Golub & Van Loan, Matrix Computations, section 8.5), for up to some tens of rows.
 *
 * @param matrix n × n, symmetric
 * @returns values in no particular order; vectors[k] is the unit eigenvector of values[k]
 */
export function eigenSymmetric(matrix: number[][]): { values: number[]; vectors: number[][] } {
  const n = matrix.length;
  const a = matrix.map(row => Float64Array.from(row));
  const v = matrix.map((_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  const at = (i: number, j: number) => a[i]?.[j] ?? 0;
  const scale = Math.hypot(...matrix.flat());
  for (let sweep = 0; sweep < 50; sweep++) {
    let largest = 0;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        const off = at(p, q);
        largest = Math.max(largest, Math.abs(off));
        if (Math.abs(off) <= 1e-16 * scale) continue;
        const zeta = (at(q, q) - at(p, p)) / (2 * off);
        const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        const s = c * t;
        for (const row of a) rotate(row, p, q, c, s);
        const [rowP, rowQ] = [a[p], a[q]] as [Float64Array, Float64Array];
        for (let k = 0; k < n; k++) {
          const [x, y] = [rowP[k] ?? 0, rowQ[k] ?? 0];
          rowP[k] = c * x - s * y;
          rowQ[k] = s * x + c * y;
        }
        for (const row of v) rotate(row, p, q, c, s);
      }
    if (largest <= 1e-15 * scale) break;
  }
  return {
    values: a.map((row, i) => row[i] ?? 0),
    vectors: a.map((_, k) => v.map(row => row[k] ?? 0)),
  };
}

function rotate(row: Float64Array, p: number, q: number, c: number, s: number): void {
  const [x, y] = [row[p] ?? 0, row[q] ?? 0];
  row[p] = c * x - s * y;
  row[q] = s * x + c * y;
}
