/**
 * Character cards (V1, V2, V3) as SillyTavern and its like exchange them, to a persona and back. What the studio does not
 * use, or what was not changed here, goes out as it came in. docs/personas.md has the template.
 */
import { z } from 'zod';
import type { KeptPersona, Persona } from '../contract.ts';
import { keptPersona, type Lorebook, lorebook, persona as personaSchema } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { LONGEST_TAG, MOST_TAGS } from './contract.ts';
import { EMBEDDED } from './file.ts';
import { type Chunk, textOf } from './png.ts';

/** Keywords of the tEXt chunks that hold a card: version 3, and 2 (or 1); the newer one counts where both are there. */
const KEYWORDS = ['ccv3', 'chara'] as const;
const DEEPEST = 64;
const TEXTS = [
  'name',
  'description',
  'personality',
  'scenario',
  'first_mes',
  'mes_example',
  'system_prompt',
  'creator_notes',
] as const;
type TextField = (typeof TEXTS)[number];

/** Fields that every card has (V2: github.com/malfoyslastname/character-card-spec-v2, V3: kwaroran/character-card-spec-v3). */
const EMPTY = {
  name: '',
  description: '',
  personality: '',
  scenario: '',
  first_mes: '',
  mes_example: '',
  creator_notes: '',
  system_prompt: '',
  post_history_instructions: '',
  alternate_greetings: [],
  tags: [],
  creator: '',
  character_version: '',
  extensions: {},
  group_only_greetings: [],
};

type Fields = Record<string, unknown>;

/** A card in the shape of V2 and V3, whatever it came as. */
export interface Card extends Fields {
  data: Fields;
}

/** What a card says of a persona. */
type CardPersona = Pick<KeptPersona, 'name' | 'notes' | 'tags'> &
  Required<Pick<Persona, 'system' | 'rolePlay'>>;

/** The studio's own part of a card, under `data.extensions.temperament`. */
const extension = z.object({
  version: z.literal(1),
  ...personaSchema.pick({ recipe: true, sampling: true }).shape,
  ...keptPersona.pick({ profile: true, needs: true }).shape,
});

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

// ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────

/** The card in a picture's chunks. */
export function cardInPng(chunks: Chunk[], name: string): Card {
  for (const keyword of KEYWORDS) {
    const text = textOf(chunks, keyword, name);
    if (text === undefined) continue;
    if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text))
      throw bad(name, `carries a text “${keyword}” that is not in base64`);
    return readCard(Buffer.from(text, 'base64'), name);
  }
  throw bad(
    name,
    'is a picture without a character in it',
    'Choose a picture that a program for characters has saved; pictures lose their card when they are converted.',
  );
}

