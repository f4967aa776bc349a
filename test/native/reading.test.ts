/** Reading headers: what a good file says, and that no bad one gets through or brings the process down. */
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fingerprint, readGguf } from '../../native-merge/index.js';
import { ggufBytes, type TestTensor, writeGguf } from './helpers/gguf.ts';
import { failure, gaussian, modelMetadata, random, workspace } from './helpers/workspace.ts';

const at = workspace();

const tensors: TestTensor[] = [
  { name: 'token_embd.weight', shape: [64, 5], values: gaussian(320, 1), type: 'F16' },
  { name: 'blk.0.attn_norm.weight', shape: [64], values: gaussian(64, 2) },
  { name: 'blk.0.ffn_up.weight', shape: [64, 3], values: gaussian(192, 3), type: 'Q8_0' },
];
const good = ggufBytes(modelMetadata, tensors);

function write(bytes: Uint8Array, name = 'file.gguf'): string {
  writeFileSync(at(name), bytes);
  return at(name);
}

/** A copy with some bytes replaced. */
function patched(position: number, bytes: number[] | Uint8Array, from = good): Uint8Array {
  const copy = Uint8Array.from(from);
  copy.set(bytes, position);
  return copy;
}

const find = (text: string) => Buffer.from(good).indexOf(text);
const huge = [255, 255, 255, 255, 255, 255, 255, 127];

describe('readGguf', () => {
  test('tells metadata, tensors and where they are', () => {
    const info = readGguf(write(good));
    expect(info).toMatchObject({ version: 3, metadata: modelMetadata, fileBytes: good.length });
    expect(info.tensors.map(({ offset, part: _, ...rest }) => rest)).toEqual([
      { name: 'token_embd.weight', type: 'F16', shape: [64, 5], bytes: 640 },
      { name: 'blk.0.attn_norm.weight', type: 'F32', shape: [64], bytes: 256 },
      { name: 'blk.0.ffn_up.weight', type: 'Q8_0', shape: [64, 3], bytes: 204 },
    ]);
    expect(info.tensors.map(({ offset }) => offset - info.dataOffset)).toEqual([0, 640, 896]);
  });

  test('a file without tensors', () => {
    expect(readGguf(write(ggufBytes(modelMetadata, []))).tensors).toEqual([]);
  });

  test.each([
    ['empty', new Uint8Array(0), 'not_gguf'],
    ['three bytes', good.subarray(0, 3), 'not_gguf'],
    ['text', new TextEncoder().encode('Once upon a time there was a model.'), 'not_gguf'],
    ['a zip file', patched(0, [0x50, 0x4b, 3, 4]), 'not_gguf'],
    ['version 1', patched(4, [1]), 'not_gguf'],
    ['version 99', patched(4, [99]), 'not_gguf'],
    ['big-endian', patched(4, [0, 0, 0, 3]), 'not_gguf'],
    ['only magic and version', good.subarray(0, 8), 'truncated'],
    ['more tensors than any model', patched(8, huge), 'corrupt'],
    ['2^20 tensors', patched(8, [0, 0, 16, 0, 0, 0, 0, 0]), 'corrupt'],
    ['more metadata than any model', patched(16, huge), 'corrupt'],
    ['a key of 2^63 bytes', patched(24, huge), 'corrupt'],
    ['an unknown metadata type', patched(find('general.architecture') + 20, [77]), 'corrupt'],
    ['a text of 2^63 bytes', patched(find('general.architecture') + 24, huge), 'corrupt'],
    ['an array of 2^63 texts', patched(find('tokenizer.ggml.tokens') + 29, huge), 'truncated'],
    ['an array of arrays', patched(find('tokenizer.ggml.tokens') + 25, [9]), 'corrupt'],
    ['the same key twice', patched(find('general.name'), Buffer.from('general.nane')), undefined],
    ['a tensor name of 2^63 bytes', patched(find('token_embd') - 8, huge), 'corrupt'],
    ['200 dimensions', patched(find('token_embd') + 17, [200]), 'corrupt'],
    ['no dimensions', patched(find('token_embd') + 17, [0]), 'corrupt'],
    ['a dimension of 2^63', patched(find('token_embd') + 21, huge), 'corrupt'],
    ['a dimension of zero', patched(find('token_embd') + 21, [0]), 'corrupt'],
    [
      'dimensions whose product overflows',
      patched(find('token_embd') + 21, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]),
      'corrupt',
    ],
    ['an unknown tensor type', patched(find('token_embd') + 37, [250]), 'unsupported_type'],
    ['a removed tensor type', patched(find('token_embd') + 37, [4]), 'unsupported_type'],
    ['rows that the type cannot hold', patched(find('token_embd') + 37, [12]), 'corrupt'],
    ['an offset beyond the file', patched(find('token_embd') + 41, [0, 0, 0, 64]), 'truncated'],
    ['an offset of 2^63', patched(find('token_embd') + 41, [224, ...huge.slice(1)]), 'corrupt'],
    ['an unaligned offset', patched(find('token_embd') + 41, [1]), 'corrupt'],
    ['overlapping tensors', patched(find('blk.0.attn_norm') + 22 + 4 + 8 + 4, [0, 0]), 'corrupt'],
  ])('%s', async (_name, bytes, code) => {
    const path = write(bytes);
    if (code === undefined) {
      readGguf(path);
      return;
    }
    const error = await failure(() => readGguf(path));
    expect(error).toMatchObject({ code, file: path });
    expect(error.message).toContain(path);
  });

  test('tensors and keys that appear twice', async () => {
    const twice = [tensors[0], tensors[0]] as TestTensor[];
    expect(await failure(() => readGguf(write(ggufBytes(modelMetadata, twice))))).toMatchObject({
      code: 'corrupt',
    });
    const keys = ggufBytes({ 'key.one': 1, 'key.two': 2 }, []);
    const path = write(patched(Buffer.from(keys).indexOf('key.two'), Buffer.from('key.one'), keys));
    expect(await failure(() => readGguf(path))).toMatchObject({ code: 'corrupt' });
  });

  test('cut off at every length: an error, never a crash', async () => {
    // The last tensor's padding may be missing, as some writers leave it out.
    const data = readGguf(write(good)).tensors.at(-1);
    const needed = (data?.offset ?? 0) + (data?.bytes ?? 0);
    for (let length = 0; length < good.length; length += length < 700 ? 1 : 41) {
      const path = write(good.subarray(0, length));
      if (length >= needed) readGguf(path);
      else expect((await failure(() => readGguf(path))).code).toBe(length < 4 ? 'not_gguf' : 'truncated');
    }
  });

  test('random damage: an answer or a NativeMergeError', async () => {
    const next = random(4);
    const header = readGguf(write(good)).dataOffset;
    let refused = 0;
    for (let i = 0; i < 2000; i++) {
      const bytes = Uint8Array.from(good);
      for (let k = 0; k < 1 + next() * 4; k++) bytes[Math.floor(next() * header)] = Math.floor(next() * 256);
      const path = write(bytes);
      try {
        readGguf(path);
      } catch {
        refused++;
        await failure(() => readGguf(path));
      }
    }
    expect(refused).toBeGreaterThan(200);
  });

  test('missing files, folders and devices', async () => {
    expect(await failure(() => readGguf(at('nowhere.gguf')))).toMatchObject({
      code: 'io',
      file: at('nowhere.gguf'),
    });
    expect(await failure(() => readGguf(at('.')))).toMatchObject({ code: 'io' });
    expect(await failure(() => readGguf('/dev/zero'))).toMatchObject({ code: 'io' });
    expect(await failure(() => readGguf(''))).toMatchObject({ code: 'invalid_argument' });
  });
});

