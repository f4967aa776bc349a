/** The terminal's commands for the notebook: finding runs, noting on them, setting them side by side, the bin. */
import type { RouterClient } from '@orpc/server';
import type { Command } from 'commander';
import { by } from './cli-recipe.ts';
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

const PAGE = 1000;
const kind = schema.runListInput.shape.kinds.unwrap().element;
const tags = schema.runRemarks.shape.tags;

const list = (text: string) => text.split(',').flatMap(part => part.trim() || []);

async function all(client: Client, deleted: boolean): Promise<schema.RunSummary[]> {
  const runs: schema.RunSummary[] = [];
  for (;;) {
    const page = await client.runs.list({ limit: PAGE, offset: runs.length, deleted });
    runs.push(...page);
    if (page.length < PAGE) return runs;
  }
}

/** The runs of these ids, or beginnings of ids. */
async function named(client: Client, names: string[], deleted = false): Promise<schema.RunSummary[]> {
  const runs = await all(client, deleted);
  return names.map(name => {
    const [found, second] = runs.filter(({ id }) => id === name || id.startsWith(name));
    if (found && !second) return found;
    throw new StudioError(
      found ? 'bad_input' : 'not_found',
      found
        ? `Several runs have an id that begins with ${name}.`
        : `There is no run ${name} ${deleted ? 'in the bin' : 'in the log'}.`,
      { field: 'run', action: found ? 'Give more of its characters.' : '“runs list” shows the ids.' },
    );
  });
}

export function runCommands({ command, perform, table }: Terminal): void {
  const group = command('runs', 'the notebook: find runs, note on them, compare them, delete them');

  const rows = (runs: schema.RunSummary[]) =>
    runs.length > 0
      ? table(
          runs.map(run => [
            ...[run.id.slice(0, 8), run.starred ? '★' : '', run.startedAt, run.kind, run.state],
            ...[run.model ?? '–', run.title, run.tags.map(tag => `#${tag}`).join(' ')],
          ]),
        )
      : 'No run is like that.';

  interface ListOptions extends schema.RunFilter {
    deleted: boolean;
  }
  command('list', 'list them, the newest first', group)
    .argument('[words...]', 'only runs with all of these words in title, tags or notes')
    .option('--kind <name>', kind.options.join(' | '), by(kind))
    .option('--model <name>', 'made with this base model')
    .option('--tag <name>', 'with this tag')
    .option('--starred', 'with a star')
    .option('--from <day>', 'from this day on, as in 2026-11-25')
    .option('--to <day>', 'up to and with this day')
    .option('--deleted', 'what is in the bin', false)
    .action((words: string[], { deleted, ...filter }: ListOptions) =>
      perform(
        async client => {
          const matches = schema.runMatches({ ...filter, text: words.join(' ') });
          return { runs: (await all(client, deleted)).filter(matches) };
        },
        ({ runs }) => rows(runs),
      ),
    );

  command('note', 'write down tags, notes or a star', group)
    .argument('<run>', 'its id, or the beginning of it')
    .option('--tags <names>', 'in place of those it has, with commas; "" takes them away', by(tags, list))
    .option('--notes <text>', 'in place of those it has')
    .option('--star', 'give it a star')
    .option('--no-star', 'take its star away')
    .action((name: string, options: { tags?: string[]; notes?: string; star?: boolean }) =>
      perform(
        async client => {
          const [{ id }] = (await named(client, [name])) as [schema.RunSummary];
          const { tags, notes, star } = options;
          await client.runs.edit({ id, tags, notes, starred: star });
          return { runs: await named(client, [id]) };
        },
        ({ runs }) => rows(runs),
      ),
    );

  command('compare', 'what differed between runs: in the plans, and in the results', group)
    .argument('<run...>', 'two or more ids, or their beginnings')
    .action((names: string[]) =>
      perform(
        async client => {
          const ids = (await named(client, names)).map(({ id }) => id);
          if (new Set(ids).size < 2)
            throw new StudioError('bad_input', 'One run alone cannot be compared.', {
              field: 'run',
              action: 'Name two or more.',
            });
          const runs = await Promise.all(ids.map(id => client.runs.get({ id })));
          return { runs: ids, ...schema.compareRuns(runs) };
        },
        ({ runs, ...found }) => {
          const heads = runs.map(id => id.slice(0, 8));
          const shown = (value: unknown) =>
            typeof value === 'number' ? String(Number(value.toPrecision(6))) : String(value ?? '–');
          const part = (title: string, rows: { at: string; values: unknown[] }[]) =>
            rows.length > 0
              ? [table([[title, ...heads], ...rows.map(({ at, values }) => [at, ...values.map(shown)])])]
              : [];
          const parts = [
            ...part('asked for', found.settings),
            ...part('file', found.files),
            ...part('version', found.versions),
            ...part(found.measure ?? 'score', found.scores),
            ...part('result', found.figures),
          ];
          return parts.length > 0 ? parts.join('\n\n') : 'Nothing differs.';
        },
      ),
    );

  command('about', 'what a run was made with: files with their hashes, versions, device, when', group)
    .argument('<run>', 'its id, or the beginning of it; “latest” is the newest that is done')
    .action((run: string) =>
      perform(
        client => client.reporting.about({ run }),
        ({ run, files }) =>
          table([
            ['run', `${run.id} ${run.kind} ${run.title}`],
            ['when', `${run.startedAt}${run.finishedAt ? ` to ${run.finishedAt}` : ''}`],
            ...files.map(({ role, name, hash }) => [role, `${name} ${hash}`]),
            ...Object.entries(run.versions),
          ]),
      ),
    );

  command('delete', 'put runs into the bin; for 30 days “runs restore” brings them back', group)
    .argument('<run...>', 'ids, or their beginnings')
    .action((names: string[]) =>
      perform(
        async client => {
          const ids = (await named(client, names)).map(({ id }) => id);
          await client.runs.delete({ ids });
          return { deleted: ids };
        },
        ({ deleted }) => deleted.join('\n'),
      ),
    );

  command('restore', 'bring runs back from the bin', group)
    .argument('<run...>', 'ids, or their beginnings')
    .action((names: string[]) =>
      perform(
        async client => {
          const ids = (await named(client, names, true)).map(({ id }) => id);
          await client.runs.restore({ ids });
          return { restored: ids };
        },
        ({ restored }) => restored.join('\n'),
      ),
    );
}
