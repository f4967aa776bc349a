import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { useStudio } from './helpers/running.ts';
import { StudioPage } from './helpers/studio-page.ts';

const running = useStudio();
let page: StudioPage;

beforeEach(async () => {
  page = await StudioPage.open(running.browser, running.studio.url);
});

afterEach(async () => {
  expect(page.errors).toEqual([]);
  await page.close();
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
    await expect.poll(() => page.warnings.count()).toBe(2);
    const meter = page.page.getByRole('meter');
    expect(await meter.getAttribute('aria-valuetext')).toBe('3.30 of 2.00');
    expect(await page.warnings.filter({ hasText: 'add up to 3.3' }).count()).toBe(1);
    expect(await page.warnings.filter({ hasText: 'Harsh text likely: Neuroticism' }).count()).toBe(1);
    await page.set('Neuroticism', '0');
    await expect.poll(() => page.warnings.count()).toBe(0);
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
    await page.page.getByLabel('Share kept').fill('0.6');
    await page.page.getByLabel('Share kept').press('Enter');
    await page.page.getByLabel('File type').selectOption('q8_0');
    await page.page.getByText('Compressed file type').waitFor();
    await save.click();
    const saved = page.page.getByRole('status').filter({ hasText: 'Saved' });
    await saved.waitFor({ timeout: 60_000 });
    const path = await saved.getByRole('code').innerText();
    expect(path).toContain(running.studio.home);
    const name = path.split('/').at(-1)?.replace('.gguf', '') ?? '';
    const model = page.page.getByLabel('Model', { exact: true });
    await expect.poll(() => model.locator(`option[value="${name}"]`).count()).toBe(1);
    await model.selectOption(name);
    expect(await page.page.getByText('Demonstration model.').count()).toBe(0);
  });
});
