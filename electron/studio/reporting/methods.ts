/** The methods section of a report, written from what the log holds of a run. */
import {
  METHODS,
  ownSettings,
  type Persona,
  type Recipe,
  type Run,
  settingsOf,
  TRAITS,
} from '../contract.ts';
import { isEndpoint } from '../endpoints/contract.ts';
import { capital, count, fixed, list, type Text } from './apa.ts';
import { modelOf } from './files.ts';
import type { RunFile } from './schemas.ts';

/** Works behind the statistics, by the key that presenters cite; *stars* stand around what is in italics. */
export const WORKS = {
  sun: {
    full: 'Sun, S., Baek, S. Y., & Kim, J. H. (2025). Personality vector: Modulating personality of large language models by model merging. In *Proceedings of the 2025 Conference on Empirical Methods in Natural Language Processing* (pp. 24667–24688). Association for Computational Linguistics. https://arxiv.org/abs/2509.19727',
  },
  benjamini: {
    full: 'Benjamini, Y., & Hochberg, Y. (1995). Controlling the false discovery rate: A practical and powerful approach to multiple testing. *Journal of the Royal Statistical Society: Series B*, *57*(1), 289–300.',
  },
  bonett: {
    full: 'Bonett, D. G., & Wright, T. A. (2000). Sample size requirements for estimating Pearson, Kendall and Spearman correlations. *Psychometrika*, *65*(1), 23–28.',
  },
  bonettPrice: {
    full: 'Bonett, D. G., & Price, R. M. (2012). Adjusted Wald confidence interval for a difference of binomial proportions based on paired data. *Journal of Educational and Behavioral Statistics*, *37*(4), 479–488.',
  },
  cleveland: {
    full: 'Cleveland, W. S. (1979). Robust locally weighted regression and smoothing scatterplots. *Journal of the American Statistical Association*, *74*(368), 829–836.',
  },
  cochran: {
    full: 'Cochran, W. G. (1977). *Sampling techniques* (3rd ed.). Wiley.',
  },
  cousineau: {
    full: 'Goulet-Pelletier, J.-C., & Cousineau, D. (2018). A review of effect sizes and their confidence intervals, Part I: The Cohen’s *d* family. *The Quantitative Methods for Psychology*, *14*(4), 242–265.',
  },
  cronbach: {
    full: 'Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests. *Psychometrika*, *16*(3), 297–334.',
  },
  feldt: {
    full: 'Feldt, L. S. (1965). The approximate sampling distribution of Kuder–Richardson reliability coefficient twenty. *Psychometrika*, *30*(3), 357–370.',
  },
  hutto: {
    full: 'Hutto, C. J., & Gilbert, E. (2014). VADER: A parsimonious rule-based model for sentiment analysis of social media text. *Proceedings of the International AAAI Conference on Web and Social Media*, *8*(1), 216–225.',
  },
  fisher: {
    full: 'Fisher, R. A. (1921). On the “probable error” of a coefficient of correlation deduced from a small sample. *Metron*, *1*, 3–32.',
  },
  monroe: {
    full: 'Monroe, B. L., Colaresi, M. P., & Quinn, K. M. (2008). Fightin’ words: Lexical feature selection and evaluation for identifying the content of political conflict. *Political Analysis*, *16*(4), 372–403.',
  },
  mcgraw: {
    full: 'McGraw, K. O., & Wong, S. P. (1996). Forming inferences about some intraclass correlation coefficients. *Psychological Methods*, *1*(1), 30–46.',
  },
  mckay: {
    full: 'McKay, M. D., Beckman, R. J., & Conover, W. J. (1979). A comparison of three methods for selecting values of input variables in the analysis of output from a computer code. *Technometrics*, *21*(2), 239–245.',
  },
} as const;
export type Work = keyof typeof WORKS;

/** First digits of a hash; the report's table of materials has all of them. */
const short = (hash: string) => hash.slice(0, 12);

/** `1.2 million`. */
function amount(count: number): string {
  for (const [unit, word] of [
    [1e9, 'billion'],
    [1e6, 'million'],
  ] as const)
    if (count >= unit) return `${fixed(count / unit, 1)} ${word}`;
  return String(count);
}

export interface Design {
  /** What was varied and how, in sentences. */
  design: Text;
  /** How it was analysed, in sentences. */
  analysis: Text;
  works: Work[];
}

