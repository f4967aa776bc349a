/**
 * Compares the page with kept pictures. They are kept and compared at a quarter of their width and height: that leaves
 * layout, colours and what stands where, and takes out how a system smooths its letters.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pixelmatch from 'pixelmatch';
import type { BrowserContext, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { expect } from 'vitest';

const KEPT = join(import.meta.dirname, '..', 'pictures');
/** Where the page as it is, and what differs, is put to be looked at. */
const FOUND = join(import.meta.dirname, '..', '..', '..', 'dist', 'pictures');
export const renewing = process.env.RENEW_PICTURES === '1';

const FRAMES = {
  light: { width: 1280, height: 800 },
  dark: { width: 1920, height: 1080 },
} as const;

const REDUCED = 4;
/** Pixels of a reduced picture that may differ within a square of this side, and how much counts as different (0 … 1). */
const SQUARE = 12;
const MOST = 36;
const DIFFERENT = 0.08;

const font = readFileSync(
  join(import.meta.dirname, '../../../resources/fonts/LiberationSans-Regular.ttf'),
).toString('base64');

/** The studio's own font, as systems have others; what a clock, a machine or a model's words decide is left blank. */
const STYLE = `
@font-face { font-family: Pictured; src: url(data:font/ttf;base64,${font}); }
:root { --font: Pictured; --font-mono: Pictured; }
* { caret-color: transparent !important; }
time, .facts, .readout, .headline, td.outcome, td.took, .path { visibility: hidden !important; }
.readout { height: 8rem; overflow: hidden; }`;

/** Before the page is opened: the style takes part in its first layout. */
export const prepare = (context: BrowserContext) =>
  context.addInitScript(`{
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(${JSON.stringify(STYLE)});
    document.adoptedStyleSheets = [sheet];
  }`);

/** Says what differs from the kept pictures of this name; RENEW_PICTURES=1 keeps the page as it is now instead. */
export async function differences(page: Page, name: string): Promise<string[]> {
  const found: string[] = [];
  for (const [theme, viewport] of Object.entries(FRAMES)) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme: theme as keyof typeof FRAMES, reducedMotion: 'reduce' });
    await page.evaluate('document.fonts.ready');
    const whole = await settled(page);
    const now = reduce(PNG.sync.read(whole));
    const file = `${name}-${theme}.png`;
    const kept = join(KEPT, file);
    if (renewing) {
      mkdirSync(KEPT, { recursive: true });
      writeFileSync(kept, PNG.sync.write(now, { deflateLevel: 9 }));
      continue;
    }
    if (!existsSync(kept)) {
      found.push(`${file} is missing: make it with RENEW_PICTURES=1`);
      continue;
    }
    const before = PNG.sync.read(readFileSync(kept));
    const marked = new PNG({ width: now.width, height: now.height });
    const most =
      before.width === now.width && before.height === now.height
        ? pixelmatch(before.data, now.data, marked.data, now.width, now.height, {
            threshold: DIFFERENT,
            includeAA: true,
            windowSize: SQUARE,
          })
        : Number.POSITIVE_INFINITY;
    if (process.env.PICTURES_SAY) console.log(`${file}: ${most}`);
    if (most <= MOST) continue;
    mkdirSync(FOUND, { recursive: true });
    writeFileSync(join(FOUND, file), whole);
    writeFileSync(join(FOUND, `${name}-${theme}-differs.png`), PNG.sync.write(marked));
    found.push(`${file}: ${most} pixels differ in a square of ${SQUARE} × ${SQUARE}, see ${FOUND}`);
  }
  await page.setViewportSize(FRAMES.light);
  return found;
}

/** A picture of the page once it no longer changes. */
async function settled(page: Page): Promise<Buffer> {
  let last: Buffer | undefined;
  await expect
    .poll(
      async () => {
        const now = await page.screenshot({ caret: 'hide', animations: 'disabled' });
        const same = last?.equals(now) ?? false;
        last = now;
        return same;
      },
      { interval: 150 },
    )
    .toBe(true);
  return last as Buffer;
}

/** Means over squares of `REDUCED` pixels; what is left over at the right and below is left out. */
function reduce({ width, height, data }: PNG): PNG {
  const small = new PNG({ width: Math.floor(width / REDUCED), height: Math.floor(height / REDUCED) });
  for (let y = 0; y < small.height; y++)
    for (let x = 0; x < small.width; x++)
      for (let channel = 0; channel < 4; channel++) {
        let sum = 0;
        for (let dy = 0; dy < REDUCED; dy++)
          for (let dx = 0; dx < REDUCED; dx++)
            sum += data[((y * REDUCED + dy) * width + x * REDUCED + dx) * 4 + channel] ?? 0;
        small.data[(y * small.width + x) * 4 + channel] = Math.round(sum / REDUCED ** 2);
      }
  return small;
}
