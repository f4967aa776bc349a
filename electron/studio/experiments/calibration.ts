/**
 * Calibration in behaviour space (METHOD §5): how every score answers to every α, and the α that wanted scores call for.
 *
 * The model is additive: score_S = base_S + Σ_T g_ST(α_T). Each g is a broken line with its kinks at 0 and at the knots, for
 * the low and the high pole are different vectors, and what they do levels off. Its values at the knots are fitted by least
 * squares to a design of single α and of combinations, the latter because vectors interfere.
 *
 * What interferes is not additive, and it grows with the α of two traits at once. So a prediction's variance is
 * v_S(α) = a_S + b_S·Σ_{T<U} |α_T·α_U|, and it is learned from combinations that the fit did not see: see `spreadOf`.
 */
import { latinHypercube } from '../assessment/designs.ts';
import type { Calibration, Scores, Trait, Weights } from '../contract.ts';
import { SAFE_ALPHA_SUM, TRAITS } from '../contract.ts';
import { tQuantile } from '../statistics/distributions.ts';
import { seededRandom } from '../statistics/random.ts';
import { leastSquares, leverage } from '../statistics/regression.ts';
import { perTrait } from './bench.ts';

type Alphas = Record<Trait, number>;
type Matrix = Record<Trait, Record<Trait, number>>;

/** The base; every trait alone at ± each knot; drawn combinations with Σ|α| ≤ 2. */
export function calibrationDesign(knots: number[], combinations: number, seed: number): Alphas[] {
  const zero = perTrait(() => 0);
  const singles = TRAITS.flatMap(trait =>
    [-1, 1].flatMap(sign => knots.map(knot => ({ ...zero, [trait]: sign * knot }))),
  );
  const random = seededRandom(seed);
  const largest = Math.min(1, knots.at(-1) as number);
  const drawn = combinations > 0 ? latinHypercube(combinations, seed) : [];
  const mixed = drawn.map(alphas => {
    const sum = TRAITS.reduce((total, trait) => total + Math.abs(alphas[trait]), 0);
    // From half of the safe sum to all of it.
    const wanted = SAFE_ALPHA_SUM * (0.5 + 0.5 * random());
    const scale = Math.min(largest, wanted / sum);
    return perTrait(trait => alphas[trait] * scale);
  });
  return [zero, ...singles, ...mixed];
}

/** The parameters after the intercept: a trait's shift at one knot of one pole. */
const parametersOf = (knots: number[]) =>
  TRAITS.flatMap(trait =>
    [-1, 1].flatMap(sign => knots.map(knot => ({ trait, sign, knot, alpha: sign * knot }))),
  );

/** Weights of the knots at |α|: those of the two it lies between, 0 being no knot; the last line goes on. */
function interpolation(size: number, knots: number[]): number[] {
  const weights = knots.map(() => 0);
  if (size === 0) return weights;
  const above = knots.findIndex(knot => size <= knot);
  const to = above < 0 ? knots.length - 1 : above;
  const [low, high] = [to > 0 ? (knots[to - 1] as number) : 0, knots[to] as number];
  const share = (size - low) / (high - low);
  weights[to] = share;
  if (to > 0) weights[to - 1] = 1 - share;
  return weights;
}

/** A row of the design matrix. */
const rowOf = (alphas: Weights, knots: number[]): number[] => [
  1,
  ...TRAITS.flatMap(trait => {
    const alpha = alphas[trait] ?? 0;
    return [-1, 1].flatMap(sign => interpolation(Math.max(0, sign * alpha), knots));
  }),
];

