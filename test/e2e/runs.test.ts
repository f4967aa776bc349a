import { expect, it } from 'vitest';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

const running = useStudio();
const page = usePage(
  running,
  {
    permissions: ['clipboard-read', 'clipboard-write'],
  },
  { shared: true },
);

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

it('opens a run and restores its sliders, with a way back', async () => {
  await page.button('Reset all').click();
  await page.page.getByLabel('Seed', { exact: true }).fill('99');
  await page.page.getByLabel('Seed', { exact: true }).press('Enter');
  await page.runs.filter({ hasText: 'Measurement' }).first().getByRole('button').click();
  const dialog = page.page.getByRole('dialog');
  expect(await dialog.innerText()).toContain('Plain addition (task arithmetic)');
  // With what speaks for and against the scores, as Experiments tells it.
  await dialog.getByText(/^Scores were M = /).waitFor();
  expect(await dialog.getByRole('row', { name: /^Extraversion/ }).innerText()).toMatch(/\d\.\d\d\s+\d\.\d\d/);
  await dialog.getByRole('button', { name: 'About this result' }).click();
  const about = page.page.getByRole('dialog', { name: 'About this result' });
  const fact = (name: string) => about.locator(`dt:text-is("${name}") + dd`);
  expect(await fact('Model').innerText()).toMatch(/base\.gguf .*SHA-256 [0-9a-f]{64}$/s);
  expect(await fact('Vector').count()).toBe(2);
  expect(await fact('Inventory').innerText()).toContain('50 items');
  expect(await fact('How ratings are read').innerText()).toBe('probability');
  await about.getByRole('button', { name: 'Copy' }).click();
  await about.getByText('Copied.').waitFor();
  const copied = (await page.page.evaluate('navigator.clipboard.readText()')) as string;
  expect(copied).toMatch(/^Model: .*base\.gguf.* \(SHA-256 [0-9a-f]{64}\)$/m);
  expect(copied).toMatch(/^Inventory: .*50 items/m);
  await page.page.keyboard.press('Escape');
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

it('leads to the run in the notebook', async () => {
  await page.runs.filter({ hasText: 'Measurement' }).first().getByRole('button').click();
  await page.page.getByRole('dialog').getByRole('button', { name: 'Open in the notebook' }).click();
  await page.page.getByRole('region', { name: /^Measurement: demo: extraversion 1\.5/ }).waitFor();
  await page.view('Studio').click();
  await page.page.getByRole('link', { name: 'All 4 in the notebook' }).click();
  await page.page.getByRole('grid', { name: 'Runs' }).waitFor();
  expect(page.errors).toEqual([]);
});
