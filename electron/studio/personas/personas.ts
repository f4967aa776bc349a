/** The personas that are kept: their versions, with one that is active, and all that can be done with them. */
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import type Database from 'better-sqlite3';
import type { z } from 'zod';
import { systemPrompt } from '../chat/roleplay.ts';
import type {
  editPersonaInput,
  KeptPersona,
  KeptPersonaWhole,
  Persona,
  PersonaNeed,
  PersonaProfile,
  PersonaVersion,
  Recipe,
  savePersonaInput,
  Vector,
} from '../contract.ts';
import { keptPersona, persona as personaSchema, personaVersion, TRAITS } from '../contract.ts';
import { isEndpoint } from '../endpoints/contract.ts';
import { StudioError } from '../errors.ts';
import type { Library } from '../library/library.ts';
import type { Log } from '../log/log.ts';
import type { Mixing } from '../mixing/mixing.ts';
import { pictureOf, readPng } from './png.ts';

/** Days that a deleted persona can be brought back. */
const KEPT_FOR = 30;

interface PersonaRow {
  id: string;
  name: string;
  notes: string;
  tags: string;
  active: number;
  picture: 0 | 1;
  card: 0 | 1;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
}

interface VersionRow {
  version: number;
  made_at: string;
  content: string;
  profile: string | null;
  needs: string;
}

interface NewPersona extends Pick<KeptPersona, 'name' | 'notes' | 'tags' | 'persona' | 'profile' | 'needs'> {
  picture: Buffer | null;
  card: object | null;
}

const COLUMNS = `id, name, notes, tags, active, picture IS NOT NULL AS picture, card IS NOT NULL AS card,
  created_at, updated_at, deleted_at`;

export class Personas {
  readonly #database: Database.Database;
  readonly #library: Library;
  readonly #mixing: Mixing;
  readonly #log: Log;

  constructor(parts: { database: Database.Database; library: Library; mixing: Mixing; log: Log }) {
    this.#database = parts.database;
    this.#library = parts.library;
    this.#mixing = parts.mixing;
    this.#log = parts.log;
  }

  /** Forgets what was deleted long ago. */
  tidy(now = new Date()): void {
    const before = new Date(now.getTime() - KEPT_FOR * 24 * 3600 * 1000).toISOString();
    this.#database.prepare('DELETE FROM personas WHERE deleted_at < ?').run(before);
  }

