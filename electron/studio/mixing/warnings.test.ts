import { describe, expect, test } from 'vitest';
import type { FileType, Model, RecipeInput, Trait, Vector, Weights } from '../contract.ts';
import { recipe } from '../contract.ts';
import { tensorWarnings, vectorName, warningsFor } from './warnings.ts';

const model: Model = {
  id: 'm',
  label: 'M',
  path: '/m.gguf',
  architecture: 'llama',
  type: 'F16',
  source: true,
  parameters: 1,
  bytes: 1,
  width: 8,
  contextLength: 1,
  languages: [],
  tiedEmbeddings: true,
  backbone: 'b1',
  content: 'c1',
  demo: false,
};
const vector = (trait: Trait, more: Partial<Vector> = {}): Vector => ({
  id: trait,
  path: `/${trait}.gguf`,
  trait,
  pole: 'high',
  form: 'dense',
  embeddings: false,
  bytes: 1,
  backbone: 'b1',
  baseContent: 'c1',
  content: trait,
  method: '',
  date: '',
  note: '',
  demo: false,
  ...more,
});

function codes(
  weights: Weights,
  {
    live = true,
    type,
    method,
    normalize,
    of = model,
    more,
    parts,
  }: {
    live?: boolean;
    type?: FileType;
    method?: RecipeInput['method'];
    normalize?: boolean;
    more?: object;
    of?: Model;
    parts?: Partial<Record<Trait, Vector>>;
  } = {},
): string[] {
  const vectors =
    parts ?? Object.fromEntries(Object.keys(weights).map(trait => [trait, vector(trait as Trait)]));
  return warningsFor({
    recipe: recipe.parse({ version: 2, base: 'm', weights, method, normalize, ...more }),
    model: of,
    vectors,
    live,
    type,
  }).map(w => w.code);
}

