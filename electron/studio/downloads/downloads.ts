/** Models fetched from Hugging Face or a web server into the library: looked up, brought, gone on with, checked. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type {
  CatalogueEntry,
  DownloadChoice,
  DownloadPlan,
  DownloadResult,
  RemoteFile,
  Settings,
  StartDownloadInput,
  UnfinishedDownload,
} from '../contract.ts';
import { StudioError } from '../errors.ts';
import { makeFolder } from '../folders.ts';
import { tryJson } from '../json.ts';
import { FILE_NAME } from '../library/contract.ts';
import type { Imports } from '../library/imports.ts';
import { gigabytes, type Room } from '../library/room.ts';
import { firstPart, isPart, partNames } from '../library/split.ts';
import { alive } from '../log/log.ts';
import type { Runs, Task } from '../log/runs.ts';
import type { Catalogue } from './catalogue.ts';
import { fitOf, machineMemory } from './fit.ts';
import type { Http } from './http.ts';
import { candidates, fileAddress, pageAddress, sizeOf, treeAddress } from './hub.ts';
import {
  HUB,
  type HubSource,
  hubName,
  nameOfAddress,
  parseSource,
  quantisationOf,
  type Source,
} from './source.ts';
import { transfer, USELESS } from './transfer.ts';

/** Downloads that go on at the same time. */
const AT_ONCE = 4;
/** Time between two words on how far a file is. */
const TELL_EVERY_MS = 200;
/** After this long without a byte, a process of that number is taken to be another. */
const STANDS_STILL_MS = 300_000;
/** Parts of a split model. */
const MOST_PARTS = 200;
/** Seconds over which the speed is a mean. */
const SPEED_OVER_S = 5;
/** Bytes a second below which no time left is told. */
const STALLED = 1000;
/** Quantisations that are suggested, the largest that fits well; others are for the user to choose. */
const SUGGESTED = ['Q8_0', 'Q6_K', 'Q5_K_M', 'Q4_K_M'];

/** What is kept of a download until it is whole. */
const record = z.object({
  id: z.string(),
  source: z.string(),
  to: z.string().nullable(),
  name: z.string(),
  startedAt: z.string(),
  /** Process that is, or was, at it. */
  pid: z.int(),
  files: z.array(
    z.object({
      name: z.string().regex(FILE_NAME),
      url: z.string(),
      bytes: z.number().nullable(),
      sha256: z.string().nullable(),
      /** What the server said of the bytes that are there. */
      identity: z
        .object({
          bytes: z.number().nullable(),
          etag: z.string().nullable(),
          modified: z.string().nullable(),
        })
        .nullable(),
    }),
  ),
});
type Kept = z.infer<typeof record>;

interface Parts {
  /** Folder for what is not whole yet, on the library's disk. */
  folder: string;
  http: Http;
  imports: Imports;
  room: Room;
  runs: Runs;
  catalogue: Catalogue;
  settings: () => Settings;
  /** Memory of the GPUs, in bytes. */
  devices: () => Promise<{ memoryTotal: number }[]>;
  modelFolder: string;
}

type Choice = Omit<DownloadChoice, 'fits' | 'taken' | 'kept'> & { quantisation: string | null };
interface Found {
  page: string | null;
  choices: Choice[];
  chosen: number | null;
  projectors?: string[];
  asks: string[];
}

