import { expect, it } from 'vitest';
import { sizeOfKey } from './textSize.svelte.ts';

it('knows the keys for larger, smaller and usual text, on every keyboard', () => {
  expect(['+', '=', '-', '_', '0', '1', 'z'].map(key => sizeOfKey({ key }))).toEqual([
    1,
    1,
    -1,
    -1,
    0,
    null,
    null,
  ]);
});