/** Fits the model to assessments that have all five scores. */
export function fitCalibration(points: { weights: Alphas; scores: Scores }[], knots: number[]): Calibration {
  const fit = leastSquares(
    points.map(({ weights }) => rowOf(weights, knots)),
    points.map(({ scores }) => TRAITS.map(trait => scores[trait] as number)),
  );
  const parameters = parametersOf(knots);
  const index = (trait: Trait, sign: number, knot: number) =>
    1 + parameters.findIndex(own => own.trait === trait && own.sign === sign && own.knot === knot);
  const shift = (parameter: number, score: Trait) =>
    fit.coefficients[parameter]?.[TRAITS.indexOf(score)] ?? 0;
  const covariance = (a: number, b: number) => fit.covariance[a]?.[b] ?? 0;
  const residual = perTrait(trait => fit.residual[TRAITS.indexOf(trait)] ?? 0);
  const first = knots[0] as number;
  /** Slope Σ factor·shift / first of some parameters, and its standard error. */
  const slopes = (factors: (trait: Trait) => [number, number][]) => {
    const each = (of: (score: Trait, factors: [number, number][]) => number): Matrix =>
      perTrait(score => perTrait(trait => of(score, factors(trait)) / first));
    return {
      value: each((score, own) => own.reduce((sum, [at, factor]) => sum + factor * shift(at, score), 0)),
      error: each((score, own) => {
        const variance = own.reduce(
          (sum, [a, x]) => sum + own.reduce((part, [b, y]) => part + x * y * covariance(a, b), 0),
          0,
        );
        return residual[score] * Math.sqrt(variance);
      }),
    };
  };
  const low = slopes(trait => [[index(trait, -1, first), -1]]);
  const high = slopes(trait => [[index(trait, 1, first), 1]]);
  const both = slopes(trait => [
    [index(trait, -1, first), -0.5],
    [index(trait, 1, first), 0.5],
  ]);
  return {
    traits: [...TRAITS],
    base: perTrait(trait => shift(0, trait)),
    jacobian: both.value,
    low: low.value,
    high: high.value,
    jacobianError: both.error,
    lowError: low.error,
    highError: high.error,
    curves: parameters.map(({ trait, alpha }, at) => ({
      trait,
      alpha,
      shift: perTrait(score => shift(at + 1, score)),
      error: perTrait(score => residual[score] * Math.sqrt(covariance(at + 1, at + 1))),
    })),
    residual,
    df: fit.df,
    spread: spreadOf(
      points.flatMap(({ weights }, at) => {
        const left = fit.left[at];
        return left && TRAITS.filter(trait => weights[trait] !== 0).length > 1 ? [{ weights, left }] : [];
      }),
    ),
    n: points.length,
    covariance: fit.covariance,
  };
}

/** Σ_{T<U} |α_T·α_U|: 0 for a trait alone, at most 1.6 within the safe sum. */
function productsOf(alphas: Weights): number {
  const sizes = TRAITS.map(trait => Math.abs(alphas[trait] ?? 0));
  const sum = sizes.reduce((total, size) => total + size, 0);
  return (sum ** 2 - sizes.reduce((total, size) => total + size ** 2, 0)) / 2;
}

/** Shapes that the variance may have, [constant, products]: from one that hardly has a constant part to a constant. */
const SHAPES = [...[0.1, 0.25, 0.5, 1, 2, 4, 16].map(constant => [constant, 1] as const), [1, 0] as const];

/**
 * The variance of predictions from what each combination was off from the fit of all other assessments (PRESS residuals,
 * Allen 1974): for each of a few shapes g(α) = constant + products·Σ|α_T·α_U| it is c_S·g with c_S = mean(e²/g), and the
 * shapes are averaged by their likelihood over the five scores (normal errors, the same weight before; Hoeting, Madigan,
 * Raftery & Volinsky 1999, *Statistical Science*, 14, 382–417). A mean of such lines is again one.
 */
