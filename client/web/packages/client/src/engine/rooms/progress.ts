/** How far entries of ours have come, by what the relay and receipts say (SES-42, TRN-29). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { HOUR_MS } from "@sealroom/core/constants.ts";
import type { Context } from "../context.ts";
import type { Delivery } from "../events.ts";
import type { Outgoing } from "../records.ts";
import type { Turn } from "../turn.ts";
import { isContent, LASTING } from "./judging.ts";
import type { Kept, Room } from "./model.ts";
import { encodeKept, entryKey, lostTimer } from "./model.ts";
import { companyChanged } from "./rooms.ts";

function entryOf(c: Context, contentId: Bytes): { readonly room: Room; readonly kept: Kept } | null {
  const start = hex(contentId);
  for (const room of c.rooms.values()) {
    for (const [key, kept] of room.entries) if (key.startsWith(start)) return { room, kept };
  }
  return null;
}

/** Whether a content of ours is kept for a device until that has confirmed it (ROOM-73). */
export function doesLast(c: Context, contentId: Bytes): boolean {
  return LASTING.includes(entryOf(c, contentId)?.kept.entry.header.kind as number);
}

function set(c: Context, turn: Turn, room: Room, kept: Kept): void {
  const [id, key] = [hex(room.id), hex(kept.entry.hash)];
  c.rooms.set(id, { ...room, entries: new Map([...room.entries, [key, kept]]) });
  turn.put("entry", entryKey(room.id, kept.entry.hash), () => encodeKept(c.rooms.get(id)?.entries.get(key) ?? kept));
}

function move(c: Context, turn: Turn, room: Room, kept: Kept, delivery: Delivery, code: string): void {
  set(c, turn, room, { ...kept, delivery });
  turn.notify({ type: "delivery", room: hex(room.id), entry: hex(kept.entry.hash), state: delivery, code });
}

/** The relay has it on disk for one of the devices. */
export function wasSent(c: Context, turn: Turn, item: Outgoing): void {
  const found = entryOf(c, item.contentId);
  if (found !== null && (found.kept.delivery === "waiting" || found.kept.delivery === "failed")) {
    move(c, turn, found.room, found.kept, "sent", "");
  }
}

/** A device needs it no more: an entry of ours, or null. */
function without(c: Context, contentId: Bytes, deviceId: Bytes): ReturnType<typeof entryOf> {
  const found = entryOf(c, contentId);
  if (found === null || found.kept.delivery === null) return null;
  const waitingFor = found.kept.waitingFor.filter((id) => !same(id, deviceId));
  return { room: found.room, kept: { ...found.kept, waitingFor } };
}

/** A device has it on disk; a receipt confirms in any state. */
export function wasConfirmed(c: Context, turn: Turn, deviceId: Bytes, contentId: Bytes): void {
  const found = without(c, contentId, deviceId);
  if (found === null) return;
  if (found.kept.delivery === "delivered") set(c, turn, found.room, found.kept);
  else move(c, turn, found.room, found.kept, "delivered", "");
}

/**
 * It will not reach a device. Where no other device has it or may get it, a content has failed (TRN-57); all else waits,
 * and goes in an hour (ROOM-64).
 */
export function wasLost(c: Context, turn: Turn, item: Outgoing, code: string): void {
  const found = without(c, item.contentId, item.deviceId);
  if (found === null) return;
  const { waitingFor, delivery, hidden, entry } = found.kept;
  const waits = !hidden && !isContent(entry.header.kind);
  if (waitingFor.length > 0 || delivery === "delivered") set(c, turn, found.room, found.kept);
  else move(c, turn, found.room, found.kept, waits ? "waiting" : "failed", code);
  const timer = lostTimer(item.contentId, item.deviceId);
  if (waits) c.timers.set(timer, turn.nowMs + HOUR_MS, (later) => companyChanged(c, later));
}

/** It has not left for a device that is gone: where it is then for nobody, it waits for those in force (ID-28). */
export function wasNotSent(c: Context, turn: Turn, item: Outgoing): void {
  const found = without(c, item.contentId, item.deviceId);
  if (found !== null) set(c, turn, found.room, found.kept);
}
