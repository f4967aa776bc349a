import { afterEach, describe, expect, it } from 'vitest';
import { useStudio } from './helpers/running.ts';
import { PATIENCE, StudioPage } from './helpers/studio-page.ts';

const running = useStudio();
let page: StudioPage;

afterEach(() => page.close());

const background = () => page.page.evaluate('getComputedStyle(document.body).backgroundColor');

describe.each(['light', 'dark'] as const)('in the %s theme', theme => {
  it('has nothing that axe objects to: empty, in use, in every view and dialog', async () => {
    page = await StudioPage.open(running.browser, running.studio.url, {
      colorScheme: theme,
      bypassCSP: true,
      // A colour on its way to another is not what is judged.
      reducedMotion: 'reduce',
    });
    expect(await page.violations()).toEqual([]);

    await page.set('Extraversion', '1.5');
    await page.set('Neuroticism', '1.8');
    await page.page.getByText('Advanced: save as a file').click();
    await page.page.getByLabel('Method', { exact: true }).selectOption('della');
    await page.ask('Will you go to the party?');
    await page.answers();
    await page.button('Measure').click();
    await page.button('Measure again').waitFor({ timeout: PATIENCE });
    await page.set('Neuroticism', '1.7');
    await page.done('Persona');
    expect(await page.violations()).toEqual([]);

    await page.button('Help').click();
    await page.page.getByRole('dialog').waitFor();
    expect(await page.violations()).toEqual([]);
    await page.page.keyboard.press('Escape');
    await page.page.getByRole('dialog').waitFor({ state: 'detached' });
    for (const name of ['Personas', 'Library']) {
      await page.view(name).click();
      await page.page.getByRole('region', { name }).waitFor();
      expect(await page.violations()).toEqual([]);
    }
    await page.view('Studio').click();
    for (const kind of ['Measurement', 'Answer']) {
      await page.runs.filter({ hasText: kind }).first().getByRole('button').click();
      await page.page.getByRole('dialog').waitFor();
      expect(await page.violations()).toEqual([]);
      await page.page.keyboard.press('Escape');
      await page.page.getByRole('dialog').waitFor({ state: 'detached' });
    }
  });
});

it.each(['light', 'dark'] as const)(
  'draws stronger lines where the system asks for contrast, in the %s theme',
  async theme => {
    page = await StudioPage.open(running.browser, running.studio.url, {
      colorScheme: theme,
      bypassCSP: true,
      reducedMotion: 'reduce',
    });
    const edge = () =>
      page.page.evaluate("getComputedStyle(document.querySelector('textarea')).borderTopColor");
    const usual = await edge();
    await page.page.emulateMedia({ contrast: 'more' });
    expect(await edge()).not.toBe(usual);
    await page.set('Neuroticism', '1.8');
    expect(await page.violations()).toEqual([]);
  },
);

it('follows the system, or the choice, and remembers it', async () => {
  page = await StudioPage.open(running.browser, running.studio.url, { colorScheme: 'light' });
  const light = await background();
  await page.page.emulateMedia({ colorScheme: 'dark' });
  const dark = await background();
  expect(dark).not.toBe(light);
  await page.page.getByRole('radio', { name: 'Light' }).check({ force: true });
  expect(await background()).toBe(light);
  await page.page.reload();
  await page.slider('Openness').waitFor();
  expect(await background()).toBe(light);
});

it('says plainly that the demonstration model is one', async () => {
  page = await StudioPage.open(running.browser, running.studio.url);
  const banner = await page.page.getByRole('banner').innerText();
  expect(banner).toMatch(/Demonstration model\. .*no evidence about people or large models/s);
});

it('can be read in a narrow window without scrolling sideways', async () => {
  page = await StudioPage.open(running.browser, running.studio.url, {
    viewport: { width: 360, height: 740 },
  });
  expect(await page.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
});

it('has a first question and its answers by keyboard alone', async () => {
  page = await StudioPage.open(running.browser, running.studio.url);
  const { keyboard } = page.page;
  const focused = () =>
    page.page.evaluate('document.activeElement.getAttribute("aria-label") ?? document.activeElement.id');
  const tabTo = async (done: (name: string) => boolean) => {
    for (let i = 0; i < 60; i++) {
      await keyboard.press('Tab');
      if (done(String(await focused()))) return;
    }
    throw new Error('It cannot be reached with the Tab key.');
  };
  await tabTo(name => name === 'Extraversion: strength');
  await tabTo(name => name.endsWith('-range'));
  await keyboard.press('Shift+ArrowRight');
  await tabTo(name => name === 'Your question to both');
  await keyboard.type('Hello!');
  await keyboard.press('Enter');
  const answers = await page.answers();
  expect(answers.Persona).not.toBe('');
  expect(await page.slider('Extraversion').inputValue()).toBe('0.5');
  expect(await page.page.getByRole('meter').getAttribute('aria-valuetext')).toBe('0.50 of 2.00');
});
