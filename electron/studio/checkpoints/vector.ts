/** A vector as Hugging Face's tools have it: a low-rank one as a PEFT adapter, a dense one as safetensors of differences. */
import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { GgufInfo, JobProgress, TensorInfo } from '../../../native-merge/index.js';
import { StudioError } from '../errors.ts';
import { checkpointName, FAMILIES, headsOf, kindOf } from './families.ts';
import { badFile } from './files.ts';

export interface ExportedVector {
  what: 'peft' | 'differences';
  architecture: string;
  type: 'f32' | 'f16' | 'bf16';
  tensors: number;
  bytes: number;
  notes: string[];
}

interface Source {
  /** Name in the safetensors file. */
  name: string;
  tensor: TensorInfo;
  /** Outermost dimension first. */
  shape: number[];
  /** Heads whose rows llama.cpp keeps by turns; 0: rows lie as in the checkpoint. */
  heads: number;
}

const TYPES = { F32: ['f32', 4], F16: ['f16', 2], BF16: ['bf16', 2] } as const;
const MOST_AT_ONCE = 8 * 2 ** 20;

/**
 * @param vector header of the vector's file
 * @param base header of its base; null where it is not at hand, which is enough for families whose rows lie alike
 * @param folder exists; gets `adapter_model.safetensors` and `adapter_config.json`, or `model.safetensors`
 * @throws StudioError bad_file or mismatch where the vector has what these formats have no place for
 */
export async function exportVector(
  vector: Pick<GgufInfo, 'files' | 'metadata' | 'tensors'>,
  base: Pick<GgufInfo, 'metadata'> | null,
  folder: string,
  onProgress: (progress: JobProgress) => void,
  signal?: AbortSignal,
): Promise<ExportedVector> {
  const path = vector.files[0] as string;
  const architecture = String(vector.metadata['general.architecture'] ?? '');
  const kind = kindOf(architecture);
  if (!kind)
    throw new StudioError(
      'mismatch',
      `${path} is of the architecture ${architecture}; ${FAMILIES} can be written.`,
      {
        file: path,
        action: 'Bake the mix as a GGUF file, which keeps every architecture.',
      },
    );
  const lowRank = vector.tensors.some(({ name }) => /\.lora_[ab]$/.test(name));
  const heads = headsOf(kind, base?.metadata ?? {});
  // What llama.cpp computes from config.json is no weight of a checkpoint.
  const weights = vector.tensors.filter(({ name }) => !name.startsWith('rope_'));
  const sources = weights.map((tensor): Source => {
    const [, name = '', side] = /^(.+?)(?:\.lora_([ab]))?$/.exec(tensor.name) ?? [];
    const own = checkpointName(kind, name);
    if (own === null || (lowRank && side === undefined))
      throw badFile(
        path,
        `changes “${tensor.name}”, which has no place in ${lowRank ? 'an adapter' : 'a checkpoint'}.`,
      );
    const turned = side === 'a' ? 0 : heads(name);
    if (turned === null)
      throw new StudioError('not_found', `${path} was made from a base that is not in the library.`, {
        file: path,
        action: 'Put its base into the library: only that says how its rows lie.',
      });
    const module = own.replace(/\.weight$/, '');
    return {
      name: side ? `base_model.model.${module}.lora_${side.toUpperCase()}.weight` : own,
      tensor,
      shape: [...tensor.shape].reverse(),
      heads: turned,
    };
  });
  const main = join(folder, lowRank ? 'adapter_model.safetensors' : 'model.safetensors');
  const bytes = await writeSafetensors(path, sources, main, aboutOf(vector), onProgress, signal);
  if (lowRank) await writeConfig(folder, vector, sources, base);
  const [first] = weights;
  const notes = lowRank
    ? []
    : ['The file holds differences: add them, times α, to the weights of the base that have the same names.'];
  return {
    what: lowRank ? 'peft' : 'differences',
    architecture,
    type: typeOf(first as TensorInfo, path)[0],
    tensors: sources.length,
    bytes,
    notes,
  };
}

/** What the vector is, as texts. */
function aboutOf({ metadata }: Pick<GgufInfo, 'metadata'>): Record<string, string> {
  const kept = Object.entries(metadata).filter(([key]) =>
    /^(temperament\.vector\.|general\.name$)/.test(key),
  );
  return { format: 'pt', ...Object.fromEntries(kept.map(([key, value]) => [key, String(value)])) };
}

function typeOf({ name, type }: TensorInfo, path: string) {
  const known = TYPES[type as keyof typeof TYPES];
  if (known) return known;
  throw badFile(path, `stores “${name}” as ${type}; F32, F16 and BF16 can be written.`);
}

