/**
 * Recipes as mergekit's YAML and back (https://github.com/arcee-ai/mergekit, as of 0.1.5). mergekit merges fine-tuned
 * checkpoints where a recipe adds their vectors, so each of its models stands for one vector: the same sum, as a vector
 * is the fine-tuned model minus the base.
 */
import { isMap, parseDocument, stringify } from 'yaml';
import { z } from 'zod';
import type { MergekitExport, MergekitImport, Recipe, Trait, VectorName } from '../contract.ts';
import { recipe as recipeSchema, TRAITS } from '../contract.ts';
import { inWords, StudioError } from '../errors.ts';
import { METHODS, type ParameterId, parameterOf } from './methods.ts';
import { usedTraits, withDefaults } from './recipe.ts';
import { vectorName } from './warnings.ts';

// ── What mergekit knows ────────────────────────────────────────────────────────────────────────────────────

/** Methods that both have under the same name, with mergekit's defaults where it has the parameter. */
const SHARED: Partial<Record<Recipe['method'], { normalize?: boolean; rescale?: boolean }>> = {
  task_arithmetic: { normalize: false, rescale: false },
  ties: { normalize: true, rescale: false },
  dare_linear: { normalize: false, rescale: true },
  dare_ties: { normalize: false, rescale: true },
  breadcrumbs: { normalize: false, rescale: false },
  breadcrumbs_ties: { normalize: false, rescale: false },
  della: { normalize: true, rescale: true },
  della_linear: { normalize: false, rescale: true },
  sce: {},
  model_stock: {},
  nuslerp: {},
};
const DENSITY = 1;
const GAMMA = 0.01;
const EPSILON = 0.15;

/** mergekit's filters are parts of Hugging Face's tensor names; these are what they are called in GGUF. */
const TENSORS: Record<string, string[]> = {
  self_attn: ['attn_q', 'attn_k', 'attn_v', 'attn_output'],
  mlp: ['ffn_gate', 'ffn_up', 'ffn_down'],
  q_proj: ['attn_q.'],
  k_proj: ['attn_k.'],
  v_proj: ['attn_v.'],
  o_proj: ['attn_output'],
  gate_proj: ['ffn_gate'],
  up_proj: ['ffn_up'],
  down_proj: ['ffn_down'],
  input_layernorm: ['attn_norm'],
  post_attention_layernorm: ['ffn_norm'],
  embed_tokens: ['token_embd'],
  // With a wildcard the pattern is for the whole name: "output.weight" alone is part of attn_output.weight too.
  lm_head: ['outpu?.weight'],
  'model.norm': ['output_norm'],
};
/** Behind the last layer. mergekit reads a list there at its first point, the studio at its last. */
const BEHIND = ['lm_head', 'model.norm'] as const;

// ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────

const scalar = z.union([
  z.number(),
  z
    .string()
    .regex(/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i)
    .transform(Number),
]);
const conditional = z.strictObject({
  filter: z.string().nullish(),
  value: z.union([scalar, z.array(scalar).min(1)]),
});
const setting = z.union([scalar, z.array(scalar).min(1), conditional, z.array(conditional).min(1)], {
  error: 'expected a number, a list of numbers, or filters with values',
});
const flag = z.boolean();
const vectorParameters = { weight: setting, density: scalar, gamma: scalar, epsilon: scalar };
const parameters = z
  .strictObject({
    ...vectorParameters,
    normalize: flag,
    rescale: flag,
    int8_mask: flag,
    lambda: scalar,
    select_topk: scalar,
    filter_wise: flag,
    nuslerp_flatten: flag,
    nuslerp_row_wise: flag,
  })
  .partial();
const configuration = z.strictObject({
  name: z.string().optional(),
  merge_method: z.string(),
  base_model: z.string({ error: 'expected the name of the base model' }),
  models: z.array(z.strictObject({ model: z.string(), parameters: parameters.nullish() })).min(1),
  parameters: parameters.nullish(),
  // Of the checkpoint that mergekit writes; the studio's file has a type and a tokenizer of its own.
  dtype: z.string().nullish(),
  out_dtype: z.string().nullish(),
  tokenizer_source: z.string().nullish(),
  tokenizer: z.unknown().optional(),
  chat_template: z.unknown().optional(),
});
type Setting = z.output<typeof setting>;

