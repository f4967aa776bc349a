/** Merging on a device, against merging on the CPU. */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type BakeOptions,
  type BakeResult,
  bake,
  expand,
  type FactorizeOptions,
  type FactorizeResult,
  factorize,
  type MergeMethod,
} from '../../native-merge/index.js';
import { device } from './helpers/device.ts';
import { ggufBytes, type StoredType } from './helpers/gguf.ts';
import { matrixOf } from './helpers/random.ts';
import {
  bytesOf,
  failure,
  filesIn,
  gaussian,
  random,
  valuesIn,
  vectorMetadata,
  WEIGHT,
  workspace,
  writeAdapter,
  writeModel,
  writeVector,
} from './helpers/workspace.ts';

const at = workspace();
const name = device?.name ?? '';
const shape: [number, number] = [320, 700];
const entries = shape[0] * shape[1];
/** Chunks of a few rows, so that there are many, and the last is shorter. */
const stretch = 8192;

type Options = Omit<BakeOptions, 'base' | 'out'> & { base?: string };

async function baked(options: Options): Promise<{ bytes: Buffer; values: Float32Array; result: BakeResult }> {
  const out = at('out.gguf');
  const result = await bake({ base: at('base.gguf'), ...options, out });
  return { bytes: bytesOf(out), values: options.type === 'f32' ? valuesIn(out) : new Float32Array(), result };
}

/** The result on the device, which must be the CPU's to the last bit. */
async function sameOnBoth(options: Options): Promise<BakeResult> {
  const cpu = await baked({ ...options, device: 'cpu' });
  const there = await baked({ ...options, device: name });
  expect(there.bytes.equals(cpu.bytes)).toBe(true);
  expect(cpu.result.device).toBe('cpu');
  return there.result;
}

const vectors = (['F16', 'BF16', 'F32', 'Q8_0'] as StoredType[]).map((type, v) => ({
  path: writeVector(at(`${type}.gguf`), shape, gaussian(entries, v + 1, 2e-5 * 8 ** v), type),
  id: type,
  weight: [0.7, 1.3, -0.4, 0.9][v] ?? 0,
}));
writeModel(at('base.gguf'), shape, gaussian(entries, 99, 0.05), 'F16');

describe.skipIf(!device)(`dense vectors on ${name}: the bits of the CPU`, () => {
  test.each([
    { method: 'task_arithmetic', type: 'f16' },
    { method: 'task_arithmetic', type: 'f32', normalize: true, lambda: 0.3 },
    { method: 'dare_linear', type: 'f32', density: 0.3 },
    { method: 'dare_linear', type: 'q8_0', rescale: 'l1' },
    { method: 'dare_ties', type: 'f32', density: 0.37, normalize: true },
    { method: 'dare_ties', type: 'bf16', election: 'unweighted', density: 0.6 },
    { method: 'ties', type: 'f32' },
    { method: 'ties', type: 'f16', normalize: false },
    { method: 'ties', type: 'f32', election: 'unweighted' },
    { method: 'ties', type: 'f32', trim: 'vector', density: 0.1 },
    { method: 'breadcrumbs', type: 'f32' },
    { method: 'breadcrumbs_ties', type: 'q8_0' },
  ] satisfies (Omit<Options, 'vectors'> & { density?: number })[])(
    '%j',
    async ({ density, ...options }: Omit<Options, 'vectors'> & { density?: number }) => {
      const given = { ...options, vectors: vectors.map(vector => ({ ...vector, density })) };
      const inOne = await sameOnBoth(given);
      expect(inOne).toMatchObject({ device: name, deviceTensors: 1, notes: [] });
      await sameOnBoth({ ...given, stretch, threads: 3, seed: 5 });
    },
  );

  test('ties at the threshold, cut within a chunk', async () => {
    const next = random(4);
    const few = [0, 1].map(v => ({
      path: writeVector(
        at(`few-${v}.gguf`),
        shape,
        Float32Array.from({ length: entries }, () => (Math.floor(next() * 5) - 2) / 1024),
        'F16',
      ),
      id: `few ${v}`,
      weight: 1,
      density: 0.5 + v / 10,
    }));
    const result = await sameOnBoth({ method: 'ties', type: 'f32', vectors: few, stretch });
    expect(result.device).toBe(name);
  });

  test('a base with zeros of both signs keeps them', async () => {
    const zeros = writeModel(
      at('zeros.gguf'),
      shape,
      Float32Array.from({ length: entries }, (_, i) => (i % 3 ? -0 : 0)),
    );
    const sparse = Float32Array.from({ length: entries }, (_, i) => (i % 2 ? 0 : 0.001));
    const path = writeVector(at('sparse.gguf'), shape, sparse);
    const result = await sameOnBoth({
      base: zeros,
      method: 'task_arithmetic',
      type: 'f32',
      vectors: [{ path, id: 'sparse', weight: -1 }],
    });
    expect(result.device).toBe(name);
  });
});

