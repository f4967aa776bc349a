/**
 * Plans of the experiments and what comes out of them. A plan is plain data: it can be stored, sent, resumed and done again.
 * Every result says in `notes` what a reader must know before using its figures.
 */
import { z } from 'zod';
import { readTextsResult } from '../language/contract.ts';
import { ALPHA_LIMIT } from '../mixing/methods.ts';
import { picture } from '../pictures/contract.ts';
import {
  administered,
  fileType,
  interval,
  method,
  persona,
  recipe,
  reliability,
  retest,
  scores,
  TRAITS,
  trait,
  weights,
} from '../terms.ts';

const seed = z.int().min(0).max(0xffffffff).default(7);
const alpha = z.number().min(-ALPHA_LIMIT).max(ALPHA_LIMIT);
const nullable = z.number().nullable();
const ci95 = interval.nullable();
const notes = z.array(z.string()).default([]);
const traits = z
  .array(trait)
  .min(1)
  .default(() => [...TRAITS]);

/** What every plan holds: whom to assess, with what, and how. */
const studied = {
  persona,
  ...administered,
  /** Bake a file for every point and assess that, where live adapters would do. */
  baked: z.boolean().default(false),
};

/** A profile α with the scores that it gave. */
const profile = z.object({ weights: z.record(trait, z.number()), scores });

// ── Sweep and profile study ────────────────────────────────────────────────────────────────────────────────

export const sweepInput = z.object({
  ...studied,
  trait,
  /** The values α takes, in order; the recipe's other weights stay as they are. */
  alphas: z.array(alpha).min(1).max(201),
});
export const sweepResult = z.object({
  trait,
  points: z.array(z.object({ alpha: z.number(), scores })),
  /** Pearson correlation of α with the trait's own score; null when undefined (constant, or fewer than 3 points). */
  r: nullable,
  ci95,
  n: z.int(),
  /** Two-sided, from t = r√((n − 2)/(1 − r²)). */
  p: nullable.default(null),
  /** Spearman's rank correlation with its 95 % interval. */
  rho: nullable.default(null),
  rhoCi95: ci95.default(null),
  notes,
});
export type SweepResult = z.infer<typeof sweepResult>;

const drawn = {
  /** Profiles drawn from [−1, 1]⁵ by a seeded Latin hypercube. */
  n: z.int().min(3).max(1000).default(24),
  seed,
};
export const profilesInput = z.object({ ...studied, ...drawn });
export const profilesResult = z.object({
  /** Pearson correlation of α_T with score_T over the profiles, per trait; null where undefined. */
  r: z.record(trait, nullable),
  ci95: z.record(trait, ci95),
  mean_r: nullable,
  n: z.int(),
  profiles: z.array(profile),
  p: z.partialRecord(trait, nullable).default({}),
  /** Benjamini–Hochberg over the five. */
  pAdjusted: z.partialRecord(trait, nullable).default({}),
  rho: z.partialRecord(trait, nullable).default({}),
  rhoCi95: z.partialRecord(trait, ci95).default({}),
  /** The persons of this alpha are the profiles. */
  reliability: z.record(z.string(), reliability).default({}),
  /** Test–retest agreement of each trait's score over the profiles, between wordings; empty with a single one. */
  retest: z.record(z.string(), retest).default({}),
  notes,
});
export type ProfilesResult = z.infer<typeof profilesResult>;

// ── Method comparison ──────────────────────────────────────────────────────────────────────────────────────

/** Bootstrap resamples behind an interval. */
const resamples = z.int().min(100).max(100_000).default(2000);

export const methodsCompareInput = z.object({
  ...studied,
  ...drawn,
  /** What is compared; each takes the weights of the drawn profiles in place of its own. */
  recipes: z
    .array(z.object({ name: z.string().min(1), recipe }))
    .min(2)
    .max(20)
    .refine(given => new Set(given.map(({ name }) => name)).size === given.length, {
      error: 'every recipe needs a name of its own',
    }),
  resamples,
});
export const methodsCompareResult = z.object({
  n: z.int(),
  seed: z.int(),
  recipes: z.array(
    z.object({
      name: z.string(),
      recipe,
      /** Pearson correlation of α_T with score_T over the profiles. */
      r: z.record(trait, nullable),
      ci95: z.record(trait, ci95),
      mean_r: nullable,
      /** Percentile interval over resampled profiles. */
      mean_rCi95: ci95,
      profiles: z.array(profile),
    }),
  ),
  /** mean_r of the second minus that of the first, the profiles paired; p from the same resamples. */
  differences: z.array(
    z.object({
      first: z.string(),
      second: z.string(),
      difference: nullable,
      ci95,
      p: nullable,
      /** Benjamini–Hochberg over all pairs. */
      pAdjusted: nullable,
    }),
  ),
  resamples: z.int(),
  notes,
});
export type MethodsCompareResult = z.infer<typeof methodsCompareResult>;

