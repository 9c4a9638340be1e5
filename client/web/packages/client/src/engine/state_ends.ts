/** What ends in the state of the engine: a device, receipts, our own device (ACC-67). */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex } from "@sealroom/core/bytes.ts";
import { NEW_PAIR } from "@sealroom/core/pair_state.ts";
import { named, row } from "./codec.ts";
import type { Context } from "./context.ts";
import type { Peer } from "./records.ts";
import { peerKey, REPLACED_KEY, setPair } from "./state.ts";
import type { Turn } from "./turn.ts";

export const RECEIPTS = "receipt:";

export function receiptKey(deviceId: Bytes): Bytes {
  return named(RECEIPTS, deviceId);
}

export function dropReceipts(c: Context, turn: Turn, deviceId: Bytes): void {
  if (c.receipts.delete(hex(deviceId))) turn.delete("meta", receiptKey(deviceId));
}

/** Another device has the account now: this one writes, signs and publishes nothing more, and says so (ACC-67). */
export function setReplaced(c: Context, turn: Turn, byCode: boolean): void {
  if (c.isReplaced) return;
  c.isReplaced = true;
  if (byCode) c.code = "used";
  turn.put("meta", REPLACED_KEY, () => row(byCode));
  turn.notify({ type: "replaced", byCode });
}

export function removePeer(c: Context, turn: Turn, peer: Peer): void {
  setPair(c, turn, peer.deviceId, NEW_PAIR, peer.pair.sessions);
  dropReceipts(c, turn, peer.deviceId);
  const key = peerKey(c, peer.deviceId);
  c.peers.delete(hex(peer.deviceId));
  turn.delete("peer", key);
  turn.delete("pair", key);
}
