/**
 * Study bundles: one ZIP with the plans, recipes, log extracts, results and report of some runs, and a manifest with the
 * SHA-256 of every file in it. What is read from one is held in memory, within limits, and never written under a name of its.
 */
import { z } from 'zod';
import {
  type Bad,
  checkFiles,
  described,
  describedFiles,
  digestOf,
  MANIFEST,
  parseJson,
  readArchive,
  writeArchive,
} from '../archive.ts';
import { type Run, run as runSchema } from '../contract.ts';
import { inWords, StudioError } from '../errors.ts';
import type { Picture } from '../pictures/contract.ts';
import { picturesIn } from '../pictures/pictures.ts';
import { toCsv } from './csv.ts';
import { withoutFolders } from './files.ts';
import { drawSvg } from './plots.ts';
import { recipesIn, type Told } from './report.ts';
import { type Imported, type RunFile, runFile } from './schemas.ts';

const FORMAT = 'temperament-study';
const VERSION = 1;
/** A bundle with more is no study: what it would take to read it is refused before and while it is read. */
const MOST_FILES = 20_000;
const MOST_BYTES = 512 * 1024 * 1024;

const manifest = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  title: z.string(),
  createdAt: z.iso.datetime(),
  /** Version of the program that wrote it. */
  temperament: z.string(),
  runs: z
    .array(
      z.object({
        id: z.string().regex(/^[\w-]{4,64}$/, 'expected letters, digits and hyphens'),
        kind: z.string(),
        title: z.string(),
        /** Folder of its files. */
        folder: z.string(),
      }),
    )
    .min(1),
  files: describedFiles,
});
type Manifest = z.infer<typeof manifest>;

const README = `A study made with Temperament, a studio for the personality of language models.

report.html     the whole study to read, in any browser, without network
runs/*/plan.json    what was asked for: enough to do the run again
runs/*/recipe-*.json  the mixes, with the hashes of the models and vectors they need
runs/*/run.json     from the experiment log: when, with which files (by SHA-256) and programs
runs/*/result.json  what came out, unrounded
runs/*/data/*.csv   the same as tables
runs/*/plots/*      plots as SVG, and what they show as CSV
pictures/*      pictures that models were shown, by SHA-256
manifest.json   SHA-256 of every other file

To check the study on another machine: temperament bundle rerun FILE
The models and vectors themselves are not in it. The texts of the inventory's items are, as part of the results.
`;

// ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** The files of a run in its bundle, by path within the run's folder. */
function filesOfRun({ run, files, told }: Told): Map<string, string> {
  const { input, result, hashes, imported, ...rest } = withoutFolders(run, Object.keys(run.hashes));
  const written = new Map<string, string>([
    ['plan.json', json({ kind: run.kind, input })],
    ['run.json', json({ ...rest, hashes: named(files), files, ...(imported && { imported }) })],
    ['result.json', json(result)],
  ]);
  for (const [index, recipe] of recipesIn(input).entries())
    written.set(`recipe-${index + 1}.json`, json(recipe));
  for (const table of told.data) written.set(`data/${table.name}.csv`, toCsv(table));
  for (const plot of told.plots) {
    written.set(`plots/${plot.name}.svg`, drawSvg(plot));
    written.set(`plots/${plot.name}.csv`, toCsv(plot.data));
  }
  return written;
}

/** Hashes by file name; the second file of the same name gets a number. */
function named(files: RunFile[]): Record<string, string> {
  const hashes: Record<string, string> = {};
  for (const { name, hash } of files) {
    let key = name;
    for (let count = 2; key in hashes; count++) key = `${name} (${count})`;
    hashes[key] = hash;
  }
  return hashes;
}

/** Folder of pictures, whose files are named by their hashes. */
const PICTURE = /^pictures\/([0-9a-f]{64})\.(?:png|jpeg|webp)$/;
const MOST_PICTURES = 10_000;

/**
 * A bundle's bytes, and the SHA-256 of its manifest.
 * @param pictureOf a picture's file; undefined where it is no longer kept, and the plan names its hash alone
 */
