/** The settings: what they change is changed, and is still so after a reload. */
import { afterEach, expect, it } from 'vitest';
import { useStudio } from './helpers/running.ts';
import { StudioPage } from './helpers/studio-page.ts';

const running = useStudio();
let page: StudioPage;

afterEach(async () => {
  expect(page.errors).toEqual([]);
  await page.close();
});

const open = async (options = {}) => {
  page = await StudioPage.open(running.browser, running.studio.url, {
    bypassCSP: true,
    reducedMotion: 'reduce',
    ...options,
  });
};
const dialog = () => page.page.getByRole('dialog', { name: 'Settings' });
const textHeight = () =>
  page.page.evaluate('Number.parseFloat(getComputedStyle(document.querySelector("h1")).fontSize)');
const background = () => page.page.evaluate('getComputedStyle(document.body).backgroundColor');
const sideways = () => page.page.evaluate('document.documentElement.scrollWidth - innerWidth');

it('open by key and from the rail; colours and text size hold after a reload', async () => {
  await open({ colorScheme: 'light' });
  const [usual, light] = [(await textHeight()) as number, await background()];
  await page.page.keyboard.press('Control+,');
  await dialog().getByRole('radio', { name: 'Dark' }).check();
  expect(await background()).not.toBe(light);
  for (let i = 0; i < 5; i++) await dialog().getByRole('button', { name: 'Larger text' }).click();
  expect(await dialog().getByRole('button', { name: 'Larger text' }).isDisabled()).toBe(true);
  expect(await textHeight()).toBeCloseTo(usual * 1.5, 3);
  await page.page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'detached' });
  // Larger text makes the window narrow: views stand below each other, and nothing is pushed out at the side.
  expect(await sideways()).toBe(0);
  expect(await page.violations()).toEqual([]);
  await page.shoot('text-150');

  await page.page.reload();
  await page.slider('Openness').waitFor();
  expect(await textHeight()).toBeCloseTo(usual * 1.5, 3);
  await page.button('Settings').click();
  expect(await dialog().getByRole('radio', { name: 'Dark' }).isChecked()).toBe(true);
  await dialog().getByRole('button', { name: 'Back to 100 %' }).click();
  expect(await textHeight()).toBe(usual);
});

it('say where the data lies, and keep the device for the studio', async () => {
  await open();
  await page.button('Settings').click();
  await dialog().getByText(running.studio.home, { exact: true }).waitFor();
  expect(
    await dialog()
      .getByText(/are free on its disk/)
      .innerText(),
  ).toMatch(/^[\d.]+ [kMGT]?B of [\d.]+ [kMGT]?B/);
  await dialog().getByText('Nothing leaves this machine.').waitFor();
  expect(await page.violations()).toEqual([]);
  await page.shoot('settings');
  await dialog().getByLabel('Computes on').selectOption('Processor alone');
  await dialog().getByText('Models run on: CPU.').waitFor();

  await page.page.reload();
  await page.slider('Openness').waitFor();
  await page.button('Settings').click();
  await expect.poll(() => dialog().getByLabel('Computes on').inputValue()).toBe('cpu');
});
