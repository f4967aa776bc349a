/** Runs done again from their plans, with the very same files, and what came out otherwise. */
import { mkdtemp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ContractRouterClient } from '@orpc/contract';
import type { z } from 'zod';
import type { contract, Recipe, Run, RunKind } from '../contract.ts';
import { StudioError } from '../errors.ts';
import type { Language } from '../language/language.ts';
import { hashTexts } from '../language/texts.ts';
import type { Library } from '../library/library.ts';
import { modelName } from '../library/split.ts';
import type { Log } from '../log/log.ts';
import type { Task } from '../log/runs.ts';
import { FILE_FIELDS, filesOf, modelOf, type Shelf } from './files.ts';
import type { RerunResult, RunFile, rerunInput, valueDifference } from './schemas.ts';

type Client = ContractRouterClient<typeof contract>;

/** How a plan of each kind is begun; a kind without an entry cannot be done again. */
const STARTERS: { [K in RunKind]?: (client: Client, input: never) => Promise<{ run: string }> } = {
  assess: (client, input) => client.assessment.assess(input),
  sweep: (client, input) => client.assessment.sweep(input),
  profiles: (client, input) => client.assessment.profiles(input),
  methods_compare: (client, input) => client.experiments.methods(input),
  prompting: (client, input) => client.experiments.prompting(input),
  transfer: (client, input) => client.experiments.transfer(input),
  capability: (client, input) => client.experiments.capability(input),
  stability: (client, input) => client.experiments.stability(input),
  calibrate: (client, input) => client.experiments.calibrate(input),
  target: (client, input) => client.experiments.target(input),
  tune: (client, input) => client.experiments.tune(input),
  pictures: (client, input) => client.experiments.pictures(input),
  compare: (client, input) => client.library.compare(input),
  bake: (client, input) => client.mixing.bake(input),
  extract: (client, input) => client.library.extract(input),
  convert: (client, input) => client.library.convert(input),
  readout: (client, input) => client.language.record(input),
  chat: async (client, input) => {
    for await (const event of await client.chat.send(input)) if (event.type === 'done') return event.result;
    throw new StudioError('internal', 'The answer ended without a result.');
  },
};

/**
 * Kinds whose every mix has the base that the plan's recipe names, so that the recipe can be bound to that base's hash.
 * Others put a recipe on other models.
 */
const BOUND: ReadonlySet<RunKind> = new Set(['assess', 'sweep', 'profiles', 'bake', 'chat']);

/** What no second run has in common with the first, and no finding depends on. */
const PASSING = new Set([
  ...[
    'seconds',
    'path',
    'device',
    'deviceReason',
    'firstTokenMs',
    'tokensPerSecond',
    'bytes',
    'warnings',
    'label',
  ],
]);

/** Differences listed of one run. */
const MOST_DIFFERENCES = 100;

interface Here {
  log: Log;
  library: Library;
  language: Language;
  shelf: Shelf;
  client: Client;
  scratch: string;
}

/** Does runs again, one after the other. Before the first, every file that they need must be found here by its hash. */
export async function rerun(
  runs: Run[],
  { tolerance }: Pick<z.output<typeof rerunInput>, 'tolerance'>,
  here: Here,
  task: Task,
): Promise<RerunResult> {
  const plans = [];
  const missing: string[] = [];
  for (const run of runs) {
    if (!STARTERS[run.kind])
      throw new StudioError('bad_input', `A run of this kind cannot be done again: ${run.kind}, ${run.id}.`, {
        field: 'runs',
        action: 'Leave it out.',
      });
    const files = filesOf(run, here.shelf);
    const names = await namesHere(run, files, here);
    missing.push(...files.filter(file => !names.has(file)).map(missingText));
    plans.push({ run, files, input: planHere(run.input, files, names, BOUND.has(run.kind)) });
  }
  if (missing.length > 0)
    throw new StudioError(
      'not_found',
      `Not all that the study was made with is here: ${[...new Set(missing)].join('; ')}.`,
      {
        action: `Put these very files into the library (models into ${here.library.modelFolder}, vectors into ${here.library.vectorFolder}), and do it again.`,
      },
    );
  const results: RerunResult['runs'] = [];
  for (const { run, files, input } of plans) {
    const at = results.length;
    task.progress(at, plans.length, 'runs', run.title);
    const now = await once(run, input, here, task, share =>
      task.progress(at + share, plans.length, 'runs', run.title),
    );
    task.used(now.hashes);
    const found = compared(run, now, tolerance);
    results.push({ ...found, conditions: [...found.conditions, ...otherFiles(files, now)] });
  }
  return { tolerance, reproduced: results.every(({ beyond }) => beyond === 0), runs: results };
}

