/** What a picture's header says, of right files, damaged ones and any bytes. */
import { describe, expect, test } from 'vitest';
import { RED } from '../../../test/pictures.ts';
import { StudioError } from '../errors.ts';
import { seededRandom } from '../statistics/random.ts';
import { MAX_PICTURE_BYTES } from './contract.ts';
import { readPicture } from './format.ts';

const bytes = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const JPEG = bytes('ffd8 ffe0 0004 0000 ffff ffc2 0011 08 0102 0203 03 011100 021101 031101 ffd9');
const webp = (kind: string, body: string) =>
  Buffer.concat([
    Buffer.from('RIFF\0\0\0\0WEBP', 'latin1'),
    Buffer.from(kind, 'latin1'),
    bytes(body),
    Buffer.alloc(20),
  ]);

describe('a picture', () => {
  test('says its type and size', () => {
    expect(readPicture(RED, 'a')).toEqual({ type: 'image/png', width: 32, height: 32 });
    expect(readPicture(JPEG, 'a')).toEqual({ type: 'image/jpeg', width: 515, height: 258 });
    const [lossy, lossless, extended] = [
      webp('VP8 ', '00000000 000000 9d012a 4001 f000'),
      // 14 bits each, one less than the size: 320 × 240.
      webp('VP8L', '00000000 2f 3fc13b00'),
      webp('VP8X', '0a000000 00000000 3f0100 ef0000'),
    ];
    for (const file of [lossy, lossless, extended])
      expect(readPicture(file, 'a')).toEqual({ type: 'image/webp', width: 320, height: 240 });
  });

  test('that is none, is damaged or too large is refused by name', () => {
    const gif = Buffer.concat([Buffer.from('GIF89a', 'latin1'), Buffer.alloc(40)]);
    const huge = Buffer.from(RED);
    huge.writeUInt32BE(2_000_000, 16);
    const flat = Buffer.from(RED);
    flat.writeUInt32BE(0, 20);
    const scan = bytes('ffd8 ffda 0008 0000 0000 0000 ffc0 0011 08 0102 0203 03 011100');
    for (const file of [gif, Buffer.alloc(0), RED.subarray(0, 20), JPEG.subarray(0, 12), scan, huge, flat])
      expect(() => readPicture(file, 'holiday.png')).toThrow(/holiday\.png/);
    expect(() => readPicture(new Uint8Array(MAX_PICTURE_BYTES + 1), 'a.png')).toThrow('10.0 MiB');
  });

  test('of any bytes gives an answer or a clear error, and ends', () => {
    const random = seededRandom(7);
    for (let count = 0; count < 3000; count++) {
      const [base = RED] = [RED, JPEG, webp('VP8X', '0a000000 00000000 3f0100 ef0000')].slice(count % 3);
      const file = Buffer.from(base.subarray(0, Math.ceil(random() * base.length)));
      for (let flips = 0; flips < 4; flips++)
        file[Math.floor(random() * Math.min(40, file.length))] = Math.floor(random() * 256);
      try {
        const { width, height } = readPicture(file, 'x');
        expect(width * height).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(StudioError);
      }
    }
  });
});
