/** One turn of a conversation: a persona's answer, streamed and logged. */
import type { z } from 'zod';
import type { ChatResult, chatEvent, chatInput } from '../contract.ts';
import { StudioError } from '../errors.ts';
import type { Inference } from '../inference.ts';
import type { Runs } from '../log/runs.ts';
import type { Mixing } from '../mixing/mixing.ts';
import { pushed } from '../stream.ts';
import { systemPrompt } from './roleplay.ts';

export type ChatEvent = z.output<typeof chatEvent>;
type ChatInput = z.output<typeof chatInput>;

export class Chat {
  readonly #mixing: Mixing;
  readonly #inference: Inference;
  readonly #runs: Runs;

  constructor(mixing: Mixing, inference: Inference, runs: Runs) {
    this.#mixing = mixing;
    this.#inference = inference;
    this.#runs = runs;
  }

  /** Streams the answer to the last message. When `signal` aborts, what was said until then is the logged result. */
  async *send(input: ChatInput, signal?: AbortSignal): AsyncGenerator<ChatEvent> {
    yield* pushed<ChatEvent, void>(async push => {
      const { finished } = this.start(input, text => push({ type: 'token', text }), signal);
      push({ type: 'done', result: await finished });
    });
  }

  /** Begins an answer as a run. `said` is told each piece of it; the result comes also when it was stopped. */
  start(
    input: ChatInput,
    said: (text: string) => void,
    signal?: AbortSignal,
  ): { run: string; finished: Promise<ChatResult> } {
    const { persona, messages } = input;
    const question = messages.at(-1);
    if (question?.role !== 'user')
      throw new StudioError('bad_input', 'The last message is not the user’s.', {
        field: 'messages',
        action: 'Ask something.',
      });
    const system = systemPrompt(
      persona,
      messages.map(({ text }) => text),
    );
    const turns = [
      ...(system ? [{ role: 'system' as const, content: system }] : []),
      ...messages.map(({ role, text, pictures }) => ({ role, content: text, pictures })),
    ];
    const run = this.#runs.start(
      'chat',
      title(question.text),
      input,
      async task => {
        const mix = await this.#mixing.live(persona.recipe, task);
        const began = performance.now();
        let text = '';
        let pieces = 0;
        let first = 0;
        const result = (end: Omit<ChatResult, 'run' | 'text' | 'seed'>) => ({
          text,
          seed: persona.sampling.seed,
          ...end,
        });
        const events = this.#inference.generate({ mix, turns, sampling: persona.sampling }, task.signal);
        try {
          for await (const event of events) {
            if (event.type === 'done') {
              const { type: _, ...end } = event;
              return result(end);
            }
            first ||= performance.now() - began;
            pieces++;
            text += event.text;
            said(event.text);
          }
        } catch (error) {
          if (!task.signal.aborted) throw error;
        }
        const seconds = (performance.now() - began - first) / 1000;
        return result({
          tokens: pieces,
          stop: 'stopped',
          firstTokenMs: first,
          tokensPerSecond: pieces > 1 ? (pieces - 1) / seconds : 0,
        });
      },
      signal,
    );
    return { run: run.id, finished: run.finished.then(result => ({ ...result, run: run.id })) };
  }
}

/** The first line of a text, cut to what a list has room for. */
export function title(question: string): string {
  const line = question.replace(/\s+/g, ' ').trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