describe('fingerprint', () => {
  const same = (values: TestTensor[], metadata = {}) =>
    fingerprint(writeGguf(at('print.gguf'), { ...modelMetadata, ...metadata }, values));

  test('backbone: what a vector must agree with; content: the weights', async () => {
    const first = await same(tensors);
    expect(first.backbone).toMatch(/^[0-9a-f]{64}$/);
    expect(first.content).toMatch(/^[0-9a-f]{64}$/);
    expect(await same(tensors.toReversed())).toEqual(first);
    expect(await same(tensors, { 'general.name': 'other', 'llama.context_length': 9 })).toEqual(first);

    const changed = tensors.map((tensor, i) => (i === 1 ? { ...tensor, values: gaussian(64, 9) } : tensor));
    expect(await same(changed)).toMatchObject({ backbone: first.backbone });
    expect((await same(changed)).content).not.toBe(first.content);
    const quantised = tensors.map(
      (tensor): TestTensor => (i => (i ? { ...tensor, type: 'F32' } : tensor))(tensor.type === 'F16'),
    );
    expect(await same(quantised)).toMatchObject({ backbone: first.backbone });
    expect((await same(quantised)).content).not.toBe(first.content);

    const others = [
      await same(tensors.slice(1)),
      await same(tensors.map(tensor => ({ ...tensor, name: `${tensor.name}x` }))),
      await same(tensors, { 'llama.block_count': 2 }),
      await same(tensors, { 'general.architecture': 'qwen2' }),
      await same(tensors, { 'tokenizer.ggml.tokens': ['<s>', '</s>', 'a', 'ß', 'b'] }),
    ];
    expect(new Set([first, ...others].map(({ backbone }) => backbone)).size).toBe(6);
  });

  test('any number of threads; sizes around SHA-256 blocks', async () => {
    const sizes = [1, 13, 14, 15, 16, 17, 1000, 70_000];
    const list = sizes.map((n, i) => ({ name: `t${i}`, shape: [n], values: gaussian(n, i) }));
    const path = writeGguf(at('print.gguf'), modelMetadata, list);
    const first = await fingerprint(path, { threads: 1 });
    expect(await fingerprint(path, { threads: 5 })).toEqual(first);
  });
});
