/**
 * The main views look as they did: compared with the pictures in pictures/, light at 1280 × 800 and dark at 1920 × 1080.
 * A view that is meant to look otherwise: RENEW_PICTURES=1 npm test -- e2e -- appearance, and look at what changed.
 * That takes the README's picture anew too.
 */
import type { Locator } from 'playwright-core';
import { expect, it } from 'vitest';
import { differences, prepare, renewing } from './helpers/picture.ts';
import { useStudio } from './helpers/running.ts';
import { PATIENCE, StudioPage } from './helpers/studio-page.ts';

const running = useStudio();

/** In the place of what the model says, which differs from one kind of processor to another. */
const ANSWERS = [
  'Parties are not for me. I would rather stay at home with a good book and a cup of tea.',
  'Yes, I will go! I love to be with all of my friends, and we will dance until the morning comes.',
];

const say = (where: Locator, text: string) =>
  where.evaluate((element, said) => {
    element.textContent = said;
  }, text);

it('the main views look as they did', async () => {
  const page = await StudioPage.open(running.browser, running.studio.url, {
    prepare,
    bypassCSP: true,
    locale: 'en-GB',
    reducedMotion: 'reduce',
  });
  const { page: shown } = page;
  const found: string[] = [];
  const compare = async (name: string) => {
    // The pointer would light what lies under it.
    await shown.mouse.move(0, 0);
    found.push(...(await differences(shown, name)));
  };
  await compare('first');

  await page.set('Extraversion', '1.5');
  await page.set('Neuroticism', '-1');
  await page.set('Openness', '0.4');
  await page.ask('Will you go to the party?');
  await page.answers();
  await expect.poll(() => page.runs.count()).toBe(2);
  for (const [index, text] of ANSWERS.entries()) await say(shown.getByTestId('text').nth(index), text);
  await say(shown.locator('dd').filter({ hasText: /adapters/ }), '3 adapters · rank 8');
  await compare('studio');

  await page.view('Personas').click();
  const name = shown.getByLabel('Name for the present sliders');
  for (const saved of ['Mara', 'Captain of the northern sea']) {
    await name.fill(saved);
    await name.press('Enter');
    await shown.getByRole('listitem', { name: saved, exact: true }).waitFor();
  }
  await compare('personas');
  await page.view('Experiments').click();
  await shown.getByRole('region', { name: 'Sweep', exact: true }).waitFor();
  await compare('experiments');
  await page.view('Notebook').click();
  await shown.getByRole('grid', { name: 'Runs' }).waitFor();
  await compare('notebook');
  await page.view('Library').click();
  await shown.getByRole('table', { name: 'Vectors' }).waitFor();
  await say(shown.getByText(/ free$/), '100 GB of 200 GB free');
  await compare('library');
  await page.button('Settings').click();
  await say(shown.getByText(/are free on its disk/), '100 GB of 200 GB are free on its disk.');
  await compare('settings');

  expect(found).toEqual([]);
  expect(page.errors).toEqual([]);
  await page.close();
});

async function takeReadme() {
  const page = await StudioPage.open(running.browser, running.studio.url, {
    locale: 'en-GB',
    reducedMotion: 'reduce',
  });
  await page.set('Extraversion', '1');
  // The first answer waits for the model to be loaded, which is no part of what is shown.
  for (const question of ['Hello!', 'Will you go to the party?']) {
    await page.ask(question);
    await page.answers();
    if (question === 'Hello!') await page.button('New conversation').click();
  }
  await page.button('Measure').click();
  await page.button('Measure again').waitFor({ timeout: PATIENCE });
  await expect.poll(() => page.page.getByRole('button', { name: 'Undo', exact: true }).count()).toBe(1);
  await page.page.mouse.move(0, 0);
  await page.page.screenshot({ path: 'docs/studio.png', animations: 'disabled', caret: 'hide' });
  expect(page.errors).toEqual([]);
  await page.close();
}
if (renewing) it('the picture of the README is taken', takeReadme);
