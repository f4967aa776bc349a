import { describe, expect, test } from 'vitest';
import { type Method, type ParameterId, type Recipe, recipe, TRAITS, type Weights } from '../contract.ts';
import { inWords } from '../errors.ts';
import { METHOD_IDS, METHODS, PARAMETERS, type Parameter, parameterOf, settingsOf } from './methods.ts';
import { countObstacle, liveObstacle, ownSettings, weightPoints } from './recipe.ts';

const read = (method: Method, more: object = {}): Recipe =>
  recipe.parse({ version: 2, base: 'demo', method, ...more });

/** The fields that a recipe is refused for, with the reasons; none where it is not. */
function refused(given: object): string {
  const parsed = recipe.safeParse({ version: 2, base: 'demo', ...given });
  return parsed.success ? '' : inWords(parsed.error.issues).message;
}

/** The ends of a parameter's range, and what lies just outside them or is of another kind. */
function examples(parameter: Parameter): { inside: unknown[]; outside: unknown[] } {
  if (parameter.type === 'flag') return { inside: [true, false], outside: ['true', 1, null] };
  if (parameter.type === 'choice')
    return { inside: parameter.choices.map(({ value }) => value), outside: ['other', '', 0] };
  const { min, max, open, whole } = parameter;
  return {
    inside: [open === 'min' ? min + 1e-3 : min, open === 'max' ? max - 1e-3 : max],
    outside: [
      open === 'min' ? min : min - 1e-3,
      open === 'max' ? max : max * (1 + 1e-3),
      Number.NaN,
      '0.5',
      ...(whole ? [0.5] : []),
    ],
  };
}

describe.each(METHOD_IDS)('a recipe of %s', method => {
  const own = settingsOf(method);

  test('has the defaults of the table, written down', () => {
    const { version, base, weights, method: name, ...settings } = read(method);
    expect([version, base, weights, name]).toEqual([2, 'demo', {}, method]);
    expect(settings).toEqual(Object.fromEntries(own.map(({ id, default: usual }) => [id, usual])));
    expect(ownSettings(read(method))).toEqual({});
  });

  test('takes each parameter within its range only, and says the field', () => {
    for (const parameter of own) {
      const { inside, outside } = examples(parameter);
      // Density and epsilon limit each other.
      const beside = parameter.id === 'density' && parameterOf(method, 'epsilon') ? { epsilon: 0 } : {};
      for (const value of inside)
        expect(read(method, { ...beside, [parameter.id]: value })).toHaveProperty(parameter.id, value);
      for (const value of outside)
        expect(refused({ method, [parameter.id]: value })).toMatch(new RegExp(`^${parameter.id}: expected `));
    }
  });

  test('takes no parameter of another method, and no unknown one', () => {
    const others = (Object.keys(PARAMETERS) as ParameterId[]).filter(id => !parameterOf(method, id));
    for (const id of others)
      expect(refused({ method, [id]: PARAMETERS[id].default })).toContain(
        `${id}: ${method} takes no ${id}; it takes`,
      );
    expect(refused({ method, densty: 0.5 })).toMatch(/^densty: /);
  });

  test('needs as many weights as the method has vectors', () => {
    const { min, max = 5 } = METHODS[method].vectors;
    for (let count = 0; count <= 5; count++) {
      const weights = Object.fromEntries(TRAITS.map((trait, index) => [trait, index < count ? 1 : 0]));
      const said = countObstacle(read(method, { weights }));
      if (count >= min && count <= max) expect(said).toBeNull();
      else {
        expect(said).toContain(`(${method}) mixes`);
        expect(said).toContain(count === 0 ? 'all weights are 0' : `${count} weight`);
      }
    }
  });

  test('can be mixed live only as a plain sum', () => {
    expect(liveObstacle(read(method))).toBeNull();
    const said = liveObstacle(read(method, { weights: { openness: 1 } }));
    expect(said).toBe(method === 'task_arithmetic' ? null : `The method ${method}`);
  });
});

