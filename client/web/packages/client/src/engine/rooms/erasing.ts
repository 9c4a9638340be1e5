/** What entries do about others on the customer's side: new wordings, erasures, marks (TRN-23, TRN-24, ROOM-17, ROOM-26). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import type { InForce } from "@sealroom/core/company/team.ts";
import { RANK_DESK } from "@sealroom/core/company/team.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { decodeBody } from "@sealroom/core/rooms/entry.ts";
import { inOrder } from "@sealroom/core/rooms/order.ts";
import { asHashes } from "@sealroom/core/rooms/payloads.ts";
import { ERASED } from "@sealroom/core/rooms/state.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { Fields } from "@sealroom/core/wire/fields.ts";
import type { Draft } from "./draft.ts";
import { condition, isContent, KIND_TEXT } from "./judging.ts";
import type { Kept, Order, Room } from "./model.ts";
import { textOf } from "./wordings.ts";

const ERASABLE: readonly number[] = [3, 4, 7, 14, 17, 18, 19, 20];
const KIND_EDIT = 4;
export const KIND_ERASE = 5;
const KIND_SENSITIVE = 15;
const KIND_REFUSAL = 22;
const MAX_ORDERS = 64;

function check(allowed: boolean, what: string): void {
  if (!allowed) throw new RemoteError("room.right", what);
}

/**
 * Refuse what an author may not do about others; of what is not here that shows later.
 *
 * @throws RemoteError `room.right`, `room.too_many`
 */
export function checkErasing(room: Room, entry: Entry, payload: Value, team: readonly InForce[]): void {
  const { kind } = entry.header;
  const ofCustomer = same(entry.author.accountId, room.customer);
  const rank = team.find(({ record }) => same(record.deviceId, entry.author.deviceId))?.rank ?? -1;
  if (kind === KIND_EDIT) {
    for (const target of targets(room, [new Fields(payload, 2).bytes(1, 32)])) {
      check(target.entry.header.kind === KIND_TEXT, "nothing but a text is worded anew");
      check(same(target.entry.author.deviceId, entry.author.deviceId), "a text of another device");
    }
  } else if (kind === KIND_ERASE) {
    const hashes = new Fields(payload, 1).orNull(1, asHashes);
    check(hashes !== null || ofCustomer, "the customer alone erases the room");
    for (const target of targets(room, hashes ?? [])) checkErase(room, entry, target, ofCustomer, rank);
  } else if (kind === KIND_SENSITIVE) {
    const hashes = asHashes(new Fields(payload, 1).get(1));
    for (const target of targets(room, hashes)) {
      check(isContent(target.entry.header.kind), "nothing but content is marked");
      const isCustomers = same(target.entry.author.accountId, room.customer);
      check(ofCustomer || rank >= RANK_DESK || isCustomers, "an agent marks only what the customer wrote");
    }
  } else if (kind === KIND_REFUSAL) check(rank >= RANK_DESK, "a steward alone refuses");
  else return;
  const isOrder = kind === KIND_ERASE && ofCustomer;
  if (isOrder && room.orders.length >= MAX_ORDERS) throw new RemoteError("room.too_many", "too many orders to erase");
}

/** A device of K erases its own, a steward any of K, C any of C (TRN-24). */
function checkErase(room: Room, entry: Entry, target: Kept, ofCustomer: boolean, rank: number): void {
  check(ERASABLE.includes(target.entry.header.kind), "a kind that is not erased");
  const isCustomers = same(target.entry.author.accountId, room.customer);
  check(isCustomers === ofCustomer, "an entry of the other side");
  const isOwn = same(target.entry.author.deviceId, entry.author.deviceId);
  check(ofCustomer || isOwn || rank >= RANK_DESK, "an entry of another device");
}

function targets(room: Room, hashes: readonly Bytes[]): readonly Kept[] {
  return hashes.flatMap((hash) => room.entries.get(hex(hash)) ?? []);
}

/**
 * Hide what an order of ours names, send it no more (ROOM-66), and remember the order until it is carried out; K's order
 * binds K only (ROOM-26).
 */
export function doesErase(d: Draft, entry: Entry, payload: Value): void {
  const hashes = new Fields(payload, 1).orNull(1, asHashes);
  const order: Order = { by: entry.hash, hashes, sinceMs: d.turn.nowMs };
  d.set({ orders: [...d.room.orders, order] });
  const named = ordered(d, order);
  for (const one of named) erase(d, one, false);
  d.takeBack(named);
}

/** Hide an entry, or destroy its body; header and commitment stay (TRN-04). */
function erase(d: Draft, one: Kept, destroyed: boolean): Kept {
  const { entry } = one;
  const now = { ...one, entry: destroyed ? { ...entry, body: null } : entry, hidden: true };
  d.keep(now);
  d.tell({ type: "erased", room: hex(d.room.id), entry: hex(entry.hash), destroyed });
  return now;
}

/** The entries of an order that are here. */
function ordered(d: Draft, { by, hashes }: Order): readonly Kept[] {
  if (hashes === null) return targets(d.room, before(d, by));
  return [...d.room.entries.values()].filter((one) => isNamed(d, one, hashes));
}

