/** The one test with a real Electron: runs wherever a binary is present, and says so where there is none. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron } from 'playwright-core';
import { expect, it } from 'vitest';
import { buildElectron, buildRenderer } from '../../scripts/build.ts';
import { hasDesktop, installedElectron } from '../../scripts/electron-binary.ts';

const executablePath = installedElectron();
const missing = executablePath
  ? hasDesktop()
    ? undefined
    : 'there is no display (set DISPLAY, or run under xvfb-run)'
  : 'no Electron binary is installed or named by ELECTRON_OVERRIDE_DIST_PATH';
if (missing) console.warn(`Skipped the test with a real Electron: ${missing}.`);

it.skipIf(missing)('Electron opens the studio in a sandboxed window and answers its page', async () => {
  await buildRenderer(() => {});
  await buildElectron(() => {});
  const home = mkdtempSync(join(tmpdir(), 'temperament-electron-'));
  const application = await _electron.launch({
    executablePath,
    args: [join(import.meta.dirname, '../..')],
    env: { ...(process.env as Record<string, string>), TEMPERAMENT_HOME: home },
  });
  try {
    const page = await application.firstWindow();
    const errors: string[] = [];
    page.on('pageerror', error => errors.push(error.message));
    page.on('console', message => {
      if (message.type() === 'error') errors.push(message.text());
    });
    expect(page.url()).toBe('temperament://studio/');
    // The sliders are there only once the studio has answered.
    await page.getByRole('slider').first().waitFor();
    expect(await page.getByRole('slider').count()).toBeGreaterThanOrEqual(5);
    expect(
      await page.evaluate(() => ['process', 'require', 'electron'].filter(name => name in globalThis)),
    ).toEqual([]);
    const preferences = await application.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as {
        getLastWebPreferences(): { sandbox: boolean; contextIsolation: boolean; nodeIntegration: boolean };
      };
      const { sandbox, contextIsolation, nodeIntegration } = contents.getLastWebPreferences();
      return { sandbox, contextIsolation, nodeIntegration };
    });
    expect(preferences).toEqual({ sandbox: true, contextIsolation: true, nodeIntegration: false });
    expect(errors).toEqual([]);
  } finally {
    await application.close();
    rmSync(home, { recursive: true, force: true });
  }
});