/** More would be no recipe. */
const LONGEST = 256 * 1024;

function read(text: string): z.output<typeof configuration> {
  const refuse = (message: string, field?: string, action?: string) =>
    new StudioError('bad_input', message, { field, action });
  if (text.length > LONGEST) throw refuse('This is too long for a mergekit configuration.');
  const document = parseDocument(text, { prettyErrors: true });
  const [broken] = document.errors;
  if (broken) throw refuse(`This is not valid YAML: ${broken.message.split('\n')[0]}`);
  if (!isMap(document.contents)) throw refuse('This is no mergekit configuration: it has no fields.');
  for (const [field, reason] of [
    ['slices', 'it puts layers of several models together'],
    ['modules', 'it merges the parts of a model separately'],
  ] as const)
    if (document.has(field))
      throw refuse(`The configuration uses “${field}”: ${reason}, which the studio cannot do.`, field);
  let plain: unknown;
  try {
    // Aliases may repeat what they stand for a hundred times, not more.
    plain = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw refuse(`This is not valid YAML: ${(error as Error).message}`);
  }
  const parsed = configuration.safeParse(plain);
  if (parsed.success) return parsed.data;
  const { message, field } = inWords(parsed.error.issues);
  throw refuse(`The mergekit configuration is not valid: ${message}.`, field);
}

/** A setting as rules in order: the first whose filter is part of the name; null matches every name. */
const rulesOf = (value: Setting): { filter: string | null; values: number[] }[] => {
  const one = Array.isArray(value) ? value : [value];
  const conditionals = one.filter(each => typeof each === 'object');
  if (conditionals.length === 0) return [{ filter: null, values: one as number[] }];
  return conditionals.map(({ filter, value: own }) => ({
    filter: !filter || filter === '*' ? null : filter,
    values: Array.isArray(own) ? own : [own],
  }));
};

interface Weighting {
  alpha: number;
  /** Factors on α from the first layer to the last. */
  depth?: number[];
  filters: { filter: string; factor: number }[];
  /** Factors of what lies behind the last layer; null where no factor makes up for how the two read lists. */
  behind: (number | null)[];
}

/** A weight as the studio has it: α, factors over depth, factors by name. */
function weightingOf(value: Setting, field: string): Weighting {
  const refuse = (message: string) => new StudioError('bad_input', message, { field });
  const rules = rulesOf(value);
  const end = rules.findIndex(({ filter }) => filter === null);
  if (end < 0)
    throw refuse('A weight by filters has no value for all other tensors: add an entry without a filter.');
  const used = rules.slice(0, end + 1);
  const largest = (values: number[]) => values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  const alpha = largest(used.flatMap(({ values }) => values));
  const lines = used.filter(({ values }) => values.length > 1).map(({ values }) => values);
  const line = lines.find(values => values.includes(alpha)) ?? lines[0];
  if (alpha === 0) return { alpha, filters: [], behind: BEHIND.map(() => 1) };

  // Every rule is the same line over depth, times a factor.
  const shape = line?.map(point => point / alpha) ?? [1];
  const peak = shape.findIndex(point => Math.abs(point) === Math.max(...shape.map(Math.abs)));
  const apart = (filter: string | null) => BEHIND.some(name => name === filter);
  const factors = used.map(({ filter, values }) => {
    if (apart(filter)) return 1;
    const full = values.length === 1 && line ? (values[0] === 0 ? line.map(() => 0) : null) : values;
    const factor = full ? (full[peak] ?? Number.NaN) / (alpha * (shape[peak] ?? 1)) : Number.NaN;
    const fits =
      full?.length === shape.length &&
      full.every((each, i) => Math.abs(each - alpha * factor * (shape[i] ?? 0)) < 1e-9 * Math.abs(alpha));
    if (!fits) throw refuse('A weight varies over the layers differently for different tensors.');
    return factor;
  });
  const filters = used.slice(0, end).flatMap(({ filter }, i) => {
    if (apart(filter)) return [];
    const names = TENSORS[filter ?? ''];
    if (!names)
      throw refuse(
        `The studio does not know the filter “${filter}”; it knows ${Object.keys(TENSORS).join(', ')}.`,
      );
    return names.map(name => ({ filter: name, factor: factors[i] ?? 1 }));
  });
  const rest = factors[end] ?? 1;
  const last = alpha * (shape.at(-1) ?? 1);
  const behind = BEHIND.map(name => {
    const [first = 0] = (used.find(({ filter }) => filter === name || filter === null) ?? { values: [] })
      .values;
    if (last !== 0) return tidy(first / last);
    return first === 0 ? tidy(rest) : null;
  });
  return {
    alpha,
    depth: line && shape,
    behind,
    filters: rest === 1 ? filters : [...filters, { filter: '*', factor: rest }],
  };
}

