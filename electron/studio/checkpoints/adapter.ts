/** A PEFT LoRA adapter's folder as the plan of a llama.cpp adapter. */
import { join } from 'node:path';
import { z } from 'zod';
import type { AssembledTensor, GgufInfo } from '../../../native-merge/index.js';
import { StudioError } from '../errors.ts';
import type { GgufPlan } from './checkpoint.ts';
import { checkpointName, FAMILIES, headsOf, kindOf, LINEAR } from './families.ts';
import { badFile, modelNameOf, requiredJsonIn } from './files.ts';
import { type StoredTensor, tensorsIn } from './safetensors.ts';

const off = z.union([z.literal(false), z.null()]).optional();
const nothing = z
  .union([z.null(), z.array(z.unknown()).max(0), z.record(z.string(), z.unknown())])
  .optional();

/** adapter_config.json, as far as it matters. */
const adapterConfig = z.looseObject({
  peft_type: z.string(),
  base_model_name_or_path: z.string().nullish(),
  r: z.int().min(1),
  lora_alpha: z.number().positive(),
  use_rslora: z.boolean().nullish(),
  rank_pattern: z.record(z.string(), z.int().min(1)).nullish(),
  alpha_pattern: z.record(z.string(), z.number().positive()).nullish(),
  modules_to_save: z.array(z.string()).nullish(),
});
type AdapterConfig = z.output<typeof adapterConfig>;

/** Settings under which the weights change by more than scale · B · A, or not always; with the reason. */
const REFUSED: { field: string; allowed: z.ZodType; reason: string }[] = [
  {
    field: 'use_dora',
    allowed: off,
    reason:
      'DoRA also rescales every row of the weights to a trained length, which no sum of matrices does. Merge the adapter into its model (merge_and_unload) and extract the vector from the merged checkpoint',
  },
  {
    field: 'bias',
    allowed: z.enum(['none']).nullish(),
    reason: 'it trained biases too, which an adapter of llama.cpp cannot hold. Merge it into its model first',
  },
  {
    field: 'lora_bias',
    allowed: off,
    reason: 'it trained biases too, which an adapter of llama.cpp cannot hold. Merge it into its model first',
  },
  ...['use_qalora', 'use_bdlora', 'kasa_config', 'arrow_config'].map(field => ({
    field,
    allowed: off,
    reason: 'it is a variant of LoRA whose change of the weights is not scale · B · A',
  })),
  {
    field: 'fan_in_fan_out',
    allowed: off,
    reason: 'it is for a model whose weights lie transposed, which none of the families here has',
  },
  {
    field: 'layer_replication',
    allowed: nothing,
    reason: 'it repeats blocks of its base, so that it fits no other file of it',
  },
  {
    field: 'alora_invocation_tokens',
    allowed: nothing,
    reason: 'it acts only behind certain tokens (aLoRA), and a vector always acts',
  },
  {
    field: 'init_lora_weights',
    // These start from the base as it is; PiSSA, OLoRA, CorDA and LoftQ change the base first.
    allowed: z.union([z.boolean(), z.null(), z.enum(['gaussian', 'eva', 'orthogonal'])]).optional(),
    reason:
      'training with it began by changing the base itself, so that the factors fit only that changed base. Save the adapter with path_initial_model_for_weight_conversion',
  },
];

type Base = Pick<GgufInfo, 'metadata' | 'tensors' | 'files'>;

/** Modules that an adapter's folder holds whole beside its factors (modules_to_save), by the adapter's own words. */
export async function savedModules(folder: string): Promise<string[]> {
  return (await requiredJsonIn(folder, 'adapter_config.json', adapterConfig)).modules_to_save ?? [];
}

/**
 * @param base header of the GGUF file of the model that the adapter was trained on
 * @param saved what becomes of modules that were trained whole: `refuse`, because an adapter of llama.cpp has no place for
 *   them; `leave`: they are taken care of by `planSaved`
 * @throws StudioError bad_file where the adapter cannot be expressed, with the reason; mismatch where it is for another model
 */
