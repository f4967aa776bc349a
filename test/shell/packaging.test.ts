import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import config from '../../scripts/electron-builder.config.ts';

const root = join(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
/** electron-builder's own check and schema, the ones it applies before it builds. */
const builder = dirname(
  createRequire(require.resolve('electron-builder')).resolve('app-builder-lib/package.json'),
);
const { validateSchema } = require(join(builder, 'out/util/config/schemaValidator.js')) as {
  validateSchema(schema: object, data: object, options: { name: string }): void;
};
const schema = JSON.parse(readFileSync(join(builder, 'scheme.json'), 'utf8')) as object;
const check = (data: object) => validateSchema(schema, structuredClone(data), { name: 'electron-builder' });

describe('the packaging configuration', () => {
  it('is one that electron-builder takes, for all three systems', () => {
    expect(() => check(config)).not.toThrow();
    expect(config.linux?.target).toEqual(['AppImage', 'deb']);
    expect(config.mac?.target).toEqual(['dmg']);
    expect(config.win?.target).toEqual(['nsis']);
  });

  it('would not be taken with a misspelt entry', () => {
    expect(() => check({ ...config, electronFuses: { runAsNod: false } })).toThrow(/electronFuses/);
    expect(() => check({ ...config, asarUnpak: [] })).toThrow(/asarUnpak/);
  });

  it('blows the fuses of the security checklist', () => {
    expect(config.electronFuses).toMatchObject({
      runAsNode: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableCookieEncryption: true,
      onlyLoadAppFromAsar: true,
      enableEmbeddedAsarIntegrityValidation: true,
      grantFileProtocolExtraPrivileges: false,
    });
  });

  it('has personas open by a double click, and nothing else', () => {
    expect(config.fileAssociations).toMatchObject([{ ext: 'persona' }]);
    expect(() => check({ ...config, fileAssociations: [{ name: 'no ending' }] })).toThrow(/ext/);
  });

  it('names files that exist', () => {
    const { main } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { main: string };
    expect(config.files).toContain(dirname(main));
    expect(existsSync(join(root, String(config.icon)))).toBe(true);
  });

  it('has an icon large enough for every system', () => {
    const png = readFileSync(join(root, String(config.icon)));
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1024, 1024]);
  });
});
