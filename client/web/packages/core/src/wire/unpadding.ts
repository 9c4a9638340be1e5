/** Takes the padding off a body (WIRE-07, WIRE-13). */

import type { Bytes } from "../bytes.ts";
import { cut } from "../bytes.ts";
import { notAuthentic } from "../errors.ts";
import type { Kind } from "./padding.ts";
import { CLASSES, classB, MARK, padmeB } from "./padding.ts";

const LARGEST_CLASS_B = 4_096;

/** Whether a body of a kind may have this size (WIRE-07). */
export function isClass(kind: Kind, sizeB: number): boolean {
  return CLASSES[kind].includes(sizeB) || (sizeB > LARGEST_CLASS_B && padmeB(sizeB) === sizeB);
}

/**
 * What stands before the mark of a body (WIRE-13).
 *
 * @throws RemoteError `remote.authentication` without a mark, or if the class is not the smallest
 */
export function unpad(kind: Kind, padded: Uint8Array): Bytes {
  const plain = unmark(padded);
  if (classB(kind, plain.length + 1) !== padded.length) throw notAuthentic();
  return plain;
}

/** What stands before the last 0x80 behind which there are zero bytes only. */
export function unmark(padded: Uint8Array): Bytes {
  const end = padded.findLastIndex((byte) => byte !== 0);
  if (end < 0 || padded[end] !== MARK) throw notAuthentic();
  return cut(padded, 0, end);
}
