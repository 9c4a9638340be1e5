/** Byte strings: joining, comparing public ones, fixed-size big-endian integers, hexadecimal. */
import { LocalError } from "./errors.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

const U32 = 2 ** 32;

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** A copy of `size` bytes from `offset` on. */
export function cut(data: Uint8Array, offset: number, size: number): Bytes {
  return new Uint8Array(data.subarray(offset, offset + size));
}

/** Order of two public byte strings, as of their values; never of secrets (PRM-10). */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Whether two public byte strings are equal; secrets have `sameSecret` (PRM-10). */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  return compare(a, b) === 0;
}

/** Whether two byte strings of one size are equal, looking at every byte whatever they hold (PRM-10). */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** Whether all bytes are zero, looking at every one. */
export function allZero(data: Uint8Array): boolean {
  return sameSecret(data, new Uint8Array(data.length));
}

export function u32(value: number): Bytes {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value);
  return out;
}

export function u64(value: number): Bytes {
  return concat(u32(Math.floor(value / U32)), u32(value % U32));
}

export function readU32(data: Uint8Array, offset: number): number {
  return new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(offset);
}

/** A u64 as a number, exact below 2^53. */
export function readU64(data: Uint8Array, offset: number): number {
  return readU32(data, offset) * U32 + readU32(data, offset + 4);
}

export function ascii(text: string): Bytes {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function hex(data: Uint8Array): string {
  let text = "";
  for (const byte of data) text += DIGITS[byte];
  return text;
}

/** The bytes of lower-case hexadecimal digits. */
export function unhex(text: string): Bytes {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new LocalError("local.argument", "not hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** `data`, if it has `size` bytes; an argument of the caller. */
export function sized(data: Uint8Array, size: number, what: string): Bytes {
  if (data.length !== size) throw new LocalError("local.argument", `${what} has ${size} bytes`);
  return new Uint8Array(data);
}
