/** Typed values out of a decoded one; what does not fit is `remote.decode` (WIRE-05, ID-29). */
import type { Bytes } from "../bytes.ts";
import { MAX_TIME_MS } from "../constants.ts";
import { notAccepted } from "../errors.ts";
import type { CborMap, Integer, Value } from "./cbor.ts";

/** A map with exactly the keys 1 to `last`, but that those of `optional` may be absent. */
export class Fields {
  readonly #map: CborMap;

  constructor(value: Value, last: number, optional: readonly number[] = []) {
    this.#map = asMap(value);
    const known = Array.from({ length: last }, (_, i) => i + 1);
    const missing = known.some((key) => !this.#map.has(key) && !optional.includes(key));
    if (missing || [...this.#map.keys()].some((key) => !known.includes(Number(key)))) {
      throw notAccepted("a map has other keys than its form");
    }
  }

  has(key: number): boolean {
    return this.#map.has(key);
  }

  get(key: number): Value {
    return this.#map.get(key) as Value;
  }

  uint(key: number, most = MAX_TIME_MS, least = 0): number {
    return asUint(this.get(key), most, least);
  }

  bytes(key: number, sizeB: number): Bytes {
    return asBytes(this.get(key), sizeB, sizeB);
  }

  /** A byte string of 1 to `mostB` bytes. */
  bytesUpTo(key: number, mostB: number): Bytes {
    return asBytes(this.get(key), 1, mostB);
  }

  text(key: number, mostB: number): string {
    return asText(this.get(key), mostB);
  }

  array(key: number, most: number, least = 0): readonly Value[] {
    return asArray(this.get(key), most, least);
  }

  /** Null, or what `read` makes of the value. */
  orNull<T>(key: number, read: (value: Value) => T): T | null {
    const value = this.get(key);
    return value === null ? null : read(value);
  }
}

export function asMap(value: Value): CborMap {
  if (!(value instanceof Map)) throw notAccepted("not a map");
  return value;
}

export function isInteger(value: Value): value is Integer {
  return typeof value === "number" || typeof value === "bigint";
}

export function asUint(value: Value, most = MAX_TIME_MS, least = 0): number {
  if (typeof value !== "number" || value < least || value > most) {
    throw notAccepted("not an unsigned integer of its range");
  }
  return value;
}

export function asBytes(value: Value, leastB: number, mostB: number): Bytes {
  if (!(value instanceof Uint8Array) || value.length < leastB || value.length > mostB) {
    throw notAccepted("not a byte string of its size");
  }
  return value;
}

/** A text of 1 to `mostB` bytes of UTF-8. */
export function asText(value: Value, mostB: number): string {
  if (typeof value !== "string" || value === "" || utf8SizeB(value) > mostB) {
    throw notAccepted("not a text of its size");
  }
  return value;
}

export function utf8SizeB(text: string): number {
  return new TextEncoder().encode(text).length;
}

export function asBoolean(value: Value): boolean {
  if (typeof value !== "boolean") throw notAccepted("not a truth value");
  return value;
}

export function asArray(value: Value, most: number, least = 0): readonly Value[] {
  if (!Array.isArray(value) || value.length < least || value.length > most) {
    throw notAccepted("not an array of its length");
  }
  return value;
}

/** Refuse items that do not ascend strictly by `order`. */
export function ascending<T>(items: readonly T[], order: (a: T, b: T) => number): readonly T[] {
  if (items.some((item, i) => i > 0 && order(items[i - 1] as T, item) >= 0)) {
    throw notAccepted("items that do not ascend");
  }
  return items;
}
