/** Readouts kept as runs of the log: of a conversation's panes and of texts on disk, told, exported, and done again. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appFolder } from '../../electron/host.ts';
import { persona as personaSchema, type ReadTextsResult, type Run } from '../../electron/studio/contract.ts';
import { exactRankP } from '../../electron/studio/statistics/correlation.ts';
import { openStudio, persona, studioError, type TestStudio } from './studio.ts';

type Kept = Extract<Run, { kind: 'readout' }>;

const QUESTIONS = [
  'How was your day?',
  'Will you go to the party?',
  'What do you like to do for fun?',
  'Do you like new people?',
  'What will you do tomorrow?',
  'Who was the last friend you met?',
];
const PANES = { calm: 'pane-calm', lively: 'pane-lively' };
const TALK = 'conversation';
let studio: TestStudio;
let folder: string;
/** The lively pane against the calm one. */
let talk: Kept;
/** A folder of texts. */
let texts: Kept;

const keep = (input: Parameters<TestStudio['client']['language']['record']>[0]) =>
  studio.end('readout', studio.client.language.record(input)) as Promise<Kept>;

async function converse() {
  const { conversations } = studio.client;
  const whole = (weights: object) => personaSchema.parse(persona(weights));
  const panes = [
    { id: PANES.calm, name: 'Calm', colour: 0, persona: whole({ extraversion: -1 }) },
    { id: PANES.lively, name: 'Lively', colour: 1, persona: whole({ extraversion: 1.5 }) },
  ].map(pane => ({ ...pane, source: 'own' as const, removed: false }));
  await conversations.save({ id: TALK, title: 'Parties', panes });
  for (const pane of panes) {
    let parent: string | null = null;
    for (const [index, text] of QUESTIONS.entries()) {
      const [turn, question] = [index + 1, `${pane.id}-q${index}`];
      await conversations.add({
        conversation: TALK,
        messages: [{ id: question, pane: pane.id, parent, turn, role: 'user', text }],
      });
      parent = `${pane.id}-a${index}`;
      const asked = { conversation: TALK, pane: pane.id, id: parent, parent: question };
      for await (const _ of await conversations.answer({ ...asked, persona: pane.persona }));
    }
  }
}

beforeAll(async () => {
  studio = await openStudio();
  folder = join(studio.home, 'diary');
  mkdirSync(folder);
  writeFileSync(join(folder, 'monday.txt'), 'I worry about work, and I am tired.');
  writeFileSync(join(folder, 'tuesday.txt'), 'We laughed with friends; it was a happy day!');
  await converse();
  talk = await keep({
    source: { kind: 'log', conversation: PANES.lively },
    reference: { kind: 'log', conversation: PANES.calm },
    trait: 'extraversion',
  });
  texts = await keep({ source: { kind: 'path', path: folder } });
}, 300_000);
afterAll(() => studio.remove());

const rowsOf = (text: string | undefined) => parse(text ?? '', { columns: true }) as Record<string, string>[];
async function exported(id: string) {
  const { files } = await studio.client.reporting.export({ runs: [id] });
  return new Map(files.map(({ name, text }) => [name, text]));
}

