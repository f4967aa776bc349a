/**
 * The conversation in view: up to four panes, each with its own tree of messages. The studio keeps every word of it as it
 * comes; what is here is what is shown.
 */
import { z } from 'zod';
import {
  type BlindStudy,
  type ConversationData,
  firstMessage,
  MAX_PANES,
  MAX_PICTURES,
  type Persona,
  type Picture,
  pane as paneSchema,
  persona as personaSchema,
  USER,
  type Vote,
} from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, Refusal, toProblem } from '../lib/errors.ts';
import { newId, newSeed } from '../lib/id.ts';
import { shuffled } from '../lib/shuffle.ts';
import { recall, remember } from '../lib/storage.ts';
import { t } from '../lib/strings.ts';
import { Message, Tree } from './message.svelte.ts';
import { type Mix, sameMix, sameSettings, sameWeights } from './mix.svelte.ts';
import { Pane } from './pane.svelte.ts';
import type { PictureFiles } from './pictureFiles.ts';

/** What one pane has of a turn. */
export interface Cell {
  pane: Pane;
  question: Message | null;
  answer: Message | null;
}

/** One question with the answers of the panes in view; turn 0 holds the first messages of role-plays. */
export interface Turn {
  turn: number;
  question: string;
  pictures: Picture[];
  cells: Cell[];
}

/** Whom a new pane asks: as the present sliders, as the base, or a persona of its own. */
export type NewPane = { source: 'sliders' | 'base' } | { source: 'own'; name: string; persona: Persona };

/** Milliseconds between two looks at an answer that another page asked for. */
const LOOK_EVERY = 1000;
/** The panes that a new conversation begins with. */
const LAYOUT = 'panes';
const layout = z
  .array(paneSchema.omit({ head: true, removed: true, id: true }))
  .min(1)
  .max(MAX_PANES);

export class Conversation {
  id = $state(newId());
  panes = $state.raw<Pane[]>([]);
  /** All panes answer with the seed of the settings; else each answer draws its own. */
  sameSeed = $state(true);
  /** `turn`: one after the other, for clean times. */
  order = $state<'together' | 'turn'>('together');
  blind = $state.raw<BlindStudy | null>(null);
  votes = $state.raw<Vote[]>([]);
  draft = $state('');
  /** What the next question is asked about. */
  pictures = $state.raw<Picture[]>([]);
  /** Pictures are on their way to the studio. */
  attaching = $state(false);
  /** Why a picture was not taken. */
  pictureProblem = $state.raw<Problem | null>(null);
  /** The pane that alone is asked; all of them when null. */
  target = $state<string | null>(null);
  /** Where a search has led to; null once something else was asked. */
  found = $state.raw<{ turn: number; pane: string } | null>(null);
  /** Answer the last question again when the sliders have moved. */
  follow = $state(true);
  /** What could not be kept. */
  problem = $state.raw<Problem | null>(null);