// ── Prompting against vectors ──────────────────────────────────────────────────────────────────────────────

/** Adjectives of a trait's poles, and the sentences that say them by level. */
export const adjectives = z.object({
  source: z.string(),
  /** Sentence of each level but 0, with {adjective}. */
  levels: z.record(z.enum(['-2', '-1', '1', '2']), z.string().includes('{adjective}')),
  adjectives: z.record(
    trait,
    z.object({ high: z.array(z.string()).min(1), low: z.array(z.string()).min(1) }),
  ),
});

export const promptingInput = z.object({
  ...studied,
  traits,
  alphas: z
    .array(alpha)
    .min(2)
    .max(201)
    .default(() => [-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2]),
  /** Wordings in place of the studio's own. */
  adjectives: adjectives.optional(),
});
const doseResponse = z.object({
  /** Points of score for one level or one α, by least squares; null where undefined. */
  slope: nullable,
  r: nullable,
  ci95,
  n: z.int(),
});
export const promptingResult = z.object({
  /** The persona without adjectives and with α = 0. */
  base: scores,
  traits: z.array(
    z.object({
      trait,
      levels: z.array(
        z.object({
          level: z.int(),
          /** Mean of the trait's own score over the adjectives, with Student's interval. */
          score: nullable,
          ci95,
          /** Mean |shift| of the other traits from the base. */
          others: nullable,
          prompts: z.array(z.object({ adjective: z.string(), system: z.string(), scores })),
          /** The α that gives the level's score, by linear interpolation between the α assessed; null outside them. */
          alpha: nullable,
        }),
      ),
      vectors: z.array(z.object({ alpha: z.number(), score: nullable, others: nullable, scores })),
      prompting: doseResponse,
      vector: doseResponse,
    }),
  ),
  notes,
});
export type PromptingResult = z.infer<typeof promptingResult>;

// ── Transfer ───────────────────────────────────────────────────────────────────────────────────────────────

export const transferInput = z.object({
  ...studied,
  /** Models that take the vectors of the persona's base; library names or paths. */
  models: z.array(z.string().min(1)).min(1).max(20),
  traits,
  alphas: z
    .array(alpha)
    .min(1)
    .max(41)
    .default(() => [-2, -1, 1, 2]),
});
export const transferResult = z.object({
  /** The base first. */
  models: z.array(
    z.object({
      model: z.string(),
      label: z.string(),
      content: z.string(),
      /** With α = 0. */
      scores,
      traits: z.array(
        z.object({
          trait,
          points: z.array(
            z.object({
              alpha: z.number(),
              scores,
              /** Of the own score from the model's own α = 0, paired over items: mean, interval, d_z. */
              shift: nullable,
              ci95,
              d: nullable,
            }),
          ),
          /** Over all α with 0. */
          r: nullable,
          rCi95: ci95,
          slope: nullable,
          /** The slope over that on the base; null where either is undefined or the base's is 0. */
          ratio: nullable,
        }),
      ),
    }),
  ),
  notes,
});
export type TransferResult = z.infer<typeof transferResult>;

// ── Capability check ───────────────────────────────────────────────────────────────────────────────────────

