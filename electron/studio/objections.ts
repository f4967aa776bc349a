/** Words what schemas object to for people who fill in forms, options and files; holds for every schema once it is imported. */
import { z } from 'zod';

const KINDS: Partial<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object with named fields',
  record: 'an object with named fields',
};

/** What a size counts, one and many of it; numbers are compared themselves. */
const COUNTED: Partial<Record<string, [string, string]>> = {
  string: ['character', 'characters'],
  array: ['entry', 'entries'],
  set: ['entry', 'entries'],
  map: ['entry', 'entries'],
};
const counted = (size: number | bigint, [one, many]: [string, string]) =>
  `${size} ${Number(size) === 1 ? one : many}`;

z.config({
  customError: issue => {
    const { input } = issue;
    switch (issue.code) {
      case 'invalid_type':
        return input === undefined ? 'it is missing' : `it is not ${KINDS[issue.expected] ?? issue.expected}`;
      case 'invalid_value':
        if (input === undefined || input === '') return 'it is missing';
        return issue.values.length === 1
          ? `it is not ${String(issue.values[0])}`
          : `${typeof input === 'string' ? `“${input}”` : 'it'} is none of ${issue.values.map(String).join(', ')}`;
      case 'too_small': {
        const { origin, minimum, inclusive } = issue;
        if (input === '') return 'it is empty';
        const things = COUNTED[origin];
        if (things) return `it needs at least ${counted(minimum, things)}`;
        return `it must be ${inclusive === false ? 'above' : 'at least'} ${minimum}`;
      }
      case 'too_big': {
        const { origin, maximum, inclusive } = issue;
        const things = COUNTED[origin];
        if (things) return `it can have ${counted(maximum, things)} at most`;
        return `it must be ${inclusive === false ? 'below' : 'at most'} ${maximum}`;
      }
      default:
        return undefined;
    }
  },
});
