/** From a verified bundle to a session that both sides share, while one of them is away (chapter 06). */

import type { Bytes } from "./bytes.ts";
import { concat, cut, same } from "./bytes.ts";
import { SUITE } from "./constants.ts";
import type { VerifiedBundle } from "./identity/bundle.ts";
import type { DeviceList } from "./identity/list.ts";
import type { KemPrekey, X25519Prekey } from "./identity/prekey.ts";
import type { DeviceRecord } from "./identity/record.ts";
import type { Encapsulate, Rng } from "./ports.ts";
import { draw } from "./ports.ts";
import { seal } from "./primitives/aead.ts";
import { dh, publicOf } from "./primitives/dh.ts";
import { hash } from "./primitives/hash.ts";
import { hkdf, prf } from "./primitives/kdf.ts";
import type { HandshakeKeys } from "./ratchet/state.ts";
import type { HedgeSecret, KemSeed, SharedSecret, X25519Private } from "./secret.ts";
import { Secret } from "./secret.ts";
import { encode } from "./wire/cbor.ts";
import { encodePrefix } from "./wire/envelope.ts";
import { padTo } from "./wire/padding.ts";

export const IDENTITY_PLAIN_B = 960;
const FRESH_B = 32;
const NOTHING = new Uint8Array(0);
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

export interface Shared {
  readonly dh1: SharedSecret;
  readonly dh2: SharedSecret;
  readonly dh3: SharedSecret | null;
  readonly kem: SharedSecret;
}

/** T0 binds everything that A used of B, the ciphertext and EK (HS-02). */
export function transcript0(t: Transcript): Bytes {
  return hash("SR1-hs-t0", encode([SUITE, t.record, t.spk, t.opk, t.pqk, t.ciphertext, t.ephemeral]));
}

function firstIkm(shared: Shared): Bytes {
  return concat(shared.dh2.expose(), shared.dh1.expose(), shared.dh3?.expose() ?? NOTHING, shared.kem.expose());
}

export function identityKey(t0: Bytes, shared: Shared): Bytes {
  return hkdf(t0, firstIkm(shared), "SR1-hs-id", NOTHING, 32);
}

/** The four outputs, bound to A's record by T1. */
export function derive(t0: Bytes, recordA: Bytes, shared: Shared, dh4: SharedSecret, dh5: SharedSecret): HandshakeKeys {
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

export function isSameDevice(a: DeviceRecord, b: DeviceRecord): boolean {
  return same(a.accountId, b.accountId) && same(a.deviceId, b.deviceId);
}
