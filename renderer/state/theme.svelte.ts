/** Light, dark, or as the system has it. */
import { z } from 'zod';
import { recall, remember } from '../lib/storage.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export type ThemeChoice = (typeof THEMES)[number];

export class Theme {
  choice = $state<ThemeChoice>(recall('theme', z.enum(THEMES)) ?? 'system');
  /** What is on screen now; plots read their colours again when it changes. */
  dark = $state(false);
  readonly #system = matchMedia('(prefers-color-scheme: dark)');

  constructor() {
    this.#apply();
    this.#system.addEventListener('change', () => this.#apply());
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
    this.dark = this.choice === 'dark' || (this.choice === 'system' && this.#system.matches);
  }
}
