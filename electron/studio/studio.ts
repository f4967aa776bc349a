/** The studio as a host sees it: a router for the contract, and a way to end. */
import type { SpawnWorker } from './workers.ts';

export interface StudioOptions {
  /** The data folder; made when absent. */
  home: string;
  /** Folder of the demo family and the lexicon. */
  resources: string;
  host: 'desktop' | 'browser' | 'terminal';
  spawnWorker: SpawnWorker;
}
