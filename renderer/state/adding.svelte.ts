/** Adds models and vectors to the library from folders on the studio's machine, and writes vectors into such. */
import type { Pole, Trait } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { Job } from './job.svelte.ts';

class AddingModel extends Job<'convert'> {
  folder = $state('');
  name = $state('');
  replace = $state(false);

  start() {
    const name = this.name.trim() || undefined;
    return this.follow(() =>
      this.connection.client.library.convert({ source: this.folder, name, overwrite: this.replace }),
    );
  }
}

/** Of a small vector: what a matrix needs to keep 99 % of its change, but no more than would make the file a large one. */
const SMALL = { rank: 64, energy: 0.99 };

class AddingVector extends Job<'extract'> {
  tuned = $state('');
  /** Whether factors are stored in the place of the whole difference. */
  small = $state(false);
  trait = $state<Trait>('extraversion');
  pole = $state<Pole>('high');
  replace = $state(false);

  /** @param base library name of the model that was fine-tuned */
  start(base: string) {
    const { tuned, trait, pole, replace: overwrite } = this;
    const stored = this.small ? SMALL : {};
    return this.follow(() =>
      this.connection.client.library.extract({ base, tuned, trait, pole, ...stored, overwrite }),
    );
  }
}

/** A vector of the library on its way out, to a folder on the studio's machine. */
class ExportingVector extends Job<'convert'> {
  folder = $state('');
  replace = $state(false);

  /** @param vector library name */
  start(vector: string) {
    const { folder: out, replace: overwrite } = this;
    return this.follow(() => this.connection.client.library.convert({ source: vector, out, overwrite }));
  }
}

export class Adding {
  readonly model: AddingModel;
  readonly vector: AddingVector;
  readonly exporting: ExportingVector;

  constructor(connection: Connection) {
    this.model = new AddingModel(connection, 'convert');
    this.vector = new AddingVector(connection, 'extract');
    this.exporting = new ExportingVector(connection, 'convert');
  }
}
