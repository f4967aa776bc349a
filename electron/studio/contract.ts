/** Every procedure of the studio and the schemas of what goes in and out; the renderer imports types from here alone. */
import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import * as checkpoints from './checkpoints/contract.ts';
import * as desktop from './desktop/contract.ts';
import * as downloads from './downloads/contract.ts';
import * as endpoints from './endpoints/contract.ts';
import * as experiments from './experiments/contract.ts';
import * as language from './language/contract.ts';
import * as library from './library/contract.ts';
import * as log from './log/contract.ts';
import * as personas from './personas/contract.ts';
import * as pictures from './pictures/contract.ts';
import * as reporting from './reporting/schemas.ts';
import { changeSettingsInput, settings } from './settings/contract.ts';
import {
  assessInput,
  assessResult,
  brokenFile,
  fileType,
  inventorySummary,
  model,
  persona,
  pole,
  projector,
  recipe,
  studioErrorData,
  trait,
  vector,
  warning,
} from './terms.ts';

export { firstMessage, systemPrompt, USER } from './chat/roleplay.ts';
export * from './checkpoints/contract.ts';
export * from './desktop/contract.ts';
export * from './downloads/contract.ts';
export * from './endpoints/contract.ts';
export * from './experiments/contract.ts';
export * from './language/contract.ts';
export * from './library/contract.ts';
export { compareRuns, type RunComparison } from './log/comparison.ts';
export * from './log/contract.ts';
export { type RunFilter, runMatches } from './log/filter.ts';
export {
  ALPHA_LIMIT,
  accepts,
  METHOD_IDS,
  METHODS,
  type Parameter,
  type ParameterId,
  type ParameterValues,
  rangeOf,
  settingsOf,
  weightOf,
} from './mixing/methods.ts';
export { countObstacle, liveObstacle, liveWarning, ownSettings } from './mixing/recipe.ts';
export * from './personas/contract.ts';
export { emblemSvg } from './personas/emblem.ts';
export * from './pictures/contract.ts';
export * from './reporting/schemas.ts';
export { tableHtml, tableText } from './reporting/tables.ts';
export { COMPUTE_DEVICES, type Settings, settings } from './settings/contract.ts';
export * from './terms.ts';

// ── Chat ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Pictures that a question is asked about; only models on servers take them. */
const seen = z.array(pictures.picture).max(pictures.MAX_PICTURES);

export const message = z.object({
  role: z.enum(['user', 'assistant']),
  text: z.string(),
  pictures: seen.optional(),
});
export type Message = z.infer<typeof message>;

export const chatInput = z.object({
  persona,
  /** The conversation so far; the last message is the user's. */
  messages: z.array(message).min(1),
  /** Turns of one conversation pane share this id in the log. */
  conversation: z.string().optional(),
});

export const chatResult = z.object({
  text: z.string(),
  tokens: z.int(),
  seed: z.int(),
  /** Why it ended: the model closed its turn, the length limit, or the user. */
  stop: z.enum(['end', 'length', 'stopped']),
  firstTokenMs: z.number(),
  tokensPerSecond: z.number(),
  run: z.string(),
});
export type ChatResult = z.infer<typeof chatResult>;

export const chatEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('token'), text: z.string() }),
  z.object({ type: z.literal('done'), result: chatResult }),
]);

// ── Conversations ──────────────────────────────────────────────────────────────────────────────────────────

/** Made by whoever adds the thing, so that a page can show it before it is stored. */
const itemId = z.string().regex(/^[\w-]{8,64}$/, 'expected 8 to 64 letters and digits');

export const MAX_PANES = 4;
export const PANE_SOURCES = ['sliders', 'base', 'own'] as const;
/** One column of a conversation: a persona and the branch of the messages that it is on. */
export const pane = z.object({
  id: itemId,
  name: z.string().trim().min(1).max(80),
  /** Which of the pane colours it has. */
  colour: z
    .int()
    .min(0)
    .max(MAX_PANES - 1),
  /**
   * `sliders`: the persona is what the page's sliders and settings say; `base`: the same without any vector;
   * `own`: it is the one kept here.
   */
  source: z.enum(PANE_SOURCES),
  /** The persona it last answered with, or would answer with. */
  persona,
  /** The last message of the branch in view; null while there is none. */
  head: itemId.nullable().default(null),
  /** Taken out of view; its messages are kept. */
  removed: z.boolean().default(false),
});
export type PaneData = z.infer<typeof pane>;

