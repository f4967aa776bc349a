/** Personas out as files and in again: `.persona` files and character cards, with the files that a mix needs known by hash. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { z } from 'zod';
import { fileName } from '../chat/export.ts';
import type {
  exportPersonaInput,
  importPersonaInput,
  KeptPersona,
  KeptPersonaWhole,
  PersonaNeed,
  Recipe,
} from '../contract.ts';
import { persona as personaSchema } from '../contract.ts';
import { StudioError, toStudioError } from '../errors.ts';
import { makeFolder } from '../folders.ts';
import type { Library } from '../library/library.ts';
import { withoutFolders } from '../reporting/files.ts';
import {
  type Card,
  cardInPng,
  cardOf,
  cardTexts,
  mixIn,
  personaOf,
  readCard,
  takeEmbedded,
  unusedIn,
} from './card.ts';
import {
  CHARX_PICTURE,
  type Charx,
  EMBEDDED,
  type PersonaContent,
  readPersonaFile,
  writeCharx,
  writePersonaFile,
} from './file.ts';
import { keyOf, type Personas, vectorKey } from './personas.ts';
import { isPng, MOST_PNG_BYTES, pictureOf, readPng, withTexts } from './png.ts';
import { emblemPng } from './portrait.ts';

interface Parts {
  personas: Personas;
  library: Library;
  scratch: string;
  version: string;
}

export class Sharing {
  readonly #personas: Personas;
  readonly #library: Library;
  readonly #scratch: string;
  readonly #version: string;

  constructor({ personas, library, scratch, version }: Parts) {
    this.#personas = personas;
    this.#library = library;
    this.#scratch = scratch;
    this.#version = version;
  }

  /** The active version as a file. */
  async export({ id, format, vectors }: z.output<typeof exportPersonaInput>): Promise<File> {
    const whole = await this.#personas.get(id);
    const kept = { ...whole, persona: { ...whole.persona, recipe: pinned(whole) } };
    const [picture, card] = [this.#personas.picture(id), this.#card(id)];
    const stem = fileName(kept.name, 'persona');
    if (format === 'json')
      return new File([`${JSON.stringify(cardOf(kept, card, 3), null, 2)}\n`], `${stem}.json`, {
        type: 'application/json',
      });
    if (format === 'card') {
      const portrait = picture ?? emblemPng(kept.persona.recipe.weights);
      const bytes = withTexts(portrait, cardTexts(kept, card), kept.name);
      return new File([new Uint8Array(bytes)], `${stem}.png`, { type: 'image/png' });
    }
    if (format === 'charx') {
      const out = cardOf(kept, card, 3);
      const others = Array.isArray(out.data.assets) ? out.data.assets : [];
      const icon = { type: 'icon', name: 'main', uri: `${EMBEDDED}${CHARX_PICTURE}`, ext: 'png' };
      out.data.assets = [icon, ...others];
      const portrait = picture ?? emblemPng(kept.persona.recipe.weights);
      const bytes = await writeCharx(out, portrait, new Date().toISOString());
      return new File([new Uint8Array(bytes)], `${stem}.charx`, { type: 'application/zip' });
    }
    const bytes = await writePersonaFile(
      {
        ...kept,
        picture,
        card: card && Buffer.from(JSON.stringify(card)),
        vectors: vectors ? await this.#vectorsOf(kept) : new Map(),
      },
      { made: new Date().toISOString(), version: this.#version },
    );
    return new File([new Uint8Array(bytes)], `${stem}.persona`, { type: 'application/zip' });
  }

  /** Adds the persona of a file, whatever of the kinds it is, with all of it or nothing. */
  async import({
    file,
    base,
  }: z.output<typeof importPersonaInput>): Promise<{ persona: KeptPersonaWhole; notes: string[] }> {
    const name = typeof file === 'string' ? resolve(file) : basename(file.name);
    const source = typeof file === 'string' ? await fileAt(name) : Buffer.from(await file.arrayBuffer());
    const zipped = typeof source === 'string';
    if (zipped || source.subarray(0, 2).toString('latin1') === 'PK') {
      const read = await readPersonaFile(source, name);
      return 'pictures' in read ? this.#addCharx(read, name, base) : this.#add(read, name);
    }
    if (!isPng(source)) {
      // A byte order mark, or blanks, may come first.
      if (!/^\s*\{/.test(source.toString('utf8', 0, 200).replace('\ufeff', '')))
        throw new StudioError(
          'bad_file',
          `The file ${name} is neither a persona file nor a character card.`,
          {
            file: name,
            action: 'Choose a .persona file, or a character card as PNG, JSON or CHARX.',
          },
        );
      return this.#addCard(readCard(source, name), null, name, base);
    }
    const chunks = readPng(source, name);
    return this.#addCard(cardInPng(chunks, name), pictureOf(chunks), name, base);
  }

  /** Of the files in it the main picture is kept; the card names the others no more. */
  async #addCharx({ card: json, pictures }: Charx, name: string, base?: string) {
    const card = readCard(json, name);
    const { picture, files } = takeEmbedded(card);
    const found = picture === undefined ? undefined : pictures.get(picture);
    const shown = found && isPng(found) ? pictureOf(readPng(found, name)) : null;
    const { persona, notes } = await this.#addCard(card, shown, name, base);
    const left = files - (shown ? 1 : 0);
    if (left > 0) notes.push(`Of ${files} files that come with the card, ${left} are not kept.`);
    return { persona, notes };
  }

  async #addCard(card: Card, picture: Buffer | null, name: string, base?: string) {
    const own = mixIn(card);
    const { name: called, notes, tags, ...told } = personaOf(card);
    const recipe = own?.recipe ?? { version: 2 as const, base: base ?? (await this.#anyModel()) };
    const persona = personaSchema.parse({ ...told, name: called, recipe, sampling: own?.sampling });
    const needs = own?.needs ?? [];
    const profile = own?.profile ?? null;
    const content = { name: called, notes, tags, persona, profile, needs, picture, vectors: new Map() };
    const added = await this.#add({ ...content, card: Buffer.from(JSON.stringify(card)) }, name);
    return { persona: added.persona, notes: unusedIn(card) };
  }

  async #add({ vectors, card, picture, ...content }: PersonaContent, name: string) {
    // Checked before anything is written.
    const read = card && readCard(card, name);
    const shown = picture && pictureOf(readPng(picture, name));
    const added = await this.#addVectors(vectors, content.needs, name);
    try {
      const { models } = await this.#library.list();
      const wanted = content.needs.find(({ role }) => role === 'model')?.hash;
      const here = models.find(({ content }) => content === wanted);
      const { recipe } = content.persona;
      const persona = { ...content.persona, recipe: here ? { ...recipe, base: here.id } : recipe };
      const id = this.#personas.add({ ...content, persona, picture: shown, card: read });
      return { persona: await this.#personas.get(id), notes: [] };
    } catch (error) {
      await Promise.all(added.map(path => rm(path, { force: true })));
      throw error;
    }
  }

  /** Puts vectors that the library does not have into its folder; returns their paths. */
  async #addVectors(vectors: Map<string, Buffer>, needs: PersonaNeed[], name: string): Promise<string[]> {
    const ready: { from: string; to: string }[] = [];
    const moved: string[] = [];
    const here = new Set((await this.#library.list()).vectors.map(vectorKey));
    const folder = this.#library.vectorFolder;
    try {
      for (const [file, bytes] of vectors) {
        const from = join(this.#scratch, `${randomUUID()}.gguf`);
        await writeFile(from, bytes);
        ready.push({ from, to: '' });
        const facts = await this.#library.facts(from).catch(cause => {
          if (toStudioError(cause).data.code !== 'bad_file') throw cause;
          // Its own error names a file in the scratch folder, which nobody knows.
          throw new StudioError(
            'bad_file',
            `The persona file ${name} carries ${file}, which cannot be read.`,
            {
              file: name,
              action: 'Get the file again from those who made it.',
              cause,
            },
          );
        });
        const key = facts.what === 'vector' ? vectorKey(facts) : '';
        const need = needs.find(one => one.role === 'vector' && keyOf(one) === key);
        if (facts.what !== 'vector' || facts.form !== 'low-rank' || !need)
          throw new StudioError(
            'bad_file',
            `The persona file ${name} carries ${file}, which is not one of the low-rank vectors that its mix needs.`,
            { file: name, action: 'Get the file again from those who made it.' },
          );
        if (here.has(key)) continue;
        const plain = /^[\w-][\w.-]*\.gguf$/.test(file) && !existsSync(join(folder, file));
        const called = plain ? file : `${facts.trait}-${facts.pole}-${need.hash.slice(0, 12)}.gguf`;
        ready[ready.length - 1] = { from, to: join(folder, called) };
      }
      makeFolder(folder);
      for (const { from, to } of ready.filter(({ to }) => to !== '')) {
        await rename(from, to);
        moved.push(to);
      }
      return moved;
    } catch (error) {
      await Promise.all(moved.map(path => rm(path, { force: true })));
      throw error;
    } finally {
      await Promise.all(ready.map(({ from }) => rm(from, { force: true })));
    }
  }

  async #vectorsOf({ needs }: KeptPersona): Promise<Map<string, Buffer>> {
    const { vectors } = await this.#library.list();
    const files = new Map<string, Buffer>();
    for (const need of needs.filter(({ role }) => role === 'vector')) {
      const { about, hash } = need;
      const found = vectors.find(vector => vectorKey(vector) === keyOf(need));
      if (found?.form !== 'low-rank')
        throw new StudioError(
          found ? 'bad_input' : 'not_found',
          found
            ? `The vector ${about} is dense; a persona file carries low-rank vectors alone.`
            : `The library does not have the vector ${about} with the hash ${hash}.`,
          {
            file: found?.path,
            field: 'vectors',
            action: 'Export without vectors; the file names them by hash.',
          },
        );
      files.set(`${about}-${hash.slice(0, 12)}.gguf`, await readFile(found.path));
    }
    return files;
  }

  #card(id: string): Card | null {
    const text = this.#personas.card(id);
    return text === null ? null : (JSON.parse(text) as Card);
  }

  async #anyModel(): Promise<string> {
    const { models } = await this.#library.list();
    const id = (models.find(({ demo }) => demo) ?? models[0])?.id;
    if (id) return id;
    throw new StudioError(
      'not_found',
      'The library has no model yet, and a character needs one to speak with.',
      {
        field: 'base',
        action: `Put a GGUF file into ${this.#library.modelFolder}, then import it again.`,
      },
    );
  }
}

/** The file's content; of a ZIP file its path alone, to be read piece by piece. */
async function fileAt(path: string): Promise<string | Buffer> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    if (buffer.toString('latin1', 0, bytesRead) === 'PK') return path;
    const { size } = await handle.stat();
    if (size > MOST_PNG_BYTES)
      throw new StudioError('bad_file', `The file ${path} is larger than a character card can be.`, {
        file: path,
        action: 'Choose a .persona file, or a character card as PNG, JSON or CHARX.',
      });
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** The recipe with the hashes of what it is made of and without folders, so that it means the same mix elsewhere. */
function pinned({ persona, needs }: KeptPersona): Recipe {
  const recipe = withoutFolders(persona.recipe, []);
  const base = needs.find(({ role }) => role === 'model')?.hash;
  if (base === undefined) return recipe;
  const vectors = needs.filter(({ role }) => role === 'vector').map(({ about, hash }) => [about, hash]);
  return { ...recipe, hashes: { base, vectors: Object.fromEntries(vectors) } };
}
