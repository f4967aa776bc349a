/** The terminal's commands for the personas that are kept. */
import { resolve } from 'node:path';
import type { RouterClient } from '@orpc/server';
import { type Command, InvalidArgumentError } from 'commander';
import { by, number, type RecipeOptions, recipeOf, recipeOptions, refusal } from './cli-recipe.ts';
import { write } from './cli-report.ts';
import * as schema from './studio/contract.ts';
import { StudioError } from './studio/errors.ts';
import type { Studio } from './studio/studio.ts';

type Client = RouterClient<Studio['router']>;

/** What cli.ts lends: see there. */
interface Terminal {
  command(name: string, description: string, parent?: Command): Command;
  perform<T>(work: (client: Client) => Promise<T>, show: (result: T) => string): Promise<void>;
  table(rows: string[][]): string;
}

const NAME = 'its name, or its id or the beginning of it';

interface Save extends RecipeOptions, Partial<Omit<schema.Sampling, 'seed'>> {
  system?: string;
  notes?: string;
  tags?: string[];
  run?: string;
}

interface Export {
  format: schema.PersonaFormat;
  vectors: boolean;
  out?: string;
  overwrite: boolean;
}

export function personaCommands({ command, perform, table }: Terminal): void {
  const group = command('personas', 'personas that are kept: mix, system prompt, sampling, notes, versions');

  command('list', 'list them, the last changed first', group)
    .option('--deleted', 'those deleted in the last 30 days', false)
    .action(({ deleted }: { deleted: boolean }) =>
      perform(
        client => client.personas.list({ deleted }),
        found =>
          found.length > 0
            ? table([
                ['id', 'name', 'version', 'mix', 'measured', 'tags', ''],
                ...found.map(one => [
                  ...[one.id.slice(0, 8), one.name, `${one.version} of ${one.versions}`],
                  ...[
                    schema.weightsText(one.persona.recipe.weights),
                    profileText(one.profile),
                    one.tags.join(', '),
                  ],
                  one.missing.length > 0 ? `lacks ${one.missing.map(({ about }) => about).join(', ')}` : '',
                ]),
              ])
            : deleted
              ? 'None was deleted.'
              : 'None yet. Keep one with “personas save NAME --mix …”.',
      ),
    );

  command('show', 'show one with its versions', group)
    .argument('<persona>', NAME)
    .action((name: string) =>
      perform(
        async client => await client.personas.get({ id: (await findPersona(client, name)).id }),
        showText,
      ),
    );

  recipeOptions(
    command('save', 'keep a mix under a name; under a name that there is, as its new version', group),
  )
    .argument('<name>')
    .option('--system <text>', 'system prompt')
    .option('--notes <text>', 'notes')
    .option('--tags <list>', 'tags, with commas between them', tagList)
    .option('--run <run>', 'assessment with its scores (default: the newest of this very mix)')
    .option('--seed <number>', 'seed of its answers', by(schema.sampling.shape.seed, number))
    .option('--temperature <number>', 'of its answers', by(schema.sampling.shape.temperature, number))
    .option('--top-p <share>', 'of its answers', by(schema.sampling.shape.topP, number))
    .option(
      '--max-tokens <number>',
      'length limit of its answers',
      by(schema.sampling.shape.maxTokens, number),
    )
    .action((name: string, options: Save & { seed?: number }) => {
      const { system = '', notes, tags, run, seed, temperature, topP, maxTokens, ...own } = options;
      const sampling = schema.sampling.parse({ seed, temperature, topP, maxTokens });
      return perform(async client => {
        const { recipe } = await recipeOf(own, file => client.mixing.recipe({ file }));
        const named = (await client.personas.list({})).filter(one => same(one.name, name));
        if (named.length > 1) throw several(name, named.length);
        const persona = { name, recipe, system, sampling, rolePlay: named[0]?.persona.rolePlay };
        return await client.personas.save({ id: named[0]?.id, name, persona, notes, tags, run });
      }, showText);
    });

  command('rename', 'give one another name', group)
    .argument('<persona>', NAME)
    .argument('<name>', 'the new one')
    .action((old: string, name: string) =>
      perform(
        async client => {
          const { id } = await findPersona(client, old);
          await client.personas.edit({ id, name });
          return { id, name };
        },
        result => `Renamed: ${result.name}`,
      ),
    );

  command('use', 'have an earlier version used again', group)
    .argument('<persona>', NAME)
    .argument('<version>', 'its number', by(schema.personaVersion.shape.version, number))
    .action((name: string, version: number) =>
      perform(async client => {
        const { id } = await findPersona(client, name);
        await client.personas.activate({ id, version });
        return await client.personas.get({ id });
      }, showText),
    );

  command('duplicate', 'make a copy with all versions', group)
    .argument('<persona>', NAME)
    .action((name: string) =>
      perform(async client => {
        const { id } = await client.personas.duplicate({ id: (await findPersona(client, name)).id });
        return await client.personas.get({ id });
      }, showText),
    );

  command('delete', 'delete one; “restore” brings it back for 30 days', group)
    .argument('<persona>', NAME)
    .action((name: string) =>
      perform(
        async client => {
          const { id, name: full } = await findPersona(client, name);
          await client.personas.delete({ id });
          return { id, name: full };
        },
        one => `Deleted: ${one.name}. “personas restore ${one.id.slice(0, 8)}” brings it back.`,
      ),
    );

  command('restore', 'bring a deleted one back', group)
    .argument('<persona>', NAME)
    .action((name: string) =>
      perform(
        async client => {
          const { id, name: full } = await findPersona(client, name, true);
          await client.personas.restore({ id });
          return { id, name: full };
        },
        one => `Back again: ${one.name}`,
      ),
    );

  command('export', 'write one as a file to share', group)
    .argument('<persona>', NAME)
    .option(
      '--format <name>',
      'persona: everything, in one ZIP file; card: a character card (PNG, V2 and V3); json: the card alone; charx: the card as a ZIP file',
      by(schema.exportPersonaInput.shape.format),
      'persona',
    )
    .option('--vectors', 'put the low-rank vectors of the mix into the persona file', false)
    .option('--out <file>', 'where to (default: a name made from the persona’s)')
    .option('--overwrite', 'replace the file', false)
    .action((name: string, { format, vectors, out, overwrite }: Export) =>
      perform(
        async client => {
          const { id } = await findPersona(client, name);
          const { file: made } = await client.personas.export({ id, format, vectors });
          const file = resolve(out ?? made.name);
          const content = new Uint8Array(await made.arrayBuffer());
          write([{ path: file, content: content }], overwrite);
          return { file, bytes: content.length };
        },
        ({ file, bytes }) => `Written: ${file}, ${bytes} bytes`,
      ),
    );

  command('import', 'add the persona of a persona file or of a character card (PNG, JSON, CHARX)', group)
    .argument('<file>')
    .option('--model <name>', 'model of a character that brings no mix (default: the demo, or the first one)')
    .action((file: string, { model }: { model?: string }) =>
      perform(
        client => client.personas.import({ file, base: model }),
        ({ persona, notes }) => [showText(persona), ...notes].join('\n\n'),
      ),
    );

  function showText(one: schema.KeptPersonaWhole): string {
    const { recipe, system, rolePlay, sampling } = one.persona;
    const parts = [
      `${one.name} (${one.id.slice(0, 8)})`,
      table([
        ['mix', `${recipe.base}: ${schema.weightsText(recipe.weights)}, ${recipe.method}`],
        ['sampling', `temperature ${sampling.temperature}, top-p ${sampling.topP}, seed ${sampling.seed}`],
        ['measured', one.profile ? `${profileText(one.profile)} (${one.profile.inventory})` : 'not yet'],
        ['tags', one.tags.join(', ') || 'none'],
        ...one.history.map(version => [
          `version ${version.version}${version.version === one.version ? ', in use' : ''}`,
          `${version.madeAt}  ${schema.weightsText(version.persona.recipe.weights)}`,
        ]),
      ]),
    ];
    if (system) parts.push(`System prompt:\n${system}`);
    if (rolePlay?.character) parts.push(`Character:\n${rolePlay.character}`);
    if (rolePlay?.scenario) parts.push(`Scenario:\n${rolePlay.scenario}`);
    if (rolePlay?.firstMessage) parts.push(`First message:\n${rolePlay.firstMessage}`);
    if (one.notes) parts.push(`Notes:\n${one.notes}`);
    return [...parts, ...one.missing.map(missingText)].join('\n\n');
  }
}

