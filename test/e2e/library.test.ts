/** The library: what is inside the vectors, and files that come and go. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bake } from '../../native-merge/index.js';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

const running = useStudio();
const page = usePage(running, {
  bypassCSP: true,
  reducedMotion: 'reduce',
});

const home = (...names: string[]) => join(running.studio.home, ...names);
const map = () => page.page.getByRole('table', { name: /strength|direction|agreement/ });

/** The numbers of the map, by row. */
async function figures(): Promise<Record<string, number[]>> {
  const rows = await map()
    .locator('tbody tr')
    .evaluateAll(found =>
      found.map(row => [
        row.querySelector('th')?.textContent ?? '',
        [...row.querySelectorAll('td')].map(cell => cell.textContent ?? ''),
      ]),
    );
  return Object.fromEntries(
    rows.map(([name, cells]) => [
      (name as string).trim(),
      (cells as string[]).map(text => Number.parseFloat(text.trim().replace('−', '-'))),
    ]),
  );
}

it('shows how strong the vectors are in each layer and how alike', async () => {
  await page.view('Library').click();
  await page.button('Compare').click();
  await map().waitFor();
  const { 'Length ‖φ‖': lengths, 'Effective rank': ranks, ...layers } = await figures();
  expect(Object.keys(layers)).toEqual([1, 2, 3, 4].map(layer => `Layer ${layer}`));
  const rows = Object.values(layers);
  for (let vector = 0; vector < 10; vector++) {
    const sum = rows.reduce((total, row) => total + (row[vector] as number), 0);
    // Whole per cents, so each of the four is off by a half at most.
    expect(Math.abs(sum - 100)).toBeLessThanOrEqual(3);
  }
  expect(Math.min(...(lengths as number[]))).toBeGreaterThan(1);
  for (const rank of ranks as number[]) expect(rank > 1 && rank <= 8).toBe(true);

  await page.page.getByLabel('Show', { exact: true }).selectOption('direction (cosine)');
  const cosines = Object.values(await figures());
  expect(cosines).toHaveLength(10);
  for (const [i, row] of cosines.entries())
    for (const [j, value] of row.entries()) {
      expect(value).toBe((cosines[j] as number[])[i]);
      if (i === j) expect(value).toBe(1);
      else expect(Math.abs(value)).toBeLessThan(1);
    }
  const everywhere = JSON.stringify(cosines);
  await page.page.getByLabel('in', { exact: true }).selectOption('Layer 2');
  expect(JSON.stringify(Object.values(await figures()))).not.toBe(everywhere);
  expect(await page.violations()).toEqual([]);
  await page.button('About this result').click();
  const about = page.page.getByRole('dialog', { name: 'About this result' });
  await about.getByText('Comparison of vectors: ').waitFor();
  await page.page.keyboard.press('Escape');

  await page.view('Notebook').click();
  await page.page.locator('td.kind', { hasText: 'Comparison of vectors' }).waitFor();
});

it('says which vectors fit a model and which models a vector fits, and why', async () => {
  await page.view('Library').click();
  const why = page.button('10 of 10: what fits Demo: Captain Mara, and why');
  await why.click();
  const dialog = page.page.getByRole('dialog', { name: 'What fits Demo: Captain Mara' });
  await dialog.getByText('Other weights of the same backbone').waitFor();
  expect(await dialog.getByRole('listitem').count()).toBe(10);
  await page.page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await why.and(page.page.locator(':focus')).waitFor();

  await page.button('5 models: what fits openness-high, and why').press('Enter');
  const fits = page.page.getByRole('dialog', { name: 'What fits Openness: imaginative' });
  expect(await fits.locator('dt:text-is("Made from") + dd').innerText()).toBe('Temperament Demo');
  expect(await fits.locator('dt:text-is("Date") + dd').innerText()).toMatch(/^[A-Z][a-z]{2} \d+, 20\d\d$/);
  expect(await fits.getByRole('list').first().getByRole('listitem').allInnerTexts()).toEqual([
    'Temperament Demo demo',
  ]);
  expect(await fits.getByRole('listitem').count()).toBe(5);
  expect(await page.violations()).toEqual([]);
  await page.shoot('library-fit');
});

