/**
 * ZIP files with a manifest that holds the SHA-256 of every other file in them. What is read from one is held in memory,
 * within limits, and never written under a name of its.
 */
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { type Entry, fromBufferPromise, openPromise, type ZipFile as Unzipped } from 'yauzl';
import { ZipFile } from 'yazl';
import { z } from 'zod';
import { StudioError } from './errors.ts';
import { digest } from './reporting/schemas.ts';

export const MANIFEST = 'manifest.json';

/** Makes the error: what is wrong with the file, as the end of a sentence, and what to do. */
export type Bad = (problem: string, action?: string, cause?: unknown) => StudioError;

/** The manifest's list of the other files. */
export const describedFiles = z.record(z.string(), z.object({ sha256: digest, bytes: z.int() }));

export const digestOf = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');

export const described = (files: Map<string, string | Buffer>): z.output<typeof describedFiles> =>
  Object.fromEntries(
    [...files].map(([path, content]) => [
      path,
      { sha256: digestOf(content), bytes: Buffer.byteLength(content) },
    ]),
  );

/** The ZIP file's bytes, with the files in their order. `made`: ISO 8601, the time that all of them have. */
export function writeArchive(files: Map<string, string | Buffer>, made: string): Promise<Buffer> {
  const zip = new ZipFile();
  const mtime = new Date(made);
  for (const [path, content] of files)
    zip.addBuffer(Buffer.from(content as string), path, { mtime, mode: 0o100644 });
  zip.end();
  return buffer(zip.outputStream);
}

interface Reading {
  bad: Bad;
  /** What such a file holds, in a word: `study`. */
  what: string;
  /** What to do with a file that is no ZIP file. */
  expected: string;
  mostFiles: number;
  /** Of all files together, unpacked. */
  mostBytes: number;
  /** Which files' contents are needed; the others are hashed alone. */
  keep: (path: string) => boolean;
}

/** Every file's hash, and the contents that are needed, of the ZIP file at a path or in memory. */
export async function readArchive(source: string | Buffer, reading: Reading) {
  const { bad, what, expected, mostFiles, mostBytes, keep } = reading;
  const contents = new Map<string, Buffer>();
  const hashes = new Map<string, string>();
  let zip: Unzipped;
  try {
    const options = { strictFileNames: true, autoClose: false };
    zip = await (typeof source === 'string'
      ? openPromise(source, options)
      : fromBufferPromise(source, options));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code) throw cause;
    throw bad('is not a ZIP file', expected, cause);
  }
  const tooLarge = () =>
    bad(
      `holds more than ${mostFiles} files or ${Math.ceil(mostBytes / 1024 ** 2)} MiB, which no ${what} needs`,
      'It may be made to fill memory; do not trust where it came from.',
    );
  let left = mostBytes;
  try {
    if (zip.entryCount > mostFiles) throw tooLarge();
    for await (const entry of zip.eachEntry()) {
      const { fileName: path, uncompressedSize } = entry;
      if (path.endsWith('/')) continue;
      if (uncompressedSize > left) throw tooLarge();
      if (hashes.has(path)) throw bad(`has been changed: ${path} is in it twice`);
      const content = await read(zip, entry, left, tooLarge);
      left -= content.length;
      hashes.set(path, digestOf(content));
      if (keep(path)) contents.set(path, content);
    }
  } catch (cause) {
    if (cause instanceof StudioError) throw cause;
    const { message } = cause as Error;
    if (/absolute path|invalid relative path|invalid characters in fileName/.test(message))
      throw bad(`names a file outside of itself (${message})`, 'Do not trust where it came from.', cause);
    throw bad(`is damaged (${message})`, undefined, cause);
  } finally {
    if (typeof source === 'string') zip.close();
  }
  return { contents, hashes };
}

async function read(zip: Unzipped, entry: Entry, most: number, tooLarge: () => StudioError): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of await zip.openReadStreamPromise(entry)) {
    size += (piece as Buffer).length;
    if (size > most) throw tooLarge();
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}

/** That the files are those of the manifest: none changed, none missing, none too many. */
export function checkFiles(
  files: z.output<typeof describedFiles>,
  hashes: Map<string, string>,
  bad: Bad,
): void {
  for (const [path, { sha256: wanted }] of Object.entries(files)) {
    const found = hashes.get(path);
    if (!found) throw bad(`is not complete: ${path} is missing`);
    if (found !== wanted)
      throw bad(`has been changed: ${path} does not have the SHA-256 that the manifest names`);
  }
  for (const path of hashes.keys())
    if (path !== MANIFEST && !Object.hasOwn(files, path))
      throw bad(`has been changed: ${path} is not in the manifest`);
}

export function parseJson(text: Buffer, path: string, bad: Bad): unknown {
  try {
    return JSON.parse(text.toString('utf8'));
  } catch (cause) {
    throw bad(`cannot be read: ${path} is not valid JSON`, undefined, cause);
  }
}
