/**
 * Does every experiment once on the demonstration family, through the terminal, and writes docs/experiments.md:
 *
 *   node_modules/.bin/node scripts/experiments.ts
 *
 * Some five minutes on two cores.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Experiment {
  title: string;
  /** What it asks and how it is done. */
  about: string;
  command: string;
  /** How its figures are to be read. */
  reading: string;
}

const EXPERIMENTS: Experiment[] = [
  {
    title: 'Sweep',
    about:
      'How does a trait’s score follow its α? The persona is assessed at each α; the recipe’s other weights stay as they are.',
    command: 'sweep --trait neuroticism --alphas -2:2:0.5',
    reading:
      'r is Pearson’s correlation of α with the trait’s own score, ρ Spearman’s, with 95 % intervals over the points. Scores level off at both ends: a straight line is not expected beyond |α| = 1, and ρ tells whether the order holds.',
  },
  {
    title: 'Profile study',
    about:
      'Do the sliders stay independent when all five move? Profiles are drawn from [−1, 1]⁵ by a seeded Latin hypercube, and each α is correlated with its own score over the profiles.',
    command: 'profiles --n 48 --seed 7',
    reading:
      'A mean r below that of single sweeps is interference between the vectors. p values are corrected for five tests (Benjamini–Hochberg). “alpha” is Cronbach’s, of the trait’s items with the profiles as persons, and no weight of a vector. With `--instructions N` there is also how well the wordings of the question agree ([assessment.md](assessment.md#statistics)).',
  },
  {
    title: 'Method comparison',
    about:
      'Which way of merging keeps the traits apart? Every recipe gets the same profiles, so that recipes are compared in pairs.',
    command:
      'methods-compare task_arithmetic tsv_m dare_linear:density=0.5 ties:density=0.3,normalize=false --n 24 --seed 7',
    reading:
      'Intervals and p are from resampled profiles, the same resample for every recipe. They are about the choice of profiles, not about other models.',
  },
  {
    title: 'Prompting against vectors',
    about:
      'Is a vector worth more than asking? Adjectives of a trait (“You are very outgoing.”) in four strengths against α, on one axis.',
    command: 'prompting --traits extraversion,neuroticism',
    reading:
      '“Same as α” is the α that gives the prompt’s score. “Others moved” is the mean shift of the four other scores: what a prompt does besides. `resources/adjectives.json` has the wordings; `--adjectives` takes others.',
  },
  {
    title: 'Transfer',
    about: 'Do the vectors act on other models of the same backbone: a character, another language, a task?',
    command: 'transfer --model demo-captain,demo-german,demo-sums --traits extraversion,neuroticism',
    reading:
      'Shifts are from each model’s own score at α = 0, paired over items. The last column is the slope over that on the model the vectors were made from.',
  },
  {
    title: 'Capability check',
    about:
      'What does a mix cost? Sums with known answers, requests about the form of an answer that a rule can check, and the likelihood of a text, before and after.',
    command: 'capability --model demo-sums --mix extraversion=1,neuroticism=-1 --operations plus --largest 9',
    reading:
      'Tasks are the same before and after: McNemar’s exact test counts those that changed sides. The demonstration model cannot follow requests; its sums fine-tune adds numbers up to nine. The interval of the perplexity ratio is over passages.',
  },
  {
    title: 'Stability',
    about:
      'Does a trait survive a second merge? The first mix is written to a file, and other mixes are merged into that.',
    command: 'stability --mix extraversion=1',
    reading:
      '“Kept” is the shift after the second merge over the shift before it. “Written once more” shows what storing alone changes. Further training is outside of what the studio does, and is not tested here.',
  },
  {
    title: 'Calibration',
    about:
      'How does every score answer to every α? Each pole of each trait is assessed alone at a few α, and drawn combinations of all five say how much the sum of those leaves unexplained.',
    command: 'calibrate --model demo',
    reading:
      'A column of large figures beside the diagonal is a vector that moves other traits too. The calibration is kept in the data folder for this model, its vectors, the recipe’s settings, the inventory and the administration.',
  },
  {
    title: 'Target',
    about:
      'Which α give the scores that are wanted? Solved from the calibration by ridge, within |α| ≤ 2 and Σ|α| ≤ 2; then measured.',
    command: 'target --profile extraversion=4.2,neuroticism=2',
    reading:
      'The interval is for one assessment of one mix by this calibration. The fit takes the effects of the traits’ α as additive; what it misses grows with the α of two traits at once. So the variance behind an interval is a + b·Σ|α_T·α_U| over all pairs of traits, with a and b learned from what each drawn combination was off from the fit of all other assessments (PRESS, Allen 1974), averaged over shapes from constant to hardly constant by their likelihood. `scripts/bench/targets.ts --n 40` counts how many measured scores the intervals hold. Two further assessments correct the α by what the last one missed, and the best of the three is kept (`--refine N`: N of them). Over 20 drawn targets (`scripts/bench/targets.ts --n 20`) the mean absolute error was 0.083 points with plain sliders that know the base’s scores, 0.064 with the calibration alone and 0.039 with two corrections; the 95 % intervals held 98 % of the scores of solved mixes and 97 % of those of drawn ones.\n\n`solve --profile …` gives the α and the prediction alone, at once, from a calibration that is kept, and which scores of a trait are within reach at all with Σ|α| ≤ 2, whatever the other traits do. The mixer’s _Target (score)_ does the same while a wanted score is moved; there, traits that are left free may go anywhere (`--free`), and _Measure and correct_ is `target`.',
  },
  {
    title: 'Tuning',
    about:
      'Are there better settings for these vectors? Methods, densities, trims and a factor for each trait are drawn and judged by successive halving (Jamieson & Talwalkar 2016), and the winner meets the plain recipe on profiles that no candidate has seen.',
    command: 'tune --budget 160 --held-out 16',
    reading:
      'Only the held-out row counts: candidates were chosen for their figures in the rounds. Where the interval of the difference holds 0, keep the plain recipe.\n\n**Why no CMA-ES and no Bayesian optimisation.** Of packages on npm, `hyperparameters` searches grids and at random only, `hyperopt` compiles C++ when it is installed, `optimization-js` mutates at random, `ml-direct` and `nlopt-js` have other algorithms; `bayesian-optimizer` and `numopt-js` (CMA-ES) could not be had from the registry (November 2026). So a Gaussian process (Matérn 5/2, length scale and noise by marginal likelihood) with expected improvement was written on ml-matrix and tried in place of halving, with a budget of 128 assessments for the search and 24 held-out profiles, seeds 1 to 3. Halving gave back the plain recipe each time. The Gaussian process, judging 16 candidates by the same 8 profiles, climbed on those (seed 1: from 0.965 to 0.976) and was 0.015 and 0.032 below the plain recipe on the held-out ones (two seeds): it fitted the profiles it had. With 8 new profiles for every candidate it came out at −0.015, 0.000 and −0.0005. So few profiles say less of a recipe than recipes differ, and halving spends its budget on more of them for the best ones; so it stayed.',
  },
];

