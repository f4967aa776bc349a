import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BrowserWindowDouble, electron } from './double.ts';

vi.mock('electron', async () => (await import('./double.ts')).electron);
const { openWindow, saneBounds, showWindow } = await import('../../electron/shell/window.ts');

const folder = mkdtempSync(join(tmpdir(), 'temperament-window-'));
const stateFile = join(folder, 'new', 'window.json');
const open = () => openWindow(stateFile) as unknown as BrowserWindowDouble;
beforeEach(() => {
  BrowserWindowDouble.all = [];
  electron.dialog.showErrorBox.mockClear();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a window', () => {
  it('is sandboxed, isolated and without Node, and shows our page', () => {
    const window = open();
    expect(window.options.webPreferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
    });
    expect(window.options.webPreferences).not.toHaveProperty('enableBlinkFeatures');
    expect(window.options.webPreferences).not.toHaveProperty('allowRunningInsecureContent');
    expect(String(window.options.webPreferences.preload)).toMatch(/[\\/]preload\.cjs$/);
    expect(window.loadURL).toHaveBeenCalledWith('temperament://studio/');
  });

  it('appears when there is something to see', () => {
    const window = open();
    expect(window.options.show).toBe(false);
    expect(window.show).not.toHaveBeenCalled();
    window.emit('ready-to-show');
    expect(window.show).toHaveBeenCalledOnce();
  });

  it('comes back where it was left', () => {
    open().emit('close');
    expect(JSON.parse(readFileSync(stateFile, 'utf8'))).toEqual({
      ...{ x: 10, y: 20, width: 1000, height: 700 },
      maximized: false,
    });
    expect(existsSync(`${stateFile}.new`)).toBe(false);
    expect(open().options).toMatchObject({ x: 10, y: 20, width: 1000, height: 700 });
    for (const nonsense of ['{"x": 1e9, "nonsense', 'null', '[]', '{"x":"0","maximized":"yes"}']) {
      writeFileSync(stateFile, nonsense);
      const window = open();
      expect(window.options).toMatchObject({ width: 1360, height: 880 });
      window.emit('ready-to-show');
      expect(window.maximize).not.toHaveBeenCalled();
    }
  });

  it('is maximised again where it was, above the bounds that it goes back to', () => {
    const left = open();
    left.isMaximized.mockReturnValue(true);
    left.emit('close');
    const window = open();
    expect(window.options).toMatchObject({ x: 10, y: 20, width: 1000, height: 700 });
    expect(window.maximize).not.toHaveBeenCalled();
    window.emit('ready-to-show');
    expect(window.maximize).toHaveBeenCalledOnce();
    expect(window.show).toHaveBeenCalledOnce();
  });

  it('is loaded again after a crash, but not over and over', () => {
    const window = open();
    window.webContents.emit('render-process-gone', {}, { reason: 'clean-exit' });
    expect(window.loadURL).toHaveBeenCalledTimes(1);
    window.webContents.emit('render-process-gone', {}, { reason: 'oom' });
    expect(window.loadURL).toHaveBeenCalledTimes(2);
    window.webContents.emit('render-process-gone', {}, { reason: 'crashed' });
    expect(window.loadURL).toHaveBeenCalledTimes(2);
    expect(electron.dialog.showErrorBox).toHaveBeenCalledOnce();
  });

  it('is one: a second call brings it to the front', () => {
    showWindow(stateFile);
    showWindow(stateFile);
    expect(BrowserWindowDouble.all).toHaveLength(1);
    expect(BrowserWindowDouble.all[0]?.restore).toHaveBeenCalledOnce();
    expect(BrowserWindowDouble.all[0]?.focus).toHaveBeenCalledOnce();
  });
});

describe('saneBounds', () => {
  const displays = [
    { x: 0, y: 0, width: 1920, height: 1080 },
    { x: 1920, y: 0, width: 1280, height: 1024 },
  ];
  const standard = { width: 1360, height: 880 };
  it.each([
    [
      'on the second display',
      { x: 2000, y: 50, width: 900, height: 700 },
      { x: 2000, y: 50, width: 900, height: 700 },
    ],
    ['too small', { x: 0, y: 0, width: 5, height: 5 }, { x: 0, y: 0, width: 760, height: 560 }],
    ['too large', { x: 0, y: 0, width: 9000, height: 9000 }, { x: 0, y: 0, width: 1920, height: 1080 }],
    ['on a display that is gone', { x: 5000, y: 50, width: 900, height: 700 }, standard],
    ['with its title bar above the display', { x: 0, y: -40, width: 900, height: 700 }, standard],
    ['below everything', { x: 0, y: 1070, width: 900, height: 700 }, standard],
    ['that are no numbers', { x: '0', y: 0, width: 900, height: 700 }, standard],
    ['that were never saved', undefined, standard],
    ['that are incomplete', { width: 900, height: 700 }, standard],
  ])('bounds %s', (_what, wanted, sane) => {
    expect(saneBounds(wanted as never, displays)).toEqual(sane);
  });
});
