/** Which projector goes with which model, by folders, names and widths. */
import { expect, test } from 'vitest';
import type { Projector } from '../contract.ts';
import { besides, fits } from './projectors.ts';

const projector = (path: string, widths = [64, 3584], images = true): Projector => ({
  ...{ id: path, path, bytes: 1, images, widths, content: path },
});
const model = (path: string, backbone = 'a', width = 3584) => ({ path, backbone, width });

test('a projector fits by its encoder and a width', () => {
  expect(fits(projector('x'), 3584)).toBe(true);
  expect(fits(projector('x'), 4096)).toBe(false);
  expect(fits(projector('x', []), 4096)).toBe(true);
  expect(fits(projector('x', [3584], false), 3584)).toBe(false);
});

test('the one that is named after the model goes with it, and with what was baked from it', () => {
  const all = [
    projector('/m/mmproj-Qwen2.5-VL-7B-Instruct-f16.gguf'),
    projector('/m/Qwen2.5-VL-3B-Instruct-mmproj-Q8_0.gguf'),
    projector('/other/mmproj-Qwen2.5-VL-7B-Instruct-f16.gguf'),
  ];
  const models = [
    model('/m/Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf'),
    model('/m/Qwen2.5-VL-7B-Instruct-Q4_K_M-extraversion1-q8_0.gguf'),
    model('/m/Llama-3.1-8B.gguf', 'b'),
  ];
  const found = models.map(one => besides(one, all, models)?.path);
  expect(found).toEqual([all[0]?.path, all[0]?.path, undefined]);
  // Of another width, whatever its name.
  expect(besides(model('/m/Qwen2.5-VL-7B-Instruct-Q8_0.gguf', 'a', 2048), all, models)).toBeUndefined();
});

test('one without a name of its own goes with the models of its folder where all are one', () => {
  const all = [projector('/hub/mmproj-model-f16.gguf')];
  const [one, other] = [model('/hub/gemma-3-4b-it-Q4_0.gguf'), model('/hub/gemma-3-4b-it-Q8_0.gguf')];
  expect(besides(one, all, [one, other, model('/elsewhere/x.gguf', 'b')])?.path).toBe(all[0]?.path);
  expect(besides(one, all, [one, other, model('/hub/llama.gguf', 'b')])).toBeUndefined();
});
