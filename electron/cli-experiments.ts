/** The terminal's commands for experiments: plans from options, results for people, and going on after an interruption. */
import { readFileSync } from 'node:fs';
import type { RouterClient } from '@orpc/server';
import { type Command, Option } from 'commander';
import { endpointOptions } from './cli-endpoints.ts';
import { picturesText } from './cli-pictures.ts';
import {
  alphasArgument,
  aNumber,
  by,
  byTrait,
  number,
  type RecipeOptions,
  recipeOf,
  recipeOptions,
} from './cli-recipe.ts';
import { assessmentText, correlationText, decimals, intervalText, scoreRow, table } from './cli-text.ts';
import * as schema from './studio/contract.ts';
import { liveObstacle, METHOD_IDS, TRAITS } from './studio/contract.ts';
import { StudioError } from './studio/errors.ts';
import type { Studio } from './studio/studio.ts';

type Client = RouterClient<Studio['router']>;
type Persona = { recipe: schema.Recipe; system: string };

/** What cli.ts lends: see there. */
interface Terminal<A> {
  command(name: string, description: string): Command;
  perform<T>(work: (client: Client) => Promise<T>, show: (result: T) => string): Promise<void>;
  follow<R>(client: Client, starting: Promise<{ run: string }>): Promise<R & { run: string }>;
  personaFor(client: Client, options: RecipeOptions & { system?: string }): Promise<Persona>;
  warn(client: Client, recipe: schema.Recipe, live: boolean): Promise<unknown>;
  system(command: Command): Command;
  administering(command: Command): Command;
  administered(options: A): { inventory?: string; administration: object };
}

// ── Reading arguments ──────────────────────────────────────────────────────────────────────────────────────

const list = (text: string) =>
  text
    .split(',')
    .map(part => part.trim())
    .filter(Boolean);

/**
 * A recipe to compare, as the name of its method with settings behind a colon (`ties:density=0.3,normalize=false`), or a
 * JSON file.
 */
async function comparedRecipe(text: string, base: string): Promise<{ name: string; recipe: schema.Recipe }> {
  const [method = '', ...rest] = text.split(':');
  if (!(METHOD_IDS as string[]).includes(method)) {
    if (!text.endsWith('.json'))
      throw new StudioError(
        'bad_input',
        `“${text}” is neither a merge method nor a recipe in a .json file.`,
        {
          field: 'recipe',
          action: `Methods: ${METHOD_IDS.join(', ')}.`,
        },
      );
    const { recipe } = await recipeOf({ recipe: text, model: base }, () => Promise.reject(new Error()));
    return { name: text, recipe };
  }
  const settings = list(rest.join(':')).map((part): [string, unknown] => {
    const [name = '', value = ''] = part.split('=');
    const known: Record<string, unknown> = { true: true, false: false };
    return [name, value in known ? known[value] : Number.isNaN(number(value)) ? value : number(value)];
  });
  const { recipe } = await recipeOf(
    { model: base, method: method as schema.Method, ...Object.fromEntries(settings) },
    () => Promise.reject(new Error()),
  );
  const unknown = settings.find(([name]) => !(name in schema.parameters));
  if (unknown)
    throw new StudioError('bad_input', `There is no setting “${unknown[0]}” of ${method}.`, {
      field: 'recipe',
      action: '“methods” lists the settings.',
    });
  return { name: text, recipe };
}

/** `openness=4.5,neuroticism=2` */
const profileArgument = (text: string) =>
  by(schema.targetInput.shape.profile, given => byTrait(given, aNumber))(text);

const knotsArgument = (text: string) =>
  by(schema.calibrateInput.shape.knots, given => list(given).map(number))(text);

const isLive = (recipe: schema.Recipe, baked: boolean) => !baked && liveObstacle(recipe) === null;

const seedOption = (command: Command, of = 'drawing') =>
  command.option('--seed <number>', `seed of the ${of}`, by(schema.profilesInput.shape.seed, number));
