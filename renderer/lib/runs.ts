/** What a list or a details view needs to know of a logged run. */
import {
  isResumable,
  METHODS,
  ownSettings,
  type Persona,
  persona,
  type Recipe,
  type RerunResult,
  type Run,
  type RunSummary,
  settingsOf,
  TRAITS,
} from '../../electron/studio/contract.ts';
import type { Keeping } from '../state/runs.svelte.ts';
import { bytes, fileName, interval, plain } from './format.ts';
import { said } from './said.ts';
import { t } from './strings.ts';

/** The main outcome in a few words; null where there is none. */
export function headline(run: Run): string | null {
  if (!run.result) return run.error?.message ?? null;
  switch (run.kind) {
    case 'chat':
      return run.result.text.trim();
    case 'assess': {
      const { scores } = run.result;
      return TRAITS.map(trait => `${t.traits[trait].letter} ${plain(scores[trait], 1)}`).join(' · ');
    }
    case 'sweep':
      return correlation(run.result.r, run.result.ci95, run.result.n);
    case 'profiles':
      return correlation(run.result.mean_r, null, run.result.n);
    case 'methods_compare':
      return run.result.recipes.map(({ name, mean_r }) => `${name} ${plain(mean_r)}`).join(' · ');
    case 'prompting':
      return run.result.traits
        .map(({ trait, prompting, vector }) =>
          t.headlines.prompting(t.traits[trait].letter, plain(prompting.slope), plain(vector.slope)),
        )
        .join(' · ');
    case 'transfer':
      return run.result.models
        .map(
          ({ model, traits }) =>
            `${model} ${traits.map(({ trait, slope }) => `${t.traits[trait].letter} ${plain(slope)}`).join(' ')}`,
        )
        .join(' · ');
    case 'capability': {
      const { arithmetic, instructions, likelihood } = run.result;
      const share = (value: number | null | undefined) => `${Math.round(100 * (value ?? 0))} %`;
      const change = (what: string, found: typeof arithmetic | typeof instructions) =>
        found ? [`${what} ${share(found.before.share)} → ${share(found.after.share)}`] : [];
      return [
        ...change(t.headlines.sums, arithmetic),
        ...change(t.headlines.requests, instructions),
        ...(likelihood ? [t.headlines.perplexity(plain(likelihood.ratio))] : []),
      ].join(' · ');
    }
    case 'stability': {
      const kept = run.result.second.flatMap(({ traits }) => traits.flatMap(trait => trait.kept ?? []));
      return kept.length > 0
        ? t.headlines.kept(Math.round(100 * Math.min(...kept)), Math.round(100 * Math.max(...kept)))
        : null;
    }
    case 'calibrate': {
      const { jacobian } = run.result;
      return TRAITS.map(trait => `${t.traits[trait].letter} ${plain(jacobian[trait][trait])}`).join(' · ');
    }
    case 'target': {
      const { measured, error } = run.result;
      const reached = TRAITS.map(trait => `${t.traits[trait].letter} ${plain(measured[trait], 1)}`);
      return t.headlines.target(reached.join(' · '), plain(error));
    }
    case 'tune': {
      const { settings, heldOut } = run.result;
      return t.headlines.tuned(
        said(METHODS[settings.method].label),
        plain(heldOut.tuned.mean_r),
        plain(heldOut.plain.mean_r),
      );
    }
    case 'pictures': {
      const { personas, slopes } = run.result;
      const sure = slopes?.filter(({ pAdjusted }) => pAdjusted !== null && pAdjusted < 0.05).length;
      const who = personas.map(({ name }) => name).join(', ');
      return sure === undefined ? who : `${who}, ${t.headlines.differences(sure)}`;
    }
    case 'bake':
    case 'extract':
    case 'convert':
    case 'import':
    case 'download':
      return `${fileName(run.result.path)}, ${bytes(run.result.bytes)}`;
    case 'compare': {
      const { vectors, all } = run.result;
      const cosines = all.cosines.flatMap((row, i) => row.slice(0, i)).filter(cosine => cosine !== null);
      const range =
        cosines.length > 0
          ? `, ${t.headlines.cosines(plain(Math.min(...cosines)), plain(Math.max(...cosines)))}`
          : '';
      return `${vectors.map(({ id }) => id).join(', ')}${range}`;
    }
    case 'readout': {
      const { texts, total, differences } = run.result;
      const sure = differences?.rows.filter(({ q }) => q !== null && q < 0.05).length;
      const read = [t.wordCount.texts(texts.length), t.readouts.count(total.words)];
      return [...read, ...(sure === undefined ? [] : [t.headlines.differences(sure)])].join(', ');
    }
    case 'rerun':
      return rerunText(run.result);
    default:
      return run satisfies never;
  }
}

