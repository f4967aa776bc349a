/** A model fetched on the page: looked up, chosen, interrupted by a restart, gone on with. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Hub, sha256, startServer } from '../integration/file-server.ts';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

// The studio is a child of this process.
process.env.NO_PROXY = '127.0.0.1';
const ollama = mkdtempSync(join(tmpdir(), 'temperament-ollama-'));
process.env.OLLAMA_MODELS = ollama;
const running = useStudio();
const model = readFileSync(join(import.meta.dirname, '../../resources/demo/base.gguf'));
const size = `${(model.length / 1e6).toFixed(1)} MB`;
const hub = new Hub('lab/tiny-GGUF');
let hubServer: Awaited<ReturnType<typeof startServer>>;
let storeServer: Awaited<ReturnType<typeof startServer>>;
const page = usePage(
  running,
  {
    bypassCSP: true,
    reducedMotion: 'reduce',
  },
  { usual: /WebSocket|ERR_CONNECTION/ },
);

beforeAll(async () => {
  hubServer = await startServer((request, response) => hub.handle(request, response));
  storeServer = await startServer((request, response) => hub.store.handle(request, response));
  hub.storeUrl = storeServer.url;
  hub.add('tiny-Q8_0.gguf', model);
  hub.add('tiny-Q2_K.gguf', model);
  hub.add('tiny-F16.gguf', model);
  hub.told.set('tiny-F16.gguf', { size: 5e12 });
  const names = join(ollama, 'manifests', 'registry.ollama.ai', 'library', 'tiny');
  for (const folder of [names, join(ollama, 'blobs')]) mkdirSync(folder, { recursive: true });
  const digest = sha256(model);
  writeFileSync(
    join(names, '1b'),
    JSON.stringify({
      layers: [{ mediaType: 'application/vnd.ollama.image.model', digest: `sha256:${digest}` }],
    }),
  );
  writeFileSync(join(ollama, 'blobs', `sha256-${digest}`), model);
});
afterAll(async () => {
  await Promise.all([hubServer.close(), storeServer.close()]);
  rmSync(ollama, { recursive: true, force: true });
});

const named = (name: string) =>
  page.page.getByRole('list', { name: 'Downloads' }).getByRole('listitem').filter({ hasText: name });

it('stays offline when told to, and then fetches a model across a restart', async () => {
  const { page: shown } = page;
  await shown.keyboard.press('Control+,');
  const settings = shown.getByRole('dialog', { name: 'Settings' });
  await settings.getByLabel('Hugging Face or a mirror').fill(hubServer.url);
  await settings.getByLabel('Stay offline').check();
  expect(await page.violations()).toEqual([]);
  await page.shoot('downloads-settings');
  await settings.getByRole('button', { name: 'Close' }).first().click();

  await page.view('Library').click();
  await shown.getByText('Add a model', { exact: true }).click();
  const source = shown.getByLabel('Name on Hugging Face, address of a GGUF file');
  await source.fill('hf:lab/tiny-GGUF');
  await source.press('Enter');
  await shown.getByText('set to stay offline: no server was asked').waitFor();
  await shown.getByText(`${hubServer.url}/api/models/lab/tiny-GGUF/tree/main`).waitFor();
  await page.shoot('downloads-offline');
  expect(hubServer.seen).toEqual([]);

  await shown.keyboard.press('Control+,');
  await settings.getByLabel('Stay offline').uncheck();
  await settings.getByRole('button', { name: 'Close' }).first().click();
  await source.press('Enter');
  const choices = shown.getByRole('table', { name: 'What can be downloaded' });
  await choices.getByRole('row', { name: /F16.*too large for this machine/ }).waitFor();
  await choices.getByRole('row', { name: new RegExp(`Q8_0 suggested.*${size} fits`) }).waitFor();
  expect(await shown.getByRole('link', { name: 'Licence and description' }).getAttribute('href')).toBe(
    `${hubServer.url}/lab/tiny-GGUF`,
  );
  await shown.getByText('Models to begin with', { exact: true }).click();
  const list = shown.getByRole('table', { name: 'Models to begin with' });
  await list.getByRole('row', { name: /Llama 3\.2 1B Instruct.*English, German/ }).waitFor();
  await shown.getByText('We know of no published personality vectors').waitFor();
  expect(await page.violations()).toEqual([]);
  await page.shoot('downloads-choices');
  await shown.getByText('Models to begin with', { exact: true }).click();

  hub.store.failing = [{ hangAfter: 3_000_000 }];
  await page.button('Download Q8_0').press('Enter');
  const bar = named('tiny-Q8_0').getByRole('progressbar');
  await expect.poll(async () => Number(await bar.getAttribute('aria-valuenow'))).toBeGreaterThan(1);
  await page.shoot('downloads-running');
  await running.studio.stop();
  await running.studio.restart();
  const goOn = shown.getByRole('button', { name: 'Go on downloading tiny-Q8_0.gguf' });
  await goOn.waitFor({ timeout: PATIENCE });
  await named('tiny-Q8_0').getByText(` of ${size} are here`).waitFor();
  expect(await page.violations()).toEqual([]);
  await page.shoot('downloads-unfinished');
  storeServer.seen.length = 0;
  await goOn.press('Enter');
  await named('tiny-Q8_0').getByText('downloaded, checked and added').waitFor({ timeout: PATIENCE });
  expect(storeServer.seen[0]?.range).toMatch(/^bytes=[1-9]\d+-$/);
  expect(readFileSync(join(running.studio.home, 'models', 'tiny-Q8_0.gguf')).equals(model)).toBe(true);
  await shown.getByRole('table', { name: 'Models' }).getByText('tiny-Q8_0').waitFor();
  await page.shoot('downloads-done');
});

it('says what is wrong, and discards what is not wanted any more', async () => {
  const { page: shown } = page;
  await page.view('Library').click();
  await shown.getByText('Add a model', { exact: true }).click();
  const source = shown.getByLabel('Name on Hugging Face, address of a GGUF file');
  await source.fill('grump');
  await page.button('Look up').click();
  await shown.getByRole('alert').getByText('names nothing that can be downloaded').waitFor();

  hub.store.failing = [null, null, { hangAfter: 1_000_000 }];
  await source.fill(`${storeServer.url}/tiny-Q2_K.gguf`);
  await page.button('Look up').click();
  await shown.getByText('The server tells no hash').waitFor();
  await page.button('Download tiny-Q2_K.gguf').click();
  const bar = named('tiny-Q2_K').getByRole('progressbar');
  await expect.poll(async () => Number(await bar.getAttribute('aria-valuenow'))).toBeGreaterThan(0.1);
  await named('tiny-Q2_K').getByRole('button', { name: 'Cancel' }).press('Enter');
  await page.button('Discard what came of tiny-Q2_K.gguf').press('Enter');
  await named('tiny-Q2_K').waitFor({ state: 'detached' });
});

it('uses a model of another program where it lies, and forgets it without touching it', async () => {
  const { page: shown } = page;
  const blob = join(ollama, 'blobs', `sha256-${sha256(model)}`);
  await page.view('Library').click();
  await shown.getByText('Add a model', { exact: true }).click();
  const found = shown.getByRole('list', { name: 'Models of other programs' });
  await found.getByText('tiny:1b').waitFor();
  await page.button('Use here: tiny:1b').press('Enter');
  const models = shown.getByRole('table', { name: 'Models' });
  await models.getByText('used in place, kept by Ollama').waitFor({ timeout: PATIENCE });
  await found.getByText('In the library').waitFor();
  expect(await page.violations()).toEqual([]);
  await found.scrollIntoViewIfNeeded();
  await page.shoot('elsewhere');
  await page.button('Forget tiny-1b; its file stays').press('Enter');
  await models.getByText('kept by Ollama').waitFor({ state: 'detached' });
  expect(existsSync(blob)).toBe(true);
  const notice = shown.getByRole('listitem').filter({ hasText: 'tiny-1b forgotten.' });
  await notice.getByRole('button', { name: 'Undo' }).click();
  await models.getByText('used in place, kept by Ollama').waitFor({ timeout: PATIENCE });

  // Another program has deleted it.
  rmSync(blob);
  await page.button('Look again').click();
  await shown.getByText('tiny-1b is used where another program kept it, and is no longer there').waitFor();
  await page.shoot('elsewhere-gone');
  await page.button('Forget tiny-1b; its file stays').press('Enter');
  await shown.getByText('is no longer there').waitFor({ state: 'detached' });
  await found.getByText('tiny:1b').waitFor({ state: 'detached' });
});
