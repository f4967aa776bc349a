/**
 * How fast native-merge bakes, against this machine's own memory: the time of a bake over the time that the same number
 * of threads need to copy as many bytes as the bake reads and writes, measured in the same run.
 *
 *   node scripts/bench/bake.ts [--quick] [--layers N] [--vectors N] [--vector-type f32|f16] [--type f16|q8_0|…]
 *                              [--threads N] [--repeat N] [--folder DIR] [--methods ties,della,…]
 *
 * Writes a model with the shapes of Llama-3.2-1B (layers of 61 million weights, a small vocabulary) and dense vectors
 * of random numbers into a folder of main memory (/dev/shm) where there is one, and removes them at the end.
 */
import { existsSync, mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { METHODS } from '../../electron/studio/mixing/methods.ts';
import type { MergeMethod } from '../../native-merge/index.js';
import { MIB, modelShapes, writeGguf } from './model.ts';

if (isMainThread) await main();
else copyOnDemand();

async function main(): Promise<void> {
  const { values: given } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      layers: { type: 'string' },
      vectors: { type: 'string', default: '5' },
      'vector-type': { type: 'string', default: 'f16' },
      type: { type: 'string', default: 'f16' },
      threads: { type: 'string', default: String(availableParallelism()) },
      repeat: { type: 'string', default: '3' },
      methods: { type: 'string', default: 'task_arithmetic,dare_linear,ties' },
      folder: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
    },
  });
  const { buildNative } = await import('../build-native.ts');
  await buildNative();
  const { bake } = await import('../../native-merge/index.js');

  const layers = Number(given.layers ?? (given.quick ? 1 : 5));
  const threads = Number(given.threads);
  const vectorType = given['vector-type'] === 'f32' ? 'f32' : 'f16';
  const shapes = modelShapes(layers);
  const entries = shapes.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
  const bytesNeeded = entries * (2 + 4 + Number(given.vectors) * (vectorType === 'f32' ? 4 : 2));
  const { bavail, bsize } = statfsSync(given.folder);
  if (bavail * bsize < bytesNeeded) {
    console.error(
      `${given.folder} has no room for ${Math.ceil(bytesNeeded / MIB)} MiB. Use --layers or --folder.`,
    );
    process.exit(1);
  }

  const folder = mkdtempSync(join(given.folder, 'temperament-bench-'));
  try {
    const base = join(folder, 'base.gguf');
    writeGguf(base, 'model', 'f16', shapes, 0.05);
    const vectors = Array.from({ length: Number(given.vectors) }, (_, i) => {
      const path = join(folder, `vector-${i}.gguf`);
      writeGguf(path, 'personality-vector', vectorType, shapes, 0.001, i + 1);
      return { path, id: `vector ${i}`, weight: 0.5 };
    });
    console.log(`${cpus()[0]?.model ?? 'CPU'}, ${threads} threads; files in ${given.folder}`);
    console.log(
      `${(entries / 1e6).toFixed(0)} million weights, F16 base, ${vectors.length} dense ${vectorType.toUpperCase()} vectors, to ${given.type.toUpperCase()}; best of ${given.repeat}\n`,
    );
    console.log('method            read MiB  written MiB  bake s  copy s  ratio   GiB/s');
    for (const method of given.methods.split(',') as MergeMethod[]) {
      const used = vectors.slice(0, METHODS[method].vectors.max);
      const read = [base, ...used.map(({ path }) => path)].reduce(
        (sum, path) => sum + statSync(path).size,
        0,
      );
      let [best, copy, written] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0];
      for (let i = 0; i < Number(given.repeat); i++) {
        const out = join(folder, 'out.gguf');
        const result = await bake({
          base,
          out,
          type: given.type as 'f16',
          method,
          vectors: used,
          threads,
        });
        rmSync(out);
        written = result.bytes;
        best = Math.min(best, result.seconds - result.flushSeconds);
        copy = Math.min(copy, await copySeconds(read + written, threads));
      }
      const columns = [
        method.padEnd(16),
        (read / MIB).toFixed(0).padStart(9),
        (written / MIB).toFixed(0).padStart(12),
        best.toFixed(2).padStart(7),
        copy.toFixed(2).padStart(7),
        (best / copy).toFixed(2).padStart(6),
        ((read + written) / 2 ** 30 / best).toFixed(2).padStart(7),
      ];
      console.log(columns.join(' '));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// ── the yardstick ─────────────────────────────────────────────────────────────────────────────────────────

/** Seconds that `threads` threads need to copy so many bytes, each between buffers far larger than its caches. */
async function copySeconds(bytes: number, threads: number): Promise<number> {
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL(import.meta.url), { workerData: { bytes: Math.ceil(bytes / threads) } }),
  );
  const answer = (worker: Worker) =>
    new Promise((settle, reject) => worker.once('message', settle).once('error', reject));
  await Promise.all(workers.map(answer)); // ready, with buffers touched
  const begin = performance.now();
  const done = workers.map(answer);
  for (const worker of workers) worker.postMessage('go');
  await Promise.all(done);
  const seconds = (performance.now() - begin) / 1000;
  await Promise.all(workers.map(worker => worker.terminate()));
  return seconds;
}

function copyOnDemand(): void {
  const { bytes } = workerData as { bytes: number };
  const piece = 64 * MIB;
  const [from, to] = [Buffer.alloc(2 * piece, 1), Buffer.alloc(2 * piece, 2)];
  parentPort?.once('message', () => {
    for (let copied = 0; copied < bytes; copied += piece) {
      const at = (copied / piece) % 2 ? piece : 0;
      from.copy(to, at, at, at + Math.min(piece, bytes - copied));
    }
    parentPort?.postMessage('done');
  });
  parentPort?.postMessage('ready');
}
