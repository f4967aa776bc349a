/**
 * What llama.cpp calls the weights and settings of each family of models, and how they differ from what transformers
 * saves. The names are those of gguf-py (constants.py, tensor_mapping.py), the settings those of the family's class in
 * llama.cpp's conversion/.
 */
import { z } from 'zod';
import type { TypedMetadata } from '../../../native-merge/index.js';
import { badFile } from './files.ts';

const whole = z.int().min(1);
const rope = z.looseObject({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
  factor: z.number().positive().optional(),
  original_max_position_embeddings: whole.optional(),
  low_freq_factor: z.number().positive().default(1),
  high_freq_factor: z.number().positive().default(4),
});

/** config.json, as far as it matters. */
export const modelConfig = z.looseObject({
  architectures: z.array(z.string()).min(1),
  vocab_size: whole,
  hidden_size: whole,
  intermediate_size: whole,
  num_hidden_layers: whole,
  num_attention_heads: whole,
  num_key_value_heads: whole.nullish(),
  head_dim: whole.nullish(),
  max_position_embeddings: whole.nullish(),
  rms_norm_eps: z.number().positive().nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  rope_theta: z.number().positive().nullish(),
  /** transformers 5 writes the first, transformers 4 the second. */
  rope_parameters: rope.nullish(),
  rope_scaling: rope.nullish(),
  quantization_config: z.looseObject({ quant_method: z.string().optional() }).nullish(),
});
export type ModelConfig = z.output<typeof modelConfig>;

export interface WeightRule {
  /** Name in the checkpoint. */
  from: string;
  /** Name in GGUF. */
  to: string;
  /** As PyTorch has it: rows first. */
  shape: number[];
  optional?: boolean;
  /** Heads whose rows llama.cpp takes by turns from their two halves; see native-merge's `AssembledTensor`. */
  heads?: number;
}

/** A model of a family, described by its config.json. */
export interface Family {
  /** general.architecture. */
  architecture: string;
  weights: WeightRule[];
  /** Settings, under the architecture's prefix. */
  metadata: TypedMetadata[];
  /** Tensors that are computed from the settings. */
  computed: { name: string; values: Float32Array }[];
  notes: string[];
}

interface Kind {
  architecture: string;
  /** transformers' own values where config.json is silent. */
  defaults: { context: number; eps: number; headsKv?: number; headDim?: number };
  /** Rotary embeddings turn neighbouring entries, where transformers turns the two halves of a head. */
  interleaved: boolean;
  /** Norms of the queries and keys of each head. */
  headNorms: boolean;
  /** Whether head_dim is written where config.json is silent. */
  writesHeadDim: boolean;
  /** llama.cpp wants these of Llama alone. */
  writesVocabulary: boolean;
}

const LLAMA: Kind = {
  architecture: 'llama',
  defaults: { context: 2048, eps: 1e-6 },
  interleaved: true,
  headNorms: false,
  writesHeadDim: true,
  writesVocabulary: true,
};
const QWEN2: Kind = {
  architecture: 'qwen2',
  defaults: { context: 32768, eps: 1e-6, headsKv: 32 },
  interleaved: false,
  headNorms: false,
  writesHeadDim: false,
  writesVocabulary: false,
};

/** By transformers' name of the class. */
const KINDS: Record<string, Kind> = {
  LlamaForCausalLM: LLAMA,
  MistralForCausalLM: { ...LLAMA, defaults: { context: 131072, eps: 1e-6, headsKv: 8 } },
  Qwen2ForCausalLM: QWEN2,
  Qwen3ForCausalLM: {
    ...QWEN2,
    architecture: 'qwen3',
    defaults: { context: 32768, eps: 1e-6, headsKv: 32, headDim: 128 },
    headNorms: true,
    writesHeadDim: true,
  },
};

/** The linear layers of a block: transformers' names and GGUF's. */
export const LINEAR = {
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
} as const;

/** The kind of model that a GGUF file of this architecture holds; undefined where it is none of ours. */
export const kindOf = (architecture: string): Kind | undefined =>
  Object.values(KINDS).find(kind => kind.architecture === architecture);

/** What can be converted, for people. */
export const FAMILIES = 'Llama 2 and 3, Mistral, Qwen 2, 2.5 and 3';

