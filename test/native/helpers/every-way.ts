/**
 * Files made in every way that the engine has, each as a hash: what must be the same on every CPU and system.
 *
 *   node test/native/helpers/every-way.ts            prints them, to compare machines or to renew fixtures/every-way.json
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BakeOptions, bake, expand, extract, factorize } from '../../../native-merge/index.js';
import { type StoredType, writeGguf } from './gguf.ts';
import { gaussian, matrixOf } from './random.ts';

const METHODS: (Partial<BakeOptions> & { method: BakeOptions['method'] })[] = [
  { method: 'task_arithmetic' },
  { method: 'ties' },
  { method: 'ties', trim: 'vector', election: 'unweighted' },
  { method: 'dare_linear' },
  { method: 'dare_ties', rescale: 'l1' },
  { method: 'breadcrumbs' },
  { method: 'breadcrumbs_ties' },
  { method: 'della_linear' },
  { method: 'della' },
  { method: 'sce', selectTopk: 0.3 },
  { method: 'model_stock' },
  { method: 'karcher' },
];
const TYPES: BakeOptions['type'][] = ['f32', 'f16', 'bf16', 'q8_0'];
const STORED: StoredType[] = ['F16', 'BF16', 'F32', 'Q8_0'];
const WEIGHT = 'blk.0.ffn_up.weight';

/** Name of a way → SHA-256 of the file that it makes. */
export async function everyWay(): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'every-way-'));
  const at = (name: string) => join(folder, name);
  // Large enough that thresholds are bracketed by a sample; the last stretch is not whole.
  const shape = [1056, 1030] as const;
  const [columns, rows] = shape;
  const count = columns * rows;
  const change = { 'general.architecture': 'llama', 'general.type': 'personality-vector' };
  const write = (
    name: string,
    metadata: typeof change | { 'general.architecture': string },
    type: StoredType,
    seed: number,
  ) =>
    writeGguf(at(name), metadata, [
      { name: WEIGHT, shape: [...shape], values: gaussian(count, seed, 0.02), type },
    ]);
  const hashes: Record<string, string> = {};
  const keep = (name: string) => {
    hashes[name] = createHash('sha256')
      .update(readFileSync(at('out.gguf')))
      .digest('hex')
      .slice(0, 32);
  };
  try {
    const base = write('base.gguf', { 'general.architecture': 'llama' }, 'F16', 1);
    const dense = STORED.map((type, i) => ({
      path: write(`${type}.gguf`, change, type, i + 2),
      id: type,
      weight: 0.3 + i / 4,
    }));
    for (const { method, ...more } of METHODS) {
      for (const type of TYPES) {
        const vectors = dense.map(vector => ({
          ...vector,
          density: /sce|stock|karcher|arithmetic/.test(method) ? 1 : 0.6,
        }));
        await bake({ base, out: at('out.gguf'), type, method, vectors, seed: 7, device: 'cpu', ...more });
        keep([method, ...Object.values(more), type].join(' '));
      }
    }
    const tuned = write('tuned.gguf', { 'general.architecture': 'llama' }, 'F16', 12);
    await extract({ base, tuned, out: at('out.gguf'), type: 'f16' });
    keep('extract f16');
    const low = writeGguf(at('low.gguf'), change, [
      { name: WEIGHT, shape: [300, 200], values: matrixOf(200, 300, [1, 0.5, 0.2, 0.1], 4), type: 'F32' },
    ]);
    await factorize({ vector: low, out: at('out.gguf'), rank: 3, type: 'f32', device: 'cpu' });
    keep('factorize rank 3');
    await expand({ adapter: at('out.gguf'), out: at('again.gguf') });
    await bake({
      base: writeGguf(at('small.gguf'), { 'general.architecture': 'llama' }, [
        { name: WEIGHT, shape: [300, 200], values: gaussian(60000, 5), type: 'F32' },
      ]),
      out: at('out.gguf'),
      type: 'f32',
      method: 'ties',
      vectors: [{ path: at('again.gguf'), id: 'again', weight: 1.5, density: 0.4 }],
      device: 'cpu',
    });
    keep('expand, ties f32');
    return hashes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(JSON.stringify(await everyWay(), undefined, 2));
