/**
 * How fast an inventory is administered: the studio's way (the beginning that all items share is evaluated once, then
 * many items go through the model together) against one whole prompt after another, on the same model, in the same run,
 * and how far the ratings of the two lie apart.
 *
 *   node scripts/bench/assess.ts [--model FILE] [--inventory ipip-50] [--system TEXT] [--threads N] [--repeat N]
 *                                [--layers N] [--sequences N] [--folder DIR]
 *
 * Without --model: the demonstration model, and a model of random weights with the shapes of Llama-3.2-1B (4 of its 16
 * layers, which all cost the same; the demonstration model's vocabulary), written into a folder of main memory (/dev/shm)
 * where there is one, and removed at the end. Without --system: once without a system prompt, and once with one.
 */
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
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

const resources = join(import.meta.dirname, '..', '..', 'resources');
const demo = join(resources, 'demo', 'base.gguf');
const MIB = 2 ** 20;
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
  for (const system of given.system === undefined ? ['', PERSONA] : [given.system])
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
  const loaded: Loaded = { path, model, template };
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

// ── the model of random weights ───────────────────────────────────────────────────────────────────────────

/** Llama-3.2-1B's dimensions. */
const SHAPES = {
  'llama.embedding_length': 2048,
  'llama.feed_forward_length': 8192,
  'llama.attention.head_count': 32,
  'llama.attention.head_count_kv': 8,
  'llama.rope.dimension_count': 64,
  'llama.attention.key_length': 64,
  'llama.attention.value_length': 64,
};
/** Bytes of GGUF’s value types, by number. */
const WIDTHS = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const [STRING, ARRAY] = [8, 9];

/** Streams a GGUF file: the demonstration model's metadata with other dimensions, and F16 weights drawn from a pool. */
function writeModel(path: string, layers: number): void {
  const source = readFileSync(demo);
  const { header, vocabulary } = headerOf(source, { ...SHAPES, 'llama.block_count': layers });
  const width = 2048;
  const tensors: [string, number[]][] = [
    ['token_embd', [width, vocabulary]],
    ...Array.from({ length: layers }, (_, i) =>
      (
        [
          ['attn_norm', [width]],
          ['attn_q', [width, width]],
          ['attn_k', [width, 512]],
          ['attn_v', [width, 512]],
          ['attn_output', [width, width]],
          ['ffn_norm', [width]],
          ['ffn_gate', [width, 8192]],
          ['ffn_up', [width, 8192]],
          ['ffn_down', [8192, width]],
        ] as [string, number[]][]
      ).map(([name, shape]): [string, number[]] => [`blk.${i}.${name}`, shape]),
    ).flat(),
    ['output_norm', [width]],
  ];
  const infos: Buffer[] = [];
  let offset = 0;
  for (const [name, shape] of tensors) {
    const info = Buffer.alloc(8 + name.length + 7 + 4 + 8 * shape.length + 4 + 8);
    let at = info.writeUInt32LE(name.length + 7) + 4;
    at += info.write(`${name}.weight`, at);
    at = info.writeUInt32LE(shape.length, at);
    for (const n of shape) at = info.writeBigUInt64LE(BigInt(n), at);
    at = info.writeUInt32LE(shape.length > 1 ? 1 : 0, at);
    info.writeBigUInt64LE(BigInt(offset), at);
    infos.push(info);
    offset += bytesOf(shape);
  }
  header.writeBigUInt64LE(BigInt(tensors.length), 8);
  const head = Buffer.concat([header, ...infos]);
  const file = openSync(path, 'w');
  let at = writeSync(file, Buffer.concat([head, Buffer.alloc((32 - (head.length % 32)) % 32)]));
  const [weights, ones] = [randomHalves(16 * MIB), Buffer.from(new Float32Array(width).fill(1).buffer)];
  for (const [i, [, shape]] of tensors.entries()) {
    const bytes = bytesOf(shape);
    if (shape.length === 1) at += writeSync(file, ones, 0, bytes, at);
    else
      for (let done = 0; done < bytes; ) {
        const start = (i * 7919 * 64 + done) % (weights.length / 2);
        const part = weights.subarray(start, Math.min(weights.length, start + bytes - done));
        at += writeSync(file, part, 0, part.length, at);
        done += part.length;
      }
  }
  closeSync(file);
}

/** Norms are F32, the rest F16; every shape here fills whole units of 32 bytes. */
const bytesOf = (shape: number[]) => shape.reduce((a, b) => a * b) * (shape.length > 1 ? 2 : 4);

/** A copy of a GGUF file's header up to the tensors, with some of its 32-bit integers set to other values. */
function headerOf(source: Buffer, changes: Record<string, number>): { header: Buffer; vocabulary: number } {
  let at = 24;
  let vocabulary = 0;
  const header = Buffer.from(source);
  const text = () => {
    const length = Number(source.readBigUInt64LE(at));
    at += 8 + length;
    return source.toString('utf8', at - length, at);
  };
  const skip = (type: number) => {
    if (type === STRING) text();
    else at += WIDTHS[type] as number;
  };
  for (let pairs = Number(source.readBigUInt64LE(16)); pairs > 0; pairs--) {
    const key = text();
    const type = source.readUInt32LE(at);
    at += 4;
    if (type === ARRAY) {
      const element = source.readUInt32LE(at);
      const count = Number(source.readBigUInt64LE(at + 4));
      at += 12;
      if (key === 'tokenizer.ggml.tokens') vocabulary = count;
      for (let i = 0; i < count; i++) skip(element);
    } else {
      if (key in changes) header.writeUInt32LE(changes[key] as number, at);
      skip(type);
    }
  }
  return { header: header.subarray(0, at), vocabulary };
}

/** Normal numbers as binary16, small enough for activations to stay finite through all layers. */
function randomHalves(bytes: number): Buffer {
  let state = 12345;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  const normal = () => 0.02 * Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
  return Buffer.from(Uint16Array.from({ length: bytes / 2 }, () => toHalf(normal())).buffer);
}

/** A binary16 by truncation, and zero below its normal range. */
function toHalf(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
  const exponent = ((bits >> 23) & 255) - 112;
  return exponent <= 0 ? 0 : ((bits >> 16) & 0x8000) | (exponent << 10) | ((bits >> 13) & 1023);
}

// ── the runs ──────────────────────────────────────────────────────────────────────────────────────────────

console.log(`${cpus()[0]?.model ?? 'CPU'}, ${llama.gpu || 'no GPU'}, ${inventory.name}`);
console.log(
  '\nmodel                      threads  items  tokens  shared  alone s  together s  ratio  by processor  largest difference of p, score',
);
if (given.model) await measure(given.model, given.model, Number(given.threads));
else {
  await measure('demo', demo, 1);
  const folder = mkdtempSync(join(given.folder, 'temperament-bench-'));
  try {
    const path = join(folder, 'model.gguf');
    writeModel(path, Number(given.layers));
    await measure('random, 1B shapes', path, Number(given.threads));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
await llama.dispose();