export async function writeBundle(
  runs: Told[],
  { title, made, version, report }: { title: string; made: string; version: string; report: string },
  pictureOf: (picture: Picture) => Buffer | undefined = () => undefined,
): Promise<{ bytes: Buffer; digest: string }> {
  const files = new Map<string, string | Buffer>([
    ['README.txt', README],
    ['report.html', report],
  ]);
  for (const picture of picturesIn(runs.map(({ run }) => run.input)).slice(0, MOST_PICTURES)) {
    const data = pictureOf(picture);
    if (data) files.set(`pictures/${picture.hash}.${picture.type.replace('image/', '')}`, data);
  }
  const entries = runs.map((told, index) => {
    const { id, kind } = told.run;
    const folder = `runs/${index + 1}-${kind}-${id.slice(0, 8)}`;
    for (const [path, text] of filesOfRun(told)) files.set(`${folder}/${path}`, text);
    const { title: of } = withoutFolders({ title: told.run.title }, Object.keys(told.run.hashes));
    return { id, kind, title: of, folder };
  });
  const about: Manifest = {
    format: FORMAT,
    version: VERSION,
    title,
    createdAt: made,
    temperament: version,
    runs: entries,
    files: described(files),
  };
  const head = json(about);
  return { bytes: await writeArchive(new Map([[MANIFEST, head], ...files]), made), digest: digestOf(head) };
}

// ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────

export interface Bundle {
  digest: string;
  manifest: Manifest;
  /** The runs as this log would hold them, without what says where they came from. */
  runs: { run: Run; files: RunFile[] }[];
  /** Files of pictures, each of which has the hash that it is named by. */
  pictures: { name: string; data: Buffer }[];
}

/** Reads a bundle of at most `limit` bytes, unpacked, and checks it against its manifest. `name`: what errors call the file. */
export async function readBundle(source: string | Buffer, name: string, limit = MOST_BYTES): Promise<Bundle> {
  const bad: Bad = (problem, action = 'Get the file again from those who made it.', cause) =>
    new StudioError('bad_file', `The study bundle ${name} ${problem}.`, { file: name, action, cause });
  const { contents, hashes } = await readArchive(source, {
    bad,
    what: 'study',
    expected: 'Name a file that “bundle export” has written.',
    mostFiles: MOST_FILES,
    mostBytes: limit,
    keep: path => path === MANIFEST || PICTURE.test(path) || /\/(plan|run|result)\.json$/.test(path),
  });
  const head = contents.get(MANIFEST);
  if (!head)
    throw bad(
      `has no ${MANIFEST}`,
      'Name a file that “bundle export” has written; not every ZIP file is a study.',
    );
  const about = checkManifest(head, bad);
  checkFiles(about.files, hashes, bad);
  const pictures = [...contents].flatMap(([path, data]) => {
    const hash = PICTURE.exec(path)?.[1];
    if (hash === undefined) return [];
    if (hashes.get(path) !== hash)
      throw bad(`has been changed: ${path} is not the picture that it is named as`);
    return [{ name: path, data }];
  });
  const runs = about.runs.map(entry => {
    const part = (file: string): unknown => {
      const path = `${entry.folder}/${file}`;
      const text = contents.get(path);
      if (!text) throw bad(`is not complete: ${path} is missing`);
      return parseJson(text, path, bad);
    };
    return readRun(entry, part('plan.json'), part('run.json'), part('result.json'), bad);
  });
  return { digest: digestOf(head), manifest: about, runs, pictures };
}

function checkManifest(head: Buffer, bad: Bad): Manifest {
  const given = parseJson(head, MANIFEST, bad);
  const what = z.object({ format: z.literal(FORMAT), version: z.int().min(1) }).safeParse(given);
  if (!what.success)
    throw bad('is not one: its manifest does not say so', 'Name a file that “bundle export” has written.');
  if (what.data.version > VERSION)
    throw bad(
      `was written by a newer Temperament (format ${what.data.version}; this one reads ${VERSION})`,
      'Update Temperament, and import it again.',
    );
  const parsed = manifest.safeParse(given);
  if (!parsed.success) throw bad(`has a manifest that is not valid: ${inWords(parsed.error.issues).message}`);
  return parsed.data;
}

function readRun(entry: Manifest['runs'][number], plan: unknown, log: unknown, result: unknown, bad: Bad) {
  const extract = z
    .looseObject({
      id: z.literal(entry.id),
      kind: z.literal(entry.kind),
      state: z.literal('done'),
      files: z.array(runFile),
    })
    .safeParse(log);
  if (!extract.success)
    throw bad(`has a run that is not valid, ${entry.id}: ${inWords(extract.error.issues).message}`);
  const {
    files,
    imported: _imported,
    ...rest
  } = extract.data as typeof extract.data & { imported?: Imported };
  const { input } = (plan ?? {}) as { input?: unknown };
  const parsed = runSchema.safeParse({ ...rest, input, result, imported: null });
  if (parsed.success && parsed.data.result) return { run: parsed.data, files };
  const issues = parsed.error?.issues ?? [];
  if (issues.some(({ path }) => path.join() === 'kind'))
    throw bad(
      `has a run of a kind that this Temperament does not know, “${entry.kind}”`,
      'Update Temperament, and import it again.',
    );
  throw bad(`has a run that is not valid, ${entry.id}: ${inWords(issues).message || 'it has no result'}`);
}