/** A card of any version from its JSON. */
export function readCard(json: Buffer, name: string): Card {
  let given: unknown;
  try {
    given = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (cause) {
    throw bad(name, `is not valid JSON (${(cause as Error).message.slice(0, 120)})`, undefined, cause);
  }
  if (deeperThan(given, DEEPEST)) throw bad(name, `has more than ${DEEPEST} levels`);
  if (!isFields(given)) throw bad(name, 'is no character: its JSON is not an object');
  // Version 1 has the fields at the top, and no `spec`; a name and a description have many other files too.
  const first = given.spec === undefined && given.data === undefined;
  if (first && !['personality', 'first_mes', 'mes_example'].some(field => typeof given[field] === 'string'))
    throw bad(name, 'is no character: it has none of the fields of one', 'Choose a character card.');
  const card = first ? { data: given } : given;
  const { data } = card;
  if (!isFields(data)) throw bad(name, 'is no character: it has no “data”');
  for (const field of TEXTS)
    if (data[field] != null && typeof data[field] !== 'string')
      throw bad(name, `is not valid: its field “${field}” is not a text`);
  if (textIn(data, 'name').trim() === '') throw bad(name, 'is no character: it has no name');
  return { ...card, data };
}

function deeperThan(value: unknown, left: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return left === 0 || Object.values(value).some(inner => deeperThan(inner, left - 1));
}

function bad(name: string, problem: string, action?: string, cause?: unknown): StudioError {
  const usual = 'Get the file again from where it came.';
  return new StudioError('bad_file', `The character card ${name} ${problem}.`, {
    file: name,
    action: action ?? usual,
    cause,
  });
}

const textIn = (data: Fields, field: TextField): string => (data[field] as string | null | undefined) ?? '';

/** The card's fields as the studio has them. */
export function personaOf({ data }: Card): CardPersona {
  const parts = [
    textIn(data, 'description').trim(),
    labelled('Personality: ', textIn(data, 'personality')),
    labelled('Example dialogue:\n', textIn(data, 'mes_example')),
  ];
  const tags = Array.isArray(data.tags) ? data.tags.filter(tag => typeof tag === 'string') : [];
  const short = tags.map(tag => tag.trim().slice(0, LONGEST_TAG).trim()).filter(Boolean);
  return {
    name: textIn(data, 'name').trim().slice(0, 200).trim(),
    // Where a card means the program's own system prompt: the studio has none.
    system: textIn(data, 'system_prompt').replaceAll('{{original}}', '').trim(),
    rolePlay: {
      character: parts.filter(Boolean).join('\n\n'),
      scenario: textIn(data, 'scenario').trim(),
      firstMessage: textIn(data, 'first_mes'),
      ...lorebookIn(data),
    },
    notes: textIn(data, 'creator_notes').slice(0, 100_000),
    tags: [...new Set(short)].slice(0, MOST_TAGS),
  };
}

const bookInCard = z.looseObject({
  scan_depth: z.int().min(0).nullish().catch(null),
  token_budget: z.int().min(0).nullish().catch(null),
  recursive_scanning: z.boolean().nullish().catch(null),
});
const entryInCard = z.looseObject({
  keys: z.array(z.string()),
  content: z.string(),
  enabled: z.boolean().default(true),
  insertion_order: z.number().catch(0),
  case_sensitive: z.boolean().nullish().catch(null),
  priority: z.number().catch(0),
  selective: z.boolean().nullish().catch(null),
  secondary_keys: z.array(z.string()).nullish().catch(null),
  constant: z.boolean().nullish().catch(null),
  position: z.string().nullish().catch(null),
  use_regex: z.boolean().nullish().catch(null),
});

/** Entries of a card's lorebook, as far as they can be read. */
function entriesIn({ character_book: book }: Fields) {
  const entries: unknown[] = isFields(book) && Array.isArray(book.entries) ? book.entries : [];
  return entries.map(entry => entryInCard.safeParse(entry).data ?? null);
}

/** Those that the studio can use: a pattern of somebody else's could keep it busy for ever. */
const usable = (entry: z.output<typeof entryInCard> | null) => entry !== null && entry.use_regex !== true;

function lorebookIn(data: Fields): { lorebook?: Lorebook } {
  const entries = entriesIn(data).flatMap(entry => (entry && usable(entry) ? [entry] : []));
  if (entries.length === 0) return {};
  const {
    scan_depth: depth,
    token_budget: budget,
    recursive_scanning: recursive,
  } = bookInCard.parse(data.character_book);
  return {
    lorebook: lorebook.parse({
      scanDepth: depth ?? undefined,
      tokenBudget: budget ?? null,
      recursive: recursive ?? false,
      entries: entries.map(entry => ({
        keys: entry.keys,
        secondaryKeys: entry.selective ? (entry.secondary_keys ?? []) : [],
        // Lines of version 3 that begin so are instructions to programs.
        content: entry.content.replace(/^(?:@@.*(?:\n|$))+/, ''),
        enabled: entry.enabled,
        always: entry.constant ?? false,
        caseSensitive: entry.case_sensitive ?? false,
        order: entry.insertion_order,
        priority: entry.priority,
        before: entry.position === 'before_char',
      })),
    }),
  };
}

const labelled = (label: string, text: string) => (text.trim() ? `${label}${text.trim()}` : '');

/** The mix of a card that the studio wrote; null where there is none, or none that can be read. */
export function mixIn({ data }: Card): z.output<typeof extension> | null {
  if (!isFields(data.extensions)) return null;
  return extension.safeParse(data.extensions.temperament).data ?? null;
}

/** What of a card the studio keeps and does not use, in words. */
export function unusedIn({ data }: Card): string[] {
  const found: string[] = [];
  const left = entriesIn(data).filter(entry => !usable(entry)).length;
  if (left > 0)
    found.push(
      `Of the lorebook ${left === 1 ? 'one entry is' : `${left} entries are`} kept and not used, for want of plain keys.`,
    );
  if (Array.isArray(data.alternate_greetings) && data.alternate_greetings.length > 0)
    found.push(
      `Of ${data.alternate_greetings.length + 1} first messages the first one is used; all are kept.`,
    );
  if (typeof data.post_history_instructions === 'string' && data.post_history_instructions.trim() !== '')
    found.push('The instructions for after the conversation are kept, but not used.');
  return found;
}

/** Takes out of a card what it says of files beside it; returns how many, and the path of the main picture. */
export function takeEmbedded({ data }: Card): { files: number; picture?: string } {
  if (!Array.isArray(data.assets)) return { files: 0 };
  const pathOf = (asset: unknown) =>
    isFields(asset) && typeof asset.uri === 'string' && asset.uri.startsWith(EMBEDDED)
      ? asset.uri.slice(EMBEDDED.length)
      : undefined;
  const files = data.assets.filter(asset => pathOf(asset) !== undefined);
  const icons = files.filter(({ type }) => type === 'icon');
  const main = icons.find(({ name }) => name === 'main') ?? icons[0];
  data.assets = data.assets.filter(asset => pathOf(asset) === undefined);
  return { files: files.length, picture: pathOf(main) };
}

// ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────

/** The persona as a card of version 2 or 3. `before`: the card it came from. */
export function cardOf(kept: KeptPersona, before: Card | null, version: 2 | 3): Card {
  const { system, rolePlay, recipe, sampling } = kept.persona;
  const data: Fields = { ...EMPTY, ...before?.data };
  const was = before && personaOf(before);
  const put = (unchanged: boolean | null, fields: Fields) => {
    if (!unchanged) Object.assign(data, fields);
  };
  const { character = '', scenario = '', firstMessage = '' } = rolePlay ?? {};
  put(was && was.name === kept.name, { name: kept.name });
  put(was && was.system === system, { system_prompt: system });
  put(was && was.rolePlay.character === character, {
    description: character,
    personality: '',
    mes_example: '',
  });
  put(was && was.rolePlay.scenario === scenario, { scenario });
  put(was && was.rolePlay.firstMessage === firstMessage, { first_mes: firstMessage });
  const { lorebook } = rolePlay ?? {};
  const sameBook = JSON.stringify(was?.rolePlay.lorebook) === JSON.stringify(lorebook);
  put(sameBook, { character_book: lorebook && bookOf(lorebook, data) });
  put(was && was.notes === kept.notes, { creator_notes: kept.notes });
  put(was && JSON.stringify(was.tags) === JSON.stringify(kept.tags), { tags: kept.tags });
  const own = { version: 1, recipe, sampling, profile: kept.profile, needs: kept.needs };
  data.extensions = { ...(isFields(data.extensions) ? data.extensions : {}), temperament: own };
  const { spec: _, spec_version: __, data: ___, ...others } = before ?? { data };
  // Some programs repeat the fields of version 1 at the top.
  for (const field of Object.keys(others)) if (field in EMPTY) others[field] = data[field];
  return { ...others, spec: `chara_card_v${version}`, spec_version: `${version}.0`, data };
}

/** The card's own book where only entries were switched on or off; else a new one. */
function bookOf({ scanDepth, tokenBudget, recursive, entries }: Lorebook, data: Fields): Fields {
  const before = entriesIn(data);
  if (isFields(data.character_book) && before.filter(usable).length === entries.length) {
    const left = entries.values();
    const switched = before.map((entry, i) => {
      const own = (data.character_book as { entries: unknown[] }).entries[i];
      return usable(entry) && isFields(own) ? { ...own, enabled: left.next().value?.enabled } : own;
    });
    return { ...data.character_book, entries: switched };
  }
  return {
    ...{ scan_depth: scanDepth, token_budget: tokenBudget ?? undefined, recursive_scanning: recursive },
    extensions: {},
    entries: entries.map(entry => ({
      ...{ keys: entry.keys, content: entry.content, enabled: entry.enabled, constant: entry.always },
      ...{ selective: entry.secondaryKeys.length > 0, secondary_keys: entry.secondaryKeys, extensions: {} },
      ...{ insertion_order: entry.order, priority: entry.priority, case_sensitive: entry.caseSensitive },
      ...{ position: entry.before ? 'before_char' : 'after_char', use_regex: false },
    })),
  };
}

/** A card's texts for a picture's chunks, by keyword. */
export function cardTexts(kept: KeptPersona, before: Card | null): Record<string, string> {
  const encode = (card: Card) => Buffer.from(JSON.stringify(card), 'utf8').toString('base64');
  return { chara: encode(cardOf(kept, before, 2)), ccv3: encode(cardOf(kept, before, 3)) };
}
