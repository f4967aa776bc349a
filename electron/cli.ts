/** The terminal host: the studio's procedures as commands; `--json` writes data for scripts to standard output. */
import { existsSync, readFileSync } from 'node:fs';
import { createRouterClient } from '@orpc/server';
import { Command, CommanderError } from 'commander';
import { conversationCommands } from './cli-conversations.ts';
import { downloadCommands } from './cli-downloads.ts';
import {
  type EndpointOptions,
  endpointBase,
  endpointCommands,
  endpointOptions,
  served,
} from './cli-endpoints.ts';
import { experimentCommands } from './cli-experiments.ts';
import { mergekitCommands } from './cli-mergekit.ts';
import { modelCommands } from './cli-models.ts';
import { findPersona, personaCommands } from './cli-personas.ts';
import { addPictures, picturesCommand } from './cli-pictures.ts';
import { readoutCommand } from './cli-readout.ts';
import { by, methodsText, number, type RecipeOptions, recipeOf, recipeOptions } from './cli-recipe.ts';
import { reportingCommands } from './cli-report.ts';
import { runCommands } from './cli-runs.ts';
import { settingsCommands } from './cli-settings.ts';
import { assessmentText, reportBroken, table, timeText } from './cli-text.ts';
import { appFolder, dataFolder, describeError, resourcesFolder } from './host.ts';
import type { Warning } from './studio/contract.ts';
import * as schema from './studio/contract.ts';
import { liveObstacle, METHODS, POLES, TRAITS } from './studio/contract.ts';
import { StudioError, toStudioError } from './studio/errors.ts';
import type { Studio } from './studio/studio.ts';
import { createStudio } from './studio/studio.ts';
import { forkWorker } from './workers/fork.ts';

const EXIT = { failed: 1, usage: 2 };
const abort = new AbortController();

// ── Reading arguments ──────────────────────────────────────────────────────────────────────────────────────

const system = (command: Command) => command.option('--system <text>', 'system prompt');

/** Options of everything that administers an inventory. */
const administering = (command: Command) =>
  command
    .option(
      '--inventory <name>',
      'inventory to administer; “inventories” lists them (default: ipip-50, or one in the model’s language where its file says that it speaks no English)',
    )
    .option(
      '--mode <name>',
      'probability: from the model’s own probabilities; sampled: from drawn answers; interview: free answers, judged',
      by(schema.administration.shape.mode),
    )
    .option('--judge <model>', 'model that rates interviews: library name, path, or http://server/v1#model')
    .option(
      '--repeats <number>',
      'answers drawn to each item; sampled and interview mode',
      by(schema.administration.shape.repeats, number),
    )
    .option(
      '--temperature <number>',
      'of drawn answers; 0 takes the likeliest token each time',
      by(schema.administration.shape.temperature, number),
    )
    .option('--answer-seed <number>', 'seed of drawn answers', by(schema.administration.shape.seed, number))
    .option(
      '--instructions <number>',
      'ask with that many paraphrased instructions',
      by(schema.administration.shape.instructions, number),
    )
    .option(
      '--order <name>',
      `of the answers: ${schema.RESPONSE_ORDERS.join(' | ')}`,
      by(schema.administration.shape.order),
    );

interface AdministeringOptions {
  inventory?: string;
  mode?: schema.Administration['mode'];
  judge?: string;
  repeats?: number;
  temperature?: number;
  answerSeed?: number;
  instructions?: number;
  order?: schema.Administration['order'];
}

const administered = ({ inventory, answerSeed: seed, ...given }: AdministeringOptions) => {
  const { mode, judge, repeats, temperature, instructions, order } = given;
  return { inventory, administration: { mode, judge, repeats, temperature, seed, instructions, order } };
};

// ── Doing and showing ──────────────────────────────────────────────────────────────────────────────────────

type Client = ReturnType<typeof clientOf>;
const clientOf = ({ router }: Studio) => createRouterClient(router);

/** Opens the studio for one command, does it, shows what it gives, and closes. */
async function perform<T>(work: (client: Client) => Promise<T>, show: (result: T) => string): Promise<void> {
  const studio = await createStudio({
    home: dataFolder(),
    resources: resourcesFolder,
    host: 'terminal',
    spawnWorker: forkWorker,
  });
  try {
    await print(await work(clientOf(studio)), show);
  } finally {
    await studio.close();
  }
}

/** Writes a result to standard output and waits until it is out. */
function print<T>(result: T, show: (result: T) => string): Promise<void> {
  const text = program.opts().json ? JSON.stringify(result, null, 2) : show(result);
  return new Promise((resolve, reject) =>
    process.stdout.write(`${text}\n`, error => (error ? reject(error) : resolve())),
  );
}

