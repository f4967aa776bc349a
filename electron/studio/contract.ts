/** Every procedure of the studio and the schemas of what goes in and out; the renderer imports types from here alone. */
import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import {
  ALPHA_LIMIT,
  accepts,
  METHOD_IDS,
  PARAMETERS,
  type ParameterValues,
  rangeOf,
} from './mixing/methods.ts';
import { recipeProblems, withDefaults } from './mixing/recipe.ts';
import * as reporting from './reporting/schemas.ts';

export {
  ALPHA_LIMIT,
  accepts,
  METHOD_IDS,
  METHODS,
  type Parameter,
  type ParameterId,
  type ParameterValues,
  rangeOf,
  settingsOf,
  weightOf,
} from './mixing/methods.ts';
export { countObstacle, liveObstacle, liveWarning, ownSettings } from './mixing/recipe.ts';
export * from './reporting/schemas.ts';

export const TRAITS = [
  'openness',
  'conscientiousness',
  'extraversion',
  'agreeableness',
  'neuroticism',
] as const;
export const POLES = ['high', 'low'] as const;
/** Of baked files, by llama.cpp's names, from the largest to the smallest. */
export const FILE_TYPES = [
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q6_k',
  'q5_k_m',
  'q5_k_s',
  'q4_k_m',
  'q4_k_s',
  'q4_0',
  'iq4_xs',
  'q3_k_l',
  'q3_k_m',
  'q3_k_s',
  'q2_k',
] as const;
/** Σ|α| above which instruction following was seen to suffer (arXiv 2509.19727). */
export const SAFE_ALPHA_SUM = 2;

export const trait = z.enum(TRAITS);
export const pole = z.enum(POLES);
export const method = z.enum(METHOD_IDS);
export const fileType = z.enum(FILE_TYPES);
export type Trait = z.infer<typeof trait>;
export type Pole = z.infer<typeof pole>;
export type Method = z.infer<typeof method>;
export type FileType = z.infer<typeof fileType>;

/** Personality-vector name as recipes and logs write it: `extraversion-high`. */
export type VectorName = `${Trait}-${Pole}`;

// ── What goes wrong ────────────────────────────────────────────────────────────────────────────────────────

export const ERROR_CODES = [
  'bad_input',
  'not_found',
  'bad_file',
  'mismatch',
  'not_finite',
  'no_space',
  'io',
  'busy',
  'worker_lost',
  'cancelled',
  'internal',
] as const;
/** An error as data. `message` says what happened, `file`/`field` to what, `action` what to do now. */
export const studioErrorData = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  file: z.string().optional(),
  field: z.string().optional(),
  action: z.string().optional(),
});
export type StudioErrorData = z.infer<typeof studioErrorData>;

export const WARNING_CODES = [
  'alpha_sum_high',
  'unethical_text_risk',
  'quantised_source',
  'quantised_target',
  'other_backbone',
  'other_content',
  'live_approximation',
  'weights_normalized',
  'dense_factorised',
  'vector_missing',
] as const;
/** Something the user should know before the work; never stops it. */
export const warning = z.object({
  code: z.enum(WARNING_CODES),
  message: z.string(),
  trait: trait.optional(),
});
export type Warning = z.infer<typeof warning>;

// ── Models, vectors, recipes, personas ─────────────────────────────────────────────────────────────────────

export const model = z.object({
  /** Name in the library (`demo`, or the file's name without `.gguf`). */
  id: z.string(),
  label: z.string(),
  path: z.string(),
  architecture: z.string(),
  /** Type of most weights: F32, F16, BF16, Q8_0, Q4_K … */
  type: z.string(),
  /** Unquantised (F32, F16, BF16): vectors can be extracted from it and files baked without loss. */
  source: z.boolean(),
  parameters: z.number(),
  bytes: z.number(),
  contextLength: z.number(),
  /** The output layer is the token embeddings again: the model has no `output.weight`. */
  tiedEmbeddings: z.boolean(),
  /** Hash of architecture, dimensions, tokenizer, tensor names and shapes: vectors fit models of the same backbone. */
  backbone: z.string(),
  /** Hash of the weights. */
  content: z.string(),
  demo: z.boolean(),
});
export type Model = z.infer<typeof model>;

export const vector = z.object({
  id: z.string(),
  path: z.string(),
  trait,
  pole,
  /** `dense`: one delta per tensor. `low-rank`: the factors of a llama.cpp adapter. */
  form: z.enum(['dense', 'low-rank']),
  /** Largest rank over the layers, for the low-rank form. */
  rank: z.number().optional(),
  /** Changes the token embeddings. */
  embeddings: z.boolean(),
  bytes: z.number(),
  backbone: z.string(),
  baseContent: z.string(),
  content: z.string(),
  method: z.string(),
  date: z.string(),
  note: z.string(),
  demo: z.boolean(),
});
export type Vector = z.infer<typeof vector>;

