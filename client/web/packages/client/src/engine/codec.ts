/** Rows of the engine as CBOR arrays that begin with their format (STO-08, chapter 12). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { ascii, concat, u64 } from "@sealroom/core/bytes.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { decode, encode } from "@sealroom/core/wire/cbor.ts";
import { asArray, asBoolean, asBytes, asUint } from "@sealroom/core/wire/fields.ts";
import { StoreError } from "./ports.ts";

const FORMAT = 1;
const MAX_ROW_B = 4 * 1024 * 1024;

export function row(...values: readonly Value[]): Bytes {
  return encode([FORMAT, ...values]);
}

/** Reads the values of a row one after the other. */
export class RowReader {
  readonly #values: readonly Value[];
  #next = 1;

  constructor(data: Uint8Array) {
    this.#values = asArray(decode(data, MAX_ROW_B), Number.MAX_SAFE_INTEGER);
    if (this.#values[0] !== FORMAT) throw new StoreError("store.corrupt", "a row of a format that is not known");
  }

  value(): Value {
    const value = this.#values[this.#next++];
    if (value === undefined) throw new StoreError("store.corrupt", "a row that is too short");
    return value;
  }

  get isAtEnd(): boolean {
    return this.#next === this.#values.length;
  }

  bytes(): Bytes {
    return bytesOf(this.value());
  }

  uint(): number {
    return asUint(this.value());
  }

  flag(): boolean {
    return asBoolean(this.value());
  }

  text(): string {
    const value = this.value();
    if (typeof value !== "string") throw new StoreError("store.corrupt", "a row with another value than a text");
    return value;
  }

  list<T>(read: (value: Value) => T): readonly T[] {
    return asArray(this.value(), Number.MAX_SAFE_INTEGER).map(read);
  }

  orNull<T>(read: (value: Value) => T): T | null {
    const value = this.value();
    return value === null ? null : read(value);
  }
}

export function bytesOf(value: Value): Bytes {
  return asBytes(value, 0, MAX_ROW_B);
}

/** Do `read`; whatever the core refuses of a stored row is a fault of the store. */
export function stored<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof CoreError) throw new StoreError("store.corrupt", `a stored row does not fit: ${error.code}`);
    throw error;
  }
}

export function placeKey(place: number): Bytes {
  return u64(place);
}

/** A key that begins with a name of its sort. */
export function named(prefix: string, ...parts: readonly Uint8Array[]): Bytes {
  return concat(ascii(prefix), ...parts);
}
