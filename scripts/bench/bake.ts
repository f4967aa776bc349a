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
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { METHODS } from '../../electron/studio/mixing/methods.ts';
import type { MergeMethod } from '../../native-merge/index.js';

const MIB = 2 ** 20;

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

// ── the model ─────────────────────────────────────────────────────────────────────────────────────────────

interface Shape {
  name: string;
  shape: number[];
}

/** The tensors of Llama-3.2-1B, with fewer layers and 8k instead of 128k tokens. */
function modelShapes(layers: number): Shape[] {
  const width = 2048;
  const perLayer: [string, number[]][] = [
    ['attn_norm', [width]],
    ['attn_q', [width, width]],
    ['attn_k', [width, 512]],
    ['attn_v', [width, 512]],
    ['attn_output', [width, width]],
    ['ffn_norm', [width]],
    ['ffn_gate', [width, 8192]],
    ['ffn_up', [width, 8192]],
    ['ffn_down', [8192, width]],
  ];
  return [
    { name: 'token_embd.weight', shape: [width, 8192] },
    ...Array.from({ length: layers }, (_, i) =>
      perLayer.map(([name, shape]) => ({ name: `blk.${i}.${name}.weight`, shape })),
    ).flat(),
    { name: 'output_norm.weight', shape: [width] },
  ];
}

/** Streams a GGUF file of random numbers of the given spread. Vectors (1-D) are F32, as in real files. */
function writeGguf(
  path: string,
  kind: string,
  type: 'f16' | 'f32',
  tensors: Shape[],
  spread: number,
  seed = 0,
): void {
  const parts: Buffer[] = [];
  const u32 = (value: number) => parts.push(Buffer.from(Uint32Array.of(value).buffer));
  const u64 = (value: number) => parts.push(Buffer.from(BigUint64Array.of(BigInt(value)).buffer));
  const text = (value: string) => {
    u64(value.length);
    parts.push(Buffer.from(value));
  };
  const bytesOf = ({ shape }: Shape) =>
    shape.reduce((a, b) => a * b) * (shape.length > 1 && type === 'f16' ? 2 : 4);
  parts.push(Buffer.from('GGUF'));
  u32(3);
  u64(tensors.length);
  u64(2);
  for (const [key, value] of [
    ['general.architecture', 'llama'],
    ['general.type', kind],
  ] as const) {
    text(key);
    u32(8);
    text(value);
  }
  let offset = 0;
  for (const tensor of tensors) {
    text(tensor.name);
    u32(tensor.shape.length);
    for (const n of tensor.shape) u64(n);
    u32(tensor.shape.length > 1 && type === 'f16' ? 1 : 0);
    u64(offset);
    offset += Math.ceil(bytesOf(tensor) / 32) * 32;
  }
  const header = Buffer.concat(parts);
  const file = openSync(path, 'w');
  let at = writeSync(file, Buffer.concat([header, Buffer.alloc((32 - (header.length % 32)) % 32)]));
  const pools = { f16: randomPool('f16', spread, seed), f32: randomPool('f32', spread, seed) };
  for (const [i, tensor] of tensors.entries()) {
    const pool = tensor.shape.length > 1 ? pools[type] : pools.f32;
    const bytes = Math.ceil(bytesOf(tensor) / 32) * 32;
    for (let done = 0; done < bytes; ) {
      // Another part of the pool for every tensor.
      const start = (i * 7919 * 64 + done) % (pool.length / 2);
      const part = pool.subarray(start, Math.min(pool.length, start + bytes - done));
      at += writeSync(file, part, 0, part.length, at);
      done += part.length;
    }
  }
  closeSync(file);
}

/** 16 MiB of normal numbers. */
function randomPool(type: 'f16' | 'f32', spread: number, seed: number): Buffer {
  const count = (16 * MIB) / (type === 'f16' ? 2 : 4);
  let state = (seed * 2654435761 + 12345) >>> 0;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  const normal = () => spread * Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
  if (type === 'f32') return Buffer.from(Float32Array.from({ length: count }, normal).buffer);
  return Buffer.from(Uint16Array.from({ length: count }, () => toHalf(normal())).buffer);
}

/** A binary16 by truncation; good enough for random numbers within its normal range, and zero below it. */
function toHalf(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
  const exponent = ((bits >> 23) & 255) - 112;
  return exponent <= 0 ? 0 : ((bits >> 16) & 0x8000) | (exponent << 10) | ((bits >> 13) & 1023);
}
