/** Padding with 0x80 and zero bytes to a class of sizes (WIRE-11 to WIRE-13). */

import type { Bytes } from "../bytes.ts";

export type Kind = 1 | 2;

export const MARK = 0x80;
export const FLIGHT_BODY_B = 1_882;
export const CLASSES: Readonly<Record<Kind, readonly number[]>> = {
  1: [512, 1_024, 2_048, 4_096],
  2: [FLIGHT_BODY_B, 2_048, 4_096],
};
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
