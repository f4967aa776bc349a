/** Builds the addon native-merge when its sources or the libraries it fits have changed. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SetupError } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const addonFolder = join(root, 'native-merge');
const buildFolder = join(addonFolder, 'build');
const addonFile = join(buildFolder, 'Release', 'native_merge.node');
const stampFile = join(buildFolder, 'stamp');
// Beside node-gyp's folders, which it may clear.
const headersFolder = join(buildFolder, 'llama.cpp');

const require = createRequire(import.meta.url);

/** Builds native-merge/build/Release/native_merge.node unless it is up to date. Throws a SetupError. */
export async function buildNative(): Promise<void> {
  const stamp = await currentStamp();
  if (existsSync(addonFile) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  await checkTools();
  console.error('Building native-merge (once, about a minute) …');
  await unpackHeaders();
  await compile();
  writeFileSync(stampFile, stamp);
}

/** Hash of everything the addon is built from. */
async function currentStamp(): Promise<string> {
  const hash = createHash('sha256');
  hash.update(`${process.platform} ${process.arch}\n`);
  for (const name of ['node-llama-cpp', 'node-addon-api', 'node-gyp']) {
    hash.update(`${name} ${JSON.parse(readFileSync(packageFile(name, 'package.json'), 'utf8')).version}\n`);
  }
  const sources = readdirSync(join(addonFolder, 'src')).sort();
  for (const path of ['binding.gyp', ...sources.map(name => join('src', name))]) {
    hash.update(`${path}\n`).update(readFileSync(join(addonFolder, path)));
  }
  return hash.digest('hex');
}

export function packageFile(name: string, ...path: string[]): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    if (existsSync(join(folder, name, 'package.json'))) return join(folder, name, ...path);
  }
  throw new SetupError(`The package ${name} is not installed.`, 'Run: npm install');
}

/** The folder that holds this Node's headers; without one, node-gyp downloads them. */
function nodeFolder(): string | undefined {
  const folder = resolve(dirname(process.execPath), '..');
  return existsSync(join(folder, 'include', 'node', 'node_api.h')) ? folder : undefined;
}

/** node-gyp's own complaints about missing tools fill a screen; ours fits a line. */
async function checkTools(): Promise<void> {
  if (process.platform === 'win32') return; // node-gyp finds Visual Studio by itself
  const wanted: [tool: string, commands: string[]][] = [
    ['g++', [process.env.CXX ?? 'g++', 'c++', 'clang++']],
    ['make', ['make']],
    ['python3', [process.env.PYTHON ?? 'python3', 'python']],
    ['git', ['git']],
  ];
  const missing: string[] = [];
  for (const [tool, commands] of wanted) {
    const found = await Promise.all(commands.map(command => runs(command, ['--version'])));
    if (!found.includes(true)) missing.push(tool);
  }
  if (missing.length === 0) return;
  throw new SetupError(
    `Building the merge engine needs ${missing.join(', ')}, which ${missing.length > 1 ? 'are' : 'is'} not installed.`,
    process.platform === 'darwin'
      ? 'Run: xcode-select --install'
      : `Run: apt-get install ${missing.join(' ')}   (or your system's equivalent)`,
  );
}

/** The headers of ggml and llama.cpp. */
async function unpackHeaders(): Promise<void> {
  const release = llamaRelease();
  const releaseFile = join(headersFolder, 'release.json');
  const complete = existsSync(join(headersFolder, 'include', 'llama.h'));
  if (complete && existsSync(releaseFile) && readFileSync(releaseFile, 'utf8') === release) return;
  rmSync(headersFolder, { recursive: true, force: true });
  await unpackLlama(headersFolder, ['ggml/include', 'include', 'LICENSE'], 'unpack the headers of llama.cpp');
  writeFileSync(releaseFile, release);
}

/** Which llama.cpp node-llama-cpp carries, as its file says. */
export const llamaRelease = () =>
  readFileSync(packageFile('node-llama-cpp', 'llama', 'binariesGithubRelease.json'), 'utf8');

/** Parts of llama.cpp's sources, from the git bundle that node-llama-cpp carries. */
export async function unpackLlama(into: string, paths: string[], doing: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  const clone = join(into, '.clone');
  const bundle = packageFile('node-llama-cpp', 'llama', 'gitRelease.bundle');
  await run('git', ['clone', '--quiet', '--no-checkout', bundle, clone], doing);
  const at = [`--git-dir=${join(clone, '.git')}`, `--work-tree=${into}`];
  await run('git', [...at, 'checkout', 'HEAD', '--', ...paths], doing);
  rmSync(clone, { recursive: true, force: true });
}

async function compile(): Promise<void> {
  const folder = nodeFolder();
  const gyp = [
    packageFile('node-gyp', 'bin', 'node-gyp.js'),
    '--directory',
    addonFolder,
    ...(folder ? ['--nodedir', folder] : []),
  ];
  await run(
    process.execPath,
    [
      ...gyp,
      'configure',
      '--',
      `-Dnode_addon_api=${packageFile('node-addon-api')}`,
      `-Dggml_headers=${join(headersFolder, 'ggml', 'include')}`,
      `-Dllama_headers=${join(headersFolder, 'include')}`,
    ],
    'prepare the build of native-merge',
  );
  await run(process.execPath, [...gyp, 'build', '--jobs', 'max'], 'compile native-merge');
}

function runs(command: string, args: string[]): Promise<boolean> {
  return new Promise(settle => {
    const child = spawn(command, args, { stdio: 'ignore' });
    child.once('error', () => settle(false));
    child.once('exit', code => settle(code === 0));
  });
}

/** Runs a tool quietly; what it printed is shown when it fails. */
export function run(command: string, args: string[], doing: string, cwd = addonFolder): Promise<void> {
  return new Promise((settle, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (text: Buffer) => {
      output = (output + text).slice(-8000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', error => reject(new SetupError(`Could not ${doing}: ${error.message}`)));
    child.once('close', code => {
      if (code === 0) settle();
      else reject(new SetupError(`Could not ${doing} (${command} ended with code ${code}).`, output.trim()));
    });
  });
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await buildNative();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`${error.message}\n${error.action ?? ''}`.trim());
    process.exit(1);
  }
}
