/**
 * Vectors as Hugging Face's tools have them: a low-rank one, or a mix of several, as a PEFT adapter; a dense one as
 * safetensors of differences.
 */
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

/** A tensor of a safetensors file. */
interface Entry {
  name: string;
  dtype: string;
  shape: number[];
  bytes: number;
  /** Its numbers, in row-major order. */
  data: () => AsyncIterable<Buffer>;
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
  const { architecture, lowRank, sources } = sourcesOf(vector, base);
  const main = join(folder, lowRank ? 'adapter_model.safetensors' : 'model.safetensors');
  const input = await open(path);
  const entries = sources.map((source): Entry => {
    const [dtype] = typeOf(source.tensor, path);
    const { name, shape, tensor } = source;
    return {
      ...{ name, shape, dtype: dtype.toUpperCase(), bytes: tensor.bytes },
      data: () => rowsOf(input, source, path),
    };
  });
  const bytes = await writeSafetensors(entries, main, aboutOf(vector), onProgress, signal).finally(() =>
    input.close(),
  );
  if (lowRank) await writeConfig(folder, alphaOf(vector), ranksOf(sources), base);
  const [first] = sources;
  const notes = lowRank
    ? []
    : ['The file holds differences: add them, times α, to the weights of the base that have the same names.'];
  return {
    what: lowRank ? 'peft' : 'differences',
    architecture,
    type: typeOf((first as Source).tensor, path)[0],
    tensors: sources.length,
    bytes,
    notes,
  };
}

type Header = Pick<GgufInfo, 'files' | 'metadata' | 'tensors'>;

/**
 * The sum of several adapters, each times its scale, as one PEFT adapter: ΔW = Σ sᵢ·Bᵢ·Aᵢ = [s₁B₁ s₂B₂ …]·[A₁; A₂; …].
 * Every matrix gets the same rank, filled up with zeros, and the scale 1 (`lora_alpha` = `r`), so that it is read alike by
 * servers that ignore PEFT's patterns. In float32.
 *
 * @param adapters at least one, of the same base; `scale`: α, in addition to the adapter's own alpha / rank
 * @param folder exists; gets `adapter_model.safetensors` and `adapter_config.json`
 * @throws StudioError as `exportVector`
 */
export async function exportMix(
  adapters: { vector: Header; scale: number }[],
  base: Pick<GgufInfo, 'metadata'>,
  folder: string,
  onProgress: (progress: JobProgress) => void,
  signal?: AbortSignal,
): Promise<ExportedVector> {
  const inputs: FileHandle[] = [];
  try {
    let architecture = '';
    const modules = new Map<string, { a: Part; b: Part }[]>();
    for (const { vector, scale } of adapters) {
      const path = vector.files[0] as string;
      const input = await open(path);
      inputs.push(input);
      const found = sourcesOf(vector, base);
      architecture = found.architecture;
      const alpha = alphaOf(vector);
      const parts = new Map(found.sources.map(source => [source.name, { source, input, path }]));
      for (const [module, rank] of ranksOf(found.sources)) {
        const [a, b] = ['A', 'B'].map(side => parts.get(`${PREFIX}${module}.lora_${side}.weight`));
        if (!a || !b) throw badFile(path, `has one half of the factors of “${module}” alone.`);
        const own = {
          a: { ...a, scale: 1 },
          b: { ...b, scale: alpha === 0 ? scale : (scale * alpha) / rank },
        };
        modules.set(module, [...(modules.get(module) ?? []), own]);
      }
    }
    const rankOf = (parts: { a: Part }[]) =>
      parts.reduce((sum, { a }) => sum + (a.source.shape[0] as number), 0);
    const rank = Math.max(...[...modules.values()].map(rankOf));
    const entries = [...modules].flatMap(([module, parts]): Entry[] => {
      const [columns, rows] = [parts[0]?.a.source.shape[1] as number, parts[0]?.b.source.shape[0] as number];
      const sides = [
        {
          side: 'A',
          shape: [rank, columns],
          data: () =>
            stacked(
              parts.map(({ a }) => a),
              rank * columns,
            ),
        },
        {
          side: 'B',
          shape: [rows, rank],
          data: () =>
            sideBySide(
              parts.map(({ b }) => b),
              rows,
              rank,
            ),
        },
      ];
      return sides.map(({ side, shape, data }) => ({
        ...{ name: `${PREFIX}${module}.lora_${side}.weight`, dtype: 'F32', shape, data },
        bytes: 4 * (shape[0] as number) * (shape[1] as number),
      }));
    });
    const main = join(folder, 'adapter_model.safetensors');
    const bytes = await writeSafetensors(entries, main, { format: 'pt' }, onProgress, signal);
    await writeConfig(folder, rank, new Map([...modules.keys()].map(module => [module, rank])), base);
    return {
      ...{ what: 'peft', architecture, type: 'f32', tensors: entries.length, bytes },
      notes: [`The adapter has rank ${rank}: a server must allow for that much (vLLM: --max-lora-rank).`],
    };
  } finally {
    for (const input of inputs) await input.close();
  }
}

