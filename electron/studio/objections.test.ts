import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { profilesInput, trait } from './contract.ts';
import { inWords } from './errors.ts';

const objection = (schema: z.ZodType, given: unknown) =>
  inWords(schema.safeParse(given).error?.issues ?? []).message;

describe('what a schema objects to', () => {
  test.each([
    [z.object({ n: profilesInput.shape.n }), { n: 2 }, 'n: it must be at least 3'],
    [z.object({ n: z.number().gt(0).max(5) }), { n: 0 }, 'n: it must be above 0'],
    [z.object({ n: z.number().gt(0).max(5) }), { n: 9 }, 'n: it must be at most 5'],
    [z.object({ n: z.int() }), { n: 1.5 }, 'n: it is not a whole number'],
    [z.object({ n: z.number() }), { n: Number.NaN }, 'n: it is not a number'],
    [z.object({ name: z.string().min(1) }), {}, 'name: it is missing'],
    [z.object({ name: z.string().min(1) }), { name: '' }, 'name: it is empty'],
    [
      z.object({ which: trait }),
      { which: 'happiness' },
      'which: “happiness” is none of openness, conscientiousness',
    ],
    [z.array(z.string()).min(2), ['a'], 'input: it needs at least 2 entries'],
    [z.array(z.string()).max(1), ['a', 'b'], 'input: it can have 1 entry at most'],
    [z.object({ version: z.literal(2) }), { version: 3 }, 'version: it is not 2'],
    [z.object({ all: z.record(z.string(), z.string()) }), { all: [] }, 'all: it is not an object'],
  ])('is said in plain words', (schema, given, words) => {
    expect(objection(schema, given)).toContain(words);
  });

  test('is left as it is where the schema words it itself', () => {
    expect(objection(z.number({ error: 'name a number' }), 'x')).toBe('input: name a number');
  });
});
