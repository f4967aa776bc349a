/**
 * How near do calibrated targets come to what was wanted, against plain sliders, and do the intervals hold what they say? On the demo family, through the studio:
 *
 *   node_modules/.bin/node scripts/bench/targets.ts [--model NAME] [--n 20] [--seed 11] [--inventory ipip-50] [--refine 2] [--json]
 *
 * A target is the profile of scores of a mix drawn evenly from Σ|α| ≤ 2, so every one of them can be reached; what was
 * drawn is shown to neither side. Plain sliders take one point of score for one of α from the base's score, and are
 * shortened where Σ|α| would be above 2. Error: mean |measured − wanted| over the five traits.
 *
 * Intervals are looked at for two kinds of mixes: those that a target is solved to, as first measured, and the drawn ones.
 * “One width everywhere” is the interval of an additive model whose error is the same at any α.
 */
import { parseArgs } from 'node:util';
import { mean } from 'simple-statistics';
import type {
  AssessResult,
  CalibrateResult,
  Calibration,
  Scores,
  TargetResult,
  Trait,
  Weights,
} from '../../electron/studio/contract.ts';
import { SAFE_ALPHA_SUM, TRAITS } from '../../electron/studio/contract.ts';
import { predict } from '../../electron/studio/experiments/calibration.ts';
import { seededRandom } from '../../electron/studio/statistics/random.ts';
import { client, close, end } from './studio.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'demo' },
    n: { type: 'string', default: '20' },
    seed: { type: 'string', default: '11' },
    inventory: { type: 'string', default: 'ipip-50' },
    refine: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const { model, inventory } = values;

const personaOf = (weights: Weights) => ({ recipe: { version: 2 as const, base: model, weights } });
const scoresOf = async (weights: Weights): Promise<Scores> =>
  (await end<AssessResult>(client.assessment.assess({ persona: personaOf(weights), inventory }))).scores;
const byTrait = (of: (trait: Trait) => number) =>
  Object.fromEntries(TRAITS.map(trait => [trait, of(trait)])) as Record<Trait, number>;
const sumOf = (alphas: Weights) => TRAITS.reduce((sum, trait) => sum + Math.abs(alphas[trait] ?? 0), 0);

/** α drawn evenly from Σ|α| ≤ 2: exponential shares of the sum, one of them left over, and signs. */
function drawn(random: () => number): Record<Trait, number> {
  const shares = Array.from({ length: TRAITS.length + 1 }, () => -Math.log(1 - random()));
  const total = shares.reduce((sum, share) => sum + share, 0);
  return byTrait(
    trait => ((random() < 0.5 ? -1 : 1) * SAFE_ALPHA_SUM * (shares[TRAITS.indexOf(trait)] as number)) / total,
  );
}

function plainSliders(wanted: Scores, base: Scores): Record<Trait, number> {
  const alphas = byTrait(trait => (wanted[trait] as number) - (base[trait] as number));
  const scale = Math.min(1, SAFE_ALPHA_SUM / sumOf(alphas));
  return byTrait(trait => alphas[trait] * scale);
}

/** For each trait 1 where the interval at these α holds the measured score, else 0. */
function inside(
  calibration: Calibration,
  { alphas, measured }: { alphas: Weights; measured: Scores },
): number[] {
  const { ci95 } = predict(calibration, alphas);
  return TRAITS.map(trait => {
    const [low, high] = ci95[trait] ?? [0, 0];
    const score = measured[trait] as number;
    return score >= low && score <= high ? 1 : 0;
  });
}

try {
  const random = seededRandom(Number(values.seed));
  const base = await scoresOf({});
  const calibrated = await end<CalibrateResult>(
    client.experiments.calibrate({ persona: personaOf({}), inventory }),
  );
  const rows: {
    profile: Record<Trait, number>;
    plain: number;
    target: number;
    refined: number;
    solved: TargetResult['steps'][number];
    drawn: { alphas: Weights; measured: Scores };
  }[] = [];
  for (let index = 0; index < Number(values.n); index++) {
    const hidden = drawn(random);
    const wanted = await scoresOf(hidden);
    const profile = byTrait(trait => Number((wanted[trait] as number).toFixed(2)));
    const missed = (scores: Scores) =>
      mean(TRAITS.map(trait => Math.abs((scores[trait] as number) - profile[trait])));
    const sliders = await scoresOf(plainSliders(profile, base));
    const aimed = await end<TargetResult>(
      client.experiments.target({
        persona: personaOf({}),
        inventory,
        profile,
        refine: Number(values.refine),
      }),
    );
    rows.push({
      profile,
      plain: missed(sliders),
      target: aimed.steps[0]?.error as number,
      refined: aimed.error,
      solved: aimed.steps[0] as TargetResult['steps'][number],
      drawn: { alphas: hidden, measured: wanted },
    });
    if (!values.json)
      console.log(
        `${index + 1}: plain sliders ${missed(sliders).toFixed(3)}, target ${aimed.steps[0]?.error.toFixed(3)}, corrected ${aimed.error.toFixed(3)}`,
      );
  }
  const held = (calibration: Calibration) => ({
    solved: mean(rows.flatMap(({ solved }) => inside(calibration, solved))),
    drawn: mean(rows.flatMap(row => inside(calibration, row.drawn))),
  });
  const summary = {
    model,
    inventory,
    n: rows.length,
    assessments: calibrated.n,
    plain: mean(rows.map(row => row.plain)),
    target: mean(rows.map(row => row.target)),
    refined: mean(rows.map(row => row.refined)),
    coverage: held(calibrated),
    coverageOneWidth: held({ ...calibrated, spread: undefined }),
  };
  if (values.json) console.log(JSON.stringify({ ...summary, rows }, null, 2));
  else {
    console.log(
      `Mean absolute error over ${summary.n} targets: plain sliders ${summary.plain.toFixed(3)}, calibrated ${summary.target.toFixed(3)} (${(summary.target / summary.plain).toFixed(2)} of it), with ${values.refine} further assessments ${summary.refined.toFixed(3)}; ${summary.assessments} assessments of calibration.`,
    );
    const { coverage, coverageOneWidth } = summary;
    const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
    console.log(
      `95 % intervals held ${percent(coverage.solved)} of the scores of solved mixes and ${percent(coverage.drawn)} of those of drawn ones; with one width everywhere ${percent(coverageOneWidth.solved)} and ${percent(coverageOneWidth.drawn)}.`,
    );
  }
} finally {
  await close();
}
