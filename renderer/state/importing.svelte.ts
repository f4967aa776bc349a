/** GGUF files on their way into the library: those that were dropped on the window or chosen, one after the other. */
import type { ModelElsewhere } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { type Problem, toProblem } from '../lib/errors.ts';
import { newId } from '../lib/id.ts';
import { t } from '../lib/strings.ts';
import { Job } from './job.svelte.ts';

/** The desktop tells where a file lies, so that it need not be sent; a browser tells nobody. */
declare global {
  interface Window {
    temperament?: { pathOf(file: File): string };
  }
}

export const isModelFile = ({ name }: File): boolean => name.toLowerCase().endsWith('.gguf');

export class Incoming extends Job<'import'> {
  readonly id = newId();
  readonly file: File;
  waiting = $state(true);

  constructor(connection: Connection, file: File) {
    super(connection, 'import');
    this.file = file;
  }

  async bring() {
    this.waiting = false;
    const path = window.temperament?.pathOf(this.file);
    const { name, size: bytes } = this.file;
    let sending: Sending | null = null;
    await this.follow(async () => {
      const started = await this.connection.client.library.import(path ? { path } : { name, bytes });
      if (!path) sending = new Sending(started.run, this.file, () => this.cancel());
      return started;
    });
    (sending as Sending | null)?.request.abort();
    if ((sending as Sending | null)?.lost && !this.problem && !this.result)
      this.problem = {
        code: 'not_connected',
        message: t.library.bring.lost(name),
        where: null,
        action: t.errors.notConnectedAction,
      };
  }
}

/** Sends a file to the studio. What comes of it is told by the run; here only that the way there was lost. */
class Sending {
  readonly request = new XMLHttpRequest();
  lost = false;

  constructor(run: string, file: File, onlost: () => void) {
    const lose = () => {
      this.lost = true;
      onlost();
    };
    this.request.addEventListener('error', lose);
    this.request.addEventListener('load', () => {
      if (this.request.status >= 400) lose();
    });
    this.request.open('PUT', `/upload/${run}`);
    this.request.send(file);
  }
}

/** A model that is to be used where it lies. */
class Linking extends Job<'import'> {
  bring(path: string) {
    return this.follow(() => this.connection.client.library.import({ inPlace: path }));
  }
}

export class Importing {
  list = $state.raw<Incoming[]>([]);
  /** Models that other programs keep; null until they were looked for. */
  elsewhere = $state.raw<ModelElsewhere[] | null>(null);
  elsewhereProblem = $state.raw<Problem | null>(null);
  readonly linking: Linking;
  #running = false;

  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.linking = new Linking(connection, 'import');
  }

  async lookElsewhere() {
    try {
      this.elsewhere = await this.#connection.client.library.elsewhere();
      this.elsewhereProblem = null;
    } catch (error) {
      this.elsewhereProblem = toProblem(error);
    }
  }

  /** Has a model used where it lies. */
  async link(path: string) {
    await this.linking.bring(path);
    await this.lookElsewhere();
  }

  async bring(files: File[]) {
    this.list = [...this.list, ...files.map(file => new Incoming(this.#connection, file))];
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#next(); next; next = this.#next()) {
        await next.bring();
        // One that was cancelled leaves nothing to say.
        if (!next.problem && !next.result) this.remove(next);
      }
    } finally {
      this.#running = false;
    }
  }

  #next() {
    return this.list.find(({ waiting }) => waiting);
  }

  /** Takes a line away; a file that has not begun does not come. */
  remove(incoming: Incoming) {
    this.list = this.list.filter(other => other !== incoming);
  }
}
