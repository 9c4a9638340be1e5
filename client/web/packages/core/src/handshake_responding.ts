/** The receiver's half of a handshake (chapter 06). */

import type { Bytes } from "./bytes.ts";
import { same } from "./bytes.ts";
import { CLOCK_TOLERANCE_MS, DAY_MS, RELAY_RETENTION_MS } from "./constants.ts";
import { RemoteError } from "./errors.ts";
import type { OwnDevice, Shared, UsedPrekeys } from "./handshake.ts";
import { derive, IDENTITY_PLAIN_B, identityKey, isSameDevice, transcript0 } from "./handshake.ts";
import type { DeviceList } from "./identity/list.ts";
import { checkLink, checkListed, checkListTime, fork, verifyList } from "./identity/list.ts";
import type { DeviceRecord } from "./identity/record.ts";
import { checkRecordTime, decodeRecord } from "./identity/record.ts";
import { checkIdentity } from "./identity/signed.ts";
import { open } from "./primitives/aead.ts";
import type { X25519Public } from "./primitives/dh.ts";
import { dh } from "./primitives/dh.ts";
import { decapsulate } from "./primitives/kem.ts";
import type { HandshakeKeys } from "./ratchet/state.ts";
import type { Value } from "./wire/cbor.ts";
import { decode } from "./wire/cbor.ts";
import type { Prefix } from "./wire/envelope.ts";
import { asArray, asBytes } from "./wire/fields.ts";
import { unmark } from "./wire/unpadding.ts";

/** How long after its end a list or record of a first flight is taken: a prefix's life, retention, tolerance (ID-10). */
const FLIGHT_GRACE_MS = 14 * DAY_MS + RELAY_RETENTION_MS + CLOCK_TOLERANCE_MS;

export interface Responded {
  readonly keys: HandshakeKeys;
  readonly peer: DeviceRecord;
  /** The list of the peer's account that is in force now, to be pinned (ID-11). */
  readonly list: DeviceList;
}

/**
 * The receiver's half, with the prekeys that the prefix names; nothing is used up by it (HS-06, HS-07, HS-10).
 *
 * @throws RemoteError with the code of the first failure
 */
export function respond(
  own: OwnDevice,
  prekeys: UsedPrekeys,
  pinned: DeviceList | null,
  prefix: Prefix,
  nowMs: number,
): Responded {
  checkServing(prekeys, nowMs);
  const { spk, opk, pqk } = prekeys;
  const { ephemeral, ciphertext } = prefix;
  const shared = sharedOf(own, prekeys, ephemeral, ciphertext);
  const signed = { spk: spk.prekey.signed, opk: opk?.prekey.signed ?? null, pqk: pqk.prekey.signed };
  const t0 = transcript0({ record: own.record.bytes, ...signed, ciphertext, ephemeral });
  const plain = unmark(open(identityKey(t0, shared), prefix.sealedIdentity, t0));
  const { peer, list } = checkSealedIdentity(plain, pinned, nowMs);
  checkNotOurs(own, peer);
  const keys = derive(t0, peer.bytes, shared, dh(spk.private, peer.dhPublic), dh(own.dhPrivate, peer.dhPublic));
  return { keys, peer, list };
}

function sharedOf(own: OwnDevice, prekeys: UsedPrekeys, ephemeral: X25519Public, ciphertext: Bytes): Shared {
  const { spk, opk, pqk } = prekeys;
  return {
    dh1: dh(spk.private, ephemeral),
    dh2: dh(own.dhPrivate, ephemeral),
    dh3: opk === null ? null : dh(opk.private, ephemeral),
    kem: decapsulate(pqk.seed, ciphertext),
  };
}

/** A prekey serves until `not_after_ms` plus relay retention (HS-06). */
function checkServing(prekeys: UsedPrekeys, nowMs: number): void {
  const ends = [prekeys.spk.prekey, prekeys.pqk.prekey, ...(prekeys.opk === null ? [] : [prekeys.opk.prekey])];
  if (ends.some((prekey) => nowMs > prekey.notAfterMs + RELAY_RETENTION_MS)) {
    throw new RemoteError("remote.expired", "a flight under a prekey that has ended");
  }
}

/** Record, list, the list in force, its time, that it names the record, and the record's time (HS-07). */
function checkSealedIdentity(plain: Bytes, pinned: DeviceList | null, nowMs: number) {
  const [recordBytes, listBytes] = identityParts(plain);
  const peer = decodeRecord(recordBytes);
  const stated = verifyList(peer.accountId, listBytes);
  const list = inForce(pinned, stated);
  checkTimeInForce(list, stated, nowMs);
  checkListed(list, peer);
  checkRecordTime(peer, nowMs, FLIGHT_GRACE_MS);
  return { peer, list };
}

function identityParts(plain: Bytes): readonly [Bytes, Bytes] {
  const items = asArray(decode(plain, IDENTITY_PLAIN_B), 2, 2) as [Value, Value];
  return items.map((item) => asBytes(item, 1, IDENTITY_PLAIN_B)) as [Bytes, Bytes];
}

/** The pinned list, unless the one of the flight is newer (ID-11). */
function inForce(pinned: DeviceList | null, stated: DeviceList): DeviceList {
  if (pinned === null) return stated;
  if (!same(pinned.accountId, stated.accountId))
    throw new RemoteError("remote.identity", "a pinned list of another account");
  if (stated.seq < pinned.seq) return pinned;
  if (stated.seq === pinned.seq && !same(stated.hash, pinned.hash)) throw fork();
  if (stated.seq === pinned.seq + 1) checkLink(pinned, stated);
  return stated.seq === pinned.seq ? pinned : stated;
}

/** Under a pinned list that is out of its time, the flight's own has to be of now (ID-10, ID-11). */
function checkTimeInForce(list: DeviceList, stated: DeviceList, nowMs: number): void {
  if (list !== stated && isOutOfTime(list, nowMs)) checkListTime(stated, nowMs, CLOCK_TOLERANCE_MS);
  else checkListTime(list, nowMs, FLIGHT_GRACE_MS);
}

function isOutOfTime(list: DeviceList, nowMs: number): boolean {
  return nowMs > list.expiresMs + FLIGHT_GRACE_MS || list.issuedMs > nowMs + CLOCK_TOLERANCE_MS;
}

/** A reflected or self-made flight (HS-11). */
function checkNotOurs(own: OwnDevice, peer: DeviceRecord): void {
  checkIdentity(!isSameDevice(own.record, peer), "a flight of our own device");
}
