/** The same pictures described by several personas: what of their words differs, and how it goes with α. */
import type { z } from 'zod';
import { checkMixed } from '../assessment/assessment.ts';
import { systemPrompt } from '../chat/roleplay.ts';
import type { Persona, PicturesResult, picturesInput, TextReadout } from '../contract.ts';
import { StudioError, toStudioError } from '../errors.ts';
import type { Inference } from '../inference.ts';
import { featureOf, measuresOf } from '../language/differences.ts';
import type { Language } from '../language/language.ts';
import type { Task } from '../log/runs.ts';
import type { Mixing } from '../mixing/mixing.ts';
import { mean } from '../statistics/correlation.ts';
import { pairedDifference } from '../statistics/effects.ts';
import { benjaminiHochberg } from '../statistics/multiple.ts';
import { slope } from '../statistics/regression.ts';
import type { Points } from './points.ts';

type Plan = z.output<typeof picturesInput>;
type Description = PicturesResult['personas'][number]['descriptions'][number];

interface Tools {
  mixing: Mixing;
  inference: Inference;
  language: Language;
}

export async function pictures(
  plan: Plan,
  tools: Tools,
  points: Points,
  task: Task,
): Promise<PicturesResult> {
  const { prompt, trait } = plan;
  const personas = [plan.persona, ...plan.compared];
  checkMixed(personas.map(({ recipe }) => recipe));
  const names = personas.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined)
    throw new StudioError('bad_input', `Two of the personas are called “${twice}”.`, {
      field: 'compared',
      action: 'Give each a name of its own.',
    });
  points.expect(personas.length);
  const described: Description[][] = [];
  for (const persona of personas)
    described.push(
      await points
        .do(persona.name, one => describe(persona, plan, tools, one))
        .catch(cause => {
          const { data } = toStudioError(cause);
          if (data.code === 'cancelled') throw cause;
          throw new StudioError(data.code, `${persona.name}: ${data.message}`, { ...data, cause });
        }),
    );
  const sources = described.map((descriptions, index) => ({
    kind: 'texts' as const,
    name: names[index],
    // Descriptions of the same picture, drawn with the same seed, are a pair.
    texts: descriptions.map(({ name, repeat, text }, place) => ({
      name: `${place} ${name} ${repeat}`,
      text,
    })),
  }));
  const [first] = sources;
  if (!first) throw new RangeError('no persona');
  const dictionary =
    plan.dictionary ?? tools.language.lexiconFor(described.flatMap(all => all.map(({ text }) => text)));
  const readings = [];
  for (const [index, source] of sources.entries())
    readings.push(
      await tools.language.read(
        { source, dictionary, trait, ...(index > 0 && { reference: first }), paired: index > 0 },
        { signal: task.signal, used: task.used },
      ),
    );
  const alphas = personas.map(({ recipe }) => (trait ? (recipe.weights[trait] ?? 0) : null));
  return {
    prompt,
    trait: trait ?? null,
    lexicon: (readings[0] as (typeof readings)[number]).lexicon,
    personas: readings.map(({ total, intervals, differences, expected }, index) => ({
      ...{ name: names[index] as string, alpha: alphas[index] ?? null },
      ...{ words: total.words, sentiment: total.sentiment, categories: total.categories },
      ...{ intervals, differences, expected },
      descriptions: described[index] ?? [],
    })),
    slopes: trait
      ? slopesOf(
          alphas.map(Number),
          readings.map(({ texts }) => texts.map(({ readout }) => readout)),
          plan,
        )
      : null,
    notes: notesOf(personas, described, [...new Set(readings.flatMap(({ notes }) => notes))]),
  };
}

/** Every picture, each time with a seed of its own, as the server has room. */
async function describe(
  persona: Persona,
  { pictures: all, prompt, repeats }: Plan,
  { mixing, inference }: Tools,
  task: Task,
): Promise<Description[]> {
  const mix = await mixing.live(persona.recipe, task);
  const answers = inference.answer(
    {
      mix,
      system: systemPrompt(persona, [prompt]),
      prompts: all.map(() => prompt),
      pictures: all.map(picture => [picture]),
      ...{ repeats, sampling: persona.sampling },
    },
    task.signal,
  );
  const found: (Description & { index: number })[] = [];
  for await (const { index, repeat, text } of answers) {
    const { hash = '', name = '' } = all[index] ?? {};
    found.push({ index, picture: hash, name, repeat, text: text.trim() });
    task.progress(found.length, all.length * repeats, '');
  }
  return found
    .sort((a, b) => a.index - b.index || a.repeat - b.repeat)
    .map(({ index: _, ...description }) => description);
}

/**
 * Of each figure the slope on α within a picture, then its mean over the pictures: pictures are the sample, their
 * descriptions are not independent (the summary measures of Matthews et al. 1990).
 *
 * @param alphas of each persona
 * @param readouts by persona, then by description; a picture's repeats stand together
 */
function slopesOf(
  alphas: number[],
  readouts: TextReadout[][],
  { pictures: all, repeats }: Plan,
): PicturesResult['slopes'] {
  if (new Set(alphas).size < 2) return null;
  const features = [...measuresOf(readouts.flat()), ...Object.keys(readouts[0]?.[0]?.categories ?? {})];
  const rows = features.flatMap(feature => {
    const perPicture = all.flatMap((_, index) => {
      const x: number[] = [];
      const y: number[] = [];
      for (const [who, own] of readouts.entries())
        for (const readout of own.slice(index * repeats, (index + 1) * repeats))
          if (readout.words > 0) {
            x.push(alphas[who] as number);
            y.push(featureOf(readout, feature));
          }
      return slope(x, y) ?? [];
    });
    if (perPicture.length === 0) return [];
    const { ci95, p } = pairedDifference(
      perPicture,
      perPicture.map(() => 0),
    );
    return [{ feature, slope: mean(perPicture), ci95, p, n: perPicture.length }];
  });
  const adjusted = benjaminiHochberg(rows.map(({ p }) => p));
  return rows.map((row, index) => ({ ...row, pAdjusted: adjusted[index] ?? null }));
}

function notesOf(personas: Persona[], described: Description[][], notes: string[]): string[] {
  const silent = personas.flatMap(({ name }, index) => {
    const none = described[index]?.filter(({ text }) => text === '').length ?? 0;
    return none > 0 ? [`${name}: ${none} of ${described[index]?.length} descriptions have no word.`] : [];
  });
  return [
    ...silent,
    ...notes,
    'That descriptions differ says how a model talks of pictures with a mix; it says nothing of what is in them.',
  ];
}