it('adds a model from a checkpoint’s folder, and a vector from an adapter’s', async () => {
  const folder = (name: string) => join(import.meta.dirname, '../fixtures/checkpoints', name);
  const { page: shown } = page;
  await page.view('Library').click();
  await shown.getByText('Add a model', { exact: true }).click();
  expect(await page.button('Add the model').isDisabled()).toBe(true);
  await shown.getByLabel('Folder of the checkpoint').fill(folder('absent'));
  await page.button('Add the model').click();
  await shown.getByRole('alert').getByText('There is no folder').waitFor();
  await shown.getByLabel('Folder of the checkpoint').fill(folder('llama3'));
  await shown.getByLabel('Name (optional)').fill('Tiny Llama');
  await page.button('Add the model').click();
  await shown.getByText('Added, ').waitFor();
  await shown.getByRole('rowheader', { name: 'Tiny Llama' }).waitFor();

  await shown.getByText('Add a vector', { exact: true }).click();
  await shown.getByLabel('Base model').selectOption('Tiny Llama');
  await shown.getByLabel('Folder or file of the fine-tune').fill(folder('lora'));
  await shown.getByLabel('Trait', { exact: true }).selectOption('agreeableness');
  await shown.getByLabel('Pole', { exact: true }).selectOption('low');
  await page.button('Add the vector').click();
  await shown.getByText('It changes the weights by').waitFor();
  await shown.getByText('The adapter says that it was trained on llama3.').waitFor();
  await shown.getByRole('row', { name: 'Tiny Llama' }).getByText('1 of 10').waitFor();

  // A fine-tune as a whole model, of which factors are kept.
  const file = (kind: string) =>
    home(kind, readdirSync(home(kind)).find(name => name.startsWith('Tiny')) as string);
  const vectors = [{ path: file('vectors'), id: 'low', weight: -1 }];
  const out = home('tuned.gguf');
  await bake({ base: file('models'), out, vectors, method: 'task_arithmetic', type: 'f32' });
  await shown.getByLabel('Folder or file of the fine-tune').fill(out);
  await shown.getByLabel('Pole', { exact: true }).selectOption('high');
  await shown.getByLabel('Stored as').selectOption('a small adapter (rank 64 at most)');
  await page.button('Add the vector').click();
  await shown.getByText(/Factors of rank \d+ at most keep (99|100)\.\d % of the change/).waitFor();
  await shown.getByRole('row', { name: 'Tiny Llama' }).getByText('2 of 10').waitFor();
  expect(await page.violations()).toEqual([]);
  await page.shoot('library-add');
});

it('writes a vector as an adapter into a folder, and tells where its own file lies', async () => {
  const { page: shown } = page;
  await page.view('Library').click();
  await page.button('Export … extraversion-high').click();
  const dialog = shown.getByRole('dialog', { name: 'Export … extraversion-high' });
  const folder = join(running.studio.home, 'exports', 'extraversion-high');
  await expect.poll(() => dialog.getByLabel('Folder to write').inputValue()).toBe(folder);
  await dialog.getByText(/extraversion-high\.gguf$/).waitFor();
  expect(await page.violations()).toEqual([]);
  await page.shoot('library-export');
  await dialog.getByRole('button', { name: 'Export', exact: true }).click();
  await dialog.getByText('Written, ').waitFor();
  expect(readdirSync(folder).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  // What lies there is written over only where that was asked for.
  await dialog.getByRole('button', { name: 'Export', exact: true }).click();
  await dialog.getByRole('alert').getByText('exists already').waitFor();
  await dialog.getByLabel(/^Replace/).check();
  await dialog.getByRole('button', { name: 'Export', exact: true }).click();
  await dialog.getByText('Written, ').waitFor();
});

const demo = (...names: string[]) => join(import.meta.dirname, '../../resources/demo', ...names);
const line = (text: string) =>
  page.page.getByRole('list', { name: 'Files being added' }).getByRole('listitem').filter({ hasText: text });

/** A file that is refused half-way is not read to its end, which the browser notes as a request that failed. */
const forgiveRefusals = () => {
  const others = page.errors.filter(error => !error.startsWith('Failed to load resource'));
  page.errors.splice(0, page.errors.length, ...others);
};

/** Drops files of this machine on the window, all at once. */
async function drop(files: Record<string, Buffer>) {
  const given = Object.entries(files).map(([name, content]) => [name, content.toString('base64')]);
  await page.page.evaluate(`{
    const transfer = new DataTransfer();
    for (const [name, content] of ${JSON.stringify(given)})
      transfer.items.add(new File([Uint8Array.from(atob(content), c => c.charCodeAt(0))], name));
    for (const type of ['dragover', 'drop'])
      document.querySelector('main').dispatchEvent(
        new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }),
      );
  }`);
}

it('takes models and vectors that are dropped on the window, and says what is wrong with the others', async () => {
  const model = readFileSync(demo('base.gguf'));
  await drop({
    'mine.gguf': model,
    'torn.gguf': model.subarray(0, 400_000),
    'page.gguf': Buffer.from('<html>'),
    'shy.gguf': readFileSync(demo('vectors', 'extraversion-low.gguf')),
  });
  await page.page.getByRole('region', { name: 'Library' }).waitFor();
  await line('mine.gguf').getByText('added as a model').waitFor({ timeout: PATIENCE });
  await line('shy.gguf').getByText('added as a vector').waitFor({ timeout: PATIENCE });
  await line('torn.gguf').getByText('was not added').waitFor();
  await line('page.gguf').getByText('does not begin with “GGUF”').waitFor();
  expect(readFileSync(home('models', 'mine.gguf')).equals(model)).toBe(true);
  expect(existsSync(home('vectors', 'shy.gguf'))).toBe(true);
  expect(existsSync(home('models', 'torn.gguf'))).toBe(false);
  expect(readdirSync(home('cache', 'scratch'))).toEqual([]);
  expect(await page.violations()).toEqual([]);
  await page.shoot('library-dropped');
  // Just before they are let go.
  await page.page.evaluate(`{
    const transfer = new DataTransfer();
    transfer.items.add(new File(['x'], 'x.gguf'));
    document.querySelector('main').dispatchEvent(
      new DragEvent('dragover', { bubbles: true, cancelable: true, dataTransfer: transfer }),
    );
  }`);
  await page.page.getByText('Drop GGUF files here to add them.').waitFor();
  await page.shoot('library-drop');
  await page.page.evaluate(`window.dispatchEvent(new DragEvent('dragleave'))`);
  await page.page.getByText('Drop GGUF files here to add them.').waitFor({ state: 'detached' });
  await page.button('Dismiss the word on torn.gguf').click();
  await line('torn.gguf').waitFor({ state: 'detached' });
  forgiveRefusals();
});

it('shows how far a file is, and leaves nothing of it when it is cancelled', async () => {
  await page.view('Library').click();
  const folder = mkdtempSync(join(tmpdir(), 'temperament-slow-'));
  const file = join(folder, 'slow.gguf');
  writeFileSync(file, Buffer.concat([Buffer.from('GGUF'), Buffer.alloc(20_000_000)]));
  const network = await page.page.context().newCDPSession(page.page);
  await network.send('Network.enable');
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 1_000_000 };
  await network.send('Network.emulateNetworkConditions', slow);
  await page.page.getByText('Add a vector', { exact: true }).click();
  await page.page
    .getByLabel('Choose GGUF files')
    .last()
    .setInputFiles([file, demo('base.gguf')]);
  const bar = line('slow.gguf').getByRole('progressbar', { name: 'Adding slow.gguf' });
  await expect.poll(async () => Number(await bar.getAttribute('aria-valuenow'))).toBeGreaterThan(0);
  await line('base.gguf').getByText('base.gguf is next.').waitFor();
  expect(await page.violations()).toEqual([]);
  await page.shoot('library-adding');
  await page.button('Leave out base.gguf').press('Enter');
  await line('base.gguf').waitFor({ state: 'detached' });
  expect(readdirSync(home('cache', 'scratch'))).toHaveLength(1);
  await line('slow.gguf').getByRole('button', { name: 'Cancel' }).press('Enter');
  await line('slow.gguf').waitFor({ state: 'detached' });
  await expect.poll(() => readdirSync(home('cache', 'scratch'))).toEqual([]);
  expect(existsSync(home('models', 'slow.gguf'))).toBe(false);
  expect(existsSync(home('models', 'base.gguf'))).toBe(false);
  forgiveRefusals();
  rmSync(folder, { recursive: true });
});

