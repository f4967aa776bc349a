/**
 * How fast an inventory is administered: the studio's way (the beginning that all items share is evaluated once, then
 * many items go through the model together) against one whole prompt after another, on the same model, in the same run,
 * and how far the ratings of the two lie apart. `bound` is the ratio of tokens were every common beginning of prompts
 * evaluated once: all that sharing can give where time goes by tokens.
 *
 *   node scripts/bench/assess.ts [--model FILE] [--inventory ipip-50] [--system TEXT] [--threads N] [--repeat N]
 *                                [--layers N] [--sequences N] [--folder DIR]
 *
 * Without --model: the demonstration model, and a model of random weights with the shapes of Llama-3.2-1B (4 of its 16
 * layers, which all cost the same; the demonstration model's vocabulary), written into a folder of main memory (/dev/shm)
 * where there is one, and removed at the end. Without --system: without a system prompt, with a short one, and with one of a role-play.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Template } from '@huggingface/jinja';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import {
  answersOf,
  fill,
  Inventories,
  type LoadedInventory,
} from '../../electron/studio/assessment/inventories.ts';
import { scoreCases, scoreItem } from '../../electron/studio/assessment/scoring.ts';
import type { Loaded } from '../../electron/workers/loaded.ts';
import { rate, renderQuestions, roomFor } from '../../electron/workers/rating.ts';
import { writeChatModel } from './model.ts';

const resources = join(import.meta.dirname, '..', '..', 'resources');
const demo = join(resources, 'demo', 'base.gguf');
/** Makes the shared beginning about as long as Llama 3.2's template does by itself (“Cutting Knowledge Date …”): 64 tokens, there 59. */
const TEMPLATE = 'You are a person who answers questions. Today is Monday, in the summer, and it is noon.';
/** A system prompt as role-play has them. */
const PERSONA =
  'You are Mara, the captain of a small ship. You have sailed for thirty years and you like the sea, plain food and quiet evenings. ' +
  'You speak calmly, you keep your promises, and you look after your crew. Stay in this role whatever you are asked.';

const { values: given } = parseArgs({
  options: {
    model: { type: 'string' },
    inventory: { type: 'string', default: 'ipip-50' },
    system: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    repeat: { type: 'string', default: '3' },
    layers: { type: 'string', default: '4' },
    sequences: { type: 'string' },
    folder: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
  },
});

const inventory = await new Inventories(resources, '').find(given.inventory);
const llama = await getLlama({
  build: 'never',
  skipDownload: true,
  progressLogs: false,
  logLevel: LlamaLogLevel.error,
});
async function measure(name: string, path: string, threads: number): Promise<void> {
  for (const system of given.system === undefined ? ['', TEMPLATE, PERSONA] : [given.system])
    await measureWith(system, system ? `${name}, system` : name, path, threads, Number(given.repeat));
}

