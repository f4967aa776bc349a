import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

const running = useStudio();
const QUESTIONS = [
  'How was your day?',
  'Will you go to the party?',
  'Do you like new people?',
  'What will you do now?',
];
const page = usePage(
  running,
  {
    bypassCSP: true,
    reducedMotion: 'reduce',
  },
  { shared: true },
);
const shoot = (name: string) => page.shoot(`readouts-${name}`);
const TITLE = 'Count the words of answers and texts';
const dialog = () => page.page.getByRole('dialog', { name: TITLE });

it('counts the persona’s answers against the base’s, with what is expected of the trait that was moved', async () => {
  await page.set('Extraversion', '1.5');
  for (const question of QUESTIONS) {
    await page.ask(question);
    await page.answers();
  }
  await page.button(TITLE).click();
  const chosen = (label: string) =>
    dialog().getByLabel(label, { exact: true }).locator('option:checked').textContent();
  await dialog().getByLabel('Words of', { exact: true }).waitFor();
  expect(await chosen('Words of')).toBe('Persona');
  expect(await chosen('Compared with')).toBe('Base');
  expect(await chosen('Expectations for')).toBe('Extraversion');
  expect(await dialog().getByLabel('Lexicon').locator('option').allTextContents()).toEqual([
    'By the texts’ language',
    'The studio’s, English',
    'The studio’s, German',
  ]);
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
  const texts = details.getByRole('region', { name: 'The words in the texts' });
  await texts.getByRole('list', { name: 'Categories in this text' }).getByRole('button').first().hover();
  await expect.poll(() => texts.locator('mark').count()).toBeGreaterThan(0);
  await texts.scrollIntoViewIfNeeded();
  await shoot('notebook-lit');
  const saved = page.page.waitForEvent('download');
  await details.getByRole('button', { name: 'Report' }).click();
  expect((await saved).suggestedFilename()).toMatch(/^readout-.*\.html$/);
});

it('reads a conversation of before, and a persona’s whole log without a reference', async () => {
  await page.view('Studio').click();
  await page.button('New conversation').click();
  await page.button('Past conversations').click();
  await page.button(/^Count the words of “/).click();
  await dialog().getByLabel('Words of', { exact: true }).selectOption({ label: 'Persona (4 answers)' });
  await dialog().getByLabel('Compared with').selectOption('Nothing');
  await dialog().getByRole('button', { name: 'Count and keep' }).click();
  await dialog().getByRole('heading', { name: 'Persona', exact: true }).waitFor({ timeout: PATIENCE });
  await dialog().getByRole('region', { name: 'Shares of the words by category' }).waitFor();
  await shoot('log');
  await page.page.keyboard.press('Escape');
  await expect.poll(() => dialog().count()).toBe(0);
});

it('lights the words of a category in the answers of a turn, as long as it is pointed at or pressed', async () => {
  await page.button(/^Go on with “How was your day/).click();
  const turn = page.page.locator('[data-turn]').last();
  const category = turn.getByRole('button', { name: /^Light the words of/ }).first();
  const marks = turn.locator('mark');
  expect(await marks.count()).toBe(0);
  await category.hover();
  await expect.poll(() => marks.count()).toBeGreaterThan(0);
  const title = (await category.getAttribute('title')) ?? '';
  for (const word of await marks.allInnerTexts()) expect(title).toContain(word.toLowerCase());
  await shoot('lit');
  await page.question.hover();
  await expect.poll(() => marks.count()).toBe(0);
  await category.press('Enter');
  await page.question.focus();
  expect(await marks.count()).toBeGreaterThan(0);
  await category.press('Enter');
  await page.question.focus();
  await expect.poll(() => marks.count()).toBe(0);
});

