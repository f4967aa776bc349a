/** Where files cannot be nameless: what a killed writer leaves is removed later, what a living one writes is not. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { bake, readGguf, removePartialFiles } from '../../native-merge/index.js';
import { writeGguf } from './helpers/gguf.ts';
import { filesIn, modelMetadata, workspace } from './helpers/workspace.ts';

const at = workspace();
const outputs = at('outputs');
mkdirSync(outputs);
const index = fileURLToPath(new URL('../../native-merge/index.js', import.meta.url));

test('only names that writers make', () => {
  const partial = ['.a.gguf.123-0.partial', '.b.c.99999999-17.partial'];
  const others = [
    'a.gguf',
    'a.gguf.1-2.partial',
    '.a.partial',
    '.a.-1.partial',
    '.a.1-.partial',
    '.1-2.partial',
  ];
  for (const name of [...partial, ...others]) writeFileSync(`${outputs}/${name}`, 'x');
  expect(removePartialFiles(outputs)).toBe(2);
  expect(filesIn(outputs)).toEqual(others.toSorted());
  expect(removePartialFiles(at('nowhere'))).toBe(0);
});

describe.skipIf(process.platform !== 'linux')('without nameless files', () => {
  const folder = at('named');
  mkdirSync(folder);
  const shim = at('no-tmpfile.so');
  const source = fileURLToPath(new URL('helpers/no-tmpfile.cpp', import.meta.url));
  execFileSync(process.env.CXX ?? 'c++', ['-shared', '-fPIC', source, '-o', shim, '-ldl']);
  const raw = new Uint8Array(1 << 22);
  const names = Array.from({ length: 32 }, (_, i) => `blk.${i}.ffn_up.weight`);
  const base = writeGguf(
    at('base.gguf'),
    modelMetadata,
    names.map(name => ({ name, shape: [1024, 1024], raw })),
  );
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  /** A process that bakes and holds still in the middle. */
  async function halfway(out: string): Promise<ChildProcess> {
    const options = { base, out, type: 'f16', method: 'task_arithmetic', vectors: [], threads: 1 };
    const script = `
      import { bake } from ${JSON.stringify(index)};
      let told = false;
      bake(${JSON.stringify(options)}, { onProgress: () => {
        if (!told) process.kill(process.pid, 'SIGSTOP');
        told = true;
      } }).then(() => console.log('done'));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, LD_PRELOAD: shim },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    for (let i = 0; i < 600 && partials().length < children.length; i++)
      await new Promise(resolve => setTimeout(resolve, 50));
    return child;
  }
  const partials = () => readdirSync(folder).filter(name => name.endsWith('.partial'));

  test('a killed writer’s file goes when the next is written; a living writer finishes', async () => {
    const killed = await halfway(`${folder}/killed.gguf`);
    const living = await halfway(`${folder}/living.gguf`);
    expect(partials().map(name => name.split('.')[1])).toEqual(['killed', 'living']);
    killed.kill('SIGKILL');
    await new Promise(resolve => killed.once('exit', resolve));
    await bake({ base, out: `${folder}/next.gguf`, type: 'f16', method: 'task_arithmetic', vectors: [] });
    expect(partials().map(name => name.split('.')[1])).toEqual(['living']);
    living.kill('SIGCONT');
    await new Promise(resolve => living.once('exit', resolve));
    expect(filesIn(folder)).toEqual(['living.gguf', 'next.gguf']);
    expect(readGguf(`${folder}/living.gguf`).tensors.length).toBe(32);
  });
});
