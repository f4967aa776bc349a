/**
 * One conversation with two sides: each question goes to the base and to the persona, each with its own history. The
 * studio keeps every word of it as it comes; what is here is what is in view.
 */
import type {
  ChatResult,
  ConversationData,
  Persona,
  StoredMessage,
  TextReadout,
} from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';
import { newId } from '../lib/id.ts';
import { type Mix, sameSettings, sameWeights } from './mix.svelte.ts';

export const SIDES = ['base', 'persona'] as const;
export type Side = (typeof SIDES)[number];

/** `waiting`: asked, no token yet. `stopped`: by the user, with what had been said. */
export type AnswerState = 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed';

export class Answer {
  readonly id: string;
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

  constructor(asked: Persona, take = 0, id = newId()) {
    this.id = id;
    this.asked = asked;
    this.take = take;
    const seed = (asked.sampling.seed + take) % 2 ** 32;
    this.persona = { ...asked, sampling: { ...asked.sampling, seed } };
  }

  /** As it was kept. */
  static kept({ id, text, state, result, run, seed }: StoredMessage, persona: Persona): Answer {
    const answer = new Answer(persona, 0, id);
    answer.text = text;
    answer.state = state === 'done' && result ? 'done' : 'stopped';
    if (result) answer.result = { ...result, text, run: run ?? '', seed: seed ?? persona.sampling.seed };
    return answer;
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
  /** Ids of the question, which every side's tree has for itself. */
  readonly questions: Record<Side, string>;
  /** That the questions are kept; none yet, or it failed and is tried again with the next answer. */
  kept: Promise<void> | null = null;
  base = $state.raw() as Answer;
  persona = $state.raw() as Answer;

  constructor(
    question: string,
    base: Answer,
    persona: Answer,
    questions: Record<Side, string> = { base: newId(), persona: newId() },
  ) {
    this.question = question;
    this.questions = questions;
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
  #ids = newIds();
  /** That the studio knows the conversation. */
  #kept: Promise<void> | null = null;

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

  get id(): string {
    return this.#ids.conversation;
  }

  /** Empties both panes for a new conversation and returns the way back; the old one stays kept. */
  clear(): () => void {
    this.stop();
    const before = { turns: this.turns, ids: this.#ids, kept: this.#kept };
    this.turns = [];
    this.#ids = newIds();
    this.#kept = null;
    return () => {
      this.stop();
      this.turns = before.turns;
      this.#ids = before.ids;
      this.#kept = before.kept;
    };
  }

  /** Puts a kept conversation in view and returns the way back. */
  open(data: ConversationData): () => void {
    const back = this.clear();
    const base = data.panes.find(({ source }) => source === 'base') ?? data.panes[0];
    const persona = data.panes.find(pane => pane !== base) ?? base;
    if (!base || !persona) return back;
    this.#ids = { conversation: data.id, base: base.id, persona: persona.id };
    this.#kept = Promise.resolve();
    const sides = { base: branch(data, base.head), persona: branch(data, persona.head) };
    this.turns = [...new Set([...sides.base.keys(), ...sides.persona.keys()])]
      .sort((a, b) => a - b)
      .map(number => {
        const [one, two] = [sides.base.get(number), sides.persona.get(number)];
        const answer = (found: Exchange | undefined, otherwise: Persona) =>
          found?.answer
            ? Answer.kept(found.answer, data.personas[found.answer.persona ?? ''] ?? otherwise)
            : unanswered(otherwise);
        const question = one?.question ?? two?.question;
        const turn = new Turn(question?.text ?? '', answer(one, base.persona), answer(two, persona.persona), {
          base: one?.question?.id ?? newId(),
          persona: two?.question?.id ?? newId(),
        });
        turn.kept = Promise.resolve();
        return turn;
      });
    for (const turn of this.turns) for (const side of SIDES) void this.#count(turn[side]);
    return back;
  }

  #present(side: Side): Persona {
    return side === 'base' ? this.#mix.basePersona() : this.#mix.persona();
  }

  #followSliders() {
    const turn = this.turns.at(-1);
    if (!this.follow || !turn || this.#connection.state !== 'open') return;
    if (!sameWeights(this.#mix.persona(), turn.persona.asked)) this.again('persona');
  }

  /** Makes the studio keep the turn's questions, and before the first one the conversation. */
  #keep(turn: Turn): Promise<void> {
    const { conversations } = this.#connection.client;
    const ids = this.#ids;
    this.#kept ??= conversations
      .save({
        id: ids.conversation,
        title: '',
        panes: [
          { id: ids.base, name: 'Base', colour: 0, source: 'base', persona: turn.base.persona },
          { id: ids.persona, name: 'Persona', colour: 1, source: 'sliders', persona: turn.persona.persona },
        ],
      })
      .catch(error => {
        this.#kept = null;
        throw error;
      });
    turn.kept ??= this.#kept
      .then(() =>
        conversations.add({
          conversation: ids.conversation,
          messages: SIDES.map(side => ({
            id: turn.questions[side],
            pane: ids[side],
            parent: this.#before(turn, side),
            turn: this.turns.indexOf(turn) + 1,
            role: 'user' as const,
            text: turn.question,
          })),
        }),
      )
      .catch(error => {
        turn.kept = null;
        throw error;
      });
    return turn.kept;
  }

  /** The answer that the turn follows on this side; turns it did not answer are left out. */
  #before(turn: Turn, side: Side): string | null {
    const before = this.turns.slice(0, this.turns.indexOf(turn));
    return before.findLast(past => past[side].text !== '')?.[side].id ?? null;
  }

  async #run(turn: Turn, side: Side) {
    const answer = turn[side];
    const { client } = this.#connection;
    const input = {
      conversation: this.#ids.conversation,
      pane: this.#ids[side],
      id: answer.id,
      parent: turn.questions[side],
      persona: answer.persona,
    };
    try {
      await this.#keep(turn);
      for await (const event of await client.conversations.answer(input, { signal: answer.signal })) {
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

const newIds = () => ({ conversation: newId(), base: newId(), persona: newId() });

interface Exchange {
  question?: StoredMessage;
  answer?: StoredMessage;
}

/** The exchanges that end with `head`, by the number of their question. */
function branch({ messages }: ConversationData, head: string | null): Map<number, Exchange> {
  const byId = new Map(messages.map(message => [message.id, message]));
  const found = new Map<number, Exchange>();
  for (let at = head; at !== null; ) {
    const message = byId.get(at);
    if (!message) break;
    const exchange = found.get(message.turn) ?? {};
    exchange[message.role === 'user' ? 'question' : 'answer'] = message;
    found.set(message.turn, exchange);
    at = message.parent;
  }
  return found;
}

function unanswered(persona: Persona): Answer {
  const answer = new Answer(persona);
  answer.state = 'stopped';
  return answer;
}
