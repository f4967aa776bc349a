/**
 * Text and numbers as the Publication Manual of the American Psychological Association sets them (7th ed., 2020, chapter
 * 6): statistics in italics, no zero before the point where a value cannot pass 1, p to three decimals, “p < .001”.
 */

/** A piece of text; statistics are in italics, some with an index. */
export type Piece = string | { italic: string; sub?: string };
export type Text = Piece[];

/** Text from a template; what is put in is text itself or plain. */
export function text(strings: TemplateStringsArray, ...values: (Text | Piece | number)[]): Text {
  const pieces: Text = [];
  for (const [index, string] of strings.entries()) {
    if (string) pieces.push(string);
    const value = values[index];
    if (Array.isArray(value)) pieces.push(...value);
    else if (value !== undefined) pieces.push(typeof value === 'number' ? String(value) : value);
  }
  return pieces;
}

/** A statistic's symbol. */
export const symbol = (italic: string, sub?: string): Text => [sub ? { italic, sub } : { italic }];

/** What stands for a value that is undefined or missing; the note under a table says why. */
export const DASH = '—';

/** A number to so many decimals, with a real minus sign and no −0.00. */
export function fixed(value: number, digits = 2): string {
  const shown = value.toFixed(digits);
  return Number(shown) === 0 ? shown.replace('-', '') : shown.replace('-', '−');
}

/** A number that cannot pass 1 in size, as r: no zero before the point. */
export const withoutZero = (value: number, digits = 2): string =>
  fixed(value, digits).replace(/^(−?)0\./, '$1.');

type Format = (value: number) => string;

/** A value, or a dash. */
export const orDash = (value: number | null | undefined, format: Format = fixed): string =>
  value == null ? DASH : format(value);

/** `[.88, .98]`, or a dash. */
export const interval = (ci: readonly [number, number] | null | undefined, format: Format = fixed): string =>
  ci ? `[${format(ci[0])}, ${format(ci[1])}]` : DASH;

/** `, 95% CI [.88, .98]`; nothing without an interval. */
export const ciText = (ci: readonly [number, number] | null | undefined, format: Format = fixed): string =>
  ci ? `, 95%\u00a0CI\u00a0${interval(ci, format).replace(', ', ',\u00a0')}` : '';

/** p in a cell: `.012`, `< .001`, `> .999`. */
export function pCell(p: number | null | undefined): string {
  if (p == null) return DASH;
  if (p < 0.001) return '< .001';
  return p > 0.9995 ? '> .999' : withoutZero(p, 3);
}

/** *p* = .012, *p* < .001. */
export function pText(p: number, sub?: string): Text {
  const cell = pCell(p);
  return [...symbol('p', sub), `\u00a0${/^[<>]/.test(cell) ? '' : '= '}${cell}`.replaceAll(' ', '\u00a0')];
}

/** *r*(15) = .96; a value that only rounds to 1 is said to be above .99. */
export function statistic(
  name: Text,
  value: number,
  { df, format = fixed }: { df?: number; format?: Format },
) {
  const shown = format(value);
  const inside = df === undefined ? '' : `(${df})`;
  if (/^−?1\.0+$/.test(shown) && Math.abs(value) < 1 && format === withoutZero)
    return text`${name}${inside}\u00a0${value > 0 ? '>\u00a0.99' : '<\u00a0−.99'}`;
  return text`${name}${inside}\u00a0=\u00a0${shown}`;
}

/** Text with *stars* around what is in italics. */
export const starred = (value: string): Text =>
  value.split('*').flatMap((piece, index): Text => (piece ? [index % 2 ? { italic: piece } : piece] : []));

/** `one, two, and three`. */
export function list(words: string[]): string {
  if (words.length < 3) return words.join(' and ');
  return `${words.slice(0, -1).join(', ')}, and ${words.at(-1)}`;
}

const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
/** Numbers below ten as words, as in running text. */
export const count = (value: number): string => WORDS[value] ?? String(value);

export const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

// ── Forms ──────────────────────────────────────────────────────────────────────────────────────────────────

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** For content and quoted attributes of HTML and SVG alike; characters that XML forbids are left out. */
export const escapeHtml = (value: string): string =>
  value
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must go
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
    .replaceAll(/[&<>"']/g, sign => ENTITIES[sign] as string);

const LATEX: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '{': '\\{',
  '}': '\\}',
  $: '\\$',
  '&': '\\&',
  '#': '\\#',
  '%': '\\%',
  _: '\\_',
  '^': '\\textasciicircum{}',
  '~': '\\textasciitilde{}',
  '<': '$<$',
  '>': '$>$',
  '|': '$|$',
  '−': '$-$',
  '×': '$\\times$',
  '±': '$\\pm$',
  '≤': '$\\leq$',
  '≥': '$\\geq$',
  α: '$\\alpha$',
  ρ: '$\\rho$',
  λ: '$\\lambda$',
  φ: '$\\varphi$',
  Δ: '$\\Delta$',
  ε: '$\\varepsilon$',
  γ: '$\\gamma$',
  '‖': '$\\|$',
  '²': '$^2$',
  '–': '--',
  '—': '---',
  '“': '``',
  '”': "''",
  '’': "'",
  '…': '\\ldots{}',
  '\u00a0': '~',
};
export const escapeLatex = (value: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must go
  value.replaceAll(/[\u0000-\u001f]/g, ' ').replaceAll(/./gu, sign => LATEX[sign] ?? sign);

function written(
  pieces: Text,
  plain: (value: string) => string,
  italic: (value: string, sub?: string) => string,
) {
  return pieces
    .map(piece => (typeof piece === 'string' ? plain(piece) : italic(piece.italic, piece.sub)))
    .join('');
}

export const toHtml = (pieces: Text): string =>
  written(
    pieces,
    escapeHtml,
    (value, sub) => `<i>${escapeHtml(value)}</i>${sub ? `<sub>${escapeHtml(sub)}</sub>` : ''}`,
  );

export const toLatex = (pieces: Text): string =>
  written(
    pieces,
    escapeLatex,
    (value, sub) => `\\textit{${escapeLatex(value)}}${sub ? `\\textsubscript{${escapeLatex(sub)}}` : ''}`,
  );

export const toPlain = (pieces: Text): string =>
  written(
    pieces,
    value => value.replaceAll('\u00a0', ' '),
    (value, sub) => (sub ? `${value}_${sub}` : value),
  );
