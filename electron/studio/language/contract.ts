/** Readouts of language: what is counted in texts, sets of texts compared, and how they change from turn to turn. */
import { z } from 'zod';
import { trait } from '../terms.ts';

export const readout = z.object({
  words: z.int(),
  sentences: z.int(),
  /** Share of the words in each lexicon category, in per cent; a word may count in several. */
  categories: z.record(z.string(), z.number()),
  /** Share of the words that are in any category, in per cent. */
  coverage: z.number(),
});
export type Readout = z.infer<typeof readout>;

/** A readout with the other usual counts and, for one text or a whole set, the words behind the figures. */
export const textReadout = readout.extend({
  wordsPerSentence: z.number(),
  /** Share of the words with more than six letters, in per cent. */
  longWords: z.number(),
  /** Punctuation marks per 100 words, by kind, and `all` of them; signs of the lexicon's emoticons are none. */
  punctuation: z.record(z.string(), z.number()),
  /** Figures made of several categories; null where undefined. resources/lexicon/README.md defines them. */
  composites: z.record(z.string(), z.number().nullable()),
  /** Flesch's reading ease and Kincaid's school grade, for English; `enough`: of 100 words or more. */
  readability: z.object({ readingEase: z.number(), grade: z.number(), enough: z.boolean() }).nullable(),
  /**
   * Mean over the sentences of VADER's compound score, −1 (negative) … 1 (positive), for English: a list of rated words with
   * rules for negation and emphasis (Hutto & Gilbert 2014), no understanding of the text. Null in other
   * languages and in sets of more than two million characters.
   */
  sentiment: z.number().nullable(),
  /** What a reader should know before using the figures. */
  notes: z.array(z.string()),
  /** Words, phrases and signs by category, most frequent first; `at`: start and end of each in the text (UTF-16). */
  found: z
    .record(
      z.string(),
      z.array(
        z.object({
          word: z.string(),
          count: z.int(),
          at: z.array(z.tuple([z.int(), z.int()])).optional(),
        }),
      ),
    )
    .optional(),
  /** Parent of each category that has one. */
  parents: z.record(z.string(), z.string()).optional(),
});
export type TextReadout = z.infer<typeof textReadout>;

/** Of an answer in the log: whose it is (pane or persona), and to which question of its conversation, from 1. */
const place = { voice: z.string(), turn: z.int() };
/** An answer in the log; `name` is the id of its run. */
const answer = z.object({ name: z.string(), text: z.string(), ...place });

/** Texts to read: given, on disk, or answers in the log. */
export const textSource = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('texts'),
    /** What they are called together: a file or a folder. */
    name: z.string().min(1).max(400).optional(),
    texts: z.array(z.object({ name: z.string(), text: z.string() })).min(1),
  }),
  z.object({
    kind: z.literal('path'),
    /** A text file, a folder of them, or a table (.csv, .tsv) with a text per row. */
    path: z.string().min(1),
    /** Heading of the table's column with the texts; may be absent where there is one column alone. */
    column: z.string().optional(),
  }),
  z.object({
    kind: z.literal('log'),
    /**
     * Answers of this conversation or of one of its panes, of personas of this name, or both; of all that were logged when
     * absent. Every take of an answer counts, also those that are not in view.
     */
    conversation: z.string().optional(),
    persona: z.string().optional(),
    /**
     * The answers as they were when a kept readout began, so that it can be done again, also in another studio; looked up in
     * the log when absent.
     */
    answers: z.array(answer).min(1).optional(),
  }),
]);
export type TextSource = z.infer<typeof textSource>;

export const readTextsInput = z.object({
  source: textSource,
  /** Texts to compare with. */
  reference: textSource.optional(),
  /** Compare texts of the same name in pairs. */
  paired: z.boolean().default(false),
  /** Name in the folder of dictionaries, or path; the studio's own lexicon when absent. */
  dictionary: z.string().optional(),
  /** Show what the literature expects of this trait's high pole. */
  trait: trait.optional(),
});

/** Files that are sent, to be read as `texts`: text files, or one table with its column as of `path`. */
const sentFiles = z.object({
  kind: z.literal('files'),
  name: z.string().min(1).max(400),
  files: z.array(z.object({ name: z.string().min(1), file: z.file() })).min(1),
  column: z.string().optional(),
});
const sentSource = z.discriminatedUnion('kind', [...textSource.options, sentFiles]);
export type SentSource = z.infer<typeof sentSource>;
/** As `readTextsInput`; what a run of the log keeps of sent files are their texts. */
export const recordTextsInput = readTextsInput.extend({
  source: sentSource,
  reference: sentSource.optional(),
});

/** What a table of texts offers to be read. */
export const textTable = z.object({
  rows: z.int(),
  columns: z.array(
    z.object({
      name: z.string(),
      /** Cells that are not empty, and the mean of their lengths in characters. */
      filled: z.int(),
      length: z.number(),
      /** The beginning of the first of them. */
      example: z.string(),
    }),
  ),
});
export type TextTable = z.infer<typeof textTable>;

