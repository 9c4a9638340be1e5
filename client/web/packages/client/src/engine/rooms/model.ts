/** A room as it is kept: its entries, and what follows from them in memory (chapters 16 and 17). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat, hex } from "@sealroom/core/bytes.ts";
import type { Consent } from "@sealroom/core/consent/receipt.ts";
import type { View } from "@sealroom/core/rooms/chain.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { commitmentOf, decodeHeader, entryHashOf } from "@sealroom/core/rooms/entry.ts";
import type { WantedRange } from "@sealroom/core/rooms/forward.ts";
import type { TakenState } from "@sealroom/core/rooms/head.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { asArray, asBoolean, asUint } from "@sealroom/core/wire/fields.ts";
import { bytesOf, RowReader, row, stored } from "../codec.ts";
import type { Delivery } from "../events.ts";

/** What became of an entry: in chain and order; beside another one under its number; refused, which leaves its place. */
export type Stands = "taken" | "aside" | "refused";

const STANDS: readonly Stands[] = ["taken", "aside", "refused"];
const DELIVERIES: readonly Delivery[] = ["waiting", "sent", "delivered", "failed"];

export interface Kept {
  readonly entry: Entry;
  /** In the order in which they came. */
  readonly place: number;
  readonly receivedMs: number;
  /** The state that its author followed when it wrote. */
  readonly followed: Bytes | null;
  readonly stands: Stands;
  readonly hidden: boolean;
  readonly marked: boolean;
  readonly unread: boolean;
  /** Of ours: devices that have not confirmed it, and how far it has come. */
  readonly waitingFor: readonly Bytes[];
  readonly delivery: Delivery | null;
}

/** An entry of a device that no state which is here names yet (ROOM-16). */
export interface Early {
  readonly entry: Entry;
  readonly receivedMs: number;
}

/** An order to erase: which entries, null for all, by which entry, since when. */
export interface Order {
  readonly by: Bytes;
  readonly hashes: readonly Bytes[] | null;
  readonly sinceMs: number;
}

/** What we ask for, how often we have, and when we ask next (TRN-14). */
export interface Asking {
  readonly ranges: readonly WantedRange[];
  readonly times: number;
  readonly dueMs: number | null;
}

export const NOT_ASKING: Asking = { ranges: [], times: 0, dueMs: null };

export interface Shown {
  readonly phase: number;
  readonly members: readonly Bytes[];
  readonly assigned: Bytes | null;
  readonly sensitive: boolean;
}

export interface Room {
  readonly id: Bytes;
  readonly company: Bytes;
  readonly customer: Bytes;
  readonly nonce: Bytes;
  /** Hash of our `open`. */
  readonly root: Bytes;
  /** The desks to which it was sealed first. */
  readonly openedTo: readonly Bytes[];
  /** The state that our last entry followed. */
  readonly named: Bytes | null;
  /** Our chain has to begin anew, and when it last did (TRN-07). */
  readonly restarts: boolean;
  readonly restartedMs: number;
  readonly orders: readonly Order[];
  readonly asking: Asking;
  /** All that was asked for: answers to it are no news (TRN-19). */
  readonly asked: readonly WantedRange[];
  /** Since when a range is missing, by its end; after seven days it counts as here. */
  readonly missing: ReadonlyMap<string, number>;
  readonly shown: Shown | null;
  readonly marksAtOnce: boolean;
  readonly lastMs: number;
  readonly early: readonly Early[];
  // In memory, from the entries:
  /** By hash, in the order of arrival. */
  readonly entries: ReadonlyMap<string, Kept>;
  readonly view: View;
  readonly states: readonly TakenState[];
  readonly consent: Consent;
  /** Gaps of which the application knows. */
  readonly shownGaps: ReadonlySet<string>;
  /** Logins that were asked for (CNS-53). */
  readonly challenges: readonly { readonly nonce: Bytes; readonly sinceMs: number }[];
  /** Questions of a device in the minute that runs (TRN-15). */
  readonly askedBy: ReadonlyMap<string, { readonly sinceMs: number; readonly count: number }>;
}

// --- rows ---

function rangeValue({ tag, first, last }: WantedRange): Value {
  return [tag, first, last];
}

function rangeOf(value: Value): WantedRange {
  const [tag, first, last] = asArray(value, 3, 3) as [Value, Value, Value];
  return { tag: bytesOf(tag), first: asUint(first), last: asUint(last) };
}

