/** Jobs that must not leave anything behind: cancelled, out of space, on damaged or vanishing files, wrongly asked. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import {
  assemble,
  type BakeOptions,
  bake,
  compare,
  devices,
  expand,
  extract,
  factorize,
  fingerprint,
  type JobProgress,
  NativeMergeError,
  readGguf,
} from '../../native-merge/index.js';
import { writeGguf } from './helpers/gguf.ts';
import {
  failure,
  filesIn,
  gaussian,
  modelMetadata,
  vectorMetadata,
  WEIGHT,
  workspace,
  writeModel,
  writeVector,
} from './helpers/workspace.ts';

const at = workspace();
const shape = [256, 200];
const count = 256 * 200;
writeModel(at('base.gguf'), shape, gaussian(count, 1));
writeVector(at('vector.gguf'), shape, gaussian(count, 2));

/** 32 matrices of 4 MiB, quick to write: long enough to stop in the middle. */
const large = new Uint8Array(1 << 22);
const names = Array.from({ length: 32 }, (_, i) => `blk.${i}.ffn_up.weight`);
for (const [file, metadata] of [
  ['large.gguf', modelMetadata],
  ['large-vector.gguf', vectorMetadata],
] as const) {
  writeGguf(
    at(file),
    metadata,
    names.map(name => ({ name, shape: [1024, 1024], raw: large })),
  );
}

const outputs = at('outputs');
mkdirSync(outputs);

const disk = at('disk');
mkdirSync(disk);
const mounted =
  process.platform === 'linux' &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=140m', 'native-merge-test', disk]).status === 0;
if (!mounted) console.warn('SKIPPED: full-disk tests need the right to mount a tmpfs (root on Linux).');
afterAll(() => {
  if (mounted) spawnSync('umount', [disk]);
});

function options(changes: Partial<BakeOptions> = {}): BakeOptions {
  return {
    base: at('base.gguf'),
    out: `${outputs}/out.gguf`,
    type: 'f32',
    method: 'task_arithmetic',
    vectors: [{ path: at('vector.gguf'), id: 'a', weight: 1 }],
    ...changes,
  };
}
/** On one thread, so that there is a middle also where other programs keep this one waiting. */
const largeOptions = (changes: Partial<BakeOptions> = {}) =>
  options({
    threads: 1,
    base: at('large.gguf'),
    method: 'ties',
    vectors: [{ path: at('large-vector.gguf'), id: 'a', weight: 1, density: 0.5 }],
    ...changes,
  });

describe('progress', () => {
  test('rises to its total and names the tensor', async () => {
    const seen: JobProgress[] = [];
    await bake(largeOptions({ out: at('large-out.gguf') }), { onProgress: progress => seen.push(progress) });
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)).toMatchObject({ unit: 'bytes', tensor: names.at(-1) });
    for (const [i, { done, total }] of seen.entries()) {
      expect(done).toBeGreaterThanOrEqual(seen[i - 1]?.done ?? 0);
      expect(done).toBeLessThanOrEqual(total);
    }
    expect(seen.at(-1)?.done).toBe(seen.at(-1)?.total);
  });
});

