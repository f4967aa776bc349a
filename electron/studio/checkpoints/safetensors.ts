/**
 * The tensors of a folder of safetensors files, by their headers alone; nothing that a header says is trusted.
 * Format: https://github.com/huggingface/safetensors#format
 */
import { type FileHandle, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { StudioError } from '../errors.ts';
import { badFile, jsonIn, namesIn } from './files.ts';

export interface StoredTensor {
  name: string;
  /** The file that holds it. */
  path: string;
  /** As safetensors names it: `F32`, `BF16`, `I64` … */
  dtype: string;
  /** Outermost dimension first, as in PyTorch. */
  shape: number[];
  /** Where its numbers begin, from the start of the file, and how long they are, in bytes. */
  offset: number;
  bytes: number;
}

/** The library's own limit. */
const MOST_HEADER_BYTES = 100_000_000;

const BYTES: Record<string, number> = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1 },
  ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
};

const whole = z.int().min(0);
const entry = z.object({
  dtype: z.string(),
  shape: z.array(whole).max(8),
  data_offsets: z.tuple([whole, whole]),
});
const index = z.object({ weight_map: z.record(z.string(), z.string()) });

const INCOMPLETE = 'Download or copy it again.';

/** The tensors of one file, in the order of its header. */
export async function tensorsOf(path: string): Promise<StoredTensor[]> {
  const file = await open(path);
  try {
    return await readHeader(file, path);
  } finally {
    await file.close();
  }
}

async function readHeader(file: FileHandle, path: string): Promise<StoredTensor[]> {
  const { size } = await file.stat();
  const start = await bytesAt(file, path, 0, Math.min(64, size));
  if (start.toString('latin1').startsWith('version https://git-lfs'))
    throw badFile(path, 'is only a pointer of Git LFS.', 'Fetch the files themselves: git lfs pull.');
  if (isPickle(start)) throw pickle(path);
  if (size < 8) throw badFile(path, `is cut off: it has ${size} bytes.`, INCOMPLETE);
  const length = start.readBigUInt64LE();
  if (length > MOST_HEADER_BYTES)
    throw badFile(path, `is no safetensors file: its header would be ${length} bytes long.`, INCOMPLETE);
  if (Number(length) > size - 8)
    throw badFile(path, `is cut off: its header has ${length} bytes, the file ${size}.`, INCOMPLETE);
  const text = (await bytesAt(file, path, 8, Number(length))).toString('utf8');
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw badFile(path, 'is no safetensors file: its header is no JSON.', INCOMPLETE);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw badFile(path, 'is no safetensors file: its header is no JSON object.', INCOMPLETE);
  const data = 8 + Number(length);
  const tensors = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => checked(name, value, path, data, size));
  const byOffset = [...tensors].sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  for (const [i, tensor] of byOffset.entries()) {
    const before = byOffset[i - 1];
    if (before && before.offset + before.bytes > tensor.offset)
      throw badFile(
        path,
        `is damaged: its tensors “${before.name}” and “${tensor.name}” overlap.`,
        INCOMPLETE,
      );
  }
  return tensors;
}

function checked(name: string, value: unknown, path: string, data: number, size: number): StoredTensor {
  const found = entry.safeParse(value);
  if (!found.success)
    throw badFile(path, `is damaged: it does not say where tensor “${name}” is.`, INCOMPLETE);
  const { dtype, shape, data_offsets } = found.data;
  const [begin, end] = data_offsets;
  if (end < begin) throw badFile(path, `is damaged: tensor “${name}” ends before it begins.`, INCOMPLETE);
  if (end > size - data)
    throw badFile(
      path,
      `is cut off: tensor “${name}” needs bytes up to ${data + end}, the file has ${size}.`,
      INCOMPLETE,
    );
  const each = BYTES[dtype];
  const entries = shape.reduce((product, n) => product * n, 1);
  if (each !== undefined && entries * each !== end - begin)
    throw badFile(
      path,
      `is damaged: tensor “${name}” of ${dtype} [${shape.join(', ')}] has ${end - begin} bytes, not ${entries * each}.`,
      INCOMPLETE,
    );
  return { name, path, dtype, shape, offset: data + begin, bytes: end - begin };
}

