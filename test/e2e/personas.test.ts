import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { systemPrompt } from '../../electron/studio/chat/roleplay.ts';
import { openDatabase } from '../../electron/studio/log/database.ts';
import { Log } from '../../electron/studio/log/log.ts';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE, StudioPage } from './helpers/studio-page.ts';

const running = useStudio();
const page = usePage(
  running,
  {
    bypassCSP: true,
    reducedMotion: 'reduce',
  },
  { shared: true },
);
const shoot = (name: string) => page.shoot(`personas-${name}`);

const gallery = () => page.page.getByRole('region', { name: 'Personas' });
const card = (name: string) => gallery().getByRole('listitem', { name, exact: true });
const openGallery = async () => {
  await page.view('Personas').click();
  await gallery().waitFor();
};
const toStudio = () => page.view('Studio').click();
const choose = async (name: string, item: string) => {
  await card(name)
    .getByRole('button', { name: `More for ${name}` })
    .click();
  await card(name).getByRole('button', { name: item, exact: true }).click();
};
const save = async (name: string) => {
  await gallery().getByLabel('Name for the present sliders').fill(name);
  await page.page.keyboard.press('Enter');
};
/** Drops a file on the window, as the file manager does. */
const drop = (name: string, content: Buffer) =>
  page.page.evaluate(`{
    const transfer = new DataTransfer();
    const bytes = Uint8Array.from(atob(${JSON.stringify(content.toString('base64'))}), c => c.charCodeAt(0));
    transfer.items.add(new File([bytes], ${JSON.stringify(name)}));
    for (const type of ['dragover', 'drop'])
      document.querySelector('main').dispatchEvent(
        new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }),
      );
  }`);
it('says what to do while there is none, and keeps the present mix with what was measured', async () => {
  await page.set('Extraversion', '1.5');
  await page.set('Neuroticism', '-0.5');
  await page.page.getByLabel('Instructions to the model').fill('Be brief.');
  await page.button('Measure').click();
  await page.button('Measure again').waitFor({ timeout: PATIENCE });
  await openGallery();
  await gallery().getByText('No persona yet').waitFor();
  expect(await page.violations()).toEqual([]);
  await shoot('empty');

  await save('Mara');
  await gallery().getByText('“Mara” saved.').waitFor();
  expect(await card('Mara').innerText()).toMatch(/E\s*\+1\.50\s*N\s*−0\.50/);
  await card('Mara')
    .getByRole('img', { name: /Measured: Openness \d\.\d\d, .*Neuroticism \d\.\d\d/ })
    .waitFor();
  await save('mara');
  await gallery().getByText('“Mara” is just like this already.').waitFor();
});

it('gets a version under the same name, goes back to the first, and opens on the sliders with a way back', async () => {
  await toStudio();
  await page.set('Extraversion', '0.5');
  await openGallery();
  await gallery().getByLabel('Name for the present sliders').fill('Mara');
  await gallery().getByRole('button', { name: 'Save as new version' }).click();
  await gallery().getByText('“Mara” saved, version 2.').waitFor();
  await card('Mara').getByLabel('Version of Mara in use').selectOption('1');
  await expect.poll(() => card('Mara').innerText()).toMatch(/E\s*\+1\.50/);

  await card('Mara').getByRole('button', { name: 'Open Mara' }).click();
  await gallery().waitFor({ state: 'detached' });
  expect(await page.value('Extraversion').inputValue()).toBe('+1.50');
  const notice = page.page.getByRole('listitem').filter({ hasText: '“Mara” is on the sliders.' });
  await notice.getByRole('button', { name: 'Undo' }).click();
  expect(await page.value('Extraversion').inputValue()).toBe('+0.50');
});

