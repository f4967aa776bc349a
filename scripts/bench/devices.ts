/**
 * How fast every device merges, against this machine's CPU: both bake the same files in turn, in one run, and the ratio of
 * their least times is printed, with whether their files are equal.
 *
 *   node scripts/bench/devices.ts [--columns N] [--rows N] [--vectors N] [--rank N] [--threads N] [--repeat N] [--folder DIR]
 *
 * GGML_VK_VISIBLE_DEVICES=0 makes ggml offer Vulkan's software device where there is no other. It is slow, of course.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BakeVector, MergeMethod } from '../../native-merge/index.js';
import { buildNative } from '../build-native.ts';
import { type Shape, writeGguf } from './model.ts';

const { values: given } = parseArgs({
  options: {
    columns: { type: 'string', default: '4096' },
    rows: { type: 'string', default: '4096' },
    vectors: { type: 'string', default: '5' },
    rank: { type: 'string', default: '64' },
    threads: { type: 'string', default: String(availableParallelism()) },
    repeat: { type: 'string', default: '3' },
    folder: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
  },
});
const [columns, rows, rank, threads] = [given.columns, given.rows, given.rank, given.threads].map(Number) as [
  number,
  number,
  number,
  number,
];

await buildNative();
const { bake, devices } = await import('../../native-merge/index.js');
const folder = mkdtempSync(join(given.folder, 'temperament-bench-'));
try {
  const name = 'blk.0.ffn_up.weight';
  const matrix: Shape[] = [{ name, shape: [columns, rows] }];
  const base = join(folder, 'base.gguf');
  writeGguf(base, { kind: 'model', type: 'f16', tensors: matrix, spread: 0.05, seed: 0 });
  const vectors = (kind: 'personality-vector' | 'adapter', shapes: Shape[]): BakeVector[] =>
    Array.from({ length: Number(given.vectors) }, (_, i) => {
      const path = join(folder, `${kind}-${i}.gguf`);
      const spread = kind === 'adapter' ? 0.01 : 0.001;
      writeGguf(path, { kind, type: 'f16', tensors: shapes, spread, seed: i + 1 });
      return { path, id: `vector ${i}`, weight: 0.5 + i / 10 };
    });
  const dense = vectors('personality-vector', matrix);
  const lowRank = vectors('adapter', [
    { name: `${name}.lora_a`, shape: [columns, rank] },
    { name: `${name}.lora_b`, shape: [rank, rows] },
  ]);
  const cases: [string, MergeMethod, BakeVector[]][] = [
    ['task_arithmetic', 'task_arithmetic', dense],
    ['dare_linear', 'dare_linear', dense],
    ['dare_ties', 'dare_ties', dense],
    ['ties', 'ties', dense],
    [`task_arithmetic, rank ${rank}`, 'task_arithmetic', lowRank],
    [`dare_linear, rank ${rank}`, 'dare_linear', lowRank],
  ];

  /** Seconds without the wait for the disk, and the file. */
  const timed = async (method: MergeMethod, used: BakeVector[], device: string) => {
    const out = join(folder, `${device}.gguf`);
    const result = await bake({ base, out, type: 'f16', method, vectors: used, threads, device });
    return { seconds: result.seconds - result.flushSeconds, file: readFileSync(out), result };
  };

  const gpus = devices().filter(({ type }) => type === 'gpu' || type === 'igpu');
  if (gpus.length === 0) console.log('There is no device that can merge.');
  for (const device of gpus) {
    console.log(`${device.name}: ${device.description}`);
    console.log(`against ${cpus()[0]?.model ?? 'CPU'}, ${threads} threads; files in ${given.folder}`);
    console.log(
      `${((columns * rows) / 1e6).toFixed(0)} million weights, F16 base, ${given.vectors} F16 vectors, to F16; best of ${given.repeat}\n`,
    );
    console.log('method                     CPU s  device s  device / CPU  same file');
    for (const [label, method, used] of cases) {
      let [cpu, there, same] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, true];
      let note = '';
      await timed(method, used, device.name); // compiles what the device needs
      for (let i = 0; i < Number(given.repeat); i++) {
        const a = await timed(method, used, 'cpu');
        const b = await timed(method, used, device.name);
        cpu = Math.min(cpu, a.seconds);
        there = Math.min(there, b.seconds);
        same &&= a.file.equals(b.file);
        if (b.result.device !== device.name) note = `  ${b.result.deviceReason}`;
      }
      console.log(
        `${label.padEnd(24)} ${cpu.toFixed(3).padStart(7)} ${there.toFixed(3).padStart(9)} ${(there / cpu).toFixed(2).padStart(13)}  ${same ? 'yes' : 'no'}${note}`,
      );
    }
    console.log();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
