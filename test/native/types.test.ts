/** Every tensor type that ggml can dequantise is read as ggml reads it, bit for bit. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { bake, readGguf } from '../../native-merge/index.js';
import { tensorValues, writeGguf } from './helpers/gguf.ts';
import { modelMetadata, random, WEIGHT, workspace } from './helpers/workspace.ts';

const at = workspace();
const here = fileURLToPath(new URL('.', import.meta.url));

/** libggml-base, as node-llama-cpp ships it for this machine. */
function ggmlLibrary(): string {
  const require = createRequire(import.meta.resolve('node-llama-cpp'));
  const variant = {
    'linux-x64': 'linux-x64',
    'linux-arm64': 'linux-arm64',
    'darwin-arm64': 'mac-arm64-metal',
  };
  const name = variant[`${process.platform}-${process.arch}` as keyof typeof variant];
  const folder = join(dirname(require.resolve(`@node-llama-cpp/${name}`)), '..', 'bins', name);
  return join(folder, readdirSync(folder).find(file => file.startsWith('libggml-base.')) as string);
}

const ggml = at('ggml-types');
const library = ggmlLibrary();
const include = join(here, '..', '..', 'native-merge', 'build', 'llama.cpp', 'ggml', 'include');
const source = join(here, 'helpers', 'ggml-types.cpp');
execFileSync(process.env.CXX ?? 'c++', ['-std=c++17', '-I', include, source, '-o', ggml, '-ldl']);

const types = execFileSync(ggml, [library], { encoding: 'utf8' })
  .trim()
  .split('\n')
  .map(line => {
    const [id, name = '', block, bytes] = line.split(' ');
    return { id: Number(id), name, block: Number(block), bytes: Number(bytes) };
  });

function dequantised(id: number, entries: number, blocks: Uint8Array): Float32Array {
  const out = execFileSync(ggml, [library, String(id), String(entries)], {
    input: blocks,
    maxBuffer: 1 << 28,
  });
  return new Float32Array(out.buffer.slice(out.byteOffset, out.byteOffset + out.length));
}

test('ggml has the types that models come in', () => {
  const names = types.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['q4_0', 'q5_1', 'q8_0', 'q2_K', 'q3_K', 'q6_K', 'iq2_xxs']));
  expect(names).toEqual(
    expect.arrayContaining(['iq3_s', 'iq4_nl', 'iq4_xs', 'tq1_0', 'mxfp4', 'bf16', 'f16']),
  );
});

test.each(types)('$name', async ({ id, name, block, bytes }) => {
  // Random blocks, without those whose scales are no finite numbers: they are refused, as they should be.
  const columns = 2 * Math.max(block, 256);
  const wanted = (80 * columns) / block;
  const next = random(id);
  const candidates = Uint8Array.from({ length: 4 * wanted * bytes }, () => Math.floor(next() * 256));
  const values = dequantised(id, 4 * wanted * block, candidates);
  const good = Array.from({ length: 4 * wanted }, (_, i) => i).filter(i =>
    values.subarray(i * block, (i + 1) * block).every(Number.isFinite),
  );
  expect(good.length).toBeGreaterThanOrEqual(wanted);
  const chosen = good.slice(0, wanted);
  const raw = Buffer.concat(chosen.map(i => candidates.subarray(i * bytes, (i + 1) * bytes)));
  const expected = dequantised(id, wanted * block, raw);

  const base = writeGguf(at('base.gguf'), modelMetadata, [
    { name: WEIGHT, shape: [columns, 80], typeId: id, raw },
  ]);
  expect(readGguf(base).tensors[0]).toMatchObject({ type: name.toUpperCase(), bytes: raw.length });
  for (const stretch of [4096, undefined]) {
    await bake({ base, out: at('out.gguf'), type: 'f32', method: 'task_arithmetic', vectors: [], stretch });
    const found = tensorValues(at('out.gguf'), readGguf(at('out.gguf')).tensors, WEIGHT);
    expect(found.length).toBe(expected.length);
    const differing = found.findIndex((value, i) => !Object.is(value, expected[i]));
    expect([differing, found[differing], expected[differing]]).toEqual([-1, undefined, undefined]);
  }
});
