/** The points of an experiment: done one by one, stored as they come, and not done twice when the run is resumed. */
import type { Log } from '../log/log.ts';
import type { Task } from '../log/runs.ts';

export class Points {
  readonly #log: Log;
  readonly #task: Task;
  readonly #stored: Map<string, { result: unknown; seconds: number }>;
  /** Names of the points that this run has asked for. */
  readonly #asked = new Set<string>();
  #total = 0;

  constructor(log: Log, task: Task) {
    this.#log = log;
    this.#task = task;
    this.#stored = log.points(task.run);
  }

  /** How many points the experiment has; for progress. Those that plan as they go may say so again. */
  expect(total: number): void {
    this.#total = total;
  }

  has(name: string): boolean {
    return this.#stored.has(name);
  }

  /**
   * What the point gave: stored, or done now. The result is plain data. The work's own progress counts as a share of the
   * point.
   */
  async do<R>(name: string, work: (task: Task) => Promise<R>): Promise<R> {
    if (this.#asked.has(name)) throw new RangeError(`the point ${name} is asked for twice`);
    const before = this.#asked.size;
    this.#asked.add(name);
    const known = this.#stored.get(name);
    if (known) return known.result as R;
    this.#task.signal.throwIfAborted();
    this.#tell(before);
    const began = performance.now();
    const task: Task = {
      ...this.#task,
      progress: (done, total) => this.#tell(before + (total > 0 ? Math.min(1, done / total) : 0)),
    };
    const result = await work(task);
    const seconds = (performance.now() - began) / 1000;
    this.#log.addPoint(this.#task.run, name, result, seconds);
    this.#stored.set(name, { result, seconds });
    return result;
  }

  #tell(done: number): void {
    const seconds = [...this.#stored.values()].map(point => point.seconds);
    const total = Math.max(this.#total, Math.ceil(done));
    const left =
      seconds.length > 0
        ? ((total - done) * seconds.reduce((sum, value) => sum + value, 0)) / seconds.length
        : null;
    this.#task.progress(done, total, 'points', '', left);
  }
}
