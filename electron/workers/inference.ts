/** The inference worker: loads models with adapters through llama.cpp, answers in chats, and reads ratings. */
import { Template } from '@huggingface/jinja';
import { implement } from '@orpc/server';
import { RPCHandler } from '@orpc/server/message-port';
import type { Llama, LlamaContext, LlamaModel, Token } from 'node-llama-cpp';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { asStudioErrors, StudioError } from '../studio/errors.ts';
import { pushed } from '../studio/stream.ts';
import type { GenerateEvent, GenerateInput, LiveMix, RateEvent, RateInput, Turn } from './contract.ts';
import { inferenceContract } from './contract.ts';
import { parentPort } from './port.ts';

/** Longest conversation a context holds, in tokens, where the model allows as much. */
const MAX_CONTEXT = 8192;
/**
 * Below this size, in bytes, one thread computes: waiting for each other costs several threads more than they save,
 * and on a busy machine a hundred times as much (measured on the demo model).
 */
const SMALL_MODEL = 256 * 2 ** 20;
const MAX_MODELS = 2;
const MAX_CONTEXTS = 4;

let starting: Promise<Llama> | undefined;
function llama(): Promise<Llama> {
  starting ??= getLlama({
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
    logger: (_level, text) => process.stderr.write(`llama.cpp: ${text}\n`),
  });
  return starting;
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

interface Loaded {
  path: string;
  model: LlamaModel;
  template: Template;
}

const models = new Pool<Loaded>(MAX_MODELS, async ({ path, model }) => {
  await contexts.dropWhere(key => key.startsWith(`${path}\0`));
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
  return { path, model, template: new Template(source) };
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

/** Runs `work` on a context of that mix which nobody else uses meanwhile. */
function withContext<R>(
  mix: LiveMix,
  work: (loaded: Loaded, context: LlamaContext) => Promise<R>,
): Promise<R> {
  const adapters = mix.adapters.filter(({ scale }) => scale !== 0);
  return models.use(
    mix.model,
    () => load(mix.model),
    loaded => {
      const prefix = [loaded.path, ...adapters.map(({ path }) => path)].join('\0');
      const wanted = adapters.map(({ scale }) => scale).join();
      const key = contextFor(prefix, wanted);
      const make = () =>
        loaded.model.createContext({
          contextSize: { max: Math.min(MAX_CONTEXT, loaded.model.trainContextSize) },
          threads: loaded.model.size < SMALL_MODEL ? 1 : undefined,
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
          return await work(loaded, context);
        },
        true,
      );
    },
    false,
  );
}

/** The conversation as the model's own chat template writes it, open for the assistant's next turn. */
function render({ model, template }: Loaded, turns: Turn[]): Token[] {
  const piece = (token: Token | null) => (token == null ? '' : model.detokenize([token], true));
  const text = template.render({
    messages: turns,
    add_generation_prompt: true,
    bos_token: piece(model.tokens.bos),
    eos_token: piece(model.tokens.eos),
  });
  const tokens = model.tokenize(text, true);
  const { bos, shouldPrependBosToken } = model.tokens;
  return shouldPrependBosToken && bos != null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
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

/** Tokens that write the answer alone: the bare word, or the word after a space. */
function answerTokens(model: LlamaModel, answer: string): Token[] {
  const single = [answer, ` ${answer}`]
    .map(text => model.tokenize(text))
    .filter(tokens => tokens.length === 1);
  if (single.length === 0)
    throw new StudioError(
      'bad_file',
      `The model's vocabulary has no token of its own for the answer “${answer}”.`,
      {
        file: model.filename,
        action: 'Probability mode needs answers of one token each.',
      },
    );
  return [...new Set(single.map(tokens => tokens[0] as Token))];
}

/** Number of leading tokens that all prompts have in common, leaving each at least its last token. */
function sharedLength(prompts: Token[][]): number {
  const [head = [], ...others] = prompts;
  let length = Math.max(0, Math.min(...prompts.map(tokens => tokens.length)) - 1);
  for (const tokens of others) {
    let same = 0;
    while (same < length && tokens[same] === head[same]) same++;
    length = same;
  }
  return length;
}

async function rate(
  loaded: Loaded,
  context: LlamaContext,
  input: RateInput,
  push: (result: RateEvent) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { model } = loaded;
  const answers = input.answers.map(answer => answerTokens(model, answer));
  const system: Turn[] = input.system ? [{ role: 'system', content: input.system }] : [];
  const prompts = input.prompts.map(content => render(loaded, [...system, { role: 'user', content }]));
  const tooLong = prompts.findIndex(tokens => tokens.length > context.contextSize);
  if (tooLong >= 0)
    throw new StudioError(
      'bad_input',
      `Item ${tooLong + 1} is longer than the ${context.contextSize} tokens this model reads.`,
      {
        field: 'inventory',
        action: 'Shorten the system prompt.',
      },
    );
  const generateNext = {
    logits: { filter: { tokens: answers.flat(), includeMax: true } },
    totalLogitWeight: true,
  };
  // What all prompts begin with is evaluated once, so an item's result does not depend on the items before it.
  const shared = sharedLength(prompts);
  const sequence = context.getSequence();
  try {
    await sequence.evaluateWithoutGeneratingNewTokens(prompts[0]?.slice(0, shared) ?? []);
    for (const [index, prompt] of prompts.entries()) {
      if (signal?.aborted) return;
      await sequence.eraseContextTokenRanges([{ start: shared, end: sequence.nextTokenIndex }]);
      const rest = prompt.slice(shared, -1);
      const output = await sequence.controlledEvaluate([...rest, [prompt.at(-1) as Token, { generateNext }]]);
      const next = output[rest.length]?.next;
      const logits = next?.logits;
      const total = next?.totalLogitWeight;
      if (!logits || !total) throw new Error('llama.cpp returned no logits');
      const max = Math.max(...logits.values());
      const probability = (token: Token) => Math.exp((logits.get(token) ?? -Infinity) - max) / total;
      push({
        index,
        probabilities: answers.map(set => set.reduce((sum, token) => sum + probability(token), 0)),
      });
    }
  } finally {
    sequence.dispose();
  }
}

const worker = implement(inferenceContract).use(asStudioErrors);

const router = worker.router({
  info: worker.info.handler(async () => {
    const engine = await llama();
    const names = engine.gpu ? await engine.getGpuDeviceNames() : [];
    return { device: names.length ? names.join(', ') : 'CPU', llama: engine.llamaCppRelease.release };
  }),

  generate: worker.generate.handler(async function* ({ input, signal }) {
    yield yield* pushed<Piece, Done>(push =>
      withContext(input.mix, (loaded, context) => generate(loaded, context, input, push, signal)),
    );
  }),

  rate: worker.rate.handler(async function* ({ input, signal }) {
    yield* pushed<RateEvent, void>(push =>
      withContext(input.mix, (loaded, context) => rate(loaded, context, input, push, signal)),
    );
  }),

  unload: worker.unload.handler(({ input }) => models.dropWhere(key => key === input.model)),
});

new RPCHandler(router).upgrade(parentPort());
