/**
 * CBOR in core deterministic encoding, and nothing else (WIRE-01 to WIRE-04).
 *
 * An integer is a `number` where that is exact, else a `bigint`; a map has such integers as keys.
 */

import type { Bytes } from "../bytes.ts";
import { concat, u32 } from "../bytes.ts";
import { MAX_CBOR_DEPTH } from "../constants.ts";
import { LocalError, notAccepted } from "../errors.ts";

export type Value = Integer | boolean | null | string | Bytes | readonly Value[] | CborMap;
export type Integer = number | bigint;
export type CborMap = ReadonlyMap<Integer, Value>;

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const SIMPLE = 7;
const MAX_U64 = 2n ** 64n - 1n;

/** A map of integer keys, in the order given. */
export function cborMap(entries: readonly (readonly [number, Value])[]): CborMap {
  return new Map(entries);
}

/** The one encoding of a value (WIRE-01, WIRE-02). */
export function encode(value: Value): Bytes {
  return encodeAt(value, 0);
}

function encodeAt(value: Value, depth: number): Bytes {
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === "boolean") return Uint8Array.of(value ? 0xf5 : 0xf4);
  if (typeof value === "number" || typeof value === "bigint") return encodeInteger(value);
  if (typeof value === "string") return encodeText(value);
  if (value instanceof Uint8Array) return concat(head(BYTES, BigInt(value.length)), value);
  if (depth >= MAX_CBOR_DEPTH) throw new LocalError("local.argument", "too deep for an encoding");
  if (value instanceof Map) return encodeMap(value, depth + 1);
  const items = (value as readonly Value[]).map((item) => encodeAt(item, depth + 1));
  return concat(head(ARRAY, BigInt(items.length)), ...items);
}

function encodeInteger(value: Integer): Bytes {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new LocalError("local.argument", "no integer");
  const whole = BigInt(value);
  return whole < 0n ? head(NEGATIVE, -1n - whole) : head(UNSIGNED, whole);
}

function encodeText(text: string): Bytes {
  if (!text.isWellFormed()) throw new LocalError("local.argument", "a text has a lone surrogate");
  const utf8 = new TextEncoder().encode(text);
  return concat(head(TEXT, BigInt(utf8.length)), utf8);
}

function encodeMap(map: CborMap, depth: number): Bytes {
  const entries = [...map].map(([key, value]) => [BigInt(key), value] as const);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  if (entries.some(([key], i) => key < 0n || (i > 0 && key === entries[i - 1]?.[0]))) {
    throw new LocalError("local.argument", "keys of a map are unsigned and different");
  }
  const parts = entries.flatMap(([key, value]) => [head(UNSIGNED, key), encodeAt(value, depth)]);
  return concat(head(MAP, BigInt(entries.length)), ...parts);
}

function head(major: number, argument: bigint): Bytes {
  if (argument > MAX_U64) throw new LocalError("local.argument", "an integer of more than 64 bit");
  const first = major << 5;
  if (argument < 24n) return Uint8Array.of(first | Number(argument));
  if (argument < 0x100n) return Uint8Array.of(first | 24, Number(argument));
  if (argument < 0x1_0000n) return Uint8Array.of(first | 25, Number(argument >> 8n), Number(argument & 0xffn));
  if (argument < 0x1_0000_0000n) return concat(Uint8Array.of(first | 26), u32(Number(argument)));
  return concat(Uint8Array.of(first | 27), u32(Number(argument >> 32n)), u32(Number(argument & 0xffff_ffffn)));
}

/**
 * The value of an accepted encoding of at most `capB` bytes (WIRE-03).
 *
 * @throws RemoteError `remote.decode`
 */
export function decode(data: Uint8Array, capB: number): Value {
  if (data.length > capB) throw notAccepted("more bytes than the place has room for");
  const decoder = new Decoder(data);
  const value = decoder.value(0);
  decoder.finish();
  return value;
}

class Decoder {
  readonly #data: Uint8Array;
  #offset = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  finish(): void {
    if (this.#offset !== this.#data.length) throw notAccepted("bytes after the value");
  }

  value(depth: number): Value {
    const first = this.#take(1)[0] as number;
    const major = first >> 5;
    if (major === SIMPLE) return simple(first);
    const argument = this.#argument(first & 0x1f);
    if (major === UNSIGNED) return integer(argument);
    if (major === NEGATIVE) return integer(-1n - argument);
    if (major === BYTES) return new Uint8Array(this.#take(argument));
    if (major === TEXT) return text(this.#take(argument));
    if (major === ARRAY || major === MAP) return this.#container(major, argument, depth + 1);
    throw notAccepted("a tag");
  }

  #container(major: number, count: bigint, depth: number): Value {
    if (depth > MAX_CBOR_DEPTH) throw notAccepted("nested too deep");
    if (count > BigInt(this.#data.length - this.#offset)) throw notAccepted("the value ends early");
    return major === ARRAY ? this.#array(count, depth) : this.#map(count, depth);
  }

  #array(count: bigint, depth: number): readonly Value[] {
    const items: Value[] = [];
    for (let i = 0n; i < count; i++) items.push(this.value(depth));
    return items;
  }

  #map(count: bigint, depth: number): CborMap {
    const map = new Map<Integer, Value>();
    let last = -1n;
    for (let i = 0n; i < count; i++) {
      const key = this.value(MAX_CBOR_DEPTH);
      if (typeof key !== "number" && typeof key !== "bigint") throw notAccepted("a key that is no integer");
      if (BigInt(key) <= last) throw notAccepted("keys that do not ascend, or a negative one");
      last = BigInt(key);
      map.set(key, this.value(depth));
    }
    return map;
  }

  #argument(info: number): bigint {
    if (info < 24) return BigInt(info);
    if (info > 27) throw notAccepted("a length that is not definite");
    const sizeB = 1 << (info - 24);
    const argument = this.#take(sizeB).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
    const least = sizeB === 1 ? 24n : 1n << BigInt(sizeB * 4);
    if (argument < least) throw notAccepted("a form that is not the shortest");
    return argument;
  }

  #take(size: number | bigint): Uint8Array {
    const end = BigInt(this.#offset) + BigInt(size);
    if (end > BigInt(this.#data.length)) throw notAccepted("the value ends early");
    const taken = this.#data.subarray(this.#offset, Number(end));
    this.#offset = Number(end);
    return taken;
  }
}

function simple(first: number): boolean | null {
  if (first === 0xf4) return false;
  if (first === 0xf5) return true;
  if (first === 0xf6) return null;
  throw notAccepted("a float or a simple value");
}

function integer(value: bigint): Integer {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Strict UTF-8; a byte order mark is a character like any other. */
function text(utf8: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(utf8);
  } catch {
    throw notAccepted("a text that is not UTF-8");
  }
}
