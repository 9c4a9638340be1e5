/** Prekeys: four kinds, each signed on its own by its device (ID-14, ID-15). */

import type { Bytes } from "../bytes.ts";
import { same } from "../bytes.ts";
import { MAX_SIGNED_PREKEY_B, MAX_U32, SUITE } from "../constants.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import type { X25519Public } from "../primitives/dh.ts";
import { x25519Public } from "../primitives/dh.ts";
import type { KemPublic } from "../primitives/kem.ts";
import { KEM_PUBLIC_B, kemPublic } from "../primitives/kem.ts";
import type { Ed25519Seed } from "../secret.ts";
import { cborMap, encode } from "../wire/cbor.ts";
import { Fields } from "../wire/fields.ts";
import type { DeviceRecord } from "./record.ts";
import { ACCOUNT_ID_B, HASH_B } from "./record.ts";
import { checkIdentity, checkVersion, openSigned, signMap } from "./signed.ts";

export const TYPE_X25519 = 1;
export const TYPE_KEM = 2;
export const ONE_TIME = 1;
export const LAST_RESORT = 2;

export type PrekeyKind = "SPK" | "OPK" | "PQK_ONE_TIME" | "PQK_LAST_RESORT";

const KINDS: Readonly<Record<PrekeyKind, readonly [type: number, usage: number]>> = {
  SPK: [TYPE_X25519, LAST_RESORT],
  OPK: [TYPE_X25519, ONE_TIME],
  PQK_ONE_TIME: [TYPE_KEM, ONE_TIME],
  PQK_LAST_RESORT: [TYPE_KEM, LAST_RESORT],
};

interface Common {
  readonly id: number;
  readonly notAfterMs: number;
  /** The signed structure, as it came. */
  readonly signed: Bytes;
}

export interface X25519Prekey extends Common {
  readonly kind: "SPK" | "OPK";
  readonly key: X25519Public;
}

export interface KemPrekey extends Common {
  readonly kind: "PQK_ONE_TIME" | "PQK_LAST_RESORT";
  readonly key: KemPublic;
}

export type Prekey = X25519Prekey | KemPrekey;
export type PrekeyOf<K extends PrekeyKind> = K extends X25519Prekey["kind"] ? X25519Prekey : KemPrekey;

/** The bytes of a prekey's map (ID-14). */
export function encodePrekey(
  owner: DeviceRecord,
  kind: PrekeyKind,
  id: number,
  notAfterMs: number,
  key: Uint8Array,
): Bytes {
  const [type, usage] = KINDS[kind];
  return encode(
    cborMap([
      [1, SUITE],
      [2, owner.accountId],
      [3, owner.hash],
      [4, type],
      [5, usage],
      [6, id],
      [7, notAfterMs],
      [8, new Uint8Array(key)],
    ]),
  );
}

export function signPrekey(seed: Ed25519Seed, map: Bytes): Bytes {
  return signMap(seed, "SR1-sig-prekey", map);
}

/**
 * The prekey of one of `kinds` that the device of `owner` signed (ID-14, ID-15).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`, `remote.version`, `remote.identity`, `remote.key`
 */
export function verifyPrekey<K extends PrekeyKind>(
  owner: DeviceRecord,
  data: Uint8Array,
  kinds: readonly K[],
): PrekeyOf<K> {
  const { value } = openSigned(data, MAX_SIGNED_PREKEY_B, owner.signPublic, "SR1-sig-prekey");
  const fields = new Fields(value, 8);
  checkVersion(fields.get(1));
  checkIdentity(same(fields.bytes(2, ACCOUNT_ID_B), owner.accountId), "a prekey of another account");
  checkIdentity(same(fields.bytes(3, HASH_B), owner.hash), "a prekey of another record");
  const type = fields.uint(4);
  if (!kinds.some((kind) => KINDS[kind][0] === type))
    throw notAccepted("a prekey of another type than its place asks for");
  const usage = fields.uint(5);
  const kind = kinds.find((one) => KINDS[one][0] === type && KINDS[one][1] === usage);
  if (kind === undefined) throw notAccepted("a prekey of another usage than its place asks for");
  const common = { id: fields.uint(6, MAX_U32, 1), notAfterMs: fields.uint(7), signed: new Uint8Array(data) };
  const key = type === TYPE_KEM ? kemPublic(fields.bytes(8, KEM_PUBLIC_B)) : x25519Public(fields.bytes(8, 32));
  return { kind, key, ...common } as unknown as PrekeyOf<K>;
}

/**
 * A prekey past `not_after_ms` is refused; SPK and last-resort PQK serve `graceMs` longer (ID-16, ID-31).
 *
 * @throws RemoteError `remote.expired`
 */
export function checkPrekeyTime(prekey: Prekey, nowMs: number, graceMs: number): void {
  if (nowMs > servesUntilMs(prekey, graceMs)) throw new RemoteError("remote.expired", "a prekey past its end");
}

/** The last millisecond of a prekey; one-time keys have no grace (ID-31). */
export function servesUntilMs(prekey: Prekey, graceMs: number): number {
  const oneTime = prekey.kind === "OPK" || prekey.kind === "PQK_ONE_TIME";
  return prekey.notAfterMs + (oneTime ? 0 : graceMs);
}