export const isKnown = (architecture: string): boolean => Object.hasOwn(KINDS, architecture);

/** Tensors that old checkpoints carry and nothing needs. */
export const isBuffer = (name: string): boolean =>
  /\.(rotary_emb\.inv_freq|attention\.masked_bias|attention\.bias)$/.test(name);

/**
 * @param path of config.json, for messages
 * @param architecture one that `isKnown`
 */
export function familyOf(config: ModelConfig, architecture: string, path: string): Family {
  const kind = KINDS[architecture] as Kind;
  const heads = config.num_attention_heads;
  const headsKv = config.num_key_value_heads ?? kind.defaults.headsKv ?? heads;
  const headDim = config.head_dim ?? kind.defaults.headDim ?? Math.floor(config.hidden_size / heads);
  const shape = { heads, headsKv, headDim };
  const scaling = ropeSettings(config, kind, headDim, path);
  const prefix = kind.architecture;
  const metadata: TypedMetadata[] = [
    [`${prefix}.block_count`, 'uint32', config.num_hidden_layers],
    [`${prefix}.context_length`, 'uint32', config.max_position_embeddings ?? kind.defaults.context],
    [`${prefix}.embedding_length`, 'uint32', config.hidden_size],
    [`${prefix}.feed_forward_length`, 'uint32', config.intermediate_size],
    [`${prefix}.attention.head_count`, 'uint32', heads],
    [`${prefix}.attention.head_count_kv`, 'uint32', headsKv],
    [`${prefix}.attention.layer_norm_rms_epsilon`, 'float32', config.rms_norm_eps ?? kind.defaults.eps],
    ...scaling.metadata,
  ];
  if (config.head_dim != null || kind.writesHeadDim)
    metadata.push(
      [`${prefix}.attention.key_length`, 'uint32', headDim],
      [`${prefix}.attention.value_length`, 'uint32', headDim],
    );
  if (kind.writesVocabulary)
    metadata.push(
      [`${prefix}.vocab_size`, 'uint32', config.vocab_size],
      [`${prefix}.rope.dimension_count`, 'uint32', headDim],
    );
  return {
    architecture: prefix,
    weights: weightsOf(config, kind, shape),
    metadata,
    computed: scaling.computed,
    notes: scaling.notes,
  };
}

interface Attention {
  heads: number;
  headsKv: number;
  headDim: number;
}

function weightsOf(config: ModelConfig, kind: Kind, { heads, headsKv, headDim }: Attention): WeightRule[] {
  const { hidden_size: hidden, intermediate_size: inner, vocab_size: vocabulary } = config;
  const tied = config.tie_word_embeddings ?? false;
  const rules: WeightRule[] = [
    { from: 'model.embed_tokens.weight', to: 'token_embd.weight', shape: [vocabulary, hidden] },
  ];
  for (let block = 0; block < config.num_hidden_layers; block++) {
    const linear = (
      from: keyof typeof LINEAR,
      rows: number,
      columns: number,
      turned?: number,
    ): WeightRule[] => [
      {
        from: `model.layers.${block}.${from}.weight`,
        to: `blk.${block}.${LINEAR[from]}.weight`,
        shape: [rows, columns],
        heads: turned,
      },
      {
        from: `model.layers.${block}.${from}.bias`,
        to: `blk.${block}.${LINEAR[from]}.bias`,
        shape: [rows],
        heads: turned,
        optional: true,
      },
    ];
    const norm = (from: string, to: string, length: number): WeightRule => ({
      from: `model.layers.${block}.${from}.weight`,
      to: `blk.${block}.${to}.weight`,
      shape: [length],
    });
    const turn = (count: number) => (kind.interleaved ? count : undefined);
    rules.push(
      norm('input_layernorm', 'attn_norm', hidden),
      ...linear('self_attn.q_proj', heads * headDim, hidden, turn(heads)),
      ...linear('self_attn.k_proj', headsKv * headDim, hidden, turn(headsKv)),
      ...linear('self_attn.v_proj', headsKv * headDim, hidden),
      ...linear('self_attn.o_proj', hidden, heads * headDim),
      ...(kind.headNorms
        ? [norm('self_attn.q_norm', 'attn_q_norm', headDim), norm('self_attn.k_norm', 'attn_k_norm', headDim)]
        : []),
      norm('post_attention_layernorm', 'ffn_norm', hidden),
      ...linear('mlp.gate_proj', inner, hidden),
      ...linear('mlp.up_proj', inner, hidden),
      ...linear('mlp.down_proj', hidden, inner),
    );
  }
  rules.push(
    { from: 'model.norm.weight', to: 'output_norm.weight', shape: [hidden] },
    { from: 'lm_head.weight', to: 'output.weight', shape: [vocabulary, hidden], optional: tied },
  );
  return rules;
}

