/** What was used not long ago: personas, mixes and models, to come back to from the mixer and the desktop's menu. */
import { z } from 'zod';
import { METHODS, persona } from '../../electron/studio/contract.ts';
import { weightsText } from '../lib/format.ts';
import { said } from '../lib/said.ts';
import { recall, remember } from '../lib/storage.ts';

/** Of each kind. */
const MOST = 5;
/** A name may be as long as a menu's line; of a path as a model's name its end says most. */
const LONGEST = 100;
const LONGEST_BASE = 50;

const recent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('persona'), id: z.string(), name: z.string() }),
  z.object({ kind: z.literal('mix'), persona }),
  z.object({ kind: z.literal('model'), id: z.string(), name: z.string() }),
]);
export type Recent = z.infer<typeof recent>;

/** In the order in which they are shown. */
const KINDS = ['persona', 'mix', 'model'] as const satisfies Recent['kind'][];

/** `E +1.50 · N −0.50 (demo, TIES)`; a persona or a model by its name. */
export function recentName(one: Recent): string {
  if (one.kind !== 'mix') return one.name.slice(0, LONGEST);
  const { base, method, weights } = one.persona.recipe;
  const parts = method === 'task_arithmetic' ? [base] : [base, said(METHODS[method].label)];
  return `${weightsText(weights)} (${parts.join(', ').slice(-LONGEST_BASE)})`;
}

export const recentKey = (one: Recent): string =>
  one.kind === 'mix' ? `mix ${recentName(one)}` : `${one.kind} ${one.id}`;

export class Recents {
  list = $state.raw<Recent[]>(recall('recents', z.array(recent)) ?? []);

  /** The newest first, those of a kind together. */
  groups = $derived(
    KINDS.map(kind => this.list.filter(one => one.kind === kind)).filter(({ length }) => length > 0),
  );

  used(one: Recent) {
    const key = recentKey(one);
    const others = this.list.filter(other => recentKey(other) !== key);
    const kept = KINDS.flatMap(kind => [one, ...others].filter(other => other.kind === kind).slice(0, MOST));
    this.#set(kept);
  }

  find(key: string): Recent | null {
    return this.list.find(one => recentKey(one) === key) ?? null;
  }

  forget(one: Recent) {
    this.#set(this.list.filter(other => other !== one));
  }

  #set(list: Recent[]) {
    this.list = list;
    remember('recents', list);
  }
}
