import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

const running = useStudio();
const page = usePage(running);

const radar = () => page.page.getByRole('img', { name: /Radar chart/ });

it('measures base and persona, shows the moved trait, and says when the sliders have moved since', async () => {
  await page.set('Extraversion', '2');
  await page.button('Measure').click();
  await page.page.getByRole('progressbar', { name: /Measuring/ }).waitFor();
  await page.button('Measure again').waitFor({ timeout: PATIENCE });

  const extraversion = await page.scores('Extraversion');
  for (const score of [extraversion.base, extraversion.persona]) {
    expect(score).toBeGreaterThanOrEqual(1);
    expect(score).toBeLessThanOrEqual(5);
  }
  expect(extraversion.change).toBeGreaterThan(0.2);
  expect(extraversion.change).toBeCloseTo(extraversion.persona - extraversion.base, 1);
  const told = /Extraversion: base (\d\.\d), persona (\d\.\d)\./.exec(
    (await radar().getAttribute('aria-label')) ?? '',
  );
  // Both are rounded, the table to hundredths and this to tenths.
  for (const [at, score] of [extraversion.base, extraversion.persona].entries())
    expect(Math.abs(Number(told?.[at + 1]) - score)).toBeLessThan(0.0551);

  const stale = page.page.getByText('The sliders or instructions have changed since this measurement.');
  expect(await stale.count()).toBe(0);
  await page.set('Extraversion', '1');
  await stale.waitFor();
  await page.set('Extraversion', '2');
  await stale.waitFor({ state: 'detached' });
});

it('measures the base once for each model and gives equal figures for equal sliders', async () => {
  await page.set('Extraversion', '1');
  await page.button('Measure').click();
  await page.button('Measure again').waitFor({ timeout: PATIENCE });
  const first = await page.scores('Extraversion');
  const count = await page.runs.count();
  await page.button('Measure again').click();
  await page.button('Measure again').waitFor({ timeout: PATIENCE });
  expect(await page.scores('Extraversion')).toEqual(first);
  await expect.poll(() => page.runs.count()).toBe(count + 1);
});

it('can be cancelled', async () => {
  await page.set('Extraversion', '1');
  const before = await page.runs.count();
  // A worker that stands still cannot be done before the click.
  await expect.poll(() => running.studio.inferenceWorkers().length).toBe(1);
  const [worker] = running.studio.inferenceWorkers() as [number];
  process.kill(worker, 'SIGSTOP');
  await page.button('Measure').click();
  await page.button('Cancel').click();
  process.kill(worker, 'SIGCONT');
  await page.button('Measure').waitFor({ timeout: PATIENCE });
  // The base's run has no id before the worker goes on; on a busy machine it may be done when its cancelling arrives.
  await expect
    .poll(() => page.runs.first().getAttribute('data-state'), { timeout: PATIENCE })
    .toMatch(/cancelled|done/);
  // The persona's measurement, which would have followed, was not begun.
  expect(await page.runs.count()).toBe(before + 1);
});

it('asks a model that speaks no English in its own language, and says so', async () => {
  const root = join(import.meta.dirname, '..', '..');
  const folder = mkdtempSync(join(tmpdir(), 'temperament-german-'));
  cpSync(join(root, 'test', 'fixtures', 'checkpoints', 'llama3'), folder, { recursive: true });
  writeFileSync(join(folder, 'README.md'), '---\nlanguage: de\n---\n');
  const out = join(running.studio.home, 'models', 'tiny-german.gguf');
  execFileSync(process.execPath, [join(root, 'electron', 'cli.ts'), 'convert', folder, '--out', out], {
    env: { ...process.env, TEMPERAMENT_HOME: join(folder, 'home') },
  });
  rmSync(folder, { recursive: true });
  await page.page.reload();
  await page.page.getByLabel('Model', { exact: true }).selectOption('tiny-german');
  await page.button('Measure').click();
  await page.button('Measure again').waitFor({ timeout: PATIENCE });
  await page.page.getByText('Asked with ipip-neo-120-de,').waitFor();
  await page.shoot('measure-german');

  await page.view('Experiments').click();
  const questionnaire = page.page
    .getByRole('region', { name: 'Sweep', exact: true })
    .getByLabel('Questionnaire');
  await expect.poll(() => questionnaire.inputValue()).toBe('ipip-neo-120-de');
  await questionnaire.selectOption('mini-ipip');
  await page.view('Studio').click();
  await page.page.getByLabel('Model', { exact: true }).selectOption('demo');
  await page.view('Experiments').click();
  // What was chosen stays.
  expect(await questionnaire.inputValue()).toBe('mini-ipip');
});