/** Paragraphs on the model, the instrument, the design with its analysis, and the programs. */
export function methodsOf(run: Run, files: RunFile[], { design, analysis }: Design): Text[] {
  const personas = personasOf(run.input);
  const varies = 'persona' in run.input && run.kind !== 'chat' && run.kind !== 'assess';
  const paragraphs = [
    [
      ...modelSentence(run, files),
      ...personas.flatMap((named, index) => personaText(named, index, files, varies)),
    ],
    instrumentText(run.input, files),
    [...design, ...(design.length > 0 && analysis.length > 0 ? [' '] : []), ...analysis],
    versionsText(run),
  ];
  return paragraphs.filter(paragraph => paragraph.length > 0);
}

interface Named {
  title: string;
  recipe: Recipe;
  persona?: Persona;
}

/** Personas and recipes that a run's input names, whatever the kind of run. */
function personasOf(input: object): Named[] {
  const { persona, reference, before, recipe, recipes } = input as {
    persona?: Persona;
    /** Of a readout it is texts. */
    reference?: Persona | object;
    before?: Persona;
    recipe?: Recipe;
    recipes?: { name: string; recipe: Recipe }[];
  };
  return [
    ...(persona ? [{ title: 'the persona', recipe: persona.recipe, persona }] : []),
    ...(recipe ? [{ title: 'the mix', recipe }] : []),
    ...(reference && 'recipe' in reference
      ? [{ title: 'the reference persona', recipe: reference.recipe, persona: reference }]
      : []),
    ...(before ? [{ title: 'the persona compared with', recipe: before.recipe, persona: before }] : []),
    ...(recipes ?? []).map(({ name, recipe }) => ({ title: `the recipe “${name}”`, recipe })),
  ];
}

function modelSentence(run: Run, files: RunFile[]): Text {
  const models = files.filter(file => file.role === 'model');
  const served = Object.entries(run.versions).flatMap(([base, about]) =>
    isEndpoint(base) ? [servedText(base, about)] : [],
  );
  if (models.length === 0) return served;
  const named = models.map(
    ({ label, id, architecture, parameters, type, hash }) =>
      `${label === id ? label : `${label} (“${id}”)`}, ${architecture} architecture, ${amount(parameters)} parameters, ${type} weights, SHA-256 of the weights beginning with ${short(hash)}`,
  );
  const subject =
    run.kind === 'chat' || 'inventory' in run.input ? 'Answers were given by' : 'The material was';
  if (named.length === 1) return [`${subject} the language model ${named[0]}. `, ...served];
  const numbered = named.map((words, index) => `(${index + 1}) ${words}`);
  return [`${subject} the language models ${numbered.join('; ')}. `, ...served];
}