describe('cancelling', () => {
  test.each<[Partial<BakeOptions>]>([
    [{ method: 'task_arithmetic' }],
    [{ method: 'dare_linear' }],
    [{ method: 'ties' }],
    [{ method: 'ties', trim: 'vector' }],
    [{ method: 'breadcrumbs' }],
    [{ method: 'della', rescale: 'l1' }],
    [{ method: 'sce', selectTopk: 0.5 }],
    [{ method: 'slerp' }],
  ])('%o stops at once and leaves nothing', async changes => {
    const controller = new AbortController();
    let aborted = 0;
    const job = bake(
      largeOptions({ ...changes, vectors: [{ path: at('large-vector.gguf'), id: 'a', weight: 0.5 }] }),
      {
        signal: controller.signal,
        onProgress: ({ done, total }) => {
          if (aborted || done === total) return;
          aborted = Date.now();
          controller.abort();
        },
      },
    );
    expect(await failure(() => job)).toMatchObject({ code: 'cancelled' });
    expect(Date.now() - aborted).toBeLessThan(1000);
    expect(filesIn(outputs)).toEqual([]);
  });

  test('before it begins', async () => {
    const error = await failure(() => bake(options(), { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ code: 'cancelled' });
  });

  test('extract, fingerprint and factorize too', async () => {
    const stop = () => {
      const controller = new AbortController();
      return { signal: controller.signal, onProgress: () => controller.abort() };
    };
    const inputs = { base: at('large.gguf'), tuned: at('large.gguf') };
    expect(await failure(() => extract({ ...inputs, out: `${outputs}/v.gguf` }, stop()))).toMatchObject({
      code: 'cancelled',
    });
    expect(await failure(() => fingerprint(at('large.gguf'), stop()))).toMatchObject({ code: 'cancelled' });
    const vector = { vector: at('large-vector.gguf'), out: `${outputs}/a.gguf` };
    expect(await failure(() => factorize(vector, stop()))).toMatchObject({ code: 'cancelled' });
    expect(filesIn(outputs)).toEqual([]);
  });

  test('an existing file stays as it was', async () => {
    writeFileSync(at('kept.gguf'), 'precious');
    await failure(() => bake(largeOptions({ out: at('kept.gguf') }), { signal: AbortSignal.timeout(5) }));
    expect(readFileSync(at('kept.gguf'), 'utf8')).toBe('precious');
  });
});

describe('the end of the process', () => {
  const script = (end: string) => `
    import { bake } from ${JSON.stringify(fileURLToPath(new URL('../../native-merge/index.js', import.meta.url)))};
    const options = ${JSON.stringify(largeOptions())};
    bake(options, { onProgress: () => { ${end} } }).catch(error => console.log(error.code));`;
  /**
   * Ends the process at the first word of progress. On a busy machine the whole file may be there by then, as it may at any
   * time: then once more.
   */
  function run(end: string) {
    for (let attempt = 0; attempt < 10; attempt++) {
      const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script(end)], {
        encoding: 'utf8',
      });
      if (!existsSync(`${outputs}/out.gguf`)) return ended;
      expect(readGguf(`${outputs}/out.gguf`).tensors).toHaveLength(names.length);
      rmSync(`${outputs}/out.gguf`);
    }
    throw new Error('The job was never ended in the middle.');
  }

  test('process.exit in the middle: no crash, nothing left', () => {
    expect(run('process.exit(7)')).toMatchObject({ status: 7, signal: null });
    expect(filesIn(outputs)).toEqual([]);
  });

  test.skipIf(process.platform !== 'linux')('kill -9 in the middle: nothing left', () => {
    expect(run("process.kill(process.pid, 'SIGKILL')")).toMatchObject({ signal: 'SIGKILL' });
    expect(filesIn(outputs)).toEqual([]);
  });
});

describe('a full disk', () => {
  const hog = `${disk}/hog`;
  const take = (megabytes: number) => {
    rmSync(hog, { force: true });
    expect(spawnSync('fallocate', ['-l', `${megabytes}m`, hog]).status).toBe(0);
  };

  test.skipIf(!mounted)('is found before the work', async () => {
    take(139);
    const error = await failure(() => bake(largeOptions({ out: `${disk}/out.gguf` })));
    expect(error).toMatchObject({ code: 'no_space', file: `${disk}/out.gguf` });
    expect(error.message).toMatch(/128\.0 MiB needed, 1\.0 MiB available/);
    expect(filesIn(disk)).toEqual(['hog']);
  });

  test.skipIf(!mounted)('is found in the middle, when someone else takes the room', async () => {
    rmSync(hog, { force: true });
    let taken = false;
    const job = bake(largeOptions({ out: `${disk}/out.gguf` }), {
      onProgress: () => {
        if (!taken) take(100);
        taken = true;
      },
    });
    const error = await failure(() => job);
    expect(error).toMatchObject({ code: 'no_space', file: `${disk}/out.gguf` });
    expect(error.message).toMatch(/128\.0 MiB needed/);
    expect(filesIn(disk)).toEqual(['hog']);
  });
});