describe('a readout of a conversation', () => {
  test('has the answers of its panes by turn, compared, with what the literature expects', () => {
    const { result, title } = talk as { result: ReadTextsResult; title: string };
    expect(talk.state).toBe('done');
    expect(title).toBe('Lively, against Calm in “Parties”');
    expect(result.texts.map(({ voice, turn }) => [voice, turn])).toEqual(
      QUESTIONS.map((_, index) => ['Lively', index + 1]),
    );
    expect(result.differences).toMatchObject({
      comparison: 'independent',
      n: QUESTIONS.length,
      nReference: QUESTIONS.length,
    });
    const social = result.differences?.rows.find(({ feature }) => feature === 'social');
    expect(social?.difference).toBeGreaterThan(0);
    expect(result.expected?.find(({ feature }) => feature === 'social')).toMatchObject({ direction: 'more' });
    expect(result.trends?.map(({ voice, turns }) => [voice, turns.length])).toEqual([
      ['Lively', QUESTIONS.length],
      ['Calm', QUESTIONS.length],
    ]);
  });

  test('follows each figure over the turns', () => {
    const [trend] = talk.result?.trends ?? [];
    for (const [index, { turn, values, words }] of (trend?.turns ?? []).entries()) {
      const answer = talk.result?.texts[index]?.readout;
      expect({ turn, words }).toEqual({ turn: index + 1, words: answer?.words });
      expect(values.coverage).toBeUndefined();
      for (const [feature, value] of Object.entries(values))
        if (answer?.categories[feature] !== undefined) expect(value).toBe(answer.categories[feature]);
    }
    expect(trend?.turns.every(({ smooth }) => smooth !== undefined)).toBe(true);
    const turns = trend?.turns ?? [];
    const order = turns.map(({ turn }) => turn);
    for (const { feature, rho, p, n } of trend?.changes ?? []) {
      expect(Math.abs(rho)).toBeLessThanOrEqual(1);
      expect(n).toBe(QUESTIONS.length);
      // So few answers have the p of all their orders, which is not that of t.
      const figures = turns.map(({ values }) => values[feature] ?? 0);
      expect(p, feature).toBe(exactRankP(order, figures));
    }
  });

  test('is told in sentences, tables and plots', async () => {
    const told = await studio.client.reporting.present({ run: talk.id });
    expect(told.tables.map(({ title }) => title)).toEqual([
      'Figures and their differences from the reference',
      'The words behind the figures',
      'What the literature expects of the high pole, and what was found',
      'Lively: Figures by turn',
      'Calm: Figures by turn',
    ]);
    expect(told.plots.map(({ name }) => name)).toEqual(['differences', 'trend-1', 'trend-2']);
    const report = (await studio.client.reporting.report({ runs: [talk.id] })).html;
    expect(report).toContain('Robust locally weighted regression');
    expect(report).toContain(talk.result?.lexicon.hash.slice(0, 12));
  });

  test('keeps its numbers in the exported data, whose columns are documented', async () => {
    const documented = readFileSync(join(appFolder, 'docs', 'reports.md'), 'utf8');
    const files = await exported(talk.id);
    for (const name of ['texts', 'categories', 'words', 'differences', 'expected', 'trend', 'changes'])
      expect(documented).toContain(`\`${name}.csv\``);
    const rows = rowsOf(files.get('texts.csv'));
    expect(rows.map(({ set }) => set)).toEqual([
      ...QUESTIONS.map(() => 'texts'),
      ...QUESTIONS.map(() => 'reference'),
    ]);
    for (const [index, row] of rows.slice(0, QUESTIONS.length).entries())
      expect(Number(row.social)).toBe(talk.result?.texts[index]?.readout.categories.social);
    const categories = new Set(talk.result?.lexicon.categories.map(({ key }) => key));
    for (const [name, text] of files)
      if (name.endsWith('.csv') && !name.endsWith('-plot.csv'))
        for (const column of Object.keys(rowsOf(text)[0] ?? {}))
          if (!categories.has(column)) expect(documented).toContain(`\`${column}\``);
  });

  test('is done again in another studio that has none of the answers', async () => {
    const { file } = await studio.client.reporting.bundle({ runs: [talk.id] });
    const other = await openStudio();
    try {
      const { runs } = await other.client.reporting.import({ file });
      const again = await other.end(
        'rerun',
        other.client.reporting.rerun({ runs: runs.map(({ id }) => id) }),
      );
      expect(again.result).toMatchObject({ reproduced: true, runs: [{ kind: 'readout', beyond: 0 }] });
      expect(again.result?.runs[0]?.values).toBeGreaterThan(500);
    } finally {
      await other.remove();
    }
  });

  test('of a conversation that is not there says so, and begins nothing', async () => {
    const before = (await studio.client.runs.list({})).length;
    const work = studio.client.language.record({ source: { kind: 'log', conversation: 'another' } });
    expect(await studioError(work)).toMatchObject({
      code: 'not_found',
      message: 'There are no answers of the conversation another in the log.',
    });
    expect((await studio.client.runs.list({})).length).toBe(before);
  });

  test('can be of all panes at once, and personas of the log have their counts', async () => {
    const all = await keep({ source: { kind: 'log', conversation: TALK } });
    expect(all.result?.texts).toHaveLength(2 * QUESTIONS.length);
    expect(all.title).toBe('All answers in “Parties”');
    expect(await studio.client.language.voices()).toEqual([
      { name: personaSchema.parse(persona()).name, answers: 2 * QUESTIONS.length, conversations: 1 },
    ]);
  });
});

describe('a readout of texts on disk', () => {
  test('names lexicon and texts by hash, and is done again with the same values', async () => {
    expect(Object.keys(texts.hashes)).toContain(folder);
    const again = await studio.end('rerun', studio.client.reporting.rerun({ runs: [texts.id] }));
    expect(again.result).toMatchObject({ reproduced: true, runs: [{ kind: 'readout' }] });
  });

  test('is not done again when a text has changed: it says which', async () => {
    const file = join(folder, 'monday.txt');
    const before = readFileSync(file);
    writeFileSync(file, 'I worry no more.');
    const again = await studio.end('rerun', studio.client.reporting.rerun({ runs: [texts.id] }));
    writeFileSync(file, before);
    expect(again).toMatchObject({
      state: 'failed',
      error: { message: expect.stringContaining('the texts diary') },
    });
  });
});

