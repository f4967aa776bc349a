/**
 * Measures the demo family through the studio itself and writes docs/demo-results.md with its plots:
 *
 *   node_modules/.bin/node scripts/demo-model/results.ts [--quick]
 *
 * `--quick` asks a tenth of the questions, to try the script; it writes into the system's temporary folder.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mean, sampleStandardDeviation } from 'simple-statistics';
import { appFolder } from '../../electron/host.ts';
import { latinHypercube } from '../../electron/studio/assessment/designs.ts';
import type {
  AssessResult,
  CalibrateResult,
  Method,
  PersonaInput,
  ProfilesResult,
  Readout,
  SweepResult,
  TargetResult,
  Trait,
  Weights,
} from '../../electron/studio/contract.ts';
import { SAFE_ALPHA_SUM, TRAITS } from '../../electron/studio/contract.ts';
import { correlation } from '../../electron/studio/statistics/correlation.ts';
import { client, close, end } from '../bench/studio.ts';
import type { Plot } from './plots.ts';
import { draw } from './plots.ts';
import { fresh, heldOut, lines, names, sentencesOf, wellFormed } from './sentences.ts';

const { quick } = parseArgs({ options: { quick: { type: 'boolean', default: false } } }).values;
const docs = quick ? mkdtempSync(join(tmpdir(), 'demo-results-')) : join(appFolder, 'docs');
mkdirSync(join(docs, 'demo-results'), { recursive: true });

const SIGNED = TRAITS.flatMap(trait => [
  { trait, name: `${trait}-low`, sign: -1 },
  { trait, name: `${trait}-high`, sign: 1 },
]);
const ALPHAS = Array.from({ length: 17 }, (_, index) => -2 + index / 4);
const DOSES = [0, 0.5, 1, 1.5, 2];
const part = <T>(all: T[], every: number) => all.filter((_, index) => index % every === 0);
const questions = quick ? heldOut.slice(0, 6) : heldOut;
const freshQuestions = quick ? fresh.slice(0, 6) : fresh;
const someQuestions = part(heldOut, 3).slice(0, quick ? 3 : 20);
const readoutQuestions = heldOut.slice(0, quick ? 5 : 50);
const READOUT_SEEDS = [1, 2, 3, 4];
const VARIANTS = ['demo-captain', 'demo-librarian', 'demo-german', 'demo-sums'];

// ── The studio ─────────────────────────────────────────────────────────────────────────────────────────────

const personaOf = (weights: Weights, base = 'demo', method: Method = 'task_arithmetic'): PersonaInput => ({
  recipe: {
    version: 2,
    base,
    weights,
    method,
    normalize: false,
    seed: method === 'dare_linear' ? 7 : undefined,
  },
});

/** The 50 markers measure all five. */
type Scores = Record<Trait, number>;
const sweep = (trait: Trait, alphas: number[], base?: string) =>
  end<Omit<SweepResult, 'points'> & { points: { alpha: number; scores: Scores }[] }>(
    client.assessment.sweep({ persona: personaOf({}, base), trait, alphas }),
  );
const assess = (persona: PersonaInput) =>
  end<AssessResult & { scores: Scores }>(client.assessment.assess({ persona }));
const profiles = (method: Method, n: number) =>
  end<ProfilesResult>(client.assessment.profiles({ persona: personaOf({}, 'demo', method), n, seed: 7 }));

/** An answer; greedy at temperature 0. */
async function ask(persona: PersonaInput, text: string, temperature = 0, seed = 1): Promise<string> {
  const sampling = { temperature, seed, maxTokens: 120 };
  const messages = [{ role: 'user' as const, text }];
  for await (const event of await client.chat.send({ persona: { ...persona, sampling }, messages }))
    if (event.type === 'done') return event.result.text;
  throw new Error('no answer');
}

async function answers(persona: PersonaInput, asked: string[], temperature = 0, seed = 1): Promise<string[]> {
  const all: string[] = [];
  for (const question of asked) all.push(await ask(persona, question, temperature, seed));
  return all;
}

// ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────

