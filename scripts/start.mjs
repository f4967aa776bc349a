/** `npm start`: sets up what is missing, then opens the studio on the desktop, or in a browser where there is none. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fail, root, say, setUp } from './setup.mjs';

const HELP = `npm start [-- options]

  --browser     serve the studio for a browser even where Electron is installed
  --port N      port of the browser host (4747, or a free one when that is taken); implies --browser
  --host H      address the browser host listens on (127.0.0.1); implies --browser
  --no-open     do not open the default browser`;

try {
  if (process.argv.includes('--help') || process.argv.includes('-h')) {
    say(HELP);
    process.exit(0);
  }
  await setUp(fileURLToPath(import.meta.url));
  const { parseServeArguments, serveUntilSignal } = await import('../electron/serve.ts');
  const { REPORTED_EXIT_CODE } = await import('../electron/host.ts');
  const { findElectron, hasDesktop } = await import('./electron-binary.ts');
  const { buildElectron, buildRenderer } = await import('./build.ts');
  const { buildNative } = await import('./build-native.ts');

  const { browser, noOpen, ...address } = parseServeArguments(process.argv.slice(2));
  await buildNative();
  await buildRenderer(say);

  const wantsBrowser = browser || address.port !== undefined || address.host !== undefined;
  const electron = wantsBrowser ? { path: undefined, reason: undefined } : await findElectron(say);
  if (electron.path) {
    await buildElectron(say);
    const ended = await runElectron(electron.path);
    // A start-up error has been shown; a window that was open was closed by its user.
    if (ended.code === 0 || ended.signal || ended.seconds > 15) process.exit(0);
    if (ended.code === REPORTED_EXIT_CODE) process.exit(1);
    say(`Electron did not start (exit code ${ended.code}); serving the studio for a browser instead.`);
  } else if (electron.reason) {
    say(electron.reason);
  }
  await serveUntilSignal({ ...address, open: hasDesktop() && !noOpen && !process.env.CI });
} catch (error) {
  await fail(error);
}

/** Runs Electron on this repository until it ends; Ctrl-C here ends it there. */
function runElectron(path) {
  const begun = Date.now();
  const { ELECTRON_RUN_AS_NODE: _, ...env } = process.env;
  const child = spawn(path, [root], { stdio: 'inherit', env });
  let stopping = false;
  const stop = signal => {
    stopping = true;
    child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  process.on('disconnect', () => stop('SIGTERM'));
  return new Promise(settle => {
    const end = (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, stop);
      settle({ code: stopping ? 0 : code, signal, seconds: (Date.now() - begun) / 1000 });
    };
    child.once('error', () => end(-1, null));
    child.once('exit', end);
  });
}