function ropeSettings(config: ModelConfig, kind: Kind, headDim: number, path: string) {
  const { architecture: prefix, defaults } = kind;
  const given = config.rope_parameters ?? config.rope_scaling ?? rope.parse({});
  const type = (given.rope_type ?? given.type ?? 'default').toLowerCase();
  const theta = given.rope_theta ?? config.rope_theta ?? 10_000;
  const context = given.original_max_position_embeddings;
  const metadata: TypedMetadata[] = [[`${prefix}.rope.freq_base`, 'float32', theta]];
  const computed: Family['computed'] = [];
  const notes: string[] = [];
  const needs = (value: number | undefined): number => {
    if (value !== undefined) return value;
    throw badFile(path, `asks for rope scaling of type ${type}, but gives no factor.`);
  };
  switch (type) {
    case 'default':
      break;
    case 'linear':
      metadata.push(
        [`${prefix}.rope.scaling.type`, 'string', type],
        [`${prefix}.rope.scaling.factor`, 'float32', needs(given.factor)],
      );
      break;
    case 'yarn':
      metadata.push(
        [`${prefix}.rope.scaling.type`, 'string', type],
        [`${prefix}.rope.scaling.factor`, 'float32', needs(given.factor)],
        [
          `${prefix}.rope.scaling.original_context_length`,
          'uint32',
          context ?? config.max_position_embeddings ?? defaults.context,
        ],
      );
      for (const [names, key] of [
        [['extrapolation_factor'], 'yarn_ext_factor'],
        [['attention_factor', 'attn_factor'], 'yarn_attn_factor'],
        [['beta_fast'], 'yarn_beta_fast'],
        [['beta_slow'], 'yarn_beta_slow'],
      ] as const) {
        const value = names.map(name => given[name]).find(found => typeof found === 'number');
        if (value !== undefined) metadata.push([`${prefix}.rope.scaling.${key}`, 'float32', value as number]);
      }
      break;
    case 'llama3':
      computed.push({
        name: 'rope_freqs.weight',
        values: llama3Factors({
          dimensions: headDim,
          theta,
          factor: given.factor ?? 8,
          low: given.low_freq_factor,
          high: given.high_freq_factor,
          context: context ?? 8192,
        }),
      });
      break;
    case 'dynamic':
      notes.push(
        'The rope scaling of type dynamic is left out: it acts beyond the context length that the model was trained for, and llama.cpp has none like it.',
      );
      break;
    default:
      throw badFile(
        path,
        `asks for rope scaling of type ${type}; default, linear, yarn, llama3 and dynamic can be converted.`,
      );
  }
  return { metadata, computed, notes };
}

/**
 * By what each rotary frequency is divided, as Llama 3.1 scales them; in float32 and in the same steps as llama.cpp's
 * converter (LlamaModel.generate_extra_tensors), so that every bit is the same.
 */
export function llama3Factors(settings: {
  dimensions: number;
  theta: number;
  factor: number;
  low: number;
  high: number;
  context: number;
}): Float32Array {
  const { dimensions, theta, factor, low, high, context } = settings;
  const f = Math.fround;
  // PyTorch divides a number by a tensor so, which rounds twice.
  const over = (number: number, value: number) => f(f(1 / value) * f(number));
  return Float32Array.from({ length: dimensions / 2 }, (_, i) => {
    const frequency = over(1, f(theta ** f((2 * i) / dimensions)));
    const wavelength = over(2 * Math.PI, frequency);
    if (wavelength < f(context / high)) return 1;
    if (wavelength > f(context / low)) return factor;
    const smooth = f(f(over(context, wavelength) - low) / f(high - low));
    return over(1, f(f(f(1 - smooth) / factor) + smooth));
  });
}
