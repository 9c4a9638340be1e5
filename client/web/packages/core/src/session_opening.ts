/** A session of two devices: opening contents, and begun from a flight (chapters 06 to 08, 10). */

import { MAX_JUMP } from "./constants.ts";
import type { Content } from "./content.ts";
import { decodeContent } from "./content_reading.ts";
import { notAuthentic, RemoteError } from "./errors.ts";
import type { OwnDevice, UsedPrekeys } from "./handshake.ts";
import { respond } from "./handshake_responding.ts";
import type { DeviceList } from "./identity/list.ts";
import type { DeviceRecord } from "./identity/record.ts";
import type { OpenedMessage } from "./ratchet/receiving.ts";
import { openMessage, takeFragment } from "./ratchet/receiving.ts";
import type { SkippedKey } from "./ratchet/skipped.ts";
import { responderStart } from "./ratchet/state.ts";
import type { Session } from "./session.ts";
import { peerOf } from "./session.ts";
import type { Envelope } from "./wire/envelope.ts";
import { decodeEnvelope, decodePrefix } from "./wire/envelope_reading.ts";

export interface OpenedContent {
  readonly session: Session;
  readonly content: Content;
  readonly beginsChain: boolean;
  /** Keys that went unopened (DR-16). */
  readonly lost: readonly SkippedKey[];
}

/**
 * Open a message of this session; it stays as it was if anything fails (DR-18, CON-08). `maxJump` keys may be skipped.
 *
 * @throws RemoteError with the codes of DR-11, and `remote.content`
 */
export function openContent(session: Session, data: Uint8Array, nowMs: number, maxJump = MAX_JUMP): OpenedContent {
  const envelope = decodeEnvelope(data);
  // Only the initiator puts its messages under a prefix.
  if (envelope.kind === 2 && session.ratchet.initiator) throw notAuthentic();
  const opened = openMessage(session.ratchet, envelope, nowMs, maxJump);
  const content = checkedContent(opened, envelope, session.epoch);
  const ratchet = takeFragment(opened);
  const proven = opened.beginsChain && (ratchet.initiator || session.ratchet.receiving.state === "Receiving");
  const phase = proven ? ({ name: "Proven" } as const) : session.phase;
  const { beginsChain, lost } = opened;
  return { session: { ...session, phase, openedMs: nowMs, ratchet }, content, beginsChain, lost };
}

/** The content, with what a prefix asks for: the session's epoch and an address; without one, no epoch (SES-21, HS-05). */
function checkedContent(opened: OpenedMessage, envelope: Envelope, epoch: number | null): Content {
  const content = decodeContent(opened.content);
  const stated = content.epoch;
  const fits = envelope.kind === 1 ? stated === null : stated !== null && (epoch === null || stated === epoch);
  if (!fits) throw new RemoteError("remote.content", "another epoch than its place asks for");
  if (envelope.kind === 2 && content.address === null)
    throw new RemoteError("remote.content", "no address under a prefix");
  return content;
}

export interface Taken extends OpenedContent {
  readonly peer: DeviceRecord;
  /** The list of the peer's account that is in force, to be pinned (ID-11). */
  readonly list: DeviceList;
}

/**
 * Take a first flight with the prekeys that its prefix names (HS-06 to HS-11); what is returned is committed together
 * with the deletion of one-time keys and the replay entry (HS-08).
 *
 * @throws RemoteError with the code of the first failure
 */
export function takeFlight(
  own: OwnDevice,
  prekeys: UsedPrekeys,
  pinned: DeviceList | null,
  data: Uint8Array,
  nowMs: number,
  maxJump = MAX_JUMP,
): Taken {
  const envelope = decodeEnvelope(data);
  if (envelope.prefix === null) throw notAuthentic();
  const { keys, peer, list } = respond(own, prekeys, pinned, decodePrefix(envelope.prefix), nowMs);
  const start = responderStart(keys, prekeys.spk.private, nowMs);
  const opened = openMessage(start, envelope, nowMs, maxJump);
  const content = checkedContent(opened, envelope, null);
  const session: Session = {
    ourRecordHash: own.record.hash,
    peer: peerOf(peer),
    epoch: content.epoch as number,
    phase: { name: "Heard" },
    oneTime: [prekeys.opk !== null, prekeys.pqk.prekey.kind === "PQK_ONE_TIME"],
    createdMs: nowMs,
    openedMs: nowMs,
    ratchet: takeFragment(opened),
  };
  return { session, content, peer, list, beginsChain: true, lost: opened.lost };
}