/** Beside the factors, what PEFT needs to know; llama.cpp scales a layer by alpha / rank, as LoRA does. */
async function writeConfig(
  folder: string,
  { metadata, files }: Pick<GgufInfo, 'files' | 'metadata'>,
  sources: Source[],
  base: Pick<GgufInfo, 'metadata'> | null,
): Promise<void> {
  const ranks = new Map<string, number>();
  for (const { name, shape } of sources) {
    const module = /^base_model\.model\.(.+)\.lora_A\.weight$/.exec(name)?.[1];
    if (module !== undefined) ranks.set(module, shape[0] as number);
  }
  const rank = Math.max(...ranks.values());
  const alpha = metadata['adapter.lora.alpha'];
  if (typeof alpha !== 'number')
    throw badFile(files[0] as string, 'does not say its alpha (adapter.lora.alpha).');
  const config = {
    ...{ peft_type: 'LORA', task_type: 'CAUSAL_LM', inference_mode: true, bias: 'none', lora_dropout: 0 },
    base_model_name_or_path: base ? String(base.metadata['general.name'] ?? '') : null,
    ...{ r: rank, lora_alpha: alpha, use_rslora: false, fan_in_fan_out: false, init_lora_weights: true },
    rank_pattern: Object.fromEntries([...ranks].filter(([, own]) => own !== rank)),
    ...{ alpha_pattern: {}, modules_to_save: null, target_modules: [...ranks.keys()] },
  };
  const path = join(folder, 'adapter_config.json');
  await writeFile(`${path}.part`, `${JSON.stringify(config, null, 2)}\n`);
  await rename(`${path}.part`, path);
}

/** Format: https://github.com/huggingface/safetensors#format. Returns the bytes written. */
async function writeSafetensors(
  from: string,
  sources: Source[],
  out: string,
  about: Record<string, string>,
  onProgress: (progress: JobProgress) => void,
  signal?: AbortSignal,
): Promise<number> {
  let total = 0;
  const header: Record<string, unknown> = { __metadata__: about };
  for (const { name, tensor, shape } of sources) {
    const [type] = typeOf(tensor, from);
    header[name] = { dtype: type.toUpperCase(), shape, data_offsets: [total, total + tensor.bytes] };
    total += tensor.bytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  // Filled up with spaces, so that the numbers are aligned.
  const head = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  head.writeBigUInt64LE(BigInt(head.length - 8));
  text.copy(head, 8);
  const part = `${out}.part`;
  const [input, output] = [await open(from), await open(part, 'w')];
  try {
    await output.write(head);
    let done = 0;
    for (const source of sources) {
      for await (const chunk of rowsOf(input, source, from)) {
        signal?.throwIfAborted();
        await output.write(chunk);
        done += chunk.length;
        onProgress({ done, total, unit: 'bytes', tensor: source.tensor.name });
      }
    }
    await output.sync();
  } catch (error) {
    await output.close();
    await rm(part, { force: true });
    throw error;
  } finally {
    await input.close();
    await output.close().catch(() => {});
  }
  await rename(part, out);
  return head.length + total;
}

/** A tensor's numbers in the order of the checkpoint: a head at a time where rows lie by turns. */
async function* rowsOf(
  file: FileHandle,
  { tensor, shape, heads }: Source,
  path: string,
): AsyncGenerator<Buffer> {
  const read = async (at: number, length: number) => {
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await file.read(buffer, 0, length, tensor.offset + at);
    if (bytesRead < length)
      throw badFile(path, `ends within “${tensor.name}”.`, 'Download or copy it again.');
    return buffer;
  };
  if (heads === 0) {
    for (let at = 0; at < tensor.bytes; at += MOST_AT_ONCE)
      yield await read(at, Math.min(MOST_AT_ONCE, tensor.bytes - at));
    return;
  }
  const rows = shape[0] as number;
  const perHead = rows / heads;
  if (perHead % 2 !== 0)
    throw badFile(
      path,
      `has “${tensor.name}” of ${rows} rows, which ${heads} heads cannot share (${basename(path)}).`,
    );
  const row = tensor.bytes / rows;
  for (let head = 0; head < heads; head++) {
    const turned = await read(head * perHead * row, perHead * row);
    const straight = Buffer.alloc(turned.length);
    for (let half = 0; half < 2; half++)
      for (let j = 0; j < perHead / 2; j++) {
        const at = (2 * j + half) * row;
        turned.copy(straight, (half * (perHead / 2) + j) * row, at, at + row);
      }
    yield straight;
  }
}
