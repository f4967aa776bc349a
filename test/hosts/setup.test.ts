/** The parts of the set-up that can be tried without installing anything. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { contentSecurityPolicy, dataFolder, describeError } from '../../electron/host.ts';
import { parseServeArguments } from '../../electron/serve.ts';
import { StudioError } from '../../electron/studio/errors.ts';
import { stampOf } from '../../scripts/build.ts';
import { findElectron, hasDesktop, installedElectron } from '../../scripts/electron-binary.ts';
import {
  explain,
  explainNpmFailure,
  isInstalled,
  isRecentNode,
  node24,
  SetupError,
} from '../../scripts/setup.mjs';
import { countReport, describe as describeCounts } from '../../scripts/stages.ts';

const folder = mkdtempSync(join(tmpdir(), 'temperament-setup-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('Node', () => {
  it.each(['v22.18.0', '22.19.1', 'v23.6.0', 'v24.0.0', 'v26.1.0'])('%s is recent enough', version => {
    expect(isRecentNode(version)).toBe(true);
  });
  it.each(['v20.20.2', 'v22.12.0', 'v22.17.9', 'v23.5.0', 'v18.0.0'])('%s is not', version => {
    expect(isRecentNode(version)).toBe(false);
  });
  it('is found', () => expect(node24()).toBe(process.execPath));
});

describe('the dependencies', () => {
  const wanted = {
    packages: {
      '': { version: '1.0.0' },
      'node_modules/a': { version: '1.0.0', integrity: 'x' },
      'node_modules/for-mac': { version: '1.0.0', integrity: 'y', optional: true },
    },
  };
  const a = { 'node_modules/a': { version: '1.0.0', integrity: 'x' } };
  it('are installed when all that is needed here is', () => {
    expect(isInstalled(wanted, { packages: a })).toBe(true);
    const forOthers = { 'node_modules/for-windows': { version: '1.0.0', optional: true } };
    expect(isInstalled(wanted, { packages: { ...a, ...forOthers } })).toBe(true);
  });
  it.each([
    ['nothing', {}],
    ['another version', { 'node_modules/a': { version: '1.0.1', integrity: 'x' } }],
    ['other content', { 'node_modules/a': { version: '1.0.0', integrity: 'z' } }],
    [
      'another version of an optional one',
      { ...a, 'node_modules/for-mac': { version: '2.0.0', integrity: 'y' } },
    ],
    ['one too many', { ...a, 'node_modules/b': { version: '1.0.0' } }],
  ])('are not with %s', (_what, packages) => expect(isInstalled(wanted, { packages })).toBe(false));

  it.each([
    [
      'npm error code EAI_AGAIN\nnpm error request to https://registry.example/vite failed',
      /registry cannot be reached/,
      /network/,
    ],
    ['npm error code ENOSPC', /disk is full/, /Free some space/],
    ['npm error code EACCES\nnpm error path /x', /cannot be written/, /write access/],
    ['npm error code EUSAGE\nnpm error `npm ci` can only install', /EUSAGE/, /npm install --ignore-scripts/],
  ])('that cannot be installed are explained: %s', (output, message, action) => {
    const error = explainNpmFailure(output);
    expect(error.message).toMatch(message);
    expect(error.action).toMatch(action);
  });
});

describe('errors', () => {
  it('say what happened and what to do, without a stack', async () => {
    expect(await explain(new SetupError('No npm.', 'Install it.'))).toBe('No npm.\nInstall it.');
    expect(await explain(new StudioError('busy', 'In use.', { action: 'Close it.' }))).toBe(
      'In use.\nClose it.',
    );
    expect(describeError(Object.assign(new Error('EACCES'), { code: 'EACCES', path: '/x' }))).toMatch(
      /refused: \/x\n/,
    );
  });
  it('of ours come with one', () => {
    expect(describeError(new TypeError('a fault'))).toMatch(/TypeError: a fault\n\s+at /);
  });
});

describe('the data folder', () => {
  it.each([
    [{ TEMPERAMENT_HOME: '/lab' }, 'linux', '/lab'],
    [{}, 'linux', '/home/me/.local/share/temperament'],
    [{ XDG_DATA_HOME: '/data' }, 'linux', '/data/temperament'],
    [{}, 'darwin', '/home/me/Library/Application Support/Temperament'],
  ] as const)('%o on %s is %s', (env, platform, expected) => {
    expect(dataFolder(env, platform, '/home/me')).toBe(expected);
  });
  it('is among the application data on Windows', () => {
    expect(dataFolder({ APPDATA: 'C:/Users/me/AppData/Roaming' }, 'win32', 'C:/Users/me')).toMatch(
      /Roaming[\\/]Temperament$/,
    );
  });
});

describe('the options of the browser host', () => {
  it('are read', () => {
    expect(parseServeArguments(['--port', '5000', '--no-open'])).toEqual({
      port: 5000,
      host: undefined,
      browser: false,
      noOpen: true,
    });
    expect(parseServeArguments([])).toMatchObject({ port: undefined, host: undefined });
  });
  it.each([
    [['--port', 'x']],
    [['--port', '70000']],
    [['--port=']],
    [['--port', '1.5']],
    [['--prot', '1']],
    [['extra']],
  ])('%o are refused', args => expect(() => parseServeArguments(args)).toThrow(StudioError));
});

describe('Electron', () => {
  it('needs a display on Linux', () => {
    expect(hasDesktop({}, 'linux')).toBe(false);
    expect(hasDesktop({ DISPLAY: ':0' }, 'linux')).toBe(true);
    expect(hasDesktop({ WAYLAND_DISPLAY: 'wayland-0' }, 'linux')).toBe(true);
    expect(hasDesktop({}, 'darwin')).toBe(true);
  });
  it('is the one that is named', async () => {
    const name =
      { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' }[process.platform as string] ??
      'electron';
    const path = join(folder, 'electron', name);
    const env = { ELECTRON_OVERRIDE_DIST_PATH: join(folder, 'electron') };
    expect(installedElectron(env)).toBeUndefined();
    expect(await findElectron(() => {}, env)).toEqual({
      reason: expect.stringContaining(env.ELECTRON_OVERRIDE_DIST_PATH),
    });
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '');
    expect(installedElectron(env)).toBe(path);
    expect(await findElectron(() => {}, env)).toEqual({ path });
  });
  it.runIf(process.platform === 'linux')(
    'is done without at once where there is no display, in one line',
    async () => {
      const { reason } = await findElectron(() => {}, {});
      expect(reason).toBe('No display to open a window on; serving the studio for a browser instead.');
    },
  );
});

describe('what is built', () => {
  it('is stale when a source changes, and only then', () => {
    const source = join(folder, 'source');
    mkdirSync(join(source, 'deep'), { recursive: true });
    writeFileSync(join(source, 'deep', 'a.ts'), '1');
    const stamp = stampOf([source], folder);
    expect(stampOf([source, join(folder, 'absent')], folder)).toBe(stamp);
    writeFileSync(join(source, 'deep', 'a.test.ts'), 'a test');
    expect(stampOf([source], folder)).toBe(stamp);
    writeFileSync(join(source, 'deep', 'a.ts'), '2');
    expect(stampOf([source], folder)).not.toBe(stamp);
  });
});

describe('the page', () => {
  it('runs no inline script and no code from text, whatever it may connect to', () => {
    const policy = contentSecurityPolicy('ws://127.0.0.1:4747');
    expect(policy).toContain("connect-src 'self' ws://127.0.0.1:4747;");
    expect(/script-src ([^;]*)/.exec(policy)?.[1]).toBe("'self'");
    expect(/style-src ([^;]*)/.exec(policy)?.[1]).toBe("'self'");
  });
});

describe('the count of the tests', () => {
  const report = (passed: number, failed: number, pending: number, files: [string, string[]][] = []) => ({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: pending,
    numTodoTests: 0,
    testResults: files.map(([status, tests]) => ({
      status,
      assertionResults: tests.map(test => ({ status: test })),
    })),
  });
  it('is vitest’s own', () => {
    expect(countReport(report(3, 0, 1), 0)).toEqual({ passed: 3, failed: 0, skipped: 1 });
    expect(countReport(report(3, 1, 0, [['failed', ['passed', 'failed']]]), 1)).toEqual({
      passed: 3,
      failed: 1,
      skipped: 0,
    });
  });
  it('misses no failure', () => {
    expect(countReport(report(3, 0, 0, [['failed', []]]), 1).failed).toBe(1);
    expect(countReport(report(3, 0, 0), 1).failed).toBe(1);
    expect(countReport(undefined, 1).failed).toBe(1);
    expect(countReport(undefined, 0).failed).toBe(0);
  });
  it('is written in one form', () => {
    expect(describeCounts({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
    expect(describeCounts({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
  });
});