it('is renamed, tagged, found, copied, and deleted with a way back', async () => {
  await openGallery();
  await choose('Mara', 'Rename or change tags…');
  await card('Mara').getByLabel('Name', { exact: true }).fill('Captain Mara');
  await card('Mara').getByLabel('Tags, with commas between them').fill('sea, bold');
  await card('Mara').getByLabel('Notes').fill('Commands a ship, and means it.');
  await card('Mara').getByRole('button', { name: 'Keep' }).click();
  await card('Captain Mara').waitFor();
  await choose('Captain Mara', 'Duplicate');
  await card('Captain Mara (copy)').waitFor();
  await choose('Captain Mara (copy)', 'Delete');
  await card('Captain Mara (copy)').waitFor({ state: 'detached' });
  await gallery().getByRole('button', { name: 'Undo' }).click();
  await card('Captain Mara (copy)').waitFor();
  await choose('Captain Mara (copy)', 'Delete');
  await card('Captain Mara (copy)').waitFor({ state: 'detached' });

  await toStudio();
  await page.set('Extraversion', '-1');
  await page.set('Openness', '2');
  await openGallery();
  await save('Quill');
  await card('Quill').waitFor();
  await gallery().getByLabel('Search names, tags and notes').fill('bold ship');
  await expect
    .poll(() => gallery().getByRole('heading', { level: 3 }).allInnerTexts())
    .toEqual(['Captain Mara']);
  await gallery().getByLabel('Search names, tags and notes').fill('nobody');
  await gallery().getByText('No persona has these words.').waitFor();
  await gallery().getByLabel('Search names, tags and notes').fill('');
});

