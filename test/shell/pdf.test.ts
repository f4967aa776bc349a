/** Printing a report: what the hidden window is given, and that nothing of it stays. */
import { existsSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { printPdf } from '../../electron/shell/pdf.ts';
import { BrowserWindowDouble } from './double.ts';

vi.mock('electron', async () => (await import('./double.ts')).electron);

test('prints what it is given, without scripts, and leaves neither file nor window', async () => {
  const bytes = await printPdf('<h1>Report</h1>');
  expect([...bytes]).toEqual([0x25, 0x50, 0x44, 0x46]);
  const [file] = BrowserWindowDouble.files;
  expect(file?.content).toBe('<h1>Report</h1>');
  expect(existsSync(file?.path as string)).toBe(false);
  const window = BrowserWindowDouble.all.at(-1) as BrowserWindowDouble;
  expect(window.options).toMatchObject({ show: false, webPreferences: { javascript: false, sandbox: true } });
  expect(window.destroy).toHaveBeenCalledOnce();
});
