/**
 * What is on its way to each device, from a content that waits to one that is not confirmed.
 *
 *     waiting --sealed--> ready --given to a connection--> flying --taken by the relay--> unconfirmed --receipt--> gone
 *                           ^---------connection lost--------'
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { placeKey, row } from "./codec.ts";
import type { Outgoing } from "./records.ts";
import { encodeOutgoing } from "./records.ts";
import type { Turn } from "./turn.ts";

/** What goes to one device, each stage in the order of its places. */
export interface Lane {
  waiting: Outgoing[];
  ready: Outgoing[];
  readonly flying: Map<number, Outgoing>;
  /** By content id. */
  readonly unconfirmed: Map<string, Outgoing>;
}

/** Make items ready again that were given to a connection, each in its place. */
export function putBack(lane: Lane, items: readonly Outgoing[]): void {
  lane.ready = [...items, ...lane.ready].sort((a, b) => a.place - b.place);
}

/** A counted content of a room: one for all its devices (TRN-29). */
export interface Posted {
  readonly contentId: Bytes;
  readonly sentMs: number;
  readonly type: number;
  readonly payload: Value;
}

export function encodePosted(one: Posted): Bytes {
  return row(one.contentId, one.sentMs, one.type, one.payload);
}

export class Outbox {
  readonly #lanes = new Map<string, Lane>();
  /** By content id. */
  readonly posted = new Map<string, Posted>();
  #nextPlace = 1;

  load(items: readonly Outgoing[]): void {
    for (const item of [...items].sort((a, b) => a.place - b.place)) {
      this.add(item);
      this.#nextPlace = item.place + 1;
    }
  }

  lane(deviceId: Bytes): Lane {
    const known = this.#lanes.get(hex(deviceId));
    if (known !== undefined) return known;
    const lane: Lane = { waiting: [], ready: [], flying: new Map(), unconfirmed: new Map() };
    this.#lanes.set(hex(deviceId), lane);
    return lane;
  }

  lanes(): IterableIterator<[string, Lane]> {
    return this.#lanes.entries();
  }

  newItem(deviceId: Bytes, contentId: Bytes, shown: boolean, nowMs: number): Outgoing {
    const place = this.#nextPlace++;
    const sealed = {
      envelope: null,
      msgId: null,
      sessionId: null,
      number: null,
      sendings: 0,
      sealedMs: 0,
      askId: null,
      first: false,
    };
    return { place, deviceId, contentId, shown, createdMs: nowMs, ...sealed };
  }

  /** Put an item where its state belongs. */
  add(item: Outgoing): void {
    const lane = this.lane(item.deviceId);
    if (item.envelope !== null) lane.ready.push(item);
    else if (item.sendings > 0) lane.unconfirmed.set(hex(item.contentId), item);
    else lane.waiting.push(item);
  }

  /** Take out the lane of a device that is gone, but what still goes to it. */
  drop(deviceId: Bytes, stays: (item: Outgoing) => boolean = () => false): readonly Outgoing[] {
    const lane = this.lane(deviceId);
    const gone = all(lane).filter((one) => !stays(one));
    lane.waiting = [];
    lane.ready = lane.ready.filter(stays);
    for (const { place } of gone) lane.flying.delete(place);
    lane.unconfirmed.clear();
    if (all(lane).length === 0) this.#lanes.delete(hex(deviceId));
    return gone;
  }

  /** The sending connection is gone: what was given to it is ready again, in its order. */
  takeBack(): void {
    for (const lane of this.#lanes.values()) {
      putBack(lane, [...lane.flying.values()]);
      lane.flying.clear();
    }
  }

  /** Whether a copy of a content has not left. */
  isHere(contentId: Bytes): boolean {
    return [...this.#lanes.values()].some((lane) => all(lane).some((one) => isOf(one, contentId) && !hasLeft(one)));
  }

  /** Whether a device has still to confirm a content. */
  isWaiting(contentId: Bytes): boolean {
    return [...this.#lanes.values()].some((lane) => all(lane).some((one) => isOf(one, contentId)));
  }
}

/** Whether the relay has taken a sending; one that it is being given this moment does not count. */
export function hasLeft(item: Outgoing): boolean {
  return item.sendings > (item.envelope === null ? 0 : 1);
}

function isOf(item: Outgoing, contentId: Bytes): boolean {
  return item.shown && same(item.contentId, contentId);
}

export function all(lane: Lane): readonly Outgoing[] {
  return [...lane.unconfirmed.values(), ...lane.flying.values(), ...lane.ready, ...lane.waiting];
}

/** What waits to be sent another time; it goes before everything new. */
export function waitingAgain(lane: Lane): readonly Outgoing[] {
  const end = lane.waiting.findIndex((one) => one.sendings === 0);
  return end < 0 ? lane.waiting : lane.waiting.slice(0, end);
}

/** Take out a content that is confirmed; one that is on its way again is done when the relay has it. */
export function confirm(lane: Lane, contentId: Bytes): Outgoing | null {
  const item = lane.unconfirmed.get(hex(contentId));
  if (item !== undefined) {
    lane.unconfirmed.delete(hex(contentId));
    return item;
  }
  const unshown = (one: Outgoing): Outgoing => (isOf(one, contentId) ? { ...one, shown: false } : one);
  lane.ready = lane.ready.map(unshown);
  for (const [place, one] of lane.flying) lane.flying.set(place, unshown(one));
  const again = waitingAgain(lane).find((one) => isOf(one, contentId)) ?? null;
  if (again !== null) lane.waiting = lane.waiting.filter((one) => one !== again);
  return again;
}

/** Take a content out of a lane; null where it is not there, or is being given to a connection this moment. */
export function takeOut(lane: Lane, contentId: Bytes): Outgoing | null {
  // What is on its way is forgotten when the relay has it.
  const confirmed = confirm(lane, contentId);
  const isIt = (one: Outgoing): boolean => same(one.contentId, contentId);
  const found = confirmed ?? [...lane.ready, ...lane.waiting].find(isIt) ?? null;
  lane.ready = lane.ready.filter((one) => !isIt(one));
  lane.waiting = lane.waiting.filter((one) => !isIt(one));
  return found && { ...found, shown: true };
}

export function putItem(turn: Turn, item: Outgoing): void {
  turn.put("outbox", placeKey(item.place), () => encodeOutgoing(item));
}

export function deleteItem(turn: Turn, item: Outgoing): void {
  turn.delete("outbox", placeKey(item.place));
}
