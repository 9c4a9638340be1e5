/** From a verified bundle to a session that both sides share, while one of them is away (chapter 06). */

import type { Bytes } from "./bytes.ts";
import { concat, cut, same } from "./bytes.ts";
import { CLOCK_TOLERANCE_MS, DAY_MS, RELAY_RETENTION_MS, SUITE } from "./constants.ts";
import { RemoteError } from "./errors.ts";
import type { VerifiedBundle } from "./identity/bundle.ts";
import type { DeviceList } from "./identity/list.ts";
import { checkLink, checkListed, checkListTime, fork, verifyList } from "./identity/list.ts";
import type { KemPrekey, X25519Prekey } from "./identity/prekey.ts";
import type { DeviceRecord } from "./identity/record.ts";
import { checkRecordTime, decodeRecord } from "./identity/record.ts";
import { checkIdentity } from "./identity/signed.ts";
import type { Encapsulate, Rng } from "./ports.ts";
import { draw } from "./ports.ts";
import { open, seal } from "./primitives/aead.ts";
import type { X25519Public } from "./primitives/dh.ts";
import { dh, publicOf } from "./primitives/dh.ts";
import { hash } from "./primitives/hash.ts";
import { hkdf, prf } from "./primitives/kdf.ts";
import { decapsulate } from "./primitives/kem.ts";
import type { HandshakeKeys } from "./ratchet/state.ts";
import type { HedgeSecret, KemSeed, SharedSecret, X25519Private } from "./secret.ts";
import { Secret } from "./secret.ts";
import type { Value } from "./wire/cbor.ts";
import { decode, encode } from "./wire/cbor.ts";
import type { Prefix } from "./wire/envelope.ts";
import { encodePrefix } from "./wire/envelope.ts";
import { asArray, asBytes } from "./wire/fields.ts";
import { padTo, unmark } from "./wire/padding.ts";

const IDENTITY_PLAIN_B = 960;
const FRESH_B = 32;
const NOTHING = new Uint8Array(0);
/** How long after its end a list or record of a first flight is taken: a prefix's life, retention, tolerance (ID-10). */
export const FLIGHT_GRACE_MS = 14 * DAY_MS + RELAY_RETENTION_MS + CLOCK_TOLERANCE_MS;

/** A device of ours, as far as a handshake needs it. */
export interface OwnDevice {
  readonly record: DeviceRecord;
  readonly list: DeviceList;
  readonly dhPrivate: X25519Private;
  readonly hedge: HedgeSecret;
}

/** The prekeys of a prefix, private and as they were signed. */
export interface UsedPrekeys {
  readonly spk: { readonly private: X25519Private; readonly prekey: X25519Prekey };
  readonly opk: { readonly private: X25519Private; readonly prekey: X25519Prekey } | null;
  readonly pqk: { readonly seed: KemSeed; readonly prekey: KemPrekey };
}

interface Transcript {
  readonly record: Bytes;
  readonly spk: Bytes;
  readonly opk: Bytes | null;
  readonly pqk: Bytes;
  readonly ciphertext: Bytes;
  readonly ephemeral: Bytes;
}

interface Shared {
  readonly dh1: SharedSecret;
  readonly dh2: SharedSecret;
  readonly dh3: SharedSecret | null;
  readonly kem: SharedSecret;
}

/** T0 binds everything that A used of B, the ciphertext and EK (HS-02). */
function transcript0(t: Transcript): Bytes {
  return hash("SR1-hs-t0", encode([SUITE, t.record, t.spk, t.opk, t.pqk, t.ciphertext, t.ephemeral]));
}

function firstIkm(shared: Shared): Bytes {
  return concat(shared.dh2.expose(), shared.dh1.expose(), shared.dh3?.expose() ?? NOTHING, shared.kem.expose());
}

function identityKey(t0: Bytes, shared: Shared): Bytes {
  return hkdf(t0, firstIkm(shared), "SR1-hs-id", NOTHING, 32);
}

/** The four outputs, bound to A's record by T1. */
function derive(t0: Bytes, recordA: Bytes, shared: Shared, dh4: SharedSecret, dh5: SharedSecret): HandshakeKeys {
  const t1 = hash("SR1-hs-t1", t0, recordA);
  const out = hkdf(t1, concat(firstIkm(shared), dh4.expose(), dh5.expose()), "SR1-hs-keys", NOTHING, 128);
  return {
    rootKey: new Secret("root key", cut(out, 0, 32)),
    initiatorHeaderKey: new Secret("header key", cut(out, 32, 32)),
    responderHeaderKey: new Secret("header key", cut(out, 64, 32)),
    sessionId: cut(out, 96, 32),
  };
}

/** The plaintext of the sealed identity, padded to 960 bytes (WIRE-15). */
function identityPlain(own: OwnDevice): Bytes {
  return padTo(encode([own.record.bytes, own.list.signed]), IDENTITY_PLAIN_B);
}

/** EK, hedged: where randomness repeats, another bundle or list still gives another one (HS-13). */
function ephemeralOf(own: OwnDevice, bundle: VerifiedBundle, plain: Bytes, fresh: Bytes): X25519Private {
  const { record, spk, opk, pqk } = bundle;
  const data = concat(fresh, record.bytes, spk.signed, opk?.signed ?? NOTHING, pqk.signed, plain);
  return new Secret("X25519 private key", prf(own.hedge.expose(), "SR1-ephemeral", null, data, 32));
}

export interface Initiated {
  readonly keys: HandshakeKeys;
  readonly prefix: Bytes;
}

/** The sender's half, from a verified bundle (HS-01 to HS-03); draws 32 bytes. */
export function initiate(own: OwnDevice, bundle: VerifiedBundle, rng: Rng, encapsulate: Encapsulate): Initiated {
  const plain = identityPlain(own);
  const privateKey = ephemeralOf(own, bundle, plain, draw(rng, FRESH_B));
  const ephemeral = publicOf(privateKey);
  const { record, spk, opk, pqk } = bundle;
  const { ciphertext, secret: kem } = encapsulate(pqk.key);
  const shared = {
    dh1: dh(privateKey, spk.key),
    dh2: dh(privateKey, record.dhPublic),
    dh3: opk === null ? null : dh(privateKey, opk.key),
    kem,
  };
  const signed = { record: record.bytes, spk: spk.signed, opk: opk?.signed ?? null, pqk: pqk.signed };
  const t0 = transcript0({ ...signed, ciphertext, ephemeral });
  const sealedIdentity = seal(identityKey(t0, shared), plain, t0);
  const keys = derive(t0, own.record.bytes, shared, dh(own.dhPrivate, spk.key), dh(own.dhPrivate, record.dhPublic));
  const ids = { spkId: spk.id, opkId: opk?.id ?? 0, pqkId: pqk.id };
  return { keys, prefix: encodePrefix({ ephemeral, ...ids, ciphertext, sealedIdentity }) };
}

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

export function isSameDevice(a: DeviceRecord, b: DeviceRecord): boolean {
  return same(a.accountId, b.accountId) && same(a.deviceId, b.deviceId);
}
