/** Inventories: what is shipped is keyed right, what a user brings is read or refused by line and field. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { resourcesFolder } from '../../host.ts';
import { inventoryFor, TRAITS } from '../contract.ts';
import { fill, Inventories, parseInventories, statement, summary } from './inventories.ts';
import { scoreItem } from './scoring.ts';

const folder = mkdtempSync(join(tmpdir(), 'temperament-inventories-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const shelf = new Inventories(resourcesFolder, folder);
const [markers, mini, neo] = await Promise.all(
  ['ipip-50', 'mini-ipip', 'ipip-neo-120'].map(s => shelf.find(s)),
);
if (!markers || !mini || !neo) throw new Error('an inventory is missing');

describe('the shipped inventories', () => {
  test('the 50 markers have ten items a trait, keyed both ways', () => {
    for (const trait of TRAITS) {
      const items = markers.items.filter(item => item.trait === trait);
      expect(items).toHaveLength(10);
      expect(new Set(items.map(item => item.keyed))).toEqual(new Set(['plus', 'minus']));
    }
  });

  test('the Mini-IPIP is 20 of the 50 markers with their keys, four a trait', () => {
    const known = markers.items.map(({ text, trait, keyed }) => `${trait} ${keyed} ${text}`);
    expect(mini.items).toHaveLength(20);
    for (const { text, trait, keyed } of mini.items) expect(known).toContain(`${trait} ${keyed} ${text}`);
    for (const trait of TRAITS) expect(mini.items.filter(item => item.trait === trait)).toHaveLength(4);
    // The publication has 9 items keyed plus and 11 keyed minus.
    expect(mini.items.filter(item => item.keyed === 'plus')).toHaveLength(9);
  });

  test('the IPIP-NEO-120 has 30 facets of four items in 39 languages, with sources', async () => {
    const { inventories, broken } = await shelf.list();
    expect(broken).toEqual([]);
    const languages = inventories.filter(({ short }) => short.startsWith('ipip-neo-120'));
    expect(languages).toHaveLength(39);
    for (const inventory of languages) {
      expect(inventory.items).toHaveLength(120);
      const facets = Object.groupBy(inventory.items, item => `${item.trait} ${item.facet}`);
      expect(Object.keys(facets)).toHaveLength(30);
      for (const items of Object.values(facets)) expect(items).toHaveLength(4);
      expect(inventory.items.map(({ keyed }) => keyed)).toEqual(neo.items.map(({ keyed }) => keyed));
      expect(Object.keys(inventory.scale)).toEqual(['1', '2', '3', '4', '5']);
    }
    for (const inventory of inventories)
      for (const field of ['source', 'licence', 'reference', 'language'] as const)
        expect(inventory[field], `${inventory.short} ${field}`).not.toBe('');
    expect((await shelf.find('ipip-neo-120-de')).items[0]?.text).toBe('Ich mache mir oft Sorgen');
    expect((await shelf.find('ipip-neo-120-is')).note).toContain('75 of the 120 items are not translated');
  });

  test('an answer scores as in the package they come from, whose choices are reversed already', () => {
    const require = createRequire(import.meta.url);
    const { getItems } = require('@bigfive-org/questions') as {
      getItems: (language: string) => { text: string; choices: { text: string; score: number }[] }[];
    };
    for (const [index, { text, choices }] of getItems('en').entries()) {
      const item = neo.items[index];
      expect(item?.text).toBe(text);
      for (const [position, choice] of choices.entries()) {
        expect(neo.scale[String(position + 1)]).toBe(choice.text);
        const given = [0, 1, 2, 3, 4].map(k => (k === position ? 1 : 0));
        expect(scoreItem(item as never, given).keyedRating).toBe(choice.score);
      }
    }
    // “Leave a mess in my room”, very accurate, is little orderliness: reversed once.
    const mess = neo.items.find(({ text }) => text === 'Leave a mess in my room');
    expect(scoreItem(mess as never, [0, 0, 0, 0, 1])).toMatchObject({
      facet: 'orderliness',
      rating: 5,
      keyedRating: 1,
    });
  });
});

describe('asking', () => {
  const [wording = ''] = markers.wording.ratings;

  test('an item becomes a statement and a question', () => {
    expect(statement(markers, "Don't talk a lot.")).toBe("I don't talk a lot.");
    expect(statement(neo, 'Worry about things')).toBe('I worry about things.');
    expect(statement({ stem: 'I am someone who' }, 'Is outgoing, sociable.')).toBe(
      'I am someone who is outgoing, sociable.',
    );
    expect(statement({ stem: '' }, 'Ich vertraue anderen')).toBe('Ich vertraue anderen');
    expect(fill(wording, markers, 'Am the life of the party.')).toBe(
      'How well does this statement describe you? Answer with one number from 1 (very inaccurate) to 5 (very accurate).\n' +
        'Statement: I am the life of the party.',
    );
  });

  test('reversed order turns the labels round', () => {
    expect(fill(wording, markers, 'Like order.', 'reversed')).toContain(
      'from 1 (very accurate) to 5 (very inaccurate)',
    );
    const labels = fill(
      '{labels}: {statement}',
      { ...markers, scale: { 1: 'No', 2: 'Yes' } },
      'Like order.',
      'reversed',
    );
    expect(labels).toBe('1 = yes, 2 = no: I like order.');
  });

  test('a language has instructions of its own, or else English ones', async () => {
    expect((await shelf.find('ipip-neo-120-de')).wording.ratings[0]).toContain('Wie gut beschreibt dich');
    expect((await shelf.find('ipip-neo-120-th')).wording.ratings[0]).toContain('How well does');
    for (const { wording: own } of (await shelf.list()).inventories)
      for (const rating of own.ratings) expect(rating.trimEnd().endsWith('{statement}')).toBe(true);
  });
});

describe('an inventory of one’s own', () => {
  const mine = {
    short: 'mine',
    name: 'Mine',
    source: 'me',
    licence: 'mine',
    scale: { 1: 'No', 2: 'Rather not', 3: 'Rather', 4: 'Yes' },
    items: [
      { id: 1, text: 'I keep lists.', trait: 'conscientiousness', facet: 'order', keyed: 'plus' },
      { id: 2, text: 'I lie.', trait: 'honesty', keyed: 'minus' },
    ],
  };
  const json = (change: object) => JSON.stringify({ ...mine, ...change }, null, 1);
  const refusal = (text: string, file = 'mine.json') => {
    try {
      parseInventories(text, file);
    } catch (error) {
      return error as Error & { data: { file: string; field: string } };
    }
    throw new Error('it was read');
  };

  test('may have other traits and 2 to 9 answers', () => {
    const [read] = parseInventories(json({}), 'mine.json');
    expect(read).toMatchObject({ short: 'mine', language: 'en', stem: '' });
    expect(scoreItem(read?.items[1] as never, [0, 0, 0, 1])).toMatchObject({ rating: 4, keyedRating: 1 });
    expect(refusal(json({ scale: { 1: 'Yes' } })).message).toContain('at least two');
    expect(refusal(json({ scale: { 0: 'No', 1: 'Yes' } })).message).toContain('field scale');
  });

  test('is refused by line and field', () => {
    const keyed = refusal(json({ items: [mine.items[0], { ...mine.items[1], keyed: 'reverse' }] }));
    expect(keyed.data).toMatchObject({ file: 'mine.json', field: 'items.1.keyed' });
    expect(keyed.message).toMatch(/mine\.json, line 24, field items\.1\.keyed: /);
    const { text: _text, ...bare } = mine.items[1] as (typeof mine.items)[number];
    expect(refusal(json({ items: [mine.items[0], bare] })).message).toContain('line 20, field items.1.text');
    expect(refusal(json({ items: [mine.items[0], mine.items[0]] })).message).toContain(
      'two items with the id 1',
    );
    const twin = { ...mine.items[1], text: mine.items[0]?.text.toUpperCase() };
    expect(refusal(json({ items: [mine.items[0], twin] })).message).toMatch(
      /field items\.1\.text: the items 1 and 2 are the same/,
    );
    expect(refusal(json({ licence: undefined })).data.field).toBe('licence');
    expect(refusal(json({ items: [mine.items[0], { ...mine.items[1], facet: 'order' }] })).message).toContain(
      'belongs to conscientiousness and to honesty',
    );
    expect(refusal(json({ scale: ['No', 'Yes'] })).message).toContain('field scale: it is not an object');
    expect(refusal('{\n"short": "mine",\n}').message).toMatch(/line 3: not valid JSON/);
    expect(refusal('').message).toContain('not valid JSON');
  });

  const csv = [
    '# name: BFI of ours',
    '# source: a lab, its own',
    '# licence: research only',
    '# stem: I am someone who',
    '# scale: Disagree strongly | Disagree | Neutral; no opinion | Agree | Agree strongly',
    'id,text,trait,facet,keyed',
    '1,"Is outgoing, sociable.",Extraversion,Sociability,+',
    '2,Tends to be quiet.,extraversion,sociability,minus',
  ];

  test('may be CSV', () => {
    const [read] = parseInventories(`\ufeff${csv.join('\r\n')}\r\n`, '/data/BFI ours.csv');
    expect(read).toMatchObject({
      short: 'bfi-ours',
      name: 'BFI of ours',
      source: 'a lab, its own',
      scale: { 3: 'Neutral; no opinion', 5: 'Agree strongly' },
      items: [
        { id: 1, text: 'Is outgoing, sociable.', trait: 'extraversion', facet: 'sociability', keyed: 'plus' },
        { id: 2, keyed: 'minus' },
      ],
    });
    const semicolons = csv
      .join('\n')
      .replaceAll(/^(id|1|2),.*$/gm, line =>
        line === csv[6] ? '1;Is outgoing, sociable.;Extraversion;;+' : line.replaceAll(',', ';'),
      );
    expect(parseInventories(semicolons, 'ours.csv')[0]?.items).toHaveLength(2);
    expect(
      refusal(csv.with(7, '2,Tends to be quiet.,extraversion,,backwards').join('\n'), 'o.csv').message,
    ).toContain('o.csv, line 8, field items.1.keyed: “backwards” is none of plus, minus.');
    expect(refusal(csv.with(7, '2,Tends to be quiet.,extraversion,,').join('\n'), 'o.csv').message).toContain(
      'o.csv, line 8, field items.1.keyed: it is missing.',
    );
    expect(refusal(csv.with(7, 'two,Is quiet.,extraversion,,-').join('\n'), 'o.csv').message).toContain(
      'o.csv, line 8, field items.1.id: it is not a number.',
    );
    expect(refusal(csv.slice(5).join('\n'), 'o.csv').message).toContain(
      'o.csv, field name: it is missing, in a line above the columns, “# name: …” (as well: source, licence, scale).',
    );
    expect(refusal(csv.with(5, 'id,text,trait').join('\n'), 'o.csv').message).toContain('no column “keyed”');
    expect(refusal(csv.slice(0, 5).join('\n'), 'o.csv').message).toContain('no header line');
    expect(refusal(csv.with(1, '# sauce: x').join('\n'), 'o.csv').message).toContain('field source');
  });

  test('is found in the folder, and a broken one is listed with the reason', async () => {
    writeFileSync(join(folder, 'ours.csv'), csv.join('\n'));
    writeFileSync(join(folder, 'broken.json'), json({ short: 'broken', items: [] }));
    writeFileSync(join(folder, 'taken.json'), json({ short: 'ipip-50' }));
    const { inventories, broken } = await shelf.list();
    expect(summary(inventories.find(({ short }) => short === 'ours') as never)).toMatchObject({
      own: true,
      items: 2,
      traits: ['extraversion'],
      facets: ['sociability'],
    });
    expect(broken.map(({ path }) => path)).toEqual([join(folder, 'broken.json'), join(folder, 'taken.json')]);
    expect(broken[0]?.message).toContain('field items');
    expect(broken[1]?.message).toContain('“ipip-50” is taken');
    await expect(shelf.find('broken')).rejects.toThrow('broken.json');
  });
});

test('a model is asked in English where it speaks that, and in its own language where it does not', async () => {
  const inventories = (await new Inventories(resourcesFolder, folder).list()).inventories.map(summary);
  for (const [languages, asked] of [
    [[], 'ipip-50'],
    [['en'], 'ipip-50'],
    [['de', 'en-gb'], 'ipip-50'],
    [['de'], 'ipip-neo-120-de'],
    [['de-at'], 'ipip-neo-120-de'],
    [['pt-br'], 'ipip-neo-120-pt-br'],
    [['tlh', 'nl', 'de'], 'ipip-neo-120-nl'],
    [['tlh'], 'ipip-50'],
  ] as const)
    expect([languages, inventoryFor([...languages], inventories)]).toEqual([languages, asked]);
});
