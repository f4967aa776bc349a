/** The examples of native-merge/README.md, run as they stand there, one after the other, on the demonstration family. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { bake, compare, readGguf } from '../../native-merge/index.js';
import { workspace, writeImatrix } from './helpers/workspace.ts';

const at = workspace();
const addon = join(import.meta.dirname, '..', '..', 'native-merge');
const demo = join(addon, '..', 'resources', 'demo');

test('the README’s examples run', { timeout: 120_000 }, async () => {
  copyFileSync(join(demo, 'base.gguf'), at('model-f16.gguf'));
  for (const id of ['extraversion-high', 'extraversion-low', 'openness-high'])
    await bake({
      base: at('model-f16.gguf'),
      out: at(`model-${id}-f16.gguf`),
      type: 'f16',
      method: 'task_arithmetic',
      vectors: [{ path: join(demo, 'vectors', `${id}.gguf`), id, weight: 1 }],
    });
  const matrices = readGguf(at('model-f16.gguf')).tensors.filter(({ shape }) => shape.length > 1);
  writeImatrix(
    at('model.imatrix.gguf'),
    matrices.map(({ name, shape: [columns = 0] }) => [name, columns]),
  );

  const examples = [...readFileSync(join(addon, 'README.md'), 'utf8').matchAll(/^```js\n(.*?)^```/gms)].map(
    ([, code]) => code,
  );
  expect(examples.length).toBeGreaterThanOrEqual(3);
  const program = examples
    .join('')
    .replace("'./native-merge/index.js'", `'${pathToFileURL(join(addon, 'index.js'))}'`);
  const ran = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: dirname(at('model-f16.gguf')),
    encoding: 'utf8',
  });
  expect({ status: ran.status, err: ran.stderr.replaceAll(/^\d+ %\n/gm, '') }).toEqual({
    status: 0,
    err: '',
  });

  const types = (file: string) => new Set(readGguf(at(file)).tensors.map(({ type }) => type));
  expect(types('persona.gguf')).toContain('Q8_0');
  expect(types('persona-in-depth.gguf')).toContain('Q8_0');
  expect(types('persona-q4.gguf')).toContain('Q4_K');
  const { all } = await compare([at('extraversion-high.gguf'), at('extraversion-high-lora.gguf')]);
  expect(all.cosines[0]?.[1]).toBeGreaterThan(Math.sqrt(0.95) - 1e-3);
});
