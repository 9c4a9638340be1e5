/** What was lost on another session, or was not confirmed, goes again (SES-37, SES-42). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { DAY_MS, MINUTE_MS } from "@sealroom/core/constants.ts";
import type { Context } from "./context.ts";
import { confirm as confirmItem, deleteItem } from "./outbox.ts";
import { confirmed, lost } from "./posting.ts";
import type { Peer } from "./records.ts";
import { again, isYoung, mayGoAgain } from "./sending.ts";
import type { Turn } from "./turn.ts";

const AGAIN_AFTER_MS = MINUTE_MS;

/** Send again what went on other sessions and was not confirmed: this one has become active. */
export function againFromOthers(c: Context, turn: Turn, deviceId: Bytes, sessionId: Bytes): void {
  const lane = c.outbox.lane(deviceId);
  const others = [...lane.unconfirmed.values()].filter((one) => !same(one.sessionId as Bytes, sessionId));
  again(c, deviceId, others, turn.nowMs);
}

/** Send again what the peer has passed over: unconfirmed, a minute old, and not above `got`. */
export function againUpTo(c: Context, turn: Turn, deviceId: Bytes, got: number): void {
  const lane = c.outbox.lane(deviceId);
  const before = turn.nowMs - AGAIN_AFTER_MS;
  const passed = [...lane.unconfirmed.values()].filter((one) => {
    return (one.number?.n as number) <= got && one.sealedMs <= before;
  });
  again(c, deviceId, passed, turn.nowMs);
}

/** A receipt of a device: the contents are in its store (CON-04). For each that was kept another goes (ROOM-73). */
export function takeReceipt(c: Context, turn: Turn, peer: Peer, ids: readonly Bytes[]): void {
  const lane = c.outbox.lane(peer.deviceId);
  for (const contentId of ids) {
    const item = confirmItem(lane, contentId);
    if (item !== null) {
      deleteItem(turn, item);
      const kept = [...lane.unconfirmed.values()].filter((one) => !isYoung(one, turn.nowMs));
      if (!isYoung(item, turn.nowMs)) again(c, peer.deviceId, kept, turn.nowMs, 1);
    }
    confirmed(c, turn, peer, contentId);
  }
}

/** Send again what went on first flights that everybody refuses (ID-39). */
export function againUnanswered(c: Context, turn: Turn, deviceId: Bytes): void {
  again(c, deviceId, [...c.outbox.lane(deviceId).unconfirmed.values()], turn.nowMs);
}

/** Report contents that will not go again; tell whether one has been unconfirmed for a day. */
export function reviewUnconfirmed(c: Context, turn: Turn, deviceId: Bytes): boolean {
  const lane = c.outbox.lane(deviceId);
  for (const item of [...lane.unconfirmed.values()]) {
    const sealedMs = Math.min(item.sealedMs, turn.nowMs);
    const past = { ...item, sealedMs, createdMs: Math.min(item.createdMs, turn.nowMs) };
    lane.unconfirmed.set(hex(item.contentId), past);
    if (mayGoAgain(c, past, turn.nowMs) || turn.nowMs < sealedMs + DAY_MS) continue;
    lane.unconfirmed.delete(hex(item.contentId));
    deleteItem(turn, item);
    lost(c, turn, item, "local.unconfirmed");
  }
  return [...lane.unconfirmed.values()].some((one) => turn.nowMs >= one.sealedMs + DAY_MS && isYoung(one, turn.nowMs));
}
