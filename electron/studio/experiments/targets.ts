/** Calibrations, made and stored, and the question they answer: which α give these scores? */
import { createHash } from 'node:crypto';
import type Database from 'better-sqlite3';
import type { z } from 'zod';
import type {
  CalibrateResult,
  Calibration,
  calibrateInput,
  Scores,
  SolveResult,
  StoredCalibration,
  solveInput,
  TargetResult,
  Trait,
  targetInput,
} from '../contract.ts';
import { calibration as calibrationSchema, TRAITS, weightsText } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { mean } from '../statistics/correlation.ts';
import { type Bench, perTrait, withWeights } from './bench.ts';
import { calibrationDesign, fitCalibration, predict, reachOf, solve } from './calibration.ts';

/** What a calibration holds for, besides the design: everything that changes a score. */
export interface Condition {
  /** Content hashes. */
  model: string;
  vectors: Record<string, string>;
  inventory: string;
  /** The recipe without base and weights, system prompt and administration. */
  settings: unknown;
}

export const keyOf = (condition: Condition): string =>
  createHash('sha256').update(JSON.stringify(condition)).digest('hex').slice(0, 32);

interface Row {
  key: string;
  run: string;
  model: string;
  inventory: string;
  made_at: string;
  calibration: string;
}

export class Calibrations {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  /** In place of an older one of the same key. */
  store(key: string, run: string, model: string, inventory: string, calibration: Calibration): void {
    this.#database
      .prepare(
        `INSERT OR REPLACE INTO calibrations (key, run, model, inventory, made_at, calibration)
         VALUES (?, ?, ?, ?, ?, ?)`,
      )
      .run(key, run, model, inventory, new Date().toISOString(), JSON.stringify(calibration));
  }

  find(key: string): (StoredCalibration & { calibration: Calibration }) | undefined {
    const row = this.#database.prepare<[string], Row>('SELECT * FROM calibrations WHERE key = ?').get(key);
    return row && { ...summary(row), calibration: calibrationSchema.parse(JSON.parse(row.calibration)) };
  }

  /** Those that were measured with a file of this content hash, newest first. */
  using(content: string): StoredCalibration[] {
    return this.#database
      .prepare<[string], Row>(
        `SELECT * FROM calibrations WHERE run IN
           (SELECT runs.id FROM runs, json_each(runs.hashes) WHERE json_each.value = ?)
         ORDER BY made_at DESC`,
      )
      .all(content)
      .map(summary);
  }

  /** Newest first. */
  list(): StoredCalibration[] {
    return this.#database
      .prepare<[], Row>('SELECT * FROM calibrations ORDER BY made_at DESC')
      .all()
      .map(summary);
  }
}

const summary = ({ key, run, model, inventory, made_at: date }: Row): StoredCalibration => ({
  key,
  run,
  date,
  model,
  inventory,
});

type Plan = z.output<typeof calibrateInput>;

/** Assesses the design and fits it. `further`: points that follow in the same run. */
async function measureDesign(
  { persona, knots, combinations, seed }: Plan,
  bench: Bench,
  further = 0,
): Promise<{ points: CalibrateResult['points']; calibration: Calibration }> {
  const design = calibrationDesign(knots, combinations, seed);
  const measured = await bench.measureAll(
    design.map((weights, index) => ({
      name: `design ${index + 1}, ${weightsText(weights)}`,
      recipe: withWeights(persona.recipe, weights),
    })),
    further,
  );
  const points = design.map((weights, index) => ({ weights, scores: measured[index]?.scores ?? {} }));
  for (const [index, { weights, scores }] of points.entries())
    for (const trait of TRAITS)
      if (scores[trait] === undefined)
        throw new StudioError(
          'bad_input',
          `Point ${index + 1} of the design (${weightsText(weights)}) has no score of ${trait}: too few items have a valid answer.`,
          { field: 'knots', action: 'Calibrate with smaller knots, or with another inventory.' },
        );
  const calibration = fitCalibration(points, knots);
  for (const trait of TRAITS) {
    const own = calibration.curves.filter(curve => curve.trait === trait).map(({ shift }) => shift[trait]);
    if (Math.max(...own.map(Math.abs)) < 0.05)
      bench.note(`${trait}: its score hardly answers to its α, so it cannot be aimed at.`);
  }
  if (calibration.df < 1)
    bench.note('The design leaves no degrees of freedom: there are no standard errors and no intervals.');
  return { points, calibration };
}

export async function calibrate(
  plan: Plan,
  { key, model, run }: { key: string; model: string; run: string },
  calibrations: Calibrations,
  bench: Bench,
): Promise<CalibrateResult> {
  const { points, calibration } = await measureDesign(plan, bench);
  calibrations.store(key, run, model, plan.inventory, calibration);
  return { ...calibration, model, key, points, notes: bench.notes };
}

/** Asked for outside this range of the predicted ones, a score is noted as out of reach. */
const NEAR = 0.1;