/** Panes unnamed and in an order drawn from the seed, until they are revealed. */
export const blindStudy = z.object({
  seed: z.int().min(0).max(0xffffffff),
  rater: z.string().max(80).default(''),
  revealed: z.boolean().default(false),
});
export type BlindStudy = z.infer<typeof blindStudy>;

export const vote = z.object({
  turn: z.int().min(1),
  rater: z.string().max(80),
  /** The pane whose answer was the best, or `tie`. */
  choice: z.string(),
  /** What the rater saw, from left to right. */
  answers: z
    .array(z.object({ pane: itemId, message: itemId }))
    .min(2)
    .max(MAX_PANES),
  /** The seed that the order was drawn from. */
  seed: z.int(),
  at: z.string(),
});
export type Vote = z.infer<typeof vote>;

export const MESSAGE_STATES = ['streaming', 'done', 'stopped', 'failed', 'interrupted'] as const;
/** A message of a pane's tree. Answers with one parent are alternatives, questions with one parent are branches. */
export const storedMessage = z.object({
  id: itemId,
  pane: itemId,
  parent: itemId.nullable(),
  /** Number of the question that it belongs to, the same in every pane; 0: before the first question. */
  turn: z.int().min(0),
  role: z.enum(['user', 'assistant']),
  text: z.string(),
  pictures: seen.default([]),
  /** `interrupted`: the studio ended while it streamed; what had been said is kept. */
  state: z.enum(MESSAGE_STATES),
  createdAt: z.string(),
  /** Of answers: key in the conversation's `personas`, the seed, the run, and what came of it. */
  persona: z.string().nullable(),
  seed: z.int().nullable(),
  run: z.string().nullable(),
  result: chatResult.omit({ text: true, run: true, seed: true }).nullable(),
  error: studioErrorData.nullable(),
});
export type StoredMessage = z.infer<typeof storedMessage>;

const conversationFields = {
  id: itemId,
  title: z.string().max(200),
  /** All panes answer with the seed of the page's settings. */
  sameSeed: z.boolean().default(true),
  /** `together`: panes of one model answer at the same time; `turn`: one after the other, for clean times. */
  order: z.enum(['together', 'turn']).default('together'),
  blind: blindStudy.nullable().default(null),
};
export const conversation = z.object({
  ...conversationFields,
  createdAt: z.string(),
  updatedAt: z.string(),
  panes: z.array(pane),
  /** All branches, in the order they were added. */
  messages: z.array(storedMessage),
  personas: z.record(z.string(), persona),
  votes: z.array(vote),
});
export type ConversationData = z.infer<typeof conversation>;

export const saveConversationInput = z.object({
  ...conversationFields,
  panes: z.array(pane.omit({ head: true })).min(1),
});
/** Messages that no model makes: questions, and the first words of a role-play. */
export const addMessagesInput = z.object({
  conversation: itemId,
  messages: z
    .array(
      storedMessage.pick({
        ...{ id: true, pane: true, parent: true, turn: true, role: true, text: true, pictures: true },
      }),
    )
    .min(1)
    .max(100),
});
export const answerInput = z.object({
  conversation: itemId,
  pane: itemId,
  id: itemId,
  /** The question. What precedes it in the tree is what the model is given. */
  parent: itemId,
  persona,
  /** An answer without a word, to be forgotten for this one. */
  instead: itemId.optional(),
});

export const conversationSummary = conversation
  .pick({ id: true, title: true, createdAt: true, updatedAt: true })
  .extend({ panes: z.array(z.string()), messages: z.int(), votes: z.int(), deleted: z.boolean() });
export type ConversationSummary = z.infer<typeof conversationSummary>;

/** A message that holds the words, with the words around them. */
export const searchHit = storedMessage
  .pick({ id: true, pane: true, turn: true, role: true, createdAt: true })
  .extend({
    conversation: itemId,
    title: z.string(),
    paneName: z.string(),
    snippet: z.array(z.object({ text: z.string(), hit: z.boolean() })),
  });
export type SearchHit = z.infer<typeof searchHit>;

/** `csv`: a row for each message; `votes`: CSV too, a row for each vote. */
export const CONVERSATION_FORMATS = ['markdown', 'html', 'csv', 'votes', 'json'] as const;
export type ConversationFormat = (typeof CONVERSATION_FORMATS)[number];
export const conversationExport = z.object({ id: itemId, format: z.enum(CONVERSATION_FORMATS) });

// ── Files made ─────────────────────────────────────────────────────────────────────────────────────────────

