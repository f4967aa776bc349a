import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { parse } from 'csv-parse/sync';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ChatResult, Message, PersonaInput } from '../contract.ts';
import { persona as personaSchema } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { openDatabase } from '../log/database.ts';
import type { Chat } from './chat.ts';
import { Conversations, searchQuery } from './conversations.ts';

/** A model whose words and end the test decides. */
class Spoken {
  asked: Message[][] = [];
  words: string[] = ['Fine', ', ', 'thanks.'];
  failure: StudioError | null = null;
  /** Resolves when the answer may end. */
  until: Promise<unknown> = Promise.resolve();

  start = (input: { messages: Message[] }, said: (text: string) => void) => {
    this.asked.push(input.messages);
    const finished = (async (): Promise<ChatResult> => {
      await Promise.resolve();
      for (const word of this.words) said(word);
      await this.until;
      if (this.failure) throw this.failure;
      const text = this.words.join('');
      return { text, tokens: 3, seed: 7, stop: 'end', firstTokenMs: 5, tokensPerSecond: 100, run: 'run' };
    })();
    finished.catch(() => {});
    return { run: 'run-1', finished };
  };
}

let home: string;
let database: Database.Database;
let spoken: Spoken;
let conversations: Conversations;
const CONVERSATION = 'conversation-1';
const [BASE, OTHER] = ['pane-base', 'pane-other'];
const persona = (more: Partial<PersonaInput> = {}) =>
  personaSchema.parse({ recipe: { version: 2, base: 'demo', weights: { extraversion: 1 } }, ...more });
const paneOf = (id: string, name: string) => ({
  id,
  name,
  colour: 0,
  source: 'own' as const,
  persona: persona(),
  removed: false,
});

const reopen = () => {
  database.close();
  database = openDatabase(home);
  conversations = new Conversations(database, spoken as unknown as Chat);
};

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'temperament-conversations-'));
  database = openDatabase(home);
  spoken = new Spoken();
  conversations = new Conversations(database, spoken as unknown as Chat);
  make(CONVERSATION, [BASE, OTHER]);
});
afterEach(() => {
  database.close();
  rmSync(home, { recursive: true, force: true });
});

function make(id: string, panes: string[]) {
  conversations.save({
    ...{ id, title: '', sameSeed: true, order: 'together', blind: null },
    panes: panes.map(pane => paneOf(pane, pane === BASE ? 'Base' : 'Other')),
  });
}

function question(id: string, text: string, turn: number, parent: string | null = null, pane = BASE) {
  conversations.add({
    conversation: CONVERSATION,
    messages: [{ id, pane, parent, turn, role: 'user', text }],
  });
}

async function answer(
  id: string,
  parent: string,
  more: { pane?: string; instead?: string; seed?: number } = {},
) {
  const { pane = BASE, instead, seed = 7 } = more;
  const said: string[] = [];
  const input = {
    conversation: CONVERSATION,
    pane,
    id,
    parent,
    instead,
    persona: persona({ sampling: { seed } }),
  };
  for await (const event of conversations.answer(input)) if (event.type === 'token') said.push(event.text);
  return said.join('');
}

const message = (id: string) => conversations.get(CONVERSATION).messages.find(each => each.id === id);
const head = (pane = BASE) => conversations.get(CONVERSATION).panes.find(({ id }) => id === pane)?.head;

