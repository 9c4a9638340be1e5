/** Bundles, verified up to a pinned account (ID-16, ID-17), and compact ones of a session (ID-19). */
import type { Bytes } from "../bytes.ts";
import {
  MAX_BUNDLE_B,
  MAX_CONTENT_B,
  MAX_RECORD_B,
  MAX_SIGNED_LIST_B,
  MAX_SIGNED_PREKEY_B,
  MAX_U32,
} from "../constants.ts";
import { DH_B } from "../primitives/dh.ts";
import { KEM_PUBLIC_B } from "../primitives/kem.ts";
import { SIGNATURE_B } from "../primitives/sign.ts";
import type { Value } from "../wire/cbor.ts";
import { cborMap, decode, encode } from "../wire/cbor.ts";
import { asArray, asBytes, asUint, Fields } from "../wire/fields.ts";
import type { DeviceList, ListHead } from "./list.ts";
import { checkListed, checkListTime, followChain, verifyList } from "./list.ts";
import type { KemPrekey, PrekeyKind, PrekeyOf, X25519Prekey } from "./prekey.ts";
import { checkPrekeyTime, encodePrekey, verifyPrekey } from "./prekey.ts";
import type { DeviceRecord } from "./record.ts";
import { checkRecordTime, decodeRecord } from "./record.ts";
import { encodeSigned } from "./signed.ts";

export const MAX_ONE_TIME = 8;

export interface VerifiedBundle {
  readonly record: DeviceRecord;
  /** The newest list of its account. */
  readonly list: DeviceList;
  readonly spk: X25519Prekey;
  readonly opk: X25519Prekey | null;
  readonly pqk: KemPrekey;
}

export interface BundleContext {
  readonly accountId: Uint8Array;
  readonly pinned: ListHead | null;
  /** Signed lists between the pinned head and the one of the bundle. */
  readonly links: readonly Uint8Array[];
  readonly nowMs: number;
  /** How much longer SPK and last-resort PQK serve: 14 days in a pair that has met, else 0 (ID-31). */
  readonly graceMs: number;
}

export function encodeBundle(record: Bytes, list: Bytes, spk: Bytes, opk: Bytes | null, pqk: Bytes): Bytes {
  return encode(cborMap([record, list, spk, opk, pqk].map((part, i) => [i + 1, part] as const)));
}

/**
 * The bundle, verified in the order of ID-16; only such a one starts a handshake.
 *
 * @throws RemoteError with the code of the first failure
 */
export function verifyBundle(data: Uint8Array, context: BundleContext): VerifiedBundle {
  const fields = new Fields(decode(data, MAX_BUNDLE_B), 5);
  const prekey = (value: Value): Bytes => asBytes(value, 1, MAX_SIGNED_PREKEY_B);
  const recordBytes = fields.bytesUpTo(1, MAX_RECORD_B);
  const listBytes = fields.bytesUpTo(2, MAX_SIGNED_LIST_B);
  const [spkBytes, opkBytes] = [prekey(fields.get(3)), fields.orNull(4, prekey)];
  const pqkBytes = prekey(fields.get(5));
  const lists = [...context.links, listBytes].map((link) => verifyList(context.accountId, link));
  const list = followChain(context.pinned, lists);
  checkListTime(list, context.nowMs);
  const record = decodeRecord(recordBytes);
  checkListed(list, record);
  checkRecordTime(record, context.nowMs);
  const spk = verifyPrekey(record, spkBytes, ["SPK"]);
  const opk = opkBytes === null ? null : verifyPrekey(record, opkBytes, ["OPK"]);
  const pqk = verifyPrekey(record, pqkBytes, ["PQK_ONE_TIME", "PQK_LAST_RESORT"]);
  const bundle = { record, list, spk, opk, pqk };
  checkPrekeyTimes(bundle, context.nowMs, context.graceMs);
  return bundle;
}

function checkPrekeyTimes(bundle: VerifiedBundle, nowMs: number, graceMs: number): void {
  const prekeys = bundle.opk === null ? [bundle.spk, bundle.pqk] : [bundle.spk, bundle.opk, bundle.pqk];
  for (const prekey of prekeys) checkPrekeyTime(prekey, nowMs, graceMs);
}

/** Whether one-time keys were given, so that a degraded handshake is visible (ID-17). */
export function oneTimeKeys(bundle: VerifiedBundle): readonly [x25519: boolean, kem: boolean] {
  return [bundle.opk !== null, bundle.pqk.kind === "PQK_ONE_TIME"];
}

export interface CompactPrekey {
  readonly id: number;
  readonly notAfterMs: number;
  readonly key: Bytes;
  readonly signature: Bytes;
}

/** A compact bundle whose form was checked; nothing of it is verified yet. */
export interface CompactBundle {
  readonly spk: Value;
  readonly pqk: Value;
  readonly opks: readonly Value[];
  readonly oneTimePqks: readonly Value[];
}

export interface VerifiedCompactBundle {
  readonly spk: X25519Prekey;
  readonly pqk: KemPrekey;
  readonly opks: readonly X25519Prekey[];
  readonly oneTimePqks: readonly KemPrekey[];
}

/** The form of a compact bundle: four places, at most 8 one-time keys of each kind (ID-19, CON-07). */
export function asCompactBundle(value: Value): CompactBundle {
  const fields = new Fields(value, 4);
  return {
    spk: fields.get(1),
    pqk: fields.get(2),
    opks: fields.array(3, MAX_ONE_TIME),
    oneTimePqks: fields.array(4, MAX_ONE_TIME),
  };
}

/** The form of the array; whether a key has the size of its kind is looked at behind the signature (ID-19, ID-29). */
export function asCompactPrekey(value: Value): CompactPrekey {
  const [id, notAfterMs, key, signature] = asArray(value, 4, 4) as [Value, Value, Value, Value];
  return {
    id: asUint(id, MAX_U32, 1),
    notAfterMs: asUint(notAfterMs),
    key: asBytes(key, DH_B, KEM_PUBLIC_B),
    signature: asBytes(signature, SIGNATURE_B, SIGNATURE_B),
  };
}

/**
 * The prekeys of a compact bundle, expanded with account and record hash of the session's peer (ID-19).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`, `remote.key`
 */
export function verifyCompact(owner: DeviceRecord, bundle: CompactBundle): VerifiedCompactBundle {
  return {
    spk: expand(owner, bundle.spk, "SPK"),
    pqk: expand(owner, bundle.pqk, "PQK_LAST_RESORT"),
    opks: bundle.opks.map((one) => expand(owner, one, "OPK")),
    oneTimePqks: bundle.oneTimePqks.map((one) => expand(owner, one, "PQK_ONE_TIME")),
  };
}

function expand<K extends PrekeyKind>(owner: DeviceRecord, value: Value, kind: K): PrekeyOf<K> {
  const { id, notAfterMs, key, signature } = asCompactPrekey(value);
  const map = encodePrekey(owner, kind, id, notAfterMs, key);
  return verifyPrekey(owner, encodeSigned({ map, signature }), [kind]);
}

/** The form of the bytes of a compact bundle. */
export function decodeCompact(data: Uint8Array): CompactBundle {
  return asCompactBundle(decode(data, MAX_CONTENT_B));
}