export class Downloads {
  readonly #parts: Parts;
  /** Ids of downloads that go on in this process. */
  readonly #active = new Set<string>();
  #under = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Begins to bring a model, from where an earlier attempt ended, and returns the run's id. */
  start({ token, ...input }: StartDownloadInput): string {
    if (this.#under >= AT_ONCE)
      throw new StudioError('busy', `${AT_ONCE} downloads are going on already.`, {
        action: 'Wait until one of them is done, or cancel it.',
      });
    this.#under++;
    return this.#parts.runs.start('download', input.source, input, async task => {
      try {
        return await this.#download(input, token, task);
      } finally {
        this.#under--;
        this.#parts.room.release(task.run);
      }
    }).id;
  }

  /** What a source has, and whether it fits here; nothing is fetched. */
  async lookUp({ source, token, to }: Asked, signal = new AbortController().signal): Promise<DownloadPlan> {
    const { imports, modelFolder } = this.#parts;
    const memoryBytes = await this.#memory();
    const { choices, projectors = [], ...found } = await this.#find(source, token, signal);
    const folder = to === undefined ? modelFolder : resolve(to);
    const disk = await statfs(existing(folder));
    const known = await this.#records();
    const fits = choices.map(({ bytes }) => (bytes === null ? null : fitOf(bytes, memoryBytes)));
    const suggested = SUGGESTED.map(name =>
      choices.findIndex(({ quantisation }, at) => quantisation === name && fits[at] === 'well'),
    ).find(at => at >= 0);
    return {
      ...found,
      projectors,
      choices: await Promise.all(
        choices.map(async ({ quantisation: _, ...choice }, at) => {
          const kept = known.find(({ id }) => id === idOf(choice.source, to));
          const taken = choice.files.map(({ name }) => imports.taken(name, to && folder));
          return {
            ...choice,
            fits: fits[at] ?? null,
            taken: taken.find(path => path !== undefined) ?? null,
            kept: kept ? await this.#doneOf(kept) : 0,
          };
        }),
      ),
      ...{ suggested: suggested ?? null, folder, memoryBytes, offline: this.#offline },
      freeBytes: disk.bavail * disk.bsize,
    };
  }

  async catalogue(): Promise<CatalogueEntry[]> {
    return this.#parts.catalogue.list(await this.#memory());
  }

  /** Downloads that ended before they were whole, or go on now; the last begun first. */
  async unfinished(): Promise<UnfinishedDownload[]> {
    const listed = await Promise.all(
      (await this.#records()).map(async found => ({
        ...{ id: found.id, source: found.source, to: found.to, name: found.name },
        done: await this.#doneOf(found),
        bytes: totalOf(found.files),
        startedAt: found.startedAt,
        running: await this.#goesOn(found),
      })),
    );
    return listed.sort((a, b) => (a.startedAt > b.startedAt ? -1 : 1));
  }

  /** Deletes what came of a download that does not go on. */
  async discard(id: string): Promise<{ freed: number }> {
    const found = (await this.#records()).find(kept => kept.id === id);
    if (!found)
      throw new StudioError('not_found', 'There is no unfinished download of that name.', {
        field: 'id',
        action: 'It may be done, or was discarded before.',
      });
    if (await this.#goesOn(found)) throw underWay(found.name);
    const freed = await this.#doneOf(found);
    await this.#forget(found);
    return { freed };
  }

  async #download(
    { source, to: asked, sha256 }: StartDownloadInput,
    token: string | undefined,
    task: Task,
  ): Promise<DownloadResult> {
    const { imports } = this.#parts;
    const to = asked === undefined ? undefined : resolve(asked);
    task.progress(0, 0, '', source);
    const found = await this.#find(source, token, task.signal);
    if (this.#offline) throw this.#refusal(source, found, to);
    const choice = theOne(found, source);
    if (sha256 !== undefined && choice.files.length > 1)
      throw new StudioError(
        'bad_input',
        `${source} has ${choice.files.length} files, and one hash was given.`,
        {
          field: 'sha256',
          action: 'Leave it out: Hugging Face gives a hash of each, which is checked.',
        },
      );
    for (const { name } of choice.files) imports.mayTake(name, to);
    const files = choice.files.map(file => ({ ...file, sha256: sha256 ?? file.sha256 }));
    const id = idOf(choice.source, to);
    if (this.#active.has(id)) throw underWay(choice.label);
    this.#active.add(id);
    let kept: Kept | undefined;
    try {
      kept = await this.#begin(choice.source, to, files);
      const brought = await this.#bring(kept, token, task);
      const { what, path, files: placed, bytes, content } = await this.#shelve(kept, to, task);
      return {
        ...{ what, path, files: placed, bytes, content },
        sha256: brought.map(file => file.sha256),
        checked: sha256 !== undefined ? 'given' : files.every(file => file.sha256 !== null) ? 'server' : null,
        resumed: brought.reduce((sum, { resumed }) => sum + resumed, 0),
      };
    } finally {
      this.#active.delete(id);
      if (kept && (await this.#doneOf(kept)) === 0) await this.#forget(kept);
    }
  }

  /** All files of a download, each as its name and `.part`. */
  async #bring(kept: Kept, token: string | undefined, task: Task) {
    const { http, room } = this.#parts;
    const folder = this.#folderOf(kept);
    makeFolder(folder);
    const there = await this.#doneOf(kept);
    await room.take(task.run, kept.name, Math.max(0, sizeOf(kept.files) - there), folder);
    const teller = new Teller(task, kept);
    const brought: { sha256: string; resumed: number }[] = [];
    try {
      for (const [at, file] of kept.files.entries()) {
        const part = join(folder, `${file.name}.part`);
        try {
          const done = await transfer(file.url, part, {
            http,
            token: this.#tokenFor(file.url, token),
            signal: task.signal,
            bytes: file.bytes,
            sha256: file.sha256,
            known: file.identity,
            onidentity: async identity => {
              if (file.bytes === null && identity.bytes !== null) {
                const more = identity.bytes - (await sizeAt(part));
                await room.take(task.run, kept.name, Math.max(0, more), folder);
              }
              kept.files[at] = { ...file, identity };
              await this.#write(kept);
            },
            onprogress: (bytes, checking) => teller.tell(at, bytes, checking),
            onwait: (ms, why) => teller.wait(ms, why),
          });
          brought.push(done);
        } catch (error) {
          if (error instanceof StudioError && error.cause === USELESS) await rm(part, { force: true });
          throw error;
        }
      }
    } finally {
      teller.close();
    }
    room.owe(task.run, 0);
    return brought;
  }

  /** Gives the files their names and has the library take them. What it finds damaged is not kept. */
  async #shelve(kept: Kept, to: string | undefined, task: Task) {
    const folder = this.#folderOf(kept);
    const whole = kept.files.map(({ name }) => join(folder, name));
    try {
      for (const path of whole) await rename(`${path}.part`, path);
      return await this.#parts.imports.shelve(whole, task, to);
    } catch (error) {
      for (const path of whole) await rename(path, `${path}.part`).catch(() => {});
      if (error instanceof StudioError && ['bad_file', 'mismatch', 'not_finite'].includes(error.data.code))
        await this.#forget(kept);
      throw error;
    }
  }

  async #find(source: string, token: string | undefined, signal: AbortSignal): Promise<Found> {
    const { catalogue, http } = this.#parts;
    const entry = await catalogue.find(source);
    const endpoint = this.#endpoint;
    const parsed = parseSource(entry?.source ?? source, endpoint);
    if (this.#offline) return unasked(parsed, endpoint);
    const options = { signal, pausesMs: http.pausesMs.slice(0, 2) };
    if (parsed.kind === 'address')
      return http.persist(
        () => this.#findAddress(parsed.url, this.#tokenFor(parsed.url, token), signal),
        options,
      );
    return http.persist(
      () => this.#findInHub(parsed, endpoint, this.#tokenFor(endpoint, token), signal),
      options,
    );
  }

  async #findInHub(
    source: HubSource,
    endpoint: string,
    token: string | undefined,
    signal: AbortSignal,
  ): Promise<Found> {
    const { http } = this.#parts;
    const page = pageAddress(endpoint, source);
    const there = await candidates(http, endpoint, source, { token, signal }).catch(async error => {
      // A mirror that has the files need not have the lists.
      if (!source.file || !(error instanceof StudioError) || error.data.code !== 'not_found') throw error;
      const url = fileAddress(endpoint, source, source.file);
      return [
        {
          path: source.file,
          quantisation: quantisationOf(source.file),
          files: await this.#describe(url, token, signal),
          projector: false,
        },
      ];
    });
    const all = there.filter(({ path, projector }) => path === source.file || !projector);
    const nameOf = (path: string) => hubName({ ...source, file: path, quantisation: null });
    if (all.length === 0)
      throw new StudioError('bad_file', `${hubName(source)} holds no GGUF file.`, {
        field: 'source',
        action:
          'Look for a repository of the same model whose name ends in GGUF, or download the checkpoint and add its folder (“convert”).',
      });
    const wanted = source.file && isPart(source.file) ? firstPart(source.file) : source.file;
    const named = all.filter(({ path, quantisation }) =>
      wanted
        ? path === wanted
        : source.quantisation === null || quantisation === source.quantisation.toUpperCase(),
    );
    const listed = all.map(({ path, quantisation }) => quantisation ?? basename(path));
    if (named.length === 0)
      throw new StudioError(
        'not_found',
        `${hubName({ ...source, file: null, quantisation: null })} has no ${wanted ?? source.quantisation}.`,
        {
          field: 'source',
          action: `It has: ${[...new Set(listed)].join(', ')}.`,
        },
      );
    return {
      page,
      choices: named.map(({ path, quantisation, files }) => ({
        source: nameOf(path),
        label: quantisation ?? basename(path),
        quantisation,
        files,
        bytes: totalOf(files),
      })),
      chosen: named.length === 1 ? 0 : null,
      projectors: there.filter(({ projector }) => projector).map(({ path }) => nameOf(path)),
      asks: [],
    };
  }

  async #findAddress(url: string, token: string | undefined, signal: AbortSignal): Promise<Found> {
    const name = nameOfAddress(url);
    if (!FILE_NAME.test(name))
      throw new StudioError('bad_input', `${url} does not end in the name of a GGUF file.`, {
        field: 'source',
        action: 'Give the address of the file itself: its last part ends in .gguf.',
      });
    const files = (
      await Promise.all(addressesOfParts(url).map(part => this.#describe(part, token, signal)))
    ).flat();
    return {
      page: null,
      choices: [
        { source: url, label: name, quantisation: quantisationOf(name), files, bytes: totalOf(files) },
      ],
      chosen: 0,
      asks: [],
    };
  }

  /** What a server tells of a file when its first byte is asked for; some know no HEAD requests. */
  async #describe(url: string, token: string | undefined, signal: AbortSignal): Promise<RemoteFile[]> {
    const { headers, linked, body } = await this.#parts.http.get(url, {
      headers: { range: 'bytes=0-0' },
      token,
      signal,
    });
    body.destroy();
    const total = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1];
    const bytes = linked.bytes ?? (Number.parseInt(total ?? headers['content-length'] ?? '', 10) || null);
    return [{ name: nameOfAddress(url), url, bytes, sha256: linked.sha256 }];
  }

  /** The record of a download: the one that is kept, as far as its files are the same still. */
  async #begin(source: string, to: string | undefined, files: RemoteFile[]): Promise<Kept> {
    const id = idOf(source, to);
    const before = (await this.#records()).find(kept => kept.id === id);
    const name = files[0]?.name ?? source;
    if (before && before.pid !== process.pid && (await this.#goesOn(before))) throw underWay(name);
    const kept: Kept = {
      ...{ id, source, to: to ?? null, name },
      startedAt: new Date().toISOString(),
      pid: process.pid,
      files: files.map(file => {
        const known = before?.files.find(({ name }) => name === file.name);
        const same = known?.url === file.url && known.sha256 === file.sha256 && known.bytes === file.bytes;
        return { ...file, identity: same ? known.identity : null };
      }),
    };
    for (const file of kept.files)
      if (!file.identity) await rm(join(this.#folderOf(kept), `${file.name}.part`), { force: true });
    await this.#write(kept);
    return kept;
  }

  async #write(kept: Kept): Promise<void> {
    makeFolder(this.#parts.folder);
    const path = join(this.#parts.folder, `${kept.id}.json`);
    // Whole or not at all: a studio that is killed meanwhile finds the old one.
    await writeFile(`${path}.new`, JSON.stringify(kept));
    await rename(`${path}.new`, path);
  }

  async #forget(kept: Kept): Promise<void> {
    await rm(this.#folderOf(kept), { recursive: true, force: true });
    await rm(join(this.#parts.folder, `${kept.id}.json`), { force: true });
  }

  async #records(): Promise<Kept[]> {
    const names = await readdir(this.#parts.folder).catch(() => []);
    const found = await Promise.all(
      names
        .filter(name => name.endsWith('.json'))
        .map(async name => {
          const text = await readFile(join(this.#parts.folder, name), 'utf8').catch(() => 'null');
          const parsed = record.safeParse(tryJson(text));
          return parsed.success && `${parsed.data.id}.json` === name ? [parsed.data] : [];
        }),
    );
    return found.flat();
  }

  /** Where the parts lie: on the disk that the whole file is for. */
  #folderOf({ id, to }: Kept): string {
    return to === null ? join(this.#parts.folder, id) : join(to, `.temperament-${id}`);
  }

  async #doneOf(kept: Kept): Promise<number> {
    const sizes = kept.files.map(({ name }) => sizeAt(join(this.#folderOf(kept), `${name}.part`)));
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  /** Whether this process or another is at it; another whose files stand still for long has only left its number. */
  async #goesOn(kept: Kept): Promise<boolean> {
    if (kept.pid === process.pid) return this.#active.has(kept.id);
    if (!alive(kept.pid)) return false;
    const files = kept.files.map(({ name }) => join(this.#folderOf(kept), `${name}.part`));
    const changed = [join(this.#parts.folder, `${kept.id}.json`), ...files].map(path =>
      stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    );
    return Date.now() - Math.max(...(await Promise.all(changed))) < STANDS_STILL_MS;
  }

  async #memory(): Promise<number> {
    return machineMemory(await this.#parts.devices().catch(() => []));
  }

  get #endpoint(): string {
    return (this.#parts.settings().hub || process.env.HF_ENDPOINT || HUB).replace(/\/+$/, '');
  }

  get #offline(): boolean {
    return this.#parts.settings().offline || /^(1|true|yes|on)$/i.test(process.env.HF_HUB_OFFLINE ?? '');
  }

  /** A token that was typed goes to whatever was named; the environment's to the hub alone. */
  #tokenFor(url: string, typed: string | undefined): string | undefined {
    const isHub = URL.parse(url)?.origin === URL.parse(this.#endpoint)?.origin;
    return typed ?? (isHub ? process.env.HF_TOKEN || undefined : undefined);
  }

  #refusal(source: string, { choices, asks }: Found, to: string | undefined): StudioError {
    const files = choices.flatMap(choice => choice.files);
    const folder = to ?? this.#parts.modelFolder;
    const first = asks.length > 0 ? `It would ask ${asks.join(', ')} which files there are.` : '';
    const then = files.map(({ url }) => `It would fetch ${url}.`).join(' ');
    return new StudioError('io', `The studio is set to stay offline, so ${source} was not asked for.`, {
      field: 'offline',
      action: [first, then, `Put the file into ${folder} by hand, or let the studio use the network.`]
        .filter(Boolean)
        .join(' '),
    });
  }
}

interface Asked {
  source: string;
  token?: string;
  to?: string;
}

/** Tells at intervals how far a download is, how fast and how long it will take; also while nothing comes. */
class Teller {
  readonly #task: Task;
  readonly #name: string;
  readonly #total: number;
  readonly #done: number[];
  readonly #timer = setInterval(() => this.#say(), TELL_EVERY_MS);
  /** What goes on in place of a transfer. */
  #instead: string | null = null;
  #speed: number | null = null;
  #measured: { at: number; bytes: number } | null = null;

  constructor(task: Task, { name, files }: Kept) {
    this.#task = task;
    this.#name = name;
    this.#total = totalOf(files) ?? 0;
    this.#done = files.map(() => 0);
  }

  tell(file: number, bytes: number, checking: boolean): void {
    this.#done[file] = bytes;
    this.#instead = checking ? 'Checking what is there' : null;
    if (this.#sum() === this.#total) this.#say();
  }

  wait(ms: number, why: string): void {
    this.#instead = `Trying again in ${Math.ceil(ms / 1000)} s: ${why}`;
    this.#say();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sum = (): number => this.#done.reduce((sum, more) => sum + more, 0);

  #say(): void {
    const done = this.#sum();
    if (this.#instead === null) this.#measure(done, performance.now());
    else this.#measured = null;
    const speed = this.#instead === null ? this.#speed : null;
    this.#task.progress(
      done / 1e6,
      this.#total / 1e6,
      'MB',
      this.#instead ?? (speed === null ? this.#name : `${(speed / 1e6).toFixed(1)} MB/s`),
      speed !== null && speed > STALLED && this.#total > 0 ? Math.max(0, this.#total - done) / speed : null,
    );
  }

  #measure(bytes: number, at: number): void {
    const before = this.#measured;
    this.#measured = { at, bytes };
    if (!before || at <= before.at) return;
    const seconds = (at - before.at) / 1000;
    const now = (bytes - before.bytes) / seconds;
    const weight = 1 - Math.exp(-seconds / SPEED_OVER_S);
    this.#speed = this.#speed === null ? now : this.#speed + weight * (now - this.#speed);
  }
}

/** Addresses of all parts of a split model, for that of one of them; of any other file its own. */
function addressesOfParts(address: string): string[] {
  const url = new URL(address);
  const parts = partNames(url.pathname);
  if (parts.length > MOST_PARTS)
    throw new StudioError(
      'bad_input',
      `${address} is one of ${parts.length} parts; at most ${MOST_PARTS} are fetched.`,
      {
        field: 'source',
        action: 'Check the address.',
      },
    );
  return parts.map(pathname => Object.assign(new URL(address), { pathname }).href);
}

/** What a source stands for where no server is asked. */
function unasked(source: Source, endpoint: string): Found {
  if (source.kind === 'hub' && !source.file)
    return {
      page: pageAddress(endpoint, source),
      choices: [],
      chosen: null,
      asks: [treeAddress(endpoint, source)],
    };
  const url = source.kind === 'hub' ? fileAddress(endpoint, source, source.file as string) : source.url;
  const files = addressesOfParts(url).map(part => ({
    ...{ name: nameOfAddress(part), url: part },
    ...{ bytes: null, sha256: null },
  }));
  return {
    page: source.kind === 'hub' ? pageAddress(endpoint, source) : null,
    choices: [
      {
        source: source.kind === 'hub' ? hubName(source) : url,
        label: quantisationOf(url) ?? nameOfAddress(url),
        quantisation: quantisationOf(url),
        files,
        bytes: null,
      },
    ],
    chosen: 0,
    asks: [],
  };
}

function theOne({ choices, chosen }: Found, source: string): Choice {
  const choice = chosen === null ? undefined : choices[chosen];
  const missing = choice && partNames(choice.files[0]?.name ?? '').length - choice.files.length;
  if (missing)
    throw new StudioError(
      'bad_file',
      `${missing} of the parts of ${choice.files[0]?.name} are missing there.`,
      {
        field: 'source',
        action: 'Choose another model, or tell those who put it there.',
      },
    );
  if (choice) return choice;
  const listed = choices.map(
    ({ label, bytes }) => `${label}${bytes === null ? '' : ` (${gigabytes(bytes)})`}`,
  );
  throw new StudioError('bad_input', `${source} has ${choices.length} models: ${listed.join(', ')}.`, {
    field: 'source',
    action: `Name one of them, as in ${choices[0]?.source}, or by its quantisation after a colon.`,
  });
}

const underWay = (name: string) =>
  new StudioError('busy', `${name} is being downloaded already.`, {
    field: 'source',
    action: 'Wait for it, or cancel it first.',
  });

const idOf = (source: string, to: string | undefined) =>
  createHash('sha256')
    .update(`${source}\0${to === undefined ? '' : resolve(to)}`)
    .digest('hex')
    .slice(0, 16);

const totalOf = (files: { bytes: number | null }[]): number | null =>
  files.every(({ bytes }) => bytes !== null) ? sizeOf(files) : null;

const sizeAt = (path: string) =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/** The nearest folder above a path that exists. */
function existing(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existing(dirname(path));
}