describe('beyond single parameters', () => {
  test('density and epsilon together leave every probability between 0 and 1', () => {
    for (const method of ['della', 'della_linear'] as const) {
      expect(refused({ method, density: 0.85 })).toMatch(
        /^epsilon: density 0.85 ± epsilon 0.15 .*below 0.15$/,
      );
      expect(refused({ method, density: 0.15 })).toMatch(/^epsilon: /);
      expect(refused({ method, density: 0.84 })).toBe('');
      expect(refused({ method, density: 0.95, epsilon: 0.04 })).toBe('');
      expect(refused({ method, density: { openness: 0.5, extraversion: 0.9 } })).toMatch(
        /^epsilon: density 0.9 /,
      );
      expect(refused({ method, density: 1, epsilon: 0.4 })).toBe('');
    }
  });

  test('weights of both signs are not divided by, and whitened traits do not vary over depth', () => {
    for (const changed of [{ basis: 'axes' }, { whitening: 0.5 }]) {
      expect(refused({ method: 'dare_linear', ...changed, normalize: true })).toMatch(/^normalize: /);
      expect(refused({ method: 'dare_linear', ...changed })).toBe('');
      expect(refused({ method: 'karcher', ...changed })).toMatch(/karcher takes no/);
      expect(liveObstacle(read('task_arithmetic', { ...changed, weights: { openness: 1 } }))).toBeNull();
    }
    expect(refused({ whitening: 0.5, depth: { openness: [0, 1] } })).toMatch(/^depth: /);
    expect(refused({ basis: 'axes', depth: { openness: [0, 1] } })).toBe('');
  });

  test('a density may be set for each trait', () => {
    expect(read('ties', { density: { openness: 0.2 } }).density).toEqual({ openness: 0.2 });
    expect(refused({ method: 'ties', density: { openness: 0 } })).toMatch(/^density: /);
    expect(refused({ method: 'ties', density: { humour: 0.5 } })).toMatch(/^density/);
  });

  test('factors over depth and by name lie in the range of the method’s weights', () => {
    const depth = { openness: [0, -1] };
    expect(refused({ depth })).toBe('');
    expect(refused({ depth: { openness: [1, 5.5] } })).toMatch(/^depth\.openness\.1: .*−5 to 5, not 5.5/);
    expect(refused({ depth: { humour: [1] } })).toMatch(/^depth/);
    expect(refused({ depth: { openness: [] } })).toMatch(/^depth\.openness: /);
    expect(refused({ method: 'karcher', depth })).toMatch(/^depth\.openness\.1: .*karcher is 0 to 5, not -1/);
    expect(refused({ method: 'karcher', filters: [{ filter: 'attn', factor: -1 }] })).toMatch(
      /^filters\.0\.factor: /,
    );
    expect(refused({ filters: [{ filter: '', factor: 1 }] })).toMatch(/^filters\.0\.filter: /);
    expect(refused({ filters: [{ filter: 'attn', weight: 1 }] })).toMatch(/^filters\.0/);
  });

  test('the factors multiply |α|', () => {
    const given = read('ties', {
      weights: { openness: -0.5, extraversion: 2 },
      depth: { openness: [0, 1, -3] },
    });
    expect(weightPoints(given, 'openness')).toEqual([0, 0.5, -1.5]);
    expect(weightPoints(given, 'extraversion')).toEqual([2]);
    expect(weightPoints(given, 'neuroticism')).toEqual([0]);
  });

  test.each<[string, object, RegExp | null]>([
    ['nothing else', {}, null],
    ['a scale', { lambda: 0.5 }, null],
    ['a factor that is the same all along', { depth: { openness: [0.5, 0.5] } }, null],
    ['factors of a trait that is not used', { depth: { neuroticism: [0, 1] } }, null],
    ['normalisation', { normalize: true }, /^Normalisation/],
    ['factors over depth', { depth: { openness: [0, 1] } }, /depth/],
    ['factors by name', { filters: [{ filter: 'attn', factor: 0 }] }, /name/],
    ['no embeddings', { embeddings: false }, /embeddings/],
    ['no output head', { outputHead: false }, /output head/],
  ])('a plain sum with %s', (_what, more, said) => {
    const weights: Weights = { openness: 1 };
    const obstacle = liveObstacle(read('task_arithmetic', { weights, ...more }));
    if (said) expect(obstacle).toMatch(said);
    else expect(obstacle).toBeNull();
    expect(liveObstacle(read('task_arithmetic', more))).toBeNull();
  });
});

describe('version 1', () => {
  const one = (more: object) => recipe.parse({ version: 1, base: 'demo', ...more });
  const hashes = { base: 'b', vectors: { 'openness-high': 'v' } };

  test('becomes the version 2 that mixes alike: its defaults stay, what it did not use goes', () => {
    expect(one({ weights: { openness: 1 }, hashes })).toEqual(
      read('task_arithmetic', { weights: { openness: 1 }, hashes }),
    );
    // As version 1 was logged: with a density and a seed, used or not.
    const logged = { density: 0.5, lambda: 0.8, seed: 7 };
    expect(one({ method: 'task_arithmetic', ...logged, normalize: true })).toEqual(
      read('task_arithmetic', { lambda: 0.8, normalize: true }),
    );
    expect(one({ method: 'ties', ...logged })).toEqual(read('ties', { density: 0.5, lambda: 0.8 }));
    expect(one({ method: 'dare_linear', ...logged, seed: 3 })).toEqual(
      read('dare_linear', { density: 0.5, lambda: 0.8, seed: 3 }),
    );
    expect(one({ method: 'ties' })).toMatchObject({ density: 0.5, normalize: true });
    expect(one({ method: 'dare_linear' })).toMatchObject({ density: 0.5, seed: 7, normalize: false });
  });

  test('is refused outside its ranges and methods', () => {
    const said = (more: object) => refused({ version: 1, ...more });
    expect(said({ density: 0 })).toMatch(/^density: /);
    expect(said({ seed: -1 })).toMatch(/^seed: /);
    expect(said({ weights: { openness: 6 } })).toMatch(/^weights\.openness: /);
    expect(said({ method: 'della' })).toMatch(/^method: version 1 .* version 2/);
  });

  test('other versions, and none, are refused', () => {
    expect(refused({ version: 3 })).toMatch(/^version: .*2 or 1/);
    expect(refused({ version: undefined })).toMatch(/^version: /);
  });

  test('what was read once reads the same again', () => {
    const read1 = one({ method: 'dare_linear', weights: { openness: 1 }, hashes });
    expect(JSON.stringify(recipe.parse(JSON.parse(JSON.stringify(read1))))).toBe(JSON.stringify(read1));
  });
});
