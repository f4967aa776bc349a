/**
 * A checkpoint's tokeniser, special tokens and chat template as GGUF metadata. What is written follows llama.cpp's
 * convert_hf_to_gguf.py (conversion/base.py) and gguf-py's SpecialVocab; docs/huggingface.md names where it does not.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { TypedMetadata } from '../../../native-merge/index.js';
import { StudioError } from '../errors.ts';
import { badFile, jsonIn, textIn } from './files.ts';
import { sentencePieces } from './sentencepiece.ts';

/** Types of tokens as GGUF numbers them. */
const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;
const BYTE = 6;

const id = z.int().min(0);
const addedToken = z.object({ id, content: z.string(), special: z.boolean().default(false) });
const step = z.looseObject({ type: z.string() });
const piece = z.object({
  SpecialToken: z.object({ id: z.string() }).optional(),
  Sequence: z.object({ id: z.string() }).optional(),
});
const processor = z.looseObject({
  type: z.string(),
  single: z.array(piece).optional(),
  pair: z.array(piece).optional(),
});

const tokenizerFile = z.object({
  added_tokens: z.array(addedToken).default([]),
  normalizer: step.nullish(),
  pre_tokenizer: step.nullish(),
  post_processor: processor.extend({ processors: z.array(processor).optional() }).nullish(),
  model: z.object({
    // Files of before 2020 leave it out.
    type: z.string().default('BPE'),
    vocab: z.union([z.record(z.string(), id), z.array(z.unknown())]),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])).default([]),
    byte_fallback: z.boolean().nullish(),
    ignore_merges: z.boolean().nullish(),
  }),
});
type TokenizerFile = z.output<typeof tokenizerFile>;

const named = z.union([
  z.string(),
  z.looseObject({ content: z.string() }).transform(({ content }) => content),
]);
const template = z.union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))]);
const tokenizerConfig = z.looseObject({
  added_tokens_decoder: z
    .record(z.string(), z.object({ content: z.string(), special: z.boolean().default(false) }))
    .default({}),
  add_prefix_space: z.boolean().nullish(),
  chat_template: template.nullish(),
});
type TokenizerConfig = z.output<typeof tokenizerConfig>;

/** Kinds of special tokens, and their keys' names in GGUF where those differ. */
const SPECIALS = { bos: 'bos', eos: 'eos', unk: 'unknown', sep: 'seperator', pad: 'padding', mask: 'mask' };
type Special = keyof typeof SPECIALS;

export interface TokenizerRequest {
  folder: string;
  /** Rows of the embedding: the vocabulary is filled up to it. */
  vocabulary: number;
  /** config.json, for its ids of special tokens. */
  config: Record<string, unknown>;
  /** Whether a space is put before a text, where the family decides it; else by the tokeniser's files. */
  spacePrefix?: boolean;
}

/** Metadata of the tokeniser, and what the user should know about it. */
export interface TokenizerMetadata {
  metadata: TypedMetadata[];
  notes: string[];
}

export async function tokenizerMetadata(request: TokenizerRequest): Promise<TokenizerMetadata> {
  const { folder } = request;
  const file = await jsonIn(folder, 'tokenizer.json', tokenizerFile);
  const config =
    (await jsonIn(folder, 'tokenizer_config.json', tokenizerConfig)) ?? tokenizerConfig.parse({});
  const path = join(folder, 'tokenizer.json');
  const notes: string[] = [];
  const bytes = file !== null && file.model.type === 'BPE' && !file.model.byte_fallback;
  const model = bytes ? null : await sentencePieceModel(folder);
  let vocabulary: TypedMetadata[];
  if (file && bytes) vocabulary = byteLevel(file, config, request, path);
  else if (model) vocabulary = fromPieces(model, file, config, request);
  else if (file?.model.type === 'BPE') vocabulary = fromMerges(file, config, request, path);
  else if (file)
    throw badFile(
      path,
      `holds a tokeniser of type ${file.model.type}; BPE and SentencePiece can be converted.`,
      'Convert this model with llama.cpp’s convert_hf_to_gguf.py.',
    );
  else
    throw new StudioError('not_found', `The folder ${folder} has no tokenizer.json and no tokenizer.model.`, {
      file: folder,
      action: 'Add the tokeniser’s files of the model that it was fine-tuned from.',
    });
  const special = specialTokens(file, config, request, path);
  const chat = await chatTemplate(folder, config);
  if (chat.length === 0)
    notes.push(
      'The checkpoint has no chat template, so the model can be mixed and measured but not chatted with.',
    );
  return { metadata: [...vocabulary, ...special, ...chat], notes };
}

