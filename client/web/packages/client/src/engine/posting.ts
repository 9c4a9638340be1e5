/**
 * Contents of rooms between sessions and rooms: posted to devices of the company, taken from them (TRN-29).
 *
 *     post --> a row for the content, an item in the lane of each device --> sending --> receipt --> confirmed
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same, unhex } from "@sealroom/core/bytes.ts";
import type { Content } from "@sealroom/core/content.ts";
import { content, FORWARD } from "@sealroom/core/content.ts";
import type { RemoteCode } from "@sealroom/core/errors.ts";
import type { Entry } from "@sealroom/core/rooms/entry.ts";
import { contentIdOf } from "@sealroom/core/rooms/entry.ts";
import { withoutBodies } from "@sealroom/core/rooms/forward.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "./context.ts";
import { refresh } from "./directory.ts";
import type { Posted } from "./outbox.ts";
import { all, deleteItem, encodePosted, hasLeft, takeOut } from "./outbox.ts";
import type { Outgoing, Peer } from "./records.ts";
import { sessionFor } from "./renewal.ts";
import { wasConfirmed, wasLost, wasNotSent, wasSent } from "./rooms/progress.ts";
import { pump, sealOrWait, sendControl } from "./sending.ts";
import { isNamed, isOwn, peerOf, peersNamed } from "./state.ts";
import type { Turn } from "./turn.ts";

/** Send a content to devices, durable until each has confirmed it; one that has it on its way gets no other copy. */
export function post(c: Context, turn: Turn, posted: Posted, deviceIds: readonly Bytes[]): void {
  refresh(c, turn);
  const fresh = deviceIds.filter((id) => !isUnderWay(c, id, posted.contentId));
  const first = peersNamed(c).every((one) => isOwn(c, one.record) || !one.pair.met);
  if (fresh.length > 0) keep(c, turn, posted);
  for (const deviceId of fresh) {
    const peer = peerOf(c, deviceId);
    const item = { ...c.outbox.newItem(deviceId, posted.contentId, true, turn.nowMs), first };
    if (peer !== null && !isNamed(c, peer.record)) lost(c, turn, item, "remote.identity");
    else sealOrWait(c, turn, peer, item, contentOf(posted));
  }
  tidy(c, turn, posted.contentId);
  pump(c, turn);
}

function keep(c: Context, turn: Turn, posted: Posted): void {
  c.outbox.posted.set(hex(posted.contentId), posted);
  turn.put("posted", posted.contentId, () => encodePosted(posted));
}

export function isUnderWay(c: Context, deviceId: Bytes, contentId: Bytes): boolean {
  return all(c.outbox.lane(deviceId)).some((one) => one.shown && same(one.contentId, contentId));
}

export function contentOf(posted: Posted): Content {
  const payload = { name: "room", value: posted.payload } as const;
  return content(posted.type, posted.contentId, posted.sentMs, payload);
}

/** What waits for devices under a content id, or null. */
export function findPosted(c: Context, contentId: Bytes): Posted | null {
  return c.outbox.posted.get(hex(contentId)) ?? null;
}

/** With the last device that needs a content its row goes. */
export function tidy(c: Context, turn: Turn, contentId: Bytes): void {
  if (c.outbox.isWaiting(contentId)) return;
  if (c.outbox.posted.delete(hex(contentId))) turn.delete("posted", contentId);
}

/** Send a content of type 9 once, to those of the devices with which there is a session. */
export function signal(c: Context, turn: Turn, type: number, value: Value, deviceIds: readonly Bytes[]): void {
  for (const deviceId of deviceIds) {
    const peer = peerOf(c, deviceId);
    const session = peer === null || c.company.alarm !== "" ? null : sessionFor(c, turn, peer);
    if (session !== null) sendControl(c, turn, deviceId, session, type, { name: "room", value });
  }
}

/**
 * Take back from a device what was not sealed for it yet and `goes`. Of none of it the device has a number, so that no
 * gap stays (ROOM-36).
 */
export function recall(c: Context, turn: Turn, deviceId: Bytes, goes: (posted: Posted) => boolean): void {
  const lane = c.outbox.lane(deviceId);
  const gone = lane.waiting.filter((one) => {
    const posted = findPosted(c, one.contentId);
    return one.shown && one.sendings === 0 && posted !== null && goes(posted);
  });
  lane.waiting = lane.waiting.filter((one) => !gone.includes(one));
  for (const item of gone) {
    deleteItem(turn, item);
    tidy(c, turn, item.contentId);
  }
}

/**
 * Send these entries no more; what the relay has, or is being given, is not undone. Of forwards that wait goes what is
 * left without their bodies (ROOM-44). What was withdrawn other devices of ours still get (ROOM-66).
 */
export function takeBack(c: Context, turn: Turn, entries: readonly Entry[], code: RemoteCode = "room.erased"): void {
  const forwards = new Set<string>();
  for (const [device, lane] of c.outbox.lanes()) {
    if (code !== "room.erased" && isForUs(c, unhex(device))) continue;
    for (const { hash } of entries) {
      const item = takeOut(lane, contentIdOf(hash));
      if (item === null) continue;
      deleteItem(turn, item);
      if (hasLeft(item)) tidy(c, turn, item.contentId);
      else lost(c, turn, item, code);
    }
    for (const { contentId } of all(lane)) forwards.add(hex(contentId));
  }
  const gone = new Set(entries.map((one) => hex(one.commitment)));
  for (const posted of [...c.outbox.posted.values()]) {
    if (posted.type !== FORWARD || !forwards.has(hex(posted.contentId))) continue;
    keep(c, turn, { ...posted, payload: withoutBodies(posted.payload, gone) });
  }
}

// --- how it ends ---

export function sent(c: Context, turn: Turn, item: Outgoing): void {
  if (!isForUs(c, item.deviceId)) wasSent(c, turn, item);
}

/** How far something has come is told of the company's devices alone (SES-42). */
function isForUs(c: Context, deviceId: Bytes): boolean {
  const peer = c.kin && peerOf(c, deviceId);
  return peer !== null && isOwn(c, peer.record);
}

/** A receipt of a device for a content of ours, which is here in any state (SES-42). */
export function confirmed(c: Context, turn: Turn, peer: Peer, contentId: Bytes): void {
  if (!isForUs(c, peer.deviceId)) wasConfirmed(c, turn, peer.deviceId, contentId);
  tidy(c, turn, contentId);
}

/** A content is not sent to a device any more. */
export function lost(c: Context, turn: Turn, item: Outgoing, code: string): void {
  if (!isForUs(c, item.deviceId)) wasLost(c, turn, item, code);
  tidy(c, turn, item.contentId);
}

/** A content will not leave for a device that is gone. */
export function notSent(c: Context, turn: Turn, item: Outgoing): void {
  wasNotSent(c, turn, item);
  tidy(c, turn, item.contentId);
}
