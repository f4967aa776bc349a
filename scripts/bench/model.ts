/** Generated models, vectors and adapters with the shapes of Llama-3.2-1B, for the measurements beside this file. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

export const MIB = 2 ** 20;

export interface Shape {
  name: string;
  shape: number[];
}

/** The tensors of Llama-3.2-1B, with `layers` of its 16 layers and 8k instead of 128k tokens, unless `vocabulary` says. */
export function modelShapes(layers: number, vocabulary = 8192): Shape[] {
  const width = 2048;
  const perLayer: [string, number[]][] = [
    ['attn_norm', [width]],
    ['attn_q', [width, width]],
    ['attn_k', [width, 512]],
    ['attn_v', [width, 512]],
    ['attn_output', [width, width]],
    ['ffn_norm', [width]],
    ['ffn_gate', [width, 8192]],
    ['ffn_up', [width, 8192]],
    ['ffn_down', [8192, width]],
  ];
  return [
    { name: 'token_embd.weight', shape: [width, vocabulary] },
    ...Array.from({ length: layers }, (_, i) =>
      perLayer.map(([name, shape]) => ({ name: `blk.${i}.${name}.weight`, shape })),
    ).flat(),
    { name: 'output_norm.weight', shape: [width] },
  ];
}

/** The LoRA factors of the model's matrices but for the embeddings. */
export function adapterShapes(shapes: Shape[], rank: number): Shape[] {
  return shapes
    .filter(({ name, shape }) => name.startsWith('blk.') && shape.length > 1)
    .flatMap(({ name, shape: [columns = 0, rows = 0] }) => [
      { name: `${name}.lora_a`, shape: [columns, rank] },
      { name: `${name}.lora_b`, shape: [rank, rows] },
    ]);
}

export interface GeneratedFile {
  kind: 'model' | 'personality-vector' | 'adapter';
  type: 'f16' | 'f32';
  tensors: Shape[];
  /** Standard deviation of the numbers. */
  spread: number;
  seed: number;
  /** Encoded metadata entries besides architecture and kind; see entry(). */
  metadata?: Buffer[];
}

/** Streams a GGUF file of normal random numbers. Vectors (1-D) are F32, as in real files. */
export function writeGguf(
  path: string,
  { kind, type, tensors, spread, seed, metadata }: GeneratedFile,
): void {
  const parts: Buffer[] = [];
  const u32 = (value: number) => parts.push(Buffer.from(Uint32Array.of(value).buffer));
  const u64 = (value: number) => parts.push(eightBytes(value));
  const bytesOf = ({ shape }: Shape) =>
    shape.reduce((a, b) => a * b) * (shape.length > 1 && type === 'f16' ? 2 : 4);
  const entries = [
    entry('general.architecture', 'llama'),
    entry('general.type', kind),
    ...(kind === 'adapter' ? [entry('adapter.type', 'lora')] : []),
    ...(metadata ?? []),
  ];
  parts.push(Buffer.from('GGUF'));
  u32(3);
  u64(tensors.length);
  u64(entries.length);
  parts.push(...entries);
  let offset = 0;
  for (const tensor of tensors) {
    parts.push(encodedText(tensor.name));
    u32(tensor.shape.length);
    for (const n of tensor.shape) u64(n);
    u32(tensor.shape.length > 1 && type === 'f16' ? 1 : 0);
    u64(offset);
    offset += Math.ceil(bytesOf(tensor) / 32) * 32;
  }
  const header = Buffer.concat(parts);
  const file = openSync(path, 'w');
  let at = writeSync(file, Buffer.concat([header, Buffer.alloc((32 - (header.length % 32)) % 32)]));
  const pools = { f16: randomPool('f16', spread, seed), f32: randomPool('f32', spread, seed) };
  for (const [i, tensor] of tensors.entries()) {
    const pool = tensor.shape.length > 1 ? pools[type] : pools.f32;
    const bytes = Math.ceil(bytesOf(tensor) / 32) * 32;
    for (let done = 0; done < bytes; ) {
      // Another part of the pool for every tensor.
      const start = (i * 7919 * 64 + done) % (pool.length / 2);
      const part = pool.subarray(start, Math.min(pool.length, start + bytes - done));
      at += writeSync(file, part, 0, part.length, at);
      done += part.length;
    }
  }
  closeSync(file);
}

