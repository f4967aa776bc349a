/**
 * Questions in fresh chats: the probabilities of their answers, many questions at a time, and drawn answers. Also the
 * likelihood of texts.
 */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LlamaContext, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { StudioError } from '../studio/errors.ts';
import { seededRandom } from '../studio/statistics/random.ts';
import type { AnswerEvent, AnswerInput, LikelihoodEvent, RateEvent, RateInput } from './contract.ts';
import type { Loaded } from './loaded.ts';
import { render } from './loaded.ts';

/**
 * Returns the likeliest token's logit too, by which the sum of all weights is scaled. `includeMax` of node-llama-cpp
 * 3.22.1 adds it only where it is asked for anyway; the selected token is the same one, since none is drawn by chance.
 */
const LIKELIEST = { includeSelected: true };

/** Most questions that are evaluated in one batch. */
const MAX_SEQUENCES = 16;
/** Cells of the key-value cache, in tokens, that the sequences share; as much as the longest conversation may take. */
const MAX_CELLS = 8192;
/** Cells come in multiples of this. */
const CELL_STEP = 256;

/** Each question as the whole prompt of a fresh chat, in tokens. */
export function renderQuestions(
  loaded: Loaded,
  { system, prompts }: Pick<RateInput, 'system' | 'prompts'>,
): Token[][] {
  const before = system ? [{ role: 'system' as const, content: system }] : [];
  return prompts.map(content => render(loaded, [...before, { role: 'user', content }]));
}

/** What a context for questions is made with. */
interface QuestionRoom {
  sequences: number;
  contextSize: number;
  flashAttention?: boolean;
}

