/** Mandates: which key speaks for the front desk of a company (ACC-01, ACC-03, ACC-04). */

import type { Bytes } from "../bytes.ts";
import { compare, same } from "../bytes.ts";
import { CLOCK_TOLERANCE_MS, MANDATE_TTL_MS, MAX_COUNTER } from "../constants.ts";
import type { RemoteCode } from "../errors.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import { isOrigin } from "../grammar.ts";
import { ACCOUNT_ID_B, DEVICE_ID_B } from "../identity/record.ts";
import { checkIdentity, checkVersion, openSigned } from "../identity/signed.ts";
import { hash } from "../primitives/hash.ts";
import type { Value } from "../wire/cbor.ts";
import { asArray, asBytes, ascending, asText, Fields } from "../wire/fields.ts";

export const MAX_MANDATE_B = 2_000;
const MAX_IDS = 16;
const MAX_ORIGINS = 4;
const MAX_ORIGIN_B = 200;

export interface Mandate {
  readonly signed: Bytes;
  readonly hash: Bytes;
  readonly accountId: Bytes;
  readonly seq: number;
  readonly issuedMs: number;
  readonly expiresMs: number;
  readonly rosterPublic: Bytes;
  readonly loginPublic: Bytes | null;
  readonly supervisors: readonly Bytes[];
  readonly cleared: readonly Bytes[];
  readonly suspended: readonly Bytes[];
  readonly origins: readonly string[];
}

/**
 * The mandate that this account signed (ACC-01, ACC-03).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`, `remote.version`, `remote.identity`
 */
export function verifyMandate(accountId: Uint8Array, data: Uint8Array): Mandate {
  const { signed, value } = openSigned(data, MAX_MANDATE_B, accountId, "SR1-sig-mandate");
  const fields = new Fields(value, 11);
  checkVersion(fields.get(1));
  checkIdentity(same(fields.bytes(2, ACCOUNT_ID_B), accountId), "a mandate of another account");
  const seq = fields.uint(3, MAX_COUNTER - 1, 1);
  const { issuedMs, expiresMs } = lifetime(fields, 4, MANDATE_TTL_MS);
  const rosterPublic = fields.bytes(6, 32);
  if (same(rosterPublic, accountId)) throw notAccepted("the account's key as roster key");
  const loginPublic = fields.orNull(7, (key) => asBytes(key, 32, 32));
  if (loginPublic !== null && (same(loginPublic, accountId) || same(loginPublic, rosterPublic))) {
    throw notAccepted("a login key that is another key, too");
  }
  return {
    signed: new Uint8Array(data),
    hash: hash("SR1-mandate", signed.map),
    accountId: new Uint8Array(accountId),
    seq,
    issuedMs,
    expiresMs,
    rosterPublic,
    loginPublic,
    supervisors: asDeviceIds(fields.get(8), MAX_IDS),
    cleared: asDeviceIds(fields.get(9), MAX_IDS),
    suspended: asDeviceIds(fields.get(10), MAX_IDS),
    origins: asOrigins(fields.get(11)),
  };
}

/** Keys `key` and the next one: issued_ms < expires_ms <= issued_ms + the longest life. */
export function lifetime(fields: Fields, key: number, longestMs: number) {
  const issuedMs = fields.uint(key);
  const expiresMs = fields.uint(key + 1);
  if (expiresMs <= issuedMs || expiresMs > issuedMs + longestMs) throw notAccepted("a life of another length");
  return { issuedMs, expiresMs };
}

/** Device ids that ascend, none twice. */
export function asDeviceIds(value: Value, most: number): readonly Bytes[] {
  return ascending(
    asArray(value, most).map((id) => asBytes(id, DEVICE_ID_B, DEVICE_ID_B)),
    compare,
  );
}

function asOrigins(value: Value): readonly string[] {
  const origins = asArray(value, MAX_ORIGINS).map((one) => {
    const origin = asText(one, MAX_ORIGIN_B);
    if (!isOrigin(origin)) throw notAccepted("no origin");
    return origin;
  });
  return ascending(origins, inOrder);
}

/** Order of texts of ASCII. */
export function inOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface Timed {
  readonly issuedMs: number;
  readonly expiresMs: number;
}

/** Whether a structure is not issued further ahead than the clock tolerance; else it is not learned (ACC-04). */
export function isLearned(one: Timed, nowMs: number): boolean {
  return one.issuedMs <= nowMs + CLOCK_TOLERANCE_MS;
}

/** A mandate or roster is used from issued_ms to expires_ms, with the clock tolerance at both ends (ACC-04). */
export function checkUsed(one: Timed, nowMs: number, code: RemoteCode): void {
  if (!isLearned(one, nowMs) || nowMs > one.expiresMs + CLOCK_TOLERANCE_MS) {
    throw new RemoteError(code, "a structure of a company outside of its time");
  }
}

interface Numbered {
  readonly seq: number;
  readonly hash: Bytes;
}

/** Of two of one kind the one with the higher number counts, of equal ones the one with the smaller hash (ACC-05). */
export function counts<T extends Numbered>(known: T | null, other: T): T {
  if (known === null || other.seq > known.seq) return other;
  return other.seq === known.seq && compare(other.hash, known.hash) < 0 ? other : known;
}