const missingText = (file: RunFile) => {
  const what = {
    ...{ model: 'the model', vector: 'the vector', inventory: 'the inventory', lexicon: 'the dictionary' },
    ...{ texts: 'the texts', other: 'a file' },
  }[file.role];
  const name = file.role === 'inventory' ? `“${file.id}” (${file.name})` : file.name;
  return `${what} ${name} with the SHA-256 ${file.hash}`;
};

/** How each file is called here: its name in the library, or its path; absent where it is not to be had. */
async function namesHere(
  run: Run,
  files: RunFile[],
  { shelf, library, language }: Here,
): Promise<Map<RunFile, string>> {
  const names = new Map<RunFile, string>();
  const paths = run.imported ? [] : Object.entries(run.hashes);
  for (const file of files) {
    const found = shelf.find(file.hash, 'id' in file ? file.id : '');
    if (found && 'id' in found) {
      names.set(file, found.id);
      continue;
    }
    // Named by its path, it need not be in the library.
    const path = paths.find(([, hash]) => hash === file.hash)?.[0];
    if (file.role === 'lexicon' || file.role === 'texts') {
      const known = file.role === 'lexicon' && (await language.find(file.hash));
      const hash = path && (await hashTexts(path).catch(() => undefined));
      if (known || (path && hash === file.hash)) names.set(file, known || (path as string));
      continue;
    }
    const content =
      path &&
      (await library.facts(path).then(
        facts => facts.content,
        () => undefined,
      ));
    if (path && content === file.hash) names.set(file, path);
  }
  return names;
}

/** Files that took part in one of two runs alone. */
function otherFiles(files: RunFile[], now: Run): RerunResult['runs'][number]['conditions'] {
  const before = new Set(files.map(({ hash }) => hash));
  const after = new Set(Object.values(now.hashes));
  return [
    ...files.flatMap(({ name, hash }) => (after.has(hash) ? [] : [{ name, before: hash, now: 'not used' }])),
    ...Object.entries(now.hashes).flatMap(([path, hash]) =>
      before.has(hash) ? [] : [{ name: basename(path), before: 'not used', now: hash }],
    ),
  ];
}

/** A plan with the files named as they are here and, where asked, its recipes bound to the hashes of the files they had. */
export function planHere(
  input: unknown,
  files: RunFile[],
  names: Map<RunFile, string>,
  bind: boolean,
): unknown {
  const model = (name: string) => {
    const file = modelOf(files, name);
    return (file && names.get(file)) ?? name;
  };
  const vector = (name: string) => {
    const file = files.find(
      each =>
        each.role === 'vector' &&
        (each.id === name || each.name === basename(name) || each.id === modelName(name)),
    );
    return (file && names.get(file)) ?? name;
  };
  const lexicon = files.find(({ role }) => role === 'lexicon');
  const visit = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') {
      if (key === 'vectors') return vector(value);
      if (key === 'dictionary') return (lexicon && names.get(lexicon)) ?? value;
      return FILE_FIELDS.has(key) ? model(value) : value;
    }
    if (Array.isArray(value)) return value.map(inner => visit(inner, key));
    if (typeof value !== 'object' || value === null) return value;
    const mapped = Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, visit(inner, name)]),
    );
    return bind && 'base' in value && 'weights' in value && 'method' in value
      ? bound(value as Recipe, mapped, files)
      : mapped;
  };
  return visit(input, '');
}

