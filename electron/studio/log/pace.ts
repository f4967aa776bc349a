/** How fast work goes, and so how long the rest of it takes. */

/** Seconds before a pace is told: the first steps often wait for files or a model. */
const FIRST = 1;

export class Pace {
  #counts = '';
  #from = 0;
  #since = 0;
  #done = 0;

  /**
   * Seconds that remain at the mean pace since the work began to count what it counts now; undefined while there is none.
   * @param now milliseconds of a clock that only goes forward
   */
  left(done: number, total: number, unit: string, now = performance.now()): number | undefined {
    const counts = `${total} ${unit}`;
    if (counts !== this.#counts || done < this.#done) {
      this.#counts = counts;
      this.#from = done;
      this.#since = now;
    }
    this.#done = done;
    const seconds = (now - this.#since) / 1000;
    const made = done - this.#from;
    return seconds < FIRST || made <= 0 ? undefined : (Math.max(0, total - done) * seconds) / made;
  }
}