interface PersonaOptions extends RecipeOptions, EndpointOptions {
  system?: string;
}

async function recipeFor(client: Client, options: RecipeOptions & EndpointOptions) {
  const base = await endpointBase(client, options);
  return recipeOf(base === undefined ? options : { ...options, model: base }, file =>
    client.mixing.recipe({ file }),
  );
}

/** Refuses options for a mix beside a persona that is named. */
function refuseBeside({
  json,
  endpoint,
  modelName,
  keyEnv,
  ...mix
}: PersonaOptions & { json?: boolean }): void {
  if (Object.values(mix).some(value => value !== undefined))
    throw new StudioError('bad_input', 'A persona brings its own recipe and system prompt.', {
      field: 'persona',
      action: 'Leave out the options for the recipe and “--system”, or leave out “--persona”.',
    });
}

/** A kept persona, on a server's model where one is named. */
async function keptPersona(client: Client, name: string, options: EndpointOptions) {
  const { persona } = await findPersona(client, name);
  const server = await endpointBase(client, options);
  return server === undefined ? persona : served(persona, server);
}

async function personaFor(client: Client, { system = '', ...options }: PersonaOptions) {
  return { recipe: (await recipeFor(client, options)).recipe, system };
}

/** Follows a run that was started to its end; its progress goes to standard error. `R`: result of that kind of run. */
async function follow<R>(client: Client, starting: Promise<{ run: string }>): Promise<R & { run: string }> {
  const { run: id } = await starting;
  const cancel = () => void client.runs.cancel({ id });
  abort.signal.addEventListener('abort', cancel);
  if (abort.signal.aborted) cancel();
  await tellInventory(client, id);
  for await (const event of await client.runs.watch({ id })) {
    if (event.type === 'progress') {
      tell(event.progress);
      continue;
    }
    hush();
    const { state, error, result } = event.run;
    if (state !== 'done' || !result) {
      const resumable = schema.isResumable(event.run.kind);
      const action = resumable ? `What it had done is kept: “resume ${id}” goes on.` : undefined;
      throw new StudioError(error?.code ?? 'internal', error?.message ?? state, { action, ...error });
    }
    return { ...(result as R), run: id };
  }
  throw new StudioError('internal', 'The run ended without a word.');
}

/** What is asked, where the studio chose it by the model's languages. */
async function tellInventory(client: Client, id: string): Promise<void> {
  const { input } = await client.runs.get({ id });
  if (!('inventory' in input) || input.inventory === schema.DEFAULT_INVENTORY) return;
  if (process.argv.some(word => word.startsWith('--inventory'))) return;
  console.error(
    `Note: Asked with ${input.inventory}, because the model’s file says that it speaks no English. “--inventory” names another.`,
  );
}

function tell({ done, total, unit, message, secondsLeft }: schema.Progress): void {
  if (!process.stderr.isTTY) return;
  const share = total > 0 ? `${Math.floor((100 * done) / total)} %` : `${done}`;
  const left = secondsLeft === undefined ? '' : `, ${timeText(secondsLeft)} left`;
  process.stderr.write(`\r\x1b[K${share} of ${unit}${left} ${message}`);
}

function hush(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}

async function warn(
  client: Client,
  recipe: schema.Recipe,
  live: boolean,
  type?: schema.FileType,
): Promise<Warning[]> {
  const warnings = await client.mixing.check({ recipe, live, type });
  for (const { message } of warnings) console.error(`Note: ${message}`);
  return warnings;
}

const isLive = (recipe: schema.Recipe, baked = false) => !baked && liveObstacle(recipe) === null;

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────

const program = new Command('temperament')
  .description('A studio for the personality of language models')
  .option('--json', 'write the result as JSON; nothing else goes to standard output')
  .version(JSON.parse(readFileSync(`${appFolder}/package.json`, 'utf8')).version)
  .showHelpAfterError('Run with --help to see the options.')
  .configureOutput({ writeErr: text => process.stderr.write(text) })
  .exitOverride();

/** A command that takes `--json` behind its name as well as before it. */
function command(name: string, description: string, parent: Command = program): Command {
  return parent
    .command(name)
    .description(description)
    .option('--json', 'write the result as JSON')
    .on('option:json', () => program.setOptionValue('json', true));
}

command('devices', 'list the devices that merging can use').action(() =>
  perform(
    async client => ({ devices: await client.studio.devices() }),
    ({ devices }) => table(devices.map(d => [d.name, d.type, mebibytes(d.memoryTotal), d.description])),
  ),
);

