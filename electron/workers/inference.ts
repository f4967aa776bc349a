/** The inference worker: loads models with adapters through llama.cpp, answers in chats, and reads ratings. */
import { statSync } from 'node:fs';
import { Template } from '@huggingface/jinja';
import { implement } from '@orpc/server';
import { RPCHandler } from '@orpc/server/message-port';
import type { Llama, LlamaContext, LlamaModel, Token } from 'node-llama-cpp';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { asStudioErrors, StudioError } from '../studio/errors.ts';
import { pushed } from '../studio/stream.ts';
import type {
  AnswerEvent,
  GenerateEvent,
  GenerateInput,
  LikelihoodEvent,
  LiveMix,
  RateEvent,
} from './contract.ts';
import { inferenceContract } from './contract.ts';
import { type Loaded, render } from './loaded.ts';
import { parentPort } from './port.ts';
import { answer, likelihood, rate, renderQuestions, roomFor, textTokens } from './rating.ts';

/** Longest conversation a context holds, in tokens, where the model allows as much. */
const MAX_CONTEXT = 8192;
/**
 * Below this size, in bytes, one thread computes: waiting for each other costs several threads more than they save,
 * and on a busy machine a hundred times as much (measured on the demo model).
 */
const SMALL_MODEL = 256 * 2 ** 20;
const MAX_MODELS = 2;
const MAX_CONTEXTS = 4;

/** As the studio's settings have it. */
let device: 'auto' | 'cpu' = 'auto';

const engines = new Map<string, Promise<Llama>>();
function llama(): Promise<Llama> {
  const known = engines.get(device);
  if (known) return known;
  const engine = getLlama({
    gpu: device === 'cpu' ? false : 'auto',
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
    logger: (_level, text) => process.stderr.write(`llama.cpp: ${text}\n`),
  });
  engines.set(device, engine);
  return engine;
}

/** Values made on demand, the least recently used of which are let go; each is used by one caller at a time. */
class Pool<T> {
  readonly #slots = new Map<string, { value: Promise<T>; users: number; turn: Promise<void> }>();
  readonly #limit: number;
  readonly #drop: (value: T, key: string) => Promise<void>;

  constructor(limit: number, drop: (value: T, key: string) => Promise<void>) {
    this.#limit = limit;
    this.#drop = drop;
  }

  async use<R>(
    key: string,
    make: () => Promise<T>,
    work: (value: T) => Promise<R>,
    alone: boolean,
  ): Promise<R> {
    let slot = this.#slots.get(key);
    if (slot) this.#slots.delete(key);
    else slot = { value: make(), users: 0, turn: Promise.resolve() };
    this.#slots.set(key, slot);
    slot.users++;
    const before = slot.turn;
    let finish = () => {};
    if (alone) slot.turn = new Promise(resolve => (finish = resolve));
    try {
      const value = await slot.value;
      if (alone) await before;
      return await work(value);
    } catch (error) {
      if (slot.users === 1) await this.#remove(key, slot);
      throw error;
    } finally {
      finish();
      slot.users--;
      await this.#shrink();
    }
  }

  /** Every key, the least recently used first, and whether somebody uses its value now. */
  keys(): { key: string; used: boolean }[] {
    return [...this.#slots].map(([key, { users }]) => ({ key, used: users > 0 }));
  }

  async dropWhere(matches: (key: string) => boolean): Promise<void> {
    for (const [key, slot] of this.#slots)
      if (matches(key) && slot.users === 0) await this.#remove(key, slot);
  }

  async #remove(key: string, slot: { value: Promise<T> }): Promise<void> {
    this.#slots.delete(key);
    const value = await slot.value.catch(() => undefined);
    if (value) await this.#drop(value, key);
  }

  async #shrink(): Promise<void> {
    let extra = this.#slots.size - this.#limit;
    for (const [key, slot] of this.#slots) {
      if (extra <= 0) return;
      if (slot.users > 0) continue;
      extra--;
      await this.#remove(key, slot);
    }
  }
}

const models = new Pool<Loaded>(MAX_MODELS, async ({ model }, key) => {
  await contexts.dropWhere(other => other.startsWith(`${key}\0`));
  await model.dispose();
});
const contexts = new Pool<LlamaContext>(MAX_CONTEXTS, (context, key) => {
  scales.delete(key);
  return context.dispose();
});
/** The adapters' scales on each context, by its key. */
const scales = new Map<string, string>();

