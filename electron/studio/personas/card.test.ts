import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { KeptPersona, Lorebook, Weights } from '../contract.ts';
import { keptPersona, lorebook, TRAITS } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { seededRandom } from '../statistics/random.ts';
import { cardInPng, cardOf, cardTexts, mixIn, personaOf, readCard, unusedIn } from './card.ts';
import { pictureOf, readPng, textOf, withTexts, writePng } from './png.ts';
import { emblemPng } from './portrait.ts';

const picture = emblemPng({ openness: 1 });
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const base64 = (value: unknown) => json(value).toString('base64');
const failure = (work: () => unknown): string => {
  try {
    work();
    return 'was read';
  } catch (error) {
    if (error instanceof StudioError) return `${error.data.code}: ${error.message}`;
    throw error;
  }
};
const kept = (more: object = {}): KeptPersona =>
  keptPersona.parse({
    ...{ id: 'a', name: 'Mara', notes: '', tags: [], picture: false, card: false, version: 1, versions: 1 },
    ...{ madeAt: '', createdAt: '', updatedAt: '', deleted: false, missing: [], needs: [], profile: null },
    persona: { name: 'Mara', recipe: { version: 2, base: 'demo', weights: { extraversion: 1 } } },
    ...more,
  });

const CARD = {
  spec: 'chara_card_v2',
  spec_version: '2.0',
  futureField: { kept: [1, 2, { deep: null }] },
  data: {
    name: 'Seraphine 🜂',
    description: '{{char}} keeps a lighthouse.',
    personality: 'patient, exact',
    scenario: 'A storm.',
    first_mes: 'You came.\n',
    mes_example: '<START>\n{{user}}: Hi\n{{char}}: Hm.',
    creator_notes: 'Be gentle.',
    system_prompt: '{{original}} Speak briefly.',
    post_history_instructions: 'Stay in the scene.',
    alternate_greetings: ['Again?'],
    character_book: { entries: [{ keys: ['lamp'], content: 'The lamp is old.', extensions: { x: 1 } }] },
    tags: [' sea ', 'sea', 'x'.repeat(60)],
    creator: 'Someone',
    character_version: '3',
    extensions: { depth_prompt: { depth: 4 }, talkativeness: '0.5' },
  },
};

