/** The merging worker: reads, converts, extracts, bakes, factorises and compares model files with native-merge. */
import { implement } from '@orpc/server';
import { RPCHandler } from '@orpc/server/message-port';
import * as native from '../../native-merge/index.js';
import { planAdapter, planSaved } from '../studio/checkpoints/adapter.ts';
import { type GgufPlan, planCheckpoint } from '../studio/checkpoints/checkpoint.ts';
import { exportMix, exportVector } from '../studio/checkpoints/vector.ts';
import type { StudioErrorData } from '../studio/contract.ts';
import { asStudioErrors, StudioError } from '../studio/errors.ts';
import { pushed } from '../studio/stream.ts';
import { mergingContract } from './contract.ts';
import { parentPort } from './port.ts';

const CODES: Record<native.NativeMergeErrorCode, [StudioErrorData['code'], string?]> = {
  not_gguf: ['bad_file', 'Choose a GGUF file.'],
  // Their messages end with what to do.
  truncated: ['bad_file'],
  corrupt: ['bad_file'],
  unsupported_type: ['bad_file', 'Use the unquantised file of this model (F32, F16 or BF16).'],
  bad_split: ['bad_file', 'Put all parts of the model, under their own names, into one folder.'],
  no_space: ['no_space', 'Free some space or choose another folder.'],
  io: ['io', 'Check that the disk is there and that the folder may be written to.'],
  mismatch: ['mismatch', 'Use files that come from the same base model.'],
  not_finite: ['not_finite', 'The file holds NaN or infinite weights; its training has failed.'],
  cancelled: ['cancelled'],
  invalid_argument: ['bad_input'],
};

/** What native-merge throws, as the studio says it. */
async function translated<T>(work: Promise<T> | (() => T)): Promise<T> {
  try {
    return await (typeof work === 'function' ? work() : work);
  } catch (error) {
    if (!(error instanceof native.NativeMergeError)) throw error;
    const [code, usual] = CODES[error.code];
    // What native-merge cannot open it was to read; what it was to write it “cannot create”.
    const action = error.message.startsWith('Cannot open ')
      ? 'Check the path, and that the file may be read.'
      : usual;
    throw new StudioError(code, error.message, { file: error.file, action, cause: error });
  }
}

interface Tick {
  type: 'progress';
  done: number;
  total: number;
  unit: string;
  message: string;
}

/** Runs a long call of native-merge as a stream: its progress, then its result. */
async function* job<R>(start: (onProgress: (p: native.JobProgress) => void) => Promise<R>) {
  const result = yield* pushed<Tick, R>(push =>
    translated(
      start(({ done, total, unit, tensor }) =>
        push({ type: 'progress', done, total, unit, message: tensor ?? '' }),
      ),
    ),
  );
  yield { type: 'done' as const, result };
}

/** As the studio's settings have it. */
let device: 'auto' | 'cpu' = 'auto';

/** Writes a planned file, as a stream. */
const written = (
  what: 'model' | 'adapter',
  planned: () => Promise<GgufPlan>,
  out: string,
  signal: AbortSignal | undefined,
) =>
  job(async onProgress => {
    const { metadata, tensors, type, architecture, notes } = await planned();
    const result = await native.assemble({ out, metadata, tensors }, { onProgress, signal });
    return { what, architecture, type, tensors: tensors.length, notes, ...result };
  });

const worker = implement(mergingContract).use(asStudioErrors);

const router = worker.router({
  configure: worker.configure.handler(({ input }) => {
    device = input.device;
  }),

  devices: worker.devices.handler(() => translated(() => native.devices())),

  read: worker.read.handler(async ({ input }) => {
    const { metadata, tensors, fileBytes } = await translated(() => native.readGguf(input.path));
    const plain = Object.entries(metadata).flatMap(([key, value]): [string, string | number | boolean][] => {
      if (Array.isArray(value)) return [];
      return [[key, typeof value === 'bigint' ? Number(value) : value]];
    });
    return {
      metadata: Object.fromEntries(plain),
      languages: [metadata['general.languages'] ?? []].flat().filter(tag => typeof tag === 'string'),
      tensors: tensors.map(({ name, type, shape, bytes }) => ({ name, type, shape, bytes })),
      bytes: fileBytes,
    };
  }),

  tidy: worker.tidy.handler(({ input }) => {
    for (const folder of input.folders) native.removePartialFiles(folder);
  }),

  fingerprint: worker.fingerprint.handler(({ input, signal }) =>
    translated(native.fingerprint(input.path, { signal })),
  ),

  bake: worker.bake.handler(async function* ({ input, signal }) {
    const on = input.device === undefined || input.device === 'auto' ? device : input.device;
    yield* job(onProgress => native.bake({ ...input, device: on }, { onProgress, signal }));
  }),

  extract: worker.extract.handler(async function* ({ input, signal }) {
    yield* job(onProgress => native.extract(input, { onProgress, signal }));
  }),

  convert: worker.convert.handler(async function* ({ input: { folder, out, type, name }, signal }) {
    yield* written('model', () => planCheckpoint(folder, type, name), out, signal);
  }),

  convertAdapter: worker.convertAdapter.handler(async function* ({
    input: { folder, base, out, saved },
    signal,
  }) {
    const header = await translated(() => native.readGguf(base));
    yield* written('adapter', () => planAdapter(folder, header, saved), out, signal);
  }),

  convertSaved: worker.convertSaved.handler(async function* ({ input: { folder, base, out }, signal }) {
    const header = await translated(() => native.readGguf(base));
    yield* written('model', () => planSaved(folder, header), out, signal);
  }),

  exportVector: worker.exportVector.handler(async function* ({ input: { path, base, folder }, signal }) {
    yield* job(async onProgress => {
      const started = performance.now();
      const vector = await translated(() => native.readGguf(path));
      const header = base === null ? null : await translated(() => native.readGguf(base));
      const written = await exportVector(vector, header, folder, onProgress, signal);
      return { ...written, seconds: (performance.now() - started) / 1000 };
    });
  }),

  exportMix: worker.exportMix.handler(async function* ({ input: { adapters, base, folder }, signal }) {
    yield* job(async onProgress => {
      const started = performance.now();
      const header = await translated(() => native.readGguf(base));
      const parts = [];
      for (const { path, scale } of adapters)
        parts.push({ vector: await translated(() => native.readGguf(path)), scale });
      const written = await exportMix(parts, header, folder, onProgress, signal);
      return { ...written, seconds: (performance.now() - started) / 1000 };
    });
  }),

  factorize: worker.factorize.handler(async function* ({ input, signal }) {
    yield* job(async onProgress => {
      const { energy, layers } = await native.factorize({ ...input, device }, { onProgress, signal });
      return { energy, rank: Math.max(0, ...layers.map(layer => layer.rank)) };
    });
  }),

  compare: worker.compare.handler(async function* ({ input: { paths, entrywise }, signal }) {
    yield* job(onProgress => native.compare(paths, { entrywise, onProgress, signal }));
  }),
});

new RPCHandler(router).upgrade(parentPort());