export const OPERATIONS = ['plus', 'minus', 'times'] as const;
export const capabilityInput = z.object({
  persona,
  baked: z.boolean().default(false),
  /** What the persona is compared with; its base unmixed and without a system prompt when absent. */
  before: persona.optional(),
  /** Arithmetic problems; 0 leaves them out. */
  problems: z.int().min(0).max(1000).default(60),
  operations: z.array(z.enum(OPERATIONS)).min(1).default(['plus', 'minus']),
  /** Largest operand; the smallest is 1, and differences are never negative. */
  largest: z.int().min(1).max(1_000_000).default(20),
  /** Requests that a rule can check; 0 leaves them out. */
  requests: z.int().min(0).max(1000).default(60),
  /** Text whose likelihood is measured, blank lines between passages; the studio's own when absent, none when empty. */
  text: z.string().max(1_000_000).optional(),
  seed,
  resamples,
  maxTokens: z.int().min(1).max(1024).default(64),
});
const proportion = z.object({
  right: z.int(),
  /** 0 … 1, with Wilson's interval. */
  share: nullable,
  ci95,
});
const paired = z.object({
  n: z.int(),
  before: proportion,
  after: proportion,
  /** Share after minus share before, with the interval of Bonett & Price (2012). */
  difference: nullable,
  ci95,
  /** Right after and not before, and the other way round. */
  gained: z.int(),
  lost: z.int(),
  /** McNemar's exact test. */
  p: nullable,
});
const task = z.object({
  question: z.string(),
  before: z.object({ text: z.string(), right: z.boolean() }),
  after: z.object({ text: z.string(), right: z.boolean() }),
});
export const capabilityResult = z.object({
  arithmetic: paired.extend({ tasks: z.array(task.extend({ answer: z.int() })) }).nullable(),
  instructions: paired
    .extend({
      tasks: z.array(task.extend({ rule: z.string() })),
      rules: z.array(z.object({ rule: z.string(), n: z.int(), before: z.int(), after: z.int() })),
    })
    .nullable(),
  likelihood: z
    .object({
      passages: z.int(),
      tokens: z.int(),
      /** Perplexity per token, exp(−Σ log p / tokens), with percentile intervals over resampled passages. */
      before: z.object({ perplexity: z.number(), ci95 }),
      after: z.object({ perplexity: z.number(), ci95 }),
      /** Perplexity after over that before, the passages paired. */
      ratio: z.number(),
      ratioCi95: ci95,
    })
    .nullable(),
  seed: z.int(),
  notes,
});
export type CapabilityResult = z.infer<typeof capabilityResult>;

// ── Stability ──────────────────────────────────────────────────────────────────────────────────────────────

export const stabilityInput = z.object({
  /** Its recipe is the first merge, and has a weight that is not 0. */
  ...studied,
  /** Weights of that file. */
  type: fileType.default('f16'),
  /**
   * What is merged into the file of the first merge; their base is that file. When empty: nothing (the file is written
   * once more), and each trait that the first merge leaves at 0, at α = 1 and −1.
   */
  second: z.array(z.object({ name: z.string().min(1), recipe })).default([]),
});
export const stabilityResult = z.object({
  base: scores,
  first: z.object({ weights, scores, type: fileType }),
  second: z.array(
    z.object({
      name: z.string(),
      weights,
      method,
      scores,
      traits: z.array(
        z.object({
          trait,
          /** Shift of the score from the base after the first merge and after the second. */
          before: nullable,
          after: nullable,
          /** after / before: 1 is unchanged; null where `before` is undefined or below 0.05. */
          kept: nullable,
          /** after − before, paired over items: mean, interval, d_z, p. */
          difference: nullable,
          ci95,
          d: nullable,
          p: nullable,
        }),
      ),
    }),
  ),
  notes,
});
export type StabilityResult = z.infer<typeof stabilityResult>;

// ── Calibration and targets ────────────────────────────────────────────────────────────────────────────────

const design = {
  /** |α| at which each pole of each trait is assessed alone; the response is linear in between. */
  knots: z
    .array(z.number().gt(0).max(2))
    .min(1)
    .max(8)
    .default(() => [0.5, 1, 2])
    .refine(given => given.every((knot, index) => index === 0 || knot > (given[index - 1] as number)), {
      error: 'expected ascending values',
    }),
  /** Drawn combinations of all traits, Σ|α| ≤ 2. */
  combinations: z.int().min(0).max(500).default(24),
  seed,
};
export const calibrateInput = z.object({ ...studied, ...design });