describe('a character card', () => {
  test('becomes a persona by the template', () => {
    expect(personaOf(readCard(json(CARD), 'c'))).toEqual({
      name: 'Seraphine 🜂',
      system: 'Speak briefly.',
      rolePlay: {
        character:
          '{{char}} keeps a lighthouse.\n\nPersonality: patient, exact\n\nExample dialogue:\n<START>\n{{user}}: Hi\n{{char}}: Hm.',
        scenario: 'A storm.',
        firstMessage: 'You came.\n',
        lorebook: lorebook.parse({ entries: [{ keys: ['lamp'], content: 'The lamp is old.' }] }),
      },
      notes: 'Be gentle.',
      tags: ['sea', 'x'.repeat(40)],
    });
  });

  test('goes out as it came in, but for what was changed here and the studio’s own part', () => {
    const card = readCard(json(CARD), 'c');
    const { rolePlay, system, ...about } = personaOf(card);
    const same = kept({ ...about, persona: { ...kept().persona, name: about.name, rolePlay, system } });
    const out = cardOf(same, card, 2);
    expect(out).toMatchObject(CARD);
    expect(mixIn(out)?.recipe.weights).toEqual({ extraversion: 1 });

    const told = { ...same.persona, rolePlay: { ...rolePlay, character: 'A pirate.' } };
    const changed = cardOf({ ...same, name: 'Kit', persona: told }, card, 3);
    expect(changed.data).toMatchObject({
      name: 'Kit',
      description: 'A pirate.',
      personality: '',
      mes_example: '',
    });
    expect(changed.data).toMatchObject({ creator: 'Someone', scenario: 'A storm.', tags: CARD.data.tags });
    expect(changed).toMatchObject({
      spec: 'chara_card_v3',
      spec_version: '3.0',
      futureField: CARD.futureField,
    });
  });

  const BOOK = {
    ...{ name: 'The coast', scan_depth: 6, token_budget: 300, recursive_scanning: true },
    entries: [
      { keys: ['/lamp(s)?/'], content: 'x', use_regex: true, extensions: { kept: 1 } },
      {
        ...{
          keys: ['lamp'],
          content: '@@depth 4\n@@role user\nIt is old.',
          constant: true,
          extensions: { kept: 2 },
        },
        ...{
          selective: true,
          secondary_keys: ['oil'],
          insertion_order: 7,
          priority: 3,
          case_sensitive: true,
        },
        ...{ enabled: true, position: 'before_char' },
      },
      { keys: 'none' },
    ],
  };

  test('brings its lorebook, which goes out again with what was switched', () => {
    const card = readCard(json({ ...CARD, data: { ...CARD.data, character_book: BOOK } }), 'c');
    const { rolePlay, system, ...about } = personaOf(card);
    const entry = {
      ...{ keys: ['lamp'], secondaryKeys: ['oil'], content: 'It is old.', always: true, caseSensitive: true },
      ...{ order: 7, priority: 3, before: true, enabled: true },
    };
    expect(rolePlay.lorebook).toEqual({ scanDepth: 6, tokenBudget: 300, recursive: true, entries: [entry] });
    expect(unusedIn(card)[0]).toBe(
      'Of the lorebook 2 entries are kept and not used, for want of plain keys.',
    );

    const persona = (lore: typeof rolePlay.lorebook) => ({
      ...about,
      persona: { ...kept().persona, name: about.name, system, rolePlay: { ...rolePlay, lorebook: lore } },
    });
    expect(cardOf(kept(persona(rolePlay.lorebook)), card, 2).data.character_book).toEqual(BOOK);
    const off = { ...(rolePlay.lorebook as Lorebook), entries: [{ ...entry, enabled: false }] };
    const [first, second, third] = BOOK.entries;
    expect(cardOf(kept(persona(off)), card, 2).data.character_book).toEqual({
      ...BOOK,
      entries: [first, { ...second, enabled: false }, third],
    });
    // Without the card it came from, all that the studio knows goes out.
    expect(personaOf(cardOf(kept(persona(off)), null, 3)).rolePlay.lorebook).toEqual(off);
  });

  test('of version 1 is read, and repeated fields at the top follow the changes', () => {
    const first = readCard(json({ name: 'Old', description: 'An old card.', first_mes: 'Hm.' }), 'c');
    expect(personaOf(first)).toMatchObject({ name: 'Old', rolePlay: { character: 'An old card.' } });
    const doubled = readCard(json({ ...CARD, name: CARD.data.name, description: 'stale' }), 'c');
    expect(cardOf(kept({ name: 'New' }), doubled, 2)).toMatchObject({ name: 'New', data: { name: 'New' } });
  });

  test('is written into a picture twice, and the newer version counts', () => {
    const png = withTexts(picture, cardTexts(kept(), null), 'p');
    const chunks = readPng(png, 'p');
    for (const [keyword, spec] of [
      ['chara', 'chara_card_v2'],
      ['ccv3', 'chara_card_v3'],
    ] as const)
      expect(JSON.parse(Buffer.from(textOf(chunks, keyword, 'p') ?? '', 'base64').toString()).spec).toBe(
        spec,
      );
    expect(cardInPng(chunks, 'p').spec).toBe('chara_card_v3');
    expect(pictureOf(chunks)).toEqual(picture);
  });

  test('that is none, or is damaged, is refused in words', () => {
    const inPng = (texts: Record<string, string>) =>
      failure(() => cardInPng(readPng(withTexts(picture, texts, 'p'), 'p'), 'p'));
    expect(inPng({})).toMatch(/^bad_file: .* is a picture without a character in it/);
    expect(inPng({ chara: '%%%' })).toMatch(/“chara” that is not in base64/);
    expect(inPng({ ccv3: Buffer.from('{"a":').toString('base64') })).toMatch(/is not valid JSON/);
    expect(inPng({ chara: Buffer.from([0x7b, 0xff, 0x7d]).toString('base64') })).toMatch(/is not valid JSON/);
    expect(inPng({ chara: base64([1]) })).toMatch(/its JSON is not an object/);
    expect(inPng({ chara: base64({ spec: 'x', data: 5 }) })).toMatch(/it has no “data”/);
    expect(inPng({ chara: base64({ name: 'temperament', description: 'A program.' }) })).toMatch(
      /it has none of the fields of one/,
    );
    expect(inPng({ chara: base64({ data: { name: ' ' } }) })).toMatch(/it has no name/);
    expect(inPng({ chara: base64({ data: { name: 'A', scenario: {} } }) })).toMatch(
      /its field “scenario” is not a text/,
    );
    const deep = `{"data":{"name":"A","extensions":${'['.repeat(5000)}${']'.repeat(5000)}}}`;
    expect(inPng({ chara: Buffer.from(deep).toString('base64') })).toMatch(/has more than 64 levels/);
    expect(inPng({ chara: 'A'.repeat(17 * 1024 * 1024) })).toMatch(/a text “chara” of more than 16 MiB/);
  });
});

