/** A smooth line through points: robust locally weighted regression. */
import { medianSorted } from 'simple-statistics';

/** Share of the points that each local line is fitted to, and rounds of weighting down outliers; R's `lowess` has the same. */
const SHARE = 2 / 3;
const ROUNDS = 3;

/**
 * Lowess (Cleveland 1979, *Journal of the American Statistical Association*, 74, 829–836): at each x the value of a line
 * fitted to the nearest two thirds of the points, weighted by the tricube of their distance, three times over with
 * bisquare weights of the residuals.
 *
 * @param x ascending; `y` as many values
 * @returns a value for each x
 */
export function lowess(x: number[], y: number[]): number[] {
  const n = x.length;
  const nearest = Math.max(2, Math.min(n, Math.floor(SHARE * n + 1e-7)));
  let trust = x.map(() => 1);
  let fitted = y;
  for (let round = 0; ; round++) {
    fitted = x.map((at, i) => localLine(x, y, trust, at, nearest) ?? (y[i] as number));
    const residuals = y.map((value, i) => Math.abs(value - (fitted[i] as number)));
    const spread = 6 * medianSorted(residuals.toSorted((a, b) => a - b));
    if (round === ROUNDS || spread < 1e-12) return fitted;
    trust = residuals.map(residual => (residual < spread ? (1 - (residual / spread) ** 2) ** 2 : 0));
  }
}

/** The value at `at`; null where all points near it are outliers. */
function localLine(x: number[], y: number[], trust: number[], at: number, nearest: number): number | null {
  const distances = x.map(value => Math.abs(value - at));
  const reach = distances.toSorted((a, b) => a - b)[nearest - 1] as number;
  // Cleveland's weights: 1 within a thousandth of the reach, so that points of one x alone have some.
  const weights = distances.map((distance, i) => {
    if (distance > 0.999 * reach && distance > 0) return 0;
    return (distance > 0.001 * reach ? (1 - (distance / reach) ** 3) ** 3 : 1) * (trust[i] as number);
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total <= 0) return null;
  const average = (values: number[]) =>
    values.reduce((sum, value, i) => sum + (weights[i] as number) * value, 0) / total;
  const [mx, my] = [average(x), average(y)];
  const sxx = average(x.map(value => (value - mx) ** 2));
  // Where the points nearly share one x, their mean says all.
  const range = (x.at(-1) as number) - (x[0] as number);
  if (Math.sqrt(sxx) <= 0.001 * range) return my;
  const sxy = average(x.map((value, i) => (value - mx) * ((y[i] as number) - my)));
  return my + (sxy / sxx) * (at - mx);
}