async function sentencePieceModel(folder: string) {
  const path = join(folder, 'tokenizer.model');
  try {
    return sentencePieces(await readFile(path), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

// ── BPE over bytes (GPT-2's kind) ──────────────────────────────────────────────────────────────────────────

// The patterns that tokenizer.json splits a text by, and llama.cpp's names for what does the same there
// (src/llama-vocab.cpp has the original of each beside its own).
const SHORT_FORMS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const CONTRACTIONS = `${SHORT_FORMS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+`;
const SPACES = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const MARKS = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*';
const UPPER = '\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}';
const LOWER = '\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}';
const BEFORE = '[^\\r\\n\\p{L}\\p{N}]?';
const PATTERNS: { pattern: string; ignoreMerges: boolean; pre: string }[] = [
  { pattern: `${CONTRACTIONS}|\\p{N}{1,3}|${MARKS}|${SPACES}`, ignoreMerges: true, pre: 'llama-bpe' },
  { pattern: `${CONTRACTIONS}|\\p{N}{1,3}|${MARKS}|${SPACES}`, ignoreMerges: false, pre: 'dbrx' },
  { pattern: `${CONTRACTIONS}|\\p{N}|${MARKS}|${SPACES}`, ignoreMerges: false, pre: 'qwen2' },
  {
    pattern: `${BEFORE}[${UPPER}]*[${LOWER}]+|${BEFORE}[${UPPER}]+[${LOWER}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`,
    ignoreMerges: true,
    pre: 'tekken',
  },
  {
    pattern: `${BEFORE}[${UPPER}]*[${LOWER}]+${SHORT_FORMS}?|${BEFORE}[${UPPER}]+[${LOWER}]*${SHORT_FORMS}?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`,
    ignoreMerges: false,
    pre: 'gpt-4o',
  },
];

/**
 * llama.cpp's name for how a text is split before merging. Its own converter knows tokenisers by a hash of what they make
 * of a sample; here they are known by the rule itself, so that a fine-tune with tokens of its own is known too.
 */
function preTokenizer({ pre_tokenizer: given, model }: TokenizerFile, path: string): string {
  const parts = given?.type === 'Sequence' ? z.array(step).safeParse(given.pretokenizers) : null;
  const steps = parts?.success ? parts.data : given ? [given] : [];
  const [first, last] = [steps[0], steps.at(-1)];
  const plainBytes = last?.type === 'ByteLevel' && last.add_prefix_space !== true;
  if (plainBytes && steps.length === 1 && last.use_regex !== false) return 'gpt-2';
  if (plainBytes && steps.length === 2 && last.use_regex !== false && first?.type === 'Digits')
    if (first.individual_digits === true) return 'smollm';
  if (plainBytes && steps.length === 2 && last.use_regex === false && first?.type === 'Split') {
    const pattern = (first.pattern as { Regex?: unknown } | undefined)?.Regex;
    const isolated = first.behavior === 'Isolated' && first.invert !== true;
    const found = PATTERNS.find(
      known => known.pattern === pattern && known.ignoreMerges === (model.ignore_merges ?? false),
    );
    if (found && isolated) return found.pre;
  }
  throw badFile(
    path,
    'splits texts in a way that is not known here (its pre_tokenizer).',
    'Convert this model with llama.cpp’s convert_hf_to_gguf.py.',
  );
}

function byteLevel(
  file: TokenizerFile,
  config: TokenizerConfig,
  request: TokenizerRequest,
  path: string,
): TypedMetadata[] {
  const pre = preTokenizer(file, path);
  const vocabulary = new Vocabulary(request.vocabulary, path);
  for (const [text, at] of entriesOf(file, path)) vocabulary.set(at, text, NORMAL);
  for (const added of addedTokens(file, config)) vocabulary.add(added);
  const merges = file.model.merges.map(merge =>
    typeof merge === 'string'
      ? merge
      : // A space cannot stand in a merge; the byte's stand-in is what llama.cpp expects.
        merge.map(part => part.replaceAll(' ', 'Ġ')).join(' '),
  );
  return [
    ['tokenizer.ggml.model', 'string', 'gpt2'],
    ['tokenizer.ggml.pre', 'string', pre],
    ['tokenizer.ggml.tokens', 'strings', vocabulary.tokens],
    ['tokenizer.ggml.token_type', 'int32s', vocabulary.types],
    ['tokenizer.ggml.merges', 'strings', merges],
    ...spacePrefix(request.spacePrefix ?? config.add_prefix_space),
  ];
}

// ── SentencePiece ──────────────────────────────────────────────────────────────────────────────────────────

/** From tokenizer.model, with the tokens that were added since. */
function fromPieces(
  pieces: ReturnType<typeof sentencePieces>,
  file: TokenizerFile | null,
  config: TokenizerConfig,
  request: TokenizerRequest,
): TypedMetadata[] {
  const vocabulary = new Vocabulary(request.vocabulary, join(request.folder, 'tokenizer.model'));
  for (const [at, { text, score, type }] of pieces.slice(0, request.vocabulary).entries())
    vocabulary.set(at, text, type, score);
  const listed = Object.entries(config.added_tokens_decoder);
  // What tokenizer_config.json lists goes over the pieces; else tokenizer.json tells of those behind them.
  if (listed.length > 0) for (const [at, token] of listed) vocabulary.add({ id: Number(at), ...token });
  else
    for (const token of file?.added_tokens ?? [])
      if (token.id >= pieces.length) vocabulary.add(token);
      else if (token.special) vocabulary.mark(token.id);
  return sentencePieceEntries(vocabulary, request.spacePrefix ?? config.add_prefix_space);
}

/**
 * From tokenizer.json alone, where the scores are lost: the order of the merges stands in for them, so that llama.cpp
 * joins the same pairs first.
 */
function fromMerges(
  file: TokenizerFile,
  config: TokenizerConfig,
  request: TokenizerRequest,
  path: string,
): TypedMetadata[] {
  const vocabulary = new Vocabulary(request.vocabulary, path);
  const ranks = new Map<string, number>();
  for (const [rank, merge] of file.model.merges.entries()) {
    const joined = typeof merge === 'string' ? merge.replace(' ', '') : merge.join('');
    if (!ranks.has(joined)) ranks.set(joined, rank);
  }
  for (const [text, at] of entriesOf(file, path)) {
    const byte = /^<0x[0-9A-Fa-f]{2}>$/.test(text);
    vocabulary.set(at, text, byte ? BYTE : NORMAL, byte ? 0 : -(ranks.get(text) ?? ranks.size));
  }
  for (const token of addedTokens(file, config)) vocabulary.add(token);
  return sentencePieceEntries(vocabulary, request.spacePrefix ?? config.add_prefix_space ?? prepends(file));
}

/** Whether the tokeniser puts a space before a text. */
function prepends({ normalizer, pre_tokenizer: pre }: TokenizerFile): boolean {
  const steps = z.array(step).safeParse(normalizer?.normalizers);
  const normalizers = steps.success ? steps.data : normalizer ? [normalizer] : [];
  return (
    normalizers.some(({ type }) => type === 'Prepend') ||
    (pre?.type === 'Metaspace' && pre.prepend_scheme !== 'never')
  );
}

const sentencePieceEntries = (
  { tokens, scores, types }: Vocabulary,
  prefix: boolean | null | undefined,
): TypedMetadata[] => [
  ['tokenizer.ggml.model', 'string', 'llama'],
  ['tokenizer.ggml.pre', 'string', 'default'],
  ['tokenizer.ggml.tokens', 'strings', tokens],
  ['tokenizer.ggml.scores', 'float32s', scores],
  ['tokenizer.ggml.token_type', 'int32s', types],
  ...spacePrefix(prefix),
];

const spacePrefix = (prefix: boolean | null | undefined): TypedMetadata[] =>
  typeof prefix === 'boolean' ? [['tokenizer.ggml.add_space_prefix', 'bool', prefix]] : [];

// ── Tokens ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Tokens by id; ids that nothing claims are fillers that no text becomes. */
class Vocabulary {
  readonly tokens: string[];
  readonly scores: Float32Array;
  readonly types: Int32Array;
  readonly #path: string;

  constructor(size: number, path: string) {
    this.tokens = Array.from({ length: size }, (_, i) => `[PAD${i}]`);
    this.scores = new Float32Array(size).fill(-10_000);
    this.types = new Int32Array(size).fill(UNUSED);
    this.#path = path;
  }

  set(at: number, text: string, type: number, score = 0): void {
    if (at >= this.tokens.length)
      throw badFile(
        this.#path,
        `has a token ${at} (“${text}”), but the model’s embedding has ${this.tokens.length} rows.`,
        'Use the tokeniser that belongs to this checkpoint.',
      );
    this.tokens[at] = text;
    this.types[at] = type;
    this.scores[at] = score;
  }

  /** A piece that texts may hold as it is, as Gemma's marks of turns are: what it stands for is no text. */
  mark(at: number): void {
    if (this.types[at] === NORMAL || this.types[at] === USER_DEFINED) this.types[at] = CONTROL;
  }

  /** A token that was added to the vocabulary: its text is matched as it is, before anything is merged. */
  add({ id: at, content, special }: z.output<typeof addedToken>): void {
    if (special || looksSpecial(content)) this.set(at, content, CONTROL, -1000);
    else this.set(at, content.replaceAll('▁', ' '), USER_DEFINED, -1000);
  }
}

/** Some models do not mark as special what is meant to be; the list is llama.cpp's. */
const looksSpecial = (text: string) =>
  ['<pad>', '<mask>', '<2mass>', '[@BOS@]'].includes(text) ||
  (text.startsWith('<|') && text.endsWith('|>')) ||
  (text.startsWith('<｜') && text.endsWith('｜>')) ||
  (text.startsWith('<unused') && text.endsWith('>'));

function entriesOf({ model: { vocab } }: TokenizerFile, path: string): [string, number][] {
  if (Array.isArray(vocab)) throw badFile(path, 'lists its vocabulary as no BPE tokeniser does.');
  return Object.entries(vocab);
}

/** tokenizer.json's own, those that only tokenizer_config.json lists, and those that it names as special. */
function addedTokens(file: TokenizerFile, config: TokenizerConfig): z.output<typeof addedToken>[] {
  const tokens = new Map(file.added_tokens.map(token => [token.id, token]));
  for (const [at, token] of Object.entries(config.added_tokens_decoder))
    if (!tokens.has(Number(at))) tokens.set(Number(at), { id: Number(at), ...token });
  const vocab = Array.isArray(file.model.vocab) ? {} : file.model.vocab;
  const ids = new Map([...tokens.values()].map(token => [token.content, token.id]));
  for (const kind of Object.keys(SPECIALS) as Special[]) {
    const content = named.safeParse(config[`${kind}_token`]).data;
    const at = content === undefined ? undefined : (ids.get(content) ?? vocab[content]);
    if (at !== undefined && content !== undefined) tokens.set(at, { id: at, content, special: true });
  }
  return [...tokens.values()];
}

// ── Special tokens and chat template ───────────────────────────────────────────────────────────────────────

function specialTokens(
  file: TokenizerFile | null,
  config: TokenizerConfig,
  { vocabulary, config: modelConfig, folder }: TokenizerRequest,
  path: string,
): TypedMetadata[] {
  const text = (kind: Special) => named.safeParse(config[`${kind}_token`]).data;
  const names: Partial<Record<Special, string>> = {};
  for (const kind of Object.keys(SPECIALS) as Special[]) names[kind] = text(kind);
  const adds: Partial<Record<Special, boolean>> = {};
  const processors = file?.post_processor?.processors ?? (file?.post_processor ? [file.post_processor] : []);
  for (const { type, single = [], pair = [] } of processors)
    if (type === 'TemplateProcessing') fromTemplate(single, pair, names, adds);
  for (const kind of ['bos', 'eos', 'sep'] as const) {
    const given = config[`add_${kind}_token`];
    if (typeof given === 'boolean') adds[kind] = given;
  }
  const entries: TypedMetadata[] = [];
  for (const [kind, key] of Object.entries(SPECIALS) as [Special, string][]) {
    const at =
      file?.added_tokens.find(({ content }) => content === names[kind])?.id ??
      id.safeParse(modelConfig[`${kind}_token_id`]).data;
    if (at === undefined) continue;
    if (at >= vocabulary)
      throw badFile(
        file ? path : join(folder, 'config.json'),
        `names token ${at} as ${kind}_token, but the model’s embedding has ${vocabulary} rows.`,
      );
    entries.push([`tokenizer.ggml.${key}_token_id`, 'uint32', at]);
  }
  for (const [kind, value] of Object.entries(adds))
    entries.push([`tokenizer.ggml.add_${kind}_token`, 'bool', value]);
  return entries;
}

type Pieces = z.output<typeof piece>[];

/** Which special tokens the tokeniser puts around a text and between two. Simple templates only, as in gguf-py. */
function fromTemplate(
  single: Pieces,
  pair: Pieces,
  names: Partial<Record<Special, string>>,
  adds: Partial<Record<Special, boolean>>,
): void {
  const special = (part: Pieces[number] | undefined) => part?.SpecialToken?.id;
  const first = single.length > 1 ? special(single[0]) : undefined;
  const last = single.length > 1 ? special(single.at(-1)) : undefined;
  if (first) {
    names.bos ??= first;
    adds.bos = first === names.bos;
  }
  if (last) {
    names.eos = last;
    adds.eos = true;
  }
  const inner = pair.slice(
    first && special(pair[0]) === first ? 1 : 0,
    last && special(pair.at(-1)) === last ? -1 : undefined,
  );
  const between = inner.slice(1, -1);
  if (inner[0]?.Sequence?.id !== 'A' || inner.at(-1)?.Sequence?.id !== 'B' || between.length === 0) return;
  const separates = (part: Pieces[number] | undefined) => {
    const name = special(part);
    return name !== undefined && (name === names.sep || name === names.eos);
  };
  adds.sep = (separates(between[0]) && !last) || (between.length === 2 && separates(between[1]));
}

const templateFile = z.object({ chat_template: template.nullish() });

async function chatTemplate(folder: string, config: TokenizerConfig): Promise<TypedMetadata[]> {
  const given =
    config.chat_template ??
    (await textIn(folder, 'chat_template.jinja')) ??
    (await jsonIn(folder, 'chat_template.json', templateFile))?.chat_template;
  if (given == null) return [];
  if (typeof given === 'string') return [['tokenizer.chat_template', 'string', given]];
  const others = given
    .filter(({ name }) => name !== 'default' && name !== '')
    .map(each => ({ ...each, name: each.name.replaceAll(/[^a-zA-Z0-9]/g, '_') }));
  const main = given.find(({ name }) => name === 'default');
  return [
    ...others.map((each): TypedMetadata => [`tokenizer.chat_template.${each.name}`, 'string', each.template]),
    ...(others.length > 0
      ? ([['tokenizer.chat_templates', 'strings', others.map(({ name }) => name)]] as TypedMetadata[])
      : []),
    ...(main ? ([['tokenizer.chat_template', 'string', main.template]] as TypedMetadata[]) : []),
  ];
}
