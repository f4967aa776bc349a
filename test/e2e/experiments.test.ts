import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../electron/studio/log/database.ts';
import { Log } from '../../electron/studio/log/log.ts';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

const running = useStudio();
const page = usePage(
  running,
  { bypassCSP: true, reducedMotion: 'reduce', permissions: ['clipboard-read', 'clipboard-write'] },
  { shared: true },
);
const shoot = (name: string) => page.shoot(`experiments-${name}`);

beforeAll(async () => {
  await page.set('Extraversion', '1');
  await page.view('Experiments').click();
  await plan('Sweep').getByLabel('Questionnaire').selectOption('mini-ipip');
});

const region = (name: string) => page.page.getByRole('region', { name, exact: true });
const plan = region;
const result = () => region('Result');
const choose = async (design: string) => {
  await page.page
    .getByRole('navigation', { name: 'Designs' })
    .getByRole('link', { name: new RegExp(`^${design}`) })
    .click();
  await plan(design).waitFor();
};
const number = async (design: string, label: string, value: string) => {
  const field = plan(design).getByLabel(label, { exact: true });
  await field.fill(value);
  await field.press('Tab');
};
const begin = (design: string) => plan(design).getByRole('button', { name: 'Run', exact: true });
/** Runs the chosen design and waits for its first table. */
const done = async (design: string) => {
  await begin(design).click();
  await result().getByText('Table 1.').waitFor({ timeout: PATIENCE });
};
/** A run as the log has it. */
const logged = (id: string) => {
  const database = openDatabase(running.studio.home);
  const run = new Log(database).get(id);
  database.close();
  return run;
};
describe('a measurement', () => {
  it('says which inventory of one’s own is left out, with line and field', async () => {
    const folder = join(running.studio.home, 'inventories');
    mkdirSync(folder, { recursive: true });
    const head = '# name: Mine\n# source: us\n# licence: mine\n# scale: No | Yes\nid,text,trait,keyed\n';
    writeFileSync(
      join(folder, 'mine.csv'),
      `${head}1,Is loud.,extraversion,plus\n1,Is quiet.,extraversion,minus\n`,
    );
    await page.view('Studio').click();
    await page.view('Experiments').click();
    await page.page.getByText('One file is left out').click();
    await page.page.getByText(/mine\.csv, line 7, field items\.1\.id: two items with the id 1/).waitFor();
    expect(await page.violations()).toEqual([]);
    await shoot('measurement-left-out');
    rmSync(folder, { recursive: true });
  });

  it('takes an inventory in several wordings, against the base, and says where it is from', async () => {
    await choose('Measurement');
    await plan('Measurement').getByLabel('Questionnaire').selectOption('mini-ipip');
    await plan('Measurement').getByText('20 items: source and licence').click();
    await plan('Measurement')
      .getByText(/Donnellan/)
      .waitFor();
    await plan('Measurement').getByText('20 items: source and licence').click();
    await plan('Measurement').getByLabel('Compared with').selectOption({ label: 'The base' });
    await plan('Measurement').getByText('2 assessments').waitFor();
    await plan('Measurement').getByText('More settings').click();
    await number('Measurement', 'Wordings of the question', '2');
    expect(await page.violations()).toEqual([]);
    await shoot('measurement-plan');
    await done('Measurement');
    await result().getByText('Differences from the reference persona').waitFor();
    const run = logged(page.page.url().split('/').at(-1) ?? '');
    if (run.kind !== 'assess' || !run.result) throw new Error('no result');
    expect(run.input).toMatchObject({ inventory: 'mini-ipip', administration: { instructions: 2 } });
    expect(run.result.retest).toMatchObject({ cases: 20, forms: 2 });
    const difference = run.result.comparison?.find(({ scale }) => scale === 'extraversion');
    expect(difference?.difference).toBeGreaterThan(0.5);
    expect(await result().innerText()).toMatch(/test–retest agreement of the 20 items was ICC\(A,1\)/);
    expect(await page.violations()).toEqual([]);
    await shoot('measurement-result');
  });

  it('is cancelled while its items are answered, and goes on with those that are left', async () => {
    const questionnaire = plan('Measurement').getByLabel('Questionnaire');
    await questionnaire.selectOption({ label: 'IPIP-NEO-120 (en)' });
    await begin('Measurement').click();
    await result()
      .getByText(/[1-9]\d* \/ 480 answers/)
      .waitFor();
    await result().getByRole('button', { name: 'Cancel' }).click();
    await result().getByText('Cancelled. What was done is kept.').waitFor();
    expect(await page.violations()).toEqual([]);
    await shoot('measurement-cancelled');
    await region('Unfinished')
      .getByRole('button', { name: /^Resume demo:/ })
      .waitFor();
    await result().getByRole('button', { name: 'Resume' }).click();
    await result().getByText('Differences from the reference persona').waitFor({ timeout: PATIENCE });
    await region('Unfinished').waitFor({ state: 'detached' });
    await questionnaire.selectOption('mini-ipip');
  });

  it('draws answers, and wants a judge for an interview', async () => {
    await plan('Measurement').getByLabel('Ratings').selectOption('interview');
    await plan('Measurement').getByText('Choose the model that rates the interview').waitFor();
    expect(await begin('Measurement').isDisabled()).toBe(true);
    await shoot('measurement-interview');
    await plan('Measurement').getByLabel('Ratings').selectOption('sampled');
    await number('Measurement', 'Answers to each item', '2');
    await number('Measurement', 'Wordings of the question', '1');
    await plan('Measurement').getByLabel('Compared with').selectOption({ label: 'Nothing' });
    await done('Measurement');
    await result()
      .getByText(/40 answers were drawn/)
      .waitFor({ timeout: PATIENCE });
    await plan('Measurement').getByLabel('Ratings').selectOption('probability');
    await choose('Sweep');
  });
});