describe.skipIf(!device)(`low-rank vectors on ${name}`, () => {
  const rank = 24;
  const a = gaussian(rank * shape[0], 11, 0.03);
  const b = gaussian(rank * shape[1], 12, 0.02);
  const adapter = {
    path: writeAdapter(at('adapter.gguf'), shape, rank, a, b, 48),
    id: 'adapter',
    weight: 0.8,
  };
  const base = writeModel(at('base-f32.gguf'), shape, gaussian(entries, 98, 0.05));
  /** What a product may be off by, and a rounding of the sum. */
  const tolerance = (entry: number, value: number) => {
    const [row, column] = [Math.floor(entry / shape[0]), entry % shape[0]];
    let size = 0;
    for (let k = 0; k < rank; k++)
      size += Math.abs((b[row * rank + k] ?? 0) * (a[k * shape[0] + column] ?? 0));
    return 2 * 0.8 * 2e-6 * size + 2 ** -23 * Math.abs(value);
  };

  test.each([{ method: 'task_arithmetic' }, { method: 'dare_linear', density: 0.5 }] as const)(
    '$method: B·A in float32, whatever the device multiplies with',
    async ({ method, ...rest }) => {
      const options: Options = { base, method, type: 'f32', vectors: [{ ...adapter, ...rest }] };
      const cpu = await baked({ ...options, device: 'cpu' });
      const untouched = valuesIn(base);
      for (const size of [undefined, stretch]) {
        const there = await baked({ ...options, device: name, stretch: size });
        expect(there.result).toMatchObject({ device: name, deviceTensors: 1, notes: [] });
        let [off, kept] = [0, 0];
        for (const [i, value] of cpu.values.entries()) {
          const mine = there.values[i] ?? NaN;
          if (!(Math.abs(mine - value) <= tolerance(i, value) * (method === 'dare_linear' ? 2 : 1))) off++;
          // The mask is the CPU's.
          if ((value === untouched[i]) !== (mine === untouched[i])) off++;
          if (value !== untouched[i]) kept++;
        }
        expect(off).toBe(0);
        expect(kept / entries).toBeCloseTo(method === 'dare_linear' ? 0.5 : 1, 1);
      }
    },
  );

  test('beside dense ones', async () => {
    const options: Options = {
      base,
      method: 'task_arithmetic',
      type: 'f32',
      vectors: [adapter, ...vectors.slice(0, 2)],
    };
    const cpu = await baked({ ...options, device: 'cpu' });
    const there = await baked({ ...options, device: name, stretch });
    expect(there.result.device).toBe(name);
    const off = cpu.values.filter(
      (value, i) => !(Math.abs((there.values[i] ?? NaN) - value) <= tolerance(i, value)),
    );
    expect(off.length).toBe(0);
  });

  test('where signs are elected, the CPU multiplies out', async () => {
    const result = await sameOnBoth({ method: 'ties', type: 'f32', vectors: [adapter, ...vectors] });
    expect(result).toMatchObject({ device: 'cpu', deviceTensors: 0, notes: [{ code: 'device_fallback' }] });
    expect(result.deviceReason).toContain(name);
  });
});

