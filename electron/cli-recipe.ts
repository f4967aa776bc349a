/** The terminal's options for a recipe, made from the table of methods, and the recipe that they and a file describe. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import * as schema from './studio/contract.ts';
import { METHOD_IDS, METHODS, type Parameter, type ParameterId, TRAITS } from './studio/contract.ts';
import { inWords, StudioError } from './studio/errors.ts';
import { PARAMETERS, parameterOf, rangeOf, settingsOf } from './studio/mixing/methods.ts';
import { ownSettings } from './studio/mixing/recipe.ts';

// ── Reading arguments ──────────────────────────────────────────────────────────────────────────────────────

/** A commander parser from a schema: what the schema refuses is bad usage, said in its words. */
export function by<S extends z.ZodType>(type: S, from: (text: string) => unknown = text => text) {
  return (text: string): z.output<S> => {
    const parsed = type.safeParse(from(text));
    if (parsed.success) return parsed.data;
    throw new InvalidArgumentError(refusal(parsed.error));
  };
}

/** What a schema refuses, as a sentence. */
export function refusal({ issues }: z.ZodError): string {
  const text = issues.map(({ message }) => message).join('; ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;
}

/** `Number('')` would be 0. */
export const number = (text: string) => (text.trim() === '' ? Number.NaN : Number(text));

/** `a=1,b=2` as pairs, each value read by `read`. */
function pairs<V>(text: string, read: (value: string, name: string) => V): [string, V][] {
  return text
    .split(',')
    .filter(part => part.trim())
    .map(part => {
      const at = part.lastIndexOf('=');
      const name = part.slice(0, at < 0 ? undefined : at).trim();
      return [name, read(at < 0 ? '' : part.slice(at + 1), name)];
    });
}

/** `extraversion=1,neuroticism=-0.5` */
export function byTrait<V>(
  text: string,
  read: (value: string, name: string) => V,
): Partial<Record<string, V>> {
  const entries = pairs(text, read);
  const names = entries.map(([name]) => name);
  for (const [index, name] of names.entries()) {
    if (!(TRAITS as readonly string[]).includes(name))
      throw new InvalidArgumentError(`“${name}” is no trait. Traits: ${TRAITS.join(', ')}.`);
    if (names.indexOf(name) !== index) throw new InvalidArgumentError(`“${name}” is given twice.`);
  }
  return Object.fromEntries(entries);
}

export function aNumber(text: string, name: string): number {
  const value = number(text);
  if (Number.isNaN(value)) throw new InvalidArgumentError(`“${name}” needs a number, as in ${name}=1.`);
  return value;
}

/** `extraversion=0:0.5:1.5` */
const depths = (text: string) =>
  byTrait(text, (points, name) => points.split(':').map(point => aNumber(point, name)));

/** `token_embd=0,blk.*.attn_*=0.5` */
const filters = (text: string) => pairs(text, aNumber).map(([filter, factor]) => ({ filter, factor }));

// ── Options ────────────────────────────────────────────────────────────────────────────────────────────────

type Settings = Partial<Record<ParameterId, unknown>>;

export interface RecipeOptions extends Settings {
  model?: string;
  mix?: schema.Weights;
  recipe?: string;
  method?: schema.Method;
  depth?: Partial<Record<string, number[]>>;
  filter?: { filter: string; factor: number }[];
  /** The recipe's seed; `seed` may be another one's. */
  maskSeed?: number;
}

/** Adds the options of everything that mixes. */
export function recipeOptions(command: Command, seedFlag = '--mask-seed'): Command {
  command
    .option(
      '--model <name>',
      'name in the library, path of a GGUF file, or http://server/v1#model (default: demo)',
    )
    .option(
      '--mix <weights>',
      `α per trait, −${schema.ALPHA_LIMIT} to ${schema.ALPHA_LIMIT}: extraversion=1,neuroticism=-0.5`,
      by(schema.weights, text => byTrait(text, aNumber)),
    )
    .option(
      '--recipe <file>',
      'recipe as JSON, or a baked GGUF file, which carries its own; the other options are laid over it',
    )
    .option('--method <name>', `${METHOD_IDS.join(' | ')}; “methods” says what each does`, by(schema.method))
    .option(
      '--depth <factors>',
      'factors on α from the first block to the last: extraversion=0:0.5:1.5',
      depths,
    )
    .option('--filter <rules>', 'factors on α by tensor name: token_embd=0,blk.*.attn_*=0.5', filters);
  for (const [id, parameter] of Object.entries(PARAMETERS) as [ParameterId, Parameter][]) {
    const name = id.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
    const flag = id === 'seed' ? seedFlag : `--${name}`;
    const help = optionHelp(id, parameter);
    if (parameter.type === 'flag') command.option(flag, help).option(`--no-${name}`, 'the opposite');
    else if (parameter.type === 'choice')
      command.option(`${flag} <name>`, help, by(schema.parameters[id] as z.ZodType));
    else
      command.option(
        `${flag} <number>`,
        help,
        by(schema.parameters[id] as z.ZodType, text =>
          parameter.scope === 'vector' && text.includes('=') ? byTrait(text, aNumber) : number(text),
        ),
      );
  }
  return command;
}

/** What it does, its range, its default, and which methods take it. */
function optionHelp(id: ParameterId, parameter: Parameter): string {
  const having = METHOD_IDS.filter(method => parameterOf(method, id));
  const defaults = Map.groupBy(having, method => parameterOf(method, id)?.default);
  const usual = [...defaults]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([value, methods], index) => (index === 0 ? `${value}` : `${value} for ${methods.join(', ')}`));
  const range =
    parameter.type === 'flag'
      ? ''
      : `${rangeOf(parameter)}${parameter.scope === 'vector' ? ', or by trait' : ''}; `;
  const who = having.length === METHOD_IDS.length ? 'every method' : having.join(', ');
  return `${parameter.help} (${range}default ${usual.join(', ')}; taken by ${who})`;
}