/** Whether an order of ours names an entry, or the text of ours that it words anew and that never came (ROOM-44). */
function isNamed(d: Draft, kept: Kept, hashes: readonly Bytes[]): boolean {
  const { hash, author } = kept.entry;
  const isIn = (hash: Bytes): boolean => hashes.some((one) => same(one, hash));
  if (isIn(hash)) return true;
  const text = same(author.accountId, d.room.customer) ? textOf(kept) : null;
  return text !== null && isIn(text) && d.find(text) === null;
}

/** What can be erased and stands before the erasure of the room (TRN-16); in a room that is erased all (ROOM-43). */
function before(d: Draft, by: Bytes): readonly Bytes[] {
  const { entries, root } = d.room;
  const all = inOrder(
    [...entries.values()].map((one) => one.entry),
    root,
  );
  const isOver = condition(d.c, d.room, d.judged()).phase === ERASED;
  const end = isOver ? all.length : all.findIndex(({ hash }) => same(hash, by));
  return all
    .slice(0, end)
    .filter(isErasable)
    .map(({ hash }) => hash);
}

/** What can be erased (TRN-24), and kinds that are not known. */
export function isErasable({ header }: Entry): boolean {
  return ERASABLE.includes(header.kind) || isContent(header.kind);
}

/**
 * What comes after its mark is marked (ROOM-17). What comes after it was to be erased is hidden as it comes, and is
 * destroyed if its order was carried out, also beside another entry under its number (ROOM-44, ROOM-46).
 */
export function doesEarlier(d: Draft, { entry }: Kept): Kept {
  for (const one of d.room.entries.values()) if (one.entry.header.kind === KIND_SENSITIVE) doesSensitive(d, one);
  const kept = d.find(entry.hash) as Kept;
  const by = kept.hidden || !isErasable(entry) ? [] : erasuresOf(d, kept);
  if (by.length === 0) return kept;
  const waits = by.every((hash) => d.room.orders.some((one) => same(one.by, hash)));
  return erase(d, kept, !waits);
}

/** The erasures of ours that are about an entry, whichever came first: our own by their hashes, of the room all. */
function erasuresOf(d: Draft, kept: Kept): readonly Bytes[] {
  const { entry } = kept;
  const isOurs = same(entry.author.accountId, d.room.customer) && ERASABLE.includes(entry.header.kind);
  return [...d.room.entries.values()].flatMap(({ entry: order, stands }) => {
    const isErasure = order.header.kind === KIND_ERASE && same(order.author.accountId, d.room.customer);
    if (!isErasure || stands !== "taken" || order.body === null) return [];
    const hashes = new Fields(decodeBody(order.body), 1).orNull(1, asHashes);
    const named = hashes ?? before(d, order.hash);
    const isAbout = (hashes === null || isOurs) && isNamed(d, kept, named);
    return isAbout ? [order.hash] : [];
  });
}

/**
 * Mark the contents that a mark names and that are here: it may have come before them (ROOM-17). The rank of its author
 * was looked at for those that were here; of others a mark only keeps a body from who is not cleared.
 */
function doesSensitive(d: Draft, { entry: mark, stands }: Kept): void {
  if (stands !== "taken" || mark.body === null) return;
  for (const one of targets(d.room, asHashes(new Fields(decodeBody(mark.body), 1).get(1)))) {
    if (!one.marked && isContent(one.entry.header.kind)) d.keep({ ...one, marked: true });
  }
}

/** When the next order is carried out. */
export function erasingDueMs(d: Draft): number | null {
  const times = due(d).map(([, atMs]) => atMs);
  return times.length === 0 ? null : Math.min(...times);
}

/** When each order is carried out: after a day, or at once where a state up to the head names it (ROOM-26). */
function due(d: Draft): readonly (readonly [Order, number])[] {
  notAhead(d);
  if (d.room.orders.length === 0 || condition(d.c, d.room, d.judged()).keeps) return [];
  const answered = d.judged().path.flatMap((one) => one.state.answers);
  return d.room.orders.map((one) => {
    const isAnswered = answered.some((hash) => same(hash, one.by));
    return [one, isAnswered ? one.sinceMs : one.sinceMs + DAY_MS];
  });
}

/** The time of an order that a clock ahead has written is now, and stays that (TRN-13). */
function notAhead(d: Draft): void {
  const { nowMs } = d.turn;
  d.set({ orders: d.room.orders.map((one) => ({ ...one, sinceMs: Math.min(one.sinceMs, nowMs) })) });
}

/** Destroy what is due. */
export function tickErasing(d: Draft): void {
  const done = due(d)
    .filter(([, atMs]) => atMs <= d.turn.nowMs)
    .map(([order]) => order);
  for (const order of done) {
    const gone = ordered(d, order).filter((one) => one.hidden && one.entry.body !== null);
    for (const one of gone) erase(d, one, true);
    d.takeBack(gone);
  }
  if (done.length > 0) d.set({ orders: d.room.orders.filter((one) => !done.includes(one)) });
}
