/** Pictures in the page: a projector in the library, and questions about pictures to a model on a llama-server. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_VECTORS, hasLlamaServer, type RunningServer, startLlamaServer } from '../llama-server.ts';
import { CHECKS, RED } from '../pictures.ts';
import { writeProjector } from '../projector.ts';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

describe.skipIf(!hasLlamaServer)('pictures', () => {
  const running = useStudio();
  const folder = mkdtempSync(join(tmpdir(), 'temperament-e2e-pictures-'));
  let server: RunningServer;
  const page = usePage(running, {
    bypassCSP: true,
    reducedMotion: 'reduce',
  });
  beforeAll(async () => {
    const projector = writeProjector(join(folder, 'mmproj-tiny-random.gguf'), 256);
    server = await startLlamaServer({ adapters: DEMO_VECTORS, projector });
  });
  afterAll(async () => {
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Files as a page gets them when they are pasted or dropped. */
  const pictureIn = (type: string, name: string, bytes: Buffer) =>
    page.page.evaluateHandle(`(() => {
      const transfer = new DataTransfer();
      const content = Uint8Array.from(atob('${bytes.toString('base64')}'), each => each.charCodeAt(0));
      transfer.items.add(new File([content], '${name}', { type: '${type}' }));
      return transfer;
    })()`);

  it('a model of this machine takes none, and says so', async () => {
    const { page: shown } = page;
    expect(await page.button('Add a picture').count()).toBe(0);
    const data = await pictureIn('image/jpeg', 'holiday.jpg', RED);
    await shown.dispatchEvent('main', 'drop', { dataTransfer: data });
    await shown.getByText('The model in use takes no pictures.').first().waitFor();
  });

  it('are chosen, pasted and dropped, stand in the conversation, and are kept with it', async () => {
    const { page: shown } = page;
    await page.view('Library').click();
    await shown.getByText('Add a model on another server', { exact: true }).click();
    await shown.getByLabel('Address of the server').fill(server.url);
    await page.button('Look for its models').click();
    await page.button('Add this model').click();
    const label = `tiny (${new URL(server.url).host})`;
    await shown.getByText(`${label} is added.`).waitFor({ timeout: PATIENCE });
    const row = shown.getByRole('row', { name: label });
    await row.getByText('takes pictures').waitFor();
    await row.getByRole('button', { name: `Use ${label}` }).click();
    await page.view('Studio').click();

    await page.button('Add a picture').waitFor();
    // A short answer is soon there, also on a busy machine.
    await shown.getByLabel('Token limit').fill('24');
    await shown.getByLabel('Token limit').press('Enter');
    const chosen = join(folder, 'red.png');
    writeFileSync(chosen, RED);
    await shown.locator('input[type=file][accept="image/*"]').setInputFiles(chosen);
    await shown.getByRole('img', { name: 'red.png' }).waitFor();
    await page.question.focus();
    await shown.evaluate(`(() => {
      const clipboardData = new DataTransfer();
      const content = Uint8Array.from(atob('${CHECKS.toString('base64')}'), each => each.charCodeAt(0));
      clipboardData.items.add(new File([content], 'checks.png', { type: 'image/png' }));
      const how = { clipboardData, bubbles: true, cancelable: true };
      document.activeElement.dispatchEvent(new ClipboardEvent('paste', how));
    })()`);
    await shown.getByRole('img', { name: 'checks.png' }).waitFor();
    await page.button('Take out red.png').click();
    await expect.poll(() => shown.getByRole('img', { name: 'red.png' }).count()).toBe(0);
    // What no model takes is refused by name.
    const broken = await pictureIn('image/png', 'broken.png', Buffer.from('no picture'));
    await shown.dispatchEvent('main', 'drop', { dataTransfer: broken });
    await shown.getByText('broken.png is no picture in PNG, JPEG or WebP').waitFor();
    const red = await pictureIn('image/png', 'red.png', RED);
    await shown.dispatchEvent('main', 'drop', { dataTransfer: red });
    await shown.getByRole('img', { name: 'red.png' }).waitFor();
    expect(await page.violations()).toEqual([]);
    await page.shoot('pictures-composer');

    await page.set('Extraversion', '2');
    await page.ask('What do you see?');
    const { Base, Persona } = await page.answers();
    expect(Base).not.toBe('');
    expect(Persona).not.toBe(Base);
    const asked = shown.getByRole('log').getByRole('img');
    expect(await asked.evaluateAll(all => all.map(one => one.getAttribute('alt')))).toEqual([
      'checks.png',
      'red.png',
    ]);
    // The next question has none of its own.
    expect(await page.button('Take out red.png').count()).toBe(0);
    expect(await page.violations()).toEqual([]);
    await page.shoot('pictures-conversation');

    // The same model describes a set of pictures.
    await page.view('Experiments').click();
    await shown
      .getByRole('navigation', { name: 'Designs' })
      .getByRole('link', { name: /^Pictures described/ })
      .click();
    const plan = shown.getByRole('region', { name: 'Pictures described', exact: true });
    await plan.getByText('Add at least one picture.').waitFor();
    const second = join(folder, 'checks.png');
    writeFileSync(second, CHECKS);
    await plan.locator('input[type=file]').setInputFiles([chosen, second]);
    await plan.getByRole('img', { name: 'checks.png' }).waitFor();
    for (const [label, value] of [
      ['From', '-1'],
      ['To', '1'],
      ['Step', '1'],
    ] as const) {
      await plan.getByLabel(label, { exact: true }).fill(value);
      await plan.getByLabel(label, { exact: true }).press('Tab');
    }
    await plan.getByLabel('Trait', { exact: true }).selectOption('extraversion');
    await plan.getByText('6 answers').waitFor();
    expect(await page.violations()).toEqual([]);
    await page.shoot('pictures-plan');
    await plan.getByRole('button', { name: 'Run', exact: true }).click();
    await shown.getByText('“extraversion 0” used').waitFor({ timeout: PATIENCE });
    await shown.getByText('Change for one α of extraversion').first().waitFor();
    expect(await page.violations()).toEqual([]);
    await page.shoot('pictures-outcome');
    await page.view('Studio').click();

    await shown.reload();
    await page.button(/^Go on with/).click();
    await shown.getByRole('log').getByRole('img', { name: 'checks.png' }).waitFor({ timeout: PATIENCE });
  });

  it('are shown to a model of the library by its projector, which is named where it is served', async () => {
    const { page: shown } = page;
    const models = join(running.studio.home, 'models');
    mkdirSync(models, { recursive: true });
    copyFileSync(join(folder, 'mmproj-tiny-random.gguf'), join(models, 'mmproj-tiny-random.gguf'));
    await shown.reload();
    await page.view('Library').click();
    const table = shown.getByRole('table', { name: 'Projectors of pictures' });
    await table.getByText('mmproj-tiny-random').waitFor();
    const demo = shown.getByRole('table', { name: 'Models', exact: true }).getByRole('row').nth(1);
    await demo.getByRole('button', { name: /^Serve/ }).click();
    const choice = shown.getByLabel('Projector of pictures', { exact: true }).last();
    await choice.selectOption({ label: 'mmproj-tiny-random' });
    await shown
      .getByText(/--mmproj \S+mmproj-tiny-random\.gguf/)
      .first()
      .waitFor();
    expect(await page.violations()).toEqual([]);
    await page.shoot('pictures-serve');
    await shown.keyboard.press('Escape');
    await demo.getByText('sees pictures by mmproj-tiny-random').waitFor();
    await page.shoot('pictures-library');
  });
});
