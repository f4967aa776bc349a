import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { METHOD_IDS, METHODS, settingsOf } from '../../electron/studio/contract.ts';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

const running = useStudio();
const page = usePage(running);

it('says from the first view on that this is a demonstration, and leads to where a real model is added', async () => {
  const demo = page.page.getByText('Demonstration model.').locator('xpath=..');
  expect(await demo.innerText()).toContain('no evidence about people or large models');
  await demo.getByRole('link', { name: 'Use a real model' }).click();
  await page.page.getByText('Add a model', { exact: true }).waitFor();
});

describe('two mixes', () => {
  it('are kept, flipped between by key, told apart, and still there after a reload', async () => {
    const show = (slot: string) => page.button(`Show mix ${slot}`);
    expect(await page.button('Flip A/B').isDisabled()).toBe(true);
    await page.set('Extraversion', '1');
    await page.button('Keep in A').click();
    await page.set('Extraversion', '-0.5');
    await page.set('Openness', '0.5');
    await page.button('Keep in B').click();
    await page.page.getByText('A → B: O 0.00 → +0.50 · E +1.00 → −0.50').waitFor();
    expect(await show('B').getAttribute('aria-pressed')).toBe('true');
    await page.page.keyboard.press('Alt+x');
    await expect.poll(() => page.value('Extraversion').inputValue()).toBe('+1.00');
    expect(await page.value('Openness').inputValue()).toBe('0.00');
    expect(await show('A').getAttribute('aria-pressed')).toBe('true');
    await page.page.keyboard.press('Alt+x');
    await expect.poll(() => page.value('Extraversion').inputValue()).toBe('−0.50');
    await page.button('Undo').click();
    expect(await page.value('Extraversion').inputValue()).toBe('+1.00');
    await page.page.reload();
    await show('B').click();
    expect(await page.value('Openness').inputValue()).toBe('+0.50');
  });
});

it('leads back to the mixes and models that were used last', async () => {
  await page.set('Extraversion', '1.5');
  await page.ask('Will you go to the party?');
  await page.answers();
  await page.set('Extraversion', '0');
  await page.page.getByLabel('Model', { exact: true }).selectOption('Demo: Captain Mara');
  await page.button('Recently used').click();
  await page.button(/^Demo: Captain Mara model$/).waitFor();
  await page.button(/^E \+1\.50 \(demo\) mix$/).click();
  expect(await page.value('Extraversion').inputValue()).toBe('+1.50');
  expect(await page.page.getByLabel('Model', { exact: true }).inputValue()).toBe('demo');
  await page.page.reload();
  await page.button('Recently used').click();
  await page.button(/^E \+1\.50 \(demo\) mix$/).waitFor();
});