/** `…/openness_high` or `mistral-high-openness` as the vector's name. */
export function vectorIn(model: string): VectorName | null {
  const words = model.toLowerCase().split(/[^a-z]+/);
  const traits = TRAITS.filter(trait => words.includes(trait));
  const poles = (['low', 'high'] as const).filter(pole => words.includes(pole));
  const [trait] = traits;
  const [pole] = poles;
  return trait && pole && traits.length === 1 && poles.length === 1 ? `${trait}-${pole}` : null;
}

const fileName = (path: string) => path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;

/**
 * The recipe that a mergekit configuration stands for. Its models are matched with vectors by `vectors`, else by trait and
 * pole in their names; its base by `base`, else by its name among `models` of the library.
 */
export function fromMergekit(
  { yaml, base, vectors = {} }: MergekitImport,
  models: readonly string[],
): { recipe: Recipe; notes: string[] } {
  const config = read(yaml);
  const notes: string[] = [];
  const refuse = (message: string, field: string, action?: string) =>
    new StudioError('bad_input', message, { field, action });

  const method = Object.keys(SHARED).find(known => known === config.merge_method) as
    | keyof typeof SHARED
    | undefined;
  const known = method && SHARED[method];
  if (!method || !known)
    throw refuse(
      `The studio cannot do mergekit’s method “${config.merge_method}” from vectors.`,
      'merge_method',
      `It reads ${Object.keys(SHARED).join(', ')}.`,
    );
  const found = base ?? models.find(id => id.toLowerCase() === fileName(config.base_model).toLowerCase());
  if (!found)
    throw new StudioError('not_found', `The library has no model “${fileName(config.base_model)}”.`, {
      field: 'base_model',
      action: 'Say which of its models takes the place: in the terminal by “--model”.',
    });

  const all = config.parameters ?? {};
  const weightings = new Map<Trait, Weighting>();
  const densities = new Map<Trait, number>();
  const singles = { gamma: new Set<number>(), epsilon: new Set<number>() };
  for (const [index, { model, parameters: own }] of config.models.entries()) {
    if (model === config.base_model) continue;
    const field = `models.${index}`;
    const name = vectors[model] ?? vectorIn(model);
    if (!name)
      throw refuse(
        `It is not clear which vector the model “${model}” stands for.`,
        `${field}.model`,
        `Say it: in the terminal by “--vectors ${model}=openness-high”.`,
      );
    const [trait, pole] = name.split('-') as [Trait, 'low' | 'high'];
    if (weightings.has(trait))
      throw refuse(`Two models stand for ${trait}; a slider adds one pole at a time.`, `${field}.model`);
    const given = { ...all, ...own };
    const fixed = method === 'sce' || method === 'model_stock';
    if (given.weight === undefined && !fixed)
      throw refuse(`The model “${model}” has no weight.`, `${field}.parameters.weight`);
    const weighting = weightingOf(fixed ? 1 : (given.weight ?? 1), `${field}.parameters.weight`);
    if (weighting.alpha < 0)
      throw refuse(
        `The weight of “${model}” is negative; below 0 a slider adds the vector of the other pole.`,
        `${field}.parameters.weight`,
        'Use a model of that pole, or flatten the weight to 0.',
      );
    weightings.set(trait, { ...weighting, alpha: pole === 'low' ? -weighting.alpha : weighting.alpha });
    densities.set(trait, given.density ?? DENSITY);
    singles.gamma.add(given.gamma ?? GAMMA);
    singles.epsilon.add(given.epsilon ?? EPSILON);
    if (given.nuslerp_row_wise || given.nuslerp_flatten === false || given.filter_wise)
      throw refuse('The studio merges whole tensors, not rows or filters of them.', `${field}.parameters`);
  }

  const takes = (id: ParameterId) => parameterOf(method, id) !== undefined;
  const only = (id: 'gamma' | 'epsilon') => {
    if (singles[id].size > 1)
      throw refuse(`The models differ in ${id}; the studio has one for all.`, 'models');
    return [...singles[id]][0];
  };
  const lines = [...weightings].map(([, { filters }]) => JSON.stringify(filters));
  if (new Set(lines).size > 1)
    throw refuse('The models differ in their filters; the studio has one set for all.', 'models');
  const depth = [...weightings].flatMap(([trait, own]) => (own.depth ? [[trait, own.depth] as const] : []));
  const behind = behindLayers([...weightings.values()]);
  if (!behind)
    notes.push(
      'mergekit reads a list at its first value for lm_head and model.norm; here they take the last.',
    );
  const filters = [...(behind ?? []), ...([...weightings.values()][0]?.filters ?? [])];
  const rescaled = all.rescale ?? known.rescale ?? false;
  const draft = {
    version: 2 as const,
    base: found,
    weights: Object.fromEntries([...weightings].map(([trait, { alpha }]) => [trait, alpha])),
    method,
    ...(takes('density') && { density: oneOrAll(densities) }),
    ...(takes('rescale') && { rescale: rescaled ? 'l1' : 'none' }),
    ...(takes('normalize') && { normalize: all.normalize ?? known.normalize ?? false }),
    ...(takes('gamma') && { gamma: only('gamma') }),
    ...(takes('epsilon') && { epsilon: only('epsilon') }),
    ...(takes('selectTopk') && { selectTopk: all.select_topk ?? 1 }),
    ...(all.lambda !== undefined && { lambda: all.lambda }),
    ...(depth.length > 0 && { depth: Object.fromEntries(depth) }),
    ...(filters.length > 0 && { filters }),
  };
  if (takes('seed')) notes.push('The entries that are dropped at random are not those that mergekit draws.');
  const parsed = recipeSchema.safeParse(draft);
  if (parsed.success) return { recipe: parsed.data, notes };
  const { message, field } = inWords(parsed.error.issues);
  throw refuse(`The studio cannot mix this: ${message}.`, field ?? 'models');
}

