/** One inventory put to one mix: its forms, the prompts of each, and the ratings read from what the model says. */

import type { RateEvent } from '../../workers/contract.ts';
import { systemPrompt } from '../chat/roleplay.ts';
import type { Administration, AssessResult, ItemResult, Persona } from '../contract.ts';
import { StudioError } from '../errors.ts';
import type { Inference, Mix } from '../inference.ts';
import { seededRandom } from '../statistics/random.ts';
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

/** Answers that were given before an interruption, by name, and where those go that are given now. */
export interface Kept {
  get(name: string): unknown;
  add(name: string, answer: unknown): void;
}

/** For administrations that are points themselves: nothing of them is kept. */
const NOTHING: Kept = { get: () => undefined, add: () => {} };

type Rated = Pick<RateEvent, 'probabilities' | 'unseen'>;

export interface Administered {
  cases: Case[];
  /** Drawn answers and how many of them held no rating; null in probability mode. */
  parsing: { answers: number; unparsed: number } | null;
  /** What a server may have left out at most; null where all probabilities are known. */
  unseen: AssessResult['unseen'];
}

/**
 * The larger of what was left out so far, and what an item leaves: probability beyond the likeliest tokens, and how far
 * its rating would move were all of that on one end of the scale.
 */
function widest(so: Administered['unseen'], { rating, mass, probabilities }: ItemResult, beyond: number) {
  const k = probabilities.length;
  const room = rating === null ? k - 1 : Math.max(k - rating, rating - 1);
  const moved = beyond > 0 ? (beyond * room) / (mass + beyond) : 0;
  return {
    probability: Math.max(so?.probability ?? 0, beyond),
    rating: Math.max(so?.rating ?? 0, moved),
  };
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

/**
 * Administers all forms. `judge` is the model that rates interviews; `onAnswer` is told after each answer, also of one
 * that is kept. Rated items are kept one by one; drawn texts as a whole form, because their seeds follow from each other.
 */
export async function administer(
  inference: Inference,
  { mix, persona, judge }: { mix: Mix; persona: Persona; judge?: Mix },
  inventory: LoadedInventory,
  given: Administration,
  signal: AbortSignal,
  onAnswer: () => void,
  kept = NOTHING,
): Promise<Administered> {
  const { items } = inventory;
  const answers = answersOf(inventory);
  const system = systemPrompt(persona);
  const seeds = seededRandom(given.seed);
  const cases: Case[] = [];
  const parsing = { answers: 0, unparsed: 0 };
  let unseen: Administered['unseen'] = null;

  const rate = async (name: string, by: Mix, under: string, prompts: string[], order: Form['order']) => {
    const rated: ItemResult[] = [];
    const take = (index: number, { probabilities, unseen: beyond }: Rated) => {
      const item = scoreItem(items[index] as (typeof items)[number], probabilities, order);
      if (beyond !== undefined) unseen = widest(unseen, item, beyond);
      rated[index] = item;
      onAnswer();
    };
    const left: number[] = [];
    for (const index of prompts.keys()) {
      const known = kept.get(`${name}, item ${index + 1}`) as Rated | undefined;
      if (known) take(index, known);
      else left.push(index);
    }
    if (left.length === 0) return rated;
    const asked = left.map(index => prompts[index] as string);
    const events = inference.rate({ mix: by, system: under, prompts: asked, answers }, signal);
    for await (const { index: at, probabilities, unseen: beyond } of events) {
      const index = left[at] as number;
      kept.add(`${name}, item ${index + 1}`, { probabilities, unseen: beyond } satisfies Rated);
      take(index, { probabilities, unseen: beyond });
    }
    signal.throwIfAborted();
    return rated;
  };

  /** Texts by repeat and item. */
  const draw = async (name: string, prompts: string[], maxTokens: number) => {
    const { temperature } = given;
    const seed = Math.floor(seeds() * 2 ** 32);
    const known = kept.get(`${name}, texts`) as string[][] | undefined;
    if (known) {
      for (const _ of known.flat()) onAnswer();
      return known;
    }
    const texts: string[][] = Array.from({ length: given.repeats }, () => []);
    const sampling = { temperature, topP: persona.sampling.topP, seed, maxTokens };
    const events = inference.answer({ mix, system, prompts, repeats: given.repeats, sampling }, signal);
    for await (const { index, repeat, text } of events) {
      (texts[repeat] as string[])[index] = text;
      onAnswer();
    }
    signal.throwIfAborted();
    kept.add(`${name}, texts`, texts);
    return texts;
  };

  for (const form of formsOf(inventory, given)) {
    const wording = inventory.wording.ratings[form.instruction - 1] as string;
    const name = `wording ${form.instruction}, ${form.order}`;
    const prompts = items.map(item => fill(wording, inventory, item.text, form.order));
    switch (given.mode) {
      case 'probability':
        cases.push({ ...form, repeat: 1, items: await rate(name, mix, system, prompts, form.order) });
        break;
      case 'sampled':
        for (const [repeat, texts] of (await draw(name, prompts, RATING_TOKENS)).entries()) {
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
        for (const [repeat, texts] of (await draw(name, questions, INTERVIEW_TOKENS)).entries()) {
          const judged = items.map((item, index) =>
            fill(inventory.wording.judge, inventory, item.text, form.order, {
              answer: texts[index] as string,
            }),
          );
          parsing.answers += texts.length;
          const judging = `${name}, repeat ${repeat + 1}`;
          const rated = await rate(judging, judge as Mix, '', judged, form.order);
          parsing.unparsed += rated.filter(item => item.rating === null).length;
          cases.push({ ...form, repeat: repeat + 1, items: rated });
        }
        break;
      }
      default:
        given.mode satisfies never;
    }
  }
  return { cases, parsing: given.mode === 'probability' ? null : parsing, unseen };
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
