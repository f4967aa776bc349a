// Finds the ggml libraries of node-llama-cpp, opens the addon on them, checks arguments and shapes errors; what the
// functions do is documented in index.d.ts.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { freemem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

export class NativeMergeError extends Error {
  constructor({ code, message, file, tensor }) {
    super(message);
    this.name = 'NativeMergeError';
    this.code = code;
    if (file !== undefined) this.file = file;
    if (tensor !== undefined) this.tensor = tensor;
  }
}

// --- libraries ---

// Which of node-llama-cpp's packages can serve this machine; the first has what every machine can run.
const variants = {
  'linux-x64': ['linux-x64', 'linux-x64-cuda', 'linux-x64-cuda-ext', 'linux-x64-vulkan'],
  'linux-arm64': ['linux-arm64'],
  'linux-arm': ['linux-armv7l'],
  'darwin-arm64': ['mac-arm64-metal'],
  'darwin-x64': ['mac-x64'],
  'win32-x64': ['win-x64', 'win-x64-cuda', 'win-x64-cuda-ext', 'win-x64-vulkan'],
  'win32-arm64': ['win-arm64'],
};

// Native code cannot open files inside Electron's archive; electron-builder unpacks them beside it.
const unpacked = path => path.replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked');

// Folders of the installed variants that hold libraries.
function libraryFolders() {
  const fromNodeLlamaCpp = createRequire(require.resolve('node-llama-cpp'));
  const folders = [];
  for (const variant of variants[`${process.platform}-${process.arch}`] ?? []) {
    let bins;
    try {
      bins = join(dirname(fromNodeLlamaCpp.resolve(`@node-llama-cpp/${variant}`)), '..', 'bins');
    } catch {
      continue; // an optional package that is not installed
    }
    for (const entry of readdirSync(bins, { withFileTypes: true })) {
      if (entry.isDirectory()) folders.push(unpacked(join(bins, entry.name)));
    }
  }
  return folders;
}

function findLibrary(folder, pattern) {
  const name = readdirSync(folder).find(name => pattern.test(name));
  return name && join(folder, name);
}

// Beside this file, or, when a bundler has moved this code, in the native-merge folder of a folder above.
function findAddon() {
  const here = dirname(fileURLToPath(import.meta.url));
  const built = join('build', 'Release', 'native_merge.node');
  const candidates = [join(here, built)];
  for (let folder = here; folder !== dirname(folder); folder = dirname(folder)) {
    candidates.push(join(folder, 'native-merge', built));
  }
  const found = candidates.map(unpacked).find(path => existsSync(path));
  if (found) return found;
  throw new NativeMergeError({
    code: 'io',
    message: 'The native-merge addon is not built. Run: node scripts/build-native.ts',
    file: candidates[0],
  });
}

let opened;

function open() {
  if (opened) return opened;
  const addonFile = findAddon();
  let folders = [];
  try {
    folders = libraryFolders();
  } catch {
    // reported below
  }
  const folder = folders.find(folder => findLibrary(folder, /^(lib)?ggml-base\.(so|dylib|dll)$/));
  if (!folder) {
    throw new NativeMergeError({
      code: 'io',
      message: `node-llama-cpp has no libraries for ${process.platform}-${process.arch} installed. Run: npm install`,
    });
  }
  const addon = require(addonFile);
  call(() =>
    addon.openLibraries(
      findLibrary(folder, /^(lib)?ggml-base\.(so|dylib|dll)$/),
      findLibrary(folder, /^(lib)?ggml(\.[^-]*)?\.(so|dylib|dll)$/),
    ),
  );
  const gpu = folders.map(other => findLibrary(other, /^(lib)?ggml-(cuda|vulkan|metal)\.(so|dylib|dll)$/));
  opened = { addon, folder, gpu: gpu.filter(path => path !== undefined && dirname(path) !== folder) };
  return opened;
}

// --- calls ---

function call(work) {
  try {
    return work();
  } catch (error) {
    throw error instanceof NativeMergeError || !error?.code ? error : new NativeMergeError(error);
  }
}

async function run(name, options, { onProgress, signal } = {}) {
  const { addon } = open();
  if (signal?.aborted)
    throw new NativeMergeError({ code: 'cancelled', message: 'Cancelled; nothing was written.' });
  const job = call(() => addon[name](options, onProgress));
  const cancel = () => job.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await job.promise;
  } catch (error) {
    throw new NativeMergeError(error);
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

// --- arguments ---

function invalid(message) {
  throw new NativeMergeError({ code: 'invalid_argument', message });
}

function checkPath(value, name) {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) invalid(`${name} must be a path.`);
  return value;
}

function checkNumber(
  value,
  name,
  { min = -Infinity, max = Infinity, above = -Infinity, whole = false } = {},
) {
  const good =
    typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max && value > above;
  if (!good || (whole && !Number.isInteger(value))) {
    const from = above > -Infinity ? `above ${above}` : min > -Infinity ? `from ${min}` : '';
    const range = [from, max < Infinity ? `up to ${max}` : ''].filter(Boolean).join(' ');
    const kind = whole ? 'whole' : 'finite';
    invalid(`${name} must be a ${kind} number${range ? ` ${range}` : ''}, not ${String(value)}.`);
  }
  return value;
}

function checkChoice(value, name, choices) {
  if (!choices.includes(value))
    invalid(`${name} must be one of ${choices.join(', ')}, not ${String(value)}.`);
  return value;
}