/** Rules by which what lies behind the last layer changes as in mergekit; null where the vectors would need different ones. */
function behindLayers(weightings: Weighting[]): { filter: string; factor: number }[] | null {
  const rest = tidy(weightings[0]?.filters.find(({ filter }) => filter === '*')?.factor ?? 1);
  const rules: { filter: string; factor: number }[] = [];
  for (const [i, name] of BEHIND.entries()) {
    const [factor, ...others] = new Set(weightings.map(({ behind }) => behind[i] ?? null));
    if (factor === null || factor === undefined || others.length > 0) return null;
    if (factor !== rest) rules.push(...(TENSORS[name] ?? []).map(filter => ({ filter, factor })));
  }
  return rules;
}

/** One number where all are the same. */
function oneOrAll(values: Map<Trait, number>): number | Partial<Record<Trait, number>> {
  const [first = DENSITY] = values.values();
  return [...values.values()].every(value => value === first) ? first : Object.fromEntries(values);
}

// ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * A configuration that mergekit runs. `baseModel` and `models` name checkpoints; without them names are made up, to be
 * replaced. Throws where mergekit has no counterpart.
 */
export function toMergekit({ recipe, baseModel, models = {} }: MergekitExport): {
  yaml: string;
  notes: string[];
} {
  const notes: string[] = [];
  const refuse = (message: string, field: string) =>
    new StudioError('bad_input', `mergekit has no ${message}.`, {
      field,
      action: 'Bake the file here, or choose another setting.',
    });
  const { method } = recipe;
  if (!SHARED[method]) throw refuse(`method ${METHODS[method].label}`, 'method');
  const used = usedTraits(recipe);
  if (used.length === 0)
    throw new StudioError('bad_input', 'Every weight is 0: there is nothing to merge.', {
      field: 'weights',
      action: 'Give at least one trait a weight.',
    });
  const own = withDefaults(recipe);
  if (own.trim === 'vector') throw refuse('threshold over a whole vector', 'trim');
  if (own.election === 'unweighted') throw refuse('election without weights', 'election');
  if (own.basis === 'axes') throw refuse('axes', 'basis');
  if ((own.whitening ?? 0) > 0) throw refuse('whitening', 'whitening');
  if (
    (method === 'sce' || method === 'model_stock') &&
    used.some(trait => Math.abs(recipe.weights[trait] ?? 0) !== 1)
  )
    throw refuse(`weights in ${method}`, 'weights');
  if (own.rescale === 'density') {
    notes.push('mergekit makes up for dropped entries by the L1 norm; here it is done by density.');
  }
  if (parameterOf(method, 'seed'))
    notes.push('mergekit drops other entries at random than are dropped here.');

  const rules = [
    ...(own.embeddings === false ? [{ filter: 'token_embd', factor: 0 }] : []),
    ...(own.outputHead === false ? [{ filter: 'outpu?.weight', factor: 0 }] : []),
    ...(recipe.filters ?? []),
  ];
  const named = namedRules(rules);
  const weight = (trait: Trait) => {
    const alpha = Math.abs(recipe.weights[trait] ?? 0);
    const line = (recipe.depth?.[trait] ?? [1]).map(factor => tidy(alpha * factor));
    const times = (factor: number) =>
      line.length === 1 ? tidy((line[0] ?? 0) * factor) : line.map(point => tidy(point * factor));
    const factorOf = (name: string) =>
      named.rules.find(({ filter }) => filter === name)?.factor ?? named.rest;
    const behind =
      line.length > 1 && line[0] !== line.at(-1)
        ? BEHIND.map(name => ({ filter: name, value: tidy((line.at(-1) ?? 0) * factorOf(name)) }))
        : [];
    const rules = named.rules.filter(rule => !behind.some(({ filter }) => filter === rule.filter));
    if (behind.length + rules.length === 0 && named.rest === 1) return times(1);
    return [
      ...behind,
      ...rules.map(({ filter, factor }) => ({ filter, value: times(factor) })),
      { value: times(named.rest) },
    ];
  };
  const density = (trait: Trait) =>
    typeof own.density === 'object'
      ? (own.density[trait] ?? parameterOf(method, 'density')?.default)
      : own.density;
  const fixed = method === 'sce' || method === 'model_stock';
  const config = {
    merge_method: method,
    base_model: baseModel ?? recipe.base,
    models: used.map(trait => {
      const name = vectorName(trait, recipe.weights[trait] ?? 0);
      return {
        model: models[name] ?? `${recipe.base}-${name}`,
        ...(!fixed && {
          parameters: {
            weight: weight(trait),
            ...(own.density !== undefined && { density: density(trait) }),
            ...(own.gamma !== undefined && { gamma: own.gamma }),
            ...(own.epsilon !== undefined && { epsilon: own.epsilon }),
          },
        }),
      };
    }),
    parameters: {
      ...(own.normalize !== undefined && { normalize: own.normalize }),
      ...(own.rescale !== undefined && { rescale: own.rescale !== 'none' }),
      ...(own.selectTopk !== undefined && { select_topk: own.selectTopk }),
      ...(own.lambda !== undefined && own.lambda !== 1 && { lambda: own.lambda }),
    },
    dtype: 'float32',
    tokenizer_source: 'base',
  };
  const comments = [
    'Written by Temperament for mergekit. Each model is the fine-tune that a vector was taken from:',
    'put the folders or names of your checkpoints in their places.',
    ...notes,
  ].map(line => `# ${line}\n`);
  return { yaml: comments.join('') + stringify(config), notes };
}

const tidy = (value: number) => Number(value.toPrecision(12)) + 0;

/** Rules by GGUF names as mergekit's, in order; a group of names that one of its filters covers becomes that filter. */
function namedRules(rules: { filter: string; factor: number }[]) {
  const found: { filter: string; factor: number }[] = [];
  let rest = 1;
  for (let at = 0; at < rules.length; ) {
    const { filter, factor } = rules[at] as (typeof rules)[number];
    if (filter === '*') {
      rest = factor;
      break;
    }
    const match = Object.entries(TENSORS)
      .filter(([, names]) =>
        names.every((name, i) => rules[at + i]?.filter === name && rules[at + i]?.factor === factor),
      )
      .sort(([, a], [, b]) => b.length - a.length)[0];
    if (!match)
      throw new StudioError('bad_input', `mergekit has no filter for the tensors “${filter}”.`, {
        field: 'filters',
        action: `It has ${Object.values(TENSORS).flat().join(', ')}.`,
      });
    found.push({ filter: match[0], factor });
    at += match[1].length;
  }
  return { rules: found, rest };
}
