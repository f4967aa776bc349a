/** What models on other servers ask for and give. */
import { z } from 'zod';
import { POLES, TRAITS } from '../terms.ts';

/** Whether a recipe's base is a server's model (its address, #, its name) and not a file. */
export const isEndpoint = (base: string): boolean => /^https?:\/\//i.test(base);

/** Most answers that one server is asked for at a time, whatever the number of its slots. */
export const MAX_REQUESTS = 64;

const vectorName = z.templateLiteral([z.enum(TRAITS), '-', z.enum(POLES)]);

/** What a server said when it was asked. */
export const endpointFacts = z.object({
  /** What it is, as far as it tells: `llama.cpp`, `vllm` … */
  server: z.string(),
  /** What it tells of itself and of the model, in words; empty where it tells nothing. */
  about: z.string().default(''),
  /** How many of the likeliest tokens it gives with their log-probabilities; 0: none, so that ratings are sampled. */
  logprobs: z.int(),
  /** Whether it says that the model takes images. */
  images: z.boolean(),
  /** Answers that it makes at the same time; null where it does not say. */
  slots: z.int().nullable(),
  /** Tokens that a conversation may have; null where it does not say. */
  contextLength: z.number().nullable(),
  /**
   * Its LoRA adapters, each with the vector of the library that it is known as by its path or its file's name; null where
   * it has no interface for them.
   */
  adapters: z.array(z.object({ id: z.int(), path: z.string(), vector: vectorName.nullable() })).nullable(),
  /** ISO 8601, UTC. */
  askedAt: z.string(),
});
export type EndpointFacts = z.infer<typeof endpointFacts>;

export const endpoint = z.object({
  /** What a recipe names as its base. */
  id: z.string(),
  url: z.string(),
  model: z.string(),
  label: z.string(),
  /** Answers asked for at a time; null: as many as the server has slots, else 4. */
  requests: z.int().min(1).max(MAX_REQUESTS).nullable(),
  hasKey: z.boolean(),
  facts: endpointFacts,
});
export type Endpoint = z.infer<typeof endpoint>;

const url = z.string().trim().min(1).max(2000);
const key = z.string().trim().min(1).max(10_000);

export const askEndpointInput = z.object({
  url,
  /** For this question alone; without it, the one that is kept. */
  key: key.optional(),
});
export const addEndpointInput = z.object({
  url,
  model: z.string().trim().min(1).max(1000),
  label: z.string().trim().max(120).optional(),
  requests: endpoint.shape.requests.default(null),
  key: key.optional(),
});
export type AddEndpoint = z.output<typeof addEndpointInput>;

export const endpointList = z.object({
  endpoints: z.array(endpoint),
  /** Where keys are kept: in the system's keychain, or in a file that only the user can read. */
  keys: z.enum(['keychain', 'file']),
  keyFile: z.string(),
});

/** Commands that serve a mix elsewhere. */
export const serveCommands = z.object({
  /** llama-server with the model and its vectors as adapters, for live mixes; null where no vector fits. */
  adapters: z.string().nullable(),
  /** llama-server with a file alone: a baked mix, or the model. */
  file: z.string(),
  notes: z.array(z.string()),
});
export type ServeCommands = z.infer<typeof serveCommands>;
