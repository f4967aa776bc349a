/** The main job end to end: models in, vectors out, a mix, a conversation, a score, a log entry. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { METHOD_IDS, METHODS, TRAITS } from '../../electron/studio/contract.ts';
import * as native from '../../native-merge/index.js';
import { openStudio, persona, studioError, type TestStudio } from './studio.ts';

let studio: TestStudio;
beforeAll(async () => {
  studio = await openStudio();
});
afterAll(() => studio.remove());

const sha = (run: { result: { content: string } | null }) => run.result?.content;

describe('the library', () => {
  test('has the demo model and its ten vectors, which fit each other', async () => {
    const { models, broken } = await studio.client.library.models();
    const demo = models.find(model => model.id === 'demo');
    expect(demo).toMatchObject({ architecture: 'llama', source: true, demo: true });
    const { vectors } = await studio.client.library.vectors();
    expect(vectors.map(vector => vector.id).sort()).toEqual(
      TRAITS.flatMap(t => [`${t}-high`, `${t}-low`]).sort(),
    );
    for (const vector of vectors) {
      expect(vector.backbone).toBe(demo?.backbone);
      expect(vector.baseContent).toBe(demo?.content);
    }
    expect(broken).toEqual([]);
  });

  test('has the demo model’s variants, baked once, which take its vectors', async () => {
    const models = async () => (await studio.client.library.models()).models.filter(model => model.demo);
    const found = await models();
    const demo = found.find(model => model.id === 'demo');
    const variants = found.filter(model => model.id !== 'demo');
    expect(variants.map(model => model.id)).toEqual([
      'demo-captain',
      'demo-german',
      'demo-librarian',
      'demo-sums',
    ]);
    for (const variant of variants) {
      expect(variant.backbone).toBe(demo?.backbone);
      expect(variant.content).not.toBe(demo?.content);
    }
    const written = variants.map(({ path }) => statSync(path).mtimeMs);
    expect((await models()).map(({ path }) => path)).toEqual(found.map(({ path }) => path));
    expect(variants.map(({ path }) => statSync(path).mtimeMs)).toEqual(written);

    const greedy = { sampling: { temperature: 0 } };
    const as = (base: string) => ({
      recipe: { version: 1 as const, base, weights: { extraversion: 1 } },
      ...greedy,
    });
    expect((await studio.ask('Who are you?', as('demo-captain'))).text).toMatch(/Mara|captain|Gray Gull/i);
    expect((await studio.ask('What is 3 plus 4?', as('demo-sums'))).text).toContain('7');
  });
});

describe('a conversation', () => {
  const question = 'What are you doing this weekend?';

  test('streams, and the same seed gives the same text', async () => {
    const pieces: string[] = [];
    let text = '';
    for await (const event of await studio.client.chat.send({
      persona: persona(),
      messages: [{ role: 'user', text: question }],
    })) {
      if (event.type === 'token') pieces.push(event.text);
      else text = event.result.text;
    }
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join('')).toBe(text);
    const again = await studio.ask(question, persona());
    expect(again.text).toBe(text);
    expect(again).toMatchObject({ seed: 7, stop: 'end' });
    const seeds = await Promise.all(
      [1, 2, 3].map(seed => studio.ask(question, persona({}, { sampling: { seed, temperature: 1 } }))),
    );
    expect(new Set(seeds.map(answer => answer.text)).size).toBeGreaterThan(1);
  });

  test('changes with α, and is back when α is back', async () => {
    const greedy = { sampling: { temperature: 0 } };
    const base = await studio.ask(question, persona({}, greedy));
    const high = await studio.ask(question, persona({ extraversion: 2 }, greedy));
    const low = await studio.ask(question, persona({ extraversion: -2 }, greedy));
    expect(new Set([base.text, high.text, low.text]).size).toBe(3);
    expect((await studio.ask(question, persona({}, greedy))).text).toBe(base.text);
  });

  test('two personas answer at once, each as it would alone', async () => {
    const [one, two] = [persona({ neuroticism: 1 }), persona({ openness: 1 })];
    const alone = [await studio.ask(question, one), await studio.ask(question, two)];
    const together = await Promise.all([studio.ask(question, one), studio.ask(question, two)]);
    expect(together.map(answer => answer.text)).toEqual(alone.map(answer => answer.text));
  });

  test('can be stopped; what was said until then is in the log', async () => {
    const abort = new AbortController();
    const long = persona({}, { sampling: { temperature: 2, maxTokens: 800, seed: 3 } });
    const events = await studio.client.chat.send(
      { persona: long, messages: [{ role: 'user', text: question }] },
      { signal: abort.signal },
    );
    await (async () => {
      for await (const _event of events) abort.abort();
    })().catch(() => {});
    await expect
      .poll(async () => (await studio.client.runs.list({ kinds: ['chat'], limit: 1 }))[0]?.state, {
        timeout: 5000,
      })
      .toBe('done');
    const [last] = await studio.client.runs.list({ kinds: ['chat'], limit: 1 });
    const run = await studio.client.runs.get({ id: last?.id as string });
    expect(run).toMatchObject({ kind: 'chat', state: 'done', result: { stop: 'stopped' } });
  });

  test('is in the log with recipe, hashes, versions, seed and text', async () => {
    const answer = await studio.ask(question, persona({ agreeableness: 0.5 }));
    const run = await studio.client.runs.get({ id: answer.run });
    expect(run).toMatchObject({
      kind: 'chat',
      state: 'done',
      input: {
        persona: {
          recipe: { weights: { agreeableness: 0.5 }, method: 'task_arithmetic' },
          sampling: { seed: 7 },
        },
      },
      result: { text: answer.text },
      versions: { temperament: expect.any(String), llama: expect.any(String), device: expect.any(String) },
    });
    expect(Object.keys(run.hashes).map(path => path.split('/').at(-1))).toEqual([
      'base.gguf',
      'agreeableness-high.gguf',
    ]);
  });
});

describe('an assessment', () => {
  test('of a mix that cannot be live goes through a baked file', async () => {
    const assess = async (more: object) => {
      const recipe = { version: 2 as const, base: 'demo', weights: { extraversion: 1 }, ...more };
      const { result } = await studio.end('assess', studio.client.assessment.assess({ persona: { recipe } }));
      return result?.scores.extraversion;
    };
    const whole = await assess({});
    expect(await assess({ lambda: 0.5 })).toBe(await assess({ depth: { extraversion: [0.5] } }));
    const late = await assess({ depth: { extraversion: [0, 1] } });
    expect(late).not.toBe(whole);
    expect(await assess({ filters: [{ filter: '*', factor: 0 }] })).toBeCloseTo(
      (await assess({ weights: {} })) as number,
      1,
    );
    // With the sum of weights as divisor half of a vector is the whole of it again.
    expect(await assess({ weights: { extraversion: 0.5 }, normalize: true })).toBeCloseTo(whole as number, 1);
  });

  test('follows α on its own trait, is deterministic, and reports the valid share', async () => {
    const assess = (weights: object) =>
      studio.end('assess', studio.client.assessment.assess({ persona: persona(weights) }));
    const base = (await assess({})).result;
    const high = (await assess({ extraversion: 1 })).result;
    const low = (await assess({ extraversion: -1 })).result;
    expect(base?.items).toHaveLength(50);
    expect(base?.validMass).toBeGreaterThan(0.5);
    expect(high?.scores.extraversion).toBeGreaterThan((base?.scores.extraversion ?? 9) + 0.3);
    expect(low?.scores.extraversion).toBeLessThan((base?.scores.extraversion ?? 0) - 0.3);
    expect((await assess({})).result).toEqual(base);
  });

  test('a sweep correlates α with the trait’s score', async () => {
    const alphas = [-1, -0.5, 0, 0.5, 1];
    const { result } = await studio.end(
      'sweep',
      studio.client.assessment.sweep({ persona: persona(), trait: 'neuroticism', alphas }),
    );
    expect(result?.points.map(point => point.alpha)).toEqual(alphas);
    expect(result).toMatchObject({ trait: 'neuroticism', n: 5 });
    expect(result?.r).toBeGreaterThan(0.8);
    expect(result?.ci95?.[0]).toBeLessThan(result?.r as number);
  });

  test('a profile study draws all five and gives a mean r', async () => {
    const { result } = await studio.end(
      'profiles',
      studio.client.assessment.profiles({ persona: persona(), n: 8, seed: 7 }),
    );
    expect(result?.profiles).toHaveLength(8);
    const rs = Object.values(result?.r ?? {}) as number[];
    expect(rs).toHaveLength(5);
    expect(result?.mean_r).toBeCloseTo(rs.reduce((a, b) => a + b, 0) / 5, 10);
  });
});

describe('a baked file', () => {
  test('is the same bytes twice, and scores as the live mix does', async () => {
    const recipe = persona({ extraversion: 1, neuroticism: -0.5 }).recipe;
    const bake = (out: string) =>
      studio.end(
        'bake',
        studio.client.mixing.bake({ recipe, type: 'f32', out: join(studio.home, 'models', out) }),
      );
    const [one, two] = [await bake('one.gguf'), await bake('two.gguf')];
    expect(readFileSync(one.result?.path as string).equals(readFileSync(two.result?.path as string))).toBe(
      true,
    );

    const assess = (of: object) =>
      studio.end('assess', studio.client.assessment.assess({ persona: of as never }));
    const live = (await assess({ recipe })).result;
    const baked = (await assess({ recipe: { version: 1, base: 'one' } })).result;
    for (const trait of TRAITS) expect(baked?.scores[trait]).toBeCloseTo(live?.scores[trait] as number, 1);
  });

  test('over axes holds half of one pole less half of the other; whitened, it scores as the live mix does', async () => {
    const { vectors, folder } = await studio.client.library.vectors();
    const pathOf = (id: string) => vectors.find(vector => vector.id === id)?.path ?? folder;
    const { models } = await studio.client.library.models();
    const bake = async (name: string, more: object) => {
      const recipe = { version: 2 as const, base: 'demo', weights: { openness: -0.8 }, ...more };
      const out = join(studio.home, 'models', `${name}.gguf`);
      return sha(await studio.end('bake', studio.client.mixing.bake({ recipe, type: 'f32', out })));
    };
    const own = join(studio.home, 'own.gguf');
    const parts = [
      { path: pathOf('openness-high'), id: 'openness-high', weight: -0.4 },
      { path: pathOf('openness-low'), id: 'openness-low', weight: 0.4 },
    ];
    const base = models.find(({ id }) => id === 'demo')?.path ?? '';
    await native.bake({ base, out: own, type: 'f32', method: 'task_arithmetic', vectors: parts });
    expect(await bake('axes', { basis: 'axes' })).toBe((await native.fingerprint(own)).content);

    const recipe = {
      version: 2 as const,
      base: 'demo',
      weights: { openness: -1, extraversion: 1 },
      whitening: 1,
    };
    await bake('whitened', recipe);
    const assess = (of: object) =>
      studio.end('assess', studio.client.assessment.assess({ persona: of as never }));
    const live = await assess({ recipe });
    // The base, ten vectors, and the inventory.
    expect(Object.keys(live.hashes)).toHaveLength(12);
    const baked = await assess({ recipe: { version: 2, base: 'whitened' } });
    for (const trait of TRAITS)
      expect(baked.result?.scores[trait]).toBeCloseTo(live.result?.scores[trait] as number, 1);
    const plain = await assess({ recipe: { ...recipe, whitening: 0 } });
    expect(plain.result?.scores).not.toEqual(live.result?.scores);
  });

  test('of DARE depends on its seed, of TIES on its density', async () => {
    const bake = async (out: string, more: object) =>
      sha(
        await studio.end(
          'bake',
          studio.client.mixing.bake({
            recipe: { ...persona({ openness: 1 }).recipe, ...more },
            out: join(studio.home, out),
          }),
        ),
      );
    const dare = { method: 'dare_linear', density: 0.5 } as const;
    expect(await bake('a.gguf', { ...dare, seed: 1 })).toBe(await bake('b.gguf', { ...dare, seed: 1 }));
    expect(await bake('c.gguf', { ...dare, seed: 1 })).not.toBe(await bake('d.gguf', { ...dare, seed: 2 }));
    expect(await bake('e.gguf', { method: 'ties', density: 0.3 })).not.toBe(
      await bake('f.gguf', { method: 'ties', density: 0.7 }),
    );
  });

  describe.each(METHOD_IDS)('by %s', method => {
    const { max = 3 } = METHODS[method].vectors;
    const of = (count: number) =>
      persona(
        Object.fromEntries(
          TRAITS.slice(0, count).map((trait, i) => [trait, (i % 2 ? -1 : 1) * (0.5 + i / 4)]),
        ),
      ).recipe;
    const bake = (recipe: object, out: string, more: object = {}) =>
      studio.end(
        'bake',
        studio.client.mixing.bake({ recipe: recipe as never, out: join(studio.home, out), ...more }),
      );

    test('is made again, byte for byte, from the recipe that it carries', async () => {
      const recipe = {
        ...of(max),
        version: 2 as const,
        method,
        lambda: 0.75,
        depth: { openness: [0.5, 1.5] },
        filters: [{ filter: 'attn', factor: 0.25 }],
      };
      const made = await bake(recipe, `${method}.gguf`, { type: 'q8_0' });
      expect(made).toMatchObject({ state: 'done', error: null });
      const file = made.result?.path as string;
      const carried = await studio.client.mixing.recipe({ file });
      expect(carried.recipe).toMatchObject(recipe);
      const again = await bake(carried.recipe, `${method}-again.gguf`, { type: carried.type });
      expect(sha(again)).toBe(sha(made));
      expect(readFileSync(again.result?.path as string).equals(readFileSync(file))).toBe(true);

      const { depth: _depth, filters: _filters, ...even } = recipe;
      expect(sha(await bake(even, `${method}-even.gguf`, { type: 'q8_0' }))).not.toBe(sha(made));
    });
  });

  const counted = METHOD_IDS.filter(method => METHODS[method].vectors.min > 0);
  test.each(counted)('by %s is refused at once with too few or too many vectors', async method => {
    const { min, max } = METHODS[method].vectors;
    for (const count of [0, min - 1, ...(max ? [max + 1] : [])]) {
      const weights = Object.fromEntries(TRAITS.slice(0, count).map(trait => [trait, 1]));
      const recipe = { ...persona(weights).recipe, version: 2 as const, method };
      const out = join(studio.home, 'counted.gguf');
      const made = await studio.end('bake', studio.client.mixing.bake({ recipe, out }));
      const error = {
        code: 'bad_input',
        field: 'weights',
        message: expect.stringContaining(`(${method}) mixes`),
      };
      expect(made).toMatchObject({ state: 'failed', error });
      if (count === 0) continue;
      const assessed = studio.client.assessment.assess({ persona: { recipe } });
      expect(await studio.end('assess', assessed)).toMatchObject({ state: 'failed', error });
    }
  });

  test('takes a density for each vector', async () => {
    const bake = async (out: string, density: unknown) =>
      sha(
        await studio.end(
          'bake',
          studio.client.mixing.bake({
            recipe: {
              version: 2,
              base: 'demo',
              weights: { openness: 1, extraversion: 1 },
              method: 'breadcrumbs',
              density: density as number,
            },
            out: join(studio.home, out),
          }),
        ),
      );
    const each = await bake('each.gguf', { openness: 0.2, extraversion: 0.2 });
    expect(await bake('all.gguf', 0.2)).toBe(each);
    expect(await bake('one.gguf', { openness: 0.2 })).not.toBe(each);
    // The trait that is left out has the default.
    expect(await bake('other.gguf', { openness: 0.2, extraversion: 0.3 })).toBe(
      await bake('left.gguf', { openness: 0.2 }),
    );
  });

  test('and its base give back the vector it was made from; that vector works live and baked', async () => {
    const tuned = join(studio.home, 'tuned.gguf');
    const mixed = persona({ conscientiousness: 1 }).recipe;
    const made = await studio.end(
      'bake',
      studio.client.mixing.bake({ recipe: mixed, type: 'f32', out: tuned }),
    );
    expect(made.error).toBeNull();
    const extracted = await studio.end(
      'extract',
      studio.client.library.extract({
        base: 'demo',
        tuned,
        trait: 'conscientiousness',
        pole: 'high',
        note: 'again',
      }),
    );
    expect(extracted.result).toMatchObject({ form: 'dense' });
    expect(extracted.result?.layers.length).toBeGreaterThan(5);

    const dense = (await studio.client.library.vectors()).vectors.find(vector => vector.note === 'again');
    expect(dense).toMatchObject({ trait: 'conscientiousness', pole: 'high', form: 'dense' });
    const { models } = await studio.client.library.models();
    const demo = models.find(model => model.id === 'demo');
    const recipe = {
      ...mixed,
      hashes: {
        base: demo?.content as string,
        vectors: { 'conscientiousness-high': dense?.content as string },
      },
    };
    const rebuilt = await studio.end(
      'bake',
      studio.client.mixing.bake({ recipe, type: 'f32', out: join(studio.home, 'rebuilt.gguf') }),
    );
    expect(sha(rebuilt)).toBe(sha(made));

    const costOf = async (of: typeof mixed) =>
      (await studio.client.mixing.cost({ recipe: of as never })).adapters.map(adapter => ({ ...adapter }));
    const whole = (await studio.client.library.vectors()).vectors.find(
      ({ id, demo: shipped }) => shipped && id === 'conscientiousness-high',
    );
    expect(await costOf(mixed)).toEqual([{ vector: 'conscientiousness-high', rank: whole?.rank, energy: 1 }]);
    expect(await costOf(recipe)).toEqual([{ vector: 'conscientiousness-high', rank: null, energy: null }]);

    // A method that merges factors gets those of the dense vector.
    const factored = join(studio.home, 'factored.gguf');
    const merged = await studio.end(
      'bake',
      studio.client.mixing.bake({
        recipe: { ...recipe, version: 2, method: 'tsv_m' },
        type: 'f32',
        out: factored,
      }),
    );
    expect(merged.error).toBeNull();
    expect(merged.result?.warnings.map(({ code }) => code)).toContain('dense_factorised');
    const [kept] = await costOf(recipe);
    expect(kept?.rank).toBeGreaterThan(0);
    expect(kept?.energy).toBeGreaterThanOrEqual(0.999);
    expect(kept?.energy).toBeLessThan(1);
    const out = join(studio.home, 'difference.gguf');
    const { norm: missing } = await native.extract({ base: tuned, tuned: factored, out });
    const { norm } = await native.extract({ base: demo?.path as string, tuned, out });
    expect(missing / norm).toBeLessThan(Math.sqrt(1 - 0.999));

    const assess = (of: object) =>
      studio.end('assess', studio.client.assessment.assess({ persona: { recipe: of as never } }));
    const factors = (await assess(mixed)).result;
    const approximated = (await assess(recipe)).result;
    for (const trait of TRAITS)
      expect(approximated?.scores[trait]).toBeCloseTo(factors?.scores[trait] as number, 1);
  });

  test('does not replace a file unasked, nor its own inputs ever', async () => {
    const recipe = persona({ openness: 1 }).recipe;
    const out = join(studio.home, 'kept.gguf');
    await studio.end('bake', studio.client.mixing.bake({ recipe, out }));
    const again = await studio.end('bake', studio.client.mixing.bake({ recipe, out }));
    expect(again).toMatchObject({ state: 'failed', error: { code: 'bad_input', field: 'out', file: out } });
    const { models } = await studio.client.library.models();
    const base = models.find(model => model.id === 'demo')?.path as string;
    const onto = await studio.end('bake', studio.client.mixing.bake({ recipe, out: base, overwrite: true }));
    expect(onto).toMatchObject({ state: 'failed', error: { code: 'bad_input', file: base } });
  });

  test('says what computed it, and why; takes no device that is not there', async () => {
    const recipe = persona({ openness: 1 }).recipe;
    const bake = (name: string, device?: string) =>
      studio.end('bake', studio.client.mixing.bake({ recipe, out: join(studio.home, name), device }));
    const byDefault = await bake('default.gguf');
    expect(byDefault.input).toMatchObject({ device: 'auto' });
    expect(byDefault.result).toMatchObject({
      device: 'cpu',
      deviceReason: expect.stringMatching(/too small/),
    });
    const asked = await bake('asked.gguf', 'cpu');
    expect(asked.result).toMatchObject({ device: 'cpu', deviceReason: expect.stringMatching(/asked for/) });
    const absent = await bake('absent.gguf', 'CUDA9');
    expect(absent).toMatchObject({
      state: 'failed',
      error: { code: 'bad_input', message: expect.stringMatching(/CUDA9.*cpu/) },
    });
    expect(existsSync(join(studio.home, 'absent.gguf'))).toBe(false);
  });

  test('that was cancelled leaves nothing', async () => {
    const out = join(studio.home, 'cancelled', 'never.gguf');
    const { run } = await studio.client.mixing.bake({ recipe: persona({ openness: 1 }).recipe, out });
    await studio.client.runs.cancel({ id: run });
    expect(await studio.end('bake', Promise.resolve({ run }))).toMatchObject({ state: 'cancelled' });
    expect(
      existsSync(join(studio.home, 'cancelled')) ? readdirSync(join(studio.home, 'cancelled')) : [],
    ).toEqual([]);
  });
});

describe('bad input', () => {
  test('unknown traits and weights out of range are refused by field', async () => {
    const wrong = await studioError(
      studio.client.mixing.check({ recipe: { version: 1, base: 'demo', weights: { humour: 1 } as never } }),
    );
    expect(wrong.code).toBe('bad_input');
    const far = await studioError(studio.client.mixing.check({ recipe: persona({ openness: 5.1 }).recipe }));
    expect(far).toMatchObject({ code: 'bad_input', field: 'recipe.weights.openness' });
    const infinite = await studioError(
      studio.client.mixing.check({ recipe: persona({ openness: Infinity }).recipe }),
    );
    expect(infinite.code).toBe('bad_input');
  });

  test('an unknown model says which are known', async () => {
    const error = await studioError(studio.client.mixing.check({ recipe: { version: 1, base: 'nobody' } }));
    expect(error).toMatchObject({ code: 'not_found', action: expect.stringContaining('demo') });
  });
});
