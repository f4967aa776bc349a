/** Vectors extracted as low-rank factors. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStudio, persona, type TestStudio } from './studio.ts';

let studio: TestStudio;
beforeAll(async () => {
  studio = await openStudio();
});
afterAll(() => studio.remove());

const file = (name: string) => join(studio.home, name);
const recipe = persona({ extraversion: 1 }).recipe;
/** Extracts again what a mix of one vector of rank 8 did to the demo model. */
const extract = (out: string, more = {}, tuned = file('tuned.gguf')) =>
  studio.end(
    'extract',
    studio.client.library.extract({
      base: 'demo',
      tuned,
      trait: 'extraversion',
      pole: 'high',
      out: file(out),
      ...more,
    }),
  );

test('factors of a rank, or of a share of the energy, are what the whole difference is', async () => {
  await studio.end('bake', studio.client.mixing.bake({ recipe, type: 'f32', out: file('tuned.gguf') }));
  const whole = await extract('whole.gguf');
  expect(whole.result).toMatchObject({ form: 'dense', factored: null });
  const likeness = async (vector: string) => {
    const run = await studio.end(
      'compare',
      studio.client.library.compare({ vectors: [file('whole.gguf'), file(vector)] }),
    );
    return run.result?.all.cosines[0]?.[1];
  };
  for (const [name, more] of [
    ['rank.gguf', { rank: 8 }],
    ['energy.gguf', { energy: 0.999 }],
  ] as const) {
    const made = await extract(name, more);
    expect(made.result).toMatchObject({ form: 'low-rank', norm: whole.result?.norm });
    expect(made.result?.factored?.rank).toBeLessThanOrEqual(8);
    expect(made.result?.factored?.energy).toBeGreaterThan(0.998);
    expect(made.result?.bytes).toBeLessThan((whole.result?.bytes ?? 0) / 10);
    expect(await likeness(name)).toBeGreaterThan(0.999);
  }
  const one = await extract('one.gguf', { rank: 1, energy: 0.999 });
  expect(one.result?.factored?.rank).toBe(1);
  expect(one.result?.factored?.energy).toBeLessThan(0.9);
});

test('an adapter has factors already', async () => {
  const adapter = (await studio.client.library.vectors()).vectors[0]?.path;
  const refused = await extract('again.gguf', { rank: 4 }, adapter);
  expect(refused.error).toMatchObject({ code: 'bad_input', field: 'rank' });
});
