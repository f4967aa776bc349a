/** Space on disks for files that are on their way: what several of them still need counts together. */
import { statfs } from 'node:fs/promises';
import { StudioError } from '../errors.ts';

export class Room {
  /** Bytes that are still to come, by run. */
  readonly #owed = new Map<string, number>();

  /** Runs that have asked for room, with or without bytes still to come. */
  get size(): number {
    return this.#owed.size;
  }

  /** Notes what a run still needs; 0 once its bytes are on the disk. */
  owe(run: string, bytes: number): void {
    this.#owed.set(run, bytes);
  }

  release(run: string): void {
    this.#owed.delete(run);
  }

  /** Refuses what does not fit on a folder's disk beside the other files that are coming, and notes it otherwise. */
  async take(run: string, name: string, bytes: number, folder: string): Promise<void> {
    const { bavail, bsize } = await statfs(folder);
    const owed = [...this.#owed].reduce((sum, [other, more]) => (other === run ? sum : sum + more), 0);
    const free = Math.max(0, bavail * bsize - owed);
    if (bytes > free)
      throw new StudioError(
        'no_space',
        `${name} has ${gigabytes(bytes)}; ${gigabytes(free)} are free where it would lie.`,
        { action: 'Free some space, by emptying the bin of the library for one, and try again.' },
      );
    this.owe(run, bytes);
  }
}

export const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(bytes < 1e10 ? 2 : 0)} GB`;
