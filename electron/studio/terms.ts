/** The studio's terms as schemas: traits, errors, models, vectors, recipes, personas, assessments. The contract is made of them. */
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
import './objections.ts';

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
  'filter_unmatched',
  'tensors_otherwise',
] as const;
/** Something the user should know before the work; never stops it. */
export const warning = z.object({
  code: z.enum(WARNING_CODES),
  message: z.string(),
  trait: trait.optional(),
});
export type Warning = z.infer<typeof warning>;

// ── Models, vectors, recipes, personas ─────────────────────────────────────────────────────────────────────

/** Whose files may be used where they lie. */
export const PROGRAMS = ['lmstudio', 'jan', 'ollama', 'huggingface', 'llamacpp', 'other'] as const;
export const PROGRAM_NAMES: Record<(typeof PROGRAMS)[number], string> = {
  lmstudio: 'LM Studio',
  jan: 'Jan',
  ollama: 'Ollama',
  huggingface: 'Hugging Face',
  llamacpp: 'llama.cpp',
  other: '',
};
export const program = z.enum(PROGRAMS);
export type Program = z.infer<typeof program>;

/** A projector of pictures: with it llama-server shows pictures to the model that it was made for. */
export const projector = z.object({
  /** The file's name without `.gguf`. */
  id: z.string(),
  path: z.string(),
  bytes: z.number(),
  /** Whether it has an encoder of pictures; others are for sounds. */
  images: z.boolean(),
  /** Lengths of embeddings that it may give: a model's must be among them. None: its file does not tell. */
  widths: z.array(z.number()),
  content: z.string(),
});
export type Projector = z.infer<typeof projector>;

/** How the library knows a model's projector: the user named it, the file was baked with it, or it lies beside the model. */
export const PROJECTOR_KNOWN = ['named', 'baked', 'beside'] as const;

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
  /** Length of its embeddings; 0 where its file does not tell. */
  width: z.number(),
  /** Languages that its file says it speaks, as tags (`en`, `pt-br`); empty where it does not say. */
  languages: z.array(z.string()),
  /** The output layer is the token embeddings again: the model has no `output.weight`. */
  tiedEmbeddings: z.boolean(),
  /** Hash of architecture, dimensions, tokenizer, tensor names and shapes: vectors fit models of the same backbone. */
  backbone: z.string(),
  /** Hash of the weights. */
  content: z.string(),
  demo: z.boolean(),
  /** Used where this program keeps it, and never written, moved or deleted. */
  linked: program.optional(),
  /** The projector with which a server shows it pictures. */
  projector: projector
    .pick({ id: true, path: true })
    .extend({ known: z.enum(PROJECTOR_KNOWN) })
    .optional(),
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
export const brokenFile = z.object({
  path: z.string(),
  message: z.string(),
  /** Library name of a model that is used in place. */
  linked: z.string().optional(),
});

export const weights = z.partialRecord(trait, z.number().min(-ALPHA_LIMIT).max(ALPHA_LIMIT));
export type Weights = z.infer<typeof weights>;

/** `openness 1, neuroticism −0.5`, to three digits; `base` where no vector acts. */
export function weightsText(weights: Weights): string {
  const mix = TRAITS.flatMap(trait => {
    const alpha = weights[trait];
    return alpha ? [`${trait} ${alpha < 0 ? '−' : ''}${Math.abs(Number(alpha.toFixed(3)))}`] : [];
  });
  return mix.join(', ') || 'base';
}

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

/** Something that a character knows; docs/personas.md says when the model is told. */
export const loreEntry = z.object({
  /** What brings it up. */
  keys: z.array(z.string()).default([]),
  /** Where there are such, one of them must occur too. */
  secondaryKeys: z.array(z.string()).default([]),
  content: z.string(),
  enabled: z.boolean().default(true),
  /** Whatever is talked about. */
  always: z.boolean().default(false),
  caseSensitive: z.boolean().default(false),
  /** Lower ones are told first. */
  order: z.number().default(0),
  /** Lower ones go first when there is too much. */
  priority: z.number().default(0),
  /** Whether it stands before the character's description. */
  before: z.boolean().default(false),
});
export type LoreEntry = z.infer<typeof loreEntry>;

