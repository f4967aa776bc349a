/** One column of a conversation: whom it asks, and the branch of its messages that is in view. */
import type { PaneData, Persona, RolePlay } from '../../electron/studio/contract.ts';
import { newId } from '../lib/id.ts';
import type { Mix } from './mix.svelte.ts';

export type PaneSource = PaneData['source'];

export class Pane {
  readonly id: string;
  name = $state('');
  colour: number;
  source = $state<PaneSource>('own');
  /** Whom it asks while it follows neither the sliders nor the base. */
  own = $state.raw() as Persona;
  head = $state<string | null>(null);
  removed = $state(false);
  /** Whom it would ask now, with its own seed. */
  persona = $derived.by(() => this.#persona());

  readonly #mix: Mix;

  constructor(mix: Mix, from: Pick<PaneData, 'name' | 'colour' | 'source' | 'persona'> & Partial<PaneData>) {
    this.#mix = mix;
    this.id = from.id ?? newId();
    this.name = from.name;
    this.colour = from.colour;
    this.source = from.source;
    this.own = from.persona;
    this.head = from.head ?? null;
    this.removed = from.removed ?? false;
  }

  /** Changes whom it asks; leaving the sliders or the base keeps what they say now. */
  follow(source: PaneSource) {
    if (source === 'own') this.own = this.persona;
    this.source = source;
  }

  /** Gives it a character, or takes it away; panes of the sliders and of the base share the mixer's. */
  play(name: string, rolePlay: RolePlay) {
    const { lorebook, ...texts } = rolePlay;
    const empty = !lorebook && !Object.values(texts).some(text => text.trim() !== '');
    if (this.source === 'own') {
      this.own = { ...this.own, name: name || this.own.name, rolePlay: empty ? undefined : rolePlay };
      return;
    }
    this.#mix.character = empty ? null : { name, rolePlay };
    this.#mix.changed();
  }

  toData(): Omit<PaneData, 'head'> {
    const { id, name, colour, source, persona, removed } = this;
    return { id, name, colour, source, persona, removed };
  }

  #persona(): Persona {
    // Before a model is chosen there is nobody else to ask.
    if (this.source === 'own' || this.#mix.base === '') return this.own;
    return this.source === 'base' ? this.#mix.basePersona() : this.#mix.persona();
  }
}
