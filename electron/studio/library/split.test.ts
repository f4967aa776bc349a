import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { firstPart, isPart, modelName, partsOf } from './split.ts';

test('names of parts', () => {
  expect(isPart('/m/llama-00002-of-00003.gguf')).toBe(true);
  for (const other of ['/m/llama.gguf', '/m/a-00002-of-00003.gguf/x.gguf', '/m/a-2-of-3.gguf'])
    expect(isPart(other)).toBe(false);
  expect(firstPart('/m/llama-00002-of-00003.gguf')).toBe('/m/llama-00001-of-00003.gguf');
  expect(firstPart('/m/llama.gguf')).toBe('/m/llama.gguf');
  expect(modelName('/m/llama-00002-of-00003.gguf')).toBe('llama');
  expect(modelName('/m/llama.gguf')).toBe('llama');
});

test('parts that lie beside each other', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'split-'));
  try {
    const names = ['a-00001-of-00003.gguf', 'a-00003-of-00003.gguf', 'a-00001-of-00002.gguf', 'b.gguf'];
    for (const name of names) writeFileSync(join(folder, name), '');
    const at = (name: string) => join(folder, name);
    expect(await partsOf(at('a-00001-of-00003.gguf'))).toEqual(names.slice(0, 2).map(at));
    expect(await partsOf(at('b.gguf'))).toEqual([at('b.gguf')]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
