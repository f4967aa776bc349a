/** One file over HTTP into a file that may hold its beginning: continued, measured, hashed. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { StudioError } from '../errors.ts';
import { asFailure, type Http, Passing } from './http.ts';

/** By what a server's file is known to be the same as before. */
export interface Identity {
  bytes: number | null;
  /** A strong ETag. */
  etag: string | null;
  /** Last-Modified. */
  modified: string | null;
}

export interface TransferOptions {
  http: Http;
  token?: string;
  signal: AbortSignal;
  /** Length and hash that the file must have, where they are known. */
  bytes: number | null;
  sha256: string | null;
  /** What the server said when the beginning came; null: nothing has come. */
  known: Identity | null;
  /** Word of what the server says now, before its bytes are written. */
  onidentity: (identity: Identity) => Promise<void>;
  /** Bytes that are there; `checking` while those of before are read again. */
  onprogress: (done: number, checking: boolean) => void;
  onwait: (ms: number, why: string) => void;
}

const MAGIC = Buffer.from('GGUF');

/**
 * Brings the file and returns its length, its SHA-256 and how many bytes of it were there before.
 *
 * What is there is gone on from where the server's file is the same by ETag, date or a known hash; else it begins anew.
 *
 * @throws StudioError; the file keeps what came, unless it is of no use: then `discard` is in the error's cause
 */
export async function transfer(
  url: string,
  part: string,
  { http, token, signal, bytes: expected, sha256, known, ...tell }: TransferOptions,
): Promise<{ bytes: number; sha256: string; resumed: number }> {
  const { host } = new URL(url);
  let identity = known;
  let done = 0;
  let hash = createHash('sha256');
  let progressed = false;
  const handle = await open(part, 'a+').then(async created => {
    await created.close();
    return open(part, 'r+');
  });

  const restart = async () => {
    await handle.truncate(0);
    done = 0;
    hash = createHash('sha256');
  };

  const attempt = async () => {
    progressed = false;
    if (expected !== null && done === expected) return;
    const validator = identity?.etag ?? identity?.modified;
    // Where nothing tells one file from another, what is there cannot be gone on with.
    const resumable = done > 0 && (validator || sha256 !== null);
    const answer = await http.get(url, {
      headers: resumable ? { range: `bytes=${done}-`, ...(validator && { 'if-range': validator }) } : {},
      token,
      signal,
    });
    try {
      const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(answer.headers['content-range'] ?? '');
      const length = Number.parseInt(answer.headers['content-length'] ?? '', 10);
      const now: Identity = {
        bytes:
          answer.status === 206
            ? range?.[3] === '*'
              ? null
              : Number(range?.[3])
            : Number.isNaN(length)
              ? null
              : length,
        etag: /^".*"$/.test(answer.headers.etag ?? '') ? (answer.headers.etag as string) : null,
        modified: answer.headers['last-modified'] ?? null,
      };
      if (answer.status === 416) {
        await restart();
        throw new Passing(`${host} does not go on where it ended.`);
      }
      const continued = answer.status === 206;
      if (continued && (Number(range?.[1]) !== done || (done > 0 && !same(identity, now)))) {
        await restart();
        throw new Passing(`The file of ${host} has changed since it was begun, or another part of it came.`);
      }
      if (!continued && done > 0) await restart();
      if (expected !== null && now.bytes !== null && now.bytes !== expected)
        throw useless(
          `${host} has a file of ${now.bytes} bytes; its list says ${expected}.`,
          'mismatch',
          'Look it up again; the file may have been replaced.',
        );
      if (answer.headers['content-encoding'] && answer.headers['content-encoding'] !== 'identity')
        throw useless(
          `${host} sends the file packed (${answer.headers['content-encoding']}), which cannot be gone on with.`,
          'io',
          'Use another address.',
        );
      identity = now;
      await tell.onidentity(now);
      const whole = expected ?? now.bytes;
      try {
        for await (const chunk of answer.body as AsyncIterable<Buffer>) {
          if (whole !== null && done + chunk.length > whole)
            throw useless(
              `${host} sends more than the ${whole} bytes that it announced.`,
              'io',
              'Try again, or use another address.',
            );
          if (done < MAGIC.length) await mustBegin(chunk, done, host);
          await writeAll(handle, chunk, done);
          hash.update(chunk);
          done += chunk.length;
          progressed = true;
          tell.onprogress(done, false);
        }
      } catch (error) {
        signal.throwIfAborted();
        throw (error as NodeJS.ErrnoException).syscall === 'write' ? error : asFailure(error, new URL(url));
      }
      if (whole !== null && done < whole) throw new Passing(`${host} ended after ${done} of ${whole} bytes.`);
      if (done === 0) throw useless(`${host} sends an empty file.`, 'bad_file', 'Check the address.');
    } finally {
      answer.body.destroy();
    }
  };

  try {
    const before = (await stat(part)).size;
    if (before > 0 && (expected === null || before <= expected)) {
      await hashFile(part, hash, signal, read => tell.onprogress(read, true));
      done = before;
    } else await restart();
    const resumed = done;
    await http.persist(attempt, { signal, progressed: () => progressed, onwait: tell.onwait });
    const digest = hash.digest('hex');
    if (sha256 !== null && digest !== sha256)
      throw useless(
        `What came from ${host} is not the file: its SHA-256 is ${digest}, expected was ${sha256}.`,
        'mismatch',
        'Nothing of it was kept. Try again; if it happens twice, the source or the hash is wrong.',
      );
    await handle.sync();
    return { bytes: done, sha256: digest, resumed: Math.min(resumed, done) };
  } finally {
    await handle.close();
  }
}

/** Marks an error after which what came is of no use. */
export const USELESS = Symbol('useless');

function useless(message: string, code: 'mismatch' | 'io' | 'bad_file', action: string): StudioError {
  return new StudioError(code, message, { action, cause: USELESS });
}

async function mustBegin(chunk: Buffer, at: number, host: string): Promise<void> {
  const head = MAGIC.subarray(at, at + chunk.length);
  if (chunk.subarray(0, head.length).equals(head)) return;
  throw useless(
    `${host} sends no GGUF file: it does not begin with “GGUF”.`,
    'bad_file',
    'Take the address of the file itself, not of a page about it. A network that asks for a login sends a page, too.',
  );
}

function same(before: Identity | null, now: Identity): boolean {
  if (!before) return true;
  const differs = (a: string | number | null, b: string | number | null) =>
    a !== null && b !== null && a !== b;
  return !(
    differs(before.etag, now.etag) ||
    differs(before.bytes, now.bytes) ||
    // An ETag says more than a date.
    ((before.etag === null || now.etag === null) && differs(before.modified, now.modified))
  );
}

async function writeAll(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, written, chunk.length - written, position + written);
    written += bytesWritten;
  }
}

async function hashFile(
  path: string,
  hash: Hash,
  signal: AbortSignal,
  onread: (bytes: number) => void,
): Promise<void> {
  let read = 0;
  for await (const chunk of createReadStream(path, {
    signal,
    highWaterMark: 2 ** 20,
  }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    read += chunk.length;
    onread(read);
  }
}
