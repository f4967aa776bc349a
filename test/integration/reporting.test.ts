/** What leaves the studio, from real runs of the demo family: data, tables, reports, bundles that another studio does again. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appFolder } from '../../electron/host.ts';
import { readArchive } from '../../electron/studio/archive.ts';
import {
  type AssessResult,
  type EXPORT_FORMATS,
  type Run,
  TRAITS,
  tableHtml,
  tableText,
} from '../../electron/studio/contract.ts';
import { StudioError } from '../../electron/studio/errors.ts';
import { openStudio, persona, studioError, type TestStudio } from './studio.ts';

type RunOf<K extends Run['kind']> = Extract<Run, { kind: K }>;
let studio: TestStudio;
let assessed: RunOf<'assess'>;
let swept: RunOf<'sweep'>;
let studied: RunOf<'profiles'>;
let compared: RunOf<'compare'>;
let answered: string;

beforeAll(async () => {
  studio = await openStudio();
  const { assessment, library } = studio.client;
  const short = { inventory: 'mini-ipip' };
  assessed = await studio.end(
    'assess',
    assessment.assess({
      ...short,
      persona: persona({ extraversion: 1 }),
      reference: persona(),
      administration: { instructions: 2, order: 'both' },
    }),
  );
  swept = await studio.end(
    'sweep',
    assessment.sweep({ ...short, persona: persona(), trait: 'extraversion', alphas: [-2, -1, 0, 1, 2] }),
  );
  studied = await studio.end('profiles', assessment.profiles({ ...short, persona: persona(), n: 5 }));
  compared = await studio.end('compare', library.compare({ entrywise: false }));
  answered = (await studio.ask('How are you?', persona({ openness: 1 }))).run;
}, 300_000);
afterAll(() => studio.remove());

const ids = () => [assessed.id, swept.id, studied.id, compared.id, answered];
async function exported(id: string, ...formats: (typeof EXPORT_FORMATS)[number][]) {
  const { files } = await studio.client.reporting.export({
    runs: [id],
    ...(formats.length > 0 && { formats }),
  });
  return new Map(files.map(({ name, text }) => [name, text]));
}
const rowsOf = (text: string | undefined) => parse(text ?? '', { columns: true }) as Record<string, string>[];

describe('export', () => {
  test('a row for every item answer, every figure with all its digits', async () => {
    const { items, scales } = assessed.result as AssessResult;
    const files = await exported(assessed.id, 'csv');
    const rows = rowsOf(files.get('items.csv'));
    expect(rows).toHaveLength(20);
    for (const [index, item] of items.entries()) {
      const row = rows[index] ?? {};
      expect(row).toMatchObject({
        run: assessed.id,
        item: String(item.id),
        text: item.text,
        trait: item.trait,
      });
      expect(Number(row.rating)).toBe(item.rating);
      expect([1, 2, 3, 4, 5].map(k => Number(row[`p_${k}`]))).toEqual(item.probabilities);
    }
    expect(rowsOf(files.get('scales.csv')).map(row => Number(row.score))).toEqual(
      scales.map(({ score }) => score),
    );
    // Two wordings in two orders, five traits each.
    expect(rowsOf(files.get('cases.csv'))).toHaveLength(4 * 5);
    expect(rowsOf(files.get('differences.csv')).map(({ scale }) => scale)).toHaveLength(5);
  });

  test('a row for every point of a design', async () => {
    const points = rowsOf((await exported(swept.id, 'csv')).get('points.csv'));
    expect(points.map(row => Number(row.alpha_extraversion))).toEqual([-2, -1, 0, 1, 2]);
    expect(points.map(row => Number(row.score_extraversion))).toEqual(
      swept.result?.points.map(({ scores }) => scores.extraversion),
    );
    const profiles = rowsOf((await exported(studied.id, 'csv')).get('points.csv'));
    expect(profiles.map(row => Number(row.alpha_neuroticism))).toEqual(
      studied.result?.profiles.map(({ weights }) => weights.neuroticism),
    );
  });

  test('JSON holds the run and the same tables', async () => {
    const { run, tables, files } = JSON.parse((await exported(swept.id, 'json')).get('run.json') ?? '');
    expect(run).toEqual(JSON.parse(JSON.stringify(swept)));
    expect(tables.points).toHaveLength(5);
    expect(tables.points[4].alpha_extraversion).toBe(2);
    expect(files.map(({ role }: { role: string }) => role).sort()).toEqual([
      'inventory',
      'model',
      'vector',
      'vector',
    ]);
  });

  test('the sentence agrees with the result', async () => {
    const { r, ci95, n } = swept.result as { r: number; ci95: [number, number]; n: number };
    const short = (value: number) => value.toFixed(2).replace('-', '−').replace('0.', '.');
    const shown = r > 0.995 ? '> .99' : `= ${short(r)}`;
    expect((await exported(swept.id, 'text')).get('results.txt')).toContain(
      `the extraversion score was r(${n - 2}) ${shown}, 95% CI [${short(ci95[0])}, ${short(ci95[1])}], p`,
    );
  });

  test('of several runs goes into a folder each, and every format has its files', async () => {
    const { files } = await studio.client.reporting.export({ runs: ids() });
    const names = files.map(({ name }) => name);
    const folder = `sweep-${swept.id.slice(0, 8)}`;
    expect(names).toEqual(
      expect.arrayContaining(
        [
          'points.csv',
          'run.json',
          'tables.html',
          'tables.tex',
          'results.txt',
          'sweep.svg',
          'sweep-plot.csv',
        ].map(name => `${folder}/${name}`),
      ),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test('every column is in the documentation', async () => {
    const documented = readFileSync(join(appFolder, 'docs', 'reports.md'), 'utf8');
    const { files } = await studio.client.reporting.export({ runs: ids(), formats: ['csv'] });
    expect(files.length).toBeGreaterThan(8);
    for (const { name, text } of files)
      for (const column of (parse(text)[0] ?? []) as string[]) {
        const pattern = column
          .replace(/^p_\d$/, 'p_K')
          .replace(new RegExp(`(${TRAITS.join('|')})$`), 'TRAIT');
        expect(documented, `${name}: ${column}`).toContain(`\`${pattern}\``);
      }
  });

  test('takes the beginning of an id, and “latest”', async () => {
    const { files } = await studio.client.reporting.export({
      runs: [swept.id.slice(0, 13)],
      formats: ['json'],
    });
    expect(JSON.parse(files[0]?.text ?? '').run.id).toBe(swept.id);
    const latest = await studio.client.reporting.export({ runs: ['latest'], formats: ['json'] });
    expect(JSON.parse(latest.files[0]?.text ?? '').run.id).toBe(answered);
  });

  test('of what is not there, or has no result, says so', async () => {
    const { reporting } = studio.client;
    expect(await studioError(reporting.report({ runs: ['nonesuch'] }))).toMatchObject({
      code: 'not_found',
      message: 'There is no run nonesuch in the log.',
    });
    const { run } = await studio.client.assessment.assess({ persona: persona(), inventory: 'none' });
    for await (const _ of await studio.client.runs.watch({ id: run }));
    expect(await studioError(reporting.report({ runs: [run] }))).toMatchObject({
      code: 'bad_input',
      message: expect.stringContaining('it is failed'),
    });
    expect(await studioError(reporting.pdf({ runs: [swept.id] }))).toMatchObject({
      action: expect.stringContaining('print it from there'),
    });
  });
});

describe('a report', () => {
  test('says with what the runs were made', async () => {
    const { html } = await studio.client.reporting.report({ runs: ids(), title: 'A <miniature>' });
    expect(html).toContain('<h1>A &lt;miniature&gt;</h1>');
    expect(html).toContain('Demonstration only.');
    for (const hash of Object.values(studied.hashes)) expect(html).toContain(hash);
    expect(html).toContain('Donnellan et al., 2006');
    expect(html).toContain('public domain');
    expect(html).toContain(`Temperament ${assessed.versions.temperament}`);
    expect(html).toContain('Latin hypercube (McKay et al., 1979; seed 7)');
    expect(html).toContain('two wordings of the instruction'.replace('two', 'Two'));
    // Figures and tables are numbered through.
    const numbers = (word: string) =>
      [...html.matchAll(new RegExp(`<b>${word} (\\d+)</b>`, 'g'))].map(([, n]) => Number(n));
    for (const word of ['Table', 'Figure']) {
      const found = numbers(word);
      expect(found.length).toBeGreaterThan(3);
      expect(found).toEqual(found.map((_, index) => index + 1));
    }
    // Folders of this machine are nobody's business.
    expect(html).not.toContain(appFolder);
    expect(html).not.toContain(studio.home);
  });
});

test('a run is told for the page as the exported tables tell it', async () => {
  const told = await studio.client.reporting.present({ run: swept.id });
  const files = await exported(swept.id, 'html', 'text', 'svg');
  expect(told.tables.length).toBeGreaterThan(0);
  for (const [index, table] of told.tables.entries()) {
    expect(files.get('tables.html')).toContain(tableHtml(table, index + 1));
    expect(files.get('results.txt')).toContain(tableText(table, index + 1));
    for (const { cells } of table.rows) expect(cells).toHaveLength(table.head.length);
  }
  expect(told.plots.map(({ name, svg }) => [`${name}.svg`, `${svg}\n`])).toEqual(
    [...files].filter(([name]) => name.endsWith('.svg')),
  );
  expect(told.sentences.flat()).toContainEqual({ italic: 'r' });
  const [{ figure } = {}] = told.plots;
  if (figure?.form !== 'scatter') throw new Error('no scatter');
  expect(figure.panels.map(({ x, y }) => [x, y])).toEqual([
    [
      swept.result?.points.map(({ alpha }) => alpha),
      swept.result?.points.map(({ scores }) => scores.extraversion),
    ],
  ]);
  expect((await studioError(studio.client.reporting.present({ run: 'nobody' }))).code).toBe('not_found');
});

test('about a run: its plan and conditions, with its files by hash', async () => {
  const { run, files } = await studio.client.reporting.about({ run: assessed.id.slice(0, 8) });
  expect(run).toEqual(assessed);
  expect(files.map(({ role }) => role).sort()).toEqual(['inventory', 'model', 'vector']);
  const { models } = await studio.client.library.models();
  expect(files.find(({ role }) => role === 'model')?.hash).toBe(
    models.find(({ id }) => id === 'demo')?.content,
  );
});

test('an archive is the export as one ZIP file', async () => {
  const runs = [swept.id, answered];
  const formats = ['csv' as const, 'text' as const, 'png' as const];
  const { file } = await studio.client.reporting.archive({ runs, formats });
  const found = await readArchive(Buffer.from(await file.arrayBuffer()), {
    bad: problem => new StudioError('bad_file', problem),
    ...{ what: 'archive', expected: '', mostFiles: 100, mostBytes: 1e8, keep: () => true },
  });
  const { files } = await studio.client.reporting.export({ runs, formats });
  expect([...found.contents]).toEqual(
    files.map(({ name, text, encoding }) => [name, Buffer.from(text, encoding)]),
  );
  const plot = found.contents.get(`sweep-${swept.id.slice(0, 8)}/sweep.png`);
  expect(plot?.subarray(0, 4)).toEqual(Buffer.from('\x89PNG', 'latin1'));
});

describe('a study bundle', () => {
  let other: TestStudio;
  beforeAll(async () => {
    other = await openStudio();
  });
  afterAll(() => other.remove());

  test('is done again by another studio, with the same values', async () => {
    const { file, digest } = await studio.client.reporting.bundle({ runs: ids(), title: 'A study' });
    const imported = await other.client.reporting.import({ file, digest });
    expect(imported).toMatchObject({ title: 'A study', digest });
    expect(imported.runs.map(({ id, as }) => [id, as])).toEqual(ids().map(id => [id, 'new']));
    const here = await other.client.runs.get({ id: swept.id });
    expect(here.result).toEqual(swept.result);
    expect(here.imported).toMatchObject({ bundle: digest, id: swept.id });
    expect((await other.client.runs.list({})).every(run => run.imported?.bundle === digest)).toBe(true);

    const again = await other.end('rerun', other.client.reporting.rerun({ runs: ids() }));
    expect(again.error).toBeNull();
    expect(again.result?.reproduced).toBe(true);
    expect(again.result?.runs.map(({ run }) => run)).toEqual(ids());
    for (const { now, values, beyond, run } of again.result?.runs ?? []) {
      expect(values).toBeGreaterThan(3);
      expect(beyond).toBe(0);
      expect(now).not.toBe(run);
      expect((await other.client.runs.get({ id: now })).imported).toBeNull();
    }
    // The report of an imported run is that of the run itself, and says where it came from.
    const { html } = await other.client.reporting.report({ runs: [swept.id] });
    expect(html).toContain('imported from the study bundle');
    expect(html).toContain(Object.values(swept.hashes)[0] as string);
  }, 600_000);

  test('is known when it comes again; a run of its own whose id is taken gets another', async () => {
    const { file } = await studio.client.reporting.bundle({ runs: [swept.id] });
    expect((await other.client.reporting.import({ file })).runs).toMatchObject([
      { id: swept.id, as: 'known' },
    ]);
    // One that was deleted here comes back by it.
    const listed = async () => (await studio.client.runs.list({})).some(({ id }) => id === swept.id);
    await studio.client.runs.delete({ ids: [swept.id] });
    expect(await listed()).toBe(false);
    expect((await studio.client.reporting.import({ file })).runs).toMatchObject([
      { id: swept.id, as: 'known' },
    ]);
    expect(await listed()).toBe(true);
    // The other studio has another run under that id.
    const { default: Database } = await import('better-sqlite3');
    const database = new Database(join(other.home, 'studio.db'));
    database
      .prepare("UPDATE runs SET started_at = '2020-01-01T00:00:00.000Z', imported = NULL WHERE id = ?")
      .run(swept.id);
    database.close();
    const [renamed] = (await other.client.reporting.import({ file })).runs;
    expect(renamed).toMatchObject({ own: swept.id, as: 'renamed' });
    expect(renamed?.id).not.toBe(swept.id);
    expect((await other.client.runs.get({ id: renamed?.id as string })).imported?.id).toBe(swept.id);
    expect((await other.client.reporting.import({ file })).runs).toMatchObject([
      { id: renamed?.id, as: 'known' },
    ]);
  });

  test('of another digest than was published is refused', async () => {
    const { file } = await studio.client.reporting.bundle({ runs: [swept.id] });
    const failed = await studioError(other.client.reporting.import({ file, digest: '0'.repeat(64) }));
    expect(failed).toMatchObject({
      code: 'mismatch',
      message: expect.stringContaining('not the one that is asked for'),
    });
  });

  test('made with a model that is not here names it with its hash, before anything is done', async () => {
    const baked = await studio.end(
      'bake',
      studio.client.mixing.bake({ recipe: { version: 2, base: 'demo', weights: { openness: 1 } } }),
    );
    const run = await studio.end(
      'assess',
      studio.client.assessment.assess({
        inventory: 'mini-ipip',
        persona: { recipe: { version: 2, base: baked.result?.path as string } },
      }),
    );
    expect(run.error).toBeNull();
    const { file } = await studio.client.reporting.bundle({ runs: [run.id] });
    await other.client.reporting.import({ file });
    const before = (await other.client.runs.list({})).length;
    const failed = await other.end('rerun', other.client.reporting.rerun({ runs: [run.id] }));
    expect(failed.error).toMatchObject({
      code: 'not_found',
      message: expect.stringContaining(`with the SHA-256 ${baked.result?.content}`),
      action: expect.stringContaining(other.home),
    });
    // The rerun itself and nothing else.
    expect((await other.client.runs.list({})).length).toBe(before + 1);
    // Where it was made, it can be done again; so can the file.
    const again = await studio.end('rerun', studio.client.reporting.rerun({ runs: [run.id, baked.id] }));
    expect(again.error).toBeNull();
    expect(again.result).toMatchObject({ reproduced: true });
  });

  test('changed results are found out value by value', async () => {
    const { default: Database } = await import('better-sqlite3');
    const database = new Database(join(studio.home, 'studio.db'));
    const row = database.prepare('SELECT result FROM runs WHERE id = ?').get(swept.id) as { result: string };
    const changed = JSON.parse(row.result);
    changed.points[1].scores.openness += 0.25;
    database.prepare('UPDATE runs SET result = ? WHERE id = ?').run(JSON.stringify(changed), swept.id);
    const again = await studio.end('rerun', studio.client.reporting.rerun({ runs: [swept.id] }));
    database.prepare('UPDATE runs SET result = ? WHERE id = ?').run(row.result, swept.id);
    database.close();
    expect(again.result).toMatchObject({ reproduced: false });
    const [only] = again.result?.runs ?? [];
    expect(only?.differences.map(({ at }) => at)).toEqual(['points.1.scores.openness']);
    expect(only?.differences[0]?.difference).toBeCloseTo(0.25, 2);
  });

  test('a rerun can be cancelled, and takes what it began with it', async () => {
    const { run } = await studio.client.reporting.rerun({ runs: [studied.id, swept.id] });
    for await (const event of await studio.client.runs.watch({ id: run }))
      if (event.type === 'progress' && event.progress.done > 0) await studio.client.runs.cancel({ id: run });
      else if (event.type === 'end') expect(event.run.state).toBe('cancelled');
    const [first, second] = await studio.client.runs.list({ kinds: ['profiles'] });
    expect([first?.state, second?.id]).toEqual(['cancelled', studied.id]);
  });
});