  /** Panes are unnamed and must stay as they are. */
  hidden = $derived(this.blind !== null && !this.blind.revealed);
  /** The panes in view, from left to right. */
  shown = $derived.by(() => {
    const panes = this.panes.filter(({ removed }) => !removed);
    return this.blind ? shuffled(panes, this.blind.seed) : panes;
  });
  turns = $derived.by(() => this.#turns());
  /** Whether one of those that will be asked takes pictures. */
  seeing = $derived.by(() => this.#asked().some(({ persona }) => this.#takesPictures(persona.recipe.base)));
  running = $derived.by(() => this.#tree.all.some(({ running }) => running));

  #tree = $state.raw(new Tree());
  /** Questions and first messages that the studio does not have yet. */
  #unkept: Message[] = [];
  /** Whether the studio knows the conversation. */
  #known = false;

  readonly #connection: Connection;
  readonly #mix: Mix;
  readonly #userName: () => string;
  readonly #takesPictures: (base: string) => boolean;

  /**
   * @param userName what `{{user}}` stands for in first messages
   * @param takesPictures whether the model that a recipe names as its base does
   */
  constructor(
    connection: Connection,
    mix: Mix,
    userName: () => string = () => USER,
    takesPictures: (base: string) => boolean = () => false,
  ) {
    this.#connection = connection;
    this.#mix = mix;
    this.#userName = userName;
    this.#takesPictures = takesPictures;
    const remembered = recall(LAYOUT, layout);
    this.panes = remembered ? remembered.map(from => new Pane(mix, from)) : this.#usualPanes();
    mix.onSettled(() => this.#followSliders());
  }

  /** What a pane is called now: a letter while the panes are unnamed. */
  labelOf(pane: Pane): string {
    return this.hidden ? this.letterOf(pane) : pane.name;
  }

  /** Milliseconds to the first word of the newest answer of this very mix, or null. */
  waitOf(persona: Persona): number | null {
    const newest = this.#tree.all.findLast(
      message => message.persona && message.result && sameMix(message.persona, persona),
    );
    return newest?.result?.firstTokenMs || null;
  }

  /** What its role-play begins with; empty for none. */
  openingOf(pane: Pane): string {
    return firstMessage({ ...pane.persona, user: this.#userName() });
  }

  letterOf(pane: Pane): string {
    return String.fromCharCode(65 + this.shown.indexOf(pane));
  }

  // ── Asking ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Asks every pane in view, or the one that alone is to be asked. */
  send(question: string) {
    const text = question.trim();
    if (text === '' || this.running || this.attaching || this.#mix.base === '') return;
    const { pictures } = this;
    this.draft = '';
    this.pictures = [];
    this.pictureProblem = null;
    this.#ask(
      text,
      pictures,
      this.#asked().map(pane => ({ pane, parent: this.#lastOf(pane) })),
    );
  }

  /** The panes that the next question goes to. */
  #asked(): Pane[] {
    return this.shown.filter(({ id }) => this.target === null || id === this.target);
  }

  /** Adds pictures to the next question, as many as there may be. */
  async attach(files: File[], into: PictureFiles) {
    this.pictureProblem = null;
    this.attaching = true;
    try {
      for (const file of files) {
        if (this.pictures.length >= MAX_PICTURES) throw new Refusal(t.pictures.most(MAX_PICTURES));
        const picture = await into.add(file);
        if (this.pictures.every(({ hash }) => hash !== picture.hash))
          this.pictures = [...this.pictures, picture];
      }
    } catch (error) {
      this.pictureProblem = toProblem(error);
    } finally {
      this.attaching = false;
    }
  }

  detach(hash: string) {
    this.pictures = this.pictures.filter(picture => picture.hash !== hash);
    this.pictureProblem = null;
  }

  /** Asks a question anew in other words: a branch beside the old one, in every pane that has it in view. */
  edit({ cells, pictures }: Turn, question: string) {
    const text = question.trim();
    if (text === '' || this.running) return;
    this.#ask(
      text,
      pictures,
      cells.flatMap(({ pane, question: old }) => (old ? [{ pane, parent: old.parent }] : [])),
    );
  }

  /** Another answer to the same question: with the present settings, and a seed that none has yet. */
  again({ pane, question, answer }: Cell) {
    if (!question || this.#mix.base === '') return;
    answer?.stop();
    const now = this.#seeded(pane);
    const taken = this.#tree
      .alternatives({ pane: pane.id, parent: question.id, role: 'assistant' })
      .flatMap(({ persona, state }) => (persona && state === 'done' ? [persona] : []));
    let wanted = now;
    for (let take = 1; taken.some(persona => sameSettings(persona, wanted)); take++)
      wanted = withSeed(now, (now.sampling.seed + take) % 2 ** 32);
    const next = this.#answerTo(pane, question, wanted);
    const instead = answer?.wordless && !answer.running ? answer : null;
    if (instead) this.#tree.remove(instead);
    void this.#run(pane, next, instead?.id);
  }

  stop() {
    for (const message of this.#tree.all) if (message.running) message.stop();
  }

  /** The answers beside this one, or the wordings of a question, in the order they were made. */
  alternatives(message: Message): Message[] {
    const stopped = (other: Message) => other.wordless && other.state !== 'failed' && other.state !== 'done';
    return this.#tree.alternatives(message).filter(other => other === message || !stopped(other));
  }

  /** Puts the branch through an answer in view. */
  choose(message: Message) {
    this.#show([message]);
  }

  /** Puts a message in view whatever branch it is on, a question in every pane that was asked. */
  lookAt(id: string) {
    const message = this.#tree.get(id);
    if (!message) return;
    const { turn, role, pane } = message;
    this.#show(
      role === 'user' ? this.#tree.all.filter(one => one.turn === turn && one.role === role) : [message],
    );
    this.found = { turn, pane };
  }

  /** Turns with another wording of this question, in the order they were asked. */
  wordings({ cells }: Turn): number[] {
    const turns = cells.flatMap(({ question }) =>
      question ? this.#tree.alternatives(question).map(({ turn }) => turn) : [],
    );
    return [...new Set(turns)].sort((a, b) => a - b);
  }

  /** Puts the branches with another wording in view, in every pane that has it. */
  chooseWording({ cells }: Turn, turn: number) {
    this.#show(
      cells.flatMap(({ question }) =>
        question ? this.#tree.alternatives(question).filter(other => other.turn === turn) : [],
      ),
    );
  }

  // ── Panes and settings ─────────────────────────────────────────────────────────────────────────────────

  /** Adds a pane at the right end; null when there are as many as there may be. */
  addPane(from: NewPane): Pane | null {
    const shown = this.panes.filter(({ removed }) => !removed);
    if (shown.length >= MAX_PANES || this.hidden) return null;
    const colour = [0, 1, 2, 3].find(each => shown.every(pane => pane.colour !== each)) ?? 0;
    const persona = from.source === 'own' ? from.persona : this.#mix.persona();
    const wanted =
      from.source === 'own' ? from.name : from.source === 'base' ? t.common.base : t.common.persona;
    const pane = new Pane(this.#mix, { ...from, name: unusedName(wanted, shown), colour, persona });
    this.panes = [...this.panes, pane];
    this.changed();
    return pane;
  }

  /** Takes a pane out of view and returns the way back; what it said stays kept. */
  removePane(pane: Pane): (() => void) | null {
    if (this.shown.length < 2 || this.hidden) return null;
    for (const message of this.#tree.all) if (message.pane === pane.id) message.stop();
    pane.removed = true;
    if (this.target === pane.id) this.target = null;
    this.changed();
    return () => {
      if (!this.panes.includes(pane) || this.hidden) return;
      if (this.shown.length < MAX_PANES) pane.removed = false;
      this.changed();
    };
  }

  /** Call after the panes or a setting of the conversation have changed. */
  changed() {
    if (!this.blind)
      remember(
        LAYOUT,
        this.shown.map(({ name, colour, source, persona }) => ({ name, colour, source, persona })),
      );
    if (this.#known) void this.keep();
  }

  /** Tells the studio what the conversation is like; true when it has it. */
  async keep(): Promise<boolean> {
    try {
      await this.#save();
      this.problem = null;
      return true;
    } catch (error) {
      this.problem = toProblem(error);
      return false;
    }
  }

  // ── Blind study ────────────────────────────────────────────────────────────────────────────────────────

  /** Hides the panes' names and draws their order. */
  beginBlind(rater: string) {
    this.blind = { seed: newSeed(), rater: rater.trim(), revealed: false };
    this.target = null;
    this.changed();
  }

  rateAs(rater: string) {
    if (!this.blind) return;
    this.blind = { ...this.blind, rater: rater.trim() };
    this.changed();
  }

  reveal() {
    if (!this.blind) return;
    this.blind = { ...this.blind, revealed: true };
    this.changed();
  }

  /** Back to named panes in their own order; the votes stay. */
  endBlind() {
    this.blind = null;
    this.changed();
  }

  /** What the present rater would compare in a turn; null while there are not two complete answers. */
  comparedIn({ turn, cells }: Turn): Vote['answers'] | null {
    const answers = cells.flatMap(({ pane, answer }) =>
      answer && answer.text !== '' ? [{ pane: pane.id, message: answer.id }] : [],
    );
    const complete = cells.every(({ answer }) => !answer?.running);
    return turn > 0 && complete && answers.length > 1 ? answers : null;
  }

  voteOf({ turn }: Turn): Vote | undefined {
    return this.votes.find(vote => vote.turn === turn && vote.rater === this.blind?.rater);
  }

  /** Votes for a pane or `tie`; a later vote of the same rater on the same turn takes its place. */
  async vote(turn: Turn, choice: string): Promise<boolean> {
    const answers = this.comparedIn(turn);
    if (!this.blind || this.blind.revealed || !answers) return false;
    const { id } = this;
    const { rater, seed } = this.blind;
    try {
      const vote = await this.#connection.client.conversations.vote({
        ...{ conversation: id, turn: turn.turn, rater, choice, answers, seed },
      });
      if (this.id !== id) return true;
      const others = this.votes.filter(other => other.turn !== vote.turn || other.rater !== vote.rater);
      this.votes = [...others, vote];
      this.problem = null;
      return true;
    } catch (error) {
      this.problem = toProblem(error);
      return false;
    }
  }

  // ── Whole conversations ────────────────────────────────────────────────────────────────────────────────

  /** Begins a new conversation with the same panes and returns the way back; the old one stays kept. */
  clear(): () => void {
    this.stop();
    const before = { id: this.id, panes: this.panes, votes: this.votes, blind: this.blind };
    const hidden = { tree: this.#tree, unkept: this.#unkept, known: this.#known };
    const settings = { sameSeed: this.sameSeed, order: this.order };
    // A study goes on, in a new order; one that was revealed has ended.
    this.blind = this.hidden && this.blind ? { ...this.blind, seed: newSeed() } : null;
    this.#begin(
      newId(),
      before.panes
        .filter(({ removed }) => !removed)
        .map(({ name, colour, source, persona }) => new Pane(this.#mix, { name, colour, source, persona })),
    );
    return () => {
      this.stop();
      Object.assign(this, before, settings);
      this.#tree = hidden.tree;
      this.#unkept = hidden.unkept;
      this.#known = hidden.known;
      this.target = null;
    };
  }

  /** Puts a kept conversation in view and returns the way back. */
  open(data: ConversationData): () => void {
    const back = this.clear();
    this.#begin(
      data.id,
      data.panes.map(from => new Pane(this.#mix, from)),
    );
    this.sameSeed = data.sameSeed;
    this.order = data.order;
    this.blind = data.blind;
    this.votes = data.votes;
    this.#known = true;
    for (const stored of data.messages)
      this.#tree.add(new Message(stored, data.personas[stored.persona ?? ''] ?? null));
    const followed = new Set(data.messages.map(({ parent }) => parent));
    for (const message of this.#tree.all) {
      const alone = this.#tree.alternatives(message).length === 1;
      if (message.wordless && message.state !== 'failed' && !alone && !followed.has(message.id))
        this.#tree.remove(message);
    }
    for (const pane of this.panes) {
      const head = this.#tree.get(pane.head);
      if (head) this.#tree.view(head);
    }
    void this.#countAll();
    void this.#followOthers();
    return back;
  }

  #begin(id: string, panes: Pane[]) {
    this.id = id;
    this.panes = panes;
    this.votes = [];
    this.target = null;
    this.found = null;
    this.problem = null;
    this.#tree = new Tree();
    this.#unkept = [];
    this.#known = false;
  }

  #usualPanes(): Pane[] {
    const persona = personaSchema.parse({ recipe: { version: 2, base: 'none', weights: {} } });
    return [
      new Pane(this.#mix, { name: t.common.base, colour: 0, source: 'base', persona }),
      new Pane(this.#mix, { name: t.common.persona, colour: 1, source: 'sliders', persona }),
    ];
  }

  // ── Inside ─────────────────────────────────────────────────────────────────────────────────────────────

  /** The turns on the branches in view. */
  #turns(): Turn[] {
    const turns = new Map<number, Turn>();
    const { shown } = this;
    for (const [index, pane] of shown.entries()) {
      for (const message of this.#tree.branch(pane.head)) {
        let turn = turns.get(message.turn);
        if (!turn) {
          const cells = shown.map(each => ({ pane: each, question: null, answer: null }));
          turn = { turn: message.turn, question: '', pictures: [], cells };
          turns.set(message.turn, turn);
        }
        const cell = turn.cells[index] as Cell;
        if (message.role === 'assistant') cell.answer = message;
        else {
          cell.question = message;
          turn.question = message.text;
          turn.pictures = message.pictures;
          // What came to nothing is passed over by the branch, and yet was asked for.
          cell.answer ??=
            this.#tree.alternatives({ pane: pane.id, parent: message.id, role: 'assistant' }).at(-1) ?? null;
        }
      }
    }
    return [...turns.values()].sort((a, b) => a.turn - b.turn);
  }

  /** Whom a pane asks now, with the seed that the conversation's settings give. */
  #seeded(pane: Pane): Persona {
    return withSeed(pane.persona, this.sameSeed ? this.#mix.seed : newSeed());
  }

  /** What a new question of the pane follows: its last message with words, or its first message. */
  #lastOf(pane: Pane): string | null {
    const head = this.#tree.get(pane.head);
    if (head) return head.wordless ? head.parent : head.id;
    const text = this.openingOf(pane);
    if (text === '') return null;
    const first = new Message({
      ...{ id: newId(), pane: pane.id, parent: null, turn: 0 },
      role: 'assistant',
      text,
    });
    this.#put(pane, first);
    this.#unkept.push(first);
    return first.id;
  }

  #ask(text: string, pictures: Picture[], asked: { pane: Pane; parent: string | null }[]) {
    this.found = null;
    const turn = this.#tree.lastTurn + 1;
    const answers = asked.map(({ pane, parent }) => {
      const question = new Message({
        id: newId(),
        pane: pane.id,
        parent,
        turn,
        role: 'user',
        text,
        pictures,
      });
      this.#put(pane, question);
      this.#unkept.push(question);
      return { pane, answer: this.#answerTo(pane, question, this.#seeded(pane)) };
    });
    const work = answers.map(
      ({ pane, answer }) =>
        () =>
          this.#run(pane, answer),
    );
    if (this.order === 'together') for (const run of work) void run();
    else void inTurn(work);
  }

  /** An answer that is awaited, in view. */
  #answerTo(pane: Pane, question: Message, persona: Persona): Message {
    const { id: parent, turn } = question;
    const answer = new Message(
      { id: newId(), pane: pane.id, parent, turn, role: 'assistant', state: 'waiting' },
      persona,
    );
    this.#put(pane, answer);
    return answer;
  }

  #put(pane: Pane, message: Message) {
    this.#tree.add(message);
    this.#tree.view(message);
    pane.head = message.id;
  }

  #show(messages: Message[]) {
    const heads = messages.flatMap(message => {
      const end = this.#tree.end(message);
      const pane = this.panes.find(({ id }) => id === message.pane);
      if (!pane) return [];
      pane.head = end.id;
      this.#tree.view(end);
      // The studio may have nothing of an answer without a word.
      const head = end.wordless && end.parent ? end.parent : end.id;
      return [{ pane: pane.id, head }];
    });
    void this.#countAll();
    this.#connection.client.conversations.show({ conversation: this.id, heads }).catch(error => {
      this.problem = toProblem(error);
    });
  }