/**
 * Writes a chat model of random numbers with the dimensions of Llama-3.2-1B and the tokenizer and chat template of the
 * model file `donor`; returns its tensors.
 */
export function writeChatModel(path: string, layers: number, donor: string): Shape[] {
  const { entries: tokenizer, tokens } = tokenizerEntries(readFileSync(donor));
  const tensors = modelShapes(layers, tokens);
  const metadata = [
    entry('llama.block_count', layers),
    entry('llama.context_length', 8192),
    entry('llama.embedding_length', 2048),
    entry('llama.feed_forward_length', 8192),
    entry('llama.attention.head_count', 32),
    entry('llama.attention.head_count_kv', 8),
    entry('llama.attention.layer_norm_rms_epsilon', 1.5e-5),
    entry('llama.rope.dimension_count', 64),
    ...tokenizer,
  ];
  writeGguf(path, { kind: 'model', type: 'f16', tensors, spread: 0.02, seed: 0, metadata });
  return tensors;
}

/** The entries of a GGUF header whose keys begin with "tokenizer.", as they are stored, and how many tokens there are. */
function tokenizerEntries(file: Buffer): { entries: Buffer[]; tokens: number } {
  // Bytes of GGUF's value types, by number.
  const SIZES: Record<number, number> = {
    0: 1,
    1: 1,
    2: 2,
    3: 2,
    4: 4,
    5: 4,
    6: 4,
    7: 1,
    10: 8,
    11: 8,
    12: 8,
  };
  let at = 8 + 8; // magic, version, number of tensors
  const number = (bytes: 4 | 8) => {
    at += bytes;
    return bytes === 4 ? file.readUInt32LE(at - 4) : Number(file.readBigUInt64LE(at - 8));
  };
  const skipText = () => {
    const length = number(8);
    at += length;
  };
  const skip = (type: number): void => {
    if (type === 8) skipText();
    else if (type === 9) {
      const element = number(4);
      for (let left = number(8); left > 0; left--) skip(element);
    } else at += SIZES[type] ?? NaN;
  };
  const entries: Buffer[] = [];
  let tokens = 0;
  for (let left = number(8); left > 0; left--) {
    const start = at;
    skipText();
    const key = file.toString('utf8', start + 8, at);
    // After the list's type and that of its elements.
    if (key === 'tokenizer.ggml.tokens') tokens = Number(file.readBigUInt64LE(at + 8));
    skip(number(4));
    if (key.startsWith('tokenizer.')) entries.push(file.subarray(start, at));
  }
  return { entries, tokens };
}

const eightBytes = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const encodedText = (value: string) =>
  Buffer.concat([eightBytes(Buffer.byteLength(value)), Buffer.from(value)]);

/** A metadata entry as GGUF stores it: text, or a number as uint32 (whole) or float32. */
function entry(key: string, value: string | number): Buffer {
  const typed = (type: number, bytes: Buffer) =>
    Buffer.concat([encodedText(key), Buffer.from(Uint32Array.of(type).buffer), bytes]);
  if (typeof value === 'string') return typed(8, encodedText(value));
  if (Number.isInteger(value)) return typed(4, Buffer.from(Uint32Array.of(value).buffer));
  return typed(6, Buffer.from(Float32Array.of(value).buffer));
}

/** 16 MiB of normal numbers. */
function randomPool(type: 'f16' | 'f32', spread: number, seed: number): Buffer {
  const count = (16 * MIB) / (type === 'f16' ? 2 : 4);
  let state = (seed * 2654435761 + 12345) >>> 0;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  const normal = () => spread * Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
  if (type === 'f32') return Buffer.from(Float32Array.from({ length: count }, normal).buffer);
  return Buffer.from(Uint16Array.from({ length: count }, () => toHalf(normal())).buffer);
}

/** A binary16 by truncation; good enough for random numbers within its normal range, and zero below it. */
function toHalf(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
  const exponent = ((bits >> 23) & 255) - 112;
  return exponent <= 0 ? 0 : ((bits >> 16) & 0x8000) | (exponent << 10) | ((bits >> 13) & 1023);
}
