import { expect, it } from 'vitest';
import { addressOf, placeOf } from './place.svelte.ts';

it('reads the address that it writes', () => {
  expect(placeOf(addressOf('library'))).toEqual({ view: 'library', item: null });
  expect(placeOf(addressOf('personas', 'a/b %'))).toEqual({ view: 'personas', item: 'a/b %' });
});

it('is the studio where the address names no view', () => {
  for (const hash of ['', '#', '#/', '#/nowhere/x', '#library'])
    expect(placeOf(hash)).toEqual({ view: 'studio', item: null });
  expect(placeOf('#/library/%E0%A4%A')).toEqual({ view: 'library', item: null });
});
