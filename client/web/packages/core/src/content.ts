/** What stands inside a body: one CBOR map (chapter 10). */

import type { Bytes } from "./bytes.ts";
import { concat, u64 } from "./bytes.ts";
import type { ListHead } from "./identity/list.ts";
import type { Value } from "./wire/cbor.ts";
import { cborMap, encode } from "./wire/cbor.ts";

export const TEXT = 1;
export const RECEIPT = 2;
export const ADDRESS = 3;
export const SYNC = 5;
export const LIST = 6;
export const NOTHING = 7;
export const ENTRY = 8;
export const SIGNAL = 9;
export const FORWARD = 10;
export const DOSSIER = 11;
export const ROSTER = 12;
export const CONTENT_ID_B = 16;
/** The number of a counted content: n, the line it is of, and the first n of that line (CON-12). */
export interface TextNumber {
  readonly n: number;
  readonly line: Bytes;
  readonly first: number;
}

/** An active session as others name it: epoch, first 8 bytes of its id (SES-28). */
export interface Top {
  readonly epoch: number;
  readonly id: Bytes;
}

export interface Sync {
  readonly kind: "ask" | "tell";
  readonly askId: Bytes | null;
  readonly top: Top | null;
  readonly given: TextNumber | null;
  readonly got: number;
}

export type Payload =
  | { readonly name: "text"; readonly text: string }
  | { readonly name: "receipt"; readonly read: boolean; readonly ids: readonly Bytes[] }
  | { readonly name: "address" }
  | { readonly name: "sync"; readonly sync: Sync }
  | { readonly name: "list"; readonly list: Bytes }
  | { readonly name: "nothing" }
  /** Of a room or a company; read by chapters 15 to 18 (CON-03). */
  | { readonly name: "room"; readonly value: Value }
  /** Of a type that is not known: an event, never an error (CON-02). */
  | { readonly name: "unsupported"; readonly value: Value };

export interface Heads {
  readonly own: ListHead;
  readonly peer: ListHead | null;
}

/** The way back to a sender (CON-06). */
export interface WayBack {
  readonly mailbox: Bytes;
  readonly token: Bytes;
  readonly relayUrl: string;
}

export interface Content {
  readonly type: number;
  readonly contentId: Bytes;
  readonly sentMs: number;
  readonly payload: Payload;
  readonly heads: Heads | null;
  readonly epoch: number | null;
  readonly address: WayBack | null;
  /** The form of a compact bundle was checked, and nothing else; `verifyCompact` does the rest (ID-19). */
  readonly bundle: Value | null;
  readonly number: TextNumber | null;
}

/** A content of a type and payload with nothing else. */
export function content(type: number, contentId: Bytes, sentMs: number, payload: Payload): Content {
  return { type, contentId, sentMs, payload, heads: null, epoch: null, address: null, bundle: null, number: null };
}

/** The bytes of a content; keys that are null are absent, but the payload's. */
export function encodeContent(content: Content): Bytes {
  const { heads, epoch, address, bundle, number } = content;
  const entries: [number, Value][] = [
    [1, content.type],
    [2, content.contentId],
    [3, content.sentMs],
    [4, payloadValue(content.payload)],
  ];
  if (heads !== null)
    entries.push([
      5,
      cborMap([
        [1, headValue(heads.own)],
        [2, heads.peer && headValue(heads.peer)],
      ]),
    ]);
  if (epoch !== null) entries.push([6, epoch]);
  if (address !== null) entries.push([7, wayBackValue(address)]);
  if (bundle !== null) entries.push([8, bundle]);
  if (number !== null) entries.push([9, encodeNumber(number)]);
  return encode(cborMap(entries));
}

export function wayBackValue(address: WayBack): Value {
  return cborMap([
    [1, address.mailbox],
    [2, address.token],
    [3, address.relayUrl],
  ]);
}

function headValue(head: ListHead): Value {
  return [head.seq, head.hash];
}

function payloadValue(payload: Payload): Value {
  switch (payload.name) {
    case "text":
      return cborMap([[1, payload.text]]);
    case "receipt":
      return cborMap([
        [1, payload.read ? 2 : 1],
        [2, payload.ids],
      ]);
    case "sync":
      return syncValue(payload.sync);
    case "list":
      return cborMap([[1, payload.list]]);
    case "address":
    case "nothing":
      return null;
    case "room":
    case "unsupported":
      return payload.value;
  }
}

function syncValue(sync: Sync): Value {
  return cborMap([
    [1, sync.kind === "ask" ? 1 : 2],
    [2, sync.askId],
    [3, sync.top && [sync.top.epoch, sync.top.id]],
    [4, sync.given && encodeNumber(sync.given)],
    [5, sync.got],
  ]);
}

export function encodeNumber(number: TextNumber): Bytes {
  return concat(u64(number.n), number.line, u64(number.first));
}
