/** A readout of a conversation or of a persona's log: what to read, what to compare it with, and what came of it. */
import {
  type ConversationData,
  type PaneData,
  type TextSource,
  TRAITS,
  type Trait,
  type Voice,
} from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { toProblem } from '../lib/errors.ts';
import { Job } from './job.svelte.ts';

/** What can be read: a pane, all panes, or all answers under a persona's name. */
export type Side =
  | { of: 'pane'; id: string; name: string }
  | { of: 'all' }
  | { of: 'voice'; name: string; answers: number };

export class Reading extends Job<'readout'> {
  /** Panes of the conversation that have answers; those taken out of view too. */
  panes = $state.raw<PaneData[]>([]);
  voices = $state.raw<Voice[]>([]);
  loaded = $state(false);
  /** Places in `sides`; the reference's may be −1 for none. */
  source = $state(0);
  reference = $state(-1);
  trait = $state<Trait | null>(null);
  sides = $derived<Side[]>([
    ...this.panes.map(({ id, name }): Side => ({ of: 'pane', id, name })),
    ...(this.panes.length > 1 ? [{ of: 'all' } as const] : []),
    ...this.voices.map(({ name, answers }): Side => ({ of: 'voice', name, answers })),
  ]);

  readonly #conversation: string;

  constructor(connection: Connection, conversation: string) {
    super(connection, 'readout');
    this.#conversation = conversation;
  }

  /** Finds what there is to read; proposes the last pane against the base, and the trait that its sliders move most. */
  async load() {
    const { conversations, language } = this.connection.client;
    try {
      const [conversation, voices] = await Promise.all([
        conversations.get({ id: this.#conversation }),
        language.voices(),
      ]);
      this.panes = panesWithAnswers(conversation);
      this.voices = voices;
      const base = this.panes.findIndex(({ source }) => source === 'base');
      const own = this.panes.findLastIndex(({ source }) => source !== 'base');
      this.source = Math.max(0, own);
      this.reference = own < 0 ? -1 : base >= 0 ? base : own > 0 ? 0 : -1;
      this.trait = strongest(this.panes[own]);
      this.loaded = true;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  start() {
    const own = this.#sourceOf(this.source);
    if (!own) return;
    const input = { source: own, reference: this.#sourceOf(this.reference), trait: this.trait ?? undefined };
    return this.follow(() => this.connection.client.language.record(input));
  }

  #sourceOf(place: number): TextSource | undefined {
    const side = this.sides[place];
    if (!side) return undefined;
    if (side.of === 'voice') return { kind: 'log', persona: side.name };
    return { kind: 'log', conversation: side.of === 'pane' ? side.id : this.#conversation };
  }
}

function panesWithAnswers({ panes, messages }: ConversationData): PaneData[] {
  const answered = new Set(messages.flatMap(({ pane, run }) => (run === null ? [] : [pane])));
  return panes.filter(({ id }) => answered.has(id));
}

function strongest(pane: PaneData | undefined): Trait | null {
  const weights = pane?.source === 'base' ? {} : (pane?.persona.recipe.weights ?? {});
  const strength = (trait: Trait) => Math.abs(weights[trait] ?? 0);
  const [most] = TRAITS.filter(strength).sort((a, b) => strength(b) - strength(a));
  return most ?? null;
}
