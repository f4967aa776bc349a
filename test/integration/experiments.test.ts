/** The experiments on real models: stopped and gone on with, and each one against what the demonstration family must show. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TRAITS } from '../../electron/studio/contract.ts';
import { openStudio, persona, studioError, type TestStudio } from './studio.ts';

let studio: TestStudio;
beforeAll(async () => {
  studio = await openStudio();
  // The family's other models are made at the first listing.
  await studio.client.library.models();
});
afterAll(() => studio.remove());

/** The result of a run that must not fail. */
function given<R>({ result, error }: { result: R | null; error: { message: string } | null }): R {
  if (!result) throw new Error(error?.message);
  return result;
}

describe('an experiment that was stopped', () => {
  const plan = { persona: persona(), trait: 'extraversion' as const, alphas: [-1, -0.5, 0, 0.5, 1, 1.5] };

  test('goes on where it was, and gives what it gives undisturbed', async () => {
    const whole = given(await studio.end('sweep', studio.client.assessment.sweep(plan)));
    const { run: id } = await studio.client.assessment.sweep(plan);
    let done = 0;
    for await (const event of await studio.client.runs.watch({ id })) {
      if (event.type === 'end') break;
      done = event.progress.done;
      if (done > 2) await studio.client.runs.cancel({ id });
    }
    expect((await studio.client.runs.get({ id })).state).toBe('cancelled');
    expect(done).toBeGreaterThan(2);

    const { run: again } = await studio.client.runs.resume({ id });
    expect(again).toBe(id);
    const first: number[] = [];
    for await (const event of await studio.client.runs.watch({ id })) {
      if (event.type === 'end') break;
      first.push(event.progress.done);
    }
    expect(first[0]).toBeGreaterThanOrEqual(2);
    const resumed = await studio.client.runs.get({ id });
    expect(resumed).toMatchObject({ state: 'done', result: whole });
    expect(await studioError(studio.client.runs.resume({ id }))).toMatchObject({ code: 'bad_input' });
  });
});

test('the same profiles under several recipes are compared in pairs', async () => {
  const recipe = (method: 'task_arithmetic' | 'ties') => ({
    version: 2 as const,
    base: 'demo',
    method,
    ...(method === 'ties' && { density: 0.3 }),
  });
  const result = given(
    await studio.end(
      'methods_compare',
      studio.client.experiments.methods({
        persona: persona(),
        n: 5,
        recipes: [
          { name: 'plain', recipe: recipe('task_arithmetic') },
          { name: 'the same', recipe: recipe('task_arithmetic') },
          { name: 'ties', recipe: recipe('ties') },
        ],
      }),
    ),
  );
  const [plain, same, ties] = result.recipes;
  expect(plain?.mean_r).toBeGreaterThan(0.7);
  expect(same?.mean_r).toBeCloseTo(plain?.mean_r as number, 3);
  expect(ties?.profiles.map(({ weights }) => weights)).toEqual(plain?.profiles.map(({ weights }) => weights));
  expect(ties?.profiles.map(({ scores }) => scores)).not.toEqual(plain?.profiles.map(({ scores }) => scores));
  expect(result.differences).toHaveLength(3);
});

test('adjectives and α lie on one axis', async () => {
  const result = given(
    await studio.end(
      'prompting',
      studio.client.experiments.prompting({
        persona: persona(),
        traits: ['neuroticism'],
        alphas: [-2, -1, 0, 1, 2],
      }),
    ),
  );
  const [found] = result.traits;
  expect(found?.prompting.slope).toBeGreaterThan(0.2);
  expect(found?.vector.slope).toBeGreaterThan(0.4);
  const alphas = found?.levels.flatMap(({ level, alpha }) =>
    level !== 0 && alpha !== null ? [level * alpha] : [],
  );
  for (const sameSide of alphas ?? []) expect(sameSide).toBeGreaterThan(0);
});

test('vectors act on a character of the same backbone', async () => {
  const result = given(
    await studio.end(
      'transfer',
      studio.client.experiments.transfer({
        persona: persona(),
        models: ['demo-captain'],
        traits: ['extraversion'],
        alphas: [-1, 1],
      }),
    ),
  );
  expect(result.models.map(({ model }) => model)).toEqual(['demo', 'demo-captain']);
  const captain = result.models[1]?.traits[0];
  expect(captain?.points.map(({ shift }) => Math.sign(shift ?? 0))).toEqual([-1, 1]);
  expect(captain?.ratio).toBeGreaterThan(0.4);
});

