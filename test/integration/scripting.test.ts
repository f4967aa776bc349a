/** The program of docs/scripting.md, run as it stands there against a studio on loopback. */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appFolder } from '../../electron/host.ts';
import { contract } from '../../electron/studio/contract.ts';
import { describeContract } from '../../electron/web/describe.ts';
import { startWebServer, type WebServer } from '../../electron/web/server.ts';
import { openStudio, type TestStudio } from './studio.ts';

const TOKEN = 'token-of-the-notebook';
const hasPython = spawnSync('python3', ['--version']).status === 0;

describe.skipIf(!hasPython)('a notebook', () => {
  let studio: TestStudio;
  let server: WebServer;
  beforeAll(async () => {
    process.env.TEMPERAMENT_TOKEN = TOKEN;
    server = await startWebServer({ port: 0, renderer: join(appFolder, 'renderer') });
    delete process.env.TEMPERAMENT_TOKEN;
    studio = await openStudio();
    server.connect(studio.router, studio.receive);
  });
  afterAll(async () => {
    await server?.close();
    await studio?.remove();
  });

  const python = async (program: string) => {
    const env = {
      ...process.env,
      TEMPERAMENT_URL: `http://127.0.0.1:${server.port}`,
      TEMPERAMENT_TOKEN: TOKEN,
    };
    return (await promisify(execFile)('python3', ['-c', program], { env: { ...env, NO_PROXY: '127.0.0.1' } }))
      .stdout;
  };
  const [, program = ''] =
    /```python\n(.*?)```/s.exec(readFileSync(join(appFolder, 'docs', 'scripting.md'), 'utf8')) ?? [];
  const functions = program.slice(0, program.indexOf('question ='));

  test('asks and measures base and mix, which are runs of the log', async () => {
    const lines = (await python(program)).trim().split('\n');
    expect(lines).toHaveLength(4);
    const [base, mixed] = [1, 3].map(line => Number(lines[line]?.split(' ')[1]));
    expect(mixed).toBeGreaterThan(Number(base) + 1);
    expect(lines[2]).not.toBe(lines[0]);
    const runs = await studio.client.runs.list({ limit: 10 });
    expect(runs.map(({ kind, state }) => [kind, state])).toEqual([
      ['assess', 'done'],
      ['chat', 'done'],
      ['assess', 'done'],
      ['chat', 'done'],
    ]);
  });

  test('is told what is wrong, and what to do', async () => {
    const told = `${functions}
try:
    call("mixing/cost", recipe={"version": 2, "base": "nowhere", "weights": {}})
except RuntimeError as error:
    print(error)
try:
    result(call("assessment/assess", persona=mix(extraversion=9)))
except RuntimeError as error:
    print("refused:", error)`;
    const said = await python(told);
    expect(said).toContain('no model named “nowhere”. Known: demo');
    expect(said).toMatch(/refused: \S/);
  });
});

test('every procedure is described, with what it takes and gives', () => {
  const names = Object.entries(contract).flatMap(([space, all]) =>
    Object.keys(all).map(name => `${space}/${name}`),
  );
  const described = describeContract();
  expect(described.map(({ procedure }) => procedure)).toEqual(names);
  expect(described.filter(({ output }) => output === undefined)).toEqual([]);
});
