import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openDatabase } from '../../electron/studio/log/database.ts';
import { Log } from '../../electron/studio/log/log.ts';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

const running = useStudio();
const page = usePage(
  running,
  {
    bypassCSP: true,
    reducedMotion: 'reduce',
  },
  { shared: true },
);
const shoot = (name: string) => page.shoot(`notebook-${name}`);

const grid = () => page.page.getByRole('grid', { name: 'Runs' });
const rows = () => grid().locator('tr[data-kind]');
const row = (text: string | RegExp) => rows().filter({ hasText: text }).first();
const box = (text: string | RegExp) => row(text).getByRole('checkbox');
const details = () => page.page.getByRole('region', { name: /^(Measurement|Answer|Done again): / });
it('says what it is for while it is empty, and then has every run with its outcome', async () => {
  await page.view('Notebook').click();
  await page.page.getByText('Nothing done yet').waitFor();
  expect(await page.violations()).toEqual([]);
  await shoot('empty');
  await page.button('Go to the studio').click();

  await page.set('Extraversion', '1.5');
  await page.ask('Will you go to the party?');
  await page.answers();
  await page.button('Measure').click();
  await page.button('Measure again').waitFor({ timeout: PATIENCE });
  await page.view('Notebook').click();
  await expect.poll(() => rows().count()).toBe(4);
  expect(await page.page.getByText('4 runs').count()).toBe(1);
  await expect.poll(() => row('extraversion 1.5').innerText()).toMatch(/E \d\.\d · A \d\.\d/);
});

it('sorts, and filters by kind, text, star and day', async () => {
  const titles = () => rows().locator('.name').allInnerTexts();
  const newest = await titles();
  await grid().getByRole('button', { name: 'When' }).click();
  expect(await titles()).toEqual(newest.toReversed());
  expect(await grid().getByRole('columnheader', { name: 'When' }).getAttribute('aria-sort')).toBe(
    'ascending',
  );
  await grid().getByRole('button', { name: 'When' }).click();

  await page.page.getByLabel('Kind', { exact: true }).selectOption('chat');
  await expect.poll(() => rows().count()).toBe(2);
  await page.page.getByText('2 of 4 runs').waitFor();
  await page.page.getByLabel('Kind', { exact: true }).selectOption('bake');
  await page.page.getByText('No run is like that.').waitFor();
  await page.page.getByRole('search').getByRole('button', { name: 'Show all' }).click();
  await page.page.getByLabel('From', { exact: true }).fill('2099-01-01');
  await page.page.getByText('No run is like that.').waitFor();
  await page.page.getByRole('search').getByRole('button', { name: 'Show all' }).click();
  await expect.poll(() => rows().count()).toBe(4);
  await page.page.getByLabel('Search names, tags and notes').fill('extraversion demo');
  await expect.poll(() => rows().count()).toBe(1);
  await page.page.getByLabel('Search names, tags and notes').fill('');
  await expect.poll(() => rows().count()).toBe(4);
});

it('keeps stars, tags and notes, finds runs by them, and opens them again from the address', async () => {
  await row('extraversion 1.5').click();
  await details().getByLabel('Add a tag').fill('pilot, week 3');
  await page.page.keyboard.press('Enter');
  await details()
    .getByRole('list', { name: /^Tags of/ })
    .getByText('week 3')
    .waitFor();
  await details().getByLabel('Notes').fill('Levels off.');
  await details()
    .getByRole('button', { name: /^Star for/ })
    .click();
  await row('extraversion 1.5').getByText('notes').waitFor();
  expect(await page.violations()).toEqual([]);
  await shoot('details');

  await page.page.reload();
  await expect.poll(() => details().getByLabel('Notes').inputValue()).toBe('Levels off.');
  expect(
    await details()
      .getByRole('button', { name: /^Star for/ })
      .getAttribute('aria-pressed'),
  ).toBe('true');
  await page.button('Starred').click();
  await expect.poll(() => rows().count()).toBe(1);
  await page.button('Starred').click();
  await page.page.getByLabel('Tag', { exact: true }).selectOption('week 3');
  await expect.poll(() => rows().count()).toBe(1);
  await details().getByRole('button', { name: 'Take the tag week 3 away' }).click();
  await page.page.getByText('No run is like that.').waitFor();
  await page.page.getByRole('search').getByRole('button', { name: 'Show all' }).click();
  await page.page.getByLabel('Search names, tags and notes').fill('PILOT levels');
  await expect.poll(() => rows().count()).toBe(1);
  await page.page.getByLabel('Search names, tags and notes').fill('');
});