/** A file of the library that could not be read, so that it is shown and not silently missing. */
export const brokenFile = z.object({ path: z.string(), message: z.string() });

export const weights = z.partialRecord(trait, z.number().min(-ALPHA_LIMIT).max(ALPHA_LIMIT));
export type Weights = z.infer<typeof weights>;

type SettingOf<K extends keyof ParameterValues> = z.ZodType<
  NonNullable<ParameterValues[K]>,
  NonNullable<ParameterValues[K]>
>;
function setting<K extends keyof ParameterValues>(id: K): SettingOf<K> {
  const parameter = PARAMETERS[id];
  const range = `expected ${rangeOf(parameter)}`;
  const single = z.custom(value => accepts(parameter, value), { error: range });
  const each = z.partialRecord(trait, single);
  const schema =
    parameter.scope === 'mix' ? single : z.union([single, each], { error: `${range}, for all or by trait` });
  return schema as unknown as SettingOf<K>;
}
/** A schema for each parameter of the table of methods. */
export const parameters = Object.fromEntries(
  Object.keys(PARAMETERS).map(id => [id, setting(id as keyof ParameterValues).optional()]),
) as { [K in keyof ParameterValues]-?: z.ZodOptional<SettingOf<K>> };

const inEveryVersion = {
  /** Library name or path of the base model. */
  base: z.string().min(1),
  /** α per trait, −5 … 5; an absent trait is 0. */
  weights: weights.default({}),
  /** Content hashes the recipe was made with; when present, other files are refused. */
  hashes: z.object({ base: z.string(), vectors: z.record(z.string(), z.string()) }).optional(),
};

const recipe2 = z
  .strictObject({
    version: z.literal(2),
    ...inEveryVersion,
    method: method.default('task_arithmetic'),
    ...parameters,
    /** Factors on a trait's α along the depth of the model, as native-merge reads lists of weights. */
    depth: z.partialRecord(trait, z.array(z.number()).min(1).max(1000)).optional(),
    /** Factors on all α in the tensors of that name (native-merge's WeightRule); the first that matches counts. */
    filters: z.array(z.strictObject({ filter: z.string().min(1).max(1000), factor: z.number() })).optional(),
  })
  .check(({ value, issues }) => {
    for (const problem of recipeProblems(value)) issues.push({ code: 'custom', input: value, ...problem });
  })
  // What is left out is written down too: a default that changes one day changes no old recipe.
  .transform(given => {
    const { version, base, weights, method, depth, filters, hashes } = given;
    return {
      version,
      base,
      weights,
      method,
      ...withDefaults(given),
      ...(depth && { depth }),
      ...(filters && { filters }),
      ...(hashes && { hashes }),
    };
  });

/** Version 1 had three methods, and a density and a seed whether they were used or not. */
const recipe1 = z
  .object({
    version: z.literal(1),
    ...inEveryVersion,
    method: z
      .enum(['task_arithmetic', 'dare_linear', 'ties'], {
        error: 'version 1 knows task_arithmetic, dare_linear and ties; write version 2 for the others',
      })
      .default('task_arithmetic'),
    density: setting('density').default(0.5),
    normalize: setting('normalize').optional(),
    lambda: setting('lambda').default(1),
    seed: setting('seed').default(7),
  })
  .transform(
    ({ version: _, density, seed, ...same }): z.input<typeof recipe2> => ({
      version: 2,
      ...same,
      density: same.method === 'task_arithmetic' ? undefined : density,
      seed: same.method === 'dare_linear' ? seed : undefined,
    }),
  )
  .pipe(recipe2);

/**
 * The only description of a mix. A positive α adds α times the trait's high-pole vector, a negative one |α| times
 * its low-pole vector (METHOD: prefer the other pole's vector to a negative weight). The method's parameters stand
 * beside it under the names that the table of methods gives them; those that are left out have its defaults. Version 1
 * is read as the version 2 that gives the same file.
 */
export const recipe = z.discriminatedUnion('version', [recipe2, recipe1], {
  error: ({ code }) => (code === 'invalid_union' ? 'expected a recipe of version 2 or 1' : undefined),
});
export type Recipe = z.infer<typeof recipe>;
export type RecipeInput = z.input<typeof recipe>;

export const sampling = z.object({
  /** 0 takes the likeliest token each time. */
  temperature: z.number().min(0).max(5).default(0.6),
  topP: z.number().gt(0).max(1).default(0.95),
  seed: z.int().min(0).max(0xffffffff).default(7),
  maxTokens: z.int().min(1).max(8192).default(160),
});
export type Sampling = z.infer<typeof sampling>;

