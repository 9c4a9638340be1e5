/** Sessions from what is stored of them (SES-14, SES-15); a page that begins needs none of this. */

import type { Bytes } from "./bytes.ts";
import { cut, readU32, same } from "./bytes.ts";
import { MAX_COUNTER, MAX_TIME_MS, MAX_U32 } from "./constants.ts";
import { CoreError, LocalError, notAccepted } from "./errors.ts";
import { ACCOUNT_ID_B, DEVICE_ID_B, HASH_B } from "./identity/record.ts";
import type { X25519Public } from "./primitives/dh.ts";
import { x25519Public } from "./primitives/dh.ts";
import { tagOf } from "./ratchet/chain.ts";
import type { SkippedKey } from "./ratchet/skipped.ts";
import type { Ratchet, Receiving, Sending } from "./ratchet/state.ts";
import { nextReceive } from "./ratchet/state.ts";
import { kemOf, momentOf } from "./restore_kem.ts";
import type { Role } from "./secret.ts";
import { Secret } from "./secret.ts";
import type { Peer, Phase, Session } from "./session.ts";
import type { StoredSkipped } from "./snapshot.ts";
import { FORMAT, SKIPPED_FORMAT } from "./snapshot.ts";
import type { Value } from "./wire/cbor.ts";
import { decode } from "./wire/cbor.ts";
import { PREFIX_B } from "./wire/envelope.ts";
import { asArray, asBoolean, asBytes, asUint } from "./wire/fields.ts";

const ITEMS = 19;
const MAX_STORED_B = 65_536;
const PLACE_B = 12;
const TAG_B = 8;

/** Do `step`; whatever it refuses is a stored state that is damaged or not known. */
export function restoring<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof CoreError) throw new LocalError("local.snapshot", "a stored state is damaged or not known");
    throw error;
  }
}

/**
 * The session of its stored bytes and of the rows of its skipped keys (SES-14).
 *
 * @throws LocalError `local.snapshot`
 */
export function restoreSession(data: Uint8Array, skipped: readonly StoredSkipped[]): Session {
  return restoring(() => readSession(decode(data, MAX_STORED_B), skipped.map(skippedOf)));
}

function skippedOf(row: StoredSkipped): SkippedKey {
  const [format, headerBytes, messageBytes, storedMs] = asArray(decode(row.value, MAX_STORED_B), 4, 4) as Value[];
  if (format !== SKIPPED_FORMAT || row.place.length !== PLACE_B) throw notAccepted("no skipped key");
  const headerKey = secretOf("header key", headerBytes as Value);
  const tag = cut(row.place, 0, TAG_B);
  if (!same(tag, tagOf(headerKey))) throw notAccepted("a skipped key in the place of another chain");
  const number = asUint(readU32(row.place, TAG_B), MAX_COUNTER - 1);
  const messageKey = secretOf("message key", messageBytes as Value);
  return { headerKey, tag, number, messageKey, storedMs: asUint(storedMs as Value) };
}

function readSession(value: Value, skipped: readonly SkippedKey[]): Session {
  const items = asArray(value, ITEMS, ITEMS);
  if (items[0] !== FORMAT) throw notAccepted("a format that is not known");
  const at = (index: number): Value => items[index] as Value;
  const phase = phaseOf(at(6));
  const initiator = asBoolean(at(4));
  const createdMs = asUint(at(8));
  const openedMs = asUint(at(9));
  checkPhase(phase, initiator);
  return {
    ourRecordHash: hashOf(at(2)),
    peer: peerOf(at(3)),
    epoch: asUint(at(5), MAX_U32),
    phase,
    oneTime: asArray(at(7), 2, 2).map(asBoolean) as [boolean, boolean],
    createdMs,
    openedMs,
    ratchet: ratchetOf(at, initiator, skipped),
  };
}

