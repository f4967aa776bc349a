/** What fetching models from Hugging Face or a web server asks for and gives. */
import { z } from 'zod';

/** How much a model asks of this machine's memory, from its size: see `fitOf`. */
export const MEMORY_FITS = ['well', 'tightly', 'no'] as const;
export const memoryFit = z.enum(MEMORY_FITS);
export type MemoryFit = z.infer<typeof memoryFit>;

const sha256 = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^(sha256:)?[0-9a-f]{64}$/, 'expected a SHA-256: 64 digits from 0 to f')
  .transform(text => text.replace('sha256:', ''));
/** Of a gated or private repository. Used for the call that brings it, and never stored. */
const token = z.string().trim().min(1).max(500).optional();
/** `hf:owner/repository[/file][:quantisation][#revision]`, an http or https address, or a name of the short list. */
const source = z.string().trim().min(1).max(2000);

export const downloadInput = z.strictObject({
  source,
  /** Of the file, where the server tells none or should not be trusted to. */
  sha256: sha256.optional(),
  /** Folder to put the file into instead of the library. */
  to: z.string().trim().min(1).optional(),
});
export const startDownloadInput = downloadInput.extend({ token });
export type StartDownloadInput = z.output<typeof startDownloadInput>;

export const downloadResult = z.object({
  what: z.enum(['model', 'vector', 'projector']),
  /** Of a split model the first part. */
  path: z.string(),
  /** All of its files. */
  files: z.array(z.string()).min(1),
  bytes: z.number(),
  /** SHA-256 of each file. */
  sha256: z.array(z.string()),
  /** What each was compared with: a hash of the user's or the server's; null: neither gave one, and the length alone was. */
  checked: z.enum(['given', 'server']).nullable(),
  /** SHA-256 of the weights. */
  content: z.string(),
  /** Bytes that had come in an earlier attempt. */
  resumed: z.number(),
});
export type DownloadResult = z.infer<typeof downloadResult>;

export const lookUpInput = z.strictObject({ source, token, to: downloadInput.shape.to });

export const remoteFile = z.object({
  name: z.string(),
  url: z.string(),
  /** Null: the server does not say, or was not asked. */
  bytes: z.number().nullable(),
  sha256: z.string().nullable(),
});
export type RemoteFile = z.infer<typeof remoteFile>;

/** One model that can be had: a file, or all parts of a split one. */
export const downloadChoice = z.object({
  /** What `download` takes for exactly this one. */
  source: z.string(),
  /** Its quantisation where the name tells it, else the file's name. */
  label: z.string(),
  files: z.array(remoteFile).min(1),
  bytes: z.number().nullable(),
  fits: memoryFit.nullable(),
  /** Path of a file of that name that is there already. */
  taken: z.string().nullable(),
  /** Bytes that an earlier attempt left. */
  kept: z.number(),
});
export type DownloadChoice = z.infer<typeof downloadChoice>;

export const downloadPlan = z.object({
  /** Page with licence and description; null for a mere address. */
  page: z.string().nullable(),
  choices: z.array(downloadChoice),
  /** Place in `choices`: the one that was named. Null: the user has to choose. */
  chosen: z.int().nullable(),
  /** Place in `choices`: the largest up to Q8_0 that fits well. */
  suggested: z.int().nullable(),
  /** What `download` takes for the projectors of pictures that a repository has beside its models. */
  projectors: z.array(z.string()).default([]),
  /** Where the files would go. */
  folder: z.string(),
  freeBytes: z.number(),
  memoryBytes: z.number(),
  /** The studio may not use the network: nothing was asked of a server. */
  offline: z.boolean(),
  /** Offline: addresses that would have to be asked before it is known what to fetch. */
  asks: z.array(z.string()),
});
export type DownloadPlan = z.infer<typeof downloadPlan>;

/** A download that ended before it was whole; what came is kept. */
export const unfinishedDownload = z.object({
  id: z.string(),
  source: z.string(),
  to: z.string().nullable(),
  name: z.string(),
  /** Bytes that are there, and of the whole where that is known. */
  done: z.number(),
  bytes: z.number().nullable(),
  startedAt: z.string(),
  /** A studio is at it now. */
  running: z.boolean(),
});
export type UnfinishedDownload = z.infer<typeof unfinishedDownload>;

/** A chat model of the short list. */
export const catalogueModel = z.object({
  /** What `download` takes. */
  id: z.string(),
  name: z.string(),
  source: z.string(),
  family: z.string(),
  /** Parameters, about, in billions. */
  billions: z.number(),
  quantisation: z.string(),
  /** Size of the file, about: the hub tells the exact one. */
  bytes: z.number(),
  licence: z.string(),
  /** Has to be accepted on the model's page before use, or binds what may be done. */
  conditions: z.boolean(),
  /** ISO 639-1 codes of those that its makers name; `multilingual`: more than a dozen. */
  languages: z.array(z.string()).min(1),
  /** Where personality vectors of the family are published; null: nowhere that is known. */
  vectors: z.string().nullable(),
});

export const catalogueEntry = catalogueModel.extend({
  /** What running it asks for, about. */
  memoryBytes: z.number(),
  fits: memoryFit,
});
export type CatalogueEntry = z.infer<typeof catalogueEntry>;
