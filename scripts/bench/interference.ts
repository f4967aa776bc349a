/**
 * Does anything beat adding the vectors as they are? Measures the demo family with every way of mixing through the studio
 * and writes docs/interference.md:
 *
 *   node_modules/.bin/node scripts/bench/interference.ts [--quick]
 *
 * `--quick` takes 8 profiles and a few questions, to try the script; it writes into the system's temporary folder.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mean, quantile, sampleCorrelation } from 'simple-statistics';
import { appFolder } from '../../electron/host.ts';
import { latinHypercube } from '../../electron/studio/assessment/designs.ts';
import type {
  CompareResult,
  ProfilesResult,
  RecipeInput,
  VectorName,
  Weights,
} from '../../electron/studio/contract.ts';
import { liveObstacle, recipe as recipeSchema, TRAITS } from '../../electron/studio/contract.ts';
import { vectorWeights } from '../../electron/studio/mixing/basis.ts';
import { seededRandom } from '../../electron/studio/statistics/random.ts';
import { heldOut, names, sentencesOf, wellFormed } from '../demo-model/sentences.ts';
import { client, close, end, home } from './studio.ts';

const { quick } = parseArgs({ options: { quick: { type: 'boolean', default: false } } }).values;
const out = join(
  quick ? mkdtempSync(join(tmpdir(), 'interference-')) : join(appFolder, 'docs'),
  'interference.md',
);

const PROFILES = quick ? 8 : 48;
const SEED = 7;
const RESAMPLES = 2000;
/** Answers: every third question to each of the first profiles. */
const asked = heldOut.filter((_, index) => index % 3 === 0).slice(0, quick ? 2 : 8);
const ASKED_PROFILES = quick ? 2 : 12;

type Settings = Omit<RecipeInput & { version: 2 }, 'version' | 'base' | 'weights'>;
interface Condition {
  name: string;
  settings: Settings;
  /** λ that makes the mean ‖change‖ over the profiles that of plain task arithmetic, instead of 1. */
  equalSize?: true;
}
const CONDITIONS: Condition[] = [
  { name: 'plain task arithmetic', settings: {} },
  { name: 'DARE, density 0.5', settings: { method: 'dare_linear', density: 0.5, seed: SEED } },
  { name: 'TIES, density 0.3', settings: { method: 'ties', density: 0.3, normalize: false } },
  { name: 'axes', settings: { basis: 'axes' } },
  { name: 'axes, equal size', settings: { basis: 'axes' }, equalSize: true },
  { name: 'axes, whitened 0.5, equal size', settings: { basis: 'axes', whitening: 0.5 }, equalSize: true },
  { name: 'axes, whitened 1, equal size', settings: { basis: 'axes', whitening: 1 }, equalSize: true },
  { name: 'poles, whitened 0.5', settings: { whitening: 0.5 } },
  { name: 'poles, whitened 1', settings: { whitening: 1 } },
  { name: 'TSV-M', settings: { method: 'tsv_m' } },
  { name: 'TSV-M, half the directions', settings: { method: 'tsv_m', rankShare: 0.5 } },
  { name: 'TSV-M of axes, equal size', settings: { method: 'tsv_m', basis: 'axes' }, equalSize: true },
  {
    name: 'KnOTS with TIES, density 0.3',
    settings: { method: 'knots_ties', density: 0.3, normalize: false },
  },
];

// ── The studio ─────────────────────────────────────────────────────────────────────────────────────────────

/** A greedy answer. */
async function ask(recipe: RecipeInput, text: string): Promise<string> {
  const persona = { recipe, sampling: { temperature: 0, seed: 1, maxTokens: 120 } };
  for await (const event of await client.chat.send({ persona, messages: [{ role: 'user', text }] }))
    if (event.type === 'done') return event.result.text;
  throw new Error('no answer');
}

// ── Measuring ──────────────────────────────────────────────────────────────────────────────────────────────

interface Measured {
  name: string;
  lambda: number;
  size: number;
  /** Of each profile. */
  profiles: ProfilesResult['profiles'];
  r: number[];
  slope: number;
  onTopic: number;
  formed: number;
}

const profiles = latinHypercube(PROFILES, SEED);

/** Mean ‖change‖ of a recipe's weighted sums over the profiles, which the methods then thin out or turn. */
function meanSize({ settings }: Condition, vectors: VectorName[], products: number[][]): number {
  return mean(
    profiles.map(weights => {
      const mix = Object.entries(
        vectorWeights(weights, settings.basis, settings.whitening, vectors, products),
      );
      let square = 0;
      for (const [a, x] of mix)
        for (const [b, y] of mix)
          square +=
            x * y * (products[vectors.indexOf(a as VectorName)]?.[vectors.indexOf(b as VectorName)] ?? 0);
      return Math.sqrt(square);
    }),
  );
}