export const bakeInput = z.object({
  recipe,
  type: fileType.default('f16'),
  /** Importance matrix of llama-imatrix (a GGUF file) for the types below q8_0. */
  imatrix: z.string().min(1).optional(),
  /** Where to write; by default into the library's folder of models, named after the recipe. */
  out: z.string().optional(),
  overwrite: z.boolean().default(false),
  /** What computes: `cpu`, the name of a GPU (`studio.devices`), or `auto`, whichever is faster. */
  device: z.string().min(1).default('auto'),
});
/** A vector's name: its trait and pole. */
const vectorName = z.templateLiteral([trait, '-', pole]);

export const mergekitImport = z.object({
  /** A mergekit configuration. */
  yaml: z.string(),
  /** Library name of the model that takes the place of its base; by default the one of that name. */
  base: z.string().min(1).optional(),
  /** Which vector stands for which of its models; by default the trait and pole in the model's name. */
  vectors: z.record(z.string(), vectorName).optional(),
});
export type MergekitImport = z.infer<typeof mergekitImport>;

export const mergekitExport = z.object({
  recipe,
  /** Checkpoint of the base, as mergekit finds it. */
  baseModel: z.string().min(1).optional(),
  /** Checkpoint of each vector's fine-tuned model. */
  models: z.partialRecord(vectorName, z.string().min(1)).optional(),
});
export type MergekitExport = z.infer<typeof mergekitExport>;

export const bakeResult = z.object({
  path: z.string(),
  bytes: z.number(),
  tensors: z.int(),
  seconds: z.number(),
  /** What computed, and a sentence that says why; absent in runs from before there was a choice. */
  device: z.string().optional(),
  deviceReason: z.string().optional(),
  /** SHA-256 of the file's weights. */
  content: z.string(),
  /** Path of the base's projector of pictures, with which the file is served too. */
  projector: z.string().nullable().default(null),
  warnings: z.array(warning),
});
export type BakeResult = z.infer<typeof bakeResult>;

/** What a baked file says of how it was made; an older one does not say all. */
export const bakedRecipe = z.object({
  recipe,
  type: fileType.optional(),
  /** The importance matrix that it was quantised with: the file's name and the SHA-256 of its numbers. */
  imatrix: z.object({ name: z.string(), content: z.string() }).optional(),
});
export type BakedRecipe = z.infer<typeof bakedRecipe>;

/** What a live mix costs, as far as it is known. */
export const mixCost = z.object({
  adapters: z.array(
    z.object({
      vector: vectorName,
      /** Largest over the layers. */
      rank: z.number().nullable(),
      /** Share of the vector's energy ‖φ‖² that its factors keep, 0 … 1; null for a dense vector whose factors are not made yet. */
      energy: z.number().nullable(),
    }),
  ),
});
export type MixCost = z.infer<typeof mixCost>;

export const extractInput = z.object({
  /** Library name, GGUF file, or folder of a Hugging Face checkpoint. */
  base: z.string().min(1),
  /** Likewise, or an adapter: llama.cpp's file or PEFT's folder. */
  tuned: z.string().trim().min(1),
  trait,
  pole,
  out: z.string().optional(),
  type: z.enum(['f32', 'f16', 'bf16']).default('f32'),
  /** Stores low-rank factors in the place of the whole difference: of at most this rank in each matrix … */
  rank: z.int().min(1).max(4096).optional(),
  /** … or of the smallest rank that keeps this share of its ‖δ‖²; with both, of the smaller one. Norms and embeddings are left out either way. */
  energy: z.number().gt(0).max(1).optional(),
  note: z.string().default(''),
  overwrite: z.boolean().default(false),
});
export const extractResult = z.object({
  path: z.string(),
  bytes: z.number(),
  form: z.enum(['dense', 'low-rank']),
  /** ‖φ‖ and ‖φ‖/‖base‖, Frobenius, over all tensors. */
  norm: z.number(),
  relative: z.number(),
  layers: z.array(
    z.object({ tensor: z.string(), norm: z.number(), baseNorm: z.number(), relative: z.number() }),
  ),
  /** Of factors that were asked for: the highest rank, and the share of the whole ‖φ‖² that they keep. */
  factored: z.object({ rank: z.number(), energy: z.number() }).nullable().default(null),
  /** What the user should know of an adapter that was read. */
  notes: z.array(z.string()).default([]),
});
export type ExtractResult = z.infer<typeof extractResult>;

// ── Looking inside vectors ─────────────────────────────────────────────────────────────────────────────────

/**
 * Vectors over one tensor, one layer or everything; lists and matrices go by the order of the vectors. Definitions are
 * those of native-merge's `Comparison`. Null: undefined (a vector of zeros), or not looked at (`entrywise: false`).
 */
