/**
 * How long a person waits for the first token after moving a slider: with adapters on a loaded model (the studio's own
 * inference worker), and by baking a file, loading it and asking that.
 *
 *   node scripts/bench/live.ts [--layers N] [--adapters N] [--rank N] [--type f16|q8_0|q4_k_m|…] [--repeat N] [--folder DIR]
 *
 * Writes a model with the shapes of Llama-3.2-1B (random numbers, the tokenizer of the demo model) and adapters into a
 * folder, and removes them at the end. The least of several; the bake's wait for the disk is shown apart. The
 * evaluation of the question is in both times, and most of the live one. --type: what is baked from the F16 base, and what the
 * live mix runs on.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { WorkerClient } from '../../electron/studio/worker-client.ts';
import type { LiveMix } from '../../electron/workers/contract.ts';
import { forkWorker } from '../../electron/workers/fork.ts';
import type { BakeOptions } from '../../native-merge/index.js';
import { buildNative } from '../build-native.ts';
import { adapterShapes, writeChatModel, writeGguf } from './model.ts';

const { values: given } = parseArgs({
  options: {
    layers: { type: 'string', default: '16' },
    adapters: { type: 'string', default: '5' },
    rank: { type: 'string', default: '16' },
    type: { type: 'string', default: 'f16' },
    repeat: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
  },
});
await buildNative();
const { bake } = await import('../../native-merge/index.js');

const layers = Number(given.layers);
const demo = new URL('../../resources/demo/base.gguf', import.meta.url).pathname;

const folder = mkdtempSync(join(given.folder, 'temperament-bench-'));
const inference = new WorkerClient('inference', forkWorker, async () => {});
try {
  const base = join(folder, 'base.gguf');
  const tensors = writeChatModel(base, layers, demo);
  const entries = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
  const factors = adapterShapes(tensors, Number(given.rank));
  const adapters = Array.from({ length: Number(given.adapters) }, (_, i) => {
    const path = join(folder, `adapter-${i}.gguf`);
    writeGguf(path, { kind: 'adapter', type: 'f16', tensors: factors, spread: 0.01, seed: i + 1 });
    return path;
  });
  const type = given.type as BakeOptions['type'];
  const shown = join(folder, 'shown.gguf');
  await bake({ base, out: shown, type, method: 'task_arithmetic', vectors: [] });

  console.log(`${cpus()[0]?.model ?? 'CPU'}; load ${loadavg()[0]?.toFixed(1)}`);
  console.log(
    `${(entries / 1e6).toFixed(0)} million weights, ${adapters.length} adapters of rank ${given.rank}, as ${type}; best of ${given.repeat}\n`,
  );

  const live = (scale: number) => ({ model: shown, adapters: adapters.map(path => ({ path, scale })) });
  const cold = await firstToken(live(1));
  const best = { same: Infinity, moved: Infinity, bake: Infinity, flush: Infinity, reload: Infinity };
  const keep = (name: keyof typeof best, seconds: number) => {
    best[name] = Math.min(best[name], seconds);
  };
  const repeat = Number(given.repeat);
  const scale = (i: number) => 0.9 - (0.5 * i) / repeat;
  // The first answers still bring the weights into memory; the least of many is not among them.
  for (let i = 0; i < 4 * repeat; i++) {
    keep('moved', await firstToken(live(scale(i / 4))));
    keep('same', await firstToken(live(scale(i / 4))));
  }
  for (let i = 0; i < repeat; i++) {
    const out = join(folder, `baked-${i}.gguf`);
    const vectors = adapters.map((path, v) => ({ path, id: `adapter ${v}`, weight: scale(i) }));
    const { seconds, flushSeconds } = await bake({
      base,
      out,
      type,
      method: 'task_arithmetic',
      vectors,
    });
    keep('bake', seconds - flushSeconds);
    keep('flush', flushSeconds);
    keep('reload', await firstToken({ model: out, adapters: [] }));
    await inference.call(client => client.unload({ model: out }));
    rmSync(out);
  }
  const line = (text: string, seconds: number) =>
    console.log(`${text.padEnd(58)} ${seconds.toFixed(3).padStart(8)} s`);
  line('first start: model, adapters, first token', cold);
  line('live, nothing moved: first token', best.same);
  line('live, sliders moved: first token', best.moved);
  line('baked: writing the file', best.bake);
  line('       waiting for the disk', best.flush);
  line('       loading it, first token', best.reload);
  const baked = best.bake + best.reload;
  console.log(
    `live / baked: 1/${(baked / best.moved).toFixed(1)} without the disk, 1/${((baked + best.flush) / best.moved).toFixed(1)} with it`,
  );
} finally {
  inference.close();
  rmSync(folder, { recursive: true, force: true });
}

async function firstToken(mix: LiveMix): Promise<number> {
  const begin = performance.now();
  const sampling = { temperature: 0, topP: 1, seed: 1, maxTokens: 1 };
  const turns = [{ role: 'user' as const, content: 'Hello' }];
  const events = inference.stream(client => client.generate({ mix, turns, sampling }));
  for await (const event of events) if (event.type === 'done') break;
  return (performance.now() - begin) / 1000;
}
