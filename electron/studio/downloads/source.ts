/** What a user names to be downloaded: a repository of Hugging Face, a file in it, or an address. */
import { StudioError } from '../errors.ts';

export const HUB = 'https://huggingface.co';
const HUB_HOSTS = new Set(['huggingface.co', 'www.huggingface.co', 'hf.co']);

export interface HubSource {
  kind: 'hub';
  /** `owner/name` */
  repository: string;
  revision: string;
  /** Path in the repository. */
  file: string | null;
  quantisation: string | null;
}
export interface AddressSource {
  kind: 'address';
  url: string;
}
export type Source = HubSource | AddressSource;

const SEGMENT = /^[\w-][\w.-]{0,95}$/;

/**
 * Reads `hf:owner/name[/file][:quantisation][#revision]` (also without `hf:`), pages and files of the hub by their
 * addresses, and other addresses.
 *
 * @param endpoint the hub or its mirror, whose addresses count as the hub's
 */
export function parseSource(text: string, endpoint: string = HUB): Source {
  const plain = text.trim();
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(plain) && !/^hf:/i.test(plain)) return parseAddress(plain, endpoint);
  const named = plain.replace(/^hf:(\/\/)?/i, '').replace(/^(www\.)?(huggingface\.co|hf\.co)\//i, '');
  const hashAt = named.indexOf('#');
  const [path, revision] = hashAt < 0 ? [named, 'main'] : [named.slice(0, hashAt), named.slice(hashAt + 1)];
  const colonAt = path.lastIndexOf(':');
  const quantisation = colonAt < 0 ? null : path.slice(colonAt + 1);
  const segments = (colonAt < 0 ? path : path.slice(0, colonAt)).split('/');
  const found = hubSource(segments, revision, quantisation);
  if (found && quantisation !== '' && !(found.file && quantisation)) return found;
  throw new StudioError('bad_input', `“${text}” names nothing that can be downloaded.`, {
    field: 'source',
    action:
      'Give hf:owner/repository, hf:owner/repository:Q4_K_M, hf:owner/repository/file.gguf, an address that begins with https://, or a name of the short list.',
  });
}

function hubSource(segments: string[], revision: string, quantisation: string | null): HubSource | null {
  const [owner = '', name = '', ...file] = segments;
  const sound =
    SEGMENT.test(owner) &&
    SEGMENT.test(name) &&
    revision.split('/').every(segment => SEGMENT.test(segment)) &&
    file.every(segment => segment !== '' && segment !== '..' && segment !== '.');
  if (!sound) return null;
  return {
    kind: 'hub',
    repository: `${owner}/${name}`,
    revision,
    file: file.join('/') || null,
    quantisation,
  };
}

function parseAddress(text: string, endpoint: string): Source {
  const url = URL.parse(text);
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw new StudioError('bad_input', `${text} is no address that begins with http:// or https://.`, {
      field: 'source',
      action: 'Copy the address of the file from your browser.',
    });
  if (url.username || url.password)
    throw new StudioError('bad_input', 'The address holds a user name or password.', {
      field: 'source',
      action: 'Leave it out: addresses are written into the log. A token has its own field.',
    });
  if (HUB_HOSTS.has(url.hostname) || url.origin === new URL(endpoint).origin) {
    const base = HUB_HOSTS.has(url.hostname) ? '/' : new URL(`${endpoint}/`).pathname;
    const segments = url.pathname.slice(base.length).split('/').filter(Boolean).map(decode);
    const [owner, name, what, revision = 'main', ...file] = segments;
    if (owner && name && (what === undefined || ['blob', 'resolve', 'tree'].includes(what))) {
      const path = what === 'tree' ? [] : file;
      const found = hubSource([owner, name, ...path], revision, null);
      if (found) return found;
    }
  }
  url.hash = '';
  return { kind: 'address', url: url.href };
}

/** The name of the file that an address leads to. */
export const nameOfAddress = (url: string): string => decode(new URL(url).pathname.split('/').at(-1) ?? '');

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A hub's source as it is written. */
export const hubName = ({ repository, revision, file, quantisation }: HubSource): string =>
  `hf:${repository}${file ? `/${file}` : ''}${quantisation ? `:${quantisation}` : ''}${revision === 'main' ? '' : `#${revision}`}`;

const QUANTISATION =
  /(?:^|[-._/])((?:UD-)?(?:I?Q|TQ)\d(?:_[A-Z\d]+)*|MXFP4(?:_MOE)?|BF16|F16|F32|FP16|FP32)(?=$|[-./])/gi;

/** The quantisation that a path in a repository names, by llama.cpp's names in capitals; null where it names none. */
export function quantisationOf(path: string): string | null {
  const found = [...path.replace(/\.gguf$/i, '').matchAll(QUANTISATION)].at(-1)?.[1];
  return found ? found.toUpperCase().replace(/^FP/, 'F') : null;
}
