/** Conversations as they are kept: panes, their trees of messages, votes, and the search over every text. */
import { createHash } from 'node:crypto';
import type Database from 'better-sqlite3';
import type { z } from 'zod';
import type {
  addMessagesInput,
  answerInput,
  ConversationData,
  ConversationFormat,
  ConversationSummary,
  Message,
  Persona,
  SearchHit,
  StoredMessage,
  saveConversationInput,
  Vote,
} from '../contract.ts';
import { conversation as conversationSchema } from '../contract.ts';
import { StudioError, toStudioError } from '../errors.ts';
import { Pictures } from '../pictures/pictures.ts';
import { pushed } from '../stream.ts';
import { type Chat, type ChatEvent, title as titleOf } from './chat.ts';
import { exported } from './export.ts';

/** Milliseconds between two writings of an answer that streams: what a crash can cost at most. */
const WRITE_EVERY = 200;
/** Days that a deleted conversation can be brought back. */
const KEPT_FOR = 30;
/** Around the words found, in what SQLite returns. */
const [OPEN, CLOSE] = ['\u0002', '\u0003'];
const SNIPPET_WORDS = 18;

interface ConversationRow {
  id: string;
  title: string;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
  settings: string;
}

interface PaneRow {
  id: string;
  data: string;
  head: string | null;
  removed: 0 | 1;
}

interface MessageRow extends Omit<StoredMessage, 'createdAt' | 'result' | 'error' | 'pictures'> {
  created_at: string;
  pictures: string;
  result: string | null;
  error: string | null;
}

export class Conversations {
  readonly #database: Database.Database;
  readonly #chat: Chat;
  readonly #pictures: Pictures;
  /** Answers that are being written. */
  readonly #active = new Set<Promise<unknown>>();

  constructor(database: Database.Database, chat: Chat) {
    this.#database = database;
    this.#chat = chat;
    this.#pictures = new Pictures(database);
  }

