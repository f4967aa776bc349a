/**
 * What is told of a run, in the language of the page: findings and plots. Its tables come in English, as journals have
 * them, and are put into German by `tableInGerman` where they are shown so.
 */
import {
  type ApaText,
  type Figure,
  type Presented,
  type RunKind,
  TRAITS,
  type Trait,
} from '../../electron/studio/contract.ts';
import { german } from './german.ts';
import { germanResults, germanTitles } from './german-results.ts';
import { germanStudio } from './german-studio.ts';
import { germanCells, germanFacets, germanTitlesAndNotes } from './german-tables.ts';
import { language } from './language.ts';
import { translated } from './said.ts';

export const presentedHere = (told: Presented): Presented =>
  language === 'de' ? presentedInGerman(told) : told;

/** Kinds whose titles are the user's own words, or names of files. */
const OWN_TITLES: RunKind[] = ['chat', 'import', 'convert', 'extract'];

/** A run with its title in the language of the page. */
export const withTitle = <R extends { kind: RunKind; title: string }>(run: R): R =>
  language === 'de' && !OWN_TITLES.includes(run.kind) ? { ...run, title: titleInGerman(run.title) } : run;

/** Exported for its test. */
export function presentedInGerman(told: Presented): Presented {
  return {
    ...told,
    sentences: told.sentences.map(textInGerman),
    analysis: textInGerman(told.analysis),
    plots: told.plots.map(plot => ({
      ...plot,
      title: inGerman(plot.title),
      note: inGerman(plot.note),
      figure: figureInGerman(plot.figure),
    })),
  };
}

export type ApaTable = Presented['tables'][number];

/** Columns that hold words of texts, which may read like the studio’s. */
const WORD_COLUMNS = new Set(['Most frequent words', 'Texts', 'Reference']);

/** A table in APA style with German words and, as everywhere on the German page, decimal commas. */
export function tableInGerman({ title, head, rows, note }: ApaTable): ApaTable {
  const heads = head.map(flat);
  const cell = (text: ApaText, column: number): ApaText => {
    const plain = flat(text);
    if (WORD_COLUMNS.has(heads[column] ?? '')) return [numbers(plain)];
    if (column === 0 && heads[0] === 'Scale') return [scaleInGerman(plain)];
    return pieces(germanCells[plain] ?? nameInGerman(plain));
  };
  return {
    title: inGerman(title),
    head: head.map(text => pieces(germanCells[flat(text)] ?? inGerman(flat(text)))),
    rows: rows.map(row => ({ ...row, cells: row.cells.map(cell) })),
    note: textInGerman(note),
  };
}

/** Exported for its test. */
export function titleInGerman(title: string): string {
  const compared = /^(.+), against (.+)$/.exec(title);
  if (compared) return `${titleInGerman(compared[1] ?? '')}, gegen ${titleInGerman(compared[2] ?? '')}`;
  const within = /^(.+) in “(.+)”$/.exec(title);
  if (within) return `${titleInGerman(within[1] ?? '')} in „${within[2]}“`;
  const named = translated(title, germanTitles, titlePart);
  if (named !== title) return named;
  const mix = /^([^:“]+): (.+)$/.exec(title);
  return mix ? `${mix[1]}: ${titlePart(mix[2] ?? '')}` : titlePart(title);
}