/** What is known of a model that another server ran. */
function servedText(base: string, about: string): string {
  const [, url, model] = /^([^#]*)#(.*)$/s.exec(base) ?? ['', base, ''];
  const told = about ? `, which says of itself: ${about}` : '';
  return `Answers were given by the language model “${model}” on the server ${url}${told}. A server tells no hashes of its files, so whether it runs the same weights another time cannot be checked. `;
}

/** `varies`: the design sets the weights, so the recipe's own say nothing yet. */
function personaText(
  { title, recipe, persona }: Named,
  index: number,
  files: RunFile[],
  varies: boolean,
): Text {
  const used = TRAITS.filter(trait => recipe.weights[trait]);
  const model = modelOf(files, recipe.base);
  const of = files.filter(file => file.role === 'model').length > 1 && model ? ` of ${model.label}` : '';
  const parts: string[] = [];
  if (used.length > 0) {
    const alphas = used.map(trait => `${trait} α\u00a0=\u00a0${fixed(recipe.weights[trait] as number)}`);
    parts.push(
      `For ${title}, personality vectors (differences of weights between a fine-tuned model and its base; Sun et al., 2025) were added to the weights${of}: ${list(alphas)}; a positive α takes the vector of the trait’s high pole, a negative one that of its low pole.`,
    );
  } else if (varies && index === 0)
    parts.push(
      `Personality vectors (differences of weights between a fine-tuned model and its base; Sun et al., 2025) were added to the weights${of} as the design says.`,
    );
  else parts.push(`For ${title}, the weights${of} were left as they are.`);
  const settings = settingsText(recipe);
  if (used.length > 0 || (varies && index === 0))
    parts.push(
      `The merge method was ${METHODS[recipe.method].label}${settings ? ` (${settings})` : ' with its default settings'}.`,
    );
  if (persona?.system.trim()) parts.push(`The system prompt was “${persona.system.trim()}”.`);
  else if (persona) parts.push('There was no system prompt.');
  return [`${parts.join(' ')} `];
}

function settingsText(recipe: Recipe): string {
  const own = ownSettings(recipe);
  const values = settingsOf(recipe.method).flatMap(({ id, label }) => {
    const value = own[id];
    // The seed of a random mask matters also where it is the usual one.
    if (value === undefined && !(id === 'seed' && recipe.seed !== undefined)) return [];
    const shown = value ?? recipe.seed;
    return [`${label.toLowerCase()} ${typeof shown === 'object' ? JSON.stringify(shown) : shown}`];
  });
  if (recipe.depth) values.push(`factors over depth ${JSON.stringify(recipe.depth)}`);
  if (recipe.filters) values.push(`factors by tensor ${JSON.stringify(recipe.filters)}`);
  return values.join(', ');
}

/** “Donnellan et al., 2006” from a reference in APA style; nothing where it cannot be read off. */
export function inTextCitation(reference: string): string {
  const [, authors = '', year] = /^(.*?)\((\d{4})[a-z]?\)/.exec(reference) ?? [];
  const names = [...authors.matchAll(/(\p{L}[\p{L}’'’ -]*),\s(?:\p{Lu}\.[ -]?)+/gu)].map(match =>
    (match[1] as string).replace(/^&\s*/, '').trim(),
  );
  const [first, second] = names;
  if (!year || !first) return '';
  if (names.length > 2) return `${first} et al., ${year}`;
  return `${second ? `${first} & ${second}` : first}, ${year}`;
}

function instrumentText(input: object, files: RunFile[]): Text {
  if (!('inventory' in input && 'administration' in input)) return [];
  const { inventory: id, administration } = input as Extract<Run, { kind: 'assess' }>['input'];
  const inventory = files.find(file => file.role === 'inventory');
  const parts: string[] = [];
  if (inventory) {
    const cite = inTextCitation(inventory.reference);
    const answers = inventory.answers.map((label, index) => `${index + 1} = ${label}`).join(', ');
    parts.push(
      `The inventory was “${inventory.title}”${cite ? ` (${cite})` : ''}: ${inventory.items} items, language “${inventory.language}”, answers ${answers}; source: ${inventory.source}; licence: ${inventory.licence}; SHA-256 of the file beginning with ${short(inventory.hash)}.`,
    );
  } else parts.push(`The inventory was “${id}”, of which no more is known here.`);
  parts.push('Every item was put in a chat of its own, so that no answer could depend on another.');
  const { mode, temperature, repeats, seed, instructions, order, judge } = administration;
  switch (mode) {
    case 'probability':
      parts.push(
        'The rating of an item is the expected value under the model’s own probabilities of the answers (probability mode), which involves no chance.',
      );
      break;
    case 'sampled':
      parts.push(
        `Answers were drawn at temperature ${temperature}, ${count(repeats)} to each prompt (seed ${seed}), and ratings read from the text; what could not be read counts as missing (sampled mode).`,
      );
      break;
    case 'interview': {
      const by = judge === undefined ? undefined : modelOf(files, judge);
      parts.push(
        `Free answers were drawn at temperature ${temperature}, ${count(repeats)} to each item (seed ${seed}), and rated by the model ${by?.label ?? judge} from its own probabilities of the ratings (interview mode).`,
      );
      break;
    }
    default:
      mode satisfies never;
  }
  const ways = {
    normal: 'in the usual order of the answers',
    reversed: 'with the answers in reversed order (ratings turned back)',
    both: 'once in the usual and once in reversed order of the answers (ratings turned back)',
  };
  parts.push(
    `${instructions === 1 ? 'One wording of the instruction was' : `${capital(count(instructions))} wordings of the instruction were`} used, ${ways[order]}.`,
    'Items keyed minus were reversed; a scale’s score is the mean of its items where at least two thirds of them were answered.',
  );
  return [parts.join(' ')];
}

const PROGRAMS: Record<string, string> = {
  temperament: 'Temperament',
  llama: 'llama.cpp',
  node: 'Node',
};

function versionsText({ versions, startedAt, id, imported }: Run): Text {
  const programs = Object.entries(versions).flatMap(([name, version]) =>
    name === 'device' || isEndpoint(name) ? [] : [`${PROGRAMS[name] ?? capital(name)} ${version}`],
  );
  const on = versions.device ? ` on ${versions.device}` : '';
  const from = imported
    ? `, imported from the study bundle whose manifest has a SHA-256 beginning with ${short(imported.bundle)}`
    : '';
  return [
    `Everything was computed with ${list(programs)}${on} on ${startedAt.slice(0, 10)} (run ${id}${from}).`,
  ];
}
