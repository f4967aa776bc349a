/** The terminal's command for the settings of the studio, which all its hosts share. */
import type { RouterClient } from '@orpc/server';
import { type Command, InvalidArgumentError } from 'commander';
import { by } from './cli-recipe.ts';
import * as schema from './studio/contract.ts';
import type { Studio } from './studio/studio.ts';

/** What cli.ts lends: see there. */
interface Terminal {
  command(name: string, description: string, parent?: Command): Command;
  perform<T>(
    work: (client: RouterClient<Studio['router']>) => Promise<T>,
    show: (result: T) => string,
  ): Promise<void>;
  table(rows: string[][]): string;
}

const { device, userName, hub } = schema.settings.shape;
function yesOrNo(text: string): boolean {
  if (text !== 'yes' && text !== 'no') throw new InvalidArgumentError('yes or no was expected.');
  return text === 'yes';
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;

export function settingsCommands({ command, perform, table }: Terminal): void {
  command('settings', 'show or change what holds for the whole studio')
    .option(
      '--device <name>',
      `${schema.COMPUTE_DEVICES.join(' | ')}: a GPU where it is of use, or none`,
      by(device),
    )
    .option('--user-name <name>', 'what {{user}} stands for in role-plays', by(userName))
    .option('--offline <yes|no>', 'fetch nothing from other machines', yesOrNo)
    .option('--hub <address>', 'a mirror of Hugging Face; empty: huggingface.co, or HF_ENDPOINT', by(hub))
    .action((changes: Partial<schema.Settings>) =>
      perform(
        async client => ({ settings: await client.settings.set(changes), ...(await client.studio.info()) }),
        ({ settings, dataFolder, freeBytes, totalBytes, versions }) =>
          table([
            ['device', `${settings.device} (models run on: ${versions.device ?? 'unknown'})`],
            ['user name', settings.userName],
            [
              'offline',
              settings.offline ? 'yes: nothing is fetched' : 'no: models are fetched when asked for',
            ],
            ['hub', settings.hub || process.env.HF_ENDPOINT || 'https://huggingface.co'],
            ['data folder', dataFolder],
            ['free space', `${gigabytes(freeBytes)} of ${gigabytes(totalBytes)}`],
          ]),
      ),
    );
}