export const lorebook = z.object({
  /** How many of the last messages can bring up an entry. */
  scanDepth: z.int().min(0).default(4),
  /** Tokens that all told entries may have together; null: any. */
  tokenBudget: z.int().min(0).nullable().default(null),
  /** Whether entries can bring up entries. */
  recursive: z.boolean().default(false),
  entries: z.array(loreEntry),
});
export type Lorebook = z.infer<typeof lorebook>;

/** Who the persona plays; docs/conversations.md says how the fields reach the model. */
export const rolePlay = z.object({
  character: z.string().default(''),
  scenario: z.string().default(''),
  /** The character's first words: the message that a conversation begins with. */
  firstMessage: z.string().default(''),
  lorebook: lorebook.optional(),
});
export type RolePlay = z.infer<typeof rolePlay>;

export const persona = z.object({
  name: z.string().default('Persona'),
  recipe,
  system: z.string().default(''),
  rolePlay: rolePlay.optional(),
  /** Who talks with it: what `{{user}}` stands for in its texts, “User” when absent. */
  user: z.string().trim().min(1).max(80).optional(),
  sampling: sampling.default(() => sampling.parse({})),
});
export type Persona = z.infer<typeof persona>;
export type PersonaInput = z.input<typeof persona>;

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
  scale: z.record(z.string(), z.string().min(1), {
    error: ({ input }) =>
      input === undefined ? undefined : 'it is not an object, as in {"1": "Disagree", "2": "Agree"}',
  }),
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
export type InventorySummary = z.infer<typeof inventorySummary>;

/** Asked unless the model's languages or the user say otherwise. */
export const DEFAULT_INVENTORY = 'ipip-50';
/** In a plan that begins: the studio chooses by the model's languages. */
export const AUTO_INVENTORY = 'auto';

/**
 * The inventory for a model that speaks these languages: English where it is one of them or none is known, because most
 * is known of it; else the first one of the five traits in the first language that there is one in.
 */
export function inventoryFor(
  languages: string[],
  inventories: Pick<InventorySummary, 'short' | 'language' | 'traits'>[],
): string {
  const primary = (tag: string) => tag.toLowerCase().split('-')[0];
  if (languages.some(tag => primary(tag) === 'en')) return DEFAULT_INVENTORY;
  const whole = inventories.filter(({ traits }) => TRAITS.every(trait => traits.includes(trait)));
  for (const tag of languages) {
    const found =
      whole.find(({ language }) => language.toLowerCase() === tag.toLowerCase()) ??
      whole.find(({ language }) => primary(language) === primary(tag));
    if (found) return found.short;
  }
  return DEFAULT_INVENTORY;
}

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

export const interval = z.tuple([z.number(), z.number()]);

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

/** Test–retest agreement between the wordings of an administration. */
export const retest = z.object({
  /** Intraclass correlation ICC(A,1), absolute agreement of single wordings; at most 1; null when undefined, and `reason` says why. */
  icc: z.number().nullable(),
  /** 95 % interval after McGraw and Wong (1996). */
  ci95: interval.nullable(),
  /** Items of one persona, or profiles. */
  cases: z.int(),
  /** Wordings. */
  forms: z.int(),
  reason: z.string().optional(),
});
export type Retest = z.infer<typeof retest>;

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
  /**
   * How well the wordings agree about the items: ratings as answered in the order asked first, repeats averaged. Null with a
   * single wording.
   */
  retest: retest.nullable().default(null),
  /** Drawn answers and how many of them held no valid rating; null in probability mode. */
  parsing: z.object({ answers: z.int(), unparsed: z.int() }).nullable().default(null),
  /**
   * Of a server's model, which tells the probabilities of the likeliest tokens alone: the most that valid answers of an
   * item can have beyond those, 0 … 1, and the most that it can move an item's rating; null where all are known.
   */
  unseen: z.object({ probability: z.number(), rating: z.number() }).nullable().default(null),
  comparison: z.array(comparisonResult).nullable().default(null),
});
export type AssessResult = z.infer<typeof assessResult>;

/** What every assessment is told besides the persona. */
export const administered = {
  /** Short name. `auto`: `inventoryFor` the languages of the persona's model; the run names the one that was chosen. */
  inventory: z.string().default(AUTO_INVENTORY),
  administration: administration.default(() => administration.parse({})),
};
export const assessInput = z.object({
  persona,
  ...administered,
  /** Persona to compare with; it is administered the same way. */
  reference: persona.optional(),
});
