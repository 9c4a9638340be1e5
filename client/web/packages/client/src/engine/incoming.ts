/**
 * From a delivered envelope to a content: find its session, open it, or start one with it (HS-07 to HS-09).
 *
 * What does not authenticate changes nothing but doubt (SES-23).
 */

import { left } from "@sealroom/core/budget.ts";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { concat, hex, same, u32 } from "@sealroom/core/bytes.ts";
import { MAX_JUMP, MAX_LIST_RECORDS, RELAY_RETENTION_MS } from "@sealroom/core/constants.ts";
import type { RemoteCode } from "@sealroom/core/errors.ts";
import { notAuthentic, RemoteError } from "@sealroom/core/errors.ts";
import type { DeviceList } from "@sealroom/core/identity/list.ts";
import { checkIdentity } from "@sealroom/core/identity/signed.ts";
import type { Taken } from "@sealroom/core/session_opening.ts";
import { openContent, takeFlight } from "@sealroom/core/session_opening.ts";
import type { Envelope } from "@sealroom/core/wire/envelope.ts";
import { decodeEnvelope, decodePrefix } from "@sealroom/core/wire/envelope_reading.ts";
import { take as takeContent } from "./contents.ts";
import type { Context } from "./context.ts";
import { checkKeys } from "./directory.ts";
import { doubtAll, heard, opened, settle } from "./hearing.ts";
import { alarm, pin } from "./lists.ts";
import { recordOf, usedPrekeys, useUp } from "./prekey_use.ts";
import type { Peer, TakenFlight } from "./records.ts";
import { encodeTakenFlight } from "./records.ts";
import { doubt } from "./renewal.ts";
import { companyChanged } from "./rooms/rooms.ts";
import { isNamed, isOwn, newPeer, peerOf, sessionOf, setPeer, setSession } from "./state.ts";
import type { Turn } from "./turn.ts";

const NOT_AUTHENTIC: readonly RemoteCode[] = [
  "remote.authentication",
  "remote.unknown_session",
  "remote.unknown_prekey",
  "remote.decode",
  "remote.version",
];
const LOOKED_AT: readonly RemoteCode[] = ["remote.skip_limit", "remote.pq_desync"];

/** Open a body and do what it asks for, whatever is in it; false if it did not authenticate. */
export function take(c: Context, turn: Turn, body: Bytes): boolean {
  try {
    const envelope = decodeEnvelope(body);
    if (!openKnown(c, turn, envelope, body)) firstFlight(c, turn, envelope, body);
    return true;
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    if (error.code !== "remote.replay") turn.notify({ type: "rejected", code: error.code });
    if (!NOT_AUTHENTIC.includes(error.code)) return true;
    doubtAll(c, turn);
    return false;
  }
}

// --- known sessions ---

/** Open a message of a session that knows its tag (DR-10); false if none does. */
function openKnown(c: Context, turn: Turn, envelope: Envelope, body: Bytes): boolean {
  let failure: RemoteError | null = null;
  for (const { peer, id } of knowing(c, envelope.tag)) {
    if (!isNamed(c, peer.record)) {
      failure = new RemoteError("remote.identity", "a device that was struck off its account's list");
      continue;
    }
    try {
      openOn(c, turn, peer, id, body);
      return true;
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      if (LOOKED_AT.includes(error.code)) doubt(c, turn, peer.deviceId);
      if (error.code !== "remote.authentication") throw error;
      failure = error;
    }
  }
  if (failure !== null) throw failure;
  return false;
}

function knowing(c: Context, tag: Bytes): readonly { readonly peer: Peer; readonly id: Bytes }[] {
  return [...c.peers.values()].flatMap((peer) => {
    return peer.pair.sessions.filter(({ id }) => knows(c, id, tag)).map(({ id }) => ({ peer, id }));
  });
}

function knows(c: Context, id: Bytes, tag: Bytes): boolean {
  const ratchet = sessionOf(c, id)?.ratchet;
  if (ratchet === undefined) return false;
  const { receiving, nextReceive, skipped } = ratchet;
  const isCurrent = receiving.state === "Receiving" && same(receiving.tag, tag);
  return isCurrent || same(nextReceive.tag, tag) || skipped.some((key) => same(key.tag, tag));
}