describe('a conversation', () => {
  test('is there again after the studio was closed: title, panes, messages, what made each answer', async () => {
    question('question-1', 'How was\nyour week?', 1);
    expect(await answer('answer-01', 'question-1')).toBe('Fine, thanks.');
    reopen();
    const found = conversations.get(CONVERSATION);
    expect(found).toMatchObject({ title: 'How was your week?', sameSeed: true });
    expect(found.panes).toMatchObject([
      { name: 'Base', head: 'answer-01' },
      { name: 'Other', head: null },
    ]);
    const [, said] = found.messages;
    expect(said).toMatchObject({
      text: 'Fine, thanks.',
      state: 'done',
      run: 'run-1',
      seed: 7,
      parent: 'question-1',
    });
    expect(said?.result).toMatchObject({ firstTokenMs: 5, tokensPerSecond: 100 });
    expect(found.personas[said?.persona as string]?.recipe.weights).toEqual({ extraversion: 1 });
    expect(conversations.list({ limit: 10, offset: 0, deleted: false })).toMatchObject({
      total: 1,
      conversations: [{ id: CONVERSATION, panes: ['Base', 'Other'], messages: 2, votes: 0 }],
    });
  });

  test('keeps every alternative and branch, and gives the model the branch alone', async () => {
    question('question-1', 'One', 1);
    spoken.words = ['first'];
    await answer('answer-01', 'question-1');
    spoken.words = ['second'];
    await answer('answer-02', 'question-1', { seed: 8 });
    expect(head()).toBe('answer-02');
    question('question-2', 'Two', 2, 'answer-01');
    await answer('answer-03', 'question-2');
    question('question-3', 'One, edited', 3);
    await answer('answer-04', 'question-3');
    expect(spoken.asked.map(messages => messages.map(({ text }) => text))).toEqual([
      ['One'],
      ['One'],
      ['One', 'first', 'Two'],
      ['One, edited'],
    ]);
    expect(conversations.get(CONVERSATION).messages).toHaveLength(7);
    conversations.show(CONVERSATION, [{ pane: BASE, head: 'answer-03' }]);
    reopen();
    expect(head()).toBe('answer-03');
    expect(() => conversations.show(CONVERSATION, [{ pane: OTHER, head: 'answer-03' }])).toThrow(
      'no message',
    );
  });

  test('leaves a question without a word for an answer out of what the model is given', async () => {
    question('question-1', 'One', 1);
    spoken.words = [];
    await answer('answer-01', 'question-1');
    question('question-2', 'Two', 2, 'answer-01');
    await answer('answer-02', 'question-2');
    expect(spoken.asked.at(-1)?.map(({ text }) => text)).toEqual(['Two']);
  });

  test('forgets an answer without a word when another takes its place, and no other', async () => {
    question('question-1', 'One', 1);
    spoken.words = [];
    await answer('answer-01', 'question-1');
    spoken.words = ['word'];
    await answer('answer-02', 'question-1', { instead: 'answer-01' });
    await answer('answer-03', 'question-1', { instead: 'answer-02' });
    expect(message('answer-01')).toBeUndefined();
    expect(message('answer-02')?.text).toBe('word');
  });

  test('takes no message for another conversation’s pane, and no unknown parent', () => {
    make('conversation-2', ['pane-two']);
    const add = (pane: string, parent: string | null) =>
      conversations.add({
        conversation: CONVERSATION,
        messages: [{ id: 'question-9', pane, parent, turn: 1, role: 'user', text: 'x' }],
      });
    expect(() => add('pane-two', null)).toThrow('no pane');
    expect(() => add(BASE, 'nothing-there')).toThrow('no message');
    expect(() => make('conversation-2', [BASE])).toThrow('another conversation');
    expect(conversations.get(CONVERSATION).messages).toEqual([]);
  });
});

describe('what was streamed', () => {
  test('is on disk while it streams, and is kept as interrupted when the studio dies', async () => {
    question('question-1', 'One', 1);
    let release = () => {};
    spoken.until = new Promise<void>(resolve => (release = resolve));
    const streaming = answer('answer-01', 'question-1');
    await expect.poll(() => message('answer-01')?.text).toBe('Fine, thanks.');
    expect(message('answer-01')?.state).toBe('streaming');
    // A second connection to the same file is what the next start sees of a dead one.
    const second = openDatabase(home);
    new Conversations(second, spoken as unknown as Chat).tidy();
    expect(message('answer-01')).toMatchObject({ state: 'interrupted', text: 'Fine, thanks.' });
    second.close();
    release();
    await streaming;
  });

  test('is kept when the answer fails, with the error', async () => {
    question('question-1', 'One', 1);
    spoken.failure = new StudioError('worker_lost', 'The process has ended.', { action: 'Again.' });
    await expect(answer('answer-01', 'question-1')).rejects.toThrow('ended');
    expect(message('answer-01')).toMatchObject({
      text: 'Fine, thanks.',
      state: 'failed',
      error: { code: 'worker_lost', action: 'Again.' },
    });
  });

  test('is kept when nobody listens any more', async () => {
    question('question-1', 'One', 1);
    const events = conversations.answer({
      ...{ conversation: CONVERSATION, pane: BASE, id: 'answer-01', parent: 'question-1' },
      persona: persona(),
    });
    await events.next();
    await events.return(undefined);
    await conversations.close();
    expect(message('answer-01')).toMatchObject({ text: 'Fine, thanks.', state: 'done' });
  });
});

