import { expect, test } from 'vitest';
import type { ApaText, Presented } from '../../electron/studio/contract.ts';
import assessment from '../../electron/studio/reporting/present-assessment.ts?raw';
import designs from '../../electron/studio/reporting/present-designs.ts?raw';
import experiments from '../../electron/studio/reporting/present-experiments.ts?raw';
import others from '../../electron/studio/reporting/present-others.ts?raw';
import pictures from '../../electron/studio/reporting/present-pictures.ts?raw';
import readout from '../../electron/studio/reporting/present-readout.ts?raw';
import { flat, presentedInGerman, tableInGerman, titleInGerman } from './told.ts';

const told = (sentences: ApaText[], more: Partial<Presented> = {}): Presented => ({
  ...{ heading: '', sentences, analysis: [], tables: [], plots: [], ...more },
});
const sentence = (...text: ApaText) => flat(presentedInGerman(told([text])).sentences[0] ?? []);
const analysis = (...text: ApaText) => flat(presentedInGerman(told([], { analysis: text })).analysis);

test('a finding is told in German, with its statistics in italics and its numbers as German writes them', () => {
  const r: ApaText = [
    { italic: 'r' },
    '(15)\u00a0=\u00a0.96',
    ', 95%\u00a0CI\u00a0[.88,\u00a0.98]',
    ', ',
    { italic: 'p' },
  ];
  const text: ApaText = [
    'The correlation between the weight of extraversion (α) and the extraversion score was ',
    ...r,
    '\u00a0<\u00a0.001.',
  ];
  const [german] = presentedInGerman(told([text])).sentences;
  expect(german).toContainEqual({ italic: 'r' });
  expect(flat(german ?? [])).toBe(
    'Die Korrelation zwischen dem Gewicht von Extraversion (α) und dem Wert in Extraversion war {r}(15)\u00a0=\u00a00,96, 95-%-KI\u00a0[0,88; 0,98], {p}\u00a0<\u00a00,001.',
  );
});

test('names of traits and words are translated, those of models and personas stay', () => {
  expect(
    sentence('Positive emotion: 12.50% against 3.00%, corrected ', { italic: 'p' }, '\u00a0=\u00a0.012.'),
  ).toBe('Positive Gefühle: 12,50 % gegen 3,00 %, korrigiert {p}\u00a0=\u00a00,012.');
  expect(
    sentence(
      'On Llama-3.2, the correlation between α and openness was ',
      { italic: 'r' },
      '\u00a0=\u00a0.40.',
    ),
  ).toBe('Auf Llama-3.2 war die Korrelation zwischen α und Offenheit {r}\u00a0=\u00a00,40.');
  expect(
    sentence('The winner was method ties, density 0.30, and factors on α openness 1.00, neuroticism 0.50.'),
  ).toBe('Am besten war Verfahren ties, Dichte 0,30 und Faktoren auf α Offenheit 1,00, Neurotizismus 0,50.');
});

test('an analysis of several parts is translated part by part', () => {
  const first =
    'Shares of all texts as one have intervals by the linearised variance of a ratio over texts, on the scale of logits (Cochran, 1977).';
  const second =
    ' Change from turn to turn is the rank correlation of the turn and an answer’s figure, with the interval of Bonett and Wright (2000) and ';
  const rest =
    ', up to eight answers over all their orders, corrected over all figures of a voice (Benjamini & Hochberg, 1995). Lines in plots are local regressions through the turns (Cleveland, 1979).';
  const german = analysis(first, second, { italic: 'p' }, rest);
  expect(german).toMatch(
    /^Anteile über alle Texte .* Die Veränderung von Frage zu Frage .* Fragen \(Cleveland, 1979\)\.$/,
  );
});

