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
  const gpu = folders.map(other => findLibrary(other, /^(lib)?ggml-(cuda|vulkan|metal)\.(so|dylib|dll)$/));
  call(() =>
    addon.openLibraries(
      findLibrary(folder, /^(lib)?ggml-base\.(so|dylib|dll)$/),
      findLibrary(folder, /^(lib)?ggml(\.[^-]*)?\.(so|dylib|dll)$/),
      findLibrary(folder, /^(lib)?llama(\.[^-]*)?\.(so|dylib|dll)$/) ?? join(folder, 'libllama'),
      folder,
      gpu.filter(path => path !== undefined && dirname(path) !== folder),
    ),
  );
  opened = addon;
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

async function run(name, options, watch = {}) {
  checkNames(watch, ['onProgress', 'signal'], `The watch of ${name}`);
  const { onProgress, signal } = watch;
  const addon = open();
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

// A name that is not known is refused: left unread, a misspelt option would silently give another result.
function checkNames(given, known, where) {
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && !known.includes(name))
      invalid(`${where} takes no ${name}. It takes ${known.join(', ')}.`);
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
  const addon = open();
  return call(() => addon.readGguf(path));
}

export async function fingerprint(path, options = {}) {
  checkNames(options, ['threads', 'onProgress', 'signal'], 'fingerprint');
  const { threads, ...watch } = options;
  return run('fingerprint', { path: checkPath(path, 'path'), threads: checkThreads(threads) }, watch);
}