command('extract', 'make a personality vector: tuned − base')
  .requiredOption(
    '--base <model>',
    'the base, unquantised: library name, GGUF file or folder of a checkpoint',
  )
  .requiredOption(
    '--tuned <path>',
    'the fine-tuned model likewise, or an adapter: file of llama.cpp, folder of PEFT',
  )
  .requiredOption('--trait <name>', TRAITS.join(' | '), by(schema.trait))
  .requiredOption('--pole <name>', POLES.join(' | '), by(schema.pole))
  .option('--out <file>', 'where to write (default: into the library)')
  .option('--type <name>', 'f32 | f16 | bf16', by(schema.extractInput.shape.type), 'f32')
  .option(
    '--rank <n>',
    'store factors of at most this rank: a small adapter',
    by(schema.extractInput.shape.rank, number),
  )
  .option(
    '--energy <share>',
    'store factors that keep this share of every matrix’s ‖δ‖²; with --rank no more than those',
    by(schema.extractInput.shape.energy, number),
  )
  .option('--note <text>', 'kept in the file', '')
  .option('--overwrite', 'replace the file if it exists', false)
  .action(options =>
    perform(
      async client => {
        const result = await follow<schema.ExtractResult>(client, client.library.extract(options));
        for (const note of result.notes) console.error(`Note: ${note}`);
        return result;
      },
      result => {
        const rows = result.layers.map(layer => [
          layer.tensor,
          layer.norm.toPrecision(4),
          `${(100 * layer.relative).toFixed(3)} %`,
        ]);
        return `${table([['tensor', '‖φ‖', '‖φ‖/‖base‖'], ...rows])}\n${result.path}, ${result.form}, ${mebibytes(result.bytes)}${keptText(result)}`;
      },
    ),
  );

const keptText = ({ factored }: schema.ExtractResult) =>
  factored
    ? `\nRank ${factored.rank} at most; the factors keep ${(100 * factored.energy).toFixed(2)} % of ‖φ‖². Norms and embeddings are left out of them.`
    : '';

command('compare', 'look inside vectors: norms, cosines, effective ranks, common part of two poles')
  .argument('[vector...]', 'library names or paths (default: all vectors of the model)')
  .option('--model <name>', 'whose vectors, when none are named (default: demo)')
  .option('--no-entrywise', 'leave out zeros, sparsity and signs, which take longest')
  .action((vectors, { model, entrywise }) =>
    perform(
      client => follow<schema.CompareResult>(client, client.library.compare({ vectors, model, entrywise })),
      comparisonText,
    ),
  );

function comparisonText({ vectors, all, layers, poles }: schema.CompareResult): string {
  const cell = (value: number | null | undefined, digits = 2) => value?.toFixed(digits) ?? '–';
  const parts = [
    table([
      ['', 'vector', 'form', '‖φ‖', 'effective rank', 'sparsity', 'zeros'],
      ...vectors.map(({ id, form, effectiveRank: rank }, v) => [
        `${v + 1}`,
        id,
        form,
        cell(all.norms[v], 4),
        `${cell(rank?.value, 1)}${rank?.error ? ` ± ${cell(rank.error, 1)}` : ''}`,
        cell(all.sparsity[v]),
        all.zeros[v] == null ? '–' : `${(100 * all.zeros[v]).toFixed(1)} %`,
      ]),
    ]),
    table([
      ['cosine', ...vectors.map((_, v) => `${v + 1}`)],
      ...all.cosines.map((row, v) => [`${v + 1}`, ...row.map(cosine => cell(cosine))]),
    ]),
    table([
      ['same sign', ...vectors.map((_, v) => `${v + 1}`)],
      ...all.agreements.map((row, v) => [`${v + 1}`, ...row.map(share => cell(share))]),
    ]),
    table([
      ['share of ‖φ‖²', ...vectors.map((_, v) => `${v + 1}`)],
      ...layers.map(({ name, shares }) => [name, ...shares.map(share => cell(share))]),
    ]),
  ];
  if (poles.length > 0)
    parts.push(
      table([
        ['common part of the poles', ...layers.map(({ name }) => name), 'all'],
        ...poles.map(({ trait, common, layers: within }) => [
          trait,
          ...within.map(share => cell(share)),
          cell(common),
        ]),
      ]),
    );
  parts.push(
    'Effective rank: (Σσ²)² / Σσ⁴. Sparsity: Hoyer’s, from 0 (all entries of one size) to 1 (a single entry). Same sign: 0.50 is chance. Common part: ‖(high + low)/2‖² / (‖(high + low)/2‖² + ‖(high − low)/2‖²), 0 opposite, 0.50 orthogonal, 1 the same.',
  );
  return parts.join('\n\n');
}