const bakedOption = (command: Command) => command.option('--baked', 'bake a file for every point', false);
const traitsOption = (command: Command) =>
  command.option(
    '--traits <names>',
    'some of the five, with commas (default: all)',
    by(schema.transferInput.shape.traits, list),
  );
const designOptions = (command: Command) =>
  seedOption(command, 'design')
    .option('--knots <values>', '|α| at which each pole of each trait is assessed alone', knotsArgument)
    .option(
      '--combinations <number>',
      'drawn combinations of all traits',
      by(schema.calibrateInput.shape.combinations, number),
    );

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────

export function experimentCommands<A>({
  command,
  perform,
  follow,
  personaFor,
  warn,
  system,
  administering,
  administered,
}: Terminal<A>): void {
  const studied = (name: string, description: string) =>
    bakedOption(administering(system(endpointOptions(recipeOptions(command(name, description))))));

  studied('sweep', 'assess along one α')
    .requiredOption('--trait <name>', TRAITS.join(' | '), by(schema.trait))
    .option('--alphas <range>', 'FROM:TO:STEP, or a list', alphasArgument, alphasArgument('-2:2:0.25'))
    .action(({ trait, alphas, baked, ...options }) =>
      perform(async client => {
        const persona = await personaFor(client, options);
        const weights = { ...persona.recipe.weights, [trait]: alphas.at(-1) };
        const worst = { ...persona.recipe, weights };
        await warn(client, worst, isLive(worst, baked));
        const plan = { persona, ...administered(options), trait, alphas, baked };
        return follow<schema.SweepResult>(client, client.assessment.sweep(plan));
      }, texts.sweep),
    );

  seedOption(studied('profiles', 'profile study: assess drawn combinations of all five'))
    .option('--n <number>', 'number of profiles', by(schema.profilesInput.shape.n, number))
    .action(({ n, seed, baked, ...options }) =>
      perform(async client => {
        const persona = await personaFor(client, options);
        const plan = { persona, ...administered(options), n, seed, baked };
        return follow<schema.ProfilesResult>(client, client.assessment.profiles(plan));
      }, texts.profiles),
    );

  const comparison = command('methods-compare', 'the same drawn profiles under several recipes')
    .argument(
      '[recipe...]',
      'methods with settings, as in ties:density=0.3,normalize=false, or recipes as .json',
      ['task_arithmetic', 'dare_linear:density=0.5', 'ties:density=0.3,normalize=false'],
    )
    .option('--model <name>', 'name in the library, or path of a GGUF file', 'demo')
    .option('--n <number>', 'number of profiles', by(schema.profilesInput.shape.n, number));
  bakedOption(seedOption(administering(system(comparison)))).action(
    (names: string[], { model, n, seed, baked, system: prompt, ...options }) =>
      perform(async client => {
        const recipes = [];
        for (const name of names) recipes.push(await comparedRecipe(name, model));
        const persona = await personaFor(client, { model, system: prompt });
        const plan = { persona, ...administered(options), n, seed, baked, recipes };
        return follow<schema.MethodsCompareResult>(client, client.experiments.methods(plan));
      }, texts.methods_compare),
  );

  traitsOption(studied('prompting', 'adjectives in the system prompt, by level, against α'))
    .option('--alphas <range>', 'FROM:TO:STEP, or a list', alphasArgument)
    .option('--adjectives <file>', 'JSON with wordings in place of resources/adjectives.json')
    .action(({ traits, alphas, adjectives, baked, ...options }) =>
      perform(async client => {
        const persona = await personaFor(client, options);
        const own = adjectives === undefined ? undefined : JSON.parse(readFileSync(adjectives, 'utf8'));
        const plan = { persona, ...administered(options), baked, traits, alphas, adjectives: own };
        return follow<schema.PromptingResult>(client, client.experiments.prompting(plan));
      }, texts.prompting),
    );

  const transferring = command('transfer', 'the same vectors on other models of the backbone')
    .requiredOption('--model <names>', 'models that take the vectors, with commas', list)
    .option('--base <name>', 'model whose vectors they are', 'demo')
    .option('--alphas <values>', 'FROM:TO:STEP, or a list', alphasArgument);
  bakedOption(traitsOption(administering(system(transferring)))).action(
    ({ model: models, base, traits, alphas, baked, system: prompt, ...options }) =>
      perform(async client => {
        const persona = await personaFor(client, { model: base, system: prompt });
        const plan = { persona, ...administered(options), baked, models, traits, alphas };
        return follow<schema.TransferResult>(client, client.experiments.transfer(plan));
      }, texts.transfer),
  );

  const ability = schema.capabilityInput.shape;
  bakedOption(
    seedOption(
      system(
        endpointOptions(recipeOptions(command('capability', 'what a mix can still do, before and after'))),
      ),
      'tasks',
    ),
  )
    .option('--problems <number>', 'arithmetic problems; 0: none', by(ability.problems, number))
    .option('--operations <names>', 'plus, minus, times', by(ability.operations, list))
    .option('--largest <number>', 'largest number in a problem', by(ability.largest, number))
    .option(
      '--requests <number>',
      'requests about the form of an answer; 0: none',
      by(ability.requests, number),
    )
    .option('--text <file>', 'text whose likelihood is measured, blank lines between passages')
    .option('--no-text', 'no text')
    .option('--max-tokens <number>', 'length limit of an answer', by(ability.maxTokens, number))
    .action(({ text, maskSeed, ...options }) =>
      perform(async client => {
        const persona = await personaFor(client, { ...options, maskSeed });
        await warn(client, persona.recipe, isLive(persona.recipe, options.baked));
        const { problems, operations, largest, requests, seed, maxTokens, baked } = options;
        const read = text === false ? '' : text === undefined ? undefined : readFileSync(text, 'utf8');
        const plan = { persona, problems, operations, largest, requests, text: read, seed, maxTokens, baked };
        return follow<schema.CapabilityResult>(client, client.experiments.capability(plan));
      }, texts.capability),
    );

  studied('stability', 'does a trait survive a second merge? --mix is the first')
    .option('--type <name>', 'type of the file between both merges', by(schema.fileType))
    .addOption(
      new Option(
        '--second <mix>',
        'what is merged on top: α per trait, or a recipe as .json; may be repeated (default: nothing, and every other trait at ±1)',
      ).argParser((text: string, before: string[] = []) => [...before, text]),
    )
    .action(({ type, second = [], baked, ...options }) =>
      perform(async client => {
        const persona = await personaFor(client, options);
        const onTop = [];
        for (const name of second as string[]) {
          const { method, recipe: file, ...rest } = options;
          const given = name.endsWith('.json')
            ? { recipe: name }
            : { ...rest, method, mix: by(schema.weights, text => byTrait(text, aNumber))(name) };
          onTop.push({ name, recipe: (await personaFor(client, given)).recipe });
        }
        const plan = { persona, ...administered(options), baked, type, second: onTop };
        return follow<schema.StabilityResult>(client, client.experiments.stability(plan));
      }, texts.stability),
    );

  designOptions(studied('calibrate', 'how every score answers to every α; kept for “target”')).action(
    ({ knots, combinations, seed, baked, ...options }) =>
      perform(async client => {
        const persona = await personaFor(client, options);
        const plan = { persona, ...administered(options), baked, knots, combinations, seed };
        return follow<schema.CalibrateResult>(client, client.experiments.calibrate(plan));
      }, texts.calibrate),
  );

  command('calibrations', 'list the calibrations that are kept').action(() =>
    perform(
      async client => ({ calibrations: await client.experiments.calibrations() }),
      ({ calibrations }) =>
        calibrations.length > 0
          ? table(
              calibrations.map(({ key, date, model, inventory }) => [
                key.slice(0, 8),
                date,
                model,
                inventory,
              ]),
            )
          : 'None yet; “calibrate” makes one.',
    ),
  );

  const aimed = schema.targetInput.shape;
  designOptions(
    studied('target', 'the α for wanted scores, predicted and measured; calibrates first where need be'),
  )
    .requiredOption('--profile <scores>', 'wanted: openness=4.5,neuroticism=2', profileArgument)
    .option(
      '--free',
      'traits that are not named may go anywhere (default: they stay where the base has them)',
    )
    .option('--ridge <number>', 'λ on squared α', by(aimed.ridge, number))
    .option(
      '--refine <number>',
      'further assessments that correct the α (default: 2)',
      by(aimed.refine, number),
    )
    .action(({ profile, free, ridge, refine, knots, combinations, seed, baked, ...options }) =>
      perform(async client => {
        const persona = await personaFor(client, options);
        const others = free ? ('free' as const) : undefined;
        const design = { knots, combinations, seed };
        const plan = { persona, ...administered(options), baked, ...design, profile, others, ridge, refine };
        return follow<schema.TargetResult>(client, client.experiments.target(plan));
      }, texts.target),
    );

  studied('solve', 'the α for wanted scores by the calibration that is kept, without a measurement')
    .requiredOption('--profile <scores>', 'wanted: openness=4.5,neuroticism=2', profileArgument)
    .option('--free', 'traits that are not named may go anywhere')
    .option('--ridge <number>', 'λ on squared α', by(aimed.ridge, number))
    .action(({ profile, free, ridge, baked, ...options }) =>
      perform(
        async client => {
          const persona = await personaFor(client, options);
          const others = free ? ('free' as const) : undefined;
          const plan = { persona, ...administered(options), baked, profile, others, ridge };
          return { solved: await client.experiments.solve(plan) };
        },
        ({ solved }) =>
          solved
            ? table([
                ['trait', 'wanted', 'α', 'predicted', 'within reach'],
                ...TRAITS.map(trait => [
                  trait,
                  decimals(profile[trait]),
                  signed(solved.alphas[trait]),
                  intervalText(solved.predicted[trait], solved.predictedCi95[trait]),
                  `${decimals(solved.range[trait]?.[0])} to ${decimals(solved.range[trait]?.[1])}`,
                ]),
              ])
            : 'There is no calibration for this model, its vectors and these settings yet; “calibrate” makes one.',
      ),
    );

  const tuned = schema.tuneInput.shape;
  const tuning = command(
    'tune',
    'search method, density, trim and λ per trait; reported on held-out profiles',
  )
    .option('--model <name>', 'name in the library, or path of a GGUF file', 'demo')
    .option('--methods <names>', schema.TUNABLE_METHODS.join(','), by(tuned.methods, list))
    .option('--budget <number>', 'assessments to spend', by(tuned.budget, number))
    .option('--held-out <number>', 'profiles for the report', by(tuned.heldOut, number));
  bakedOption(seedOption(administering(system(tuning)), 'search')).action(
    ({ model, methods, budget, heldOut, seed, baked, system: prompt, ...options }) =>
      perform(async client => {
        const persona = await personaFor(client, { model, system: prompt });
        const plan = { persona, ...administered(options), baked, methods, budget, heldOut, seed };
        return follow<schema.TuneResult>(client, client.experiments.tune(plan));
      }, texts.tune),
  );

  command('resume', 'go on with an experiment or a measurement that was interrupted')
    .argument('[run]', 'id of its run, or the beginning of it (default: the newest that can be resumed)')
    .action((given?: string) =>
      perform(
        async client => {
          const id = await resumable(client, given);
          const { kind } = await client.runs.get({ id });
          const result = await follow<object>(client, client.runs.resume({ id }));
          shown = kind as keyof Texts;
          return result;
        },
        result => (texts[shown] as (result: object) => string)(result),
      ),
    );
  let shown: keyof Texts = 'sweep';
}

