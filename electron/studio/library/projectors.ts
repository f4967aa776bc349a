/** Projectors of pictures (`mmproj-….gguf`): which one goes with a model, so that a server can show it pictures. */
import { dirname } from 'node:path';
import type { Projector } from '../contract.ts';
import { modelName } from './split.ts';

/** What of a model tells which projector it takes. */
export interface Seeing {
  path: string;
  /** Length of its embeddings. */
  width: number;
  backbone: string;
}

/** Whether a projector takes pictures, and gives embeddings that are as long as the model's. */
export const fits = ({ images, widths }: Pick<Projector, 'images' | 'widths'>, width: number): boolean =>
  images && (widths.length === 0 || width === 0 || widths.includes(width));

/**
 * The projector that lies in a model's folder and goes with it: one that fits and is named after the model (or the model after
 * it), or one without a name of its own (`mmproj-F16.gguf`, as downloads have it) where all models of the folder are of
 * one backbone. Of several the one that says most of the model's name, then the first by name.
 *
 * @param models all models of its folder, itself too
 */
export function besides(model: Seeing, projectors: Projector[], models: Seeing[]): Projector | undefined {
  const name = essence(modelName(model.path));
  const folder = dirname(model.path);
  const alone = models.every(({ path, backbone }) => dirname(path) !== folder || backbone === model.backbone);
  return projectors
    .filter(projector => dirname(projector.path) === folder && fits(projector, model.width))
    .map(projector => ({ projector, stem: essence(modelName(projector.path)) }))
    .filter(({ stem }) => (stem === '' ? alone : name.startsWith(stem) || stem.startsWith(name)))
    .sort((a, b) => b.stem.length - a.stem.length || (a.projector.path < b.projector.path ? -1 : 1))[0]
    ?.projector;
}

/** Of names of files: llama.cpp's types, and what every projector is called. */
const COMMON = /(?<![\p{L}\p{N}])(mm-?proj|model|ud|b?f16|f32|i?q\d(_[\dkmslx]+)*)(?![\p{L}\p{N}])/giu;

/** What a file's name says of the model. */
const essence = (name: string): string =>
  name
    .replace(COMMON, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '');
