/** What a result was made with and when, from its run in the log: enough for another lab to make it again. */
import type { About, Run, RunFile } from '../../electron/studio/contract.ts';
import { fieldName, fieldValue, inARow } from './fields.ts';
import { duration, fileName, weightsText } from './format.ts';
import { locale } from './language.ts';
import { methodText, personaOf } from './runs.ts';
import { t } from './strings.ts';

export interface Fact {
  name: string;
  value: string;
  /** SHA-256 of a file's content. */
  hash?: string;
}

export function factsOf({ run, files }: About): Fact[] {
  const persona = personaOf(run);
  const { device, ...versions } = run.versions;
  const fact = (name: string, value: string | null | undefined): Fact[] => (value ? [{ name, value }] : []);
  return [
    ...fact(t.about.result, `${t.kinds[run.kind]}: ${run.title}`),
    ...fact(t.about.when, whenOf(run)),
    ...inOrder(files).map(fileFact),
    ...(persona
      ? [
          ...fact(t.runs.sliders, weightsText(persona.recipe.weights)),
          ...fact(t.runs.method, methodText(persona.recipe)),
          ...fact(t.runs.system, persona.system),
        ]
      : []),
    ...planned(run),
    ...fact(t.runs.device, device),
    ...fact(
      t.about.versions,
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ),
    ...fact(t.about.from, run.imported?.bundle),
    ...fact(t.about.run, run.id),
  ];
}

/** As lines of text. */
export const aboutText = (facts: Fact[]): string =>
  facts
    .map(({ name, value, hash }) => `${name}: ${value}${hash ? ` (${t.about.hash(hash)})` : ''}`)
    .join('\n');

function whenOf({ startedAt, finishedAt }: Run): string {
  const when = new Date(startedAt).toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'medium' });
  return finishedAt ? `${when}, ${t.about.lasting(duration(startedAt, finishedAt))}` : when;
}

const ROLES = ['model', 'vector', 'inventory', 'lexicon', 'texts', 'other'] as const;
const inOrder = (files: RunFile[]) => files.toSorted((a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role));

function fileFact(file: RunFile): Fact {
  const name = t.about.roles[file.role];
  const { hash } = file;
  switch (file.role) {
    case 'model':
      return {
        name,
        value: `${file.label}, ${file.type.toUpperCase()}, ${file.name}${file.demo ? ` (${t.about.demo})` : ''}`,
        hash,
      };
    case 'vector':
      return { name, value: `${file.vector}, ${file.name}`, hash };
    case 'inventory':
      return {
        name,
        value: `${file.title}, ${file.language}, ${file.name}`,
        hash,
      };
    case 'lexicon':
      return { name, value: `${file.title}, ${file.name}`, hash };
    case 'texts':
    case 'other':
      return { name, value: file.name, hash };
    default:
      return file satisfies never;
  }
}

/** What was asked for besides the persona: how the inventory was administered, seeds, the design's own settings. */
function planned(run: Run): Fact[] {
  const { persona: _, inventory: __, administration, ...rest } = run.input as Record<string, unknown>;
  const seed = run.kind === 'chat' ? run.input.persona.sampling : {};
  // Without drawn answers its temperature and seed mean nothing.
  const { mode, temperature, seed: drawn, ...how } = (administration ?? {}) as Record<string, unknown>;
  const by =
    mode === undefined
      ? {}
      : mode === 'probability'
        ? { mode, ...how }
        : { mode, temperature, seed: drawn, ...how };
  return Object.entries({ ...seed, ...by, ...rest }).flatMap(([at, value]) => {
    const listed = Array.isArray(value) ? value.every(entry => typeof entry !== 'object') && value : [value];
    if (!listed || listed.length === 0) return [];
    const texts = listed.flatMap(each =>
      typeof each === 'string' || typeof each === 'number' || typeof each === 'boolean'
        ? [typeof each === 'string' ? fileName(fieldValue(at, each)) : fieldValue(at, each)]
        : [],
    );
    return texts.length > 0 ? [{ name: fieldName(at), value: inARow(texts) }] : [];
  });
}
