/** What page and desktop tell each other: the menu with its commands, and files that the system gives to the application. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DesktopCommand, type DesktopMenu, desktopMenu } from '../../electron/studio/contract.ts';
import { Desktop } from '../../electron/studio/desktop/desktop.ts';
import { electron } from './double.ts';

vi.mock('electron', async () => (await import('./double.ts')).electron);
const { menuTemplate, setupMenu } = await import('../../electron/shell/menu.ts');
const { filesNamed, setupOpenedFiles } = await import('../../electron/shell/life.ts');

const folder = mkdtempSync(join(tmpdir(), 'temperament-desktop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  electron.app.removeAllListeners();
  electron.Menu.buildFromTemplate.mockClear();
});

interface Item {
  label?: string;
  role?: string;
  type?: string;
  accelerator?: string;
  registerAccelerator?: boolean;
  enabled?: boolean;
  click?: () => void;
  submenu?: Item[];
}
const all = (items: Item[]): Item[] => items.flatMap(item => [item, ...all(item.submenu ?? [])]);
const options = { mac: false, developer: false, send: vi.fn() };

const entry = (label: string, command: DesktopCommand, keys?: string) => ({ label, command, keys });
/** As a page may tell it, in words of its own. */
const menu = (recent: DesktopMenu['recent']): DesktopMenu =>
  desktopMenu.parse({
    titles: {
      file: 'Datei',
      edit: 'Bearbeiten',
      view: 'Ansicht',
      window: 'Fenster',
      help: 'Hilfe',
      recent: 'Zuletzt',
    },
    roles: Object.fromEntries(Object.keys(desktopMenu.shape.roles.shape).map(role => [role, `the ${role}`])),
    file: [entry('Optionen', { type: 'settings' }, 'CmdOrCtrl+,')],
    view: [entry('Laborbuch', { type: 'go', view: 'notebook' }, 'CmdOrCtrl+4')],
    textSize: [entry('Größer', { type: 'textSize', by: 1 }, 'CmdOrCtrl+Plus')],
    help: [entry('Wie es geht', { type: 'help' })],
    recent,
  });

describe('the menu', () => {
  const told = menu([
    [entry('Mara', { type: 'recent', key: 'persona p1' })],
    [],
    [entry('Demo', { type: 'recent', key: 'model demo' })],
  ]);
  const items = all(menuTemplate(told, options) as Item[]);
  const named = (label: string) => items.find(item => item.label === label);

  it('has the system’s entries until the page has told its own', () => {
    const desktop = new Desktop();
    setupMenu(desktop);
    const first = electron.Menu.buildFromTemplate.mock.lastCall?.[0] as Item[];
    expect(first.map(({ role }) => role)).toEqual(
      expect.arrayContaining(['fileMenu', 'editMenu', 'windowMenu']),
    );
    desktop.onMenu(told);
    const then = all(electron.Menu.buildFromTemplate.mock.lastCall?.[0] as Item[]);
    expect(then.map(({ label }) => label)).toContain('Mara');
  });

  it('has views, text size, settings, help and what was used not long ago, each with its command', () => {
    const sent = (label: string) => {
      options.send.mockClear();
      named(label)?.click?.();
      return options.send.mock.lastCall?.[0];
    };
    expect(sent('Laborbuch')).toEqual({ type: 'go', view: 'notebook' });
    expect(sent('Größer')).toEqual({ type: 'textSize', by: 1 });
    expect(sent('Optionen')).toEqual({ type: 'settings' });
    expect(sent('Wie es geht')).toEqual({ type: 'help' });
    expect(sent('Mara')).toEqual({ type: 'recent', key: 'persona p1' });
    expect(sent('Demo')).toEqual({ type: 'recent', key: 'model demo' });
    expect(named('the selectAll')?.role).toBe('selectAll');
    expect(named('Zuletzt')?.submenu?.map(({ label, type }) => label ?? type)).toEqual([
      'Mara',
      'separator',
      'Demo',
    ]);
  });

  it('shows keys and leaves them to the page, and has no zoom beside the text size', () => {
    expect(named('Größer')).toMatchObject({ accelerator: 'CmdOrCtrl+Plus', registerAccelerator: false });
    for (const { role } of items) expect(role ?? '').not.toMatch(/zoom/i);
  });

  it('has nothing recent to open at first, and developer’s tools where they are wanted', () => {
    const bare = all(menuTemplate(menu([]), { ...options, developer: true }) as Item[]);
    expect(bare.find(({ label }) => label === 'Zuletzt')?.enabled).toBe(false);
    expect(bare.some(({ role }) => role === 'toggleDevTools')).toBe(true);
    expect(items.some(({ role }) => role === 'toggleDevTools')).toBe(false);
  });
});

describe('files from the system', () => {
  const path = join(folder, 'Mara.persona');
  writeFileSync(path, 'a persona');

  it('are those that the page can open, by path or by address', () => {
    expect(
      filesNamed(
        ['.', '--flag=x.persona', 'Mara.persona', `file://${path}`, 'https://x.org/a.persona', 'b.gguf'],
        folder,
      ),
    ).toEqual([path, path]);
  });

  it('wait for the page, are handed out once, and no other file is', async () => {
    const desktop = new Desktop();
    setupOpenedFiles(desktop);
    electron.app.emit('second-instance', {}, ['electron', '--x', 'Mara.persona'], folder);
    const commands = desktop.commands();
    const { value } = await commands.next();
    expect(value).toMatchObject({ type: 'open' });
    const { id } = value as { id: string };
    const file = await desktop.opened(id);
    expect([file.name, await file.text()]).toEqual(['Mara.persona', 'a persona']);
    await expect(desktop.opened(id)).rejects.toThrow('no longer waiting');
    await expect(desktop.opened(path)).rejects.toThrow('no longer waiting');

    // A page that is there gets it at once.
    const event = { preventDefault: vi.fn() };
    electron.app.emit('open-file', event, path);
    expect(event.preventDefault).toHaveBeenCalled();
    expect((await commands.next()).value).toMatchObject({ type: 'open' });
  });

  it('are told when they are too large, or gone', async () => {
    const desktop = new Desktop();
    const large = join(folder, 'large.persona');
    writeFileSync(large, Buffer.alloc(16 * 1024 * 1024));
    const commands = desktop.commands();
    const ask = async (of: string) => {
      desktop.open(of);
      return desktop.opened(((await commands.next()).value as { id: string }).id);
    };
    await expect(ask(large)).rejects.toThrow('large.persona is too large');
    await expect(ask(join(folder, 'gone.persona'))).rejects.toThrow(/ENOENT/);
  });
});

it('commands go to the newest page, and wait where there is none', async () => {
  const desktop = new Desktop();
  desktop.send({ type: 'help' });
  const gone = new AbortController();
  const first = desktop.commands(gone.signal);
  expect((await first.next()).value).toEqual({ type: 'help' });
  gone.abort();
  expect((await first.next()).done).toBe(true);
  desktop.send({ type: 'settings' });
  expect((await desktop.commands().next()).value).toEqual({ type: 'settings' });
});
