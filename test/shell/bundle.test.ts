/** The bundle that Electron runs: complete, and importing nothing that an archive would not hold. */
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildElectron } from '../../scripts/build.ts';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'dist', 'electron');
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};

/** `node:fs`, `electron`, `@orpc/server`: the package that an import or require names; undefined for a path. */
function packagesOf(code: string): string[] {
  const names = [...code.matchAll(/(?:from|import|import\(|require\()\s*['"]([\w@./:-]+)['"]/g)].map(
    match => match[1] ?? '',
  );
  return names
    .filter(name => !name.startsWith('.') && !name.startsWith('/'))
    .map(name =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    );
}

describe('the desktop bundle', () => {
  beforeAll(() => buildElectron(() => {}));

  it('holds the main process, the preload script and the workers side by side', () => {
    expect(readdirSync(folder)).toEqual(
      expect.arrayContaining(['main.js', 'preload.cjs', 'inference.js', 'merging.js']),
    );
  });

  it('has a preload script that a sandboxed page can load', () => {
    const code = readFileSync(join(folder, 'preload.cjs'), 'utf8');
    expect(packagesOf(code)).toEqual(['electron']);
    expect(code).not.toMatch(/^(import|export) /m);
  });

  it('imports only what is packaged with it', () => {
    const code = readdirSync(folder).map(file => readFileSync(join(folder, file), 'utf8'));
    const foreign = code
      .flatMap(packagesOf)
      .filter(name => !isBuiltin(name) && name !== 'electron' && !(name in dependencies));
    expect(foreign).toEqual([]);
  });

  it('leaves Electron to the main process', () => {
    for (const worker of ['inference.js', 'merging.js'])
      expect(packagesOf(readFileSync(join(folder, worker), 'utf8'))).not.toContain('electron');
  });

  it('is built once', async () => {
    expect(await buildElectron(() => {})).toBe(false);
  });
});
