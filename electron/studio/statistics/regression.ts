/** Ordinary least squares. */
import { inverse, Matrix } from 'ml-matrix';
import { linearRegression } from 'simple-statistics';
import { isConstant } from './correlation.ts';

/** Change of y for one of x; null where x does not vary. */
export const slope = (x: number[], y: number[]): number | null =>
  x.length < 2 || isConstant(x) ? null : linearRegression(x.map((value, i) => [value, y[i] as number])).m;

export interface LeastSquares {
  /** coefficients[k][c] of predictor k for outcome c. */
  coefficients: number[][];
  /** Residual standard deviation of each outcome, √(RSS / df); 0 where df is. */
  residual: number[];
  /** Cases − predictors. */
  df: number;
  /** (XᵀX)⁻¹; times residual² it is the covariance of the coefficients. */
  covariance: number[][];
  /**
   * left[i][c]: what outcome c of case i is off from the fit of all other cases, e / (1 − h) with the case's leverage h
   * (Allen 1974, *Technometrics*, 16, 125–127); null where the others say nothing of the case, h = 1.
   */
  left: (number[] | null)[];
}

/** xᵀ(XᵀX)⁻¹x: the variance of the fit at x, in units of the residual's. */
export const leverage = (x: number[], covariance: number[][]): number =>
  x.reduce(
    (sum, value, i) =>
      sum + x.reduce((part, other, j) => part + value * other * (covariance[i]?.[j] ?? 0), 0),
    0,
  );

/**
 * Several outcomes on the same predictors.
 *
 * @param x cases × predictors, of full column rank
 * @param y cases × outcomes
 */
export function leastSquares(x: number[][], y: number[][]): LeastSquares {
  const [design, outcomes] = [new Matrix(x), new Matrix(y)];
  const covariance = inverse(design.transpose().mmul(design));
  const coefficients = covariance.mmul(design.transpose()).mmul(outcomes);
  const errors = Matrix.sub(outcomes, design.mmul(coefficients));
  const df = design.rows - design.columns;
  const residual = Array.from({ length: outcomes.columns }, (_, c) =>
    df > 0 ? Math.sqrt(errors.getColumn(c).reduce((sum, e) => sum + e * e, 0) / df) : 0,
  );
  const inverted = covariance.to2DArray();
  const left = x.map((row, i) => {
    const given = 1 - leverage(row, inverted);
    return given > 1e-9 ? errors.getRow(i).map(error => error / given) : null;
  });
  return { coefficients: coefficients.to2DArray(), residual, df, covariance: inverted, left };
}
