/** The studio as a host sees it: everything wired together behind the contract's router, and a way to end. */
import { readFileSync, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { ContractRouterClient } from '@orpc/contract';
import { createRouterClient, implement } from '@orpc/server';
import { Assessment } from './assessment/assessment.ts';
import { Inventories, summary } from './assessment/inventories.ts';
import { Chat } from './chat/chat.ts';
import { Conversations } from './chat/conversations.ts';
import { withUser } from './chat/roleplay.ts';
import {
  AUTO_INVENTORY,
  contract,
  inventoryFor,
  type Persona,
  type Recipe,
  weightsText,
} from './contract.ts';
import { Desktop } from './desktop/desktop.ts';
import { Catalogue } from './downloads/catalogue.ts';
import { Downloads } from './downloads/downloads.ts';
import { Http, type HttpOptions } from './downloads/http.ts';
import { cleanUrl } from './endpoints/address.ts';
import { serveCommands } from './endpoints/command.ts';
import { Endpoints } from './endpoints/endpoints.ts';
import { type Keychain, Keys } from './endpoints/keys.ts';
import { asStudioErrors, StudioError } from './errors.ts';
import { Experiments } from './experiments/experiments.ts';
import { hasPartialFiles, makeFolder } from './folders.ts';
import { Inference } from './inference.ts';
import { Language, readoutTitle } from './language/language.ts';
import { describeTable } from './language/texts.ts';
import { Bin } from './library/bin.ts';
import { compare } from './library/comparison.ts';
import { convert, removeUnfinished } from './library/conversion.ts';
import { extract } from './library/extraction.ts';
import { Imports } from './library/imports.ts';
import { Library } from './library/library.ts';
import { Room } from './library/room.ts';
import { lockFolder, openDatabase } from './log/database.ts';
import { Log } from './log/log.ts';
import { Runs } from './log/runs.ts';
import { fromMergekit, toMergekit } from './mixing/mergekit.ts';
import { Mixing } from './mixing/mixing.ts';
import { Personas } from './personas/personas.ts';
import { Sharing } from './personas/sharing.ts';
import { Pictures } from './pictures/pictures.ts';
import { Reporting } from './reporting/reporting.ts';
import { rerun } from './reporting/rerun.ts';
import { SettingsStore } from './settings/settings.ts';
import { WorkerClient } from './worker-client.ts';
import type { SpawnWorker } from './workers.ts';

export interface StudioOptions {
  /** The data folder; made when absent. */
  home: string;
  /** Folder of the demo family, the inventories and the lexicon. */
  resources: string;
  /** `terminal` shares the data folder with a studio that is open; the others take it for themselves. */
  host: 'desktop' | 'browser' | 'terminal';
  spawnWorker: SpawnWorker;
  /** Prints a page of HTML as PDF, where the host can. */
  printPdf?: (html: string) => Promise<Uint8Array>;
  /** How other machines are reached, where the defaults will not do. */
  http?: HttpOptions;
  /** The window around the page, where the host has one. */
  desktop?: Desktop;
  /** Seals the keys of servers, where the host has one. */
  keychain?: Keychain;
}

export type Studio = Awaited<ReturnType<typeof createStudio>>;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export async function createStudio(options: StudioOptions) {
  const { home, resources, host, spawnWorker, printPdf, http, keychain } = options;
  const desktop = options.desktop ?? new Desktop();
  const database = openDatabase(home);
  const unlock = host === 'terminal' ? () => {} : lockOr(() => database.close(), home);
  const scratch = join(home, 'cache', host === 'terminal' ? `scratch-${process.pid}` : 'scratch');
  // What a killed studio left half-made.
  rmSync(scratch, { recursive: true, force: true });
  makeFolder(scratch);

  const settings = new SettingsStore(database);
  const worker = new WorkerClient('inference', spawnWorker, worker => worker.configure(settings.get()));
  const merging = new WorkerClient('merging', spawnWorker, worker => worker.configure(settings.get()));
  const versions: Record<string, string> = { temperament: version, node: process.versions.node };
  const log = new Log(database);
  for (const { kind, input } of log.closeInterrupted()) {
    const { out } = input as { out?: unknown };
    if (kind === 'convert' && typeof out === 'string') removeUnfinished(out);
  }
  if (host !== 'terminal') log.tidy();
  const runs = new Runs(log, () => versions);
  // What a killed merging worker left half-written, where the system could not keep such files nameless.
  const folders = ['models', 'vectors', 'cache/adapters', 'cache/variants'].map(name => join(home, name));
  const untidy = folders.filter(hasPartialFiles);
  if (untidy.length > 0) await merging.call(worker => worker.tidy({ folders: untidy })).catch(() => {});
  const library = new Library(home, join(resources, 'demo'), database, merging);
  const keys = new Keys(home, keychain);
  const pictures = new Pictures(database);
  const endpoints = new Endpoints(
    database,
    keys,
    pictures,
    async () => (await library.list()).vectors,
    () => settings.get().offline,
  );
  const inference = new Inference(worker, endpoints);
  const mixing = new Mixing(library, endpoints, merging, join(home, 'cache', 'adapters'), version);
  const inventories = new Inventories(resources, join(home, 'inventories'));
  makeFolder(inventories.folder);
  const assessment = new Assessment(mixing, inference, inventories, scratch);
  const language = await Language.open(join(resources, 'lexicon'), join(home, 'dictionaries'), log);
  const experiments = new Experiments({
    ...{ database, log, runs, assessment, mixing, inference, language, resources },
  });
  const chat = new Chat(mixing, inference, runs);
  const conversations = new Conversations(database, chat);
  if (host !== 'terminal') conversations.tidy();
  if (host !== 'terminal') pictures.tidy();
  const personas = new Personas({ database, library, mixing, log });
  if (host !== 'terminal') personas.tidy();
  const { calibrations } = experiments;
  const bin = new Bin({ home, library, personas, calibrations, log, inference: worker, merging });
  if (host !== 'terminal') await bin.tidy();
  const room = new Room();
  const imports = new Imports(library, runs, room, scratch);
  const web = new Http(http);
  const downloads = new Downloads({
    folder: join(home, 'downloads'),
    http: web,
    ...{ imports, room, runs },
    catalogue: new Catalogue(resources),
    settings: () => settings.get(),
    devices: () => merging.call(worker => worker.devices()),
    modelFolder: library.modelFolder,
  });
  const sharing = new Sharing({ personas, library, scratch, version });
  const reporting = new Reporting(log, library, inventories, join(resources, 'fonts'), version, pictures);
  /** Adds device and llama.cpp's version to the versions; a worker that cannot tell will fail the run itself. */
  const described = () =>
    worker
      .call(worker => worker.info())
      .then(
        found => Object.assign(versions, found),
        () => versions,
      );

  /** With the user's name in the personas that have a place for it. */
  const named = <I extends { persona: Persona; reference?: Persona; compared?: Persona[] }>(input: I): I => {
    const { userName } = settings.get();
    const { persona, reference, compared } = input;
    return {
      ...input,
      persona: withUser(persona, userName),
      ...(reference && { reference: withUser(reference, userName) }),
      ...(compared && { compared: compared.map(other => withUser(other, userName)) }),
    };
  };

  /** With the inventory that suits the model, where none is named. */
  const suited = async <I extends { persona: Persona; inventory?: string }>(input: I): Promise<I> => {
    if (input.inventory !== AUTO_INVENTORY) return input;
    // What is wrong with a model is said when it is loaded.
    const model = await library.model(input.persona.recipe.base).catch(() => null);
    const { inventories: known } = await inventories.list();
    return { ...input, inventory: inventoryFor(model?.languages ?? [], known.map(summary)) };
  };

  const begin = async (...[kind, input]: Parameters<Experiments['start']>) => {
    await described();
    return { run: experiments.start(kind, named(await suited(input))) };
  };

  const os = implement(contract).use(asStudioErrors);
  const router = os.router({
    studio: {
      info: os.studio.info.handler(async () => {
        await described();
        const disk = await statfs(home);
        return {
          ...{ version, host, dataFolder: home, versions },
          freeBytes: disk.bavail * disk.bsize,
          totalBytes: disk.blocks * disk.bsize,
        };
      }),
      devices: os.studio.devices.handler(() => merging.call(worker => worker.devices())),
    },
    settings: {
      get: os.settings.get.handler(() => settings.get()),
      set: os.settings.set.handler(async ({ input }) => {
        settings.set(input);
        await Promise.all([worker.prepare(), merging.prepare()]);
        return settings.get();
      }),
    },
    library: {
      models: os.library.models.handler(async () => {
        const { models, projectors, broken } = await library.list();
        return { models, projectors, broken, folder: library.modelFolder };
      }),
      vectors: os.library.vectors.handler(async () => {
        const { vectors, broken } = await library.list();
        return { vectors, broken, folder: library.vectorFolder };
      }),
      extract: os.library.extract.handler(({ input }) => {
        const title = `${input.trait} ${input.pole}: ${input.tuned} − ${input.base}`;
        return {
          run: runs.start('extract', title, input, task => extract(input, library, merging, scratch, task))
            .id,
        };
      }),
      convert: os.library.convert.handler(({ input: given }) => {
        // Whole, so that what a killed studio leaves there is found again.
        const input = { ...given, out: given.out && resolve(given.out) };
        return {
          run: runs.start('convert', input.name ?? input.source, input, task =>
            convert(input, library, mixing, merging, scratch, task),
          ).id,
        };
      }),
      compare: os.library.compare.handler(({ input }) => {
        const title = input.vectors.length > 0 ? input.vectors.join(', ') : `all vectors of ${input.model}`;
        return {
          run: runs.start('compare', title, input, task => compare(input, library, merging, task)).id,
        };
      }),
      import: os.library.import.handler(({ input }) => ({ run: imports.start(input) })),
      elsewhere: os.library.elsewhere.handler(() => imports.elsewhere()),
      setProjector: os.library.setProjector.handler(({ input }) =>
        library.setProjector(input.model, input.projector),
      ),
      forget: os.library.forget.handler(async ({ input: { path } }) => {
        const name = library.forget(path);
        if (worker.pid !== undefined) await inference.unload(path);
        return { name };
      }),
      catalogue: os.library.catalogue.handler(() => downloads.catalogue()),
      lookUp: os.library.lookUp.handler(({ input, signal }) => downloads.lookUp(input, signal)),
      download: os.library.download.handler(({ input }) => ({ run: downloads.start(input) })),
      unfinished: os.library.unfinished.handler(() => downloads.unfinished()),
      discard: os.library.discard.handler(({ input }) => downloads.discard(input.id)),
      storage: os.library.storage.handler(() => bin.storage()),
      dependents: os.library.dependents.handler(({ input }) => bin.dependents(input.path)),
      delete: os.library.delete.handler(({ input }) => bin.delete(input.path)),
      restore: os.library.restore.handler(({ input }) => bin.restore(input.id)),
      emptyBin: os.library.emptyBin.handler(() => bin.empty()),
    },
    endpoints: {
      list: os.endpoints.list.handler(async () => ({
        endpoints: await endpoints.list(),
        keys: keys.place,
        keyFile: keys.file,
      })),
      ask: os.endpoints.ask.handler(({ input, signal }) => endpoints.models(input.url, input.key, signal)),
      add: os.endpoints.add.handler(({ input, signal }) => endpoints.add(input, signal)),
      remove: os.endpoints.remove.handler(({ input }) => endpoints.remove(input.id)),
      lendKey: os.endpoints.lendKey.handler(({ input }) => {
        const url = cleanUrl(input.url);
        keys.lend(url, input.key);
        return { url };
      }),
      command: os.endpoints.command.handler(({ input }) => serveCommands(input.model, library, mixing)),
    },
    mixing: {
      check: os.mixing.check.handler(({ input }) => mixing.check(input.recipe, input.live, input.type)),
      cost: os.mixing.cost.handler(({ input }) => mixing.cost(input.recipe)),
      recipe: os.mixing.recipe.handler(({ input }) => mixing.recipe(input.file)),
      fromMergekit: os.mixing.fromMergekit.handler(async ({ input }) => {
        const { models } = await library.list();
        return fromMergekit(
          input,
          models.map(({ id }) => id),
        );
      }),
      toMergekit: os.mixing.toMergekit.handler(({ input }) => toMergekit(input)),
      bake: os.mixing.bake.handler(({ input }) => ({
        run: runs.start('bake', describe(input.recipe), input, task => mixing.bake(input, task)).id,
      })),
    },
    chat: {
      send: os.chat.send.handler(async function* ({ input, signal }) {
        await described();
        yield* chat.send(named(input), signal);
      }),
    },
    pictures: {
      add: os.pictures.add.handler(({ input }) => pictures.add(input.name, input.file)),
      get: os.pictures.get.handler(({ input }) => {
        const { type, data } = pictures.get(input);
        return { file: new File([new Uint8Array(data)], input.hash, { type }) };
      }),
    },
    conversations: {
      list: os.conversations.list.handler(({ input }) => conversations.list(input)),
      get: os.conversations.get.handler(({ input }) => conversations.get(input.id)),
      save: os.conversations.save.handler(({ input }) => conversations.save(input)),
      add: os.conversations.add.handler(({ input }) => conversations.add(input)),
      answer: os.conversations.answer.handler(async function* ({ input, signal }) {
        await described();
        yield* conversations.answer(named(input), signal);
      }),
      show: os.conversations.show.handler(({ input }) => conversations.show(input.conversation, input.heads)),
      vote: os.conversations.vote.handler(({ input }) => conversations.vote(input)),
      rename: os.conversations.rename.handler(({ input }) => conversations.rename(input.id, input.title)),
      delete: os.conversations.delete.handler(({ input }) => conversations.delete(input.id)),
      restore: os.conversations.restore.handler(({ input }) => conversations.restore(input.id)),
      search: os.conversations.search.handler(({ input }) => conversations.search(input.text, input.limit)),
      export: os.conversations.export.handler(({ input }) => conversations.export(input.id, input.format)),
    },
    personas: {
      list: os.personas.list.handler(({ input }) => personas.list(input.deleted)),
      get: os.personas.get.handler(({ input }) => personas.get(input.id)),
      save: os.personas.save.handler(({ input }) => personas.save(input)),
      edit: os.personas.edit.handler(({ input }) => personas.edit(input)),
      activate: os.personas.activate.handler(({ input }) => personas.activate(input.id, input.version)),
      duplicate: os.personas.duplicate.handler(({ input }) => ({ id: personas.duplicate(input.id) })),
      delete: os.personas.delete.handler(({ input }) => personas.delete(input.id)),
      restore: os.personas.restore.handler(({ input }) => personas.restore(input.id)),
      picture: os.personas.picture.handler(({ input }) => {
        const picture = personas.picture(input.id);
        return { file: picture && new File([new Uint8Array(picture)], 'picture.png', { type: 'image/png' }) };
      }),
      export: os.personas.export.handler(async ({ input }) => ({ file: await sharing.export(input) })),
      import: os.personas.import.handler(({ input }) => sharing.import(input)),
      setPicture: os.personas.setPicture.handler(({ input }) => personas.setPicture(input.id, input.file)),
    },
    assessment: {
      inventories: os.assessment.inventories.handler(async () => {
        const { inventories: found, broken } = await inventories.list();
        return { inventories: found.map(summary), broken, folder: inventories.folder };
      }),
      assess: os.assessment.assess.handler(async ({ input: given }) => {
        await described();
        const input = named(await suited(given));
        return {
          run: runs.start('assess', describe(input.persona.recipe), input, task =>
            assessment.assess(input, task, log),
          ).id,
        };
      }),
      sweep: os.assessment.sweep.handler(({ input }) => begin('sweep', input)),
      profiles: os.assessment.profiles.handler(({ input }) => begin('profiles', input)),
    },
    experiments: {
      methods: os.experiments.methods.handler(({ input }) => begin('methods_compare', input)),
      prompting: os.experiments.prompting.handler(({ input }) => begin('prompting', input)),
      transfer: os.experiments.transfer.handler(({ input }) => begin('transfer', input)),
      capability: os.experiments.capability.handler(({ input }) => begin('capability', input)),
      stability: os.experiments.stability.handler(({ input }) => begin('stability', input)),
      calibrate: os.experiments.calibrate.handler(({ input }) => begin('calibrate', input)),
      calibrations: os.experiments.calibrations.handler(() => experiments.calibrations.list()),
      solve: os.experiments.solve.handler(async ({ input }) => experiments.solve(await suited(input))),
      target: os.experiments.target.handler(({ input }) => begin('target', input)),
      tune: os.experiments.tune.handler(({ input }) => begin('tune', input)),
      pictures: os.experiments.pictures.handler(({ input }) => begin('pictures', input)),
    },
    language: {
      readout: os.language.readout.handler(({ input }) => language.readout(input.text)),
      read: os.language.read.handler(({ input, signal }) => language.read(input, { signal })),
      record: os.language.record.handler(async ({ input }) => {
        const plan = await language.planOf(input);
        const title = readoutTitle(plan, id => conversations.named(id));
        return { run: runs.start('readout', title, plan, task => language.read(plan, task)).id };
      }),
      table: os.language.table.handler(({ input }) => describeTable(input.name, input.file)),
      text: os.language.text.handler(({ input }) => language.textOf(log.get(input.run), input)),
      voices: os.language.voices.handler(() => language.voices()),
      dictionaries: os.language.dictionaries.handler(() => language.dictionaries()),
    },
    desktop: {
      menu: os.desktop.menu.handler(({ input }) => {
        desktop.onMenu(input);
      }),
      commands: os.desktop.commands.handler(({ signal }) => desktop.commands(signal)),
      opened: os.desktop.opened.handler(async ({ input }) => ({ file: await desktop.opened(input.id) })),
    },
    runs: {
      list: os.runs.list.handler(({ input }) => runs.list(input)),
      get: os.runs.get.handler(({ input }) => log.get(input.id)),
      watch: os.runs.watch.handler(({ input, signal }) => runs.watch(input.id, signal)),
      cancel: os.runs.cancel.handler(({ input }) => ({ cancelled: runs.cancel(input.id) })),
      resume: os.runs.resume.handler(async ({ input }) => {
        await described();
        experiments.resume(input.id);
        return { run: input.id };
      }),
      edit: os.runs.edit.handler(({ input: { id, ...remarks } }) =>
        runs.change([id], log => log.remark(id, remarks)),
      ),
      delete: os.runs.delete.handler(({ input: { ids } }) => runs.change(ids, log => log.delete(ids))),
      restore: os.runs.restore.handler(({ input: { ids } }) => runs.change(ids, log => log.restore(ids))),
      changes: os.runs.changes.handler(({ signal }) => runs.changes(signal)),
    },
    reporting: {
      present: os.reporting.present.handler(({ input }) => reporting.present(input.run)),
      about: os.reporting.about.handler(({ input }) => reporting.about(input.run)),
      export: os.reporting.export.handler(({ input }) => reporting.export(input)),
      archive: os.reporting.archive.handler(async ({ input }) => ({ file: await reporting.archive(input) })),
      report: os.reporting.report.handler(({ input }) => reporting.report(input)),
      pdf: os.reporting.pdf.handler(async ({ input }) => {
        if (!printPdf)
          throw new StudioError('bad_input', 'Only the desktop application can print a report as PDF.', {
            action: 'Save the report as HTML, open it in a browser, and print it from there.',
          });
        const { html } = await reporting.report(input);
        const bytes = new Uint8Array(await printPdf(html));
        return new File([bytes], 'report.pdf', { type: 'application/pdf' });
      }),
      bundle: os.reporting.bundle.handler(({ input }) => reporting.bundle(input)),
      import: os.reporting.import.handler(({ input }) => reporting.import(input)),
      rerun: os.reporting.rerun.handler(async ({ input }) => {
        await described();
        const again = reporting.runs(input.runs);
        const title = again.length === 1 ? `${again[0]?.title}, again` : `${again.length} runs, again`;
        const client: ContractRouterClient<typeof contract> = createRouterClient(router);
        const plan = { ...input, runs: again.map(({ id }) => id) };
        return {
          run: runs.start('rerun', title, plan, async task =>
            rerun(
              again,
              input,
              { log, library, language, shelf: await reporting.shelf(), client, scratch },
              task,
            ),
          ).id,
        };
      }),
    },
  });

  return {
    router,
    /** Takes the bytes of a file that a page has announced; resolves when no more are wanted. */
    receive: (run: string, body: Readable) => imports.receive(run, body),
    /** Cancels and logs what runs, ends the workers, closes the log. */
    async close(): Promise<void> {
      await runs.close();
      await conversations.close();
      await web.close();
      worker.close();
      merging.close();
      rmSync(scratch, { recursive: true, force: true });
      database.close();
      unlock();
    },
  };
}

function lockOr(giveUp: () => void, home: string): () => void {
  try {
    return lockFolder(home);
  } catch (error) {
    giveUp();
    throw error;
  }
}

/** `demo: extraversion 1, neuroticism −0.5` */
const describe = ({ base, weights }: Recipe) => `${base}: ${weightsText(weights)}`;
