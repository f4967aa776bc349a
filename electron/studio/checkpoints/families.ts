/**
 * What llama.cpp calls the weights and settings of each family of models, and how they differ from what transformers
 * saves. The names are those of gguf-py (constants.py, tensor_mapping.py), the settings those of the family's class in
 * llama.cpp's conversion/.
 */
import { z } from 'zod';
import type { TypedMetadata } from '../../../native-merge/index.js';
import { badFile } from './files.ts';

const whole = z.int().min(1);
const factors = z.array(z.number().positive()).nullish();
const ropeOfLayers = z.looseObject({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
  factor: z.number().positive().optional(),
  original_max_position_embeddings: whole.optional(),
  low_freq_factor: z.number().positive().default(1),
  high_freq_factor: z.number().positive().default(4),
  partial_rotary_factor: z.number().positive().max(1).optional(),
  long_factor: factors,
  short_factor: factors,
});
const rope = ropeOfLayers.extend({
  /** Gemma 3 has one for the layers that see everything and one for those with a window. */
  full_attention: ropeOfLayers.nullish(),
  sliding_attention: ropeOfLayers.nullish(),
});

const config = z.looseObject({
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
  rope_local_base_freq: z.number().positive().nullish(),
  partial_rotary_factor: z.number().positive().max(1).nullish(),
  original_max_position_embeddings: whole.nullish(),
  sliding_window: z.int().min(0).nullish(),
  layer_types: z.array(z.string()).nullish(),
  attn_logit_softcapping: z.number().positive().nullish(),
  final_logit_softcapping: z.number().positive().nullish(),
  quantization_config: z.looseObject({ quant_method: z.string().optional() }).nullish(),
});

/**
 * config.json, as far as it matters. Of a model that sees pictures it is the language half's, and where it is silent
 * the family speaks.
 */
export const modelConfig = z.preprocess(given => {
  const whole = z.looseObject({ text_config: z.looseObject({}).optional() }).safeParse(given);
  if (!whole.success) return given;
  const own = { ...whole.data, ...whole.data.text_config };
  const named = z.array(z.string()).safeParse(own.architectures).data?.[0];
  return { ...(named && isKnown(named) ? KINDS[named]?.silent : {}), ...own };
}, config);
export type ModelConfig = z.output<typeof config>;

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
  /** What is added to every entry. */
  shift?: number;
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
  /** Whether a space is put before a text; undefined where the tokeniser's files say it. */
  spacePrefix?: boolean;
}

interface Kind {
  architecture: string;
  /** transformers' own values where config.json is silent. */
  defaults: { context: number; eps: number; headsKv?: number; headDim?: number };
  /** Likewise, of what config.json must have elsewhere. */
  silent?: Record<string, unknown>;
  /** Rotary embeddings turn neighbouring entries, where transformers turns the two halves of a head. */
  interleaved: boolean;
  /** Norms of the queries and keys of each head. */
  headNorms: boolean;
  /** Whether head_dim is written where config.json is silent. */
  writesHeadDim: boolean;
  /** llama.cpp wants these of Llama alone. */
  writesVocabulary: boolean;
  /** Whether queries, keys and values are one matrix, and likewise the two that widen. */
  fused?: boolean;
  /**
   * Gemma's: norms before and after both halves of a block, saved less 1; the embedding is always the output too; no
   * space before a text. `full`: every so-manieth layer sees everything, the others have a window.
   */
  gemma?: { full: number };
  rope: (config: ModelConfig, kind: Kind, headDim: number, path: string) => RopeSettings;
  settings?: (config: ModelConfig, path: string) => TypedMetadata[];
}

interface RopeSettings {
  metadata: TypedMetadata[];
  computed: Family['computed'];
  notes: string[];
}

const LLAMA: Kind = {
  architecture: 'llama',
  defaults: { context: 2048, eps: 1e-6 },
  interleaved: true,
  headNorms: false,
  writesHeadDim: true,
  writesVocabulary: true,
  rope: ropeSettings,
};
const QWEN2: Kind = {
  architecture: 'qwen2',
  defaults: { context: 32768, eps: 1e-6, headsKv: 32 },
  interleaved: false,
  headNorms: false,
  writesHeadDim: false,
  writesVocabulary: false,
  rope: ropeSettings,
};
const GEMMA2: Kind = {
  ...QWEN2,
  architecture: 'gemma2',
  defaults: { context: 8192, eps: 1e-6, headsKv: 4, headDim: 256 },
  silent: { sliding_window: 4096, attn_logit_softcapping: 50, final_logit_softcapping: 30 },
  writesHeadDim: true,
  gemma: { full: 2 },
  rope: () => ({ metadata: [], computed: [], notes: [] }),
  settings: gemmaSettings,
};
const GEMMA3: Kind = {
  ...GEMMA2,
  architecture: 'gemma3',
  defaults: { context: 131072, eps: 1e-6, headsKv: 4, headDim: 256 },
  silent: { vocab_size: 262208, num_attention_heads: 8, sliding_window: 4096 },
  headNorms: true,
  gemma: { full: 6 },
  rope: gemma3Rope,
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
  Gemma2ForCausalLM: GEMMA2,
  Gemma3ForCausalLM: GEMMA3,
  Gemma3ForConditionalGeneration: GEMMA3,
  Phi3ForCausalLM: {
    ...QWEN2,
    architecture: 'phi3',
    defaults: { context: 4096, eps: 1e-5 },
    fused: true,
    rope: phi3Rope,
    // 0 tells Phi-4, which has none, from the others.
    settings: ({ sliding_window: window }) => [['phi3.attention.sliding_window', 'uint32', window ?? 0]],
  },
};