export const persona = z.object({
  name: z.string().default('Persona'),
  recipe,
  system: z.string().default(''),
  sampling: sampling.default(() => sampling.parse({})),
});
export type Persona = z.infer<typeof persona>;
export type PersonaInput = z.input<typeof persona>;

// ── Chat ───────────────────────────────────────────────────────────────────────────────────────────────────

export const message = z.object({ role: z.enum(['user', 'assistant']), text: z.string() });
export type Message = z.infer<typeof message>;

export const chatInput = z.object({
  persona,
  /** The conversation so far; the last message is the user's. */
  messages: z.array(message).min(1),
  /** Turns of one conversation pane share this id in the log. */
  conversation: z.string().optional(),
});

export const chatResult = z.object({
  text: z.string(),
  tokens: z.int(),
  seed: z.int(),
  /** Why it ended: the model closed its turn, the length limit, or the user. */
  stop: z.enum(['end', 'length', 'stopped']),
  firstTokenMs: z.number(),
  tokensPerSecond: z.number(),
  run: z.string(),
});
export type ChatResult = z.infer<typeof chatResult>;

export const chatEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('token'), text: z.string() }),
  z.object({ type: z.literal('done'), result: chatResult }),
]);

// ── Assessment ─────────────────────────────────────────────────────────────────────────────────────────────

/** Name of a scale: one of the five traits, another trait, or a facet; lower case, as in `self-discipline`. */
const scaleName = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'expected lower case, as in self-discipline');

/** An inventory as it is administered: one language of one file. */
export const inventory = z.object({
  /** Name to ask for it by, as in `ipip-neo-120-de`. */
  short: scaleName,
  name: z.string().min(1),
  /** Language tag of the items: `en`, `pt-br`. */
  language: z.string().min(2).default('en'),
  source: z.string().min(1),
  /** Publication to cite. */
  reference: z.string().default(''),
  licence: z.string().min(1),
  note: z.string().default(''),
  /** What precedes every item to make it a sentence: `I`, or `I am someone who`; empty where items are sentences. */
  stem: z.string().default(''),
  /** Labels of the answers 1 … k, k from 2 to 9. */
  scale: z.record(z.string(), z.string().min(1)),
  /** Instructions of its own, in place of those of its language; the first is the standard one. */
  instructions: z.array(z.string().includes('{statement}')).min(1).optional(),
  items: z
    .array(
      z.object({
        id: z.int().min(1),
        text: z.string().trim().min(1),
        /** Scale that the item counts for. */
        trait: scaleName,
        facet: scaleName.optional(),
        keyed: z.enum(['plus', 'minus']),
      }),
    )
    .min(1),
});
export type Inventory = z.infer<typeof inventory>;

/** An inventory as a list shows it. */
export const inventorySummary = inventory.omit({ items: true, instructions: true }).extend({
  items: z.int(),
  traits: z.array(z.string()),
  facets: z.array(z.string()),
  /** How many instructions it can be administered with. */
  instructions: z.int(),
  path: z.string(),
  /** From the data folder, not shipped. */
  own: z.boolean(),
});

export const ASSESSMENT_MODES = ['probability', 'sampled', 'interview'] as const;
export const RESPONSE_ORDERS = ['normal', 'reversed', 'both'] as const;

/** How items are put to the model. Every instruction with every order, and each of these `repeats` times, is one case. */
export const administration = z.object({
  /**
   * `probability`: the expected rating under the model's own probabilities of the answers; deterministic.
   * `sampled`: answers drawn at a temperature and read from the text. `interview`: free answers, rated by a judge model.
   */
  mode: z.enum(ASSESSMENT_MODES).default('probability'),
  /** Of sampled and interview answers. */
  temperature: z.number().min(0).max(5).default(0.6),
  /** Answers drawn to each prompt; probability mode needs one. */
  repeats: z.int().min(1).max(100).default(1),
  /** Seed of the drawn answers. */
  seed: z.int().min(0).max(0xffffffff).default(7),
  /** How many of the paraphrased instructions to use, from the standard one on. */
  instructions: z.int().min(1).max(20).default(1),
  /** `reversed` has 1 stand for the label of the highest answer; ratings are turned back. */
  order: z.enum(RESPONSE_ORDERS).default('normal'),
  /** Library name or path of the model that rates interviews. */
  judge: z.string().optional(),
});
export type Administration = z.infer<typeof administration>;

/** One score per scale, on the inventory's own range (1 … 5 for most); a scale without a score is absent. */
export const scores = z.record(z.string(), z.number());
export type Scores = z.infer<typeof scores>;

const interval = z.tuple([z.number(), z.number()]);

