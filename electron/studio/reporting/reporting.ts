/** What leaves the studio: data, tables, plots, reports, study bundles; and bundles that come in. */
import { randomUUID } from 'node:crypto';
import { basename, resolve } from 'node:path';
import type { z } from 'zod';
import { writeArchive } from '../archive.ts';
import type { Inventories } from '../assessment/inventories.ts';
import type { About, Run } from '../contract.ts';
import { StudioError } from '../errors.ts';
import type { Library } from '../library/library.ts';
import type { Log } from '../log/log.ts';
import type { Pictures } from '../pictures/pictures.ts';
import { toHtml, toLatex, toPlain } from './apa.ts';
import { readBundle, writeBundle } from './bundle.ts';
import { toCsv, toObjects } from './csv.ts';
import { filesOf, Shelf } from './files.ts';
import { drawSvg } from './plots.ts';
import { toPng } from './png.ts';
import { present } from './presenters.ts';
import type { Done } from './presenting.ts';
import { reportHtml, type Told } from './report.ts';
import type {
  ExportedFile,
  exportInput,
  ImportResult,
  importInput,
  Presented,
  reportInput,
} from './schemas.ts';
import { tableHtml, tableLatex, tableText } from './tables.ts';

type Formats = z.output<typeof exportInput>['formats'];

export class Reporting {
  readonly #log: Log;
  readonly #library: Library;
  readonly #inventories: Inventories;
  readonly #fonts: string;
  readonly #version: string;
  readonly #shown: Pictures;

  /**
   * @param fonts folder of the studio's fonts
   * @param pictures those that models were shown
   */
  constructor(
    log: Log,
    library: Library,
    inventories: Inventories,
    fonts: string,
    version: string,
    pictures: Pictures,
  ) {
    this.#log = log;
    this.#library = library;
    this.#inventories = inventories;
    this.#fonts = fonts;
    this.#version = version;
    this.#shown = pictures;
  }

  /** What can be found here by its hash. */
  shelf(): Promise<Shelf> {
    return Shelf.of(this.#library, this.#inventories);
  }

  async about(id: string): Promise<About> {
    const run = this.#log.find(id);
    return { run, files: filesOf(run, await this.shelf()) };
  }

  /** The runs of these ids, each once; they have ended well. */
  runs(ids: string[]): Done[] {
    const found = new Map<string, Run>();
    for (const id of ids) {
      const run = this.#log.find(id);
      if (run.state !== 'done' || !run.result)
        throw new StudioError('bad_input', `The run ${run.id} has no result: it is ${run.state}.`, {
          field: 'runs',
          action: 'Name runs that are done; the list of runs says which.',
        });
      found.set(run.id, run);
    }
    return [...found.values()] as Done[];
  }

  async #told(ids: string[]): Promise<Told[]> {
    const shelf = await this.shelf();
    return this.runs(ids).map(run => {
      const files = filesOf(run, shelf);
      const told = present(run, files);
      return { run, files, told: { ...told, data: told.data.map(table => ofRun(run, table)) } };
    });
  }