/** The linear layers of a block: transformers' names and GGUF's. */
export const LINEAR = {
  'self_attn.qkv_proj': 'attn_qkv',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'mlp.gate_up_proj': 'ffn_up',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
} as const;

/** The kind of model that a GGUF file of this architecture holds; undefined where it is none of ours. */
export const kindOf = (architecture: string): Kind | undefined =>
  Object.values(KINDS).find(kind => kind.architecture === architecture);

/** Of a tensor of llama.cpp's: its name in the checkpoint, or null where a checkpoint of this kind has none like it. */
export function checkpointName({ fused, gemma }: Kind, name: string): string | null {
  const [, block, layer = '', what] = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name) ?? [];
  if (block === undefined) {
    const outer: Record<string, string> = {
      ...{ token_embd: 'model.embed_tokens', output_norm: 'model.norm', output: 'lm_head' },
    };
    return outer[layer] ? `${outer[layer]}.${what}` : null;
  }
  const inner: Record<string, string> = {
    ...Object.fromEntries(Object.entries(LINEAR).map(([own, gguf]) => [gguf, own])),
    ffn_up: fused ? 'mlp.gate_up_proj' : 'mlp.up_proj',
    attn_norm: 'input_layernorm',
    ffn_norm: gemma ? 'pre_feedforward_layernorm' : 'post_attention_layernorm',
    ...{ post_attention_norm: 'post_attention_layernorm', post_ffw_norm: 'post_feedforward_layernorm' },
    ...{ attn_q_norm: 'self_attn.q_norm', attn_k_norm: 'self_attn.k_norm' },
  };
  return inner[layer] ? `model.layers.${block}.${inner[layer]}.${what}` : null;
}

/**
 * How many heads share a tensor's rows that llama.cpp keeps by turns: 0 where rows lie as in the checkpoint, null where the
 * model's metadata would have to say it and does not.
 */
export function headsOf(kind: Kind, metadata: Record<string, unknown>): (name: string) => number | null {
  const count = (key: string) => {
    const found = metadata[`${kind.architecture}.attention.${key}`];
    return typeof found === 'number' && found > 0 ? found : null;
  };
  return name => {
    const [, layer] = /\.(attn_q|attn_k)\.(?:weight|bias)$/.exec(name) ?? [];
    if (!kind.interleaved || !layer) return 0;
    return count(layer === 'attn_q' ? 'head_count' : 'head_count_kv');
  };
}

/** What can be converted, for people. */
export const FAMILIES = 'Llama 2 and 3, Mistral, Qwen 2, 2.5 and 3, Gemma 2 and 3, Phi-3 and 4';

export const isKnown = (architecture: string): boolean => Object.hasOwn(KINDS, architecture);

/** Tensors that old checkpoints carry and nothing needs. */
export const isBuffer = (name: string): boolean =>
  /\.(rotary_emb\.inv_freq|attention\.masked_bias|attention\.bias)$/.test(name);

/** Tensors of the half that turns pictures into embeddings. */
export const seesPictures = (name: string): boolean =>
  /^(?:model\.)?(?:vision_tower|multi_modal_projector)\./.test(name);

/** The name that a tensor of the language half has in a model of language alone. */
export const inLanguage = (name: string): string => name.replace('language_model.', '');

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
  const scaling = kind.rope(config, kind, headDim, path);
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
    ...(kind.settings?.(config, path) ?? []),
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
    spacePrefix: kind.gemma ? false : undefined,
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
  const shift = kind.gemma ? 1 : undefined;
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
      shift,
    });
    const turn = (count: number) => (kind.interleaved ? count : undefined);
    rules.push(
      norm('input_layernorm', 'attn_norm', hidden),
      ...(kind.fused
        ? linear('self_attn.qkv_proj', (heads + 2 * headsKv) * headDim, hidden)
        : [
            ...linear('self_attn.q_proj', heads * headDim, hidden, turn(heads)),
            ...linear('self_attn.k_proj', headsKv * headDim, hidden, turn(headsKv)),
            ...linear('self_attn.v_proj', headsKv * headDim, hidden),
          ]),
      ...linear('self_attn.o_proj', hidden, heads * headDim),
      ...(kind.headNorms
        ? [norm('self_attn.q_norm', 'attn_q_norm', headDim), norm('self_attn.k_norm', 'attn_k_norm', headDim)]
        : []),
      ...(kind.gemma
        ? [
            norm('post_attention_layernorm', 'post_attention_norm', hidden),
            norm('pre_feedforward_layernorm', 'ffn_norm', hidden),
            norm('post_feedforward_layernorm', 'post_ffw_norm', hidden),
          ]
        : [norm('post_attention_layernorm', 'ffn_norm', hidden)]),
      ...(kind.fused
        ? linear('mlp.gate_up_proj', 2 * inner, hidden)
        : [...linear('mlp.gate_proj', inner, hidden), ...linear('mlp.up_proj', inner, hidden)]),
      ...linear('mlp.down_proj', hidden, inner),
    );
  }
  rules.push({ from: 'model.norm.weight', to: 'output_norm.weight', shape: [hidden], shift });
  if (!kind.gemma)
    rules.push({ from: 'lm_head.weight', to: 'output.weight', shape: [vocabulary, hidden], optional: tied });
  return rules;
}

