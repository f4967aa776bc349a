/** What a server is asked before anything else: its models, what it is, and what of the interface it has. */
import { z } from 'zod';
import { toStudioError } from '../errors.ts';
import type { EndpointFacts } from './contract.ts';
import { IMPATIENCE, type Server } from './server.ts';

/** Of the likeliest tokens: as many as OpenAI's interface allows, and what llama.cpp gives beyond. */
const TOP = 20;
const TOP_OF_LLAMA = 100;

/** What some say of a model's input: llama-server (`architecture`, `capabilities`), LM Studio and Ollama in their own lists. */
const ofInput = z.object({
  architecture: z.object({ input_modalities: z.array(z.string()) }).optional(),
  capabilities: z.array(z.string()).optional(),
});
const models = z.object({
  data: z.array(
    ofInput.extend({
      id: z.string(),
      owned_by: z.string().nullish(),
      meta: z.object({ n_params: z.number().nullish() }).nullish(),
    }),
  ),
});
export type ListedModel = z.output<typeof models>['data'][number];
const props = z.object({
  total_slots: z.int().min(1),
  modalities: z.object({ vision: z.boolean().default(false) }).default({ vision: false }),
  default_generation_settings: z.object({ n_ctx: z.number().nullish() }).nullish(),
  build_info: z.string().nullish(),
  model_path: z.string().nullish(),
  model_ftype: z.string().nullish(),
});
const version = z.object({ version: z.string() });
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

/** The models that a server lists, with what it says of each. */
export async function modelsOf(server: Server, signal?: AbortSignal): Promise<ListedModel[]> {
  const found = models.safeParse(await server.json({ path: 'models', signal, patience: IMPATIENCE }));
  if (!found.success) throw server.refusal('its list of models is none');
  return found.data.data;
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
  listed: ListedModel[],
  signal?: AbortSignal,
): Promise<Omit<EndpointFacts, 'adapters'> & { adapters: { id: number; path: string }[] | null }> {
  const about = props.safeParse(
    await optional(server.json({ path: '/props', signal, patience: IMPATIENCE })),
  );
  const llama = about.success;
  const own = listed.find(({ id }) => id === model);
  return {
    server: llama ? 'llama.cpp' : (own ?? listed[0])?.owned_by || 'unknown',
    about: about.success
      ? aboutLlama(about.data, own)
      : (version.safeParse(await optional(server.json({ path: '/version', signal, patience: IMPATIENCE })))
          .data?.version ?? ''),
    logprobs: await logprobsOf(server, model, llama ? [TOP_OF_LLAMA] : [TOP, 5], signal),
    images: about.data?.modalities.vision ?? told(own) ?? (await takesPicture(server, model, signal)),
    slots: about.data?.total_slots ?? null,
    contextLength: about.data?.default_generation_settings?.n_ctx ?? null,
    adapters: llama ? await adaptersOf(server, signal) : null,
    askedAt: new Date().toISOString(),
  };
}

/** `b6900-de3ff81, base.gguf, F16, 3148032 parameters` */
function aboutLlama(
  { build_info, model_path, model_ftype }: z.output<typeof props>,
  listed: ListedModel | undefined,
): string {
  const parameters = listed?.meta?.n_params;
  return [
    build_info,
    // The folders are the server's own business.
    model_path?.split(/[\\/]/).at(-1),
    model_ftype,
    parameters ? `${parameters} parameters` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

/** Whether a list of models says that one takes pictures; undefined where it says nothing about it. */
function told(model: ListedModel | undefined): boolean | undefined {
  const { architecture, capabilities } = model ?? {};
  if (architecture) return architecture.input_modalities.includes('image');
  return capabilities?.some(name => ['vision', 'multimodal'].includes(name));
}

/** A grey square, 32 pixels wide. */
const SQUARE =
  'iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAAAAABWESUoAAAAFklEQVR42mNoIAAYRhWMKhhVMFIVAABCAAAfN5c2AAAAAABJRU5ErkJggg==';

/** Whether a model answers to a picture, where its server says nothing about it. */
async function takesPicture(server: Server, model: string, signal?: AbortSignal): Promise<boolean> {
  const content = [
    { type: 'image_url', image_url: { url: `data:image/png;base64,${SQUARE}` } },
    { type: 'text', text: 'Reply with the digit 1.' },
  ];
  const body = { model, messages: [{ role: 'user', content }], max_tokens: 1, temperature: 0 };
  try {
    const patience = { ...IMPATIENCE, first: 120_000 };
    return completion.safeParse(await server.json({ path: 'chat/completions', body, signal, patience }))
      .success;
  } catch (error) {
    const { code, field } = toStudioError(error).data;
    if (code === 'cancelled' || field === 'key') throw error;
    return false;
  }
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