describe.skipIf(!device)('what a device is not for', () => {
  test.each(['sce', 'della', 'model_stock'] as MergeMethod[])(
    '%s goes to the CPU and says so',
    async method => {
      const result = await sameOnBoth({ method, type: 'f16', vectors });
      expect(result).toMatchObject({ device: 'cpu', deviceTensors: 0, notes: [{ code: 'device_fallback' }] });
      expect(result.notes).toHaveLength(1);
    },
  );

  test('numbers that are not finite are found as on the CPU', async () => {
    const bad = gaussian(entries, 3);
    bad[entries - 1] = Number.NaN;
    const path = writeVector(at('nan.gguf'), shape, bad, 'F16');
    const error = await failure(() =>
      baked({
        method: 'task_arithmetic',
        type: 'f32',
        device: name,
        vectors: [{ path, id: 'nan', weight: 1 }],
      }),
    );
    expect(error).toMatchObject({ code: 'not_finite', file: path, tensor: WEIGHT });
  });
});

test('an unknown device is refused, with the names of those that there are', async () => {
  rmSync(at('out.gguf'), { force: true });
  const error = await failure(() =>
    baked({ method: 'task_arithmetic', type: 'f16', vectors, device: 'CUDA9' }),
  );
  expect(error.code).toBe('invalid_argument');
  expect(error.message).toContain('CUDA9');
  for (const known of ['auto', 'cpu', name]) expect(error.message).toContain(known);
  expect(filesIn(at('.'))).not.toContain('out.gguf');
});

/** A model and vectors of zeros, which take no space on the disk. */
function large(columns: number, rows: number): Options {
  const write = (path: string, metadata: Record<string, string>) => {
    // The header of a tensor without its data, then a hole.
    const header = ggufBytes(metadata, [
      { name: WEIGHT, shape: [columns, rows], type: 'F16', raw: new Uint8Array() },
    ]);
    writeFileSync(path, header);
    const file = openSync(path, 'r+');
    ftruncateSync(file, header.length + columns * rows * 2);
    closeSync(file);
    return path;
  };
  return {
    base: write(at('large.gguf'), { 'general.architecture': 'llama', 'general.type': 'model' }),
    method: 'task_arithmetic',
    type: 'f16',
    vectors: [0, 1].map(v => ({
      path: write(at(`large-${v}.gguf`), vectorMetadata),
      id: String(v),
      weight: 1,
    })),
  };
}

describe("'auto'", () => {
  test('is the default, and leaves small jobs to the CPU', async () => {
    const { result } = await baked({ method: 'task_arithmetic', type: 'f16', vectors });
    expect(result).toMatchObject({ device: 'cpu', deviceTensors: 0, notes: [] });
    expect(result.deviceReason).toMatch(/too small/);
    expect(result.measured).toBeUndefined();
  });

  test.skipIf(!device)('measures once, takes the faster, and says both speeds', async () => {
    const job = large(8192, 4100);
    const { result } = await baked(job);
    const { measured } = result;
    expect(measured?.device).toBe(name);
    const faster = (measured?.deviceWeightsPerSecond ?? 0) > (measured?.cpuWeightsPerSecond ?? 0);
    expect(result.device).toBe(faster ? name : 'cpu');
    expect(result.deviceTensors).toBe(faster ? 1 : 0);
    expect(result.deviceReason).toMatch(faster ? /^\S+ is faster here/ : /^The CPU is faster here/);
    // No processor is slower than a graphics card that is made of it.
    if (device?.description.includes('llvmpipe')) expect(result.device).toBe('cpu');
    expect((await baked(job)).result.measured).toEqual(measured);
  });
});