export async function target(
  plan: z.output<typeof targetInput>,
  condition: { key: string; model: string; run: string },
  calibrations: Calibrations,
  bench: Bench,
): Promise<TargetResult> {
  const last = Object.keys(bench.inventory.scale).length;
  for (const trait of TRAITS) {
    const score = plan.profile[trait];
    if (score !== undefined && !(score >= 1 && score <= last))
      throw new StudioError(
        'bad_input',
        `${trait} ${score} is no score of ${bench.inventory.short}, whose answers go from 1 to ${last}.`,
        { field: 'profile', action: `Ask for scores from 1 to ${last}.` },
      );
  }
  const assessments = 1 + plan.refine;
  bench.points.expect(1 + assessments);
  const found = await settled(plan, condition, calibrations, bench);
  const { calibration } = found;
  const wanted = wantedScores(plan, calibration);
  const named = TRAITS.filter(trait => wanted[trait] !== undefined);
  const missed = (measured: Scores) =>
    mean(named.map(trait => Math.abs((measured[trait] ?? Number.NaN) - (wanted[trait] as number))));

  const first = solve(calibration, wanted, plan.ridge);
  const steps: (TargetResult['steps'][number] & { error: number })[] = [];
  // What the calibration does not see of this mix, as far as the assessments have shown it.
  let bias = perTrait(() => 0);
  let alphas = first;
  for (let step = 0; step < assessments; step++) {
    const { scores: measured } = await bench.measure({
      name: `target ${step + 1}`,
      recipe: withWeights(plan.persona.recipe, alphas),
    });
    for (const trait of named)
      if (measured[trait] === undefined)
        throw new StudioError(
          'bad_input',
          `The mix has no score of ${trait}: too few items have a valid answer.`,
          {
            field: 'profile',
            action: 'Ask for scores nearer to the middle.',
          },
        );
    steps.push({ alphas, measured, error: missed(measured) });
    const { scores: predicted } = predict(calibration, alphas);
    bias = perTrait(trait => (measured[trait] ?? predicted[trait]) - predicted[trait]);
    const aim = Object.fromEntries(named.map(trait => [trait, (wanted[trait] as number) - bias[trait]]));
    alphas = solve(calibration, aim, plan.ridge);
  }
  if (calibration.df > 0 && !calibration.spread)
    bench.note(
      'The calibration has no drawn combinations: the intervals assume that the effects of the traits add up, and may be too narrow.',
    );
  const best = steps.reduce((least, step) => (step.error < least.error ? step : least));
  const predicted = predict(calibration, best.alphas);
  const aimed = predict(calibration, first).scores;
  for (const trait of named)
    if (Math.abs(aimed[trait] - (wanted[trait] as number)) > NEAR)
      bench.note(
        `${trait} ${(wanted[trait] as number).toFixed(2)} is out of reach together with the rest: within Σ|α| ≤ 2 the nearest is ${aimed[trait].toFixed(2)}.`,
      );
  return {
    wanted: plan.profile,
    alphas: best.alphas,
    predicted: predicted.scores,
    predictedCi95: predicted.ci95,
    measured: best.measured,
    error: best.error,
    steps,
    calibration: { key: found.key, run: found.run, date: found.date, fresh: found.run === condition.run },
    notes: bench.notes,
  };
}

/** The stored calibration, or one made now. A resumed run keeps to the one that it had. */
async function settled(
  plan: z.output<typeof targetInput>,
  { key, model, run }: { key: string; model: string; run: string },
  calibrations: Calibrations,
  bench: Bench,
) {
  const find = async () => {
    const stored = calibrations.find(key);
    if (stored) return stored;
    const { calibration } = await measureDesign(plan, bench, 2 + plan.refine);
    calibrations.store(key, run, model, plan.inventory, calibration);
    return calibrations.find(key);
  };
  const found = bench.points.has('calibration') ? undefined : await find();
  return bench.points.do('calibration', async () => found as NonNullable<ReturnType<Calibrations['find']>>);
}

/** The profile, and where the others are to stay, what the base has of them. */
function wantedScores(
  { profile, others }: Pick<z.output<typeof targetInput>, 'profile' | 'others'>,
  { base }: Calibration,
): Scores {
  const known = Object.fromEntries(
    TRAITS.flatMap((trait): [Trait, number][] => {
      const score = profile[trait] ?? (others === 'base' ? base[trait] : undefined);
      return score === undefined ? [] : [[trait, score]];
    }),
  );
  return known;
}

/** Solves by the calibration kept under `key`, and measures nothing; null where there is none. */
export function solveStored(
  plan: z.output<typeof solveInput>,
  key: string,
  calibrations: Calibrations,
): SolveResult {
  const stored = calibrations.find(key);
  if (!stored) return null;
  const { calibration, ...summary } = stored;
  const alphas = solve(calibration, wantedScores(plan, calibration), plan.ridge);
  const { scores, ci95 } = predict(calibration, alphas);
  const present = predict(calibration, plan.persona.recipe.weights);
  return {
    calibration: summary,
    base: calibration.base,
    reach: Math.max(...calibration.curves.map(({ alpha }) => alpha)),
    range: reachOf(calibration),
    alphas,
    predicted: scores,
    predictedCi95: ci95,
    present: present.scores,
    presentCi95: present.ci95,
  };
}
