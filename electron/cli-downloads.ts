/** The terminal's commands that fetch models from Hugging Face and the web. */
import { createInterface } from 'node:readline/promises';
import type { RouterClient } from '@orpc/server';
import type { Command } from 'commander';
import { by } from './cli-recipe.ts';
import * as schema from './studio/contract.ts';
import { StudioError, toStudioError } from './studio/errors.ts';
import type { Studio } from './studio/studio.ts';

type Client = RouterClient<Studio['router']>;

/** What cli.ts lends: see there. */
interface Terminal {
  command(name: string, description: string, parent?: Command): Command;
  perform<T>(work: (client: Client) => Promise<T>, show: (result: T) => string): Promise<void>;
  follow<R>(client: Client, starting: Promise<{ run: string }>): Promise<R & { run: string }>;
  table(rows: string[][]): string;
}

interface DownloadOptions {
  sha256?: string;
  to?: string;
  dryRun: boolean;
}

const FITS: Record<schema.MemoryFit, string> = {
  well: 'fits',
  tightly: 'fits tightly',
  no: 'too large for this machine',
};

const size = (bytes: number | null) =>
  bytes === null
    ? 'size unknown'
    : bytes >= 1e9
      ? `${(bytes / 1e9).toFixed(1)} GB`
      : `${(bytes / 1e6).toFixed(1)} MB`;
const fits = (fit: schema.MemoryFit | null) => (fit ? FITS[fit] : '–');

