/** Short messages at the window's edge, with at most one thing to do; they go by themselves. */

export interface Notice {
  id: number;
  text: string;
  action: { label: string; run: () => void } | null;
}

const STAYS = 8000;

export class Notices {
  list = $state.raw<Notice[]>([]);
  #next = 1;
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();

  say(text: string, action: Notice['action'] = null) {
    const notice = { id: this.#next++, text, action };
    this.list = [...this.list.slice(-2), notice];
    this.resume(notice.id);
  }

  act(notice: Notice) {
    this.dismiss(notice.id);
    notice.action?.run();
  }

  dismiss(id: number) {
    this.pause(id);
    this.list = this.list.filter(notice => notice.id !== id);
  }

  /** Stays while the reader is on it. */
  pause(id: number) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  resume(id: number) {
    this.pause(id);
    this.#timers.set(
      id,
      setTimeout(() => this.dismiss(id), STAYS),
    );
  }
}
