/** PNG files as lists of chunks: read with every length and sum checked, written again, with texts put in and left out. */
import { crc32 } from 'node:zlib';
import { StudioError } from '../errors.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Larger ones are no portraits, and could be made to fill memory. */
export const MOST_PNG_BYTES = 64 * 1024 * 1024;
const MOST_CHUNKS = 100_000;
const LONGEST_TEXT = 16 * 1024 * 1024;
const LONGEST_SIDE = 8192;
/** Chunks that a picture is made of; whatever else a file tells (place, camera, comments) is not kept. */
const OF_THE_PICTURE = new Set('IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs'.split(' '));

export interface Chunk {
  /** Four letters, `IHDR`. */
  type: string;
  data: Buffer;
}

export const isPng = (bytes: Buffer): boolean => bytes.subarray(0, 8).equals(SIGNATURE);

/** Chunks from IHDR to IEND; what follows is left out. `name`: what errors call the file. */
export function readPng(bytes: Buffer, name: string): Chunk[] {
  const bad = (problem: string, action = 'Get the file again from where it came.') =>
    new StudioError('bad_file', `The picture ${name} ${problem}.`, { file: name, action });
  if (!isPng(bytes)) throw bad('is not a PNG file', 'Choose a PNG file.');
  if (bytes.length > MOST_PNG_BYTES)
    throw bad(`has more than ${MOST_PNG_BYTES / 1024 ** 2} MiB`, 'Choose a smaller one.');
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE.length; ; ) {
    if (at + 12 > bytes.length) throw bad('is cut off');
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (!/^[A-Za-z]{4}$/.test(type)) throw bad(`is damaged: a chunk at byte ${at} has no name`);
    if (length > bytes.length - at - 12)
      throw bad(`is damaged: its chunk ${type} says ${length} bytes, more than the file has`);
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== bytes.readUInt32BE(at + 8 + length))
      throw bad(`is damaged: the check sum of its chunk ${type} is wrong`);
    if (chunks.length === 0) {
      if (type !== 'IHDR' || length !== 13) throw bad('is damaged: it does not begin with a header');
      const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
      if (width === 0 || height === 0 || width > LONGEST_SIDE || height > LONGEST_SIDE)
        throw bad(`is ${width} × ${height} pixels; from 1 to ${LONGEST_SIDE} on each side can be shown`);
    }
    if (chunks.length === MOST_CHUNKS) throw bad(`has more than ${MOST_CHUNKS} chunks`);
    chunks.push({ type, data });
    at += 12 + length;
    if (type === 'IEND') break;
  }
  if (!chunks.some(({ type }) => type === 'IDAT')) throw bad('is damaged: there is no picture in it');
  return chunks;
}

export function writePng(chunks: Chunk[]): Buffer {
  const parts = [SIGNATURE];
  for (const { type, data } of chunks) {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    parts.push(length, body, sum);
  }
  return Buffer.concat(parts);
}

/** The picture alone, with nothing that a file says beside it. */
export const pictureOf = (chunks: Chunk[]): Buffer =>
  writePng(chunks.filter(({ type }) => OF_THE_PICTURE.has(type)));

/** The first tEXt chunk with that keyword (PNG 1.2, 4.2.3.1), in Latin-1. */
export function textOf(chunks: Chunk[], keyword: string, name: string): string | undefined {
  const head = Buffer.from(`${keyword}\0`, 'latin1');
  const found = chunks.find(
    ({ type, data }) => type === 'tEXt' && data.subarray(0, head.length).equals(head),
  );
  if (!found) return undefined;
  if (found.data.length > LONGEST_TEXT)
    throw new StudioError(
      'bad_file',
      `The picture ${name} carries a text “${keyword}” of more than ${LONGEST_TEXT / 1024 ** 2} MiB.`,
      { file: name, action: 'It may be made to fill memory; do not trust where it came from.' },
    );
  return found.data.toString('latin1', head.length);
}

/** A picture with texts before its end, by keyword. */
export function withTexts(picture: Buffer, texts: Record<string, string>, name: string): Buffer {
  const chunks = readPng(picture, name);
  const added = Object.entries(texts).map(([keyword, text]) => ({
    type: 'tEXt',
    data: Buffer.from(`${keyword}\0${text}`, 'latin1'),
  }));
  return writePng([...chunks.slice(0, -1), ...added, ...chunks.slice(-1)]);
}
