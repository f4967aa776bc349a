/** Halts the inference worker in the middle of an answer: the demo model is too quick to be met there by chance. */
import type { RunningStudio } from './studio.ts';
import type { StudioPage } from './studio-page.ts';

export interface Hold {
  /** Lets the worker go on. */
  (): void;
  /** Resolves once an answer has begun and the worker is halted. */
  held: Promise<number>;
}

/** From the next word that any answer shows, the worker stands still until the returned function is called. */
export async function holdAtFirstWord({ page }: StudioPage, studio: RunningStudio): Promise<Hold> {
  let worker = 0;
  const held = new Promise<number>((resolve, reject) => {
    page
      .exposeFunction('holdWorker', () => {
        const [pid] = studio.inferenceWorkers();
        if (pid === undefined) return reject(new Error('No inference worker runs.'));
        worker = pid;
        process.kill(pid, 'SIGSTOP');
        resolve(pid);
      })
      .catch(reject);
  });
  await page.evaluate(`{
    const watcher = new MutationObserver(() => {
      if (!document.querySelector('[data-state="streaming"]')) return;
      watcher.disconnect();
      window.holdWorker();
    });
    watcher.observe(document.body, { subtree: true, childList: true, attributes: true });
  }`);
  return Object.assign(() => void process.kill(worker, 'SIGCONT'), { held });
}