export async function extract(options, watch) {
  checkNames(options, ['base', 'tuned', 'out', 'type', 'metadata', 'threads'], 'extract');
  const { base, tuned, out, type = 'f32', metadata, threads } = options;
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

// What each method takes beside path, id, weight(s), lambda and seed, and its defaults. Densities: the paper keeps half
// with DARE and the largest 30 % with TIES; gamma, epsilon and selectTopk are mergekit's.
const consensus = { normalize: false, election: 'weighted' };
const random = { density: 0.5, rescale: 'density' };
const ranked = { ...random, epsilon: 0.15 };
const outliers = { density: 0.3, gamma: 0.01, rescale: 'none' };
const methods = {
  task_arithmetic: { normalize: false, rescale: 'none' },
  ties: { ...consensus, density: 0.3, normalize: true, rescale: 'none', trim: 'tensor' },
  dare_linear: { ...random, normalize: false },
  dare_ties: { ...consensus, ...random },
  breadcrumbs: { ...outliers, normalize: false },
  breadcrumbs_ties: { ...consensus, ...outliers },
  della_linear: { ...ranked, normalize: false },
  della: { ...consensus, ...ranked, normalize: true },
  sce: { selectTopk: 1 },
  tsv_m: { rankShare: 1 },
  knots_ties: { ...consensus, density: 0.3, normalize: true },
  slerp: {},
  nuslerp: {},
  model_stock: {},
  karcher: {},
};

// How many vectors a method needs.
const vectorCounts = { slerp: [1, 1], nuslerp: [2, 2], model_stock: [2, Infinity] };

const checkBakeOption = {
  normalize: value => checkChoice(value, 'normalize', [true, false]),
  rescale: value => checkChoice(value, 'rescale', ['none', 'density', 'l1', true, false]),
  gamma: value => checkNumber(value, 'gamma', { min: 0, max: 1 }),
  epsilon: value => checkNumber(value, 'epsilon', { min: 0, max: 0.5 }),
  selectTopk: value => checkNumber(value, 'selectTopk', { above: 0, max: 1 }),
  rankShare: value => checkNumber(value, 'rankShare', { above: 0, max: 1 }),
  trim: value => checkChoice(value, 'trim', ['tensor', 'vector']),
  election: value => checkChoice(value, 'election', ['weighted', 'unweighted']),
};

function checkBakeOptions(options) {
  const own = methods[options.method];
  const checked = {};
  for (const [name, check] of Object.entries(checkBakeOption)) {
    const value = options[name] ?? own[name];
    if (options[name] !== undefined && own[name] === undefined)
      invalid(`${options.method} takes no ${name}.`);
    if (value !== undefined) checked[name] = check(value);
  }
  return checked;
}

// A number, or the points of a line over the depth of the model.
function checkWeight(weight, name) {
  const points = Array.isArray(weight) ? weight : [weight];
  if (points.length === 0 || points.length > 1000) invalid(`${name} must have 1 to 1000 numbers.`);
  return points.map(point => checkNumber(point, name, { min: -1e6, max: 1e6 }));
}

function checkRules(rules, name) {
  if (!Array.isArray(rules)) invalid(`${name} must be an array.`);
  return rules.map((rule, i) => {
    checkNames(rule ?? {}, ['filter', 'weight'], `${name}[${i}]`);
    const filter = rule?.filter;
    if (typeof filter !== 'string' || filter === '' || filter.length > 1000)
      invalid(`${name}[${i}].filter must be a text.`);
    return { filter, weight: checkWeight(rule.weight, `${name}[${i}].weight`) };
  });
}

function checkVectors(vectors, method, epsilon) {
  if (!Array.isArray(vectors)) invalid('vectors must be an array.');
  const [fewest, most] = vectorCounts[method] ?? [0, Infinity];
  if (vectors.length < fewest || vectors.length > most) {
    const wanted = `${most > fewest ? 'at least' : 'exactly'} ${fewest} vector${fewest > 1 ? 's' : ''}`;
    invalid(`${method} needs ${wanted}, not ${vectors.length}.`);
  }
  const checked = vectors.map((vector, i) => {
    const name = `vectors[${i}]`;
    checkNames(vector, ['path', 'id', 'weight', 'weights', 'density'], name);
    const { path, id, weight, weights = [], density = methods[method].density ?? 1 } = vector;
    if (typeof id !== 'string' || id === '') invalid(`${name}.id must be a text.`);
    checkNumber(density, `${name}.density`, { above: 0, max: 1 });
    if (methods[method].density === undefined && density !== 1) {
      invalid(`${name}.density must be 1 or left out: ${method} keeps every entry.`);
    }
    if (epsilon !== undefined && density < 1 && !(density - epsilon > 0 && density + epsilon < 1)) {
      invalid(`${name}.density ${density} needs an epsilon that keeps density ± epsilon within 0 and 1.`);
    }
    const points = checkWeight(weight, `${name}.weight`);
    const rules = checkRules(weights, `${name}.weights`);
    if (method === 'karcher' && [points, ...rules.map(rule => rule.weight)].flat().some(point => point < 0)) {
      invalid(`${name}.weight must not be negative: karcher takes a mean.`);
    }
    return { path: checkPath(path, `${name}.path`), id, weight: points, weights: rules, density };
  });
  if (new Set(checked.map(({ id }) => id)).size < checked.length)
    invalid('Every vector needs an id of its own.');
  return checked;
}

function checkDevice(device) {
  if (typeof device !== 'string' || device === '')
    invalid("device must be 'auto', 'cpu' or a device's name.");
  return device === 'CPU' ? 'cpu' : device; // devices() has it in capitals
}

// What can be written without llama.cpp's quantiser, and its mixes of types, by their names there.
const plainTypes = ['f32', 'f16', 'bf16', 'q8_0'];
const mixes = [
  ...['q6_k', 'q5_k_m', 'q5_k_s', 'q5_1', 'q5_0', 'q4_k_m', 'q4_k_s', 'q4_1', 'q4_0', 'iq4_nl', 'iq4_xs'],
  ...['q3_k_l', 'q3_k_m', 'q3_k_s', 'iq3_m', 'iq3_s', 'iq3_xs', 'iq3_xxs', 'q2_k', 'q2_k_s'],
  ...['iq2_m', 'iq2_s', 'iq2_xs', 'iq2_xxs', 'iq1_m', 'iq1_s'],
];

const bakeNames = [
  ...['base', 'out', 'type', 'imatrix', 'method', 'vectors', 'lambda', ...Object.keys(checkBakeOption)],
  ...['embeddings', 'outputHead', 'seed', 'metadata', 'threads', 'device', 'stretch'],
];

export async function bake(options, watch) {
  checkNames(options, bakeNames, 'bake');
  const {
    method,
    type,
    imatrix,
    lambda = 1,
    seed = 0,
    embeddings = true,
    outputHead = true,
    stretch,
  } = options;
  checkChoice(method, 'method', Object.keys(methods));
  const checked = checkBakeOptions(options);
  if (stretch !== undefined) checkNumber(stretch, 'stretch', { min: 4096, max: 2 ** 24, whole: true });
  if (stretch % 4096 > 0) invalid('stretch must be a multiple of 4096.');
  if (imatrix !== undefined && plainTypes.includes(type))
    invalid(`${type} takes no imatrix: it guides the choice of the smaller types' values.`);
  return run(
    'bake',
    {
      base: checkPath(options.base, 'base'),
      out: checkPath(options.out, 'out'),
      type: checkChoice(type, 'type', [...plainTypes, ...mixes]),
      imatrix: imatrix === undefined ? undefined : checkPath(imatrix, 'imatrix'),
      method,
      ...checked,
      vectors: checkVectors(options.vectors, method, checked.epsilon),
      lambda: checkNumber(lambda, 'lambda', { min: -1e6, max: 1e6 }),
      seed: checkSeed(seed),
      embeddings: checkChoice(embeddings, 'embeddings', [true, false]),
      outputHead: checkChoice(outputHead, 'outputHead', [true, false]),
      metadata: checkMetadata(options.metadata),
      threads: checkThreads(options.threads),
      device: checkDevice(options.device ?? 'auto'),
      stretch,
    },
    watch,
  );
}

export async function factorize(options, watch) {
  const names = [
    'vector',
    'out',
    'type',
    'rank',
    'energy',
    'embeddings',
    'seed',
    'metadata',
    'threads',
    'device',
  ];
  checkNames(options, names, 'factorize');
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
      device: checkDevice(options.device ?? 'auto'),
    },
    watch,
  );
}

