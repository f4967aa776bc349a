/** Dose and response: one α at a time, on one model or several, or against system prompts. */
import type { z } from 'zod';
import type {
  PromptingResult,
  promptingInput,
  Recipe,
  Scores,
  SweepResult,
  sweepInput,
  Trait,
  TransferResult,
  transferInput,
} from '../contract.ts';
import { type adjectives as adjectivesSchema, TRAITS } from '../contract.ts';
import { mean, rankCorrelation, sampleStandardDeviation } from '../statistics/correlation.ts';
import { tQuantile } from '../statistics/distributions.ts';
import { slope } from '../statistics/regression.ts';
import { type Bench, type Measured, type Subject, withWeights } from './bench.ts';

export async function sweep(
  { persona, trait, alphas }: z.output<typeof sweepInput>,
  bench: Bench,
): Promise<SweepResult> {
  const { recipe } = persona;
  const measured = await bench.measureAll(
    alphas.map((alpha, index) => ({
      name: `point ${index + 1}, α ${alpha}`,
      recipe: withWeights(recipe, { ...recipe.weights, [trait]: alpha }),
    })),
  );
  const points = alphas.map((alpha, index) => ({ alpha, scores: measured[index]?.scores ?? {} }));
  const { x, y, ...found } = bench.correlate(
    trait,
    alphas,
    points.map(({ scores }) => scores[trait]),
  );
  const { r: rho, ci95: rhoCi95 } = rankCorrelation(x, y);
  return { trait, points, ...found, rho, rhoCi95, notes: bench.notes };
}

// ── Transfer ───────────────────────────────────────────────────────────────────────────────────────────────

/** A model of the comparison; its recipe pins the vectors of the base. */
export interface TransferModel {
  id: string;
  label: string;
  content: string;
  recipe: (weights: Recipe['weights']) => Recipe;
}

export async function transfer(
  { traits, alphas }: z.output<typeof transferInput>,
  models: TransferModel[],
  bench: Bench,
): Promise<TransferResult> {
  const doses = alphas.filter(alpha => alpha !== 0);
  const subjects = models.flatMap(({ id, recipe }): Subject[] => [
    { name: `${id}, α 0`, recipe: recipe({}) },
    ...traits.flatMap(trait =>
      doses.map(alpha => ({ name: `${id}, ${trait} ${alpha}`, recipe: recipe({ [trait]: alpha }) })),
    ),
  ]);
  const measured = new Map(
    (await bench.measureAll(subjects)).map((result, index) => [subjects[index]?.name, result]),
  );
  const of = (name: string) => measured.get(name) as Measured;
  const results = models.map(({ id, label, content }) => {
    const own = of(`${id}, α 0`);
    return {
      model: id,
      label,
      content,
      scores: own.scores,
      traits: traits.map(trait => {
        const points = doses.map(alpha => {
          const result = of(`${id}, ${trait} ${alpha}`);
          const { difference, ci95, d } = bench.shift(trait, result, own);
          return { alpha, scores: result.scores, shift: difference, ci95, d };
        });
        const { x, y, r, ci95 } = bench.correlate(
          `${id}, ${trait}`,
          [0, ...doses],
          [own.scores[trait], ...points.map(({ scores }) => scores[trait])],
        );
        return { trait, points, r, rCi95: ci95, slope: slope(x, y), ratio: null as number | null };
      }),
    };
  });
  for (const model of results)
    for (const [index, found] of model.traits.entries()) {
      const base = results[0]?.traits[index]?.slope;
      found.ratio = found.slope === null || !base ? null : found.slope / base;
    }
  return { models: results, notes: bench.notes };
}

// ── Prompting against vectors ──────────────────────────────────────────────────────────────────────────────

type Adjectives = z.output<typeof adjectivesSchema>;
const LEVELS = [-2, -1, 0, 1, 2];

/**
 * Every level is asked for with each adjective of its pole, in a system prompt of its own, and is their mean. Which α a
 * level corresponds to is read off the straight lines between the α that were assessed, on the level's own side.
 */
