/** What a server is asked before anything else: its models, what it is, and what of the interface it has. */
import { z } from 'zod';
import { toStudioError } from '../errors.ts';
import type { EndpointFacts } from './contract.ts';
import { IMPATIENCE, type Server } from './server.ts';

/** Of the likeliest tokens: as many as OpenAI's interface allows, and what llama.cpp gives beyond. */
const TOP = 20;
const TOP_OF_LLAMA = 100;

const models = z.object({ data: z.array(z.object({ id: z.string(), owned_by: z.string().nullish() })) });
const props = z.object({
  total_slots: z.int().min(1),
  modalities: z.object({ vision: z.boolean().default(false) }).default({ vision: false }),
  default_generation_settings: z.object({ n_ctx: z.number().nullish() }).nullish(),
});
const adapters = z.array(z.object({ id: z.int(), path: z.string() }));
const top = z.array(z.object({ token: z.string(), logprob: z.number() }));

/** A whole answer of `/chat/completions`. */
export const completion = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish() }),
        logprobs: z
          .object({ content: z.array(z.object({ top_logprobs: top.nullish() })).nullish() })
          .nullish(),
      }),
    )
    .min(1),
});

/** Names of the models that a server lists, and whose it says they are. */
export async function modelsOf(
  server: Server,
  signal?: AbortSignal,
): Promise<{ ids: string[]; owner: string }> {
  const found = models.safeParse(await server.json({ path: 'models', signal, patience: IMPATIENCE }));
  if (!found.success) throw server.refusal('its list of models is none');
  return { ids: found.data.data.map(({ id }) => id), owner: found.data.data[0]?.owned_by ?? '' };
}

/** The adapters that a llama-server was started with; null where there is no interface for them. */
export async function adaptersOf(server: Server, signal?: AbortSignal) {
  const found = await optional(server.json({ path: '/lora-adapters', signal, patience: IMPATIENCE }));
  const parsed = adapters.safeParse(found);
  return parsed.success ? parsed.data : null;
}

export async function factsOf(
  server: Server,
  model: string,
  owner: string,
  signal?: AbortSignal,
): Promise<Omit<EndpointFacts, 'adapters'> & { adapters: { id: number; path: string }[] | null }> {
  const about = props.safeParse(
    await optional(server.json({ path: '/props', signal, patience: IMPATIENCE })),
  );
  const llama = about.success;
  return {
    server: llama ? 'llama.cpp' : owner || 'unknown',
    logprobs: await logprobsOf(server, model, llama ? [TOP_OF_LLAMA] : [TOP, 5], signal),
    images: about.data?.modalities.vision ?? false,
    slots: about.data?.total_slots ?? null,
    contextLength: about.data?.default_generation_settings?.n_ctx ?? null,
    adapters: llama ? await adaptersOf(server, signal) : null,
    askedAt: new Date().toISOString(),
  };
}

/** How many of the likeliest tokens come with an answer's first, of the numbers that are tried. */
async function logprobsOf(
  server: Server,
  model: string,
  tried: number[],
  signal?: AbortSignal,
): Promise<number> {
  const question = {
    model,
    messages: [{ role: 'user', content: 'Reply with the digit 1.' }],
    max_tokens: 1,
    temperature: 0,
  };
  const ask = (more: object) =>
    server.json({
      path: 'chat/completions',
      body: { ...question, ...more },
      signal,
      // A server may load the model for it.
      patience: { ...IMPATIENCE, first: 120_000, repeats: 2 },
    });
  for (const number of tried)
    try {
      const answer = completion.safeParse(await ask({ logprobs: true, top_logprobs: number }));
      return answer.data?.choices[0]?.logprobs?.content?.[0]?.top_logprobs?.length ?? 0;
    } catch (error) {
      // Some refuse a question for what they do not have.
      if (toStudioError(error).data.field !== 'endpoint' || toStudioError(error).data.code !== 'bad_input')
        throw error;
    }
  await ask({});
  return 0;
}

/** What a server gives at an address that only some have; undefined where it has none. */
async function optional(asked: Promise<unknown>): Promise<unknown> {
  try {
    return await asked;
  } catch (error) {
    const { code, field } = toStudioError(error).data;
    if (code === 'cancelled' || field === 'key') throw error;
    return undefined;
  }
}