function bound(recipe: Recipe, mapped: object, files: RunFile[]): object {
  const base = modelOf(files, recipe.base);
  if (!base) return mapped;
  const vectors = Object.entries(
    Object.groupBy(
      files.filter(file => file.role === 'vector'),
      ({ vector }) => vector,
    ),
  ).flatMap(([name, found = []]) => (found.length === 1 ? [[name, found[0]?.hash]] : []));
  return { ...mapped, hashes: { base: base.hash, vectors: Object.fromEntries(vectors) } };
}

async function once(
  run: Run,
  input: unknown,
  { log, client, scratch }: Here,
  task: Task,
  onShare: (share: number) => void,
): Promise<Run> {
  const writes = run.kind === 'bake' || run.kind === 'extract' || run.kind === 'convert';
  const folder = await mkdtemp(join(scratch, 'rerun-'));
  try {
    const given = writes
      ? { ...(input as object), out: join(folder, 'again.gguf'), overwrite: false }
      : input;
    const { run: id } = await (
      STARTERS[run.kind] as (client: Client, input: unknown) => Promise<{ run: string }>
    )(client, given);
    const cancel = () => void client.runs.cancel({ id });
    task.signal.addEventListener('abort', cancel);
    if (task.signal.aborted) cancel();
    try {
      for await (const event of await client.runs.watch({ id }))
        if (event.type === 'progress') {
          const { done, total } = event.progress;
          if (total > 0) onShare(Math.min(1, done / total));
        }
    } finally {
      task.signal.removeEventListener('abort', cancel);
    }
    task.signal.throwIfAborted();
    const now = log.get(id);
    if (now.state === 'done') return now;
    throw new StudioError(
      now.error?.code ?? 'internal',
      `Run ${run.id} could not be done again: ${now.error?.message ?? now.state}`,
      now.error ?? {},
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// ── Comparing ──────────────────────────────────────────────────────────────────────────────────────────────

type Leaf = z.infer<typeof valueDifference>['before'];

/** Every single value of a result by its place; what is there in one alone is null in the other. */
export function leavesOf(value: unknown, place = '', into = new Map<string, Leaf>()): Map<string, Leaf> {
  if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value))
      if (!PASSING.has(key)) leavesOf(inner, place ? `${place}.${key}` : key, into);
  } else if (value !== undefined) into.set(place, value as Leaf);
  return into;
}

/** Figures that results of earlier versions do not have; what is not there before is not compared. */
const LATER = ['retest.'];

/**
 * Two runs of the same plan, value by value. Numbers differ when |now − before| is above the tolerance times the larger of
 * 1 and |before|; everything else when it is not the same.
 */
export function compared(before: Run, now: Run, tolerance: number): RerunResult['runs'][number] {
  const [old, fresh] = [leavesOf(before.result), leavesOf(now.result)];
  const isLater = (at: string) => !old.has(at) && LATER.some(field => at.startsWith(field));
  const places = [...new Set([...old.keys(), ...fresh.keys()])].filter(at => !isLater(at));
  const beyond: z.infer<typeof valueDifference>[] = [];
  let equal = 0;
  let largest: number | null = null;
  for (const at of places) {
    const [was, is] = [old.get(at) ?? null, fresh.get(at) ?? null];
    const difference = typeof was === 'number' && typeof is === 'number' ? Math.abs(is - was) : null;
    if (difference !== null) largest = Math.max(largest ?? 0, difference);
    if (was === is) equal++;
    else if (difference === null || difference > tolerance * Math.max(1, Math.abs(was as number)))
      beyond.push({ at, before: was, now: is, difference });
  }
  const names = new Set([...Object.keys(before.versions), ...Object.keys(now.versions)]);
  const conditions = [...names].flatMap(name => {
    const [was = 'unknown', is = 'unknown'] = [before.versions[name], now.versions[name]];
    return was === is ? [] : [{ name, before: was, now: is }];
  });
  return {
    ...{
      run: before.id,
      now: now.id,
      kind: before.kind,
      title: before.title,
      values: places.length,
      equal,
      largest,
    },
    ...{ beyond: beyond.length, differences: beyond.slice(0, MOST_DIFFERENCES), conditions },
  };
}