async function bytesAt(file: FileHandle, path: string, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead < length) throw badFile(path, 'became shorter while it was read.', INCOMPLETE);
  return buffer;
}

/** PyTorch's own files: a ZIP of a pickle, or a bare pickle. */
const isPickle = (start: Buffer) =>
  start.subarray(0, 4).equals(Buffer.from('PK\x03\x04', 'latin1')) ||
  (start[0] === 0x80 && start[2] === 0x8a);

function pickle(path: string): StudioError {
  return new StudioError(
    'bad_file',
    `${path} is a pickle file of PyTorch, which is not read: opening one can run any program that its maker put inside.`,
    {
      file: path,
      action:
        'Choose a folder with .safetensors files, or save the model again with safe_serialization=True.',
    },
  );
}

/**
 * All tensors of a checkpoint's folder by name, over all its files.
 *
 * @param stem what the files are called: `model` (also `model-00001-of-00003`), or `adapter_model`
 */
export async function tensorsIn(folder: string, stem: string): Promise<Map<string, StoredTensor>> {
  const names = await namesIn(folder);
  if (names === null)
    throw new StudioError('bad_input', `${folder} is no folder.`, {
      file: folder,
      action: 'Name the folder that holds the .safetensors files and config.json.',
    });
  const map = await jsonIn(folder, `${stem}.safetensors.index.json`, index);
  const files = map ? namedFiles(map.weight_map, folder, stem) : filesOf(names, folder, stem);
  const tensors = new Map<string, StoredTensor>();
  for (const name of files) {
    if (!names.includes(name))
      throw new StudioError('not_found', `The file ${name} of the checkpoint is missing in ${folder}.`, {
        file: join(folder, name),
        action: 'Download the missing file into the folder.',
      });
    for (const tensor of await tensorsOf(join(folder, name))) {
      const twin = tensors.get(tensor.name);
      if (twin)
        throw badFile(tensor.path, `holds tensor “${tensor.name}”, which ${basename(twin.path)} holds too.`);
      tensors.set(tensor.name, tensor);
    }
  }
  if (map) agree(map.weight_map, tensors, folder, stem);
  return tensors;
}

/** The files that an index names; they must lie in the folder itself. */
function namedFiles(map: Record<string, string>, folder: string, stem: string): string[] {
  const files = [...new Set(Object.values(map))].sort();
  for (const name of files)
    if (name !== basename(name) || name.includes('\\') || !name.endsWith('.safetensors'))
      throw badFile(
        join(folder, `${stem}.safetensors.index.json`),
        `names “${name}”, which is no .safetensors file of its folder.`,
        'Download the index again.',
      );
  return files;
}

function filesOf(names: string[], folder: string, stem: string): string[] {
  if (names.includes(`${stem}.safetensors`)) return [`${stem}.safetensors`];
  const parts = names.filter(name => name.startsWith(`${stem}-`) && name.endsWith('.safetensors'));
  if (parts.length > 0) {
    const count = Number(/-of-(\d+)\.safetensors$/.exec(parts[0] as string)?.[1] ?? parts.length);
    if (count !== parts.length)
      throw new StudioError(
        'not_found',
        `${folder} holds ${parts.length} of the ${count} files of the checkpoint.`,
        { file: folder, action: 'Download the missing files into the folder.' },
      );
    return parts;
  }
  const unsafe = names.find(name => /\.(bin|pt|pth|ckpt|pkl)$/.test(name));
  if (unsafe) throw pickle(join(folder, unsafe));
  throw new StudioError('not_found', `${folder} holds no ${stem}.safetensors.`, {
    file: folder,
    action: 'Choose the folder that holds the .safetensors files and config.json.',
  });
}

function agree(
  map: Record<string, string>,
  tensors: Map<string, StoredTensor>,
  folder: string,
  stem: string,
): void {
  const path = join(folder, `${stem}.safetensors.index.json`);
  const again = 'Download the index and the files it names again, from one and the same place.';
  for (const [name, file] of Object.entries(map)) {
    const found = tensors.get(name);
    if (!found || basename(found.path) !== file)
      throw badFile(path, `says that “${name}” is in ${file}, and it is not.`, again);
  }
  for (const name of tensors.keys())
    if (!Object.hasOwn(map, name))
      throw badFile(path, `does not know the tensor “${name}” of its files.`, again);
}
