/** Administering inventories to real models: what repeats, what must not matter, what is drawn, compared and judged. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resourcesFolder } from '../../electron/host.ts';
import { ordersCancel } from '../../electron/studio/assessment/scoring.ts';
import type { Inventory, Scores } from '../../electron/studio/contract.ts';
import { TRAITS } from '../../electron/studio/contract.ts';
import { openDatabase } from '../../electron/studio/log/database.ts';
import { Log } from '../../electron/studio/log/log.ts';
import { openStudio, persona, studioError, type TestStudio } from './studio.ts';

let studio: TestStudio;
beforeAll(async () => {
  studio = await openStudio();
});
afterAll(() => studio.remove());

type Options = Omit<Parameters<TestStudio['client']['assessment']['assess']>[0], 'persona'>;
async function assess(weights: Parameters<typeof persona>[0], options: Options = {}, more = {}) {
  const run = await studio.end(
    'assess',
    studio.client.assessment.assess({ persona: persona(weights, more), ...options }),
  );
  if (!run.result) throw new Error(run.error?.message);
  return run.result;
}
const apart = (a: Scores, b: Scores) =>
  Math.max(...TRAITS.map(trait => Math.abs((a[trait] as number) - (b[trait] as number))));

/** Puts an inventory of the user's own into the folder. */
async function own(name: string, content: object) {
  const { folder } = await studio.client.assessment.inventories();
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ ...content, short: name }));
}
const markers = JSON.parse(
  readFileSync(join(resourcesFolder, 'inventories', 'ipip-50.json'), 'utf8'),
) as Inventory;

