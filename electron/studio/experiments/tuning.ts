/**
 * Automatic tuning: which method, density, trim and λ per trait give the highest mean r over drawn profiles? By successive
 * halving (Karnin, Koren & Somekh 2013; Jamieson & Talwalkar 2016): many drawn settings are judged by a few profiles, the
 * better half of them by twice as many, and so on. The plain recipe is among them, and the winner is held against it on
 * profiles that took no part.
 *
 * An own search, because npm has no CMA-ES or Bayesian optimiser that could be used, and a Gaussian process with expected
 * improvement, tried in its place, did worse on held-out profiles (docs/experiments.md has the figures): it fits the few
 * profiles that its candidates are judged by, where halving doubles them for those that remain.
 */
import type { z } from 'zod';
import { latinHypercube } from '../assessment/designs.ts';
import type { Recipe, RecipeInput, Trait, TuneResult, TuneSettings, tuneInput } from '../contract.ts';
import { recipe as recipeSchema } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { parameterOf } from '../mixing/methods.ts';
import { seededRandom } from '../statistics/random.ts';
import { type Bench, perTrait, withWeights } from './bench.ts';
import { compareMeans, doseAndScore, meanR, type Profile } from './profiles.ts';

/** Profiles in the first round: the fewest that rank five correlations at all. */
const FIRST = 6;
const PLAIN: TuneSettings = { method: 'task_arithmetic', lambda: perTrait(() => 1) };

/** Range of λ per trait, drawn evenly in its logarithm, and of the density. */
const LAMBDA = [0.5, 1.5] as const;
const DENSITY = [0.1, 0.9] as const;

/** How many candidates are judged by how many profiles in each round. */
export interface Round {
  candidates: number;
  profiles: number;
}

/**
 * The rounds that a budget of assessments allows: candidates are halved and profiles doubled until two are left. A
 * candidate keeps what it was judged by before, so a round costs only the profiles that are new.
 */
export function roundsWithin(budget: number): Round[] {
  const rounds = (candidates: number): Round[] => {
    const all: Round[] = [];
    for (let left = candidates, profiles = FIRST; ; profiles *= 2) {
      all.push({ candidates: left, profiles });
      if (left <= 2) return all;
      left = Math.ceil(left / 2);
    }
  };
  const cost = (all: Round[]) =>
    all.reduce(
      (sum, { candidates, profiles }, i) => sum + candidates * (profiles - (all[i - 1]?.profiles ?? 0)),
      0,
    );
  let candidates = 2;
  while (cost(rounds(candidates + 1)) <= budget) candidates++;
  const found = rounds(candidates);
  return cost(found) <= budget ? found : [];
}

/** Settings drawn at random; the first candidate is the plain recipe. */
export function drawSettings(count: number, methods: TuneSettings['method'][], seed: number): TuneSettings[] {
  const random = seededRandom(seed);
  const between = ([low, high]: readonly [number, number]) => low + (high - low) * random();
  const rounded = (value: number) => Number(value.toFixed(3));
  return Array.from({ length: count }, (_, index): TuneSettings => {
    if (index === 0) return PLAIN;
    const method = methods[Math.floor(random() * methods.length)] as TuneSettings['method'];
    const density = rounded(between(DENSITY));
    const trim = random() < 0.5 ? 'tensor' : 'vector';
    const lambda = perTrait(() => rounded(Math.exp(between([Math.log(LAMBDA[0]), Math.log(LAMBDA[1])]))));
    return {
      method,
      ...(parameterOf(method, 'density') && { density }),
      ...(parameterOf(method, 'trim') && { trim }),
      lambda,
    } as TuneSettings;
  });
}

/** The recipe of some settings. λ of a trait is a factor on its α over the whole depth, so plain addition stays live. */
export function tunedRecipe(
  base: Recipe,
  { method, density, trim, lambda }: TuneSettings,
  seed: number,
): Recipe {
  // What is kept with a probability must stay below 1 on both sides of the density.
  const epsilon =
    density !== undefined && parameterOf(method, 'epsilon')
      ? Number((0.5 * Math.min(density, 1 - density)).toFixed(3))
      : undefined;
  const same = Object.values(lambda).every(value => value === 1);
  const draft: RecipeInput = {
    version: 2,
    base: base.base,
    method,
    density,
    trim,
    epsilon,
    normalize: parameterOf(method, 'normalize') ? false : undefined,
    seed: parameterOf(method, 'seed') ? seed : undefined,
    depth: same ? undefined : perTrait(trait => [lambda[trait]]),
  };
  return recipeSchema.parse(draft);
}

