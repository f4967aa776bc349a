/** A model that another server runs, named by one text: the address of its OpenAI-compatible interface, #, the model. */
import { StudioError } from '../errors.ts';

export interface Address {
  /** Without a slash at its end: `http://127.0.0.1:8080/v1`. */
  url: string;
  /** As the server calls it. */
  model: string;
}

export const addressOf = ({ url, model }: Address): string => `${url}#${model}`;

/** Takes a base apart. Throws a StudioError where it names no server or no model. */
export function parseAddress(base: string): Address {
  const [, url = '', model = ''] = /^([^#]*)#?(.*)$/s.exec(base) ?? [];
  if (model === '')
    throw new StudioError('bad_input', `“${base}” names a server, but none of its models.`, {
      field: 'model',
      action: 'Write the model behind the address: http://127.0.0.1:8080/v1#name.',
    });
  return { url: cleanUrl(url), model };
}

/** An address as it is kept: with `/v1` where no path is given. Throws a StudioError where it cannot be one. */
export function cleanUrl(text: string): string {
  const trimmed = text.trim();
  const url = URL.parse(trimmed.includes('://') ? trimmed : `http://${trimmed}`);
  const refuse = (message: string) =>
    new StudioError('bad_input', message, {
      field: 'url',
      action: 'Give the address of an OpenAI-compatible server, such as http://127.0.0.1:8080/v1.',
    });
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.hostname === '')
    throw refuse(`“${trimmed}” is no address of a server.`);
  // What is in an address ends up in the log, and in whatever is exported from it.
  if (url.username || url.password || url.search)
    throw refuse('The address holds more than a place: a name, a password or a query.');
  const path = url.pathname.replace(/\/+$/, '').replace(/\/chat\/completions$/, '');
  return `${url.origin}${path || '/v1'}`;
}

/** Whether an address is on this machine. */
export const isLocal = (url: string): boolean =>
  /^(localhost|127(\.\d+){3}|\[::1\])$/.test(URL.parse(url)?.hostname ?? '');
