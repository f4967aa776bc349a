/** Keeps the end of a growing list in view, unless the reader has scrolled away from it. */

/** Pixels from the end that still count as the end. */
const NEAR = 40;

export class StickyScroll {
  atEnd = $state(true);
  #box: HTMLElement | null = null;
  /** What stays at the top while the rest grows, until the reader scrolls. */
  #part: HTMLElement | null = null;
  readonly #follows: () => boolean;

  /** @param follows whether there is something that grows; what only stands there is read from its beginning */
  constructor(follows: () => boolean) {
    this.#follows = follows;
  }

  attach = (box: HTMLElement) => {
    this.#box = box;
    const content = box.firstElementChild;
    const onscroll = () => {
      this.atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    };
    const grown = new ResizeObserver(() => {
      if (this.#part?.isConnected) this.#bring(this.#part);
      else if (this.atEnd && this.#follows()) this.toEnd();
      else onscroll();
    });
    const letGo = () => {
      this.#part = null;
    };
    box.addEventListener('scroll', onscroll, { passive: true });
    for (const event of ['wheel', 'pointerdown', 'keydown'])
      box.addEventListener(event, letGo, { passive: true });
    grown.observe(box);
    if (content) grown.observe(content);
    return () => {
      box.removeEventListener('scroll', onscroll);
      grown.disconnect();
      this.#box = null;
    };
  };

  /** Brings a part of the list to its top, below what stands fixed there, and stays there. */
  to(part: HTMLElement | null) {
    this.#part = part;
    if (part) this.#bring(part);
  }

  #bring(part: HTMLElement) {
    if (!this.#box) return;
    this.atEnd = false;
    const above = Number.parseFloat(getComputedStyle(this.#box).scrollPaddingTop);
    const by = part.getBoundingClientRect().top - this.#box.getBoundingClientRect().top - above;
    this.#box.scrollBy({ top: by });
  }

  toEnd() {
    this.#part = null;
    this.atEnd = true;
    this.#box?.scrollTo({ top: this.#box.scrollHeight });
  }
}
