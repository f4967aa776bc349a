import { expect, it } from 'vitest';
import { History } from './history.ts';

it('takes changes of one gesture as one step, and others one by one', () => {
  const history = new History<number>();
  history.record(0, 'extraversion', 0);
  history.record(1, 'extraversion', 300);
  history.record(2, 'openness', 600);
  history.record(3, 'openness', 2000);
  expect(history.undo(() => 4)).toBe(3);
  expect(history.undo(() => 3)).toBe(2);
  expect(history.undo(() => 2)).toBe(0);
  expect(history.undo(() => 0)).toBeNull();
  expect(history.redo(() => 0)).toBe(2);
  expect(history.redo(() => 2)).toBe(3);
  expect(history.redo(() => 3)).toBe(4);
  expect(history.redo(() => 4)).toBeNull();
});

it('forgets what was undone once something new is done', () => {
  const history = new History<number>();
  history.record(0, null, 0);
  expect(history.undo(() => 1)).toBe(0);
  history.record(0, null, 10);
  expect(history.canRedo).toBe(false);
  expect(history.undo(() => 5)).toBe(0);
});

it('never joins a new gesture to one that was undone', () => {
  const history = new History<number>();
  history.record(0, 'openness', 0);
  history.undo(() => 1);
  history.record(0, 'openness', 100);
  expect(history.undo(() => 2)).toBe(0);
});
