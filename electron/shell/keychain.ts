/** The system's keychain for the keys of servers. */
import { safeStorage } from 'electron';
import type { Keychain } from '../studio/endpoints/keys.ts';

export const keychain: Keychain = {
  // Without a keyring, Electron on Linux would seal with a password that is in its sources.
  available: () =>
    safeStorage.isEncryptionAvailable() &&
    (process.platform !== 'linux' || safeStorage.getSelectedStorageBackend() !== 'basic_text'),
  seal: text => safeStorage.encryptString(text),
  open: sealed => safeStorage.decryptString(sealed),
};