const matrix = z.record(trait, z.record(trait, z.number()));
export const calibration = z.object({
  /** The five, in the order of `curves`' columns. */
  traits: z.array(trait),
  /** Fitted scores with all α at 0. */
  base: z.record(trait, z.number()),
  /**
   * jacobian[S][T]: points of score S for one of α_T around 0, the central difference between both poles' first knots;
   * `low` and `high`: the one-sided slopes there, Δscore/Δα, as α falls and as it rises.
   */
  jacobian: matrix,
  low: matrix,
  high: matrix,
  /** Standard errors of the same. */
  jacobianError: matrix,
  lowError: matrix,
  highError: matrix,
  /** Shift of every score at each knot of each trait's α, with standard errors; linear in between. */
  curves: z.array(
    z.object({
      trait,
      alpha: z.number(),
      shift: z.record(trait, z.number()),
      error: z.record(trait, z.number()),
    }),
  ),
  /** Residual standard deviation per score, and its degrees of freedom (0: the design leaves none). */
  residual: z.record(trait, z.number()),
  df: z.int(),
  /**
   * Variance of an assessment around its prediction, per score: constant + products · Σ_{S<T} |α_S·α_T|, from combinations
   * that the fit was not told of. Absent without combinations, and in calibrations from before it was known.
   */
  spread: z.record(trait, z.object({ constant: z.number(), products: z.number() })).optional(),
  /** Assessments of the design. */
  n: z.int(),
  /** (XᵀX)⁻¹ over the intercept and the rows of `curves`. */
  covariance: z.array(z.array(z.number())),
});
export type Calibration = z.infer<typeof calibration>;
export const calibrateResult = calibration.extend({
  model: z.string(),
  /** Under which it is stored: hash of the model, its vectors, the recipe's settings, inventory and administration. */
  key: z.string(),
  points: z.array(profile),
  notes,
});
export type CalibrateResult = z.infer<typeof calibrateResult>;

export const targetInput = z.object({
  ...studied,
  ...design,
  /** Wanted scores, on the inventory's scale. */
  profile: z
    .partialRecord(trait, z.number())
    .refine(given => Object.keys(given).length > 0, { error: 'name at least one trait' }),
  /** What becomes of traits that the profile does not name: they stay where the base has them, or may go anywhere. */
  others: z.enum(['base', 'free']).default('base'),
  /** λ of the ridge, in squared points of score for one squared α. */
  ridge: z.number().min(0).max(10).default(0.01),
  /** Further assessments, each of which corrects the α by what the last one missed. */
  refine: z.int().min(0).max(10).default(2),
});
/** The same question put to a calibration that is kept, at once and without an assessment. */
export const solveInput = targetInput
  .omit({ refine: true, knots: true, combinations: true, seed: true })
  .extend({
    /** Wanted scores; where none is named, only the calibration is looked for. */
    profile: z.partialRecord(trait, z.number()),
  });
const reached = z.object({ alphas: z.record(trait, z.number()), measured: scores, error: z.number() });
export const targetResult = z.object({
  wanted: z.partialRecord(trait, z.number()),
  alphas: z.record(trait, z.number()),
  predicted: z.record(trait, z.number()),
  /** 95 % prediction intervals of one assessment; null where the design leaves no degrees of freedom. */
  predictedCi95: z.record(trait, ci95),
  measured: scores,
  /** Mean |measured − wanted| over the traits of the profile, and over those that were to stay. */
  error: z.number(),
  /** The first assessment and each correction, of which the best is above. */
  steps: z.array(reached),
  calibration: z.object({ key: z.string(), run: z.string(), date: z.string(), fresh: z.boolean() }),
  notes,
});
export type TargetResult = z.infer<typeof targetResult>;

export const storedCalibration = z.object({
  key: z.string(),
  run: z.string(),
  date: z.string(),
  model: z.string(),
  inventory: z.string(),
});
export type StoredCalibration = z.infer<typeof storedCalibration>;

/** Null where no calibration is kept for this model, its vectors, the recipe's settings and the administration. */
export const solveResult = z
  .object({
    calibration: storedCalibration,
    /** Fitted scores with all α at 0. */
    base: z.record(trait, z.number()),
    /** The last knot: the largest |α| of one trait that the design covered. */
    reach: z.number(),
    /** Lowest and highest score that any α within the safe sum are predicted to give, each trait for itself. */
    range: z.record(trait, z.tuple([z.number(), z.number()])),
    alphas: z.record(trait, z.number()),
    predicted: z.record(trait, z.number()),
    /** 95 % prediction intervals of one assessment; null where the design leaves no degrees of freedom. */
    predictedCi95: z.record(trait, ci95),
    /** The same for the α of the persona itself, wherever they stand. */
    present: z.record(trait, z.number()),
    presentCi95: z.record(trait, ci95),
  })
  .nullable();
