import { describe, expect, test } from 'vitest';
import { METHODS, type MethodDescription, type Parameter } from './methods.ts';

const methods: [string, MethodDescription][] = Object.entries(METHODS);

function holds(parameter: Parameter): boolean {
  switch (parameter.type) {
    case 'number': {
      const { min, max, open, whole, usual } = parameter;
      const within = (value: number) =>
        (open === 'min' ? value > min : value >= min) &&
        (open === 'max' ? value < max : value <= max) &&
        (!whole || Number.isInteger(value));
      const [from, to] = usual ?? [min, max];
      return within(parameter.default) && from < to && from >= min && to <= max;
    }
    case 'choice': {
      const values = parameter.choices.map(({ value }) => value);
      return values.includes(parameter.default) && new Set(values).size === values.length;
    }
    case 'flag':
      return typeof parameter.default === 'boolean';
  }
}

describe('the table of methods', () => {
  test.each(methods)('%s', (id, method) => {
    expect(method.id).toBe(id);
    expect(method.parameters[0]).toMatchObject({ id: 'weight', scope: 'vector' });
    const ids = method.parameters.map(parameter => parameter.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(method.parameters.filter(parameter => !holds(parameter))).toEqual([]);
    for (const { help } of [method, ...method.parameters]) expect(help).toMatch(/^[A-Z][^.]+\.$/);
  });

  test('what is random has a seed, what elects a sign says how', () => {
    const having = (id: string) =>
      methods.flatMap(([name, { parameters }]) => (parameters.some(own => own.id === id) ? [name] : []));
    expect(having('seed')).toEqual(['dare_linear', 'dare_ties', 'della_linear', 'della']);
    expect(having('election')).toEqual(['ties', 'dare_ties', 'breadcrumbs_ties', 'della', 'knots_ties']);
  });

  test('the labels differ', () => {
    expect(new Set(methods.map(([, { label }]) => label)).size).toBe(methods.length);
  });
});
