/** A report of runs as one page of HTML: it needs neither the studio nor a network, in light, dark and on paper. */
import { METHODS, type Recipe, type Run } from '../contract.ts';
import { capital, escapeHtml as esc, starred, toHtml } from './apa.ts';
import { toCsv } from './csv.ts';
import { methodsOf, WORKS, type Work } from './methods.ts';
import { drawSvg, type Plot } from './plots.ts';
import type { Done, Presentation } from './presenting.ts';
import type { RunFile } from './schemas.ts';
import { tableHtml } from './tables.ts';

export interface Told {
  run: Done;
  files: RunFile[];
  told: Presentation;
}

/** What must stand wherever the demonstration family was used. */
export const DEMONSTRATION =
  'Demonstration only. The model and its vectors are a miniature that comes with Temperament, trained on synthetic dialogues. Results with it show how the studio works; they are no evidence about people or about large language models.';

export const usesDemo = (files: RunFile[]): boolean => files.some(file => 'demo' in file && file.demo);

const STYLE = `
:root { color-scheme: light dark; --ground: light-dark(#ffffff, #14181a); --ink: light-dark(#1a201d, #e7ebe8);
  --quiet: light-dark(#545e58, #a4aea8); --line: light-dark(#dde1dd, #323a3b); --sunken: light-dark(#f4f6f4, #1c2123);
  --mark: light-dark(#0f6e5c, #5fcbb1); --other: light-dark(#5b6577, #a0abbd); --warm: light-dark(#b1261c, #ff9086);
  --notice: light-dark(#855000, #efb75a); --notice-soft: light-dark(#fdf2de, #2f2611); }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 3rem 1.5rem 5rem; max-width: 60rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.6 Georgia, "Times New Roman", "Liberation Serif", serif; overflow-wrap: break-word; }
h1, h2, h3, nav, .meta, .links, .notice, details, figcaption, dl.facts { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.75rem; line-height: 1.25; }
h2 { margin: 3.5rem 0 0; padding-top: 1.25rem; border-top: 1px solid var(--line); font-size: 1.3rem; line-height: 1.3; }
h3 { margin: 2rem 0 .5rem; font-size: 1.05rem; }
p { margin: .5rem 0; max-width: 46rem; }
.meta, .links, nav { color: var(--quiet); font-size: .85rem; }
a { color: var(--mark); }
nav ol { margin: 1rem 0 0; padding-left: 1.5rem; }
.notice { margin: 1.25rem 0; max-width: 46rem; padding: .75rem 1rem; border-left: 4px solid var(--notice); background: var(--notice-soft); font-size: .9rem; }
.number { margin: 2rem 0 0; } .title { margin: 0 0 .5rem; }
.wide { overflow-x: auto; }
table { font-size: .9rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
.note { font-size: .9rem; }
figure { margin: 2rem 0; break-inside: avoid; }
figure svg { display: block; max-width: 100%; height: auto; margin: .75rem 0; }
figure p { font-family: Georgia, "Times New Roman", "Liberation Serif", serif; }
.ink { fill: var(--ink); } .quiet { fill: var(--quiet); } .grid { stroke: var(--line); } .mark { fill: var(--mark); }
.line { stroke: var(--mark); } .other { stroke: var(--other); } .warm { fill: var(--warm); }
blockquote { margin: .5rem 0 1rem; padding: .75rem 1rem; background: var(--sunken); border-radius: .4rem; white-space: pre-wrap; }
.who { margin: 1rem 0 0; color: var(--quiet); font-size: .85rem; }
.materials { width: 100%; border-collapse: collapse; font-size: .8rem; }
.materials th, .materials td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; font-weight: normal; }
.materials code { font-size: .75rem; overflow-wrap: anywhere; }
.references p { padding-left: 2rem; text-indent: -2rem; }
@media print {
  :root { color-scheme: light; }
  @page { margin: 2cm; }
  body { max-width: none; padding: 0; font-size: 10.5pt; } p { max-width: none; }
  .wide table { font-size: 8pt; }
  h2, h3, .number, .title { break-after: avoid; } tr, blockquote { break-inside: avoid; }
  nav, .links { display: none; } .wide { overflow: visible; break-inside: avoid; } .notice { border: 1pt solid; }
  a { color: inherit; }
}`;

/**
 * The page. `made`: when, as ISO 8601. No script is in it or would run: everything that comes from a run is escaped, and the
 * page's own policy forbids anything but its style and what lies within.
 */
