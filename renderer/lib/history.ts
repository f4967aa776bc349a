/** Undo and redo over immutable states; changes of one gesture count as one step. */

/** Changes with the same key closer together than this many milliseconds are one step. */
const GESTURE = 700;
const LONGEST = 200;

export class History<T> {
  #past: T[] = [];
  #future: T[] = [];
  #lastKey: string | null = null;
  #lastTime = Number.NEGATIVE_INFINITY;

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** Keeps `before` as the state to return to, unless the change continues the gesture `key`. */
  record(before: T, key: string | null, now = performance.now()) {
    const continues = key !== null && key === this.#lastKey && now - this.#lastTime < GESTURE;
    if (!continues) {
      this.#past.push(before);
      if (this.#past.length > LONGEST) this.#past.shift();
    }
    this.#future = [];
    this.#lastKey = key;
    this.#lastTime = now;
  }

  /**
   * The state before the present one, or null at the beginning.
   * @param present what to come back to from that state
   */
  undo(present: (before: T) => T): T | null {
    return this.#step(this.#past, this.#future, present);
  }

  redo(present: (after: T) => T): T | null {
    return this.#step(this.#future, this.#past, present);
  }

  #step(from: T[], to: T[], present: (state: T) => T): T | null {
    const state = from.pop();
    if (state === undefined) return null;
    to.push(present(state));
    this.#lastKey = null;
    return state;
  }
}
