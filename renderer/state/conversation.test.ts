import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Message, Persona } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Cell, Conversation, type Turn } from './conversation.svelte.ts';
import type { Message as Kept } from './message.svelte.ts';
import { Mix } from './mix.svelte.ts';
import type { Pane } from './pane.svelte.ts';

interface Call {
  persona: Persona;
  messages: Message[];
  conversation: string;
  signal: AbortSignal;
}

let calls: Call[];
let mix: Mix;
let conversation: Conversation;
/** When answers began and ended. */
const spans: string[] = [];

/** A studio whose answers name the persona's extraversion and seed. */
function fakeConnection(): Connection {
  async function* answer({ persona }: Omit<Call, 'signal'>, signal: AbortSignal) {
    const text = `E${persona.recipe.weights.extraversion ?? 0} s${persona.sampling.seed}`;
    spans.push('begin');
    for (const letter of text) {
      await Promise.resolve();
      if (signal.aborted) throw new DOMException('aborted', 'AbortError');
      yield { type: 'token', text: letter };
    }
    spans.push('end');
    yield { type: 'done', result: { text, tokens: text.length, seed: persona.sampling.seed, stop: 'end' } };
  }
  /** The tree as the studio keeps it, which builds the history from it. */
  const tree = new Map<string, { parent: string | null; role: 'user' | 'assistant'; text: string }>();
  const history = (id: string | null): Message[] => {
    const at = id === null ? undefined : tree.get(id);
    if (!at) return [];
    const { role, text, parent } = at;
    const before = history(parent);
    // A question without a word for an answer is left out.
    const answered = before.at(-1)?.role !== 'user' || role === 'assistant';
    return [...(answered ? before : before.slice(0, -1)), { role, text }];
  };
  type Asked = { id: string; parent: string; pane: string; persona: Persona };
  const client = {
    conversations: {
      save: async () => {},
      add: async ({ messages }: { messages: ({ id: string } & Message & { parent: string | null })[] }) => {
        for (const { id, ...message } of messages) {
          if (message.parent !== null && !tree.has(message.parent)) throw new Error('No such message.');
          tree.set(id, message);
        }
      },
      answer: async ({ id, parent, pane, persona }: Asked, { signal }: { signal: AbortSignal }) => {
        const input = { persona, messages: history(parent), conversation: pane };
        calls.push({ ...input, signal });
        const text = `E${persona.recipe.weights.extraversion ?? 0} s${persona.sampling.seed}`;
        if (!signal.aborted) tree.set(id, { parent, role: 'assistant', text });
        return answer(input, signal);
      },
      show: async () => {},
      vote: async (vote: object) => ({ ...vote, at: '' }),
    },
    mixing: { check: async () => [] },
    language: { readout: async () => ({ words: 1, sentences: 1, categories: {}, coverage: 0 }) },
  };
  return { client, state: 'open', onState: () => () => {} } as unknown as Connection;
}

const settled = () => vi.advanceTimersByTimeAsync(1000);

beforeEach(() => {
  vi.useFakeTimers();
  calls = [];
  spans.length = 0;
  const connection = fakeConnection();
  mix = new Mix(connection.client);
  mix.base = 'demo';
  conversation = new Conversation(connection, mix);
});

afterEach(() => {
  vi.useRealTimers();
});

const SIDES = ['base', 'persona'] as const;
/** A pane's part of a turn, both counted from 0. */
const cell = (side: (typeof SIDES)[number], turn = conversation.turns.length - 1) =>
  conversation.turns[turn]?.cells[SIDES.indexOf(side)] as Cell;
const text = (side: (typeof SIDES)[number], turn?: number) => cell(side, turn).answer?.text;
const asked = () => conversation.turns.map(turn => turn.question);

it('asks both sides the same with the same seed, the base without any slider', async () => {
  mix.set('extraversion', 1.5);
  conversation.send('  Hello?  ');
  await settled();
  expect([text('base'), text('persona')]).toEqual(['E0 s7', 'E1.5 s7']);
  expect(calls.map(call => call.messages)).toEqual([
    [{ role: 'user', text: 'Hello?' }],
    [{ role: 'user', text: 'Hello?' }],
  ]);
  expect(calls[0]?.conversation).not.toBe(calls[1]?.conversation);
});

it('gives each side its own history', async () => {
  mix.set('extraversion', 1);
  conversation.send('One');
  await settled();
  conversation.send('Two');
  await settled();
  expect(calls[3]?.messages).toEqual([
    { role: 'user', text: 'One' },
    { role: 'assistant', text: 'E1 s7' },
    { role: 'user', text: 'Two' },
  ]);
  expect(calls[2]?.messages[1]?.text).toBe('E0 s7');
});

it('takes a further seed for each answer again, and the set seed once something has changed', async () => {
  conversation.send('One');
  await settled();
  conversation.again(cell('persona'));
  await settled();
  conversation.again(cell('persona'));
  await settled();
  expect(text('persona')).toBe('E0 s9');
  mix.temperature = 1;
  conversation.again(cell('persona'));
  await settled();
  expect(text('persona')).toBe('E0 s7');
});

it('keeps every take, and goes on from the one in view', async () => {
  conversation.send('One');
  await settled();
  conversation.again(cell('base'));
  await settled();
  const takes = conversation.alternatives(cell('base').answer as Kept);
  expect(takes.map(take => take.text)).toEqual(['E0 s7', 'E0 s8']);
  conversation.choose(takes[0] as Kept);
  expect(text('base')).toBe('E0 s7');
  conversation.send('Two');
  await settled();
  expect(calls.at(-2)?.messages[1]?.text).toBe('E0 s7');
  // The branch of the other take ends with it; back on the first, its second turn is there again.
  conversation.choose(takes[1] as Kept);
  expect(cell('base', 1).answer).toBeNull();
  conversation.choose(takes[0] as Kept);
  expect(cell('base', 1).answer?.text).toBe('E0 s7');
});