describe('damaged inputs', () => {
  test.each([
    ['to a part of it', () => 1 << 22],
    ['by five bytes', (size: number) => size - 5],
  ])('a file that shrinks %s while it is read', async (_, left) => {
    writeGguf(
      at('shrinking.gguf'),
      modelMetadata,
      names.map(name => ({ name, shape: [1024, 1024], raw: large })),
    );
    let cut = false;
    const job = bake(largeOptions({ base: at('shrinking.gguf') }), {
      onProgress: () => {
        if (!cut) truncateSync(at('shrinking.gguf'), left(statSync(at('shrinking.gguf')).size));
        cut = true;
      },
    });
    expect(await failure(() => job)).toMatchObject({ code: 'truncated', file: at('shrinking.gguf') });
    expect(filesIn(outputs)).toEqual([]);
  });

  test.each([
    ['base', Number.NaN],
    ['vector', Number.NEGATIVE_INFINITY],
  ] as const)('a bad weight in the %s', async (where, bad) => {
    const values = gaussian(count, 3);
    values[count >> 1] = bad;
    if (where === 'base') writeModel(at('bad.gguf'), shape, values);
    else writeVector(at('bad.gguf'), shape, values);
    for (const method of ['task_arithmetic', 'dare_linear', 'ties'] as const) {
      const changes: Partial<BakeOptions> =
        where === 'base'
          ? { base: at('bad.gguf') }
          : { vectors: [{ path: at('bad.gguf'), id: 'a', weight: 1 }] };
      const error = await failure(() => bake(options({ method, ...changes })));
      expect(error).toMatchObject({ code: 'not_finite', file: at('bad.gguf'), tensor: WEIGHT });
      expect(filesIn(outputs)).toEqual([]);
    }
  });

  test('also where no vector reaches', async () => {
    const values = gaussian(64, 4);
    values[63] = Number.NaN;
    writeGguf(at('bad.gguf'), modelMetadata, [
      { name: 'blk.0.other.weight', shape: [8, 8], values, type: 'F16' },
    ]);
    const error = await failure(() => bake(options({ base: at('bad.gguf'), type: 'f16', vectors: [] })));
    expect(error).toMatchObject({ code: 'not_finite', tensor: 'blk.0.other.weight' });
  });

  test.each([
    [
      'of another architecture',
      { ...vectorMetadata, 'general.architecture': 'qwen2' },
      [256, 200],
      WEIGHT,
      "'qwen2'",
    ],
    ['of another shape', vectorMetadata, [200, 256], WEIGHT, '[200, 256]'],
    ['for a tensor that is not there', vectorMetadata, [256, 200], 'blk.9.x.weight', 'blk.9.x.weight'],
    ['that is a model', modelMetadata, [256, 200], WEIGHT, 'no personality vector'],
    ['of an unknown kind', { ...vectorMetadata, 'general.type': 'imatrix' }, [256, 200], WEIGHT, 'imatrix'],
  ])('a vector %s', async (_name, metadata, size, name, words) => {
    writeGguf(at('other.gguf'), metadata, [{ name, shape: size, values: gaussian(count, 5) }]);
    const error = await failure(() =>
      bake(options({ vectors: [{ path: at('other.gguf'), id: 'a', weight: 0 }] })),
    );
    expect(error).toMatchObject({ code: 'mismatch', file: at('other.gguf') });
    expect(error.message).toContain(words);
  });

  test('a vector in the place of the base, and paths that lead nowhere', async () => {
    expect(await failure(() => bake(options({ base: at('vector.gguf') })))).toMatchObject({
      code: 'mismatch',
    });
    expect(await failure(() => bake(options({ base: at('gone.gguf') })))).toMatchObject({
      code: 'io',
      file: at('gone.gguf'),
    });
    expect(await failure(() => bake(options({ out: at('no/such/folder.gguf') })))).toMatchObject({
      code: 'io',
    });
    expect(await failure(() => bake(options({ out: outputs })))).toMatchObject({ code: 'io' });
  });

  test('the output must not be an input', async () => {
    const before = readFileSync(at('vector.gguf'));
    for (const out of [at('base.gguf'), at('vector.gguf'), at('./outputs/../vector.gguf')]) {
      expect(await failure(() => bake(options({ out })))).toMatchObject({
        code: 'invalid_argument',
        file: out,
      });
    }
    expect(readFileSync(at('vector.gguf')).equals(before)).toBe(true);
  });

  test.skipIf(process.getuid?.() === 0)('a folder without permission', async () => {
    const locked = at('locked');
    mkdirSync(locked);
    chmodSync(locked, 0o500);
    expect(await failure(() => bake(options({ out: `${locked}/out.gguf` })))).toMatchObject({ code: 'io' });
  });
});

