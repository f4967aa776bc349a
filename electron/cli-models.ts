/** The terminal's commands for the files of the library: listing, deleting, and what comes from Hugging Face. */
import { resolve } from 'node:path';
import type { RouterClient } from '@orpc/server';
import type { Command } from 'commander';
import { aNumber, by, byTrait } from './cli-recipe.ts';
import { reportBroken } from './cli-text.ts';
import * as schema from './studio/contract.ts';
import { StudioError } from './studio/errors.ts';
import type { Studio } from './studio/studio.ts';

type Client = RouterClient<Studio['router']>;

/** What cli.ts lends: see there. */
interface Terminal {
  command(name: string, description: string, parent?: Command): Command;
  perform<T>(work: (client: Client) => Promise<T>, show: (result: T) => string): Promise<void>;
  follow<R>(client: Client, starting: Promise<{ run: string }>): Promise<R & { run: string }>;
  mebibytes(bytes: number): string;
  table(rows: string[][]): string;
}

/** Returns the group “models”, for further commands. */
export function modelCommands(terminal: Terminal): Command {
  const { command, perform, follow, mebibytes, table } = terminal;
  const models = command('models', 'list the models of the library').action(() =>
    perform(
      async client => reportBroken(await client.library.models()),
      ({ models, folder }) =>
        models.length > 0
          ? table(
              models.map(({ id, type, bytes, label, projector }) => [
                ...[id, type, mebibytes(bytes), label],
                projector ? `pictures by ${projector.id}` : '',
              ]),
            )
          : `No models. Put GGUF files into ${folder}.`,
    ),
  );
  command('add', 'bring GGUF files into the library, models and vectors', models)
    .argument('<file...>', 'linked where the disk is the same, else copied')
    .action((files: string[]) =>
      perform(
        async client => {
          const added: schema.ImportFileResult[] = [];
          for (const file of files)
            added.push(
              await follow<schema.ImportFileResult>(client, client.library.import({ path: resolve(file) })),
            );
          return { added };
        },
        ({ added }) =>
          added.map(({ path, what, bytes }) => `${path}, ${what}, ${mebibytes(bytes)}`).join('\n'),
      ),
    );
  command(
    'found',
    'list models that other programs on this machine keep: LM Studio, Jan, Ollama …',
    models,
  ).action(() =>
    perform(
      async client => ({ models: await client.library.elsewhere() }),
      ({ models: found }) =>
        found.length > 0
          ? table(
              found.map(({ name, program, bytes, linked, path }) => [
                name,
                schema.PROGRAM_NAMES[program],
                mebibytes(bytes),
                linked ? `in use as ${linked}` : '',
                path,
              ]),
            )
          : 'None were found where LM Studio, Jan, Ollama, llama.cpp and Hugging Face’s tools put them.',
    ),
  );
  command('link', 'use a model where it lies: one of “models found”, or any GGUF file', models)
    .argument('<name>', 'its name there, or its path')
    .action((name: string) =>
      perform(
        async client => {
          const named = (await client.library.elsewhere()).filter(
            found => found.name === name || found.path === resolve(name),
          );
          if (named.length > 1)
            throw new StudioError('bad_input', `Several programs have a model “${name}”.`, {
              field: 'name',
              action: `Give the path: ${named.map(({ path }) => path).join(' or ')}.`,
            });
          const starting = client.library.import({ inPlace: named[0]?.path ?? resolve(name) });
          const { path } = await follow<schema.ImportFileResult>(client, starting);
          const { models: listed } = await client.library.models();
          return { linked: listed.find(model => model.path === path) };
        },
        ({ linked }) =>
          `${linked?.id}, used at ${linked?.path}\nIt is only read there. “models delete ${linked?.id}” forgets it and leaves the file.`,
      ),
    );
  command('projector', 'say which projector of pictures (mmproj) a model has', models)
    .argument('<model>', 'library name or path')
    .argument('<projector>', 'its file; none; or auto: as the files say')
    .action((name: string, projector: string) =>
      perform(
        async client => ({ model: await client.library.setProjector({ model: name, projector }) }),
        ({ model: { id, projector: own } }) =>
          own ? `${id} is served with ${own.path}.` : `${id} has no projector, and takes no pictures.`,
      ),
    );
  deletion(terminal, models, 'model');

  const vectors = command('vectors', 'list the personality vectors of the library').action(() =>
    perform(
      async client => reportBroken(await client.library.vectors()),
      ({ vectors, folder }) =>
        vectors.length > 0
          ? table(vectors.map(v => [v.id, v.form + (v.rank ? ` ${v.rank}` : ''), mebibytes(v.bytes), v.note]))
          : `No vectors. Make some with “extract”, or put them into ${folder}.`,
    ),
  );
  deletion(terminal, vectors, 'vector');

  command(
    'convert',
    'make a GGUF file of a Hugging Face checkpoint or of a PEFT adapter, or write a vector as these',
  )
    .alias('import')
    .argument(
      '<source>',
      'folder with config.json and .safetensors files, or with adapter_config.json; or a vector; with --mix a model',
    )
    .option(
      '--mix <weights>',
      'write a mix on the model that is the source as one PEFT adapter, for vLLM and the like: trait=α, several separated by commas',
      by(schema.weights, text => byTrait(text, aNumber)),
    )
    .option('--base <model>', 'of an adapter: the model that it was trained on, as name, file or folder')
    .option('--out <path>', 'file to write, of a vector the folder (default: a model goes into the library)')
    .option('--name <text>', 'what to call the model (default: as its folder or repository)')
    .option(
      '--type <name>',
      `${schema.SOURCE_TYPES.join(' | ')}; auto: as the checkpoint`,
      by(schema.convertInput.shape.type),
      'auto',
    )
    .option('--overwrite', 'replace the file if it exists', false)
    .action((source: string, { mix, ...options }) =>
      perform(
        async client => {
          const recipe = mix && { version: 2 as const, base: source, weights: mix };
          const starting = client.library.convert({ source, recipe, ...options });
          const result = await follow<schema.ConvertResult>(client, starting);
          for (const note of result.notes) console.error(`Note: ${note}`);
          return result;
        },
        ({ path, architecture, type, tensors, bytes, what }) =>
          `${path}, ${mebibytes(bytes)}\n${WRITTEN[what]}, ${architecture}, ${type}, ${tensors} tensors`,
      ),
    );
  return models;
}

