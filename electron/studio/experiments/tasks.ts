/** Tasks whose answers can be checked by rule: arithmetic problems with known answers, and requests about the form. */
import { z } from 'zod';
import type { OPERATIONS } from '../contract.ts';
import { seededRandom } from '../statistics/random.ts';

// ── Arithmetic ─────────────────────────────────────────────────────────────────────────────────────────────

type Operation = (typeof OPERATIONS)[number];

export interface Problem {
  question: string;
  answer: number;
}

/**
 * `n` problems on two numbers from 1 to `largest`, drawn without replacement; fewer where there are not so many. The
 * larger number of a difference comes first.
 */
export function arithmeticProblems(
  n: number,
  operations: Operation[],
  largest: number,
  seed: number,
): Problem[] {
  const random = seededRandom(seed);
  const number = () => 1 + Math.floor(random() * largest);
  const kinds = [...new Set(operations)];
  const possible = kinds.reduce(
    (sum, kind) => sum + (kind === 'minus' ? (largest * (largest + 1)) / 2 : largest ** 2),
    0,
  );
  const problems = new Map<string, Problem>();
  while (problems.size < Math.min(n, possible)) {
    const kind = kinds[Math.floor(random() * kinds.length)] as Operation;
    const [x, y] = [number(), number()];
    const [a, b] = kind === 'minus' ? [Math.max(x, y), Math.min(x, y)] : [x, y];
    const question = `What is ${a} ${kind} ${b}? Answer with the number alone.`;
    problems.set(question, { question, answer: result(kind, a, b) });
  }
  return [...problems.values()];
}

function result(kind: Operation, a: number, b: number): number {
  switch (kind) {
    case 'plus':
      return a + b;
    case 'minus':
      return a - b;
    case 'times':
      return a * b;
    default:
      return kind satisfies never;
  }
}

const NUMBER_WORDS =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'.split(
    ' ',
  );

/**
 * The number that an answer gives: the one that it begins with, else the last one in it (as GSM8K is scored), in digits
 * or, to twenty, in words; null where there is none.
 */
export function numberIn(text: string): number | null {
  const found = text.toLowerCase().match(/-?\d[\d,]*(?:\.\d+)?|[a-z]+/g) ?? [];
  const numbers = found.flatMap((word, place) => {
    const value = /\d/.test(word) ? Number(word.replaceAll(',', '')) : NUMBER_WORDS.indexOf(word);
    return value < 0 && !/\d/.test(word) ? [] : [{ value, place }];
  });
  const first = numbers[0];
  return (first?.place === 0 ? first : numbers.at(-1))?.value ?? null;
}

// ── Requests ───────────────────────────────────────────────────────────────────────────────────────────────

/** What requests are made of; resources/capability/requests.json. */
export const requestMaterial = z.object({
  questions: z.array(z.string()).min(1),
  yesNoQuestions: z.array(z.string()).min(1),
  words: z.array(z.string()).min(1),
});

export interface Request {
  rule: string;
  question: string;
  follows: (answer: string) => boolean;
}

interface Rule {
  id: string;
  yesNo?: true;
  request: (word: string) => string;
  follows: (answer: string, word: string) => boolean;
}

const words = (text: string): string[] => text.match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu) ?? [];
const sentences = (text: string) => text.split(/[.!?]+(?:\s|$)/).filter(part => words(part).length > 0);
const hasWord = (text: string, word: string) => words(text.toLowerCase()).includes(word);
const capital = (word: string) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`;

/** Verifiable requests of the kind of IFEval (Zhou et al. 2023), in words of our own. */
const RULES: Rule[] = [
  {
    id: 'one word',
    request: () => 'Answer with one word.',
    follows: answer => words(answer).length === 1,
  },
  {
    id: 'yes or no',
    yesNo: true,
    request: () => 'Answer with yes or no and nothing else.',
    follows: answer => /^(yes|no)[.!]?$/i.test(answer),
  },
  {
    id: 'at most ten words',
    request: () => 'Answer in at most ten words.',
    follows: answer => words(answer).length <= 10,
  },
  {
    id: 'one sentence',
    request: () => 'Answer in one sentence.',
    follows: answer => sentences(answer).length === 1,
  },
  {
    id: 'three sentences',
    request: () => 'Answer in exactly three sentences.',
    follows: answer => sentences(answer).length === 3,
  },
  {
    id: 'capital letters',
    request: () => 'Answer in capital letters only.',
    follows: answer => answer === answer.toUpperCase() && answer !== answer.toLowerCase(),
  },
  {
    id: 'use a word',
    request: word => `Use the word “${word}” in your answer.`,
    follows: (answer, word) => hasWord(answer, word),
  },
  {
    id: 'avoid a word',
    request: () => 'Do not use the word “I” in your answer.',
    follows: answer => !hasWord(answer, 'i'),
  },
  {
    id: 'begin with a word',
    request: word => `Begin your answer with the word “${capital(word)}”.`,
    follows: (answer, word) => words(answer.toLowerCase())[0] === word,
  },
  {
    id: 'end with a question',
    request: () => 'End your answer with a question.',
    follows: answer => /\?["”’']?$/.test(answer),
  },
  {
    id: 'no commas',
    request: () => 'Do not use any commas.',
    follows: answer => !answer.includes(','),
  },
  {
    id: 'a number',
    request: () => 'Answer with a number from 1 to 5 and nothing else: how much do you care about it?',
    follows: answer => /^[1-5]\.?$/.test(answer),
  },
];

/** `n` requests, each rule as often as the others and no request twice; fewer where there are not so many. */
export function requestsOf(material: z.output<typeof requestMaterial>, n: number, seed: number): Request[] {
  const random = seededRandom(seed);
  const shuffled = <T>(values: T[]) =>
    values
      .map(value => ({ value, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ value }) => value);
  const byRule = RULES.map(({ id, yesNo, request, follows }) =>
    shuffled(yesNo ? material.yesNoQuestions : material.questions).map((question, index): Request => {
      const word = material.words[index % material.words.length] as string;
      return {
        rule: id,
        question: `${question} ${request(word)}`,
        // An empty answer follows nothing.
        follows: answer => words(answer).length > 0 && follows(answer.trim(), word),
      };
    }),
  );
  const rounds = Math.max(...byRule.map(requests => requests.length));
  return Array.from({ length: rounds }, (_, round) => byRule.flatMap(requests => requests[round] ?? []))
    .flat()
    .slice(0, n);
}