export async function expand(options, watch) {
  checkNames(options, ['adapter', 'out', 'type', 'metadata', 'threads'], 'expand');
  return run(
    'expand',
    {
      adapter: checkPath(options.adapter, 'adapter'),
      out: checkPath(options.out, 'out'),
      type: checkChoice(options.type ?? 'f32', 'type', ['f32', 'f16', 'bf16']),
      metadata: checkMetadata(options.metadata),
      threads: checkThreads(options.threads),
    },
    watch,
  );
}

// Kinds of metadata, and whether a value is of the kind.
const metadataKinds = {
  string: value => typeof value === 'string',
  bool: value => typeof value === 'boolean',
  uint32: value => Number.isInteger(value) && value >= 0 && value < 2 ** 32,
  float32: value => typeof value === 'number' && Number.isFinite(Math.fround(value)),
  strings: value => Array.isArray(value) && value.every(each => typeof each === 'string'),
  int32s: value => value instanceof Int32Array,
  float32s: value => value instanceof Float32Array,
};

function checkTypedMetadata(metadata) {
  if (!Array.isArray(metadata)) invalid('metadata must be an array.');
  const keys = new Set();
  for (const [key, kind, value] of metadata) {
    if (typeof key !== 'string' || key === '' || key.length > 1000 || keys.has(key))
      invalid(`metadata key ${JSON.stringify(key)} must have 1 to 1000 characters and occur once.`);
    keys.add(key);
    checkChoice(kind, `metadata ${key}`, Object.keys(metadataKinds));
    if (!metadataKinds[kind](value)) invalid(`metadata ${key} is no ${kind}.`);
  }
  return metadata;
}

const sourceTypes = ['f32', 'f16', 'bf16'];

function checkAssembled(tensors) {
  if (!Array.isArray(tensors)) invalid('tensors must be an array.');
  return tensors.map(({ name, type, shape, path, sourceType, offset, values, ...rest }, i) => {
    const what = `tensors[${i}]`;
    if (typeof name !== 'string') invalid(`${what}.name must be a text.`);
    checkChoice(type, `${what}.type`, sourceTypes);
    if (!Array.isArray(shape) || shape.length < 1 || shape.length > 4)
      invalid(`${what}.shape must have 1 to 4 numbers.`);
    for (const n of shape) checkNumber(n, `${what}.shape`, { min: 1, max: 2 ** 53 - 1, whole: true });
    if (values === undefined) {
      checkPath(path, `${what}.path`);
      checkChoice(sourceType, `${what}.sourceType`, sourceTypes);
      checkNumber(offset, `${what}.offset`, { min: 0, max: 2 ** 53 - 1, whole: true });
    } else if (!(values instanceof Float32Array)) invalid(`${what}.values must be a Float32Array.`);
    const { heads = 0, scale = 1, shift = 0 } = rest;
    checkNumber(heads, `${what}.heads`, { min: 0, max: 2 ** 31, whole: true });
    checkNumber(scale, `${what}.scale`);
    checkNumber(shift, `${what}.shift`);
    return { name, type, shape, path, sourceType, offset, values, heads, scale, shift };
  });
}