/** @param models the group of commands on the library's models */
export function downloadCommands({ command, perform, follow, table }: Terminal, models: Command): void {
  const choices = (plan: schema.DownloadPlan) =>
    table(
      plan.choices.map((choice, at) => [
        `${at + 1}`,
        choice.label,
        size(choice.bytes),
        fits(choice.fits),
        at === plan.suggested ? 'suggested' : '',
        choice.source,
      ]),
    );

  /** The one that is meant; a person at the terminal is asked. */
  async function chosen(plan: schema.DownloadPlan, source: string): Promise<string> {
    const named = plan.chosen === null ? undefined : plan.choices[plan.chosen];
    if (named) return named.source;
    const listed = choices(plan);
    if (process.stdin.isTTY && process.stderr.isTTY) {
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      const answer = await lines.question(`${listed}\nWhich one? `);
      lines.close();
      const picked = plan.choices[Number(answer) - 1];
      if (picked) return picked.source;
    }
    throw new StudioError('bad_input', `${source} has ${plan.choices.length} models:\n${listed}`, {
      field: 'source',
      action: 'Name one of them, or the quantisation after a colon, as in hf:owner/repository:Q4_K_M.',
    });
  }

  const planText = (plan: schema.DownloadPlan) => {
    const files = plan.choices.flatMap(choice => choice.files);
    const lines = plan.offline
      ? ['The studio is set to stay offline: no server was asked.']
      : [choices(plan), `Memory of this machine: ${size(plan.memoryBytes)}`];
    if (plan.projectors.length > 0)
      lines.push(
        `The model sees pictures by a projector, a file of its own: ${plan.projectors.join(' or ')}. “models projector” says that it is this model’s.`,
      );
    if (plan.page) lines.push(`Licence and description: ${plan.page}`);
    lines.push(...plan.asks.map(url => `It would ask which files there are: ${url}`));
    if (plan.offline || plan.chosen !== null)
      for (const file of files) {
        const hash = file.sha256 ? `, SHA-256 ${file.sha256}` : '';
        lines.push(`It would fetch ${file.url} (${size(file.bytes)}${hash})`);
      }
    else lines.push('Which one is for you to choose: name it, or the quantisation after a colon.');
    const kept = plan.chosen === null ? 0 : (plan.choices[plan.chosen]?.kept ?? 0);
    if (kept > 0) lines.push(`${size(kept)} of it are here already.`);
    return [...lines, `Into ${plan.folder}, where ${size(plan.freeBytes)} are free`].join('\n');
  };

  command('download', 'fetch a model from Hugging Face or the web into the library')
    .argument(
      '<source>',
      'hf:owner/repository[/file.gguf][:Q4_K_M][#revision], an address, or a name of “models catalogue”',
    )
    .option('--sha256 <digits>', 'hash that the file must have', by(schema.downloadInput.shape.sha256))
    .option('--to <folder>', 'put it there instead of into the library')
    .option('--dry-run', 'say what would be fetched, and whether it fits here', false)
    .addHelpText(
      'after',
      '\nWhat is interrupted goes on when the same is asked for again. The environment’s HF_TOKEN opens gated\nrepositories, HF_ENDPOINT names a mirror, HTTPS_PROXY, HTTP_PROXY and NO_PROXY a proxy.',
    )
    .action((source: string, { sha256, to, dryRun }: DownloadOptions) =>
      dryRun
        ? perform(client => client.library.lookUp({ source, to }), planText)
        : perform(
            async client => {
              const plan = await client.library.lookUp({ source, to });
              const exact = plan.offline ? source : await chosen(plan, source);
              const starting = client.library.download({ source: exact, sha256, to });
              return follow<schema.DownloadResult>(client, starting).catch(error => {
                const { data } = toStudioError(error);
                if (data.code !== 'cancelled') throw error;
                throw new StudioError('cancelled', 'Cancelled. What had come is kept.', {
                  action:
                    'The same command goes on; “models unfinished” lists it, “models discard” deletes it.',
                });
              });
            },
            ({ path, files, what, bytes, sha256: hashes, checked, resumed }) =>
              [
                `${path}, ${what}, ${size(bytes)}${files.length > 1 ? ` in ${files.length} files` : ''}`,
                ...hashes.map(hash => `SHA-256 ${hash}`),
                checked === null
                  ? 'The server gave no hash: only the length could be checked.'
                  : checked === 'given'
                    ? 'As the hash that was given.'
                    : 'As the hash that the server gave.',
                ...(resumed > 0 ? [`${size(resumed)} of it were here from before.`] : []),
              ].join('\n'),
          ),
    );

  command('catalogue', 'list chat models to begin with, and whether they fit this machine', models).action(
    () =>
      perform(
        async client => ({ models: await client.library.catalogue() }),
        ({ models: listed }) =>
          `${table([
            ['name', 'parameters', 'size', 'memory', 'here', 'licence', 'languages', 'vectors'],
            ...listed.map(model => [
              model.id,
              `${model.billions} billion`,
              `≈ ${size(model.bytes)}`,
              `≈ ${size(model.memoryBytes)}`,
              fits(model.fits),
              model.licence,
              model.languages.join(' '),
              model.vectors ?? 'none published',
            ]),
          ])}\nSizes are approximate. “download NAME” fetches one; of no family are personality vectors published that we know of, so they are made with “extract”.`,
      ),
  );

  command('unfinished', 'list downloads that are not whole', models).action(() =>
    perform(
      async client => ({ downloads: await client.library.unfinished() }),
      ({ downloads }) =>
        downloads.length > 0
          ? table(
              downloads.map(found => [
                found.id.slice(0, 8),
                `${size(found.done)} of ${size(found.bytes)}`,
                found.running ? 'going on' : '',
                found.source,
                found.to ?? '',
              ]),
            )
          : 'No download is unfinished.',
    ),
  );

  command('discard', 'delete what came of a download that is not whole', models)
    .argument('<name>', 'beginning of its id, or its source')
    .action((name: string) =>
      perform(
        async client => {
          const found = (await client.library.unfinished()).find(
            ({ id, source }) => id.startsWith(name) || source === name,
          );
          if (!found)
            throw new StudioError('not_found', `No download “${name}” is unfinished.`, {
              field: 'name',
              action: '“models unfinished” lists them.',
            });
          return { discarded: found, ...(await client.library.discard({ id: found.id })) };
        },
        ({ discarded, freed }) => `Deleted: ${discarded.source}, ${size(freed)}`,
      ),
    );
}
