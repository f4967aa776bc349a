/** `.persona` files: a ZIP with a persona's recipe, prompt, settings, results, picture, and low-rank vectors where asked for. */
import { z } from 'zod';
import {
  type Bad,
  checkFiles,
  described,
  describedFiles,
  MANIFEST,
  parseJson,
  readArchive,
  writeArchive,
} from '../archive.ts';
import type { KeptPersona } from '../contract.ts';
import { keptPersona, personaNeed, personaProfile, persona as personaSchema, recipe } from '../contract.ts';
import { inWords, StudioError } from '../errors.ts';

const FORMAT = 'temperament-persona';
const VERSION = 1;
const MOST_FILES = 1000;
const MOST_BYTES = 512 * 1024 * 1024;
const EXPECTED = 'Name a file that “personas export” has written, or a character card (PNG, JSON or CHARX).';
const VECTOR = /^vectors\/[^/]+\.gguf$/;

const manifest = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  name: z.string(),
  createdAt: z.iso.datetime(),
  /** Version of the program that wrote it. */
  temperament: z.string(),
  /** The model and the vectors of the mix, by hash. */
  needs: z.array(personaNeed).max(100),
  files: describedFiles,
});

/** `persona.json`. */
const about = z.object({
  ...personaSchema.omit({ recipe: true, name: true }).shape,
  ...keptPersona.pick({ name: true, notes: true, tags: true }).shape,
});

export type PersonaContent = Pick<
  KeptPersona,
  'name' | 'notes' | 'tags' | 'persona' | 'profile' | 'needs'
> & {
  picture: Buffer | null;
  /** A character card's JSON, as `readCard` takes it. */
  card: Buffer | null;
  /** Low-rank vectors as GGUF files, by file name. */
  vectors: Map<string, Buffer>;
};

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

export function writePersonaFile(
  { name, notes, tags, persona, profile, needs, picture, card, vectors }: PersonaContent,
  { made, version }: { made: string; version: string },
): Promise<Buffer> {
  const { recipe: mix, name: _, ...told } = persona;
  const files = new Map<string, string | Buffer>([
    ['persona.json', json({ name, notes, tags, ...told })],
    ['recipe.json', json(mix)],
  ]);
  if (profile) files.set('results.json', json(profile));
  if (picture) files.set('picture.png', picture);
  if (card) files.set('card.json', card);
  for (const [file, bytes] of vectors) files.set(`vectors/${file}`, bytes);
  const head: z.output<typeof manifest> = {
    ...{ format: FORMAT, version: VERSION, name, createdAt: made, temperament: version, needs },
    files: described(files),
  };
  return writeArchive(new Map([[MANIFEST, json(head)], ...files]), made);
}

/** A character card of version 3 as a ZIP file (CHARX). */
export interface Charx {
  /** Its `card.json`. */
  card: Buffer;
  /** Its pictures, by path. */
  pictures: Map<string, Buffer>;
}

/** Where a CHARX file that is written has its picture, and how the card names a file beside it (as its specification spells it). */
export const CHARX_PICTURE = 'assets/icon/image/main.png';
export const EMBEDDED = 'embeded://';

export const writeCharx = (card: object, picture: Buffer, made: string): Promise<Buffer> =>
  writeArchive(
    new Map<string, string | Buffer>([
      ['card.json', json(card)],
      [CHARX_PICTURE, picture],
    ]),
    made,
  );

/** Reads one, or a CHARX file, from a path or from memory, of at most `limit` bytes unpacked. `name`: what errors call it. */
export async function readPersonaFile(
  source: string | Buffer,
  name: string,
  limit = MOST_BYTES,
): Promise<PersonaContent | Charx> {
  const bad: Bad = (problem, action = 'Get the file again from those who made it.', cause) =>
    new StudioError('bad_file', `The persona file ${name} ${problem}.`, { file: name, action, cause });
  const { contents, hashes } = await readArchive(source, {
    ...{ bad, what: 'persona', expected: EXPECTED, mostFiles: MOST_FILES, mostBytes: limit },
    keep: path => /\.(json|png|gguf)$/.test(path),
  });
  const head = contents.get(MANIFEST);
  const charx = contents.get('card.json');
  if (!head && charx) return { card: charx, pictures: contents };
  if (!head) throw bad(`has no ${MANIFEST}`, EXPECTED);
  const given = parseJson(head, MANIFEST, bad);
  const what = z.object({ format: z.literal(FORMAT), version: z.int().min(1) }).safeParse(given);
  if (!what.success) throw bad('is not one: its manifest does not say so', EXPECTED);
  if (what.data.version > VERSION)
    throw bad(
      `was written by a newer Temperament (format ${what.data.version}; this one reads ${VERSION})`,
      'Update Temperament, and import it again.',
    );
  const parse = <T>(schema: z.ZodType<T>, value: unknown, path: string): T => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw bad(`has a ${path} that is not valid: ${inWords(parsed.error.issues).message}`);
  };
  const { files, needs } = parse(manifest, given, MANIFEST);
  checkFiles(files, hashes, bad);
  const part = <T>(path: string, schema: z.ZodType<T>): T => {
    const text = contents.get(path);
    if (!text) throw bad(`is not complete: ${path} is missing`);
    return parse(schema, parseJson(text, path, bad), path);
  };
  const { notes, tags, ...told } = part('persona.json', about);
  const mix = part('recipe.json', recipe);
  const vectors = [...contents].filter(([path]) => VECTOR.test(path));
  return {
    ...{ name: told.name, notes, tags, needs, persona: { ...told, recipe: mix } },
    profile: contents.has('results.json') ? part('results.json', personaProfile) : null,
    picture: contents.get('picture.png') ?? null,
    card: contents.get('card.json') ?? null,
    vectors: new Map(vectors.map(([path, bytes]) => [path.slice('vectors/'.length), bytes])),
  };
}
