/** Stored sessions (SES-14, SES-15): a CBOR array that begins with its format; skipped keys are rows of their own. */

import type { Bytes } from "./bytes.ts";
import { concat, u32 } from "./bytes.ts";
import type { SkippedKey } from "./ratchet/skipped.ts";
import type { Receiving, Sending } from "./ratchet/state.ts";
import type { Phase, Session } from "./session.ts";
import { kemValue, momentValue } from "./snapshot_kem.ts";
import type { Value } from "./wire/cbor.ts";
import { encode } from "./wire/cbor.ts";

export const FORMAT = 3;
export const SKIPPED_FORMAT = 1;

/** The bytes of a session, without its skipped keys (SES-14). */
export function storeSession(session: Session): Bytes {
  const { peer, ratchet } = session;
  return encode([
    FORMAT,
    ratchet.sessionId,
    session.ourRecordHash,
    [peer.accountId, peer.deviceId, peer.recordHash],
    ratchet.initiator,
    session.epoch,
    phaseValue(session.phase),
    [...session.oneTime],
    session.createdMs,
    session.openedMs,
    ratchet.rootKey.expose(),
    sendingValue(ratchet.sending),
    receivingValue(ratchet.receiving),
    ratchet.nextReceive.headerKey.expose(),
    ratchet.pqEpoch,
    ratchet.healedMs,
    kemValue(ratchet.kem),
    ratchet.finished,
    momentValue(ratchet.pqHealing),
  ]);
}

function phaseValue(phase: Phase): Value {
  if (phase.name === "Started") return [phase.prefix, phase.notAfterMs];
  return phase.name === "Proven";
}

function sendingValue(sending: Sending): Value {
  switch (sending.state) {
    case "Listening":
      return [0, sending.privateKey.expose(), sending.nextHeaderKey.expose()];
    case "Sending":
      return [
        1,
        sending.privateKey.expose(),
        sending.publicKey,
        sending.headerKey.expose(),
        sending.chainKey.expose(),
        sending.number,
        sending.previousLength,
        sending.nextHeaderKey.expose(),
      ];
    case "StepDue":
      return [2, sending.theirKey, sending.nextHeaderKey.expose(), sending.previousLength];
  }
}

function receivingValue(receiving: Receiving): Value {
  if (receiving.state === "NoChain") return null;
  const { theirKey, headerKey, chainKey, number, pqEpoch } = receiving;
  return [theirKey, headerKey.expose(), chainKey.expose(), number, pqEpoch];
}

/** A row of a skipped key: its place, and its value. */
export interface StoredSkipped {
  readonly place: Bytes;
  readonly value: Bytes;
}

/** The rows of the skipped keys of a session, by place. */
export function storeSkipped(keys: readonly SkippedKey[]): readonly StoredSkipped[] {
  return keys.map((key) => ({
    place: concat(key.tag, u32(key.number)),
    value: encode([SKIPPED_FORMAT, key.headerKey.expose(), key.messageKey.expose(), key.storedMs]),
  }));
}
