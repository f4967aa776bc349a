/** The terminal's commands for mergekit's configurations. */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { RouterClient } from '@orpc/server';
import { type Command, InvalidArgumentError } from 'commander';
import { by, type RecipeOptions, recipeOf, recipeOptions } from './cli-recipe.ts';
import { write } from './cli-report.ts';
import * as schema from './studio/contract.ts';
import { StudioError, toStudioError } from './studio/errors.ts';
import type { Studio } from './studio/studio.ts';

type Client = RouterClient<Studio['router']>;

/** What cli.ts lends: see there. */
interface Terminal {
  command(name: string, description: string, parent?: Command): Command;
  perform<T>(work: (client: Client) => Promise<T>, show: (result: T) => string): Promise<void>;
}

interface Out {
  out?: string;
  overwrite: boolean;
}

/** `a=b,c=d`; names may hold an equals sign before the last. */
function named(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').map(part => {
      const at = part.lastIndexOf('=');
      if (at < 1) throw new InvalidArgumentError(`“${part}” is not of the form name=value.`);
      return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    }),
  );
}

/** Larger is no configuration, and need not be read. */
const MOST_BYTES = 2 ** 20;

function textOf(file: string): string {
  if (statSync(file).size > MOST_BYTES)
    throw new StudioError('bad_input', `${file} is too long for a mergekit configuration.`, { file });
  return readFileSync(file, 'utf8');
}

/** Writes the text where asked, and gives the file's path; null where it is only to be shown. */
function written(text: string, { out, overwrite }: Out): string | null {
  if (out === undefined) return null;
  const file = resolve(out);
  write([{ path: file, content: text }], overwrite);
  return file;
}

export function mergekitCommands({ command, perform }: Terminal): void {
  const group = command('mergekit', 'recipes from and for mergekit, which merges checkpoints');

  command('import', 'read a mergekit configuration as a recipe', group)
    .argument('<file>', 'mergekit’s YAML')
    .option('--model <name>', 'model of the library that is its base (default: the one of that name)')
    .option(
      '--vectors <names>',
      'which vector stands for which of its models (default: trait and pole in their names): out/tuned=openness-high',
      by(schema.mergekitImport.shape.vectors, named),
    )
    .option('--out <file>', 'write the recipe there, for “--recipe” of the other commands')
    .option('--overwrite', 'replace the file if it exists', false)
    .action(
      (file: string, { model, vectors, ...out }: Out & { model?: string; vectors?: Record<string, never> }) =>
        perform(
          async client => {
            const yaml = textOf(file);
            const read = await client.mixing.fromMergekit({ yaml, base: model, vectors }).catch(cause => {
              const { data } = toStudioError(cause);
              throw new StudioError(data.code, `${file}: ${data.message}`, { ...data, cause });
            });
            return { ...read, file: written(`${JSON.stringify(read.recipe, null, 2)}\n`, out) };
          },
          ({ recipe, notes, file: to }) =>
            [to ?? JSON.stringify(recipe, null, 2), ...notes.map(note => `Note: ${note}`)].join('\n'),
        ),
    );

  recipeOptions(command('export', 'write a recipe as a mergekit configuration', group))
    .option('--base-model <checkpoint>', 'the base as mergekit finds it')
    .option(
      '--models <checkpoints>',
      'the fine-tuned model of each vector: openness-high=out/tuned,…',
      by(schema.mergekitExport.shape.models, named),
    )
    .option('--out <file>', 'where to write (default: the screen)')
    .option('--overwrite', 'replace the file if it exists', false)
    .action(
      ({
        baseModel,
        models,
        out,
        overwrite,
        ...options
      }: RecipeOptions & Out & Omit<schema.MergekitExport, 'recipe'>) =>
        perform(
          async client => {
            const { recipe } = await recipeOf(options, file => client.mixing.recipe({ file }));
            const made = await client.mixing.toMergekit({ recipe, baseModel, models });
            return { ...made, file: written(made.yaml, { out, overwrite }) };
          },
          ({ yaml, notes, file }) =>
            file ? [file, ...notes.map(note => `Note: ${note}`)].join('\n') : yaml.trimEnd(),
        ),
    );
}