test.each([
  [
    'Arithmetic: 30 of 40 tasks were right before and 20 after, a difference of −25.0 percentage points, 95%\u00a0CI\u00a0[−40.0,\u00a0−9.0].',
    /^Rechnen: 30 .*Prozentpunkten, 95-%-KI/,
  ],
  ['Following instructions: there is nothing to compare, for want of tasks.', /^Anweisungen befolgen/],
  [
    'Scores were {M}\u00a0=\u00a04.44 ({SD}\u00a0=\u00a00.42) for extraversion, and {M}\u00a0=\u00a03.20 ({SD}\u00a0=\u00a00.17) for openness, with the standard deviation taken over items.',
    /^Die Werte waren .*4,44 .* für Extraversion und .*3,20 .* für Offenheit; die Standardabweichung/,
  ],
  [
    'Over two cases of the administration, Cronbach’s α was .98, 95%\u00a0CI\u00a0[.72,\u00a01.00] for extraversion, and −.50 for openness.',
    /^Über zwei Fälle .* α 0,98, 95-%-KI\u00a0\[0,72; 1,00\] für Extraversion und −0,50 für Offenheit\.$/,
  ],
  ['Mara: no figure changed with the turn after correction for many tests.', /^Mara: Nach der Korrektur/],
  ['No figure changed with the turn after correction for many tests.', /^Nach der Korrektur/],
  [
    'Mara: positive emotion rose from turn to turn, ρ\u00a0=\u00a00.80 over 8 answers, corrected {p}\u00a0=\u00a0.010.',
    /^Mara: positive Gefühle stieg .* über 8 Antworten/,
  ],
  [
    'Words fell from turn to turn, ρ\u00a0=\u00a0−0.80 over 8 answers, corrected {p}\u00a0=\u00a0.010.',
    /^Wörter fiel von Frage/,
  ],
  ['“Mara” used 12.5 words a picture.', /^„Mara“ brauchte 12,5 Wörter je Bild\.$/],
  [
    'Positive emotion changed by −1.50% for one α of openness, corrected {p}\u00a0=\u00a0.010.',
    /^Positive Gefühle änderte sich um −1,50 % je α von Offenheit, korrigiert/,
  ],
])('what is put together is told too: %s', (english, german) => {
  expect(sentence(english)).toMatch(german);
});

test('titles of runs are German as far as they are the studio’s', () => {
  expect(titleInGerman('extraversion, 9 points')).toBe('Extraversion, 9 Punkte');
  expect(titleInGerman('demo: extraversion 1, neuroticism −0.5')).toBe(
    'demo: Extraversion 1, Neurotizismus −0,5',
  );
  expect(titleInGerman('pictures: 3, personas: 2')).toBe('Bilder: 3, Personas: 2');
  expect(titleInGerman('demo: agreeableness -1.2')).toBe('demo: Verträglichkeit −1,2');
  expect(titleInGerman('demo: base')).toBe('demo: Basis');
  expect(titleInGerman('24 profiles, task arithmetic')).toBe('24 Profile, task arithmetic');
  expect(titleInGerman('openness 4.5, neuroticism 2')).toBe('Offenheit 4,5, Neurotizismus 2');
  expect(titleInGerman('Mara, against Base in “Is it true, or not?”')).toBe(
    'Mara, gegen Base in „Is it true, or not?“',
  );
  expect(titleInGerman('my diary')).toBe('my diary');
});

/** Templates of texts in a source, with `~` for what is put in: tables’ notes, or all others but designs. */
function templates(source: string, notes = false): string[] {
  const found: string[] = [];
  for (let start = source.indexOf('text`'); start >= 0; start = source.indexOf('text`', start + 1)) {
    const before = source.slice(0, start);
    if (/design: $/.test(before) || /note: $/.test(before) !== notes) continue;
    let [template, within] = ['', ''];
    for (let at = start + 5, depth = 0; at < source.length; at++) {
      const sign = source[at] as string;
      if (depth === 0 && sign === '`') break;
      if (source.startsWith('${', at)) {
        depth++;
        at++;
        within = '';
        continue;
      }
      if (depth > 0 && sign === '}') depth--;
      else if (depth > 0 && sign === '{') depth++;
      if (depth > 0) within += sign;
      else template += sign === '}' ? putIn(within) : sign;
    }
    found.push(template);
  }
  return found;
}

/** A statistic's symbol as patterns have it; anything else is unknown. */
function putIn(expression: string): string {
  const found = /^symbol\('(\w+)'(?:, '(\w+)')?\)$/.exec(expression);
  return found ? `{${[found[1], found[2]].filter(Boolean).join('_')}}` : '~';
}

test('every sentence that is told of experiments and readouts has its German', () => {
  const sentences = [assessment, designs, experiments, pictures, readout]
    .flatMap(source => templates(source))
    // What begins with something put in is composed, and tested above.
    .filter(template => /^[\p{Lu}].* .*\.$/u.test(template) && /[a-z]{3}/.test(template));
  expect(sentences.length).toBeGreaterThan(25);
  const left = sentences.filter(template => {
    const text = template.replaceAll('~', 'X');
    return sentence(text) === text;
  });
  expect(left).toEqual([]);
});

const table = (more: object) => ({ title: '', head: [], rows: [], note: [], ...more });
const PRESENTERS = [assessment, designs, experiments, others, pictures, readout];
/** Words that no German has. */
const ENGLISH = /\b(?:the|of|is|are|by|over|with|from|and|for|that|means|dash|scores|slopes)\b/i;

