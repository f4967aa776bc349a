/** From the start of the desktop host to its end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BrowserWindowDouble, electron, order, utilityProcesses } from './double.ts';

vi.mock('electron', async () => (await import('./double.ts')).electron);
const close = vi.fn(async () => {});
const createStudio = vi.fn(async (_options: { home: string; host: string; resources: string }) => {
  order.push('studio');
  return { router: {}, close };
});
vi.mock('../../electron/studio/studio.ts', () => ({ createStudio }));
const { spawnUtilityWorker } = await import('../../electron/shell/workers.ts');

const home = mkdtempSync(join(tmpdir(), 'temperament-life-'));
const before = process.env.TEMPERAMENT_HOME;

beforeEach(() => {
  process.env.TEMPERAMENT_HOME = home;
  order.length = 0;
  BrowserWindowDouble.all = [];
  electron.app.removeAllListeners();
  electron.app.locked = true;
  vi.clearAllMocks();
  vi.resetModules();
});
afterEach(() => {
  if (before === undefined) delete process.env.TEMPERAMENT_HOME;
  else process.env.TEMPERAMENT_HOME = before;
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const start = () => import('../../electron/main.ts');

describe('a start', () => {
  it('has every limit in place before a window exists', async () => {
    await start();
    await vi.waitFor(() => expect(order).toContain('loadURL'));
    const at = (step: string) => {
      expect(order).toContain(step);
      return order.indexOf(step);
    };
    expect(at('enableSandbox')).toBeLessThan(at('ready'));
    expect(at('setPath')).toBeLessThan(at('ready'));
    expect(at('scheme')).toBeLessThan(at('ready'));
    expect(at('app.on web-contents-created')).toBeLessThan(at('ready'));
    for (const step of ['permissions', 'page', 'menu', 'studio', 'app.on will-quit']) {
      expect(at('ready')).toBeLessThan(at('window'));
      expect(at(step)).toBeLessThan(at('window'));
    }
    expect(electron.app.setPath).toHaveBeenCalledWith('userData', join(home, 'desktop'));
    expect(createStudio).toHaveBeenCalledWith(expect.objectContaining({ home, host: 'desktop' }));
    expect(electron.dialog.showErrorBox).not.toHaveBeenCalled();
  });

  it('of a second instance shows the first one and ends', async () => {
    electron.app.locked = false;
    await start();
    expect(electron.app.quit).toHaveBeenCalledOnce();
    expect(createStudio).not.toHaveBeenCalled();
    expect(order).not.toContain('window');

    electron.app.locked = true;
    vi.resetModules();
    await start();
    await vi.waitFor(() => expect(BrowserWindowDouble.all).toHaveLength(1));
    electron.app.emit('second-instance', {}, ['electron', '.'], home);
    expect(BrowserWindowDouble.all).toHaveLength(1);
    expect(BrowserWindowDouble.all[0]?.focus).toHaveBeenCalledOnce();
  });

  it('with a file that was double-clicked opens no window before its time', async () => {
    const open = () =>
      electron.app.emit('open-file', { preventDefault: vi.fn() }, join(home, 'Mara.persona'));
    let ready = () => {};
    createStudio.mockImplementationOnce(async () => {
      await new Promise<void>(resolve => (ready = resolve));
      return { router: {}, close };
    });
    await start();
    await vi.waitFor(() => expect(createStudio).toHaveBeenCalled());
    open();
    expect(order).not.toContain('window');
    ready();
    await vi.waitFor(() => expect(BrowserWindowDouble.all).toHaveLength(1));
    open();
    expect(BrowserWindowDouble.all[0]?.focus).toHaveBeenCalledOnce();
    expect(BrowserWindowDouble.all).toHaveLength(1);
  });

  it.each([
    [
      'a studio that cannot start',
      () =>
        createStudio.mockImplementationOnce(async () => {
          const { StudioError } = await import('../../electron/studio/errors.ts');
          throw new StudioError('io', 'The data folder is read-only.', { action: 'Name another.' });
        }),
      'The data folder is read-only.\nName another.',
    ],
    [
      'a data folder that cannot be made',
      () => {
        writeFileSync(join(home, 'file'), '');
        process.env.TEMPERAMENT_HOME = join(home, 'file', 'home');
      },
      join(home, 'file', 'home'),
    ],
  ])('with %s says so and ends', async (_what, arrange, message) => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
    arrange();
    await start();
    await vi.waitFor(() => expect(electron.app.exit).toHaveBeenCalledWith(78));
    expect(electron.dialog.showErrorBox).toHaveBeenCalledWith(
      'Temperament cannot start',
      expect.stringContaining(message),
    );
    expect(order).not.toContain('window');
    logged.mockRestore();
  });
});

describe('the end', () => {
  it('waits for the studio, once', async () => {
    let finish = () => {};
    close.mockImplementationOnce(() => new Promise<void>(resolve => (finish = resolve)));
    await start();
    await vi.waitFor(() => expect(order).toContain('loadURL'));
    const event = { preventDefault: vi.fn() };
    electron.app.emit('will-quit', event);
    electron.app.emit('will-quit', event);
    expect(event.preventDefault).toHaveBeenCalledTimes(2);
    expect(close).toHaveBeenCalledOnce();
    expect(electron.app.exit).not.toHaveBeenCalled();
    finish();
    await vi.waitFor(() => expect(electron.app.exit).toHaveBeenCalledWith(0));
  });

  it('comes with the last window, except on a Mac', async () => {
    await start();
    await vi.waitFor(() => expect(order).toContain('loadURL'));
    electron.app.emit('window-all-closed');
    expect(electron.app.quit).toHaveBeenCalledTimes(process.platform === 'darwin' ? 0 : 1);
  });
});

describe('a worker', () => {
  it('is a utility process beside main.js, and speaks as the studio expects', async () => {
    const worker = spawnUtilityWorker('merging');
    const child = utilityProcesses.at(-1);
    expect(electron.utilityProcess.fork).toHaveBeenCalledWith(
      expect.stringMatching(/[\\/]merging\.js$/),
      [],
      {
        serviceName: 'Temperament merging',
        stdio: 'pipe',
      },
    );
    expect(worker.pid).toBe(4711);
    const messages: unknown[] = [];
    worker.on('message', event => messages.push(event));
    child?.emit('message', 'hello');
    expect(messages).toEqual([{ data: 'hello' }]);
    worker.postMessage({ to: 'it' });
    expect(child?.postMessage).toHaveBeenCalledWith({ to: 'it' });

    let closed = 0;
    worker.on('close', () => {
      closed++;
    });
    worker.kill();
    expect(child?.kill).toHaveBeenCalledOnce();
    child?.emit('exit', 1);
    await new Promise<void>(resolve => worker.on('close', resolve));
    expect(closed).toBe(1);
  });

  it('is heard on standard error under its name', async () => {
    const written = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
    spawnUtilityWorker('inference');
    utilityProcesses.at(-1)?.stderr.write('no memory left\n');
    await vi.waitFor(() => expect(written).toHaveBeenCalledWith('[inference] no memory left\n'));
    written.mockRestore();
  });
});