describe('a sweep', () => {
  it('says what it will take, what one will get, and what is wrong with a plan', async () => {
    await result().getByText('What you will get').waitFor();
    await plan('Sweep').getByText('9 assessments').waitFor();
    expect(await page.violations()).toEqual([]);
    await shoot('sweep-plan');
    await number('Sweep', 'From', '2');
    await number('Sweep', 'To', '-2');
    await plan('Sweep').getByText('The strengths must rise').waitFor();
    expect(await begin('Sweep').isDisabled()).toBe(true);
    await number('Sweep', 'From', '-2');
    await number('Sweep', 'To', '2');
    await number('Sweep', 'Step', '1');
    await plan('Sweep').getByText('5 assessments').waitFor();
  });

  it('gives sentences, a plot and a table, with the figures of the log', async () => {
    await plan('Sweep').getByLabel('Trait', { exact: true }).selectOption('neuroticism');
    await done('Sweep');
    expect(await result().innerText()).toMatch(/r\(3\)\s=\s\.\d\d, 95%\sCI/);
    await result()
      .getByRole('img', { name: /weight of neuroticism/ })
      .waitFor();
    const rows = await result().getByRole('table').first().getByRole('row').allInnerTexts();
    expect(rows).toHaveLength(6);
    const run = logged(page.page.url().split('/').at(-1) ?? '');
    if (run.kind !== 'sweep' || !run.result) throw new Error('no result');
    for (const [index, { alpha, scores }] of run.result.points.entries()) {
      const cells = (rows[index + 1] ?? '').split(/\s+/);
      expect(cells[0]).toBe(alpha.toFixed(2).replace('-', '−'));
      expect(cells.at(-1)).toBe(scores.neuroticism?.toFixed(2));
    }
    expect(await page.violations()).toEqual([]);
    await shoot('sweep-result');
  });

  it('says the values of its points by keyboard and on hover, and hands them on', async () => {
    const run = logged(page.page.url().split('/').at(-1) ?? '');
    if (run.kind !== 'sweep' || !run.result) throw new Error('no result');
    const { points } = run.result;
    const said = (score: number | undefined) => `Neuroticism score: ${score?.toFixed(2)}`;
    const walker = result().getByRole('slider', { name: /weight of neuroticism/ });
    await walker.focus();
    expect(await walker.getAttribute('aria-valuetext')).toContain(said(points[0]?.scores.neuroticism));
    await page.page.keyboard.press('ArrowRight');
    expect(await walker.getAttribute('aria-valuetext')).toMatch(/^α of neuroticism = −1\.00\. /);
    expect(await walker.getAttribute('aria-valuetext')).toContain(said(points[1]?.scores.neuroticism));
    expect(await walker.getAttribute('aria-valuetext')).toMatch(/Line: \d\.\d\d \[−?\d\.\d\d, −?\d\.\d\d\]/);
    await shoot('sweep-point');

    const text = (type: string) =>
      page.page.evaluate(
        `navigator.clipboard.read().then(([item]) => item.getType('${type}')).then(async blob => blob.type === 'image/png' ? blob.size : blob.text())`,
      );
    await result().getByRole('button', { name: 'Copy data' }).click();
    await result().getByText('Data copied').waitFor();
    expect(await text('text/plain')).toBe(
      [
        'α of neuroticism\tNeuroticism score',
        ...points.map(({ alpha, scores }) => `${alpha}\t${scores.neuroticism}`),
      ].join('\n'),
    );
    await result().getByRole('button', { name: 'Copy as image' }).click();
    await result().getByText('Image copied.').waitFor();
    expect(await text('image/png')).toBeGreaterThan(5000);
    const [picture] = await Promise.all([
      page.page.waitForEvent('download'),
      result().getByRole('button', { name: 'Save as PNG' }).click(),
    ]);
    expect(picture.suggestedFilename()).toMatch(/^sweep.*\.png$/);
    expect(
      readFileSync(await picture.path())
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');

    await result().getByText('The figures as a table').click();
    const table = result()
      .getByRole('region', { name: /^Figures: / })
      .getByRole('row');
    expect(await table.count()).toBe(points.length + 1);
    expect(await page.violations()).toEqual([]);
    await result().getByText('The figures as a table').click();
  });

  it('is copied as an APA table and saved as a report', async () => {
    await result().getByRole('button', { name: 'Copy table 1' }).click();
    await result().getByText('Table copied.').waitFor();
    const html = await page.page.evaluate(
      `navigator.clipboard.read().then(([item]) => item.getType('text/html')).then(blob => blob.text())`,
    );
    expect(html).toContain('<table');
    const [download] = await Promise.all([
      page.page.waitForEvent('download'),
      result().getByRole('button', { name: 'Report', exact: true }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^sweep-[0-9a-f]{8}\.html$/);
    expect(readFileSync(await download.path(), 'utf8')).toContain('Demonstration only.');
  });

  it('is there again after a reload, and among the earlier results', async () => {
    await page.page.reload();
    await result().getByText('Table 1.').waitFor();
    await choose('Profile study');
    await result().getByText('What you will get').waitFor();
    await choose('Sweep');
    await result().getByLabel('Earlier results of this design').selectOption({ index: 1 });
    await result().getByText('Table 1.').waitFor();
    await plan('Sweep').getByLabel('Questionnaire').selectOption('mini-ipip');
    await plan('Sweep').getByText('9 assessments').waitFor();
  });

  it('lends its plan to the form, and its mix to the sliders, with a way back', async () => {
    await plan('Sweep').getByLabel('Trait', { exact: true }).selectOption('openness');
    await page.view('Studio').click();
    await page.set('Extraversion', '-1');
    await page.view('Experiments').click();
    await result().getByRole('button', { name: 'Use this plan' }).click();
    expect(await plan('Sweep').getByLabel('Trait', { exact: true }).inputValue()).toBe('neuroticism');
    await plan('Sweep').getByText('5 assessments').waitFor();
    const notice = page.page.getByRole('listitem').filter({ hasText: 'The plan is in the form' });
    expect(await plan('Sweep').innerText()).toMatch(/E\s*\+1\.00/);
    await notice.getByRole('button', { name: 'Undo' }).click();
    expect(await plan('Sweep').innerText()).toMatch(/E\s*−1\.00/);
    await page.view('Studio').click();
    await page.set('Extraversion', '1');
    await page.view('Experiments').click();
    await plan('Sweep').getByLabel('Trait', { exact: true }).selectOption('extraversion');
  });

  it('is cancelled, stays among the unfinished, and goes on', async () => {
    await number('Sweep', 'Step', '0.04');
    await begin('Sweep').click();
    await result().getByRole('progressbar').waitFor();
    await result()
      .getByText(/^\d+ \/ 101 points$/)
      .waitFor();
    await result()
      .getByText(/ left$/)
      .waitFor({ timeout: PATIENCE });
    await result().getByRole('button', { name: 'Cancel' }).click();
    await result().getByText('Cancelled. What was done is kept.').waitFor({ timeout: PATIENCE });
    const unfinished = region('Unfinished');
    await unfinished.getByText('extraversion, 101 points').waitFor();
    expect(await page.violations()).toEqual([]);
    await shoot('unfinished');
    await unfinished.getByRole('button', { name: 'Resume extraversion, 101 points' }).click();
    await result().getByText('Table 1.').waitFor({ timeout: PATIENCE });
    await unfinished.waitFor({ state: 'detached' });
  });
});

describe('other designs', () => {
  it('refuse a plan without a mix, and say so before anything is done', async () => {
    await choose('Capability check');
    await plan('Capability check').getByLabel('Who is studied').selectOption('base');
    await plan('Capability check').getByText('Move a slider first').waitFor();
    expect(await begin('Capability check').isDisabled()).toBe(true);
    await plan('Capability check').getByLabel('Who is studied').selectOption('sliders');
    await choose('Transfer');
    await plan('Transfer').getByText('Choose at least one model.').waitFor();
  });

  it('profile study', async () => {
    await choose('Profile study');
    await number('Profile study', 'Drawn combinations', '6');
    await plan('Profile study').getByText('6 assessments').waitFor();
    await done('Profile study');
    expect(await result().getByRole('table').first().getByRole('row').count()).toBe(6);
    expect(await page.violations()).toEqual([]);
    await shoot('profiles');
  });

  it('comparison of methods', async () => {
    await choose('Comparison of methods');
    await plan('Comparison of methods').getByLabel('TIES', { exact: true }).uncheck();
    await plan('Comparison of methods').getByText('12 assessments').waitFor();
    await done('Comparison of methods');
    await result().getByText('Differences between recipes', { exact: true }).waitFor();
    expect(await result().getByRole('table').first().getByRole('row').count()).toBe(3);
    expect(await page.violations()).toEqual([]);
    await shoot('methods');
  });

  it('capability check', async () => {
    await choose('Capability check');
    await number('Capability check', 'Sums', '8');
    await number('Capability check', 'Requests', '4');
    await plan('Capability check').getByText('24 answers').waitFor();
    await done('Capability check');
    expect(await result().innerText()).toMatch(/perplexity/i);
    expect(await page.violations()).toEqual([]);
    await shoot('capability');
  });

  it('prompting, transfer, stability and calibration', async () => {
    const only = async (design: string, trait: string) => {
      for (const other of ['Openness', 'Conscientiousness', 'Extraversion', 'Agreeableness', 'Neuroticism'])
        await plan(design)
          .getByLabel(other, { exact: true })
          .setChecked(other === trait);
    };
    await choose('Prompting against vectors');
    await only('Prompting against vectors', 'Extraversion');
    await plan('Prompting against vectors').getByText('21 assessments').waitFor();
    await done('Prompting against vectors');

    await choose('Transfer');
    await plan('Transfer').getByLabel('Demo: Captain Mara').check();
    await plan('Transfer').getByText('10 assessments').waitFor();
    await done('Transfer');

    await choose('Stability');
    await plan('Stability').getByText('11 assessments').waitFor();
    await done('Stability');

    await choose('Calibration');
    await number('Calibration', 'Drawn combinations besides', '2');
    await plan('Calibration').getByText('33 assessments').waitFor();
    await done('Calibration');
    expect(await page.violations()).toEqual([]);
    await shoot('calibration');
  });

  it('took as many assessments as the form said', async () => {
    const database = openDatabase(running.studio.home);
    const log = new Log(database);
    const counts = Object.fromEntries(
      log
        .list({ limit: 100, offset: 0, deleted: false })
        .filter(({ kind }) =>
          ['prompting', 'transfer', 'stability', 'calibrate', 'methods_compare'].includes(kind),
        )
        .map(({ id, kind }) => [kind, log.points(id).size]),
    );
    database.close();
    expect(counts).toEqual({
      prompting: 21,
      transfer: 10,
      stability: 11,
      calibrate: 33,
      methods_compare: 12,
    });
  });

  it('say when they are done while another view is shown', async () => {
    await choose('Profile study');
    await begin('Profile study').click();
    await page.view('Studio').click();
    const notice = page.page.getByRole('listitem').filter({ hasText: 'Profile study done' });
    await notice.getByRole('button', { name: 'Look' }).click({ timeout: PATIENCE });
    await result().getByText('Table 1.').waitFor();
  });
});
