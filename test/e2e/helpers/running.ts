/** One studio and one browser for all tests of a file. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { type RunningStudio, startStudio } from './studio.ts';
import { launchBrowser } from './studio-page.ts';

/** Starts both before the file's tests and ends them afterwards; the fields are there from the first test on. */
export function useStudio(): { studio: RunningStudio; browser: Browser } {
  const running = {} as { studio: RunningStudio; browser: Browser };
  beforeAll(async () => {
    [running.studio, running.browser] = await Promise.all([startStudio(), launchBrowser()]);
  });
  afterAll(async () => {
    await running.browser?.close();
    await running.studio?.close();
  });
  return running;
}
