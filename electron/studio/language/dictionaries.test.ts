import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { toStudioError } from '../errors.ts';
import type { Dictionary } from './dictionaries.ts';
import { listDictionaries, parseDic, parseDicx, readDictionary } from './dictionaries.ts';
import { compileLexicon } from './lexicon.ts';
import { readText } from './readout.ts';

const folder = mkdtempSync(join(tmpdir(), 'dictionaries-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const keysOf = (dictionary: Dictionary, word: string) => {
  const lexicon = compileLexicon(dictionary.source);
  return lexicon.facts(word).categories.map(place => lexicon.categories[place]?.key);
};

const DIC = `%
1\tfunction (Function Words)
\t2\tpronoun (Pronouns)
\t\t3\tppron
20\taffect
\t21\tposemo (Positive Emotion)
%
I\t1\t2\t3
happ*\t20\t21
happen*\t20
happy\t21
kind of\t20
kind\t20\t21
:)\t20\t21
don’t\t1
`;

describe('.dic', () => {
  const dictionary = parseDic(DIC, 'test.dic');

  test('has the categories of its head, with titles and indented ones below others', () => {
    expect(dictionary.remarks).toEqual([]);
    expect(dictionary.source.categories).toEqual([
      { key: 'function', title: 'Function Words', parent: null },
      { key: 'pronoun', title: 'Pronouns', parent: 'function' },
      { key: 'ppron', title: 'ppron', parent: 'pronoun' },
      { key: 'affect', title: 'affect', parent: null },
      { key: 'posemo', title: 'Positive Emotion', parent: 'affect' },
    ]);
  });

  test('gives a word the categories of one entry, exactly as listed', () => {
    expect(keysOf(dictionary, 'i')).toEqual(['function', 'pronoun', 'ppron']);
    // The exact entry has no “affect”: neither the wildcard nor the parent adds it.
    expect(keysOf(dictionary, 'happy')).toEqual(['posemo']);
    expect(keysOf(dictionary, 'happens')).toEqual(['affect']);
    expect(keysOf(dictionary, 'happily')).toEqual(['affect', 'posemo']);
    expect(keysOf(dictionary, "don't")).toEqual(['function']);
  });

  test('counts a text with phrases and emoticons', () => {
    const readout = readText('I kind of like kind people :)', compileLexicon(dictionary.source));
    // 7 words; “kind of” once, “kind” once, “:)” once.
    expect(readout.categories).toEqual({
      function: 100 / 7,
      pronoun: 100 / 7,
      ppron: 100 / 7,
      affect: 300 / 7,
      posemo: 200 / 7,
    });
    expect(readout.coverage).toBeCloseTo(500 / 7);
  });

  test('reads numbers with zeros, several tabs, spaces, and Windows line ends', () => {
    const mfd = parseDic(
      '%\r\n01\tHarm\r\n02\tFair play\r\n%\r\n\r\nsafe*\t\t\t01 \r\nkill 01 02\r\n',
      'mfd.dic',
    );
    expect(mfd.source.categories.map(({ key }) => key)).toEqual(['Harm', 'Fair play']);
    expect(keysOf(mfd, 'safety')).toEqual(['Harm']);
    expect(keysOf(mfd, 'kill')).toEqual(['Harm', 'Fair play']);
  });

  test('leaves out what is conditional or odd, and says so', () => {
    const odd = parseDic(
      '%\n1\ta\n2\tb\n%\nlike\t(02 134)1/2\t1\nkind\t<of>1/2\t1\nhappy\t1\n*ness\t1\nha*ha\t1\n:*\t2\nhappy\t2\n',
      'odd.dic',
    );
    expect(odd.remarks).toEqual([
      { line: 5, message: '“like (02 134)1/2 1” is left out: it is a conditional entry' },
      { line: 6, message: '“kind <of>1/2 1” is left out: it is a conditional entry' },
      { line: 8, message: '“*ness” is left out: * may stand only at the end of a word' },
      { line: 9, message: '“ha*ha” is left out: * may stand only at the end of a word' },
      { line: 10, message: '“:*” is left out: a wildcard cannot follow signs' },
      { line: 11, message: '“happy” stands on line 7 too; it has the categories of both' },
    ]);
    expect(keysOf(odd, 'like')).toEqual([]);
    expect(keysOf(odd, 'happy')).toEqual(['a', 'b']);
  });

  test.each([
    ['no head', 'happy\t1\n', 'line 1: a line with % alone must open the list of categories'],
    ['nothing at all', '', 'line 1: a line with % alone must open'],
    ['an open head', '%\n1\ta\nhappy\t1\n', 'no line with % alone closes the list of categories'],
    ['an unknown category', '%\n1\ta\n%\nhappy\t1\t7\n', 'line 4: there is no category 7 (entry “happy”)'],
    ['no number', '%\n1\ta\n%\nhappy\tx\n', 'line 4: “x” is no category number (entry “happy”)'],
    ['a number twice', '%\n1\ta\n1\tb\n%\nx\t1\n', 'line 3: category number 1 stands on line 2 already'],
    ['a name twice', '%\n1\ta\n2\ta\n%\nx\t1\n', 'line 3: category “a” stands on line 2 already'],
    ['a bad head', '%\na\n%\nx\t1\n', 'line 2: expected the number of a category'],
    ['an entry without categories', '%\n1\ta\n%\nx\t1\nlonely\n', 'line 5: “lonely” has no categories'],
    ['a phrase without a tab', '%\n1\ta\n%\nkind of 1\n', 'line 4: “kind of 1” has no categories: put a tab'],
    ['no entries', '%\n1\ta\n%\n', 'there are no entries'],
    ['no categories', '%\n%\nx\t1\n', 'the list of categories is empty'],
  ])('is refused with %s', (_what, text, message) => {
    const error = (() => {
      try {
        parseDic(text, '/data/mine.dic');
      } catch (thrown) {
        return toStudioError(thrown).data;
      }
      return undefined;
    })();
    expect(error).toMatchObject({ code: 'bad_file', file: '/data/mine.dic' });
    expect(error?.message).toContain('mine.dic cannot be read as a dictionary');
    expect(error?.message).toContain(message);
  });

  test('says all that is wrong at once, ten lines of it', () => {
    const lines = Array.from({ length: 14 }, (_, index) => `word${index}\t9`).join('\n');
    expect(() => parseDic(`%\n1\ta\n%\n${lines}`, 'x.dic')).toThrow(
      /line 4: .*\n[\s\S]*line 13: .*\nand 4 more$/,
    );
  });
});

describe('.dicx', () => {
  test('is a table of entries and categories with X marks', () => {
    const dictionary = parseDicx(
      '\uFEFFDicTerm,joy,"Fear, worry"\nhapp*,X,\n"on edge",,x\nnone,,\n'.slice(1),
      'a.dicx',
    );
    expect(dictionary.source.categories.map(({ key }) => key)).toEqual(['joy', 'Fear, worry']);
    expect(keysOf(dictionary, 'happily')).toEqual(['joy']);
    expect(readText('on edge', compileLexicon(dictionary.source)).categories).toEqual({
      joy: 0,
      'Fear, worry': 50,
    });
    expect(dictionary.remarks).toEqual([{ line: 4, message: '“none” has no category' }]);
  });

  test('may have semicolons or tabs', () => {
    expect(keysOf(parseDicx('t;a;b\nx;;X\n', 'a.csv'), 'x')).toEqual(['b']);
    expect(keysOf(parseDicx('t\ta\tb\nx\tX\tX\n', 'a.csv'), 'x')).toEqual(['a', 'b']);
  });

  test.each([
    ['a weight', 'DicTerm,a\nx,0.5\n', 'line 2: “0.5” in column “a”: expected X or nothing'],
    ['too many columns', 'DicTerm,a\nx,X,X\n', 'line 2: 3 columns where the headings have 2'],
    ['a column twice', 'DicTerm,a,a\nx,X,\n', 'line 1: column “a” is there twice'],
    ['a column without a name', 'DicTerm,a,\nx,X,\n', 'line 1: column 3 has no name'],
    ['no entry', 'DicTerm,a\n,X\n', 'line 2: the row has no entry'],
    ['headings alone', 'DicTerm,a\n', 'there are no entries'],
    ['nothing', '', 'expected a row of headings'],
    ['an open quotation mark', 'DicTerm,a\n"x,X\n', 'is not a valid table'],
  ])('is refused with %s', (_what, text, message) => {
    expect(() => parseDicx(text, 'mine.dicx')).toThrow(message);
  });
});

test('a folder’s dictionaries are read by their endings', async () => {
  const none = await listDictionaries(join(folder, 'nowhere'));
  expect(none).toEqual([]);
  writeFileSync(join(folder, 'b.dicx'), 'DicTerm,a\nx,X\n');
  writeFileSync(join(folder, 'a.DIC'), DIC);
  writeFileSync(join(folder, 'notes.txt'), 'no dictionary');
  const files = await listDictionaries(folder);
  expect(files).toEqual([join(folder, 'a.DIC'), join(folder, 'b.dicx')]);
  expect((await Promise.all(files.map(readDictionary))).map(({ source }) => source.entries.size)).toEqual([
    8, 1,
  ]);
});
