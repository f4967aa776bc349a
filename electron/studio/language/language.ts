/** Readouts for the router: of answers, of sets of texts and their differences, with the lexicon or the user's dictionary. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import type {
  DictionaryInfo,
  ReadTextsResult,
  Run,
  readTextInput,
  readTextResult,
  readTextsInput,
  recordTextsInput,
  SentSource,
  TextReadout,
  TextSource,
  Trait,
  Voice,
} from '../contract.ts';
import { TRAITS } from '../contract.ts';
import { StudioError, toStudioError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Task } from '../log/runs.ts';
import { listDictionaries, readDictionary } from './dictionaries.ts';
import type { Side } from './differences.ts';
import { comparisonFor, differences, featureOf } from './differences.ts';
import { intervalsOf } from './intervals.ts';
import type { Lexicon } from './lexicon.ts';
import { compileLexicon, loadLexicon } from './lexicon.ts';
import type { Counts } from './readout.ts';
import { countText, foundIn, readoutOf, readText, sumCounts } from './readout.ts';
import type { Texts } from './texts.ts';
import { hashTexts, readTexts, textsOf } from './texts.ts';
import type { Said } from './trend.ts';
import { trendsOf } from './trend.ts';

/** What the literature expects of the language of a trait's high pole. */
const expectationsFile = z.object({
  sources: z.record(z.string(), z.string()),
  expectations: z.array(
    z.object({
      trait: z.enum(TRAITS),
      feature: z.string(),
      direction: z.enum(['more', 'less']),
      strength: z.string(),
      sources: z.array(z.string()).min(1),
    }),
  ),
});
type Expectations = z.infer<typeof expectationsFile>;

/** Work between two looks at other calls, in milliseconds. */
const TURN = 20;

/** The languages of the studio's own lexicons; the first one is taken where none knows more of a text's words. */
export const LEXICON_LANGUAGES = ['en', 'de'] as const;

/** Characters by which the language of texts is told: of each text, and of all. */
const TELLING = { each: 2000, all: 40_000 };

/** Characters of a set of texts whose sentiment is rated; more, some 400,000 words, would take too long. */
const MOST_RATED = 2_000_000;

/** A lexicon with the file that it comes from. */
interface Book {
  lexicon: Lexicon;
  path: string;
  /** SHA-256 of the file's bytes. */
  hash: string;
}

const isOwn = (name: string) => (LEXICON_LANGUAGES as readonly string[]).includes(name);

/** What reading texts tells of itself: a run of the log, or nothing but a way to stop it. */
type Reading = Partial<Pick<Task, 'signal' | 'progress' | 'used'>>;

export class Language {
  /** The studio's own lexicons, in the order of `LEXICON_LANGUAGES`. */
  readonly #own: Book[];
  readonly #expectations: Expectations;
  readonly #folder: string;
  readonly #log: Log;

  private constructor(own: Book[], expectations: Expectations, folder: string, log: Log) {
    this.#own = own;
    this.#expectations = expectations;
    this.#folder = folder;
    this.#log = log;
  }

  /**
   * @param resources folder of the studio's lexicons and of what the literature expects
   * @param folder of the user's dictionaries; it need not exist
   */
  static async open(resources: string, folder: string, log: Log): Promise<Language> {
    const expectations = JSON.parse(await readFile(join(resources, 'trait-language.json'), 'utf8'));
    const own = LEXICON_LANGUAGES.map(async language => {
      const path = join(resources, `${language}.json`);
      return { lexicon: await loadLexicon(path, language), path, hash: await hashTexts(path) };
    });
    return new Language(await Promise.all(own), expectationsFile.parse(expectations), folder, log);
  }

  /** One text, with the words behind each figure and their places. */
  readout(text: string): TextReadout {
    return readText(text, this.#bookFor([text]).lexicon);
  }

  /** Language of the studio's lexicon that knows most of these texts' words, told by their beginnings. */
  lexiconFor(texts: string[]): string {
    return this.#bookFor(texts).lexicon.language as string;
  }

  #bookFor(texts: string[]): Book {
    let sample = '';
    for (const text of texts) {
      if (sample.length > TELLING.all) break;
      sample += `${text.slice(0, TELLING.each)}\n`;
    }
    const [first, ...others] = this.#own as [Book, ...Book[]];
    let best = { book: first, covered: countText(sample, first.lexicon, false, false).covered };
    for (const book of others) {
      const { covered } = countText(sample, book.lexicon, false, false);
      if (covered > best.covered) best = { book, covered };
    }
    return best.book;
  }

