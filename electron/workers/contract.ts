/** What the two workers can be asked for; plain data both ways. */
import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { converted, SOURCE_TYPES } from '../studio/checkpoints/contract.ts';
import {
  comparison,
  device,
  effectiveRank,
  fileType,
  method,
  parameters,
  sampling,
  studioErrorData,
} from '../studio/contract.ts';

const procedure = oc.errors({ STUDIO: { data: studioErrorData } });

/** Model file and the adapters on it, each at a scale (the α of its vector). */
const mix = z.object({
  model: z.string(),
  adapters: z.array(z.object({ path: z.string(), scale: z.number() })),
});
export type LiveMix = z.infer<typeof mix>;

const turn = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
export type Turn = z.infer<typeof turn>;

const generateInput = z.object({ mix, turns: z.array(turn), sampling });
export type GenerateInput = z.output<typeof generateInput>;
const generateEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('token'), text: z.string() }),
  z.object({
    type: z.literal('done'),
    tokens: z.int(),
    stop: z.enum(['end', 'length']),
    firstTokenMs: z.number(),
    tokensPerSecond: z.number(),
  }),
]);
export type GenerateEvent = z.output<typeof generateEvent>;

const rateInput = z.object({
  mix,
  system: z.string(),
  prompts: z.array(z.string()).min(1),
  answers: z.array(z.string()),
});
export type RateInput = z.output<typeof rateInput>;
const rateEvent = z.object({
  index: z.int(),
  probabilities: z.array(z.number()),
  /** Of a server: the most that the answers can have beyond what it tells, all together. */
  unseen: z.number().optional(),
});
export type RateEvent = z.output<typeof rateEvent>;

const answerInput = z.object({
  mix,
  system: z.string(),
  prompts: z.array(z.string()).min(1),
  /** Answers drawn to each prompt. */
  repeats: z.int().min(1),
  sampling,
});
export type AnswerInput = z.output<typeof answerInput>;
const answerEvent = z.object({ index: z.int(), repeat: z.int(), text: z.string() });
export type AnswerEvent = z.output<typeof answerEvent>;

const likelihoodInput = z.object({ mix, texts: z.array(z.string()).min(1) });
const likelihoodEvent = z.object({ index: z.int(), tokens: z.int(), logProbability: z.number() });
export type LikelihoodEvent = z.output<typeof likelihoodEvent>;

/** What holds for all work from now on: see the studio's settings. */
const configuration = z.object({ device: z.enum(['auto', 'cpu']) });

export const inferenceContract = {
  configure: procedure.input(configuration).output(z.void()),
  info: procedure.output(z.object({ device: z.string(), llama: z.string() })),
  /** Streams an answer to the conversation; the same mix, turns and sampling give the same text. */
  generate: procedure.input(generateInput).output(eventIterator(generateEvent)),
  /**
   * For each prompt, put as a question in a fresh chat, the model's own probabilities of the answers (each one token)
   * as the first token of its turn; several prompts at a time, in any order.
   */
  rate: procedure.input(rateInput).output(eventIterator(rateEvent)),
  /** Answers drawn to each prompt in a fresh chat, prompt by prompt; the same input gives the same answers. */
  answer: procedure.input(answerInput).output(eventIterator(answerEvent)),
  /**
   * For each text, as it is and not as a turn of a chat: how many tokens were predicted (all but the first, which stands
   * after nothing where the model has no token for the beginning) and Σ ln p of them. A text longer than the model reads
   * is cut off there.
   */
  likelihood: procedure.input(likelihoodInput).output(eventIterator(likelihoodEvent)),
  /** Lets go of a model's memory, so that its file can be deleted or replaced. */
  unload: procedure.input(z.object({ model: z.string() })).output(z.void()),
};

const tick = z.object({
  type: z.literal('progress'),
  done: z.number(),
  total: z.number(),
  unit: z.string(),
  message: z.string(),
});
const job = <R extends z.ZodType>(result: R) =>
  eventIterator(z.discriminatedUnion('type', [tick, z.object({ type: z.literal('done'), result })]));
const metadata = z.record(z.string(), z.union([z.string(), z.number()]));

/** A number, or points along the depth of the model. */
const weight = z.union([z.number(), z.array(z.number())]);
const { density: _, ...ofMix } = parameters;