const recipeOf = (weights: Weights, settings: Settings, lambda: number): RecipeInput => ({
  version: 2,
  base: 'demo',
  weights,
  ...settings,
  lambda,
});

async function fluency(settings: Settings, lambda: number): Promise<{ onTopic: number; formed: number }> {
  const topics: boolean[] = [];
  const forms: boolean[] = [];
  for (const weights of profiles.slice(0, ASKED_PROFILES)) {
    let recipe = recipeOf(weights, settings, lambda);
    const file = join(home, 'asked.gguf');
    // A conversation with what cannot be live goes through a file.
    if (liveObstacle(recipeSchema.parse(recipe))) {
      await end(client.mixing.bake({ recipe, type: 'f32', out: file, overwrite: true }));
      recipe = { version: 2, base: file };
    }
    for (const { question, noun } of asked) {
      const text = await ask(recipe, question);
      topics.push(names(text, noun));
      forms.push(...sentencesOf(text).map(wellFormed));
    }
  }
  const share = (all: boolean[]) => all.filter(Boolean).length / Math.max(1, all.length);
  return { onTopic: share(topics), formed: share(forms) };
}

const alphasOf = (all: ProfilesResult['profiles']) =>
  TRAITS.map(trait => all.map(({ weights }) => weights[trait]));
const scoresOf = (all: ProfilesResult['profiles']) =>
  TRAITS.map(trait => all.map(({ scores }) => scores[trait] ?? Number.NaN)); // the 50 markers measure all five
const correlations = (all: ProfilesResult['profiles']) => {
  const [alphas, scores] = [alphasOf(all), scoresOf(all)];
  return TRAITS.map((_, t) => sampleCorrelation(alphas[t] ?? [], scores[t] ?? []));
};

/** Points of score for one of α, least squares, mean of the traits. */
function meanSlope(all: ProfilesResult['profiles']): number {
  const [alphas, scores] = [alphasOf(all), scoresOf(all)];
  return mean(
    TRAITS.map((_, t) => {
      const [x = [], y = []] = [alphas[t], scores[t]];
      const [mx, my] = [mean(x), mean(y)];
      const over = x.reduce((sum, value, i) => sum + (value - mx) * ((y[i] ?? 0) - my), 0);
      return over / x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
    }),
  );
}

/** 95 % percentile intervals over resampled profiles: of the mean r, and of its difference from the plain mix. */
function intervals(all: Measured[]): { own: [number, number]; difference: [number, number] }[] {
  const random = seededRandom(SEED);
  const draws = Array.from({ length: RESAMPLES }, () =>
    Array.from({ length: PROFILES }, () => Math.floor(random() * PROFILES)),
  );
  const means = all.map(measured =>
    draws.map(draw => mean(correlations(draw.map(i => measured.profiles[i] as Measured['profiles'][0])))),
  );
  const between = (values: number[]): [number, number] => [quantile(values, 0.025), quantile(values, 0.975)];
  return means.map(own => ({
    own: between(own),
    difference: between(own.map((value, i) => value - (means[0]?.[i] ?? 0))),
  }));
}

// ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────

const fixed = (value: number, digits = 3) => value.toFixed(digits).replace('-', '−');
const range = ([low, high]: [number, number]) => `[${fixed(low)}, ${fixed(high)}]`;
const percent = (share: number) => `${Math.round(100 * share)} %`;
/** Columns as wide as their widest cell, as Biome formats tables. */
function table(head: string[], rows: string[][]): string {
  const widths = head.map((_, c) => Math.max(3, ...[head, ...rows].map(row => row[c]?.length ?? 0)));
  const line = (cells: string[], fill: string) =>
    `| ${widths.map((width, c) => (cells[c] ?? '').padEnd(width, fill)).join(' | ')} |`;
  return [line(head, ' '), line([], '-'), ...rows.map(row => line(row, ' '))].join('\n');
}