describe('a slider', () => {
  it('moves finely by arrows and coarsely with Shift or Page Up, and Home resets it', async () => {
    const slider = page.slider('Extraversion');
    await slider.focus();
    await slider.press('ArrowRight');
    expect(await slider.inputValue()).toBe('0.05');
    await slider.press('Shift+ArrowRight');
    expect(await slider.inputValue()).toBe('0.55');
    await slider.press('PageUp');
    expect(await slider.inputValue()).toBe('1.05');
    await slider.press('PageDown');
    await slider.press('ArrowLeft');
    expect(await page.value('Extraversion').inputValue()).toBe('+0.50');
    expect(await slider.getAttribute('aria-valuetext')).toBe('+0.50, outgoing');
    await slider.press('Home');
    expect(await slider.inputValue()).toBe('0');
    expect(await slider.getAttribute('aria-valuetext')).toBe('0, neutral');
  });

  it('takes typed values, with comma or point, and keeps them within its ends', async () => {
    await page.set('Neuroticism', '-0,75');
    expect(await page.slider('Neuroticism').inputValue()).toBe('-0.75');
    expect(await page.slider('Neuroticism').getAttribute('aria-valuetext')).toBe('−0.75, calm');
    await page.set('Neuroticism', '9');
    expect(await page.slider('Neuroticism').inputValue()).toBe('2');
    await page.set('Neuroticism', 'much');
    expect(await page.value('Neuroticism').inputValue()).toBe('+2.00');
  });

  it('says what its poles mean, in behaviour and in what was measured', async () => {
    const about = page.button('Extraversion: what the poles mean');
    await about.press('Enter');
    expect(await about.getAttribute('aria-expanded')).toBe('true');
    await page.page.getByText('Says little, keeps to the background, prefers to be alone.').waitFor();
    await page.page.getByText('Begins conversations, talks a lot,').waitFor();
    const measured = page.page.getByText(/^Measured: base \d\.\d\d, this mix \d\.\d\d \(1 to 5\)\.$/);
    expect(await measured.count()).toBe(0);
    await page.set('Extraversion', '1');
    await page.button('Measure').click();
    await measured.waitFor({ timeout: PATIENCE });
    // Other sliders were not measured.
    await page.set('Extraversion', '1.5');
    await measured.waitFor({ state: 'detached' });
    expect(await page.clipped()).toEqual([]);
    await about.press('Enter');
    await page.page.getByText('Says little, keeps to').waitFor({ state: 'detached' });
  });

  it('follows the pointer and is reset by a double-click', async () => {
    const slider = page.slider('Openness');
    const box = await slider.boundingBox();
    if (!box) throw new Error('The slider has no box.');
    await page.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.page.mouse.down();
    await page.page.mouse.move(box.x + box.width - 4, box.y + box.height / 2, { steps: 5 });
    await page.page.mouse.up();
    expect(Number(await slider.inputValue())).toBeGreaterThan(1.8);
    await slider.dblclick({ position: { x: box.width * 0.8, y: box.height / 2 } });
    expect(await slider.inputValue()).toBe('0');
  });

  it('keeps its place when the page is loaded again', async () => {
    await page.set('Agreeableness', '0.8');
    // The settings are kept once they have rested for a moment.
    await page.page.waitForTimeout(700);
    await page.page.reload();
    await page.slider('Agreeableness').waitFor();
    expect(await page.value('Agreeableness').inputValue()).toBe('+0.80');
  });
});

describe('undo', () => {
  it('takes back moves step by step and makes them again', async () => {
    await page.set('Extraversion', '1');
    await page.set('Openness', '-0.5');
    await page.slider('Openness').focus();
    await page.page.keyboard.press('Control+z');
    expect(await page.value('Openness').inputValue()).toBe('0.00');
    expect(await page.value('Extraversion').inputValue()).toBe('+1.00');
    await page.button('Undo').click();
    expect(await page.value('Extraversion').inputValue()).toBe('0.00');
    await page.page.keyboard.press('Control+Shift+z');
    await page.button('Redo').click();
    expect(await page.value('Openness').inputValue()).toBe('−0.50');
    expect(await page.button('Redo').isDisabled()).toBe(true);
  });

  it('brings the sliders back after all were reset', async () => {
    await page.set('Extraversion', '1.2');
    await page.set('Neuroticism', '-0.4');
    await page.button('Reset all').click();
    expect(await page.value('Extraversion').inputValue()).toBe('0.00');
    expect(await page.button('Reset all').isDisabled()).toBe(true);
    // The notice brings back what was reset, whatever was moved since.
    await page.set('Openness', '0.3');
    const notice = page.page.getByRole('listitem').filter({ hasText: 'All sliders are back at 0.' });
    await notice.getByRole('button', { name: 'Undo' }).click();
    expect(await page.value('Extraversion').inputValue()).toBe('+1.20');
    expect(await page.value('Neuroticism').inputValue()).toBe('−0.40');
  });
});

describe('warnings', () => {
  it('come and go with the sliders, each with its reason', async () => {
    await page.set('Extraversion', '1.5');
    await page.set('Neuroticism', '1.8');
    await expect.poll(() => page.warnings.count(), { timeout: PATIENCE }).toBe(2);
    const meter = page.page.getByRole('meter');
    expect(await meter.getAttribute('aria-valuetext')).toBe('3.30 of 2.00');
    expect(await page.warnings.filter({ hasText: 'add up to 3.3' }).count()).toBe(1);
    expect(await page.warnings.filter({ hasText: 'Harsh text likely: Neuroticism' }).count()).toBe(1);
    await page.set('Neuroticism', '0');
    await expect.poll(() => page.warnings.count(), { timeout: PATIENCE }).toBe(0);
    expect(await meter.getAttribute('aria-valuetext')).toBe('1.50 of 2.00');
  });
});