/** A factor of an adapter's, in its file. */
interface Part {
  source: Source;
  input: FileHandle;
  path: string;
  scale: number;
}

async function numbersOf({ source, input, path, scale }: Part): Promise<Float32Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of rowsOf(input, source, path)) chunks.push(chunk);
  return floats(Buffer.concat(chunks), typeOf(source.tensor, path)[0]).map(value => value * scale);
}

/** Rows one below another, then zeros up to so many numbers. */
async function* stacked(parts: Part[], length: number): AsyncGenerator<Buffer> {
  let left = length;
  for (const part of parts) {
    const numbers = await numbersOf(part);
    left -= numbers.length;
    yield bytesOf(numbers);
  }
  if (left > 0) yield Buffer.alloc(4 * left);
}

/** Columns beside each other, then zeros up to so many columns. */
async function* sideBySide(parts: Part[], rows: number, columns: number): AsyncGenerator<Buffer> {
  const whole = new Float32Array(rows * columns);
  let from = 0;
  for (const part of parts) {
    const numbers = await numbersOf(part);
    const width = numbers.length / rows;
    for (let row = 0; row < rows; row++)
      whole.set(numbers.subarray(row * width, (row + 1) * width), row * columns + from);
    from += width;
  }
  yield bytesOf(whole);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

/** Numbers of a file's type in float32, exactly. */
function floats(data: Buffer, type: 'f32' | 'f16' | 'bf16'): Float32Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (type === 'f32')
    return Float32Array.from({ length: data.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  const halves = Uint16Array.from({ length: data.length / 2 }, (_, i) => view.getUint16(2 * i, true));
  if (type === 'bf16') {
    const bits = Uint32Array.from(halves, half => half * 0x10000);
    return new Float32Array(bits.buffer);
  }
  return Float32Array.from(halves, half => {
    const [sign, exponent, fraction] = [half & 0x8000 ? -1 : 1, (half >> 10) & 31, half & 1023];
    if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  });
}

/** In names of PEFT's tensors, before the module's own. */
const PREFIX = 'base_model.model.';

/** A vector's tensors by the names that they have in a checkpoint, or in a PEFT adapter. */
function sourcesOf(
  vector: Header,
  base: Pick<GgufInfo, 'metadata'> | null,
): { architecture: string; lowRank: boolean; sources: Source[] } {
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
      name: side ? `${PREFIX}${module}.lora_${side.toUpperCase()}.weight` : own,
      tensor,
      shape: [...tensor.shape].reverse(),
      heads: turned,
    };
  });
  return { architecture, lowRank, sources };
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

function alphaOf({ metadata, files }: Pick<GgufInfo, 'files' | 'metadata'>): number {
  const alpha = metadata['adapter.lora.alpha'];
  if (typeof alpha === 'number') return alpha;
  throw badFile(files[0] as string, 'does not say its alpha (adapter.lora.alpha).');
}

/** Of each module that has factors, by its name in the checkpoint. */
function ranksOf(sources: Source[]): Map<string, number> {
  const ranks = new Map<string, number>();
  for (const { name, shape } of sources) {
    const module = /^base_model\.model\.(.+)\.lora_A\.weight$/.exec(name)?.[1];
    if (module !== undefined) ranks.set(module, shape[0] as number);
  }
  return ranks;
}

/** Beside the factors, what PEFT needs to know; llama.cpp scales a layer by alpha / rank, as LoRA does. */
async function writeConfig(
  folder: string,
  alpha: number,
  ranks: Map<string, number>,
  base: Pick<GgufInfo, 'metadata'> | null,
): Promise<void> {
  const rank = Math.max(...ranks.values());
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
  entries: Entry[],
  out: string,
  about: Record<string, string>,
  onProgress: (progress: JobProgress) => void,
  signal?: AbortSignal,
): Promise<number> {
  let total = 0;
  const header: Record<string, unknown> = { __metadata__: about };
  for (const { name, dtype, shape, bytes } of entries) {
    header[name] = { dtype, shape, data_offsets: [total, total + bytes] };
    total += bytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  // Filled up with spaces, so that the numbers are aligned.
  const head = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  head.writeBigUInt64LE(BigInt(head.length - 8));
  text.copy(head, 8);
  const part = `${out}.part`;
  const output = await open(part, 'w');
  try {
    await output.write(head);
    let done = 0;
    for (const { name, data } of entries) {
      for await (const chunk of data()) {
        signal?.throwIfAborted();
        await output.write(chunk);
        done += chunk.length;
        onProgress({ done, total, unit: 'bytes', tensor: name });
      }
    }
    await output.sync();
  } catch (error) {
    await output.close();
    await rm(part, { force: true });
    throw error;
  } finally {
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
