/** A Hugging Face checkpoint's folder as the plan of a GGUF file: which tensor comes from where, and the metadata. */
import { join } from 'node:path';
import type { AssembledTensor, TypedMetadata } from '../../../native-merge/index.js';
import { StudioError } from '../errors.ts';
import type { SOURCE_TYPES } from './contract.ts';
import {
  FAMILIES,
  type Family,
  familyOf,
  inLanguage,
  isBuffer,
  isKnown,
  modelConfig,
  seesPictures,
} from './families.ts';
import { badFile, languagesIn, modelNameOf, requiredJsonIn } from './files.ts';
import { type StoredTensor, tensorsIn } from './safetensors.ts';
import { tokenizerMetadata } from './tokenizer.ts';

type SourceType = Exclude<(typeof SOURCE_TYPES)[number], 'auto'>;

export interface GgufPlan {
  metadata: TypedMetadata[];
  tensors: AssembledTensor[];
  type: SourceType;
  architecture: string;
  /** What the user should know. */
  notes: string[];
}

const TYPES: Record<string, SourceType> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };
/** llama.cpp's numbers of file types. */
const FILE_TYPES: Record<SourceType, number> = { f32: 0, f16: 1, bf16: 32 };

/**
 * @throws StudioError bad_file or not_found, naming the file of the checkpoint that is wrong or missing; mismatch where
 * its weights are not those that config.json describes
 */
export async function planCheckpoint(
  folder: string,
  asked: (typeof SOURCE_TYPES)[number],
  name = modelNameOf(folder),
): Promise<GgufPlan> {
  const path = join(folder, 'config.json');
  const config = await requiredJsonIn(folder, 'config.json', modelConfig);
  const architecture = config.architectures[0] as string;
  if (!isKnown(architecture))
    throw badFile(
      path,
      `describes a model of the class ${architecture}; ${FAMILIES} can be converted.`,
      // As transformers names those that take more than text.
      architecture.endsWith('ForConditionalGeneration')
        ? 'Convert this model with llama.cpp’s convert_hf_to_gguf.py, and once more with --mmproj where it sees pictures; the studio takes both files.'
        : 'Convert this model with llama.cpp’s convert_hf_to_gguf.py.',
    );
  if (config.quantization_config)
    throw badFile(
      path,
      `describes a quantised checkpoint (${config.quantization_config.quant_method ?? 'of an unnamed kind'}).`,
      'Use the unquantised checkpoint of this model (F32, F16 or BF16).',
    );
  const family = familyOf(config, architecture, path);
  const stored = new Map<string, StoredTensor>();
  let seeing = false;
  for (const [name, tensor] of await tensorsIn(folder, 'model'))
    if (seesPictures(name)) seeing = true;
    else stored.set(inLanguage(name), tensor);
  const weights = matched(family, stored, folder);
  const type = asked === 'auto' ? ownType(weights.map(({ tensor }) => tensor)) : asked;
  const tokenizer = await tokenizerMetadata({
    folder,
    vocabulary: config.vocab_size,
    config,
    spacePrefix: family.spacePrefix,
  });
  const languages = await languagesIn(folder);
  const tensors: AssembledTensor[] = family.computed.map(({ name, values }) => ({
    name,
    type: 'f32',
    shape: [values.length],
    values,
  }));
  for (const { rule, tensor } of weights)
    tensors.push({
      name: rule.to,
      // llama.cpp computes with vectors in float32.
      type: rule.shape.length < 2 ? 'f32' : type,
      shape: [...rule.shape].reverse(),
      path: tensor.path,
      sourceType: TYPES[tensor.dtype] as SourceType,
      offset: tensor.offset,
      heads: rule.heads,
      shift: rule.shift,
    });
  return {
    metadata: [
      ['general.architecture', 'string', family.architecture],
      ['general.type', 'string', 'model'],
      ['general.name', 'string', name],
      ...(languages.length > 0 ? [['general.languages', 'strings', languages] satisfies TypedMetadata] : []),
      ['general.file_type', 'uint32', FILE_TYPES[type]],
      ['general.quantization_version', 'uint32', 2],
      ...family.metadata,
      ...tokenizer.metadata,
    ],
    tensors,
    type,
    architecture: family.architecture,
    notes: [
      ...(seeing
        ? [
            'The half that sees pictures is left out: the file is the language model alone. llama.cpp’s convert_hf_to_gguf.py --mmproj makes a projector of it, which goes beside this file.',
          ]
        : []),
      ...family.notes,
      ...tokenizer.notes,
    ],
  };
}

/** Every weight that the family has, found in the checkpoint and of the right shape; nothing is left over. */
function matched({ weights, architecture }: Family, stored: Map<string, StoredTensor>, folder: string) {
  const left = new Map(stored);
  const found = weights.flatMap(rule => {
    const tensor = left.get(rule.from);
    left.delete(rule.from);
    if (!tensor) {
      if (rule.optional) return [];
      throw new StudioError('mismatch', `The checkpoint ${folder} has no tensor “${rule.from}”.`, {
        file: folder,
        action: 'Download the checkpoint again, or save it whole: an adapter is no checkpoint.',
      });
    }
    if (TYPES[tensor.dtype] === undefined)
      throw badFile(
        tensor.path,
        `stores tensor “${tensor.name}” as ${tensor.dtype}; F32, F16 and BF16 can be read.`,
        'Use the unquantised checkpoint of this model.',
      );
    if (tensor.shape.join() !== rule.shape.join())
      throw new StudioError(
        'mismatch',
        `${tensor.path}: tensor “${tensor.name}” has shape [${tensor.shape.join(', ')}], and config.json describes [${rule.shape.join(', ')}].`,
        { file: tensor.path, action: 'Use the config.json that was saved with these weights.' },
      );
    return [{ rule, tensor }];
  });
  for (const [name, { path }] of left)
    if (!isBuffer(name))
      throw new StudioError(
        'mismatch',
        `${path}: the tensor “${name}” has no place in a model of the architecture ${architecture}.`,
        { file: path, action: 'Use the config.json that was saved with these weights.' },
      );
  return found;
}

/** The type that holds all matrices without loss. */
function ownType(tensors: StoredTensor[]): SourceType {
  const types = new Set(tensors.filter(({ shape }) => shape.length > 1).map(({ dtype }) => dtype));
  const [only] = types;
  return types.size === 1 ? (TYPES[only as string] as SourceType) : 'f32';
}
