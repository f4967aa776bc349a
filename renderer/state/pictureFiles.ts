/** Pictures that are sent to the studio, and fetched from it to be shown. */
import type { Picture } from '../../electron/studio/contract.ts';
import type { Client } from '../client.ts';
import { sendable } from '../lib/pictures.ts';

export class PictureFiles {
  readonly #client: Client;
  /** Addresses of pictures, by their hashes. */
  readonly #urls = new Map<string, Promise<string>>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Has the studio keep a picture. Throws what stands in the way. */
  async add(file: File): Promise<Picture> {
    const sent = await sendable(file);
    const picture = await this.#client.pictures.add({ name: sent.name, file: sent });
    this.#urls.set(picture.hash, Promise.resolve(URL.createObjectURL(sent)));
    return picture;
  }

  /** An address to show it by; fetched once. */
  url(hash: string): Promise<string> {
    let url = this.#urls.get(hash);
    if (!url) {
      url = this.#client.pictures.get({ hash }).then(({ file }) => URL.createObjectURL(file));
      url.catch(() => this.#urls.delete(hash));
      this.#urls.set(hash, url);
    }
    return url;
  }
}
