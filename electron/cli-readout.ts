/** The terminal's command that counts words: of texts on disk, of standard input, of answers in the log. */
import type { RouterClient } from '@orpc/server';
import type { Command } from 'commander';
import { by } from './cli-recipe.ts';
import { table } from './cli-text.ts';
import * as schema from './studio/contract.ts';
import { TRAITS } from './studio/contract.ts';
import { StudioError } from './studio/errors.ts';
import { decodeText, isTable } from './studio/language/texts.ts';
import type { Studio } from './studio/studio.ts';

type Client = RouterClient<Studio['router']>;

/** What cli.ts lends: see there. */
interface Terminal {
  command(name: string, description: string, parent?: Command): Command;
  perform<T>(work: (client: Client) => Promise<T>, show: (result: T) => string): Promise<void>;
  follow<R>(client: Client, starting: Promise<{ run: string }>): Promise<R & { run: string }>;
  reportBroken<T extends { broken: { message: string }[] }>(listing: T): T;
  signal: AbortSignal;
}

const HELP = `
A text is a file; a folder is a text per .txt or .md file in it; a table with headings is a text per row.
Two or more texts on both sides are compared by their means, single texts by their words. With --json the words
behind each figure are in the result, for one text with their places. With --save the readout is a run, which
“tables”, “report”, “export”, “bundle” and “rerun” take; the answers that were read are kept in it.`;

export function readoutCommand({ command, perform, follow, reportBroken, signal }: Terminal): void {
  command(
    'readout',
    'which words a text uses: shares of the lexicon’s categories, and differences from a reference',
  )
    .argument('[path]', 'text file, folder of text files, table (.csv, .tsv), or - for standard input')
    .option('--column <name>', 'column of the table that holds the texts')
    .option('--conversation <id>', 'instead of a path: the answers of this conversation in the log')
    .option('--persona <name>', 'instead of a path: the answers of the persona of this name in the log')
    .option(
      '--dictionary <file>',
      'your own, .dic, .dicx or .csv: a path, or a name in the folder of dictionaries; en or de: the studio’s own, which is else chosen by the texts',
    )
    .option('--dictionaries', 'list the folder of dictionaries instead')
    .option('--reference <path>', 'compare with this text, folder or table (same column)')
    .option('--reference-persona <name>', 'compare with the answers of the persona of this name in the log')
    .option('--paired', 'compare texts of the same name in pairs', false)
    .option(
      '--trait <name>',
      `beside it, what the literature expects of the high pole: ${TRAITS.join(' | ')}`,
      by(schema.trait),
    )
    .option('--save', 'keep the readout as a run of the log', false)
    .addHelpText('after', HELP)
    .action(
      async (
        path: string | undefined,
        { dictionaries, save, ...options }: ReadoutOptions & { save: boolean },
      ) => {
        if (dictionaries)
          return perform(async client => reportBroken(await client.language.dictionaries()), dictionaryList);
        const source = await readoutSource(path, options);
        const { paired, dictionary, trait } = options;
        const input = { source, reference: referenceSource(options), paired, dictionary, trait };
        await perform<schema.ReadTextsResult & { run?: string }>(
          async client => {
            const result = save
              ? await follow<schema.ReadTextsResult>(client, client.language.record(input))
              : await client.language.read(input, { signal });
            for (const note of [...result.notes, ...result.total.notes]) console.error(`Note: ${note}`);
            return result;
          },
          result =>
            result.run ? `${readoutText(result)}\n\nKept as run ${result.run}` : readoutText(result),
        );
      },
    );
}

interface ReadoutOptions {
  column?: string;
  conversation?: string;
  persona?: string;
  dictionary?: string;
  dictionaries?: boolean;
  reference?: string;
  referencePersona?: string;
  paired: boolean;
  trait?: schema.Trait;
}

async function readoutSource(
  path: string | undefined,
  { column, conversation, persona, reference }: ReadoutOptions,
): Promise<schema.TextSource> {
  const log = conversation !== undefined || persona !== undefined;
  if (log === (path !== undefined))
    throw new StudioError('bad_input', 'What is to be read? Name one source.', {
      action: 'A path, - for standard input, or --conversation or --persona for answers in the log.',
    });
  if (log) return { kind: 'log', conversation, persona };
  if (path === '-') return { kind: 'texts', texts: [{ name: '-', text: await standardInput() }] };
  // A column may be meant for the reference alone.
  const own = isTable(path as string) || reference === undefined || !isTable(reference);
  return { kind: 'path', path: path as string, column: own ? column : undefined };
}

function referenceSource({
  column,
  reference,
  referencePersona,
}: ReadoutOptions): schema.TextSource | undefined {
  if (reference !== undefined && referencePersona !== undefined)
    throw new StudioError('bad_input', 'There are two references.', {
      action: 'Give --reference or --reference-persona.',
    });
  if (referencePersona !== undefined) return { kind: 'log', persona: referencePersona };
  if (reference === undefined) return undefined;
  return { kind: 'path', path: reference, column: isTable(reference) ? column : undefined };
}

