/** Readouts through a real studio: dictionaries of the data folder, texts on disk, answers in the log, the terminal. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appFolder } from '../../electron/host.ts';
import type { ReadTextsResult } from '../../electron/studio/contract.ts';
import { openStudio, persona, studioError, type TestStudio } from './studio.ts';

let studio: TestStudio;
let warm: string;
let cold: string;

beforeAll(async () => {
  studio = await openStudio();
  warm = join(studio.home, 'warm');
  cold = join(studio.home, 'cold');
  mkdirSync(warm);
  mkdirSync(cold);
  const people = ['Anna', 'Ben', 'Cleo', 'Dan', 'Eve', 'Finn'];
  for (const [index, name] of people.entries()) {
    const extra = 'really '.repeat(index % 3);
    writeFileSync(join(warm, `${name}.txt`), `We ${extra}love parties with friends, and ${name} is happy!`);
    writeFileSync(
      join(cold, `${name}.txt`),
      `I ${extra}stay at home. ${name} worries, and perhaps I am afraid.`,
    );
  }
  mkdirSync(join(studio.home, 'dictionaries'));
  writeFileSync(join(studio.home, 'dictionaries', 'mine.dic'), '%\n1\tjoy\n%\nhapp*\t1\nkind\t<of>1/1\n');
  writeFileSync(join(studio.home, 'dictionaries', 'torn.dic'), '%\n1\tjoy\n%\nhapp*\t4\n');
});
afterAll(() => studio.remove());

const path = (folder: string) => ({ kind: 'path' as const, path: folder });

describe('dictionaries of the data folder', () => {
  test('are listed with what was left out, broken ones with their line', async () => {
    const { dictionaries, broken, folder } = await studio.client.language.dictionaries();
    expect(folder).toBe(join(studio.home, 'dictionaries'));
    expect(dictionaries).toMatchObject([
      { name: 'mine.dic', categories: 1, entries: 1, remarks: [{ line: 5, message: expect.any(String) }] },
    ]);
    expect(broken).toMatchObject([{ message: expect.stringContaining('line 4: there is no category 4') }]);
  });

  test('are used by name, and by path', async () => {
    for (const dictionary of ['mine', 'mine.dic', join(studio.home, 'dictionaries', 'mine.dic')]) {
      const result = await studio.client.language.read({ source: path(warm), dictionary });
      expect(result.lexicon).toMatchObject({ name: 'mine.dic', categories: [{ key: 'joy' }] });
      expect(result.total.found).toEqual({ joy: [{ word: 'happy', count: 6 }] });
      expect(result.notes).toEqual([expect.stringContaining('mine.dic, line 5')]);
    }
    expect(
      await studioError(studio.client.language.read({ source: path(warm), dictionary: 'yours' })),
    ).toMatchObject({ code: 'not_found', action: expect.stringContaining('mine.dic') });
  });
});

describe('the studio’s own lexicons', () => {
  const german = ['Ich habe Angst vor morgen.', 'Meine Freunde feiern und ich bin so glücklich!'];
  const english = ['I am afraid of tomorrow.', 'My friends celebrate and I am so happy!'];
  const texts = (all: string[], name = 'texts') => ({
    kind: 'texts' as const,
    texts: all.map((text, index) => ({ name: `${name} ${index}`, text })),
  });

  test('are listed, and chosen by the language of the texts', async () => {
    const { own } = await studio.client.language.dictionaries();
    expect(own.map(({ language }) => language)).toEqual(['en', 'de']);
    const [first, other] = await Promise.all(
      [german, english].map(source => studio.client.language.read({ source: texts(source) })),
    );
    expect(first).toMatchObject({
      lexicon: { file: 'de.json' },
      total: { sentiment: null, readability: null },
    });
    expect(first?.total.found?.anxiety).toEqual([{ word: 'angst', count: 1 }]);
    expect(other?.lexicon.file).toBe('en.json');
    expect(other?.total.sentiment).not.toBeNull();
    const answer = await studio.client.language.readout({ text: german[0] as string });
    expect(answer.found?.anxiety).toMatchObject([{ word: 'angst' }]);
  });

  test('are called by their language; both sides are counted by the same one', async () => {
    const input = { source: texts(german), dictionary: 'en' };
    const asked = await studio.client.language.read(input);
    expect(asked.lexicon.file).toBe('en.json');
    expect(asked.total.notes.join()).toContain('seems to be in another language');
    const mixed = await studio.client.language.read({
      source: texts([...german, ...german]),
      reference: texts(english.slice(0, 1)),
    });
    expect(mixed.lexicon.file).toBe('de.json');
  });

  test('are found again by a readout that was kept', async () => {
    const run = await studio.end('readout', studio.client.language.record({ source: texts(german) }));
    expect(run.result?.lexicon.file).toBe('de.json');
    const shown = await studio.client.language.text({ run: run.id, set: 'texts', place: 0 });
    expect(shown.readout.found?.anxiety).toMatchObject([{ word: 'angst', at: [[9, 14]] }]);
    const again = await studio.end('rerun', studio.client.reporting.rerun({ runs: [run.id] }));
    expect(again.result?.reproduced).toBe(true);
  });
});

describe('texts against a reference', () => {
  test('by their means, with what the literature expects', async () => {
    const result = await studio.client.language.read({
      source: path(cold),
      reference: path(warm),
      trait: 'neuroticism',
    });
    expect(result.differences).toMatchObject({ comparison: 'independent', n: 6, nReference: 6 });
    const anxiety = result.differences?.rows.find(({ feature }) => feature === 'anxiety');
    expect(anxiety?.reference).toBe(0);
    expect(anxiety?.ci95?.[0]).toBeGreaterThan(0);
    expect(anxiety?.q).toBeLessThan(0.05);
    expect(result.expected).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ feature: 'anxiety', direction: 'more', found: 'as expected' }),
        expect.objectContaining({ feature: 'positive_emotion', direction: 'less', found: 'as expected' }),
      ]),
    );
    for (const { sources } of result.expected ?? []) expect(sources[0]).toMatch(/\(\d{4}\)\. /);
  });

  test('the other way round, nothing is as expected', async () => {
    const { expected } = await studio.client.language.read({
      source: path(warm),
      reference: path(cold),
      trait: 'neuroticism',
    });
    expect(expected?.find(({ feature }) => feature === 'anxiety')?.found).toBe('opposite');
  });

  test('in pairs by name', async () => {
    const input = { source: path(cold), reference: path(warm), paired: true };
    expect((await studio.client.language.read(input)).differences).toMatchObject({
      comparison: 'paired',
      n: 6,
    });
    const alone = {
      kind: 'texts' as const,
      texts: [
        { name: 'Anna.txt', text: 'x' },
        { name: 'Zoe.txt', text: 'y' },
      ],
    };
    expect(await studioError(studio.client.language.read({ ...input, source: alone }))).toMatchObject({
      code: 'bad_input',
      message: '“Zoe.txt” has no partner in the reference.',
    });
  });

  test('empty ones are said and left out of the means', async () => {
    const texts = ['happy', '', 'so happy'].map((text, index) => ({ name: `${index}`, text }));
    const result = await studio.client.language.read({
      source: { kind: 'texts', texts },
      reference: path(cold),
    });
    expect(result.differences?.n).toBe(2);
    expect(result.notes).toEqual(['1 of 3 texts has a note. “1”: There are no words in this text.']);
    expect(result.differences?.rows.find(({ feature }) => feature === 'positive_emotion')?.value).toBe(75);
  });

  test('single ones by their words', async () => {
    const one = (name: string) => path(join(warm, name));
    const result = await studio.client.language.read({ source: one('Anna.txt'), reference: one('Ben.txt') });
    expect(result.differences?.comparison).toBe('log_odds');
    expect(result.notes).toEqual([expect.stringContaining('as if words were independent')]);
    expect(result.total.found?.friends?.[0]).toMatchObject({ word: 'friends', at: [[21, 28]] });
  });
});

test('answers in the log are read by conversation and by persona', async () => {
  const say = (text: string, name: string, conversation: string) =>
    (async () => {
      const input = {
        persona: { ...persona(), name },
        conversation,
        messages: [{ role: 'user' as const, text }],
      };
      for await (const event of await studio.client.chat.send(input))
        if (event.type === 'done') return event.result;
      throw new Error('no answer');
    })();
  const one = await say('Hello!', 'Quiet one', 'pane-1');
  const two = await say('How was your day?', 'Quiet one', 'pane-2');
  await say('Hello!', 'Other', 'pane-2');
  const read = (source: object) =>
    studio.client.language.read({ source: { kind: 'log', ...source } as never });
  const named = await read({ persona: 'Quiet one' });
  expect(named.texts.map(({ name }) => name)).toEqual([one.run, two.run]);
  const direct = await studio.client.language.readout({ text: one.text });
  expect(named.texts[0]?.readout.categories).toEqual(direct.categories);
  expect((await read({ conversation: 'pane-2' })).texts).toHaveLength(2);
  expect((await read({ conversation: 'pane-2', persona: 'Other' })).texts).toHaveLength(1);
  expect(await studioError(read({ persona: 'Nobody' }))).toMatchObject({ code: 'not_found' });
});

describe('readout in the terminal', () => {
  function cli(args: string[], input = ''): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn(process.execPath, [join(appFolder, 'electron', 'cli.ts'), 'readout', ...args], {
      env: { ...process.env, TEMPERAMENT_HOME: studio.home },
    });
    const result = { code: null as number | null, out: '', err: '' };
    child.stdout.on('data', data => {
      result.out += data;
    });
    child.stderr.on('data', data => {
      result.err += data;
    });
    child.stdin.end(input);
    return new Promise(resolve => child.on('close', code => resolve({ ...result, code })));
  }

  test('reads standard input, with each figure’s words', async () => {
    const { code, out } = await cli(['-', '--json'], 'I worry, I worry.');
    expect(code).toBe(0);
    const { total } = JSON.parse(out) as ReadTextsResult;
    expect(total.categories).toMatchObject({ first_person: 50, anxiety: 50, negative_emotion: 50 });
    expect(total.found?.anxiety).toEqual([
      {
        word: 'worry',
        count: 2,
        at: [
          [2, 7],
          [11, 16],
        ],
      },
    ]);
  });

  test('reads German with the German lexicon, unless another is named', async () => {
    const text = 'Ich fürchte mich, und ich mache mir Sorgen.';
    const lexiconOf = async (...args: string[]) =>
      (JSON.parse((await cli(['-', '--json', ...args], text)).out) as ReadTextsResult).lexicon.file;
    expect(await lexiconOf()).toBe('de.json');
    expect(await lexiconOf('--dictionary', 'en')).toBe('en.json');
    expect((await cli(['--dictionaries'])).out).toMatch(/^en +Temperament open lexicon, English\nde +/);
  });

  test('compares folders and says which way', async () => {
    const { code, out } = await cli([cold, '--reference', warm, '--trait', 'neuroticism']);
    expect(code).toBe(0);
    expect(out).toMatch(/Means of 6 texts against 6/);
    expect(out).toMatch(/anxiety\s+more\s+small\s+[\d.]+\s+as expected/);
    expect(out).toContain('Yarkoni, T. (2010)');
  });

  test('compares with a persona of the log', async () => {
    const { code, out } = await cli([warm, '--reference-persona', 'Quiet one', '--json']);
    expect(code).toBe(0);
    const { differences, reference } = JSON.parse(out) as ReadTextsResult;
    expect(reference?.texts).toHaveLength(2);
    expect(differences).toMatchObject({ comparison: 'independent', n: 6, nReference: 2 });
  });

  test('reads a table’s column with a dictionary of the data folder', async () => {
    const table = join(studio.home, 'table.csv');
    writeFileSync(table, 'id,answer\n1,"So happy, so good"\n2,no\n');
    const { code, out, err } = await cli([table, '--column', 'answer', '--dictionary', 'mine']);
    expect(code).toBe(0);
    expect(out).toMatch(/joy\s+20\.00\s+happy/);
    expect(err).toContain('Note: mine.dic, line 5');
  });

  test.each([
    ['no source', []],
    ['two sources', ['-', '--persona', 'Someone']],
    ['two references', ['-', '--reference', 'x.txt', '--reference-persona', 'Someone']],
    ['an unknown trait', ['-', '--trait', 'humour']],
    ['a table without its column', ['TABLE']],
  ])('2 for %s', async (_what, args) => {
    const table = join(studio.home, 'two.csv');
    writeFileSync(table, 'a,b\n1,2\n');
    const { code, out, err } = await cli(args.map(arg => (arg === 'TABLE' ? table : arg)));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.length).toBeGreaterThan(10);
  });

  test('1 for a binary file, in its words', async () => {
    const binary = join(studio.home, 'picture.txt');
    writeFileSync(binary, Buffer.from([0x89, 0x50, 0, 0]));
    expect(await cli([binary])).toMatchObject({
      code: 1,
      err: expect.stringContaining('picture.txt is not a text file'),
    });
  });
});
