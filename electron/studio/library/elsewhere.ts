/** Models that other programs on this machine keep: found where these put them, and never written to. */
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, relative, sep } from 'node:path';
import { z } from 'zod';
import type { ModelElsewhere, Program } from '../contract.ts';
import { tryJson } from '../json.ts';
import { firstPart, isPart, modelName, partsOf } from './split.ts';

/** `name`: as its program calls it. `path`: of a split model its first part. */
export type Elsewhere = Omit<ModelElsewhere, 'linked'> & {
  /** Path of its projector of pictures, where the program names one; others lie beside the model. */
  projector?: string;
};

interface Surroundings {
  home?: string;
  env?: Record<string, string | undefined>;
  platform?: NodeJS.Platform;
}

const DEEPEST = 8;
const MOST_FILES = 2000;
const LARGEST_MANIFEST = 2 ** 20;
const DIGEST = /^sha256[:-]([0-9a-f]{64})$/;

const manifest = z.object({
  layers: z.array(z.object({ mediaType: z.string(), digest: z.string() })),
});

/** All of them, by program and name; none where a program was never used. */
export async function modelsElsewhere(surroundings: Surroundings = {}): Promise<Elsewhere[]> {
  const { ollama, ...others } = foldersOf(surroundings);
  const found = new Map<string, Elsewhere>();
  for (const [program, folders] of Object.entries(others) as [
    Exclude<Program, 'ollama' | 'other'>,
    string[],
  ][])
    for (const folder of folders)
      for (const path of await ggufBelow(folder)) {
        // The same file may lie below two folders, or in two snapshots.
        const real = await realpath(path).catch(() => path);
        if (found.has(real)) continue;
        const bytes = await sizeOf(path);
        if (bytes > 0) found.set(real, { name: nameIn(program, folder, path), path, bytes, program });
      }
  for (const folder of ollama)
    for (const model of await ollamaModels(folder)) if (!found.has(model.path)) found.set(model.path, model);
  return [...found.values()].sort(
    (a, b) => a.program.localeCompare(b.program) || a.name.localeCompare(b.name),
  );
}

/** Where the programs keep their models, by their own documentation; first what the environment says. */
function foldersOf({ home = homedir(), env = process.env, platform = process.platform }: Surroundings) {
  const cache = env.XDG_CACHE_HOME || join(home, '.cache');
  const ownCache =
    platform === 'darwin'
      ? join(home, 'Library', 'Caches')
      : platform === 'win32'
        ? env.LOCALAPPDATA || join(home, 'AppData', 'Local')
        : cache;
  const support =
    platform === 'darwin'
      ? join(home, 'Library', 'Application Support')
      : platform === 'win32'
        ? env.APPDATA || join(home, 'AppData', 'Roaming')
        : env.XDG_CONFIG_HOME || join(home, '.config');
  return {
    lmstudio: [join(home, '.lmstudio', 'models'), join(home, '.cache', 'lm-studio', 'models')],
    jan: [join(support, 'Jan', 'data', 'llamacpp', 'models'), join(home, 'jan', 'models')],
    huggingface: [env.HF_HUB_CACHE || join(env.HF_HOME || join(cache, 'huggingface'), 'hub')],
    llamacpp: [env.LLAMA_CACHE || join(ownCache, 'llama.cpp')],
    ollama: env.OLLAMA_MODELS
      ? [env.OLLAMA_MODELS]
      : [
          join(home, '.ollama', 'models'),
          ...(platform === 'linux' ? ['/usr/share/ollama/.ollama/models'] : []),
        ],
  };
}

/** GGUF files below a folder, split models once. Projectors of images are no models. */
async function ggufBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  const seen = new Set<string>();
  const walk = async (at: string, depth: number): Promise<void> => {
    const real = await realpath(at).catch(() => null);
    if (real === null || seen.has(real) || depth > DEEPEST) return;
    seen.add(real);
    const entries = await readdir(at, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (found.length >= MOST_FILES) return;
      const path = join(at, entry.name);
      const folderThere =
        entry.isDirectory() ||
        (entry.isSymbolicLink() && (await stat(path).catch(() => null))?.isDirectory());
      if (folderThere) await walk(path, depth + 1);
      else if (
        /\.gguf$/i.test(entry.name) &&
        !/mmproj/i.test(entry.name) &&
        (!isPart(path) || firstPart(path) === path)
      )
        found.push(path);
    }
  };
  await walk(folder, 0);
  return found;
}

async function sizeOf(path: string): Promise<number> {
  const sizes = await Promise.all(
    (await partsOf(path)).map(part =>
      stat(part).then(
        found => (found.isFile() ? found.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function nameIn(program: Program, folder: string, path: string): string {
  // Jan keeps each model as model.gguf in a folder of its name.
  if (program === 'jan' && basename(path) === 'model.gguf')
    return relative(folder, dirname(path)).split(sep).join('/');
  return modelName(path);
}

/** Ollama's models: a manifest for each name, which says in which blob the weights lie. */
async function ollamaModels(folder: string): Promise<Elsewhere[]> {
  const found: Elsewhere[] = [];
  for (const kind of ['manifests', 'manifests-v2']) {
    const root = join(folder, kind);
    const names = await readdir(root, { recursive: true }).catch(() => []);
    for (const name of names.sort().slice(0, MOST_FILES)) {
      const path = join(root, name);
      const [host = '', ...rest] = name.split(sep);
      const file = await stat(path).catch(() => null);
      if (!file?.isFile() || file.size > LARGEST_MANIFEST || rest.length < 2) continue;
      const parsed = manifest.safeParse(tryJson(await readFile(path, 'utf8').catch(() => '')));
      const layers = parsed.data?.layers ?? [];
      const weights = layers.filter(({ mediaType }) => mediaType === 'application/vnd.ollama.image.model');
      // With an adapter the weights alone are another model.
      const adapted = layers.some(({ mediaType }) => mediaType === 'application/vnd.ollama.image.adapter');
      const hex = DIGEST.exec(weights[0]?.digest ?? '')?.[1];
      if (weights.length !== 1 || adapted || !hex) continue;
      const blob = join(folder, 'blobs', `sha256-${hex}`);
      if (!(await isGguf(blob))) continue;
      const eye = layers.find(({ mediaType }) => mediaType === 'application/vnd.ollama.image.projector');
      const eyeHex = DIGEST.exec(eye?.digest ?? '')?.[1];
      const projector = eyeHex ? join(folder, 'blobs', `sha256-${eyeHex}`) : undefined;
      const tag = rest.pop();
      const own = ['registry.ollama.ai', 'ollama.com'].includes(host);
      const called = own ? (rest[0] === 'library' ? rest.slice(1) : rest) : [host, ...rest];
      found.push({
        name: `${called.join('/')}:${tag}`,
        path: blob,
        bytes: await sizeOf(blob),
        program: 'ollama',
        ...(projector && (await isGguf(projector)) && { projector }),
      });
    }
  }
  return found;
}

async function isGguf(path: string): Promise<boolean> {
  const file = await open(path).catch(() => null);
  if (!file) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.toString('latin1') === 'GGUF';
  } finally {
    await file.close();
  }
}
