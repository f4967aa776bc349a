/**
 * native-merge against mergekit on the CPU: the same tensors, methods, parameters and number of threads.
 *
 *   node scripts/bench/mergekit.ts --python PATH [--layers N] [--vectors N] [--threads N] [--repeat N] [--folder DIR]
 *                                  [--methods task_arithmetic,ties,dare_ties] [--dtype float32|float16]
 *
 * PATH is a Python with torch and mergekit (python3 -m venv DIR; DIR/bin/pip install mergekit). mergekit reads
 * fine-tuned models, native-merge the vectors; both read as many bytes and write F16. Its start and its imports are not
 * counted, nor is the wait for the disk; the least of several. --dtype is what mergekit computes in: float32, as
 * native-merge does, or float16.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { MergeMethod } from '../../native-merge/index.js';
import { buildNative } from '../build-native.ts';
import { modelShapes, writeGguf } from './model.ts';

const { values: given } = parseArgs({
  options: {
    python: { type: 'string' },
    layers: { type: 'string', default: '2' },
    vectors: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
    repeat: { type: 'string', default: '2' },
    methods: { type: 'string', default: 'task_arithmetic,ties,dare_ties' },
    dtype: { type: 'string', default: 'float32' },
    folder: { type: 'string', default: tmpdir() },
  },
});
if (!given.python) {
  console.error(
    'Say which Python has mergekit: --python PATH. The head of this file tells how to install it.',
  );
  process.exit(2);
}
await buildNative();
const { bake, readGguf } = await import('../../native-merge/index.js');
const [layers, threads, repeat] = [Number(given.layers), Number(given.threads), Number(given.repeat)];

const folder = mkdtempSync(join(given.folder, 'temperament-bench-'));
try {
  const tensors = modelShapes(layers);
  const entries = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
  const base = join(folder, 'base.gguf');
  writeGguf(base, { kind: 'model', type: 'f16', tensors, spread: 0.05, seed: 0 });
  const vectors = Array.from({ length: Number(given.vectors) }, (_, i) => {
    const path = join(folder, `vector-${i}.gguf`);
    writeGguf(path, { kind: 'personality-vector', type: 'f16', tensors, spread: 0.001, seed: i + 1 });
    return { path, id: `vector ${i}`, weight: 0.5 };
  });
  const described = async (path: string) => ({ path, tensors: (await readGguf(path)).tensors });
  const plan = {
    layers,
    base: await described(base),
    vectors: await Promise.all(vectors.map(({ path }) => described(path))),
  };
  writeFileSync(join(folder, 'plan.json'), JSON.stringify(plan));
  python('prepare', folder);
  console.log(`${cpus()[0]?.model ?? 'CPU'}, ${threads} threads; load ${loadavg()[0]?.toFixed(1)}`);
  console.log(
    `${(entries / 1e6).toFixed(0)} million weights, ${vectors.length} vectors, mergekit in ${given.dtype}; best of ${repeat}\n`,
  );
  console.log('method           native-merge s  CPU s  mergekit s  CPU s  ratio  CPU');
  for (const method of given.methods.split(',') as MergeMethod[]) {
    const ours = { wall: Number.POSITIVE_INFINITY, cpu: Number.POSITIVE_INFINITY };
    const theirs = { ...ours };
    for (let i = 0; i < repeat; i++) {
      const before = process.cpuUsage();
      const out = join(folder, 'out.gguf');
      const { seconds, flushSeconds } = await bake({ base, out, type: 'f16', method, vectors, threads });
      const { user, system } = process.cpuUsage(before);
      rmSync(out);
      ours.wall = Math.min(ours.wall, seconds - flushSeconds);
      ours.cpu = Math.min(ours.cpu, (user + system) / 1e6);
      const merged = JSON.parse(python('merge', folder, method, String(threads), given.dtype)) as typeof ours;
      theirs.wall = Math.min(theirs.wall, merged.wall);
      theirs.cpu = Math.min(theirs.cpu, merged.cpu);
    }
    const columns: [number, number][] = [
      [ours.wall, 14],
      [ours.cpu, 6],
      [theirs.wall, 11],
      [theirs.cpu, 6],
      [theirs.wall / ours.wall, 6],
      [theirs.cpu / ours.cpu, 4],
    ];
    const texts = columns.map(([value, width], i) => value.toFixed(i < 4 ? 2 : 0).padStart(width));
    console.log([method.padEnd(16), ...texts].join(' '));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** What the Python half prints last. */
function python(...args: string[]): string {
  const script = join(import.meta.dirname, 'run_mergekit.py');
  const ran = spawnSync(given.python ?? '', [script, ...args], { encoding: 'utf8', maxBuffer: 2 ** 24 });
  if (ran.status !== 0) throw new Error(ran.error?.message ?? ran.stderr.slice(-2000));
  return ran.stdout.trim().split('\n').at(-1) ?? '';
}
