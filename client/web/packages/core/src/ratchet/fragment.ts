/**
 * The fragment block of a body of kind 1 and what is collected of pieces (WIRE-10, PQ-02, PQ-05, PQ-09).
 *
 *     | type u8 | index u8 | reserved u16 | epoch u32 | hash 8 | data 256 |
 */

import type { Bytes } from "../bytes.ts";
import { concat, cut, u32 } from "../bytes.ts";

export const FRAGMENT_B = 272;
export const PIECE_OF_KEY = 1;
export const PIECE_OF_CIPHERTEXT = 2;
export const PIECES = 5;
export const PIECE_HASH_B = 8;
const PIECE_B = 256;
/** Sizes of the last pieces without their fill, by type. */
export const LAST_PIECE_B: Readonly<Record<PieceType, number>> = { 1: 160, 2: 96 };
const ROUND_BYTES = 8;

export type PieceType = 1 | 2;

export interface Fragment {
  readonly type: PieceType;
  readonly index: number;
  readonly epoch: number;
  readonly hash: Bytes;
  /** Without its fill. */
  readonly piece: Bytes;
}

/** What has come of a key or a ciphertext message. */
export interface Pieces {
  readonly hash: Bytes;
  readonly parts: readonly (Bytes | null)[];
}

export function emptyBlock(): Bytes {
  return new Uint8Array(FRAGMENT_B);
}

/** The index of the next piece after `sent` of them (PQ-05). */
export function pieceIndex(sent: number, id: Bytes): number {
  if (sent < PIECES) return sent;
  const round = Math.floor(sent / PIECES);
  const place = sent % PIECES;
  const b = id[round % ROUND_BYTES] as number;
  return (b + place * (1 + (Math.floor(b / PIECES) % 4))) % PIECES;
}

export function pieceSizeB(type: PieceType, index: number): number {
  return index === PIECES - 1 ? LAST_PIECE_B[type] : PIECE_B;
}

/** The block with one piece of `whole`, filled up with zero bytes (PQ-02). */
export function pieceBlock(type: PieceType, epoch: number, hash: Bytes, whole: Bytes, index: number): Bytes {
  const piece = cut(whole, index * PIECE_B, pieceSizeB(type, index));
  const head = concat(Uint8Array.of(type, index, 0, 0), u32(epoch), hash);
  return concat(head, piece, new Uint8Array(PIECE_B - piece.length));
}
