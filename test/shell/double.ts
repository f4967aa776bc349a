/**
 * A double of Electron: exactly the calls that main.ts, preload.ts and shell/ make, recorded. A test file takes it with
 * `vi.mock('electron', async () => (await import('./double.ts')).electron)`.
 */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { vi } from 'vitest';

/** What happened, in order, where the order matters. */
export const order: string[] = [];
const noted = (name: string) => vi.fn((..._args: unknown[]) => void order.push(name));

class App extends EventEmitter {
  isPackaged = false;
  locked = true;
  enableSandbox = noted('enableSandbox');
  setPath = noted('setPath');
  quit = noted('quit');
  exit = noted('exit');
  requestSingleInstanceLock = vi.fn(() => this.locked);
  whenReady = vi.fn(async () => void order.push('ready'));
  override on(event: string, listener: (...args: never[]) => void): this {
    order.push(`app.on ${event}`);
    return super.on(event, listener as (...args: unknown[]) => void);
  }
}

export class WebContentsDouble extends EventEmitter {
  printToPDF = vi.fn(async (_options: object) => new Uint8Array([0x25, 0x50, 0x44, 0x46]));
  openHandler: ((details: { url: string }) => { action: string }) | undefined;
  setWindowOpenHandler(handler: (details: { url: string }) => { action: string }): void {
    this.openHandler = handler;
  }
}

export class BrowserWindowDouble extends EventEmitter {
  static all: BrowserWindowDouble[] = [];
  static getAllWindows = () => BrowserWindowDouble.all;
  webContents = new WebContentsDouble();
  show = vi.fn();
  focus = vi.fn();
  maximize = vi.fn();
  isMaximized = vi.fn(() => false);
  restore = vi.fn();
  isMinimized = vi.fn(() => true);
  isDestroyed = vi.fn(() => false);
  getNormalBounds = vi.fn(() => ({ x: 10, y: 20, width: 1000, height: 700 }));
  readonly options: { webPreferences: Record<string, unknown> } & Record<string, unknown>;
  loadURL = vi.fn(async (_url: string) => void order.push('loadURL'));
  /** What files held when they were loaded, with their paths. */
  static files: { path: string; content: string }[] = [];
  loadFile = vi.fn(async (path: string) => {
    BrowserWindowDouble.files.push({ path, content: readFileSync(path, 'utf8') });
  });
  destroy = vi.fn();
  constructor(options: BrowserWindowDouble['options']) {
    super();
    this.options = options;
    order.push('window');
    BrowserWindowDouble.all.push(this);
  }
}

export class UtilityProcessDouble extends EventEmitter {
  pid: number | undefined = 4711;
  stdout = new PassThrough();
  stderr = new PassThrough();
  postMessage = vi.fn();
  kill = vi.fn(() => true);
}

type PermissionRequest = (
  contents: null,
  permission: string,
  answer: (ok: boolean) => void,
  details: { requestingUrl: string },
) => void;
type PermissionCheck = (contents: null, permission: string, origin: string) => boolean;

export const permissions: { request?: PermissionRequest; check?: PermissionCheck; device?: () => boolean } =
  {};
export const pages: { respond?: (request: Request) => Promise<Response> } = {};
export const utilityProcesses: UtilityProcessDouble[] = [];

export const electron = {
  app: new App(),
  BrowserWindow: BrowserWindowDouble,
  dialog: { showErrorBox: vi.fn() },
  ipcMain: new EventEmitter(),
  contextBridge: { exposeInMainWorld: vi.fn() },
  ipcRenderer: { postMessage: vi.fn() },
  Menu: { buildFromTemplate: vi.fn((template: unknown) => template), setApplicationMenu: noted('menu') },
  nativeTheme: { shouldUseDarkColors: false },
  protocol: {
    registerSchemesAsPrivileged: noted('scheme'),
    handle: vi.fn((_scheme: string, respond: (request: Request) => Promise<Response>) => {
      order.push('page');
      pages.respond = respond;
    }),
  },
  safeStorage: {
    isEncryptionAvailable: vi.fn(() => true),
    getSelectedStorageBackend: vi.fn(() => 'gnome_libsecret'),
    encryptString: vi.fn((text: string) => Buffer.from([...text].reverse().join(''))),
    decryptString: vi.fn((sealed: Buffer) => [...sealed.toString()].reverse().join('')),
  },
  screen: { getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }] },
  session: {
    defaultSession: {
      setPermissionRequestHandler: (handler: PermissionRequest) => {
        order.push('permissions');
        permissions.request = handler;
      },
      setPermissionCheckHandler: (handler: PermissionCheck) => {
        permissions.check = handler;
      },
      setDevicePermissionHandler: (handler: () => boolean) => {
        permissions.device = handler;
      },
    },
  },
  shell: { openExternal: vi.fn(async (_url: string) => {}) },
  webUtils: { getPathForFile: vi.fn((file: { path: string }) => file.path) },
  utilityProcess: {
    fork: vi.fn((_file: string, _args: string[], _options: object) => {
      const child = new UtilityProcessDouble();
      utilityProcesses.push(child);
      return child;
    }),
  },
};