interface Candidate {
  id: number;
  settings: TuneSettings;
  recipe: Recipe;
  profiles: Profile[];
}

export async function tune(
  { persona, methods, budget, heldOut: n, seed, resamples }: z.output<typeof tuneInput>,
  bench: Bench,
): Promise<TuneResult> {
  const rounds = roundsWithin(budget - 2 * n);
  if (rounds.length === 0)
    throw new StudioError(
      'bad_input',
      `A budget of ${budget} assessments leaves too few for a search beside ${2 * n} of held-out profiles.`,
      { field: 'budget', action: `Allow ${2 * n + 2 * FIRST} or more, or hold out fewer profiles.` },
    );
  const most = rounds.at(-1)?.profiles as number;
  // A prefix of a Latin hypercube is no Latin hypercube, but each of its rows lies anywhere.
  const drawn = latinHypercube(most, seed);
  let candidates = drawSettings(rounds[0]?.candidates as number, methods, seed).map(
    (settings, id): Candidate => ({
      id,
      settings,
      recipe: tunedRecipe(persona.recipe, settings, seed),
      profiles: [],
    }),
  );
  bench.check(candidates.flatMap(({ recipe }) => drawn.map(weights => withWeights(recipe, weights))));
  const spending = rounds.reduce(
    (sum, { candidates, profiles }, i) => sum + candidates * (profiles - (rounds[i - 1]?.profiles ?? 0)),
    2 * n,
  );
  bench.points.expect(spending);

  let spent = 0;
  const measure = async (name: string, recipe: Recipe, weights: Record<Trait, number>): Promise<Profile> => {
    spent++;
    return { weights, scores: (await bench.measure({ name, recipe: withWeights(recipe, weights) })).scores };
  };
  const told: TuneResult['rounds'] = [];
  for (const { candidates: kept, profiles } of rounds) {
    candidates = candidates.slice(0, kept);
    for (const candidate of candidates)
      for (let index = candidate.profiles.length; index < profiles; index++)
        candidate.profiles.push(
          await measure(
            `candidate ${candidate.id}, profile ${index + 1}`,
            candidate.recipe,
            drawn[index] as Record<Trait, number>,
          ),
        );
    // An undefined mean r (constant answers, no score) is the worst.
    const judged = candidates.map(candidate => ({ candidate, mean_r: meanR(candidate.profiles) }));
    judged.sort((a, b) => (b.mean_r ?? -2) - (a.mean_r ?? -2) || a.candidate.id - b.candidate.id);
    const undefinedCount = judged.filter(({ mean_r }) => mean_r === null).length;
    if (undefinedCount > 0)
      bench.note(
        `${undefinedCount} of ${judged.length} candidates have no mean r over ${profiles} profiles: a trait's answers are constant, or it has no score.`,
      );
    candidates = judged.map(({ candidate }) => candidate);
    told.push({
      profiles,
      candidates: judged.map(({ candidate: { id, settings }, mean_r }) => ({ id, settings, mean_r })),
    });
  }

  const winner = candidates[0] as Candidate;
  const plain = tunedRecipe(persona.recipe, PLAIN, seed);
  const otherSeed = (seed + 0x9e3779b9) >>> 0;
  const unseen = latinHypercube(n, otherSeed);
  const studies: Profile[][] = [[], []];
  for (const [which, recipe] of [plain, winner.recipe].entries())
    for (const [index, weights] of unseen.entries())
      studies[which]?.push(
        await measure(`held out, ${which === 0 ? 'plain' : 'tuned'}, profile ${index + 1}`, recipe, weights),
      );
  const compared = compareMeans(studies, resamples, seed);
  const side = (which: number) => ({
    r: perTrait(trait => {
      const name = `held out, ${which === 0 ? 'plain' : 'tuned'}, ${trait}`;
      return bench.correlate(name, ...doseAndScore(trait, studies[which] as Profile[])).r;
    }),
    mean_r: compared.means[which]?.mean_r ?? null,
    mean_rCi95: compared.means[which]?.mean_rCi95 ?? null,
  });
  if (winner.id === 0) bench.note('Nothing that was tried did better than the plain recipe.');
  return {
    recipe: winner.recipe,
    settings: winner.settings,
    plain,
    heldOut: { n, seed: otherSeed, tuned: side(1), plain: side(0), ...compared.difference(0, 1) },
    rounds: told,
    spent,
    budget,
    notes: bench.notes,
  };
}
