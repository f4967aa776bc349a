/**
 * Baking LoRA adapters into a model: native-merge against llama.cpp's own llama-export-lora on the same files with the
 * same threads. The tool adds one or more adapters at their scales and writes F16, as `bake` does here.
 *
 *   node scripts/bench/adapters.ts --tool PATH/llama-export-lora [--layers N] [--adapters N] [--rank N] [--threads N]
 *                                  [--repeat N] [--folder DIR]
 *
 * The tool comes from llama.cpp's source: git clone node_modules/node-llama-cpp/llama/gitRelease.bundle, then cmake with
 * -DGGML_NATIVE=ON and the target llama-export-lora. Each program is measured as a whole process, from start to finished
 * file, the least of several; the largest difference between the two results is shown as a check.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildNative } from '../build-native.ts';
import { adapterShapes, modelShapes, writeGguf } from './model.ts';

const { values: given } = parseArgs({
  options: {
    tool: { type: 'string' },
    layers: { type: 'string', default: '4' },
    adapters: { type: 'string', default: '5' },
    rank: { type: 'string', default: '16' },
    threads: { type: 'string', default: String(availableParallelism()) },
    repeat: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
  },
});
if (!given.tool) {
  console.error('Say where llama-export-lora is: --tool PATH. The head of this file tells how to build it.');
  process.exit(2);
}
await buildNative();
const { readGguf } = await import('../../native-merge/index.js');

const folder = mkdtempSync(join(given.folder, 'temperament-bench-'));
try {
  const tensors = modelShapes(Number(given.layers));
  const entries = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
  const base = join(folder, 'base.gguf');
  writeGguf(base, { kind: 'model', type: 'f16', tensors, spread: 0.05, seed: 0 });
  const factors = adapterShapes(tensors, Number(given.rank));
  const adapters = Array.from({ length: Number(given.adapters) }, (_, i) => {
    const path = join(folder, `adapter-${i}.gguf`);
    writeGguf(path, { kind: 'adapter', type: 'f16', tensors: factors, spread: 0.01, seed: i + 1 });
    return { path, id: `adapter ${i}`, weight: 0.5 };
  });
  const ours = join(folder, 'ours.gguf');
  const theirs = join(folder, 'theirs.gguf');
  const script = `
    const { bake } = await import(${JSON.stringify(new URL('../../native-merge/index.js', import.meta.url).href)});
    await bake(JSON.parse(process.argv[1]));`;
  const options = {
    base,
    out: ours,
    type: 'f16',
    method: 'task_arithmetic',
    vectors: adapters,
    threads: Number(given.threads),
  };
  const baking: [string, string[]] = [
    process.execPath,
    ['--input-type=module', '-e', script, JSON.stringify(options)],
  ];
  const scaled = adapters.map(({ path, weight }) => `${path}:${weight}`).join(',');
  const exporting: [string, string[]] = [
    given.tool,
    ['-m', base, '--lora-scaled', scaled, '-o', theirs, '-t', given.threads],
  ];
  const [best, other] = [
    { wall: Number.POSITIVE_INFINITY, cpu: Number.POSITIVE_INFINITY },
    { wall: Number.POSITIVE_INFINITY, cpu: Number.POSITIVE_INFINITY },
  ];
  for (let i = 0; i < Number(given.repeat); i++) {
    for (const [least, [command, args]] of [
      [best, baking],
      [other, exporting],
    ] as const) {
      const cost = run(command, args);
      least.wall = Math.min(least.wall, cost.wall);
      least.cpu = Math.min(least.cpu, cost.cpu);
    }
  }
  console.log(`${cpus()[0]?.model ?? 'CPU'}, ${given.threads} threads; load ${loadavg()[0]?.toFixed(1)}`);
  console.log(
    `${(entries / 1e6).toFixed(0)} million weights, ${adapters.length} adapters of rank ${given.rank}; best of ${given.repeat}`,
  );
  const line = (name: string, { wall, cpu }: typeof best) =>
    console.log(`${name.padEnd(18)} ${wall.toFixed(2).padStart(7)} s   CPU ${cpu.toFixed(2).padStart(7)} s`);
  line('native-merge', best);
  line('llama-export-lora', other);
  console.log(
    `ratio ${(other.wall / best.wall).toFixed(1)}, CPU ${(other.cpu / best.cpu).toFixed(1)}; largest difference ${await difference(ours, theirs)}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The CPU seconds of children are what this process's own counter of them gained. */
function run(command: string, args: string[]): { wall: number; cpu: number } {
  const timed = spawnSync(
    'bash',
    ['-c', 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null 2>&1', 'bash', command, ...args],
    {
      encoding: 'utf8',
    },
  );
  const [wall = NaN, user = NaN, system = NaN] = timed.stderr.trim().split(/\s+/).map(Number);
  if (timed.status !== 0) throw new Error(`${command} ${args.join(' ')} failed.`);
  return { wall, cpu: user + system };
}

/** Over the first million entries of the first layer's matrices. */
async function difference(a: string, b: string): Promise<string> {
  const [first, second] = [await readGguf(a), await readGguf(b)];
  const [bytesA, bytesB] = [readFileSync(a), readFileSync(b)];
  let largest = 0;
  for (const tensor of first.tensors.filter(({ name }) => /^blk\.0\.(attn_q|ffn_down)\.weight/.test(name))) {
    const other = second.tensors.find(({ name }) => name === tensor.name);
    if (!other || other.type !== tensor.type) throw new Error(`${tensor.name} differs in type.`);
    for (let i = 0; i < 1e6; i++) {
      const [x, y] = [
        fromHalf(bytesA.readUInt16LE(tensor.offset + 2 * i)),
        fromHalf(bytesB.readUInt16LE(other.offset + 2 * i)),
      ];
      largest = Math.max(largest, Math.abs(x - y));
    }
  }
  return largest.toExponential(1);
}

function fromHalf(half: number): number {
  const exponent = (half >> 10) & 31;
  const magnitude = exponent ? (1 + (half & 1023) / 1024) * 2 ** (exponent - 15) : (half & 1023) * 2 ** -24;
  return half & 0x8000 ? -magnitude : magnitude;
}