export function encodeRoom(room: Room): Bytes {
  const { shown, asking } = room;
  return row(
    ...[room.id, room.company, room.customer, room.nonce, room.root, room.openedTo, room.named],
    ...[room.restarts, room.restartedMs],
    room.orders.map((one) => [one.by, one.hashes && [...one.hashes], one.sinceMs]),
    [asking.ranges.map(rangeValue), asking.times, asking.dueMs],
    room.asked.map(rangeValue),
    [...room.missing],
    shown && [shown.phase, shown.members, shown.assigned, shown.sensitive],
    ...[room.marksAtOnce, room.lastMs],
    room.early.map(({ entry, receivedMs }) => [entryValue(entry), receivedMs]),
  );
}

export type StoredRoom = Omit<
  Room,
  "entries" | "view" | "states" | "consent" | "shownGaps" | "askedBy" | "challenges" | "early"
> & {
  readonly early: readonly (readonly [Value, number])[];
};

export function decodeRoom(data: Bytes): StoredRoom {
  return stored(() => {
    const reader = new RowReader(data);
    return {
      id: reader.bytes(),
      company: reader.bytes(),
      customer: reader.bytes(),
      nonce: reader.bytes(),
      root: reader.bytes(),
      openedTo: reader.list(bytesOf),
      named: reader.orNull(bytesOf),
      restarts: reader.flag(),
      restartedMs: reader.uint(),
      orders: reader.list(orderOf),
      asking: askingOf(reader.value()),
      asked: reader.list(rangeOf),
      missing: new Map(reader.list((pair) => pair as unknown as readonly [string, number])),
      shown: reader.orNull(shownOf),
      marksAtOnce: reader.flag(),
      lastMs: reader.uint(),
      early: reader.list((pair) => pair as unknown as readonly [Value, number]),
    };
  });
}

function orderOf(value: Value): Order {
  const [by, hashes, sinceMs] = asArray(value, 3, 3) as [Value, Value, Value];
  return {
    by: bytesOf(by),
    hashes: hashes === null ? null : asArray(hashes, 64).map(bytesOf),
    sinceMs: asUint(sinceMs),
  };
}

function askingOf(value: Value): Asking {
  const [ranges, times, dueMs] = asArray(value, 3, 3) as [Value, Value, Value];
  const due = dueMs === null ? null : asUint(dueMs);
  return { ranges: asArray(ranges, 64).map(rangeOf), times: asUint(times), dueMs: due };
}

function shownOf(value: Value): Shown {
  const [phase, members, assigned, sensitive] = asArray(value, 4, 4) as [Value, Value, Value, Value];
  const whom = assigned === null ? null : bytesOf(assigned);
  return {
    phase: asUint(phase),
    members: asArray(members, 12).map(bytesOf),
    assigned: whom,
    sensitive: asBoolean(sensitive),
  };
}

function entryValue(entry: Entry): Value {
  const { accountId, deviceId } = entry.author;
  return [accountId, deviceId, entry.headerBytes, entry.commitment, entry.body, entry.signature];
}

/** An entry that was checked when it came; `signPublic` is of no use any more. */
export function entryOf(value: Value): Entry {
  const [account, device, header, commitment, body, signature] = asArray(value, 6, 6) as Value[];
  const author = { accountId: bytesOf(account as Value), deviceId: bytesOf(device as Value) };
  const headerBytes = bytesOf(header as Value);
  const kept = body === null ? null : bytesOf(body as Value);
  const commit = kept === null ? bytesOf(commitment as Value) : commitmentOf(kept);
  const signed = signature === null ? null : bytesOf(signature as Value);
  return {
    author: { ...author, signPublic: signed === null ? null : author.accountId },
    headerBytes,
    header: decodeHeader(headerBytes),
    body: kept,
    commitment: commit,
    signature: signed,
    hash: entryHashOf(author.accountId, author.deviceId, commit, headerBytes),
  };
}

export function entryKey(room: Bytes, hash: Bytes): Bytes {
  return concat(room, hash);
}

export function encodeKept(one: Kept): Bytes {
  const delivery = one.delivery === null ? null : DELIVERIES.indexOf(one.delivery);
  const marks = [one.hidden, one.marked, one.unread, one.waitingFor, delivery];
  const place = [one.place, one.receivedMs, one.followed, STANDS.indexOf(one.stands)];
  return row(entryValue(one.entry), ...place, ...marks);
}

export function decodeKept(data: Bytes): Kept {
  return stored(() => {
    const reader = new RowReader(data);
    return {
      entry: entryOf(reader.value()),
      place: reader.uint(),
      receivedMs: reader.uint(),
      followed: reader.orNull(bytesOf),
      stands: STANDS[reader.uint()] ?? "taken",
      hidden: reader.flag(),
      marked: reader.flag(),
      unread: reader.flag(),
      waitingFor: reader.list(bytesOf),
      delivery: reader.orNull((value) => DELIVERIES[asUint(value)] ?? "failed"),
    };
  });
}

export function keyOf(hash: Uint8Array): string {
  return hex(hash);
}