/** A text of a kept readout: the `place`-th of the set, from 0. */
export const readTextInput = z.object({
  run: z.string(),
  set: z.enum(['texts', 'reference']),
  place: z.int().min(0),
  /** A long text comes in parts: where this one begins, in UTF-16 units. */
  from: z.int().min(0).default(0),
});
export const readTextResult = z.object({
  name: z.string(),
  /** The part of it. */
  text: z.string(),
  /** Where the next part begins; null at the end. */
  next: z.int().nullable(),
  /** Of the whole text, with the words behind each figure; places are those in the part, from its beginning. */
  readout: textReadout,
});
export type ReadText = z.infer<typeof readTextResult>;

export const COMPARISONS = ['independent', 'paired', 'log_odds'] as const;
/** One figure of two sets of texts. `measure`: words, words per sentence, long words, sentiment; the others are categories. */
export const wordDifference = z.object({
  feature: z.string(),
  kind: z.enum(['category', 'measure']),
  /** Means over the texts; for `log_odds` of all words taken together. Per cent of the words, save for counts and sentiment. */
  value: z.number(),
  reference: z.number(),
  difference: z.number(),
  /** 95 % interval of the difference; null for `log_odds` and where nothing varies. */
  ci95: z.tuple([z.number(), z.number()]).nullable(),
  /** Hedges' g, d_z or the log-odds ratio (natural logarithm), by the comparison. */
  effect: z.number().nullable(),
  effectCi95: z.tuple([z.number(), z.number()]).nullable(),
  p: z.number().nullable(),
  /** p adjusted over all rows (Benjamini & Hochberg 1995). */
  q: z.number().nullable(),
});
export type WordDifference = z.infer<typeof wordDifference>;

const textSet = z.object({
  texts: z.array(
    z.object({
      name: z.string(),
      readout: textReadout,
      voice: place.voice.optional(),
      turn: place.turn.optional(),
    }),
  ),
  /** All texts as if they were one; its words have no places. */
  total: textReadout,
  /**
   * 95 % intervals of the total's figures, for texts as a sample of such texts: by category, and `words_per_sentence`,
   * `long_words`, `sentiment`. Figures that no interval can be given for are left out; absent for a single text.
   */
  intervals: z.record(z.string(), z.tuple([z.number(), z.number()])).optional(),
});
/** What changes from turn to turn in the answers of one pane or persona. */
export const trend = z.object({
  voice: z.string(),
  turns: z.array(
    z.object({
      turn: z.int(),
      texts: z.int(),
      words: z.int(),
      /** All answers of the turn as one: shares in per cent, words per answer, words per sentence, sentiment. */
      values: z.record(z.string(), z.number()),
      /** A local regression through all answers (Cleveland 1979), at this turn; absent below four turns. */
      smooth: z.record(z.string(), z.number()).optional(),
    }),
  ),
  /** Rank correlation of turn and figure over the answers that have words; figures that never vary are left out. */
  changes: z.array(
    z.object({
      feature: z.string(),
      n: z.int(),
      rho: z.number(),
      ci95: z.tuple([z.number(), z.number()]).nullable(),
      /** Exact up to eight answers: the share of all orders of the figures with such a correlation. Else from t. */
      p: z.number().nullable(),
      /** p adjusted over the figures (Benjamini & Hochberg 1995). */
      q: z.number().nullable(),
    }),
  ),
});
export type Trend = z.infer<typeof trend>;

export const readTextsResult = textSet.extend({
  lexicon: z.object({
    name: z.string(),
    /** File, and SHA-256 of its bytes. */
    file: z.string(),
    hash: z.string(),
    categories: z.array(z.object({ key: z.string(), title: z.string(), parent: z.string().nullable() })),
  }),
  reference: textSet.nullable(),
  differences: z
    .object({
      comparison: z.enum(COMPARISONS),
      n: z.int(),
      nReference: z.int(),
      rows: z.array(wordDifference),
    })
    .nullable(),
  /** What the literature expects of the trait's high pole, and what was found: null without a reference. */
  expected: z
    .array(
      z.object({
        feature: z.string(),
        direction: z.enum(['more', 'less']),
        strength: z.string(),
        sources: z.array(z.string()),
        value: z.number(),
        found: z.enum(['as expected', 'opposite', 'not clear']).nullable(),
      }),
    )
    .nullable(),
  /** Of answers in the log, a trend for each voice of the texts, then of the reference; null for other texts. */
  trends: z.array(trend).nullable(),
  notes: z.array(z.string()),
});
export type ReadTextsResult = z.infer<typeof readTextsResult>;

export const dictionary = z.object({
  /** Name in the folder of dictionaries, or path. */
  name: z.string(),
  path: z.string(),
  categories: z.int(),
  entries: z.int(),
  /** Entries that were left out or joined, with their lines. */
  remarks: z.array(z.object({ line: z.int(), message: z.string() })),
});
export type DictionaryInfo = z.infer<typeof dictionary>;

export const voice = z.object({
  /** The persona's name. */
  name: z.string(),
  answers: z.int(),
  conversations: z.int(),
});
export type Voice = z.infer<typeof voice>;
