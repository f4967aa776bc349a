/** Folders and small models for the native tests. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type BakeOptions, bake, NativeMergeError, readGguf } from '../../../native-merge/index.js';
import { type StoredType, type TestTensor, type TestValue, tensorValues, writeGguf } from './gguf.ts';
import { gaussian, random } from './random.ts';

/** A folder that goes away after the file's tests; call it at the top of a test file. */
export function workspace(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'native-merge-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return name => join(folder, name);
}

export const filesIn = (path: string): string[] => readdirSync(path).sort();
export const bytesOf = (path: string): Buffer => readFileSync(path);

export { gaussian, random };

export const modelMetadata = {
  'general.architecture': 'llama',
  'general.name': 'test',
  'llama.block_count': 1,
  'llama.embedding_length': 64,
  'tokenizer.ggml.tokens': ['<s>', '</s>', 'a', 'ß', '\u{1f642}'],
} satisfies Record<string, TestValue>;

export const vectorMetadata = { 'general.architecture': 'llama', 'general.type': 'personality-vector' };
export const adapterMetadata = {
  'general.architecture': 'llama',
  'general.type': 'adapter',
  'adapter.type': 'lora',
};

export const imatrixMetadata = {
  'general.type': 'imatrix',
  'imatrix.datasets': ['wiki.txt'],
  'imatrix.chunk_count': 7,
  'imatrix.chunk_size': 256,
};

/** An importance matrix as llama-imatrix writes it. */
export function writeImatrix(path: string, sizes: [name: string, columns: number][]): string {
  const next = random(5);
  const tensors = sizes.flatMap(([name, columns]): TestTensor[] => [
    {
      name: `${name}.in_sum2`,
      shape: [columns],
      values: Array.from({ length: columns }, () => next() * 100),
    },
    { name: `${name}.counts`, shape: [1], values: [20] },
  ]);
  return writeGguf(path, imatrixMetadata, tensors);
}

export const WEIGHT = 'blk.0.ffn_up.weight';

/** A model of one matrix. shape in ggml order. */
export function writeModel(
  path: string,
  shape: number[],
  values: ArrayLike<number>,
  type: StoredType = 'F32',
): string {
  return writeGguf(path, modelMetadata, [{ name: WEIGHT, shape, values, type }]);
}

/** A dense vector of one matrix. */
export function writeVector(
  path: string,
  shape: number[],
  values: ArrayLike<number>,
  type: StoredType = 'F32',
): string {
  return writeGguf(path, vectorMetadata, [{ name: WEIGHT, shape, values, type }]);
}

/** An adapter for one matrix: a is rank rows of shape[0], b is shape[1] rows of rank. */
export function writeAdapter(
  path: string,
  shape: [number, number],
  rank: number,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  alpha?: number,
): string {
  const metadata =
    alpha === undefined ? adapterMetadata : { ...adapterMetadata, 'adapter.lora.alpha': { float32: alpha } };
  const factors: TestTensor[] = [
    { name: `${WEIGHT}.lora_a`, shape: [shape[0], rank], values: a },
    { name: `${WEIGHT}.lora_b`, shape: [rank, shape[1]], values: b },
  ];
  return writeGguf(path, metadata, factors);
}

export function valuesIn(path: string, name = WEIGHT): Float32Array {
  return tensorValues(path, readGguf(path).tensors, name);
}

export async function bakeValues(options: BakeOptions): Promise<Float32Array> {
  await bake(options);
  return valuesIn(options.out);
}

/** The error of a call that must fail with a NativeMergeError. */
export async function failure(work: () => unknown): Promise<NativeMergeError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof NativeMergeError) return error;
    throw error;
  }
  throw new Error('expected a failure');
}