command('methods', 'list the merge methods with their parameters').action(() =>
  print({ methods: Object.values(METHODS) }, methodsText),
);

recipeOptions(command('bake', 'write a mix as a new GGUF file'), '--seed')
  .option(
    '--type <name>',
    `${schema.FILE_TYPES.join(' | ')} (default: that of a baked file given as --recipe, else f16)`,
    by(schema.fileType),
  )
  .option('--imatrix <file>', 'importance matrix of llama-imatrix, for types below q8_0')
  .option('--out <file>', 'where to write (default: into the library)')
  .option('--overwrite', 'replace the file if it exists', false)
  .option('--device <name>', 'what computes: cpu, a GPU from the list of devices, or auto', 'auto')
  .action(({ seed, type: asked, imatrix, out, overwrite, device, ...options }) =>
    perform(
      async client => {
        const baked = await recipeFor(client, { ...options, maskSeed: seed });
        const { recipe, type: before = 'f16' } = baked;
        const type = asked ?? before;
        if (baked.imatrix && type === before && imatrix === undefined)
          console.error(
            `Note: ${options.recipe} was quantised with the importance matrix ${baked.imatrix.name}. Without it (--imatrix) the file will be another.`,
          );
        const said = await warn(client, recipe, false, type);
        const input = { recipe, type, imatrix, out, overwrite, device };
        const result = await follow<schema.BakeResult>(client, client.mixing.bake(input));
        for (const { code, message } of result.warnings)
          if (!said.some(warning => warning.code === code)) console.error(`Note: ${message}`);
        return result;
      },
      ({ path, bytes, seconds, device: used, deviceReason, projector }) =>
        [
          `${path}, ${mebibytes(bytes)}, ${seconds.toFixed(1)} s`,
          `Computed on ${used}. ${deviceReason}`,
          ...(projector
            ? [`For pictures it is served with ${projector}: “endpoints command” writes how.`]
            : []),
        ].join('\n'),
    ),
  );

endpointOptions(system(recipeOptions(command('chat', 'answer one prompt'))))
  .requiredOption('--prompt <text>', 'what to say to the persona')
  .option('--image <file...>', 'pictures to ask about (PNG, JPEG, WebP); only a model on a server takes them')
  .option('--persona <name>', 'a kept persona, in place of a recipe and a system prompt')
  .option('--seed <number>', 'seed of the sampling', by(schema.sampling.shape.seed, number))
  .option(
    '--temperature <number>',
    '0 takes the likeliest token each time',
    by(schema.sampling.shape.temperature, number),
  )
  .option(
    '--top-p <share>',
    'sample from the likeliest tokens of this share',
    by(schema.sampling.shape.topP, number),
  )
  .option('--max-tokens <number>', 'length limit of the answer', by(schema.sampling.shape.maxTokens, number))
  .action(({ prompt, image: images, persona: name, seed, temperature, topP, maxTokens, ...options }) => {
    const given = { seed, temperature, topP, maxTokens };
    if (name !== undefined) refuseBeside(options);
    return perform(
      async client => {
        const persona =
          name === undefined
            ? { ...(await personaFor(client, options)), sampling: {} }
            : await keptPersona(client, name, options);
        const set = Object.entries(given).filter(([, value]) => value !== undefined);
        persona.sampling = schema.sampling.parse({ ...persona.sampling, ...Object.fromEntries(set) });
        const pictures = await addPictures(client, images);
        await warn(client, persona.recipe, true);
        const events = await client.chat.send(
          { persona, messages: [{ role: 'user', text: prompt, pictures }] },
          { signal: abort.signal },
        );
        for await (const event of events) if (event.type === 'done') return event.result;
        throw new StudioError('cancelled', 'Stopped.');
      },
      result => result.text,
    );
  });

command('inventories', 'list the inventories that can be administered, or tell of one')
  .argument('[name]', 'whose source, reference, licence and scales to show')
  .action(name =>
    perform(
      async client => {
        const listing = await client.assessment.inventories();
        if (name === undefined) return reportBroken(listing);
        const found = listing.inventories.find(({ short }) => short === name);
        if (found) return found;
        reportBroken(listing);
        throw new StudioError('not_found', `There is no inventory “${name}”.`, {
          field: 'name',
          action: '“inventories” lists them.',
        });
      },
      result => ('folder' in result ? inventoriesText(result) : inventoryText(result)),
    ),
  );

