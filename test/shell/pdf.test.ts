/** Printing a report: what the hidden window is given, and that nothing of it stays. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { printPdf } from '../../electron/shell/pdf.ts';
import { BrowserWindowDouble } from './double.ts';

vi.mock('electron', async () => (await import('./double.ts')).electron);

test('prints what it is given, without scripts, and leaves neither file nor window', async () => {
  let seen = '';
  let file = '';
  const before = BrowserWindowDouble.all.length;
  const printing = printPdf('<h1>Report</h1>');
  await vi.waitFor(() => expect(BrowserWindowDouble.all).toHaveLength(before + 1));
  const window = BrowserWindowDouble.all.at(-1) as BrowserWindowDouble;
  window.loadFile.mockImplementation(async path => {
    file = path;
    seen = readFileSync(path, 'utf8');
  });
  expect([...(await printing)]).toEqual([0x25, 0x50, 0x44, 0x46]);
  expect(seen).toBe('<h1>Report</h1>');
  expect(window.options).toMatchObject({ show: false, webPreferences: { javascript: false, sandbox: true } });
  expect(window.destroy).toHaveBeenCalledOnce();
  expect(existsSync(file)).toBe(false);
});