it('asks an edited question beside the old one in every pane, and finds the way back', async () => {
  conversation.send('One');
  await settled();
  conversation.send('Two');
  await settled();
  conversation.edit(conversation.turns[0] as Turn, 'One, edited');
  await settled();
  expect(asked()).toEqual(['One, edited']);
  expect(calls.slice(-2).map(call => call.messages)).toEqual(
    [0, 1].map(() => [{ role: 'user', text: 'One, edited' }]),
  );
  const turn = conversation.turns[0] as Turn;
  expect(conversation.wordings(turn)).toEqual([1, 3]);
  conversation.chooseWording(turn, 1);
  expect(asked()).toEqual(['One', 'Two']);
});

it('follows the sliders with the last answer of the persona alone, and not when told not to', async () => {
  conversation.send('One');
  await settled();
  mix.set('extraversion', 0.5);
  mix.set('extraversion', 0.6);
  await settled();
  expect(text('persona')).toBe('E0.6 s7');
  expect(calls).toHaveLength(3);
  conversation.follow = false;
  mix.set('extraversion', 2);
  await settled();
  expect(calls).toHaveLength(3);
});

it('stops both sides, keeps what was said, and leaves unsaid answers out of the history', async () => {
  conversation.send('One');
  conversation.stop();
  await settled();
  expect(cell('base').answer?.state).toBe('stopped');
  conversation.send('Two');
  await settled();
  expect(asked()).toEqual(['One', 'Two']);
  expect(cell('base', 0).answer?.state).toBe('stopped');
  expect(calls.at(-1)?.messages).toEqual([{ role: 'user', text: 'Two' }]);
});

it('clears, starts a new conversation in the log, and brings the old one back', async () => {
  conversation.send('One');
  await settled();
  const back = conversation.clear();
  expect(conversation.turns).toEqual([]);
  conversation.send('Two');
  await settled();
  expect(calls[2]?.conversation).not.toBe(calls[0]?.conversation);
  back();
  expect(asked()).toEqual(['One']);
});

it('sends nothing empty, and nothing while answers stream', () => {
  conversation.send('   ');
  expect(conversation.turns).toHaveLength(0);
  conversation.send('One');
  conversation.send('Two');
  expect(conversation.turns).toHaveLength(1);
});

it('has up to four panes, asks one alone, and takes one out of view with a way back', async () => {
  conversation.addPane({ source: 'own', name: 'Base', persona: mix.persona() });
  conversation.addPane({ source: 'sliders' });
  expect(conversation.addPane({ source: 'base' })).toBeNull();
  expect(conversation.shown.map(({ name }) => name)).toEqual(['Base', 'Persona', 'Base 2', 'Persona 2']);
  expect(conversation.shown.map(({ colour }) => colour)).toEqual([0, 1, 2, 3]);
  mix.set('extraversion', 1);
  conversation.target = conversation.shown[2]?.id ?? null;
  conversation.send('One');
  await settled();
  // A persona of its own does not follow the sliders.
  expect(conversation.turns[0]?.cells.map(({ answer }) => answer?.text)).toEqual([
    ...[undefined, undefined, 'E0 s7', undefined],
  ]);
  const back = conversation.removePane(conversation.shown[2] as Pane);
  expect(conversation.turns).toEqual([]);
  expect(conversation.target).toBeNull();
  back?.();
  expect(conversation.turns).toHaveLength(1);
});

it('answers in turn where times are to be clean', async () => {
  conversation.order = 'turn';
  conversation.send('One');
  await vi.advanceTimersByTimeAsync(0);
  expect(cell('persona').answer?.state).toBe('done');
  expect(spans).toEqual(['begin', 'end', 'begin', 'end']);
  spans.length = 0;
  conversation.order = 'together';
  conversation.send('Two');
  await settled();
  expect(spans).toEqual(['begin', 'begin', 'end', 'end']);
});

it('opens a role-play with its first words, which the model is given too', async () => {
  const [base] = conversation.shown as [Pane];
  base.play('Mara', { character: '', scenario: '', firstMessage: 'Ahoy, {{user}}!' });
  conversation.send('Hello');
  await settled();
  expect(conversation.turns.map(({ turn }) => turn)).toEqual([0, 1]);
  expect(text('base', 0)).toBe('Ahoy, User!');
  expect(calls[0]?.messages).toEqual([
    { role: 'assistant', text: 'Ahoy, User!' },
    { role: 'user', text: 'Hello' },
  ]);
});

it('in a blind study hides names, keeps panes and sliders still, and replaces a rater’s vote', async () => {
  conversation.beginBlind(' R1 ');
  expect(conversation.shown.map(pane => conversation.labelOf(pane))).toEqual(['A', 'B']);
  expect(conversation.addPane({ source: 'base' })).toBeNull();
  conversation.send('One');
  await settled();
  mix.set('extraversion', 1);
  await settled();
  expect(calls).toHaveLength(2);
  const turn = conversation.turns[0] as Turn;
  await conversation.vote(turn, 'tie');
  await conversation.vote(turn, conversation.shown[0]?.id as string);
  expect(conversation.votes).toMatchObject([{ rater: 'R1', turn: 1, choice: conversation.shown[0]?.id }]);
  conversation.reveal();
  expect(await conversation.vote(turn, 'tie')).toBe(false);
  expect(conversation.shown.map(pane => conversation.labelOf(pane)).sort()).toEqual(['Base', 'Persona']);
});