export const itemResult = z.object({
  id: z.number(),
  text: z.string(),
  trait: z.string(),
  facet: z.string().optional(),
  keyed: z.enum(['plus', 'minus']),
  /** Mean over the cases of the rating 1 … k before reversal; null when no answer could be read. */
  rating: z.number().nullable(),
  /** The rating as it enters the score: k + 1 − rating where the item is keyed minus. */
  keyedRating: z.number().nullable(),
  /**
   * p(1) … p(k), mean over the cases: the model's probabilities, which do not sum to 1, or in sampled mode the shares of
   * the drawn answers.
   */
  probabilities: z.array(z.number()).min(2).max(9),
  /** Σ p(k): how much of the probability, or which share of the drawn answers, was a valid answer, 0 … 1. */
  mass: z.number(),
});
export type ItemResult = z.infer<typeof itemResult>;

/** Cronbach's alpha over cases. */
export const reliability = z.object({
  /** At most 1; null when undefined, and `reason` says why. */
  alpha: z.number().nullable(),
  /** 95 % interval after Feldt (1965). */
  ci95: interval.nullable(),
  cases: z.int(),
  items: z.int(),
  reason: z.string().optional(),
});
export type Reliability = z.infer<typeof reliability>;

/** A trait or facet: its score, and how far it can be trusted. */
export const scaleResult = z.object({
  scale: z.string(),
  kind: z.enum(['trait', 'facet']),
  /** The trait that a facet belongs to; a trait's own name. */
  trait: z.string(),
  items: z.int(),
  answered: z.int(),
  /** Mean of the answered items' keyed ratings when at least two thirds of the items are answered, else null. */
  score: z.number().nullable(),
  /** Standard deviation (n − 1) of the keyed ratings over the items; null below two. */
  deviation: z.number().nullable(),
  /** The persons of this alpha are the cases of the administration: instructions × orders × repeats. */
  reliability,
  /**
   * Standard deviation (n − 1) of the score over instructions and orders, repeats averaged: how much it depends on how
   * was asked. Null with a single form.
   */
  formDeviation: z.number().nullable(),
});
export type ScaleResult = z.infer<typeof scaleResult>;

/** One case: the whole inventory under one instruction and order, once. */
export const caseResult = z.object({
  /** Number of the instruction, from 1. */
  instruction: z.int(),
  order: z.enum(['normal', 'reversed']),
  repeat: z.int(),
  scores,
  facets: scores,
  /** Items without a readable answer. */
  missing: z.int(),
  validMass: z.number(),
});

/** A scale against the reference persona's, paired over the scale's items. */
export const comparisonResult = z.object({
  scale: z.string(),
  kind: z.enum(['trait', 'facet']),
  reference: z.number().nullable(),
  /** Mean of (persona − reference) over the items, with the 95 % interval of the paired t test. */
  difference: z.number().nullable(),
  ci95: interval.nullable(),
  t: z.number().nullable(),
  df: z.int().nullable(),
  p: z.number().nullable(),
  /** Benjamini–Hochberg over the traits, or over the facets, of this comparison. */
  pAdjusted: z.number().nullable(),
  /** Cohen's d_z: mean difference over the standard deviation of the differences; null when they are all the same. */
  d: z.number().nullable(),
  /** 95 % interval by the noncentral t distribution. */
  dCi95: interval.nullable(),
  /** Items answered by both. */
  n: z.int(),
});
export type ComparisonResult = z.infer<typeof comparisonResult>;

export const assessResult = z.object({
  /** Traits. */
  scores,
  /** Standard deviation of the keyed ratings of each trait's items. */
  deviations: scores,
  items: z.array(itemResult),
  /** Mean of `mass` over the items. */
  validMass: z.number(),
  facets: scores.default({}),
  scales: z.array(scaleResult).default([]),
  /** Ids of the items whose `mass` is below 0.5: they say little about the persona. */
  flagged: z.array(z.number()).default([]),
  cases: z.array(caseResult).default([]),
  /** Drawn answers and how many of them held no valid rating; null in probability mode. */
  parsing: z.object({ answers: z.int(), unparsed: z.int() }).nullable().default(null),
  comparison: z.array(comparisonResult).nullable().default(null),
});
export type AssessResult = z.infer<typeof assessResult>;

export const sweepResult = z.object({
  trait,
  points: z.array(z.object({ alpha: z.number(), scores })),
  /** Pearson correlation of α with the trait's own score; null when undefined (constant, or fewer than 3 points). */
  r: z.number().nullable(),
  ci95: interval.nullable(),
  n: z.int(),
  /** Two-sided, from t = r√((n − 2)/(1 − r²)). */
  p: z.number().nullable().default(null),
  /** Spearman's rank correlation with its 95 % interval. */
  rho: z.number().nullable().default(null),
  rhoCi95: interval.nullable().default(null),
});
export type SweepResult = z.infer<typeof sweepResult>;

