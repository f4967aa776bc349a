/** Builds the page into dist/renderer. Paths are relative: the page is served from `/` and from `temperament://`. */
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [svelte({ configFile: false })],
  build: {
    outDir: '../dist/renderer',
    emptyOutDir: true,
    target: 'es2023',
    // The content-security policy allows no data: scripts or styles, and no inline preload helper.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // In kB before compression: the page is read from the same machine, in one piece.
    chunkSizeWarningLimit: 2000,
  },
});