it('leaves as a file and as a card, and comes back by dropping them on the window', async () => {
  const saved = async (item: string) => {
    const [download] = await Promise.all([page.page.waitForEvent('download'), choose('Captain Mara', item)]);
    return { name: download.suggestedFilename(), content: readFileSync(await download.path()) };
  };
  const file = await saved('Save as persona file');
  const png = await saved('Save as character card (PNG)');
  expect([file.name, png.name]).toEqual(['captain-mara.persona', 'captain-mara.png']);
  for (const { name, content } of [file, png]) {
    await choose('Captain Mara', 'Delete');
    await card('Captain Mara').waitFor({ state: 'detached' });
    await toStudio();
    await gallery().waitFor({ state: 'detached' });
    await drop(name, content);
    await gallery().getByText('“Captain Mara” added.').waitFor();
    expect(await card('Captain Mara').getByRole('list', { name: /^Tags/ }).innerText()).toMatch(/sea\s*bold/);
    expect(await card('Captain Mara').innerText()).toMatch(/E\s*\+1\.50/);
  }
  // The card's picture is shown.
  const proportion = () =>
    page.page.evaluate(`{
      const img = document.querySelector('main li img[src^="blob:"]');
      img && img.naturalHeight / img.naturalWidth;
    }`);
  await expect.poll(proportion).toBe(1.5);

  const entries = [{ keys: ['party'], content: 'Parties are on the quay.', enabled: true }, {}];
  const data = { name: 'Lamplighter', description: 'Keeps a lamp.', character_book: { entries } };
  await gallery()
    .getByLabel('Open a file…')
    .setInputFiles([
      { name: 'lamp.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify({ data })) },
      { name: 'broken.png', mimeType: 'image/png', buffer: png.content.subarray(0, 500) },
    ]);
  await gallery().getByText('Of the lorebook one entry is kept and not used').waitFor();
  await expect
    .poll(() => gallery().getByRole('alert').innerText())
    .toMatch(/The picture broken\.png is damaged/);
  await card('Lamplighter').waitFor();
  expect(await page.violations()).toEqual([]);
  await shoot('full');
  await card('Lamplighter').getByRole('button', { name: 'More for Lamplighter' }).click();
  await shoot('menu');
  await page.page.keyboard.press('Escape');
  await gallery().waitFor();
});

it('with a character tells both sides who they play, until that is taken away', async () => {
  await card('Lamplighter').getByRole('button', { name: 'Open Lamplighter' }).click();
  await page.page.getByText('The panes play Lamplighter').waitFor();
  await shoot('character');
  await page.ask('Will you go to the party?');
  const before = await page.answers();
  expect(before.Base).toBe(before.Persona);
  await page.button('No character').click();
  await page.page.getByText('The panes play Lamplighter').waitFor({ state: 'detached' });
});

it('shows what a character knows, and tells neither side of an entry that was switched off', async () => {
  const dialog = page.page.getByRole('dialog', { name: 'Settings of Persona' });
  const entry = dialog.getByRole('checkbox', { name: 'party', exact: true });
  const openSettings = async () => {
    await page.button('More for Persona').click();
    await page.button('Name and settings…').and(page.page.locator(':visible')).click();
    await dialog.getByText('Lorebook (1 entry)').click();
    await dialog.getByText('Parties are on the quay.').waitFor();
  };
  /** System prompts of the two newest answers, as the log has them. */
  const told = async (question: string) => {
    await page.ask(question);
    await page.answers();
    const database = openDatabase(running.studio.home);
    const log = new Log(database);
    const newest = log.list({ kinds: ['chat'], limit: 2, offset: 0, deleted: false });
    const prompts = newest.map(({ id }) => {
      const run = log.get(id);
      if (run.kind !== 'chat') throw new Error('no answer');
      const texts = run.input.messages.map(({ text }) => text);
      return systemPrompt(run.input.persona, texts);
    });
    database.close();
    return prompts;
  };

  await page.button('New conversation').click();
  await openGallery();
  await card('Lamplighter').getByRole('button', { name: 'Open Lamplighter' }).click();
  await page.page.getByText('The panes play Lamplighter').waitFor();
  const knowing = 'Character: Lamplighter\nKeeps a lamp.\n\nParties are on the quay.';
  expect(await told('Will you go to the party?')).toEqual([knowing, knowing]);

  await openSettings();
  expect(await entry.isChecked()).toBe(true);
  expect(await page.violations()).toEqual([]);
  await entry.scrollIntoViewIfNeeded();
  await shoot('lorebook');
  await entry.press('Space');
  await dialog.getByRole('button', { name: 'Done' }).click();
  const silent = 'Character: Lamplighter\nKeeps a lamp.';
  expect(await told('Is it a good party?')).toEqual([silent, silent]);
  await openSettings();
  expect(await entry.isChecked()).toBe(false);
  await page.page.keyboard.press('Escape');

  // The gallery has it as the card said.
  await openGallery();
  await card('Lamplighter').getByRole('button', { name: 'Open Lamplighter' }).click();
  await page.page.getByText('The panes play Lamplighter').waitFor();
  await openSettings();
  expect(await entry.isChecked()).toBe(true);
  await page.page.keyboard.press('Escape');
  await page.button('No character').click();
});

it('names what a shared persona lacks, and opens it on the present model', async () => {
  const needs = [
    { role: 'model', name: 'other-8b.gguf', hash: 'f00d'.repeat(16), about: 'Other 8B' },
    { role: 'vector', name: 'openness.gguf', hash: 'cafe'.repeat(16), about: 'openness-high' },
  ];
  const recipe = { version: 2, base: 'other-8b', weights: { openness: 1 } };
  const temperament = { version: 1, recipe, sampling: {}, profile: null, needs };
  const card = { data: { name: 'From afar', extensions: { temperament } } };
  await drop('afar.json', Buffer.from(JSON.stringify(card)));
  await gallery().getByText('“From afar” added.').waitFor();
  const missing = gallery().getByText('Missing here: model Other 8B, vector openness-high');
  await shoot('missing');
  await missing.click();
  const text = await gallery().getByRole('listitem', { name: 'From afar' }).innerText();
  for (const { name, hash } of needs) expect(text).toContain(`${name}, hash of the weights ${hash}`);
  expect(await page.violations()).toEqual([]);
  const narrow = { width: 380, height: 740 };
  await page.page.setViewportSize(narrow);
  expect(await page.page.evaluate('document.documentElement.scrollWidth')).toBe(
    await page.page.evaluate('document.documentElement.clientWidth'),
  );
  await page.shoot('personas', { narrow });
  await page.page.setViewportSize({ width: 1280, height: 800 });
  await gallery().getByRole('button', { name: 'Open From afar' }).click();
  await page.page.getByText('The model “other-8b” is not in the library').waitFor();
  expect(await page.value('Openness').inputValue()).toBe('+1.00');
});

it('shows emblems and pictures as the page’s own security policy allows', async () => {
  const strict = await StudioPage.open(running.browser, running.studio.url);
  await strict.view('Personas').click();
  const loaded = (scheme: string) =>
    strict.page.evaluate(`{
      const img = document.querySelector('main li img[src^="${scheme}:"]');
      img !== null && img.complete && img.naturalWidth > 0;
    }`);
  await expect.poll(() => loaded('blob')).toBe(true);
  await expect.poll(() => loaded('data')).toBe(true);
  const bar = `document.querySelector('main [role="img"] .fill').getBoundingClientRect().width > 5`;
  expect(await strict.page.evaluate(bar)).toBe(true);
  expect(strict.errors).toEqual([]);
  await strict.close();
});
