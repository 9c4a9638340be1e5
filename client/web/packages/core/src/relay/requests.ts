/** Requests to a relay as a customer's client makes them (chapter 11, section 2.2). */

import type { Bytes } from "../bytes.ts";
import type { Integer, Value } from "../wire/cbor.ts";
import { cborMap, encode } from "../wire/cbor.ts";

export const RETENTION = 2;
export const CLASS_CONTACT = 1;
export const CLASS_FRONT_DOOR = 2;
export const CLASS_TRUSTED = 3;

export const BLOB_OPEN = 15;
export const BLOB_PUT = 16;
export const BLOB_GET = 17;
export const BLOB_DROP = 18;

export const OK = 0;
export const BAD_REQUEST = 2;
export const TOO_LARGE = 3;
export const RATE_LIMITED = 4;
export const DENIED = 6;
export const NOT_AUTHENTICATED = 8;
export const REGISTRATION_REFUSED = 9;
export const POW_REQUIRED = 10;
export const NOT_FOUND = 11;
export const STALE_ENTRY = 13;
export const UNAVAILABLE = 15;

/** Names of the codes of section 7, by number. */
export const CODE_NAMES = [
  "ok",
  "unknown_operation",
  "bad_request",
  "too_large",
  "rate_limited",
  "quota",
  "denied",
  "auth_failed",
  "not_authenticated",
  "registration_refused",
  "pow_required",
  "not_found",
  "bad_entry",
  "stale_entry",
  "no_prekeys",
  "unavailable",
] as const;

export interface SendItem {
  readonly mailbox: Bytes;
  readonly token: Bytes;
  readonly msgId: Bytes;
  readonly pow: Bytes;
  readonly body: Bytes;
}

/** What follows operation and request id, in the order of the table (RLY-04). */
export interface Request {
  readonly operation: number;
  readonly fields: readonly Value[];
}

function request(operation: number, ...fields: readonly Value[]): Request {
  return { operation, fields };
}

export function create(mailbox: Bytes, ownerPublic: Bytes, pow: Bytes): Request {
  return request(1, mailbox, ownerPublic, pow, null);
}

export function authenticate(mailboxes: readonly Bytes[], ownerPublic: Bytes, signature: Bytes): Request {
  return request(2, mailboxes, ownerPublic, signature);
}

export function addTokens(mailbox: Bytes, hashes: readonly Bytes[], tokenClass: number): Request {
  return request(3, mailbox, hashes, tokenClass);
}

export function send(items: readonly SendItem[]): Request {
  const values = items.map(({ mailbox, token, msgId, pow, body }) => [mailbox, token, msgId, RETENTION, pow, body]);
  return request(5, values);
}

export function subscribe(mailboxes: readonly Bytes[]): Request {
  return request(6, mailboxes);
}

export function acknowledge(mailbox: Bytes, seqs: readonly Integer[]): Request {
  return request(7, mailbox, seqs);
}

/** An entry without a slot: of a person (RLY-50). */
export function publish(
  accountId: Bytes,
  lists: readonly Bytes[],
  records: readonly Bytes[],
  addresses: readonly (Bytes | null)[],
): Request {
  return request(8, accountId, lists, records, addresses, null);
}

export function lookUp(accountId: Bytes, afterSeq: number): Request {
  return request(9, accountId, afterSeq);
}

/** Signed prekeys: one that is reusable of each kind, and one-time ones (RLY-60). */
export function uploadPrekeys(
  accountId: Bytes,
  recordHash: Bytes,
  spk: Bytes,
  pqk: Bytes,
  opks: readonly Bytes[],
  pqks: readonly Bytes[],
): Request {
  return request(10, accountId, recordHash, spk, pqk, opks, pqks);
}

export function countPrekeys(accountId: Bytes, recordHash: Bytes): Request {
  return request(11, accountId, recordHash);
}

export function fetchPrekeys(accountId: Bytes, recordHash: Bytes, token: Bytes, pow: Bytes): Request {
  return request(12, accountId, recordHash, token, pow);
}

export function deleteMailbox(mailbox: Bytes): Request {
  return request(13, mailbox);
}

/** `writer` is the hash of the writer's secret (RLY-241). */
export function openBlob(mailbox: Bytes, token: Bytes, blob: Bytes, writer: Bytes, sizeB: number): Request {
  return request(BLOB_OPEN, mailbox, token, blob, writer, sizeB);
}

export function putPart(blob: Bytes, secret: Bytes, index: number, part: Bytes): Request {
  return request(BLOB_PUT, blob, secret, index, part);
}

export function getParts(blob: Bytes, index: number, count: number): Request {
  return request(BLOB_GET, blob, index, count);
}

/** Without a secret: by the connection of the mailbox that pays (RLY-246). */
export function dropBlob(blob: Bytes, secret: Bytes | null): Request {
  return request(BLOB_DROP, blob, secret);
}

/** One message with one frame (RLY-01). */
export function encodeRequest(requestId: number, { operation, fields }: Request): Bytes {
  const entries = [operation, requestId, ...fields].map((value, key) => [key, value] as const);
  return encode([cborMap(entries)]);
}
