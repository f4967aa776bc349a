import { expect, it } from 'vitest';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

/** A calibration is 55 measurements. */
const CALIBRATION = 420_000;

const running = useStudio();
const page = usePage(running, {
  bypassCSP: true,
  reducedMotion: 'reduce',
});

const mode = (name: string) => page.page.getByRole('radio', { name });
const wanted = (trait: string) => page.page.getByRole('textbox', { name: `${trait}: wanted score, 1 to 5` });
const progress = (name: string) => page.page.getByRole('progressbar', { name });

it(
  'offers a calibration where there is none, sets the sliders for a wanted score by keyboard, and measures it',
  async () => {
    await mode('Dose (α)').focus();
    await page.page.keyboard.press('ArrowRight');
    await page.page.getByText('There is no calibration yet').waitFor();
    expect(await page.violations()).toEqual([]);

    await page.button('Calibrate').click();
    await progress('Calibrating').waitFor();
    await page.button('Cancel').click();
    await page.button('Calibrate').click();
    await wanted('Extraversion').waitFor({ timeout: CALIBRATION });

    await wanted('Extraversion').fill('4');
    await wanted('Extraversion').press('Enter');
    const figures = page.page.locator('.target').filter({ hasText: 'Extraversion' });
    await expect
      .poll(() => figures.innerText(), { timeout: PATIENCE })
      .toMatch(/Predicted (3\.9|4\.0)\d \[3\.\d+, 4\.\d+\]/);
    await expect.poll(() => figures.innerText(), { timeout: PATIENCE }).toMatch(/α \+\d/);
    const [, low, high] = /Within reach (\d\.\d\d) to (\d\.\d\d)/.exec(await figures.innerText()) ?? [];
    expect(Number(low)).toBeLessThan(3);
    expect(Number(high)).toBeGreaterThan(4);
    await wanted('Extraversion').fill('1');
    await wanted('Extraversion').press('Enter');
    // Asked for more than can be had, the reach stands out, and the prediction ends there.
    await expect.poll(() => figures.locator('.beyond').count()).toBe(Number(low) > 1 ? 1 : 0);
    await wanted('Extraversion').fill('4');
    await wanted('Extraversion').press('Enter');
    await expect.poll(() => figures.innerText(), { timeout: PATIENCE }).toMatch(/Predicted (3\.9|4\.0)/);
    await page.slider('Extraversion').press('Shift+ArrowLeft');
    await expect.poll(() => wanted('Extraversion').inputValue(), { timeout: PATIENCE }).toBe('3.50');
    await page.slider('Extraversion').press('Shift+ArrowRight');
    await expect.poll(() => figures.innerText(), { timeout: PATIENCE }).toMatch(/Predicted (3\.9|4\.0)/);

    await page.button('Measure and correct').click();
    await figures.getByText(/^Measured (3\.[7-9]|4\.[0-3])/).waitFor({ timeout: CALIBRATION });
    expect(await page.violations()).toEqual([]);

    await mode('Dose (α)').check({ force: true });
    expect(Number(await page.slider('Extraversion').inputValue())).toBeGreaterThan(0.2);
    await page.set('Extraversion', '0');
    await mode('Target (score)').check({ force: true });
    // What is predicted is for the sliders as they stand, no longer for the score that is wanted.
    await expect
      .poll(() => figures.innerText(), { timeout: PATIENCE })
      .toMatch(/Predicted (2\.\d|3\.[0-5])\d \[.*\s+α 0\.00/);
    await page.button('Set them again').click();
    await page.page.getByText('no longer stand where').waitFor({ state: 'detached' });

    await wanted('Extraversion').fill('');
    await wanted('Extraversion').press('Enter');
    expect(await page.page.getByRole('checkbox', { name: 'Extraversion: leave free' }).isChecked()).toBe(
      true,
    );
    expect(await page.button('Measure and correct').isDisabled()).toBe(true);
  },
  2 * CALIBRATION,
);
