/** The stages of `npm test`, from types to a real browser, and the count they end with. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { StudioError } from '../electron/studio/errors.ts';
import { buildRenderer } from './build.ts';
import { buildLlamaServer } from './build-llama-server.ts';
import { buildNative } from './build-native.ts';
import { explain } from './setup.mjs';

const root = join(import.meta.dirname, '..');
const say = (line: string) => console.log(line);

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const HELP = `npm test [-- stages] [-- filters for vitest]

Stages, all of them by default: types, lint, unit, native, integration, e2e.
  npm test -- types lint           two stages
  npm test -- unit -- scoring -t   one stage, only what vitest finds under that name`;

const STAGES = {
  types: () =>
    runTools(
      ['typescript/bin/tsc', '-p', '.'],
      ['svelte-check/bin/svelte-check', '--tsconfig', 'renderer/tsconfig.json', '--output', 'human'],
    ),
  lint: () =>
    runTools(
      ['@biomejs/biome/bin/biome', 'check', '.'],
      ['knip/bin/knip.js', '--config', 'scripts/knip.json'],
    ),
  unit: filters => runVitest('unit', filters),
  native: filters => {
    ensureSoftwareGpu();
    return runVitest('native', filters);
  },
  integration: async filters => runVitest('integration', filters, await llamaServer()),
  e2e: async filters =>
    runVitest('e2e', filters, { ...(await llamaServer()), CHROMIUM_PATH: await ensureChromium() }),
} satisfies Record<string, (filters: string[]) => Promise<Counts>>;
type Stage = keyof typeof STAGES;
const isStage = (name: string): name is Stage => Object.hasOwn(STAGES, name);

/** Runs the stages named in the arguments; returns the exit code. */
export async function runStages(args: string[]): Promise<number> {
  if (args.includes('--help')) {
    say(HELP);
    return 0;
  }
  const split = args.indexOf('--');
  const filters = split < 0 ? [] : args.slice(split + 1);
  const names = split < 0 ? args : args.slice(0, split);
  const unknown = names.find(name => !isStage(name));
  if (unknown !== undefined)
    throw new StudioError('bad_input', `There is no test stage "${unknown}".`, {
      action: `The stages are: ${Object.keys(STAGES).join(', ')}. Filters for vitest follow after "--".`,
    });
  const stages = names.length ? names.filter(isStage) : (Object.keys(STAGES) as Stage[]);

  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const lines: string[] = [];
  for (const stage of stages) {
    say(`\n── ${stage} ${'─'.repeat(60 - stage.length)}`);
    const counts = await STAGES[stage](filters).catch(async (error): Promise<Counts> => {
      say(await explain(error));
      return { passed: 0, failed: 1, skipped: 0 };
    });
    lines.push(`${stage.padEnd(12)} ${describe(counts)}`);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  say(`\n${lines.join('\n')}\n\n${describe(total)}`);
  return total.failed === 0 ? 0 : 1;
}

export function describe({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
}

/** Runs a package's script under this Node; returns its exit code. */
function run(script: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(process.execPath, [join(root, 'node_modules', script), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  const stop = () => {
    child.kill();
    process.exit(1);
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  return new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', code => resolve(code ?? 1));
  }).finally(() => process.off('SIGINT', stop).off('SIGTERM', stop));
}

/** All of them, so that one run shows everything that is wrong; together they count as one test. */
async function runTools(...commands: [script: string, ...args: string[]][]): Promise<Counts> {
  let ok = true;
  for (const [script, ...args] of commands) {
    if ((await run(script, args)) === 0) continue;
    ok = false;
    say(`✗ ${[script.split('/').at(-1), ...args].join(' ')}`);
  }
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

async function runVitest(project: string, filters: string[], env: NodeJS.ProcessEnv = {}): Promise<Counts> {
  await buildNative();
  if (project === 'integration' || project === 'e2e') await buildRenderer(say);
  const folder = mkdtempSync(join(tmpdir(), 'temperament-test-'));
  const report = join(folder, 'report.json');
  try {
    const args = ['run', '--project', project, '--passWithNoTests', '--reporter=default', '--reporter=json'];
    const code = await run('vitest/vitest.mjs', [...args, `--outputFile.json=${report}`, ...filters], {
      ...env,
      NODE_ENV: 'test',
    });
    return countReport(existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The parts of vitest's JSON report that are counted. */
interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

/**
 * Counts of a vitest report. A file that failed without a failed test (it could not be loaded, a hook threw) counts as
 * one failure, and so does a run that failed without any.
 */
export function countReport(report: Report | undefined, exitCode: number): Counts {
  if (!report) return { passed: 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 };
  const brokenFiles = report.testResults.filter(
    file => file.status === 'failed' && !file.assertionResults.some(test => test.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

// ── What only tests need ───────────────────────────────────────────────────────────────────────────────────

const canInstall = () =>
  process.platform === 'linux' && process.getuid?.() === 0 && !spawnSync('apt-get', ['--version']).error;

/** Installs Debian packages; returns what went wrong, or nothing. */
function install(...packages: string[]): string | undefined {
  const apt = (...args: string[]) =>
    spawnSync('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  apt('update');
  const { status, stderr } = apt('install', '-y', '--no-install-recommends', ...packages);
  return status === 0 ? undefined : stderr.trim().split('\n').slice(-3).join('\n');
}

const VULKAN_DRIVERS = '/usr/share/vulkan/icd.d';

/** Vulkan's software device, so that merging on a GPU is tested without one. Its tests are skipped where it cannot be had. */
function ensureSoftwareGpu(): void {
  const installed =
    existsSync(VULKAN_DRIVERS) && readdirSync(VULKAN_DRIVERS).some(name => name.startsWith('lvp'));
  if (installed || !canInstall()) return;
  say("Installing Vulkan's software device for the tests of merging on a GPU (once) …");
  const problem = install('mesa-vulkan-drivers', 'libvulkan1');
  if (problem !== undefined) say(`It could not be installed, so those tests will be skipped.\n${problem}`);
}

/** Where the tests of models on other servers find theirs; they are skipped on systems that it is not built on. */
async function llamaServer(): Promise<NodeJS.ProcessEnv> {
  const built = await buildLlamaServer();
  if (built) return { LLAMA_SERVER: built.program, LLAMA_LIBRARIES: built.libraries };
  say('llama-server is built on Linux alone: the tests of models on other servers are skipped.');
  return {};
}

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC_BROWSERS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** Path of a Chromium for the browser tests: the one named, the one installed, or Debian's, installed now. */
async function ensureChromium(): Promise<string> {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  const found = findChromium();
  if (found) return found;
  const action =
    'Install Chromium (Debian: "apt-get install chromium") or name one in CHROMIUM_PATH, then run npm test again.';
  if (!canInstall())
    throw new StudioError('not_found', 'The browser tests need Chromium, and none was found.', { action });
  say('Installing Chromium for the browser tests (once) …');
  const problem = install('chromium');
  const installed = findChromium();
  if (problem === undefined && installed) return installed;
  throw new StudioError('not_found', `Chromium could not be installed with apt-get.\n${problem ?? ''}`, {
    action,
  });
}

function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const paths = [...BROWSERS.flatMap(name => folders.map(folder => join(folder, name))), ...MAC_BROWSERS];
  return paths.find(path => existsSync(path));
}
