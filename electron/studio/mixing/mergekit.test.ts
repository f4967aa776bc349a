import { describe, expect, it } from 'vitest';
import type { RecipeInput } from '../contract.ts';
import { recipe as recipeSchema } from '../contract.ts';
import { fromMergekit, toMergekit, vectorIn } from './mergekit.ts';

const MODELS = ['demo', 'Mistral-7B'];
const read = (yaml: string, more: object = {}) => fromMergekit({ yaml, base: 'demo', ...more }, MODELS);
const recipe = (given: Partial<RecipeInput>) =>
  recipeSchema.parse({ version: 2, base: 'demo', ...given } as RecipeInput);

describe('a mergekit configuration as a recipe', () => {
  it('takes weights, densities and mergekit’s own defaults', () => {
    const { recipe: found } = read(`
merge_method: ties
base_model: someone/base
models:
  - model: someone/base
  - model: out/openness_high
    parameters: {weight: 0.8, density: 0.4}
  - model: out/Neuroticism-low
    parameters: {weight: 1.5}
dtype: bfloat16
`);
    expect(found).toMatchObject({
      method: 'ties',
      weights: { openness: 0.8, neuroticism: -1.5 },
      density: { openness: 0.4, neuroticism: 1 },
      normalize: true,
      rescale: 'none',
      trim: 'tensor',
      election: 'weighted',
      lambda: 1,
    });
  });

  it('lets a model’s own parameters win over those of all', () => {
    const { recipe: found, notes } = read(`
merge_method: dare_linear
base_model: b
parameters: {weight: 0.5, density: 0.7, lambda: 1.2, normalize: true, int8_mask: true}
models:
  - {model: extraversion-high, parameters: {weight: 1e-1}}
  - model: agreeableness-low
`);
    expect(found).toMatchObject({
      weights: { extraversion: 0.1, agreeableness: -0.5 },
      density: 0.7,
      lambda: 1.2,
      normalize: true,
      rescale: 'l1',
    });
    expect(notes).toEqual([expect.stringContaining('random')]);
  });

  it('reads lists as lines over depth and filters as factors, in mergekit’s order', () => {
    const { recipe: found } = read(`
merge_method: task_arithmetic
base_model: b
models:
  - model: openness-low
    parameters:
      weight:
        - {filter: self_attn, value: [0, 0.4]}
        - {filter: lm_head, value: 0}
        - value: [0, 0.8]
        - {filter: mlp, value: 7}
`);
    expect(found.weights).toEqual({ openness: -0.8 });
    expect(found.depth).toEqual({ openness: [0, 1] });
    // mergekit takes the first value of a list for the last norm too, which lies behind the layers.
    expect(found.filters).toEqual([
      { filter: 'outpu?.weight', factor: 0 },
      { filter: 'output_norm', factor: 0 },
      ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map(filter => ({ filter, factor: 0.5 })),
    ]);
  });

  it('says where what lies behind the layers cannot change as in mergekit', () => {
    const behind = 'mergekit reads a list at its first value';
    const two = (a: string, b: string) =>
      read(`
merge_method: task_arithmetic
base_model: b
models:
  - {model: openness-high, parameters: {weight: ${a}}}
  - {model: neuroticism-high, parameters: {weight: ${b}}}
`);
    const same = two('[1, 0.5]', '[0.4, 0.2]');
    expect(same.notes).toEqual([]);
    expect(same.recipe.filters).toEqual([
      { filter: 'outpu?.weight', factor: 2 },
      { filter: 'output_norm', factor: 2 },
    ]);
    expect(two('[1, 0.5]', '0.4').notes).toEqual([expect.stringContaining(behind)]);
    expect(two('[1, 0]', '[1, 0]').notes).toEqual([expect.stringContaining(behind)]);
    expect(two('[0, 0]', '[1, 0.5, 1]').notes).toEqual([]);
  });

  it('takes the base by its name, or as told, and vectors as told', () => {
    const yaml =
      'merge_method: task_arithmetic\nbase_model: x/mistral-7b\nmodels: [{model: tuned, parameters: {weight: 1}}]';
    const vectors = { tuned: 'openness-high' as const };
    expect(read(yaml, { base: undefined, vectors }).recipe.base).toBe('Mistral-7B');
    expect(read(yaml, { vectors }).recipe.base).toBe('demo');
    expect(() => read(yaml)).toThrow('which vector the model “tuned” stands for');
    expect(() => fromMergekit({ yaml, vectors }, ['demo'])).toThrow('no model “mistral-7b”');
  });

  const one = (weight: string, rest = '') =>
    `merge_method: task_arithmetic\nbase_model: b\nmodels: [{model: openness-high, parameters: {weight: ${weight}}}]\n${rest}`;
  it.each([
    ['merge_method: [', 'not valid YAML'],
    ['just words', 'it has no fields'],
    ['merge_method: ties\nmodels: []', 'base_model'],
    ['merge_method: linear\nbase_model: b\nmodels: [{model: a}]', 'method “linear”'],
    ['merge_method: ties\nbase_model: b\nslices: []', '“slices”'],
    [one('1', 'surprise: 1'), 'surprise'],
    [one('much'), 'weight'],
    [one('-1'), 'negative'],
    [one('[]'), 'weight'],
    [one('{filter: mlp, value: 1}'), 'has no value for all other tensors'],
    [one('[{filter: experts, value: 1}, {value: 1}]'), 'filter “experts”'],
    [one('[{filter: mlp, value: [1, 0]}, {value: [0, 1]}]'), 'differently for different tensors'],
    [one('99'), 'cannot mix this'],
    [
      'a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b]',
      'not valid YAML',
    ],
    [`x: ${'y'.repeat(300_000)}`, 'too long'],
  ])('refuses %j with the reason', (yaml, reason) => {
    expect(() => read(yaml)).toThrow(reason);
  });

  it('refuses two models for one trait, and filters that differ', () => {
    const two = (a: string, b: string) =>
      `merge_method: task_arithmetic\nbase_model: b\nmodels: [{model: openness-high, parameters: {weight: 1}}, {model: ${a}, parameters: {weight: ${b}}}]`;
    expect(() => read(two('openness-low', '1'))).toThrow('Two models stand for openness');
    expect(() => read(two('neuroticism-low', '[{filter: mlp, value: 0}, {value: 1}]'))).toThrow(
      'differ in their filters',
    );
  });
});

