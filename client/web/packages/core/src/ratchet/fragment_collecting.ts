/** Reads fragment blocks, and collects their pieces (WIRE-10, PQ-08, PQ-09). */

import type { Bytes } from "../bytes.ts";
import { allZero, concat, cut, readU32, same } from "../bytes.ts";
import { MAX_COUNTER } from "../constants.ts";
import { notAuthentic } from "../errors.ts";
import type { Fragment, Pieces } from "./fragment.ts";
import { PIECE_HASH_B, PIECE_OF_CIPHERTEXT, PIECE_OF_KEY, PIECES, pieceSizeB } from "./fragment.ts";

const DATA_AT = 16;
/**
 * The fragment of a block, or null for none (WIRE-10, PQ-08).
 *
 * @throws RemoteError `remote.authentication`
 */
export function decodeFragment(block: Bytes): Fragment | null {
  const [type, index] = [block[0] as number, block[1] as number];
  const epoch = readU32(block, 4);
  if (type === 0) {
    if (!allZero(block)) throw notAuthentic();
    return null;
  }
  if (type !== PIECE_OF_KEY && type !== PIECE_OF_CIPHERTEXT) throw notAuthentic();
  if (index >= PIECES || !allZero(block.subarray(2, 4)) || epoch === 0 || epoch >= MAX_COUNTER) throw notAuthentic();
  const sizeB = pieceSizeB(type, index);
  if (!allZero(block.subarray(DATA_AT + sizeB))) throw notAuthentic();
  return { type, index, epoch, hash: cut(block, 8, PIECE_HASH_B), piece: cut(block, DATA_AT, sizeB) };
}

/** What is collected with one piece more: one of another hash begins anew, one that is there is ignored (PQ-09). */
export function collect(pieces: Pieces | null, fragment: Fragment): Pieces {
  const begun = pieces !== null && same(pieces.hash, fragment.hash);
  const parts = begun ? [...pieces.parts] : new Array<Bytes | null>(PIECES).fill(null);
  parts[fragment.index] ??= fragment.piece;
  return { hash: fragment.hash, parts };
}

/** All pieces joined, or null while one is missing. */
export function whole(pieces: Pieces): Bytes | null {
  const parts = pieces.parts.filter((part) => part !== null);
  return parts.length === PIECES ? concat(...parts) : null;
}
