/** Prints a page of HTML as PDF, in a window that nobody sees and in which no script runs. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrowserWindow } from 'electron';

export async function printPdf(html: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'temperament-print-'));
  const window = new BrowserWindow({ show: false, webPreferences: { javascript: false, sandbox: true } });
  try {
    // A report is longer than an address may be.
    const file = join(folder, 'report.html');
    await writeFile(file, html);
    await window.loadFile(file);
    return await window.webContents.printToPDF({ pageSize: 'A4', printBackground: true });
  } finally {
    window.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}