describe('a model file', () => {
  it('is written from the mix, with its method and type, and joins the library', async () => {
    await page.page.getByText('Advanced: save as a file').click();
    const save = page.button('Save model file');
    expect(await save.isDisabled()).toBe(true);
    await page.set('Extraversion', '1');
    await page.page.getByLabel('Method').selectOption('dare_linear');
    await page.page.getByLabel('Density').fill('0.6');
    await page.page.getByLabel('Density').press('Enter');
    await page.page.getByLabel('File type').selectOption('q8_0');
    await page.page.getByText('Compressed file type').waitFor();
    await save.click();
    const saved = page.page.getByRole('status').filter({ hasText: 'Saved' });
    await saved.waitFor({ timeout: 60_000 });
    const path = await saved.getByRole('code').innerText();
    expect(path).toContain(running.studio.home);
    const box = await saved.boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(page.page.viewportSize()?.height ?? 0);
    const name = path.split('/').at(-1)?.replace('.gguf', '') ?? '';
    const model = page.page.getByLabel('Model', { exact: true });
    await expect.poll(() => model.locator(`option[value="${name}"]`).count()).toBe(1);
    // Its own name tells it from the base, and saving again takes another.
    expect(await model.locator(`option[value="${name}"]`).innerText()).toBe(name);
    await save.click();
    await saved.getByText(`${name}-2.gguf`).waitFor({ timeout: 60_000 });
    await model.selectOption(name);
    expect(await page.page.getByText('Demonstration model.').count()).toBe(0);
  });
});

it('says below the sliders what the mix costs: adapters, the wait for an answer, the size of its file', async () => {
  const cost = (of: string) =>
    page.page.getByRole('term').filter({ hasText: of }).locator('xpath=following-sibling::dd[1]');
  const live = () => cost('Live').innerText();
  await expect.poll(live).toBe('the model alone');
  expect(await cost('File').innerText()).toBe('not saved');
  await page.set('Extraversion', '1');
  await expect.poll(live).toBe('1 adapter · rank 8 · vectors whole');
  await page.set('Openness', '-0.5');
  await expect.poll(live).toBe('2 adapters · rank 8 · vectors whole');
  await page.ask('Will you go to the party?');
  await page.answers();
  await expect.poll(live).toMatch(/^2 adapters · rank 8 · vectors whole · first word after \d+\sms$/);
  await page.page.getByText('Advanced: save as a file').click();
  await page.button('Save model file').click();
  await expect
    .poll(() => cost('File').innerText(), { timeout: PATIENCE })
    .toMatch(/^saved, \d\.\d MB, took \d+\.\d s$/);
  // Other sliders are another mix: nobody has waited for it, and it has no file.
  await page.set('Openness', '-1');
  await expect.poll(live).toBe('2 adapters · rank 8 · vectors whole');
  expect(await cost('File').innerText()).toBe('not saved');
});