export type SolveResult = z.infer<typeof solveResult>;

// ── Tuning ─────────────────────────────────────────────────────────────────────────────────────────────────

export const TUNABLE_METHODS = [
  'task_arithmetic',
  'ties',
  'dare_linear',
  'dare_ties',
  'breadcrumbs',
  'breadcrumbs_ties',
  'della_linear',
  'della',
] as const;
export const tuneInput = z.object({
  ...studied,
  methods: z
    .array(z.enum(TUNABLE_METHODS))
    .min(1)
    .default(['task_arithmetic', 'ties', 'dare_linear', 'dare_ties']),
  /** Assessments to spend, those of the held-out profiles included. */
  budget: z.int().min(40).max(100_000).default(400),
  /** Held-out profiles, on which the winner and the plain recipe are compared. */
  heldOut: z.int().min(4).max(1000).default(24),
  seed,
  resamples,
});
const settings = z.object({
  method: z.enum(TUNABLE_METHODS),
  density: z.number().optional(),
  trim: z.enum(['tensor', 'vector']).optional(),
  /** Factor on each trait's α. */
  lambda: z.record(trait, z.number()),
});
export type TuneSettings = z.infer<typeof settings>;
const heldOut = z.object({ r: z.record(trait, nullable), mean_r: nullable, mean_rCi95: ci95 });
export const tuneResult = z.object({
  /** The winner, with all weights at 0. */
  recipe,
  settings,
  plain: recipe,
  heldOut: z.object({
    n: z.int(),
    seed: z.int(),
    tuned: heldOut,
    plain: heldOut,
    /** Tuned minus plain, the profiles paired. */
    difference: nullable,
    ci95,
    p: nullable,
  }),
  /** Rounds of successive halving: how many profiles each candidate was judged by, best first. */
  rounds: z.array(
    z.object({
      profiles: z.int(),
      candidates: z.array(z.object({ id: z.int(), settings, mean_r: nullable })),
    }),
  ),
  spent: z.int(),
  budget: z.int(),
  notes,
});
export type TuneResult = z.infer<typeof tuneResult>;

// ── Pictures described ─────────────────────────────────────────────────────────────────────────────────────

export const picturesInput = z.object({
  /** Its model must be one on a server that takes pictures. */
  persona,
  /** Personas whose words are compared with its. */
  compared: z.array(persona).max(24).default([]),
  pictures: z.array(picture).min(1).max(200),
  prompt: z.string().trim().min(1).max(4000).default('Describe this picture.'),
  /** Descriptions of each picture by each persona, with seeds of their own, the same for every persona. */
  repeats: z.int().min(1).max(100).default(1),
  /** Whose α differs between the personas: figures are then told by the change for one α, too. */
  trait: trait.optional(),
  /** As of a readout; the studio's own lexicon when absent. */
  dictionary: z.string().optional(),
});
/** Of a readout, what is kept: the figures over all descriptions of a persona, and their differences from the first's. */
const described = readTextsResult.pick({ intervals: true, differences: true, expected: true });
export const picturesResult = z.object({
  prompt: z.string(),
  trait: trait.nullable(),
  lexicon: readTextsResult.shape.lexicon,
  /** The first is the one that the others are compared with. */
  personas: z.array(
    described.extend({
      name: z.string(),
      /** Of the trait; null where none was named. */
      alpha: nullable,
      words: z.int(),
      sentiment: nullable,
      /** Share of the words of all its descriptions in each category, in per cent. */
      categories: z.record(z.string(), z.number()),
      descriptions: z.array(
        z.object({ picture: picture.shape.hash, name: z.string(), repeat: z.int(), text: z.string() }),
      ),
    }),
  ),
  /**
   * Change of each figure for one α: the slope of its least-squares line through a picture's descriptions, as the mean over
   * the pictures with Student's interval. Null without a trait, or where α does not vary.
   */
  slopes: z
    .array(
      z.object({
        feature: z.string(),
        slope: z.number(),
        ci95,
        p: nullable,
        /** Benjamini–Hochberg over the figures. */
        pAdjusted: nullable,
        /** Pictures. */
        n: z.int(),
      }),
    )
    .nullable(),
  notes,
});
export type PicturesResult = z.infer<typeof picturesResult>;
