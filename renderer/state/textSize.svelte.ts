/** How large the page's text is, and all that is measured by it. A property of this page, as the colours are. */
import { z } from 'zod';
import { recall, remember } from '../lib/storage.ts';

/** In per cent of the browser's own size; WCAG 2.2 asks for twice the usual one (1.4.4). */
export const TEXT_SIZES = [90, 100, 110, 120, 130, 140, 150, 175, 200] as const;
const USUAL = 100;
type Size = (typeof TEXT_SIZES)[number];

export class TextSize {
  percent = $state<Size>(recall('text-size', z.literal(TEXT_SIZES)) ?? USUAL);

  constructor() {
    this.#apply();
  }

  /** The next size up (1) or down (−1); null at the end. */
  next(by: 1 | -1): Size | null {
    return TEXT_SIZES[TEXT_SIZES.indexOf(this.percent) + by] ?? null;
  }

  step(by: 1 | -1) {
    const next = this.next(by);
    if (next) this.#set(next);
  }

  reset() {
    this.#set(USUAL);
  }

  #set(percent: Size) {
    this.percent = percent;
    remember('text-size', percent);
    this.#apply();
  }

  #apply() {
    document.documentElement.style.fontSize = this.percent === USUAL ? '' : `${this.percent}%`;
    // Chromium keeps what container queries in rem came to when only the root's size changes: have them asked again.
    const { style } = document.body;
    style.containerType = 'normal';
    void document.body.offsetWidth;
    style.containerType = '';
  }
}

/** What a key does to the text's size; null where it is another key. Browsers do this themselves, the desktop does not. */
export function sizeOfKey({ key }: Pick<KeyboardEvent, 'key'>): 1 | -1 | 0 | null {
  if (key === '+' || key === '=') return 1;
  if (key === '-' || key === '_') return -1;
  return key === '0' ? 0 : null;
}
