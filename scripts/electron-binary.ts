/** Finds Electron's binary, and fetches it where there is a desktop to show a window on. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const packageFolder = join(import.meta.dirname, '..', 'node_modules', 'electron');
const DOWNLOAD_LIMIT_MS = 180_000;

const EXECUTABLE: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'Electron.app/Contents/MacOS/Electron',
  win32: 'electron.exe',
};

/** Whether a window could be shown: every Mac and PC, and a Linux session with a display. */
export function hasDesktop(env: NodeJS.ProcessEnv = process.env, platform = process.platform): boolean {
  return platform !== 'linux' || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
}

/** The binary that `ELECTRON_OVERRIDE_DIST_PATH` names, or that the electron package has downloaded. */
export function installedElectron(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const recorded = join(packageFolder, 'path.txt');
  const executable = existsSync(recorded)
    ? readFileSync(recorded, 'utf8')
    : (EXECUTABLE[process.platform] ?? 'electron');
  const folder = env.ELECTRON_OVERRIDE_DIST_PATH || join(packageFolder, 'dist');
  const path = join(folder, executable);
  return existsSync(path) ? path : undefined;
}

/**
 * The Electron binary to start, or the reason why there is none, as one line for the terminal. A folder that was named
 * in `ELECTRON_OVERRIDE_DIST_PATH` is taken at its word, with a display or without.
 */
export async function findElectron(
  say: (line: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ path: string; reason?: undefined } | { path?: undefined; reason: string }> {
  const instead = 'serving the studio for a browser instead.';
  const path = installedElectron(env);
  if (env.ELECTRON_OVERRIDE_DIST_PATH) {
    if (path) return { path };
    return { reason: `No Electron binary in ${env.ELECTRON_OVERRIDE_DIST_PATH}; ${instead}` };
  }
  if (!hasDesktop(env)) return { reason: `No display to open a window on; ${instead}` };
  if (process.platform === 'linux' && process.getuid?.() === 0) {
    return { reason: `Electron's sandbox does not run as root; ${instead}` };
  }
  if (path) return { path };
  if (env.ELECTRON_SKIP_BINARY_DOWNLOAD) return { reason: `Electron is not installed; ${instead}` };
  const failure = await download(say, env);
  const downloaded = installedElectron(env);
  if (downloaded) return { path: downloaded };
  return { reason: `Electron's binary could not be downloaded (${failure}); ${instead}` };
}

/** Runs the electron package's own installer, bounded in time; returns why it failed, if it did. */
async function download(say: (line: string) => void, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const mirror =
    env.ELECTRON_MIRROR || env.npm_config_electron_mirror || 'https://github.com/electron/electron/releases/';
  // With a proxy this process cannot ask for itself; the installer can.
  if (!env.HTTPS_PROXY && !env.https_proxy) {
    const reachable = await fetch(mirror, { method: 'HEAD', signal: AbortSignal.timeout(2000) }).then(
      () => true,
      () => false,
    );
    if (!reachable) return `${new URL(mirror).host} cannot be reached`;
  }
  say('Downloading Electron (about 120 MB, once) …');
  const installer = spawn(process.execPath, [join(packageFolder, 'install.js')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: dirname(packageFolder),
    timeout: DOWNLOAD_LIMIT_MS,
  });
  let output = '';
  installer.stderr.on('data', chunk => {
    output += chunk;
  });
  return new Promise(settle => {
    installer.once('error', error => settle(error.message));
    installer.once('close', (code, signal) => {
      if (signal) settle(`no end after ${DOWNLOAD_LIMIT_MS / 1000} s`);
      else settle(code === 0 ? undefined : (output.trim().split('\n')[0] ?? `exit code ${code}`));
    });
  });
}
