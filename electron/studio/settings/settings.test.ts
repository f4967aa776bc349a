import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { MIGRATIONS } from '../log/schema.ts';
import { SettingsStore } from './settings.ts';

const defaults = { device: 'auto', userName: 'User', offline: false, hub: '' };

function open() {
  const database = new Database(':memory:');
  for (const migration of MIGRATIONS) database.exec(migration);
  return { database, store: new SettingsStore(database) };
}

it('has defaults, keeps what is changed and leaves the rest', () => {
  const { database, store } = open();
  expect(store.get()).toEqual(defaults);
  store.set({ device: 'cpu', userName: 'Ada' });
  store.set({ device: undefined });
  expect(new SettingsStore(database).get()).toEqual({ ...defaults, device: 'cpu', userName: 'Ada' });
});

it('takes the default for what makes no sense, and leaves out what it does not know', () => {
  const { database, store } = open();
  const write = database.prepare('INSERT INTO settings (name, value) VALUES (?, ?)');
  write.run('device', '"abacus"');
  write.run('of_a_later_version', 'true');
  expect(store.get()).toEqual(defaults);
});
