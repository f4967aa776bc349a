/** The page as a user meets it: what is on it, by role and name, and what a user does with it. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';
import { expect } from 'vitest';

/** Longest wait for a model's answer or measurement, in milliseconds: the machine may be busy. */
export const PATIENCE = 90_000;

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A folder for screenshots to look at, when one is named. */
const shots = process.env.SCREENSHOTS;
const SIZES = { small: { width: 1280, height: 800 }, large: { width: 1920, height: 1080 } };

const QUIET = [
  '--disable-gpu',
  // Letters as wide as the font has them, whatever the system sets.
  '--font-render-hinting=none',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    // Chromium refuses its sandbox to root, which containers run as.
    args: process.getuid?.() === 0 ? ['--no-sandbox', ...QUIET] : QUIET,
  });

/** Runs in the page, so that it is text here: this program has no DOM. */
const findClipped = `(() => {
  const found = new Set();
  const walker = document.createTreeWalker(document.querySelector('dialog[open]') ?? document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const say = (what, text, at) => found.add(what + ': "' + text.slice(0, 60) + '" in ' + at.tagName.toLowerCase() + '.' + at.className);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.trim();
    const own = node.parentElement;
    if (!text || !own.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (own.closest('.visually-hidden, svg, option, script, style')) continue;
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (box.width === 0) continue;
    if (own.closest('button, .button, th, td, label, summary') && getComputedStyle(own).display !== 'inline' && own.scrollWidth > own.clientWidth + 1 && getComputedStyle(own).overflowX === 'visible')
      say('spills', text, own);
    const line = own.closest('button, .button, label, tr');
    const around = line && getComputedStyle(line).display !== 'inline' && line.getBoundingClientRect();
    if (around && (box.bottom > around.bottom + 2 || box.top < around.top - 2)) say('higher than its line', text, line);
    let right = innerWidth;
    for (let at = own; at && at !== document.documentElement; at = at.parentElement) {
      // What lies on top is cut by nothing that it stands in.
      if (at.tagName === 'DIALOG') break;
      const style = getComputedStyle(at);
      const edge = at.getBoundingClientRect();
      if (style.overflowX === 'auto' || style.overflowX === 'scroll') { right = Infinity; }
      if (style.overflowX === 'hidden' || style.overflowX === 'clip') {
        const told = style.textOverflow === 'ellipsis' && at.closest('[title]')?.title;
        if (!told && (box.right > edge.right + 1.5 || box.left < edge.left - 1.5)) say('cut at the side', text, at);
      }
      if (style.overflowY === 'auto' || style.overflowY === 'scroll') break;
      if ((style.overflowY === 'hidden' || style.overflowY === 'clip') && style.webkitLineClamp === 'none' && (box.bottom > edge.bottom + 2 || box.top < edge.top - 2)) say('cut below', text, at);
    }
    if (box.right > right + 1) say('outside of the window', text, own);
  }
  const pen = document.createElement('canvas').getContext('2d');
  for (const field of document.querySelectorAll('input, select')) {
    const text = field.tagName === 'SELECT' ? field.selectedOptions[0]?.text : field.value ? '' : field.placeholder;
    if (!text || field.title.includes(text) || !field.checkVisibility()) continue;
    const style = getComputedStyle(field);
    pen.font = style.fontWeight + ' ' + style.fontSize + ' ' + style.fontFamily;
    const arrow = field.tagName === 'SELECT' ? 16 : 0;
    if (pen.measureText(text).width > field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - arrow + 1)
      say('cut in its field', text, field);
  }
  return [...found];
})()`;

export type Side = 'Base' | 'Persona';

export interface PageOptions extends BrowserContextOptions {
  /** Has the context before the page is opened. */
  prepare?: (context: BrowserContext) => Promise<unknown>;
}

export class StudioPage {
  /** Of the context opened last. */
  page!: Page;
  /** Errors that the page threw or logged; a test ends with none. */
  errors: string[] = [];

  static async open(browser: Browser, url: string, options?: PageOptions): Promise<StudioPage> {
    const studio = new StudioPage();
    await studio.open(browser, url, options);
    return studio;
  }

