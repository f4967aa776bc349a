/** Everything the page holds, wired together; views get the parts they show. */
import type { Endpoint, KeptPersona, Model, OwnFile, Persona, Run } from '../../electron/studio/contract.ts';
import type { Connection, ConnectionState } from '../client.ts';
import { toProblem } from '../lib/errors.ts';
import { moved } from '../lib/format.ts';
import { personaOf, rerunText } from '../lib/runs.ts';
import { t } from '../lib/strings.ts';
import { Adding } from './adding.svelte.ts';
import { Aiming } from './aiming.svelte.ts';
import { Alerts } from './alerts.svelte.ts';
import { Baking } from './baking.svelte.ts';
import { Conversation } from './conversation.svelte.ts';
import { Desktop } from './desktop.svelte.ts';
import { Downloading } from './downloading.svelte.ts';
import { Experiments, isDesign } from './experiments.svelte.ts';
import { Importing } from './importing.svelte.ts';
import { Inside } from './inside.svelte.ts';
import { Kept } from './kept.svelte.ts';
import { Library } from './library.svelte.ts';
import { Measurement } from './measurement.svelte.ts';
import { Mix } from './mix.svelte.ts';
import { Notebook } from './notebook.svelte.ts';
import { Notices } from './notices.svelte.ts';
import { Personas } from './personas.svelte.ts';
import { PictureFiles } from './pictureFiles.ts';
import { Place } from './place.svelte.ts';
import { Reading } from './reading.svelte.ts';
import { type Recent, Recents, recentName } from './recents.svelte.ts';
import { Runs } from './runs.svelte.ts';
import { Servers } from './servers.svelte.ts';
import { Settings } from './settings.svelte.ts';
import { Snapshots } from './snapshots.svelte.ts';
import type { NamedFile } from './textSet.svelte.ts';
import { TextSize } from './textSize.svelte.ts';
import { Theme } from './theme.svelte.ts';

export class Session {
  readonly theme = new Theme();
  readonly textSize = new TextSize();
  readonly place = new Place();
  readonly notices = new Notices();
  readonly alerts = new Alerts();
  readonly recents = new Recents();
  readonly desktop: Desktop;
  readonly library: Library;
  readonly mix: Mix;
  readonly conversation: Conversation;
  readonly kept: Kept;
  readonly personas: Personas;
  readonly measurement: Measurement;
  readonly baking: Baking;
  readonly adding: Adding;
  readonly importing: Importing;
  readonly downloading: Downloading;
  readonly aiming: Aiming;
  readonly snapshots: Snapshots;
  readonly inside: Inside;
  readonly runs: Runs;
  readonly notebook: Notebook;
  readonly experiments: Experiments;
  readonly settings: Settings;
  readonly servers: Servers;

