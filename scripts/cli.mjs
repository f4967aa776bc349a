/** `npm run -s cli -- <command>`: sets up what is missing, then runs the terminal host. Standard output is the command's alone. */
import { fileURLToPath } from 'node:url';
import { fail, say, setUp } from './setup.mjs';

try {
  await setUp(fileURLToPath(import.meta.url));
  const { buildNative } = await import('./build-native.ts');
  await buildNative();
  if (process.argv[2] === 'serve') {
    const { buildRenderer } = await import('./build.ts');
    await buildRenderer(say);
  }
  // npm runs scripts in the package's folder; paths are meant from where the command was given.
  if (process.env.npm_lifecycle_event === 'cli' && process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
  // In this process, so that a signal arrives once.
  await import('../electron/cli.ts');
} catch (error) {
  await fail(error);
}
