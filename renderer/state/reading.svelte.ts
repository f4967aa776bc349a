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
import { newId } from '../lib/id.ts';
import { t } from '../lib/strings.ts';
import { Job } from './job.svelte.ts';
import { MOST_BYTES, type NamedFile, type TextSet, textSetsOf } from './textSet.svelte.ts';

/** Texts on the studio's machine, which are read where they lie: a file, a folder, or a table with its column. */
export class PathTexts {
  readonly id = newId();
  readonly path: string;
  /** Of a table; empty where there is one alone. */
  column = $state('');

  constructor(path: string) {
    this.path = path.length > 1 ? path.replace(/[\\/]+$/, '') : path;
  }

  get isTable() {
    return /\.[ct]sv$/i.test(this.path);
  }
}

/** What can be read: a pane, all panes, all answers under a persona's name, texts from files, or texts on the studio's machine. */
export type Side = { key: string } & (
  | { of: 'pane'; id: string; name: string }
  | { of: 'all'; conversation: string }
  | { of: 'voice'; name: string; answers: number }
  | { of: 'files'; set: TextSet }
  | { of: 'path'; texts: PathTexts }
);

export class Reading extends Job<'readout'> {
  /** Panes of the conversation that have answers; those taken out of view too. */
  panes = $state.raw<PaneData[]>([]);
  voices = $state.raw<Voice[]>([]);
  sets = $state.raw<TextSet[]>([]);
  paths = $state.raw<PathTexts[]>([]);
  dictionaries = $state.raw<DictionaryInfo[]>([]);
  /** Languages of the studio's own lexicons. */
  lexicons = $state.raw<string[]>([]);
  /** Dictionaries of the user's that could not be read. */
  leftOut = $state.raw<{ path: string; message: string }[]>([]);
  loaded = $state(false);
  /** Keys of `sides`; the reference's is empty for none. */
  source = $state('');
  reference = $state('');
  trait = $state<Trait | null>(null);
  /** Name of one of the user's, or the language of a lexicon of the studio; empty for the one that suits the texts. */
  dictionary = $state('');
  paired = $state(false);
  /** Files that were neither texts nor tables, of the last that were added. */
  others = $state(0);
  sides = $derived.by(() => this.#sides());
  /** Texts of files on both sides may belong together by their names. */
  pairable = $derived.by(() => [this.source, this.reference].every(key => this.#isTexts(key)));
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
      const [conversation, voices, { dictionaries, broken, own }] = await Promise.all([
        this.#conversation === null ? null : conversations.get({ id: this.#conversation }),
        language.voices(),
        language.dictionaries(),
      ]);
      this.panes = conversation ? panesWithAnswers(conversation) : [];
      this.voices = voices;
      this.dictionaries = dictionaries;
      this.lexicons = own.map(({ language }) => language);
      this.leftOut = broken;
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
      this.#choose(keyOf(set));
      await set.load(this.connection);
    }
  }

  /** Adds texts on the studio's machine and chooses them likewise; says whether it is a whole path. */
  addPath(path: string): boolean {
    const whole = /^(\/|\\\\|[A-Za-z]:[\\/])/.test(path);
    this.problem = whole ? null : notWhole;
    if (!whole) return false;
    const texts = new PathTexts(path);
    this.paths = [...this.paths, texts];
    this.#choose(pathKeyOf(texts));
    return true;
  }

  removePath(texts: PathTexts) {
    this.paths = this.paths.filter(other => other !== texts);
    this.#leave(pathKeyOf(texts));
  }

  remove(set: TextSet) {
    this.sets = this.sets.filter(other => other !== set);
    this.#leave(keyOf(set));
  }

  /** Of texts: to be read, or to compare with where texts are to be read already. */
  #choose(key: string) {
    if (this.#isTexts(this.source) && this.reference === '') this.reference = key;
    else if (!this.#isTexts(this.source)) {
      this.source = key;
      this.reference = '';
    }
  }

  #leave(key: string) {
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
      ...this.paths.map((texts): Side => ({ key: pathKeyOf(texts), of: 'path', texts })),
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

  #isTexts(key: string): boolean {
    return this.sides.some(side => side.key === key && (side.of === 'files' || side.of === 'path'));
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
      case 'path':
        return { kind: 'path', path: side.texts.path, column: side.texts.column || undefined };
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

const pathKeyOf = ({ id }: PathTexts) => `path ${id}`;

const notWhole: Problem = {
  code: 'bad_input',
  message: t.wordCount.pathNotWhole,
  where: null,
  action: null,
};

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
