import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { toStudioError } from '../errors.ts';
import { readTextFile, readTexts } from './texts.ts';

const folder = mkdtempSync(join(tmpdir(), 'texts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, content: string | Buffer) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const errorOf = async (work: Promise<unknown>) => {
  try {
    await work;
  } catch (error) {
    return toStudioError(error).data;
  }
  throw new Error('It did not fail.');
};

describe('a table', () => {
  const table = file('answers.csv', 'id,answer\n1,"Yes, I do.\nReally."\n2,""\n3,No\n');

  test('is a text per row of the column', async () => {
    expect(await readTexts(table, 'answer')).toEqual({
      texts: [
        { name: 'row 1', text: 'Yes, I do.\nReally.' },
        { name: 'row 2', text: '' },
        { name: 'row 3', text: 'No' },
      ],
      notes: [],
    });
  });

  test('needs no name for a column that is alone', async () => {
    expect((await readTexts(file('one.tsv', 'text\nhello, you\n'))).texts).toEqual([
      { name: 'row 1', text: 'hello, you' },
    ]);
  });

  test('without the column says which there are', async () => {
    expect(await errorOf(readTexts(table, 'reply'))).toMatchObject({
      code: 'bad_input',
      field: 'column',
      message: 'answers.csv has no column “reply”.',
      action: 'Its columns: id, answer.',
    });
    expect((await errorOf(readTexts(table))).message).toBe('answers.csv needs the name of a column.');
    expect((await errorOf(readTexts(file('empty.csv', ''), 'x'))).action).toBe('It is empty.');
  });

  test('with a torn row says which', async () => {
    expect(await errorOf(readTexts(file('torn.csv', 'a,b\n1,2\nx,y,z\n'), 'a'))).toMatchObject({
      code: 'bad_file',
      message: 'torn.csv, line 3: 3 columns where the headings have 2.',
    });
    expect((await errorOf(readTexts(file('open.csv', 'a,b\n1,"2\n'), 'a'))).message).toMatch(
      /not a valid table/,
    );
  });
});

describe('a folder', () => {
  test('is a text per text file, subfolders too', async () => {
    const root = join(folder, 'set');
    mkdirSync(join(root, 'deep'), { recursive: true });
    writeFileSync(join(root, 'b.txt'), 'two');
    writeFileSync(join(root, 'a.md'), 'one');
    writeFileSync(join(root, 'deep', 'c.TXT'), 'three');
    writeFileSync(join(root, 'picture.png'), Buffer.from([0, 1]));
    expect(await readTexts(root)).toEqual({
      texts: [
        { name: 'a.md', text: 'one' },
        { name: 'b.txt', text: 'two' },
        { name: 'deep/c.TXT', text: 'three' },
      ],
      notes: [`1 other file in ${root} was passed over.`],
    });
  });

  test('without texts is refused', async () => {
    const empty = join(folder, 'nothing');
    mkdirSync(empty);
    expect(await errorOf(readTexts(empty))).toMatchObject({ code: 'not_found', file: empty });
  });
});

describe('a file', () => {
  test('is one text; a column makes no sense for it', async () => {
    const path = file('note.txt', 'Hello.');
    expect((await readTexts(path)).texts).toEqual([{ name: 'note.txt', text: 'Hello.' }]);
    expect((await errorOf(readTexts(path, 'x'))).message).toBe(
      'note.txt is no table, so it has no column “x”.',
    );
  });

  test('may begin with a byte order mark, of UTF-8 or UTF-16', async () => {
    for (const bytes of [
      Buffer.from('\uFEFFZoë', 'utf8'),
      Buffer.from('\uFEFFZoë', 'utf16le'),
      Buffer.from('\uFEFFZoë', 'utf16le').swap16(),
    ])
      expect(await readTextFile(file('bom.txt', bytes))).toBe('Zoë');
  });

  test('that is no text is refused', async () => {
    expect(
      await errorOf(readTexts(file('a.txt', Buffer.from('PK\u0003\u0004\0\0', 'latin1')))),
    ).toMatchObject({
      code: 'bad_file',
      message: 'a.txt is not a text file.',
    });
    expect((await errorOf(readTexts(file('l.txt', Buffer.from('Zoë', 'latin1'))))).message).toBe(
      'l.txt is not text in UTF-8.',
    );
    expect(await errorOf(readTexts(join(folder, 'nowhere.txt')))).toMatchObject({ code: 'not_found' });
  });
});