describe('the settings of a method', () => {
  const method = () => page.page.getByLabel('Method', { exact: true });
  const settings = (label: string) => page.page.getByRole('group', { name: `Settings of ${label}` });
  const save = () => page.button('Save model file');

  beforeEach(() => page.page.getByText('Advanced: save as a file').click());

  it('are those of the table, each with its help and default', async () => {
    for (const id of METHOD_IDS) {
      await method().selectOption(id);
      const group = settings(METHODS[id].label);
      for (const parameter of settingsOf(id)) {
        const control = group.getByLabel(parameter.label, { exact: true });
        const shown = parameter.type === 'flag' ? await control.isChecked() : await control.inputValue();
        expect([id, parameter.id, `${shown}`]).toEqual([id, parameter.id, `${parameter.default}`]);
        const about = await control.getAttribute('aria-describedby');
        expect(await page.page.locator(`[id="${about}"]`).innerText()).toContain(parameter.help);
      }
      const controls = group.locator('input, select');
      expect(await controls.count()).toBe(settingsOf(id).length);
    }
  });

  it('can be set and taken back by keyboard', async () => {
    const { keyboard } = page.page;
    await method().selectOption('ties');
    const group = settings('TIES');
    const density = group.getByLabel('Density');
    await density.focus();
    await keyboard.press('ArrowUp');
    expect(await density.inputValue()).toBe('0.35');
    await keyboard.press('Tab');
    await keyboard.press('ArrowDown');
    expect(await group.getByLabel('Threshold over').inputValue()).toBe('vector');
    await keyboard.press('Tab');
    await keyboard.press('Tab');
    await keyboard.press('Space');
    expect(await group.getByLabel('Normalise').isChecked()).toBe(false);
    const back = group.getByRole('button', { name: 'Back to defaults' });
    await back.focus();
    await keyboard.press('Enter');
    expect(await density.inputValue()).toBe('0.3');
    expect(await group.getByLabel('Threshold over').inputValue()).toBe('tensor');
    expect(await group.getByLabel('Normalise').isChecked()).toBe(true);
    // The keyboard goes on from where it was.
    expect(await page.page.evaluate('document.activeElement.textContent.trim()')).toBe('Back to defaults');
  });

  it('keep a number within its range', async () => {
    await method().selectOption('ties');
    const density = settings('TIES').getByLabel('Density');
    for (const [typed, shown] of [
      ['0.123', '0.123'],
      ['7', '1'],
      ['0', '1'],
      ['much', '1'],
    ]) {
      await density.fill(typed as string);
      await density.press('Enter');
      expect(await density.inputValue()).toBe(shown);
    }
  });

  it('say what does not go together instead of failing', async () => {
    await page.set('Extraversion', '1');
    await page.set('Openness', '0.5');
    await method().selectOption('slerp');
    await page.page.getByText('exactly 1 vector, but 2 weights are not 0').waitFor();
    expect(await save().isDisabled()).toBe(true);
    await page.set('Openness', '0');
    await expect.poll(() => save().isEnabled(), { timeout: PATIENCE }).toBe(true);
    await method().selectOption('della');
    const density = settings('DELLA').getByLabel('Density');
    await density.fill('0.9');
    await density.press('Enter');
    await page.page.getByText('choose an epsilon below 0.1').waitFor();
    expect(await save().isDisabled()).toBe(true);
    await settings('DELLA').getByLabel('Spread ε').fill('0.05');
    await settings('DELLA').getByLabel('Spread ε').press('Enter');
    await expect.poll(() => save().isEnabled(), { timeout: PATIENCE }).toBe(true);
    await page.page.getByText('Panes differ from the file').waitFor();
  });

  it('are remembered, and go into the file and the log', async () => {
    await page.set('Neuroticism', '-1');
    await method().selectOption('breadcrumbs');
    await settings('Breadcrumbs').getByLabel('Outliers γ').fill('0.02');
    await settings('Breadcrumbs').getByLabel('Outliers γ').press('Enter');
    await settings('Breadcrumbs').getByLabel('Rescale').selectOption('l1');
    await page.page.waitForTimeout(700);
    await page.page.reload();
    await page.slider('Neuroticism').waitFor();
    await page.page.getByText('Advanced: save as a file').click();
    expect(await method().inputValue()).toBe('breadcrumbs');
    expect(await settings('Breadcrumbs').getByLabel('Outliers γ').inputValue()).toBe('0.02');
    expect(await settings('Breadcrumbs').getByLabel('Rescale').inputValue()).toBe('l1');
    await save().click();
    await page.page.getByRole('status').filter({ hasText: 'Saved' }).waitFor({ timeout: 60_000 });
    await page.runs.filter({ hasText: 'Model file' }).first().getByRole('button').click();
    await page.page
      .getByRole('dialog')
      .getByText('Breadcrumbs: Outliers γ 0.02, Rescale By L1 norm')
      .waitFor();
  });

  it('that an older studio remembered are still there', async () => {
    const recipe = {
      version: 1,
      base: 'demo',
      weights: { openness: 0.4 },
      method: 'ties',
      density: 0.6,
      seed: 7,
    };
    await page.page.evaluate(
      `localStorage.setItem('temperament.persona', ${JSON.stringify(JSON.stringify({ recipe, system: 'Be brief.' }))})`,
    );
    await page.page.reload();
    await page.slider('Openness').waitFor();
    expect(await page.value('Openness').inputValue()).toBe('+0.40');
    await page.page.getByText('Advanced: save as a file').click();
    expect(await method().inputValue()).toBe('ties');
    expect(await settings('TIES').getByLabel('Density').inputValue()).toBe('0.6');
  });
});