describe.skipIf(!device)(`a job on ${name}`, () => {
  test('is cancelled within a second, and leaves nothing', async () => {
    const job = large(8192, 4096);
    rmSync(at('out.gguf'), { force: true });
    const abort = new AbortController();
    let cancelled = 0;
    const error = await failure(() =>
      bake(
        { ...job, base: job.base ?? '', out: at('out.gguf'), device: name },
        {
          signal: abort.signal,
          onProgress: ({ done, total }) => {
            if (cancelled || done < total / 20) return;
            cancelled = performance.now();
            abort.abort();
          },
        },
      ),
    );
    expect(error.code).toBe('cancelled');
    expect(performance.now() - cancelled).toBeLessThan(1000);
    expect(filesIn(at('.')).filter(file => file.includes('out.gguf'))).toEqual([]);
  });

  /** Bytes in memory beyond mapped files, which only Linux counts by themselves. */
  const memory = () =>
    process.platform === 'linux'
      ? Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024
      : process.memoryUsage.rss();

  test('reports its progress up to the end, in bounded memory', async () => {
    const job = large(8192, 2048);
    const seen: number[] = [];
    let [total, most] = [0, 0];
    const before = memory();
    await bake(
      { ...job, base: job.base ?? '', out: at('out.gguf'), device: name },
      {
        onProgress: progress => {
          seen.push(progress.done);
          total = progress.total;
          most = Math.max(most, memory() - before);
        },
      },
    );
    expect(seen.length).toBeGreaterThan(3);
    expect(seen).toEqual([...seen].sort((x, y) => x - y));
    expect(seen.at(-1)).toBe(total);
    // The four files together have 134 MB.
    expect(most).toBeLessThan(60e6);
  });
});

describe.skipIf(!device)(`factorising on ${name}`, () => {
  const rows = 240;
  const columns = 200;
  const options = (on: string): FactorizeOptions => ({
    vector: at('dense.gguf'),
    out: at('factors.gguf'),
    type: 'f32',
    device: on,
  });
  const squares = (values: Float32Array) => values.reduce((sum, x) => sum + x * x, 0);

  /** The share of a matrix's squared norm that its factors miss. */
  async function missed(matrix: Float32Array): Promise<number> {
    await expand({ adapter: at('factors.gguf'), out: at('again.gguf') });
    const again = valuesIn(at('again.gguf'));
    return squares(matrix.map((x, i) => x - (again[i] ?? 0))) / squares(matrix);
  }

  // The larger one goes to the device in two pieces.
  test.each([
    [rows, columns],
    [1200, 900],
  ])(
    'a matrix of low rank comes back up to float32 rounding, small directions too (%i × %i)',
    async (height, width) => {
      const matrix = matrixOf(height, width, [1, 0.3, 1e-2, 1e-4], 1);
      writeVector(at('dense.gguf'), [width, height], matrix);
      const result = await factorize({ ...options(name), energy: 1 - 1e-11 });
      expect(result).toMatchObject({ device: name, deviceTensors: 1, layers: [{ rank: 4 }] });
      expect(await missed(matrix)).toBeLessThan(1e-11);
    },
  );

  test.each([1e-30, 1, 1e25])('numbers around %e: as much is kept as by the CPU', async size => {
    const singular = Array.from({ length: 180 }, (_, k) => size * (k + 1) ** -0.5);
    writeVector(at('dense.gguf'), [columns, rows], matrixOf(rows, columns, singular, 3));
    const cpu = await factorize({ ...options('cpu'), rank: 16 });
    const there = await factorize({ ...options(name), rank: 16 });
    expect(there.deviceTensors).toBe(1);
    expect(cpu).toMatchObject({ device: 'cpu', deviceTensors: 0 });
    expect(Math.abs(there.energy - cpu.energy)).toBeLessThan(1e-6);
  });

  test("'auto' measures on a large matrix and leaves small ones to the CPU", async () => {
    writeVector(at('dense.gguf'), [columns, rows], gaussian(rows * columns, 5));
    const small = await factorize(options('auto'));
    expect(small).toMatchObject({ device: 'cpu', deviceReason: expect.stringMatching(/large enough/) });
    writeVector(at('dense.gguf'), [1024, 1024], gaussian(1024 * 1024, 5));
    const large = await factorize(options('auto'));
    const [, times] = /multiplies matrices ([\d.e+]+) times as fast as/.exec(large.deviceReason) ?? [];
    expect(Number(times)).toBeGreaterThanOrEqual(1);
    expect(large.device === name).toBe(large.deviceTensors > 0);
    expect(large.device === name).toBe(large.deviceReason.startsWith(name));
    const cpu = await factorize(options('cpu'));
    expect(Math.abs(large.energy - cpu.energy)).toBeLessThan(1e-6);
  });

  test('a device that is not there is refused by name', async () => {
    expect((await failure(() => factorize(options('Nowhere0')))).message).toMatch(
      /no device 'Nowhere0'.*auto, cpu/,
    );
  });
});

