/** Pictures in the terminal: files that are given to a model on a server, and the experiment with a set of them. */
import { openAsBlob } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RouterClient } from '@orpc/server';
import type { Command } from 'commander';
import { type EndpointOptions, endpointBase, endpointOptions, served } from './cli-endpoints.ts';
import { findPersona } from './cli-personas.ts';
import { alphasArgument, by, number, type RecipeOptions, recipeOptions } from './cli-recipe.ts';
import { decimals, intervalText, table } from './cli-text.ts';
import * as schema from './studio/contract.ts';
import { type Picture, TRAITS } from './studio/contract.ts';
import { StudioError } from './studio/errors.ts';
import type { Studio } from './studio/studio.ts';

type Client = RouterClient<Studio['router']>;
type Options = RecipeOptions & EndpointOptions & { system?: string };

/** What cli.ts lends: see there. */
interface Terminal {
  command(name: string, description: string): Command;
  perform<T>(work: (client: Client) => Promise<T>, show: (result: T) => string): Promise<void>;
  follow<R>(client: Client, starting: Promise<{ run: string }>): Promise<R & { run: string }>;
  personaFor(client: Client, options: Options): Promise<{ recipe: schema.Recipe; system: string }>;
  warn(client: Client, recipe: schema.Recipe, live: boolean): Promise<unknown>;
  system(command: Command): Command;
}

/** Rows of a table: the figures that differ most clearly. */
const MOST_ROWS = 12;

export function picturesCommand({ command, perform, follow, personaFor, warn, system }: Terminal): void {
  const { shape } = schema.picturesInput;
  const sampled = schema.sampling.shape;
  endpointOptions(
    system(
      recipeOptions(
        command('pictures', 'have several personas describe the same pictures, and compare their words'),
      ),
    ),
  )
    .requiredOption('--image <path...>', 'pictures (PNG, JPEG, WebP), or folders of them')
    .option('--trait <name>', `whose α differs between the personas: ${TRAITS.join(' | ')}`, by(schema.trait))
    .option('--alphas <range>', 'FROM:TO:STEP, or a list (default with --trait: -1,0,1)', alphasArgument)
    .option('--persona <name...>', 'kept personas, with the base to compare them with')
    .option('--prompt <text>', 'what to ask of each picture', by(shape.prompt), 'Describe this picture.')
    .option('--repeats <number>', 'descriptions of each picture', by(shape.repeats, number), 1)
    .option(
      '--dictionary <name>',
      'in place of the studio’s lexicon; en or de: that one of the studio’s, which are else chosen by the texts',
    )
    .option('--seed <number>', 'of the first description', by(sampled.seed, number))
    .option(
      '--temperature <number>',
      '0 takes the likeliest token each time',
      by(sampled.temperature, number),
    )
    .option('--max-tokens <number>', 'longest description', by(sampled.maxTokens, number))
    .action(
      ({
        image,
        trait,
        alphas,
        persona: names,
        prompt,
        repeats,
        dictionary,
        seed,
        temperature,
        maxTokens,
        ...options
      }) =>
        perform(async client => {
          if (alphas !== undefined && trait === undefined)
            throw new StudioError('bad_input', '“--alphas” goes with “--trait”.', {
              field: 'alphas',
              action: 'Name the trait too.',
            });
          const given = await personaFor(client, options);
          const sampling = { seed, temperature, maxTokens };
          const [persona, ...others] = await subjects(client, given, { trait, alphas, names, options });
          if (!persona) throw new RangeError('nobody describes');
          for (const one of others) await warn(client, one.recipe, true);
          const sets = <P extends object>(one: P) => ({ ...one, sampling });
          const pictures = await addPictures(client, image);
          return follow<schema.PicturesResult>(
            client,
            client.experiments.pictures({
              ...{ persona: sets(persona), compared: others.map(sets) },
              ...{ pictures, prompt, repeats, trait, dictionary },
            }),
          );
        }, picturesText),
    );
}

type Subject = { name: string; recipe: schema.Recipe; system?: string; rolePlay?: schema.RolePlay };

