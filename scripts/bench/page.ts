/**
 * How long a person waits for the page, measured in the page itself: from the start of the studio to sliders that can be
 * moved, and from a moved slider to the first word of the new answers. A page that follows the sliders lets them rest for
 * a moment first; that and the model's own time to its first token are told apart.
 *
 *   node scripts/bench/page.ts [--repeat N] [--browser PATH]
 *
 * With the demonstration model, in Chromium without a window. The first start is cold (a new data folder).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { buildRenderer } from '../build.ts';
import { buildNative } from '../build-native.ts';

const { values: given } = parseArgs({
  options: {
    repeat: { type: 'string', default: '3' },
    browser: { type: 'string', default: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium' },
  },
});
const repeat = Number(given.repeat);
const root = join(import.meta.dirname, '../..');
const home = mkdtempSync(join(tmpdir(), 'temperament-bench-'));
await buildNative();
await buildRenderer(() => {});

const browser = await chromium.launch({
  executablePath: given.browser,
  args: process.getuid?.() === 0 ? ['--no-sandbox', '--disable-gpu'] : ['--disable-gpu'],
});
const ms = (from: number) => Math.round(performance.now() - from);

async function start() {
  const began = performance.now();
  const studio = spawn(process.execPath, [join(root, 'electron', 'serve.ts'), '--port', '0'], {
    env: {
      ...process.env,
      TEMPERAMENT_HOME: home,
      TEMPERAMENT_TOKEN: 'bench',
      // As `npm start` has it.
      NODE_COMPILE_CACHE: join(home, 'compiled'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(studio.stdout), 'line')) as [string];
  const ready = ms(began);
  const page = await browser.newPage({ reducedMotion: 'reduce', locale: 'en-GB', bypassCSP: true });
  await page.goto(/http:\S+/.exec(line)?.[0] ?? '');
  await page.getByRole('slider', { name: 'Extraversion' }).press('ArrowRight');
  const usable = ms(began);
  const end = async (): Promise<void> => {
    await page.close();
    const ended = once(studio, 'exit');
    studio.kill('SIGTERM');
    await ended;
  };
  return { page, ready, usable, [Symbol.asyncDispose]: end };
}

try {
  console.log(`${cpus()[0]?.model ?? 'CPU'}; load ${loadavg()[0]?.toFixed(1)}\n`);
  for (let i = 0; i <= repeat; i++) {
    await using running = await start();
    const { page, ready, usable } = running;
    console.log(
      `${i === 0 ? 'cold' : 'warm'} start: the studio answers after ${ready} ms, a slider moves after ${usable} ms`,
    );
    if (i === repeat) {
      await page.getByRole('textbox', { name: 'Your question to both' }).fill('Will you go to the party?');
      await page.keyboard.press('Enter');
      const done = page.locator('[data-state="done"]');
      await done.nth(1).waitFor();
      for (let move = 1; move <= repeat; move++) {
        // From the move to the first word that an answer shows, by the page's own clock.
        const waited = page.evaluate(`new Promise(resolve => {
          const slider = document.querySelector('input[type="range"]');
          const began = performance.now();
          const watcher = new MutationObserver(() => {
            const answer = document.querySelector('[data-state="streaming"] [data-testid="text"]');
            if (!answer?.innerText.trim()) return;
            watcher.disconnect();
            resolve(performance.now() - began);
          });
          watcher.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
          slider.valueAsNumber = ${move % 2 === 0 ? -0.5 : 0.5};
          slider.dispatchEvent(new InputEvent('input', { bubbles: true }));
        })`);
        const total = Math.round(Number(await waited));
        await page.waitForFunction(`document.querySelectorAll('[data-state="streaming"]').length === 0`);
        const facts = await page
          .locator('.facts')
          .last()
          .locator('.fact > span:not(.usual)')
          .allTextContents();
        console.log(
          `moved slider: first word after ${total} ms (the model: ${facts.find(fact => fact.startsWith('first')) ?? '–'})`,
        );
      }
    }
  }
} finally {
  await browser.close();
  rmSync(home, { recursive: true, force: true });
}