test('tables have German titles, heads, names and notes, and numbers as the rest of the page', () => {
  expect(
    tableInGerman({
      title: 'Correlations of the weight of extraversion with the scores',
      head: [['Scale'], [{ italic: 'r' }], ['95% CI'], [{ italic: 'p', sub: 'adj' }], ['Share (%)']],
      rows: [
        { cells: [['Agreeableness'], ['−.45'], ['[−.86, .31]'], ['< .001'], ['12.5%']] },
        { indent: true, cells: [['Self-efficacy'], ['1.00'], ['—'], ['.012'], ['3']] },
      ],
      note: [
        ...[{ italic: 'n' }, ' = points with a score. ', { italic: 'p', sub: 'adj' }],
        ' is adjusted over the rows after Benjamini and Hochberg (1995). A dash means undefined: for extraversion, the scores are the same at every point.',
      ],
    }),
  ).toEqual({
    title: 'Korrelationen des Gewichts von Extraversion mit den Werten',
    head: [['Skala'], [{ italic: 'r' }], ['95-%-KI'], [{ italic: 'p', sub: 'adj' }], ['Anteil (%)']],
    rows: [
      { cells: [['Verträglichkeit'], ['−0,45'], ['[−0,86; 0,31]'], ['< 0,001'], ['12,5\u00a0%']] },
      { indent: true, cells: [['Selbstwirksamkeit'], ['1,00'], ['—'], ['0,012'], ['3']] },
    ],
    note: [
      ...[{ italic: 'n' }, ' = Punkte mit einem Wert. ', { italic: 'p', sub: 'adj' }],
      ' ist nach Benjamini und Hochberg (1995) über die Zeilen korrigiert. Ein Strich heißt, dass der Wert nicht bestimmt ist: Extraversion: Die Werte sind an jedem Punkt gleich.',
    ],
  });
});

test('words that texts used stay what they are', () => {
  const { rows } = tableInGerman(
    table({
      head: [['Category'], ['Share (%)'], ['Most frequent words']],
      rows: [{ cells: [['Positive emotion'], ['2.50'], ['small']] }],
    }),
  );
  expect(rows[0]?.cells).toEqual([['Positive Gefühle'], ['2,50'], ['small']]);
});

test('every title and note of a table has its German', () => {
  const titles = PRESENTERS.flatMap(source =>
    [...source.matchAll(/\btitle: (?:'([^']+)'|`([^`]+)`)/g)].map(([, plain, put = '']) =>
      (plain ?? put).replaceAll(/\$\{nameOf[^}]+\}/g, '').replaceAll(/\$\{[^}]+\}/g, 'X'),
    ),
  );
  expect(titles.length).toBeGreaterThan(20);
  const notes = PRESENTERS.flatMap(source => [
    ...templates(source, true),
    // Sentences that are there now and then.
    ...[...source.matchAll(/['`] ((?:A (?:dash|perfect)|On) [^'`\n]*\.)['`]/g)].map(([, sometimes = '']) =>
      sometimes.replaceAll(/\$\{[^}]+\}/g, '~'),
    ),
  ]);
  expect(notes.length).toBeGreaterThan(30);
  const left = [
    ...titles.map(title => tableInGerman(table({ title })).title),
    ...notes.map(note =>
      flat(
        tableInGerman(table({ note: [note.replaceAll(/(?<=[\w.’])~+/g, '').replaceAll(/~+/g, '7')] })).note,
      ),
    ),
  ].filter(text => ENGLISH.test(text));
  expect(left).toEqual([]);
});

test('every head and cell that the presenters write themselves has its German', () => {
  const heads = PRESENTERS.flatMap(source => [
    ...[...source.matchAll(/\bcell\('([^']+)'\)/g)].map(([, head = '']) => head),
    ...[...source.matchAll(/head: (?:heads\()?\[([\s\S]*?)\n\s*\](?:\.map|\)|,\n)/g)].flatMap(
      ([, list = '']) => [...list.matchAll(/'([A-Z][^']+)'/g)].map(([, head = '']) => head),
    ),
  ]);
  expect(heads.length).toBeGreaterThan(60);
  const same = new Set(['Form', 'No']);
  const left = [...new Set(heads)].filter(head => {
    const [german] = tableInGerman(table({ head: [[head]] })).head;
    return flat(german ?? []) === head && !same.has(head) && !/^[^a-z]*$/.test(head);
  });
  expect(left).toEqual([]);
});