const WRITTEN = {
  model: 'Model',
  adapter: 'Adapter',
  peft: 'PEFT adapter',
  differences: 'Differences of weights',
};

/** The commands that put files of a kind into the bin and bring them back; files that cannot be read go with both. */
function deletion(
  { command, perform, mebibytes, table }: Terminal,
  group: Command,
  kind: 'model' | 'vector',
): void {
  const ofKind = (file: { kind: schema.OwnFile['kind'] }) =>
    file.kind === kind || file.kind === 'broken' || (kind === 'model' && file.kind === 'projector');
  const missing = (name: string, where: string) =>
    new StudioError('not_found', `There is no ${kind} “${name}” ${where}.`, {
      field: 'name',
      action: `“${kind}s” lists the library, “${kind}s bin” what was deleted. The demonstration family stays.`,
    });

  command('delete', 'put one of the data folder into the bin; “restore” brings it back for 7 days', group)
    .argument('<name>', 'library name, or path')
    .action((name: string) =>
      perform(
        async client => {
          const inPlace = (await client.library.models()).models.find(
            model => kind === 'model' && model.linked && [model.id, model.path].includes(name),
          );
          if (inPlace)
            return { forgotten: await client.library.forget({ path: inPlace.path }), path: inPlace.path };
          const { own } = await client.library.storage();
          const found = own.find(file => ofKind(file) && [file.name, file.path].includes(name));
          if (!found) throw missing(name, 'that may be deleted in the data folder');
          const { file: _, ...needed } = await client.library.dependents({ path: found.path });
          return { deleted: await client.library.delete({ path: found.path }), dependents: needed };
        },
        result => {
          if (result.forgotten) return `Forgotten: ${result.forgotten.name}. Its file stays: ${result.path}`;
          const { deleted, dependents } = result;
          return [
            `Deleted: ${deleted.files.join(', ')}, ${mebibytes(deleted.bytes)}`,
            ...dependentLines(dependents),
            `“${kind}s restore ${deleted.name}” brings it back for 7 days.`,
          ].join('\n');
        },
      ),
    );

  command('restore', 'bring one back from the bin', group)
    .argument('<name>', 'library name, or the beginning of its id')
    .action((name: string) =>
      perform(
        async client => {
          const { bin } = await client.library.storage();
          const found = bin.find(file => ofKind(file) && (file.name === name || file.id.startsWith(name)));
          if (!found) throw missing(name, 'in the bin');
          return { restored: await client.library.restore({ id: found.id }) };
        },
        ({ restored }) => `Back again: ${restored.files.join(', ')}`,
      ),
    );

  command('bin', 'list what was deleted, or delete it for good', group)
    .option('--empty', 'delete for good what lies in it, models and vectors', false)
    .action(({ empty }: { empty: boolean }) =>
      perform(
        async client => {
          const { bin, freeBytes } = await client.library.storage();
          if (empty) return { bin: [], ...(await client.library.emptyBin()), freeBytes };
          return { bin: bin.filter(ofKind), freeBytes };
        },
        ({ bin, freeBytes, ...done }) =>
          'freed' in done
            ? `Emptied: ${mebibytes(done.freed)}`
            : bin.length > 0
              ? table(
                  bin.map(file => [file.id.slice(0, 8), file.deletedAt, mebibytes(file.bytes), file.name]),
                )
              : `The bin is empty. ${mebibytes(freeBytes)} are free on the disk.`,
      ),
    );
}

/** What a deletion touches, a line each. */
function dependentLines(needed: Omit<schema.Dependents, 'file'>): string[] {
  const calibrations = needed.calibrations.map(
    ({ model, inventory, date }) => `${model} with ${inventory} of ${date.slice(0, 10)}`,
  );
  const lines = [
    ['The same weights are also in', needed.copies],
    ['Vectors extracted from it', needed.vectors],
    ['Personas that need it', needed.personas],
    ['Calibrations made with it', calibrations],
    ['Files baked from it, which need it no longer', needed.baked],
  ] as const;
  return lines.flatMap(([what, names]) => (names.length > 0 ? [`${what}: ${names.join(', ')}`] : []));
}
