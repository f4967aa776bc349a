/** What works on numbers as they are stored: selection from 16-bit vectors, and every instruction set's kernels. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type BakeOptions, bake } from '../../native-merge/index.js';
import { fromBf16, fromHalf, toBf16, toHalf, writeGguf } from './helpers/gguf.ts';
import { largest, withoutOutliers } from './helpers/reference.ts';
import {
  bakeValues,
  bytesOf,
  failure,
  gaussian,
  vectorMetadata,
  WEIGHT,
  workspace,
  writeAdapter,
  writeModel,
  writeVector,
} from './helpers/workspace.ts';

const at = workspace();

describe('the largest of a tensor as it is stored', () => {
  // Enough entries for the threshold to be bracketed by a sample.
  const shape = [1024, 1100];
  const count = 1024 * 1100;
  const stored = {
    F16: (x: number) => fromHalf(toHalf(x)),
    BF16: (x: number) => fromBf16(toBf16(x)),
    F32: (x: number) => x,
  };
  const options = (density: number): BakeOptions => ({
    base: at('base.gguf'),
    out: at('out.gguf'),
    type: 'f32',
    method: 'ties',
    vectors: [{ path: at('vector.gguf'), id: 'a', weight: 1, density }],
  });
  writeModel(at('base.gguf'), shape, new Float32Array(count));

  /** What must be kept, computed on the values that the file holds. */
  const expected = (delta: Float32Array, keep: boolean[]) => delta.map((x, i) => (keep[i] ? x : 0));

  for (const type of ['F16', 'BF16', 'F32'] as const) {
    const delta = gaussian(count, 1, 0.01).map(stored[type]);
    test.each([0.001, 0.3, 0.999])(`${type}: a share of %f, ties by index`, async density => {
      writeVector(at('vector.gguf'), shape, delta, type);
      expect(await bakeValues(options(density))).toEqual(expected(delta, largest(delta, density)));
    });
  }

  test('when the sample misleads', async () => {
    // The selector looks at 64 entries every 1088: all of them small, and none of the others.
    const delta = gaussian(count, 2, 0.01).map((x, i) => stored.F16(i % 1088 < 64 ? x / 1000 : x));
    writeVector(at('vector.gguf'), shape, delta, 'F16');
    expect(await bakeValues(options(0.5))).toEqual(expected(delta, largest(delta, 0.5)));
  });

  test('when half of all are equal', async () => {
    const delta = gaussian(count, 3, 0.01).map((x, i) => stored.F16(i % 2 ? x : 0.01 * (i % 4 ? 1 : -1)));
    writeVector(at('vector.gguf'), shape, delta, 'F16');
    expect(await bakeValues(options(0.4))).toEqual(expected(delta, largest(delta, 0.4)));
  });

  test('but for the very largest', async () => {
    const delta = gaussian(count, 4, 0.01).map(stored.BF16);
    writeVector(at('vector.gguf'), shape, delta, 'BF16');
    const kept = withoutOutliers(delta, 0.3, 0.1);
    expect(await bakeValues({ ...options(0.3), method: 'breadcrumbs', gamma: 0.1 })).toEqual(
      expected(delta, kept),
    );
  });

  test.each(['task_arithmetic', 'ties', 'dare_linear', 'breadcrumbs'] as const)(
    '%s: NaN and infinity are refused wherever they are',
    async method => {
      for (const [type, bits] of [
        ['F16', 0x7c00],
        ['BF16', 0xffc1],
      ] as const) {
        const raw = new Uint16Array(count);
        raw[count - 3] = bits;
        const values = { name: WEIGHT, shape, type, raw: new Uint8Array(raw.buffer) };
        writeGguf(at('vector.gguf'), vectorMetadata, [values]);
        const sparse = method === 'task_arithmetic' ? {} : { density: 0.01 };
        const vectors = [{ path: at('vector.gguf'), id: 'a', weight: 1, ...sparse }];
        expect(await failure(() => bake({ ...options(1), method, vectors }))).toMatchObject({
          code: 'not_finite',
          file: at('vector.gguf'),
          tensor: WEIGHT,
        });
      }
    },
  );
});

test('changes that leave float32 when they are rescaled are refused', async () => {
  writeModel(at('small-base.gguf'), [64, 4], new Float32Array(256));
  writeVector(at('huge.gguf'), [64, 4], new Float32Array(256).fill(3e38));
  const job = {
    base: at('small-base.gguf'),
    out: at('too-large.gguf'),
    type: 'f32',
    method: 'della_linear',
    vectors: [{ path: at('huge.gguf'), id: 'a', weight: 1, density: 0.5 }],
  } satisfies BakeOptions;
  expect(await failure(() => bake(job))).toMatchObject({ code: 'not_finite', file: at('too-large.gguf') });
});

describe('every instruction set gives the same bytes, mapped files and read ones too', () => {
  // An odd number of entries: no kernel's width divides it.
  const shape: [number, number] = [1025, 1045];
  const count = shape[0] * shape[1];
  writeModel(at('mixed-base.gguf'), shape, gaussian(count, 10), 'BF16');
  const vectors = (['F16', 'BF16', 'F32'] as const).map((type, i) => ({
    path: writeVector(at(`mixed-${type}.gguf`), shape, gaussian(count, 11 + i, 0.01), type),
    id: type as string,
    weight: [0.7, -0.4, 1.3][i] ?? 1,
  }));
  writeAdapter(at('mixed-adapter.gguf'), shape, 5, gaussian(1025 * 5, 14, 0.1), gaussian(1045 * 5, 15, 0.1));
  vectors.push({ path: at('mixed-adapter.gguf'), id: 'adapter', weight: 0.2 });

  const script = `
    import { bake } from ${JSON.stringify(fileURLToPath(new URL('../../native-merge/index.js', import.meta.url)))};
    await bake(JSON.parse(process.argv[1]));`;
  const run = (out: string, variables: NodeJS.ProcessEnv, options: Partial<BakeOptions>) => {
    const all = { base: at('mixed-base.gguf'), out: at(out), vectors, ...options };
    const args = ['--input-type=module', '-e', script, JSON.stringify(all)];
    const env = { ...process.env, ...variables };
    expect(spawnSync(process.execPath, args, { encoding: 'utf8', env })).toMatchObject({
      status: 0,
      stderr: '',
    });
    return bytesOf(at(out));
  };

  test.each([
    { method: 'task_arithmetic', type: 'f16' },
    { method: 'dare_linear', type: 'bf16', vectors: vectors.map(vector => ({ ...vector, density: 0.3 })) },
    { method: 'dare_ties', type: 'f32' },
    { method: 'ties', type: 'f16', election: 'unweighted' },
    { method: 'della', type: 'f16' },
    { method: 'sce', type: 'f16', selectTopk: 0.2 },
  ] satisfies Partial<BakeOptions>[])('$method to $type', options => {
    const fastest = run('fastest.gguf', {}, options);
    for (const variables of [
      { TEMPERAMENT_CPU: 'avx2' },
      { TEMPERAMENT_CPU: 'portable' },
      { TEMPERAMENT_MAP: 'off' },
    ]) {
      expect(run('other.gguf', variables, options).equals(fastest)).toBe(true);
    }
  });
});
