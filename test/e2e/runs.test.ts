import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { useStudio } from './helpers/running.ts';
import { PATIENCE, StudioPage } from './helpers/studio-page.ts';

const running = useStudio();
let page: StudioPage;

beforeAll(async () => {
  page = await StudioPage.open(running.browser, running.studio.url);
});

it('lists what was done, newest first, with its outcome, and survives a reload', async () => {
  await page.page.getByText('Everything you do is kept here').waitFor();
  await page.set('Extraversion', '1.5');
  await page.set('Neuroticism', '0.5');
  await page.ask('Will you go to the party?');
  const { Persona } = await page.answers();
  await page.button('Measure').click();
  await page.button('Measure again').waitFor({ timeout: PATIENCE });
  expect(await page.runs.count()).toBe(4);
  expect(await page.runs.first().getAttribute('data-kind')).toBe('assess');
  await expect
    .poll(() => page.runs.first().innerText())
    .toMatch(/O \d\.\d · C \d\.\d · E \d\.\d · A \d\.\d · N \d\.\d/);

  await page.page.reload();
  await expect.poll(() => page.runs.count()).toBe(4);
  await expect
    .poll(() => page.page.getByRole('region', { name: 'Past runs' }).innerText())
    .toContain(Persona.slice(0, 20));
});

it('shows one kind alone', async () => {
  await page.page.getByLabel('Show', { exact: true }).selectOption('chat');
  await expect.poll(() => page.runs.count()).toBe(2);
  await page.page.getByLabel('Show', { exact: true }).selectOption('bake');
  await page.page.getByText('Nothing of this kind yet.').waitFor();
  await page.page.getByLabel('Show', { exact: true }).selectOption('all');
});

it('opens a run and restores its sliders, with a way back', async () => {
  await page.button('Reset all').click();
  await page.page.getByLabel('Seed', { exact: true }).fill('99');
  await page.page.getByLabel('Seed', { exact: true }).press('Enter');
  await page.runs.filter({ hasText: 'Measurement' }).first().getByRole('button').click();
  const dialog = page.page.getByRole('dialog');
  expect(await dialog.innerText()).toContain('Plain addition (task arithmetic)');
  expect(await dialog.getByRole('row', { name: /^Extraversion/ }).innerText()).toMatch(/\d\.\d\d ±\d\.\d\d/);
  await dialog.getByText('Files and versions').click();
  expect(await dialog.innerText()).toContain('base.gguf');
  await dialog.getByRole('button', { name: 'Restore sliders' }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(await page.value('Extraversion').inputValue()).toBe('+1.50');
  expect(await page.value('Neuroticism').inputValue()).toBe('+0.50');
  expect(await page.page.getByLabel('Seed', { exact: true }).inputValue()).toBe('7');

  const notice = page.page.getByRole('listitem').filter({ hasText: 'Sliders restored from the run.' });
  await notice.getByRole('button', { name: 'Undo' }).click();
  expect(await page.value('Extraversion').inputValue()).toBe('0.00');
  expect(await page.page.getByLabel('Seed', { exact: true }).inputValue()).toBe('99');
  expect(page.errors).toEqual([]);
});

it('keeps a run as a report and as a study file, which comes back and is done again', async () => {
  await page.runs.filter({ hasText: 'Measurement' }).first().getByRole('button').click();
  const dialog = page.page.getByRole('dialog');
  const saved = async (name: string) => {
    const [download] = await Promise.all([
      page.page.waitForEvent('download'),
      dialog.getByRole('button', { name, exact: true }).click(),
    ]);
    return { name: download.suggestedFilename(), path: await download.path() };
  };
  const report = await saved('Report');
  expect(report.name).toMatch(/^assess-[0-9a-f]{8}\.html$/);
  expect(readFileSync(report.path, 'utf8')).toContain('Demonstration only.');
  const study = await saved('Study file');
  expect(study.name).toMatch(/^study-[0-9a-f]{8}\.zip$/);
  await dialog.getByRole('button', { name: 'Do it again and compare' }).click();
  await dialog.waitFor({ state: 'detached' });
  await expect
    .poll(() => page.runs.filter({ hasText: 'Done again' }).first().innerText(), { timeout: PATIENCE })
    .toContain('The same within the tolerance');

  const count = await page.runs.count();
  await page.page.getByLabel('Open a study file').setInputFiles(study.path);
  await expect.poll(() => page.page.getByLabel('Open a study file').inputValue()).toBe('');
  // It was made here, so it is known.
  expect(await page.runs.count()).toBe(count);
  await page.page.getByLabel('Open a study file').setInputFiles(report.path);
  await page.page.getByText('is not a ZIP file').waitFor();
});