describe('warnings', () => {
  test('none for a moderate mix', () => {
    expect(codes({ extraversion: 1, neuroticism: -1 })).toEqual([]);
  });

  test('Σ|α| above 2', () => {
    expect(codes({ extraversion: 1.5, neuroticism: -0.51 })).toEqual(['alpha_sum_high']);
    expect(codes({ extraversion: 0.7, openness: 0.7, conscientiousness: 0.6 })).toEqual([]);
  });

  test('low agreeableness and high neuroticism beyond 1.5, in that direction only', () => {
    expect(codes({ agreeableness: -1.6 })).toEqual(['unethical_text_risk']);
    expect(codes({ neuroticism: 1.6 })).toEqual(['unethical_text_risk']);
    expect(codes({ agreeableness: 1.6 })).toEqual([]);
    expect(codes({ neuroticism: -1.6 })).toEqual([]);
  });

  test('vectors that are missing or come from elsewhere', () => {
    expect(codes({ openness: 1 }, { parts: {} })).toEqual(['vector_missing']);
    expect(codes({ openness: 1 }, { parts: { openness: vector('openness', { backbone: 'b2' }) } })).toEqual([
      'other_backbone',
    ]);
    expect(
      codes({ openness: 1 }, { parts: { openness: vector('openness', { baseContent: 'c2' }) } }),
    ).toEqual(['other_content']);
  });

  test('what storage does to small weights', () => {
    const quantised = { ...model, type: 'Q4_K', source: false };
    expect(codes({ openness: 1 }, { of: quantised })).toEqual([]);
    expect(codes({ openness: 1 }, { of: quantised, live: false, type: 'f16' })).toEqual(['quantised_source']);
    expect(codes({ openness: 1 }, { live: false, type: 'bf16' })).toEqual(['quantised_target']);
    expect(codes({ openness: 1 }, { live: false, type: 'q8_0' })).toEqual(['quantised_target']);
    expect(codes({ openness: 1 }, { live: false, type: 'f16' })).toEqual([]);
  });

  test('Q8_0 loses small weights only where they were rounded before', () => {
    const said = (of: Model) =>
      warningsFor({
        recipe: recipe.parse({ version: 2, base: 'm', weights: {} }),
        model: of,
        vectors: {},
        live: false,
        type: 'q8_0',
      }).map(({ message }) => message);
    expect(said(model)).toEqual([expect.stringContaining('stays on average')]);
    expect(said({ ...model, type: 'Q8_0', source: false })).toContainEqual(
      expect.stringContaining('an α of 0.2 kept 0.009'),
    );
  });

  test('filters that fit no tensor', () => {
    const filters = ['token_embd', 'blk.*.attn_?.weight', '*.ffn', 'ffn', 'BLK.0', 'blk.[0].*', 'output+'];
    const found = (live: boolean, tensors?: string[]) =>
      warningsFor({
        recipe: recipe.parse({
          version: 2,
          base: 'm',
          weights: {},
          filters: filters.map(filter => ({ filter, factor: 0.5 })),
        }),
        model,
        vectors: {},
        live,
        tensors,
      }).flatMap(({ code, message }) => (code === 'filter_unmatched' ? message.match(/“(.*)”/)?.[1] : []));
    const tensors = ['token_embd.weight', 'blk.0.attn_q.weight', 'blk.0.ffn_up.weight'];
    expect(found(false, tensors)).toEqual(['*.ffn', 'BLK.0', 'blk.[0].*', 'output+']);
    expect(found(false)).toEqual([]);
    expect(found(true, tensors)).toEqual([]);
  });

  test('what the engine notes of single tensors', () => {
    const noted = (code: string, count: number) =>
      Array.from({ length: count }, (_, i) => ({ code, tensor: `blk.${i}.ffn_up.weight` }));
    expect(tensorWarnings([...noted('f16_fallback', 1), ...noted('ignored_tensor', 5)])).toEqual([
      {
        code: 'tensors_otherwise',
        message: 'Stored in a larger type, because the rows do not fit the one meant: blk.0.ffn_up.weight',
      },
      {
        code: 'tensors_otherwise',
        message:
          'Left out of a vector, because adapters pass over it: blk.0.ffn_up.weight, blk.1.ffn_up.weight, blk.2.ffn_up.weight …',
      },
    ]);
    expect(tensorWarnings([{ code: 'quantised_base' }, { code: 'device_fallback' }])).toEqual([]);
  });

  test('a mix that cannot be live', () => {
    expect(codes({ openness: 1 }, { normalize: true })).toEqual(['live_approximation']);
    expect(codes({ openness: 1 }, { more: { embeddings: false } })).toEqual(['live_approximation']);
    expect(codes({ openness: 0 }, { method: 'ties', parts: {} })).toEqual([]);
    expect(codes({ openness: 1 }, { method: 'ties' })).toEqual(['live_approximation']);
    expect(codes({ openness: 1 }, { method: 'dare_linear', live: false })).toEqual([]);
  });

  test('dense vectors where a method merges factors', () => {
    const parts = { openness: vector('openness', { form: 'low-rank' }) };
    expect(codes({ openness: 1 }, { method: 'tsv_m', live: false })).toEqual(['dense_factorised']);
    expect(codes({ openness: 1 }, { method: 'tsv_m', live: false, parts })).toEqual([]);
    expect(codes({ openness: 1 }, { method: 'tsv_m' })).toEqual(['live_approximation']);
    expect(codes({ openness: 1 }, { method: 'ties', live: false, normalize: false })).toEqual([]);
  });

  test('weights that only share out, because the method divides by their sum', () => {
    expect(codes({ openness: 1 }, { method: 'ties', live: false })).toEqual(['weights_normalized']);
    expect(codes({ openness: 1 }, { method: 'ties', live: false, normalize: false })).toEqual([]);
    expect(codes({ openness: 1 }, { method: 'task_arithmetic', live: false, normalize: true })).toEqual([
      'weights_normalized',
    ]);
    expect(codes({ openness: 1 }, { method: 'della', live: false })).toEqual(['weights_normalized']);
    expect(codes({ openness: 1 }, { method: 'della_linear', live: false })).toEqual([]);
    expect(codes({ openness: 1 }, { method: 'karcher', live: false })).toEqual(['weights_normalized']);
    expect(codes({ openness: 1, extraversion: 1 }, { method: 'nuslerp', live: false })).toEqual([
      'weights_normalized',
    ]);
  });

  test('the pole follows the sign', () => {
    expect(vectorName('openness', 0.3)).toBe('openness-high');
    expect(vectorName('openness', -0.3)).toBe('openness-low');
  });
});