  async dictionaries(): Promise<{
    dictionaries: DictionaryInfo[];
    broken: { path: string; message: string }[];
    folder: string;
    own: { language: string; name: string }[];
  }> {
    const dictionaries: DictionaryInfo[] = [];
    const broken: { path: string; message: string }[] = [];
    for (const path of await listDictionaries(this.#folder))
      try {
        const { source, remarks } = await readDictionary(path);
        const [categories, entries] = [source.categories.length, source.entries.size];
        dictionaries.push({ name: basename(path), path, categories, entries, remarks });
      } catch (error) {
        broken.push({ path, message: toStudioError(error).data.message });
      }
    const own = this.#own.map(({ lexicon: { name, language } }) => ({ name, language: language as string }));
    return { dictionaries, broken, folder: this.#folder, own };
  }

  voices(): Voice[] {
    return this.#log.voices();
  }

  /** Path of the lexicon or dictionary whose file has this hash; undefined where there is none here. */
  async find(hash: string): Promise<string | undefined> {
    const own = this.#own.find(book => book.hash === hash);
    if (own) return own.path;
    for (const path of await listDictionaries(this.#folder))
      if ((await hashTexts(path).catch(() => undefined)) === hash) return path;
    return undefined;
  }

  /**
   * A plan that means the same from any folder and at any later time: with whole paths, the texts of files that were sent,
   * and the answers in the log by now.
   */
  async planOf(input: z.output<typeof recordTextsInput>): Promise<z.output<typeof readTextsInput>> {
    const whole = async (source: SentSource): Promise<TextSource> => {
      switch (source.kind) {
        case 'path':
          return { ...source, path: resolve(source.path) };
        case 'log':
          return { ...source, answers: this.#answers(source) };
        case 'files': {
          const { name, files, column } = source;
          return { kind: 'texts', name, texts: await textsOf(files, column) };
        }
        default:
          return source;
      }
    };
    const { source, reference, dictionary } = input;
    return {
      ...input,
      source: await whole(source),
      reference: reference && (await whole(reference)),
      dictionary:
        dictionary && !isOwn(dictionary) && existsSync(dictionary) ? resolve(dictionary) : dictionary,
    };
  }

  async read(
    input: z.output<typeof readTextsInput>,
    { signal, progress, used }: Reading = {},
  ): Promise<ReadTextsResult> {
    const notes: string[] = [];
    const found = async (source: TextSource) => {
      if (source.kind === 'path' && used) used({ [source.path]: await hashTexts(source.path) });
      const { texts, notes: more } = await this.#texts(source);
      notes.push(...more);
      return texts;
    };
    const ownTexts = await found(input.source);
    const otherTexts = input.reference ? await found(input.reference) : null;
    // Both sides are counted by the same lexicon, or their shares could not be compared.
    const book = input.dictionary
      ? await this.#dictionary(input.dictionary, notes)
      : this.#bookFor([...ownTexts, ...(otherTexts ?? [])].map(({ text }) => text));
    const { lexicon, hash } = book;
    used?.({ [book.path]: hash });
    const read = async (texts: Texts['texts'], what: string) => {
      const tell = (done: number) => progress?.(done, texts.length, 'texts', what);
      tell(0);
      const { said, ...set } = await readSet(texts, lexicon, tell, signal);
      notes.push(...notesOfTexts(set.texts));
      if (!isRated(texts))
        notes.push(`Sentiment is left out of sets of more than ${MOST_RATED / 1e6} million characters.`);
      return { set, said };
    };
    const own = await read(ownTexts, '');
    const other = otherTexts ? await read(otherTexts, 'reference') : null;
    const compared = other ? compare(own.set, other.set, input.paired, notes) : null;
    const trends = [
      ...(await trendsOf(own.said, lexicon, signal)),
      ...(await trendsOf(other?.said ?? [], lexicon, signal)),
    ];
    return {
      lexicon: { name: lexicon.name, file: basename(book.path), hash, categories: [...lexicon.categories] },
      ...own.set,
      reference: other?.set ?? null,
      differences: compared,
      expected: input.trait ? this.#expected(input.trait, own.set.total, compared) : null,
      trends: trends.length > 0 ? trends : null,
      notes,
    };
  }

  /** A text of a kept readout, with the places of the words behind its figures. Texts on disk must be as they were. */
  async textOf(
    run: Run,
    { set, place, from }: z.output<typeof readTextInput>,
  ): Promise<z.output<typeof readTextResult>> {
    if (run.kind !== 'readout' || !run.result)
      throw new StudioError('bad_input', `The run ${run.id} is no readout that is done.`, { field: 'run' });
    const source = set === 'texts' ? run.input.source : run.input.reference;
    if (source?.kind === 'path') {
      const hash = await hashTexts(source.path).catch(() => undefined);
      if (hash === undefined || hash !== run.hashes[source.path])
        throw new StudioError(
          hash === undefined ? 'not_found' : 'mismatch',
          hash === undefined
            ? `The texts are no longer at ${source.path}.`
            : `The texts at ${source.path} have changed since they were read.`,
          { file: source.path, action: 'The figures are kept. Put the texts back as they were to see them.' },
        );
    }
    const text = source && (await this.#texts(source)).texts[place];
    if (!text)
      throw new StudioError('not_found', `There is no text ${place + 1} in this set.`, { field: 'place' });
    const { lexicon } = await this.#bookOf(run.result.lexicon, Object.entries(run.hashes));
    return { name: text.name, ...partOf(text.text, from, readText(text.text, lexicon)) };
  }

  /** The lexicon or dictionary that a readout was made with. */
  async #bookOf({ file, hash }: ReadTextsResult['lexicon'], used: [string, string][]): Promise<Book> {
    const own = this.#own.find(book => book.hash === hash);
    if (own) return own;
    const named = used.find(([, one]) => one === hash)?.[0];
    const same = named !== undefined && (await hashTexts(named).catch(() => undefined)) === hash;
    const path = same ? named : await this.find(hash);
    if (path !== undefined) return this.#dictionary(path, []);
    throw new StudioError(
      'not_found',
      `The dictionary ${file} that these texts were read with is not here.`,
      {
        file,
        action: `Put it into ${this.#folder}; it is known by its SHA-256, ${hash}.`,
      },
    );
  }

  /** A dictionary by its name in the folder, with or without its ending, or by its path; the studio's own by their language. */
  async #dictionary(name: string, notes: string[]): Promise<Book> {
    const known = await listDictionaries(this.#folder);
    const file =
      known.find(path => basename(path) === name || basename(path).replace(/\.[^.]+$/, '') === name) ?? name;
    const own = this.#own.find(({ path, lexicon }) => file === path || file === lexicon.language);
    if (own) return own;
    if (!existsSync(file))
      throw new StudioError('not_found', `There is no dictionary “${name}”.`, {
        file: name,
        action: `Name a file, or ${LEXICON_LANGUAGES.join(' or ')} for the studio’s own, or put it into ${this.#folder}${known.length > 0 ? ` (there: ${known.map(path => basename(path)).join(', ')})` : ''}.`,
      });
    const { source, remarks } = await readDictionary(file);
    notes.push(...remarks.map(({ line, message }) => `${source.name}, line ${line}: ${message}.`));
    return { lexicon: compileLexicon(source), path: resolve(file), hash: await hashTexts(file) };
  }

  async #texts(source: TextSource): Promise<Texts> {
    switch (source.kind) {
      case 'texts':
        return { texts: source.texts, notes: [] };
      case 'path':
        return readTexts(source.path, source.column);
      case 'log':
        return { texts: this.#answers(source), notes: [] };
      default:
        return source satisfies never;
    }
  }

  #answers(source: Extract<TextSource, { kind: 'log' }>) {
    if (source.answers) return source.answers;
    const answers = this.#log.answers(source);
    if (answers.length > 0) return answers.map(({ id, ...answer }) => ({ name: id, ...answer }));
    const asked = [
      source.conversation === undefined ? '' : ` of the conversation ${source.conversation}`,
      source.persona === undefined ? '' : ` of a persona named “${source.persona}”`,
    ].join('');
    throw new StudioError('not_found', `There are no answers${asked} in the log.`, {
      action: 'Ask something first, or check the name.',
    });
  }

  #expected(
    trait: Trait,
    total: TextReadout,
    compared: ReadTextsResult['differences'],
  ): NonNullable<ReadTextsResult['expected']> {
    return this.#expectations.expectations
      .filter(one => one.trait === trait)
      .flatMap(({ feature, direction, strength, sources }) => {
        const row = compared?.rows.find(each => each.feature === feature);
        const known = feature in total.categories || row !== undefined || isMeasure(feature);
        if (!known) return [];
        return [
          {
            feature,
            direction,
            strength,
            sources: sources.map(key => this.#expectations.sources[key] ?? key),
            value: featureOf(total, feature),
            found: row ? verdict(direction, row.ci95 ?? row.effectCi95) : null,
          },
        ];
      });
  }
}

/** `warm, against cold`. `named`: title of a kept conversation, or of a pane's with the pane's name. */
export function readoutTitle(
  { source, reference }: z.output<typeof readTextsInput>,
  named: (id: string) => { title: string; pane: string | null } | undefined,
): string {
  const about = (texts: TextSource): { who: string; where: string } => {
    switch (texts.kind) {
      case 'texts': {
        const [first, ...others] = texts.texts;
        const who = others.length === 0 ? `“${excerpt(first?.text ?? '')}”` : `${texts.texts.length} texts`;
        return { who: texts.name ?? who, where: '' };
      }
      case 'path':
        return { who: basename(texts.path), where: '' };
      case 'log': {
        const { conversation, persona } = texts;
        const found = conversation ? named(conversation) : undefined;
        const where = conversation ? `“${excerpt(found?.title || conversation)}”` : '';
        const who = persona ?? found?.pane ?? 'All answers';
        return { who, where: where && ` in ${where}` };
      }
      default:
        return texts satisfies never;
    }
  };
  const own = about(source);
  if (!reference) return own.who + own.where;
  const other = about(reference);
  const shared = own.where === other.where;
  return `${own.who}${shared ? '' : own.where}, against ${other.who}${other.where}`;
}

/** Of a title, as long as fits in a line. */
const MOST_SHOWN = 48;

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > MOST_SHOWN ? `${line.slice(0, MOST_SHOWN - 1)}…` : line;
}

const isMeasure = (feature: string) => feature === 'long_words' || feature === 'words_per_sentence';

/** Characters of a text that are shown at once. */
const PART = 20_000;

/** A part of a long text that ends between words, and the places of words within. */
function partOf(
  text: string,
  from: number,
  readout: TextReadout,
): Pick<z.output<typeof readTextResult>, 'text' | 'next' | 'readout'> {
  const rest = text.slice(from, from + PART);
  const cut = from + PART < text.length ? rest.search(/\s\S*$/) : rest.length;
  const end = from + (cut > 0 ? cut : rest.length);
  const found = Object.entries(readout.found ?? {}).map(([category, words]) => {
    const here = words.map(({ at = [], ...word }) => {
      const places = at.filter(([start, stop]) => start >= from && stop <= end);
      return { ...word, at: places.map(([start, stop]): [number, number] => [start - from, stop - from]) };
    });
    return [category, here] as const;
  });
  return {
    text: text.slice(from, end),
    next: end < text.length ? end : null,
    readout: { ...readout, found: Object.fromEntries(found) },
  };
}

/** By the 95 % interval: clear only when it leaves 0 out. */
function verdict(
  direction: 'more' | 'less',
  interval: [number, number] | null,
): 'as expected' | 'opposite' | 'not clear' {
  if (!interval || (interval[0] <= 0 && interval[1] >= 0)) return 'not clear';
  return interval[0] > 0 === (direction === 'more') ? 'as expected' : 'opposite';
}

/** That some of several texts have notes, with the first one's; a single text shows its own. */
function notesOfTexts(texts: ReadTextsResult['texts']): string[] {
  const noted = texts.filter(({ readout }) => readout.notes.length > 0);
  const [first] = noted;
  if (!first || texts.length === 1) return [];
  return [
    `${noted.length} of ${texts.length} texts ${noted.length === 1 ? 'has a note' : 'have notes'}. “${first.name}”: ${first.readout.notes[0]}`,
  ];
}

const isRated = (texts: Texts['texts']) =>
  texts.reduce((sum, { text }) => sum + text.length, 0) <= MOST_RATED;

/** Readouts of the texts and of all together, and what was said at which turn; other calls get their turn in between. */
async function readSet(
  texts: Texts['texts'],
  lexicon: Lexicon,
  tell: (done: number) => void,
  signal?: AbortSignal,
): Promise<TextSet & { said: Said[] }> {
  const counted: Counts[] = [];
  const readouts: ReadTextsResult['texts'] = [];
  const said: Said[] = [];
  const alone = texts.length === 1;
  const rate = isRated(texts);
  let began = performance.now();
  for (const { name, text, voice, turn } of texts) {
    if (performance.now() - began > TURN) {
      tell(counted.length);
      await nextTurn();
      signal?.throwIfAborted();
      began = performance.now();
    }
    const counts = countText(text, lexicon, alone, rate);
    const readout = readoutOf(counts, lexicon);
    counted.push(counts);
    readouts.push({ name, readout, voice, turn });
    if (voice !== undefined && turn !== undefined) said.push({ voice, turn, counts, readout });
  }
  const sum = alone ? (counted[0] as Counts) : sumCounts(counted);
  return {
    texts: readouts,
    total: { ...readoutOf(sum, lexicon), found: foundIn(sum, lexicon) },
    ...(!alone && { intervals: intervalsOf(readouts.map(({ readout }) => readout)) }),
    said,
  };
}

type TextSet = Pick<ReadTextsResult, 'texts' | 'total' | 'intervals'>;

function compare(
  set: TextSet,
  reference: TextSet,
  paired: boolean,
  notes: string[],
): NonNullable<ReadTextsResult['differences']> {
  const pairs = paired ? inPairs(set, reference) : null;
  // Texts without words have no shares.
  const sides = (pairs ?? [set, reference]).map(
    (one): Side => ({
      texts: one.texts.flatMap(({ readout }) => (readout.words > 0 ? [readout] : [])),
      total: one.total,
    }),
  ) as [Side, Side];
  const comparison = comparisonFor(...sides, paired);
  if (comparison === 'log_odds')
    notes.push(
      'Single texts are compared word by word, as if words were independent: the intervals are rather too narrow.',
    );
  return {
    comparison,
    n: sides[0].texts.length,
    nReference: sides[1].texts.length,
    rows: differences(...sides, comparison),
  };
}

/** The texts that both sets have under the same name, each with words, in the same order. */
function inPairs(set: TextSet, reference: TextSet): [TextSet, TextSet] {
  const others = new Map(reference.texts.map(one => [one.name, one]));
  const missing = set.texts.find(({ name }) => !others.has(name))?.name;
  if (missing !== undefined || others.size !== set.texts.length || reference.texts.length !== others.size)
    throw new StudioError(
      'bad_input',
      missing === undefined
        ? `The texts do not make pairs: ${set.texts.length} here, ${reference.texts.length} in the reference.`
        : `“${missing}” has no partner in the reference.`,
      {
        field: 'paired',
        action:
          'Pairs are texts of the same name (file or row). Give each a partner, or compare without pairs.',
      },
    );
  const pairs = set.texts
    .map(one => [one, others.get(one.name) as (typeof set.texts)[number]] as const)
    .filter(([one, other]) => one.readout.words > 0 && other.readout.words > 0);
  return [
    { ...set, texts: pairs.map(([one]) => one) },
    { ...reference, texts: pairs.map(([, other]) => other) },
  ];
}