export const comparison = z.object({
  name: z.string(),
  entries: z.number(),
  /** ‖φ‖. */
  norms: z.array(z.number()),
  /** Share of the whole vector's ‖φ‖², 0 … 1. */
  shares: z.array(z.number()),
  /** Share of entries that are exactly zero, 0 … 1. */
  zeros: z.array(z.number().nullable()),
  /** Hoyer's sparsity, 0 … 1. */
  sparsity: z.array(z.number().nullable()),
  /** Cosine of every pair, −1 … 1. */
  cosines: z.array(z.array(z.number().nullable())),
  /** Share of entries of the same sign where neither is zero, 0 … 1; 0.5 is chance. */
  agreements: z.array(z.array(z.number().nullable())),
  /** ½ + ⟨φᵢ, φⱼ⟩ / (‖φᵢ‖² + ‖φⱼ‖²): the common part's share of two vectors, 0 … 1. */
  common: z.array(z.array(z.number().nullable())),
});
export type Comparison = z.infer<typeof comparison>;

/** Participation ratio (Σσ²)² / Σσ⁴ with its standard error, 0 where it is exact. */
export const effectiveRank = z.object({ value: z.number(), error: z.number() });

export const compareInput = z.object({
  /** Library names or paths; all of the model's vectors when empty. */
  vectors: z.array(z.string().min(1)).default([]),
  model: z.string().min(1).default('demo'),
  /** Also zeros, sparsity and signs, for which low-rank vectors are multiplied out. */
  entrywise: z.boolean().default(true),
});
export const compareResult = z.object({
  vectors: z.array(
    vector
      .pick({ id: true, path: true, trait: true, pole: true, form: true })
      /** Mean over the matrices, weighted by their ‖φ‖². */
      .extend({ effectiveRank: effectiveRank.nullable() }),
  ),
  all: comparison,
  layers: z.array(comparison),
  tensors: z.array(
    comparison.extend({ shape: z.array(z.number()), effectiveRanks: z.array(effectiveRank.nullable()) }),
  ),
  /**
   * For each trait of which both poles are there: how much of them is what they have in common,
   * ‖(φ_high + φ_low)/2‖² / (‖(φ_high + φ_low)/2‖² + ‖(φ_high − φ_low)/2‖²). `high`, `low`: places in `vectors`.
   */
  poles: z.array(
    z.object({
      trait,
      high: z.int(),
      low: z.int(),
      common: z.number().nullable(),
      layers: z.array(z.number().nullable()),
    }),
  ),
});
export type CompareResult = z.infer<typeof compareResult>;

// ── The log ────────────────────────────────────────────────────────────────────────────────────────────────

export const RUN_STATES = ['running', 'done', 'failed', 'cancelled', 'interrupted'] as const;
export const progress = z.object({
  done: z.number(),
  total: z.number(),
  unit: z.string(),
  message: z.string().default(''),
  /** From the pace so far; absent while there is none. */
  secondsLeft: z.number().optional(),
});
export type Progress = z.infer<typeof progress>;

const runBase = z.object({
  id: z.string(),
  title: z.string(),
  state: z.enum(RUN_STATES),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
  error: studioErrorData.nullable(),
  /** Content hash of every file that took part, by path. */
  hashes: z.record(z.string(), z.string()),
  /** Versions of the studio, llama.cpp's bindings and Node, and the device. */
  versions: z.record(z.string(), z.string()),
  /** Null for a run that was made here. */
  imported: reporting.imported.nullable().default(null),
});
const runOf = <K extends string, I extends z.ZodType, R extends z.ZodType>(kind: K, input: I, result: R) =>
  runBase.extend({ kind: z.literal(kind), input, result: result.nullable() });
