import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Message, Persona } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { Conversation } from './conversation.svelte.ts';
import { Mix } from './mix.svelte.ts';

interface Call {
  persona: Persona;
  messages: Message[];
  conversation: string;
  signal: AbortSignal;
}

let calls: Call[];
let mix: Mix;
let conversation: Conversation;

/** A studio whose answers name the persona's extraversion and seed. */
function fakeConnection(): Connection {
  async function* answer({ persona }: Omit<Call, 'signal'>, signal: AbortSignal) {
    const text = `E${persona.recipe.weights.extraversion ?? 0} s${persona.sampling.seed}`;
    for (const letter of text) {
      await Promise.resolve();
      if (signal.aborted) throw new DOMException('aborted', 'AbortError');
      yield { type: 'token', text: letter };
    }
    yield { type: 'done', result: { text, tokens: text.length, seed: persona.sampling.seed, stop: 'end' } };
  }
  /** The tree as the studio keeps it, which builds the history from it. */
  const tree = new Map<string, { parent: string | null; role: 'user' | 'assistant'; text: string }>();
  const history = (id: string | null): Message[] => {
    const at = id === null ? undefined : tree.get(id);
    return at ? [...history(at.parent), { role: at.role, text: at.text }] : [];
  };
  type Asked = { id: string; parent: string; pane: string; persona: Persona };
  const client = {
    conversations: {
      save: async () => {},
      add: async ({ messages }: { messages: ({ id: string } & Message & { parent: string | null })[] }) => {
        for (const { id, ...message } of messages) tree.set(id, message);
      },
      answer: async ({ id, parent, pane, persona }: Asked, { signal }: { signal: AbortSignal }) => {
        const input = { persona, messages: history(parent), conversation: pane };
        calls.push({ ...input, signal });
        const text = `E${persona.recipe.weights.extraversion ?? 0} s${persona.sampling.seed}`;
        tree.set(id, { parent, role: 'assistant', text });
        return answer(input, signal);
      },
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
  const connection = fakeConnection();
  mix = new Mix(connection.client);
  mix.base = 'demo';
  conversation = new Conversation(connection, mix);
});

afterEach(() => {
  vi.useRealTimers();
});

it('asks both sides the same with the same seed, the base without any slider', async () => {
  mix.set('extraversion', 1.5);
  conversation.send('  Hello?  ');
  await settled();
  const [turn] = conversation.turns;
  expect([turn?.base.text, turn?.persona.text]).toEqual(['E0 s7', 'E1.5 s7']);
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
  conversation.again('persona');
  await settled();
  conversation.again('persona');
  await settled();
  expect(conversation.turns[0]?.persona.text).toBe('E0 s9');
  mix.temperature = 1;
  conversation.again('persona');
  await settled();
  expect(conversation.turns[0]?.persona.text).toBe('E0 s7');
});

it('follows the sliders with the last answer of the persona alone, and not when told not to', async () => {
  conversation.send('One');
  await settled();
  mix.set('extraversion', 0.5);
  mix.set('extraversion', 0.6);
  await settled();
  expect(conversation.turns[0]?.persona.text).toBe('E0.6 s7');
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
  expect(conversation.turns[0]?.base.state).toBe('stopped');
  expect(calls.every(call => call.signal.aborted)).toBe(true);
  conversation.send('Two');
  await settled();
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
  expect(conversation.turns.map(turn => turn.question)).toEqual(['One']);
});

it('sends nothing empty, and nothing while answers stream', () => {
  conversation.send('   ');
  expect(conversation.turns).toHaveLength(0);
  conversation.send('One');
  conversation.send('Two');
  expect(conversation.turns).toHaveLength(1);
});
