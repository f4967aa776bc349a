import { afterAll, beforeAll, expect, it } from 'vitest';
import { useStudio } from './helpers/running.ts';
import { PATIENCE, StudioPage } from './helpers/studio-page.ts';

const running = useStudio();
const QUESTIONS = [
  'How was your day?',
  'Will you go to the party?',
  'Do you like new people?',
  'What will you do now?',
];
let page: StudioPage;
const shoot = (name: string) => page.shoot(`readouts-${name}`);
const TITLE = 'Count the words of whole answers';
const dialog = () => page.page.getByRole('dialog', { name: TITLE });

beforeAll(async () => {
  page = await StudioPage.open(running.browser, running.studio.url, {
    bypassCSP: true,
    reducedMotion: 'reduce',
  });
});
afterAll(async () => {
  expect(page.errors).toEqual([]);
  await page.close();
});

it('counts the persona’s answers against the base’s, with what is expected of the trait that was moved', async () => {
  expect(await page.button(TITLE).isDisabled()).toBe(true);
  await page.set('Extraversion', '1.5');
  for (const question of QUESTIONS) {
    await page.ask(question);
    await page.answers();
  }
  await page.button(TITLE).click();
  const chosen = (label: string) => dialog().getByLabel(label).locator('option:checked').textContent();
  await dialog().getByLabel('Answers of').waitFor();
  expect(await chosen('Answers of')).toBe('Persona');
  expect(await chosen('Compared with')).toBe('Base');
  expect(await chosen('Expectations for')).toBe('Extraversion');
  expect(await page.violations()).toEqual([]);
  await shoot('form');

  await dialog().getByRole('button', { name: 'Count and keep' }).click();
  const heading = dialog().getByRole('heading', { name: 'Persona, against Base in “How was your day?”' });
  await heading.waitFor({ timeout: PATIENCE });
  const expected = dialog().getByRole('region', { name: /^What the literature expects/ });
  const social = expected.getByRole('row', { name: /^Social/ });
  await social.waitFor({ timeout: PATIENCE });
  expect(await social.getByRole('cell').first().innerText()).toBe('more');
  const trend = dialog().getByRole('region', { name: 'Persona: Figures by turn' });
  expect(await trend.getByRole('row').count()).toBe(QUESTIONS.length + 3);
  expect(await dialog().getByRole('region', { name: 'The words behind the figures' }).count()).toBe(1);
  expect(await dialog().locator('figure canvas').count()).toBeGreaterThan(1);
  expect(await page.violations()).toEqual([]);
  await shoot('found');
  await expected.scrollIntoViewIfNeeded();
  await shoot('expected');
  await trend.scrollIntoViewIfNeeded();
  await shoot('trend');
});

it('has the readout in the notebook, to be reported and done again', async () => {
  await dialog().getByRole('button', { name: 'Open in the notebook' }).click();
  const details = page.page.getByRole('region', { name: /^Word readout: Persona, against Base/ });
  await details.getByRole('region', { name: /^What the literature expects/ }).waitFor({ timeout: PATIENCE });
  expect(await dialog().count()).toBe(0);
  expect(await page.violations()).toEqual([]);
  await shoot('notebook');
  const saved = page.page.waitForEvent('download');
  await details.getByRole('button', { name: 'Report' }).click();
  expect((await saved).suggestedFilename()).toMatch(/^readout-.*\.html$/);
});

it('reads a conversation of before, and a persona’s whole log without a reference', async () => {
  await page.view('Studio').click();
  await page.button('New conversation').click();
  await page.button('Past conversations').click();
  await page.button(/^Count the words of “/).click();
  await dialog().getByLabel('Answers of').selectOption({ label: 'Persona (4 answers)' });
  await dialog().getByLabel('Compared with').selectOption('Nothing');
  await dialog().getByRole('button', { name: 'Count and keep' }).click();
  await dialog().getByRole('heading', { name: 'Persona', exact: true }).waitFor({ timeout: PATIENCE });
  await dialog().getByRole('region', { name: 'Shares of the words by category' }).waitFor();
  await shoot('log');
  await page.page.keyboard.press('Escape');
  await expect.poll(() => dialog().count()).toBe(0);
});
