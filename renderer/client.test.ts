import { implement } from '@orpc/server';
import { RPCHandler } from '@orpc/server/message-port';
import { afterEach, expect, it, vi } from 'vitest';
import { contract } from '../electron/studio/contract.ts';
import { connect } from './client.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

it('speaks over a message port on the desktop, streams included, and says when the other end is gone', async () => {
  const os = implement(contract);
  const router = {
    language: {
      readout: os.language.readout.handler(({ input }) => ({
        words: input.text.split(' ').length,
        sentences: 1,
        categories: {},
        coverage: 0,
        wordsPerSentence: 2,
        longWords: 0,
        punctuation: {},
        composites: {},
        readability: null,
        sentiment: null,
        notes: [],
      })),
    },
    chat: {
      send: os.chat.send.handler(async function* () {
        yield { type: 'token' as const, text: 'Hi' };
      }),
    },
  };
  let far: MessagePort | undefined;
  vi.stubGlobal('location', { protocol: 'temperament:' });
  vi.stubGlobal('window', {
    postMessage: (message: unknown, _target: string, [port]: [MessagePort]) => {
      expect(message).toEqual({ type: 'temperament:connect' });
      far = port;
      new RPCHandler(router).upgrade(port);
      port.start();
    },
  });

  const connection = connect();
  const states: string[] = [];
  connection.onState(state => states.push(state));
  expect(connection.state).toBe('open');
  expect((await connection.client.language.readout({ text: 'two words' })).words).toBe(2);

  const persona = { recipe: { version: 1 as const, base: 'demo' } };
  const events = await connection.client.chat.send({ persona, messages: [{ role: 'user', text: 'Hello' }] });
  const first = await events.next();
  expect(first.value).toEqual({ type: 'token', text: 'Hi' });

  far?.close();
  await vi.waitFor(() => expect(states).toEqual(['closed']));
  await expect(connection.client.language.readout({ text: 'x' })).rejects.toThrow('not connected');
});
