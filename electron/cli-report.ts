/** The terminal's commands for what leaves the studio and comes back: exports, tables, reports, study bundles. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { RouterClient } from '@orpc/server';
import { type Command, InvalidArgumentError } from 'commander';
import { by, number } from './cli-recipe.ts';
import * as schema from './studio/contract.ts';
import { StudioError } from './studio/errors.ts';
import type { Studio } from './studio/studio.ts';

type Client = RouterClient<Studio['router']>;

/** What cli.ts lends: see there. */
interface Terminal {
  command(name: string, description: string, parent?: Command): Command;
  perform<T>(work: (client: Client) => Promise<T>, show: (result: T) => string): Promise<void>;
  follow<R>(client: Client, starting: Promise<{ run: string }>): Promise<R & { run: string }>;
  table(rows: string[][]): string;
}

const RUNS = 'ids of runs from “log”, or their beginnings; “latest” is the newest that is done';

/** `csv,json` */
function formats(text: string): schema.ExportFormat[] {
  const names = text.split(',').map(name => name.trim());
  const parsed = schema.exportInput.shape.formats.safeParse(names);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`Expected some of ${schema.EXPORT_FORMATS.join(', ')}, with commas.`);
}

/** Writes files, none when one of them exists already and may not be replaced. Returns their paths. */
export function write(files: { path: string; content: string | Uint8Array }[], overwrite: boolean): string[] {
  for (const { path, content } of files) {
    mkdirSync(dirname(path), { recursive: true });
    try {
      writeFileSync(path, content, { flag: overwrite ? 'w' : 'wx' });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      throw new StudioError('bad_input', `The file ${path} exists already.`, {
        file: path,
        field: 'out',
        action: 'Name another place with --out, or allow --overwrite.',
        cause,
      });
    }
  }
  return files.map(({ path }) => path);
}

interface Out {
  out: string;
  overwrite: boolean;
  title?: string;
}

