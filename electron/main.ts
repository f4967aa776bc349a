/** The desktop host: an Electron window on the studio. Every step is one module of shell/. */
import { join } from 'node:path';
import { app } from 'electron';
import { dataFolder, rendererFolder, resourcesFolder } from './host.ts';
import { setupConnection } from './shell/connection.ts';
import { keychain } from './shell/keychain.ts';
import {
  reportStartupError,
  setupOpenedFiles,
  setupProfile,
  setupQuit,
  setupSingleInstance,
  setupWindow,
} from './shell/life.ts';
import { setupMenu } from './shell/menu.ts';
import { setupNavigationLimits } from './shell/navigation.ts';
import { printPdf } from './shell/pdf.ts';
import { setupPermissions } from './shell/permissions.ts';
import { setupPage, setupScheme } from './shell/scheme.ts';
import { spawnUtilityWorker } from './shell/workers.ts';
import { Desktop } from './studio/desktop/desktop.ts';
import { createStudio } from './studio/studio.ts';

async function start(): Promise<void> {
  const home = dataFolder();
  const stateFile = join(setupProfile(home), 'window.json');
  if (!setupSingleInstance(stateFile)) return;
  const desktop = new Desktop();
  setupOpenedFiles(desktop);
  setupScheme();
  setupNavigationLimits();
  await app.whenReady();
  setupPermissions();
  setupPage(rendererFolder);
  setupMenu(desktop);
  const studio = await createStudio({
    home,
    resources: app.isPackaged ? join(process.resourcesPath, 'resources') : resourcesFolder,
    host: 'desktop',
    spawnWorker: spawnUtilityWorker,
    printPdf,
    keychain,
    desktop,
  });
  setupQuit(() => studio.close());
  setupConnection(studio.router);
  setupWindow(stateFile);
}

app.enableSandbox();
start().catch(reportStartupError);