async function resumable(client: Client, given?: string): Promise<string> {
  const runs = await client.runs.list({ limit: 1000 });
  if (given !== undefined) {
    const found = runs.filter(({ id }) => id.startsWith(given));
    if (found.length > 1)
      throw new StudioError('bad_input', `Several runs have an id that begins with ${given}.`, {
        field: 'run',
      });
    return found[0]?.id ?? given;
  }
  const newest = runs.find(
    ({ kind, state }) => schema.isResumable(kind) && ['interrupted', 'cancelled', 'failed'].includes(state),
  );
  if (newest) return newest.id;
  throw new StudioError('not_found', 'No experiment or measurement in the log was interrupted.', {
    field: 'run',
  });
}

// ── Results for people ─────────────────────────────────────────────────────────────────────────────────────

const pText = (p: number | null | undefined) => (p == null ? '–' : p < 0.001 ? '<.001' : p.toFixed(3));
const signed = (value: number | null | undefined, digits = 2) =>
  value == null ? '–' : `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;
const percent = (share: number | null) => (share === null ? '–' : `${(100 * share).toFixed(1)} %`);
const alphasText = (alphas: Partial<Record<schema.Trait, number>>) =>
  TRAITS.flatMap(trait => (alphas[trait] ? [`${trait} ${signed(alphas[trait])}`] : [])).join(', ') || 'none';

/** The text, and the result's notes under it. */
const noted = (text: string, { notes }: { notes: string[] }) =>
  [text, ...notes.map(note => `Note: ${note}`)].join('\n');

type Texts = {
  [K in schema.ExperimentKind | 'assess']: (
    result: NonNullable<Extract<schema.Run, { kind: K }>['result']>,
  ) => string;
};

const texts: Texts = {
  assess: assessmentText,
  sweep: result => {
    const rows = result.points.map(point => [String(point.alpha), ...scoreRow(point.scores)]);
    return noted(
      `${table([['α', ...TRAITS], ...rows])}\nr = ${correlationText(result.r, result.ci95)}, n = ${result.n}; Spearman’s rho = ${correlationText(result.rho, result.rhoCi95)}`,
      result,
    );
  },

  profiles: result => {
    const retested = Object.keys(result.retest).length > 0;
    const rows = TRAITS.map(trait => [
      trait,
      correlationText(result.r[trait], result.ci95[trait]),
      pText(result.pAdjusted[trait]),
      correlationText(result.rho[trait], result.rhoCi95[trait]),
      intervalText(result.reliability[trait]?.alpha, result.reliability[trait]?.ci95),
      ...(retested ? [intervalText(result.retest[trait]?.icc, result.retest[trait]?.ci95)] : []),
    ]);
    const head = ['trait', 'r(α, score)', 'p adjusted', 'Spearman’s rho', 'alpha'];
    if (retested) head.push('retest');
    return noted(
      `${table([head, ...rows])}\nmean r = ${correlationText(result.mean_r)}, n = ${result.n}; the persons of alpha${retested ? ' and of retest, ICC(A,1) between wordings,' : ''} are the profiles`,
      result,
    );
  },

  methods_compare: result => {
    const own = result.recipes.map(({ name, r, mean_r, mean_rCi95 }) => [
      name,
      ...TRAITS.map(trait => decimals(r[trait], 3)),
      correlationText(mean_r, mean_rCi95),
    ]);
    const pairs = result.differences.map(({ first, second, difference, ci95, pAdjusted }) => [
      `${second} − ${first}`,
      difference === null ? 'undefined' : correlationText(difference, ci95),
      pText(pAdjusted),
    ]);
    return noted(
      [
        table([['recipe', ...TRAITS, 'mean r'], ...own]),
        table([['difference of mean r', '', 'p adjusted'], ...pairs]),
        `${result.n} profiles, the same under every recipe; percentile intervals and p from ${result.resamples} resamples of the profiles.`,
      ].join('\n\n'),
      result,
    );
  },

  prompting: result => {
    const levels = result.traits.flatMap(({ trait, levels }) =>
      levels.map(({ level, score, ci95, others, alpha }) => [
        trait,
        signed(level, 0),
        intervalText(score, ci95),
        decimals(others),
        alpha === null ? 'none' : signed(alpha),
      ]),
    );
    const doses = result.traits.map(({ trait, prompting, vector }) => [
      trait,
      signed(prompting.slope),
      correlationText(prompting.r),
      signed(vector.slope),
      correlationText(vector.r, vector.ci95),
    ]);
    const vectors = result.traits.flatMap(({ trait, vectors }) =>
      vectors.map(({ alpha, score, others }) => [trait, signed(alpha), decimals(score), decimals(others)]),
    );
    return noted(
      [
        table([['prompted', 'level', 'score', 'others moved', 'same as α'], ...levels]),
        table([['by vector', 'α', 'score', 'others moved'], ...vectors]),
        table([['slope', 'per level', 'r', 'per α', 'r'], ...doses]),
        'Others moved: mean |shift| of the other four scores from the base. Intervals of levels are over adjectives.',
      ].join('\n\n'),
      result,
    );
  },

  transfer: result => {
    const rows = result.models.flatMap(({ model, scores, traits }) =>
      traits.map(({ trait, points, r, rCi95, slope, ratio }) => [
        model,
        trait,
        decimals(scores[trait]),
        points.map(({ alpha, shift }) => `${alpha}: ${signed(shift)}`).join('  '),
        correlationText(r, rCi95),
        decimals(slope),
        decimals(ratio),
      ]),
    );
    return noted(
      table([['model', 'trait', 'at α 0', 'shift by α', 'r', 'slope', 'of the base’s'], ...rows]),
      result,
    );
  },

  capability: result => {
    const parts: string[] = [];
    const { arithmetic, instructions, likelihood } = result;
    const rows = [['arithmetic', arithmetic] as const, ['requests followed', instructions] as const].flatMap(
      ([what, found]) =>
        found
          ? [
              [
                what,
                String(found.n),
                percent(found.before.share),
                percent(found.after.share),
                `${signed(found.difference)}${found.ci95 ? ` [${signed(found.ci95[0])}, ${signed(found.ci95[1])}]` : ''}`,
                `${found.gained} / ${found.lost}`,
                pText(found.p),
              ],
            ]
          : [],
    );
    if (rows.length > 0)
      parts.push(
        table([['tasks', 'n', 'before', 'after', 'difference', 'gained / lost', 'p (McNemar)'], ...rows]),
      );
    if (instructions)
      parts.push(
        table([
          ['rule', 'n', 'before', 'after'],
          ...instructions.rules.map(({ rule, n, before, after }) => [
            rule,
            String(n),
            String(before),
            String(after),
          ]),
        ]),
      );
    if (likelihood)
      parts.push(
        `Perplexity of ${likelihood.tokens} tokens in ${likelihood.passages} passages: ${intervalText(likelihood.before.perplexity, likelihood.before.ci95)} before, ${intervalText(likelihood.after.perplexity, likelihood.after.ci95)} after; ratio ${correlationText(likelihood.ratio, likelihood.ratioCi95)}.`,
      );
    return noted(parts.join('\n\n'), result);
  },

  stability: result => {
    const rows = result.second.flatMap(({ name, traits }) =>
      traits.map(({ trait, before, after, kept, difference, ci95, p }) => [
        name,
        trait,
        signed(before),
        signed(after),
        kept === null ? '–' : percent(kept),
        `${signed(difference)}${ci95 ? ` [${signed(ci95[0])}, ${signed(ci95[1])}]` : ''}`,
        pText(p),
      ]),
    );
    return noted(
      `${table([['second merge', 'trait', 'shift before', 'after', 'kept', 'difference', 'p'], ...rows])}\nFirst merge: ${alphasText(result.first.weights)}, written as ${result.first.type}.`,
      result,
    );
  },

  calibrate: result => {
    const known = (error: number | undefined) => (result.df < 1 ? '–' : decimals(error));
    const matrix = (what: keyof Pick<schema.Calibration, 'jacobian' | 'low' | 'high'>) =>
      TRAITS.map(score => [
        score,
        ...TRAITS.map(
          trait =>
            `${signed(result[what][score]?.[trait])} ± ${known(result[`${what}Error`][score]?.[trait])}`,
        ),
      ]);
    const curves = result.curves.map(({ trait, alpha, shift, error }) => [
      trait,
      signed(alpha),
      `${signed(shift[trait])} ± ${known(error[trait])}`,
    ]);
    return noted(
      [
        table([['score by α of', ...TRAITS], ...matrix('jacobian')]),
        'Points of score for one of α around 0, central difference, ± standard error; --json has both poles apart.',
        table([['own score', 'α', 'shift'], ...curves]),
        `${result.n} assessments, ${result.df} degrees of freedom; residual standard deviations ${TRAITS.map(trait => `${trait} ${known(result.residual[trait])}`).join(', ')}. Kept as ${result.key.slice(0, 8)}.`,
      ].join('\n\n'),
      result,
    );
  },

  target: result => {
    const rows = TRAITS.map(trait => [
      trait,
      decimals(result.wanted[trait]),
      signed(result.alphas[trait]),
      intervalText(result.predicted[trait], result.predictedCi95[trait]),
      decimals(result.measured[trait]),
    ]);
    const { fresh, key, date } = result.calibration;
    const intervals = Object.values(result.predictedCi95).some(ci95 => ci95 !== null)
      ? 'In brackets: 95 % interval of one assessment, as wide as drawn combinations were off from effects that add up.'
      : 'There are no intervals, because the calibration has too few assessments for them: more “--combinations” give some.';
    return noted(
      `${table([['trait', 'wanted', 'α', 'predicted', 'measured'], ...rows])}\n${intervals}\nMean absolute error ${decimals(result.error, 3)}. Calibration ${key.slice(0, 8)} ${fresh ? 'was made for this' : `of ${date}`}.`,
      result,
    );
  },

  pictures: picturesText,
  tune: result => {
    const last = result.rounds.at(-1)?.candidates ?? [];
    const candidates = last.map(({ id, settings, mean_r }) => [
      String(id),
      settingsText(settings),
      correlationText(mean_r),
    ]);
    const { heldOut } = result;
    const sides = (['plain', 'tuned'] as const).map(which => [
      which,
      ...TRAITS.map(trait => decimals(heldOut[which].r[trait], 3)),
      correlationText(heldOut[which].mean_r, heldOut[which].mean_rCi95),
    ]);
    return noted(
      [
        table([['last round', 'settings', 'mean r'], ...candidates]),
        table([[`${heldOut.n} held-out profiles`, ...TRAITS, 'mean r'], ...sides]),
        `Tuned − plain: ${heldOut.difference === null ? 'undefined' : correlationText(heldOut.difference, heldOut.ci95)}, p ${pText(heldOut.p)}. ${result.spent} of ${result.budget} assessments spent, ${result.rounds[0]?.candidates.length} candidates.`,
      ].join('\n\n'),
      result,
    );
  },
};

function settingsText({ method, density, trim, lambda }: schema.TuneSettings): string {
  const parts: string[] = [method];
  if (density !== undefined) parts.push(`density ${density}`);
  if (trim !== undefined) parts.push(`trim ${trim}`);
  parts.push(`λ ${TRAITS.map(trait => decimals(lambda[trait])).join(' ')}`);
  return parts.join(', ');
}
