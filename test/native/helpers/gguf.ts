/** A small GGUF writer and reader of the tests' own, so that the addon is not checked against itself. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { GgufInfo } from '../../../native-merge/index.js';

export type StoredType = 'F32' | 'F16' | 'BF16' | 'Q8_0' | 'I32';

const typeIds = { F32: 0, F16: 1, Q8_0: 8, I32: 26, BF16: 30 } satisfies Record<StoredType, number>;

export interface TestTensor {
  name: string;
  /** ggml order, ne[0] first. */
  shape: number[];
  type?: StoredType;
  /** Number of a type that the helpers cannot encode; then `raw` holds its blocks. */
  typeId?: number;
  /** float32 values, converted to the type; or the stored bytes themselves. */
  values?: ArrayLike<number>;
  raw?: Uint8Array;
}

export type TestValue =
  | string
  | number
  | bigint
  | boolean
  | string[]
  | { float32: number }
  | { float32s: number[] }
  | { uint16: number }
  | { int32: number };

// ── number formats ────────────────────────────────────────────────────────────────────────────────────────

const scratch = new DataView(new ArrayBuffer(8));

export function floatBits(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

export function bitsFloat(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}

/** Value of an IEEE binary16. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const mantissa = half & 1023;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? (1 + mantissa / 1024) * 2 ** (exponent - 15) : (mantissa / 1024) * 2 ** -14);
}

/** Nearest binary16, ties to even; written for clarity, from the spacing of the format. */
export function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(magnitude)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || 1e-300)));
  for (const candidate of [exponent, exponent + 1]) {
    const spacing = 2 ** (Math.max(candidate, -14) - 10);
    const steps = roundEven(magnitude / spacing);
    if (steps > 2048) continue;
    return sign | (steps < 1024 ? steps : ((Math.max(candidate, -14) + 14) << 10) + steps);
  }
  throw new Error(`no half for ${value}`);
}

function roundEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}

export const fromBf16 = (bits: number): number => bitsFloat((bits << 16) >>> 0);

export function toBf16(value: number): number {
  const bits = floatBits(value);
  const upper = bits >>> 16;
  const rest = bits & 0xffff;
  return rest > 0x8000 || (rest === 0x8000 && upper % 2 === 1) ? upper + 1 : upper;
}

/** ggml's reference quantisation: 32 values share d = max|x| / 127, kept as F16. */
export function toQ8(values: ArrayLike<number>): Uint8Array {
  const out = new DataView(new ArrayBuffer((values.length / 32) * 34));
  for (let block = 0; block < values.length / 32; block++) {
    let largest = 0;
    for (let i = 0; i < 32; i++) largest = Math.max(largest, Math.abs(values[block * 32 + i] ?? 0));
    const d = Math.fround(Math.fround(largest) / 127);
    const inverse = d ? Math.fround(1 / d) : 0;
    out.setUint16(block * 34, toHalf(d), true);
    for (let i = 0; i < 32; i++) {
      const x = Math.fround(Math.fround(values[block * 32 + i] ?? 0) * inverse);
      out.setInt8(block * 34 + 2 + i, Math.sign(x) * Math.round(Math.abs(x)));
    }
  }
  return new Uint8Array(out.buffer);
}

export function encode(type: StoredType, values: ArrayLike<number>): Uint8Array {
  if (type === 'Q8_0') return toQ8(values);
  const size = type === 'F16' || type === 'BF16' ? 2 : 4;
  const out = new DataView(new ArrayBuffer(values.length * size));
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (type === 'F32') out.setFloat32(i * 4, value, true);
    else if (type === 'I32') out.setInt32(i * 4, value, true);
    else out.setUint16(i * 2, type === 'F16' ? toHalf(value) : toBf16(value), true);
  }
  return new Uint8Array(out.buffer);
}

export function decode(type: string, raw: Uint8Array): Float32Array {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const from = <T>(size: number, read: (at: number) => T) =>
    Array.from({ length: raw.byteLength / size }, (_, i) => read(i * size));
  switch (type) {
    case 'F32':
      return Float32Array.from(from(4, at => view.getFloat32(at, true)));
    case 'F16':
      return Float32Array.from(from(2, at => fromHalf(view.getUint16(at, true))));
    case 'BF16':
      return Float32Array.from(from(2, at => fromBf16(view.getUint16(at, true))));
    case 'Q8_0':
      return Float32Array.from(
        from(34, at => {
          const d = fromHalf(view.getUint16(at, true));
          return Array.from({ length: 32 }, (_, i) => Math.fround(d * view.getInt8(at + 2 + i)));
        }).flat(),
      );
    default:
      throw new Error(`cannot decode ${type}`);
  }
}

// ── writing ───────────────────────────────────────────────────────────────────────────────────────────────

class Bytes {
  #parts: Uint8Array[] = [];
  length = 0;