it('a strength can vary over the layers, by keyboard and by pointer, and the file has it', async () => {
  const { keyboard } = page.page;
  await page.set('Extraversion', '1');
  await page.page.getByText('Advanced: save as a file').click();
  await page.page.getByText('Vary a strength over the layers').click();
  const curve = page.page.getByRole('group', { name: 'Extraversion over the layers' });
  const point = (nth: number) => curve.getByRole('slider').nth(nth - 1);
  const heights = async () =>
    (await curve.getByRole('slider').all()).reduce<Promise<string[]>>(
      async (before, each) => [...(await before), (await each.getAttribute('aria-valuenow')) ?? ''],
      Promise.resolve([]),
    );
  expect(await heights()).toEqual(['1', '1', '1', '1']);
  await point(1).focus();
  await keyboard.press('PageDown');
  await keyboard.press('ArrowUp');
  expect(await heights()).toEqual(['0.55', '1', '1', '1']);
  await keyboard.press('Home');
  await page.button('Late layers').click();
  expect(await heights()).toEqual(['0', '0.333', '0.667', '1']);
  await keyboard.press('Control+z');
  expect(await heights()).toEqual(['1', '1', '1', '1']);
  await keyboard.press('Control+Shift+z');
  expect(await heights()).toEqual(['0', '0.333', '0.667', '1']);
  const points = page.page.getByLabel('Points', { exact: true });
  await points.fill('3');
  await points.press('Enter');
  expect(await heights()).toEqual(['0', '0.5', '1']);
  const box = await curve.boundingBox();
  await page.page.mouse.click((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + 1);
  expect(Number((await heights())[1])).toBeGreaterThan(1.9);
  await page.shoot('curve');
  await page.page.getByText('Panes differ from the file').waitFor();
  await page.button('Save model file').click();
  await page.page.getByRole('status').filter({ hasText: 'Saved' }).waitFor({ timeout: 60_000 });
  await page.runs.filter({ hasText: 'Model file' }).first().getByRole('button').click();
  await page.page
    .getByRole('dialog')
    .getByText(/E over the layers × 0\.00 – (1\.9\d|2\.00) – 1\.00/)
    .waitFor();
});

it('a recipe is saved for mergekit, and opened from it with a way back', async () => {
  await page.set('Extraversion', '1.2');
  await page.page.getByText('Advanced: save as a file').click();
  await page.page.getByLabel('Method', { exact: true }).selectOption('ties');
  const saving = page.page.waitForEvent('download');
  await page.button('Save as mergekit YAML').click();
  const saved = await saving;
  expect(saved.suggestedFilename()).toBe('demo-ties.yml');
  const yaml = readFileSync(await saved.path(), 'utf8');
  expect(yaml).toContain('model: demo-extraversion-high');
  const open = (text: string) =>
    page.page
      .getByLabel('Open mergekit YAML…')
      .setInputFiles({ name: 'config.yml', mimeType: 'application/yaml', buffer: Buffer.from(text) });
  await open(yaml.replace('extraversion-high', 'extraversion-low').replace('1.2', '0.7'));
  await expect.poll(() => page.value('Extraversion').inputValue()).toBe('−0.70');
  await page.button('Undo').last().click();
  await expect.poll(() => page.value('Extraversion').inputValue()).toBe('+1.20');
  await open(yaml.replace('ties', 'linear'));
  await page.page.getByText('cannot do mergekit’s method “linear”').waitFor();
});
