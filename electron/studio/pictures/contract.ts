/** Pictures that models are shown: what is known of each, and how large they may be. */
import { z } from 'zod';

export const PICTURE_TYPES = ['image/png', 'image/jpeg', 'image/webp'] as const;
/** Of one file. */
export const MAX_PICTURE_BYTES = 10 * 2 ** 20;
/** Width times height. */
export const MAX_PICTURE_PIXELS = 40_000_000;
/** With one question. */
export const MAX_PICTURES = 4;
/** All pictures of a conversation together, which go to the server with every question. */
export const MAX_SENT_BYTES = 32 * 2 ** 20;

/** A picture by its hash; the log keeps the file once, whatever refers to it. */
export const picture = z.object({
  /** SHA-256 of the file. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string().max(200),
  type: z.enum(PICTURE_TYPES),
  width: z.int().min(1),
  height: z.int().min(1),
  bytes: z.int().min(1),
});
export type Picture = z.infer<typeof picture>;

export const addPictureInput = z.object({ name: z.string().max(1000), file: z.file() });
