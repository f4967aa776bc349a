/** What a page in the desktop's window does beyond one in a browser: its menu, and files that the system opens with it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rendererFolder, resourcesFolder } from '../../electron/host.ts';
import type { DesktopMenu } from '../../electron/studio/contract.ts';
import { Desktop } from '../../electron/studio/desktop/desktop.ts';
import { createStudio } from '../../electron/studio/studio.ts';
import { startWebServer } from '../../electron/web/server.ts';
import { forkWorker } from '../../electron/workers/fork.ts';
import { launchBrowser, StudioPage } from './helpers/studio-page.ts';

const home = mkdtempSync(join(tmpdir(), 'temperament-desktop-'));
const desktop = new Desktop();
const menus: DesktopMenu[] = [];
desktop.onMenu = menu => menus.push(menu);
let page: StudioPage;
let path: string;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const server = await startWebServer({ port: 0, renderer: rendererFolder });
  closing.push(() => server.close());
  const studio = await createStudio({
    ...{ home, resources: resourcesFolder, host: 'browser', spawnWorker: forkWorker, desktop },
  });
  closing.push(() => studio.close());
  server.connect(studio.router, studio.receive);

  // A persona as a colleague may have sent it.
  const { personas } = createRouterClient(studio.router);
  const recipe = { version: 2 as const, base: 'demo', weights: { extraversion: 0.75 } };
  const { id } = await personas.save({ name: 'Mara', persona: { recipe } });
  const { file } = await personas.export({ id, format: 'persona' });
  await personas.delete({ id });
  path = join(home, 'Mara.persona');
  writeFileSync(path, Buffer.from(await file.arrayBuffer()));

  const browser = await launchBrowser();
  closing.push(() => browser.close());
  page = await StudioPage.open(browser, server.url, {
    bypassCSP: true,
    reducedMotion: 'reduce',
    // What the preload script gives to the page.
    prepare: context => context.addInitScript('window.temperament = { pathOf: () => "" }'),
  });
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
  rmSync(home, { recursive: true, force: true });
});

const said = (menu: DesktopMenu | undefined) => menu?.view.map(({ label }) => label);
const recent = () => menus.at(-1)?.recent.flat() ?? [];

it('does what is chosen in the menu', async () => {
  await expect.poll(() => said(menus.at(-1))).toContain('Notebook');
  desktop.send({ type: 'go', view: 'notebook' });
  await page.page.getByRole('region', { name: 'Notebook' }).waitFor();
  const size = () => page.page.evaluate('document.documentElement.style.fontSize');
  desktop.send({ type: 'textSize', by: 1 });
  await expect.poll(size).toBe('110%');
  await page.page.keyboard.press('Control++');
  await expect.poll(size).toBe('120%');
  desktop.send({ type: 'textSize', by: 0 });
  await expect.poll(size).toBe('');
  desktop.send({ type: 'settings' });
  await page.page.getByRole('dialog', { name: 'Settings' }).waitFor();
  await page.page.keyboard.press('Escape');
  desktop.send({ type: 'help' });
  await page.page.getByRole('dialog', { name: 'How Temperament works' }).waitFor();
  await page.page.keyboard.press('Escape');
  expect(page.errors).toEqual([]);
});

it('opens a persona that was double-clicked, and has it among what was used last', async () => {
  desktop.open(path);
  const card = page.page.getByRole('listitem', { name: 'Mara', exact: true });
  await card.waitFor();
  expect(recent()).toEqual([]);
  await card.getByRole('button', { name: 'Open Mara' }).click();
  expect(await page.value('Extraversion').inputValue()).toBe('+0.75');
  await expect.poll(() => recent().map(({ label }) => label)).toEqual(['Mara']);

  await page.set('Extraversion', '0');
  desktop.send({ type: 'go', view: 'library' });
  await page.page.getByRole('region', { name: 'Library' }).waitFor();
  const [mara] = recent();
  if (mara) desktop.send(mara.command);
  await expect.poll(() => page.value('Extraversion').inputValue()).toBe('+0.75');
  expect(page.errors).toEqual([]);
});
