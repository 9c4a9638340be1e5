/** Padding with 0x80 and zero bytes to a class of sizes (WIRE-11 to WIRE-13). */

import type { Bytes } from "../bytes.ts";
import { cut } from "../bytes.ts";
import { notAuthentic } from "../errors.ts";

export type Kind = 1 | 2;

const MARK = 0x80;
export const FLIGHT_BODY_B = 1_882;
const CLASSES: Readonly<Record<Kind, readonly number[]>> = {
  1: [512, 1_024, 2_048, 4_096],
  2: [FLIGHT_BODY_B, 2_048, 4_096],
};
const LARGEST_CLASS_B = 4_096;

/** The PADME size of a length above 4096: rounded up so that only its leading bits vary (WIRE-11). */
export function padmeB(lengthB: number): number {
  const exponent = bits(lengthB) - 1;
  const step = 2 ** (exponent - bits(exponent));
  return Math.ceil(lengthB / step) * step;
}

function bits(value: number): number {
  return value.toString(2).length;
}

/** The smallest class of a kind that holds so many bytes, the mark among them (WIRE-11, WIRE-12). */
export function classB(kind: Kind, lengthB: number): number {
  return CLASSES[kind].find((sizeB) => sizeB >= lengthB) ?? padmeB(lengthB);
}

/** Whether a body of a kind may have this size (WIRE-07). */
export function isClass(kind: Kind, sizeB: number): boolean {
  return CLASSES[kind].includes(sizeB) || (sizeB > LARGEST_CLASS_B && padmeB(sizeB) === sizeB);
}

/** `plain`, 0x80 and zero bytes to the smallest class of its kind. */
export function pad(kind: Kind, plain: Uint8Array): Bytes {
  return padTo(plain, classB(kind, plain.length + 1));
}

/** `plain`, 0x80 and zero bytes up to `sizeB`. */
export function padTo(plain: Uint8Array, sizeB: number): Bytes {
  const padded = new Uint8Array(sizeB);
  padded.set(plain);
  padded[plain.length] = MARK;
  return padded;
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