export const profilesResult = z.object({
  /** Pearson correlation of α_T with score_T over the profiles, per trait; null where undefined. */
  r: z.record(trait, z.number().nullable()),
  ci95: z.record(trait, interval.nullable()),
  mean_r: z.number().nullable(),
  n: z.int(),
  profiles: z.array(z.object({ weights: z.record(trait, z.number()), scores })),
  p: z.partialRecord(trait, z.number().nullable()).default({}),
  /** Benjamini–Hochberg over the five. */
  pAdjusted: z.partialRecord(trait, z.number().nullable()).default({}),
  rho: z.partialRecord(trait, z.number().nullable()).default({}),
  rhoCi95: z.partialRecord(trait, interval.nullable()).default({}),
  /** The persons of this alpha are the profiles. */
  reliability: z.record(z.string(), reliability).default({}),
});
export type ProfilesResult = z.infer<typeof profilesResult>;

/** What every assessment is told besides the persona. */
const administered = {
  inventory: z.string().default('ipip-50'),
  administration: administration.default(() => administration.parse({})),
};
export const assessInput = z.object({
  persona,
  ...administered,
  /** Persona to compare with; it is administered the same way. */
  reference: persona.optional(),
});
export const sweepInput = z.object({
  persona,
  ...administered,
  trait,
  /** The values α takes, in order; the recipe's other weights stay as they are. */
  alphas: z.array(z.number().min(-ALPHA_LIMIT).max(ALPHA_LIMIT)).min(1).max(201),
  /** Bake a file for every point and assess that, where live adapters would do. */
  baked: z.boolean().default(false),
});
export const profilesInput = z.object({
  persona,
  ...administered,
  /** Profiles drawn from [−1, 1]⁵ by a seeded Latin hypercube. */
  n: z.int().min(3).max(1000).default(24),
  seed: z.int().min(0).max(0xffffffff).default(7),
  baked: z.boolean().default(false),
});

// ── Readouts ───────────────────────────────────────────────────────────────────────────────────────────────

export const readout = z.object({
  words: z.int(),
  sentences: z.int(),
  /** Share of the words in each lexicon category, in per cent; a word may count in several. */
  categories: z.record(z.string(), z.number()),
  /** Share of the words that are in any category, in per cent. */
  coverage: z.number(),
});
export type Readout = z.infer<typeof readout>;

/** A readout with the other usual counts and, for one text or a whole set, the words behind the figures. */
export const textReadout = readout.extend({
  wordsPerSentence: z.number(),
  /** Share of the words with more than six letters, in per cent. */
  longWords: z.number(),
  /** Punctuation marks per 100 words, by kind, and `all` of them; signs of the lexicon's emoticons are none. */
  punctuation: z.record(z.string(), z.number()),
  /** Figures made of several categories; null where undefined. resources/lexicon/README.md defines them. */
  composites: z.record(z.string(), z.number().nullable()),
  /** Flesch's reading ease and Kincaid's school grade, for English; `enough`: of 100 words or more. */
  readability: z.object({ readingEase: z.number(), grade: z.number(), enough: z.boolean() }).nullable(),
  /** What a reader should know before using the figures. */
  notes: z.array(z.string()),
  /** Words, phrases and signs by category, most frequent first; `at`: start and end of each in the text (UTF-16). */
  found: z
    .record(
      z.string(),
      z.array(
        z.object({
          word: z.string(),
          count: z.int(),
          at: z.array(z.tuple([z.int(), z.int()])).optional(),
        }),
      ),
    )
    .optional(),
  /** Parent of each category that has one. */
  parents: z.record(z.string(), z.string()).optional(),
});
export type TextReadout = z.infer<typeof textReadout>;

/** Texts to read: given, on disk, or answers in the log. */
export const textSource = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('texts'),
    texts: z.array(z.object({ name: z.string(), text: z.string() })).min(1),
  }),
  z.object({
    kind: z.literal('path'),
    /** A text file, a folder of them, or a table (.csv, .tsv) with a text per row. */
    path: z.string().min(1),
    /** Heading of the table's column with the texts; may be absent where there is one column alone. */
    column: z.string().optional(),
  }),
  z.object({
    kind: z.literal('log'),
    /** Answers of this conversation pane, of personas of this name, or both; of all that were logged when absent. */
    conversation: z.string().optional(),
    persona: z.string().optional(),
  }),
]);
export type TextSource = z.infer<typeof textSource>;

export const readTextsInput = z.object({
  source: textSource,
  /** Texts to compare with. */
  reference: textSource.optional(),
  /** Compare texts of the same name in pairs. */
  paired: z.boolean().default(false),
  /** Name in the folder of dictionaries, or path; the studio's own lexicon when absent. */
  dictionary: z.string().optional(),
  /** Show what the literature expects of this trait's high pole. */
  trait: trait.optional(),
});

