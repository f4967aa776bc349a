/** The page's colours and type as a canvas needs them; who reads them is told when theme, contrast or text size change. */
import { createSubscriber } from 'svelte/reactivity';

export interface Looks {
  text: string;
  quiet: string;
  line: string;
  persona: string;
  base: string;
  danger: string;
  surface: string;
  font: string;
  /** Pixels of 1 rem. */
  rem: number;
  /** The user asked for more contrast: thicker lines. */
  strong: boolean;
}

const STRONG = '(prefers-contrast: more)';
const QUERIES = ['(prefers-color-scheme: dark)', '(forced-colors: active)', STRONG];

const subscribe = createSubscriber(changed => {
  const queries = QUERIES.map(query => matchMedia(query));
  // The theme that was chosen and the text size are attributes of the root.
  const root = new MutationObserver(changed);
  root.observe(document.documentElement, { attributes: true });
  for (const query of queries) query.addEventListener('change', changed);
  return () => {
    root.disconnect();
    for (const query of queries) query.removeEventListener('change', changed);
  };
});

export function looks(): Looks {
  subscribe();
  // Tokens hold light and dark at once; only an element's own colour is the one of the two that is seen.
  const probe = document.createElement('span');
  document.body.append(probe);
  const style = getComputedStyle(probe);
  const colour = (token: string) => {
    probe.style.color = `var(--${token})`;
    return style.color;
  };
  const found = {
    text: colour('text'),
    quiet: colour('text-quiet'),
    line: colour('line'),
    persona: colour('persona'),
    base: colour('base'),
    danger: colour('danger'),
    surface: colour('surface'),
    font: style.fontFamily,
    rem: Number.parseFloat(getComputedStyle(document.documentElement).fontSize),
    strong: matchMedia(STRONG).matches,
  };
  probe.remove();
  return found;
}

/** `rgb(1, 2, 3)` with an opacity from 0 to 1. */
export const translucent = (rgb: string, opacity: number): string =>
  rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`);
