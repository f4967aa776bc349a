/** Light, dark, or as the system has it. */
import { z } from 'zod';
import { recall, remember } from '../lib/storage.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export type ThemeChoice = (typeof THEMES)[number];

export class Theme {
  choice = $state<ThemeChoice>(recall('theme', z.enum(THEMES)) ?? 'system');

  constructor() {
    this.#apply();
  }

  choose(choice: ThemeChoice) {
    this.choice = choice;
    remember('theme', choice);
    this.#apply();
  }

  #apply() {
    const root = document.documentElement;
    if (this.choice === 'system') delete root.dataset.theme;
    else root.dataset.theme = this.choice;
  }
}