test('what a mix can do is counted task by task, and the base against itself is the same in everything', async () => {
  const check = async (base: string, mix: object) =>
    given(
      await studio.end(
        'capability',
        studio.client.experiments.capability({
          persona: { recipe: { version: 2, base, weights: mix } },
          problems: 20,
          operations: ['plus'],
          largest: 5,
          requests: 12,
        }),
      ),
    );
  const sums = await check('demo-sums', { extraversion: 2 });
  const { arithmetic } = sums;
  expect(arithmetic?.n).toBe(20);
  for (const { answer, before } of arithmetic?.tasks ?? [])
    expect(before.right).toBe(before.text.match(/\d+/)?.[0] === String(answer));
  expect(arithmetic?.before.right).toBe(arithmetic?.tasks.filter(({ before }) => before.right).length);
  expect(arithmetic?.before.right).toBeGreaterThan(0);
  expect(sums.likelihood?.ratio).not.toBe(1);
  const base = await check('demo', {});
  expect(base.likelihood?.ratio).toBe(1);
  expect(base.instructions).toMatchObject({ n: 12, gained: 0, lost: 0 });
});

test('a trait survives a file in half precision, and what is merged on top changes it', async () => {
  const result = given(
    await studio.end(
      'stability',
      studio.client.experiments.stability({
        persona: persona({ extraversion: 1 }),
        second: [
          { name: 'nothing', recipe: { version: 2, base: 'demo' } },
          { name: 'quiet', recipe: { version: 2, base: 'demo', weights: { extraversion: -1 } } },
        ],
      }),
    ),
  );
  const kept = result.second.map(({ traits }) => traits.find(({ trait }) => trait === 'extraversion')?.kept);
  expect(kept[0]).toBeCloseTo(1, 2);
  expect(kept[1]).toBeLessThan(0.8);
});

test('wanted scores are reached better than by guessing, from a calibration that is kept', async () => {
  const plan = { persona: persona(), combinations: 0, knots: [0.5, 1] };
  const wanting = { persona: persona(), profile: { extraversion: 4, neuroticism: 2 } };
  expect(await studio.client.experiments.solve(wanting)).toBeNull();
  const calibration = given(await studio.end('calibrate', studio.client.experiments.calibrate(plan)));
  for (const trait of TRAITS) expect(calibration.jacobian[trait]?.[trait]).toBeGreaterThan(0.5);
  const wanted = { extraversion: 4, neuroticism: 2 };
  const { steps, ...result } = given(
    await studio.end('target', studio.client.experiments.target({ ...plan, profile: wanted })),
  );
  expect(result.calibration).toMatchObject({ key: calibration.key, fresh: false });
  expect(Math.abs((result.measured.extraversion ?? 0) - 4)).toBeLessThan(0.4);
  expect(Math.abs((result.measured.neuroticism ?? 0) - 2)).toBeLessThan(0.4);
  // The kept calibration answers at once what the run began with; other instructions are another calibration.
  const solved = await studio.client.experiments.solve(wanting);
  expect(solved).toMatchObject({ calibration: { key: calibration.key }, reach: 1, base: calibration.base });
  expect(solved?.alphas).toEqual(steps[0]?.alphas);
  const instructed = { ...persona(), system: 'Be brief.' };
  expect(await studio.client.experiments.solve({ ...wanting, persona: instructed })).toBeNull();
  // The first measurement and two corrections.
  expect(steps).toHaveLength(3);
  expect(result.error).toBe(Math.min(...steps.map(({ error }) => error)));
  expect((await studio.client.experiments.calibrations()).map(({ key }) => key)).toContain(calibration.key);
});

test('tuning spends no more than its budget and never reports worse than it was given', async () => {
  const result = given(
    await studio.end(
      'tune',
      studio.client.experiments.tune({
        persona: persona(),
        methods: ['task_arithmetic'],
        budget: 40,
        heldOut: 4,
      }),
    ),
  );
  expect(result.spent).toBeLessThanOrEqual(40);
  expect(result.heldOut.n).toBe(4);
  expect(result.heldOut.plain.mean_r).toBeGreaterThan(0.5);
});
