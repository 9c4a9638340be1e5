/** A room as it is kept: its entries, and what follows from them in memory (chapters 16 and 17). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat, hex } from "@sealroom/core/bytes.ts";
import type { Consent } from "@sealroom/core/consent/receipt.ts";
import type { View } from "@sealroom/core/rooms/chain.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import type { WantedRange } from "@sealroom/core/rooms/forward.ts";
import type { TakenState } from "@sealroom/core/rooms/head.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { row } from "../codec.ts";
import type { Delivery } from "../events.ts";

/** What became of an entry: in chain and order; beside another one under its number; refused, which leaves its place. */
export type Stands = "taken" | "aside" | "refused";

export const STANDS: readonly Stands[] = ["taken", "aside", "refused"];
export const DELIVERIES: readonly Delivery[] = ["waiting", "sent", "delivered", "failed"];

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
  /** Held states by hash: since when, and how often what they lack was asked for, below 0 for no longer (ROOM-53). */
  readonly sought: ReadonlyMap<string, readonly [sinceMs: number, times: number]>;
  readonly shown: Shown | null;
  readonly marksAtOnce: boolean;
  readonly lastMs: number;
  readonly early: readonly Early[];
  /** Devices to which erasures went when that was looked at last, and those out of force since they did (ROOM-65). */
  readonly served: readonly Bytes[];
  readonly away: readonly Bytes[];
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

export function encodeRoom(room: Room): Bytes {
  const { shown, asking } = room;
  return row(
    ...[room.id, room.company, room.customer, room.nonce, room.root, room.openedTo, room.named],
    ...[room.restarts, room.restartedMs],
    room.orders.map((one) => [one.by, one.hashes && [...one.hashes], one.sinceMs]),
    [asking.ranges.map(rangeValue), asking.times, asking.dueMs],
    room.asked.map(rangeValue),
    [...room.missing],
    [...room.sought],
    shown && [shown.phase, shown.members, shown.assigned, shown.sensitive],
    ...[room.marksAtOnce, room.lastMs],
    room.early.map(({ entry, receivedMs }) => [entryValue(entry), receivedMs]),
    ...[room.served, room.away],
  );
}

function entryValue(entry: Entry): Value {
  const { accountId, deviceId } = entry.author;
  return [accountId, deviceId, entry.headerBytes, entry.commitment, entry.body, entry.signature];
}

/** The timer that runs for an hour from when a device has lost an entry of ours (ROOM-64). */
export function lostTimer(contentId: Bytes, deviceId: Bytes): string {
  return `lost ${hex(contentId)} ${hex(deviceId)}`;
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

export function keyOf(hash: Uint8Array): string {
  return hex(hash);
}