async function standardInput(): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  return decodeText(Buffer.concat(pieces), '-');
}

function dictionaryList({
  dictionaries,
  folder,
  own,
}: {
  dictionaries: schema.DictionaryInfo[];
  folder: string;
  own: { language: string; name: string }[];
}) {
  const rows = dictionaries.map(({ name, categories, entries, remarks }) => [
    name,
    `${categories} categories`,
    `${entries} entries`,
    remarks.length > 0 ? `${remarks.length} remarks, see --json` : '',
  ]);
  const studios = table(own.map(({ language, name }) => [language, name]));
  if (rows.length === 0) return `${studios}\nNone of yours. Put .dic, .dicx or .csv files into ${folder}.`;
  return `${studios}\n${table(rows)}`;
}

function readoutText(result: schema.ReadTextsResult): string {
  const { texts, total, lexicon, reference, differences, expected } = result;
  const percent = (value: number) => value.toFixed(2);
  const marks = Object.entries(total.punctuation).flatMap(([name, count]) =>
    count > 0 ? [`${name} ${percent(count)}`] : [],
  );
  const head = [
    `${texts.length} ${texts.length === 1 ? 'text' : 'texts'}, ${total.words} words, ${total.wordsPerSentence.toFixed(1)} a sentence, ${percent(total.longWords)} % of more than six letters`,
    `${percent(total.coverage)} % of the words are in ${lexicon.name}`,
    ...(total.readability
      ? [
          `Reading ease ${total.readability.readingEase.toFixed(1)}, grade ${total.readability.grade.toFixed(1)}${total.readability.enough ? '' : ' (rough: fewer than 100 words)'}`,
        ]
      : []),
    ...(total.sentiment === null
      ? []
      : [
          `Sentiment ${total.sentiment.toFixed(2)}, mean over the sentences, −1 … 1 (VADER, a word list with rules; Hutto & Gilbert 2014)`,
        ]),
    ...Object.entries(total.composites).map(
      ([name, value]) => `${name} ${value === null ? 'undefined' : percent(value)}`,
    ),
    ...(marks.length > 0 ? [`Per 100 words: ${marks.join(', ')}`] : []),
  ].join('\n');
  const parts = [head];
  if (differences && reference) parts.push(differenceTable(differences));
  else {
    const rows = lexicon.categories
      .filter(({ key }) => (total.categories[key] ?? 0) > 0)
      .map(({ key }) => [
        `${'  '.repeat(depthOf(key, lexicon.categories))}${key}`,
        percent(total.categories[key] ?? 0),
        (total.found?.[key] ?? [])
          .slice(0, MOST_WORDS)
          .map(({ word, count }) => (count > 1 ? `${word} ${count}` : word))
          .join(', '),
      ]);
    parts.push(table([['category', '%', 'words'], ...rows]));
  }
  if (expected) {
    const rows = expected.map(({ feature, direction, strength, value, found }) => [
      feature,
      direction,
      strength,
      percent(value),
      found ?? 'no reference',
    ]);
    const sources = [...new Set(expected.flatMap(each => each.sources))];
    parts.push(
      `Expected of the high pole, in people:\n${table([['', 'expected', 'correlation', 'here', ''], ...rows])}`,
      sources.join('\n'),
    );
  }
  return parts.join('\n\n');
}

/** Words shown behind a category. */
const MOST_WORDS = 8;

function depthOf(key: string, categories: { key: string; parent: string | null }[]): number {
  const parent = categories.find(each => each.key === key)?.parent;
  return parent ? 1 + depthOf(parent, categories) : 0;
}

function differenceTable({
  comparison,
  n,
  nReference,
  rows,
}: NonNullable<schema.ReadTextsResult['differences']>): string {
  const what = {
    independent: `Means of ${n} texts against ${nReference}, Welch’s interval, Hedges’ g; q by Benjamini & Hochberg`,
    paired: `Means of ${n} pairs of texts, paired t interval, d_z; q by Benjamini & Hochberg`,
    log_odds:
      'Words of one text against another: log-odds ratio with a Dirichlet prior; q by Benjamini & Hochberg',
  }[comparison];
  const number = (value: number | null) => value?.toFixed(2) ?? '–';
  const interval = (ci: [number, number] | null) => (ci ? `[${number(ci[0])}, ${number(ci[1])}]` : '');
  const shown = rows.filter(row => row.value !== 0 || row.reference !== 0);
  const cells = shown.map(row => [
    row.feature,
    number(row.value),
    number(row.reference),
    number(row.difference),
    interval(row.ci95),
    number(row.effect),
    interval(row.effectCi95),
    row.q === null ? '–' : row.q < 0.001 ? '<.001' : row.q.toFixed(3),
  ]);
  const heads = ['', 'here', 'reference', 'difference', '95 %', 'effect', '95 %', 'q'];
  return `${what}\n${table([heads, ...cells])}`;
}
