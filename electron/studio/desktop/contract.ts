/** What page and desktop tell each other: the page what its menu is to say, the desktop what was chosen or opened there. */
import { z } from 'zod';

/** Something that the page does when it is chosen in the menu, or when the system asks for it. */
export const desktopCommand = z.discriminatedUnion('type', [
  z.object({ type: z.literal('go'), view: z.string().max(20) }),
  z.object({ type: z.literal('textSize'), by: z.literal([-1, 0, 1]) }),
  z.object({ type: z.literal('settings') }),
  z.object({ type: z.literal('help') }),
  /** Something used not long ago, by the page's own key. */
  z.object({ type: z.literal('recent'), key: z.string().max(400) }),
  /** A file that the system gave to this application; `desktop.opened` has it. */
  z.object({ type: z.literal('open'), id: z.string().max(100) }),
]);
export type DesktopCommand = z.infer<typeof desktopCommand>;

const label = z.string().min(1).max(120);

const entry = z.object({
  label,
  command: desktopCommand,
  /** As Electron names keys. The page itself hears them; the menu shows them. */
  keys: z.string().max(40).optional(),
});
export type DesktopEntry = z.infer<typeof entry>;

/** Commands of the system that stand in every menu: the page knows the language. */
const roles = z.object({
  undo: label,
  redo: label,
  cut: label,
  copy: label,
  paste: label,
  selectAll: label,
  reload: label,
  togglefullscreen: label,
  minimize: label,
  close: label,
  quit: label,
});

export const desktopMenu = z.object({
  titles: z.object({ file: label, edit: label, view: label, window: label, help: label, recent: label }),
  roles,
  file: z.array(entry).max(20),
  view: z.array(entry).max(20),
  textSize: z.array(entry).max(5),
  help: z.array(entry).max(5),
  /** Groups with a line between them. */
  recent: z.array(z.array(entry).max(10)).max(5),
});
export type DesktopMenu = z.infer<typeof desktopMenu>;
