import { describe, expect, test } from 'vitest';
import { type LoreEntry, lorebook, loreEntry } from '../terms.ts';
import { toldOf } from './lorebook.ts';

const entry = (content: string, more: Partial<LoreEntry> = {}) => loreEntry.parse({ content, ...more });
const told = (entries: LoreEntry[], messages: string[], more: object = {}) =>
  toldOf(lorebook.parse({ entries, ...more }), messages).map(({ content }) => content);

describe('an entry of a lorebook', () => {
  const lamp = entry('The lamp is old.', { keys: ['lamp', 'Light house'] });

  test('is told when one of its keys has come up, in any case, and not before', () => {
    expect(told([lamp], [])).toEqual([]);
    expect(told([lamp], ['How are you?'])).toEqual([]);
    expect(told([lamp], ['Who lights the LAMPS?'])).toEqual(['The lamp is old.']);
    expect(told([lamp], ['The light house!'])).toEqual(['The lamp is old.']);
    const exact = entry('x', { keys: ['Lamp'], caseSensitive: true });
    expect(told([exact], ['lamp'])).toEqual([]);
    expect(told([exact], ['Lamp'])).toEqual(['x']);
  });

  test('is forgotten when its key is further back than is looked', () => {
    const messages = ['The lamp?', 'Yes.', 'Good.'];
    expect(told([lamp], messages, { scanDepth: 3 })).toEqual(['The lamp is old.']);
    expect(told([lamp], messages, { scanDepth: 2 })).toEqual([]);
    expect(told([lamp], messages, { scanDepth: 0 })).toEqual([]);
  });

  test('may need a second key, be always told, or be switched off', () => {
    const both = entry('both', { keys: ['lamp'], secondaryKeys: ['oil', 'wick'] });
    expect(told([both], ['the lamp'])).toEqual([]);
    expect(told([both], ['the lamp', 'its wick'])).toEqual(['both']);
    expect(told([entry('always', { always: true })], [])).toEqual(['always']);
    expect(told([entry('off', { always: true, enabled: false })], [])).toEqual([]);
    // An empty key is in every text.
    expect(told([entry('x', { keys: ['', ' '] })], ['anything'])).toEqual([]);
  });

  test('brings up others only where the book says so', () => {
    const entries = [
      entry('Oil comes from Kell.', { keys: ['lamp'] }),
      entry('Kell is far.', { keys: ['kell'] }),
    ];
    expect(told(entries, ['lamp'])).toEqual(['Oil comes from Kell.']);
    expect(told(entries, ['lamp'], { recursive: true })).toEqual(['Oil comes from Kell.', 'Kell is far.']);
  });

  test('comes in its order, and the least important goes when there is too much', () => {
    const entries = [
      entry('a'.repeat(40), { always: true, order: 2, priority: 1 }),
      entry('b'.repeat(40), { always: true, order: 1, priority: 3 }),
      entry('c'.repeat(40), { always: true, order: 0, priority: 2 }),
    ];
    expect(told(entries, []).map(([first]) => first)).toEqual(['c', 'b', 'a']);
    // Two of ten tokens each.
    expect(told(entries, [], { tokenBudget: 20 }).map(([first]) => first)).toEqual(['c', 'b']);
    expect(told(entries, [], { tokenBudget: 0 })).toEqual([]);
  });
});
