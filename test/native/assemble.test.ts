/** Files made of stretches of other files. */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { type AssembledTensor, assemble, readGguf } from '../../native-merge/index.js';
import { failure, filesIn, valuesIn, workspace } from './helpers/workspace.ts';

const at = workspace();
const count = (n: number) => Float32Array.from({ length: n }, (_, i) => i);

/** A file of so many float32 numbers 0, 1, 2 … behind 12 bytes of something else. */
function numbers(name: string, n: number): string {
  writeFileSync(at(name), Buffer.concat([Buffer.alloc(12, 7), Buffer.from(count(n).buffer)]));
  return at(name);
}

const write = async (name: string, tensor: Partial<AssembledTensor> & { shape: number[] }) => {
  const out = at(name);
  const source = { path: at('numbers.bin'), sourceType: 'f32' as const, offset: 12 };
  await assemble({ out, metadata: [], tensors: [{ name: 'x', type: 'f32', ...source, ...tensor }] });
  return [...valuesIn(out, 'x')];
};

test('rows are copied, or taken by turns from the two halves of their head', async () => {
  numbers('numbers.bin', 24);
  expect(await write('plain.gguf', { shape: [3, 8] })).toEqual([...count(24)]);
  const turned = await write('turned.gguf', { shape: [3, 8], heads: 2 });
  const rows = Array.from({ length: 8 }, (_, row) => (turned[3 * row] as number) / 3);
  expect(rows).toEqual([0, 2, 1, 3, 4, 6, 5, 7]);
  expect(await write('bias.gguf', { shape: [8], heads: 1 })).toEqual([0, 4, 1, 5, 2, 6, 3, 7]);
});

test('long rows are turned alike, whatever stretch they fall into', async () => {
  const [width, heads, depth] = [20_000, 3, 4];
  numbers('long.bin', width * heads * depth);
  const source = { path: at('long.bin'), shape: [width, heads * depth], heads };
  const values = await write('long.gguf', source);
  for (let row = 0; row < heads * depth; row++) {
    const within = row % depth;
    const from = row - within + (within % 2) * 2 + Math.floor(within / 2);
    for (const column of [0, 1, 12_345, width - 1])
      expect(values[row * width + column]).toBe(from * width + column);
  }
});

test('numbers are scaled, shifted and rounded once; those without a file are written, too', async () => {
  numbers('numbers.bin', 24);
  expect(await write('scaled.gguf', { shape: [4], scale: 0.5, shift: 1 })).toEqual([1, 1.5, 2, 2.5]);
  expect(await write('rounded.gguf', { shape: [1], scale: 0, shift: 1 + 2 ** -8, type: 'bf16' })).toEqual([
    1,
  ]);
  const out = at('values.gguf');
  await assemble({
    out,
    metadata: [
      ['a', 'strings', ['ß', '']],
      ['b', 'int32s', Int32Array.of(-1, 2)],
      ['c', 'float32s', Float32Array.of(0.5)],
      ['d', 'float32', 0.25],
      ['e', 'uint32', 7],
      ['f', 'bool', true],
      ['g', 'string', 'text'],
    ],
    tensors: [{ name: 'v', type: 'f32', shape: [2], values: Float32Array.of(3, 4) }],
  });
  expect(readGguf(out).metadata).toEqual({
    ...{ a: ['ß', ''], b: [-1, 2], c: [0.5], d: 0.25, e: 7, f: true, g: 'text' },
  });
  expect([...valuesIn(out, 'v')]).toEqual([3, 4]);
});

test('what cannot be written is refused, and leaves nothing', async () => {
  numbers('numbers.bin', 24);
  const before = filesIn(dirname(at('x')));
  const refused = (name: string, tensor: Partial<AssembledTensor> & { shape: number[] }) =>
    failure(() => write(name, tensor));
  expect(await refused('a.gguf', { shape: [25] })).toMatchObject({ code: 'truncated', tensor: 'x' });
  expect(await refused('a.gguf', { shape: [2 ** 40, 2 ** 22] })).toMatchObject({ code: 'invalid_argument' });
  expect(await refused('a.gguf', { shape: [3, 8], heads: 3 })).toMatchObject({ code: 'mismatch' });
  expect(await refused('a.gguf', { shape: [4], scale: 1e30, type: 'f16' })).toMatchObject({
    code: 'not_finite',
  });
  expect(await refused('numbers.bin', { shape: [4] })).toMatchObject({ code: 'invalid_argument' });
  const values = { type: 'f32' as const, shape: [1], values: Float32Array.of(1) };
  const twice = {
    out: at('a.gguf'),
    metadata: [],
    tensors: [
      { name: 'x', ...values },
      { name: 'x', ...values },
    ],
  };
  expect(await failure(() => assemble(twice))).toMatchObject({ code: 'mismatch' });
  const cancelled = failure(() =>
    assemble({ ...twice, tensors: twice.tensors.slice(1) }, { signal: AbortSignal.abort() }),
  );
  expect(await cancelled).toMatchObject({ code: 'cancelled' });
  expect(filesIn(dirname(at('x')))).toEqual(before);
  expect(existsSync(at('a.gguf'))).toBe(false);
});
