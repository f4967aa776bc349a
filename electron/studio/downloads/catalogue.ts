/** The short list of chat models that are known to work, from the resources. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type CatalogueEntry, catalogueModel } from '../contract.ts';
import { fitOf, memoryNeed } from './fit.ts';

const file = z.object({ note: z.string(), models: z.array(catalogueModel) });

export class Catalogue {
  readonly #path: string;
  #models: Promise<z.infer<typeof catalogueModel>[]> | undefined;

  /** @param resources folder with `models.json` */
  constructor(resources: string) {
    this.#path = join(resources, 'models.json');
  }

  async list(memory: number): Promise<CatalogueEntry[]> {
    this.#models ??= readFile(this.#path, 'utf8').then(text => file.parse(JSON.parse(text)).models);
    return (await this.#models).map(model => ({
      ...model,
      memoryBytes: memoryNeed(model.bytes),
      fits: fitOf(model.bytes, memory),
    }));
  }

  /** The entry of that name, in whatever letters. */
  async find(name: string): Promise<CatalogueEntry | undefined> {
    return (await this.list(1)).find(({ id }) => id === name.trim().toLowerCase());
  }
}
