/** Every view and its main dialogs, in use: no text is cut off or pushed out, in both languages and at twice the size. */
import { afterEach, expect, it } from 'vitest';
import { german } from '../../renderer/lib/german.ts';
import { english } from '../../renderer/lib/strings.ts';
import { useStudio } from './helpers/running.ts';
import { PATIENCE, StudioPage } from './helpers/studio-page.ts';

const running = useStudio();
let page: StudioPage;

afterEach(async () => {
  expect(page.errors).toEqual([]);
  await page.close();
});

const QUICK = { small: { width: 1280, height: 800 } };
const LONG_NAME = 'Captain Mara of the long northern sea coast, second draft';

it.each([
  ['en', 200],
  ['de', 100],
  ['de', 200],
] as const)('in %s at %d %%', async (language, percent) => {
  const t = language === 'de' ? german : english;
  page = await StudioPage.open(running.browser, running.studio.url, {
    locale: language === 'de' ? 'de-DE' : 'en-GB',
    bypassCSP: true,
    reducedMotion: 'reduce',
  });
  const { page: shown } = page;
  await shown.evaluate(`localStorage.setItem('temperament.text-size', '${percent}')`);
  await shown.reload();
  await page.slider('Extraversion').waitFor();

  const unreadable: string[] = [];
  const look = async (name: string) => {
    for (const text of await page.clipped()) unreadable.push(`${name}: ${text}`);
    const sideways = await shown.evaluate('document.documentElement.scrollWidth - innerWidth');
    if (Number(sideways) > 0) unreadable.push(`${name}: ${sideways} px to the side`);
    await page.shoot(`legible-${language}-${percent}-${name}`, QUICK);
  };
  const go = async (view: keyof typeof t.views.names) => {
    await shown
      .getByRole('navigation', { name: t.views.label })
      .getByRole('link', { name: t.views.names[view], exact: true })
      .click();
    if (view !== 'studio') await shown.getByRole('region', { name: t.views.names[view] }).first().waitFor();
  };
  const inDialog = async (name: string, open: () => Promise<void>) => {
    await open();
    await shown.getByRole('dialog').waitFor();
    await look(name);
    await shown.keyboard.press('Escape');
    await shown.getByRole('dialog').waitFor({ state: 'detached' });
  };
  const strength = (trait: 'extraversion' | 'neuroticism') =>
    shown.getByRole('textbox', { name: t.mixer.value(t.traits[trait].name) });

  await look('empty');
  for (const trait of ['extraversion', 'neuroticism'] as const) {
    await strength(trait).fill('1.5');
    await strength(trait).press('Enter');
  }
  await shown.getByText(t.baking.title).click();
  await shown.getByLabel(t.baking.method, { exact: true }).selectOption('della');
  await shown.getByRole('textbox', { name: t.chat.input(2) }).fill(t.chat.suggestions[0] ?? '');
  await shown.keyboard.press('Enter');
  const answer = shown.getByRole('region', { name: t.chat.answerOf(t.common.persona, 1) });
  await expect.poll(() => answer.getAttribute('data-state'), { timeout: PATIENCE }).toBe('done');
  await page.button(t.measure.start).click();
  await page.button(t.measure.again).waitFor({ timeout: PATIENCE });
  await look('studio');
  await shown.getByText(t.target.modes.target).click();
  await shown.getByText(t.target.none).or(shown.getByText(t.target.measure)).first().waitFor();
  await look('targets');
  await inDialog('talk', () => page.button(t.panes.title).click());
  await inDialog('past', () => page.button(t.kept.title).click());
  await inDialog('words', () => page.button(t.wordCount.title).click());
  await inDialog('new-pane', () => page.button(t.panes.add).click());
  await inDialog('help', () => page.button(t.header.help).click());
  await inDialog('settings', () => page.button(t.preferences.title).click());

  await go('personas');
  const name = shown.getByLabel(t.personas.name);
  if (percent === 100) await look('no-persona');
  await name.fill(`${LONG_NAME} (${language}, ${percent})`);
  await name.press('Enter');
  await shown.getByRole('listitem', { name: LONG_NAME }).first().waitFor();
  await look('personas');
  await go('experiments');
  for (const design of ['sweep', 'methods_compare', 'transfer', 'calibrate'] as const) {
    await shown
      .getByRole('navigation', { name: t.experiments.designs })
      .getByRole('link', { name: new RegExp(`^${t.kinds[design]}`) })
      .click();
    await look(design);
  }
  await go('notebook');
  await shown.getByRole('grid', { name: t.notebook.table }).waitFor();
  await look('notebook');
  await shown.locator('tr[data-kind="assess"]').first().click();
  await look('run');
  await inDialog('bin', () => page.button(t.notebook.bin).click());
  await go('library');
  await look('library');
  for (const part of [t.library.add.model, t.library.add.vector, t.servers.addOne])
    await shown.getByText(part, { exact: true }).click();
  await look('library-adding');
  expect(unreadable).toEqual([]);
});
