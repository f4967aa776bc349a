/** The terminal host: shapes of its JSON, where it writes, and how it exits. */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, test } from 'vitest';
import { appFolder, resourcesFolder } from '../../electron/host.ts';
import { type CompareResult, METHOD_IDS, TRAITS, type Trait } from '../../electron/studio/contract.ts';
import { readGguf } from '../../native-merge/index.js';
import { writeImatrix, writeModel } from '../native/helpers/workspace.ts';

const home = mkdtempSync(join(tmpdir(), 'temperament-cli-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const start = (...args: string[]) =>
  spawn(process.execPath, [join(appFolder, 'electron', 'cli.ts'), ...args], {
    env: { ...process.env, TEMPERAMENT_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

function cli(...args: string[]): Promise<{ code: number | null; out: string; err: string; json: never }> {
  const child = start(...args);
  let out = '';
  let err = '';
  child.stdout.on('data', data => (out += data));
  child.stderr.on('data', data => (err += data));
  return new Promise(resolve =>
    child.on('close', code =>
      resolve({
        code,
        out,
        err,
        get json() {
          return JSON.parse(out) as never;
        },
      }),
    ),
  );
}

describe('commands', () => {
  test('models, vectors, devices', async () => {
    const models = await cli('models', '--json');
    expect(models.code).toBe(0);
    expect(models.json).toMatchObject({
      models: expect.arrayContaining([expect.objectContaining({ id: 'demo' })]),
    });
    expect((await cli('--json', 'vectors')).json).toMatchObject({ vectors: { length: 10 } });
    expect((await cli('devices', '--json')).json).toMatchObject({
      devices: expect.arrayContaining([expect.objectContaining({ type: 'cpu' })]),
    });
    expect((await cli('models')).out).toContain('demo');
  });

  test('a model is added, deleted and brought back; the demonstration family stays', async () => {
    const from = join(home, 'brought.gguf');
    copyFileSync(join(resourcesFolder, 'demo', 'base.gguf'), from);
    const file = join(home, 'models', 'brought.gguf');
    expect((await cli('models', 'add', from, '--json')).json).toMatchObject({
      added: [{ what: 'model', path: file }],
    });
    const { json } = await cli('models', 'delete', 'brought', '--json');
    expect(json).toMatchObject({
      deleted: { kind: 'model', files: ['brought.gguf'] },
      dependents: { copies: expect.arrayContaining(['demo']) },
    });
    expect(existsSync(file)).toBe(false);
    expect((await cli('models', 'bin')).out).toContain('brought');
    expect((await cli('vectors', 'bin')).out).toContain('The bin is empty.');
    expect(await cli('models', 'restore', 'brought')).toMatchObject({ code: 0 });
    expect(existsSync(file)).toBe(true);
    const refused = await cli('models', 'delete', 'demo');
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('“demo”') });
    rmSync(file);
  });

  test('bake, then chat with the file', async () => {
    const out = join(home, 'out.gguf');
    const baked = await cli(
      ...'bake --model demo --mix extraversion=1,neuroticism=-0.5 --method dare_linear --density 0.5 --seed 7 --type f16 --json --out'.split(
        ' ',
      ),
      out,
    );
    expect(baked.json).toMatchObject({ path: out, tensors: expect.any(Number), run: expect.any(String) });
    expect(existsSync(out)).toBe(true);
    const chat = await cli(
      'chat',
      '--model',
      out,
      '--prompt',
      'How are you?',
      '--seed',
      '3',
      '--max-tokens',
      '20',
      '--json',
    );
    expect(chat.json).toMatchObject({ text: expect.any(String), seed: 3 });
  });

  test('bake a quantised file; a bad importance matrix is named', async () => {
    const out = join(home, 'q4.gguf');
    const baked = await cli(...'bake --mix extraversion=1 --type q4_k_m --json --out'.split(' '), out);
    expect(baked.json).toMatchObject({ path: out, warnings: [{ code: 'quantised_target' }] });
    const none = join(home, 'none.gguf');
    const failed = await cli(
      ...['bake', '--mix', 'extraversion=1', '--type', 'q4_k_m', '--imatrix', none],
      ...['--out', join(home, 'not.gguf')],
    );
    expect(failed.code).toBe(1);
    expect(failed.err).toContain(none);
    expect(failed.err).toContain('Check the path, and that the file may be read.');
  });

  test('a bake says which filters fit nothing, and what is stored otherwise', async () => {
    const narrow = writeModel(join(home, 'narrow.gguf'), [48, 2], Array(96).fill(0.5));
    const given = ['bake', '--model', narrow, '--filter', 'ffn_up=0.5,ffn_upp=0.5', '--type', 'q8_0'];
    const { code, err } = await cli(...given, '--out', join(home, 'narrow-q8.gguf'));
    expect(code).toBe(0);
    expect(err.match(/“.*”/g)).toEqual(['“ffn_upp”']);
    expect(err).toContain('the rows do not fit the one meant: blk.0.ffn_up.weight');
    rmSync(narrow);
  });

  test('a recipe file bakes what its options would', async () => {
    const file = join(home, 'recipe.json');
    writeFileSync(
      file,
      JSON.stringify({ version: 1, base: 'demo', weights: { openness: -1 }, method: 'ties', density: 0.4 }),
    );
    const [one, two] = [join(home, 'r1.gguf'), join(home, 'r2.gguf')];
    const byFile = await cli('bake', '--recipe', file, '--out', one, '--json');
    const byOptions = await cli(
      'bake',
      '--mix',
      'openness=-1',
      '--method',
      'ties',
      '--density',
      '0.4',
      '--out',
      two,
      '--json',
    );
    expect((byFile.json as { content: string }).content).toBe(
      (byOptions.json as { content: string }).content,
    );
  });

  test('a baked file is made again, and its recipe takes other options', async () => {
    const [made, again, other] = [join(home, 'm.gguf'), join(home, 'again.gguf'), join(home, 'other.gguf')];
    const first = await cli(
      ...'bake --mix openness=1,extraversion=-0.5 --method della --density openness=0.4,extraversion=0.7 --epsilon 0.1 --seed 5 --depth openness=0:1.5 --filter blk.*.attn_*=0.5 --no-output-head --type bf16 --json --out'.split(
        ' ',
      ),
      made,
    );
    const second = await cli('bake', '--recipe', made, '--json', '--out', again);
    const content = (baked: { json: never }) => (baked.json as { content: string }).content;
    expect(content(second)).toBe(content(first));
    expect(readFileSync(again).equals(readFileSync(made))).toBe(true);
    // Another method takes what it knows of the settings; what it does not know goes.
    const third = await cli('bake', '--recipe', made, '--method', 'dare_ties', '--json', '--out', other);
    const fourth = await cli(
      ...'bake --mix openness=1,extraversion=-0.5 --method dare_ties --density openness=0.4,extraversion=0.7 --seed 5 --depth openness=0:1.5 --filter blk.*.attn_*=0.5 --no-output-head --type bf16 --json --overwrite --out'.split(
        ' ',
      ),
      again,
    );
    expect(content(third)).toBe(content(fourth));
    const none = await cli('bake', '--recipe', join(appFolder, 'resources', 'demo', 'base.gguf'));
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining('carries no recipe') });
  });

  test('a file quantised with an importance matrix says that it needs it to be made again', async () => {
    const { tensors } = readGguf(join(resourcesFolder, 'demo', 'base.gguf'));
    const imatrix = writeImatrix(
      join(home, 'own.imatrix.gguf'),
      tensors.flatMap(({ name, shape }) => (shape.length > 1 ? [[name, shape[0] as number]] : [])),
    );
    const [made, again] = [join(home, 'guided.gguf'), join(home, 'guided-again.gguf')];
    const given = ['bake', '--type', 'q4_k_m', '--imatrix', imatrix, '--out', made];
    expect((await cli(...given)).code).toBe(0);
    expect(readGguf(made).metadata['temperament.imatrix']).toMatch(/^[0-9a-f]{64}$/);
    const without = await cli('bake', '--recipe', made, '--out', again);
    expect(without.err).toContain('with the importance matrix own.imatrix.gguf. Without it');
    expect(readFileSync(again).equals(readFileSync(made))).toBe(false);
    const overwrite = ['--imatrix', imatrix, '--overwrite', '--out', again];
    expect((await cli('bake', '--recipe', made, ...overwrite)).err).not.toContain('importance matrix');
    expect(readFileSync(again).equals(readFileSync(made))).toBe(true);
  });

  test('what is no mergekit configuration is refused with the file’s name, unread where it is far too long', async () => {
    const bomb = join(home, 'bomb.yml');
    const row = (name: string, of: string) => `${name}: &${name} [${Array(9).fill(of).join(', ')}]\n`;
    const names = [...'abcdefghi'];
    writeFileSync(bomb, names.map((name, at) => row(name, at === 0 ? 'x' : `*${names[at - 1]}`)).join(''));
    const refused = await cli('mergekit', 'import', bomb);
    expect(refused).toMatchObject({ code: 2, out: '' });
    expect(refused.err).toContain(`${bomb}: This is not valid YAML`);
    writeFileSync(bomb, '#'.repeat(2 ** 20 + 1));
    expect((await cli('mergekit', 'import', bomb)).err).toContain(`${bomb} is too long`);
  });

  test('a recipe goes to mergekit and comes back as the same file', async () => {
    const [yaml, recipe] = [join(home, 'mergekit.yml'), join(home, 'mergekit.json')];
    const mix =
      '--mix openness=1,neuroticism=-0.5 --method ties --density openness=0.4,neuroticism=0.7 --depth openness=0:1 --lambda 0.8'.split(
        ' ',
      );
    await cli('mergekit', 'export', ...mix, '--models', 'openness-high=out/curious', '--out', yaml);
    expect(readFileSync(yaml, 'utf8')).toContain('model: out/curious');
    const lost = await cli('mergekit', 'import', yaml);
    expect(lost).toMatchObject({ code: 2, err: expect.stringContaining('out/curious') });
    const vectors = ['--vectors', 'out/curious=openness-high'];
    const back = await cli('mergekit', 'import', yaml, ...vectors, '--out', recipe);
    expect(back.code).toBe(0);
    const made = async (name: string, ...given: string[]) => {
      const baked = await cli('bake', ...given, '--json', '--out', join(home, name));
      expect(baked).toMatchObject({ code: 0 });
      return (baked.json as { content: string }).content;
    };
    expect(await made('back.gguf', '--recipe', recipe)).toBe(await made('there.gguf', ...mix));
    const twice = await cli('mergekit', 'export', ...mix, '--out', yaml);
    expect(twice).toMatchObject({ code: 2, err: expect.stringContaining('exists already') });
  });

  test('a run leaves as files, tables, a report and a bundle, and is done again', async () => {
    const assessed = await cli(...'assess --mix openness=1 --inventory mini-ipip --json'.split(' '));
    const { run } = assessed.json as { run: string };
    expect((await cli('log')).out).toContain(run.slice(0, 8));

    const folder = join(home, 'results');
    const exported = await cli('export', run, '--out', folder, '--format', 'csv,svg', '--json');
    expect(exported.json).toMatchObject({ files: expect.arrayContaining([join(folder, 'items.csv')]) });
    expect(readFileSync(join(folder, 'items.csv'), 'utf8')).toContain(`${run},1,`);
    const twice = await cli('export', run, '--out', folder);
    expect(twice).toMatchObject({ code: 2, err: expect.stringContaining('exists already') });

    expect((await cli('tables', run.slice(0, 8))).out).toMatch(/Scores were M = .*Table 1\n/s);
    const latex = (await cli('tables', run, '--format', 'latex')).out;
    expect(latex).toContain('\\toprule');

    const report = join(home, 'report.html');
    const reported = await cli('report', run, '--out', report, '--title', 'R', '--json');
    expect(reported.json).toMatchObject({ path: report });
    expect(readFileSync(report, 'utf8')).toContain('<h1>R</h1>');

    const study = join(home, 'study.zip');
    const bundled = await cli('bundle', 'export', run, '--out', study, '--json');
    const { digest } = bundled.json as { digest: string };
    const known = await cli('bundle', 'import', study, '--digest', digest, '--json');
    expect(known.json).toMatchObject({ digest, runs: [{ id: run, as: 'known' }] });
    const again = await cli('bundle', 'rerun', study, '--json');
    expect(again).toMatchObject({ code: 0, json: { reproduced: true, runs: [{ run, beyond: 0 }] } });
    expect((await cli('rerun', run)).out).toContain('Reproduced: no value differs by more than 0.001.');
  });

  test('what cannot be reported or imported says why', async () => {
    const none = await cli('report', 'nonesuch', '--out', join(home, 'none.html'));
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining('There is no run nonesuch') });
    expect(existsSync(join(home, 'none.html'))).toBe(false);
    const file = join(home, 'no-bundle.zip');
    writeFileSync(file, 'not a zip');
    const bad = await cli('bundle', 'import', file);
    expect(bad).toMatchObject({ code: 1, err: expect.stringContaining(`${file} is not a ZIP file`) });
    const digest = await cli('bundle', 'import', file, '--digest', 'abc');
    expect(digest).toMatchObject({ code: 2, err: expect.stringContaining('64 hexadecimal digits') });
    const format = await cli('export', 'latest', '--out', home, '--format', 'docx');
    expect(format).toMatchObject({ code: 2, err: expect.stringContaining('csv, json') });
  });

  test('methods lists the table', async () => {
    const { methods } = (await cli('methods', '--json')).json as { methods: { id: string }[] };
    expect(methods.map(({ id }) => id)).toEqual(METHOD_IDS);
    expect(methods).toContainEqual(
      expect.objectContaining({
        id: 'della',
        vectors: { min: 0 },
        parameters: expect.arrayContaining([
          expect.objectContaining({ id: 'epsilon', default: 0.15, max: 0.5 }),
        ]),
      }),
    );
    const text = (await cli('methods')).out;
    for (const id of METHOD_IDS) expect(text).toContain(`${id}: `);
    const help = (await cli('bake', '--help')).out.replaceAll(/\s+/g, ' ');
    expect(help).toContain('0 to below 0.5; default 0.15; taken by della_linear, della');
    expect(help).toContain('default 0.3, 0.5 for dare_linear, dare_ties, della_linear, della');
  });

  test('chat is the same for the same seed, and warns on standard error', async () => {
    const args =
      'chat --model demo --mix neuroticism=1.8 --prompt Hello --seed 7 --max-tokens 30 --json'.split(' ');
    const [one, two] = [await cli(...args), await cli(...args)];
    expect((one.json as { text: string }).text).toBe((two.json as { text: string }).text);
    expect(one.json).toMatchObject({ seed: 7, tokens: expect.any(Number) });
    expect(one.err).toContain('High neuroticism beyond 1.5');
  });

  test('assess, sweep and profiles keep their shapes', async () => {
    const scores = Object.fromEntries(TRAITS.map(trait => [trait, expect.any(Number)]));
    const assessed = await cli(
      ...'assess --model demo --mix extraversion=1 --inventory ipip-50 --json'.split(' '),
    );
    expect(assessed.json).toMatchObject({ scores, items: { length: 50 } });
    const swept = await cli(
      ...'sweep --model demo --trait extraversion --alphas -1:1:0.5 --inventory ipip-50 --json'.split(' '),
    );
    expect(swept.json).toMatchObject({
      trait: 'extraversion',
      points: [-1, -0.5, 0, 0.5, 1].map(alpha => ({ alpha, scores })),
      r: expect.any(Number),
      ci95: [expect.any(Number), expect.any(Number)],
      n: 5,
    });
    const baked = await cli(
      ...'sweep --trait extraversion --alphas 0,1 --method ties --density 0.5 --baked --json'.split(' '),
    );
    expect(baked.json).toMatchObject({ points: { length: 2 }, r: null, ci95: null, n: 2 });
    const profiles = await cli(...'profiles --model demo --n 4 --seed 7 --json'.split(' '));
    expect(profiles.json).toMatchObject({ r: scores, mean_r: expect.any(Number), n: 4 });
  });

  test('a target says where its calibration is too small for intervals', async () => {
    const small = ['--inventory', 'mini-ipip', '--knots', '1', '--combinations', '0', '--refine', '0'];
    const { code, out } = await cli('target', '--profile', 'openness=4', ...small);
    expect(code).toBe(0);
    expect(out).toContain('There are no intervals');
    expect(out).not.toContain('[');
  });

  test('compare: all vectors of the demo, or those named', async () => {
    const all = await cli('compare', '--json');
    const result = all.json as CompareResult;
    expect(result.vectors).toHaveLength(10);
    expect(result.poles.map(({ trait }) => trait)).toEqual([...TRAITS]);
    for (const { high, low, common, layers } of result.poles) {
      expect([result.vectors[high]?.pole, result.vectors[low]?.pole]).toEqual(['high', 'low']);
      const [a = 0, b = 0, cosine = 0] = [
        result.all.norms[high],
        result.all.norms[low],
        result.all.cosines[high]?.[low] as number,
      ];
      const squares = (sign: number) => a * a + b * b + 2 * sign * a * b * cosine;
      expect(common).toBeCloseTo(squares(1) / (squares(1) + squares(-1)), 9);
      expect(layers).toHaveLength(result.layers.length);
    }
    // Both a library name and a path will do; poles need both.
    const path = result.vectors[0]?.path as string;
    const two = (await cli('compare', path, 'openness-low', '--no-entrywise', '--json'))
      .json as CompareResult;
    expect(two.vectors.map(({ path }) => path)).toEqual([path, expect.stringContaining('openness-low')]);
    expect(two.poles).toEqual([]);
    expect(two.all.agreements[0]?.[1]).toBeNull();
    const places = two.vectors.map(vector => result.vectors.findIndex(({ path }) => path === vector.path));
    expect(two.all.cosines[0]?.[1]).toBeCloseTo(
      result.all.cosines[places[0] ?? 0]?.[places[1] ?? 0] as number,
      9,
    );
    const text = await cli('compare');
    expect(text.out).toMatch(/extraversion-high +low-rank +\d/);
    expect(text.out).toContain('common part of the poles');
    const unknown = await cli('compare', 'humour-high');
    expect(unknown).toMatchObject({ code: 1, out: '' });
    expect(unknown.err).toMatch(/no vector named “humour-high”[\s\S]*openness-low/);
  });

  test('inventories are listed, and administered with options', async () => {
    const listed = await cli('inventories', '--json');
    expect(listed.json).toMatchObject({
      inventories: expect.arrayContaining([
        expect.objectContaining({ short: 'ipip-neo-120-de', language: 'de', items: 120, own: false }),
      ]),
      broken: [],
      folder: join(home, 'inventories'),
    });
    writeFileSync(join(home, 'inventories', 'half.csv'), 'text,trait\nI lie.,honesty\n');
    const again = await cli('inventories');
    expect(again.err).toMatch(/Left out: .*half\.csv, line 1, field keyed/);
    rmSync(join(home, 'inventories', 'half.csv'));
    const options =
      'assess --mix extraversion=1 --inventory mini-ipip --mode sampled --repeats 2 --temperature 0.8 --answer-seed 3 --reference base';
    expect((await cli(...options.split(' '), '--json')).json).toMatchObject({
      items: { length: 20 },
      cases: { length: 2 },
      parsing: { answers: 40, unparsed: expect.any(Number) },
      comparison: { length: 5 },
    });
    const text = await cli('assess', '--inventory', 'mini-ipip', '--instructions', '2', '--order', 'both');
    expect(text.out).toMatch(/scale +score[\s\S]*extraversion[\s\S]*Alpha is over 4 cases/);
  });

  test('runs finds, notes on, compares, deletes and restores', async () => {
    type Listed = { runs: { id: string; title: string; tags: string[]; starred: boolean; notes: string }[] };
    const list = async (...args: string[]) =>
      ((await cli('runs', 'list', '--json', ...args)).json as Listed).runs;
    for (const mix of ['extraversion=1', 'openness=-0.5'])
      await cli('assess', '--mix', mix, '--inventory', 'mini-ipip', '--json');
    const [second, first] = (await list('--kind', 'assess')).slice(0, 2) as Listed['runs'];
    if (!first || !second) throw new Error('no runs');

    const noted = await cli('runs', 'note', first.id.slice(0, 8), '--tags', 'pilot, a b', '--star', '--json');
    expect(noted.json).toMatchObject({ runs: [{ id: first.id, tags: ['pilot', 'a b'], starred: true }] });
    await cli('runs', 'note', first.id, '--notes', 'Levels off.');
    expect((await list('levels', '--tag', 'pilot', '--starred')).map(({ id }) => id)).toEqual([first.id]);
    expect(await list('levels', '--tag', 'other')).toEqual([]);
    expect((await cli('runs', 'list', '--tag', 'pilot')).out).toMatch(/★.*#pilot #a b/);

    const { settings, scores, files } = (await cli('runs', 'compare', first.id, second.id, '--json'))
      .json as Record<string, { at: string; values: number[] }[]>;
    expect(settings).toContainEqual({ at: 'persona.recipe.weights.extraversion', values: [1, 0] });
    expect(scores?.map(({ at }) => at)).toEqual(TRAITS);
    expect(files?.length).toBeGreaterThan(0);
    expect((await cli('runs', 'compare', first.id, second.id)).out).toMatch(/weights\.openness +0 +-0\.5/);
    expect((await cli('runs', 'compare', first.id)).err).toContain('One run alone');
    const about = (await cli('runs', 'about', first.id.slice(0, 8))).out;
    expect(about).toMatch(/model +base\.gguf [0-9a-f]{64}/);
    expect(about).toMatch(/inventory +mini-ipip\.json [0-9a-f]{64}/);

    await cli('runs', 'delete', first.id.slice(0, 8));
    expect((await list()).map(({ id }) => id)).not.toContain(first.id);
    expect((await list('--deleted')).map(({ id }) => id)).toEqual([first.id]);
    expect((await cli('runs', 'delete', first.id)).err).toContain(`There is no run ${first.id} in the log`);
    await cli('runs', 'restore', first.id.slice(0, 8));
    expect((await list()).map(({ id }) => id)).toContain(first.id);
  });

  test('log lists what was done', async () => {
    const log = await cli('log', '--limit', '3', '--json');
    expect(log.json).toMatchObject({ runs: { length: 3 } });
  });
});