function ratchetOf(at: (index: number) => Value, initiator: boolean, skipped: readonly SkippedKey[]): Ratchet {
  const pqEpoch = counterOf(at(14));
  return {
    sessionId: hashOf(at(1)),
    initiator,
    rootKey: secretOf("root key", at(10)),
    sending: sendingOf(at(11)),
    receiving: receivingOf(at(12)),
    nextReceive: nextReceive(secretOf("header key", at(13))),
    pqEpoch,
    kem: kemOf(at(16), initiator, pqEpoch),
    skipped,
    healedMs: asUint(at(15)),
    pqHealing: momentOf(at(18)),
    finished: asUint(at(17), MAX_TIME_MS),
  };
}

/** Only the initiator starts, only the responder hears (SES-36). */
function checkPhase(phase: Phase, initiator: boolean): void {
  if ((phase.name === "Started" && !initiator) || (phase.name === "Heard" && initiator))
    throw notAccepted("a phase of the other side");
}

function hashOf(value: Value): Bytes {
  return asBytes(value, HASH_B, HASH_B);
}

function counterOf(value: Value): number {
  return asUint(value, MAX_COUNTER - 1);
}

export function secretOf<R extends Role>(role: R, value: Value): Secret<R> {
  return new Secret(role, asBytes(value, 0, MAX_STORED_B));
}

function publicOf(value: Value): X25519Public {
  return x25519Public(asBytes(value, 32, 32));
}

function peerOf(value: Value): Peer {
  const [accountId, deviceId, recordHash] = asArray(value, 3, 3) as [Value, Value, Value];
  return {
    accountId: asBytes(accountId, ACCOUNT_ID_B, ACCOUNT_ID_B),
    deviceId: asBytes(deviceId, DEVICE_ID_B, DEVICE_ID_B),
    recordHash: hashOf(recordHash),
  };
}

function phaseOf(value: Value): Phase {
  if (typeof value === "boolean") return { name: value ? "Proven" : "Heard" };
  const [prefix, notAfterMs] = asArray(value, 2, 2) as [Value, Value];
  return { name: "Started", prefix: asBytes(prefix, PREFIX_B, PREFIX_B), notAfterMs: asUint(notAfterMs) };
}

function sendingOf(value: Value): Sending {
  const items = asArray(value, 8, 3);
  const [state, a, b, c, d, e, f, g] = items as [Value, Value, Value, Value, Value, Value, Value, Value];
  if (state === 0 && items.length === 3) {
    const [privateKey, nextHeaderKey] = [secretOf("X25519 private key", a), secretOf("header key", b)];
    return { state: "Listening", privateKey, nextHeaderKey };
  }
  if (state === 2 && items.length === 4) {
    const next = secretOf("header key", b);
    return { state: "StepDue", theirKey: publicOf(a), nextHeaderKey: next, previousLength: asUint(c, MAX_COUNTER) };
  }
  if (state !== 1 || items.length !== 8) throw notAccepted("no sending state");
  const headerKey = secretOf("header key", c);
  return {
    state: "Sending",
    privateKey: secretOf("X25519 private key", a),
    publicKey: publicOf(b),
    headerKey,
    tag: tagOf(headerKey),
    chainKey: secretOf("chain key", d),
    number: asUint(e, MAX_COUNTER),
    previousLength: asUint(f, MAX_COUNTER),
    nextHeaderKey: secretOf("header key", g),
  };
}

function receivingOf(value: Value): Receiving {
  if (value === null) return { state: "NoChain" };
  const [theirKey, header, chainBytes, number, pqEpoch] = asArray(value, 5, 5) as [Value, Value, Value, Value, Value];
  const headerKey = secretOf("header key", header);
  return {
    state: "Receiving",
    theirKey: publicOf(theirKey),
    headerKey,
    tag: tagOf(headerKey),
    chainKey: secretOf("chain key", chainBytes),
    number: asUint(number, MAX_COUNTER),
    pqEpoch: counterOf(pqEpoch),
  };
}