  add(part: Uint8Array): void {
    this.#parts.push(part);
    this.length += part.length;
  }
  number(size: 4 | 8, value: number | bigint): void {
    const view = new DataView(new ArrayBuffer(size));
    if (size === 4) view.setUint32(0, Number(value), true);
    else view.setBigUint64(0, BigInt(value), true);
    this.add(new Uint8Array(view.buffer));
  }
  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.number(8, bytes.length);
    this.add(bytes);
  }
  pad(to: number): void {
    this.add(new Uint8Array((to - (this.length % to)) % to));
  }
  concat(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

function addValue(bytes: Bytes, value: TestValue): void {
  if (typeof value === 'string') {
    bytes.number(4, 8);
    bytes.text(value);
  } else if (typeof value === 'boolean') {
    bytes.number(4, 7);
    bytes.add(Uint8Array.of(value ? 1 : 0));
  } else if (typeof value === 'bigint') {
    bytes.number(4, 10);
    bytes.number(8, value);
  } else if (typeof value === 'number') {
    bytes.number(4, 4);
    bytes.number(4, value);
  } else if (Array.isArray(value)) {
    bytes.number(4, 9);
    bytes.number(4, 8);
    bytes.number(8, value.length);
    for (const item of value) bytes.text(item);
  } else if ('float32' in value) {
    bytes.number(4, 6);
    bytes.add(encode('F32', [value.float32]));
  } else if ('float32s' in value) {
    bytes.number(4, 9);
    bytes.number(4, 6);
    bytes.number(8, value.float32s.length);
    bytes.add(encode('F32', value.float32s));
  } else if ('uint16' in value) {
    bytes.number(4, 2);
    bytes.add(Uint8Array.of(value.uint16 & 255, value.uint16 >> 8));
  } else {
    bytes.number(4, 5);
    bytes.add(encode('I32', [value.int32]));
  }
}

/** Metadata as another file has it: so many entries in these bytes. */
interface KeptMetadata {
  entries: number;
  bytes: Uint8Array;
}

/** The bytes of a GGUF file: numbers become uint32, bigints uint64, arrays arrays of strings. */
export function ggufBytes(
  metadata: Record<string, TestValue>,
  tensors: TestTensor[],
  kept: KeptMetadata = { entries: 0, bytes: new Uint8Array() },
): Uint8Array {
  const file = new Bytes();
  file.add(new TextEncoder().encode('GGUF'));
  file.number(4, 3);
  file.number(8, tensors.length);
  file.number(8, Object.keys(metadata).length + kept.entries);
  file.add(kept.bytes);
  for (const [key, value] of Object.entries(metadata)) {
    file.text(key);
    addValue(file, value);
  }
  const data = new Bytes();
  for (const tensor of tensors) {
    const type = tensor.type ?? 'F32';
    file.text(tensor.name);
    file.number(4, tensor.shape.length);
    for (const n of tensor.shape) file.number(8, n);
    file.number(4, tensor.typeId ?? typeIds[type]);
    file.number(8, data.length);
    data.add(tensor.raw ?? encode(type, tensor.values ?? []));
    data.pad(32);
  }
  file.pad(32);
  file.add(data.concat());
  return file.concat();
}

export function writeGguf(path: string, metadata: Record<string, TestValue>, tensors: TestTensor[]): string {
  writeFileSync(path, ggufBytes(metadata, tensors));
  return path;
}

/** Splits a model in two as llama-gguf-split would, beside each other under `prefix`; returns the parts' paths. */
export function splitGguf(path: string, prefix: string, { metadata, tensors }: GgufInfo): [string, string] {
  const bytes = readFileSync(path);
  const stored = tensors.map(({ name, shape, type, offset, bytes: size }) => ({
    name,
    shape,
    type: type as StoredType,
    raw: bytes.subarray(offset, offset + size),
  }));
  // Metadata lies between the counts and the first tensor's name with its length before it.
  const kept = {
    entries: Object.keys(metadata).length,
    bytes: bytes.subarray(24, bytes.indexOf(stored[0]?.name ?? '') - 8),
  };
  const middle = stored.length >> 1;
  return [stored.slice(0, middle), stored.slice(middle)].map((share, i) => {
    const split = {
      'split.no': { uint16: i },
      'split.count': { uint16: 2 },
      'split.tensors.count': { int32: stored.length },
    };
    const part = `${prefix}-0000${i + 1}-of-00002.gguf`;
    writeFileSync(part, ggufBytes(split, share, i === 0 ? kept : undefined));
    return part;
  }) as [string, string];
}

// ── reading ───────────────────────────────────────────────────────────────────────────────────────────────

interface Place {
  type: string;
  offset: number;
  bytes: number;
}

/** A tensor's values, from a place that readGguf told. */
export function tensorValues(
  path: string,
  tensors: ({ name: string } & Place)[],
  name: string,
): Float32Array {
  const tensor = tensors.find(candidate => candidate.name === name);
  if (!tensor) throw new Error(`${path} has no ${name}`);
  return decode(tensor.type, readFileSync(path).subarray(tensor.offset, tensor.offset + tensor.bytes));
}
