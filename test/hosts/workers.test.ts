import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { WorkerProcess } from '../../electron/studio/workers.ts';
import { forkFile } from '../../electron/workers/fork.ts';

const source = (name: string) =>
  pathToFileURL(join(import.meta.dirname, '../../electron/workers', name)).href;

let folder: string;
let worker: string;
let host: string;
const started: WorkerProcess[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'temperament-workers-'));
  worker = join(folder, 'worker.ts');
  // Answers with what it was sent, and with its process id.
  writeFileSync(
    worker,
    `import { parentPort } from '${source('port.ts')}';
    const port = parentPort();
    port.on('message', event => {
      if (event?.data === 'throw') throw new Error('the worker is broken');
      if (event?.data === 'print') console.log('said on standard output');
      port.postMessage({ pid: process.pid, data: event?.data });
    });`,
  );
  host = join(folder, 'host.ts');
  // A host that starts a worker, says its id, and waits.
  writeFileSync(
    host,
    `import { forkFile } from '${source('fork.ts')}';
    const child = forkFile(${JSON.stringify(worker)}, 'test');
    child.on('message', event => console.log(event?.data.pid));
    child.postMessage('hello');
    setInterval(() => {}, 1000);`,
  );
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(): WorkerProcess {
  const child = forkFile(worker, 'test');
  started.push(child);
  return child;
}

const nextMessage = (child: WorkerProcess) =>
  new Promise(resolve => child.on('message', event => resolve(event?.data)));
const closed = (child: WorkerProcess) => new Promise<void>(resolve => child.on('close', resolve));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

it('carries text and bytes both ways', async () => {
  const child = start();
  const data = { text: 'naïve ☺', bytes: new Uint8Array([0, 1, 255]), big: 2n ** 70n };
  const answer = nextMessage(child);
  child.postMessage(data);
  expect(await answer).toEqual({ pid: child.pid, data });
});

it('tells once that a killed worker is gone, to those who ask before and after, and swallows what is sent then', async () => {
  const child = start();
  let calls = 0;
  child.on('close', () => {
    calls++;
  });
  process.kill(child.pid ?? 0, 'SIGKILL');
  await closed(child);
  await closed(child);
  expect(calls).toBe(1);
  expect(() => child.postMessage('anybody?')).not.toThrow();
});

it('tells that a worker is gone that threw, and passes on what it printed under its name', async () => {
  const written = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  const child = start();
  child.postMessage('print');
  child.postMessage('throw');
  await closed(child);
  await vi.waitFor(() => {
    const lines = written.mock.calls.map(([text]) => String(text)).join('');
    expect(lines).toContain('[test] said on standard output\n');
    expect(lines).toContain('the worker is broken');
  });
  written.mockRestore();
});

it('leaves Ctrl-C to the studio', async () => {
  const child = start();
  const first = nextMessage(child);
  child.postMessage(1);
  await first;
  process.kill(child.pid ?? 0, 'SIGINT');
  const second = nextMessage(child);
  child.postMessage(2);
  expect(await second).toEqual({ pid: child.pid, data: 2 });
});

it.each(['SIGTERM', 'SIGKILL'] as const)('ends the worker when its host ends by %s', async signal => {
  const parent = spawn(process.execPath, [host], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pid = Number(await new Promise(resolve => parent.stdout.once('data', resolve)));
  expect(isAlive(pid)).toBe(true);
  parent.kill(signal);
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5000 });
});
