/** Fields of plans and results, and their values, as people read them. */
import { METHOD_IDS, METHODS, settingsOf, TRAITS, type Trait } from '../../electron/studio/contract.ts';
import { signed } from './format.ts';
import { decimal } from './language.ts';
import { said } from './said.ts';
import { t } from './strings.ts';

const isTrait = (name: string | undefined): name is Trait => TRAITS.includes(name as Trait);

/** Names of the merge methods' parameters, whichever method takes them. */
const PARAMETERS = new Map<string, string>(
  METHOD_IDS.flatMap(method => settingsOf(method).map(({ id, label }) => [id, said(label)] as const)),
);

/** Parts of a place that say nothing: every plan has them. */
const SILENT = new Set(['persona', 'recipe', 'sampling', 'administration', 'rolePlay']);

/** `persona.recipe.weights.extraversion` → `Extraversion α`. */
export function fieldName(at: string): string {
  const parts = at.split('.');
  const last = parts.at(-1);
  if (isTrait(last) && parts.at(-2) === 'weights')
    return [...lead(parts.slice(0, -2)), t.fields.alphaOf(t.traits[last].name)].join(' › ');
  return lead(parts).join(' › ') || at;
}

function lead(parts: string[]): string[] {
  // Only what stands first is silent: the recipe of a reference persona is the reference's.
  return parts.flatMap(part => (SILENT.has(part) ? [] : [partName(part)]));
}

const NAMES: Record<string, string | undefined> = t.fields.names;

function partName(part: string): string {
  if (isTrait(part)) return t.traits[part].name;
  return NAMES[part] ?? PARAMETERS.get(part) ?? words(part);
}

/** `validMass` and `mean_r` as words. */
const words = (name: string) =>
  name
    .replaceAll(/[_-]+/g, ' ')
    .replaceAll(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);

/** A value of a field; undefined is a field that is not there. */
export function fieldValue(at: string, value: string | number | boolean | null | undefined): string {
  if (value === undefined || value === null) return '–';
  if (typeof value === 'boolean') return value ? t.baking.on : t.baking.off;
  const [last, within] = at.split('.').toReversed();
  if (typeof value === 'number') return within === 'weights' ? signed(value) : numberText(value);
  if (last === 'method' && value in METHODS) return said(METHODS[value as keyof typeof METHODS].label);
  if (last === 'mode' && value in t.fields.modes) return t.fields.modes[value as keyof typeof t.fields.modes];
  if (last === 'order' && value in t.experiments.orders)
    return t.experiments.orders[value as keyof typeof t.experiments.orders];
  if (isTrait(value)) return t.traits[value].name;
  if (last === 'kind' && value in t.kinds) return t.kinds[value as keyof typeof t.kinds];
  // Several numbers, as a comparison of plans has them.
  if (/^-?[\d.]+(?:, -?[\d.]+)+$/.test(value))
    return inARow(value.split(', ').map(number => numberText(Number(number))));
  return value;
}

const numberText = (value: number) =>
  decimal(String(Number.isInteger(value) ? value : Number(value.toPrecision(4)))).replace('-', '−');

/** Values in a row; semicolons between those that have commas themselves. */
export const inARow = (values: string[]): string =>
  values.join(values.some(value => /\d,\d/.test(value)) ? '; ' : ', ');
