/** The application menu: the system's own entries, and the studio's as the page words them. */
import { app, Menu, type MenuItemConstructorOptions } from 'electron';
import type { DesktopCommand, DesktopEntry, DesktopMenu } from '../studio/contract.ts';
import type { Desktop } from '../studio/desktop/desktop.ts';

type Item = MenuItemConstructorOptions;
const LINE: Item = { type: 'separator' };
const DEVELOPER: Item[] = [LINE, { role: 'toggleDevTools' }];

/** Shows the system's entries until the page has told its own. */
export function setupMenu(desktop: Desktop): void {
  const options = {
    mac: process.platform === 'darwin',
    developer: !app.isPackaged,
    send: (command: DesktopCommand) => desktop.send(command),
  };
  const show = (menu: DesktopMenu | null) =>
    Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(menu, options)));
  desktop.onMenu = show;
  show(null);
}

interface Options {
  mac: boolean;
  developer: boolean;
  /** Does what an entry stands for. */
  send: (command: DesktopCommand) => void;
}

/** Text size is the page's, in place of Chromium's zoom: it is kept, and makes room for itself. */
export function menuTemplate(menu: DesktopMenu | null, { mac, developer, send }: Options): Item[] {
  const developers = developer ? DEVELOPER : [];
  const own: Item[] = mac ? [{ role: 'appMenu' }] : [];
  if (!menu)
    return [
      ...own,
      { role: 'fileMenu' },
      { role: 'editMenu' },
      { label: 'View', submenu: [{ role: 'reload' }, { role: 'togglefullscreen' }, ...developers] },
      { role: 'windowMenu' },
    ];
  const { titles, roles } = menu;
  // The page hears its keys itself; here they are shown. (A Mac's menu hears those that the page leaves.)
  const item = ({ label, command, keys }: DesktopEntry): Item => ({
    label,
    accelerator: keys,
    registerAccelerator: false,
    click: () => send(command),
  });
  const system = (...names: (keyof typeof roles)[]): Item[] =>
    names.map(role => ({ role, label: roles[role] }));
  const recent = menu.recent
    .filter(group => group.length > 0)
    .flatMap((group, index) => [...(index > 0 ? [LINE] : []), ...group.map(item)]);
  return [
    ...own,
    {
      label: titles.file,
      submenu: [
        { label: titles.recent, enabled: recent.length > 0, submenu: recent },
        LINE,
        ...menu.file.map(item),
        LINE,
        ...system(mac ? 'close' : 'quit'),
      ],
    },
    {
      label: titles.edit,
      submenu: [...system('undo', 'redo'), LINE, ...system('cut', 'copy', 'paste', 'selectAll')],
    },
    {
      label: titles.view,
      submenu: [
        ...menu.view.map(item),
        LINE,
        ...menu.textSize.map(item),
        LINE,
        ...system('reload', 'togglefullscreen'),
        ...developers,
      ],
    },
    { label: titles.window, role: 'window', submenu: system('minimize', 'close') },
    { label: titles.help, role: 'help', submenu: menu.help.map(item) },
  ];
}