async function load(path: string): Promise<Loaded> {
  const engine = await llama();
  let model: LlamaModel;
  try {
    model = await engine.loadModel({ modelPath: path });
  } catch (error) {
    throw new StudioError('bad_file', `llama.cpp cannot load ${path}: ${(error as Error).message}`, {
      file: path,
      action: 'Check that the file is a complete GGUF chat model of a supported architecture.',
      cause: error,
    });
  }
  const source = model.fileInfo.metadata.tokenizer?.chat_template;
  if (!source) {
    await model.dispose();
    throw new StudioError('bad_file', `${path} carries no chat template, so it cannot hold a conversation.`, {
      file: path,
      action: 'Use an instruction-tuned model whose GGUF file has tokenizer.chat_template.',
    });
  }
  return { model, template: new Template(source) };
}

/** Which file this is: another one under the same path, baked over it for example, has another stamp. */
function stamp(path: string): string {
  const { ino, size, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {};
  return `${ino} ${size} ${mtimeMs}`;
}

const adapterStamps = new Map<string, string>();
let replacedAdapters = 0;

/** A model as it is on disk now. It keeps adapters by path: when one of those is another file, it is loaded anew. */
function modelKey({ model, adapters }: LiveMix): string {
  for (const { path } of adapters) {
    const now = stamp(path);
    if ((adapterStamps.get(path) ?? now) !== now) replacedAdapters++;
    adapterStamps.set(path, now);
  }
  return [model, stamp(model), replacedAdapters, device].join('\0');
}

/** How many sequences a context has, and how many tokens each holds. */
interface Room {
  sequences: number;
  contextSize: number | { max: number };
  flashAttention?: boolean;
}

/**
 * The context for a mix: one that has it already, else an idle one with the same adapters, whose scales can be changed
 * without building anything anew, else a new one.
 */
function contextFor(prefix: string, wanted: string): string {
  const fitting = contexts.keys().filter(({ key }) => key.startsWith(`${prefix}\0\0`));
  const same = fitting.find(({ key }) => scales.get(key) === wanted);
  const idle = fitting.find(({ used }) => !used);
  return (same ?? idle)?.key ?? `${prefix}\0\0${++made}`;
}
let made = 0;

/** node-llama-cpp sets adapters through this when it makes a context, and has no other way to change their scales. */
interface Scalable {
  _setLoras(adapters: { filePath: string; scale: number }[]): Promise<void>;
}

/** Loads a mix, plans the work with the model in hand, and does it on a context that nobody else uses meanwhile. */
function withContext<R>(
  mix: LiveMix,
  plan: (loaded: Loaded) => { room: Room; work: (context: LlamaContext) => Promise<R> },
): Promise<R> {
  const adapters = mix.adapters.filter(({ scale }) => scale !== 0);
  const model = modelKey(mix);
  return models.use(
    model,
    () => load(mix.model),
    loaded => {
      const { room, work } = plan(loaded);
      const own = { ...room, threads: loaded.model.size < SMALL_MODEL ? 1 : undefined };
      const prefix = [model, JSON.stringify(own), ...adapters.map(({ path }) => path)].join('\0');
      const wanted = adapters.map(({ scale }) => scale).join();
      const key = contextFor(prefix, wanted);
      const make = () =>
        loaded.model.createContext({
          ...own,
          lora: adapters.length
            ? { adapters: adapters.map(({ path, scale }) => ({ filePath: path, scale })) }
            : undefined,
        });
      const isNew = !contexts.keys().some(other => other.key === key);
      const changes = !isNew && scales.get(key) !== wanted;
      scales.set(key, wanted);
      return contexts.use(
        key,
        make,
        async context => {
          if (changes) {
            const scaled = adapters.map(({ path, scale }) => ({ filePath: path, scale }));
            await (context as unknown as Scalable)._setLoras(scaled);
          }
          return await work(context);
        },
        true,
      );
    },
    false,
  );
}

type Done = Extract<GenerateEvent, { type: 'done' }>;
type Piece = Extract<GenerateEvent, { type: 'token' }>;

async function generate(
  loaded: Loaded,
  context: LlamaContext,
  { turns, sampling }: GenerateInput,
  push: (event: Piece) => void,
  signal: AbortSignal | undefined,
): Promise<Done> {
  const { model } = loaded;
  const prompt = render(loaded, turns);
  const room = context.contextSize - prompt.length;
  if (room < 1)
    throw new StudioError(
      'bad_input',
      `The conversation is ${prompt.length} tokens long; this model reads ${context.contextSize}.`,
      {
        field: 'messages',
        action: 'Start a new conversation, or shorten the system prompt.',
      },
    );
  const limit = Math.min(sampling.maxTokens, room);
  const { temperature, topP, seed } = sampling;
  const sequence = context.getSequence();
  const began = performance.now();
  let first = 0;
  let stop: Done['stop'] = 'length';
  let sent = 0;
  const tokens: Token[] = [];
  try {
    for await (const token of sequence.evaluate(prompt, {
      temperature,
      topP,
      topK: 0,
      seed,
      yieldEogToken: true,
    })) {
      first ||= performance.now();
      if (model.isEogToken(token)) stop = 'end';
      if (signal?.aborted || stop === 'end') break;
      tokens.push(token);
      const text = model.detokenize(tokens);
      // A character may be spread over several tokens: wait until it is whole.
      if (text.length > sent && !text.endsWith('\ufffd')) {
        push({ type: 'token', text: text.slice(sent) });
        sent = text.length;
      }
      if (tokens.length >= limit) break;
    }
  } finally {
    sequence.dispose();
  }
  const seconds = (performance.now() - first) / 1000;
  const tokensPerSecond = tokens.length > 1 ? (tokens.length - 1) / seconds : 0;
  return { type: 'done', tokens: tokens.length, stop, firstTokenMs: first - began, tokensPerSecond };
}

const worker = implement(inferenceContract).use(asStudioErrors);

const router = worker.router({
  configure: worker.configure.handler(async ({ input }) => {
    if (input.device === device) return;
    device = input.device;
    // What nobody uses now would keep its memory on the other device.
    await models.dropWhere(() => true);
  }),

  info: worker.info.handler(async () => {
    const engine = await llama();
    const names = engine.gpu ? await engine.getGpuDeviceNames() : [];
    return { device: names.length ? names.join(', ') : 'CPU', llama: engine.llamaCppRelease.release };
  }),

  generate: worker.generate.handler(async function* ({ input, signal }) {
    yield yield* pushed<Piece, Done>(push =>
      withContext(input.mix, loaded => ({
        room: {
          sequences: 1,
          contextSize: { max: Math.min(MAX_CONTEXT, loaded.model.trainContextSize) },
        },
        work: context => generate(loaded, context, input, push, signal),
      })),
    );
  }),

  rate: worker.rate.handler(async function* ({ input, signal }) {
    yield* pushed<RateEvent, void>(push =>
      withContext(input.mix, loaded => {
        const questions = renderQuestions(loaded, input);
        return {
          room: roomFor(loaded, questions),
          work: context => rate(loaded, context, questions, input, push, signal),
        };
      }),
    );
  }),

  answer: worker.answer.handler(async function* ({ input, signal }) {
    yield* pushed<AnswerEvent, void>(push =>
      withContext(input.mix, loaded => {
        const questions = renderQuestions(loaded, input);
        return {
          room: { ...roomFor(loaded, questions, input.sampling.maxTokens), sequences: 1 },
          work: context => answer(loaded, context, questions, input, push, signal),
        };
      }),
    );
  }),

  likelihood: worker.likelihood.handler(async function* ({ input, signal }) {
    yield* pushed<LikelihoodEvent, void>(push =>
      withContext(input.mix, loaded => {
        const texts = input.texts.map(text => textTokens(loaded, text, MAX_CONTEXT));
        return {
          room: { ...roomFor(loaded, texts), sequences: 1 },
          work: context => likelihood(context, texts, push, signal),
        };
      }),
    );
  }),

  unload: worker.unload.handler(({ input }) => models.dropWhere(key => key.startsWith(`${input.model}\0`))),
});

new RPCHandler(router).upgrade(parentPort());
