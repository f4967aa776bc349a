/** Keys of servers on the desktop: sealed by the system, and said to be where they are. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';

vi.mock('electron', async () => (await import('./double.ts')).electron);
const { electron } = await import('./double.ts');
const { keychain } = await import('../../electron/shell/keychain.ts');
const { Keys } = await import('../../electron/studio/endpoints/keys.ts');

const home = mkdtempSync(join(tmpdir(), 'temperament-keychain-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

test('the system seals keys, in a file that only the user can read', () => {
  const keys = new Keys(home, keychain);
  keys.set('http://a/v1', 'sk-desktop');
  expect(keys.place).toBe('keychain');
  expect(electron.safeStorage.encryptString).toHaveBeenCalledWith('sk-desktop');
  expect(readFileSync(keys.file, 'utf8')).not.toContain('sk-desktop');
  expect(statSync(keys.file).mode & 0o777).toBe(0o600);
  expect(keys.get('http://a/v1')).toBe('sk-desktop');
});

test.runIf(process.platform === 'linux')('a keychain that only pretends is not called one', () => {
  electron.safeStorage.getSelectedStorageBackend.mockReturnValueOnce('basic_text');
  expect(new Keys(home, keychain).place).toBe('file');
});