describe('deleting', () => {
  test('takes a conversation from list and search until it is restored, and for good after 30 days', async () => {
    question('question-1', 'Where is the lighthouse?', 1);
    await answer('answer-01', 'question-1');
    const names = (deleted: boolean) =>
      conversations.list({ limit: 10, offset: 0, deleted }).conversations.map(({ id }) => id);
    conversations.delete(CONVERSATION);
    expect([names(false), names(true)]).toEqual([[], [CONVERSATION]]);
    expect(conversations.search('lighthouse', 10)).toEqual([]);
    conversations.restore(CONVERSATION);
    expect(names(false)).toEqual([CONVERSATION]);
    expect(conversations.search('lighthouse', 10)).toHaveLength(1);

    conversations.delete(CONVERSATION);
    const inDays = (days: number) => new Date(Date.now() + days * 24 * 3600 * 1000);
    conversations.tidy(inDays(29));
    expect(names(true)).toEqual([CONVERSATION]);
    conversations.tidy(inDays(31));
    expect(names(true)).toEqual([]);
    expect(database.prepare('SELECT count(*) AS n FROM messages').get()).toEqual({ n: 0 });
    // The index has let go of them too: a broken one fails this check.
    database.exec("INSERT INTO message_texts (message_texts) VALUES ('integrity-check')");
  });

  test('and renaming name what is not there', () => {
    expect(() => conversations.delete('nothing-there')).toThrow('no conversation');
    expect(() => conversations.rename('nothing-there', 'x')).toThrow('no conversation');
    conversations.rename(CONVERSATION, 'Pilot');
    question('question-1', 'One', 1);
    expect(conversations.get(CONVERSATION).title).toBe('Pilot');
  });
});

describe('the search', () => {
  test('finds questions once and answers each, with the words marked', async () => {
    for (const pane of [BASE, OTHER]) {
      question(`question-${pane}`, 'Tell me about the Café by the harbour', 1, null, pane);
      spoken.words = [`The harbour is ${pane}`];
      await answer(`answer-${pane}`, `question-${pane}`, { pane });
    }
    const hits = conversations.search('harbour', 10);
    expect(hits.map(({ role }) => role).sort()).toEqual(['assistant', 'assistant', 'user']);
    expect(hits[0]?.snippet.filter(({ hit }) => hit).map(({ text }) => text)).toEqual(['harbour']);
    expect(conversations.search('cafe harb', 10)).toMatchObject([
      { role: 'user', title: expect.stringMatching('Café') },
    ]);
    expect(conversations.search('"by the harbour"', 10)).toHaveLength(1);
    expect(conversations.search('"harbour the"', 10)).toEqual([]);
    expect(conversations.search('harbour', 1)).toHaveLength(1);
  });

  test('takes whatever is typed', () => {
    for (const text of ['"', '*', 'a"b', 'NEAR(', 'a AND', '-x', 'col:x', "'", '""', '( OR )', '🙂'])
      expect(() => conversations.search(text, 10)).not.toThrow();
    expect(searchQuery('two wor')).toBe('"two" "wor"*');
    expect(searchQuery('two words ')).toBe('"two" "words"');
    expect(searchQuery('"in one" x')).toBe('"in one" "x"*');
  });
});

