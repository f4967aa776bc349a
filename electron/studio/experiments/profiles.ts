/** Profile studies: drawn combinations of all five α, under one recipe or several. */
import type { z } from 'zod';
import { latinHypercube } from '../assessment/designs.ts';
import { reliabilityOver, retestOver } from '../assessment/scoring.ts';
import type {
  MethodsCompareResult,
  methodsCompareInput,
  ProfilesResult,
  profilesInput,
  Scores,
  Trait,
} from '../contract.ts';
import { TRAITS } from '../contract.ts';
import { bootstrapP, percentile95, resampled } from '../statistics/bootstrap.ts';
import { correlation, mean, rankCorrelation } from '../statistics/correlation.ts';
import { benjaminiHochberg } from '../statistics/multiple.ts';
import { type Bench, perTrait, withWeights } from './bench.ts';

export interface Profile {
  weights: Record<Trait, number>;
  scores: Scores;
}

export async function profiles(
  { persona, n, seed }: z.output<typeof profilesInput>,
  bench: Bench,
): Promise<ProfilesResult> {
  const drawn = latinHypercube(n, seed);
  const measured = await bench.measureAll(
    drawn.map((weights, index) => ({
      name: `profile ${index + 1}`,
      recipe: withWeights(persona.recipe, weights),
    })),
  );
  const found = drawn.map((weights, index) => ({ weights, scores: measured[index]?.scores ?? {} }));
  const own = perTrait(trait => bench.correlate(trait, ...doseAndScore(trait, found)));
  const ranks = perTrait(trait => rankCorrelation(own[trait].x, own[trait].y));
  const adjusted = benjaminiHochberg(TRAITS.map(trait => own[trait].p));
  const items = measured.map(({ ratings }) =>
    bench.inventory.items.map((item, index) => ({ ...item, keyedRating: ratings[index] ?? null })),
  );
  return {
    r: perTrait(trait => own[trait].r),
    ci95: perTrait(trait => own[trait].ci95),
    mean_r: meanR(found),
    n,
    profiles: found,
    p: perTrait(trait => own[trait].p),
    pAdjusted: perTrait(trait => adjusted[TRAITS.indexOf(trait)] ?? null),
    rho: perTrait(trait => ranks[trait].r),
    rhoCi95: perTrait(trait => ranks[trait].ci95),
    reliability: reliabilityOver(items),
    retest: retestOver(measured.map(({ wordings = [] }) => wordings)),
    notes: bench.notes,
  };
}

export async function methodsCompare(
  { n, seed, recipes, resamples }: z.output<typeof methodsCompareInput>,
  bench: Bench,
): Promise<MethodsCompareResult> {
  const drawn = latinHypercube(n, seed);
  const measured = await bench.measureAll(
    recipes.flatMap(({ name, recipe }) =>
      drawn.map((weights, index) => ({
        name: `${name}, profile ${index + 1}`,
        recipe: withWeights(recipe, weights),
      })),
    ),
  );
  const found = recipes.map((_, which) =>
    drawn.map((weights, index) => ({ weights, scores: measured[which * n + index]?.scores ?? {} })),
  );
  const own = recipes.map(({ name }, which) =>
    perTrait(trait =>
      bench.correlate(`${name}, ${trait}`, ...doseAndScore(trait, found[which] as Profile[])),
    ),
  );
  const compared = compareMeans(found, resamples, seed);
  const pairs = recipes.flatMap((_, second) =>
    recipes.slice(0, second).map((_, first) => [first, second] as const),
  );
  const differences = pairs.map(([first, second]) => ({
    first: recipes[first]?.name as string,
    second: recipes[second]?.name as string,
    ...compared.difference(first, second),
  }));
  const adjusted = benjaminiHochberg(differences.map(({ p }) => p));
  return {
    n,
    seed,
    recipes: recipes.map(({ name, recipe }, which) => ({
      name,
      recipe: withWeights(recipe, {}),
      r: perTrait(trait => own[which]?.[trait].r ?? null),
      ci95: perTrait(trait => own[which]?.[trait].ci95 ?? null),
      mean_r: compared.means[which]?.mean_r ?? null,
      mean_rCi95: compared.means[which]?.mean_rCi95 ?? null,
      profiles: found[which] as Profile[],
    })),
    differences: differences.map((difference, index) => ({
      ...difference,
      pAdjusted: adjusted[index] ?? null,
    })),
    resamples,
    notes: bench.notes,
  };
}

/**
 * Mean r of the same profiles under several recipes: percentile intervals over resampled profiles, and paired
 * differences. The scores of probability mode have no error of their own, so the intervals are about the choice of
 * profiles, not about other models or vectors.
 */
export function compareMeans(studies: Profile[][], resamples: number, seed: number) {
  const draws = resampled(
    studies[0]?.length ?? 0,
    studies.map(profiles => (cases: number[]) => meanR(cases.map(index => profiles[index] as Profile))),
    resamples,
    seed,
  );
  const means = studies.map((profiles, which) => ({
    mean_r: meanR(profiles),
    mean_rCi95: percentile95(draws[which] ?? []),
  }));
  return {
    means,
    /** Of the second study from the first. */
    difference(first: number, second: number) {
      const [from, to] = [means[first]?.mean_r, means[second]?.mean_r];
      const between = (draws[second] ?? []).map((value, b) => {
        const other = draws[first]?.[b] ?? null;
        return value === null || other === null ? null : value - other;
      });
      const difference = from == null || to == null ? null : to - from;
      return {
        difference,
        ci95: difference === null ? null : percentile95(between),
        p: difference === null ? null : bootstrapP(between),
      };
    },
  };
}

/** Mean of the five correlations of α_T with score_T; null where one of them is undefined. */
export function meanR(profiles: Profile[]): number | null {
  const all = TRAITS.map(trait => {
    const [x, y] = doseAndScore(trait, profiles);
    return y.includes(undefined) ? null : correlation(x, y as number[]).r;
  });
  return all.includes(null) ? null : mean(all as number[]);
}

/** α and score of a trait over profiles. */
export const doseAndScore = (trait: Trait, profiles: Profile[]): [number[], (number | undefined)[]] => [
  profiles.map(({ weights }) => weights[trait]),
  profiles.map(({ scores }) => scores[trait]),
];
