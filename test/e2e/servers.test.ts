/** A model on another server in the page: added by its address, moved by sliders, measured, removed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_VECTORS, hasLlamaServer, type RunningServer, startLlamaServer } from '../llama-server.ts';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

describe.skipIf(!hasLlamaServer)('a model on a llama-server', () => {
  const running = useStudio();
  let server: RunningServer;
  const page = usePage(running, {
    bypassCSP: true,
    reducedMotion: 'reduce',
  });
  beforeAll(async () => {
    const adapters = DEMO_VECTORS.filter(path => !path.includes('openness'));
    server = await startLlamaServer({ adapters, key: 'sk-page' });
  });
  afterAll(() => server?.close());

  it('is added with its key, answers, follows the sliders that it has, is measured and removed', async () => {
    const { page: shown } = page;
    await page.view('Library').click();
    await shown.getByText('Add a model on another server', { exact: true }).click();
    await shown.getByLabel('Address of the server').fill(server.url);
    await shown.getByText('which only your user can read').waitFor();
    await page.button('Look for its models').click();
    await shown.getByText('refuses the key').waitFor();
    await shown.getByLabel('Key (if the server wants one)').fill('sk-page');
    await page.button('Look for its models').click();
    await shown.getByRole('combobox', { name: 'Model', exact: true }).last().waitFor();
    expect(await page.violations()).toEqual([]);
    await page.shoot('servers-form');
    await page.button('Add this model').click();
    const name = `tiny (${new URL(server.url).host})`;
    await shown.getByText(`${name} is added.`).waitFor({ timeout: PATIENCE });
    const row = shown.getByRole('row', { name });
    await row.getByText('from the 100 likeliest tokens').waitFor();
    await row.getByText('8 of 10').waitFor();
    await row.getByRole('button', { name: `Use ${name}` }).click();
    expect(await page.violations()).toEqual([]);
    await page.shoot('servers');

    await page.view('Studio').click();
    await shown.getByText('The server has no adapter for: ').waitFor();
    expect(await page.slider('Openness').count()).toBe(0);
    await page.set('Extraversion', '1');
    await page.ask('How was your week?');
    const { Base, Persona } = await page.answers();
    expect(Base).not.toBe('');
    expect(Persona).not.toBe(Base);
    await page.button('Measure').click();
    await shown.getByText('The server tells only the likeliest tokens').waitFor({ timeout: PATIENCE });
    expect((await page.scores('Extraversion')).change).toBeGreaterThan(0.5);
    expect(await page.violations()).toEqual([]);
    await page.shoot('servers-studio');

    await page.view('Library').click();
    await page.button(`Remove ${name}`).click();
    await shown.getByText(`${name} removed.`).waitFor();
    await expect.poll(() => shown.getByRole('table', { name: 'Models on other servers' }).count()).toBe(0);
    await expect.poll(() => shown.getByLabel('Model', { exact: true }).first().inputValue()).toBe('demo');
  });

  it('is served by a command that can be copied', async () => {
    const { page: shown } = page;
    await page.view('Library').click();
    await shown
      .getByRole('button', { name: /^Serve Temperament|^Serve .*[Dd]emo/ })
      .first()
      .click();
    await shown.getByText('--lora-init-without-apply').waitFor();
    expect(await page.violations()).toEqual([]);
    await page.shoot('serve');
    await shown.keyboard.press('Escape');
  });
});