export const COMPARISONS = ['independent', 'paired', 'log_odds'] as const;
/** One figure of two sets of texts. `measure`: words, words per sentence, long words; the others are categories. */
export const wordDifference = z.object({
  feature: z.string(),
  kind: z.enum(['category', 'measure']),
  /** Means over the texts; for `log_odds` of all words taken together. Per cent of the words, save for counts. */
  value: z.number(),
  reference: z.number(),
  difference: z.number(),
  /** 95 % interval of the difference; null for `log_odds` and where nothing varies. */
  ci95: z.tuple([z.number(), z.number()]).nullable(),
  /** Hedges' g, d_z or the log-odds ratio (natural logarithm), by the comparison. */
  effect: z.number().nullable(),
  effectCi95: z.tuple([z.number(), z.number()]).nullable(),
  p: z.number().nullable(),
  /** p adjusted over all rows (Benjamini & Hochberg 1995). */
  q: z.number().nullable(),
});
export type WordDifference = z.infer<typeof wordDifference>;

const textSet = z.object({
  texts: z.array(z.object({ name: z.string(), readout: textReadout })),
  /** All texts as if they were one; its words have no places. */
  total: textReadout,
});
export const readTextsResult = textSet.extend({
  lexicon: z.object({
    name: z.string(),
    categories: z.array(z.object({ key: z.string(), title: z.string(), parent: z.string().nullable() })),
  }),
  reference: textSet.nullable(),
  differences: z
    .object({
      comparison: z.enum(COMPARISONS),
      n: z.int(),
      nReference: z.int(),
      rows: z.array(wordDifference),
    })
    .nullable(),
  /** What the literature expects of the trait's high pole, and what was found: null without a reference. */
  expected: z
    .array(
      z.object({
        feature: z.string(),
        direction: z.enum(['more', 'less']),
        strength: z.string(),
        sources: z.array(z.string()),
        value: z.number(),
        found: z.enum(['as expected', 'opposite', 'not clear']).nullable(),
      }),
    )
    .nullable(),
  notes: z.array(z.string()),
});
export type ReadTextsResult = z.infer<typeof readTextsResult>;

export const dictionary = z.object({
  /** Name in the folder of dictionaries, or path. */
  name: z.string(),
  path: z.string(),
  categories: z.int(),
  entries: z.int(),
  /** Entries that were left out or joined, with their lines. */
  remarks: z.array(z.object({ line: z.int(), message: z.string() })),
});
export type DictionaryInfo = z.infer<typeof dictionary>;

// ── Files made ─────────────────────────────────────────────────────────────────────────────────────────────

export const bakeInput = z.object({
  recipe,
  type: fileType.default('f16'),
  /** Importance matrix of llama-imatrix (a GGUF file) for the types below q8_0. */
  imatrix: z.string().min(1).optional(),
  /** Where to write; by default into the library's folder of models, named after the recipe. */
  out: z.string().optional(),
  overwrite: z.boolean().default(false),
  /** What computes: `cpu`, the name of a GPU (`studio.devices`), or `auto`, whichever is faster. */
  device: z.string().min(1).default('auto'),
});
export const bakeResult = z.object({
  path: z.string(),
  bytes: z.number(),
  tensors: z.int(),
  seconds: z.number(),
  /** What computed, and a sentence that says why; absent in runs from before there was a choice. */
  device: z.string().optional(),
  deviceReason: z.string().optional(),
  /** SHA-256 of the file's weights. */
  content: z.string(),
  warnings: z.array(warning),
});
export type BakeResult = z.infer<typeof bakeResult>;

export const extractInput = z.object({
  base: z.string().min(1),
  tuned: z.string().min(1),
  trait,
  pole,
  out: z.string().optional(),
  type: z.enum(['f32', 'f16', 'bf16']).default('f32'),
  note: z.string().default(''),
  overwrite: z.boolean().default(false),
});
export const extractResult = z.object({
  path: z.string(),
  bytes: z.number(),
  form: z.enum(['dense', 'low-rank']),
  /** ‖φ‖ and ‖φ‖/‖base‖, Frobenius, over all tensors. */
  norm: z.number(),
  relative: z.number(),
  layers: z.array(
    z.object({ tensor: z.string(), norm: z.number(), baseNorm: z.number(), relative: z.number() }),
  ),
});
export type ExtractResult = z.infer<typeof extractResult>;

// ── Looking inside vectors ─────────────────────────────────────────────────────────────────────────────────

