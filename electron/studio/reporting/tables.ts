/** Tables of a publication in APA style (7th ed., chapter 7), as HTML that pastes into Word, as LaTeX, and as plain text. */
import { escapeHtml, escapeLatex, type Text, toHtml, toLatex, toPlain } from './apa.ts';

export interface Row {
  cells: Text[];
  /** Set in below the row before it: a facet below its trait. */
  indent?: boolean;
}

export interface Table {
  title: string;
  /** The first column names the rows, the others hold values. */
  head: Text[];
  rows: Row[];
  /** What stands below the table, after “Note.”; empty for none. */
  note: Text;
}

/** A text of one piece, for cells. */
export const cell = (value: string): Text => [value];

/** What stands above and below every table, in its language. */
export interface TableWords {
  table: string;
  note: string;
}
const ENGLISH: TableWords = { table: 'Table', note: 'Note.' };

// Word keeps what is written on the elements themselves. Lines take the colour of the text.
const RULE = '1pt solid';
const PAD = 'padding:2pt 4pt';

/** Number and title above, three lines, the note below. */
export function tableHtml({ title, head, rows, note }: Table, number: number, words = ENGLISH): string {
  const align = (column: number) => (column === 0 ? 'left' : 'center');
  const heads = head.map(
    (text, column) =>
      `<th scope="col" style="${PAD};border-top:${RULE};border-bottom:${RULE};text-align:${align(column)};font-weight:normal;vertical-align:bottom">${toHtml(text)}</th>`,
  );
  const body = rows.map(({ cells, indent }, index) => {
    const end = index === rows.length - 1 ? `;border-bottom:${RULE}` : '';
    const columns = cells.map((text, column) => {
      const style = `${PAD}${end};text-align:${align(column)};font-weight:normal${column === 0 && indent ? ';padding-left:18pt' : ''}`;
      return column === 0
        ? `<th scope="row" style="${style}">${toHtml(text)}</th>`
        : `<td style="${style};white-space:nowrap">${toHtml(text)}</td>`;
    });
    return `<tr>${columns.join('')}</tr>`;
  });
  return [
    `<p class="number"><b>${escapeHtml(words.table)} ${number}</b></p>`,
    `<p class="title"><i>${escapeHtml(title)}</i></p>`,
    `<div class="wide"><table style="border-collapse:collapse">`,
    `<thead><tr>${heads.join('')}</tr></thead>`,
    `<tbody>${body.join('\n')}</tbody>`,
    '</table></div>',
    ...(note.length > 0 ? [`<p class="note"><i>${escapeHtml(words.note)}</i> ${toHtml(note)}</p>`] : []),
  ].join('\n');
}

// A table that is wider than the text is made as wide as the text.
const FIT = '\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%';

/** For a document that loads the packages booktabs and graphicx. */
export function tableLatex({ title, head, rows, note }: Table, number: number): string {
  const line = (cells: string[]) => `${cells.join(' & ')} \\\\`;
  return [
    `% Table ${number}. Needs \\usepackage{booktabs} and \\usepackage{graphicx}.`,
    '\\begin{table}[htbp]',
    `\\caption{${escapeLatex(title)}}`,
    FIT,
    `\\begin{tabular}{l${'c'.repeat(Math.max(0, head.length - 1))}}`,
    '\\toprule',
    line(head.map(toLatex)),
    '\\midrule',
    ...rows.map(({ cells, indent }) => `${indent ? '\\quad ' : ''}${line(cells.map(toLatex))}`),
    '\\bottomrule',
    '\\end{tabular}}',
    ...(note.length > 0
      ? ['', '\\smallskip', `\\parbox{\\linewidth}{\\footnotesize\\textit{Note.} ${toLatex(note)}}`]
      : []),
    '\\end{table}',
  ].join('\n');
}

export function tableText({ title, head, rows, note }: Table, number: number, words = ENGLISH): string {
  const lines = [{ cells: head, indent: false }, ...rows].map(({ cells, indent }) =>
    cells.map((text, column) => `${column === 0 && indent ? '  ' : ''}${toPlain(text)}`),
  );
  const widths = head.map((_, column) => Math.max(...lines.map(cells => cells[column]?.length ?? 0)));
  const written = lines.map(cells =>
    cells
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [
    `${words.table} ${number}`,
    title,
    rule,
    written[0],
    rule,
    ...written.slice(1),
    rule,
    ...(note.length > 0 ? [`${words.note} ${toPlain(note)}`] : []),
  ].join('\n');
}
