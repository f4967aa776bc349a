/** The capability check: does a mix still calculate, follow requests, and find plain text likely? Before against after. */
import type { z } from 'zod';
import type { Assessment } from '../assessment/assessment.ts';
import type { CapabilityResult, capabilityInput, Persona } from '../contract.ts';
import { isEndpoint } from '../endpoints/contract.ts';
import { StudioError } from '../errors.ts';
import type { Inference, Mix } from '../inference.ts';
import type { Task } from '../log/runs.ts';
import { percentile95, resampled } from '../statistics/bootstrap.ts';
import { pairedProportions } from '../statistics/proportions.ts';
import type { Points } from './points.ts';
import { arithmeticProblems, numberIn, type requestMaterial, requestsOf } from './tasks.ts';

/** Questions or passages that make a point. */
const CHUNK = 20;

export interface CapabilityMaterial {
  requests: z.output<typeof requestMaterial>;
  /** The studio's own text. */
  text: string;
}

interface Tools {
  assessment: Assessment;
  inference: Inference;
  points: Points;
  task: Task;
}

interface Likelihood {
  tokens: number;
  logProbability: number;
}

export async function capability(
  input: z.output<typeof capabilityInput> & { before: Persona },
  material: CapabilityMaterial,
  tools: Tools,
): Promise<CapabilityResult> {
  const { seed, resamples } = input;
  const problems = arithmeticProblems(input.problems, input.operations, input.largest, seed);
  const requests = requestsOf(material.requests, input.requests, seed);
  const notes: string[] = [];
  const elsewhere = [input.before, input.persona].some(({ recipe }) => isEndpoint(recipe.base));
  // A text that was asked for is refused there, with the reason.
  const passages = passagesOf(input.text ?? (elsewhere ? '' : material.text));
  if (elsewhere && input.text === undefined)
    notes.push('The likelihood of a text is left out: a server does not say it.');
  if (problems.length < input.problems)
    notes.push(`There are only ${problems.length} different arithmetic problems of this kind.`);
  if (requests.length < input.requests) notes.push(`There are only ${requests.length} different requests.`);
  if (problems.length + requests.length + passages.length === 0)
    throw new StudioError('bad_input', 'No problems, no requests and no text: there is nothing to check.', {
      field: 'problems',
      action: 'Ask for at least one of them.',
    });

  const questions = [...problems, ...requests].map(({ question }) => question);
  const chunks = [questions, passages].map(list => Math.ceil(list.length / CHUNK));
  tools.points.expect(2 * chunks.reduce((sum, count) => sum + count, 0));
  const before = await arm('before', input.before, questions, passages, input, tools);
  const after = await arm('after', input.persona, questions, passages, input, tools);

  const answered = (index: number, right: (answer: string) => boolean) => {
    const said = ({ answers }: typeof before) => {
      const text = answers[index] as string;
      return { text, right: right(text) };
    };
    return { before: said(before), after: said(after) };
  };
  const sums = problems.map(({ question, answer }, index) => ({
    question,
    answer,
    ...answered(index, text => numberIn(text) === answer),
  }));
  const followed = requests.map(({ rule, question, follows }, index) => ({
    rule,
    question,
    ...answered(problems.length + index, text => follows(text)),
  }));
  for (const [what, tasks] of [
    ['arithmetic', sums],
    ['requests', followed],
  ] as const)
    if (tasks.length > 0 && tasks.every(task => !task.before.right))
      notes.push(`No task of ${what} was solved before: what the mix costs there cannot be seen.`);
  return {
    arithmetic: sums.length > 0 ? { ...outcome(sums), tasks: sums } : null,
    instructions:
      followed.length > 0 ? { ...outcome(followed), tasks: followed, rules: byRule(followed) } : null,
    likelihood: passages.length > 0 ? compareLikelihood(before.texts, after.texts, resamples, seed) : null,
    seed,
    notes,
  };
}

/** Blank lines part the passages. */
const passagesOf = (text: string) =>
  text
    .split(/\n\s*\n/)
    .map(passage => passage.trim())
    .filter(Boolean);