/** Who describes; first the one that the others are compared with. */
async function subjects(
  client: Client,
  given: { recipe: schema.Recipe; system: string },
  asked: { trait?: schema.Trait; alphas?: number[]; names?: string[]; options: Options },
): Promise<Subject[]> {
  const { trait, names } = asked;
  const { recipe } = given;
  const base: Subject = { ...given, name: 'Base', recipe: { ...recipe, weights: {} } };
  if (trait) {
    const alphas = [...new Set(asked.alphas ?? [-1, 0, 1])].sort((a, b) => Number(b === 0) - Number(a === 0));
    return alphas.map(alpha => ({
      ...given,
      name: `${trait} ${String(alpha).replace('-', '−')}`,
      recipe: { ...recipe, weights: { ...recipe.weights, [trait]: alpha } },
    }));
  }
  if (names) {
    const server = await endpointBase(client, asked.options);
    const kept: Subject[] = [];
    for (const name of names) {
      const { persona } = await findPersona(client, name);
      kept.push(server ? served(persona, server) : persona);
    }
    return [base, ...kept];
  }
  return Object.values(recipe.weights).some(Boolean) ? [base, { ...given, name: 'Mix' }] : [base];
}

export function picturesText({ personas, slopes, trait, notes }: schema.PicturesResult): string {
  const clear = <R extends { p: number | null }>(rows: R[]) =>
    rows
      .filter(({ p }) => p !== null)
      .sort((a, b) => (a.p ?? 1) - (b.p ?? 1))
      .slice(0, MOST_ROWS);
  const keys = Object.keys(personas[0]?.categories ?? {});
  const of = (key: string) => personas.map(({ categories }) => categories[key] ?? 0);
  const range = (key: string) => Math.max(...of(key)) - Math.min(...of(key));
  const shown = keys
    .filter(key => Math.max(...of(key)) > 0)
    .sort((a, b) => range(b) - range(a))
    .slice(0, MOST_ROWS);
  const parts = [
    table([
      ['% of words', ...personas.map(({ name }) => name)],
      ['words', ...personas.map(({ words }) => String(words))],
      ...shown.map(key => [key, ...of(key).map(share => decimals(share))]),
    ]),
  ];
  if (slopes)
    parts.push(
      table([
        [`for one α of ${trait}`, 'change', 'p', 'p adjusted'],
        ...clear(slopes).map(row => [
          row.feature,
          intervalText(row.slope, row.ci95),
          decimals(row.p, 4),
          decimals(row.pAdjusted, 4),
        ]),
      ]),
    );
  for (const { name, differences } of personas.slice(1))
    if (differences && !slopes)
      parts.push(
        table([
          [`${name} − ${personas[0]?.name}`, 'difference', 'effect', 'p adjusted'],
          ...clear(differences.rows).map(row => [
            row.feature,
            intervalText(row.difference, row.ci95),
            decimals(row.effect),
            decimals(row.q, 4),
          ]),
        ]),
      );
  const first = personas.map(({ name, descriptions }) => {
    const [one] = descriptions;
    return `${name}, ${one?.name}: ${one?.text}`;
  });
  return [...parts, first.join('\n'), notes.join('\n')].filter(Boolean).join('\n\n');
}

/** Keeps pictures: files, or all of a folder by name. */
export async function addPictures(client: Client, paths: string[] = []): Promise<Picture[]> {
  const added: Picture[] = [];
  for (const path of await filesOf(paths))
    added.push(await client.pictures.add({ name: basename(path), file: await fileAt(path) }));
  return added;
}

async function filesOf(paths: string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const about = await stat(path).catch(() => null);
    if (!about?.isDirectory()) files.push(path);
    else
      for (const name of (await readdir(path)).sort())
        if (/\.(png|jpe?g|webp)$/i.test(name)) files.push(join(path, name));
  }
  return files;
}

async function fileAt(path: string): Promise<File> {
  try {
    const blob = await openAsBlob(path);
    return new File([new Uint8Array(await blob.arrayBuffer())], basename(path));
  } catch (cause) {
    throw new StudioError('bad_input', `The picture ${path} cannot be read.`, {
      file: path,
      field: 'image',
      action: 'Check the path.',
      cause,
    });
  }
}
