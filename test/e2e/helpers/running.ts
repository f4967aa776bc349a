/** What the tests of a file run on: one studio, one browser, and pages of it. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { type RunningStudio, startStudio } from './studio.ts';
import { launchBrowser, type PageOptions, StudioPage } from './studio-page.ts';

interface Running {
  studio: RunningStudio;
  browser: Browser;
}

/** Starts both before the file's tests and ends them afterwards; the fields are there from the first test on. */
export function useStudio(): Running {
  const running = {} as Running;
  beforeAll(async () => {
    [running.studio, running.browser] = await Promise.all([startStudio(), launchBrowser()]);
  });
  afterAll(async () => {
    await running.browser?.close();
    await running.studio?.close();
  });
  return running;
}

interface PageUse {
  /** One page for all tests of the file, in place of one for each. */
  shared?: boolean;
  /** Errors that belong to what is tested; any other fails a test. */
  usual?: RegExp;
}

/** A page of the studio, open from the beginning of each test to its end. What a failed test had before it is told. */
export function usePage(
  running: Running,
  options?: PageOptions,
  { shared = false, usual }: PageUse = {},
): StudioPage {
  const page = new StudioPage();
  (shared ? beforeAll : beforeEach)(() => page.open(running.browser, running.studio.url, options));
  (shared ? afterAll : afterEach)(async () => {
    const { errors } = page;
    await page.close();
    expect(errors.filter(error => !usual?.test(error))).toEqual([]);
  });
  // Of several hooks the last one declared runs first.
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.log(`${task.name}: the page says\n${await page.seen()}`);
  });
  return page;
}