export async function planAdapter(
  folder: string,
  base: Base,
  saved: 'refuse' | 'leave' = 'refuse',
): Promise<GgufPlan> {
  const path = join(folder, 'adapter_config.json');
  const config = await requiredJsonIn(folder, 'adapter_config.json', adapterConfig);
  refuse(config, path);
  const whole = config.modules_to_save ?? [];
  if (saved === 'refuse' && whole.length > 0)
    throw badFile(
      path,
      `describes an adapter that cannot be converted: it trained ${whole.join(', ')} whole (modules_to_save), which is no low-rank change.`,
      'Make a vector of it with “extract”: that holds both, the factors and the modules.',
    );
  const architecture = String(base.metadata['general.architecture'] ?? '');
  const kind = kindOf(architecture);
  if (!kind)
    throw new StudioError(
      'mismatch',
      `${base.files[0]} is of the architecture ${architecture}; adapters of ${FAMILIES} can be converted.`,
      { file: base.files[0], action: 'Convert the adapter with llama.cpp’s convert_lora_to_gguf.py.' },
    );
  const heads = {
    attn_q: headCount(base, `${architecture}.attention.head_count`),
    attn_k: headCount(base, `${architecture}.attention.head_count_kv`),
  };
  const layers = pairs(await tensorsIn(folder, 'adapter_model'), config, path);
  const shapes = new Map(base.tensors.map(tensor => [tensor.name, tensor.shape]));
  const scales = layers.map(layer => scaling(layer, config, path));
  // llama.cpp scales a layer by alpha / rank. Where PEFT scales every layer likewise, the factors stay as they are.
  const alpha = plainAlpha(config) ? config.lora_alpha : (scales[0] as number) * rankOf(layers[0] as Layer);
  const tensors = layers.flatMap((layer, i): AssembledTensor[] => {
    const name = ggufName(layer.module, folder);
    const [columns, rows] = shapes.get(name) ?? [];
    if (columns === undefined || rows === undefined)
      throw new StudioError(
        'mismatch',
        `The adapter changes “${layer.module}”, and ${base.files[0]} has no ${name}.`,
        {
          file: layer.a.path,
          action:
            name === 'output.weight'
              ? 'The base has one matrix for embedding and output; merge the adapter into its model first.'
              : 'Choose the model that it was trained on.',
        },
      );
    const rank = rankOf(layer);
    if (layer.a.shape.join() !== `${rank},${columns}` || layer.b.shape.join() !== `${rows},${rank}`)
      throw new StudioError(
        'mismatch',
        `The adapter’s factors of “${layer.module}” are [${layer.a.shape.join(', ')}] and [${layer.b.shape.join(', ')}], and the weights of ${base.files[0]} are [${rows}, ${columns}].`,
        { file: layer.a.path, action: 'Choose the model that it was trained on.' },
      );
    const factor = ((scales[i] as number) * rank) / alpha;
    const turned = kind.interleaved && /\.(attn_q|attn_k)\.weight$/.exec(name)?.[1];
    return [
      { ...source(layer.a), name: `${name}.lora_a`, shape: [columns, rank] },
      {
        ...source(layer.b),
        name: `${name}.lora_b`,
        shape: [rank, rows],
        heads: turned ? heads[turned as keyof typeof heads] : 0,
        scale: Math.abs(factor - 1) < 1e-12 ? 1 : factor,
      },
    ];
  });
  const trained = config.base_model_name_or_path;
  return {
    metadata: [
      ['general.architecture', 'string', architecture],
      ['general.type', 'string', 'adapter'],
      ['adapter.type', 'string', 'lora'],
      ['general.name', 'string', modelNameOf(folder)],
      ['adapter.lora.alpha', 'float32', alpha],
      ['general.quantization_version', 'uint32', 2],
    ],
    tensors,
    type: 'f32',
    architecture,
    notes: trained ? [`The adapter says that it was trained on ${trained}.`] : [],
  };
}

function refuse(config: AdapterConfig, path: string): void {
  const cannot = (what: string) => badFile(path, `describes an adapter that cannot be converted: ${what}.`);
  if (config.peft_type !== 'LORA') throw cannot(`it is of the type ${config.peft_type}, and LoRA is needed`);
  for (const { field, allowed, reason } of REFUSED)
    if (!allowed.safeParse(config[field]).success)
      throw cannot(`${field} is ${JSON.stringify(config[field])}; ${reason}`);
}

/**
 * The base with the modules that an adapter saved whole in place of its own: a model's file that `bake` adds the factors to,
 * so that tuned − base is the change of both. Tensors keep the types that they have.
 *
 * @throws StudioError bad_file or mismatch where a module has no place in the base
 */
