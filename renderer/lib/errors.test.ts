import { ORPCError } from '@orpc/client';
import { expect, it } from 'vitest';
import { NotConnectedError } from '../client.ts';
import { toProblem } from './errors.ts';

it('shows a studio error as it is: what, where, what to do', () => {
  const error = new ORPCError('STUDIO', {
    data: { code: 'no_space', message: 'The disk is full.', file: '/data/a.gguf', action: 'Free 2 GB.' },
  });
  expect(toProblem(error)).toEqual({
    code: 'no_space',
    message: 'The disk is full.',
    where: 'File: /data/a.gguf',
    action: 'Free 2 GB.',
  });
});

it('always says what to do after a worker was lost', () => {
  const error = new ORPCError('STUDIO', { data: { code: 'worker_lost', message: 'The process ended.' } });
  expect(toProblem(error).action).toMatch(/Ask again/);
});

it.each([
  new NotConnectedError(),
  new DOMException('closed', 'AbortError'),
  new Error('Cannot send message, WebSocket is not open.'),
])('takes %s as a lost connection', error => expect(toProblem(error).code).toBe('not_connected'));

it('hides what a person cannot use', () => {
  expect(toProblem(new TypeError('x is undefined')).message).not.toContain('undefined');
  expect(toProblem('oops').code).toBe('internal');
});
