/** Keeps the end of a growing list in view, unless the reader has scrolled away from it. */

/** Pixels from the end that still count as the end. */
const NEAR = 40;

export class StickyScroll {
  atEnd = $state(true);
  #box: HTMLElement | null = null;
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
      if (this.atEnd && this.#follows()) this.toEnd();
      else onscroll();
    });
    box.addEventListener('scroll', onscroll, { passive: true });
    grown.observe(box);
    if (content) grown.observe(content);
    return () => {
      box.removeEventListener('scroll', onscroll);
      grown.disconnect();
      this.#box = null;
    };
  };

  /** Brings a part of the list to the top, and stays there. */
  to(part: HTMLElement | null) {
    if (!part) return;
    this.atEnd = false;
    part.scrollIntoView({ block: 'start' });
  }

  toEnd() {
    this.atEnd = true;
    this.#box?.scrollTo({ top: this.#box.scrollHeight });
  }
}