  /** What the open dialog counts the words of. */
  counting = $state.raw<Reading | null>(null);
  readonly pictures: PictureFiles;
  state = $state<ConnectionState>('connecting');
  /** Whether the studio has ever answered this page. */
  reached = $state(false);
  model = $derived.by(() => this.library.find(this.mix.base));
  /** The model in use, where another server runs it. */
  endpoint = $derived.by(() => this.library.endpoint(this.mix.base));

  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
    const { client } = connection;
    this.settings = new Settings(client);
    this.desktop = new Desktop(connection);
    this.library = new Library(client);
    this.servers = new Servers(client, () => this.loadLibrary());
    this.mix = new Mix(client);
    this.pictures = new PictureFiles(client);
    this.conversation = new Conversation(
      connection,
      this.mix,
      () => this.settings.userName,
      base => this.library.endpoint(base)?.facts.images ?? false,
    );
    this.kept = new Kept(connection);
    this.personas = new Personas(connection);
    this.measurement = new Measurement(connection, this.mix, this.library);
    this.baking = new Baking(connection, this.mix);
    this.adding = new Adding(connection);
    this.importing = new Importing(connection);
    this.aiming = new Aiming(connection, this.mix);
    this.snapshots = new Snapshots(this.mix);
    this.inside = new Inside(connection);
    this.runs = new Runs(connection);
    this.downloading = new Downloading(client, this.runs);
    this.notebook = new Notebook(this.runs, this.place);
    const { mix, library, personas, runs, place } = this;
    this.experiments = new Experiments({
      ...{ connection, mix, library, personas, runs, place },
      files: this.pictures,
    });
  }

  async start() {
    this.#connected(this.#connection.state);
    this.#connection.onState(state => this.#connected(state));
    this.runs.onEnd(run => {
      this.alerts.tell(run, () => this.place.go('notebook', run.id));
      if (['bake', 'extract', 'convert', 'import', 'download'].includes(run.kind))
        void this.#libraryChanged();
      if (run.kind === 'chat' || run.kind === 'assess') void this.mix.weigh();
      if (run.state === 'done' && ['chat', 'assess', 'bake'].includes(run.kind)) void this.#noteMix(run.id);
      if (run.kind === 'rerun' && run.state === 'done') void this.#tellVerdict(run.id);
      // The panel's own measurements are no experiments.
      const planned = isDesign(run.kind) && (run.kind !== 'assess' || run.id === this.experiments.showing);
      if (planned && run.state === 'done' && this.place.view !== 'experiments')
        this.notices.say(t.experiments.finished(t.kinds[run.kind], run.title), {
          label: t.notebook.look,
          run: () => this.place.go('experiments', run.id),
        });
    });
    await this.runs.follow();
  }

  async loadLibrary() {
    await this.library.load();
    if (this.library.models.length > 0 && !this.library.has(this.mix.base)) {
      const first = this.library.models.find(model => model.demo) ?? this.library.models[0];
      if (first) this.#takeModel(first.id);
    }
    await this.mix.check();
  }

  /** Puts a file of the library into the bin, with the way back. Throws what stands in the way. */
  async deleteFile({ kind, name, path }: OwnFile) {
    const used = kind === 'model' && this.mix.base === name;
    const { id } = await this.library.delete(path);
    await this.#libraryChanged();
    this.notices.say(t.library.removed(name), {
      label: t.common.undo,
      run: () => void this.restoreFile(id).then(back => back && used && this.useModel(name)),
    });
  }

  /** Takes a model that is used in place from the library, with the way back. */
  async forgetModel({ id, path }: Model) {
    const used = this.mix.base === id;
    if (!(await this.library.forget(path))) return;
    await this.#libraryChanged();
    void this.importing.lookElsewhere();
    this.notices.say(t.library.elsewhere.forgotten(id), {
      label: t.common.undo,
      run: () => void this.importing.link(path).then(() => used && this.useModel(id)),
    });
  }

  async removeEndpoint(endpoint: Endpoint) {
    const used = this.mix.base === endpoint.id;
    await this.servers.remove(endpoint);
    if (this.servers.problem) return;
    this.notices.say(t.servers.removed(endpoint.label), {
      label: t.common.undo,
      // The key went with it, where no other model of its server is kept.
      run: () => void this.servers.again(endpoint).then(() => used && this.useModel(endpoint.id)),
    });
  }

  async restoreFile(id: string): Promise<boolean> {
    const back = await this.library.restore(id);
    await this.#libraryChanged(back);
    return back;
  }

  /** Reads the library again; what was refused stays in view. */
  async #libraryChanged(succeeded = true) {
    if (succeeded) await this.loadLibrary();
    if (this.place.view !== 'library') return;
    const { problem } = this.library;
    await this.library.loadStorage();
    this.library.problem ??= problem;
  }

  /** Takes a model as the user asks for it. */
  useModel(id: string) {
    this.#takeModel(id);
    const name = this.library.find(id)?.label ?? this.library.endpoint(id)?.label ?? id;
    this.recents.used({ kind: 'model', id, name });
  }

  /** Puts a kept persona on the sliders. */
  openPersona({ id, name, persona }: KeptPersona) {
    this.recents.used({ kind: 'persona', id, name });
    this.restore(persona, t.personas.opened(name));
  }

  /** Comes back to something that was used not long ago, if it is still there. */
  async openRecent(one: Recent) {
    if (one.kind === 'mix') {
      this.restore(one.persona, t.recents.restored);
      return this.place.go('studio');
    }
    const persona = one.kind === 'persona' ? await this.personas.find(one.id) : null;
    if (persona) this.openPersona(persona);
    else if (one.kind === 'model' && this.library.has(one.id)) this.useModel(one.id);
    else {
      this.recents.forget(one);
      return this.notices.say(t.recents.gone(recentName(one)));
    }
    this.place.go('studio');
  }

  /** Adds a persona that the system's file manager gave to the desktop. */
  async openFile(id: string) {
    this.place.go('personas');
    try {
      await this.personas.bring([await this.desktop.opened(id)], this.mix.base);
    } catch (error) {
      this.personas.problem = toProblem(error);
    }
  }

  /** Resets the sliders, with the way back at the window's edge. */
  resetAll() {
    const before = this.mix.weights;
    if (!this.mix.resetAll()) return;
    this.notices.say(t.mixer.resetDone, { label: t.common.undo, run: () => this.mix.place(before, null) });
  }

  /** Opens the dialog that counts words: of a conversation's answers, of a persona's, of files. */
  countWords(conversation: string | null = null) {
    this.counting = new Reading(this.#connection, conversation);
  }

  /** Puts texts that were dropped into that dialog. */
  countTexts(files: NamedFile[]) {
    if (!this.counting) this.countWords();
    void this.counting?.add(files);
  }

  clearConversation() {
    const back = this.conversation.clear();
    this.notices.say(t.chat.cleared, { label: t.common.undo, run: back });
  }

  /** Puts a kept conversation in the panes, at a message of it where one is named, with the way back to the one that was there. */
  async openConversation(id: string, message?: string): Promise<boolean> {
    try {
      const data = await this.kept.get(id);
      const back = this.conversation.open(data);
      if (message) this.conversation.lookAt(message);
      this.notices.say(t.kept.opened, { label: t.common.undo, run: back });
      return true;
    } catch (error) {
      this.kept.problem = toProblem(error);
      return false;
    }
  }

  async deleteConversation(id: string) {
    const back = id === this.conversation.id ? this.conversation.clear() : null;
    await this.kept.remove(id);
    this.notices.say(t.kept.removed, {
      label: t.common.undo,
      run: async () => {
        await this.kept.restore(id);
        if (this.conversation.turns.length === 0) back?.();
      },
    });
  }

  /** Puts a persona on the sliders; a model that is gone is named, and the present one kept. */
  restore(from: Persona, done: string = t.runs.restored) {
    const before = this.mix.whole();
    const known = this.library.models.find(
      model => model.id === from.recipe.base || model.path === from.recipe.base,
    );
    const there = known?.id ?? this.library.endpoint(from.recipe.base)?.id;
    const base = there ?? this.mix.base;
    this.mix.restore({ ...from, recipe: { ...from.recipe, base } });
    const said = there ? done : `${done} ${t.runs.modelGone(from.recipe.base)}`;
    this.notices.say(said, { label: t.common.undo, run: () => this.mix.restore(before) });
  }

  /** Puts a past experiment's persona on the sliders and its plan into the form, to be changed and run. */
  takePlan(run: Run) {
    const persona = personaOf(run);
    if (persona) this.restore(persona, t.experiments.planTaken);
    this.experiments.take(run);
  }

  async deleteRuns(ids: string[]) {
    if (!(await this.runs.delete(ids))) return;
    this.notebook.forget(ids);
    this.notices.say(t.notebook.removed(ids.length), {
      label: t.common.undo,
      run: () => void this.runs.restore(ids),
    });
  }

  #takeModel(id: string) {
    this.mix.base = id;
    this.mix.changed();
  }

  /** What has answered, was measured or written is worth coming back to; a study that is blind tells nothing. */
  async #noteMix(id: string) {
    if (this.conversation.hidden) return;
    const run = await this.runs.get(id).catch(() => null);
    const used = run && personaOf(run);
    if (used && moved(used.recipe.weights).length > 0) this.recents.used({ kind: 'mix', persona: used });
  }

  /** Says whether runs that were done again came out the same. */
  async #tellVerdict(id: string) {
    const run = await this.runs.get(id).catch(() => null);
    if (run?.kind !== 'rerun' || !run.result) return;
    this.notices.say(t.notebook.verdict(rerunText(run.result)), {
      label: t.notebook.look,
      run: () => this.place.go('notebook', id),
    });
  }

  #connected(state: ConnectionState) {
    this.state = state;
    if (state !== 'open') return;
    this.reached = true;
    void this.loadLibrary();
    void this.settings.loadValues();
    void this.downloading.loadUnfinished();
  }
}
