/** The desktop's menu, in the language of the page: what it says, and what each of its entries has the page do. */
import type { DesktopCommand, DesktopEntry, DesktopMenu } from '../../electron/studio/contract.ts';
import { VIEWS } from '../state/place.svelte.ts';
import { type Recent, recentKey, recentName } from '../state/recents.svelte.ts';
import { t } from './strings.ts';

const entry = (label: string, command: DesktopCommand, keys?: string): DesktopEntry => ({
  label,
  command,
  keys,
});

/** `recent`: groups of what was used not long ago. */
export function desktopMenu(recent: Recent[][]): DesktopMenu {
  const { roles, titles } = t.menu;
  return {
    titles: { ...titles, recent: t.recents.title },
    roles,
    file: [entry(t.menu.settings, { type: 'settings' }, 'CmdOrCtrl+,')],
    view: VIEWS.map((view, index) =>
      entry(t.views.names[view], { type: 'go', view }, `CmdOrCtrl+${index + 1}`),
    ),
    textSize: [
      entry(t.preferences.larger, { type: 'textSize', by: 1 }, 'CmdOrCtrl+Plus'),
      entry(t.preferences.smaller, { type: 'textSize', by: -1 }, 'CmdOrCtrl+-'),
      entry(t.menu.usualText, { type: 'textSize', by: 0 }, 'CmdOrCtrl+0'),
    ],
    help: [entry(t.help.title, { type: 'help' })],
    recent: recent.map(group =>
      group.map(one => entry(recentName(one), { type: 'recent', key: recentKey(one) })),
    ),
  };
}