function spreadOf(combinations: { weights: Weights; left: number[] }[]): Calibration['spread'] {
  const n = combinations.length;
  if (n === 0) return undefined;
  const shapes = SHAPES.map(([constant, products]) => {
    const g = combinations.map(({ weights }) => constant + products * productsOf(weights));
    const scale = TRAITS.map((_, score) =>
      Math.max(
        Number.MIN_VALUE,
        combinations.reduce(
          (sum, { left }, at) => sum + (left[score] as number) ** 2 / (g[at] as number),
          0,
        ) / n,
      ),
    );
    const logs = (values: number[]) => values.reduce((sum, value) => sum + Math.log(value), 0);
    return { constant, products, scale, likelihood: -(TRAITS.length * logs(g) + n * logs(scale)) / 2 };
  });
  const likeliest = Math.max(...shapes.map(({ likelihood }) => likelihood));
  const weights = shapes.map(({ likelihood }) => Math.exp(likelihood - likeliest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const averaged = (of: (shape: (typeof shapes)[number]) => number) =>
    shapes.reduce((sum, shape, at) => sum + (of(shape) * (weights[at] as number)) / total, 0);
  return perTrait(trait => {
    const score = TRAITS.indexOf(trait);
    return {
      constant: averaged(({ constant, scale }) => constant * (scale[score] as number)),
      products: averaged(({ products, scale }) => products * (scale[score] as number)),
    };
  });
}

const knotsOf = ({ curves }: Calibration) =>
  curves.filter(({ trait, alpha }) => trait === TRAITS[0] && alpha > 0).map(({ alpha }) => alpha);

/**
 * Scores at α, and the 95 % prediction interval of one assessment there, ± t(.975; df)·√v_S(α); null without degrees of
 * freedom. A calibration that knows no spread has that of an additive model with one error everywhere, s·√(1 + h), with the
 * leverage h of α.
 */
export function predict(calibration: Calibration, alphas: Weights) {
  const row = rowOf(alphas, knotsOf(calibration));
  const { base, curves, covariance, residual, df, spread } = calibration;
  const products = productsOf(alphas);
  const scores = perTrait(trait =>
    curves.reduce((sum, { shift }, at) => sum + (row[at + 1] ?? 0) * shift[trait], base[trait]),
  );
  const ci95 = perTrait((trait): [number, number] | null => {
    if (df < 1) return null;
    const own = spread?.[trait];
    const variance = own
      ? own.constant + own.products * products
      : residual[trait] ** 2 * (1 + leverage(row, covariance));
    const half = tQuantile(0.975, df) * Math.sqrt(variance);
    return [scores[trait] - half, scores[trait] + half];
  });
  return { scores, ci95 };
}

/** Step of α in which `reachOf` shares out the sum. */
const SHARE = 0.05;

/**
 * Lowest and highest score that any α within Σ|α| ≤ 2 and |α| ≤ the last knot are predicted to give, each trait for itself,
 * the others going where they may. The model is additive, so the sum is shared out trait by trait: for every share the best
 * so far, and the best that the next trait adds at the rest. Exact where knots are multiples of 0.05, else to within one.
 *
 * @returns [lowest, highest] by trait; not cut to the inventory's scale
 */
export function reachOf(calibration: Calibration): Record<Trait, [number, number]> {
  const knots = knotsOf(calibration);
  const shares = Math.round(SAFE_ALPHA_SUM / SHARE);
  const largest = Math.floor((knots.at(-1) as number) / SHARE + 1e-9);
  const shiftAt = (trait: Trait, alpha: number, score: Trait) =>
    calibration.curves
      .filter(curve => curve.trait === trait && Math.sign(curve.alpha) === Math.sign(alpha))
      .sort((a, b) => Math.abs(a.alpha) - Math.abs(b.alpha))
      .reduce(
        (sum, { shift }, at) => sum + (interpolation(Math.abs(alpha), knots)[at] ?? 0) * shift[score],
        0,
      );
  /** The largest Σ of shifts of one score, or of their negatives. */
  const most = (score: Trait, sign: 1 | -1) => {
    let best = Array.from({ length: shares + 1 }, () => 0);
    for (const trait of TRAITS) {
      const gains = Array.from({ length: Math.min(shares, largest) + 1 }, (_, share) =>
        Math.max(...[-1, 1].map(pole => sign * shiftAt(trait, pole * share * SHARE, score))),
      );
      best = best.map((_, sum) =>
        Math.max(...gains.slice(0, sum + 1).map((gain, share) => (best[sum - share] as number) + gain)),
      );
    }
    return best.at(-1) as number;
  };
  const { base } = calibration;
  return perTrait(trait => [base[trait] - most(trait, -1), base[trait] + most(trait, 1)]);
}

/** Rounds of coordinate descent at most, and the change of an α that ends it. */
const ROUNDS = 500;
const SETTLED = 1e-7;

/**
 * α = argmin Σ_S (predicted_S − wanted_S)² + λ Σ α² within Σ|α| ≤ 2 and |α| ≤ the last knot, over the scores that `wanted`
 * names: by coordinate descent, each coordinate's minimum being exact, with a multiplier on Σ|α| that is bisected until
 * the sum is within its limit.
 *
 * @param wanted scores; those of traits that may go anywhere are absent
 */
export function solve(calibration: Calibration, wanted: Scores, ridge: number): Alphas {
  const within = (alphas: Alphas) => sumOf(alphas) <= SAFE_ALPHA_SUM + 1e-6;
  const free = descend(calibration, wanted, ridge, 0);
  if (within(free)) return free;
  let [low, high] = [0, 1];
  while (!within(descend(calibration, wanted, ridge, high))) high *= 2;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (within(descend(calibration, wanted, ridge, middle))) high = middle;
    else low = middle;
  }
  return descend(calibration, wanted, ridge, high);
}

const sumOf = (alphas: Alphas) => TRAITS.reduce((sum, trait) => sum + Math.abs(alphas[trait]), 0);

/** The minimum with `price` on Σ|α|. */
function descend(calibration: Calibration, wanted: Scores, ridge: number, price: number): Alphas {
  const alphas = perTrait(() => 0);
  const scores = TRAITS.filter(trait => wanted[trait] !== undefined);
  const knots = knotsOf(calibration);
  const lines = perTrait(trait => linesOf(calibration, trait, knots));
  const at = (trait: Trait, alpha: number, score: Trait) => {
    const line = lines[trait].find(({ from, to }) => alpha >= from && alpha <= to) ?? lines[trait][0];
    return line ? (line.start[score] ?? 0) + (line.slope[score] ?? 0) * (alpha - line.from) : 0;
  };
  for (let round = 0; round < ROUNDS; round++) {
    let moved = 0;
    for (const trait of TRAITS) {
      // What is left to this trait once the others have done their part.
      const left = scores.map(score => {
        const others = TRAITS.reduce(
          (sum, other) => (other === trait ? sum : sum + at(other, alphas[other], score)),
          calibration.base[score],
        );
        return { score, rest: (wanted[score] as number) - others };
      });
      let best = { alpha: 0, cost: left.reduce((sum, { rest }) => sum + rest ** 2, 0) };
      for (const { from, to, start, slope } of lines[trait]) {
        // Along one line, cost = Σ (start + slope·(α − from) − rest)² + λα² + price·|α|, and α keeps its sign.
        const sign = Math.sign(from + to);
        const quadratic = ridge + left.reduce((sum, { score }) => sum + slope[score] ** 2, 0);
        const linear =
          left.reduce(
            (sum, { score, rest }) => sum + slope[score] * (rest - start[score] + slope[score] * from),
            0,
          ) -
          (price * sign) / 2;
        if (quadratic === 0) continue;
        const alpha = Math.min(to, Math.max(from, linear / quadratic));
        const cost =
          left.reduce(
            (sum, { score, rest }) => sum + (start[score] + slope[score] * (alpha - from) - rest) ** 2,
            0,
          ) +
          ridge * alpha ** 2 +
          price * Math.abs(alpha);
        if (cost < best.cost - 1e-15) best = { alpha, cost };
      }
      moved = Math.max(moved, Math.abs(best.alpha - alphas[trait]));
      alphas[trait] = best.alpha;
    }
    if (moved < SETTLED) break;
  }
  return alphas;
}

/** The straight pieces of a trait's curve: where each begins and ends, the shifts there and its slopes. */
function linesOf(calibration: Calibration, trait: Trait, knots: number[]) {
  const last = knots.at(-1) as number;
  const nodes = [
    { alpha: 0, shift: perTrait(() => 0) },
    ...calibration.curves.filter(curve => curve.trait === trait),
  ].sort((a, b) => a.alpha - b.alpha);
  return nodes.slice(1).flatMap((to, index) => {
    const from = nodes[index] as (typeof nodes)[number];
    if (Math.abs(from.alpha) > last) return [];
    return {
      from: from.alpha,
      to: to.alpha,
      start: from.shift,
      slope: perTrait(score => (to.shift[score] - from.shift[score]) / (to.alpha - from.alpha)),
    };
  });
}
