/**
 * Every merge method and what can be set for it, as data: the validation of recipes, the terminal's options and the
 * page's controls come from here. The formulas are in native-merge/index.d.ts, which has the same names, ranges and
 * defaults.
 */
import type { MergeMethod } from '../../../native-merge/index.js';

/** Largest |α| a recipe may hold; the sliders end at ±2, scripts may go further to find where a model breaks. */
export const ALPHA_LIMIT = 5;

interface Common {
  /** As native-merge calls it. */
  id: string;
  label: string;
  /** One sentence. */
  help: string;
  /** Set for each vector, or once for the mix. */
  scope: 'vector' | 'mix';
}

export interface NumberParameter extends Common {
  type: 'number';
  min: number;
  max: number;
  /** The end of the range that is not part of it. */
  open?: 'min' | 'max';
  whole?: boolean;
  /** What a slider should span, where the range is wider. */
  usual?: [from: number, to: number];
  /** True where a list may stand too: a line over the depth of the model. */
  overDepth?: boolean;
  default: number;
}

export interface ChoiceParameter extends Common {
  type: 'choice';
  choices: readonly { value: string; label: string; help: string }[];
  default: string;
}

export interface FlagParameter extends Common {
  type: 'flag';
  default: boolean;
}

export type Parameter = NumberParameter | ChoiceParameter | FlagParameter;

export interface MethodDescription {
  id: MergeMethod;
  label: string;
  /** One sentence. */
  help: string;
  /** Where the method was published. */
  source: string;
  /** How many vectors it takes; no limit where there is no max. */
  vectors: { min: number; max?: number };
  /** Only the ratio of the weights counts, not their size. */
  ratio?: true;
  /** Takes low-rank vectors; a dense one must be factorised first. */
  lowRank?: true;
  parameters: Parameter[];
}

// ── Parameters ─────────────────────────────────────────────────────────────────────────────────────────────

const weight: NumberParameter = {
  id: 'weight',
  label: 'Weight α',
  help: 'How strongly the vector acts; a list varies it from the first block to the last.',
  scope: 'vector',
  type: 'number',
  min: -ALPHA_LIMIT,
  max: ALPHA_LIMIT,
  usual: [0, 2],
  overDepth: true,
  default: 1,
};

const density = {
  id: 'density',
  label: 'Density',
  help: 'Share of the vector’s entries that are kept; 1 keeps all.',
  scope: 'vector',
  type: 'number',
  min: 0,
  max: 1,
  open: 'min',
  default: 0.5,
} as const satisfies NumberParameter;

const lambda: NumberParameter = {
  id: 'lambda',
  label: 'Scale λ',
  help: 'Multiplies the whole change to the base.',
  scope: 'mix',
  type: 'number',
  min: -ALPHA_LIMIT,
  max: ALPHA_LIMIT,
  usual: [0, 2],
  default: 1,
};

const normalize: FlagParameter = {
  id: 'normalize',
  label: 'Normalise',
  help: 'Divides by the sum of the weights, so that more vectors do not make a larger change.',
  scope: 'mix',
  type: 'flag',
  default: false,
};

const rescale = {
  id: 'rescale',
  label: 'Rescale',
  help: 'How what is kept makes up for what was dropped.',
  scope: 'mix',
  type: 'choice',
  choices: [
    { value: 'none', label: 'Not at all', help: 'What is kept stays as it is.' },
    {
      value: 'density',
      label: 'By density',
      help: 'Divides by the probability of being kept, as published.',
    },
    {
      value: 'l1',
      label: 'By L1 norm',
      help: 'Keeps each tensor’s sum of magnitudes, as mergekit does since 2025.',
    },
  ],
  default: 'none',
} as const satisfies ChoiceParameter;
const rescaleByDensity: ChoiceParameter = { ...rescale, default: 'density' };

const seed: NumberParameter = {
  id: 'seed',
  label: 'Seed',
  help: 'Chooses which entries are dropped; the same seed gives the same file.',
  scope: 'mix',
  type: 'number',
  min: 0,
  max: Number.MAX_SAFE_INTEGER,
  whole: true,
  default: 0,
};

