/** Split models: any part stands for the whole, in every function, and parts that do not belong together are refused. */
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { bake, extract, factorize, fingerprint, readGguf } from '../../native-merge/index.js';
import { type TestTensor, type TestValue, writeGguf } from './helpers/gguf.ts';
import { bytesOf, failure, gaussian, modelMetadata, vectorMetadata, workspace } from './helpers/workspace.ts';

const at = workspace();
const COUNT = 3;

function tensorsOf(seed: number, type: TestTensor['type'] = 'F16'): TestTensor[] {
  return ['token_embd.weight', 'blk.0.attn_norm.weight', 'blk.0.ffn_up.weight', 'blk.1.ffn_up.weight'].map(
    (name, i) => ({
      name,
      shape: name.includes('norm') ? [64] : [64, 8 + i],
      values: gaussian(64 * (name.includes('norm') ? 1 : 8 + i), seed + i, 0.1),
      type: name.includes('norm') ? 'F32' : type,
    }),
  );
}

const partPath = (name: string, number: number, count = COUNT) =>
  at(`${name}-${String(number).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.gguf`);

/** As llama-gguf-split writes them: all metadata in the first part, each part with its number. */
function writeSplit(name: string, metadata: Record<string, TestValue>, tensors: TestTensor[]): string[] {
  const shares = [tensors.slice(0, 1), tensors.slice(1, 3), tensors.slice(3)];
  return shares.map((share, i) =>
    writeGguf(
      partPath(name, i + 1),
      {
        ...(i === 0 ? metadata : {}),
        'split.no': { uint16: i },
        'split.count': { uint16: COUNT },
        'split.tensors.count': { int32: tensors.length },
      },
      share,
    ),
  );
}

const base = tensorsOf(1);
const tuned = tensorsOf(11);
writeGguf(at('base.gguf'), modelMetadata, base);
writeGguf(at('tuned.gguf'), modelMetadata, tuned);
const parts = writeSplit('base', modelMetadata, base);
writeSplit('tuned', modelMetadata, tuned);
const vectorTensors = tensorsOf(21, 'F32');
writeGguf(at('vector.gguf'), vectorMetadata, vectorTensors);
const vectorParts = writeSplit('vector', vectorMetadata, vectorTensors);

describe('any part stands for the whole', () => {
  test.each([1, 2, 3])('readGguf, part %i', number => {
    const info = readGguf(partPath('base', number));
    const whole = readGguf(at('base.gguf'));
    expect(info.files).toEqual(parts);
    expect(info.metadata).toEqual(whole.metadata);
    expect(info.fileBytes).toBe(parts.reduce((sum, path) => sum + bytesOf(path).length, 0));
    expect(info.tensors.map(({ part }) => part)).toEqual([0, 1, 1, 2]);
    const plain = ({ name, type, shape, bytes }: (typeof info.tensors)[number]) => ({
      name,
      type,
      shape,
      bytes,
    });
    expect(info.tensors.map(plain)).toEqual(whole.tensors.map(plain));
    expect(whole.files).toEqual([at('base.gguf')]);
  });

  test('fingerprint', async () => {
    expect(await fingerprint(partPath('base', 2))).toEqual(await fingerprint(at('base.gguf')));
  });

  test('bake: model and vector; the result is one file', async () => {
    const mix = (from: string, vector: string, out: string) =>
      bake({
        base: from,
        out: at(out),
        type: 'f16',
        method: 'ties',
        vectors: [{ path: vector, id: 'a', weight: 0.7 }],
      });
    await mix(at('base.gguf'), at('vector.gguf'), 'one.gguf');
    await mix(partPath('base', 3), partPath('vector', 2), 'two.gguf');
    expect(bytesOf(at('two.gguf')).equals(bytesOf(at('one.gguf')))).toBe(true);
    expect(readGguf(at('two.gguf')).metadata['split.count']).toBeUndefined();
  });

  test('extract and factorize', async () => {
    await extract({ base: at('base.gguf'), tuned: at('tuned.gguf'), out: at('one.gguf') });
    await extract({ base: partPath('base', 2), tuned: partPath('tuned', 1), out: at('two.gguf') });
    expect(bytesOf(at('two.gguf')).equals(bytesOf(at('one.gguf')))).toBe(true);
    await factorize({ vector: at('vector.gguf'), out: at('one.gguf'), rank: 4 });
    await factorize({ vector: partPath('vector', 3), out: at('two.gguf'), rank: 4 });
    expect(bytesOf(at('two.gguf')).equals(bytesOf(at('one.gguf')))).toBe(true);
  });

  test('no part may be the output', async () => {
    for (const out of [parts[0], parts[2], vectorParts[1]] as string[]) {
      const before = bytesOf(out);
      const error = await failure(() =>
        bake({
          base: partPath('base', 1),
          out,
          type: 'f16',
          method: 'task_arithmetic',
          vectors: [{ path: partPath('vector', 1), id: 'a', weight: 1 }],
        }),
      );
      expect(error).toMatchObject({ code: 'invalid_argument', file: out });
      expect(bytesOf(out).equals(before)).toBe(true);
    }
  });

  test('a split of one part, and numbers of any whole type', () => {
    const metadata = { ...modelMetadata, 'split.no': 0, 'split.count': 1 };
    const path = writeGguf(at('single-00001-of-00001.gguf'), metadata, base);
    expect(readGguf(path)).toMatchObject({ files: [path], metadata: modelMetadata });
    const [first, second] = [1, 2].map(number =>
      writeGguf(
        partPath('wide', number, 2),
        { ...(number === 1 ? modelMetadata : {}), 'split.no': BigInt(number - 1), 'split.count': 2 },
        number === 1 ? base.slice(0, 2) : base.slice(2),
      ),
    );
    expect(readGguf(second as string).files).toEqual([first, second]);
  });
});