/** `r = 0.93 [0.81, 0.98], n = 17` */
export function correlation(r: number | null, ci95: readonly [number, number] | null, n: number): string {
  if (r === null) return `r –, n = ${n}`;
  const bounds = ci95 ? ` ${interval(ci95)}` : '';
  return `r = ${plain(r)}${bounds}, n = ${n}`;
}

export function rerunText({ reproduced, runs }: RerunResult): string {
  const largest = Math.max(0, ...runs.map(each => each.largest ?? 0));
  return reproduced ? t.runs.reproduced(largest.toPrecision(2)) : t.runs.notReproduced;
}

/** The persona a run was made with; baking has a recipe only, work on vectors neither. */
export function personaOf(run: Run): Persona | null {
  switch (run.kind) {
    case 'bake':
      return persona.parse({ recipe: run.input.recipe });
    case 'extract':
    case 'convert':
    case 'import':
    case 'download':
    case 'compare':
    case 'readout':
    case 'rerun':
      return null;
    default:
      return run.input.persona;
  }
}

/** Whether a run is an experiment that can be gone on with. */
export const resumable = ({ kind, state }: Pick<Run, 'kind' | 'state'>): boolean =>
  isResumable(kind) && ['interrupted', 'cancelled', 'failed'].includes(state);

/** What a run failed of; its state says alone that it was cancelled. */
export const whyNot = ({ state, error }: Pick<RunSummary, 'state' | 'error'>): string | undefined =>
  state === 'cancelled' ? undefined : error?.message;

/** What runs can be saved as here. Only the desktop host can print; its page comes by a scheme of its own. */
export const KEEPINGS: readonly Keeping[] =
  globalThis.location?.protocol === 'temperament:'
    ? ['report', 'pdf', 'data', 'study']
    : ['report', 'data', 'study'];

/** The method and what of it is not at its default: `TIES: Density 0.4, Normalise off`, and curves over the layers. */
export function methodText(recipe: Recipe): string {
  const own = ownSettings(recipe);
  const settings = settingsOf(recipe.method).flatMap(parameter => {
    const value = own[parameter.id];
    if (value === undefined) return [];
    const choice = parameter.type === 'choice' && parameter.choices.find(known => known.value === value);
    const text = choice
      ? said(choice.label)
      : typeof value === 'object'
        ? TRAITS.flatMap(trait => (value[trait] ? [`${t.traits[trait].letter} ${value[trait]}`] : [])).join(
            ' ',
          )
        : typeof value === 'boolean'
          ? value
            ? t.baking.on
            : t.baking.off
          : `${value}`;
    return [`${said(parameter.label)} ${text}`];
  });
  const { label } = METHODS[recipe.method];
  for (const trait of TRAITS) {
    const points = recipe.depth?.[trait];
    if (points)
      settings.push(t.depth.said(t.traits[trait].letter, points.map(point => plain(point)).join(' – ')));
  }
  return settings.length > 0 ? `${said(label)}: ${settings.join(', ')}` : said(label);
}