describe('probability mode', () => {
  test('gives the same to the last bit each time', async () => {
    const [one, two] = [await assess({ extraversion: 1 }), await assess({ extraversion: 1 })];
    expect(two.items).toEqual(one.items);
    expect(two.scores).toEqual(one.scores);
  });

  // Scores are reported to two or three decimals; what shares a batch changes float32 sums in the fifth.
  test('does not depend on what else is asked, or in which order', async () => {
    await own('backwards', { ...markers, items: markers.items.toReversed() });
    await own('openness-alone', {
      ...markers,
      items: markers.items.filter(item => item.trait === 'openness'),
    });
    const whole = await assess({ openness: 1 });
    const backwards = await assess({ openness: 1 }, { inventory: 'backwards' });
    expect(apart(whole.scores, backwards.scores)).toBeLessThan(5e-4);
    const alone = await assess({ openness: 1 }, { inventory: 'openness-alone' });
    expect(Object.keys(alone.scores)).toEqual(['openness']);
    expect(Math.abs((alone.scores.openness as number) - (whole.scores.openness as number))).toBeLessThan(
      5e-4,
    );
    for (const { id, rating } of alone.items) {
      const same = whole.items.find(item => item.id === id);
      expect(Math.abs((rating as number) - (same?.rating as number))).toBeLessThan(2e-3);
    }
  });

  test('scores facets, and follows α in them', async () => {
    const high = await assess({ conscientiousness: 1.5 }, { inventory: 'ipip-neo-120' });
    const low = await assess({ conscientiousness: -1.5 }, { inventory: 'ipip-neo-120' });
    expect(Object.keys(high.facets)).toHaveLength(30);
    expect(
      high.scales.filter(({ trait, kind }) => trait === 'conscientiousness' && kind === 'facet'),
    ).toHaveLength(6);
    expect((high.facets.orderliness as number) - (low.facets.orderliness as number)).toBeGreaterThan(1);
    expect(high.scales[0]?.reliability).toMatchObject({ alpha: null, cases: 1 });
  });

  test('varies instructions and orders, and reports what they change', async () => {
    const { cases, items, scales, scores } = await assess(
      { extraversion: 1 },
      { inventory: 'mini-ipip', administration: { instructions: 2, order: 'both' } },
    );
    expect(cases.map(({ instruction, order }) => `${instruction} ${order}`)).toEqual([
      '1 normal',
      '1 reversed',
      '2 normal',
      '2 reversed',
    ]);
    const extraversion = cases.map(one => one.scores.extraversion as number);
    expect(extraversion[0]).toBeGreaterThan(3.5);
    const mean = extraversion.reduce((a, b) => a + b) / 4;
    expect(scores.extraversion).toBeCloseTo(mean, 6);
    const scale = scales.find(found => found.scale === 'extraversion');
    const deviation = Math.sqrt(extraversion.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 3);
    expect(scale?.formDeviation).toBeCloseTo(deviation, 6);
    expect(scale?.reliability.cases).toBe(4);
    // The demonstration model goes by the numbers.
    expect(ordersCancel({ cases, items })).toBe(true);
  });

  test('asks in the answers that the inventory has', async () => {
    const scale = { 1: 'No', 2: 'Yes' };
    await own('yes-no', { ...markers, scale, items: markers.items.slice(0, 10) });
    const { items } = await assess({}, { inventory: 'yes-no' });
    for (const { probabilities, rating } of items) {
      expect(probabilities).toHaveLength(2);
      expect(rating).toBeGreaterThanOrEqual(1);
      expect(rating).toBeLessThanOrEqual(2);
    }
  });

  test('notes the inventory’s file in the log', async () => {
    const run = await studio.end('assess', studio.client.assessment.assess({ persona: persona() }));
    const file = Object.keys(run.hashes).find(path => path.endsWith('ipip-50.json'));
    expect(run.hashes[file as string]).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('sampled mode', () => {
  const sampled = (change: object = {}) => ({
    inventory: 'mini-ipip',
    administration: { mode: 'sampled' as const, repeats: 4, temperature: 1, ...change },
  });

  test('draws the same with the same seed, other answers with another', async () => {
    const [one, two, three] = [
      await assess({}, sampled()),
      await assess({}, sampled()),
      await assess({}, sampled({ seed: 8 })),
    ];
    expect(two.items).toEqual(one.items);
    expect(three.items).not.toEqual(one.items);
    expect(one.parsing?.answers).toBe(80);
    expect(one.cases).toHaveLength(4);
    expect(new Set(one.cases.map(({ scores }) => JSON.stringify(scores))).size).toBeGreaterThan(1);
  });

  test('agrees with the probabilities it draws from', async () => {
    const options = { inventory: 'mini-ipip' };
    const expected = await assess({ extraversion: 1 }, options);
    const drawn = await assess({ extraversion: 1 }, sampled({ repeats: 25 }), { sampling: { topP: 1 } });
    // The standard error of a score is about 0.1: ratings spread by 1, over 4 items and 25 draws.
    expect(apart(expected.scores, drawn.scores)).toBeLessThan(0.4);
    expect(drawn.scales[0]?.reliability.cases).toBe(25);
  });

  test('counts what it cannot read', async () => {
    const { parsing, items, flagged } = await assess({}, sampled({ temperature: 5, repeats: 2 }), {
      sampling: { topP: 1 },
    });
    const unread = items.filter(item => item.mass < 1).length;
    expect(parsing?.answers).toBe(40);
    expect(parsing?.unparsed).toBeGreaterThan(0);
    expect(unread).toBeGreaterThan(0);
    expect(flagged).toEqual(items.filter(item => item.mass < 0.5).map(item => item.id));
  });
});

describe('interview mode', () => {
  test('has a model judge free answers, and follows α', async () => {
    const interview = {
      inventory: 'mini-ipip',
      administration: { mode: 'interview' as const, judge: 'demo', temperature: 0 },
    };
    const [high, low] = [
      await assess({ extraversion: 2 }, interview),
      await assess({ extraversion: -2 }, interview),
    ];
    expect(high.parsing).toEqual({ answers: 20, unparsed: 0 });
    expect(high.items).not.toEqual(low.items);
    for (const trait of TRAITS) expect(high.scores[trait]).toBeGreaterThan(1);
  });
});

describe('a comparison', () => {
  test('shows the trait that was moved, with interval, effect and adjusted p', async () => {
    const { comparison, scores } = await assess({ extraversion: 1 }, { reference: persona() });
    const extraversion = comparison?.find(({ scale }) => scale === 'extraversion');
    expect(extraversion).toMatchObject({ n: 10, df: 9 });
    expect(extraversion?.difference).toBeCloseTo(
      (scores.extraversion as number) - (extraversion?.reference as number),
      6,
    );
    expect(extraversion?.ci95?.[0]).toBeGreaterThan(0.5);
    expect(extraversion?.d).toBeGreaterThan(2);
    expect(extraversion?.dCi95?.[0]).toBeGreaterThan(1);
    expect(extraversion?.pAdjusted).toBeLessThan(0.001);
    expect(comparison).toHaveLength(5);
  });

  test('with itself shows nothing', async () => {
    const { comparison } = await assess({ openness: 1 }, { reference: persona({ openness: 1 }) });
    for (const found of comparison ?? []) expect(found).toMatchObject({ difference: 0, d: null, p: null });
  });
});

describe('a measurement that was stopped', () => {
  test.each([
    { mode: 'probability' as const, instructions: 2, order: 'both' as const },
    { mode: 'sampled' as const, repeats: 2, order: 'both' as const, seed: 5 },
  ])('goes on with what is left, and gives what it gives undisturbed: $mode', async administration => {
    const asked = {
      ...{ persona: persona({ extraversion: 1 }), inventory: 'mini-ipip', administration },
      reference: persona(),
    };
    const whole = (await studio.end('assess', studio.client.assessment.assess(asked))).result;
    if (!whole) throw new Error('no result');
    const { run: id } = await studio.client.assessment.assess(asked);
    let done = 0;
    for await (const event of await studio.client.runs.watch({ id })) {
      if (event.type === 'end') break;
      done = event.progress.done;
      // In the second form of answers.
      if (done > 45) await studio.client.runs.cancel({ id });
    }
    expect((await studio.client.runs.get({ id })).state).toBe('cancelled');
    expect(done).toBeGreaterThan(45);
    const kept = stored(id);
    expect(kept).toBeGreaterThan(0);

    await studio.client.runs.resume({ id });
    for await (const event of await studio.client.runs.watch({ id })) if (event.type === 'end') break;
    const run = await studio.client.runs.get({ id });
    if (run.kind !== 'assess' || !run.result) throw new Error(run.error?.message);
    expect(run.result.cases).toHaveLength(4);
    expect(apart(run.result.scores, whole.scores)).toBeLessThan(5e-4);
    expect(run.result.parsing).toEqual(whole.parsing);
    expect(run.result.comparison).toHaveLength(whole.comparison?.length ?? 0);
    // What was kept for it is in the result now.
    expect(stored(id)).toBe(0);
  });

  test('asks nothing twice', async () => {
    const { run: id } = await studio.client.assessment.assess({
      persona: persona(),
      inventory: 'ipip-neo-120',
    });
    for await (const event of await studio.client.runs.watch({ id }))
      if (event.type === 'progress' && event.progress.done > 20) await studio.client.runs.cancel({ id });
    const kept = stored(id);
    expect(kept).toBeGreaterThan(20);
    expect(kept).toBeLessThan(120);
    await studio.client.runs.resume({ id });
    let first: number | undefined;
    for await (const event of await studio.client.runs.watch({ id }))
      if (event.type === 'progress' && event.progress.unit === 'answers' && event.progress.done > 0)
        first ??= event.progress.done;
    expect(first).toBeGreaterThanOrEqual(kept);
  });

  /** Answers that are kept for a run. */
  function stored(id: string): number {
    const database = openDatabase(studio.home);
    try {
      return new Log(database).points(id).size;
    } finally {
      database.close();
    }
  }
});

test('sweeps and profiles report ranks, p and reliability over personas', async () => {
  const sweep = await studio.end(
    'sweep',
    studio.client.assessment.sweep({
      persona: persona(),
      trait: 'neuroticism',
      alphas: [-1, -0.5, 0, 0.5, 1],
      inventory: 'mini-ipip',
    }),
  );
  expect(sweep.result?.rho).toBe(1);
  expect(sweep.result?.p).toBeLessThan(0.05);
  const profiles = await studio.end(
    'profiles',
    studio.client.assessment.profiles({
      ...{ persona: persona(), n: 6, inventory: 'mini-ipip' },
      administration: { instructions: 2 },
    }),
  );
  for (const trait of TRAITS) {
    expect(profiles.result?.reliability[trait]).toMatchObject({
      cases: 6,
      items: 4,
      alpha: expect.any(Number),
    });
    expect(profiles.result?.retest[trait]).toMatchObject({ cases: 6, forms: 2, icc: expect.any(Number) });
    expect(profiles.result?.pAdjusted[trait]).toBeGreaterThanOrEqual(profiles.result?.p[trait] as number);
  }
});

test('what cannot be administered is refused by field', async () => {
  const refused = async (options: Options) => {
    const run = await studio.end(
      'assess',
      studio.client.assessment.assess({ persona: persona(), ...options }),
    );
    return run.error;
  };
  expect(await refused({ inventory: 'bfi-44' })).toMatchObject({ code: 'not_found', field: 'inventory' });
  expect(await refused({ administration: { instructions: 9 } })).toMatchObject({
    field: 'administration.instructions',
  });
  expect(await refused({ administration: { mode: 'interview' } })).toMatchObject({
    field: 'administration.judge',
  });
  await own('honesty', { ...markers, items: [{ id: 1, text: 'Lie.', trait: 'honesty', keyed: 'minus' }] });
  const { error } = await studio.end(
    'sweep',
    studio.client.assessment.sweep({
      persona: persona(),
      trait: 'openness',
      alphas: [0],
      inventory: 'honesty',
    }),
  );
  expect(error).toMatchObject({
    field: 'inventory',
    message: expect.stringContaining('no items of openness'),
  });
  expect(
    await studioError(
      studio.client.assessment.assess({ persona: persona(), administration: { temperature: -1 } }),
    ),
  ).toMatchObject({ code: 'bad_input', field: expect.stringContaining('temperature') });
});
