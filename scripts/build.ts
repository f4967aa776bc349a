/** Builds the page (dist/renderer) and the desktop host's bundle (dist/electron), each only when its sources changed. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { isMain } from '../electron/host.ts';
import { fail, SetupError, say } from './setup.mjs';

const root = join(import.meta.dirname, '..');
const at = (...path: string[]) => join(root, ...path);

/** Every file below the given files and folders, sorted; tests are no part of what is built. */
function sourceFiles(paths: string[]): string[] {
  return paths
    .flatMap(path => {
      if (!existsSync(path)) return [];
      if (statSync(path).isFile()) return [path];
      return readdirSync(path, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile() && !/\.test\.ts$/.test(entry.name))
        .map(entry => join(entry.parentPath, entry.name));
    })
    .sort();
}

/** A hash that changes when a file's name or content does. */
export function stampOf(paths: string[], base = root): string {
  const hash = createHash('sha256');
  for (const file of sourceFiles(paths)) {
    hash
      .update(relative(base, file).split(sep).join('/'))
      .update('\0')
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

/** Runs `work` unless `product` exists and was made from the same sources; says whether it ran. */
async function whenStale(
  name: string,
  product: string,
  sources: string[],
  work: () => Promise<void>,
): Promise<boolean> {
  const stampFile = at('dist', `.${name}.stamp`);
  const stamp = stampOf([...sources, at('package-lock.json'), at('scripts', 'build.ts')]);
  if (existsSync(product) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return false;
  rmSync(stampFile, { force: true });
  await work();
  mkdirSync(at('dist'), { recursive: true });
  writeFileSync(stampFile, stamp);
  return true;
}

/** The page. Returns whether it had to be built. */
export async function buildRenderer(tell: (line: string) => void): Promise<boolean> {
  // What the page imports from the studio: the contract, and what that imports.
  const shared = ['contract.ts', 'mixing/methods.ts', 'mixing/recipe.ts', 'reporting/schemas.ts'];
  const sources = [at('renderer'), ...shared.map(file => at('electron', 'studio', file))];
  return whenStale('renderer', at('dist', 'renderer', 'index.html'), sources, async () => {
    tell('Building the page …');
    const { build } = await import('vite');
    await build({
      root: at('renderer'),
      configFile: at('renderer', 'vite.config.ts'),
      logLevel: 'warn',
    }).catch((error: Error) => {
      throw new SetupError(
        `The page could not be built: ${error.message}`,
        'If you changed something under renderer/, see the message above; otherwise delete node_modules and start again.',
      );
    });
  });
}

/**
 * The desktop host: main process and workers as modules that import the packages beside them, and the preload script
 * as CommonJS, which is all a sandboxed page can have. Electron's Node does not strip types from files in an archive.
 */
export async function buildElectron(tell: (line: string) => void): Promise<boolean> {
  return whenStale(
    'electron',
    at('dist', 'electron', 'main.js'),
    [at('electron'), at('native-merge', 'index.js')],
    async () => {
      tell('Building the desktop host …');
      const { build } = await import('vite');
      const outDir = at('dist', 'electron');
      rmSync(outDir, { recursive: true, force: true });
      const bundle = (input: Record<string, string>, format: 'es' | 'cjs', entryFileNames: string) =>
        build({
          root,
          configFile: false,
          publicDir: false,
          logLevel: 'warn',
          build: {
            ssr: true,
            target: 'node24',
            outDir,
            emptyOutDir: false,
            minify: false,
            rolldownOptions: {
              input,
              external: [/^electron(\/|$)/, /\.node$/],
              output: { format, entryFileNames, chunkFileNames: '[name]-[hash].js' },
            },
          },
        });
      await bundle(
        {
          main: at('electron', 'main.ts'),
          inference: at('electron', 'workers', 'inference.ts'),
          merging: at('electron', 'workers', 'merging.ts'),
        },
        'es',
        '[name].js',
      );
      await bundle({ preload: at('electron', 'preload.ts') }, 'cjs', '[name].cjs');
    },
  );
}

if (isMain(import.meta.url)) {
  try {
    const { buildNative } = await import('./build-native.ts');
    await buildNative();
    const built = [await buildRenderer(say), await buildElectron(say)];
    if (!built.some(Boolean)) say('Everything is up to date.');
  } catch (error) {
    await fail(error);
  }
}