test('paths are meant from where npm was called', () => {
  const made = spawnSync(
    process.execPath,
    [join(appFolder, 'scripts', 'cli.mjs'), 'bake', '--out', 'here.gguf', '--json'],
    {
      cwd: appFolder,
      env: { ...process.env, TEMPERAMENT_HOME: home, npm_lifecycle_event: 'cli', INIT_CWD: home },
      encoding: 'utf8',
    },
  );
  expect(made.status).toBe(0);
  expect(JSON.parse(made.stdout)).toMatchObject({ path: join(home, 'here.gguf') });
});

describe('a studio that is killed', () => {
  type ProfilesShown = { mean_r: number; r: Record<Trait, number> };

  /** Finished points of experiments, with when each was finished. */
  function points(): { run: string; point: string; finished_at: string }[] {
    const database = new Database(join(home, 'studio.db'), { readonly: true });
    try {
      return database
        .prepare('SELECT run, point, finished_at FROM points ORDER BY finished_at')
        .all() as ReturnType<typeof points>;
    } finally {
      database.close();
    }
  }

  test('in the middle of an experiment has kept what was done; “resume” does the rest and nothing twice', async () => {
    const plan = 'profiles --n 6 --seed 3 --json'.split(' ');
    const whole = await cli(...plan);
    const before = points().length;
    const child = start(...plan);
    const ended = new Promise(resolve => child.on('close', resolve));
    while (points().length < before + 2 && child.exitCode === null)
      await new Promise(resolve => setTimeout(resolve, 20));
    child.kill('SIGKILL');
    await ended;
    expect(child.signalCode).toBe('SIGKILL');
    const run = points().at(-1)?.run;
    const kept = points().filter(point => point.run === run);

    const resumed = await cli('resume', '--json');
    expect(resumed.code).toBe(0);
    const { mean_r, r } = resumed.json as ProfilesShown;
    const expected = whole.json as ProfilesShown;
    // To some digits: llama.cpp adds live vectors up in an order that depends on where they lie in memory.
    expect(mean_r).toBeCloseTo(expected.mean_r, 3);
    for (const trait of TRAITS) expect(r[trait]).toBeCloseTo(expected.r[trait], 3);
    const all = points().filter(point => point.run === run);
    expect(all.length).toBeGreaterThan(kept.length);
    expect(all).toEqual(expect.arrayContaining(kept));
  });
});