describe('a readout of files that a page sends', () => {
  const fileOf = (name: string, text: string | Uint8Array<ArrayBuffer>) => ({
    name,
    file: new File([text], name),
  });
  const TABLE = 'id,text,note\n1,"We laughed, my friend and I.",a\n2,I worry about work.,\n3,We laughed.,\n';
  const sent = (files: { name: string; file: File }[], column?: string) => ({
    ...{ kind: 'files' as const, name: files.length > 1 ? 'diary' : (files[0]?.name ?? ''), files, column },
  });

  test('keeps their texts, named as the file or folder, with intervals over texts', async () => {
    const kept = await keep({
      source: sent([fileOf('a/monday.txt', 'I worry about work.'), fileOf('a/tuesday.txt', 'We laughed!')]),
      reference: sent([fileOf('letters.csv', TABLE)], 'text'),
    });
    expect(kept.title).toBe('diary, against letters.csv');
    expect(kept.input.source).toEqual({
      kind: 'texts',
      name: 'diary',
      texts: [
        { name: 'a/monday.txt', text: 'I worry about work.' },
        { name: 'a/tuesday.txt', text: 'We laughed!' },
      ],
    });
    expect(kept.result?.reference?.texts.map(({ name }) => name)).toEqual(['row 1', 'row 2', 'row 3']);
    const [low, high] = kept.result?.reference?.intervals?.social ?? [100, 0];
    const share = kept.result?.reference?.total.categories.social as number;
    expect(low).toBeLessThan(share);
    expect(high).toBeGreaterThan(share);
    const again = await studio.end('rerun', studio.client.reporting.rerun({ runs: [kept.id] }));
    expect(again.result).toMatchObject({ reproduced: true });
  });

  test('has columns to choose from, with what is in them', async () => {
    const { rows, columns } = await studio.client.language.table(fileOf('letters.csv', TABLE));
    expect(rows).toBe(3);
    expect(columns.map(({ name, filled }) => [name, filled])).toEqual([
      ['id', 3],
      ['text', 3],
      ['note', 1],
    ]);
    expect(columns[1]).toMatchObject({ example: 'We laughed, my friend and I.', length: 58 / 3 });
  });

  test('says what is wrong with a file, and begins nothing', async () => {
    const before = (await studio.client.runs.list({})).length;
    const { language } = studio.client;
    const binary = fileOf('photo.txt', new Uint8Array([137, 80, 0, 71]));
    expect(await studioError(language.record({ source: sent([binary]) }))).toMatchObject({
      message: 'photo.txt is not a text file.',
    });
    const table = fileOf('letters.csv', TABLE);
    expect(await studioError(language.record({ source: sent([table], 'reply') }))).toMatchObject({
      field: 'column',
      action: 'Its columns: id, text, note.',
    });
    expect(await studioError(language.record({ source: sent([table, table]) }))).toMatchObject({
      message: 'letters.csv is a table, and is read by itself.',
    });
    expect(await studioError(language.table(fileOf('empty.csv', 'text\n')))).toMatchObject({
      message: 'empty.csv has headings but no rows.',
    });
    expect((await studio.client.runs.list({})).length).toBe(before);
  });
});

describe('a text of a kept readout', () => {
  test('is there with the places of its words, from the log and from the disk', async () => {
    const { language } = studio.client;
    const answer = await language.text({ run: talk.id, set: 'reference', place: 2 });
    expect(answer.name).toBe(talk.result?.reference?.texts[2]?.name);
    expect(answer.readout.words).toBe(talk.result?.reference?.texts[2]?.readout.words);
    const { text, readout } = await language.text({ run: texts.id, set: 'texts', place: 1 });
    const words = readout.found?.positive_emotion ?? [];
    expect(words.flatMap(({ at }) => at ?? []).map(([from, to]) => text.slice(from, to))).toContain('happy');
  });

  test('on the disk is not shown when it has changed or gone, and none is there that was not read', async () => {
    const { language } = studio.client;
    const file = join(folder, 'tuesday.txt');
    const before = readFileSync(file);
    writeFileSync(file, 'We wept.');
    const changed = await studioError(language.text({ run: texts.id, set: 'texts', place: 1 }));
    writeFileSync(file, before);
    expect(changed).toMatchObject({ code: 'mismatch', message: expect.stringContaining('have changed') });
    renameSync(folder, `${folder}-away`);
    const gone = await studioError(language.text({ run: texts.id, set: 'texts', place: 1 }));
    renameSync(`${folder}-away`, folder);
    expect(gone).toMatchObject({ code: 'not_found', message: expect.stringContaining('no longer at') });
    const none = language.text({ run: texts.id, set: 'reference', place: 0 });
    expect(await studioError(none)).toMatchObject({ code: 'not_found' });
  });
});

test('“readout --save” keeps what it shows as a run', async () => {
  const child = spawn(
    process.execPath,
    [join(appFolder, 'electron', 'cli.ts'), 'readout', folder, '--save', '--json'],
    { env: { ...process.env, TEMPERAMENT_HOME: studio.home } },
  );
  let out = '';
  child.stdout.on('data', data => {
    out += data;
  });
  expect(await new Promise(resolve => child.on('close', resolve))).toBe(0);
  const { run, ...result } = JSON.parse(out) as ReadTextsResult & { run: string };
  expect(result).toEqual(JSON.parse(JSON.stringify(texts.result)));
  const kept = await studio.client.runs.get({ id: run });
  expect(kept).toMatchObject({ kind: 'readout', state: 'done', title: 'diary' });
  expect(kept.result).toEqual(texts.result);
});