export const mergingContract = {
  configure: procedure.input(configuration).output(z.void()),
  devices: procedure.output(z.array(device)),
  /** Header of a GGUF file, or of a split model by any of its parts, without the long arrays (vocabulary, merges). */
  read: procedure.input(z.object({ path: z.string() })).output(
    z.object({
      metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      /** `general.languages` as it stands. */
      languages: z.array(z.string()),
      tensors: z.array(
        z.object({ name: z.string(), type: z.string(), shape: z.array(z.number()), bytes: z.number() }),
      ),
      bytes: z.number(),
    }),
  ),
  /** Removes what killed writers left in these folders. */
  tidy: procedure.input(z.object({ folders: z.array(z.string()) })).output(z.void()),
  fingerprint: procedure
    .input(z.object({ path: z.string() }))
    .output(z.object({ backbone: z.string(), content: z.string() })),
  bake: procedure
    .input(
      z.object({
        base: z.string(),
        out: z.string(),
        type: fileType,
        imatrix: z.string().optional(),
        method,
        vectors: z.array(
          z.object({
            path: z.string(),
            id: z.string(),
            weight,
            weights: z.array(z.object({ filter: z.string(), weight })).optional(),
            density: z.number().optional(),
          }),
        ),
        ...ofMix,
        metadata,
        /** 'auto' (default), 'cpu' or a device's name. */
        device: z.string().optional(),
      }),
    )
    .output(
      job(
        z.object({
          bytes: z.number(),
          tensors: z.number(),
          seconds: z.number(),
          device: z.string(),
          deviceReason: z.string(),
          /** See native-merge's BakeNote. */
          notes: z.array(z.object({ code: z.string(), message: z.string(), tensor: z.string().optional() })),
        }),
      ),
    ),
  extract: procedure
    .input(
      z.object({
        base: z.string(),
        tuned: z.string(),
        out: z.string(),
        type: z.enum(['f32', 'f16', 'bf16']),
        metadata,
      }),
    )
    .output(
      job(
        z.object({
          norm: z.number(),
          relative: z.number(),
          layers: z.array(
            z.object({ tensor: z.string(), norm: z.number(), baseNorm: z.number(), relative: z.number() }),
          ),
        }),
      ),
    ),
  /** A Hugging Face checkpoint's folder as a source model. */
  convert: procedure
    .input(
      z.object({
        folder: z.string(),
        out: z.string(),
        type: z.enum(SOURCE_TYPES),
        name: z.string().optional(),
      }),
    )
    .output(job(converted)),
  /** A PEFT adapter's folder as llama.cpp's adapter, for the base whose GGUF file is given. */
  convertAdapter: procedure
    .input(
      z.object({
        folder: z.string(),
        base: z.string(),
        out: z.string(),
        /** What becomes of modules that were trained whole: an error, or nothing. */
        saved: z.enum(['refuse', 'leave']),
      }),
    )
    .output(job(converted)),
  /** The base with the modules that a PEFT adapter saved whole (modules_to_save) in place of its own. */
  convertSaved: procedure
    .input(z.object({ folder: z.string(), base: z.string(), out: z.string() }))
    .output(job(converted)),
  /** Several adapters, each times its scale, as one PEFT adapter in an existing folder. */
  exportMix: procedure
    .input(
      z.object({
        adapters: z.array(z.object({ path: z.string(), scale: z.number() })).min(1),
        base: z.string(),
        folder: z.string(),
      }),
    )
    .output(job(converted)),
  /** A vector's file as a PEFT adapter or as safetensors of differences, in a folder that exists. */
  exportVector: procedure
    .input(z.object({ path: z.string(), base: z.string().nullable(), folder: z.string() }))
    .output(job(converted)),
  /** A dense vector as a llama.cpp adapter: truncated SVD per tensor, to that rank or the one that keeps that share of the energy. */
  factorize: procedure
    .input(
      z.object({
        vector: z.string(),
        out: z.string(),
        type: z.enum(['f32', 'f16', 'bf16']).optional(),
        rank: z.number().optional(),
        energy: z.number().optional(),
      }),
    )
    .output(job(z.object({ energy: z.number(), rank: z.number() }))),
  /** Norms, angles, signs, sparsity and effective ranks of vectors, per tensor, per layer and over everything. */
  compare: procedure.input(z.object({ paths: z.array(z.string()).min(1), entrywise: z.boolean() })).output(
    job(
      z.object({
        vectors: z.array(z.object({ effectiveRank: effectiveRank.nullable() })),
        all: comparison,
        layers: z.array(comparison),
        tensors: z.array(
          comparison.extend({
            shape: z.array(z.number()),
            effectiveRanks: z.array(effectiveRank.nullable()),
          }),
        ),
      }),
    ),
  ),
};