it.each([
  ['x/openness_high', 'openness-high'],
  ['High-Neuroticism-7B', 'neuroticism-high'],
  ['openness', null],
  ['openness-agreeableness-high', null],
  ['highopenness', null],
])('finds the vector in %s', (name, vector) => expect(vectorIn(name)).toBe(vector));

describe('a recipe as a mergekit configuration', () => {
  const RECIPES: Partial<RecipeInput>[] = [
    { weights: { openness: 0.8, neuroticism: -1.5 } },
    { weights: { openness: 1 }, method: 'ties', density: 0.35, normalize: false },
    { weights: { openness: 1, extraversion: -0.3 }, method: 'ties', density: { openness: 0.2 } },
    { weights: { agreeableness: 0.7 }, method: 'breadcrumbs', gamma: 0.02, density: 0.9, lambda: 0.5 },
    { weights: { agreeableness: 1, openness: -1 }, method: 'sce', selectTopk: 0.3 },
    { weights: { agreeableness: 1, openness: -1 }, method: 'model_stock' },
    { weights: { agreeableness: 0.6, openness: -0.4 }, method: 'nuslerp' },
    { weights: { extraversion: 2 }, depth: { extraversion: [0, 0.5, 1] } },
    {
      weights: { extraversion: 2, openness: 1 },
      depth: { extraversion: [1, 0.5] },
      filters: [{ filter: 'output_norm', factor: 0.5 }],
    },
    {
      weights: { extraversion: 1.1, openness: 0.3 },
      filters: [
        ...['ffn_gate', 'ffn_up', 'ffn_down'].map(filter => ({ filter, factor: 0.5 })),
        { filter: 'attn_q.', factor: 0 },
        { filter: '*', factor: 0.25 },
      ],
    },
  ];

  it.each(RECIPES.map(given => [JSON.stringify(given), given]))(
    'comes back as the same mix: %s',
    (_, given) => {
      const before = recipe(given as Partial<RecipeInput>);
      const after = read(toMergekit({ recipe: before }).yaml).recipe;
      const mix = (each: typeof before) => ({
        method: each.method,
        normalize: each.normalize,
        gamma: each.gamma,
        selectTopk: each.selectTopk,
        lambda: each.lambda,
        // What acts on each trait: by filter, and last on all other tensors, the weight at every point of depth.
        acts: Object.entries(each.weights).map(([trait, alpha = 0]) => ({
          trait,
          density:
            typeof each.density === 'object' ? (each.density[trait as 'openness'] ?? 0.3) : each.density,
          rules: [
            ...(each.filters ?? []),
            ...(each.filters?.at(-1)?.filter === '*' ? [] : [{ filter: '*', factor: 1 }]),
          ].map(({ filter, factor }) => ({
            filter,
            weights: (each.depth?.[trait as 'openness'] ?? [1]).map(
              point => +(point * alpha * factor).toFixed(9),
            ),
          })),
        })),
      });
      expect(mix(after)).toEqual(mix(before));
    },
  );

  it('names checkpoints as told, and says what will differ', () => {
    const { yaml, notes } = toMergekit({
      recipe: recipe({ weights: { openness: -1 }, method: 'dare_ties' }),
      baseModel: './base',
      models: { 'openness-low': './tuned' },
    });
    expect(yaml).toContain('base_model: ./base');
    expect(yaml).toContain('model: ./tuned');
    expect(notes).toHaveLength(2);
    expect(yaml).toContain('# mergekit drops other entries');
  });

  it('lets vectors leave embeddings alone', () => {
    const { yaml } = toMergekit({ recipe: recipe({ weights: { openness: 1 }, embeddings: false }) });
    expect(read(yaml).recipe.filters).toEqual([{ filter: 'token_embd', factor: 0 }]);
  });

  it.each([
    [{ weights: {} }, 'nothing to merge'],
    [{ weights: { openness: 1 }, method: 'tsv_m' as const }, 'no method TSV-M'],
    [{ weights: { openness: 1 }, method: 'ties' as const, trim: 'vector' as const }, 'whole vector'],
    [{ weights: { openness: 1 }, method: 'ties' as const, election: 'unweighted' as const }, 'election'],
    [{ weights: { openness: 1 }, basis: 'axes' as const }, 'axes'],
    [{ weights: { openness: 1 }, whitening: 0.5 }, 'whitening'],
    [{ weights: { openness: 2, neuroticism: 1 }, method: 'sce' as const }, 'weights in sce'],
    [{ weights: { openness: 1 }, filters: [{ filter: 'blk.3.*', factor: 0 }] }, 'no filter for the tensors'],
  ])('refuses %j', (given, reason) => {
    expect(() => toMergekit({ recipe: recipe(given) })).toThrow(reason);
  });
});
