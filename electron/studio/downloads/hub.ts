/** What Hugging Face, or a mirror of it, has: the GGUF files of a repository with their sizes and hashes. */
import { basename } from 'node:path';
import { z } from 'zod';
import type { RemoteFile } from '../contract.ts';
import { StudioError } from '../errors.ts';
import { FILE_NAME } from '../library/contract.ts';
import { firstPart, isPart } from '../library/split.ts';
import type { Http } from './http.ts';
import { type HubSource, quantisationOf } from './source.ts';

const MOST_PAGES = 50;

const entries = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    size: z.number().nonnegative(),
    /** `oid` is the SHA-256 of the file that the pointer in Git stands for. */
    lfs: z.object({ oid: z.string(), size: z.number().nonnegative() }).optional(),
  }),
);

/** A file, or all parts of a split one, in a repository. */
export interface Candidate {
  /** Path of the file, of a split model of its first part. */
  path: string;
  quantisation: string | null;
  files: RemoteFile[];
  /** It turns pictures into what a model reads, and is none itself. */
  projector: boolean;
}

/** Address that lists the files of a repository. */
export const treeAddress = (endpoint: string, { repository, revision }: HubSource): string =>
  `${endpoint}/api/models/${repository}/tree/${encodeURIComponent(revision)}?recursive=true`;

/** Address of a file in a repository. */
export const fileAddress = (endpoint: string, { repository, revision }: HubSource, path: string): string =>
  `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${path.split('/').map(encodeURIComponent).join('/')}`;

export const pageAddress = (endpoint: string, { repository }: HubSource): string =>
  `${endpoint}/${repository}`;

/** The models of a repository and their projectors of pictures, smallest first. Importance matrices are left out. */
export async function candidates(
  http: Http,
  endpoint: string,
  source: HubSource,
  { token, signal }: { token?: string; signal: AbortSignal },
): Promise<Candidate[]> {
  const found = new Map<string, RemoteFile & { path: string }>();
  let next: string | null = treeAddress(endpoint, source);
  for (let page = 0; next && page < MOST_PAGES; page++) {
    const { value, headers } = await http.json(next, { token, signal });
    const parsed = entries.safeParse(value);
    if (!parsed.success)
      throw new StudioError('io', `${new URL(endpoint).host} lists files otherwise than Hugging Face does.`, {
        action: 'Check the address of the hub in the settings, or give the address of the file.',
      });
    for (const { type, path, size, lfs } of parsed.data) {
      const name = basename(path);
      if (type !== 'file' || !FILE_NAME.test(name)) continue;
      const sha256 = lfs && /^[0-9a-f]{64}$/.test(lfs.oid) ? lfs.oid : null;
      found.set(path, {
        path,
        name,
        url: fileAddress(endpoint, source, path),
        bytes: lfs?.size ?? size,
        sha256,
      });
    }
    // A mirror that passes the hub's own links on is still asked itself.
    const link = /<([^>]+)>;\s*rel="next"/.exec(headers.link ?? '')?.[1];
    const url = link ? URL.parse(link, endpoint) : null;
    next = url
      ? `${endpoint}/api/models/${source.repository}/tree/${encodeURIComponent(source.revision)}${url.search}`
      : null;
  }
  const groups = new Map<string, (RemoteFile & { path: string })[]>();
  for (const file of [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const key = isPart(file.path) ? firstPart(file.path) : file.path;
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  return [...groups]
    .map(([path, parts]) => ({
      path,
      quantisation: quantisationOf(path),
      files: parts.map(({ path: _, ...file }) => file),
      projector: /mmproj/i.test(path),
    }))
    .filter(({ path }) => path === source.file || !/imatrix/i.test(path))
    .sort((a, b) => sizeOf(a.files) - sizeOf(b.files));
}

export const sizeOf = (files: { bytes: number | null }[]): number =>
  files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
