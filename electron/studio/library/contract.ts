/** What bringing files into the library and deleting from it ask for and give. */
import { z } from 'zod';
import { program } from '../terms.ts';

/** `broken`: a file that could not be read as either. */
const fileKind = z.enum(['model', 'vector', 'projector', 'broken']);

/** A file of the data folder, as the library lists it; a split model is one. */
export const ownFile = z.object({
  kind: fileKind,
  /** Library name; of a broken file, the file's. */
  name: z.string(),
  path: z.string(),
  bytes: z.number(),
});
export type OwnFile = z.infer<typeof ownFile>;

/** Names of what was made with a file's weights, by their hash. */
export const dependents = z.object({
  file: ownFile,
  /** Other files of the library with the same weights. */
  copies: z.array(z.string()),
  /** Of a model: vectors that were extracted from it. */
  vectors: z.array(z.string()),
  personas: z.array(z.string()),
  calibrations: z.array(z.object({ model: z.string(), inventory: z.string(), date: z.string() })),
  /** Baked files, which hold all they need. */
  baked: z.array(z.string()),
});
export type Dependents = z.infer<typeof dependents>;

export const deletedFile = ownFile.omit({ path: true }).extend({
  id: z.uuid(),
  /** Folder of the data folder that it lay in, and lies in again when it is brought back. */
  from: z.enum(['models', 'vectors']),
  /** Names of its files: of a split model several. */
  files: z.array(z.string().regex(/^[^/\\]+$/)).min(1),
  deletedAt: z.string(),
});
export type DeletedFile = z.infer<typeof deletedFile>;

export const storage = z.object({
  /** Of the disk that the data folder lies on. */
  freeBytes: z.number(),
  totalBytes: z.number(),
  /** What may be deleted: the demo family and files that are only linked from the data folder are not in it. */
  own: z.array(ownFile),
  /** The last deleted first. */
  bin: z.array(deletedFile),
});
export type Storage = z.infer<typeof storage>;

/** What every file system takes; no name that hides the file or leads elsewhere. */
export const FILE_NAME = /^[^\\/<>:"|?*\p{Cc}.][^\\/<>:"|?*\p{Cc}]{0,190}\.gguf$/iu;

/** A file on the studio's machine, or one that a page is about to send. */
export const importFileInput = z.union(
  [
    z.strictObject({ path: z.string().regex(/\.gguf$/i) }),
    z.strictObject({ name: z.string().regex(FILE_NAME), bytes: z.int().min(1) }),
    /** A model to be used where it lies, whatever its name. */
    z.strictObject({ inPlace: z.string().min(1) }),
  ],
  {
    error:
      'expected a GGUF file that is not empty, with a name that ends in .gguf and has none of \\ / < > : " | ? *',
  },
);
export type ImportFileInput = z.output<typeof importFileInput>;

/** A model that another program on this machine keeps. */
export const modelElsewhere = z.object({
  name: z.string(),
  path: z.string(),
  bytes: z.number(),
  program,
  /** Library name of the model, where it is in use in place. */
  linked: z.string().nullable(),
});
export type ModelElsewhere = z.infer<typeof modelElsewhere>;

export const importFileResult = z.object({
  /** `part`: of a split model, which is read when all parts are there. */
  what: z.enum(['model', 'vector', 'projector', 'part']),
  path: z.string(),
  bytes: z.number(),
  /** SHA-256 of the weights; null of a part. */
  content: z.string().nullable(),
  /** It is the file that was named, by another name on the same disk, and takes no room of its own. */
  linked: z.boolean(),
});
export type ImportFileResult = z.infer<typeof importFileResult>;
