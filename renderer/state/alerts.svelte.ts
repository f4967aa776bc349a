/** Notifications of the system when something long has ended while the window is hidden; off until switched on. */
import { z } from 'zod';
import { EXPERIMENT_KINDS, type RunKind, type RunSummary } from '../../electron/studio/contract.ts';
import { recall, remember } from '../lib/storage.ts';
import { t } from '../lib/strings.ts';

const LONG: ReadonlySet<RunKind> = new Set([
  ...EXPERIMENT_KINDS,
  'assess',
  'bake',
  'convert',
  'extract',
  'import',
  'download',
  'rerun',
]);

export class Alerts {
  /** Not where the page was opened by another machine's name without encryption: browsers keep them for safe pages. */
  readonly available = 'Notification' in window && window.isSecureContext;
  on = $state(false);
  /** The browser or the system said no. */
  refused = $state(false);

  constructor() {
    this.on =
      this.available && recall('alerts', z.boolean()) === true && Notification.permission === 'granted';
  }

  async switch(on: boolean) {
    this.refused = on && (await Notification.requestPermission()) !== 'granted';
    this.on = on && !this.refused;
    remember('alerts', this.on);
  }

  /** Tells that a run has ended, to who cannot see it. */
  tell({ id, kind, title, state }: RunSummary, onlook: () => void) {
    if (!this.on || !document.hidden || !LONG.has(kind)) return;
    const notification = new Notification(t.alerts.ended(t.kinds[kind], t.runs.states[state]), {
      body: title,
      tag: id,
    });
    notification.addEventListener('click', () => {
      notification.close();
      window.focus();
      onlook();
    });
  }
}