/**
 * Vectors over one tensor, one layer or everything; lists and matrices go by the order of the vectors. Definitions are
 * those of native-merge's `Comparison`. Null: undefined (a vector of zeros), or not looked at (`entrywise: false`).
 */
export const comparison = z.object({
  name: z.string(),
  entries: z.number(),
  /** ‖φ‖. */
  norms: z.array(z.number()),
  /** Share of the whole vector's ‖φ‖², 0 … 1. */
  shares: z.array(z.number()),
  /** Share of entries that are exactly zero, 0 … 1. */
  zeros: z.array(z.number().nullable()),
  /** Hoyer's sparsity, 0 … 1. */
  sparsity: z.array(z.number().nullable()),
  /** Cosine of every pair, −1 … 1. */
  cosines: z.array(z.array(z.number().nullable())),
  /** Share of entries of the same sign where neither is zero, 0 … 1; 0.5 is chance. */
  agreements: z.array(z.array(z.number().nullable())),
  /** ½ + ⟨φᵢ, φⱼ⟩ / (‖φᵢ‖² + ‖φⱼ‖²): the common part's share of two vectors, 0 … 1. */
  common: z.array(z.array(z.number().nullable())),
});
export type Comparison = z.infer<typeof comparison>;

/** Participation ratio (Σσ²)² / Σσ⁴ with its standard error, 0 where it is exact. */
export const effectiveRank = z.object({ value: z.number(), error: z.number() });

export const compareInput = z.object({
  /** Library names or paths; all of the model's vectors when empty. */
  vectors: z.array(z.string().min(1)).default([]),
  model: z.string().min(1).default('demo'),
  /** Also zeros, sparsity and signs, for which low-rank vectors are multiplied out. */
  entrywise: z.boolean().default(true),
});
export const compareResult = z.object({
  vectors: z.array(
    vector
      .pick({ id: true, path: true, trait: true, pole: true, form: true })
      /** Mean over the matrices, weighted by their ‖φ‖². */
      .extend({ effectiveRank: effectiveRank.nullable() }),
  ),
  all: comparison,
  layers: z.array(comparison),
  tensors: z.array(
    comparison.extend({ shape: z.array(z.number()), effectiveRanks: z.array(effectiveRank.nullable()) }),
  ),
  /**
   * For each trait of which both poles are there: how much of them is what they have in common,
   * ‖(φ_high + φ_low)/2‖² / (‖(φ_high + φ_low)/2‖² + ‖(φ_high − φ_low)/2‖²). `high`, `low`: places in `vectors`.
   */
  poles: z.array(
    z.object({
      trait,
      high: z.int(),
      low: z.int(),
      common: z.number().nullable(),
      layers: z.array(z.number().nullable()),
    }),
  ),
});
export type CompareResult = z.infer<typeof compareResult>;

// ── The log ────────────────────────────────────────────────────────────────────────────────────────────────

export const RUN_STATES = ['running', 'done', 'failed', 'cancelled', 'interrupted'] as const;
export const progress = z.object({
  done: z.number(),
  total: z.number(),
  unit: z.string(),
  message: z.string().default(''),
});
export type Progress = z.infer<typeof progress>;

const runBase = z.object({
  id: z.string(),
  title: z.string(),
  state: z.enum(RUN_STATES),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
  error: studioErrorData.nullable(),
  /** Content hash of every file that took part, by path. */
  hashes: z.record(z.string(), z.string()),
  /** Versions of the studio, llama.cpp's bindings and Node, and the device. */
  versions: z.record(z.string(), z.string()),
  /** Null for a run that was made here. */
  imported: reporting.imported.nullable().default(null),
});
const runOf = <K extends string, I extends z.ZodType, R extends z.ZodType>(kind: K, input: I, result: R) =>
  runBase.extend({ kind: z.literal(kind), input, result: result.nullable() });
/** One entry of the experiment log: what was done, with what, and what came out. */
export const run = z.discriminatedUnion('kind', [
  runOf('chat', chatInput, chatResult.omit({ run: true })),
  runOf('assess', assessInput, assessResult),
  runOf('sweep', sweepInput, sweepResult),
  runOf('profiles', profilesInput, profilesResult),
  runOf('bake', bakeInput, bakeResult),
  runOf('extract', extractInput, extractResult),
  runOf('compare', compareInput, compareResult),
  runOf('rerun', reporting.rerunInput, reporting.rerunResult),
]);
export type Run = z.infer<typeof run>;
export type RunKind = Run['kind'];
export const RUN_KINDS = [
  'chat',
  'assess',
  'sweep',
  'profiles',
  'bake',
  'extract',
  'compare',
  'rerun',
] as const satisfies RunKind[];

/** A run as a list shows it. */
export const runSummary = runBase.omit({ hashes: true, versions: true }).extend({
  kind: z.enum(RUN_KINDS),
  progress: progress.nullable(),
  imported: reporting.imported.omit({ files: true }).nullable().default(null),
});
export type RunSummary = z.infer<typeof runSummary>;

