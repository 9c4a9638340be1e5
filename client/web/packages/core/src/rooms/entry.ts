/** Entries of a room: header, body, commitment, hash and signature (TRN-01 to TRN-05, TRN-08, ROOM-01, ROOM-02). */

import type { Bytes } from "../bytes.ts";
import { cut } from "../bytes.ts";
import { recoded } from "../errors.ts";
import { hash } from "../primitives/hash.ts";
import { sign } from "../primitives/sign.ts";
import type { Ed25519Seed } from "../secret.ts";
import type { Value } from "../wire/cbor.ts";
import { cborMap, decode, encode } from "../wire/cbor.ts";
import { asArray, asBytes } from "../wire/fields.ts";

export const ROOM_ID_B = 16;
export const TAG_B = 8;
export const BLIND_B = 16;
export const MAX_HEADER_B = 1_024;
export const MAX_BODY_B = 32_768;
const CONTENT_ID_B = 16;

export const KIND_OPEN = 1;
export const KIND_STATE = 2;

/** The first 16 bytes of `hash("SR1-room-id", company | customer | nonce)` (ROOM-01). */
export function roomIdOf(company: Uint8Array, customer: Uint8Array, nonce: Uint8Array): Bytes {
  return cut(hash("SR1-room-id", company, customer, nonce), 0, ROOM_ID_B);
}

/** The id of the notes room beside a room (ROOM-02). */
export function notesIdOf(company: Uint8Array, roomId: Uint8Array, nonce: Uint8Array): Bytes {
  return cut(hash("SR1-room-notes", company, roomId, nonce), 0, ROOM_ID_B);
}

/** The tag of a device in a room (TRN-03). */
export function deviceTagOf(roomId: Uint8Array, deviceId: Uint8Array): Bytes {
  return cut(hash("SR1-device-tag", roomId, deviceId), 0, TAG_B);
}

/** The commitment of a body, which tells nobody what stands in it (TRN-04). */
export function commitmentOf(body: Uint8Array): Bytes {
  return hash("SR1-commit", body);
}

/** The hash of an entry; where its body is withheld, header and commitment give it (TRN-04). */
export function entryHashOf(
  accountId: Uint8Array,
  deviceId: Uint8Array,
  commitment: Uint8Array,
  header: Uint8Array,
): Bytes {
  return hash("SR1-entry", accountId, deviceId, commitment, header);
}

/** A link names the newest entry of another device up to which all is here (TRN-06). */
export interface Link {
  readonly tag: Bytes;
  readonly n: number;
  readonly hash: Bytes;
}

export interface Header {
  readonly roomId: Bytes;
  readonly kind: number;
  readonly n: number;
  readonly prev: Bytes | null;
  readonly seen: readonly Link[];
  readonly state: Bytes | null;
  readonly sentMs: number;
}

export function encodeHeader(header: Header): Bytes {
  const entries: [number, Value][] = [
    [1, header.roomId],
    [2, header.kind],
    [3, header.n],
    [7, header.sentMs],
  ];
  if (header.prev !== null) entries.push([4, header.prev]);
  if (header.seen.length > 0) entries.push([5, header.seen.map((link) => [link.tag, link.n, link.hash])]);
  if (header.state !== null) entries.push([6, header.state]);
  return encode(cborMap(entries));
}

export function encodeBody(blind: Uint8Array, payload: Value): Bytes {
  return encode([new Uint8Array(blind), payload]);
}

/**
 * The payload of a body [blind 16, payload]; its form is that of its kind (TRN-21).
 *
 * @throws RemoteError `remote.content`
 */
export function decodeBody(body: Uint8Array): Value {
  return recoded(["remote.decode"], "remote.content", () => {
    const [blind, payload] = asArray(decode(body, MAX_BODY_B), 2, 2) as [Value, Value];
    asBytes(blind, BLIND_B, BLIND_B);
    return payload;
  });
}

/** Who wrote an entry; the company's devices sign theirs, the customer's never do (TRN-08). */
export interface Author {
  readonly accountId: Bytes;
  readonly deviceId: Bytes;
  /** Of a device of the company, else null. */
  readonly signPublic: Bytes | null;
}

export interface Entry {
  readonly author: Author;
  readonly headerBytes: Bytes;
  readonly header: Header;
  /** Null where it is withheld or erased. */
  readonly body: Bytes | null;
  readonly commitment: Bytes;
  readonly signature: Bytes | null;
  readonly hash: Bytes;
}

export function signEntry(seed: Ed25519Seed, entryHash: Bytes): Bytes {
  return sign(seed, "SR1-sig-entry", entryHash);
}

/** The payload of a content of type 8. */
export function entryPayload(header: Bytes, body: Bytes, signature: Bytes | null): Value {
  const parts = [header, body, ...(signature === null ? [] : [signature])];
  return cborMap(parts.map((part, i) => [i + 1, part] as const));
}

/** The content id of the content that carries an entry (TRN-05). */
export function contentIdOf(entryHash: Bytes): Bytes {
  return cut(entryHash, 0, CONTENT_ID_B);
}
