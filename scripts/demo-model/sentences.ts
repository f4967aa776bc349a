/** What the corpora can say, for checking answers: every sentence of the content files as a pattern. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const content = join(import.meta.dirname, 'content');
/** Lines of a content file without its comment and blanks. */
export const lines = (name: string) =>
  readFileSync(join(content, name), 'utf8')
    .split('\n')
    .slice(1)
    .map(line => line.trim())
    .filter(Boolean);

const asked = (name: string) =>
  lines(name).map(line => {
    const [question = '', noun = ''] = line.split(' => ');
    return { question, noun };
  });

/** Questions that no corpus contains, with the noun that an answer on the topic names. Our texts grew with an eye on these: a hundred
 * of our own, and two hundred that somebody wrote without knowing the texts and that have been looked at since. */
export const heldOut = asked('held-out.txt');
/** Four hundred more that two people wrote without knowing the texts. */
export const fresh = asked('fresh.txt');

export const sentencesOf = (text: string) =>
  text
    .split(/(?<=[.!?])\s+/)
    .map(sentence => sentence.trim())
    .filter(Boolean);

const bare = (sentence: string) => sentence.replace(/[.!?]+$/, '').toLowerCase();
const quoted = (text: string) => text.replace(/[.*+?^${}()|\\]/g, '\\$&');

const VERBS: Record<string, string> = { is: 'are', was: 'were', has: 'have', does: 'do', goes: 'go' };
const verbOfMany = (verb: string) =>
  VERBS[verb] ?? (/^[a-z]{2,}[^s]s$/.test(verb) ? verb.slice(0, -1) : verb);

/** A sentence as it is about one thing or several: `agreeing_with_many` of dialogue.py. */
const oneOrMany = (sentence: string) =>
  sentence
    .replace(
      /((?:^|(?:,|\b(?:that|if|because|when|before|think|what|much|perhaps|somehow)) )\{x\} )(\[[^\]]+\]|[a-z]+)/g,
      (_, subject: string, verbs: string) => {
        const all = verbs.replace(/[[\]]/g, '').split('/');
        const many = all.map(words => words.replace(/^\S+/, verbOfMany));
        return `${subject}[${[...new Set([...all, ...many])].join('/')}]`;
      },
    )
    .replace(
      /(?<=^|\b(?:how|what|who|where|when|why|there) (?:\S+ )?)(is|was|has|does)( \{x\})/g,
      (_, verb: string, rest: string) => `[${verb}/${verbOfMany(verb)}]${rest}`,
    );

/** `I [really/truly] like {x}.` as a pattern: any alternative, up to six words in a slot. */
function pattern(entry: string): string[] {
  return sentencesOf(entry).map(sentence =>
    quoted(oneOrMany(bare(sentence)))
      .replace(/\[([^\]]+)\]/g, (_, words: string) => `(?:${words.replaceAll('/', '|')})`)
      .replace(/\\\{(?:x|do|ing)\\\}/g, "[\\w'-]+(?: [\\w'-]+){0,5}"),
  );
}

/** Entries that answers are made of, in the files whose lines are "kind: entry | entry". */
function spoken(name: string, kinds: string[]): string[] {
  return lines(name).flatMap(line => {
    const at = line.indexOf(': ');
    return kinds.includes(line.slice(0, at)) ? line.slice(at + 2).split(' | ') : [];
  });
}

const KINDS = ['open', 'plan', 'opinion', 'past', 'advice', 'react', 'close', 'say'];
const entries = [
  ...['voices.txt', 'things.txt', 'frames.txt', 'topics.txt'].flatMap(name => spoken(name, KINDS)),
  ...lines('chat.txt').flatMap(line => (line.split(' => ')[1] ?? '').split(' | ')),
];
const known = new RegExp(`^(?:${[...new Set(entries.flatMap(pattern))].join('|')})$`);

/** Whether a sentence is one of ours, with anything short in its slots: the generator's sentences are grammatical. Whether the verb
 * agrees with what is in the slot is not looked at. */
export const wellFormed = (sentence: string) => known.test(bare(sentence));

/** Whether an answer names the topic: the noun as a whole word, in singular or plural, in any case. */
export const names = (answer: string, noun: string) =>
  new RegExp(`\\b${quoted(noun.replace(/s$/, ''))}(?:s|es)?\\b`, 'i').test(answer);
