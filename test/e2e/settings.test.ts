/** The settings: what they change is changed, and is still so after a reload. */
import { afterEach, expect, it } from 'vitest';
import { useStudio } from './helpers/running.ts';
import { PATIENCE, StudioPage } from './helpers/studio-page.ts';

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
  for (let i = 0; i < 7; i++) await dialog().getByRole('button', { name: 'Larger text' }).click();
  expect(await dialog().getByRole('button', { name: 'Larger text' }).isDisabled()).toBe(true);
  expect(await textHeight()).toBeCloseTo(usual * 2, 3);
  await page.page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'detached' });
  // Larger text makes the window narrow: views stand below each other, and nothing is pushed out at the side.
  expect(await sideways()).toBe(0);
  expect(await page.violations()).toEqual([]);
  await page.shoot('text-200');

  // Every time: whether the size or the first look at the layout comes first is a matter of chance.
  for (let i = 0; i < 5; i++) {
    await page.page.reload();
    await page.slider('Openness').waitFor();
    expect(await textHeight()).toBeCloseTo(usual * 2, 3);
    expect(await sideways()).toBe(0);
  }
  await page.button('Settings').click();
  expect(await dialog().getByRole('radio', { name: 'Dark' }).isChecked()).toBe(true);
  await dialog().getByRole('button', { name: 'Back to 100 %' }).click();
  expect(await textHeight()).toBe(usual);
});

it('tell the chosen colours where the system sets them all', async () => {
  await open({ forcedColors: 'active' });
  const outlines = await page.page.evaluate(
    `[...document.querySelectorAll('input[name="theme"]')].map(input => getComputedStyle(input.closest('label')).outlineStyle)`,
  );
  expect(outlines).toEqual(['solid', 'none', 'none']);
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

it('tell by the system when something long ends out of sight, once they are asked to', async () => {
  await open();
  const context = page.page.context();
  await context.grantPermissions(['notifications']);
  // The system's own notifications cannot be seen from here: what the page asks for is noted.
  await page.page.addInitScript(`
    window.told = [];
    window.Notification = class extends EventTarget {
      static permission = 'granted';
      static requestPermission = async () => 'granted';
      constructor(title, options) {
        super();
        window.told.push(title + ' | ' + options.body);
      }
    };
  `);
  await page.page.reload();
  await page.slider('Openness').waitFor();
  const told = () => page.page.evaluate('window.told') as Promise<string[]>;
  const hide = (hidden: boolean) =>
    page.page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true })`);
  const measure = async (button: string) => {
    const before = await page.runs.count();
    await page.button(button).click();
    await expect.poll(() => page.runs.count(), { timeout: PATIENCE }).toBeGreaterThan(before);
    await page.button('Measure again').waitFor({ timeout: PATIENCE });
  };
  await page.set('Extraversion', '1');
  await hide(true);
  await measure('Measure');
  expect(await told()).toEqual([]);

  await page.button('Settings').click();
  await dialog().getByLabel('Tell me when something long has ended').check();
  await page.page.keyboard.press('Escape');
  await page.set('Extraversion', '1.5');
  await measure('Measure again');
  await expect
    .poll(async () => (await told()).at(-1))
    .toMatch(/^Measurement: done \| demo: extraversion 1\.5/);
  const count = (await told()).length;
  await hide(false);
  await page.set('Extraversion', '0.5');
  await measure('Measure again');
  expect((await told()).length).toBe(count);

  await page.page.reload();
  await page.slider('Openness').waitFor();
  await page.button('Settings').click();
  expect(await dialog().getByLabel('Tell me when something long has ended').isChecked()).toBe(true);
});

it('keep the name that characters call the user by', async () => {
  await open();
  await page.button('Settings').click();
  const name = dialog().getByLabel('Your name');
  expect(await name.inputValue()).toBe('User');
  await name.fill('Ada');
  await name.press('Tab');
  await page.page.keyboard.press('Escape');
  await page.button('More for Persona').click();
  await page.button('Name and settings…').and(page.page.locator(':visible')).click();
  const pane = page.page.getByRole('dialog', { name: 'Settings of Persona' });
  await pane.getByLabel('Name of the character').fill('Mara');
  await pane.getByLabel('First message').fill('Ahoy, {{user}}! I am {{char}}.');
  await pane.getByRole('button', { name: 'Done' }).click();
  await page.page.getByText('Ahoy, Ada! I am Mara.').first().waitFor();

  await page.page.reload();
  await page.slider('Openness').waitFor();
  await page.button('Settings').click();
  await expect.poll(() => name.inputValue()).toBe('Ada');
  await name.fill('');
  await name.press('Tab');
  await expect.poll(() => name.inputValue()).toBe('User');
});
