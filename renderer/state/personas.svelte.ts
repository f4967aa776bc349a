/** The personas that the studio keeps: the gallery's list and what can be done with one. */
import type {
  KeptPersona,
  KeptPersonaWhole,
  Persona,
  PersonaFormat,
} from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';
import { bytes } from '../lib/format.ts';
import { saveFile } from '../lib/save.ts';
import { t } from '../lib/strings.ts';

/** Bytes that a message to the studio may have, with room for what stands around a file. */
const MOST_BYTES = 15 * 1024 * 1024;

export class Personas {
  list = $state.raw<KeptPersona[]>([]);
  loaded = $state(false);
  query = $state('');
  problem = $state.raw<Problem | null>(null);
  /** What was just done, with the way back where there is one. */
  said = $state.raw<{ lines: string[]; undo?: () => void } | null>(null);
  /** Addresses of pictures, by persona and time of its last change. */
  pictures = $state.raw(new Map<string, string>());

  shown = $derived.by(() => {
    const words = this.query.toLowerCase().split(/\s+/).filter(Boolean);
    return this.list.filter(({ name, tags, notes }) => {
      const text = [name, ...tags, notes].join('\n').toLowerCase();
      return words.every(word => text.includes(word));
    });
  });

  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get #client() {
    return this.#connection.client.personas;
  }

  async load() {
    try {
      await this.#load();
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  named(name: string): KeptPersona | undefined {
    return this.list.find(one => one.name.toLowerCase() === name.trim().toLowerCase());
  }

  /** Keeps a persona under a name; under one that there is, as its new version. True when it is kept. */
  save(name: string, persona: Persona, before = this.named(name)) {
    return this.#try(async () => {
      const rolePlay = persona.rolePlay ?? before?.persona.rolePlay;
      const saved = await this.#client.save({
        id: before?.id,
        name,
        persona: { ...persona, name, rolePlay },
      });
      await this.#load();
      this.#say(
        !before
          ? t.personas.saved(saved.name)
          : saved.versions > before.versions
            ? t.personas.savedVersion(saved.name, saved.version)
            : t.personas.unchanged(saved.name),
      );
    });
  }

  edit(id: string, about: Pick<KeptPersona, 'name' | 'notes' | 'tags'>) {
    return this.#change(() => this.#client.edit({ id, ...about }));
  }

  duplicate(id: string) {
    return this.#change(() => this.#client.duplicate({ id }));
  }

  activate(id: string, version: number) {
    return this.#change(() => this.#client.activate({ id, version }));
  }

  setPicture(id: string, file: File | null) {
    return this.#change(() => this.#client.setPicture({ id, file }));
  }

  remove({ id, name }: KeptPersona) {
    return this.#try(async () => {
      await this.#client.delete({ id });
      await this.#load();
      this.#say(t.personas.removed(name), () => void this.#change(() => this.#client.restore({ id })));
    });
  }

  /** Null where it is gone. */
  find(id: string): Promise<KeptPersona | null> {
    return this.#client.get({ id }).catch(() => null);
  }

  async whole(id: string): Promise<KeptPersonaWhole | null> {
    try {
      return await this.#client.get({ id });
    } catch (error) {
      this.problem = toProblem(error);
      return null;
    }
  }

  export(id: string, format: PersonaFormat, vectors = false) {
    return this.#try(async () => {
      const { file } = await this.#client.export({ id, format, vectors });
      saveFile(file);
    });
  }

  /** Adds the personas of files; a character without a mix gets the model `base`. */
  async bring(files: File[], base: string) {
    const lines: string[] = [];
    await this.#try(async () => {
      for (const file of files) {
        if (file.size > MOST_BYTES) {
          this.problem = {
            code: 'bad_input',
            message: t.personas.tooLarge(file.name, bytes(MOST_BYTES)),
            where: null,
            action: t.personas.tooLargeAction,
          };
          return;
        }
        const { persona, notes } = await this.#client.import({ file, base });
        lines.push(t.personas.brought(persona.name), ...notes);
      }
    });
    if (lines.length > 0) {
      // That some were added does not hide what was wrong with the next.
      await this.load();
      this.said = { lines };
    }
  }

  async #load() {
    this.list = await this.#client.list({});
    this.loaded = true;
    await this.#loadPictures();
  }

  async #loadPictures() {
    const found = new Map<string, string>();
    for (const { id, picture, updatedAt } of this.list) {
      if (!picture) continue;
      const key = pictureKey({ id, updatedAt });
      const known = this.pictures.get(key);
      if (known) {
        found.set(key, known);
        continue;
      }
      const { file } = await this.#client.picture({ id });
      if (file) found.set(key, URL.createObjectURL(file));
    }
    for (const [key, address] of this.pictures) if (!found.has(key)) URL.revokeObjectURL(address);
    this.pictures = found;
  }

  #say(text: string, undo?: () => void) {
    this.said = { lines: [text], undo };
  }

  #change(work: () => Promise<unknown>) {
    return this.#try(async () => {
      await work();
      await this.#load();
    });
  }

  async #try(work: () => Promise<void>): Promise<boolean> {
    try {
      this.problem = null;
      this.said = null;
      await work();
      return true;
    } catch (error) {
      this.problem = toProblem(error);
      return false;
    }
  }
}

export const pictureKey = ({ id, updatedAt }: Pick<KeptPersona, 'id' | 'updatedAt'>) => `${id} ${updatedAt}`;
