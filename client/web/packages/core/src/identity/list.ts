/** Device lists, their chain and their times (ID-05 to ID-09). */

import type { Bytes } from "../bytes.ts";
import { compare, same } from "../bytes.ts";
import {
  CLOCK_TOLERANCE_MS,
  LIST_TTL_MS,
  MAX_COUNTER,
  MAX_LIST_RECORDS,
  MAX_SIGNED_LIST_B,
  RECOVERED_FROM,
  VERSION,
} from "../constants.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import { hash } from "../primitives/hash.ts";
import { ED25519_PUBLIC_B } from "../primitives/sign.ts";
import type { Ed25519Seed } from "../secret.ts";
import type { Value } from "../wire/cbor.ts";
import { cborMap, encode } from "../wire/cbor.ts";
import { asArray, asBytes, ascending, asUint, Fields } from "../wire/fields.ts";
import type { DeviceRecord } from "./record.ts";
import { ACCOUNT_ID_B, HASH_B } from "./record.ts";
import { checkIdentity, checkVersion, openSigned, signMap } from "./signed.ts";

export interface ListFields {
  readonly accountId: Bytes;
  readonly seq: number;
  readonly prevHash: Bytes | null;
  readonly issuedMs: number;
  readonly expiresMs: number;
  readonly recoveryPublic: Bytes | null;
  readonly recordHashes: readonly Bytes[];
}

export interface DeviceList extends ListFields {
  readonly signed: Bytes;
  /** `hash("SR1-list", list)`, over the map without the signature. */
  readonly hash: Bytes;
}

/** What is pinned of an account: the number and the hash of its newest list. */
export interface ListHead {
  readonly seq: number;
  readonly hash: Bytes;
}

export function encodeList(list: ListFields): Bytes {
  return encode(
    cborMap([
      [1, VERSION],
      [2, list.accountId],
      [3, list.seq],
      [4, list.prevHash],
      [5, list.issuedMs],
      [6, list.expiresMs],
      [7, list.recoveryPublic],
      [8, list.recordHashes],
    ]),
  );
}

export function signList(seed: Ed25519Seed, list: ListFields): Bytes {
  return signMap(seed, "SR1-sig-list", encodeList(list));
}

/**
 * The list of at most 1024 bytes that this account signed (ID-05, ID-06).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`, `remote.version`, `remote.identity`
 */
export function verifyList(accountId: Uint8Array, data: Uint8Array): DeviceList {
  const { signed, value } = openSigned(data, MAX_SIGNED_LIST_B, accountId, "SR1-sig-list");
  const fields = new Fields(value, 8);
  checkVersion(fields.get(1));
  checkIdentity(same(fields.bytes(2, ACCOUNT_ID_B), accountId), "a list of another account");
  const seq = fields.uint(3, MAX_COUNTER - 1, 1);
  const prevHash = fields.orNull(4, asHash);
  if ((prevHash === null) !== (seq === 1)) throw notAccepted("the first list, and it alone, has none before");
  const issuedMs = fields.uint(5);
  const expiresMs = fields.uint(6);
  if (expiresMs <= issuedMs || expiresMs > issuedMs + LIST_TTL_MS) throw notAccepted("a list lives 30 days at most");
  return {
    signed: new Uint8Array(data),
    hash: hash("SR1-list", signed.map),
    accountId: new Uint8Array(accountId),
    seq,
    prevHash,
    issuedMs,
    expiresMs,
    recoveryPublic: fields.orNull(7, (value) => asBytes(value, ED25519_PUBLIC_B, ED25519_PUBLIC_B)),
    recordHashes: ascending(fields.array(8, MAX_LIST_RECORDS).map(asHash), compare),
  };
}

export function asHash(value: Value): Bytes {
  return asBytes(value, HASH_B, HASH_B);
}

/** A head [seq, hash 32]. */
export function asListHead(value: Value): ListHead {
  const [seq, listHash] = asArray(value, 2, 2) as [Value, Value];
  return { seq: asUint(seq, MAX_COUNTER - 1, 1), hash: asHash(listHash) };
}

/**
 * The newest of `links`, reached from the pinned head over every link between (ID-07).
 *
 * @throws RemoteError `remote.list_gap`, `remote.list_rollback`, `remote.list_fork`
 */
export function followChain(pinned: ListHead | null, links: readonly DeviceList[]): DeviceList {
  const newest = links.at(-1);
  if (newest === undefined) throw new RemoteError("remote.list_gap", "no list at all");
  for (const [i, link] of links.slice(1).entries()) checkLink(links[i] as DeviceList, link);
  // Where none reaches the pinned one, the newest is a rollback.
  if (pinned !== null) checkLink(pinned, links.find((link) => link.seq >= pinned.seq) ?? newest);
  return newest;
}

/** `link` is the list that `before` is the head of, or the next one; numbers above 2^30 may be left out (ID-07). */
export function checkLink(before: ListHead, link: DeviceList): void {
  if (link.seq < before.seq) throw new RemoteError("remote.list_rollback", "a list of a lower number");
  const known = link.seq === before.seq ? link.hash : link.prevHash;
  const leavesOut = link.seq > RECOVERED_FROM && known !== null && same(known, before.hash);
  if (link.seq > before.seq + 1 && !leavesOut) throw new RemoteError("remote.list_gap", "a list between is missing");
  if (known === null || !same(known, before.hash)) throw fork();
}

/** Another list for a number that is pinned, or another one before it. */
export function fork(): RemoteError {
  return new RemoteError("remote.list_fork", "another list than the pinned one");
}

/**
 * The newest list is neither expired nor issued further ahead than the clock tolerance (ID-08).
 *
 * @throws RemoteError `remote.list_expired`
 */
export function checkListTime(list: DeviceList, nowMs: number, graceMs = 0): void {
  if (nowMs > list.expiresMs + graceMs || list.issuedMs > nowMs + CLOCK_TOLERANCE_MS) {
    throw new RemoteError("remote.list_expired", "a device list outside of its time");
  }
}

/**
 * A record belongs to an account if it names it and stands in its list (ID-09).
 *
 * @throws RemoteError `remote.identity`
 */
export function checkListed(list: DeviceList, record: DeviceRecord): void {
  checkIdentity(same(record.accountId, list.accountId), "a record of another account");
  checkIdentity(names(list, record), "a record that the list does not name");
}

export function names(list: DeviceList, record: DeviceRecord): boolean {
  return list.recordHashes.some((listed) => same(listed, record.hash));
}

/** Whether a list is one of an account that was recovered (ACC-63, ACC-66). */
export function isRecovered(list: DeviceList): boolean {
  return list.seq > RECOVERED_FROM;
}

/** Whether a list of our own account says that another device has it now: `records` are ours (ACC-67). */
export function hasReplaced(found: DeviceList, held: ListHead, records: readonly DeviceRecord[]): boolean {
  return found.seq >= held.seq && !same(found.hash, held.hash) && !records.some((one) => names(found, one));
}
