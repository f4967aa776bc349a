/**
 * How fast native-merge factorises a dense matrix and how much it keeps, beside PyTorch's svd_lowrank where a Python with
 * torch is named.
 *
 *   node scripts/bench/factorize.ts [--rows N] [--columns N] [--ranks 16,64,256] [--energy 0.9] [--threads N]
 *                                   [--repeat N] [--device auto|cpu|NAME] [--python PYTHON]
 *
 * The matrix is like the change of a fine-tune: a hundred directions that fall off as 1/k, and noise that holds a third
 * of the energy. CPU seconds are those of all threads together: on a busy machine they tell more than the time taken.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeGguf } from '../../test/native/helpers/gguf.ts';
import { gaussian } from '../../test/native/helpers/random.ts';
import { buildNative } from '../build-native.ts';

const { values: given } = parseArgs({
  options: {
    rows: { type: 'string', default: '4096' },
    columns: { type: 'string', default: '4096' },
    ranks: { type: 'string', default: '16,64,256' },
    energy: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    repeat: { type: 'string', default: '3' },
    device: { type: 'string', default: 'auto' },
    python: { type: 'string' },
  },
});
const [rows, columns, threads] = [Number(given.rows), Number(given.columns), Number(given.threads)];
const DIRECTIONS = 100;

function matrix(): Float32Array {
  const [left, right] = [gaussian(rows * DIRECTIONS, 1), gaussian(columns * DIRECTIONS, 2)];
  const values = gaussian(rows * columns, 3);
  const strength = Array.from({ length: DIRECTIONS }, (_, k) => 1 / (k + 1));
  // Each direction has the energy strength²; the noise half of all of them.
  const noise = Math.sqrt(strength.reduce((sum, s) => sum + s * s, 0) / 2);
  const row = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    row.fill(0);
    for (let k = 0; k < DIRECTIONS; k++) {
      const factor = (strength[k] as number) * (left[k * rows + i] as number);
      for (let j = 0; j < columns; j++)
        row[j] = (row[j] as number) + factor * (right[k * columns + j] as number);
    }
    for (let j = 0; j < columns; j++) {
      const at = i * columns + j;
      values[at] = 1e-3 * ((row[j] as number) + noise * (values[at] as number));
    }
  }
  return values;
}

await buildNative();
const { factorize } = await import('../../native-merge/index.js');
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'temperament-bench-'));
try {
  const values = matrix();
  const vector = join(folder, 'vector.gguf');
  const metadata = { 'general.architecture': 'llama', 'general.type': 'personality-vector' };
  writeGguf(vector, metadata, [
    { name: 'blk.0.x.weight', shape: [columns, rows], raw: new Uint8Array(values.buffer) },
  ]);
  const plain = join(folder, 'matrix.f32');
  if (given.python) writeFileSync(plain, new Uint8Array(values.buffer));

  console.log(
    `${cpus()[0]?.model ?? 'CPU'}, ${threads} threads; ${rows} × ${columns}, best of ${given.repeat}\n`,
  );
  console.log('                  asked  rank  seconds  CPU seconds  energy kept');
  const show = (what: string, asked: string, rank: number, seconds: number, cpu: number, energy: number) =>
    console.log(
      `${what.padEnd(12)} ${asked.padStart(10)} ${String(rank).padStart(5)} ${seconds.toFixed(2).padStart(8)} ${cpu.toFixed(2).padStart(12)}  ${energy.toFixed(6)}`,
    );
  const asks = [
    ...given.ranks.split(',').map(rank => ({ rank: Number(rank) })),
    ...(given.energy ? [{ energy: Number(given.energy) }] : []),
  ];
  for (const ask of asks) {
    let [best, cpu] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    let [kept, rank, why] = [0, 0, ''];
    for (let i = 0; i < Number(given.repeat); i++) {
      const before = process.cpuUsage();
      const result = await factorize({
        vector,
        out: join(folder, 'out.gguf'),
        type: 'f32',
        threads,
        device: given.device,
        ...ask,
      });
      const { user, system } = process.cpuUsage(before);
      cpu = Math.min(cpu, (user + system) / 1e6);
      best = Math.min(best, result.seconds);
      kept = result.energy;
      rank = result.layers[0]?.rank ?? 0;
      why = result.deviceReason;
    }
    show('native-merge', 'rank' in ask ? `rank ${ask.rank}` : `energy ${ask.energy}`, rank, best, cpu, kept);
    console.log(`             ${why}`);
    if (!given.python || !('rank' in ask)) continue;
    for (const iterations of [2, 4]) {
      const script = join(import.meta.dirname, 'svd_lowrank.py');
      const args = [script, plain, rows, columns, ask.rank, iterations, threads, given.repeat].map(String);
      const { stdout, stderr, status } = spawnSync(given.python, args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${given.python} failed: ${stderr}`);
      const { seconds, cpu, energy } = JSON.parse(stdout) as { seconds: number; cpu: number; energy: number };
      show('torch', `niter ${iterations}`, ask.rank, seconds, cpu, energy);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
