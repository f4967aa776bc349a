/** A study that one lab hands to another: exported there, imported on a fresh data folder here, and done again alike. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningStudio, startStudio } from './helpers/studio.ts';
import { launchBrowser, PATIENCE, StudioPage } from './helpers/studio-page.ts';

let browser: Browser;
const studios: RunningStudio[] = [];
const pages: StudioPage[] = [];

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(async () => {
  for (const page of pages) await page.close();
  await browser?.close();
  for (const studio of studios) await studio.close();
});

/** A studio on a data folder that has never been used, and its page. */
async function fresh(): Promise<StudioPage> {
  const studio = await startStudio();
  studios.push(studio);
  const page = await StudioPage.open(browser, studio.url, { bypassCSP: true, reducedMotion: 'reduce' });
  pages.push(page);
  return page;
}

const rows = ({ page }: StudioPage) => page.getByRole('grid', { name: 'Runs' }).locator('tr[data-kind]');
const region = ({ page }: StudioPage, name: RegExp) => page.getByRole('region', { name });

/** Scores with their deviations, by trait, of the measurement that is open. */
const scores = (page: StudioPage) =>
  region(page, /^Measurement: /)
    .getByRole('table')
    .first()
    .locator('tbody')
    .getByRole('row')
    .allInnerTexts();

it('an exported study is imported elsewhere and gives equal numbers there', async () => {
  const here = await fresh();
  await here.set('Extraversion', '1.5');
  await here.set('Agreeableness', '-0.5');
  await here.button('Measure').click();
  await here.button('Measure again').waitFor({ timeout: PATIENCE });
  await here.view('Notebook').click();
  await rows(here).filter({ hasText: 'extraversion 1.5' }).first().click();
  await expect.poll(async () => (await scores(here)).length).toBe(5);
  const before = await scores(here);
  const [download] = await Promise.all([
    here.page.waitForEvent('download'),
    region(here, /^Measurement: /)
      .getByRole('button', { name: 'Study file' })
      .click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^study-[0-9a-f]{8}\.zip$/);

  const there = await fresh();
  expect(studios[1]?.home).not.toBe(studios[0]?.home);
  await there.view('Notebook').click();
  await there.page.getByText('Nothing done yet').waitFor();
  await there.page.getByLabel('Open a study file').setInputFiles(await download.path());
  const imported = rows(there).filter({ hasText: 'extraversion 1.5' });
  await expect.poll(() => imported.count()).toBe(1);
  await imported.click();
  await expect.poll(() => scores(there)).toEqual(before);

  await region(there, /^Measurement: /)
    .getByRole('button', { name: 'Do it again and compare' })
    .click();
  const verdict = there.page.getByRole('listitem').filter({ hasText: 'Done again. ' });
  await verdict.waitFor({ timeout: PATIENCE });
  await verdict.getByRole('button', { name: 'Look' }).click();
  const again = region(there, /^Done again: /);
  await again.getByText(/^The same within/).waitFor();
  const [values, same, beyond] = await again
    .getByRole('row', { name: /extraversion 1\.5/ })
    .getByRole('cell')
    .allInnerTexts();
  expect(Number(values)).toBeGreaterThan(50);
  expect(same).toBe(values);
  expect(beyond?.trim()).toBe('0');
  expect(await there.violations()).toEqual([]);
  expect([...here.errors, ...there.errors]).toEqual([]);
});
