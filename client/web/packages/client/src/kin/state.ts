/** What the parts of an account with a directory entry share. */

import { hex } from "@sealroom/core/bytes.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { names } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import { draw } from "@sealroom/core/ports.ts";
import { row } from "../engine/codec.ts";
import type { Context } from "../engine/context.ts";
import type { Row } from "../engine/ports.ts";
import type { Turn } from "../engine/turn.ts";
import type { EntryRow, Listed, Sibling } from "./rows.ts";
import {
  ENTRY_KEY,
  encodeEntryRow,
  encodeListed,
  encodeSibling,
  listedKey,
  NEXT_KEY,
  OLDER_KEY,
  REFUSED_KEY,
  readRows,
  siblingKey,
} from "./rows.ts";

const MAX_LISTED = 16;

export interface KinState {
  readonly c: Context;
  row: EntryRow;
  /** A list that was signed for the directory and that it has not confirmed: no other one gets its number (ID-07). */
  next: DeviceList | null;
  /** Our record before it was dated anew: our lists go on naming it (ID-28, ID-39). */
  older: DeviceRecord | null;
  /** The lowest id of the one-time keys in our last upload, if the relay has refused it; else 0 (ID-50). */
  refusedId: number;
  /** By the hash of the record. */
  readonly others: Map<string, Sibling>;
  /** By the hash of the record (ACC-80). */
  readonly listed: Map<string, Listed>;
  // In memory only:
  /** Since when our entry was looked at last, while the store is open (ID-41). */
  comparedMs: number | null;
  /** Compared just now, and nothing was sent since. */
  isFresh: boolean;
  /** What the directory has does not go on from our lists (ID-51). */
  isBeside: boolean;
  lacksAddress: boolean;
  /** No address that is older than the one that the relay holds (RLY-54). */
  leastIssuedMs: number;
  /** What the relay has denied in a row, whatever its directory shows (SES-35). */
  contradictions: number;
  readonly published: { sinceMs: number; used: number };
  /** Until when the relay wants no PUBLISH (ID-57). */
  heldMs: number;
  stockHeldMs: number;
  readonly stock: { sinceMs: number; used: number };
  askedMs: number;
  /** The number of the newest list of ours that somebody has given us (ACC-39). */
  givenSeq: number;
}

export function stateOf(c: Context, rows: readonly Row[]): KinState {
  const found = readRows(c.own.record.accountId, rows);
  const tokens = () => ({ doorToken: draw(c.rng, 32), ownToken: draw(c.rng, 32) });
  const fresh = () => ({ ...tokens(), tokensKnown: false, publishedSeq: 0, stockId: 0 });
  return {
    c,
    row: found.entry ?? fresh(),
    next: found.next,
    older: found.older,
    refusedId: found.refusedId,
    others: new Map(found.others.map((one) => [hex(one.record.hash), one])),
    listed: new Map(found.listed.map((one) => [hex(one.hash), one])),
    ...{ comparedMs: null, isFresh: false, isBeside: false, lacksAddress: false, leastIssuedMs: 0 },
    ...{ contradictions: 0, askedMs: 0, givenSeq: 0, heldMs: 0, stockHeldMs: 0 },
    ...{ published: { sinceMs: 0, used: 0 }, stock: { sinceMs: 0, used: 0 } },
  };
}

export function setRow(k: KinState, turn: Turn, change: Partial<EntryRow> = {}): void {
  k.row = { ...k.row, ...change };
  turn.put("account", ENTRY_KEY, () => encodeEntryRow(k.row));
}

export function setNext(k: KinState, turn: Turn, next: DeviceList | null): void {
  k.next = next;
  if (next === null) turn.delete("account", NEXT_KEY);
  else turn.put("account", NEXT_KEY, () => row(next.signed));
}

export function setOlder(k: KinState, turn: Turn, older: DeviceRecord): void {
  k.older = older;
  turn.put("account", OLDER_KEY, () => row(older.bytes));
}

export function setRefused(k: KinState, turn: Turn, id: number): void {
  if (id === k.refusedId) return;
  k.refusedId = id;
  if (id === 0) turn.delete("account", REFUSED_KEY);
  else turn.put("account", REFUSED_KEY, () => row(id));
}

export function setSibling(k: KinState, turn: Turn, one: Sibling): Sibling {
  const key = hex(one.record.hash);
  k.others.set(key, one);
  turn.put("account", siblingKey(one.record), () => encodeSibling(k.others.get(key) ?? one));
  return one;
}

/** Each is told once; of more than a person looks at no more are kept. */
export function setListed(k: KinState, turn: Turn, one: Listed): void {
  if (k.listed.has(hex(one.hash)) || k.listed.size >= MAX_LISTED) return;
  k.listed.set(hex(one.hash), one);
  turn.put("account", listedKey(one), () => encodeListed(one));
}

/** Those that are not gone. */
export function presentOf(k: KinState): readonly Sibling[] {
  return [...k.others.values()].filter((one) => !one.gone);
}

/** The records of this device: the one in use, and the one before it. */
export function ownRecords(k: KinState): readonly DeviceRecord[] {
  return k.older === null ? [k.c.own.record] : [k.c.own.record, k.older];
}

/** Whether we have each record that our list names, so that the next one leaves nobody out (ID-42). */
export function knowsAll(k: KinState): boolean {
  const { list } = k.c.own;
  const known = new Set([...ownRecords(k), ...presentOf(k).map((one) => one.record)].map((one) => hex(one.hash)));
  return list.recordHashes.every((hash) => known.has(hex(hash)));
}

/** Whether the next list is to name other devices than the one in use. */
export function owesList(k: KinState): boolean {
  return presentOf(k).some((one) => one.listed === one.leaving);
}

export function namedBy(k: KinState, list: DeviceList): readonly Sibling[] {
  return presentOf(k).filter((one) => names(list, one.record));
}
