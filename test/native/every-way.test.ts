/** The same bytes on every CPU: the files of test/native/fixtures/every-way.json, on this machine and by each of its kernels. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import expected from './fixtures/every-way.json' with { type: 'json' };

const script = fileURLToPath(new URL('./helpers/every-way.ts', import.meta.url));

test.each(['', 'avx2', 'portable'])('every way to make a file, TEMPERAMENT_CPU=%s', cpu => {
  const { stdout, stderr } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    env: { ...process.env, TEMPERAMENT_CPU: cpu },
  });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual(expected);
});
