/** Changes of what the engine knows, in memory and as rows: devices, pairs, sessions with their skipped keys. */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat, hex, same } from "@sealroom/core/bytes.ts";
import type { DeviceList, ListHead } from "@sealroom/core/identity/list.ts";
import { names } from "@sealroom/core/identity/list.ts";
import type { DeviceRecord } from "@sealroom/core/identity/record.ts";
import type { Pair, Standing } from "@sealroom/core/pair_state.ts";
import { NEW_PAIR } from "@sealroom/core/pair_state.ts";
import type { Session } from "@sealroom/core/session.ts";
import { storeSession, storeSkipped } from "@sealroom/core/snapshot.ts";
import { storePair } from "@sealroom/core/snapshot_pair.ts";
import { ClientError } from "../errors.ts";
import { named } from "./codec.ts";
import type { Context, Received } from "./context.ts";
import type { Company, Mailbox, Own, Peer } from "./records.ts";
import { encodeCompany, encodeMailbox, encodeOwn, encodePeer } from "./records.ts";
import type { Turn } from "./turn.ts";

export const OWN_KEY = named("own");
export const REPLACED_KEY = named("replaced");
export const CODE_KEY = named("recovery");
/** The code for what comes, where it is known to be here. */
export function receivedOf(c: Context): Received {
  if (c.received === null) throw new ClientError("client.unsupported", "a part of the page has not come");
  return c.received;
}

export function setOwn(c: Context, turn: Turn, own: Own): void {
  c.own = own;
  turn.put("account", OWN_KEY, () => encodeOwn(c.own));
}

export function setMailbox(c: Context, turn: Turn, mailbox: Mailbox): void {
  c.mailbox = mailbox;
  turn.put("mailbox", mailbox.id, () => encodeMailbox(c.mailbox));
}

export function setCompany(c: Context, turn: Turn, company: Company): void {
  c.company = company;
  turn.put("contact", company.accountId, () => encodeCompany(c.company));
}

// --- devices of the company ---

export function peerOf(c: Context, deviceId: Uint8Array): Peer | null {
  return c.peers.get(hex(deviceId)) ?? null;
}

export function newPeer(record: DeviceRecord): Peer {
  const { deviceId } = record;
  return {
    deviceId,
    record,
    wayBack: null,
    wayBackMs: 0,
    told: [0, 0],
    pair: NEW_PAIR,
    heardMs: 0,
    firstGiven: null,
  };
}

/** Whether a record is one of a device of our account. */
export function isOwn(c: Context, record: DeviceRecord): boolean {
  return same(record.accountId, c.own.record.accountId);
}

/** Key of the rows of a device: account and device. */
export function peerKey(c: Context, deviceId: Bytes): Bytes {
  return concat(peerOf(c, deviceId)?.record.accountId ?? c.company.accountId, deviceId);
}

/** Change what is known of a device, but its pair; returns it as it is now. */
export function setPeer(c: Context, turn: Turn, peer: Peer): Peer {
  c.peers.set(hex(peer.deviceId), peer);
  const { deviceId } = peer;
  turn.put("peer", peerKey(c, deviceId), () => encodePeer(c.peers.get(hex(deviceId)) ?? peer));
  return peer;
}

/** What is in memory alone. */
export function notePeer(c: Context, peer: Peer): Peer {
  c.peers.set(hex(peer.deviceId), peer);
  return peer;
}

/** The newest list of the account of a record. */
export function listOf(c: Context, record: DeviceRecord): DeviceList | null {
  return isOwn(c, record) ? c.own.list : c.company.list;
}

/** Whether the pinned list names the record of a device (ID-28). */
export function isNamed(c: Context, record: DeviceRecord): boolean {
  const list = listOf(c, record);
  return list === null || names(list, record);
}

export function peersNamed(c: Context): readonly Peer[] {
  return [...c.peers.values()].filter((one) => isNamed(c, one.record));
}

export function headOf(list: DeviceList | null): ListHead | null {
  return list && { seq: list.seq, hash: list.hash };
}

// --- pairs and sessions ---

/** Write what a pair knows; sessions that are gone take their keys with them (SES-33). */
export function setPair(c: Context, turn: Turn, deviceId: Bytes, pair: Pair, gone: readonly Standing[] = []): Peer {
  const before = c.peers.get(hex(deviceId)) as Peer;
  const peer = { ...before, pair };
  c.peers.set(hex(deviceId), peer);
  if (pair !== before.pair) {
    turn.put("pair", peerKey(c, deviceId), () => storePair((c.peers.get(hex(deviceId)) ?? peer).pair));
  }
  for (const one of gone) removeSession(c, turn, one.id);
  return peer;
}

/** Write a session: its row, and one for each skipped key that came or went (SES-14). */
export function setSession(c: Context, turn: Turn, session: Session): void {
  const id = session.ratchet.sessionId;
  const before = c.sessions.get(hex(id))?.ratchet.skipped ?? [];
  const after = session.ratchet.skipped;
  c.sessions.set(hex(id), session);
  turn.put("session", id, () => storeSession(c.sessions.get(hex(id)) ?? session));
  if (before === after) return;
  const kept = new Set(after);
  for (const { place } of storeSkipped(before.filter((key) => !kept.has(key))))
    turn.delete("skipped", concat(id, place));
  const known = new Set(before);
  for (const { place, value } of storeSkipped(after.filter((key) => !known.has(key)))) {
    turn.put("skipped", concat(id, place), () => value);
  }
}

function removeSession(c: Context, turn: Turn, id: Bytes): void {
  const session = c.sessions.get(hex(id));
  if (session === undefined) return;
  c.sessions.delete(hex(id));
  turn.delete("session", id);
  for (const { place } of storeSkipped(session.ratchet.skipped)) turn.delete("skipped", concat(id, place));
}

export function sessionOf(c: Context, id: Uint8Array): Session | null {
  return c.sessions.get(hex(id)) ?? null;
}
