/** A text in pieces, some of them lit. */
import type { TextReadout } from '../../electron/studio/contract.ts';

export interface Piece {
  text: string;
  lit: boolean;
}

/** The text with the words of a category lit; whole where there is none. */
export function litPieces(text: string, readout: TextReadout | null, category: string | null): Piece[] {
  const words = (category !== null && readout?.found?.[category]) || [];
  const places = words.flatMap(({ at }) => at ?? []).sort(([a], [b]) => a - b);
  const pieces: Piece[] = [];
  let end = 0;
  for (const [from, to] of places) {
    if (from < end || to > text.length) continue;
    if (from > end) pieces.push({ text: text.slice(end, from), lit: false });
    pieces.push({ text: text.slice(from, to), lit: true });
    end = to;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), lit: false });
  return pieces;
}
