/** One inventory put to one mix: its forms, the prompts of each, and the ratings read from what the model says. */
import type { LiveMix } from '../../workers/contract.ts';
import { systemPrompt } from '../chat/roleplay.ts';
import type { Administration, ItemResult, Persona } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { seededRandom } from '../statistics/random.ts';
import type { WorkerClient } from '../worker-client.ts';
import { answersOf, fill, type LoadedInventory } from './inventories.ts';
import { type Case, scoreItem } from './scoring.ts';

/** Length limits of answers, in tokens: a number with some words around it, and a few sentences. */
const RATING_TOKENS = 24;
const INTERVIEW_TOKENS = 120;

/** A way of asking: a wording and an order of the answers. */
interface Form {
  instruction: number;
  order: 'normal' | 'reversed';
}

export interface Administered {
  cases: Case[];
  /** Drawn answers and how many of them held no rating; null in probability mode. */
  parsing: { answers: number; unparsed: number } | null;
}

/**
 * Every item is asked in a chat of its own, so nothing that came before can colour an answer, and the order of the items
 * makes no difference; what can make one, the wording and the order of the answers, is varied by forms.
 */
export function formsOf(inventory: LoadedInventory, given: Administration): Form[] {
  const available = given.mode === 'interview' ? 1 : inventory.wording.ratings.length;
  if (given.instructions > available)
    throw new StudioError(
      'bad_input',
      given.mode === 'interview'
        ? 'Interview mode has one wording.'
        : `There are ${available} instructions for ${inventory.short}, and ${given.instructions} are asked for.`,
      { field: 'administration.instructions', action: `Ask for ${available} at most.` },
    );
  if (given.mode === 'probability' && given.repeats > 1)
    throw new StudioError('bad_input', 'Probability mode gives the same ratings each time.', {
      field: 'administration.repeats',
      action: 'Leave repeats at 1, or use sampled mode.',
    });
  if (given.mode === 'interview' && !given.judge)
    throw new StudioError('bad_input', 'Interview mode needs a model that judges the answers.', {
      field: 'administration.judge',
      action: 'Name a model of the library.',
    });
  const orders: Form['order'][] = given.order === 'both' ? ['normal', 'reversed'] : [given.order];
  return Array.from({ length: given.instructions }, (_, index) =>
    orders.map(order => ({ instruction: index + 1, order })),
  ).flat();
}

/** Administers all forms. `judge` is the model that rates interviews; `onAnswer` is told after each answer. */
export async function administer(
  inference: WorkerClient<'inference'>,
  { mix, persona, judge }: { mix: LiveMix; persona: Persona; judge?: LiveMix },
  inventory: LoadedInventory,
  given: Administration,
  signal: AbortSignal,
  onAnswer: () => void,
): Promise<Administered> {
  const { items } = inventory;
  const answers = answersOf(inventory);
  const system = systemPrompt(persona);
  const seeds = seededRandom(given.seed);
  const cases: Case[] = [];
  const parsing = { answers: 0, unparsed: 0 };

  const rate = async (by: LiveMix, under: string, prompts: string[], order: Form['order']) => {
    const rated: ItemResult[] = [];
    const events = inference.stream(worker =>
      worker.rate({ mix: by, system: under, prompts, answers }, { signal }),
    );
    for await (const { index, probabilities } of events) {
      rated[index] = scoreItem(items[index] as (typeof items)[number], probabilities, order);
      onAnswer();
    }
    signal.throwIfAborted();
    return rated;
  };

  /** Texts by repeat and item. */
  const draw = async (prompts: string[], maxTokens: number) => {
    const texts: string[][] = Array.from({ length: given.repeats }, () => []);
    const { temperature } = given;
    const seed = Math.floor(seeds() * 2 ** 32);
    const events = inference.stream(worker =>
      worker.answer(
        {
          mix,
          system,
          prompts,
          repeats: given.repeats,
          sampling: { temperature, topP: persona.sampling.topP, seed, maxTokens },
        },
        { signal },
      ),
    );
    for await (const { index, repeat, text } of events) {
      (texts[repeat] as string[])[index] = text;
      onAnswer();
    }
    signal.throwIfAborted();
    return texts;
  };

  for (const form of formsOf(inventory, given)) {
    const wording = inventory.wording.ratings[form.instruction - 1] as string;
    const prompts = items.map(item => fill(wording, inventory, item.text, form.order));
    switch (given.mode) {
      case 'probability':
        cases.push({ ...form, repeat: 1, items: await rate(mix, system, prompts, form.order) });
        break;
      case 'sampled':
        for (const [repeat, texts] of (await draw(prompts, RATING_TOKENS)).entries()) {
          const ratings = texts.map(text => readRating(text, answers.length));
          parsing.answers += ratings.length;
          parsing.unparsed += ratings.filter(rating => rating === null).length;
          const shares = (rating: number | null) => answers.map((_, k) => (k + 1 === rating ? 1 : 0));
          cases.push({
            ...form,
            repeat: repeat + 1,
            items: items.map((item, index) => scoreItem(item, shares(ratings[index] ?? null), form.order)),
          });
        }
        break;
      case 'interview': {
        const questions = items.map(item => fill(inventory.wording.interview, inventory, item.text));
        for (const [repeat, texts] of (await draw(questions, INTERVIEW_TOKENS)).entries()) {
          const judged = items.map((item, index) =>
            fill(inventory.wording.judge, inventory, item.text, form.order, {
              answer: texts[index] as string,
            }),
          );
          parsing.answers += texts.length;
          const rated = await rate(judge as LiveMix, '', judged, form.order);
          parsing.unparsed += rated.filter(item => item.rating === null).length;
          cases.push({ ...form, repeat: repeat + 1, items: rated });
        }
        break;
      }
      default:
        given.mode satisfies never;
    }
  }
  return { cases, parsing: given.mode === 'probability' ? null : parsing };
}

/** Answers that an administration asks for, for progress. */
export function answersAsked(inventory: LoadedInventory, given: Administration): number {
  const rounds = given.mode === 'interview' ? 2 : 1;
  return formsOf(inventory, given).length * inventory.items.length * given.repeats * rounds;
}

/**
 * The rating 1 … k in a drawn answer, or null. A text that begins with a number means that one; otherwise all its numbers
 * must agree, once mentions of the scale itself (“from 1 to 5”, “out of 5”, “/5”) are taken out. Anything else is left
 * unread rather than guessed.
 */
export function readRating(text: string, k: number): number | null {
  const scale = new RegExp(`\\b1\\s*(?:to|and|bis|und|al?|à|y|et|[-–])\\s*${k}\\b`, 'gi');
  const outOf = new RegExp(`(?:out of|\\bof|\\bvon|\\bde|\\bsur|/)\\s*${k}\\b`, 'gi');
  const rest = text.replaceAll(scale, ' ').replaceAll(outOf, ' ');
  const numbers = rest.match(/-?\d+(?:[.,]\d+)?/g) ?? [];
  const [first] = numbers;
  if (first === undefined) return null;
  if (!new RegExp(`^[\\s*"“„«(]*${first}(?![\\d])`).test(rest) && new Set(numbers).size > 1) return null;
  const rating = Number(first);
  return Number.isInteger(rating) && rating >= 1 && rating <= k ? rating : null;
}