  /** Opens the studio in a browser context of its own, with nothing remembered. */
  async open(browser: Browser, url: string, { prepare, ...options }: PageOptions = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    await prepare?.(context);
    this.page = await context.newPage();
    this.errors = [];
    this.page.on('pageerror', error => this.errors.push(error.message));
    this.page.on('console', message => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
    await this.page.goto(url);
    await this.slider('Extraversion').waitFor();
    await this.page.getByText(/^(Demonstration model|Vorführmodell)\.$/).waitFor();
  }

  close() {
    return this.page.context().close();
  }

  /** Address and text of what is in front: a dialog, or the page. */
  async seen(): Promise<string> {
    const front = this.page.locator('dialog[open], body').last();
    return `${this.page.url()}\n${await front.innerText({ timeout: 2000 }).catch(String)}`;
  }

  slider(trait: string): Locator {
    return this.page.getByRole('slider', { name: trait });
  }

  value(trait: string): Locator {
    return this.page.getByRole('textbox', { name: `${trait}: strength` });
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name, exact: typeof name === 'string' });
  }

  /** The rail's way to a view. */
  view(name: string): Locator {
    return this.page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name, exact: true });
  }

  get question(): Locator {
    return this.page.getByRole('textbox', { name: 'Your question to both' });
  }

  /** The newest answer of one side. */
  answer(side: Side): Locator {
    return this.page.getByRole('region', { name: `Answer of ${side}` }).last();
  }

  get warnings(): Locator {
    return this.page.getByRole('list', { name: 'Warnings' }).first().getByRole('listitem');
  }

  get runs(): Locator {
    return this.page.getByRole('region', { name: 'Past runs' }).getByRole('listitem');
  }

  async set(trait: string, value: string) {
    await this.value(trait).fill(value);
    await this.value(trait).press('Enter');
  }

  async ask(question: string) {
    await this.question.fill(question);
    await this.question.press('Enter');
  }

  /** Waits until the newest answers of both sides are complete, and returns them. */
  async answers(): Promise<Record<Side, string>> {
    return { Base: await this.done('Base'), Persona: await this.done('Persona') };
  }

  async done(side: Side): Promise<string> {
    await this.stateOf(side, 'done');
    return this.text(side);
  }

  async stateOf(side: Side, state: string) {
    await expect
      .poll(() => this.answer(side).getAttribute('data-state'), { timeout: PATIENCE, interval: 50 })
      .toBe(state);
  }

  async text(side: Side): Promise<string> {
    return (await this.answer(side).getByTestId('text').innerText()).trim();
  }

  /** The figures of the measurement, by row: base, persona, change. */
  async scores(trait: string): Promise<{ base: number; persona: number; change: number }> {
    const cells = this.page.getByRole('row', { name: new RegExp(`^${trait}`) }).getByRole('cell');
    const [base, persona, change] = await cells.allInnerTexts();
    const number = (text = '') => Number.parseFloat(text.replace('−', '-'));
    return { base: number(base), persona: number(persona), change: number(change) };
  }

  /** Pictures of the page in each size and theme, where a folder is named for them. */
  async shoot(name: string, sizes: Record<string, { width: number; height: number }> = SIZES) {
    if (!shots) return;
    for (const [size, viewport] of Object.entries(sizes)) {
      await this.page.setViewportSize(viewport);
      for (const colorScheme of ['light', 'dark'] as const) {
        await this.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await this.page.screenshot({ path: `${shots}/${name}-${size}-${colorScheme}.png` });
      }
    }
    await this.page.setViewportSize(SIZES.small);
  }

  /**
   * Texts that cannot be read whole: cut by a box that does not scroll, spilling out of their own, or pushed out of the
   * window at the side. A line that ends in an ellipsis counts where no title tells the rest.
   */
  clipped(): Promise<string[]> {
    return this.page.evaluate(findClipped);
  }

  /** What axe finds against WCAG 2.2 A and AA and its best practices; the page must be opened with `bypassCSP`. */
  async violations(): Promise<string[]> {
    await this.page.evaluate(axeSource);
    const found = (await this.page.evaluate(
      "axe.run(document, { rules: { 'target-size': { enabled: true } } })",
    )) as {
      violations: { id: string; nodes: { target: string[]; failureSummary: string }[] }[];
    };
    return found.violations.flatMap(({ id, nodes }) =>
      nodes.map(node => `${id} at ${node.target.join(' ')}: ${node.failureSummary}`),
    );
  }
}
