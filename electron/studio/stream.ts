/** From callbacks to an async iterator: what `work` pushes is yielded in order, then what it returns ends the stream. */
export async function* pushed<T, R>(work: (push: (value: T) => void) => Promise<R>): AsyncGenerator<T, R> {
  const waiting: T[] = [];
  let wake = () => {};
  let ended = false;
  const finished = work(value => {
    waiting.push(value);
    wake();
  }).finally(() => {
    ended = true;
    wake();
  });
  finished.catch(() => {});
  for (;;) {
    yield* waiting.splice(0);
    if (ended && waiting.length === 0) return await finished;
    await new Promise<void>(resolve => {
      wake = resolve;
      if (ended || waiting.length > 0) resolve();
    });
  }
}
