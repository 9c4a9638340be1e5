/** Receipts of what was delivered: when they go out, and in batches (CON-04, SES-42). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, readU32, same, unhex } from "@sealroom/core/bytes.ts";
import { RECEIPT } from "@sealroom/core/content.ts";
import { row } from "./codec.ts";
import type { Context } from "./context.ts";
import { sessionFor } from "./renewal.ts";
import { sendControl } from "./sending.ts";
import { peerOf } from "./state.ts";
import { dropReceipts, receiptKey } from "./state_ends.ts";
import type { Turn } from "./turn.ts";

const LEAST_MS = 300;
const JITTER_MS = 700;
const MAX_WAITING = 1_024;
const MAX_IDS = 64;
const MAX_CONFIRMED = 3;
const MAX_REMEMBERED = 4_096;
/** Send what is due in batches and not at once: its moment is nobody's business. */
export function wait(c: Context, turn: Turn): void {
  if (c.receipts.size === 0 || c.timers.atMs("receipts") !== null) return;
  const jitter = readU32(c.rng(4), 0) % JITTER_MS;
  c.timers.set("receipts", turn.nowMs + LEAST_MS + jitter, (later) => send(c, later));
}

/** Let a receipt go out for a content; of one content three at most on a session (SES-42). */
export function confirm(c: Context, turn: Turn, deviceId: Bytes, contentId: Bytes): void {
  const peer = peerOf(c, deviceId);
  if (peer === null) return;
  const session = sessionFor(c, turn, peer);
  const name = hex(deviceId) + hex(contentId) + (session === null ? "" : hex(session.ratchet.sessionId));
  const count = c.confirmed.get(name) ?? 0;
  const due = c.receipts.get(hex(deviceId)) ?? [];
  if (due.some((one) => same(one, contentId)) || count >= MAX_CONFIRMED) return;
  c.confirmed.delete(name);
  c.confirmed.set(name, count + 1);
  const oldest = c.confirmed.keys().next().value;
  if (c.confirmed.size > MAX_REMEMBERED && oldest !== undefined) c.confirmed.delete(oldest);
  c.receipts.set(hex(deviceId), [...due, contentId].slice(-MAX_WAITING));
  turn.put("meta", receiptKey(deviceId), () => row(c.receipts.get(hex(deviceId)) ?? []));
  wait(c, turn);
}

/** Send what is due where there is a session; the rest waits for one. */
export function send(c: Context, turn: Turn): void {
  for (const [device, ids] of [...c.receipts]) {
    const deviceId = unhex(device);
    if (sendTo(c, turn, deviceId, ids)) dropReceipts(c, turn, deviceId);
  }
}

function sendTo(c: Context, turn: Turn, deviceId: Bytes, ids: readonly Bytes[]): boolean {
  for (let start = 0; start < ids.length; start += MAX_IDS) {
    const peer = peerOf(c, deviceId);
    if (peer === null) return true;
    const session = sessionFor(c, turn, peer);
    if (session === null) return false;
    const part = ids.slice(start, start + MAX_IDS);
    sendControl(c, turn, peer.deviceId, session, RECEIPT, { name: "receipt", read: false, ids: part });
  }
  return true;
}
