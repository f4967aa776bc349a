/** Where in the window the user is. The address holds it, so that reload and back lead there again. */

/** In the order of the rail; Ctrl with a figure goes to the view of that number. */
export const VIEWS = ['studio', 'personas', 'experiments', 'notebook', 'library'] as const;
export type View = (typeof VIEWS)[number];

export class Place {
  view = $state<View>('studio');
  /** What is open in the view, by its id; null where nothing is. */
  item = $state<string | null>(null);

  constructor() {
    this.#read();
    addEventListener('hashchange', () => this.#read());
  }

  go(view: View, item: string | null = null) {
    location.hash = addressOf(view, item);
    // The event comes later; what follows here is to find the new view.
    this.#read();
  }

  /** Names what is open in the present view. That is no step to go back by. */
  show(item: string | null) {
    history.replaceState(null, '', addressOf(this.view, item));
    this.#read();
  }

  #read() {
    const { view, item } = placeOf(location.hash);
    this.view = view;
    this.item = item;
  }
}

export const addressOf = (view: View, item: string | null = null): string =>
  item === null ? `#/${view}` : `#/${view}/${encodeURIComponent(item)}`;

/** The place that an address names; the studio where it names none. */
export function placeOf(hash: string): { view: View; item: string | null } {
  const [, name, item] = hash.split('/');
  const view = VIEWS.find(known => known === name);
  if (!view) return { view: 'studio', item: null };
  try {
    return { view, item: item ? decodeURIComponent(item) : null };
  } catch {
    return { view, item: null };
  }
}