/** Between ggml and the Vulkan loader: lets a number of calls pass, and then reports what a driver reports or computes nothing. */
const SABOTAGE = `
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
typedef void (*function)(void);
static int (*real_submit)(void *, unsigned, const void *, void *);
static int (*real_allocate)(void *, const void *, const void *, void *);
static function (*real_device)(void *, const char *);
static int fails(const char * name, int * calls) {
    const char * limit = getenv(name);
    return limit && ++*calls > atoi(limit);
}
typedef struct { int type; const void * next; unsigned waits; const void * wait[2]; unsigned buffers; const void * rest[3]; } SubmitInfo;
static int submit(void * queue, unsigned n, const SubmitInfo * infos, void * fence) {
    static int calls, kept;
    if (fails("FAIL_SUBMIT", &calls)) return -4; /* VK_ERROR_DEVICE_LOST */
    if (!fails("KEEP_SUBMIT", &kept)) return real_submit(queue, n, infos, fence);
    SubmitInfo * empty = memcpy(malloc(n * sizeof *infos), infos, n * sizeof *infos);
    for (unsigned i = 0; i < n; i++) empty[i].buffers = 0;
    return real_submit(queue, n, empty, fence);
}
static int allocate(void * device, const void * info, const void * allocator, void * memory) {
    static int calls;
    return fails("FAIL_ALLOCATE", &calls) ? -2 /* VK_ERROR_OUT_OF_DEVICE_MEMORY */ : real_allocate(device, info, allocator, memory);
}
static function device_address(void * device, const char * name);
static function replaced(const char * name, function found) {
    if (!found) return found;
    if (!strcmp(name, "vkQueueSubmit")) return real_submit = (void *) found, (function) submit;
    if (!strcmp(name, "vkAllocateMemory")) return real_allocate = (void *) found, (function) allocate;
    if (!strcmp(name, "vkGetDeviceProcAddr")) return real_device = (void *) found, (function) device_address;
    return found;
}
static function device_address(void * device, const char * name) { return replaced(name, real_device(device, name)); }
function vkGetInstanceProcAddr(void * instance, const char * name) {
    function (*real)(void *, const char *) = (void *) dlsym(dlopen("libvulkan.so.1", RTLD_NOW), "vkGetInstanceProcAddr");
    return replaced(name, real(instance, name));
}
`;