export function reportingCommands({ command, perform, follow, table }: Terminal): void {
  command(
    'export',
    'write runs as files: data (CSV, JSON), tables in APA style (HTML, LaTeX, text), plots (SVG, PNG)',
  )
    .argument('<run...>', RUNS)
    .requiredOption('--out <folder>', 'where to write; a folder for each run where there are several')
    .option('--format <names>', `some of ${schema.EXPORT_FORMATS.join(',')} (default: all)`, formats)
    .option('--overwrite', 'replace files that exist', false)
    .action((runs: string[], { out, format, overwrite }: Out & { format?: schema.ExportFormat[] }) =>
      perform(
        async client => {
          const { files } = await client.reporting.export({ runs, formats: format });
          return {
            files: write(
              files.map(({ name, text, encoding }) => ({
                path: resolve(join(out, name)),
                content: Buffer.from(text, encoding),
              })),
              overwrite,
            ),
          };
        },
        ({ files }) => files.join('\n'),
      ),
    );

  command('tables', 'show the tables and sentences of runs in APA style (7th edition)')
    .argument('<run...>', RUNS)
    .option('--format <name>', 'text | html | latex', by(schema.tableFormat), 'text')
    .action((runs: string[], { format }: { format: 'text' | 'html' | 'latex' }) =>
      perform(
        client => client.reporting.export({ runs, formats: [format] }),
        ({ files }) => files.map(({ text }) => text).join('\n'),
      ),
    );

  command('report', 'write a report of runs as one page of HTML, with methods, tables, plots and references')
    .argument('<run...>', RUNS)
    .requiredOption('--out <file>', 'where to write')
    .option('--title <text>', 'its heading')
    .option('--overwrite', 'replace the file if it exists', false)
    .action((runs: string[], { out, title, overwrite }: Out) =>
      perform(
        async client => {
          const { html } = await client.reporting.report({ runs, title });
          const [path] = write([{ path: resolve(out), content: html }], overwrite);
          return { path, bytes: Buffer.byteLength(html) };
        },
        ({ path }) => String(path),
      ),
    );

  const tolerance = (made: Command) =>
    made.option(
      '--tolerance <number>',
      `largest difference of a number that counts as none, relative above 1 (default: ${schema.RERUN_TOLERANCE})`,
      by(schema.rerunInput.shape.tolerance, number),
    );
  const again = async (client: Client, runs: string[], given: number | undefined) => {
    const result = await follow<schema.RerunResult>(
      client,
      client.reporting.rerun({ runs, tolerance: given }),
    );
    if (!result.reproduced) process.exitCode = 1;
    return result;
  };

  tolerance(command('rerun', 'do runs again and compare every value; exit code 1 when something differs'))
    .argument('<run...>', RUNS)
    .action((runs: string[], options: { tolerance?: number }) =>
      perform(client => again(client, runs, options.tolerance), rerunText),
    );

  const bundle = command('bundle', 'studies as one file: plans, recipes, log, results, report');
  command('export', 'write runs as a study bundle (ZIP)', bundle)
    .argument('<run...>', RUNS)
    .requiredOption('--out <file>', 'where to write')
    .option('--title <text>', 'name of the study')
    .option('--overwrite', 'replace the file if it exists', false)
    .action((runs: string[], { out, title, overwrite }: Out) =>
      perform(
        async client => {
          const { file, digest } = await client.reporting.bundle({ runs, title });
          const content = new Uint8Array(await file.arrayBuffer());
          const [path] = write([{ path: resolve(out), content }], overwrite);
          return { path, bytes: content.length, digest };
        },
        ({ path, digest }) => `${path}\nSHA-256 of its manifest, to publish beside it: ${digest}`,
      ),
    );
  command('import', 'put the runs of a study bundle into the log, marked as imported', bundle)
    .argument('<file>', 'the bundle')
    .option('--digest <sha256>', 'the SHA-256 of the manifest that it must have', by(schema.digest))
    .action((file: string, { digest }: { digest?: string }) =>
      perform(client => client.reporting.import({ file, digest }), importText),
    );
  tolerance(
    command('rerun', 'import a study bundle, do its runs again here, and compare every value', bundle),
  )
    .argument('<file>', 'the bundle')
    .option('--digest <sha256>', 'the SHA-256 of the manifest that it must have', by(schema.digest))
    .action((file: string, options: { tolerance?: number; digest?: string }) =>
      perform(async client => {
        const { runs } = await client.reporting.import({ file, digest: options.digest });
        return again(
          client,
          runs.filter(({ kind }) => kind !== 'rerun').map(({ id }) => id),
          options.tolerance,
        );
      }, rerunText),
    );

  const AS = { new: 'imported', known: 'was here already', renamed: 'imported under a new id' };
  function importText({ title, digest, runs }: schema.ImportResult): string {
    return [
      title,
      table(runs.map(run => [run.id.slice(0, 8), run.kind, AS[run.as], run.title])),
      `SHA-256 of the manifest: ${digest}`,
    ].join('\n');
  }

  function rerunText({ runs, tolerance: limit, reproduced }: schema.RerunResult): string {
    const count = (value: number | null) => (value === null ? '–' : value.toPrecision(2));
    const parts = [
      table([
        ['run', 'now', 'kind', 'values', 'the same', 'beyond', 'largest difference', ''],
        ...runs.map(({ run, now, kind, values, equal, beyond, largest, title }) => [
          ...[run.slice(0, 8), now.slice(0, 8), kind, `${values}`, `${equal}`, `${beyond}`],
          ...[count(largest), title],
        ]),
      ]),
    ];
    for (const { run, differences, beyond, conditions } of runs) {
      for (const { name, before, now } of conditions)
        parts.push(`${run.slice(0, 8)}: ${name} was ${before}, and is ${now}.`);
      if (differences.length > 0)
        parts.push(
          table([
            [run.slice(0, 8), 'before', 'now', 'difference'],
            ...differences
              .slice(0, SHOWN)
              .map(({ at, before, now, difference }) => [
                ...[at, String(before), String(now), count(difference)],
              ]),
          ]),
        );
      if (beyond > SHOWN) parts.push(`… and ${beyond - SHOWN} more; --json lists the first 100.`);
    }
    parts.push(
      reproduced
        ? `Reproduced: no value differs by more than ${limit}.`
        : `Not reproduced: some values differ by more than ${limit}.`,
    );
    return parts.join('\n');
  }
}

/** Differences shown of one run. */
const SHOWN = 12;