/** Caps, and the window of the layers that do not see everything. */
function gemmaSettings(config: ModelConfig, path: string): TypedMetadata[] {
  const kind = KINDS[config.architectures[0] as string] as Kind;
  const { architecture: prefix, gemma } = kind;
  const full = gemma?.full ?? 1;
  const asKnown = config.layer_types?.every(
    (type, i) => type === ((i + 1) % full === 0 ? 'full_attention' : 'sliding_attention'),
  );
  if (asKnown === false)
    throw badFile(
      path,
      `does not let every ${full === 2 ? 'second' : 'sixth'} layer alone see the whole text (layer_types), as llama.cpp expects of ${prefix}.`,
    );
  const entries: TypedMetadata[] = [];
  if (config.attn_logit_softcapping != null && kind === GEMMA2)
    entries.push([`${prefix}.attn_logit_softcapping`, 'float32', config.attn_logit_softcapping]);
  if (config.final_logit_softcapping != null)
    entries.push([`${prefix}.final_logit_softcapping`, 'float32', config.final_logit_softcapping]);
  if (config.sliding_window != null)
    entries.push([`${prefix}.attention.sliding_window`, 'uint32', config.sliding_window]);
  return entries;
}

/** One base frequency for the layers that see everything, which may be stretched, and one for the others. */
function gemma3Rope(config: ModelConfig, kind: Kind, headDim: number, path: string): RopeSettings {
  const { full_attention: full, sliding_attention: sliding } = config.rope_parameters ?? {};
  const stretched = full ?? config.rope_scaling ?? ropeOfLayers.parse({});
  const theta = stretched.rope_theta ?? config.rope_theta ?? 1_000_000;
  const settings = ropeSettings(
    { ...config, rope_parameters: { ...stretched, rope_theta: theta } },
    kind,
    headDim,
    path,
  );
  const local = sliding?.rope_theta ?? config.rope_local_base_freq ?? 10_000;
  settings.metadata.push([`${kind.architecture}.rope.freq_base_swa`, 'float32', local]);
  return settings;
}

/** Long texts have factors of their own (LongRoPE), and only a share of each head may be turned. */
function phi3Rope(config: ModelConfig, _kind: Kind, headDim: number, path: string): RopeSettings {
  const given = config.rope_parameters ?? config.rope_scaling ?? rope.parse({});
  const type = (given.rope_type ?? given.type ?? 'default').toLowerCase();
  const context = config.max_position_embeddings ?? 4096;
  const original = given.original_max_position_embeddings ?? config.original_max_position_embeddings ?? 4096;
  const share = given.partial_rotary_factor ?? config.partial_rotary_factor ?? 1;
  const turned = Math.floor(
    Math.floor(share * headDim * config.num_attention_heads) / config.num_attention_heads,
  );
  const metadata: TypedMetadata[] = [
    ['phi3.rope.scaling.original_context_length', 'uint32', original],
    ['phi3.rope.dimension_count', 'uint32', turned],
    ['phi3.rope.freq_base', 'float32', given.rope_theta ?? config.rope_theta ?? 10_000],
  ];
  const { long_factor: long, short_factor: short } = given;
  if (!long && !short && type === 'default') return { metadata, computed: [], notes: [] };
  if (!['longrope', 'su', 'yarn'].includes(type))
    throw badFile(path, `asks for rope scaling of type ${type}; Phi’s models know longrope.`);
  if (!long || !short || long.length !== turned / 2 || short.length !== turned / 2)
    throw badFile(
      path,
      `should give ${turned / 2} long and as many short factors for its rope scaling, one for each frequency, and does not.`,
    );
  const scale = context / original;
  // The length that attention scores keep on stretched texts; as llama.cpp's converter has it for each kind.
  const stretch =
    type === 'yarn' ? 0.1 * Math.log(scale) + 1 : Math.sqrt(1 + Math.log(scale) / Math.log(original));
  metadata.push(['phi3.rope.scaling.attn_factor', 'float32', scale > 1 ? stretch : 1]);
  return {
    metadata,
    computed: [
      { name: 'rope_factors_long.weight', values: Float32Array.from(long) },
      { name: 'rope_factors_short.weight', values: Float32Array.from(short) },
    ],
    notes: [],
  };
}

function ropeSettings(config: ModelConfig, kind: Kind, headDim: number, path: string): RopeSettings {
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