describe('votes', () => {
  const answers = [
    { pane: OTHER, message: 'answer-02' },
    { pane: BASE, message: 'answer-01' },
  ];

  test('are kept by turn and rater, the last one counts, and only what was compared can win', () => {
    const vote = (choice: string, rater = 'R1') =>
      conversations.vote({ conversation: CONVERSATION, turn: 1, rater, choice, answers, seed: 5 });
    vote(BASE);
    vote('tie');
    vote(OTHER, 'R2');
    expect(conversations.list({ limit: 1, offset: 0, deleted: false }).conversations[0]?.votes).toBe(2);
    expect(conversations.get(CONVERSATION).votes).toMatchObject([
      { rater: 'R1', choice: 'tie', seed: 5 },
      { rater: 'R2', choice: OTHER },
    ]);
    expect(() => vote('pane-none')).toThrow('not compared');
  });
});

describe('an export', () => {
  beforeEach(async () => {
    question('question-1', 'Do you like <tea>, "black"?\nOr not?', 1);
    spoken.words = ['=Yes & no'];
    await answer('answer-01', 'question-1');
    await answer('answer-02', 'question-1', { seed: 8 });
    question('question-o', 'Do you like <tea>, "black"?\nOr not?', 1, null, OTHER);
    await answer('answer-03', 'question-o', { pane: OTHER });
    const answers = [
      { pane: OTHER, message: 'answer-03' },
      { pane: BASE, message: 'answer-02' },
    ];
    conversations.vote({ conversation: CONVERSATION, turn: 1, rater: 'R1', choice: BASE, answers, seed: 5 });
  });
  const rows = (format: 'csv' | 'votes') =>
    parse(conversations.export(CONVERSATION, format).text, { columns: true, bom: true }) as Record<
      string,
      string
    >[];

  test('as CSV has a row for every message, alternatives too, and what made it', () => {
    const found = rows('csv');
    expect(found.map(row => [row.message, row.alternative, row.in_view])).toEqual([
      ['question-1', '1', '1'],
      ['answer-01', '1', '0'],
      ['answer-02', '2', '1'],
      ['question-o', '1', '1'],
      ['answer-03', '1', '1'],
    ]);
    expect(found[0]?.text).toBe('Do you like <tea>, "black"?\nOr not?');
    expect(found[2]).toMatchObject({
      ...{ text: '=Yes & no', extraversion: '1', openness: '0', seed: '8', model: 'demo', tokens: '3' },
      ...{ votes_best: '1', votes_tie: '0', live: 'exact', pane_name: 'Base', state: 'done', run: 'run-1' },
    });
    expect(found[4]?.votes_best).toBe('0');
  });

  test('of the votes has a row for each, with the order they were shown in', () => {
    expect(rows('votes')).toMatchObject([
      { turn: '1', rater: 'R1', best: 'Base', best_place: '2', shown: 'Other | Base', seed: '5' },
    ]);
  });

  test('as Markdown and HTML shows the branch in view, and text stays text', () => {
    const { name, text } = conversations.export(CONVERSATION, 'markdown');
    expect(name).toBe('do-you-like-tea-black-or-not.md');
    expect(text).toContain('**Base** (extraversion 1; seed 8');
    expect(text).not.toContain(
      'seed 7 · 3 tokens · 100.0 tokens/s · first after 5 ms)\n\n> =Yes & no\n\n**Base**',
    );
    expect(text).toContain('| Base | 1 | 1 |');
    const page = conversations.export(CONVERSATION, 'html').text;
    expect(page).toContain('Do you like &lt;tea&gt;, &quot;black&quot;?');
    expect(page).toContain('=Yes &amp; no');
    expect(page).not.toContain('<tea>');
    expect(page.match(/class="answer"/g)).toHaveLength(2);
  });

  test('as JSON is the whole conversation', () => {
    const { text } = conversations.export(CONVERSATION, 'json');
    expect(JSON.parse(text)).toEqual({
      format: 'temperament.conversation',
      version: 1,
      ...conversations.get(CONVERSATION),
    });
  });
});