const missingText = ({ role, about, name, hash }: schema.PersonaNeed) =>
  `Missing: the ${role} ${about} (${name}), whose weights have the hash ${hash}.`;

const profileText = (profile: schema.PersonaProfile | null) =>
  schema.TRAITS.flatMap(trait => {
    const score = profile?.scores[trait];
    return score === undefined ? [] : [`${trait.charAt(0).toUpperCase()} ${score.toFixed(2)}`];
  }).join(' ');

function tagList(text: string): string[] {
  const tags = text
    .split(',')
    .map(tag => tag.trim())
    .filter(Boolean);
  const { success, error } = schema.editPersonaInput.shape.tags.safeParse(tags);
  if (success) return tags;
  throw new InvalidArgumentError(refusal(error));
}

const same = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();

/** The persona of that name, or whose id begins so. */
export async function findPersona(
  client: Client,
  name: string,
  deleted = false,
): Promise<schema.KeptPersona> {
  const all = await client.personas.list({ deleted });
  const named = all.filter(one => same(one.name, name));
  const found = named.length > 0 ? named : all.filter(({ id }) => id.startsWith(name));
  if (found.length > 1) throw several(name, found.length);
  if (found[0]) return found[0];
  throw new StudioError('not_found', `There is no persona “${name}”${deleted ? ' that was deleted' : ''}.`, {
    field: 'persona',
    action: '“personas list” has their names and ids.',
  });
}

const several = (name: string, count: number) =>
  new StudioError('bad_input', `${count} personas answer to “${name}”.`, {
    field: 'persona',
    action: 'Name one by its id; “personas list” has them.',
  });