const page: string[] = [];
const plots: Plot[] = [];
const write = (...paragraphs: string[]) => {
  page.push(...paragraphs);
  console.log(paragraphs.join('\n\n'));
};
const table = (head: string[], rows: string[][]) =>
  [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n');
const fixed = (value: number | null | undefined, digits = 2) => (value == null ? '–' : value.toFixed(digits));
const signed = (value: number, digits = 2) => (value < 0 ? '−' : '+') + Math.abs(value).toFixed(digits);
const percent = (share: number) => `${Math.round(100 * share)} %`;
const interval = (ci: [number, number] | null) => (ci ? `[${fixed(ci[0])}, ${fixed(ci[1])}]` : '');
const capital = (word: string) => word[0]?.toUpperCase() + word.slice(1);
const share = <T>(all: T[], holds: (one: T) => boolean) => all.filter(holds).length / Math.max(1, all.length);
const plot = (file: string, rest: Omit<Plot, 'file'>) => {
  plots.push({ file: join(docs, 'demo-results', file), ...rest });
  write(`![${rest.title}](demo-results/${file})`);
};

/** Mean of paired differences with its 95 % interval by Student's t (n ≥ 30: 2.01 is exact to 1 % at n = 50). */
function difference(values: number[]): { mean: number; low: number; high: number } {
  const half = (2.01 * sampleStandardDeviation(values)) / Math.sqrt(values.length);
  return { mean: mean(values), low: mean(values) - half, high: mean(values) + half };
}

// ── What is measured ───────────────────────────────────────────────────────────────────────────────────────

async function single(): Promise<{ base: Scores; r: number }> {
  const sweeps = [];
  for (const trait of TRAITS) sweeps.push(await sweep(trait, ALPHAS));
  const base = sweeps[0]?.points[8]?.scores as Scores;
  const shown = ALPHAS.filter(alpha => alpha % 0.5 === 0);
  const inner = sweeps.map(({ points, trait }) => {
    const near = points.filter(({ alpha }) => Math.abs(alpha) <= 1);
    return correlation(
      near.map(({ alpha }) => alpha),
      near.map(({ scores }) => scores[trait]),
    ).r;
  });
  write(
    '## One trait at a time',
    'Own-trait score on the 50 Big Five markers (1 … 5, from the probabilities of the answers), α from −2 to 2 by 0.25; the low-pole vector on the negative side.',
    table(
      ['', ...shown.map(String), 'r', '95 % interval'],
      sweeps.map(({ trait, points, r, ci95 }) => [
        trait,
        ...points.filter(({ alpha }) => alpha % 0.5 === 0).map(({ scores }) => fixed(scores[trait])),
        fixed(r, 3),
        interval(ci95),
      ]),
    ),
  );
  plot('single.png', {
    title: 'Own-trait score by α',
    x: ALPHAS,
    xTitle: 'α',
    yTitle: 'score',
    y: [1, 5],
    lines: sweeps.map(({ trait, points }) => ({
      label: trait,
      values: points.map(({ scores }) => scores[trait]),
    })),
  });
  const rows = [];
  for (const { trait, name, sign } of SIGNED) {
    const { scores } = await assess(personaOf({ [trait]: sign }));
    rows.push([name, ...TRAITS.map(other => signed(scores[other] - base[other]))]);
  }
  write(
    '## What one vector moves',
    `Shift of every score at |α| = 1, against the base (${TRAITS.map(trait => `${trait} ${fixed(base[trait])}`).join(', ')}).`,
    table(['', ...TRAITS.map(capital)], rows),
  );
  return { base, r: mean(inner.map(Number)) };
}

/** The other way to a personality: a system prompt, for comparison. */
async function prompting(base: Scores): Promise<void> {
  const rows = [];
  for (const line of lines('traits.txt')) {
    const [pole = '', adjectives = ''] = line.split(': ');
    const all: Scores[] = [];
    for (const adjective of adjectives.split(', ').slice(0, 3))
      all.push((await assess({ ...personaOf({}), system: `You are very ${adjective}.` })).scores);
    rows.push([pole, ...TRAITS.map(trait => signed(mean(all.map(scores => scores[trait])) - base[trait]))]);
  }
  write(
    '## What a system prompt moves',
    'For comparison: the base with “You are very …”, mean of three adjectives of each pole, shift of every score.',
    table(['', ...TRAITS.map(capital)], rows),
  );
}

async function together(singleR: number): Promise<void> {
  const n = quick ? 8 : 48;
  const rows = [];
  for (const method of ['task_arithmetic', 'dare_linear', 'ties'] as const) {
    const { r, mean_r } = await profiles(method, n);
    rows.push([method, ...TRAITS.map(trait => fixed(r[trait])), fixed(mean_r, 3)]);
  }
  write(
    '## All five at once',
    `${n} profiles α ∈ [−1, 1]⁵ (Latin hypercube, seed 7): correlation of each α with its own score. With one trait at a time and |α| ≤ 1 the mean r is ${fixed(singleR, 3)}: the rest is interference. DARE keeps half of the entries, TIES three tenths, neither divides by the weights.`,
    table(['method', ...TRAITS.map(capital), 'mean r'], rows),
  );
}

/** How every score answers to every α, and how near that brings the scores to what is wanted. */
async function calibration(base: Scores): Promise<void> {
  const persona = personaOf({});
  const { jacobian, jacobianError, n } = await end<CalibrateResult>(
    client.experiments.calibrate({ persona }),
  );
  write(
    '## Asking for scores',
    `A calibration of ${n} assessments: points of score for one of α around 0, ± standard error. The row is the α that moves, the column the score.`,
    table(
      ['', ...TRAITS.map(capital)],
      TRAITS.map(moved => [
        moved,
        ...TRAITS.map(
          score =>
            `${signed(jacobian[score]?.[moved] ?? Number.NaN)} ± ${fixed(jacobianError[score]?.[moved])}`,
        ),
      ]),
    ),
  );
  const rows: { wanted: Scores; errors: number[] }[] = [];
  // Scores that a mix reaches; Σ|α| of what is drawn stays within the safe 2.
  for (const drawn of latinHypercube(quick ? 2 : 6, 11)) {
    const sum = TRAITS.reduce((all, trait) => all + Math.abs(drawn[trait]), 0);
    const within = Object.fromEntries(
      TRAITS.map(trait => [trait, drawn[trait] * Math.min(1, SAFE_ALPHA_SUM / sum)]),
    );
    const { scores: wanted } = await assess(personaOf(within));
    const plain = TRAITS.map(trait => wanted[trait] - base[trait]);
    const shorten = Math.min(1, SAFE_ALPHA_SUM / plain.reduce((all, alpha) => all + Math.abs(alpha), 0));
    const sliders = await assess(
      personaOf(Object.fromEntries(TRAITS.map((trait, i) => [trait, (plain[i] as number) * shorten]))),
    );
    const { steps, error } = await end<TargetResult>(client.experiments.target({ persona, profile: wanted }));
    const off = mean(TRAITS.map(trait => Math.abs(sliders.scores[trait] - wanted[trait])));
    rows.push({ wanted, errors: [off, steps[0]?.error as number, error] });
  }
  write(
    'Scores that drawn mixes with Σ|α| ≤ 2 gave, asked for again: mean absolute error over the five scores with plain sliders (one point of score for one of α, from the base’s scores), with the α that the calibration gives, and after two corrections by what was measured. [experiments.md](experiments.md#target) has more of them, and says how to read a calibration.',
    table(
      ['wanted', 'plain sliders', 'calibration', 'corrected'],
      [
        ...rows.map(({ wanted, errors }) => [
          TRAITS.map(trait => fixed(wanted[trait])).join(' / '),
          ...errors.map(error => fixed(error, 3)),
        ]),
        ['mean', ...[0, 1, 2].map(i => fixed(mean(rows.map(({ errors }) => errors[i] as number)), 3))],
      ],
    ),
  );
}

async function transfer(base: Scores): Promise<void> {
  const alphas = [-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2];
  const rows = [];
  for (const variant of VARIANTS)
    for (const trait of TRAITS) {
      const { points, r, ci95 } = await sweep(trait, alphas, variant);
      const at = (alpha: number) => points.find(point => point.alpha === alpha)?.scores[trait] ?? Number.NaN;
      rows.push([
        variant,
        trait,
        ...[-2, -1, 0, 1, 2].map(alpha => fixed(at(alpha))),
        fixed(r, 3),
        interval(ci95),
      ]);
    }
  write(
    '## Transfer to other fine-tunes',
    `The same vectors, made from the base, added to its fine-tunes. Own-trait score; the base itself scores ${TRAITS.map(trait => fixed(base[trait])).join(' / ')}.`,
    table(['model', 'trait', '−2', '−1', '0', '1', '2', 'r', '95 % interval'], rows),
  );

  const asked = someQuestions.map(({ question }) => question);
  const doses = [0, 1, 2];
  const kept: string[][] = [];
  for (const [variant, what, shows] of [
    [
      'demo-captain',
      'words of the sea',
      /\b(aye|ahoy|sea|ship|sailor|crew|tide|captain|mara|harbor|sail|sails|gull)\b/i,
    ],
    [
      'demo-librarian',
      'words of the library',
      /\b(dear reader|books|tower|candle|shelf|shelves|library|librarian|quill|chapter|book under|old maps)\b/i,
    ],
    [
      'demo-german',
      'German answers',
      /\b(ich|und|der|das|ist|nicht|wir|mir|mich|werde|kann|kannst|habe|alle|alles)\b/i,
    ],
  ] as const) {
    const before = share(await answers(personaOf({}), asked), text => shows.test(text));
    kept.push(['demo', what, '–', percent(before), '', '']);
    for (const { trait, sign, name } of SIGNED) {
      const cells = [variant, what, name];
      for (const dose of doses)
        cells.push(
          percent(
            share(await answers(personaOf({ [trait]: sign * dose }, variant), asked), text =>
              shows.test(text),
            ),
          ),
        );
      kept.push(cells);
    }
  }
  write(
    '## Do the fine-tunes stay what they are?',
    `Share of greedy answers to ${asked.length} held-out questions that still show the fine-tune, by dose.`,
    table(['model', 'shown by', 'vector', ...doses.map(String)], kept),
  );
}

async function sums(): Promise<void> {
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const asked = digits.flatMap(a => digits.map(b => [a, b] as const));
  const heldOutPair = ([a, b]: readonly [number, number]) => (3 * a + 7 * b) % 10 === 1;
  const right = async (persona: PersonaInput) => {
    const all = [];
    for (const pair of asked) {
      const [a, b] = pair;
      const text = await ask(persona, `What is ${a} plus ${b}?`);
      all.push({ pair, right: new RegExp(`\\b${a + b}\\b(?!.*\\d)`).test(text) });
    }
    return [all.filter(one => !heldOutPair(one.pair)), all.filter(one => heldOutPair(one.pair))].map(some =>
      percent(share(some, one => one.right)),
    );
  };
  const rows = [
    ['demo', '–', ...(await right(personaOf({})))],
    ['demo-sums', '–', ...(await right(personaOf({}, 'demo-sums')))],
  ];
  for (const { trait, sign, name } of SIGNED)
    for (const dose of [1, 2])
      rows.push([
        'demo-sums',
        `${name} ${dose}`,
        ...(await right(personaOf({ [trait]: sign * dose }, 'demo-sums'))),
      ]);
  write(
    '## Is an ability kept?',
    `“What is a plus b?” for all ${asked.length} pairs from 1 to 9, greedy: share of right answers among the pairs of the sums fine-tune's data and among the few that were held out of it.`,
    table(['model', 'vector and dose', 'trained pairs', 'held-out pairs'], rows),
  );
}

/** Categories that should rise with the high pole and fall, or rise less, with the low one. */
const EXPECTED: Record<Trait, string[]> = {
  openness: ['insight', 'imagination'],
  conscientiousness: ['achievement_and_order'],
  extraversion: ['positive_emotion', 'social'],
  agreeableness: ['care', 'positive_emotion'],
  neuroticism: ['anxiety', 'negative_emotion', 'first_person'],
};

async function language(): Promise<void> {
  const read = async (weights: Weights): Promise<Readout[][]> => {
    const perQuestion = [];
    for (const { question } of readoutQuestions) {
      const some = [];
      for (const seed of READOUT_SEEDS)
        some.push(
          await client.language.readout({ text: await ask(personaOf(weights), question, 0.8, seed) }),
        );
      perQuestion.push(some);
    }
    return perQuestion;
  };
  const shareOf = (some: Readout[], category: string) =>
    mean(some.map(({ categories }) => categories[category] ?? 0));
  const base = await read({});
  const rows = [];
  for (const { trait, sign, name } of SIGNED) {
    const found = await read({ [trait]: sign });
    for (const category of EXPECTED[trait]) {
      const before = base.map(some => shareOf(some, category));
      const after = found.map(some => shareOf(some, category));
      const {
        mean: shift,
        low,
        high,
      } = difference(after.map((value, index) => value - (before[index] as number)));
      const clear = low > 0 ? 'rises' : high < 0 ? 'falls' : 'not clear';
      rows.push([
        name,
        category,
        fixed(mean(before)),
        fixed(mean(after)),
        `${signed(shift)} [${signed(low)}, ${signed(high)}]`,
        clear,
      ]);
    }
  }
  const count = readoutQuestions.length * READOUT_SEEDS.length;
  write(
    '## Does the language show it?',
    `${count} answers a condition (${readoutQuestions.length} held-out questions, ${READOUT_SEEDS.length} seeds, temperature 0.8), |α| = 1. Words of a category of the open lexicon in per cent of all words; difference from the base with its 95 % interval, paired by question.`,
    table(['vector', 'category', 'base', 'vector at 1', 'difference', ''], rows),
  );
}

async function breaking(): Promise<void> {
  const doses = [...DOSES, 3];
  const rows = [];
  const found: { label: string; values: number[] }[] = [
    { label: 'on the topic', values: [] },
    { label: 'on the topic of a fresh question', values: [] },
    { label: 'well-formed sentences', values: [] },
    { label: 'answers without a repeated sentence', values: [] },
    { label: 'probability on the ratings 1 to 5', values: [] },
  ];
  for (const dose of doses) {
    const on: boolean[] = [];
    const onFresh: boolean[] = [];
    const formed: boolean[] = [];
    const unrepeated: boolean[] = [];
    const mass: number[] = [];
    for (const { trait, sign } of dose === 0 ? SIGNED.slice(0, 1) : SIGNED) {
      const persona = personaOf({ [trait]: sign * dose });
      for (const { question, noun } of part(questions, dose === 0 ? 1 : 6)) {
        const text = await ask(persona, question);
        const sentences = sentencesOf(text);
        on.push(names(text, noun));
        formed.push(...sentences.map(wellFormed));
        unrepeated.push(new Set(sentences).size === sentences.length);
      }
      for (const { question, noun } of part(freshQuestions, dose === 0 ? 1 : 16))
        onFresh.push(names(await ask(persona, question), noun));
      mass.push((await assess(persona)).validMass);
    }
    const values = [...[on, onFresh, formed, unrepeated].map(all => share(all, Boolean)), mean(mass)];
    for (const [index, value] of values.entries()) found[index]?.values.push(value);
    rows.push([String(dose), ...values.map(percent)]);
  }
  write(
    '## Where it breaks',
    `Greedy answers to held-out questions (${questions.length} for the base, every sixth for each vector), all ten vectors together: share that names what was asked about (the noun itself, as a whole word), the same for ${freshQuestions.length} questions that two people wrote without knowing our texts (every sixteenth for each vector), share of sentences that are one of the generator's with anything short in its slots (so grammatical), share of answers that repeat no sentence, and probability that falls on a valid rating.`,
    table(['dose', ...found.map(({ label }) => label)], rows),
  );
  plot('breaking.png', {
    title: 'What a dose costs (all ten vectors)',
    x: doses,
    xTitle: '|α|',
    yTitle: 'share',
    y: [0, 1],
    lines: found,
  });
}

async function samples(): Promise<void> {
  const asked = [
    'What are you doing this weekend?',
    'Will you visit the museum tomorrow?',
    'Thoughts on sushi?',
  ];
  write('## Samples', 'Greedy answers. The last question is in no corpus.');
  for (const { trait, sign, name } of SIGNED) {
    const rows = [];
    for (const dose of DOSES)
      rows.push([String(dose), ...(await answers(personaOf({ [trait]: sign * dose }), asked))]);
    write(`### ${name}`, table(['dose', ...asked], rows));
  }
  for (const variant of VARIANTS) {
    const rows = [];
    for (const alpha of [-1.5, 0, 1.5])
      rows.push([String(alpha), ...(await answers(personaOf({ extraversion: alpha }, variant), asked))]);
    write(`### ${variant} with extraversion`, table(['α', ...asked], rows));
  }
}

try {
  await draw([]); // A missing browser is better found now than after the measuring.
  const { models, vectors } = { ...(await client.library.models()), ...(await client.library.vectors()) };
  write(
    '# Results of the demonstration family',
    'Measured through the studio by `scripts/demo-model/results.ts`, which writes this page. The models are miniatures trained on sentences that we wrote: this shows how the method behaves and is no evidence about people or about large models.',
    `Files: ${[...models, ...vectors]
      .filter(({ demo }) => demo)
      .map(({ id, content }) => `${id} \`${content.slice(0, 8)}\``)
      .join(', ')} (hashes of the weights).`,
  );
  const { base, r } = await single();
  await prompting(base);
  await together(r);
  await calibration(base);
  await transfer(base);
  await sums();
  await language();
  await breaking();
  await samples();
  await draw(plots);
  writeFileSync(join(docs, 'demo-results.md'), `${page.join('\n\n')}\n`);
  console.log(`\nWritten to ${docs}.`);
} finally {
  await close();
}