/** The table of methods for people. */
export function methodsText(): string {
  return METHOD_IDS.map(id => {
    const { label, help, source, vectors } = METHODS[id];
    const count = vectors.max ? `${vectors.max}` : vectors.min ? `at least ${vectors.min}` : 'any number';
    const parameters = settingsOf(id).map(
      own => `  ${own.id.padEnd(11)} ${rangeOf(own)}; default ${own.default}. ${own.help}`,
    );
    return [
      `${id}: ${label}. ${help}`,
      `  vectors     ${count}`,
      ...parameters,
      `  source      ${source}`,
    ].join('\n');
  }).join('\n\n');
}

// ── The recipe ─────────────────────────────────────────────────────────────────────────────────────────────

/** Reads the recipe that a baked file carries, and what else it was baked with. */
type ReadBaked = (file: string) => Promise<schema.BakedRecipe>;

/** The recipe of a `--recipe` file with the other options laid over it, and what else a baked file says. */
export async function recipeOf(
  { model, mix, recipe: file, method, depth, filter, maskSeed, ...settings }: RecipeOptions,
  readBaked: ReadBaked,
): Promise<schema.BakedRecipe> {
  const options = { base: model, weights: mix, method, depth, filters: filter, seed: maskSeed };
  for (const id of Object.keys(PARAMETERS) as ParameterId[])
    if (id !== 'seed') Object.assign(options, { [id]: settings[id] });
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const found: Partial<schema.BakedRecipe> =
    file === undefined ? {} : isGguf(file) ? await readBaked(file) : readJson(file);
  const { recipe: before, ...more } = found;
  return {
    ...more,
    recipe: parse({ version: 2, base: 'demo', ...(before && under(before, method)), ...given }, file),
  };
}

/** A file's recipe as another method can take it: without what was not asked for or what that method does not know. */
function under(recipe: schema.Recipe, method = recipe.method): object {
  if (method === recipe.method) return recipe;
  const { version, base, weights, depth, filters, hashes } = recipe;
  const kept = Object.entries(ownSettings(recipe)).filter(([id]) => parameterOf(method, id));
  return { version, base, weights, depth, filters, hashes, ...Object.fromEntries(kept) };
}

function parse(recipe: unknown, file?: string): schema.Recipe {
  const parsed = schema.recipe.safeParse(recipe);
  if (parsed.success) return parsed.data;
  const { message, field } = inWords(parsed.error.issues);
  throw new StudioError('bad_input', `The recipe is not valid: ${message}.`, { file, field });
}

function isGguf(file: string): boolean {
  const start = Buffer.alloc(4);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, start);
  } finally {
    closeSync(descriptor);
  }
  return start.toString('latin1') === 'GGUF';
}

/** A recipe without a version is of the newest, and one without a base is for the demo model. */
function readJson(file: string): { recipe: schema.Recipe } {
  try {
    const data: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof data === 'object' && data !== null && !Array.isArray(data))
      return { recipe: parse({ version: 2, base: 'demo', ...data }, file) };
    throw new SyntaxError('an object is expected');
  } catch (cause) {
    if (cause instanceof SyntaxError)
      throw new StudioError('bad_file', `The recipe ${file} is not valid JSON: ${cause.message}`, {
        file,
        action: 'Name a recipe in JSON, or a model file that Temperament has baked.',
        cause,
      });
    throw cause;
  }
}

/** `-2:2:0.25` (both ends included) or `-1,0,1` */
export function alphasArgument(text: string): number[] {
  const range = text.split(':').map(number);
  const values = range.length === 1 ? text.split(',').map(number) : steps(range);
  return by(schema.sweepInput.shape.alphas)(values as never);
}

function steps([from = Number.NaN, to = Number.NaN, step = Number.NaN, ...rest]: number[]): number[] {
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  if (rest.length > 0 || !(count >= 1 && count <= 1000))
    throw new InvalidArgumentError('Expected FROM:TO:STEP with FROM ≤ TO and STEP > 0, as in -2:2:0.25.');
  return Array.from({ length: count }, (_, index) => Number((from + index * step).toFixed(10)));
}