const gamma: NumberParameter = {
  id: 'gamma',
  label: 'Outliers γ',
  help: 'Share of the largest entries that are dropped as outliers.',
  scope: 'mix',
  type: 'number',
  min: 0,
  max: 1,
  usual: [0, 0.1],
  default: 0.01,
};

const epsilon: NumberParameter = {
  id: 'epsilon',
  label: 'Spread ε',
  help: 'How far the probability of being kept rises above the density for a row’s largest entry and falls below it for its smallest.',
  scope: 'mix',
  type: 'number',
  min: 0,
  max: 0.5,
  open: 'max',
  default: 0.15,
};

const trim = {
  id: 'trim',
  label: 'Threshold over',
  help: 'What the largest entries are chosen from.',
  scope: 'mix',
  type: 'choice',
  choices: [
    { value: 'tensor', label: 'Each tensor', help: 'Every tensor keeps the same share, as in mergekit.' },
    {
      value: 'vector',
      label: 'Whole vector',
      help: 'Tensors that changed more keep more, as first published.',
    },
  ],
  default: 'tensor',
} as const satisfies ChoiceParameter;

const election = {
  id: 'election',
  label: 'Sign election',
  help: 'How vectors agree on the direction of a change.',
  scope: 'mix',
  type: 'choice',
  choices: [
    { value: 'weighted', label: 'Weighted', help: 'A vector of more weight has more say, as in mergekit.' },
    { value: 'unweighted', label: 'Unweighted', help: 'All vectors have the same say, as first published.' },
  ],
  default: 'weighted',
} as const satisfies ChoiceParameter;

const selectTopk: NumberParameter = {
  id: 'selectTopk',
  label: 'Share selected',
  help: 'Share of the entries kept, those in which the vectors differ most first.',
  scope: 'mix',
  type: 'number',
  min: 0,
  max: 1,
  open: 'min',
  default: 1,
};

const rankShare: NumberParameter = {
  id: 'rankShare',
  label: 'Directions kept',
  help: 'Share of each vector’s singular directions that are kept, the strongest first.',
  scope: 'mix',
  type: 'number',
  min: 0,
  max: 1,
  open: 'min',
  default: 1,
};

const embeddings: FlagParameter = {
  id: 'embeddings',
  label: 'Embeddings',
  help: 'Lets vectors change the model’s embeddings.',
  scope: 'mix',
  type: 'flag',
  default: true,
};

const outputHead: FlagParameter = {
  id: 'outputHead',
  label: 'Output head',
  help: 'Lets vectors change the model’s output layer.',
  scope: 'mix',
  type: 'flag',
  default: true,
};

/**
 * Every parameter by its name, as recipes write it, with the default that most methods have. The weight is not among
 * them: it is the α of a trait.
 */
const basis = {
  id: 'basis',
  label: 'Basis',
  help: 'What a slider adds: the vector of its pole, or half of the difference between both poles, in which what they share cancels.',
  scope: 'mix',
  type: 'choice',
  choices: [
    { value: 'poles', label: 'Poles', help: 'The vector of the high or the low pole, as published.' },
    { value: 'axes', label: 'Axes', help: 'Half of the high pole’s vector minus half of the low one’s.' },
  ],
  default: 'poles',
} as const satisfies ChoiceParameter;

const whitening: NumberParameter = {
  id: 'whitening',
  label: 'Whitening β',
  help: 'Turns the vectors of all traits away from each other: 0 leaves them as they are, 1 makes them orthogonal.',
  scope: 'mix',
  type: 'number',
  min: 0,
  max: 1,
  default: 0,
};

/**
 * Of the methods that add changes, and do not divide them by weights of both signs unless told: what they add. The
 * studio's own; native-merge gets the weights that follow.
 */
const changes = [basis, whitening];

export const PARAMETERS = {
  density,
  rescale,
  gamma,
  epsilon,
  selectTopk,
  rankShare,
  trim,
  election,
  normalize,
  lambda,
  seed,
  embeddings,
  outputHead,
  basis,
  whitening,
};
export type ParameterId = keyof typeof PARAMETERS;