  #followSliders() {
    if (!this.follow || this.hidden || this.#connection.state !== 'open') return;
    for (const cell of this.turns.at(-1)?.cells ?? []) {
      const { pane, question, answer } = cell;
      if (pane.source !== 'sliders' || !question || !answer?.persona) continue;
      if (!sameWeights(pane.persona, answer.persona)) this.again(cell);
    }
  }

  async #save() {
    const { id, sameSeed, order, blind } = this;
    const panes = this.panes.map(pane => pane.toData());
    await this.#connection.client.conversations.save({ id, title: '', sameSeed, order, blind, panes });
    if (this.id === id) this.#known = true;
  }

  #keeping: Promise<void> | null = null;

  /** Makes the studio keep the conversation and its questions; answers of one turn wait for the same call. */
  #keepQuestions(): Promise<void> {
    this.#keeping ??= this.#addUnkept().finally(() => {
      this.#keeping = null;
    });
    return this.#keeping;
  }

  async #addUnkept() {
    const { id: conversation } = this;
    const messages = this.#unkept;
    if (messages.length === 0) return;
    await this.#save();
    await this.#connection.client.conversations.add({
      conversation,
      messages: messages.map(({ id, pane, parent, turn, role, text, pictures }) => ({
        id,
        pane,
        parent,
        turn,
        role,
        text,
        pictures,
      })),
    });
    if (this.#unkept === messages) this.#unkept = [];
  }

  async #run(pane: Pane, answer: Message, instead?: string) {
    const { persona, parent } = answer;
    if (!persona || parent === null) return;
    const { client } = this.#connection;
    const { id: conversation } = this;
    try {
      await this.#keepQuestions();
      answer.signal.throwIfAborted();
      const input = { conversation, pane: pane.id, id: answer.id, parent, persona, instead };
      for await (const event of await client.conversations.answer(input, { signal: answer.signal })) {
        if (answer.signal.aborted) break;
        if (event.type === 'token') {
          answer.state = 'streaming';
          answer.text += event.text;
        } else {
          const { text, run, seed: _, ...result } = event.result;
          answer.result = result;
          answer.run = run;
          answer.text = text;
          answer.state = result.stop === 'stopped' ? 'stopped' : 'done';
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

  /** Answers that still stream into the studio for another page, or for this one before it was loaded anew. */
  async #followOthers() {
    const { id } = this;
    const coming = this.#tree.all.filter(({ state }) => state === 'streaming');
    while (coming.some(({ state }) => state === 'streaming') && this.id === id) {
      await new Promise(resolve => setTimeout(resolve, LOOK_EVERY));
      try {
        const { messages } = await this.#connection.client.conversations.get({ id });
        for (const message of coming) {
          const stored = messages.find(other => other.id === message.id);
          if (stored) message.take(stored);
          else message.state = 'interrupted';
        }
      } catch (error) {
        this.problem = toProblem(error);
        for (const message of coming) message.state = 'interrupted';
      }
    }
    for (const message of coming) void this.#count(message);
  }

  /** One after the other, the newest first: a long conversation would ask for thousands at once. */
  async #countAll() {
    const { id } = this;
    for (const { cells } of this.turns.toReversed())
      for (const { answer } of cells) {
        if (this.id !== id) return;
        if (answer && !answer.readout) await this.#count(answer);
      }
  }

  /** The word count is an extra: without it the answer stands. */
  async #count(answer: Message) {
    if (answer.role !== 'assistant' || answer.running || answer.state === 'failed') return;
    if (answer.text.trim() === '') return;
    try {
      answer.readout = await this.#connection.client.language.readout({ text: answer.text });
    } catch {
      answer.readout = null;
    }
  }
}

const withSeed = (persona: Persona, seed: number): Persona => ({
  ...persona,
  sampling: { ...persona.sampling, seed },
});

async function inTurn(work: (() => Promise<void>)[]) {
  for (const run of work) await run();
}

/** The name, with a number where it is taken. */
function unusedName(wanted: string, panes: Pane[]): string {
  const name = wanted.trim().slice(0, 70) || t.common.persona;
  const taken = (candidate: string) => panes.some(pane => pane.name === candidate);
  let unused = name;
  for (let number = 2; taken(unused); number++) unused = `${name} ${number}`;
  return unused;
}