export async function prompting(
  { persona, traits, alphas: given }: z.output<typeof promptingInput>,
  { levels, adjectives }: Adjectives,
  bench: Bench,
): Promise<PromptingResult> {
  const base = withWeights(persona.recipe, {});
  const alphas = [...new Set([...given, 0])].sort((a, b) => a - b);
  const prompts = traits.flatMap(trait =>
    LEVELS.filter(level => level !== 0).flatMap(level =>
      adjectives[trait][level > 0 ? 'high' : 'low'].map(adjective => {
        const sentence = levels[String(level) as keyof typeof levels].replaceAll('{adjective}', adjective);
        const system = [persona.system.trim(), sentence].filter(Boolean).join(' ');
        return { name: `${trait} ${level}, ${adjective}`, trait, level, adjective, system };
      }),
    ),
  );
  const doses = traits.flatMap(trait =>
    alphas.filter(Boolean).map(alpha => ({ name: `${trait}, α ${alpha}`, trait, alpha })),
  );
  const [start, ...measured] = await bench.measureAll([
    { name: 'base', recipe: base },
    ...prompts.map(({ name, system }) => ({ name, recipe: base, system })),
    ...doses.map(({ name, trait, alpha }) => ({ name, recipe: withWeights(base, { [trait]: alpha }) })),
  ]);
  const origin = (start as Measured).scores;
  const prompted = prompts.map((prompt, index) => ({
    ...prompt,
    scores: (measured[index] as Measured).scores,
  }));
  const dosed = doses.map((dose, index) => ({
    ...dose,
    scores: (measured[prompts.length + index] as Measured).scores,
  }));

  const results = traits.map(trait => {
    const vectors = alphas.map(alpha => {
      const scores = dosed.find(dose => dose.trait === trait && dose.alpha === alpha)?.scores ?? origin;
      return { alpha, score: scores[trait] ?? null, others: bleed(trait, scores, origin), scores };
    });
    const found = LEVELS.map(level => {
      const own = prompted.filter(prompt => prompt.trait === trait && prompt.level === level);
      const values = level === 0 ? [origin[trait]] : own.map(({ scores }) => scores[trait]);
      const known = values.filter(value => value !== undefined);
      const score = known.length > 0 ? mean(known) : null;
      const others = own.flatMap(({ scores }) => bleed(trait, scores, origin) ?? []);
      return {
        level,
        score,
        ci95: score === null ? null : meanInterval(known),
        others: level === 0 ? 0 : others.length > 0 ? mean(others) : null,
        prompts: own.map(({ adjective, system, scores }) => ({ adjective, system, scores })),
        alpha: score === null ? null : level === 0 ? 0 : doseFor(score, Math.sign(level), vectors),
      };
    });
    for (const { level, alpha, score } of found)
      if (score !== null && alpha === null)
        bench.note(
          `${trait}: no α from ${alphas[0]} to ${alphas.at(-1)} gives the score of level ${level} (${score.toFixed(2)}) on its side.`,
        );
    const dose = (what: string, x: number[], y: (number | null)[]) => {
      const {
        x: doses,
        y: scores,
        r,
        ci95,
        n,
      } = bench.correlate(
        `${trait}, ${what}`,
        x,
        y.map(value => value ?? undefined),
      );
      return { slope: slope(doses, scores), r, ci95, n };
    };
    return {
      trait,
      levels: found,
      vectors,
      prompting: dose(
        'prompting',
        LEVELS,
        found.map(({ score }) => score),
      ),
      vector: dose(
        'vector',
        alphas,
        vectors.map(({ score }) => score),
      ),
    };
  });
  return { base: origin, traits: results, notes: bench.notes };
}

/** Mean |shift| of the other traits; null where none is measured. */
function bleed(trait: Trait, scores: Scores, origin: Scores): number | null {
  const shifts = TRAITS.flatMap(other => {
    const [now, before] = [scores[other], origin[other]];
    return other === trait || now === undefined || before === undefined ? [] : [Math.abs(now - before)];
  });
  return shifts.length > 0 ? mean(shifts) : null;
}

/** Student's interval of a mean; null below two values. */
function meanInterval(values: number[]): [number, number] | null {
  if (values.length < 2) return null;
  const half =
    (tQuantile(0.975, values.length - 1) * sampleStandardDeviation(values)) / Math.sqrt(values.length);
  return [mean(values) - half, mean(values) + half];
}

/** The first α from 0 outwards on the side of `sign` at which the line through the points reaches a score, or null. */
export function doseFor(
  score: number,
  sign: number,
  points: { alpha: number; score: number | null }[],
): number | null {
  const side = points
    .filter(({ alpha, score: known }) => known !== null && alpha * sign >= 0)
    .sort((a, b) => Math.abs(a.alpha) - Math.abs(b.alpha)) as { alpha: number; score: number }[];
  for (const [index, to] of side.entries()) {
    const from = side[index - 1];
    if (!from) continue;
    const [low, high] = [Math.min(from.score, to.score), Math.max(from.score, to.score)];
    if (score < low || score > high) continue;
    const share = to.score === from.score ? 0 : (score - from.score) / (to.score - from.score);
    return from.alpha + share * (to.alpha - from.alpha);
  }
  return null;
}