it('deletes a model that is in use after saying what depends on it, and brings it back', async () => {
  const { page: shown } = page;
  await page.view('Library').click();
  await shown.getByText(/ free$/).waitFor();
  await shown.getByText('Add a model', { exact: true }).click();
  await shown.getByLabel('Choose GGUF files').first().setInputFiles(home('models', 'mine.gguf'));
  await line('mine.gguf').getByText('has a file called mine.gguf already').waitFor();
  forgiveRefusals();
  const row = shown.getByRole('table', { name: 'Models' }).getByRole('row').filter({ hasText: 'Use' });
  expect(await shown.getByRole('row', { name: /Comes with the program/ }).count()).toBeGreaterThan(10);

  // The model has the demo's own weights, so the demo's vectors and calibrations are its, too.
  const remove = shown.getByRole('table', { name: 'Models' }).getByRole('button', { name: /^Delete / });
  await expect.poll(() => remove.count()).toBeGreaterThan(0);
  const own = row.filter({ has: shown.locator(`[title="${home('models', 'mine.gguf')}"]`) });
  await own.getByRole('button', { name: /^Use / }).click();
  await shown
    .getByRole('row')
    .filter({ has: shown.locator(`[title="${home('models', 'mine.gguf')}"]`) })
    .getByRole('button', { name: /^Delete / })
    .press('Enter');
  const dialog = shown.getByRole('dialog', { name: /^Delete mine\?/ });
  await dialog.getByText('The same weights are also in:').waitFor({ timeout: PATIENCE });
  await dialog.getByText('It is the model in use').waitFor();
  expect(await page.violations()).toEqual([]);
  await page.shoot('library-delete');
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(existsSync(home('models', 'mine.gguf'))).toBe(false);
  const notice = shown.getByRole('listitem').filter({ hasText: 'mine deleted.' });
  await notice.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(() => existsSync(home('models', 'mine.gguf'))).toBe(true);
  await shown
    .getByRole('row')
    .filter({ has: shown.locator(`[title="${home('models', 'mine.gguf')}"]`) })
    .getByText('In use')
    .waitFor();

  await shown.getByRole('button', { name: 'Delete shy' }).click();
  await shown.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await page.button('Bin (1)').click();
  const bin = shown.getByRole('dialog', { name: 'Bin' });
  await bin.getByText('shy', { exact: true }).waitFor();
  expect(await page.violations()).toEqual([]);
  await page.shoot('library-bin');
  await bin.getByRole('button', { name: 'Bring back shy' }).click();
  await bin.getByText('The bin is empty.').waitFor();
  expect(existsSync(home('vectors', 'shy.gguf'))).toBe(true);
});
