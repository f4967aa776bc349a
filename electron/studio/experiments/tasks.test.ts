/** Tasks and the rules that check their answers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resourcesFolder } from '../../host.ts';
import { arithmeticProblems, numberIn, requestMaterial, requestsOf } from './tasks.ts';

describe('arithmetic', () => {
  test('problems are right, different, and the same for a seed', () => {
    const problems = arithmeticProblems(80, ['plus', 'minus', 'times'], 12, 5);
    expect(problems).toHaveLength(80);
    expect(new Set(problems.map(({ question }) => question)).size).toBe(80);
    for (const { question, answer } of problems) {
      const [, a, kind, b] = question.match(/What is (\d+) (plus|minus|times) (\d+)\?/) ?? [];
      const [x, y] = [Number(a), Number(b)];
      expect(answer).toBe(kind === 'plus' ? x + y : kind === 'minus' ? x - y : x * y);
      expect(answer).toBeGreaterThanOrEqual(0);
      expect(Math.max(x, y)).toBeLessThanOrEqual(12);
    }
    expect(arithmeticProblems(80, ['plus', 'minus', 'times'], 12, 5)).toEqual(problems);
    expect(arithmeticProblems(80, ['plus', 'minus', 'times'], 12, 6)).not.toEqual(problems);
  });

  test('there are only so many', () => {
    expect(arithmeticProblems(100, ['plus'], 3, 1)).toHaveLength(9);
    expect(arithmeticProblems(100, ['minus', 'minus'], 3, 1)).toHaveLength(6);
  });

  test.each([
    ['7', 7],
    ['7 is the sum of 3 and 4.', 7],
    ['3 plus 4 is 7.', 3], // An answer that begins with a number means that one.
    ['The sum of 3 and 4 is 7.', 7],
    ['It makes 1,024.', 1024],
    ['-3', -3],
    ['Seven, I think.', 7],
    ['That is nineteen.', 19],
    ['No idea.', null],
    ['', null],
  ])('%j gives %j', (text, wanted) => expect(numberIn(text)).toBe(wanted));
});

describe('requests', () => {
  const material = requestMaterial.parse(
    JSON.parse(readFileSync(join(resourcesFolder, 'capability', 'requests.json'), 'utf8')),
  );
  const all = requestsOf(material, 1000, 7);
  const rules = [...new Set(all.map(({ rule }) => rule))];

  test('are spread evenly over the rules, never twice the same, and seeded', () => {
    const some = requestsOf(material, 36, 7);
    expect(rules).toHaveLength(12);
    for (const rule of rules) expect(some.filter(request => request.rule === rule)).toHaveLength(3);
    expect(new Set(all.map(({ question }) => question)).size).toBe(all.length);
    expect(requestsOf(material, 36, 8).map(({ question }) => question)).not.toEqual(
      some.map(({ question }) => question),
    );
  });

  test.each([
    ['one word', 'Bread.', 'Fresh bread.'],
    ['yes or no', 'No.', 'No, never.'],
    ['at most ten words', 'One two three.', 'One two three four five six seven eight nine ten eleven.'],
    ['one sentence', 'I read at home.', 'I read. Then I sleep.'],
    ['three sentences', 'I read. I eat! Do I sleep?', 'I read. I eat.'],
    ['capital letters', 'I STAY AT HOME.', 'I stay at home.'],
    ['capital letters', 'AT 9, AT HOME.', '9.'],
    ['avoid a word', 'Reading is good.', 'I read.'],
    ['end with a question', 'I read. And you?', 'And you? I read.'],
    ['no commas', 'I read and eat.', 'I read, and eat.'],
    ['a number', '4', '6'],
  ])('%s: %j follows, %j does not', (rule, good, bad) => {
    const { follows } = all.find(request => request.rule === rule) ?? {};
    expect(follows?.(good)).toBe(true);
    expect(follows?.(bad)).toBe(false);
  });

  test('with a word look for that very word', () => {
    for (const { rule, question, follows } of all) {
      const word = /“(\w+)”/.exec(question)?.[1] ?? '';
      if (rule === 'use a word') {
        expect(follows(`There is a ${word} here.`)).toBe(true);
        expect(follows(`There is a ${word}x here.`)).toBe(false);
      }
      if (rule === 'begin with a word') {
        expect(follows(`${word} comes first.`)).toBe(true);
        expect(follows(`First comes ${word}.`)).toBe(false);
      }
    }
  });

  test('an empty answer follows none', () => {
    for (const { follows } of all) for (const text of ['', '  ', '…']) expect(follows(text)).toBe(false);
  });
});