/** One persona's answers and likelihoods, in points of some questions or passages each. */
async function arm(
  name: string,
  persona: Persona,
  questions: string[],
  passages: string[],
  { baked, maxTokens }: { baked: boolean; maxTokens: number },
  { assessment, inference, points, task }: Tools,
): Promise<{ answers: string[]; texts: Likelihood[] }> {
  const sampling = { temperature: 0, topP: 1, seed: 0, maxTokens };
  const system = persona.system.trim();
  const chunksOf = (list: string[], what: string) =>
    Array.from({ length: Math.ceil(list.length / CHUNK) }, (_, index) => ({
      point: `${name}, ${what} ${index + 1}`,
      part: list.slice(index * CHUNK, (index + 1) * CHUNK),
    }));
  const asked = chunksOf(questions, 'answers');
  const read = chunksOf(passages, 'text');

  const work = async (mix?: Mix) => {
    const answers: string[] = [];
    for (const { point, part } of asked)
      answers.push(
        ...(await points.do(point, async ({ signal, progress }) => {
          const texts: string[] = [];
          const request = { mix: mix as Mix, system, prompts: part, repeats: 1, sampling };
          for await (const { index, text } of inference.answer(request, signal)) {
            texts[index] = text.trim();
            progress(index + 1, part.length, '');
          }
          signal.throwIfAborted();
          return texts;
        })),
      );
    const texts: Likelihood[] = [];
    for (const { point, part } of read)
      texts.push(
        ...(await points.do(point, async ({ signal }) => {
          const found: Likelihood[] = [];
          const request = { mix: mix as Mix, texts: part };
          for await (const { index, ...likelihood } of inference.likelihood(request, signal))
            found[index] = likelihood;
          signal.throwIfAborted();
          return found;
        })),
      );
    return { answers, texts };
  };
  const done = [...asked, ...read].every(({ point }) => points.has(point));
  return done ? work() : assessment.withMix(persona.recipe, baked, { ...task, progress: () => {} }, work);
}

const outcome = (tasks: { before: { right: boolean }; after: { right: boolean } }[]) =>
  pairedProportions(tasks.map(({ before, after }) => ({ before: before.right, after: after.right })));

function byRule(tasks: { rule: string; before: { right: boolean }; after: { right: boolean } }[]) {
  const rules = [...new Set(tasks.map(({ rule }) => rule))];
  return rules.map(rule => {
    const own = tasks.filter(task => task.rule === rule);
    const right = (arm: 'before' | 'after') => own.filter(task => task[arm].right).length;
    return { rule, n: own.length, before: right('before'), after: right('after') };
  });
}

/** exp(−Σ ln p / tokens), by passages resampled in pairs. */
function compareLikelihood(before: Likelihood[], after: Likelihood[], resamples: number, seed: number) {
  const perToken = (texts: Likelihood[]) => (cases: number[]) => {
    const tokens = cases.reduce((sum, index) => sum + (texts[index]?.tokens ?? 0), 0);
    const logProbability = cases.reduce((sum, index) => sum + (texts[index]?.logProbability ?? 0), 0);
    return tokens > 0 ? logProbability / tokens : null;
  };
  const all = [...before.keys()];
  const arms = [perToken(before), perToken(after)] as const;
  const draws = resampled(
    all.length,
    [...arms, (cases: number[]) => (arms[1](cases) ?? 0) - (arms[0](cases) ?? 0)],
    resamples,
    seed,
  );
  const tokens = before.reduce((sum, text) => sum + text.tokens, 0);
  if (tokens === 0)
    throw new StudioError('bad_input', 'The text has no token to predict.', {
      field: 'text',
      action: 'Give a passage of some words.',
    });
  /** Exponential of minus the mean, so the ends change places; below two passages there is nothing to resample. */
  const perplexityCi95 = (values: (number | null)[] = []): [number, number] | null => {
    const interval = all.length < 2 ? null : percentile95(values);
    return interval && [Math.exp(-interval[1]), Math.exp(-interval[0])];
  };
  const perplexity = (which: 0 | 1) => Math.exp(-(arms[which](all) ?? 0));
  return {
    passages: all.length,
    tokens,
    before: { perplexity: perplexity(0), ci95: perplexityCi95(draws[0]) },
    after: { perplexity: perplexity(1), ci95: perplexityCi95(draws[1]) },
    ratio: perplexity(1) / perplexity(0),
    ratioCi95: perplexityCi95(draws[2]),
  };
}
