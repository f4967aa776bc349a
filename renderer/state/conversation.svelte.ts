/** One conversation with two sides: each question goes to the base and to the persona, each with its own history. */
import type { ChatResult, Message, Persona, TextReadout } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';
import { newId } from '../lib/id.ts';
import { type Mix, sameSettings, sameWeights } from './mix.svelte.ts';

export const SIDES = ['base', 'persona'] as const;
export type Side = (typeof SIDES)[number];

/** `waiting`: asked, no token yet. `stopped`: by the user, with what had been said. */
export type AnswerState = 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';

export class Answer {
  text = $state('');
  state = $state<AnswerState>('waiting');
  problem = $state.raw<Problem | null>(null);
  result = $state.raw<ChatResult | null>(null);
  readout = $state.raw<TextReadout | null>(null);
  running = $derived(this.state === 'waiting' || this.state === 'streaming');
  readonly #abort = new AbortController();

  /** The settings it was asked for with. */
  readonly asked: Persona;
  /** 0 answers with the seed asked for, each further take with the next one. */
  readonly take: number;
  /** What it is made with: as asked for, with the seed of this take. */
  readonly persona: Persona;

  constructor(asked: Persona, take = 0) {
    this.asked = asked;
    this.take = take;
    const seed = (asked.sampling.seed + take) % 2 ** 32;
    this.persona = { ...asked, sampling: { ...asked.sampling, seed } };
  }

  get signal() {
    return this.#abort.signal;
  }

  stop() {
    this.#abort.abort();
  }
}

export class Turn {
  readonly id = newId();
  readonly question: string;
  base = $state.raw() as Answer;
  persona = $state.raw() as Answer;

  constructor(question: string, base: Answer, persona: Answer) {
    this.question = question;
    this.base = base;
    this.persona = persona;
  }

  get running() {
    return this.base.running || this.persona.running;
  }
}

export class Conversation {
  turns = $state.raw<Turn[]>([]);
  draft = $state('');
  /** Answer the last question again when the sliders have moved. */
  follow = $state(true);
  running = $derived(this.turns.some(turn => turn.running));
  #ids = conversationIds();

  readonly #connection: Connection;
  readonly #mix: Mix;

  constructor(connection: Connection, mix: Mix) {
    this.#connection = connection;
    this.#mix = mix;
    mix.onSettled(() => this.#followSliders());
  }

  send(question: string) {
    const text = question.trim();
    if (text === '' || this.running || this.#mix.base === '') return;
    const turn = new Turn(text, new Answer(this.#mix.basePersona()), new Answer(this.#mix.persona()));
    this.turns = [...this.turns, turn];
    this.draft = '';
    for (const side of SIDES) void this.#run(turn, side);
  }

  stop() {
    for (const turn of this.turns) for (const side of SIDES) turn[side].stop();
  }

  /** Answers the last question again: with the present settings, or with the next seed when they are the same. */
  again(side: Side) {
    const turn = this.turns.at(-1);
    if (!turn || this.#mix.base === '') return;
    const last = turn[side];
    last.stop();
    const now = this.#present(side);
    const another = last.state === 'done' && sameSettings(now, last.asked);
    turn[side] = new Answer(now, another ? last.take + 1 : 0);
    void this.#run(turn, side);
  }

  /** Empties both panes and returns the way back. */
  clear(): () => void {
    this.stop();
    const before = this.turns;
    const ids = this.#ids;
    this.turns = [];
    this.#ids = conversationIds();
    return () => {
      this.stop();
      this.turns = before;
      this.#ids = ids;
    };
  }

  #present(side: Side): Persona {
    return side === 'base' ? this.#mix.basePersona() : this.#mix.persona();
  }

  #followSliders() {
    const turn = this.turns.at(-1);
    if (!this.follow || !turn || this.#connection.state !== 'open') return;
    if (!sameWeights(this.#mix.persona(), turn.persona.asked)) this.again('persona');
  }

  /** What this side has said and heard before `turn`, and the question; turns it did not answer are left out. */
  #history(turn: Turn, side: Side): Message[] {
    const before = this.turns.slice(0, this.turns.indexOf(turn)).filter(past => past[side].text !== '');
    return [
      ...before.flatMap(past => [
        { role: 'user' as const, text: past.question },
        { role: 'assistant' as const, text: past[side].text },
      ]),
      { role: 'user', text: turn.question },
    ];
  }

  async #run(turn: Turn, side: Side) {
    const answer = turn[side];
    const input = {
      persona: answer.persona,
      messages: this.#history(turn, side),
      conversation: this.#ids[side],
    };
    try {
      for await (const event of await this.#connection.client.chat.send(input, { signal: answer.signal })) {
        if (answer.signal.aborted) break;
        if (event.type === 'token') {
          answer.state = 'streaming';
          answer.text += event.text;
        } else {
          answer.result = event.result;
          answer.text = event.result.text;
          answer.state = event.result.stop === 'stopped' ? 'stopped' : 'done';
        }
      }
      if (answer.running) answer.state = 'stopped';
    } catch (error) {
      if (answer.signal.aborted) answer.state = 'stopped';
      else {
        answer.problem = toProblem(error);
        answer.state = 'failed';
      }
    }
    await this.#count(answer);
  }

  /** The word count is an extra: without it the answer stands. */
  async #count(answer: Answer) {
    if (answer.text.trim() === '' || answer.state === 'failed') return;
    try {
      answer.readout = await this.#connection.client.language.readout({ text: answer.text });
    } catch {
      answer.readout = null;
    }
  }
}

const conversationIds = (): Record<Side, string> => ({ base: newId(), persona: newId() });
