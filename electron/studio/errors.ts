/** Errors as data: one class, and the ways between it and what crosses a process border. */
import { ORPCError, os } from '@orpc/server';
import type { StudioErrorData } from './contract.ts';
import { studioErrorData } from './contract.ts';

/** Something a user can understand and act on; every other error is a fault of ours and becomes `internal`. */
export class StudioError extends Error {
  readonly data: StudioErrorData;

  constructor(
    code: StudioErrorData['code'],
    message: string,
    more: Pick<StudioErrorData, 'file' | 'field' | 'action'> & { cause?: unknown } = {},
  ) {
    const { cause, ...data } = more;
    super(message, { cause });
    this.name = 'StudioError';
    // What is passed on from another error has a code and a message, too; these ones count.
    this.data = { ...data, code, message };
  }
}

const SYSTEM_ERRORS: Record<string, [StudioErrorData['code'], string, string]> = {
  ENOENT: ['not_found', 'There is no such file', 'Check the path.'],
  EACCES: ['io', 'Access was refused', 'Check the permissions of the file and its folder.'],
  EPERM: ['io', 'Access was refused', 'Check the permissions of the file and its folder.'],
  EROFS: ['io', 'The file system is read-only', 'Choose another folder.'],
  EISDIR: ['bad_input', 'This is a folder, not a file', 'Name a file.'],
  ENOSPC: ['no_space', 'The disk is full', 'Free some space or choose another folder.'],
};

/** What a schema objects to; fields that it does not know are named in `keys`. */
interface Issue {
  path?: PropertyKey[];
  message: string;
  keys?: string[];
}

/** A schema's objections in one line, and the field of the first. */
export function inWords(issues: Issue[]): { message: string; field?: string } {
  const field = ({ path = [], keys = [] }: Issue) => [...path, ...keys.slice(0, 1)].map(String).join('.');
  const message = issues.map(issue => `${field(issue) || 'input'}: ${issue.message}`).join('; ');
  return { message, field: issues[0] && field(issues[0]) };
}

/** Any thrown value as a StudioError: ours unchanged, those of workers revived, the system's translated. */
export function toStudioError(error: unknown): StudioError {
  if (error instanceof StudioError) return error;
  if (error instanceof ORPCError) {
    const data = studioErrorData.safeParse(error.data);
    if (data.success) return new StudioError(data.data.code, data.data.message, data.data);
    if (error.code === 'BAD_REQUEST') {
      const { message, field } = inWords((error.data as { issues?: Issue[] })?.issues ?? []);
      return new StudioError('bad_input', message || error.message, { field });
    }
    return new StudioError('internal', error.message, { cause: error });
  }
  if (error instanceof Error) {
    if (error.name === 'AbortError') return new StudioError('cancelled', 'Cancelled.');
    const system = SYSTEM_ERRORS[(error as NodeJS.ErrnoException).code ?? ''];
    if (system) {
      const file = (error as NodeJS.ErrnoException).path;
      return new StudioError(system[0], file ? `${system[1]}: ${file}` : system[1], {
        file,
        action: system[2],
      });
    }
    return new StudioError('internal', error.message, { cause: error });
  }
  return new StudioError('internal', String(error));
}

/** For every handler of the router and of the workers: what it throws, now or while it streams, leaves as `STUDIO`. */
export const asStudioErrors = os.middleware(async ({ next }) => {
  try {
    const result = await next();
    if (!isAsyncIterable(result.output)) return result;
    return { ...result, output: guarded(result.output) as typeof result.output };
  } catch (error) {
    throw asContractError(error);
  }
});

async function* guarded(events: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  try {
    yield* events;
  } catch (error) {
    throw asContractError(error);
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function asContractError(error: unknown): Error {
  const { data } = toStudioError(error);
  if (data.code === 'internal') console.error(error);
  return new ORPCError('STUDIO', { message: data.message, data, status: 400, defined: true });
}
