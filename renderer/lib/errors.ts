/** The one place where a failed call becomes what the user reads. */
import { ORPCError } from '@orpc/client';
import { type StudioErrorData, studioErrorData } from '../../electron/studio/contract.ts';
import { NotConnectedError } from '../client.ts';
import { said } from './said.ts';
import { t } from './strings.ts';

export interface Problem {
  code: StudioErrorData['code'] | 'not_connected';
  /** What happened. */
  message: string;
  /** To which file or field. */
  where: string | null;
  /** What to do now. */
  action: string | null;
}

export function problemOf(data: StudioErrorData): Problem {
  const where = data.file ? t.errors.file(data.file) : data.field ? t.errors.field(data.field) : null;
  if (data.code === 'worker_lost') {
    return {
      code: data.code,
      message: said(data.message) || t.errors.workerLost,
      where,
      action: data.action ? said(data.action) : t.errors.workerLostAction,
    };
  }
  return {
    code: data.code,
    message: said(data.message),
    where,
    action: data.action ? said(data.action) : null,
  };
}

/** What the page itself refuses, in words for the user. */
export class Refusal extends Error {}

export function toProblem(error: unknown): Problem {
  if (error instanceof Refusal)
    return { code: 'bad_input', message: error.message, where: null, action: null };
  if (error instanceof ORPCError) {
    const data = studioErrorData.safeParse(error.data);
    if (data.success) return problemOf(data.data);
    return {
      code: 'internal',
      message: error.message || t.errors.unknown,
      where: null,
      action: t.errors.unknownAction,
    };
  }
  if (isConnectionLoss(error)) {
    return {
      code: 'not_connected',
      message: t.errors.notConnected,
      where: null,
      action: t.errors.notConnectedAction,
    };
  }
  return { code: 'internal', message: t.errors.unknown, where: null, action: t.errors.unknownAction };
}

/** A call that ended because the connection did: the transport closes its open calls as aborted. */
export const isConnectionLoss = (error: unknown): boolean =>
  error instanceof NotConnectedError ||
  (error instanceof Error &&
    (error.name === 'AbortError' || error.message.includes('WebSocket is not open')));