export function reportHtml(
  runs: Told[],
  { title, made, version }: { title?: string; made: string; version: string },
): string {
  const heading = title ?? (runs.length === 1 ? (runs[0]?.told.heading ?? '') : 'Report of a study');
  const counts = { table: 0, figure: 0 };
  const demo = runs.some(({ files }) => usesDemo(files));
  const sections = runs.map((told, index) => runSection(told, index, runs.length, counts));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Temperament ${esc(version)}">
<title>${esc(heading)}</title>
<style>${STYLE}
</style>
</head>
<body>
<header>
<h1>${esc(heading)}</h1>
<p class="meta">Made with Temperament ${esc(version)} on ${esc(made.slice(0, 10))} from ${runs.length === 1 ? 'one run' : `${runs.length} runs`} of the experiment log.</p>
${demo ? `<p class="notice" role="note">${esc(DEMONSTRATION)}</p>` : ''}
${contents(runs)}
</header>
<main>
${sections.join('\n')}
${materials(runs)}
${references(runs)}
</main>
</body>
</html>
`;
}

const numbered = (index: number, count: number) => (count > 1 ? `${index + 1}. ` : '');

function contents(runs: Told[]): string {
  if (runs.length < 2) return '';
  const entries = runs.map(
    ({ told }, index) => `<li><a href="#run-${index + 1}">${esc(told.heading)}</a></li>`,
  );
  return `<nav aria-label="Contents"><ol>${entries.join('')}</ol></nav>`;
}

function runSection(
  { run, files, told }: Told,
  index: number,
  count: number,
  counts: { table: number; figure: number },
): string {
  const methods = methodsOf(run, files, told).map(paragraph => `<p>${toHtml(paragraph)}</p>`);
  const notes = resultNotes(run, told);
  const tables = told.tables.map(table => tableHtml(table, ++counts.table));
  const figures = told.plots.map(plot => figure(plot, ++counts.figure));
  const passages = (told.passages ?? []).map(
    ({ who, text }) => `<p class="who">${esc(who)}</p><blockquote>${esc(text)}</blockquote>`,
  );
  const results = [
    ...told.sentences.map(sentence => `<p>${toHtml(sentence)}</p>`),
    ...notes.map(note => `<p>${esc(note)}</p>`),
    ...passages,
    ...tables,
    ...figures,
  ];
  return `<section id="run-${index + 1}">
<h2>${numbered(index, count)}${esc(told.heading)}</h2>
<h3>Method</h3>
${methods.join('\n')}
<h3>Results</h3>
${results.join('\n')}
${dataLinks(run, told)}
</section>`;
}

/** What a result itself says that its reader must know, unless the presentation has said it. */
function resultNotes(run: Run, { sentences }: Presentation): string[] {
  const { notes } = run.result as { notes?: unknown };
  if (!Array.isArray(notes)) return [];
  const said = new Set(sentences.flat());
  return notes.map(String).filter(note => !said.has(note));
}

function figure(plot: Plot, number: number): string {
  return `<figure>
<p class="number"><b>Figure ${number}</b></p>
<p class="title"><i>${esc(plot.title)}</i></p>
${drawSvg(plot)}
<p class="note"><i>Note.</i> ${esc(plot.note)}</p>
</figure>`;
}

/** The data lie in the page itself, as addresses that a browser saves as files. */
function dataLinks(run: Run, { data, plots }: Presentation): string {
  const short = run.id.slice(0, 8);
  const link = (name: string, type: string, text: string) =>
    `<a download="${esc(name)}" href="data:${type};charset=utf-8;base64,${Buffer.from(text).toString('base64')}">${esc(name)}</a>`;
  const links = [
    ...data.map(table => link(`${short}-${table.name}.csv`, 'text/csv', toCsv(table))),
    ...plots.map(plot => link(`${short}-${plot.name}.svg`, 'image/svg+xml', drawSvg(plot))),
  ];
  return links.length > 0 ? `<p class="links">Data and plots: ${links.join(', ')}</p>` : '';
}

function materials(runs: Told[]): string {
  const files = new Map(runs.flatMap(({ files }) => files.map(file => [`${file.hash} ${file.name}`, file])));
  if (files.size === 0) return '';
  const rows = [...files.values()].map(
    file =>
      `<tr><td>${esc(file.name)}</td><td>${esc(whatIs(file))}</td><td><code>${esc(file.hash)}</code></td></tr>`,
  );
  return `<section>
<h2>Materials</h2>
<p class="meta">SHA-256 of the weights of models and vectors, and of the bytes of other files.</p>
<table class="materials"><thead><tr><th scope="col">File</th><th scope="col">What</th><th scope="col">SHA-256</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>
</section>`;
}

function whatIs(file: RunFile): string {
  switch (file.role) {
    case 'model':
      return `model, ${file.label}`;
    case 'vector':
      return `personality vector ${file.vector}`;
    case 'inventory':
      return `inventory ${file.id}`;
    case 'lexicon':
      return `lexicon “${file.title}”`;
    case 'texts':
      return 'texts that were read';
    case 'other':
      return 'no longer here, or changed since';
    default:
      return file satisfies never;
  }
}

function references(runs: Told[]): string {
  const works = new Set<Work>(runs.flatMap(({ told }) => told.works));
  const recipes = runs.flatMap(({ run }) => recipesIn(run.input));
  if (recipes.some(({ weights }) => Object.values(weights).some(Boolean))) works.add('sun');
  if (runs.some(({ run }) => run.kind === 'sweep' || run.kind === 'profiles')) works.add('sun');
  const full: string[] = [...works].map(work => WORKS[work].full);
  for (const { files } of runs)
    for (const file of files)
      if (file.role === 'inventory' && file.reference) full.push(file.reference.replaceAll('*', '∗'));
  const methods = [...new Set(recipes.map(({ method }) => method))].map(
    method => `${METHODS[method].label}: ${METHODS[method].source}`,
  );
  const entries = [...new Set(full)].sort((a, b) => a.localeCompare(b, 'en'));
  if (entries.length === 0 && methods.length === 0) return '';
  return `<section class="references">
<h2>References</h2>
${entries.map(entry => `<p>${toHtml(starred(/(\.|\/\S+)$/.test(entry) ? entry : `${entry}.`))}</p>`).join('\n')}
${methods.length > 0 ? `<h3>Merge ${methods.length === 1 ? 'method' : 'methods'}</h3>${methods.map(method => `<p>${esc(capital(method))}</p>`).join('\n')}` : ''}
</section>`;
}

/** Every recipe that a value holds, wherever it stands. */
export function recipesIn(value: unknown): Recipe[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(recipesIn);
  if ('base' in value && 'weights' in value && 'method' in value) return [value as Recipe];
  return Object.values(value).flatMap(recipesIn);
}
