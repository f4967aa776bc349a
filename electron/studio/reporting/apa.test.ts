import { describe, expect, test } from 'vitest';
import {
  ciText,
  escapeLatex,
  fixed,
  interval,
  list,
  pCell,
  pText,
  starred,
  statistic,
  symbol,
  type Text,
  text,
  toHtml,
  toLatex,
  toPlain,
  withoutZero,
} from './apa.ts';

const plain = (given: Text) => toPlain(given);

describe('numbers', () => {
  test('have a real minus sign and no minus zero', () => {
    expect(fixed(-1.234)).toBe('−1.23');
    expect(fixed(-0.001)).toBe('0.00');
    expect(fixed(2, 3)).toBe('2.000');
  });

  test('have no zero before the point where they cannot pass 1', () => {
    expect(withoutZero(0.956)).toBe('.96');
    expect(withoutZero(-0.5)).toBe('−.50');
    expect(withoutZero(1)).toBe('1.00');
    expect(withoutZero(-16.28)).toBe('−16.28');
    expect(interval([0.88, 0.984], withoutZero)).toBe('[.88, .98]');
    expect(interval(null)).toBe('—');
  });

  test.each([
    [0.0004, '< .001'],
    [0, '< .001'],
    [0.001, '.001'],
    [0.0126, '.013'],
    [0.9999, '> .999'],
    [null, '—'],
  ])('p of %s is %s', (p, shown) => expect(pCell(p)).toBe(shown));

  test('make the sentence of a paper', () => {
    const r = statistic(symbol('r'), 0.9604, { df: 15, format: withoutZero });
    const sentence = text`${r}${ciText([0.8812, 0.9849], withoutZero)}, ${pText(1e-9)}`;
    expect(plain(sentence)).toBe('r(15) = .96, 95% CI [.88, .98], p < .001');
    expect(toHtml(sentence)).toBe(
      '<i>r</i>(15)\u00a0=\u00a0.96, 95%\u00a0CI\u00a0[.88,\u00a0.98], <i>p</i>\u00a0&lt;\u00a0.001',
    );
    expect(toLatex(sentence)).toBe('\\textit{r}(15)~=~.96, 95\\%~CI~[.88,~.98], \\textit{p}~$<$~.001');
  });

  test('that only round to 1 are said to be above .99', () => {
    const shown = (r: number) => plain(statistic(symbol('r'), r, { df: 6, format: withoutZero }));
    expect(shown(0.997)).toBe('r(6) > .99');
    expect(shown(-0.997)).toBe('r(6) < −.99');
    expect(shown(1)).toBe('r(6) = 1.00');
    expect(shown(0.994)).toBe('r(6) = .99');
  });
});

test('an index of a statistic is set below', () => {
  expect(toHtml(symbol('d', 'z'))).toBe('<i>d</i><sub>z</sub>');
  expect(toLatex(symbol('d', 'z'))).toBe('\\textit{d}\\textsubscript{z}');
  expect(toPlain(symbol('d', 'z'))).toBe('d_z');
});

test('nothing that is put in becomes markup', () => {
  expect(toHtml(text`a ${'<script>alert("1")</script>'} & b`)).toBe(
    'a &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; b',
  );
  expect(toHtml(['a\u0000b\u0008'])).toBe('ab');
  expect(escapeLatex('50% of $x_1 & {y} \\input#~^')).toBe(
    '50\\% of \\$x\\_1 \\& \\{y\\} \\textbackslash{}input\\#\\textasciitilde{}\\textasciicircum{}',
  );
});

test('lists have a comma before “and”', () => {
  expect(list(['a'])).toBe('a');
  expect(list(['a', 'b'])).toBe('a and b');
  expect(list(['a', 'b', 'c'])).toBe('a, b, and c');
});

test('stars mark italics', () => {
  expect(toHtml(starred('In *Metron*, *1*, 3'))).toBe('In <i>Metron</i>, <i>1</i>, 3');
});