describe('arguments', () => {
  const vector = { path: at('vector.gguf'), id: 'a', weight: 1 };
  test.each([
    [{ type: 'q9_0' }, 'type'],
    [{ type: 'q8_0', imatrix: 'im.gguf' }, 'imatrix'],
    [{ method: 'sleep' }, 'method'],
    [{ method: 'slerp', vectors: [] }, 'slerp'],
    [{ method: 'nuslerp' }, 'nuslerp'],
    [{ method: 'model_stock' }, 'model_stock'],
    [{ method: 'karcher', vectors: [{ ...vector, weight: [1, -1] }] }, 'weight'],
    [{ method: 'slerp', normalize: true }, 'normalize'],
    [{ method: 'ties', gamma: 0.1 }, 'gamma'],
    [{ method: 'dare_linear', election: 'unweighted' }, 'election'],
    [{ method: 'dare_ties', trim: 'vector' }, 'trim'],
    [{ method: 'ties', trim: 'model' }, 'trim'],
    [{ method: 'ties', election: 'count' }, 'election'],
    [{ method: 'breadcrumbs', gamma: -0.1 }, 'gamma'],
    [{ method: 'della', epsilon: 0.5 }, 'epsilon'],
    [{ method: 'della', vectors: [{ ...vector, density: 0.9 }] }, 'epsilon'],
    [{ method: 'sce', selectTopk: 0 }, 'selectTopk'],
    [{ method: 'sce', vectors: [{ ...vector, density: 0.5 }] }, 'density'],
    [{ vectors: [{ ...vector, weight: [] }] }, 'weight'],
    [{ vectors: [{ ...vector, weights: [{ filter: '', weight: 1 }] }] }, 'filter'],
    [{ vectors: [{ ...vector, weights: [{ filter: 'attn' }] }] }, 'weight'],
    [{ embeddings: 'in' }, 'embeddings'],
    [{ outputHead: 0 }, 'outputHead'],
    [{ vectors: 'none' }, 'vectors'],
    [{ vectors: [{ ...vector, weight: Number.NaN }] }, 'weight'],
    [{ vectors: [{ ...vector, weight: '1' }] }, 'weight'],
    [{ vectors: [{ ...vector, id: '' }] }, 'id'],
    [{ vectors: [vector, vector] }, 'id'],
    [{ vectors: [{ ...vector, path: 7 }] }, 'path'],
    [{ vectors: [{ ...vector, density: 0.5 }] }, 'density'],
    [{ method: 'ties', vectors: [{ ...vector, density: 0 }] }, 'density'],
    [{ method: 'ties', vectors: [{ ...vector, density: 1.01 }] }, 'density'],
    [{ lambda: Number.POSITIVE_INFINITY }, 'lambda'],
    [{ seed: -1 }, 'seed'],
    [{ seed: 2n ** 64n }, 'seed'],
    [{ rescale: 'twice' }, 'rescale'],
    [{ normalize: 1 }, 'normalize'],
    [{ threads: 1.5 }, 'threads'],
    [{ stretch: 1000 }, 'stretch'],
    [{ metadata: { 'general.type': 'x' } }, 'general.type'],
    [{ metadata: { x: Number.NaN } }, 'x'],
    [{ metadata: { x: {} } }, 'x'],
    [{ out: '' }, 'out'],
    [{ base: undefined }, 'base'],
    [{ lamda: 2 }, 'lamda'],
    [{ vectors: [{ ...vector, wieght: 1 }] }, 'wieght'],
    [{ vectors: [{ ...vector, weights: [{ filter: 'a', weigth: 1 }] }] }, 'weigth'],
  ])('%o', async (changes, name) => {
    const error = await failure(() => bake({ ...options(), ...(changes as Partial<BakeOptions>) }));
    expect(error).toBeInstanceOf(NativeMergeError);
    expect(error.code).toBe('invalid_argument');
    expect(error.message).toContain(name);
  });

  test('misspelt, of the other functions', async () => {
    const file = at('vector.gguf');
    const calls: Record<string, (wrong: object) => Promise<unknown>> = {
      extract: wrong => extract({ base: file, tuned: file, out: at('x'), ...wrong }),
      factorize: wrong => factorize({ vector: file, out: at('x'), ...wrong }),
      expand: wrong => expand({ adapter: file, out: at('x'), ...wrong }),
      assemble: wrong => assemble({ out: at('x'), metadata: [], tensors: [], ...wrong }),
      compare: wrong => compare([file], wrong),
      fingerprint: wrong => fingerprint(file, wrong),
      'The watch of bake': wrong => bake(options(), wrong),
    };
    for (const [name, call] of Object.entries(calls)) {
      expect(await failure(() => call({ thread: 1 }))).toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining(`${name} takes no thread.`),
      });
    }
  });
});

describe('several at once', () => {
  test('two bakes to one name: one of the two results, whole', async () => {
    const [a, b] = [at('a.gguf'), at('b.gguf')];
    await bake(options({ out: a }));
    await bake(options({ out: b, lambda: 2 }));
    const out = `${outputs}/same.gguf`;
    await Promise.all([1, 2, 1, 2, 1, 2].map(lambda => bake(options({ out, lambda }))));
    const result = readFileSync(out);
    expect([a, b].some(path => readFileSync(path).equals(result))).toBe(true);
    expect(filesIn(outputs)).toEqual(['same.gguf']);
  });
});

test('devices: at least the CPU', () => {
  const [cpu] = devices().filter(({ type }) => type === 'cpu');
  expect(cpu).toMatchObject({ name: 'CPU' });
  expect(cpu?.memoryTotal).toBeGreaterThan(0);
  expect(cpu?.memoryFree).toBeLessThanOrEqual(cpu?.memoryTotal ?? 0);
  expect(existsSync(at('base.gguf'))).toBe(true);
});