export async function planSaved(folder: string, base: Base): Promise<GgufPlan> {
  const path = join(folder, 'adapter_config.json');
  const config = await requiredJsonIn(folder, 'adapter_config.json', adapterConfig);
  const [file = ''] = base.files;
  const architecture = String(base.metadata['general.architecture'] ?? '');
  const kind = kindOf(architecture);
  if (!kind)
    throw new StudioError('mismatch', `${file} is of the architecture ${architecture}.`, {
      file,
      action: `Adapters of ${FAMILIES} can be converted.`,
    });
  if (base.files.length > 1)
    throw new StudioError('mismatch', `${file} is one of several parts of its model.`, {
      file,
      action: 'Join them with llama-gguf-split --merge first.',
    });
  const heads = headsOf(kind, base.metadata);
  const named = new Map(base.tensors.map(tensor => [checkpointName(kind, tensor.name), tensor]));
  const replaced = new Map<string, { stored: StoredTensor; name: string }>();
  const notes: string[] = [];
  for (const [name, stored] of await tensorsIn(folder, 'adapter_model')) {
    const own = savedName(name, config);
    if (own === null) continue;
    const tensor = named.get(own);
    if (!tensor) {
      if (own !== 'lm_head.weight') throw noPlace(own, stored, file);
      throw new StudioError(
        'mismatch',
        `The adapter trained “lm_head” whole, and ${file} has one matrix for embedding and output.`,
        {
          file: stored.path,
          action:
            'Train it with the embedding alone, or with ensure_weight_tying; a head of its own fits no file of this base.',
        },
      );
    }
    if (!['F32', 'F16', 'BF16'].includes(stored.dtype))
      throw badFile(stored.path, `stores “${name}” as ${stored.dtype}; F32, F16 and BF16 can be read.`);
    const shape = [...tensor.shape].reverse();
    if (stored.shape.join() !== shape.join())
      throw new StudioError(
        'mismatch',
        `The adapter’s “${own}” is [${stored.shape.join(', ')}], and that of ${file} is [${shape.join(', ')}].`,
        {
          file: stored.path,
          action: own.includes('embed_tokens')
            ? 'A vocabulary with added tokens makes another model: no vector fits both.'
            : 'Choose the model that it was trained on.',
        },
      );
    replaced.set(tensor.name, { stored, name: own });
  }
  if (replaced.size === 0)
    throw badFile(
      path,
      `names ${config.modules_to_save?.join(', ')} as saved whole (modules_to_save), and the adapter holds none of them.`,
      'Download it again.',
    );
  if (replaced.has('token_embd.weight') && !named.has('lm_head.weight'))
    notes.push('The base has one matrix for embedding and output, so what was trained of one changes both.');
  const tensors = base.tensors.map(({ name, shape, type, offset }): AssembledTensor => {
    const found = replaced.get(name);
    if (found)
      return {
        ...source(found.stored),
        ...{ name, shape },
        heads: heads(name) ?? 0,
        // Gemma's norms are stored as what they are more than 1.
        shift: kind.gemma && /norm/.test(name) ? 1 : 0,
      };
    const sourceType = type.toLowerCase() as 'f32' | 'f16' | 'bf16';
    if (!['f32', 'f16', 'bf16'].includes(sourceType))
      throw new StudioError('mismatch', `${file} is quantised (${type}).`, {
        file,
        action: 'Choose the unquantised base (F32, F16 or BF16).',
      });
    return { name, shape, type: sourceType, sourceType, path: file, offset };
  });
  const modules = [...new Set([...replaced.values()].map(({ name }) => name.replace(/\.weight$/, '')))];
  return {
    metadata: [
      ['general.architecture', 'string', architecture],
      ['general.type', 'string', 'model'],
    ],
    tensors,
    type: 'f32',
    architecture,
    notes: [
      `It trained ${modules.length > 3 ? `${modules.slice(0, 3).join(', ')} and ${modules.length - 3} more` : modules.join(', ')} whole, so the vector is dense: the low-rank change, and these less the base’s.`,
      ...notes,
    ],
  };
}

const noPlace = (module: string, { path }: StoredTensor, base: string) =>
  new StudioError(
    'mismatch',
    `The adapter trained “${module}” whole, and ${base} has nothing of that name.`,
    {
      file: path,
      action: 'Choose the model that it was trained on.',
    },
  );

/** Name in the checkpoint of a tensor that was saved whole, as modules_to_save names it; null of any other. */
function savedName(
  name: string,
  { modules_to_save: whole }: Pick<AdapterConfig, 'modules_to_save'>,
): string | null {
  const own = name
    .replace(/^base_model\.model\./, '')
    // As some versions of peft keep the wrapper's name.
    .replace(/\.modules_to_save(\.default)?\./, '.');
  if (FACTOR.test(name) || /\.(original_module|base_layer|lora_\w+)\./.test(own)) return null;
  // Like peft, by the end of a module's name; a module may hold others.
  return whole?.some(module =>
    own.split('.').some((_, i, parts) =>
      parts
        .slice(0, i + 1)
        .join('.')
        .endsWith(module),
    ),
  )
    ? own
    : null;
}

interface Layer {
  /** Name of the module in the model: `model.layers.0.self_attn.q_proj`. */
  module: string;
  a: StoredTensor;
  b: StoredTensor;
}