function inventoriesText({
  inventories,
  folder,
}: {
  inventories: schema.InventorySummary[];
  folder: string;
}): string {
  const rows = inventories.map(found => [
    found.short,
    String(found.items),
    String(Object.keys(found.scale).length),
    String(found.facets.length),
    found.language,
    found.name,
  ]);
  return `${table([['name', 'items', 'answers', 'facets', 'language', 'title'], ...rows])}\nYour own go into ${folder}.`;
}

function inventoryText(found: schema.InventorySummary): string {
  const labels = Object.entries(found.scale).map(([answer, label]) => `${answer} ${label}`);
  return table(
    [
      [found.name, ''],
      ['items', `${found.items}, in ${found.language}, with ${found.instructions} wordings of the question`],
      ['answers', labels.join(', ')],
      ['traits', found.traits.join(', ')],
      ['facets', found.facets.join(', ')],
      ['source', found.source],
      ['reference', found.reference],
      ['licence', found.licence],
      ['note', found.note],
      ['file', found.path],
    ].filter(([, value], index) => index === 0 || value !== ''),
  );
}

endpointOptions(administering(system(recipeOptions(command('assess', 'administer an inventory')))))
  .option(
    '--reference <persona>',
    'compare with a recipe file, a kept persona by its name, or “base”: the model unmixed and without a system prompt',
  )
  .option('--persona <name>', 'a kept persona, in place of a recipe and a system prompt')
  .action(({ reference, persona: name, ...options }) =>
    perform(async client => {
      const { inventory, mode, judge, repeats, temperature, answerSeed, instructions, order, ...mix } =
        options;
      if (name !== undefined) refuseBeside(mix);
      const persona =
        name === undefined ? await personaFor(client, options) : await keptPersona(client, name, options);
      const { base } = persona.recipe;
      const other =
        reference === undefined
          ? undefined
          : reference === 'base'
            ? { recipe: { version: 2 as const, base } }
            : existsSync(reference)
              ? await personaFor(client, { recipe: reference })
              : (await findPersona(client, reference)).persona;
      await warn(client, persona.recipe, isLive(persona.recipe));
      return follow<schema.AssessResult>(
        client,
        client.assessment.assess({
          persona,
          ...administered({ inventory, mode, judge, repeats, temperature, answerSeed, instructions, order }),
          reference: other,
        }),
      );
    }, assessmentText),
  );

experimentCommands({
  command,
  perform,
  follow,
  personaFor,
  warn,
  system,
  administering,
  administered,
});

picturesCommand({ command, perform, follow, personaFor, warn, system });

command('log', 'list the runs of the experiment log, newest first')
  .option('--limit <number>', 'how many', by(schema.runListInput.shape.limit, number))
  .action(({ limit }) =>
    perform(
      async client => ({ runs: await client.runs.list({ limit }) }),
      ({ runs }) =>
        runs.length > 0
          ? table(
              runs.map(run => [
                ...[run.id.slice(0, 8), run.startedAt, run.kind, run.state],
                run.imported ? `${run.title} (imported)` : run.title,
              ]),
            )
          : 'The log is empty.',
    ),
  );

readoutCommand({ command, perform, follow, reportBroken, signal: abort.signal });
const models = modelCommands({ command, perform, follow, mebibytes, table });
downloadCommands({ command, perform, follow, table }, models);
conversationCommands({ command, perform, table });
endpointCommands({ command, perform, table });
personaCommands({ command, perform, table });
mergekitCommands({ command, perform });
reportingCommands({ command, perform, follow, table });
runCommands({ command, perform, table });
settingsCommands({ command, perform, table });

program
  .command('serve')
  .description('serve the studio to a browser, on this machine only')
  .option('--port <number>', 'port to listen on')
  .option('--host <address>', 'address to listen on')
  .action(async options => {
    const { parseServeArguments, serveUntilSignal } = await import('./serve.ts');
    const given = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const { port, host } = parseServeArguments(given);
    await serveUntilSignal({ port, host });
  });

// The first signal cancels and lets the studio log it; a second one ends at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (abort.signal.aborted) process.exit(EXIT.failed);
    abort.abort();
  });

try {
  await program.parseAsync();
} catch (error) {
  hush();
  if (error instanceof CommanderError) {
    // Commander has said what is wrong; help and version that were asked for are no error.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  } else {
    console.error(describeError(error));
    process.exitCode = toStudioError(error).data.code === 'bad_input' ? EXIT.usage : EXIT.failed;
  }
}