  /** For the host that has the data folder to itself: ends what a dead studio left streaming, forgets what is long deleted. */
  tidy(now = new Date()): void {
    const before = new Date(now.getTime() - KEPT_FOR * 24 * 3600 * 1000).toISOString();
    this.#database.transaction(() => {
      this.#database.prepare("UPDATE messages SET state = 'interrupted' WHERE state = 'streaming'").run();
      this.#database.prepare('DELETE FROM conversations WHERE deleted_at < ?').run(before);
    })();
  }

  list({ limit, offset, deleted }: { limit: number; offset: number; deleted: boolean }): {
    conversations: ConversationSummary[];
    total: number;
  } {
    const where = deleted ? 'deleted_at IS NOT NULL' : 'deleted_at IS NULL';
    const rows = this.#database
      .prepare<[number, number], ConversationRow & { panes: string; messages: number; votes: number }>(
        `SELECT *,
           (SELECT json_group_array(data ->> 'name' ORDER BY place) FROM panes
              WHERE conversation = conversations.id AND NOT removed) AS panes,
           (SELECT count(*) FROM messages WHERE conversation = conversations.id) AS messages,
           (SELECT count(*) FROM votes WHERE conversation = conversations.id) AS votes
         FROM conversations WHERE ${where} ORDER BY updated_at DESC, id LIMIT ? OFFSET ?`,
      )
      .all(limit, offset);
    const total = this.#database
      .prepare<[], number>(`SELECT count(*) FROM conversations WHERE ${where}`)
      .pluck()
      .get() as number;
    return {
      conversations: rows.map(row => ({
        id: row.id,
        title: row.title,
        createdAt: row.created_at,
        updatedAt: row.updated_at,
        deleted: row.deleted_at !== null,
        panes: JSON.parse(row.panes),
        messages: row.messages,
        votes: row.votes,
      })),
      total,
    };
  }

  get(id: string): ConversationData {
    const row = this.#row(id);
    const panes = this.#database
      .prepare<[string], PaneRow>('SELECT * FROM panes WHERE conversation = ? ORDER BY place')
      .all(id);
    const messages = this.#database
      .prepare<[string], MessageRow>('SELECT * FROM messages WHERE conversation = ? ORDER BY seq')
      .all(id);
    const personas = this.#database
      .prepare<[string], { hash: string; persona: string }>(
        `SELECT * FROM message_personas
         WHERE hash IN (SELECT persona FROM messages WHERE conversation = ?)`,
      )
      .all(id);
    const votes = this.#database
      .prepare<[string], string>('SELECT vote FROM votes WHERE conversation = ? ORDER BY turn, rater')
      .pluck()
      .all(id);
    return conversationSchema.parse({
      ...JSON.parse(row.settings),
      id,
      title: row.title,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
      panes: panes.map(pane => ({
        ...JSON.parse(pane.data),
        id: pane.id,
        head: pane.head,
        removed: pane.removed === 1,
      })),
      messages: messages.map(({ created_at: createdAt, pictures, result, error, ...same }) => ({
        ...same,
        createdAt,
        pictures: JSON.parse(pictures),
        result: result && JSON.parse(result),
        error: error && JSON.parse(error),
      })),
      personas: Object.fromEntries(personas.map(({ hash, persona }) => [hash, JSON.parse(persona)])),
      votes: votes.map(vote => JSON.parse(vote)),
    });
  }

  save({ id, title, panes, ...settings }: z.output<typeof saveConversationInput>): void {
    this.#database.transaction(() => {
      const now = new Date().toISOString();
      this.#database
        .prepare(
          `INSERT INTO conversations (id, title, created_at, updated_at, settings)
           VALUES (:id, :title, :now, :now, :settings)
           ON CONFLICT (id) DO UPDATE SET settings = :settings,
             title = CASE WHEN :title = '' THEN title ELSE :title END`,
        )
        .run({ id, title, now, settings: JSON.stringify(settings) });
      const put = this.#database.prepare(
        `INSERT INTO panes (id, conversation, place, data, removed)
         VALUES (:pane, :id, :place, :data, :removed)
         ON CONFLICT (id) DO UPDATE SET place = :place, data = :data, removed = :removed
         WHERE conversation = :id`,
      );
      for (const [place, { id: pane, removed, ...data }] of panes.entries()) {
        const { changes } = put.run({
          id,
          pane,
          place,
          data: JSON.stringify(data),
          removed: removed ? 1 : 0,
        });
        if (changes === 0)
          throw new StudioError('bad_input', `The pane ${pane} belongs to another conversation.`, {
            field: 'panes',
          });
      }
    })();
  }

  add({ conversation, messages }: z.input<typeof addMessagesInput>): void {
    this.#database.transaction(() => {
      for (const message of messages) this.#insert({ ...message, conversation, state: 'done' });
      const question = messages.find(({ role }) => role === 'user');
      if (question)
        this.#database
          .prepare("UPDATE conversations SET title = ? WHERE id = ? AND title = ''")
          .run(titleOf(question.text), conversation);
    })();
  }

  /** Streams an answer into the tree; the tree has it also when nobody listens any more. */
  async *answer(input: z.output<typeof answerInput>, signal?: AbortSignal): AsyncGenerator<ChatEvent> {
    yield* pushed<ChatEvent, void>(async push => {
      const work = this.#write(input, push, signal);
      this.#active.add(work);
      await work.finally(() => this.#active.delete(work));
    });
  }

  async #write(
    { conversation, pane, id, parent, persona, instead }: z.output<typeof answerInput>,
    push: (event: ChatEvent) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const { turn, history } = this.#history(conversation, pane, parent);
    let text = '';
    let timer: NodeJS.Timeout | undefined;
    const write = this.#database.prepare('UPDATE messages SET text = ? WHERE id = ?');
    const { run, finished } = this.#chat.start(
      { persona, messages: history, conversation: pane },
      piece => {
        text += piece;
        timer ??= setTimeout(() => {
          timer = undefined;
          write.run(text, id);
        }, WRITE_EVERY);
        push({ type: 'token', text: piece });
      },
      signal,
    );
    // The run's work begins only after this turn of the event loop: its message is there before its first word.
    this.#database.transaction(() => {
      if (instead !== undefined) this.#forget(instead);
      this.#insert({
        ...{ id, conversation, pane, parent, turn, role: 'assistant', text, state: 'streaming' },
        ...{ persona: this.#persona(persona), seed: persona.sampling.seed, run },
      });
    })();
    const end = (state: StoredMessage['state'], result: object | null, error: object | null) => {
      clearTimeout(timer);
      this.#database
        .prepare('UPDATE messages SET text = ?, state = ?, result = ?, error = ? WHERE id = ?')
        .run(text, state, result && JSON.stringify(result), error && JSON.stringify(error), id);
    };
    try {
      const result = await finished;
      const { text: whole, run: _run, seed: _seed, ...facts } = result;
      text = whole;
      end(facts.stop === 'stopped' ? 'stopped' : 'done', facts, null);
      push({ type: 'done', result });
    } catch (error) {
      const { data } = toStudioError(error);
      end(data.code === 'cancelled' ? 'stopped' : 'failed', null, data);
      throw error;
    }
  }

  show(conversation: string, heads: { pane: string; head: string }[]): void {
    const put = this.#database.prepare(
      `UPDATE panes SET head = :head WHERE id = :pane AND conversation = :conversation
         AND EXISTS (SELECT 1 FROM messages WHERE id = :head AND pane = :pane)`,
    );
    this.#database.transaction(() => {
      for (const { pane, head } of heads)
        if (put.run({ conversation, pane, head }).changes === 0)
          throw new StudioError('not_found', `The pane ${pane} has no message ${head}.`, { field: 'heads' });
    })();
  }

  vote({ conversation, ...given }: Omit<Vote, 'at'> & { conversation: string }): Vote {
    const panes = given.answers.map(({ pane }) => pane);
    if (given.choice !== 'tie' && !panes.includes(given.choice))
      throw new StudioError('bad_input', 'The vote is for a pane that was not compared.', {
        field: 'choice',
        action: 'Vote for one of the panes in “answers”, or for “tie”.',
      });
    this.#row(conversation);
    const vote = { ...given, at: new Date().toISOString() };
    this.#database
      .prepare('INSERT OR REPLACE INTO votes (conversation, turn, rater, vote) VALUES (?, ?, ?, ?)')
      .run(conversation, vote.turn, vote.rater, JSON.stringify(vote));
    return vote;
  }

  /** Title of a conversation, or of the one that a pane belongs to with the pane's name; undefined where there is neither. */
  named(id: string): { title: string; pane: string | null } | undefined {
    return this.#database
      .prepare<{ id: string }, { title: string; pane: string | null }>(
        `SELECT title, NULL AS pane FROM conversations WHERE id = :id
         UNION SELECT title, panes.data ->> '$.name' FROM panes JOIN conversations ON conversations.id = panes.conversation
           WHERE panes.id = :id`,
      )
      .get({ id });
  }

  rename(id: string, title: string): void {
    this.#row(id);
    this.#database.prepare('UPDATE conversations SET title = ? WHERE id = ?').run(title, id);
  }

  delete(id: string): void {
    this.#row(id);
    this.#database
      .prepare('UPDATE conversations SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL')
      .run(new Date().toISOString(), id);
  }

  restore(id: string): void {
    this.#row(id);
    this.#database.prepare('UPDATE conversations SET deleted_at = NULL WHERE id = ?').run(id);
  }

  /** Best matches first. A question that went to several panes is one hit. */
  search(text: string, limit: number): SearchHit[] {
    const query = searchQuery(text);
    if (query === '') return [];
    const rows = this.#database
      .prepare<
        [string, number],
        Omit<SearchHit, 'snippet' | 'createdAt'> & { createdAt: string; snippet: string }
      >(
        `SELECT m.id, m.pane, m.turn, m.role, m.created_at AS createdAt, m.conversation, c.title,
           p.data ->> 'name' AS paneName,
           snippet(message_texts, 0, '${OPEN}', '${CLOSE}', '…', ${SNIPPET_WORDS}) AS snippet
         FROM message_texts
         JOIN messages m ON m.seq = message_texts.rowid
         JOIN conversations c ON c.id = m.conversation
         JOIN panes p ON p.id = m.pane
         WHERE message_texts MATCH ? AND c.deleted_at IS NULL
         ORDER BY rank, m.seq DESC LIMIT ?`,
      )
      // A question is there once for each of at most four panes.
      .all(query, limit * 4);
    const seen = new Set<string>();
    const hits = rows.filter(({ conversation, role, turn, id }) => {
      const key = role === 'user' ? `${conversation} ${turn}` : id;
      return !seen.has(key) && seen.add(key);
    });
    return hits.slice(0, limit).map(row => ({ ...row, snippet: pieces(row.snippet) }));
  }

  export(id: string, format: ConversationFormat): { name: string; type: string; text: string } {
    return exported(this.get(id), format, picture =>
      this.#pictures.has(picture.hash) ? this.#pictures.dataUrl(picture) : undefined,
    );
  }

  /** Waits until what streams is written. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#active);
  }

  #row(id: string): ConversationRow {
    const row = this.#database
      .prepare<[string], ConversationRow>('SELECT * FROM conversations WHERE id = ?')
      .get(id);
    if (!row)
      throw new StudioError('not_found', `There is no conversation ${id}.`, {
        field: 'id',
        action: 'Look it up in the list of conversations.',
      });
    return row;
  }

  /** The branch that ends with a question: what was said, without questions that got no word for an answer. */
  #history(conversation: string, pane: string, parent: string): { turn: number; history: Message[] } {
    const branch = this.#database
      .prepare<[string, string, string], Pick<MessageRow, 'role' | 'text' | 'turn' | 'pictures'>>(
        `WITH RECURSIVE branch (id, parent, role, text, turn, pictures, depth) AS (
           SELECT id, parent, role, text, turn, pictures, 0 FROM messages
             WHERE id = ? AND conversation = ? AND pane = ?
           UNION ALL
           SELECT m.id, m.parent, m.role, m.text, m.turn, m.pictures, depth + 1
             FROM messages m JOIN branch ON m.id = branch.parent
         ) SELECT role, text, turn, pictures FROM branch ORDER BY depth DESC`,
      )
      .all(parent, conversation, pane);
    const question = branch.at(-1);
    if (question?.role !== 'user')
      throw new StudioError('not_found', `The pane ${pane} has no question ${parent}.`, {
        field: 'parent',
        action: 'Open the conversation again.',
      });
    const history = branch.filter(({ role, text }, index) => {
      const next = branch[index + 1];
      if (role === 'assistant') return text !== '';
      return next === undefined || (next.role === 'assistant' && next.text !== '');
    });
    return {
      turn: question.turn,
      history: history.map(({ role, text, pictures }) => ({
        role,
        text,
        ...(pictures !== '[]' && { pictures: JSON.parse(pictures) }),
      })),
    };
  }

  /** An answer without a word that nothing follows. */
  #forget(id: string): void {
    this.#database
      .prepare(
        `DELETE FROM messages WHERE id = ? AND role = 'assistant' AND text = '' AND state <> 'streaming'
           AND NOT EXISTS (SELECT 1 FROM messages child WHERE child.parent = messages.id)`,
      )
      .run(id);
  }

  #persona(persona: Persona): string {
    const text = JSON.stringify(persona);
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 32);
    this.#database.prepare('INSERT OR IGNORE INTO message_personas VALUES (?, ?)').run(hash, text);
    return hash;
  }

  /** Adds a message to its pane's tree and puts it in view. */
  #insert(
    message: Pick<StoredMessage, 'id' | 'pane' | 'parent' | 'turn' | 'role' | 'text' | 'state'> & {
      conversation: string;
      pictures?: StoredMessage['pictures'];
      persona?: string;
      seed?: number;
      run?: string;
    },
  ): void {
    const { conversation, pane, parent } = message;
    const home = this.#database
      .prepare<[string, string], number>('SELECT 1 FROM panes WHERE id = ? AND conversation = ?')
      .get(pane, conversation);
    if (!home)
      throw new StudioError('not_found', `The conversation ${conversation} has no pane ${pane}.`, {
        field: 'pane',
        action: 'Open the conversation again.',
      });
    if (parent !== null) {
      const known = this.#database
        .prepare<[string, string], number>('SELECT 1 FROM messages WHERE id = ? AND pane = ?')
        .get(parent, pane);
      if (!known)
        throw new StudioError('not_found', `The pane ${pane} has no message ${parent}.`, {
          field: 'parent',
          action: 'Open the conversation again.',
        });
    }
    const now = new Date().toISOString();
    const { changes } = this.#database
      .prepare(
        `INSERT INTO messages
           (id, conversation, pane, parent, turn, role, text, pictures, state, created_at, persona, seed, run)
         VALUES
           (:id, :conversation, :pane, :parent, :turn, :role, :text, :pictures, :state, :now, :persona, :seed, :run)
         ON CONFLICT (id) DO NOTHING`,
      )
      .run({
        ...{ persona: null, seed: null, run: null, ...message, now },
        pictures: JSON.stringify(message.pictures ?? []),
      });
    if (changes === 0) return;
    this.#database.prepare('UPDATE panes SET head = ? WHERE id = ?').run(message.id, pane);
    this.#database.prepare('UPDATE conversations SET updated_at = ? WHERE id = ?').run(now, conversation);
  }
}

/** What people type as a query of FTS5: every word, "words in quotes" together, the last word as far as it is typed. */
export function searchQuery(text: string): string {
  const parts = [...text.matchAll(/"([^"]*)"?|([^\s"]+)/g)].map(([, quoted, word]) => ({
    words: (quoted ?? word ?? '').match(/[\p{L}\p{N}\p{M}]+/gu) ?? [],
    quoted: quoted !== undefined,
  }));
  const said = parts.filter(({ words }) => words.length > 0);
  return said
    .map(({ words, quoted }, index) => {
      const open = index === said.length - 1 && !quoted && !/\s$/.test(text);
      return `"${words.join(' ')}"${open ? '*' : ''}`;
    })
    .join(' ');
}

function pieces(snippet: string): SearchHit['snippet'] {
  return snippet
    .split(new RegExp(`${OPEN}|${CLOSE}`))
    .map((text, index) => ({ text, hit: index % 2 === 1 }))
    .filter(({ text }) => text !== '');
}