it('sets two runs side by side: what was set otherwise, and what came out otherwise', async () => {
  await details().getByRole('button', { name: 'Close' }).click();
  await box('demo: base').click();
  await page.page.getByText('Choose another to compare the two.').waitFor();
  await box('extraversion 1.5').click();
  const side = page.page.getByRole('region', { name: '2 runs side by side' });
  const settings = side.getByRole('row', { name: /^Extraversion α/ });
  await settings.waitFor();
  expect((await settings.getByRole('cell').allInnerTexts()).map(text => text.trim())).toEqual([
    '0.00',
    '+1.50',
  ]);
  const [a = '', b = '', difference = ''] = await side
    .getByRole('row', { name: /^Extraversion (?!α)/ })
    .getByRole('cell')
    .allInnerTexts();
  const number = (text: string) => Number.parseFloat(text.replace('−', '-'));
  expect(number(difference)).toBeGreaterThan(0.2);
  expect(number(difference)).toBeCloseTo(number(b) - number(a), 1);
  expect(await side.getByRole('row', { name: /^Inventory/ }).count()).toBe(0);
  await side.getByText(/^Other figures that differ/).click();
  expect(await side.getByRole('row', { name: /^Deviation over items › Extraversion/ }).count()).toBe(1);
  expect(await page.violations()).toEqual([]);
  await shoot('comparison');

  const save = async (name: string) => {
    const [download] = await Promise.all([
      page.page.waitForEvent('download'),
      page.page.getByRole('toolbar').getByRole('button', { name, exact: true }).click(),
    ]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  };
  const report = await save('Report');
  expect(report.name).toBe('2-runs.html');
  expect(report.bytes.toString()).toContain('Demonstration only.');
  const data = await save('Data and tables');
  expect(data.name).toBe('2-runs.zip');
  expect(data.bytes.subarray(0, 2).toString()).toBe('PK');
  await page.button('Choose none').click();
});

it('sets runs of different kinds side by side, and says that no scores stand beside others', async () => {
  const kinds = ['chat', 'assess'].map(kind => grid().locator(`tr[data-kind="${kind}"]`).first());
  for (const one of kinds) await one.getByRole('checkbox').click();
  const side = page.page.getByRole('region', { name: '2 runs side by side' });
  await side.getByText('These runs have no scores in common').waitFor();
  await page.button('Choose none').click();
});

it('does a run again and says whether it came out the same, and takes a study file', async () => {
  await row('extraversion 1.5').click();
  const [download] = await Promise.all([
    page.page.waitForEvent('download'),
    details().getByRole('button', { name: 'Study file' }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^study-[0-9a-f]{8}\.zip$/);
  await details().getByRole('button', { name: 'Do it again and compare' }).click();
  const verdict = page.page
    .getByRole('listitem')
    .filter({ hasText: 'Done again. The same within the tolerance' });
  await verdict.waitFor({ timeout: PATIENCE });
  await verdict.getByRole('button', { name: 'Look' }).click();
  await page.page
    .getByRole('region', { name: /^Done again: / })
    .getByText(/^The same within/)
    .waitFor();

  const count = await rows().count();
  const chooser = page.page.getByLabel('Open a study file');
  await chooser.setInputFiles(await download.path());
  await expect.poll(() => chooser.inputValue()).toBe('');
  // It was made here, so it is known.
  expect(await rows().count()).toBe(count);
  await chooser.setInputFiles({ name: 'no.zip', mimeType: 'application/zip', buffer: Buffer.from('no') });
  await page.page.getByRole('alert').filter({ hasText: 'is not a ZIP file' }).waitFor();
});

it('deletes with a way back, and gives sliders back', async () => {
  await row('Will you go').click();
  const count = await rows().count();
  await details().getByRole('button', { name: 'Delete' }).click();
  await expect.poll(() => rows().count()).toBe(count - 1);
  await page.page.reload();
  await expect.poll(() => rows().count()).toBe(count - 1);
  await page.button('Bin').click();
  const bin = page.page.getByRole('dialog', { name: 'Bin' });
  await bin.getByRole('listitem').waitFor();
  expect(await page.violations()).toEqual([]);
  await bin.getByRole('button', { name: 'Bring back Will you go to the party?' }).click();
  await bin.getByText('The bin is empty.').waitFor();
  await page.page.keyboard.press('Escape');
  await expect.poll(() => rows().count()).toBe(count);
  await row('Will you go').click();
  await details().getByRole('button', { name: 'Delete' }).click();
  await expect.poll(() => rows().count()).toBe(count - 1);

  await row('Will you go').click();
  await details().getByRole('button', { name: 'Delete' }).click();
  await expect.poll(() => rows().count()).toBe(count - 2);
  await page.page
    .getByRole('listitem')
    .filter({ hasText: 'Run deleted.' })
    .last()
    .getByRole('button', { name: 'Undo' })
    .click();
  await expect.poll(() => rows().count()).toBe(count - 1);

  await page.view('Studio').click();
  await page.button('Reset all').click();
  await page.view('Notebook').click();
  await row('extraversion 1.5').click();
  await details().getByRole('button', { name: 'Restore sliders' }).click();
  expect(await page.value('Extraversion').inputValue()).toBe('+1.50');
});

it('works by the keyboard alone', async () => {
  await page.page.keyboard.press('Control+4');
  await grid().focus();
  const { keyboard } = page.page;
  await keyboard.press('Home');
  await keyboard.press('Shift+ArrowDown');
  await page.page.getByRole('region', { name: '2 runs side by side' }).waitFor();
  await keyboard.press('Escape');
  await page.page.getByRole('region', { name: '2 runs side by side' }).waitFor({ state: 'detached' });
  await keyboard.press('ArrowDown');
  const active = await grid().getAttribute('aria-activedescendant');
  const current = page.page.locator(`[id="${active}"]`);
  const starred = () => current.getByRole('button').getAttribute('aria-pressed');
  const before = await starred();
  await keyboard.press('s');
  await expect.poll(starred).not.toBe(before);
  await keyboard.press('s');
  await expect.poll(starred).toBe(before);
  await keyboard.press('Enter');
  await details().waitFor();
  await keyboard.press('Escape');
  await details().waitFor({ state: 'detached' });
  const count = await rows().count();
  await keyboard.press('Delete');
  await expect.poll(() => rows().count()).toBe(count - 1);
});

it('scrolls through five thousand runs with few rows in the page', async () => {
  expect(page.errors).toEqual([]);
  await running.studio.stop();
  const database = openDatabase(running.studio.home);
  const log = new Log(database);
  const shape = log.list({ limit: 1, offset: 0, deleted: false })[0];
  if (!shape) throw new Error('no run');
  const run = log.get(shape.id);
  log.together(() => {
    for (let i = 0; i < 5000; i++) {
      const startedAt = new Date(Date.UTC(2025, 0, 1) + i * 3_600_000).toISOString();
      log.add({
        ...run,
        id: `many-${i}`,
        title: `Old run ${i}`,
        startedAt,
        finishedAt: startedAt,
        imported: null,
      });
    }
  });
  database.close();
  await running.studio.restart();
  await page.page.getByText(/^5,0\d\d runs$/).waitFor({ timeout: PATIENCE });
  // The page tried to connect while the studio was away.
  page.errors.length = 0;
  expect(Number(await grid().getAttribute('aria-rowcount'))).toBeGreaterThan(5000);
  expect(await rows().count()).toBeLessThan(60);

  // Every frame of a long scroll moves a screenful; the slowest ones are what would be felt.
  const frames = (await page.page.evaluate(`new Promise(resolve => {
    const scroller = document.querySelector('[role="grid"]').parentElement;
    const times = [];
    let last = performance.now();
    const step = now => {
      times.push(now - last);
      last = now;
      scroller.scrollTop += 500;
      if (times.length < 200) requestAnimationFrame(step);
      else resolve(times.sort((a, b) => a - b));
    };
    requestAnimationFrame(step);
  })`)) as number[];
  // The bound is for a machine that is busy with other things; the figures are printed.
  expect(frames[Math.floor(frames.length / 2)]).toBeLessThan(200);
  await grid().focus();
  await page.page.keyboard.press('End');
  await row('Old run 0').waitFor();
  expect(await rows().count()).toBeLessThan(60);

  await page.page.getByLabel('Search names, tags and notes').fill('run 4321');
  await expect.poll(() => rows().count()).toBe(1);
  console.log(
    `frames while scrolling: median ${frames[100]?.toFixed(1)} ms, slowest ${frames.at(-1)?.toFixed(1)} ms`,
  );
});