export async function assemble(options, watch) {
  checkNames(options, ['out', 'metadata', 'tensors', 'threads'], 'assemble');
  const { out, metadata, tensors, threads } = options;
  return run(
    'assemble',
    {
      out: checkPath(out, 'out'),
      metadata: checkTypedMetadata(metadata),
      tensors: checkAssembled(tensors),
      threads: checkThreads(threads),
    },
    watch,
  );
}

export async function compare(paths, options = {}) {
  checkNames(options, ['threads', 'seed', 'entrywise', 'onProgress', 'signal'], 'compare');
  const { threads, seed = 0, entrywise = true, ...watch } = options;
  if (!Array.isArray(paths) || paths.length < 1 || paths.length > 256)
    invalid('paths must be an array of 1 to 256 paths.');
  const found = await run(
    'compare',
    {
      paths: paths.map((path, i) => checkPath(path, `paths[${i}]`)),
      seed: checkSeed(seed),
      entrywise: checkChoice(entrywise, 'entrywise', [true, false]),
      threads: checkThreads(threads),
    },
    watch,
  );
  const totals = diagonal(found.all.products, paths.length);
  const describe = sums => comparison(sums, totals, entrywise);
  return {
    vectors: paths.map((path, v) => ({
      path,
      kind: found.lowRank[v] ? 'low_rank' : 'dense',
      effectiveRank: meanRank(found.tensors, v, paths.length),
    })),
    all: describe({ ...found.all, name: 'all' }),
    layers: found.layers.map(describe),
    tensors: found.tensors.map(tensor => ({
      ...describe(tensor),
      shape: tensor.shape,
      effectiveRanks: tensor.ranks.map((value, v) => (value > 0 ? { value, error: tensor.errors[v] } : null)),
    })),
    seconds: found.seconds,
  };
}

const diagonal = (matrix, n) => Array.from({ length: n }, (_, i) => matrix[i * n + i]);

// The sums over a tensor, a block or everything as index.d.ts describes them; totals: ‖φ‖² of every vector.
function comparison({ name, entries, products, both, agree, magnitudes }, totals, entrywise) {
  const n = totals.length;
  const squares = diagonal(products, n);
  const norms = squares.map(Math.sqrt);
  const matrix = cell =>
    squares.map((_, i) => squares.map((_, j) => cell(i, j, products[i * n + j], i * n + j)));
  const root = Math.sqrt(entries);
  return {
    name,
    entries,
    norms,
    shares: squares.map((square, v) => (totals[v] > 0 ? square / totals[v] : 0)),
    zeros: squares.map((_, v) => (entrywise ? 1 - both[v * n + v] / entries : null)),
    sparsity: squares.map((square, v) =>
      entrywise && square > 0 && entries > 1
        ? Math.min(1, Math.max(0, (root - magnitudes[v] / norms[v]) / (root - 1)))
        : null,
    ),
    cosines: matrix((i, j, product) => {
      if (!(squares[i] > 0 && squares[j] > 0)) return null;
      return i === j ? 1 : Math.min(1, Math.max(-1, product / (norms[i] * norms[j])));
    }),
    agreements: matrix((_i, _j, _product, at) => (entrywise && both[at] > 0 ? agree[at] / both[at] : null)),
    common: matrix((i, j, product) => {
      const sum = squares[i] + squares[j];
      return sum > 0 ? Math.min(1, Math.max(0, 0.5 + product / sum)) : null;
    }),
  };
}

// Mean of the effective ranks of a vector's matrices, weighted by their ‖φ‖².
function meanRank(tensors, v, n) {
  let [value, variance, total] = [0, 0, 0];
  for (const { ranks, errors, products, shape } of tensors) {
    if (shape.length < 2) continue;
    const square = products[v * n + v];
    total += square;
    value += square * ranks[v];
    variance += (square * errors[v]) ** 2;
  }
  return total > 0 ? { value: value / total, error: Math.sqrt(variance) / total } : null;
}

export function removePartialFiles(folder) {
  const addon = open();
  return call(() => addon.removePartialFiles(checkPath(folder, 'folder')));
}

export function devices() {
  const addon = open();
  const found = call(() => addon.devices());
  // ggml calls all of the machine's memory free.
  return found.map(device => (device.type === 'cpu' ? { ...device, memoryFree: freemem() } : device));
}
