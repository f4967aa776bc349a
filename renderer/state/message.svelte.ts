/** The messages of a conversation: one of them, an answer while it comes, and the tree that holds every branch. */
import type { Persona, Picture, StoredMessage, TextReadout } from '../../electron/studio/contract.ts';
import { type Problem, problemOf } from '../lib/errors.ts';

/** `waiting`: asked for, no word yet. */
export type MessageState = StoredMessage['state'] | 'waiting';

type Start = Pick<StoredMessage, 'id' | 'pane' | 'parent' | 'turn' | 'role'> &
  Partial<Pick<StoredMessage, 'text' | 'pictures' | 'result' | 'error' | 'run'>> & { state?: MessageState };

export class Message {
  readonly id: string;
  readonly pane: string;
  readonly parent: string | null;
  /** Number of the question that it belongs to, the same in every pane; 0: before the first question. */
  readonly turn: number;
  readonly role: StoredMessage['role'];
  /** What an answer is made with, its own seed included; null of what no model made. */
  readonly persona: Persona | null;
  /** What a question is asked about, beside its words. */
  readonly pictures: Picture[];
  text = $state('');
  state = $state<MessageState>('done');
  result = $state.raw<StoredMessage['result']>(null);
  /** Its entry in the log, once it is complete. */
  run = $state.raw<string | null>(null);
  problem = $state.raw<Problem | null>(null);
  readout = $state.raw<TextReadout | null>(null);
  running = $derived(this.state === 'waiting' || this.state === 'streaming');
  readonly #abort = new AbortController();

  constructor(from: Start, persona: Persona | null = null) {
    this.id = from.id;
    this.pane = from.pane;
    this.parent = from.parent;
    this.turn = from.turn;
    this.role = from.role;
    this.persona = persona;
    this.pictures = from.pictures ?? [];
    this.take(from);
  }

  /** Shows what the studio has kept of it. */
  take({
    text = '',
    state = 'done',
    result = null,
    error = null,
    run = null,
  }: Omit<Start, 'id' | 'pictures'>) {
    this.text = text;
    this.state = state;
    this.result = result;
    this.run = run;
    this.problem = error && state === 'failed' ? problemOf(error) : null;
  }

  /** Nothing would be lost with it. */
  get wordless() {
    return this.role === 'assistant' && this.text === '' && !this.running;
  }

  get signal() {
    return this.#abort.signal;
  }

  stop() {
    this.#abort.abort();
  }
}

/** Every message by what it follows: answers with one parent are alternatives, questions with one parent are branches. */
export class Tree {
  readonly #messages = new Map<string, Message>();
  readonly #children = new Map<string, Message[]>();
  /** The child that was last in view, by parent. */
  readonly #viewed = new Map<string, Message>();
  #version = $state(0);

  add(message: Message) {
    if (this.#messages.has(message.id)) return;
    this.#messages.set(message.id, message);
    const key = keyOf(message);
    this.#children.set(key, [...(this.#children.get(key) ?? []), message]);
    this.#version++;
  }

  remove(message: Message) {
    const key = keyOf(message);
    this.#messages.delete(message.id);
    this.#children.set(
      key,
      (this.#children.get(key) ?? []).filter(one => one !== message),
    );
    if (this.#viewed.get(key) === message) this.#viewed.delete(key);
    this.#version++;
  }

  get(id: string | null): Message | undefined {
    void this.#version;
    return id === null ? undefined : this.#messages.get(id);
  }

  get all(): Message[] {
    void this.#version;
    return [...this.#messages.values()];
  }

  /** The messages of its kind beside it and itself, oldest first. */
  alternatives({ role, ...message }: Pick<Message, 'pane' | 'parent' | 'role'>): Message[] {
    void this.#version;
    return (this.#children.get(keyOf(message)) ?? []).filter(other => other.role === role);
  }

  /** From the first message to this one. */
  branch(head: string | null): Message[] {
    const branch: Message[] = [];
    for (let at = this.get(head); at; at = this.get(at.parent)) branch.push(at);
    return branch.reverse();
  }

  /** Remembers the branch that ends here as the one in view. */
  view(head: Message) {
    for (const message of this.branch(head.id)) this.#viewed.set(keyOf(message), message);
  }

  /** Where the branch through it ends: the one that was last in view, else the newest. */
  end(message: Message): Message {
    void this.#version;
    const key = `${message.pane} ${message.id}`;
    const next = this.#viewed.get(key) ?? this.#children.get(key)?.at(-1);
    return next ? this.end(next) : message;
  }

  /** The largest number of a question. */
  get lastTurn(): number {
    return this.all.reduce((last, { turn }) => Math.max(last, turn), 0);
  }
}

const keyOf = ({ pane, parent }: Pick<Message, 'pane' | 'parent'>) => `${pane} ${parent ?? ''}`;