  /** The last changed first. */
  async list(deleted: boolean): Promise<KeptPersona[]> {
    const rows = this.#database
      .prepare<[], PersonaRow>(
        `SELECT ${COLUMNS} FROM personas WHERE deleted_at IS ${deleted ? 'NOT' : ''} NULL
         ORDER BY updated_at DESC, id`,
      )
      .all();
    const present = await this.#present();
    return rows.map(row => this.#whole(row, present));
  }

  /** Names of those of which any version needs the file with this content hash. */
  needing(content: string): string[] {
    return this.#database
      .prepare<[string], string>(
        `SELECT name FROM personas WHERE deleted_at IS NULL AND id IN
           (SELECT persona FROM persona_versions, json_each(needs) WHERE json_each.value ->> 'hash' = ?)
         ORDER BY name`,
      )
      .pluck()
      .all(content) as string[];
  }

  async get(id: string): Promise<KeptPersonaWhole> {
    return this.#whole(this.#row(id), await this.#present());
  }

  /** Keeps a new persona, or a new version of one where anything about it differs from the active one. */
  async save({ id, persona, run, ...about }: z.output<typeof savePersonaInput>): Promise<KeptPersonaWhole> {
    const needs = await this.#needs(persona.recipe);
    const profile = this.#profile(persona, run);
    const saved = this.#database.transaction(() => {
      if (id === undefined) {
        const { name = persona.name, notes = '', tags = [] } = about;
        return this.add({ name, notes, tags, persona, profile, needs, picture: null, card: null });
      }
      const active = this.#active(this.#row(id));
      if (contentOf(active.persona) !== contentOf(persona)) this.#addVersion(id, { persona, profile, needs });
      else if (profile)
        this.#database
          .prepare('UPDATE persona_versions SET profile = ?, needs = ? WHERE persona = ? AND version = ?')
          .run(JSON.stringify(profile), JSON.stringify(needs), id, active.version);
      this.edit({ id, ...about });
      return id;
    })();
    return this.get(saved);
  }

  /** Adds a persona as it is told, and returns its id. */
  add({ persona, profile, needs, picture, card, ...about }: NewPersona): string {
    const id = randomUUID();
    const now = new Date().toISOString();
    this.#database.transaction(() => {
      this.#database
        .prepare(
          `INSERT INTO personas (id, name, notes, tags, active, picture, card, created_at, updated_at)
           VALUES (:id, :name, :notes, :tags, 1, :picture, :card, :now, :now)`,
        )
        .run({
          ...about,
          id,
          now,
          picture,
          tags: JSON.stringify(about.tags),
          card: card && JSON.stringify(card),
        });
      this.#addVersion(id, { persona, profile, needs });
    })();
    return id;
  }

  edit({ id, name, notes, tags }: z.output<typeof editPersonaInput>): void {
    this.#row(id);
    this.#database
      .prepare(
        `UPDATE personas SET name = coalesce(:name, name), notes = coalesce(:notes, notes),
           tags = coalesce(:tags, tags), updated_at = :now WHERE id = :id`,
      )
      .run({
        id,
        name: name ?? null,
        notes: notes ?? null,
        tags: tags ? JSON.stringify([...new Set(tags)]) : null,
        now: new Date().toISOString(),
      });
  }

  /** Has an earlier version used again. */
  activate(id: string, version: number): void {
    this.#row(id);
    const { changes } = this.#database
      .prepare(
        `UPDATE personas SET active = :version, updated_at = :now WHERE id = :id
           AND EXISTS (SELECT 1 FROM persona_versions WHERE persona = :id AND version = :version)`,
      )
      .run({ id, version, now: new Date().toISOString() });
    if (changes === 0)
      throw new StudioError('not_found', `The persona has no version ${version}.`, { field: 'version' });
  }

  /** A copy with all versions, under a name that no other has; returns its id. */
  duplicate(id: string): string {
    const { name } = this.#row(id);
    const taken = new Set(
      this.#database.prepare<[], string>('SELECT name FROM personas WHERE deleted_at IS NULL').pluck().all(),
    );
    const stem = name.slice(0, 180);
    let copy = `${stem} (copy)`;
    for (let count = 2; taken.has(copy); count++) copy = `${stem} (copy ${count})`;
    const to = randomUUID();
    this.#database.transaction(() => {
      this.#database
        .prepare(
          `INSERT INTO personas (id, name, notes, tags, active, picture, card, created_at, updated_at)
           SELECT :to, :copy, notes, tags, active, picture, card, :now, :now FROM personas WHERE id = :id`,
        )
        .run({ id, to, copy, now: new Date().toISOString() });
      this.#database
        .prepare(
          `INSERT INTO persona_versions (persona, version, made_at, content, profile, needs)
           SELECT :to, version, made_at, content, profile, needs FROM persona_versions WHERE persona = :id`,
        )
        .run({ id, to });
    })();
    return to;
  }

  delete(id: string): void {
    this.#row(id);
    this.#database
      .prepare('UPDATE personas SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL')
      .run(new Date().toISOString(), id);
  }

  restore(id: string): void {
    this.#row(id);
    this.#database.prepare('UPDATE personas SET deleted_at = NULL WHERE id = ?').run(id);
  }

  /** Null where it has none of its own. */
  picture(id: string): Buffer | null {
    this.#row(id);
    return this.#database
      .prepare<[string], Buffer | null>('SELECT picture FROM personas WHERE id = ?')
      .pluck()
      .get(id) as Buffer | null;
  }

  /** JSON of the character card that it came from; null where it came from none. */
  card(id: string): string | null {
    this.#row(id);
    return this.#database
      .prepare<[string], string | null>('SELECT card FROM personas WHERE id = ?')
      .pluck()
      .get(id) as string | null;
  }

  /** Keeps the picture alone: what else a PNG file says is left out. Null takes it away. */
  async setPicture(id: string, file: File | null): Promise<void> {
    this.#row(id);
    const picture = file && pictureOf(readPng(Buffer.from(await file.arrayBuffer()), basename(file.name)));
    this.#database
      .prepare('UPDATE personas SET picture = ?, updated_at = ? WHERE id = ?')
      .run(picture, new Date().toISOString(), id);
  }

  #row(id: string): PersonaRow {
    const row = this.#database
      .prepare<[string], PersonaRow>(`SELECT ${COLUMNS} FROM personas WHERE id = ?`)
      .get(id);
    if (!row)
      throw new StudioError('not_found', `There is no persona ${id}.`, {
        field: 'id',
        action: 'Look it up in the list of personas.',
      });
    return row;
  }

  #whole(row: PersonaRow, present: Set<string>): KeptPersonaWhole {
    const history = this.#history(row);
    const active = history.find(({ version }) => version === row.active);
    const kept = keptPersona.parse({
      ...active,
      id: row.id,
      name: row.name,
      notes: row.notes,
      tags: JSON.parse(row.tags),
      picture: row.picture === 1,
      card: row.card === 1,
      versions: history.length,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
      deleted: row.deleted_at !== null,
      missing: active?.needs.filter(need => !present.has(keyOf(need))),
    });
    return { ...kept, history };
  }

  #history({ id, name }: PersonaRow): PersonaVersion[] {
    return this.#database
      .prepare<[string], VersionRow>('SELECT * FROM persona_versions WHERE persona = ? ORDER BY version DESC')
      .all(id)
      .map(row =>
        personaVersion.parse({
          version: row.version,
          madeAt: row.made_at,
          persona: { ...JSON.parse(row.content), name },
          profile: row.profile && JSON.parse(row.profile),
          needs: JSON.parse(row.needs),
        }),
      );
  }

  #active(row: PersonaRow): PersonaVersion {
    const active = this.#history(row).find(({ version }) => version === row.active);
    if (!active) throw new StudioError('internal', `The persona ${row.name} has no version ${row.active}.`);
    return active;
  }

  #addVersion(
    id: string,
    { persona, profile, needs }: Pick<PersonaVersion, 'persona' | 'profile' | 'needs'>,
  ) {
    const version = this.#database
      .prepare<[string], number>(
        'SELECT coalesce(max(version), 0) + 1 FROM persona_versions WHERE persona = ?',
      )
      .pluck()
      .get(id) as number;
    this.#database
      .prepare(
        `INSERT INTO persona_versions (persona, version, made_at, content, profile, needs)
         VALUES (:id, :version, :now, :content, :profile, :needs)`,
      )
      .run({
        ...{ id, version, now: new Date().toISOString(), content: contentOf(persona) },
        ...{ profile: profile && JSON.stringify(profile), needs: JSON.stringify(needs) },
      });
    this.#database.prepare('UPDATE personas SET active = ? WHERE id = ?').run(version, id);
  }

  /** What the library has, as keys of needs. */
  async #present(): Promise<Set<string>> {
    const { models, vectors } = await this.#library.list();
    return new Set([...models.map(({ content }) => content), ...vectors.map(vectorKey)]);
  }

  async #needs(recipe: Recipe): Promise<PersonaNeed[]> {
    // A server has what it needs, or says so when it is asked.
    if (isEndpoint(recipe.base)) return [];
    const { model, all } = await this.#mixing.resolve(recipe);
    return [
      { role: 'model', name: basename(model.path), hash: model.content, about: model.label },
      ...Object.entries(all).map(([about, { path, content }]) => ({
        ...{ role: 'vector' as const, name: basename(path), hash: content, about },
      })),
    ];
  }

  /** What the run says of the persona, or the newest assessment of this very mix; null where there is none. */
  #profile(persona: Persona, name?: string): PersonaProfile | null {
    const id = name === undefined ? this.#newestOf(persona) : this.#log.find(name).id;
    if (id === undefined) return null;
    const run = this.#log.get(id);
    if (run.kind !== 'assess' || run.state !== 'done' || !run.result)
      throw new StudioError('bad_input', `The run ${id} is no assessment that is done.`, {
        field: 'run',
        action: 'Name the run of an assessment; the log lists them.',
      });
    if (mixOf(run.input.persona) !== mixOf(persona))
      throw new StudioError('mismatch', `The run ${id} measured another mix than the persona’s.`, {
        field: 'run',
        action: 'Measure the persona, or name a run of the same recipe and system prompt.',
      });
    const { scores, items } = run.result;
    return {
      run: id,
      inventory: run.input.inventory,
      scores,
      highest: items[0]?.probabilities.length ?? 5,
      measuredAt: run.finishedAt ?? run.startedAt,
    };
  }

  #newestOf(persona: Persona): string | undefined {
    const wanted = mixOf(persona);
    const rows = this.#database
      .prepare<[string], { id: string; persona: string }>(
        `SELECT id, input -> '$.persona' AS persona FROM runs
         WHERE kind = 'assess' AND state = 'done' AND deleted_at IS NULL AND input ->> '$.persona.recipe.base' = ?
         ORDER BY started_at DESC, id DESC`,
      )
      .all(persona.recipe.base);
    return rows.find(row => {
      const { success, data } = personaSchema.safeParse(JSON.parse(row.persona));
      return success && mixOf(data) === wanted;
    })?.id;
  }
}

/** The same weights may be known as the vectors of several traits. */
export const keyOf = ({ role, about, hash }: PersonaNeed) => (role === 'model' ? hash : `${about} ${hash}`);
export const vectorKey = ({ trait, pole, content }: Pick<Vector, 'trait' | 'pole' | 'content'>) =>
  keyOf({ role: 'vector', name: '', about: `${trait}-${pole}`, hash: content });

/** What a version is, as the database has it. */
function contentOf({ recipe, system, rolePlay, sampling }: Persona): string {
  return JSON.stringify({ recipe, system, rolePlay, sampling });
}

/** What scores depend on: the recipe, and all that the model is told. */
function mixOf(persona: Persona): string {
  const { hashes: _, weights, ...recipe } = persona.recipe;
  const used = TRAITS.flatMap(trait => (weights[trait] ? [[trait, weights[trait]]] : []));
  return JSON.stringify([recipe, used, systemPrompt({ ...persona, name: '', user: undefined })]);
}