  async export({ runs, formats }: z.output<typeof exportInput>): Promise<{ files: ExportedFile[] }> {
    const told = await this.#told(runs);
    const one = told.length === 1;
    const files: ExportedFile[] = [];
    for (const each of told) {
      const folder = one ? '' : `${each.run.kind}-${each.run.id.slice(0, 8)}/`;
      const own = [...filesIn(each, formats), ...(await this.#pictures(each, formats))];
      files.push(...own.map(file => ({ encoding: 'utf8' as const, ...file, name: `${folder}${file.name}` })));
    }
    return { files };
  }

  async #pictures({ told }: Told, formats: Formats): Promise<ExportedFile[]> {
    const files: ExportedFile[] = [];
    for (const plot of formats.includes('png') ? told.plots : []) {
      const png = await toPng(drawSvg(plot), this.#fonts);
      const text = Buffer.from(png).toString('base64');
      files.push({ name: `${plot.name}.png`, text, encoding: 'base64' });
    }
    return files;
  }

  /** A run as a paper would tell it. */
  async present(id: string): Promise<Presented> {
    const [{ told }] = (await this.#told([id])) as [Told];
    return {
      heading: told.heading,
      sentences: told.sentences,
      analysis: told.analysis,
      tables: told.tables,
      plots: told.plots.map(plot => {
        const { name, title, note, figure } = plot;
        return { name, title, note, figure, svg: drawSvg(plot) };
      }),
    };
  }

  /** What `export` gives, in one ZIP file. */
  async archive(input: z.output<typeof exportInput>): Promise<File> {
    const { files } = await this.export(input);
    const contents = new Map(
      files.map(({ name, text, encoding }) => [
        name,
        encoding === 'utf8' ? text : Buffer.from(text, encoding),
      ]),
    );
    const bytes = await writeArchive(contents, new Date().toISOString());
    return new File([new Uint8Array(bytes)], 'results.zip', { type: 'application/zip' });
  }

  async report({ runs, title }: z.output<typeof reportInput>): Promise<{ html: string }> {
    return { html: reportHtml(await this.#told(runs), { title, ...this.#making() }) };
  }

  async bundle({ runs, title }: z.output<typeof reportInput>): Promise<{ file: File; digest: string }> {
    const told = await this.#told(runs);
    const making = this.#making();
    const name =
      title ?? (told.length === 1 ? (told[0]?.told.heading ?? '') : `Study of ${told.length} runs`);
    const report = reportHtml(told, { title, ...making });
    const { bytes, digest } = await writeBundle(told, { title: name, report, ...making }, picture =>
      this.#shown.has(picture.hash) ? this.#shown.get(picture).data : undefined,
    );
    return {
      file: new File([new Uint8Array(bytes)], `study-${digest.slice(0, 8)}.zip`, { type: 'application/zip' }),
      digest,
    };
  }

  #making() {
    return { made: new Date().toISOString(), version: this.#version };
  }

  /** Puts a bundle's runs into the log, all or none. */
  async import({ file, digest: wanted }: z.output<typeof importInput>): Promise<ImportResult> {
    const name = typeof file === 'string' ? resolve(file) : basename(file.name);
    const source = typeof file === 'string' ? name : Buffer.from(await file.arrayBuffer());
    const { digest, manifest, runs, pictures } = await readBundle(source, name);
    if (wanted && wanted !== digest)
      throw new StudioError(
        'mismatch',
        `The study bundle ${name} is not the one that is asked for: its manifest has the SHA-256 ${digest}.`,
        { file: name, field: 'digest', action: 'Get the file again from those who made it.' },
      );
    for (const picture of pictures)
      await this.#shown.add(picture.name, new File([new Uint8Array(picture.data)], picture.name));
    const at = new Date().toISOString();
    const results: ImportResult['runs'] = [];
    this.#log.together(() => {
      for (const { run, files } of runs) {
        const own = run.id;
        const known = this.#known(run, digest);
        const taken = this.#log.has(own);
        const id = known ?? (taken ? randomUUID() : own);
        if (!known) this.#log.add({ ...run, id, imported: { bundle: digest, at, id: own, files } });
        // Whoever brings a run that is in the bin wants to see it.
        else this.#log.restore([known]);
        const as = known ? ('known' as const) : taken ? ('renamed' as const) : ('new' as const);
        results.push({ id, own, kind: run.kind, title: run.title, as });
      }
    });
    return { title: manifest.title, digest, createdAt: manifest.createdAt, runs: results };
  }

  /** Id of the run here that this one is: it was made here, or has been imported from the same bundle. */
  #known(run: Run, digest: string): string | undefined {
    const before = this.#log.importedAs(digest, run.id);
    if (before) return before;
    if (!this.#log.has(run.id)) return undefined;
    const here = this.#log.get(run.id);
    // Results hold no paths but of files made, so a run's own export compares as equal.
    const same =
      here.startedAt === run.startedAt &&
      here.kind === run.kind &&
      JSON.stringify(withoutPaths(here.result)) === JSON.stringify(withoutPaths(run.result));
    return same ? run.id : undefined;
  }
}

const withoutPaths = (result: unknown) =>
  typeof result === 'object' && result !== null ? { ...result, path: undefined, vectors: undefined } : result;

/** A data table with the run's id in its first column, so that tables of several runs can be put together. */
function ofRun<T extends { columns: string[]; rows: unknown[][] }>({ id }: Run, table: T): T {
  return { ...table, columns: ['run', ...table.columns], rows: table.rows.map(row => [id, ...row]) };
}

function filesIn({ run, files, told }: Told, formats: Formats): { name: string; text: string }[] {
  const has = (format: Formats[number]) => formats.includes(format);
  const numbered = <T>(write: (table: (typeof told.tables)[number], number: number) => T) =>
    told.tables.map((table, index) => write(table, index + 1));
  const written: { name: string; text: string }[] = [];
  if (has('csv'))
    for (const table of told.data) written.push({ name: `${table.name}.csv`, text: toCsv(table) });
  if (has('json'))
    written.push({
      name: 'run.json',
      text: `${JSON.stringify({ run, files, tables: Object.fromEntries(told.data.map(table => [table.name, toObjects(table)])) }, null, 2)}\n`,
    });
  if (has('html') && told.tables.length > 0)
    written.push({
      name: 'tables.html',
      text: `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Tables</title></head><body>\n${told.sentences.map(sentence => `<p>${toHtml(sentence)}</p>`).join('\n')}\n${numbered(tableHtml).join('\n')}\n</body></html>\n`,
    });
  if (has('latex') && told.tables.length > 0)
    written.push({
      name: 'tables.tex',
      text: `${[...told.sentences.map(toLatex), ...numbered(tableLatex)].join('\n\n')}\n`,
    });
  if (has('text'))
    written.push({
      name: 'results.txt',
      text: `${[told.heading, ...told.sentences.map(toPlain), ...(told.passages ?? []).map(({ who, text }) => `${who}: ${text}`), ...numbered(tableText)].join('\n\n')}\n`,
    });
  if (has('svg'))
    for (const plot of told.plots)
      written.push(
        { name: `${plot.name}.svg`, text: `${drawSvg(plot)}\n` },
        { name: `${plot.data.name}.csv`, text: toCsv(plot.data) },
      );
  return written;
}
