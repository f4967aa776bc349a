/** The terminal's options and commands for models on other servers. */
import type { RouterClient } from '@orpc/server';
import type { Command } from 'commander';
import { by, number } from './cli-recipe.ts';
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

export interface EndpointOptions {
  endpoint?: string;
  modelName?: string;
  keyEnv?: string;
}

/** Adds the options that name a server's model in place of one of this machine. */
export const endpointOptions = (command: Command) =>
  serverOptions(
    command.option('--endpoint <url>', 'a model on an OpenAI-compatible server, in place of --model'),
  );

const serverOptions = (command: Command) =>
  command
    .option('--model-name <name>', 'which of the server’s models (default: its only one)')
    .option('--key-env <variable>', 'environment variable that holds the server’s key');

/** A persona of this machine's model as a server's model is to be it. */
export const served = <P extends { recipe: schema.Recipe }>(persona: P, base: string): P => ({
  ...persona,
  // The hashes are those of files here, and what the server's are it does not tell.
  recipe: { ...persona.recipe, base, hashes: undefined },
});

/** What a recipe names as the base; undefined without an endpoint. */
export async function endpointBase(client: Client, options: EndpointOptions): Promise<string | undefined> {
  const { endpoint, modelName, keyEnv } = options;
  if (endpoint === undefined) {
    const field = modelName !== undefined ? 'model-name' : keyEnv !== undefined ? 'key-env' : undefined;
    if (field)
      throw new StudioError('bad_input', `“--${field}” goes with “--endpoint”.`, {
        field,
        action: 'Name the server too.',
      });
    return undefined;
  }
  const key = keyFrom(keyEnv);
  if (key !== undefined) await client.endpoints.lendKey({ url: endpoint, key });
  const { url, model } = await modelOf(client, endpoint, modelName);
  return `${url}#${model}`;
}

/** The named model of a server, or its only one. */
async function modelOf(client: Client, address: string, name: string | undefined, key?: string) {
  const { url, models } = await client.endpoints.ask({ url: address, key });
  const [only] = models;
  const model = name ?? (models.length === 1 ? only : undefined);
  if (model === undefined)
    throw new StudioError('bad_input', `${url} has ${models.length} models.`, {
      field: 'model-name',
      action: `Name one with “--model-name”: ${models.slice(0, 20).join(', ')}.`,
    });
  return { url, model };
}

function keyFrom(variable: string | undefined): string | undefined {
  if (variable === undefined) return undefined;
  const key = process.env[variable]?.trim();
  if (key) return key;
  throw new StudioError('bad_input', `The environment variable ${variable} is not set.`, {
    field: 'key-env',
    action: 'Set it to the server’s key.',
  });
}

export function endpointCommands({ command, perform, table }: Terminal): void {
  const endpoints = command('endpoints', 'list the models on other servers that are kept').action(() =>
    perform(
      client => client.endpoints.list(),
      ({ endpoints: found }) =>
        found.length > 0 ? table([HEAD, ...found.map(row)]) : 'None. Add one with “endpoints add URL”.',
    ),
  );
  serverOptions(command('add', 'ask a server what its model can do, and keep it', endpoints))
    .argument('<url>', 'address of an OpenAI-compatible server, as in http://127.0.0.1:8080/v1')
    .option('--label <text>', 'what to call it')
    .option(
      '--requests <number>',
      'questions at a time (default: as the server has it)',
      by(schema.endpoint.shape.requests, number),
    )
    .action((address: string, { modelName, keyEnv, label, requests }) =>
      perform(
        async client => {
          const key = keyFrom(keyEnv);
          const { url, model } = await modelOf(client, address, modelName, key);
          return { endpoint: await client.endpoints.add({ url, model, label, requests, key }) };
        },
        ({ endpoint }) => `${table([HEAD, row(endpoint)])}\n${missingText(endpoint)}`,
      ),
    );
  command('remove', 'forget a model; its server’s key goes with the last one', endpoints)
    .argument('<id>', 'as the list has it: http://…#model')
    .action((id: string) =>
      perform(
        async client => {
          await client.endpoints.remove({ id });
          return { removed: id };
        },
        ({ removed }) => `Removed: ${removed}`,
      ),
    );
  command('command', 'write the llama-server commands that serve a model of the library', endpoints)
    .option('--model <name>', 'library name or path', 'demo')
    .action(({ model }: { model: string }) =>
      perform(
        client => client.endpoints.command({ model }),
        ({ adapters, file, notes }) =>
          [
            ...(adapters ? ['With its vectors, for live mixes:', adapters, ''] : []),
            'The file alone, for a baked mix or without sliders:',
            file,
            ...notes,
          ].join('\n'),
      ),
    );
}

const HEAD = ['id', 'server', 'ratings', 'adapters', 'pictures', 'at a time', 'key'];
const row = ({ id, facts, requests, hasKey }: schema.Endpoint) => [
  id,
  facts.server,
  facts.logprobs > 0 ? `${facts.logprobs} likeliest tokens` : 'drawn',
  facts.adapters === null ? 'none' : `${facts.adapters.filter(({ vector }) => vector !== null).length} of 10`,
  facts.images ? 'yes' : 'no',
  String(requests ?? facts.slots ?? 4),
  hasKey ? 'yes' : 'no',
];

/** Which sliders do not act, and why. */
function missingText({ facts }: schema.Endpoint): string {
  const has = new Set(facts.adapters?.map(({ vector }) => vector));
  const missing = schema.TRAITS.flatMap(trait =>
    schema.POLES.map(pole => `${trait}-${pole}` as const),
  ).filter(name => !has.has(name));
  if (missing.length === 0) return 'All vectors can be mixed live.';
  return `Without an adapter: ${missing.join(', ')}. “endpoints command” says how to start llama-server with them.`;
}
