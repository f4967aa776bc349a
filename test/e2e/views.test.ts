import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { rendererFolder } from '../../electron/host.ts';
import { holdAtFirstWord } from './helpers/hold.ts';
import { usePage, useStudio } from './helpers/running.ts';

const running = useStudio();
const page = usePage(running);

const region = (name: string) => page.page.getByRole('region', { name, exact: true });
const current = () =>
  page.page.getByRole('navigation', { name: 'Views' }).locator('[aria-current="page"]').innerText();

it('are reached by the rail, by keys and by the address, which reload and back follow', async () => {
  expect((await current()).trim()).toBe('Studio');
  await page.view('Library').click();
  await region('Library').waitFor();
  expect(await page.slider('Openness').isVisible()).toBe(false);
  expect(await page.page.title()).toBe('Library – Temperament');

  await page.page.reload();
  await region('Library').waitFor();
  await page.page.keyboard.press('Control+2');
  await region('Personas').waitFor();
  expect((await current()).trim()).toBe('Personas');
  await page.page.goBack();
  await region('Library').waitFor();
  await page.page.keyboard.press('Control+1');
  await page.slider('Openness').waitFor();

  // A key works from a field too, and what was in focus is not left behind.
  await page.question.focus();
  await page.page.keyboard.press('Control+2');
  await region('Personas').waitFor();
  await expect
    .poll(() => page.page.evaluate('document.activeElement === document.querySelector("main")'))
    .toBe(true);
});

it('leave the studio as it was: sliders, what is being typed, and answers that go on', async () => {
  await page.set('Extraversion', '1.5');
  const hold = await holdAtFirstWord(page, running.studio);
  await page.ask('Will you go to the party?');
  await hold.held;
  await page.question.fill('And then');
  await page.view('Personas').click();
  await region('Personas').waitFor();
  hold();
  await page.view('Library').click();
  await region('Library').waitFor();
  await page.view('Studio').click();
  const answers = await page.answers();
  expect(answers.Base).not.toBe('');
  expect(answers.Persona).not.toBe('');
  expect(await page.value('Extraversion').inputValue()).toBe('+1.50');
  expect(await page.question.inputValue()).toBe('And then');
});

it('are a page that loads at once: no more than 600 kB on the way', () => {
  const assets = join(rendererFolder, 'assets');
  const sizes = readdirSync(assets).map(name => gzipSync(readFileSync(join(assets, name))).length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(600_000);
});

it('have a sheet of keys, which a question mark opens but for where one writes', async () => {
  await page.question.fill('');
  await page.question.press('?');
  expect(await page.question.inputValue()).toBe('?');
  await page.slider('Openness').focus();
  await page.page.keyboard.press('?');
  const sheet = page.page.getByRole('dialog', { name: 'How Temperament works' });
  await sheet.waitFor();
  expect(await sheet.locator('kbd').allInnerTexts()).toContain('Ctrl+Z');
  await page.page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });

  // What the sheet says of undoing is so beside a choice too, which is no text to write in.
  await page.set('Openness', '1');
  await page.page.getByRole('radio', { name: 'Light' }).focus();
  await page.page.keyboard.press('Control+z');
  expect(await page.value('Openness').inputValue()).toBe('0.00');
});
