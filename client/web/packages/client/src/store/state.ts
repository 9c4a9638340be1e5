/** The state of a store and the sum over its rows, by which a change while it was closed is seen (STO-10, STO-20). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat, cut, hex, readU64, same, u64 } from "@sealroom/core/bytes.ts";
import type { RowPlace, StoreKeys } from "./boxes.ts";
import { corrupt, mac, markOf } from "./boxes.ts";
import { SUM } from "./labels.ts";

const SUM_B = 32;
/** Rows that are summed at a time. */
const BATCH = 256;
/** AES-GCM takes 2^32 random nonces under one key (NIST SP 800-38D). */
export const MAX_SEALED: number = 2 ** 32;

export interface State {
  /** Over the life of the store. */
  readonly commits: number;
  readonly nextSeq: number;
  /** Boxes that were sealed under the key. */
  readonly sealed: number;
  /** When the last commit was made, by the device's clock. */
  readonly usedMs: number;
  /** How long after it the store is kept; 0 is for good (STO-35). */
  readonly ttlMs: number;
  readonly sum: Bytes;
}

/** What is known of a row without opening it. */
export interface Held {
  readonly place: RowPlace;
  readonly mark: Bytes;
  readonly digest: Bytes;
}

/** A row as it stands in the database. */
export interface Slot extends RowPlace {
  readonly box: Bytes;
}

export function firstState(nowMs: number, ttlMs: number): State {
  return { commits: 0, nextSeq: 1, sealed: 1, usedMs: nowMs, ttlMs, sum: new Uint8Array(SUM_B) };
}

export function encodeState(state: State): Bytes {
  const numbers = [state.commits, state.nextSeq, state.sealed, state.usedMs, state.ttlMs];
  return concat(...numbers.map(u64), state.sum);
}

export function decodeState(data: Bytes): State {
  const at = (i: number): number => readU64(data, 8 * i);
  return { commits: at(0), nextSeq: at(1), sealed: at(2), usedMs: at(3), ttlMs: at(4), sum: cut(data, 40, SUM_B) };
}

/** Whether the time of a store is over; a clock that went back ends nothing (STO-35). */
export function isOver(state: State, nowMs: number): boolean {
  return state.ttlMs > 0 && nowMs >= state.usedMs + state.ttlMs;
}

export async function heldOf(keys: StoreKeys, slot: Slot): Promise<Held> {
  const place = { id: slot.id, tag: slot.tag, seq: slot.seq };
  const mark = markOf(slot.box);
  return { place, mark, digest: await mac(keys, SUM, concat(slot.tag, slot.id, u64(slot.seq), mark)) };
}

export function xor(a: Bytes, b: Bytes): Bytes {
  return a.map((byte, i) => byte ^ (b[i] as number));
}

/**
 * What is known of all rows, by the hexadecimal of their ids.
 *
 * @throws StoreError `store.corrupt` unless they are those of the last commit (STO-10)
 */
export async function heldRows(keys: StoreKeys, state: State, slots: readonly Slot[]): Promise<Map<string, Held>> {
  const rows = new Map<string, Held>();
  let sum: Bytes = new Uint8Array(SUM_B);
  for (let i = 0; i < slots.length; i += BATCH) {
    for (const held of await Promise.all(slots.slice(i, i + BATCH).map((slot) => heldOf(keys, slot)))) {
      rows.set(hex(held.place.id), held);
      sum = xor(sum, held.digest);
    }
  }
  if (!same(sum, state.sum)) throw corrupt();
  return rows;
}
