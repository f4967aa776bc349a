/** The browser host as a user runs it: a process of its own with a data folder of its own, ended by its id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '..', '..', '..');
const STARTS_WITHIN = 60_000;

export interface RunningStudio {
  /** The address with its token. */
  url: string;
  home: string;
  port: number;
  /** Process ids of the inference workers that run now: none, or one. */
  inferenceWorkers(): number[];
  /** Ends the process but keeps the data folder. */
  stop(): Promise<void>;
  /** Starts again on the same data folder, port and token. */
  restart(): Promise<void>;
  /** Ends the process and removes the data folder. */
  close(): Promise<void>;
}

export async function startStudio(): Promise<RunningStudio> {
  if (!existsSync(join(root, 'dist', 'renderer', 'index.html')))
    throw new Error('dist/renderer is missing: run "npm run build", or the tests by "npm test -- e2e".');
  const home = mkdtempSync(join(tmpdir(), 'temperament-e2e-'));
  let { child, url } = await launch(home, 0);
  const port = Number(new URL(url).port);
  return {
    url,
    home,
    port,
    inferenceWorkers: () => childrenOf(child.pid).filter(pid => commandOf(pid).includes('inference')),
    stop: () => end(child),
    restart: async () => {
      ({ child, url } = await launch(home, port));
    },
    close: async () => {
      await end(child);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function launch(home: string, port: number): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [join(root, 'electron', 'serve.ts'), '--port', String(port)], {
    cwd: root,
    env: { ...process.env, TEMPERAMENT_HOME: home, TEMPERAMENT_TOKEN: 'e2e' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  createInterface(child.stderr).on('line', line => said.push(line));
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      child.kill('SIGKILL');
      reject(new Error(`The studio did not start (${why}).\n${said.join('\n')}`));
    };
    const timer = setTimeout(() => fail('too slow'), STARTS_WITHIN);
    child.once('exit', code => fail(`exit code ${code}`));
    createInterface(child.stdout).on('line', line => {
      const url = /http:\S+/.exec(line)?.[0];
      if (!url) return;
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve({ child, url });
    });
  });
}

/** Ends the process and waits for it; its workers end with it. */
function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise(resolve => {
    const hard = setTimeout(() => child.kill('SIGKILL'), 10_000);
    child.once('exit', () => {
      clearTimeout(hard);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

const childrenOf = (pid: number | undefined): number[] =>
  (read(`/proc/${pid}/task/${pid}/children`).match(/\d+/g) ?? []).map(Number);

const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`);

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
