/** The studio's window: sandboxed, at the place and size it was left, maximised where it was. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BrowserWindow, dialog, nativeTheme, type Rectangle, screen } from 'electron';
import { STUDIO_URL } from './scheme.ts';

const DEFAULT_SIZE = { width: 1360, height: 880 };
const MINIMUM = { width: 760, height: 560 };
/** A page that crashes twice within this time is not loaded a third time. */
const CRASH_INTERVAL_MS = 10_000;

/** Where the window was left; `maximized` beside the bounds that it goes back to. */
interface WindowState extends Rectangle {
  maximized: boolean;
}

/** Opens a window. `stateFile` remembers where it was left. */
export function openWindow(stateFile: string): BrowserWindow {
  const state = readState(stateFile);
  const window = new BrowserWindow({
    ...saneBounds(
      state,
      screen.getAllDisplays().map(display => display.workArea),
    ),
    minWidth: MINIMUM.width,
    minHeight: MINIMUM.height,
    title: 'Temperament',
    show: false,
    // The page's own ground (renderer/styles/tokens.css), so that nothing flashes before it is drawn.
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#101314' : '#eef0ed',
    webPreferences: {
      preload: join(import.meta.dirname, 'preload.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
    },
  });
  window.once('ready-to-show', () => {
    if (state?.maximized === true) window.maximize();
    window.show();
  });
  window.on('close', () =>
    writeState(stateFile, { ...window.getNormalBounds(), maximized: window.isMaximized() }),
  );
  reloadAfterCrash(window);
  void window.loadURL(STUDIO_URL);
  return window;
}

/** Brings the window to the front, or opens one. */
export function showWindow(stateFile: string): void {
  const [window] = BrowserWindow.getAllWindows();
  if (!window) return void openWindow(stateFile);
  if (window.isMinimized()) window.restore();
  window.focus();
}

/**
 * Bounds that can be seen and grabbed: no smaller than the minimum, no larger than the display, and on a display that
 * is still there; otherwise the default size, placed by the system.
 */
export function saneBounds(
  wanted: Partial<Rectangle> | undefined,
  displays: Rectangle[],
): Partial<Rectangle> {
  const { x, y, width, height } = wanted ?? {};
  if (![x, y, width, height].every(Number.isFinite)) return DEFAULT_SIZE;
  const bounds = { x, y, width, height } as Rectangle;
  bounds.width = Math.max(MINIMUM.width, bounds.width);
  bounds.height = Math.max(MINIMUM.height, bounds.height);
  // The title bar must be within reach, or the window could not be moved.
  const display = displays.find(
    area =>
      bounds.x + bounds.width > area.x + 80 &&
      bounds.x < area.x + area.width - 80 &&
      bounds.y >= area.y &&
      bounds.y < area.y + area.height - 80,
  );
  if (!display) return DEFAULT_SIZE;
  return {
    ...bounds,
    width: Math.min(bounds.width, display.width),
    height: Math.min(bounds.height, display.height),
  };
}

function readState(file: string): Partial<WindowState> | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) ?? undefined;
  } catch {
    return undefined;
  }
}

function writeState(file: string, state: WindowState): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify(state));
    renameSync(`${file}.new`, file);
  } catch (error) {
    // A window in another place next time is no reason to bother anybody.
    console.error(error);
  }
}

/** The studio lives in the main process, so a page that crashed can simply be loaded again. */
function reloadAfterCrash(window: BrowserWindow): void {
  let last = -Infinity;
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    if (performance.now() - last < CRASH_INTERVAL_MS) {
      dialog.showErrorBox(
        'The page has crashed',
        `Close and start Temperament again. Nothing logged is lost. (${reason})`,
      );
      return;
    }
    last = performance.now();
    void window.loadURL(STUDIO_URL);
  });
}
