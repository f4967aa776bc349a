/** Folders made as needed. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it. Step by step, because Node's own `recursive` never returns where the system
 * refuses a folder with “no such file” (under /proc, for one).
 */
export function makeFolder(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Whether native-merge's unfinished files lie in a folder. */
export function hasPartialFiles(path: string): boolean {
  return existsSync(path) && readdirSync(path).some(name => name.endsWith('.partial'));
}