describe.skipIf(!device?.name.startsWith('Vulkan') || process.platform !== 'linux')(
  'a driver that fails',
  () => {
    const library = at('sabotage.so');
    writeFileSync(at('sabotage.c'), SABOTAGE);
    const built = spawnSync('gcc', ['-shared', '-fPIC', '-w', '-o', library, at('sabotage.c'), '-ldl']);

    /** Two results of a function on the device, in a process of its own. */
    function sabotaged<Result = BakeResult>(
      limits: Record<string, string>,
      call = 'bake',
      options: object = { base: at('base.gguf'), type: 'f32', method: 'ties', vectors, stretch },
    ): { results: Result[]; files: Buffer[] } {
      const outs = [at('first.gguf'), at('second.gguf')];
      const script = `
      const { ${call} } = await import(${JSON.stringify(new URL('../../native-merge/index.js', import.meta.url).href)});
      const options = ${JSON.stringify({ ...options, device: name })};
      const results = [];
      for (const out of ${JSON.stringify(outs)}) results.push(await ${call}({ ...options, out }));
      console.log(JSON.stringify(results));`;
      for (const out of outs) rmSync(out, { force: true });
      const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
        encoding: 'utf8',
        env: { ...process.env, ...limits, LD_PRELOAD: library },
      });
      expect(child.signal).toBeNull();
      expect(child.status, child.stderr).toBe(0);
      return { results: JSON.parse(child.stdout), files: outs.map(out => readFileSync(out)) };
    }
    const onCpu = async () =>
      (await baked({ type: 'f32', method: 'ties', vectors, stretch, device: 'cpu' })).bytes;

    test('a compiler for the sabotage', () => expect(built.status).toBe(0));

    let lostWithin = 0;
    test.each([0, 3, 30, 60, 75])(
      'lost after %i submissions: the CPU goes on, to the same bytes',
      async limit => {
        const expected = await onCpu();
        const { results, files } = sabotaged({ FAIL_SUBMIT: String(limit) });
        for (const file of files) expect(file.equals(expected)).toBe(true);
        for (const { notes } of results) {
          expect(notes).toMatchObject([{ code: 'device_fallback' }]);
          expect(notes[0]?.message).toMatch(/DeviceLost/);
        }
        expect(results[1]?.notes[0]?.message).toMatch(/after a restart/);
        if (results[0]?.deviceTensors) lostWithin++;
      },
    );

    test('was lost in the middle of a tensor, too', () => expect(lostWithin).toBeGreaterThan(0));

    test.each([0, 1, 4, 12, 18])('out of memory after %i allocations: likewise', async limit => {
      const expected = await onCpu();
      const { results, files } = sabotaged({ FAIL_ALLOCATE: String(limit) });
      for (const file of files) expect(file.equals(expected)).toBe(true);
      expect(results[0]?.notes).toMatchObject([{ code: 'device_fallback' }]);
      expect(results[0]?.notes[0]?.message).toMatch(/memory/i);
    });

    test.each([0, 2, 5, 8])('factorising, lost after %i submissions: the CPU goes on', async limit => {
      const options = { vector: at('dense.gguf'), type: 'f32', rank: 16 };
      const singular = Array.from({ length: 180 }, (_, k) => (k + 1) ** -0.5);
      writeVector(at('dense.gguf'), [200, 240], matrixOf(240, 200, singular, 3));
      const cpu = await factorize({ ...options, out: at('cpu.gguf'), type: 'f32', device: 'cpu' });
      const { results } = sabotaged<FactorizeResult>({ FAIL_SUBMIT: String(limit) }, 'factorize', options);
      for (const { energy, deviceTensors } of results) {
        expect(Math.abs(energy - cpu.energy)).toBeLessThan(1e-6);
        expect(deviceTensors).toBe(0);
      }
      expect(results[0]?.deviceReason).toMatch(/DeviceLost/);
      expect(results[1]?.deviceReason).toMatch(/after a restart/);
    });

    test('wrong from the first submission on: found out by the trial, and the CPU computes', async () => {
      const expected = await onCpu();
      const { results, files } = sabotaged({ KEEP_SUBMIT: '0' });
      for (const file of files) expect(file.equals(expected)).toBe(true);
      for (const { device: used, notes } of results) {
        expect(used).toBe('cpu');
        expect(notes).toMatchObject([
          { code: 'device_fallback', message: expect.stringMatching(/does not compute in full/) },
        ]);
      }
      const options = { vector: at('dense.gguf'), type: 'f32', rank: 16 };
      writeVector(at('dense.gguf'), [200, 240], gaussian(240 * 200, 3));
      const cpu = await factorize({ ...options, out: at('cpu.gguf'), type: 'f32', device: 'cpu' });
      for (const factors of sabotaged<FactorizeResult>({ KEEP_SUBMIT: '0' }, 'factorize', options).results) {
        expect(factors).toMatchObject({ device: 'cpu', energy: cpu.energy });
        expect(factors.deviceReason).toMatch(/products are wrong/);
      }
    });

    test('without limits nothing fails', async () => {
      const expected = await onCpu();
      const { results, files } = sabotaged({});
      for (const file of files) expect(file.equals(expected)).toBe(true);
      for (const { device: used, notes } of results)
        expect({ used, notes }).toEqual({ used: name, notes: [] });
    });
  },
);