describe('exit codes', () => {
  test.each([
    ['an unknown command', ['persuade']],
    ['an unknown option', ['models', '--colour']],
    ['an unknown trait', ['assess', '--mix', 'humour=1']],
    ['a weight out of range', ['assess', '--mix', 'openness=5.5']],
    ['a weight that is no number', ['assess', '--mix', 'openness=very']],
    ['a trait given twice', ['assess', '--mix', 'openness=1,openness=2']],
    ['an unknown method', ['bake', '--method', 'average']],
    ['a gamma above 1', ['bake', '--method', 'breadcrumbs', '--gamma', '1.5']],
    ['an epsilon that does not fit the density', ['bake', '--method', 'della', '--density', '0.9']],
    ['an unknown choice', ['assess', '--method', 'ties', '--election', 'none']],
    ['a seed that is not whole', ['sweep', '--trait', 'openness', '--mask-seed', '1.5']],
    ['a parameter of another method', ['bake', '--method', 'slerp', '--density', '0.5']],
    ['a factor out of range', ['bake', '--depth', 'openness=1:9']],
    ['too many vectors', ['bake', '--method', 'slerp', '--mix', 'openness=1,extraversion=1']],
    ['a profile study by a method of one vector', ['profiles', '--method', 'slerp']],
    ['a density of 0', ['bake', '--method', 'ties', '--density', '0']],
    ['a backward range', ['sweep', '--trait', 'openness', '--alphas', '2:-2:0.5']],
    ['a missing option', ['chat']],
    ['an unknown mode', ['assess', '--mode', 'telepathy']],
    ['more instructions than there are', ['assess', '--instructions', '9']],
  ])('2 for %s', async (_what, args) => {
    const { code, out, err } = await cli(...args, '--json');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.trim().length).toBeGreaterThan(10);
  });

  test('1 for work that failed, with what and what now on standard error', async () => {
    const { code, out, err } = await cli('assess', '--model', 'nobody', '--json');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/no model named “nobody”[\s\S]*Known: demo/);
  });

  test('0 for help', async () => {
    expect((await cli('--help')).code).toBe(0);
  });
});