function page(measured: Measured[], comparison: CompareResult, files: string[]): string {
  const found = intervals(measured);
  const rows = measured.map(({ name, r, lambda, size, slope, onTopic, formed }, i) => [
    name,
    fixed(lambda, 2),
    fixed(size, 1),
    `${fixed(mean(r))} ${range(found[i]?.own ?? [0, 0])}`,
    i === 0 ? '' : range(found[i]?.difference ?? [0, 0]),
    fixed(slope, 2),
    percent(onTopic),
    percent(formed),
  ]);
  const verdict = (test: (low: number, high: number) => boolean) =>
    measured.slice(1).flatMap(({ name }, i) => {
      const [low, high] = found[i + 1]?.difference ?? [0, 0];
      return test(low, high) ? [name] : [];
    });
  const list = (all: string[]) => (all.length > 0 ? all.join('; ') : 'none');
  const { all, vectors, poles } = comparison;
  const cosines = all.cosines.flatMap((row, i) => row.slice(0, i)).map(Number);
  return `${[
    '# Interference between the vectors',
    'Written by `scripts/bench/interference.ts`, which measures the demonstration family through the studio. The models are miniatures trained on sentences that we wrote: this shows how the methods behave on them and is no evidence about large models.',
    `Files: ${files.join(', ')} (hashes of the weights).`,
    '## How the vectors lie',
    `Cosines between the ${vectors.length} vectors: from ${fixed(Math.min(...cosines))} to ${fixed(Math.max(...cosines))}, mean ${fixed(mean(cosines))}. Common part of a trait’s two poles, ‖(high + low)/2‖² / (‖(high + low)/2‖² + ‖(high − low)/2‖²), where 0.5 is orthogonal: ${poles.map(({ trait, common }) => `${trait} ${fixed(common ?? 0, 2)}`).join(', ')}.`,
    '## What mixing differently does',
    table(
      [
        '',
        'λ',
        'mean ‖change‖',
        'mean r [95 %]',
        'difference from plain [95 %]',
        'slope',
        'on the topic',
        'well-formed',
      ],
      rows,
    ),
    `**Mean r**: ${PROFILES} profiles α ∈ [−1, 1]⁵ (Latin hypercube, seed ${SEED}), each assessed with the IPIP-50 from the answers’ probabilities; Pearson’s r of α with the same trait’s score, mean of the five traits. 95 % percentile intervals from ${RESAMPLES} bootstrap resamples of the profiles (seed ${SEED}); the difference is paired, the same profiles in both. The scores have no sampling error of their own, so the intervals are about the choice of profiles only, not about other models or other vectors.`,
    `**Cost**: greedy answers to ${asked.length} held-out questions by each of the first ${ASKED_PROFILES} profiles, ${asked.length * ASKED_PROFILES} a row: share that names what was asked about, and share of sentences that are one of the corpus’ with anything short in its slots.`,
    '**Slope**: points of score for one of α. r does not see how strong a mix is, fluency does: so the rows of equal size have the λ that makes the mean ‖change‖ over the profiles that of the plain sum. ‖change‖ is that of the weighted sum, before DARE and TIES thin it out and TSV-M turns its directions; neither TIES is divided by the weights.',
    '**Axes**: α·(φ_high − φ_low)/2. **Whitened β**: the directions of the basis turned by the power −β/2 of their matrix of cosines, at the same length; 1 is Löwdin’s symmetric orthogonalisation. Both are weights on the same vectors, so they stay live.',
    '**TSV-M** makes the singular directions of all vectors of a tensor orthogonal, “half” those 4 of 8 that are strongest. **KnOTS** trims and elects in directions that the vectors share. Both work on the vectors’ factors and need a baked file.',
    '## What it means',
    `Above plain task arithmetic (the whole interval of the difference above 0): ${list(verdict(low => low > 0))}.`,
    `Below it: ${list(verdict((_low, high) => high < 0))}.`,
    `Not told apart from it: ${list(verdict((low, high) => low <= 0 && high >= 0))}.`,
    'Where a row is not above plain task arithmetic, plain task arithmetic is the one to use: it is simpler, and it is what the published results are about.',
  ].join('\n\n')}\n`;
}

try {
  const comparison = await end<CompareResult>(client.library.compare({ entrywise: false }));
  const vectors = comparison.vectors.map(({ trait, pole }): VectorName => `${trait}-${pole}`);
  const { norms, cosines } = comparison.all;
  const products = cosines.map((row, i) =>
    row.map((cosine, j) => (cosine ?? 0) * (norms[i] ?? 0) * (norms[j] ?? 0)),
  );
  const plain = meanSize(CONDITIONS[0] as Condition, vectors, products);
  const measured: Measured[] = [];
  for (const condition of CONDITIONS) {
    const { name, settings } = condition;
    const unscaled = meanSize(condition, vectors, products);
    const lambda = condition.equalSize ? plain / unscaled : 1;
    const persona = { recipe: recipeOf({}, settings, lambda) };
    const study = await end<ProfilesResult>(client.assessment.profiles({ persona, n: PROFILES, seed: SEED }));
    const r = correlations(study.profiles);
    measured.push({
      name,
      lambda,
      size: lambda * unscaled,
      profiles: study.profiles,
      r,
      slope: meanSlope(study.profiles),
      ...(await fluency(settings, lambda)),
    });
    console.log(`${name}: mean r ${fixed(mean(r))}`);
  }
  const { models } = await client.library.models();
  const { vectors: known } = await client.library.vectors();
  const files = [...models.filter(({ id }) => id === 'demo'), ...known].map(
    ({ id, content }) => `${id} \`${content.slice(0, 8)}\``,
  );
  writeFileSync(out, page(measured, comparison, files));
  console.log(`Written to ${out}.`);
} finally {
  await close();
}