describe('a PNG file', () => {
  const chunk = (type: string, data: Buffer, length = data.length, sum?: number) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const numbers = Buffer.alloc(8);
    numbers.writeUInt32BE(length, 0);
    numbers.writeUInt32BE(sum ?? crc32(body), 4);
    return Buffer.concat([numbers.subarray(0, 4), body, numbers.subarray(4)]);
  };
  const signature = picture.subarray(0, 8);
  const header = picture.subarray(8, 33);
  const read = (...parts: Buffer[]) => failure(() => readPng(Buffer.concat([signature, ...parts]), 'p'));

  test('with a wrong length, sum, name, size or order of its chunks is refused', () => {
    expect(read(header, chunk('IDAT', Buffer.alloc(4), 0xffffffff))).toMatch(
      /its chunk IDAT says 4294967295 bytes, more than the file has/,
    );
    expect(read(header, chunk('IDAT', Buffer.alloc(4), 4, 1))).toMatch(
      /check sum of its chunk IDAT is wrong/,
    );
    expect(read(header, chunk('I\0AT', Buffer.alloc(4)))).toMatch(/a chunk at byte 33 has no name/);
    expect(read(chunk('IDAT', Buffer.alloc(4)))).toMatch(/does not begin with a header/);
    expect(read(header)).toMatch(/is cut off/);
    expect(read(header, chunk('IEND', Buffer.alloc(0)))).toMatch(/there is no picture in it/);
    const huge = Buffer.alloc(13, 0xff);
    expect(read(chunk('IHDR', huge))).toMatch(/is 4294967295 × 4294967295 pixels/);
    expect(failure(() => readPng(Buffer.from('GIF89a..'), 'p'))).toMatch(/is not a PNG file/);
  });

  test('keeps its picture and loses what else it says', () => {
    const chunks = readPng(picture, 'p');
    const told = [
      ...chunks.slice(0, 1),
      { type: 'eXIf', data: Buffer.from('place') },
      { type: 'tEXt', data: Buffer.from('Comment\0secret') },
      ...chunks.slice(1),
    ];
    expect(pictureOf(readPng(Buffer.concat([writePng(told), Buffer.from('after the end')]), 'p'))).toEqual(
      picture,
    );
  });
});