/** One entry of the experiment log: what was done, with what, and what came out. */
export const run = z.discriminatedUnion('kind', [
  runOf('chat', chatInput, chatResult.omit({ run: true })),
  runOf('assess', assessInput, assessResult),
  runOf('sweep', experiments.sweepInput, experiments.sweepResult),
  runOf('profiles', experiments.profilesInput, experiments.profilesResult),
  runOf('methods_compare', experiments.methodsCompareInput, experiments.methodsCompareResult),
  runOf('prompting', experiments.promptingInput, experiments.promptingResult),
  runOf('transfer', experiments.transferInput, experiments.transferResult),
  runOf('capability', experiments.capabilityInput, experiments.capabilityResult),
  runOf('stability', experiments.stabilityInput, experiments.stabilityResult),
  runOf('calibrate', experiments.calibrateInput, experiments.calibrateResult),
  runOf('target', experiments.targetInput, experiments.targetResult),
  runOf('tune', experiments.tuneInput, experiments.tuneResult),
  runOf('pictures', experiments.picturesInput, experiments.picturesResult),
  runOf('bake', bakeInput, bakeResult),
  runOf('extract', extractInput, extractResult),
  runOf('convert', checkpoints.convertInput, checkpoints.convertResult),
  runOf('import', library.importFileInput, library.importFileResult),
  runOf('download', downloads.downloadInput, downloads.downloadResult),
  runOf('compare', compareInput, compareResult),
  runOf('readout', language.readTextsInput, language.readTextsResult),
  runOf('rerun', reporting.rerunInput, reporting.rerunResult),
]);
export type Run = z.infer<typeof run>;
export type RunKind = Run['kind'];
/** Experiments: done point by point, so that one that was interrupted can be resumed. */
export const EXPERIMENT_KINDS = [
  'sweep',
  'profiles',
  'methods_compare',
  'prompting',
  'transfer',
  'capability',
  'stability',
  'calibrate',
  'target',
  'tune',
  'pictures',
] as const satisfies RunKind[];
export type ExperimentKind = (typeof EXPERIMENT_KINDS)[number];
/** What goes on where it was after it was cancelled, or the studio ended: what was answered is kept. */
export const isResumable = (kind: RunKind): boolean =>
  kind === 'assess' || EXPERIMENT_KINDS.some(known => known === kind);
export const RUN_KINDS = [
  'chat',
  'assess',
  ...EXPERIMENT_KINDS,
  'bake',
  'extract',
  'convert',
  'import',
  'download',
  'compare',
  'readout',
  'rerun',
] as const satisfies RunKind[];

/** A run as a list shows it. */
export const runSummary = runBase.omit({ hashes: true, versions: true }).extend({
  kind: z.enum(RUN_KINDS),
  progress: progress.nullable(),
  imported: reporting.imported.omit({ files: true }).nullable().default(null),
  /** Base model as the plan names it; null where there is none. */
  model: z.string().nullable(),
  ...log.runRemarks.shape,
  /** In the bin, for 30 days. */
  deleted: z.boolean(),
});
export type RunSummary = z.infer<typeof runSummary>;

/** A run with its files as another lab can know them again. */
export const about = z.object({ run, files: z.array(reporting.runFile) });
export type About = z.infer<typeof about>;

export const runEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), progress }),
  z.object({ type: z.literal('end'), run }),
]);

export const runListInput = z.object({
  limit: z.int().min(1).max(1000).default(100),
  offset: z.int().min(0).default(0),
  /** Only these kinds; all when absent. */
  kinds: z.array(z.enum(RUN_KINDS)).optional(),
  /** Those in the bin instead of the others. */
  deleted: z.boolean().default(false),
});
export type RunListQuery = z.output<typeof runListInput>;

const started = z.object({ run: z.string() });
const byId = z.object({ id: z.string() });
const byPath = z.object({ path: z.string().min(1) });

export const device = z.object({
  name: z.string(),
  description: z.string(),
  type: z.enum(['cpu', 'gpu', 'igpu', 'accel']),
  memoryTotal: z.number(),
  memoryFree: z.number(),
});
export type Device = z.infer<typeof device>;

export const studioInfo = z.object({
  version: z.string(),
  host: z.enum(['desktop', 'browser', 'terminal']),
  dataFolder: z.string(),
  /** Of the disk that the data folder lies on. */
  freeBytes: z.number(),
  totalBytes: z.number(),
  versions: z.record(z.string(), z.string()),
});
export type StudioInfo = z.infer<typeof studioInfo>;

// ── Procedures ─────────────────────────────────────────────────────────────────────────────────────────────

/** Every procedure may answer with a studio error; its data says what, where, and what to do. */
const procedure = oc.errors({ STUDIO: { data: studioErrorData } });

/**
 * Work that takes long (bake, extract, convert, download, compare, assess, experiments, readouts that are kept) is *started*: the answer is
 * the id of its run, which `runs.watch` follows and `runs.cancel` ends, from any window, whatever happens to the one that
 * started it.
 */
