/** Reads entries of a room, and checks who signed them (TRN-02, TRN-08, TRN-17). */

import type { Bytes } from "../bytes.ts";
import { compare, same } from "../bytes.ts";
import { notAccepted, RemoteError, recoded } from "../errors.ts";
import { DEVICE_ID_B, HASH_B } from "../identity/record.ts";
import { SIGNATURE_B, verify } from "../primitives/sign.ts";
import type { Value } from "../wire/cbor.ts";
import { decode } from "../wire/cbor.ts";
import { asArray, asBytes, ascending, asUint, Fields } from "../wire/fields.ts";
import type { Author, Entry, Header, Link } from "./entry.ts";
import {
  commitmentOf,
  contentIdOf,
  entryHashOf,
  KIND_OPEN,
  KIND_STATE,
  MAX_BODY_B,
  MAX_HEADER_B,
  ROOM_ID_B,
  TAG_B,
} from "./entry.ts";

const MAX_LINKS = 15;
const MAX_KIND = 63;
/**
 * A header of at most 1024 bytes (TRN-02).
 *
 * @throws RemoteError `remote.content`
 */
export function decodeHeader(data: Uint8Array): Header {
  return recoded(["remote.decode"], "remote.content", () => asHeader(decode(data, MAX_HEADER_B)));
}

function asHeader(value: Value): Header {
  const fields = new Fields(value, 7, [4, 5, 6]);
  const header = {
    roomId: fields.bytes(1, ROOM_ID_B),
    kind: fields.uint(2, MAX_KIND, 1),
    n: fields.uint(3),
    prev: fields.has(4) ? fields.bytes(4, HASH_B) : null,
    seen: fields.has(5) ? ascending(fields.array(5, MAX_LINKS, 1).map(asLink), inOrder) : [],
    state: fields.has(6) ? fields.bytes(6, HASH_B) : null,
    sentMs: fields.uint(7),
  };
  if (header.n === 0 && header.prev !== null) throw notAccepted("an entry before the first one");
  if (header.kind <= KIND_STATE && header.state !== null) throw notAccepted("a state of an open or a state");
  if (header.kind === KIND_OPEN && (header.n !== 0 || header.seen.length > 0)) {
    throw notAccepted("an open that is not the first");
  }
  return header;
}

function asLink(value: Value): Link {
  const [tag, n, entry] = asArray(value, 3, 3) as [Value, Value, Value];
  return { tag: asBytes(tag, TAG_B, TAG_B), n: asUint(n), hash: asBytes(entry, HASH_B, HASH_B) };
}

function inOrder(a: Link, b: Link): number {
  return compare(a.tag, b.tag) || a.n - b.n;
}

/** Check the signature of an entry: there exactly if its author is of the company (step 2 of TRN-08). */
export function checkSignature(author: Author, entryHash: Bytes, signature: Bytes | null): void {
  const { signPublic } = author;
  if ((signPublic === null) !== (signature === null)) {
    throw new RemoteError("room.signature", "a signature that is missing, or of the customer");
  }
  if (signPublic !== null && signature !== null) {
    recoded(["remote.signature"], "room.signature", () => verify(signPublic, "SR1-sig-entry", entryHash, signature));
  }
}

/**
 * An entry of a content of type 8, after the steps 1 to 4 of TRN-08.
 *
 * @throws RemoteError `remote.content`, `room.signature`
 */
export function readEntry(author: Author, payload: Value, contentId: Uint8Array, sentMs: number): Entry {
  const {
    header: headerBytes,
    body,
    signature,
  } = recoded(["remote.decode"], "remote.content", () => {
    const fields = new Fields(payload, 3, [3]);
    return {
      header: fields.bytesUpTo(1, MAX_HEADER_B),
      body: fields.bytesUpTo(2, MAX_BODY_B),
      signature: fields.has(3) ? fields.bytes(3, SIGNATURE_B) : null,
    };
  });
  const entry = authored(author, headerBytes, body, commitmentOf(body), signature);
  if (!same(contentIdOf(entry.hash), contentId) || entry.header.sentMs !== sentMs) {
    throw new RemoteError("remote.content", "an entry in a content of another id or time");
  }
  return entry;
}

/** Steps 2 and 3 of TRN-08: the signature, then form and values of the header. */
export function authored(
  author: Author,
  headerBytes: Bytes,
  body: Bytes | null,
  commitment: Bytes,
  signature: Bytes | null,
): Entry {
  const entryHash = entryHashOf(author.accountId, author.deviceId, commitment, headerBytes);
  checkSignature(author, entryHash, signature);
  const header = decodeHeader(headerBytes);
  return { author, headerBytes, header, body, commitment, signature, hash: entryHash };
}

/** The line of an entry, with its body or with its commitment alone (TRN-15, TRN-17). */
export function lineOf(entry: Entry): Value {
  const { accountId, deviceId } = entry.author;
  return [accountId, deviceId, entry.headerBytes, entry.body ?? [entry.commitment], entry.signature];
}

/** The company's devices whose keys an accepted list names. */
export type SignPublicOf = (deviceId: Uint8Array) => Bytes | null;

export interface RoomAccounts {
  readonly roomId: Bytes;
  readonly company: Bytes;
  readonly customer: Bytes;
}

/**
 * A line that was forwarded: one of the company stands by its signature, one of the customer has none (TRN-17).
 *
 * @throws RemoteError `remote.content`, `remote.identity`, `room.signature`
 */
export function readLine(value: Value, room: RoomAccounts, signPublicOf: SignPublicOf): Entry {
  const line = recoded(["remote.decode"], "remote.content", () => asLine(value));
  const isCompany = same(line.accountId, room.company);
  if (!isCompany && !same(line.accountId, room.customer)) {
    throw new RemoteError("remote.identity", "a line of neither account");
  }
  const signPublic = isCompany ? signPublicOf(line.deviceId) : null;
  if (isCompany && signPublic === null)
    throw new RemoteError("remote.identity", "a line of a device that is not listed");
  const author = { accountId: line.accountId, deviceId: line.deviceId, signPublic };
  const entry = authored(author, line.header, line.body, line.commitment, line.signature);
  if (!same(entry.header.roomId, room.roomId)) throw new RemoteError("remote.content", "a line of another room");
  return entry;
}

function asLine(value: Value) {
  const [account, device, header, shown, signature] = asArray(value, 5, 5) as [Value, Value, Value, Value, Value];
  const body = shown instanceof Uint8Array ? asBytes(shown, 1, MAX_BODY_B) : null;
  return {
    accountId: asBytes(account, 32, 32),
    deviceId: asBytes(device, DEVICE_ID_B, DEVICE_ID_B),
    header: asBytes(header, 1, MAX_HEADER_B),
    body,
    commitment: body === null ? asBytes(asArray(shown, 1, 1)[0] as Value, HASH_B, HASH_B) : commitmentOf(body),
    signature: signature === null ? null : asBytes(signature, SIGNATURE_B, SIGNATURE_B),
  };
}