async function measureWith(
  system: string,
  name: string,
  path: string,
  threads: number,
  repeat: number,
): Promise<void> {
  const model = await llama.loadModel({ modelPath: path });
  const template = new Template(model.fileInfo.metadata.tokenizer?.chat_template ?? '');
  const loaded: Loaded = { model, template };
  const input = {
    mix: { model: path, adapters: [] },
    system,
    prompts: inventory.items.map(item => fill(inventory.wording.ratings[0] as string, inventory, item.text)),
    answers: answersOf(inventory),
  };
  const questions = renderQuestions(loaded, input);
  const room = roomFor(loaded, questions);
  if (given.sequences) room.sequences = Number(given.sequences);
  const together = async () => {
    const context = await model.createContext({ ...room, threads });
    try {
      return await timed(async () => {
        const found: number[][] = [];
        await rate(
          loaded,
          context,
          questions,
          input,
          ({ index, probabilities }) => (found[index] = probabilities),
        );
        return found;
      });
    } finally {
      await context.dispose();
    }
  };
  const alone = async () => {
    const context = await model.createContext({ ...room, sequences: 1, threads });
    try {
      return await timed(async () => {
        const found: number[][] = [];
        for (const question of questions)
          await rate(loaded, context, [question], input, ({ probabilities }) => found.push(probabilities));
        return found;
      });
    } finally {
      await context.dispose();
    }
  };
  const none = { seconds: Number.POSITIVE_INFINITY, processor: Number.POSITIVE_INFINITY };
  const best = { alone: { ...none }, together: { ...none } };
  let difference = 0;
  let scoreDifference = 0;
  for (let i = 0; i < repeat; i++) {
    const [one, many] = [await alone(), await together()];
    for (const [kept, found] of [
      [best.alone, one],
      [best.together, many],
    ] as const) {
      kept.seconds = Math.min(kept.seconds, found.seconds);
      kept.processor = Math.min(kept.processor, found.processor);
    }
    difference = Math.max(difference, ...apart(one.result.flat(), many.result.flat()));
    const [a, b] = [scoresOf(inventory, one.result), scoresOf(inventory, many.result)];
    scoreDifference = Math.max(scoreDifference, ...apart(Object.values(a), Object.values(b)));
  }
  const prefixes = new Set(
    questions.flatMap(question => question.map((_, i) => question.slice(0, i + 1).join(' '))),
  );
  const tokens = questions.reduce((sum, question) => sum + question.length, 0);
  const shared = Math.min(
    ...questions.slice(1).map((question, i) => common(question, questions[i] as number[])),
  );
  console.log(
    [
      name.padEnd(26),
      String(threads).padStart(7),
      String(questions.length).padStart(6),
      String(tokens).padStart(7),
      String(shared).padStart(7),
      (tokens / prefixes.size).toFixed(1).padStart(6),
      best.alone.seconds.toFixed(3).padStart(8),
      best.together.seconds.toFixed(3).padStart(11),
      (best.alone.seconds / best.together.seconds).toFixed(1).padStart(6),
      (best.alone.processor / best.together.processor).toFixed(1).padStart(10),
      `${difference.toExponential(1)}, ${scoreDifference.toExponential(1)}`.padStart(20),
    ].join(' '),
  );
  await model.dispose();
}

/** Seconds by the clock, and of processor time: the second is to be believed where other programs run beside, with 1 thread. */
async function timed<R>(work: () => Promise<R>): Promise<{ result: R; seconds: number; processor: number }> {
  const [begin, used] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const { user, system } = process.cpuUsage(used);
  return { result, seconds: (performance.now() - begin) / 1000, processor: (user + system) / 1e6 };
}

function apart(a: number[], b: number[]): number[] {
  return a.map((value, i) => Math.abs(value - (b[i] as number)));
}

function common(a: number[], b: number[]): number {
  const first = a.findIndex((token, i) => token !== b[i]);
  return first < 0 ? a.length : first;
}

function scoresOf({ items }: LoadedInventory, probabilities: number[][]): Record<string, number> {
  const rated = items.map((item, i) => scoreItem(item, probabilities[i] as number[]));
  return scoreCases([{ instruction: 1, order: 'normal', repeat: 1, items: rated }]).scores;
}

// ── the runs ──────────────────────────────────────────────────────────────────────────────────────────────

console.log(`${cpus()[0]?.model ?? 'CPU'}, ${llama.gpu || 'no GPU'}, ${inventory.name}`);
console.log(
  '\nmodel                      threads  items  tokens  shared  bound  alone s  together s  ratio  by processor  largest difference of p, score',
);
if (given.model) await measure(given.model, given.model, Number(given.threads));
else {
  await measure('demo', demo, 1);
  const folder = mkdtempSync(join(given.folder, 'temperament-bench-'));
  try {
    const path = join(folder, 'model.gguf');
    writeChatModel(path, Number(given.layers), demo);
    await measure('random, 1B shapes', path, Number(given.threads));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
await llama.dispose();
