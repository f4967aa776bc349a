/** The page's side of the desktop around it: tells it what its menu is to say, and does what was chosen there. */
import type { DesktopCommand, DesktopMenu } from '../../electron/studio/contract.ts';
import type { Connection } from '../client.ts';
import { reconnected } from '../lib/follow.ts';

/** The preload script gives its page something that browsers do not have. */
export const onDesktop = globalThis.window?.temperament !== undefined;

export class Desktop {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The menu keeps what it said before where this fails. */
  tell(menu: DesktopMenu) {
    void this.#connection.client.desktop.menu(menu).catch(() => {});
  }

  /** Hands every command on, for as long as the page is there. */
  async follow(act: (command: DesktopCommand) => void): Promise<never> {
    for (;;) {
      try {
        for await (const command of await this.#connection.client.desktop.commands()) act(command);
      } catch {
        // The head of the window says when the connection is lost.
      }
      await reconnected(this.#connection);
    }
  }

  /** A file that the system gave to this application. */
  async opened(id: string): Promise<File> {
    return (await this.#connection.client.desktop.opened({ id })).file;
  }
}
