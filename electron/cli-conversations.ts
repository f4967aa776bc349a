/** The terminal's commands for conversations that the studio keeps. */
import type { RouterClient } from '@orpc/server';
import type { Command } from 'commander';
import { by } from './cli-recipe.ts';
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

const format = schema.conversationExport.shape.format;

export function conversationCommands({ command, perform, table }: Terminal): void {
  const group = command('conversations', 'conversations that the page has kept');

  command('list', 'list them, the newest first', group).action(() =>
    perform(
      async client => await client.conversations.list({ limit: 1000 }),
      ({ conversations }) =>
        conversations.length > 0
          ? table(
              conversations.map(one => [
                one.id.slice(0, 8),
                one.updatedAt,
                `${one.messages} messages`,
                one.title,
              ]),
            )
          : 'None yet; the page keeps every question and answer.',
    ),
  );

  command('show', 'show one', group)
    .argument('<id>', 'its id, or the beginning of it')
    .action((id: string) =>
      perform(
        async client =>
          await client.conversations.export({ id: await whole(client, id), format: 'markdown' }),
        ({ text }) => text,
      ),
    );

  command('search', 'messages with all of the words', group)
    .argument('<words...>')
    .action((words: string[]) =>
      perform(
        async client => ({ hits: await client.conversations.search({ text: words.join(' ') }) }),
        ({ hits }) =>
          table(
            hits.map(hit => [
              hit.conversation.slice(0, 8),
              hit.role === 'user' ? 'User' : hit.paneName,
              hit.snippet.map(({ text }) => text).join(''),
            ]),
          ),
      ),
    );

  command('export', 'write one as a file', group)
    .argument('<id>', 'its id, or the beginning of it')
    .option('--format <name>', schema.CONVERSATION_FORMATS.join(' | '), by(format), 'markdown')
    .option('--out <file>', 'where to (default: a name made from the title)')
    .option('--overwrite', 'replace the file')
    .action((id: string, options: { format: schema.ConversationFormat; out?: string; overwrite?: boolean }) =>
      perform(
        async client => {
          const { name, text } = await client.conversations.export({
            id: await whole(client, id),
            format: options.format,
          });
          const file = options.out ?? name;
          write([{ path: file, content: text }], options.overwrite ?? false);
          return { file };
        },
        ({ file }) => `Written: ${file}`,
      ),
    );
}

async function whole(client: Client, beginning: string): Promise<string> {
  const { conversations } = await client.conversations.list({ limit: 1000 });
  const found = conversations.filter(({ id }) => id.startsWith(beginning));
  if (found.length === 1 && found[0]) return found[0].id;
  throw new StudioError(
    'not_found',
    found.length === 0
      ? `There is no conversation ${beginning}.`
      : `${found.length} conversations begin with ${beginning}.`,
    { field: 'id', action: '“conversations list” has their ids.' },
  );
}
