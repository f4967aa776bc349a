/** `npm test`: sets up what is missing, then runs every check; see stages.ts. */
import { fileURLToPath } from 'node:url';
import { fail, setUp } from './setup.mjs';

try {
  await setUp(fileURLToPath(import.meta.url));
  const { runStages } = await import('./stages.ts');
  process.exit(await runStages(process.argv.slice(2)));
} catch (error) {
  await fail(error);
}
