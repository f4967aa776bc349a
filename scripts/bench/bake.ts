/**
 * How fast native-merge bakes, against this machine's own memory: the time of a bake over the time that the same number
 * of threads need to copy as many bytes as the bake reads and writes ("copy"), and over the time to read the same files
 * and write the same result without computing anything ("files"). All in one run, taking turns, the least of several.
 * Seconds leave out the wait for the disk at the end. CPU seconds are those of all threads together: on a machine with
 * other work to do, trust their ratios. Peak memory is that of the Node process that bakes, beyond the files that it maps.
 *
 *   node scripts/bench/bake.ts [--quick] [--layers N] [--vectors N] [--vector-type f32|f16] [--type f16|q8_0|…]
 *                              [--threads N,N,…] [--repeat N] [--folder DIR] [--methods ties,della,…] [--rank N]
 *                              [--with JSON]
 *
 * Writes a model with the shapes of Llama-3.2-1B (16 layers of 61 million weights, a small vocabulary; --quick: one layer)
 * and dense vectors of random numbers into a folder, and removes them at the end. With --rank the vectors
 * are adapters of that rank; --with are more options of the bake, like '{"trim":"vector"}'. The files should fit the page cache.
 */
import { type ChildProcess, fork } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { METHODS } from '../../electron/studio/mixing/methods.ts';
import type { BakeOptions, MergeMethod } from '../../native-merge/index.js';
import { adapterShapes, modelShapes, writeGguf } from './model.ts';

const MIB = 2 ** 20;
const PIECE = 256 * 1024;

/** Seconds by the clock and of the CPU. */
interface Cost {
  wall: number;
  cpu: number;
}
const least = (a: Cost, b: Cost): Cost => ({ wall: Math.min(a.wall, b.wall), cpu: Math.min(a.cpu, b.cpu) });
const NEVER: Cost = { wall: Number.POSITIVE_INFINITY, cpu: Number.POSITIVE_INFINITY };

if (!isMainThread) workOnDemand();
else if (process.send) process.on('message', options => void bakeHere(options as BakeOptions));
else await main();

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
      rank: { type: 'string' },
      with: { type: 'string', default: '{}' },
      folder: { type: 'string', default: tmpdir() },
    },
  });
  const { buildNative } = await import('../build-native.ts');
  await buildNative();

  const layers = Number(given.layers ?? (given.quick ? 1 : 16));
  const vectorType = given['vector-type'] === 'f32' ? 'f32' : 'f16';
  const tensors = modelShapes(layers);
  const entries = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
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
    writeGguf(base, { kind: 'model', type: 'f16', tensors, spread: 0.05, seed: 0 });
    const form = given.rank
      ? ({ kind: 'adapter', tensors: adapterShapes(tensors, Number(given.rank)), spread: 0.01 } as const)
      : ({ kind: 'personality-vector', tensors, spread: 0.001 } as const);
    const vectors = Array.from({ length: Number(given.vectors) }, (_, i) => {
      const path = join(folder, `vector-${i}.gguf`);
      writeGguf(path, { ...form, type: vectorType, seed: i + 1 });
      return { path, id: `vector ${i}`, weight: 0.5 };
    });
    console.log(`${cpus()[0]?.model ?? 'CPU'}; files in ${given.folder}; load ${loadavg()[0]?.toFixed(1)}`);
    console.log(
      `${(entries / 1e6).toFixed(0)} million weights, F16 base, ${vectors.length} ${given.rank ? `rank ${given.rank}` : 'dense'} ${vectorType.toUpperCase()} vectors, to ${given.type.toUpperCase()}; best of ${given.repeat}\n`,
    );
    console.log('                         bake      files          copy');
    console.log('method           threads    s  CPU s   ×  CPU ×     ×  CPU ×  GiB/s  peak MiB');
    const out = join(folder, 'out.gguf');
    // The fastest copy of the whole run, per byte: memory is not equally fast at all times.
    const copies = new Map<number, Cost>();
    const rows: { method: string; threads: number; bytes: number; peak: number; bake: Cost; files: Cost }[] =
      [];
    for (const method of given.methods.split(',') as MergeMethod[]) {
      for (const threads of given.threads.split(',').map(Number)) {
        const used = vectors.slice(0, METHODS[method].vectors.max);
        const inputs = [base, ...used.map(({ path }) => path)];
        const read = inputs.reduce((sum, path) => sum + statSync(path).size, 0);
        let [bake, files, bytes, peak] = [NEVER, NEVER, read, 0];
        for (let i = 0; i < Number(given.repeat); i++) {
          const baked = await bakeInChild({
            base,
            out,
            type: given.type as 'f16',
            method,
            ...JSON.parse(given.with),
            vectors: used,
            threads,
          });
          rmSync(out);
          bytes = read + baked.bytes;
          peak = Math.max(peak, baked.peak);
          bake = least(bake, baked);
          files = least(files, await share({ inputs, out, written: baked.bytes }, threads));
          rmSync(out);
          const { wall, cpu } = await share({ bytes }, threads);
          copies.set(threads, least(copies.get(threads) ?? NEVER, { wall: wall / bytes, cpu: cpu / bytes }));
        }
        rows.push({ method, threads, bytes, peak, bake, files });
      }
    }
    for (const { method, threads, bytes, peak, bake, files } of rows) {
      const copy = copies.get(threads) ?? NEVER;
      const columns: [string | number, number][] = [
        [threads, 7],
        [bake.wall.toFixed(2), 6],
        [bake.cpu.toFixed(2), 6],
        [(bake.wall / files.wall).toFixed(2), 5],
        [(bake.cpu / files.cpu).toFixed(2), 5],
        [(bake.wall / copy.wall / bytes).toFixed(2), 6],
        [(bake.cpu / copy.cpu / bytes).toFixed(2), 5],
        [(bytes / 2 ** 30 / bake.wall).toFixed(2), 7],
        [(peak / MIB).toFixed(0), 8],
      ];
      console.log(
        [method.padEnd(16), ...columns.map(([text, width]) => String(text).padStart(width))].join(' '),
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// ── the bake, in a process of its own ─────────────────────────────────────────────────────────────────────

interface Baked extends Cost {
  bytes: number;
  /** Bytes of memory at most, of the whole process, beyond mapped files. */
  peak: number;
}

async function bakeInChild(options: BakeOptions): Promise<Baked> {
  const child: ChildProcess = fork(import.meta.filename, [], { execArgv: [] });
  child.send(options);
  return await new Promise((settle, reject) => {
    child.once('message', answer => settle(answer as Baked));
    child.once('exit', code => reject(new Error(`the bake ended with code ${code}`)));
  });
}

async function bakeHere(options: BakeOptions): Promise<void> {
  const { bake } = await import('../../native-merge/index.js');
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, memory());
  };
  const timer = setInterval(look, 5);
  const before = process.cpuUsage();
  const result = await bake(options);
  const { user, system } = process.cpuUsage(before);
  clearInterval(timer);
  look();
  const answer: Baked = {
    wall: result.seconds - result.flushSeconds,
    cpu: (user + system) / 1e6,
    bytes: result.bytes,
    peak,
  };
  process.send?.(answer, () => process.disconnect());
}