it('reads a folder against a column of a table, and has their words lit in the notebook', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'readouts-'));
  try {
    const diary = join(folder, 'diary');
    mkdirSync(diary);
    const days = ['monday', 'tuesday', 'wednesday', 'thursday'];
    for (const [index, day] of days.entries())
      writeFileSync(
        join(diary, `${day}.txt`),
        `We laughed with ${'many '.repeat(index)}friends. A happy ${day}!`,
      );
    writeFileSync(join(diary, 'photo.jpg'), 'no text');
    const rows = days.map(
      (day, index) => `${index},"I worried about work, all ${day}${' long'.repeat(index)}."`,
    );
    const table = join(folder, 'letters.csv');
    writeFileSync(table, ['id,letter', ...rows].join('\n'));

    await page.view('Experiments').click();
    await page.page
      .getByRole('region', { name: 'Word readout' })
      .getByRole('button', { name: 'Count words' })
      .click();
    await dialog().getByLabel('Choose a folder').setInputFiles(diary);
    await dialog().getByLabel('Choose files').setInputFiles(table);
    await dialog().getByText('4 texts, ').nth(1).waitFor();
    expect(await dialog().getByLabel('Column').inputValue()).toBe('letter');
    expect(
      await dialog().getByLabel('Words of', { exact: true }).locator('option:checked').textContent(),
    ).toBe('diary');
    expect(await dialog().getByLabel('Compared with').locator('option:checked').textContent()).toBe(
      'letters.csv: letter',
    );
    expect(await page.violations()).toEqual([]);
    await shoot('files-form');
    await dialog().getByRole('button', { name: 'Count and keep' }).click();
    await dialog()
      .getByRole('heading', { name: 'diary, against letters.csv' })
      .waitFor({ timeout: PATIENCE });
    const figures = dialog().getByRole('region', { name: /^Figures and their differences/ });
    await figures.waitFor({ timeout: PATIENCE });
    expect(await figures.getByRole('columnheader').allInnerTexts()).toEqual([
      ...['Figure', 'Texts', 'Reference', 'Difference', '95% CI', 'g', '95% CI', 'Corrected p'],
    ]);
    const texts = dialog().getByRole('region', { name: 'The words in the texts' });
    await texts.getByRole('button', { name: /^positive emotion/ }).click();
    const shown = texts.getByRole('region', { name: 'monday.txt' });
    await expect.poll(() => shown.locator('mark').allInnerTexts()).toContain('happy');
    expect(await shown.innerText()).toBe('We laughed with friends. A happy monday!');
    await texts.scrollIntoViewIfNeeded();
    expect(await page.violations()).toEqual([]);
    await shoot('files-found');
    await texts.getByLabel('Which texts').selectOption('Reference');
    await texts.getByRole('button', { name: 'The next one' }).click();
    await texts
      .getByRole('region', { name: 'row 2' })
      .getByText('I worried about work, all tuesday long.')
      .waitFor();
    await page.page.keyboard.press('Escape');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('takes texts that are dropped on the window, and says what is wrong with a file', async () => {
  const dropped = await page.page.evaluateHandle(`{
    const transfer = new DataTransfer();
    transfer.items.add(new File(['Perhaps I should not go.'], 'letter.txt'));
    transfer.items.add(new File([new Uint8Array([1, 0, 2])], 'broken.csv'));
    transfer;
  }`);
  await page.page.dispatchEvent('main', 'drop', { dataTransfer: dropped });
  await dialog().getByRole('listitem').getByText('letter.txt', { exact: true }).waitFor();
  await dialog().getByText('broken.csv is not a text file.').waitFor();
  await shoot('files-broken');
  await dialog().getByLabel('Words of', { exact: true }).selectOption('letter.txt');
  await dialog().getByLabel('Compared with').selectOption('Nothing');
  await dialog().getByRole('button', { name: 'Count and keep' }).click();
  await dialog().getByRole('heading', { name: 'letter.txt', exact: true }).waitFor({ timeout: PATIENCE });
  await page.page.keyboard.press('Escape');
});

it('reads texts on the studio’s machine by their path, more than a page could send', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'readouts-'));
  try {
    const essays = join(folder, 'essays');
    mkdirSync(essays);
    for (const name of ['one', 'two', 'three'])
      writeFileSync(join(essays, `${name}.txt`), 'We were happy with our friends. '.repeat(160_000));
    const table = join(folder, 'letters.csv');
    writeFileSync(table, 'id,letter\n1,"I worried about work."\n2,"I was afraid, and alone."\n');
    await page.view('Experiments').click();
    await page.page
      .getByRole('region', { name: 'Word readout' })
      .getByRole('button', { name: 'Count words' })
      .click();
    const path = dialog().getByLabel('Path of a file or folder');
    const add = dialog().getByRole('button', { name: 'Add', exact: true });
    await dialog().getByText('Texts on the studio’s machine, by their path').click();
    await path.fill('essays');
    await add.click();
    await dialog().getByText('Give the whole path').waitFor();
    await path.fill(essays);
    await add.click();
    await path.fill(table);
    await add.click();
    await dialog().getByRole('button', { name: 'Count and keep' }).click();
    await dialog().getByText('Its columns: id, letter.').waitFor({ timeout: PATIENCE });
    await dialog().getByLabel('Column').fill('letter');
    expect(await page.violations()).toEqual([]);
    await shoot('path');
    await dialog().getByRole('button', { name: 'Count and keep' }).click();
    await dialog()
      .getByRole('heading', { name: 'essays, against letters.csv' })
      .waitFor({ timeout: 3 * PATIENCE });
    await dialog()
      .getByRole('region', { name: /^Figures and their differences/ })
      .waitFor({ timeout: PATIENCE });
    await page.page.keyboard.press('Escape');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
