/** Two places that hold the sliders, to flip between; remembered between visits. */
import { z } from 'zod';
import {
  TRAITS,
  type Trait,
  type Weights,
  weights as weightsSchema,
} from '../../electron/studio/contract.ts';
import { recall, remember } from '../lib/storage.ts';
import type { Mix } from './mix.svelte.ts';

export const SLOTS = ['A', 'B'] as const;
export type Slot = (typeof SLOTS)[number];

const kept = z.object({ A: weightsSchema.nullable(), B: weightsSchema.nullable() });

export class Snapshots {
  slots = $state.raw<Record<Slot, Weights | null>>(recall('snapshots', kept) ?? { A: null, B: null });
  /** The slot that the sliders stand at; null where at none. */
  shown = $derived.by(() => SLOTS.find(slot => this.#holds(slot)) ?? null);
  /** The traits whose α differ between the two, with both; null while one is empty. */
  differences = $derived.by(() => {
    const { A, B } = this.slots;
    if (!A || !B) return null;
    return TRAITS.flatMap((trait): { trait: Trait; A: number; B: number }[] => {
      const [a, b] = [A[trait] ?? 0, B[trait] ?? 0];
      return a === b ? [] : [{ trait, A: a, B: b }];
    });
  });

  readonly #mix: Mix;

  constructor(mix: Mix) {
    this.#mix = mix;
  }

  /** Keeps the present sliders, in place of what the slot held. */
  keep(slot: Slot) {
    this.slots = { ...this.slots, [slot]: this.#mix.persona().recipe.weights };
    remember('snapshots', this.slots);
  }

  /** Puts what a slot holds on the sliders, as one step of the history. */
  show(slot: Slot) {
    const weights = this.slots[slot];
    if (weights) this.#mix.place(weights, null);
  }

  /** From A to B, from anywhere else to A; nothing while a slot is empty. */
  flip() {
    if (this.differences) this.show(this.#holds('A') ? 'B' : 'A');
  }

  #holds(slot: Slot): boolean {
    const weights = this.slots[slot];
    return weights !== null && this.#mix.holds(weights);
  }
}