/** Bytes in memory beyond mapped files, which only Linux counts by themselves. */
function memory(): number {
  if (process.platform !== 'linux') return process.memoryUsage.rss();
  return Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}

// ── the yardsticks ────────────────────────────────────────────────────────────────────────────────────────

/** Copying so many bytes of memory, or reading all inputs and writing so many bytes to `out`. */
type Work = { bytes: number } | { inputs: string[]; out: string; written: number };

/** What `threads` threads need for the work, each doing its part of it between buffers already touched. */
async function share(work: Work, threads: number): Promise<Cost> {
  if ('out' in work) closeSync(openSync(work.out, 'w'));
  const workers = Array.from(
    { length: threads },
    (_, part) => new Worker(new URL(import.meta.url), { workerData: { work, part, threads } }),
  );
  const answer = (worker: Worker) =>
    new Promise((settle, reject) => worker.once('message', settle).once('error', reject));
  await Promise.all(workers.map(answer)); // ready
  const [begin, before] = [performance.now(), process.cpuUsage()];
  const done = workers.map(answer);
  for (const worker of workers) worker.postMessage('go');
  await Promise.all(done);
  const wall = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(before);
  await Promise.all(workers.map(worker => worker.terminate()));
  return { wall, cpu: (user + system) / 1e6 };
}

function workOnDemand(): void {
  const { work, part, threads } = workerData as { work: Work; part: number; threads: number };
  // The copy goes through memory far larger than the caches; files go through a buffer that fits them, as in the bake.
  const run = 'bytes' in work ? copyMemory(Math.ceil(work.bytes / threads)) : copyFiles(work, part, threads);
  parentPort?.once('message', () => {
    run();
    parentPort?.postMessage('done');
  });
  parentPort?.postMessage('ready');
}

function copyMemory(bytes: number): () => void {
  const piece = 64 * MIB;
  const [from, to] = [Buffer.alloc(2 * piece, 1), Buffer.alloc(2 * piece, 2)];
  return () => {
    for (let copied = 0; copied < bytes; copied += piece) {
      const at = (copied / piece) % 2 ? piece : 0;
      from.copy(to, at, at, at + Math.min(piece, bytes - copied));
    }
  };
}

function copyFiles(
  { inputs, out, written }: { inputs: string[]; out: string; written: number },
  part: number,
  threads: number,
): () => void {
  const buffer = Buffer.alloc(PIECE, 1);
  const reading = inputs.map(path => ({ file: openSync(path, 'r'), size: statSync(path).size }));
  const writing = openSync(out, 'r+');
  return () => {
    const end = Math.max(written, ...reading.map(({ size }) => size));
    for (let at = part * PIECE; at < end; at += threads * PIECE) {
      for (const { file } of reading) readSync(file, buffer, 0, PIECE, at);
      if (at < written) writeSync(writing, buffer, 0, Math.min(PIECE, written - at), at);
    }
  };
}