export const runEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), progress }),
  z.object({ type: z.literal('end'), run }),
]);

export const runListInput = z.object({
  limit: z.int().min(1).max(1000).default(100),
  /** Only these kinds; all when absent. */
  kinds: z.array(z.enum(RUN_KINDS)).optional(),
});

const started = z.object({ run: z.string() });
const byId = z.object({ id: z.string() });

export const device = z.object({
  name: z.string(),
  description: z.string(),
  type: z.enum(['cpu', 'gpu', 'igpu', 'accel']),
  memoryTotal: z.number(),
  memoryFree: z.number(),
});
export type Device = z.infer<typeof device>;

export const studioInfo = z.object({
  version: z.string(),
  host: z.enum(['desktop', 'browser', 'terminal']),
  dataFolder: z.string(),
  versions: z.record(z.string(), z.string()),
});

// ── Procedures ─────────────────────────────────────────────────────────────────────────────────────────────

/** Every procedure may answer with a studio error; its data says what, where, and what to do. */
const procedure = oc.errors({ STUDIO: { data: studioErrorData } });

/**
 * Work that takes long (bake, extract, compare, assess, sweep, profiles, rerun) is *started*: the answer is the id of its run, which
 * `runs.watch` follows and `runs.cancel` ends, from any window, whatever happens to the one that started it.
 */
export const contract = {
  studio: {
    info: procedure.output(studioInfo),
    devices: procedure.output(z.array(device)),
  },
  library: {
    models: procedure.output(
      z.object({ models: z.array(model), broken: z.array(brokenFile), folder: z.string() }),
    ),
    vectors: procedure.output(
      z.object({ vectors: z.array(vector), broken: z.array(brokenFile), folder: z.string() }),
    ),
    extract: procedure.input(extractInput).output(started),
    compare: procedure.input(compareInput).output(started),
  },
  mixing: {
    /** What the user should know before mixing; quick enough to ask on every move of a slider. */
    check: procedure
      .input(z.object({ recipe, type: fileType.optional(), live: z.boolean().default(true) }))
      .output(z.array(warning)),
    bake: procedure.input(bakeInput).output(started),
    /** The recipe that a baked file was made from, and its type; an older file does not say its type. */
    recipe: procedure
      .input(z.object({ file: z.string().min(1) }))
      .output(z.object({ recipe, type: fileType.optional() })),
  },
  chat: {
    /** Streams an answer. Aborting the call stops the model and logs what it had said. */
    send: procedure.input(chatInput).output(eventIterator(chatEvent)),
  },
  assessment: {
    inventories: procedure.output(
      z.object({ inventories: z.array(inventorySummary), broken: z.array(brokenFile), folder: z.string() }),
    ),
    assess: procedure.input(assessInput).output(started),
    sweep: procedure.input(sweepInput).output(started),
    profiles: procedure.input(profilesInput).output(started),
  },
  language: {
    readout: procedure.input(z.object({ text: z.string() })).output(textReadout),
    /** Many texts, or one against a reference. */
    read: procedure.input(readTextsInput).output(readTextsResult),
    dictionaries: procedure.output(
      z.object({ dictionaries: z.array(dictionary), broken: z.array(brokenFile), folder: z.string() }),
    ),
  },
  runs: {
    list: procedure.input(runListInput).output(z.array(runSummary)),
    get: procedure.input(byId).output(run),
    /** Progress from now on, then `end` with the whole run; at once when it has ended already. */
    watch: procedure.input(byId).output(eventIterator(runEvent)),
    cancel: procedure.input(byId).output(z.object({ cancelled: z.boolean() })),
    /** Runs that started, progressed or ended anywhere, as they happen. */
    changes: procedure.output(eventIterator(runSummary)),
  },
  reporting: {
    /** Data, tables in APA style and plots of runs, as files of text. */
    export: procedure
      .input(reporting.exportInput)
      .output(z.object({ files: z.array(reporting.exportedFile) })),
    /** One page of HTML that reads without the studio. */
    report: procedure.input(reporting.reportInput).output(z.object({ html: z.string() })),
    /** The report as PDF; the desktop host alone can print. */
    pdf: procedure.input(reporting.reportInput).output(z.file()),
    /** A study as one ZIP file; `digest`: SHA-256 of its manifest. */
    bundle: procedure.input(reporting.reportInput).output(z.object({ file: z.file(), digest: z.string() })),
    import: procedure.input(reporting.importInput).output(reporting.importResult),
    /** Does runs again, own or imported, and compares. */
    rerun: procedure.input(reporting.rerunInput).output(started),
  },
};
