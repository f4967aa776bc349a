import { afterEach, expect, it } from 'vitest';
import { useStudio } from './helpers/running.ts';
import { PATIENCE, StudioPage } from './helpers/studio-page.ts';

const running = useStudio();
let page: StudioPage;

afterEach(() => page.close());

const german = { locale: 'de-DE', bypassCSP: true, reducedMotion: 'reduce' } as const;
const VIEWS = ['Personas', 'Experimente', 'Laborbuch', 'Bibliothek', 'Studio'];

it('speaks German to a browser that does, with a comma in its numbers, and asks and measures', async () => {
  page = await StudioPage.open(running.browser, running.studio.url, german);
  const { page: view } = page;
  expect(await view.evaluate('document.documentElement.lang')).toBe('de');
  const strength = view.getByRole('textbox', { name: 'Extraversion: Stärke' });
  await strength.fill('1,5');
  await strength.press('Enter');
  expect(await strength.inputValue()).toBe('+1,50');
  expect(await view.getByRole('textbox', { name: 'Temperatur' }).inputValue()).toBe('0,6');
  await view.getByRole('textbox', { name: 'Ihre Frage an beide' }).fill('Will you go to the party?');
  await view.keyboard.press('Enter');
  const answer = view.getByRole('region', { name: 'Antwort von Persona' }).last();
  await expect.poll(() => answer.getAttribute('data-state'), { timeout: PATIENCE }).toBe('done');
  await page.button('Messen').click();
  await page.button('Neu messen').waitFor({ timeout: PATIENCE });
  const row = view.getByRole('row', { name: /^Extraversion/ }).getByRole('cell');
  expect(await row.last().innerText()).toMatch(/^\+\d,\d\d$/);
  expect(page.errors).toEqual([]);
});

it('fits German words into every view, in reach of everybody', async () => {
  page = await StudioPage.open(running.browser, running.studio.url, german);
  for (const name of VIEWS) {
    await page.page
      .getByRole('navigation', { name: 'Ansichten' })
      .getByRole('link', { name, exact: true })
      .click();
    if (name !== 'Studio') await page.page.getByRole('region', { name }).first().waitFor();
    expect(await page.violations()).toEqual([]);
    await page.shoot(`german-${name.toLowerCase()}`);
    const wide = await page.page.evaluate('document.documentElement.scrollWidth - innerWidth');
    expect(wide, name).toBeLessThanOrEqual(0);
  }
});

it('sets tables in German, and in English for a journal', async () => {
  page = await StudioPage.open(running.browser, running.studio.url, {
    ...german,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const { page: view } = page;
  await view.getByRole('link', { name: 'Experimente', exact: true }).click();
  await view.getByRole('link', { name: /^Messung/ }).click();
  const plan = view.getByRole('region', { name: 'Messung', exact: true });
  await plan.getByLabel('Fragebogen').selectOption({ label: 'IPIP-NEO-120 (en)' });
  await plan.getByRole('button', { name: 'Starten', exact: true }).click();
  const result = view.getByRole('region', { name: 'Ergebnis', exact: true });
  await result.getByText('Tabelle 1.').waitFor({ timeout: PATIENCE });
  const table = result.getByRole('table').last();
  const copies = async (words: RegExp) => {
    await result.getByRole('button', { name: 'Tabelle 1 kopieren' }).click();
    await expect.poll(() => view.evaluate('navigator.clipboard.readText()')).toMatch(words);
  };
  expect((await table.getByRole('row').nth(1).innerText()).split(/\s+/)).toEqual([
    'Offenheit',
    '24',
    expect.stringMatching(/^\d,\d\d$/),
    expect.stringMatching(/^\d,\d\d$/),
  ]);
  expect(await table.getByRole('row').nth(2).innerText()).toMatch(/^Fantasie/);
  await copies(/^Tabelle 1\nWerte im IPIP-NEO-120/);
  expect(await page.violations()).toEqual([]);
  await page.shoot('german-tables');

  const choice = result.getByLabel('Sprache der Tabellen');
  await choice.selectOption('Englisch (APA)');
  await result.getByText('Table 1.').waitFor();
  expect(await table.getByRole('row').nth(1).innerText()).toMatch(/^Openness\s+24\s+\d\.\d\d/);
  await copies(/^Table 1\nScores on the IPIP-NEO-120/);
  await view.reload();
  await result.getByText('Table 1.').waitFor({ timeout: PATIENCE });
  expect(await choice.inputValue()).toBe('en');
});

it('takes the language from the settings, and keeps it', async () => {
  page = await StudioPage.open(running.browser, running.studio.url, {
    bypassCSP: true,
    reducedMotion: 'reduce',
  });
  const { page: view } = page;
  await view.keyboard.press('Control+,');
  await view.getByLabel('Language').selectOption('Deutsch');
  await view.getByRole('navigation', { name: 'Ansichten' }).waitFor();
  await view.reload();
  await view.getByRole('navigation', { name: 'Ansichten' }).waitFor();
  await view.keyboard.press('Control+,');
  await view.getByRole('dialog').waitFor();
  expect(await page.violations()).toEqual([]);
  await page.shoot('german-settings');
  await view.getByLabel('Sprache').selectOption('English');
  await view.getByRole('navigation', { name: 'Views' }).waitFor();
});