function openOn(c: Context, turn: Turn, peer: Peer, id: Bytes, body: Bytes): void {
  const before = sessionOf(c, id);
  if (before === null) throw notAuthentic();
  const maxJump = Math.min(MAX_JUMP, left(peer.pair, "skips", turn.nowMs));
  const { session, content, beginsChain } = openContent(before, body, turn.nowMs, maxJump);
  setSession(c, turn, session);
  const outcome = opened(c, turn, peer.deviceId, before, session, beginsChain);
  takeContent(c, turn, peer.deviceId, session, content);
  settle(c, turn, peer.deviceId, id, outcome);
}

// --- first flights ---

function firstFlight(c: Context, turn: Turn, envelope: Envelope, body: Bytes): void {
  if (envelope.prefix === null) throw new RemoteError("remote.unknown_session", "no session knows the tag");
  const prefix = decodePrefix(envelope.prefix);
  const replayKey = concat(u32(prefix.spkId), prefix.ephemeral);
  const prekeys = usedPrekeys(c, prefix);
  const known = c.flights.get(hex(replayKey));
  if (known !== undefined) refuseAgain(c, known);
  if (prekeys === null) throw new RemoteError("remote.unknown_prekey", "a flight names a prekey that is not here");
  checkBudget(c, turn);
  const own = { ...c.own, record: recordOf(c, prefix) };
  const open = (pinned: DeviceList | null) => takeFlight(own, prekeys, pinned, body, turn.nowMs, MAX_JUMP);
  const taken = flightOf(c, turn, open);
  checkNew(c, turn, taken);
  if (!isOwn(c, taken.peer)) pin(c, turn, taken.list);
  const peer = peerOf(c, taken.peer.deviceId);
  const isNew = peer === null;
  setPeer(c, turn, { ...(peer ?? newPeer(taken.peer)), record: taken.peer });
  useUp(c, turn, prekeys);
  const flight = {
    endsMs: prekeys.spk.prekey.notAfterMs + RELAY_RETENTION_MS,
    sessionId: taken.session.ratchet.sessionId,
  };
  c.flights.set(hex(replayKey), flight);
  turn.put("replay", replayKey, () => encodeTakenFlight(flight));
  heard(c, turn, taken.peer.deviceId, taken.session);
  takeContent(c, turn, taken.peer.deviceId, taken.session, taken.content);
  settle(c, turn, taken.peer.deviceId, taken.session.ratchet.sessionId, null);
  if (isNew) companyChanged(c, turn);
}

/** A flight that was taken before; where its session is gone, that is no mere copy (HS-09). */
function refuseAgain(c: Context, flight: TakenFlight): never {
  if (sessionOf(c, flight.sessionId) === null) {
    throw new RemoteError("remote.unknown_session", "a first flight whose session is gone");
  }
  throw new RemoteError("remote.replay", "a first flight that was taken before");
}

/** Refuse a flight before any work where all devices have used up their budget (SES-35). */
function checkBudget(c: Context, turn: Turn): void {
  const peers = [...c.peers.values()];
  if (peers.length > 0 && peers.every((one) => left(one.pair, "flights", turn.nowMs) === 0)) overBudget(turn);
}

function overBudget(turn: Turn): never {
  turn.notify({ type: "session", what: "churn", device: "" });
  throw new RemoteError("remote.budget", "more first flights in a day than a pair may have");
}

/** The flight, opened; two lists that the company has signed for one number raise the alarm (ID-07, ID-11). */
function flightOf(c: Context, turn: Turn, open: (pinned: DeviceList | null) => Taken): Taken {
  try {
    return open(c.company.list);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    // A pinned list of another account refuses it as well: whose it is shows when it is open.
    if (error.code === "remote.identity" && c.kin !== null) return open(c.own.list);
    if (error.code === "remote.list_fork") alarm(c, turn, error.code);
    throw error;
  }
}

/** Refuse what the pair cannot take, before anything changes (SES-35, ID-27); in our mailbox the company alone writes. */
function checkNew(c: Context, turn: Turn, taken: Taken): void {
  const { peer: record, session } = taken;
  if (c.kin !== null && isOwn(c, record)) c.kin.checkFlight(turn, taken);
  else checkIdentity(same(record.accountId, c.company.accountId), "a first flight of somebody else");
  const known = peerOf(c, record.deviceId);
  if (sessionOf(c, session.ratchet.sessionId) !== null)
    throw new RemoteError("remote.replay", "a session that is known");
  checkKeys(known, record);
  if (known !== null && left(known.pair, "flights", turn.nowMs) === 0) overBudget(turn);
  const flown = [...c.peers.values()].filter((one) => one.pair.budget.flights > 0).length;
  if (known === null && flown >= MAX_LIST_RECORDS) overBudget(turn);
}