function checkSeed(value) {
  const good =
    typeof value === 'bigint' ? value >= 0n && value < 2n ** 64n : Number.isSafeInteger(value) && value >= 0;
  if (!good) invalid(`seed must be a whole number from 0 to 2^64 - 1, not ${String(value)}.`);
  return value;
}

// Keys that say what a file is are ours to write.
const reserved = /^(general\.(type|architecture|alignment|file_type|quantization_version)|adapter\.|split\.)/;

function checkMetadata(metadata = {}) {
  for (const [key, value] of Object.entries(metadata)) {
    if (key === '' || key.length > 1000)
      invalid(`metadata key ${JSON.stringify(key)} must have 1 to 1000 characters.`);
    if (reserved.test(key)) invalid(`metadata key ${key} cannot be set.`);
    if (typeof value === 'number') checkNumber(value, `metadata ${key}`);
    else if (typeof value === 'bigint') {
      if (value < 0n || value >= 2n ** 64n) invalid(`metadata ${key} must be from 0 to 2^64 - 1.`);
    } else if (typeof value !== 'string' && typeof value !== 'boolean') {
      invalid(`metadata ${key} must be a string, number, bigint or boolean.`);
    }
  }
  return metadata;
}

const checkThreads = threads =>
  threads === undefined ? undefined : checkNumber(threads, 'threads', { min: 0, max: 256, whole: true });

// --- functions ---

export function readGguf(path) {
  checkPath(path, 'path');
  const { addon } = open();
  return call(() => addon.readGguf(path));
}

export async function fingerprint(path, { threads, ...watch } = {}) {
  return run('fingerprint', { path: checkPath(path, 'path'), threads: checkThreads(threads) }, watch);
}

export async function extract({ base, tuned, out, type = 'f32', metadata, threads }, watch) {
  return run(
    'extract',
    {
      base: checkPath(base, 'base'),
      tuned: checkPath(tuned, 'tuned'),
      out: checkPath(out, 'out'),
      type: checkChoice(type, 'type', ['f32', 'f16', 'bf16']),
      metadata: checkMetadata(metadata),
      threads: checkThreads(threads),
    },
    watch,
  );
}

// The paper's settings: DARE drops half, TIES keeps the largest 30 %.
const defaultDensity = { task_arithmetic: 1, dare_linear: 0.5, ties: 0.3 };

export async function bake(options, watch) {
  const { method, vectors, lambda = 1, seed = 0, stretch } = options;
  checkChoice(method, 'method', Object.keys(defaultDensity));
  if (!Array.isArray(vectors)) invalid('vectors must be an array.');
  const checked = vectors.map(({ path, id, weight, density = defaultDensity[method] }, i) => {
    if (typeof id !== 'string' || id === '') invalid(`vectors[${i}].id must be a text.`);
    checkNumber(density, `vectors[${i}].density`, { above: 0, max: 1 });
    if (method === 'task_arithmetic' && density !== 1) {
      invalid(`vectors[${i}].density must be 1 or left out: task_arithmetic keeps every entry.`);
    }
    return {
      path: checkPath(path, `vectors[${i}].path`),
      id,
      weight: checkNumber(weight, `vectors[${i}].weight`, { min: -1e6, max: 1e6 }),
      density,
    };
  });
  if (new Set(checked.map(({ id }) => id)).size < checked.length)
    invalid('Every vector needs an id of its own.');
  for (const flag of ['normalize', 'rescale']) {
    const choices = flag === 'rescale' ? [true, false, 'density', 'l1'] : [true, false];
    if (options[flag] !== undefined) checkChoice(options[flag], flag, choices);
  }
  if (stretch !== undefined) checkNumber(stretch, 'stretch', { min: 4096, max: 2 ** 24, whole: true });
  if (stretch % 4096 > 0) invalid('stretch must be a multiple of 4096.');
  return run(
    'bake',
    {
      base: checkPath(options.base, 'base'),
      out: checkPath(options.out, 'out'),
      type: checkChoice(options.type, 'type', ['f32', 'f16', 'bf16', 'q8_0']),
      method,
      vectors: checked,
      lambda: checkNumber(lambda, 'lambda', { min: -1e6, max: 1e6 }),
      normalize: options.normalize,
      rescale: options.rescale,
      seed: checkSeed(seed),
      metadata: checkMetadata(options.metadata),
      threads: checkThreads(options.threads),
      stretch,
    },
    watch,
  );
}

export async function factorize(options, watch) {
  const { rank, energy } = options;
  if (rank !== undefined) checkNumber(rank, 'rank', { min: 1, max: 65536, whole: true });
  if (energy !== undefined) checkNumber(energy, 'energy', { above: 0, max: 1 });
  return run(
    'factorize',
    {
      vector: checkPath(options.vector, 'vector'),
      out: checkPath(options.out, 'out'),
      type: checkChoice(options.type ?? 'f16', 'type', ['f32', 'f16', 'bf16']),
      rank: rank ?? (energy === undefined ? 16 : undefined),
      energy,
      embeddings: checkChoice(options.embeddings ?? false, 'embeddings', [true, false]),
      seed: checkSeed(options.seed ?? 0),
      metadata: checkMetadata(options.metadata),
      threads: checkThreads(options.threads),
    },
    watch,
  );
}

export function devices() {
  const { addon, folder, gpu } = open();
  const found = call(() => addon.devices(folder, gpu));
  // ggml calls all of the machine's memory free.
  return found.map(device => (device.type === 'cpu' ? { ...device, memoryFree: freemem() } : device));
}
