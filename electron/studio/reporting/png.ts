/** Plots as PNG, drawn from their SVG by resvg, with a font that the studio carries: a server may have none. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { initWasm, Resvg } from '@resvg/resvg-wasm';

/** Pixels for each unit of the SVG: sharp in print at the width of a column. */
const ZOOM = 3;
const FAMILY = 'Liberation Sans';

let font: Promise<Uint8Array> | undefined;

/** Loads the renderer and its font, once. */
function prepare(fonts: string): Promise<Uint8Array> {
  font ??= Promise.all([
    readFile(join(fonts, 'LiberationSans-Regular.ttf')),
    readFile(createRequire(import.meta.url).resolve('@resvg/resvg-wasm/index_bg.wasm')).then(initWasm),
  ]).then(([bytes]) => bytes);
  return font;
}

/** @param fonts folder of the studio's fonts */
export async function toPng(svg: string, fonts: string): Promise<Uint8Array> {
  const bytes = await prepare(fonts);
  const renderer = new Resvg(svg, {
    background: '#ffffff',
    fitTo: { mode: 'zoom', value: ZOOM },
    font: { fontBuffers: [bytes], defaultFontFamily: FAMILY, sansSerifFamily: FAMILY },
  });
  const image = renderer.render();
  try {
    return image.asPng();
  } finally {
    image.free();
    renderer.free();
  }
}
