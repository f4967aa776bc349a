/** The terminal's command for what comes from Hugging Face. */
import type { RouterClient } from '@orpc/server';
import type { Command } from 'commander';
import { by } from './cli-recipe.ts';
import * as schema from './studio/contract.ts';
import type { Studio } from './studio/studio.ts';

type Client = RouterClient<Studio['router']>;

/** What cli.ts lends: see there. */
interface Terminal {
  command(name: string, description: string, parent?: Command): Command;
  perform<T>(work: (client: Client) => Promise<T>, show: (result: T) => string): Promise<void>;
  follow<R>(client: Client, starting: Promise<{ run: string }>): Promise<R & { run: string }>;
  mebibytes(bytes: number): string;
}

export function modelCommands({ command, perform, follow, mebibytes }: Terminal): void {
  command('convert', 'make a GGUF file of a Hugging Face checkpoint or of a PEFT adapter')
    .alias('import')
    .argument('<folder>', 'with config.json and .safetensors files, or with adapter_config.json')
    .option('--base <model>', 'of an adapter: the model that it was trained on, as name, file or folder')
    .option('--out <file>', 'where to write (default: a model goes into the library)')
    .option('--name <text>', 'what to call the model (default: as its folder or repository)')
    .option(
      '--type <name>',
      `${schema.SOURCE_TYPES.join(' | ')}; auto: as the checkpoint`,
      by(schema.convertInput.shape.type),
      'auto',
    )
    .option('--overwrite', 'replace the file if it exists', false)
    .action((source: string, options) =>
      perform(
        async client => {
          const starting = client.library.convert({ source, ...options });
          const result = await follow<schema.ConvertResult>(client, starting);
          for (const note of result.notes) console.error(`Note: ${note}`);
          return result;
        },
        ({ path, architecture, type, tensors, bytes, what }) =>
          `${path}, ${mebibytes(bytes)}\n${what === 'model' ? 'Model' : 'Adapter'}, ${architecture}, ${type}, ${tensors} tensors`,
      ),
    );
}
