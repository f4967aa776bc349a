/**
 * Builds the fuzz target of the GGUF reader with clang's libFuzzer and sanitizers, and runs it.
 *
 *   node native-merge/fuzz/run.ts [seconds] [further libFuzzer options]
 *
 * Starts from small generated files and from what earlier runs found, kept in native-merge/fuzz/corpus. What breaks it is
 * written to native-merge/fuzz/crash-*. Needs clang (Debian: apt-get install clang) and a built addon, for its headers.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { buildNative } from '../../scripts/build-native.ts';
import { ggufBytes, type TestTensor, type TestValue } from '../../test/native/helpers/gguf.ts';

const here = import.meta.dirname;
const [seconds = '60', ...options] = process.argv.slice(2);

/** Small files that reach every branch of the reader, for the fuzzer to vary. */
function seeds(): Record<string, Uint8Array> {
  const values = Array.from({ length: 64 }, (_, i) => i / 64);
  const tensor = (name: string, more: Partial<TestTensor> = {}): TestTensor => ({
    name,
    shape: [32, 2],
    values,
    ...more,
  });
  const model: Record<string, TestValue> = {
    'general.architecture': 'llama',
    'llama.block_count': 1,
    'llama.rope.freq_base': { float32: 1e4 },
    'tokenizer.ggml.tokens': ['<s>', 'a', 'ß'],
    'tokenizer.ggml.add_bos_token': true,
    big: 2n ** 40n,
  };
  const adapter = {
    ...model,
    'general.type': 'adapter',
    'adapter.type': 'lora',
    'adapter.lora.alpha': { float32: 8 },
  };
  const split = (no: number) => ({
    ...(no === 0 ? model : {}),
    'split.no': { uint16: no },
    'split.count': { uint16: 2 },
    'split.tensors.count': { int32: 2 },
  });
  return {
    empty: ggufBytes({}, []),
    model: ggufBytes(model, [
      tensor('token_embd.weight', { type: 'F16' }),
      tensor('a.weight', { type: 'Q8_0' }),
    ]),
    blocks: ggufBytes(model, [tensor('q4_k', { shape: [256, 1], typeId: 12, raw: new Uint8Array(144) })]),
    aligned: ggufBytes({ ...model, 'general.alignment': 32 }, [tensor('norm', { shape: [64] })]),
    vector: ggufBytes({ ...model, 'general.type': 'personality-vector' }, [
      tensor('a.weight', { type: 'BF16' }),
    ]),
    adapter: ggufBytes(adapter, [
      tensor('a.weight.lora_a', { shape: [32, 1] }),
      tensor('a.weight.lora_b', { shape: [1, 2] }),
    ]),
    first: ggufBytes(split(0), [tensor('a.weight')]),
    second: ggufBytes(split(1), [tensor('b.weight')]),
    imatrix: ggufBytes(
      {
        'general.type': 'imatrix',
        'imatrix.datasets': ['text'],
        'imatrix.chunk_count': 3,
        'imatrix.chunk_size': 8,
      },
      [tensor('a.weight.in_sum2', { shape: [32] }), tensor('a.weight.counts', { shape: [1], values: [4] })],
    ),
  };
}

await buildNative();
const corpus = join(here, 'corpus');
if (!existsSync(corpus)) mkdirSync(corpus);
for (const [name, bytes] of Object.entries(seeds())) writeFileSync(join(corpus, name), bytes);

const compiler = process.env.CLANG ?? ['clang++', 'clang++-19', 'clang++-16', 'clang++-14'].find(installed);
function installed(command: string): boolean {
  return spawnSync(command, ['--version']).status === 0;
}
if (!compiler) {
  console.error('Fuzzing needs clang. Run: apt-get install clang   (or name one in CLANG)');
  process.exit(1);
}

const llama = join(here, '..', 'build', 'llama.cpp');
const target = join(here, '..', 'build', 'fuzz-gguf');
const sources = [
  'convert',
  'cpu',
  'file',
  'fingerprint',
  'ggml_library',
  'gguf',
  'imatrix',
  'kernels',
  'parallel',
];
const flags = [
  ...['-std=c++20', '-g', '-O1', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=undefined'],
  ...['-I', join(llama, 'ggml', 'include'), '-I', join(llama, 'include')],
];
const files = [...sources, 'sha256', 'tensor_data'].map(name => join(here, '..', 'src', `${name}.cpp`));
const built = spawnSync(
  compiler,
  [...flags, join(here, 'gguf.cpp'), ...files, '-o', target, '-ldl', '-pthread'],
  {
    stdio: 'inherit',
  },
);
if (built.status !== 0) process.exit(1);

const require = createRequire(import.meta.resolve('node-llama-cpp'));
const bins = join(dirname(require.resolve(`@node-llama-cpp/linux-${process.arch}`)), '..', 'bins');
const libraries = join(bins, readdirSync(bins)[0] as string);
const library = (pattern: RegExp) =>
  join(libraries, readdirSync(libraries).find(name => pattern.test(name)) as string);
const ran = spawnSync(
  target,
  [corpus, `-max_total_time=${seconds}`, '-max_len=4096', '-timeout=10', '-rss_limit_mb=2048', ...options],
  {
    cwd: here,
    stdio: 'inherit',
    env: {
      ...process.env,
      GGML_BASE: library(/^libggml-base\.so/),
      GGML: library(/^libggml\.(v[\d.]+\.)?so/),
    },
  },
);
process.exit(ran.status ?? 1);