export const contract = {
  studio: {
    info: procedure.output(studioInfo),
    devices: procedure.output(z.array(device)),
  },
  settings: {
    get: procedure.output(settings),
    /** Changes those that are given, for whatever begins from now on; answers with all. */
    set: procedure.input(changeSettingsInput).output(settings),
  },
  library: {
    models: procedure.output(
      z.object({
        models: z.array(model),
        projectors: z.array(projector),
        broken: z.array(brokenFile),
        folder: z.string(),
      }),
    ),
    vectors: procedure.output(
      z.object({ vectors: z.array(vector), broken: z.array(brokenFile), folder: z.string() }),
    ),
    extract: procedure.input(extractInput).output(started),
    /** A Hugging Face folder as a GGUF file: a checkpoint as a source model, an adapter in llama.cpp's format. */
    convert: procedure.input(checkpoints.convertInput).output(started),
    compare: procedure.input(compareInput).output(started),
    /** Brings a GGUF file into the library. One that a page announces, it then sends to `/upload/` and the run's id. */
    import: procedure.input(library.importFileInput).output(started),
    /** Models that other programs on this machine keep; `import` with `inPlace` has one used where it lies. */
    elsewhere: procedure.output(z.array(library.modelElsewhere)),
    /** Says which projector of pictures a model has: library name or path; `none`; `auto`: as the files say. */
    setProjector: procedure
      .input(z.object({ model: z.string().min(1), projector: z.string().trim().min(1) }))
      .output(model),
    /** Takes a model that is used in place from the library; its file stays as it is. */
    forget: procedure.input(byPath).output(z.object({ name: z.string() })),
    /** The short list of chat models, with what each asks of this machine. */
    catalogue: procedure.output(z.array(downloads.catalogueEntry)),
    /** What a name or an address has to be downloaded, and whether it fits here; nothing is fetched yet. */
    lookUp: procedure.input(downloads.lookUpInput).output(downloads.downloadPlan),
    /** Fetches a model into the library, from where an earlier attempt ended. */
    download: procedure.input(downloads.startDownloadInput).output(started),
    /** Downloads that are not whole, whether they go on now or not. */
    unfinished: procedure.output(z.array(downloads.unfinishedDownload)),
    /** Deletes what came of a download that does not go on. */
    discard: procedure.input(byId).output(z.object({ freed: z.number() })),
    /** The disk, what may be deleted, and the bin. */
    storage: procedure.output(library.storage),
    /** What would miss a file of the data folder, or was made from it. */
    dependents: procedure.input(byPath).output(library.dependents),
    /** Into the bin for 7 days, with all parts of a split model; a model that is loaded is unloaded first. */
    delete: procedure.input(byPath).output(library.deletedFile),
    restore: procedure.input(byId).output(library.deletedFile),
    /** Deletes for good what lies in the bin. */
    emptyBin: procedure.output(z.object({ freed: z.number() })),
  },
  endpoints: {
    list: procedure.output(endpoints.endpointList),
    /** What models a server has; nothing is kept. */
    ask: procedure
      .input(endpoints.askEndpointInput)
      .output(z.object({ url: z.string(), models: z.array(z.string()) })),
    /** Asks a server what it can do and keeps its model; one that is known already is asked anew. */
    add: procedure.input(endpoints.addEndpointInput).output(endpoints.endpoint),
    /** Forgets a model, and with the last of its server the key. */
    remove: procedure.input(byId).output(z.void()),
    /** Has a key used until this process ends, and written nowhere. */
    lendKey: procedure.input(endpoints.askEndpointInput.required()).output(z.object({ url: z.string() })),
    /** How a model of the library is served elsewhere, with its vectors for live mixes. */
    command: procedure.input(z.object({ model: z.string().min(1) })).output(endpoints.serveCommands),
  },
  mixing: {
    /** What the user should know before mixing; quick enough to ask on every move of a slider. */
    check: procedure
      .input(z.object({ recipe, type: fileType.optional(), live: z.boolean().default(true) }))
      .output(z.array(warning)),
    /** What the panes' mix of a recipe costs. */
    cost: procedure.input(z.object({ recipe })).output(mixCost),
    bake: procedure.input(bakeInput).output(started),
    /** The recipe that a mergekit configuration stands for, and what will differ. */
    fromMergekit: procedure.input(mergekitImport).output(z.object({ recipe, notes: z.array(z.string()) })),
    /** A configuration with which mergekit makes the same from checkpoints, and what will differ. */
    toMergekit: procedure
      .input(mergekitExport)
      .output(z.object({ yaml: z.string(), notes: z.array(z.string()) })),
    recipe: procedure.input(z.object({ file: z.string().min(1) })).output(bakedRecipe),
  },
  chat: {
    /** Streams an answer. Aborting the call stops the model and logs what it had said. */
    send: procedure.input(chatInput).output(eventIterator(chatEvent)),
  },
  pictures: {
    /** Keeps a picture for questions about it; kept for good once a message or a run refers to it. */
    add: procedure.input(pictures.addPictureInput).output(pictures.picture),
    get: procedure
      .input(z.object({ hash: pictures.picture.shape.hash }))
      .output(z.object({ file: z.file() })),
  },
  conversations: {
    /** Newest first; those deleted in the last 30 days where asked for. */
    list: procedure
      .input(
        z.object({
          limit: z.int().min(1).max(1000).default(200),
          offset: z.int().min(0).default(0),
          deleted: z.boolean().default(false),
        }),
      )
      .output(z.object({ conversations: z.array(conversationSummary), total: z.int() })),
    get: procedure.input(byId).output(conversation),
    /** Makes the conversation or changes its fields and panes; messages and the branches in view stay. */
    save: procedure.input(saveConversationInput).output(z.void()),
    /** Adds messages and puts them in view; one that is there already is left as it is. */
    add: procedure.input(addMessagesInput).output(z.void()),
    /** Streams an answer into the tree. What was said is kept whatever ends it. */
    answer: procedure.input(answerInput).output(eventIterator(chatEvent)),
    /** Puts the branches that end with these messages in view. */
    show: procedure
      .input(z.object({ conversation: itemId, heads: z.array(z.object({ pane: itemId, head: itemId })) }))
      .output(z.void()),
    vote: procedure.input(vote.omit({ at: true }).extend({ conversation: itemId })).output(vote),
    rename: procedure
      .input(z.object({ id: itemId, title: z.string().trim().min(1).max(200) }))
      .output(z.void()),
    delete: procedure.input(byId).output(z.void()),
    restore: procedure.input(byId).output(z.void()),
    /** Messages with all of the words; "quoted words" stand together, the last word may be unfinished. */
    search: procedure
      .input(z.object({ text: z.string(), limit: z.int().min(1).max(500).default(50) }))
      .output(z.array(searchHit)),
    export: procedure
      .input(conversationExport)
      .output(z.object({ name: z.string(), type: z.string(), text: z.string() })),
  },
  personas: {
    /** The last changed first; those deleted in the last 30 days where asked for. */
    list: procedure
      .input(z.object({ deleted: z.boolean().default(false) }))
      .output(z.array(personas.keptPersona)),
    get: procedure.input(byId).output(personas.keptPersonaWhole),
    /** A new persona, or a new version where anything about the mix differs; its profile comes from the log. */
    save: procedure.input(personas.savePersonaInput).output(personas.keptPersonaWhole),
    edit: procedure.input(personas.editPersonaInput).output(z.void()),
    /** Has an earlier version used again. */
    activate: procedure.input(byId.extend({ version: z.int().min(1) })).output(z.void()),
    duplicate: procedure.input(byId).output(byId),
    delete: procedure.input(byId).output(z.void()),
    restore: procedure.input(byId).output(z.void()),
    /** Its own picture, a PNG file; null where it has none. */
    picture: procedure.input(byId).output(z.object({ file: z.file().nullable() })),
    export: procedure.input(personas.exportPersonaInput).output(z.object({ file: z.file() })),
    /** Adds the persona of a persona file or of a character card; what its mix lacks here is in `missing`. */
    import: procedure.input(personas.importPersonaInput).output(personas.importPersonaResult),
    setPicture: procedure.input(byId.extend({ file: z.file().nullable() })).output(z.void()),
  },
  assessment: {
    inventories: procedure.output(
      z.object({ inventories: z.array(inventorySummary), broken: z.array(brokenFile), folder: z.string() }),
    ),
    assess: procedure.input(assessInput).output(started),
    sweep: procedure.input(experiments.sweepInput).output(started),
    profiles: procedure.input(experiments.profilesInput).output(started),
  },
  experiments: {
    /** The same drawn profiles under several recipes. */
    methods: procedure.input(experiments.methodsCompareInput).output(started),
    /** System prompts of adjectives by level, and α, on one axis. */
    prompting: procedure.input(experiments.promptingInput).output(started),
    /** The same vectors on other models of the backbone. */
    transfer: procedure.input(experiments.transferInput).output(started),
    /** Sums, requests that a rule can check, and the likelihood of a text, before and after a mix. */
    capability: procedure.input(experiments.capabilityInput).output(started),
    /** Whether a trait survives a second merge. */
    stability: procedure.input(experiments.stabilityInput).output(started),
    /** How scores answer to α; stored for `target`. */
    calibrate: procedure.input(experiments.calibrateInput).output(started),
    calibrations: procedure.output(z.array(experiments.storedCalibration)),
    /** α for wanted scores by the calibration that is kept, not measured; null where there is none. */
    solve: procedure.input(experiments.solveInput).output(experiments.solveResult),
    /** α for wanted scores, with what they are predicted to give and what they give; calibrates first where need be. */
    target: procedure.input(experiments.targetInput).output(started),
    /** Method, density, trim and λ per trait by successive halving, reported on held-out profiles. */
    tune: procedure.input(experiments.tuneInput).output(started),
    /** The same pictures described by several personas, and how their words differ. */
    pictures: procedure.input(experiments.picturesInput).output(started),
  },
  language: {
    readout: procedure.input(z.object({ text: z.string() })).output(language.textReadout),
    /** Many texts, or one against a reference. */
    read: procedure.input(language.readTextsInput).output(language.readTextsResult),
    /** The same as a run of the log; a page may send the files. */
    record: procedure.input(language.recordTextsInput).output(started),
    /** The columns of a table of texts that a page sends. */
    table: procedure.input(z.object({ name: z.string().min(1), file: z.file() })).output(language.textTable),
    /** A text that a kept readout has read, and where its words stand. */
    text: procedure.input(language.readTextInput).output(language.readTextResult),
    /** Personas by the names that they answered under, with what the log has of them; most answers first. */
    voices: procedure.output(z.array(language.voice)),
    dictionaries: procedure.output(
      z.object({
        dictionaries: z.array(language.dictionary),
        broken: z.array(brokenFile),
        folder: z.string(),
        /** The studio's own lexicons, called by their language (ISO 639-1); English first. */
        own: z.array(z.object({ language: z.string(), name: z.string() })),
      }),
    ),
  },
  /** The window around the page; in a browser and in the terminal there is none. */
  desktop: {
    /** Has the desktop's menu say this. */
    menu: procedure.input(desktop.desktopMenu).output(z.void()),
    /** What was chosen in the menu or opened by the system's file manager. */
    commands: procedure.output(eventIterator(desktop.desktopCommand)),
    /** A file that a command `open` has named; once. */
    opened: procedure.input(byId).output(z.object({ file: z.file() })),
  },
  runs: {
    list: procedure.input(runListInput).output(z.array(runSummary)),
    get: procedure.input(byId).output(run),
    /** Progress from now on, then `end` with the whole run; at once when it has ended already. */
    watch: procedure.input(byId).output(eventIterator(runEvent)),
    cancel: procedure.input(byId).output(z.object({ cancelled: z.boolean() })),
    /** Goes on with an experiment that was interrupted, cancelled or failed, from the points that it has; the same run. */
    resume: procedure.input(byId).output(started),
    /** Notes the user's tags, words and star on a run. */
    edit: procedure.input(log.editRunInput).output(z.void()),
    /** Into the bin, all or none; whatever else uses their results keeps them. */
    delete: procedure.input(log.runIds).output(z.void()),
    restore: procedure.input(log.runIds).output(z.void()),
    /** Runs that started, progressed, ended, or were noted on, deleted or restored anywhere, as it happens. */
    changes: procedure.output(eventIterator(runSummary)),
  },
  reporting: {
    /** A run that is done, with its findings, tables and plots, for the page to show. */
    present: procedure.input(z.object({ run: z.string() })).output(reporting.presented),
    /** What a run was made with, whatever became of it. */
    about: procedure.input(z.object({ run: z.string() })).output(about),
    /** Data, tables in APA style and plots of runs, as files of text. */
    export: procedure
      .input(reporting.exportInput)
      .output(z.object({ files: z.array(reporting.exportedFile) })),
    /** The same as one ZIP file. */
    archive: procedure.input(reporting.exportInput).output(z.object({ file: z.file() })),
    /** One page of HTML that reads without the studio. */
    report: procedure.input(reporting.reportInput).output(z.object({ html: z.string() })),
    /** The report as PDF; the desktop host alone can print. */
    pdf: procedure.input(reporting.reportInput).output(z.file()),
    /** A study as one ZIP file; `digest`: SHA-256 of its manifest. */
    bundle: procedure.input(reporting.reportInput).output(z.object({ file: z.file(), digest: z.string() })),
    import: procedure.input(reporting.importInput).output(reporting.importResult),
    /** Does runs again, own or imported, and compares. */
    rerun: procedure.input(reporting.rerunInput).output(started),
  },
};