describe('parts that do not belong together', () => {
  mkdirSync(at('broken'));
  const broken = (number: number) => partPath('broken/model', number);
  beforeEach(() => {
    for (const number of [1, 2, 3]) copyFileSync(partPath('base', number), broken(number));
  });

  async function refused(path: string, file: string, ...words: string[]): Promise<void> {
    const error = await failure(() => readGguf(path));
    expect(error).toMatchObject({ code: 'bad_split', file });
    for (const word of words) expect(error.message).toContain(word);
  }

  test.each([1, 2, 3])('part %i is missing', async missing => {
    rmSync(broken(missing));
    const others = [1, 2, 3].filter(number => number !== missing);
    for (const number of others) {
      await refused(broken(number), broken(missing), `part ${number} of 3`, `part ${missing} cannot be read`);
    }
    expect(await failure(() => readGguf(broken(missing)))).toMatchObject({ code: 'io' });
  });

  test('a renamed part', async () => {
    const renamed = at('broken/renamed.gguf');
    renameSync(broken(2), renamed);
    await refused(renamed, renamed, 'part 2 of 3', '-00002-of-00003.gguf');
    await refused(broken(1), broken(2), 'part 2 cannot be read');
    const moved = at('broken/model-00002-of-00004.gguf');
    renameSync(renamed, moved);
    await refused(moved, moved, '-00002-of-00003.gguf');
  });

  test('a part twice', async () => {
    copyFileSync(broken(1), broken(2));
    await refused(broken(1), broken(2), 'holds part 1, not part 2');
    await refused(broken(2), broken(2), 'part 1 of 3', '-00001-of-00003.gguf');
  });

  test('parts of different models', async () => {
    const other = (tensors: TestTensor[], count: TestValue, all: number) =>
      writeGguf(
        broken(2),
        { 'split.no': { uint16: 1 }, 'split.count': count, 'split.tensors.count': { int32: all } },
        tensors,
      );
    other(base.slice(1, 3), { uint16: COUNT }, 5);
    await refused(broken(1), broken(2), 'different models');
    other(base.slice(1, 3), { uint16: 2 }, 4);
    await refused(broken(1), broken(2), 'part 2 of 2', '3 parts');
    other(base.slice(0, 2), { uint16: COUNT }, 4);
    await refused(broken(1), broken(2), "'token_embd.weight'", broken(1));
    other(base.slice(1, 2), { uint16: COUNT }, 4);
    await refused(broken(1), broken(1), '3 tensors', '4');
    copyFileSync(at('base.gguf'), broken(2));
    await refused(broken(1), broken(2), 'no part of a split model');
  });

  test('a damaged, truncated or foreign part is named', async () => {
    writeFileSync(broken(3), readFileSync(broken(3)).subarray(0, 200));
    expect(await failure(() => readGguf(broken(1)))).toMatchObject({ code: 'truncated', file: broken(3) });
    writeFileSync(broken(3), '<!doctype html>');
    expect(await failure(() => readGguf(broken(1)))).toMatchObject({ code: 'not_gguf', file: broken(3) });
  });

  test('impossible numbers', async () => {
    const write = (no: TestValue, count: TestValue) =>
      writeGguf(broken(1), { ...modelMetadata, 'split.no': no, 'split.count': count }, base.slice(0, 1));
    write({ uint16: 9 }, { uint16: 3 });
    await refused(broken(1), broken(1), 'does not say which');
    write({ int32: -1 }, { int32: 3 });
    await refused(broken(1), broken(1), 'does not say which');
    write(0, 2n ** 40n);
    await refused(broken(1), broken(1), 'more than any model');
    write(0, -1 >>> 0);
    await refused(broken(1), broken(1), 'more than any model');
  });

  test('a part that is cut while it is read', async () => {
    const large = { shape: [1024, 1024], raw: new Uint8Array(1 << 22) };
    const all = Array.from({ length: 33 }, (_, i) => ({ name: `blk.${i}.ffn_up.weight`, ...large }));
    const [first, second] = [all.slice(0, 1), all.slice(1)].map((share, i) =>
      writeGguf(
        partPath('broken/cut', i + 1, 2),
        { ...(i === 0 ? modelMetadata : {}), 'split.no': i, 'split.count': 2 },
        share,
      ),
    );
    let cut = false;
    const job = fingerprint(first as string, {
      threads: 1,
      onProgress: () => {
        if (!cut) truncateSync(second as string, 1 << 22);
        cut = true;
      },
    });
    expect(await failure(() => job)).toMatchObject({ code: 'truncated', file: second });
  });
});
