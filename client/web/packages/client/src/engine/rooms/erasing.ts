/** What entries do about others on the customer's side: new wordings, erasures, marks (TRN-23, TRN-24, ROOM-17, ROOM-26). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import type { InForce } from "@sealroom/core/company/team.ts";
import { RANK_DESK } from "@sealroom/core/company/team.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import { RemoteError } from "@sealroom/core/errors.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { asHashes } from "@sealroom/core/rooms/payloads.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { Fields } from "@sealroom/core/wire/fields.ts";
import type { Draft } from "./draft.ts";
import type { Judged } from "./judging.ts";
import { condition, isContent, KIND_TEXT } from "./judging.ts";
import type { Kept, Order, Room } from "./model.ts";

const ERASABLE: readonly number[] = [3, 4, 7, 14, 17, 18, 19, 20];
const KIND_EDIT = 4;
const KIND_ERASE = 5;
const KIND_SENSITIVE = 15;
const MAX_ORDERS = 64;

function check(allowed: boolean, what: string): void {
  if (!allowed) throw new RemoteError("room.right", what);
}

/**
 * Refuse what an author may not do about others; of what is not here that shows later.
 *
 * @throws RemoteError `room.right`, `room.too_many`
 */
export function checkErasing(
  room: Room,
  entry: Entry,
  payload: Value,
  _judged: Judged,
  team: readonly InForce[],
): void {
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
  } else return;
  const isOrder = kind !== KIND_EDIT && ofCustomer;
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

/** Hide what an order of ours names, and remember it until it is carried out; K's order binds K only (ROOM-26). */
export function doesErase(d: Draft, entry: Entry, payload: Value): void {
  const hashes = new Fields(payload, 1).orNull(1, asHashes);
  const order: Order = { by: entry.hash, hashes, sinceMs: d.turn.nowMs };
  d.set({ orders: [...d.room.orders, order] });
  for (const one of ordered(d.room, order)) {
    d.keep({ ...one, hidden: true });
    d.tell({ type: "erased", room: hex(d.room.id), entry: hex(one.entry.hash), destroyed: false });
  }
}

/** The entries of an order that are here; of the whole room all that can be erased. */
function ordered(room: Room, order: Order): readonly Kept[] {
  if (order.hashes !== null) return targets(room, order.hashes);
  return [...room.entries.values()].filter((one) => ERASABLE.includes(one.entry.header.kind));
}

export function doesSensitive(d: Draft, payload: Value): void {
  const hashes = asHashes(new Fields(payload, 1).get(1));
  for (const one of targets(d.room, hashes)) d.keep({ ...one, marked: true });
}

/** When the next order is carried out: after a day, or at once where a state up to the head names it (ROOM-26). */
export function erasingDueMs(d: Draft): number | null {
  const times = d.room.orders.map((one) => atMs(d, one)).filter((one) => one !== null);
  return times.length === 0 ? null : Math.min(...times);
}

function atMs(d: Draft, order: Order): number | null {
  if (condition(d.c, d.room, d.judged()).keeps) return null;
  const answered = d.judged().path.some((one) => one.state.answers.some((hash) => same(hash, order.by)));
  const sinceMs = Math.min(order.sinceMs, d.turn.nowMs);
  return answered ? sinceMs : sinceMs + DAY_MS;
}

/** Destroy what is due; header and commitment stay (TRN-04). */
export function tickErasing(d: Draft): void {
  const done = d.room.orders.filter((one) => (atMs(d, one) ?? Number.POSITIVE_INFINITY) <= d.turn.nowMs);
  for (const order of done) {
    const gone = ordered(d.room, order).filter((one) => one.hidden && one.entry.body !== null);
    for (const one of gone) {
      d.keep({ ...one, entry: { ...one.entry, body: null } });
      d.tell({ type: "erased", room: hex(d.room.id), entry: hex(one.entry.hash), destroyed: true });
    }
    d.takeBack(gone);
  }
  if (done.length > 0) d.set({ orders: d.room.orders.filter((one) => !done.includes(one)) });
}
