import { describe, expect, it } from 'vitest';
import { METHOD_IDS, METHODS } from '../../electron/studio/contract.ts';
import { rangeOf } from '../../electron/studio/mixing/methods.ts';
import { germanStudio } from './german-studio.ts';
import { numberInGerman, translated } from './said.ts';

/** Names of methods stay as they were published. */
const NAMES = /^(TIES|DARE|DELLA|SCE|TSV-M|SLERP|NuSLERP|Breadcrumbs|Model Stock)$/;

describe('the German of the merge methods', () => {
  it.each(METHOD_IDS)('has every text of %s', method => {
    const { label, help, parameters } = METHODS[method];
    const said = [
      label,
      help,
      ...parameters.flatMap(one => [
        one.label,
        one.help,
        ...(one.type === 'choice' ? one.choices.flatMap(each => [each.label, each.help]) : []),
        ...(one.type === 'number' ? [rangeOf(one)] : []),
      ]),
    ];
    expect(said.filter(text => !NAMES.test(text) && translated(text, germanStudio) === text)).toEqual([]);
  });
});

describe('a pattern', () => {
  const german = (text: string) => translated(text, germanStudio);

  it('puts back what its stars stand for', () => {
    expect(
      german(
        'The vector openness-low comes from a model of another backbone and cannot be added to A (2 * 7B).',
      ),
    ).toBe(
      'Der Vektor openness-low stammt von einem Modell einer anderen Familie und lässt sich nicht zu A (2 * 7B) addieren.',
    );
    expect(german('above 0, up to 1')).toBe('über 0, bis 1');
  });

  it('writes numbers with a comma, and nothing else', () => {
    const text = 'The weights add up to 2.7. Above 2 a model tends to follow instructions less well.';
    expect(translated(text, germanStudio, numberInGerman)).toMatch(/ zusammen 2,7\. Über 2 /);
    expect(['-1.25', '3', 'b10.2', '0.81.4', 'ties'].map(numberInGerman)).toEqual([
      '−1,25',
      '3',
      'b10.2',
      '0.81.4',
      'ties',
    ]);
  });

  it('leaves alone what it does not fit', () => {
    expect(german('Nobody has said this.')).toBe('Nobody has said this.');
    expect(german('above 0')).toBe('above 0');
  });
});