const FACTOR = /^(?:base_model\.model\.)?(.+)\.lora_(A|B)(?:\.default)?\.weight$/;

function pairs(stored: Map<string, StoredTensor>, config: AdapterConfig, path: string): Layer[] {
  const found = new Map<string, { a?: StoredTensor; b?: StoredTensor }>();
  for (const [name, tensor] of stored) {
    // peft saves the base's own embedding or head beside factors for it.
    if (name.endsWith('.base_layer.weight') || savedName(name, config) !== null) continue;
    const [, module, side] = FACTOR.exec(name) ?? [];
    if (module === undefined || side === undefined) throw unexpected(name, tensor);
    if (!['F32', 'F16', 'BF16'].includes(tensor.dtype))
      throw badFile(tensor.path, `stores “${name}” as ${tensor.dtype}; F32, F16 and BF16 can be read.`);
    const pair = found.get(module) ?? {};
    pair[side === 'A' ? 'a' : 'b'] = tensor;
    found.set(module, pair);
  }
  const layers = [...found].map(([module, { a, b }]): Layer => {
    if (!a || !b)
      throw badFile(
        (a ?? b)?.path ?? path,
        `has only one of the two factors of “${module}”.`,
        'Download it again.',
      );
    return { module, a, b };
  });
  if (layers.length > 0) return layers;
  throw badFile(path, `(rank ${config.r}) comes with no factors at all.`, 'Download the adapter again.');
}

function unexpected(name: string, { path }: StoredTensor): StudioError {
  const reason = name.includes('lora_magnitude')
    ? 'DoRA’s trained lengths, which no sum of matrices can express'
    : name.includes('lora_embedding')
      ? 'a low-rank change of the embedding, which is not converted here'
      : 'no factor of a LoRA, so it was trained whole';
  return badFile(
    path,
    `holds “${name}”: ${reason}.`,
    'Merge the adapter into its model (merge_and_unload) and extract the vector from the merged checkpoint.',
  );
}

const rankOf = ({ a }: Layer): number => a.shape[0] ?? 0;

const source = ({ path, dtype, offset }: StoredTensor) => ({
  type: 'f32' as const,
  path,
  sourceType: dtype.toLowerCase() as 'f32' | 'f16' | 'bf16',
  offset,
});

const plainAlpha = ({ use_rslora, alpha_pattern }: AdapterConfig): boolean =>
  !use_rslora && Object.keys(alpha_pattern ?? {}).length === 0;

/** By what PEFT multiplies B · A (LoraLayer.update_layer): alpha / r, or alpha / √r for rsLoRA, with the layer's own. */
function scaling(layer: Layer, config: AdapterConfig, path: string): number {
  const alpha = byPattern(config.alpha_pattern ?? {}, layer.module, path) ?? config.lora_alpha;
  const rank = byPattern(config.rank_pattern ?? {}, layer.module, path) ?? config.r;
  if (rank !== rankOf(layer))
    throw badFile(
      path,
      `gives “${layer.module}” the rank ${rank}, and its factors have ${rankOf(layer)}.`,
      'Use the adapter_config.json that was saved with these factors.',
    );
  return alpha / (config.use_rslora ? Math.sqrt(rank) : rank);
}

/** The value of the first pattern that the module's name ends with (get_pattern_key in peft/utils/other.py). */
function byPattern(patterns: Record<string, number>, module: string, path: string): number | undefined {
  for (const [pattern, value] of Object.entries(patterns)) {
    let expression: RegExp;
    try {
      expression = new RegExp(`^(?:.*\\.)?(?:${pattern})$`);
    } catch {
      throw badFile(path, `has a pattern that cannot be read: “${pattern}”.`);
    }
    if (expression.test(module)) return value;
  }
  return undefined;
}

function ggufName(module: string, folder: string): string {
  if (module === 'lm_head') return 'output.weight';
  const [, block, layer = ''] = /^model\.layers\.(\d+)\.(.+)$/.exec(module) ?? [];
  if (block !== undefined && Object.hasOwn(LINEAR, layer))
    return `blk.${block}.${LINEAR[layer as keyof typeof LINEAR]}.weight`;
  throw new StudioError('mismatch', `The adapter ${folder} changes “${module}”, which no family here has.`, {
    file: folder,
    action: `Adapters of ${FAMILIES} can be converted.`,
  });
}

function headCount({ metadata, files }: Pick<GgufInfo, 'metadata' | 'files'>, key: string): number {
  const count = metadata[key];
  if (typeof count === 'number' && count > 0) return count;
  throw badFile(files[0] ?? '', `does not say how many attention heads it has (${key}).`);
}