const home = mkdtempSync(join(tmpdir(), 'experiments-'));
const docs = join(import.meta.dirname, '..', 'docs', 'experiments.md');
const terminal = (command: string) =>
  execFileSync(
    process.execPath,
    [join(import.meta.dirname, '..', 'electron', 'cli.ts'), ...command.split(' ')],
    {
      env: { ...process.env, TEMPERAMENT_HOME: home },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  ).trimEnd();

const page = [
  '# The experiments',
  'Each experiment is a plan that is done point by point. Every finished point is in the log at once: after a crash, a power cut or Ctrl-C, `resume` goes on without doing anything twice, and the same plan gives the same numbers again: to the last bit for a baked file or a single vector; where several vectors act live, to about four digits, because llama.cpp adds them up in an order that depends on where they lie in memory. `tables`, `export`, `report` and `bundle` take every run ([reports.md](reports.md)). On the page, the view _Experiments_ has a form for each of them but target and tuning. One more has several personas describe the same pictures; it needs a model on a server, so it stands in [servers.md](servers.md#pictures).',
  [
    '| experiment | asks | command |',
    '| --- | --- | --- |',
    ...EXPERIMENTS.map(
      ({ title, about, command }) =>
        `| [${title}](#${title.toLowerCase().replaceAll(' ', '-')}) | ${about.slice(0, about.indexOf('?') + 1)} | \`${command.split(' ')[0]}\` |`,
    ),
  ].join('\n'),
  'Written by `scripts/experiments.ts`, which ran the commands below. The models are the demonstration family, miniatures trained on sentences that we wrote: this shows how to use and read the experiments, and is no evidence about people or about large models.',
];
try {
  terminal('models');
  for (const { title, about, command, reading } of EXPERIMENTS) {
    console.log(command);
    page.push(
      `## ${title}`,
      about,
      `\`\`\`\n$ npm run -s cli -- ${command}\n${terminal(command)}\n\`\`\``,
      reading,
    );
  }
  writeFileSync(docs, `${page.join('\n\n')}\n`);
  console.log(`Written to ${docs}.`);
} finally {
  rmSync(home, { recursive: true, force: true });
}
