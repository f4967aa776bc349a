/** Test projects, from quick to slow; `npm test` runs them one after the other. */
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const seconds = 1000;

export default defineConfig({
  test: {
    // Workers and models are processes of their own: more test files at once would measure the machine, not the code.
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        plugins: [svelte({ configFile: false })],
        test: {
          name: 'unit',
          include: ['electron/**/*.test.ts', 'renderer/**/*.test.ts', 'scripts/**/*.test.ts'],
        },
      },
      { test: { name: 'native', include: ['test/native/**/*.test.ts'], testTimeout: 120 * seconds } },
      {
        test: {
          name: 'integration',
          include: ['test/{integration,hosts,shell}/**/*.test.ts'],
          testTimeout: 120 * seconds,
          hookTimeout: 120 * seconds,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 180 * seconds,
          hookTimeout: 180 * seconds,
          // What is waited for may need the model, and the machine may be busy.
          expect: { poll: { timeout: 30 * seconds } },
        },
      },
    ],
  },
});