/** Traits with their α or scores: `extraversion 1, neuroticism −0.5`. */
function titlePart(part: string): string {
  const traits = part
    .split(', ')
    .map(one => /^([a-z]+)(?: ([−-]?[\d.]+))?$/.exec(one))
    .map(found => {
      const name = found && namesInGerman.get(found[1] ?? '');
      return name && (found[2] ? `${name} ${numbers(found[2].replace('-', '−'))}` : name);
    });
  if (traits.every(Boolean)) return traits.join(', ');
  return part === 'base' ? 'Basis' : part;
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

const { chat, traits } = german;
/** What figures, traits and word categories are called, as they stand within a sentence. */
const namesInGerman = new Map<string, string>([
  ...TRAITS.map((trait): [string, string] => [trait, traits[trait].name]),
  ...Object.entries(chat.categories).map(([key, name]): [string, string] => [key.replaceAll('_', ' '), name]),
]);

/** Words of a recipe that was found by tuning. */
const RECIPE: [RegExp, string][] = [
  [/^method /, 'Verfahren '],
  [/, density /, ', Dichte '],
  [/, trimmed by /, ', gestutzt um '],
  [/,? and factors on α /, ' und Faktoren auf α '],
  [/,? and (?=neuroticism)/, ' und '],
];

const TOLD = { ...germanResults, ...germanTitlesAndNotes };

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const ZAHLEN = ['kein', 'ein', 'zwei', 'drei', 'vier', 'fünf', 'sechs', 'sieben', 'acht', 'neun'];

/** Decimal commas, zeros before them, and semicolons between the bounds of an interval. */
const numbers = (text: string): string =>
  text
    .replace(/\[(−?[\d.]+),[ \u00a0](−?[\d.]+)\]/g, '[$1; $2]')
    .replace(/(^|[^\w.,])(−?)\.(\d)/g, '$1$20,$3')
    .replace(/(^|[^\w.,-])(−?\d+)\.(\d+)(?![\w.])/g, '$1$2,$3')
    .replace(/(\d)%$/, '$1\u00a0%');

/** `{M} = 4.44 ({SD} = 0.42) for extraversion, and …` */
const scoresInGerman = (scores: string): string =>
  scores
    .replace(/ for ([a-z ]+)/g, (_, name: string) => ` für ${namesInGerman.get(name) ?? name}`)
    .replace(', and ', ' und ');

/** Why a correlation is undefined, as notes list it trait by trait. */
const WHY = [
  'there is no pair of values, and it takes three',
  'there is one pair of values, and it takes three',
  'there are two pairs of values, and it takes three',
  'α is the same at every point',
  'the scores are the same at every point',
  'no reason is in the log',
];

const whyInGerman = (listed: string): string =>
  WHY.reduce((text, why) => text.replaceAll(why, germanResults[why] ?? why), listed)
    .replace(new RegExp(`\\b(${TRAITS.join('|')}), `, 'g'), (_, trait: Trait) => `${traits[trait].name}: `)
    .replace(/,? and /g, ' und ');

/** What stood for a star: a name, a number, or statistics. */
function wordInGerman(word: string): string {
  const lower = word.charAt(0).toLowerCase() + word.slice(1);
  const name = namesInGerman.get(word) ?? namesInGerman.get(lower);
  if (name !== undefined) return word === lower ? name : capital(name);
  const number = NUMBERS.indexOf(word);
  if (number >= 0) return ZAHLEN[number] ?? word;
  if (/ factors on α /.test(word)) {
    const recipe = RECIPE.reduce((text, [from, to]) => text.replace(from, to), word);
    return numbers(TRAITS.reduce((text, trait) => text.replace(trait, traits[trait].name), recipe));
  }
  const known = translated(word, TOLD);
  if (known !== word) return known;
  if (WHY.some(why => word.includes(why))) return whyInGerman(word);
  const german = numbers(word).replaceAll('95%\u00a0CI', '95-%-KI').replace('(adjusted, ', '(korrigiert, ');
  return /[\d\])] for /.test(word) ? scoresInGerman(german) : german;
}

function inGerman(text: string): string {
  if (text === '') return text;
  const whole = translated(text, TOLD, wordInGerman);
  if (whole !== text) return whole;
  // Several sentences that come together or alone: the longest known beginnings.
  const sentences = text.split(/(?<=[.)]) (?=[\p{Lu}{‖α\d])/u);
  const found: string[] = [];
  for (let from = 0; from < sentences.length; ) {
    let to = sentences.length;
    let german = '';
    for (; to > from; to--) {
      const part = sentences.slice(from, to).join(' ');
      german = translated(part, TOLD, wordInGerman);
      if (german !== part) break;
    }
    found.push(to > from ? german : (sentences[from] as string));
    from = Math.max(to, from + 1);
  }
  return sentences.length > 1 ? found.join(' ') : nameInGerman(text);
}

/** The name of a row, a panel or an axis; several parts may be known. */
function nameInGerman(name: string): string {
  const own = wordInGerman(name);
  if (own !== name) return own;
  const parts = name.split(': ').map(part => wordInGerman(translated(part, germanStudio)));
  return parts.join(': ');
}

/** The name of a scale; several facets share theirs with categories of words. */
const scaleInGerman = (name: string): string =>
  germanFacets[name.charAt(0).toLowerCase() + name.slice(1)] ?? nameInGerman(name);

function figureInGerman(figure: Figure): Figure {
  const name = <T extends { name: string }>(row: T): T => ({ ...row, name: nameInGerman(row.name) });
  switch (figure.form) {
    case 'scatter':
      return {
        ...figure,
        x: inGerman(figure.x),
        y: inGerman(figure.y),
        kinds: figure.kinds && [inGerman(figure.kinds[0]), inGerman(figure.kinds[1])],
        panels: figure.panels.map(panel => ({
          ...panel,
          title: nameInGerman(panel.title),
          note: inGerman(panel.note),
        })),
      };
    case 'scores':
      return {
        ...figure,
        reference: figure.reference && inGerman(figure.reference),
        rows: figure.rows.map(row => ({ ...row, name: scaleInGerman(row.name) })),
      };
    case 'estimates':
      return { ...figure, of: figure.of && inGerman(figure.of), rows: figure.rows.map(name) };
    case 'matrix':
      return figure;
    default:
      return figure satisfies never;
  }
}

/** Statistics in braces, as patterns have them. */
export const flat = (text: ApaText): string =>
  text
    .map(piece =>
      typeof piece === 'string' ? piece : `{${[piece.italic, piece.sub].filter(Boolean).join('_')}}`,
    )
    .join('');

const textInGerman = (text: ApaText): ApaText => pieces(inGerman(flat(text)));

/** The pieces of a flat text. */
function pieces(text: string): ApaText {
  return text
    .split(/(\{[^{}]+\})/)
    .filter(Boolean)
    .map(piece => {
      const found = /^\{([^{}_]+)(?:_([^{}]+))?\}$/.exec(piece);
      if (!found) return piece;
      return found[2] ? { italic: found[1] ?? '', sub: found[2] } : { italic: found[1] ?? '' };
    });
}