/** Room that questions need: cells for the longest with `extra` tokens of an answer, and how many fit side by side. */
export function roomFor(loaded: Loaded, questions: Token[][], extra = 0): QuestionRoom {
  const most = Math.min(MAX_CELLS, loaded.model.trainContextSize);
  const longest = Math.max(...questions.map(tokens => tokens.length));
  const tooLong = questions.findIndex(tokens => tokens.length + extra > most);
  if (tooLong >= 0)
    throw new StudioError(
      'bad_input',
      `Item ${tooLong + 1} is longer than the ${most} tokens this model reads.`,
      {
        field: 'inventory',
        action: 'Shorten the system prompt.',
      },
    );
  const contextSize = Math.min(most, Math.ceil((longest + extra) / CELL_STEP) * CELL_STEP);
  const fitting = Math.max(1, Math.floor(MAX_CELLS / contextSize));
  const room = { sequences: Math.min(MAX_SEQUENCES, fitting, questions.length), contextSize };
  // A few tokens at a time after a long beginning: on the processor, flash attention takes up to three times as long
  // for that as the plain one (measured on the demo model). On a GPU llama.cpp decides.
  return loaded.model.gpuLayers > 0 ? room : { ...room, flashAttention: false };
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
        action: 'Probability mode needs answers of one token each; sampled mode does not.',
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

/** What all prompts begin with, evaluated once and given to every sequence of the context. */
async function withShared<R>(
  context: LlamaContext,
  questions: Token[][],
  work: (sequences: LlamaContextSequence[], shared: number) => Promise<R>,
): Promise<R> {
  const shared = sharedLength(questions);
  const sequences = Array.from({ length: context.totalSequences }, () => context.getSequence());
  const [first, ...others] = sequences as [LlamaContextSequence, ...LlamaContextSequence[]];
  const state = join(tmpdir(), `temperament-${process.pid}-${crypto.randomUUID()}.state`);
  try {
    await first.evaluateWithoutGeneratingNewTokens(questions[0]?.slice(0, shared) ?? []);
    if (shared > 0 && others.length > 0) {
      await first.saveStateToFile(state);
      // The file was written a moment ago by this context.
      for (const sequence of others) await sequence.loadStateFromFile(state, { acceptRisk: true });
    }
    return await work(sequences, shared);
  } finally {
    await rm(state, { force: true });
    for (const sequence of sequences) await sequence.dispose();
  }
}

/**
 * Probabilities of the answers as the first token, for each question, the shortest first. Up to as many questions as the
 * context has sequences go through the model in one batch. What else is in the batch changes a question's result in the
 * last bits of float32 alone, and the batches are the same each time.
 */
export async function rate(
  { model }: Loaded,
  context: LlamaContext,
  questions: Token[][],
  input: RateInput,
  push: (result: RateEvent) => void,
  signal?: AbortSignal,
): Promise<void> {
  const answers = input.answers.map(answer => answerTokens(model, answer));
  const generateNext = {
    logits: { filter: { tokens: answers.flat(), ...LIKELIEST } },
    totalLogitWeight: true,
  };
  const probabilities = async (sequence: LlamaContextSequence, question: Token[], shared: number) => {
    const rest = question.slice(shared, -1);
    const output = await sequence.controlledEvaluate([...rest, [question.at(-1) as Token, { generateNext }]]);
    const next = output[rest.length]?.next;
    const logits = next?.logits;
    const total = next?.totalLogitWeight;
    if (!logits || !total) throw new Error('llama.cpp returned no logits');
    const max = Math.max(...logits.values());
    const probability = (token: Token) => Math.exp((logits.get(token) ?? -Infinity) - max) / total;
    return answers.map(set => set.reduce((sum, token) => sum + probability(token), 0));
  };
  await withShared(context, questions, async (sequences, shared) => {
    for (const batch of batchesOf(questions, sequences.length)) {
      if (signal?.aborted) return;
      for (const sequence of sequences) await rewind(sequence, shared);
      // Asked for in the same turn, so that all are queued before the batch is sent off.
      const results = await Promise.all(
        batch.map((index, i) =>
          probabilities(sequences[i] as LlamaContextSequence, questions[index] as Token[], shared),
        ),
      );
      for (const [i, found] of results.entries()) push({ index: batch[i] as number, probabilities: found });
    }
  });
}

/**
 * Numbers of the questions that go together: of one length, because llama.cpp computes sequences of different lengths in
 * a batch piece by piece, the pieces of one token as slowly as many.
 */
function batchesOf(questions: Token[][], most: number): number[][] {
  const lengths = [...new Set(questions.map(question => question.length))].sort((a, b) => a - b);
  return lengths.flatMap(length => {
    const same = questions.flatMap((question, index) => (question.length === length ? [index] : []));
    return Array.from({ length: Math.ceil(same.length / most) }, (_, i) =>
      same.slice(i * most, (i + 1) * most),
    );
  });
}

const rewind = (sequence: LlamaContextSequence, to: number) =>
  sequence.eraseContextTokenRanges([{ start: to, end: sequence.nextTokenIndex }]);

/**
 * Answers drawn to each question, `repeats` times, in order. One after another, so that the same seed gives the same
 * answers: what is drawn would otherwise depend on which sequences happen to share a batch.
 */
export async function answer(
  { model }: Loaded,
  context: LlamaContext,
  questions: Token[][],
  input: AnswerInput,
  push: (result: AnswerEvent) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { temperature, topP, maxTokens } = input.sampling;
  const random = seededRandom(input.sampling.seed);
  await withShared(context, questions, async ([sequence], shared) => {
    if (!sequence) return;
    for (const [index, question] of questions.entries()) {
      await rewind(sequence, shared);
      await sequence.evaluateWithoutGeneratingNewTokens(question.slice(shared, -1));
      for (let repeat = 0; repeat < input.repeats; repeat++) {
        if (signal?.aborted) return;
        await rewind(sequence, question.length - 1);
        const seed = Math.floor(random() * 2 ** 32);
        const tokens: Token[] = [];
        for await (const token of sequence.evaluate([question.at(-1) as Token], {
          temperature,
          topP,
          topK: 0,
          seed,
          yieldEogToken: true,
        })) {
          if (model.isEogToken(token)) break;
          tokens.push(token);
          if (tokens.length >= maxTokens || signal?.aborted) break;
        }
        push({ index, repeat, text: model.detokenize(tokens) });
      }
    }
  });
}

/** A text in tokens, behind the model's token for a beginning where it has one; cut to what fits. */
export function textTokens({ model }: Loaded, text: string, most: number): Token[] {
  const { bos, shouldPrependBosToken } = model.tokens;
  const tokens = model.tokenize(text);
  const whole = shouldPrependBosToken && bos != null ? [bos, ...tokens] : tokens;
  return whole.slice(0, Math.min(most, model.trainContextSize));
}

/** Σ ln p of each text's tokens after its first, given those before. */
export async function likelihood(
  context: LlamaContext,
  texts: Token[][],
  push: (result: LikelihoodEvent) => void,
  signal?: AbortSignal,
): Promise<void> {
  const sequence = context.getSequence();
  try {
    for (const [index, tokens] of texts.entries()) {
      if (signal?.aborted) return;
      await rewind(sequence, 0);
      const asked = tokens.slice(0, -1).map((token, at): [Token, object] => {
        const filter = { tokens: [tokens[at + 1] as Token], ...LIKELIEST };
        return [token, { generateNext: { logits: { filter }, totalLogitWeight: true } }];
      });
      const output = asked.length > 0 ? await sequence.controlledEvaluate(asked) : [];
      let logProbability = 0;
      for (const at of asked.keys()) {
        const next = output[at]?.next;
        if (!next?.logits || !next.totalLogitWeight) throw new Error('llama.cpp returned no logits');
        const max = Math.max(...next.logits.values());
        const logit = next.logits.get(tokens[at + 1] as Token) ?? -Infinity;
        logProbability += logit - max - Math.log(next.totalLogitWeight);
      }
      push({ index, tokens: asked.length, logProbability });
    }
  } finally {
    sequence.dispose();
  }
}
