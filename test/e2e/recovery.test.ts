import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { holdAtFirstWord } from './helpers/hold.ts';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

const running = useStudio();
const page = usePage(running, undefined, { usual: /./ });

it('says so when the inference worker is killed while it streams, keeps what was said, and answers again', async () => {
  await page.set('Extraversion', '1');
  // At this temperature an answer runs on until its limit: long enough to be met in the middle on any machine.
  for (const [label, value] of [
    ['Temperature', '5'],
    ['Token limit', '900'],
  ] as const) {
    await page.page.getByLabel(label, { exact: true }).fill(value);
    await page.page.getByLabel(label, { exact: true }).press('Enter');
  }
  const { held } = await holdAtFirstWord(page, running.studio);
  await page.ask('My friend and I had a fight, what should I do?');
  const pid = await held;
  process.kill(pid, 'SIGKILL');

  await expect
    .poll(() => page.page.getByRole('article').getByRole('alert').count(), { timeout: PATIENCE })
    .toBeGreaterThan(0);
  const alert = page.page.getByRole('article').getByRole('alert').first();
  expect(await alert.innerText()).toMatch(/ended unexpectedly/);
  expect(await alert.innerText()).toMatch(/starts again by itself/);

  for (const side of ['Base', 'Persona'] as const) {
    const retry = page.answer(side).getByRole('button', { name: 'Try again' });
    if (await retry.count()) await retry.click();
  }
  const answers = await page.answers();
  expect(answers.Base).not.toBe('');
  expect(answers.Persona).not.toBe('');
  const [now] = running.studio.inferenceWorkers();
  expect(now).not.toBe(pid);
  expect(await page.page.getByRole('article').getByRole('alert').count()).toBe(0);
  expect(await page.runs.filter({ hasText: 'failed' }).count()).toBeGreaterThan(0);
});

it('says so when the studio is gone, and goes on when it is back', async () => {
  await page.set('Extraversion', '1');
  await running.studio.stop();
  await page.page.getByText('Connection lost. Trying again…').waitFor();
  await page.question.fill('Hello!');
  expect(await page.button('Send').isDisabled()).toBe(true);
  await running.studio.restart();
  await expect.poll(() => page.button('Send').isEnabled(), { timeout: 30_000 }).toBe(true);
  await page.question.press('Enter');
  expect((await page.answers()).Persona).not.toBe('');
  expect(await page.value('Extraversion').inputValue()).toBe('+1.00');
});

it('lists a file it cannot read, with the reason, and where files go', async () => {
  const models = join(running.studio.home, 'models');
  mkdirSync(models, { recursive: true });
  writeFileSync(join(models, 'broken.gguf'), 'this is no model');
  await page.page.reload();
  await page.button('1 file could not be read').click();
  const view = page.page.getByRole('region', { name: 'Library' });
  expect(await view.innerText()).toContain('broken.gguf');
  expect(await view.innerText()).toContain(models);
  expect(await view.getByRole('row', { name: /Temperament Demo/ }).innerText()).toContain('10 of 10');
});