type Value<P> = P extends { scope: 'vector' }
  ? number | Partial<Record<string, number>>
  : P extends { choices: readonly { value: infer V }[] }
    ? V
    : P extends FlagParameter
      ? boolean
      : number;
/** What a recipe says; what is set for each vector may be one number for all or one for each trait. */
export type ParameterValues = { [K in ParameterId]?: Value<(typeof PARAMETERS)[K]> };

const everywhere = [lambda, embeddings, outputHead];
const trimDensity: NumberParameter = { ...density, default: 0.3 };
const any = { min: 0 };

// ── Methods ────────────────────────────────────────────────────────────────────────────────────────────────

export const METHODS: Record<MergeMethod, MethodDescription> = {
  task_arithmetic: {
    id: 'task_arithmetic',
    label: 'Plain addition (task arithmetic)',
    help: 'Adds the weighted vectors to the base.',
    source: 'https://arxiv.org/abs/2212.04089',
    vectors: any,
    parameters: [weight, normalize, ...everywhere, ...changes],
  },
  ties: {
    id: 'ties',
    label: 'TIES',
    help: 'Keeps each vector’s largest entries and averages those that agree in sign.',
    source: 'https://arxiv.org/abs/2306.01708',
    vectors: any,
    parameters: [
      weight,
      trimDensity,
      trim,
      election,
      { ...normalize, default: true },
      rescale,
      ...everywhere,
    ],
  },
  dare_linear: {
    id: 'dare_linear',
    label: 'DARE',
    help: 'Drops entries of each vector at random, enlarges the rest to make up for it, and adds them.',
    source: 'https://arxiv.org/abs/2311.03099',
    vectors: any,
    parameters: [weight, density, rescaleByDensity, seed, normalize, ...everywhere, ...changes],
  },
  dare_ties: {
    id: 'dare_ties',
    label: 'DARE with TIES',
    help: 'Drops entries at random like DARE and adds those that agree in sign.',
    source: 'https://arxiv.org/abs/2311.03099',
    vectors: any,
    parameters: [weight, density, rescaleByDensity, seed, election, normalize, ...everywhere, ...changes],
  },
  breadcrumbs: {
    id: 'breadcrumbs',
    label: 'Breadcrumbs',
    help: 'Drops each vector’s smallest entries and its outliers, and adds the rest.',
    source: 'https://arxiv.org/abs/2312.06795',
    vectors: any,
    parameters: [weight, trimDensity, gamma, rescale, normalize, ...everywhere, ...changes],
  },
  breadcrumbs_ties: {
    id: 'breadcrumbs_ties',
    label: 'Breadcrumbs with TIES',
    help: 'Drops small entries and outliers, and adds those that agree in sign.',
    source: 'https://arxiv.org/abs/2312.06795',
    vectors: any,
    parameters: [weight, trimDensity, gamma, rescale, election, normalize, ...everywhere, ...changes],
  },
  della_linear: {
    id: 'della_linear',
    label: 'DELLA without election',
    help: 'Drops entries at random, the small ones of each row more often than the large ones, and adds the rest.',
    source: 'https://arxiv.org/abs/2406.11617',
    vectors: any,
    parameters: [weight, density, epsilon, rescaleByDensity, seed, normalize, ...everywhere, ...changes],
  },
  della: {
    id: 'della',
    label: 'DELLA',
    help: 'Drops entries at random, small ones more often, and averages those that agree in sign.',
    source: 'https://arxiv.org/abs/2406.11617',
    vectors: any,
    parameters: [
      weight,
      density,
      epsilon,
      rescaleByDensity,
      seed,
      election,
      { ...normalize, default: true },
      ...everywhere,
    ],
  },
  sce: {
    id: 'sce',
    label: 'SCE',
    help: 'Keeps the entries in which the vectors differ most and weighs each vector by its energy there.',
    source: 'https://arxiv.org/abs/2408.07990',
    vectors: any,
    parameters: [weight, selectTopk, ...everywhere],
  },
  tsv_m: {
    id: 'tsv_m',
    label: 'TSV-M',
    help: 'Turns the singular directions of the vectors until those of different vectors are orthogonal, and adds them.',
    source: 'https://arxiv.org/abs/2412.00081',
    vectors: any,
    lowRank: true,
    parameters: [weight, rankShare, ...everywhere, basis],
  },
  knots_ties: {
    id: 'knots_ties',
    label: 'KnOTS with TIES',
    help: 'Writes the vectors in directions that they share and averages there what agrees in sign, as TIES does.',
    source: 'https://arxiv.org/abs/2410.19735',
    vectors: any,
    lowRank: true,
    parameters: [weight, trimDensity, election, { ...normalize, default: true }, ...everywhere],
  },
  slerp: {
    id: 'slerp',
    label: 'SLERP',
    help: 'Goes from the base to the tuned model on an arc instead of a line; between like models the two are the same.',
    source: 'https://en.wikipedia.org/wiki/Slerp',
    vectors: { min: 1, max: 1 },
    parameters: [
      {
        ...weight,
        label: 'Position t',
        help: 'Where to stop: 0 is the base, 1 the tuned model.',
        usual: [0, 1],
        default: 0.5,
      },
      ...everywhere,
    ],
  },
  nuslerp: {
    id: 'nuslerp',
    label: 'NuSLERP',
    help: 'Adds what lies between two vectors on an arc, by the ratio of their weights.',
    source: 'https://github.com/arcee-ai/mergekit',
    vectors: { min: 2, max: 2 },
    ratio: true,
    parameters: [weight, ...everywhere],
  },
  model_stock: {
    id: 'model_stock',
    label: 'Model Stock',
    help: 'Averages the vectors and shortens the mean the less they point the same way.',
    source: 'https://arxiv.org/abs/2403.19522',
    vectors: { min: 2 },
    parameters: [weight, ...everywhere],
  },
  karcher: {
    id: 'karcher',
    label: 'Karcher mean',
    help: 'Averages the tuned models as directions on a sphere.',
    source: 'https://en.wikipedia.org/wiki/Fr%C3%A9chet_mean',
    vectors: any,
    ratio: true,
    parameters: [{ ...weight, min: 0 }, ...everywhere],
  },
};