describe('over many drawn cases', () => {
  const random = seededRandom(20_260_101);
  const below = (limit: number) => Math.floor(random() * limit);
  const text = () =>
    Array.from({ length: below(30) }, () =>
      String.fromCodePoint([0x20, 0x61, 0xe4, 0x4e2d, 0x1f600, 0x22, 0x0a, 0x5c][below(8)] ?? 0x41),
    ).join('');
  const value = (depth: number): unknown => {
    const kind = below(depth > 0 ? 6 : 4);
    if (kind === 0) return below(1000) / 8;
    if (kind === 1) return null;
    if (kind === 2) return random() < 0.5;
    if (kind === 3) return text();
    const inner = Array.from({ length: below(4) }, () => value(depth - 1));
    return kind === 4 ? inner : Object.fromEntries(inner.map((each, index) => [`${text()}${index}`, each]));
  };

  test('a persona comes back from its card as it was', () => {
    for (let time = 0; time < 150; time++) {
      const weights: Weights = {};
      for (const trait of TRAITS) if (random() < 0.5) weights[trait] = below(400) / 100 - 2;
      const rolePlay = { character: text().trim(), scenario: text().trim(), firstMessage: text() };
      const name = `n${text()}`.trim();
      const recipe = {
        version: 2,
        base: 'demo',
        weights,
        method: random() < 0.5 ? 'ties' : 'task_arithmetic',
      };
      const persona = { name, recipe, rolePlay, system: text().trim(), sampling: { seed: below(1e9) } };
      const one = kept({ name, notes: text(), tags: [`t${time}`], persona });
      const before = random() < 0.5 ? readCard(json({ data: { name: 'x', other: value(3) } }), 'c') : null;
      const card = cardInPng(readPng(withTexts(picture, cardTexts(one, before), 'p'), 'p'), 'p');
      const mix = mixIn(card);
      expect({ ...one.persona, ...personaOf(card), recipe: mix?.recipe, sampling: mix?.sampling }).toEqual({
        ...one.persona,
        ...{ notes: one.notes, tags: one.tags },
      });
      if (before) expect(card.data.other).toEqual(before.data.other);
    }
  });

  test('a card’s unknown fields come back as they were', () => {
    for (let time = 0; time < 150; time++) {
      const given = {
        [`top${time}`]: value(4),
        spec: 'chara_card_v3',
        data: { name: 'A', extensions: { other: value(3) }, assets: value(3), [`z${text()}`]: value(4) },
      };
      const card = readCard(json(given), 'c');
      const { rolePlay, system, ...about } = personaOf(card);
      const one = kept({ ...about, persona: { ...kept().persona, rolePlay, system } });
      const out = cardInPng(readPng(withTexts(picture, cardTexts(one, card), 'p'), 'p'), 'p');
      const { temperament: _, ...extensions } = out.data.extensions as Record<string, unknown>;
      for (const [key, was] of Object.entries(given.data))
        expect(key === 'extensions' ? extensions : out.data[key]).toEqual(was);
      expect(out[`top${time}`]).toEqual(given[`top${time}`]);
    }
  });

  test('a damaged file is read or refused in words, and never anything else', () => {
    const whole = withTexts(picture, cardTexts(kept(), readCard(json(CARD), 'c')), 'p');
    const outcomes = new Map<string, number>();
    for (let time = 0; time < 1500; time++) {
      const bytes = Buffer.from(whole.subarray(0, random() < 0.3 ? below(whole.length) : whole.length));
      for (let hits = below(4); hits > 0 && bytes.length > 0; hits--) bytes[below(bytes.length)] = below(256);
      const outcome = failure(() => personaOf(cardInPng(readPng(bytes, 'p'), 'p'))).split(':')[0] ?? '';
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    for (let time = 0; time < 1500; time++) {
      const bytes = json(CARD);
      for (let hits = 1 + below(6); hits > 0; hits--) bytes[below(bytes.length)] = below(256);
      const outcome = failure(() => personaOf(readCard(bytes, 'c'))).split(':')[0] ?? '';
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect([...outcomes.keys()].sort()).toEqual(['bad_file', 'was read']);
  });
});
