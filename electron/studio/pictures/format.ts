/** What the header of a picture's file says: its type and its size. The picture itself is never decoded here. */
import { StudioError } from '../errors.ts';
import { MAX_PICTURE_BYTES, MAX_PICTURE_PIXELS, type Picture } from './contract.ts';

type Facts = Pick<Picture, 'type' | 'width' | 'height'>;

/** Type and size of a picture. Throws a StudioError where it is none that models take, or too large. */
export function readPicture(bytes: Uint8Array, name: string): Facts {
  const refuse = (message: string, action: string) =>
    new StudioError('bad_file', message, { file: name, field: 'pictures', action });
  if (bytes.length > MAX_PICTURE_BYTES)
    throw refuse(
      `${name} has ${(bytes.length / 2 ** 20).toFixed(1)} MiB, and a picture may have ${MAX_PICTURE_BYTES / 2 ** 20}.`,
      'Make it smaller: models look at some thousand pixels a side at most.',
    );
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = png(data) ?? jpeg(data) ?? webp(data);
  if (!found)
    throw refuse(`${name} is no picture in PNG, JPEG or WebP, or it is damaged.`, 'Save it as one of these.');
  if (found.width < 1 || found.height < 1 || found.width * found.height > MAX_PICTURE_PIXELS)
    throw refuse(
      `${name} is ${found.width} × ${found.height} pixels large; from 1 to ${MAX_PICTURE_PIXELS / 1e6} million are taken.`,
      'Save it at another size.',
    );
  return found;
}

/** https://www.w3.org/TR/png-3/#5PNG-file-signature, #11IHDR */
function png(data: Buffer): Facts | undefined {
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  if (
    data.length < 33 ||
    !data.subarray(0, 8).equals(signature) ||
    data.toString('latin1', 12, 16) !== 'IHDR'
  )
    return undefined;
  return { type: 'image/png', width: data.readUInt32BE(16), height: data.readUInt32BE(20) };
}

/** The frame header among the segments, ITU T.81 § B.2. */
function jpeg(data: Buffer): Facts | undefined {
  if (data.length < 4 || data.readUInt16BE(0) !== 0xffd8) return undefined;
  for (let at = 2; at + 9 <= data.length; ) {
    if (data[at] !== 0xff) return undefined;
    const marker = data[at + 1] as number;
    if (marker === 0xff) {
      at++;
      continue;
    }
    // Of 0xc0 … 0xcf, three are no frames.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { type: 'image/jpeg', height: data.readUInt16BE(at + 5), width: data.readUInt16BE(at + 7) };
    const length = data.readUInt16BE(at + 2);
    if (length < 2 || marker === 0xda || marker === 0xd9) return undefined;
    at += 2 + length;
  }
  return undefined;
}

/** https://developers.google.com/speed/webp/docs/riff_container, RFC 9649 */
function webp(data: Buffer): Facts | undefined {
  if (
    data.length < 30 ||
    data.toString('latin1', 0, 4) !== 'RIFF' ||
    data.toString('latin1', 8, 12) !== 'WEBP'
  )
    return undefined;
  const size = (width: number, height: number): Facts => ({ type: 'image/webp', width, height });
  switch (data.toString('latin1', 12, 16)) {
    case 'VP8X':
      return size(data.readUIntLE(24, 3) + 1, data.readUIntLE(27, 3) + 1);
    case 'VP8L': {
      if (data[20] !== 0x2f) return undefined;
      const bits = data.readUInt32LE(21);
      return size((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
    }
    case 'VP8 ':
      if (data.readUIntBE(23, 3) !== 0x9d012a) return undefined;
      return size(data.readUInt16LE(26) & 0x3fff, data.readUInt16LE(28) & 0x3fff);
    default:
      return undefined;
  }
}
