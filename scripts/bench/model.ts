/** Models and vectors of random numbers for the measurements. */
import { closeSync, openSync, writeSync } from 'node:fs';

export const MIB = 2 ** 20;

export interface Shape {
  name: string;
  shape: number[];
}

/** The tensors of Llama-3.2-1B, with fewer layers and 8k instead of 128k tokens. */
export function modelShapes(layers: number): Shape[] {
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
    { name: 'token_embd.weight', shape: [width, 8192] },
    ...Array.from({ length: layers }, (_, i) =>
      perLayer.map(([name, shape]) => ({ name: `blk.${i}.${name}.weight`, shape })),
    ).flat(),
    { name: 'output_norm.weight', shape: [width] },
  ];
}

/** Streams a GGUF file of random numbers of the given spread. Vectors (1-D) are F32, as in real files. */
export function writeGguf(
  path: string,
  kind: 'model' | 'personality-vector' | 'adapter',
  type: 'f16' | 'f32',
  tensors: Shape[],
  spread: number,
  seed = 0,
): void {
  const parts: Buffer[] = [];
  const u32 = (value: number) => parts.push(Buffer.from(Uint32Array.of(value).buffer));
  const u64 = (value: number) => parts.push(Buffer.from(BigUint64Array.of(BigInt(value)).buffer));
  const text = (value: string) => {
    u64(value.length);
    parts.push(Buffer.from(value));
  };
  const bytesOf = ({ shape }: Shape) =>
    shape.reduce((a, b) => a * b) * (shape.length > 1 && type === 'f16' ? 2 : 4);
  parts.push(Buffer.from('GGUF'));
  u32(3);
  u64(tensors.length);
  const metadata = Object.entries({
    'general.architecture': 'llama',
    'general.type': kind,
    ...(kind === 'adapter' ? { 'adapter.type': 'lora' } : {}),
  });
  u64(metadata.length);
  for (const [key, value] of metadata) {
    text(key);
    u32(8);
    text(value);
  }
  let offset = 0;
  for (const tensor of tensors) {
    text(tensor.name);
    u32(tensor.shape.length);
    for (const n of tensor.shape) u64(n);
    u32(tensor.shape.length > 1 && type === 'f16' ? 1 : 0);
    u64(offset);
    offset += Math.ceil(bytesOf(tensor) / 32) * 32;
  }
  const header = Buffer.concat(parts);
  const file = openSync(path, 'w');
  let at = writeSync(file, Buffer.concat([header, Buffer.alloc((32 - (header.length % 32)) % 32)]));
  const made: Partial<Record<'f16' | 'f32', Buffer>> = {};
  const poolOf = (type: 'f16' | 'f32') => {
    made[type] ??= randomPool(type, spread, seed, Math.min(16 * MIB, 2 * Math.max(...tensors.map(bytesOf))));
    return made[type];
  };
  for (const [i, tensor] of tensors.entries()) {
    const pool = poolOf(tensor.shape.length > 1 ? type : 'f32');
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

/** So many bytes of normal numbers. */
function randomPool(type: 'f16' | 'f32', spread: number, seed: number, bytes: number): Buffer {
  const count = bytes / (type === 'f16' ? 2 : 4);
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
