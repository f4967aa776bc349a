/** The library: what is inside the vectors. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { useStudio } from './helpers/running.ts';
import { StudioPage } from './helpers/studio-page.ts';

const running = useStudio();
let page: StudioPage;

beforeEach(async () => {
  page = await StudioPage.open(running.browser, running.studio.url, {
    bypassCSP: true,
    reducedMotion: 'reduce',
  });
});

afterEach(async () => {
  expect(page.errors).toEqual([]);
  await page.close();
});

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
  expect(Object.keys(layers)).toEqual(['Layer 1', 'Layer 2', 'Layer 3', 'Layer 4']);
  const rows = Object.values(layers);
  for (let vector = 0; vector < 10; vector++) {
    const sum = rows.reduce((total, row) => total + (row[vector] as number), 0);
    // Whole per cents, so each of the four is off by a half at most.
    expect(Math.abs(sum - 100)).toBeLessThanOrEqual(2);
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

  await page.view('Notebook').click();
  await page.page.locator('td.kind', { hasText: 'Comparison of vectors' }).waitFor();
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
  await shown.getByLabel('Pole').selectOption('low');
  await page.button('Add the vector').click();
  await shown.getByText('It changes the weights by').waitFor();
  await shown.getByText('The adapter says that it was trained on llama3.').waitFor();
  await shown.getByRole('row', { name: 'Tiny Llama' }).getByText('1 of 10').waitFor();
  expect(await page.violations()).toEqual([]);
  await page.shoot('library-add');
});
