/** A readout of answers or of files: what to read, what to compare it with, and what came of it. */
import {
  type ConversationData,
  type DictionaryInfo,
  type PaneData,
  type SentSource,
  TRAITS,
  type Trait,
  type Voice,
} from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';
import { bytes } from '../lib/format.ts';
import { t } from '../lib/strings.ts';
import { Job } from './job.svelte.ts';
import { MOST_BYTES, type NamedFile, type TextSet, textSetsOf } from './textSet.svelte.ts';

/** What can be read: a pane, all panes, all answers under a persona's name, or texts from files. */
export type Side = { key: string } & (
  | { of: 'pane'; id: string; name: string }
  | { of: 'all'; conversation: string }
  | { of: 'voice'; name: string; answers: number }
  | { of: 'files'; set: TextSet }
);

export class Reading extends Job<'readout'> {
  /** Panes of the conversation that have answers; those taken out of view too. */
  panes = $state.raw<PaneData[]>([]);
  voices = $state.raw<Voice[]>([]);
  sets = $state.raw<TextSet[]>([]);
  dictionaries = $state.raw<DictionaryInfo[]>([]);
  loaded = $state(false);
  /** Keys of `sides`; the reference's is empty for none. */
  source = $state('');
  reference = $state('');
  trait = $state<Trait | null>(null);
  /** Name of one of the user's; empty for the studio's lexicon. */
  dictionary = $state('');
  paired = $state(false);
  /** Files that were neither texts nor tables, of the last that were added. */
  others = $state(0);
  sides = $derived.by(() => this.#sides());
  /** Texts of files on both sides may belong together by their names. */
  pairable = $derived.by(() => [this.source, this.reference].every(key => this.#setOf(key) !== undefined));
  /** Whether what is chosen can be read. */
  ready = $derived.by(
    () =>
      this.source !== this.reference &&
      this.sides.some(({ key }) => key === this.source) &&
      [this.source, this.reference].every(key => this.#setOf(key)?.ready !== false),
  );

  readonly #conversation: string | null;

  /** @param conversation id of the one whose panes can be read; null for none */
  constructor(connection: Connection, conversation: string | null) {
    super(connection, 'readout');
    this.#conversation = conversation;
  }

  /** Finds what there is to read; proposes the last pane against the base, and the trait that its sliders move most. */
  async load() {
    const { conversations, language } = this.connection.client;
    try {
      const [conversation, voices, { dictionaries }] = await Promise.all([
        this.#conversation === null ? null : conversations.get({ id: this.#conversation }),
        language.voices(),
        language.dictionaries(),
      ]);
      this.panes = conversation ? panesWithAnswers(conversation) : [];
      this.voices = voices;
      this.dictionaries = dictionaries;
      if (this.source === '') this.#propose();
      this.loaded = true;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  /** Adds texts of files and chooses them: to be read, or to compare with where files are to be read already. */
  async add(files: NamedFile[]) {
    const { sets, others } = textSetsOf(files);
    this.others = others;
    this.problem = null;
    for (const set of sets) {
      if (set.bytes > MOST_BYTES) {
        this.problem = tooLarge(set.name);
        continue;
      }
      this.sets = [...this.sets, set];
      const key = keyOf(set);
      if (this.#setOf(this.source) && this.reference === '') this.reference = key;
      else if (!this.#setOf(this.source)) {
        this.source = key;
        this.reference = '';
      }
      await set.load(this.connection);
    }
  }

  remove(set: TextSet) {
    this.sets = this.sets.filter(other => other !== set);
    const key = keyOf(set);
    if (this.reference === key) this.reference = '';
    if (this.source === key) {
      this.source = this.reference || (this.sides[0]?.key ?? '');
      this.reference = '';
    }
  }

  start() {
    const [source, reference] = [this.#sourceOf(this.source), this.#sourceOf(this.reference)];
    if (!source) return;
    const sent = [this.source, this.reference].reduce((sum, key) => sum + (this.#setOf(key)?.bytes ?? 0), 0);
    if (sent > MOST_BYTES) {
      this.problem = tooLarge(t.wordCount.both);
      return;
    }
    const input = {
      ...{ source, reference, trait: this.trait ?? undefined, paired: this.paired && this.pairable },
      dictionary: this.dictionary || undefined,
    };
    return this.follow(() => this.connection.client.language.record(input));
  }

  #sides(): Side[] {
    const [conversation, { panes }] = [this.#conversation, this];
    return [
      ...panes.map(({ id, name }): Side => ({ key: `pane ${id}`, of: 'pane', id, name })),
      ...(conversation !== null && panes.length > 1
        ? [{ key: 'all', of: 'all', conversation } satisfies Side]
        : []),
      ...this.voices.map(({ name, answers }): Side => ({ key: `voice ${name}`, of: 'voice', name, answers })),
      ...this.sets.map((set): Side => ({ key: keyOf(set), of: 'files', set })),
    ];
  }

  #propose() {
    const { panes } = this;
    const base = panes.findIndex(({ source }) => source === 'base');
    const own = panes.findLastIndex(({ source }) => source !== 'base');
    this.source = this.sides[Math.max(0, own)]?.key ?? '';
    const other = own < 0 ? -1 : base >= 0 ? base : own > 0 ? 0 : -1;
    this.reference = other < 0 ? '' : (this.sides[other]?.key ?? '');
    this.trait = strongest(panes[own]);
  }

  #setOf(key: string): TextSet | undefined {
    return this.sets.find(set => keyOf(set) === key);
  }

  #sourceOf(key: string): SentSource | undefined {
    const side = this.sides.find(each => each.key === key);
    switch (side?.of) {
      case undefined:
        return undefined;
      case 'voice':
        return { kind: 'log', persona: side.name };
      case 'files':
        return side.set.source();
      case 'pane':
        return { kind: 'log', conversation: side.id };
      case 'all':
        return { kind: 'log', conversation: side.conversation };
      default:
        return side satisfies never;
    }
  }
}

const keyOf = ({ id }: TextSet) => `files ${id}`;

const tooLarge = (name: string): Problem => ({
  code: 'bad_input',
  message: t.wordCount.tooLarge(name, bytes(MOST_BYTES)),
  where: null,
  action: t.wordCount.tooLargeAction,
});

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
