/**
 * The vocabulary of a SentencePiece model (tokenizer.model): pieces with score and type.
 * Format: sentencepiece_model.proto, ModelProto.pieces (field 1) of piece (1), score (2) and type (3).
 */
import { badFile } from './files.ts';

export interface Piece {
  text: string;
  score: number;
  /** 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte: GGUF's token types are the same numbers. */
  type: number;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Reads the pieces of the file whose content is `data`. */
export function sentencePieces(data: Buffer, path: string): Piece[] {
  const pieces: Piece[] = [];
  for (const { field, bytes } of fieldsOf(data, path)) {
    if (field !== 1 || bytes === undefined) continue;
    const piece: Piece = { text: '', score: 0, type: 1 };
    for (const part of fieldsOf(bytes, path)) {
      if (part.field === 1 && part.bytes) piece.text = part.bytes.toString('utf8');
      if (part.field === 2 && part.fixed !== undefined) piece.score = part.fixed;
      if (part.field === 3 && part.value !== undefined) piece.type = part.value;
    }
    pieces.push(piece);
  }
  if (pieces.length === 0) throw damaged(path);
  return pieces;
}

interface Field {
  field: number;
  /** By the wire type: a whole number, a float32, or bytes. */
  value?: number;
  fixed?: number;
  bytes?: Buffer;
}

function* fieldsOf(data: Buffer, path: string): Generator<Field> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = data[at++];
      if (byte === undefined || shift > 2 ** 49) throw damaged(path);
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  const skip = (count: number) => {
    if (count > data.length - at) throw damaged(path);
    at += count;
    return data.subarray(at - count, at);
  };
  while (at < data.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case VARINT:
        // Negative numbers take ten bytes; no field that is read here has them.
        yield { field, value: varint() };
        break;
      case FIXED64:
        skip(8);
        break;
      case BYTES:
        yield { field, bytes: skip(varint()) };
        break;
      case FIXED32:
        yield { field, fixed: skip(4).readFloatLE() };
        break;
      default:
        throw damaged(path);
    }
  }
}

const damaged = (path: string) =>
  badFile(path, 'is no SentencePiece model, or is damaged.', 'Download it again.');