export const METHOD_IDS = Object.keys(METHODS) as MergeMethod[];

// ── Reading the table ──────────────────────────────────────────────────────────────────────────────────────

/** The parameter as the method has it, if it has it. */
export function parameterOf(method: MergeMethod, id: string): Parameter | undefined {
  return METHODS[method].parameters.find(parameter => parameter.id === id);
}

/** The weight as the method means it; every method has one. */
export function weightOf(method: MergeMethod): NumberParameter {
  return parameterOf(method, weight.id) as NumberParameter;
}

/** The parameters of a method that are not its weight. */
export function settingsOf(method: MergeMethod): (Parameter & { id: ParameterId })[] {
  return METHODS[method].parameters.filter(
    (own): own is Parameter & { id: ParameterId } => own.id in PARAMETERS,
  );
}

/** Whether a single value lies within the parameter's range. */
export function accepts(parameter: Parameter, value: unknown): boolean {
  switch (parameter.type) {
    case 'number':
      return (
        typeof value === 'number' &&
        (parameter.open === 'min' ? value > parameter.min : value >= parameter.min) &&
        (parameter.open === 'max' ? value < parameter.max : value <= parameter.max) &&
        (!parameter.whole || Number.isSafeInteger(value))
      );
    case 'choice':
      return parameter.choices.some(choice => choice.value === value);
    case 'flag':
      return typeof value === 'boolean';
  }
}

/** The range in words: `above 0, up to 1`, `0 to below 0.5`, `none | density | l1`, `true | false`. */
export function rangeOf(parameter: Parameter): string {
  switch (parameter.type) {
    case 'number': {
      const { max, open, whole } = parameter;
      const min = `${parameter.min}`.replace('-', '−');
      const to = max === Number.MAX_SAFE_INTEGER ? '2⁵³ − 1' : max;
      const range =
        open === 'min' ? `above ${min}, up to ${to}` : `${min} to ${open === 'max' ? 'below ' : ''}${to}`;
      return whole ? `${range}, whole` : range;
    }
    case 'choice':
      return parameter.choices.map(choice => choice.value).join(' | ');
    case 'flag':
      return 'true | false';
  }
}
