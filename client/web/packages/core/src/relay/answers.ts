/** Frames of a relay as a client reads them: answers and pushes, checked strictly (RLY-01 to RLY-11, RLY-141). */

import type { Bytes } from "../bytes.ts";
import { notAccepted } from "../errors.ts";
import type { Integer, Value } from "../wire/cbor.ts";
import { decode } from "../wire/cbor.ts";
import { asArray, asBoolean, asBytes, asMap, asText, asUint, isInteger } from "../wire/fields.ts";

export const MAX_MESSAGE_B = 1_048_576;
const MAX_FRAMES = 512;
const MAX_ITEMS = 32_768;
const MAX_FRAME_ITEMS = 4_096;
const MAX_U64 = 2n ** 64n - 1n;
const MAX_REQUEST_ID = 2 ** 32 - 1;
const MAX_LISTS = 64;
const MAX_RECORDS = 16;
const MAX_CODE = 15;
const LIMITS = 18;
/** Parts of a blob in one answer, and bytes of a sealed part (RLY-240, RLY-244). */
const MAX_PARTS = 8;
const MAX_PART_B = 65_552;

/** What a relay says of itself, of which a client reads this (RLY-10, RLY-11). */
export interface Hello {
  readonly name: "hello";
  readonly version: number;
  readonly relayName: string;
  readonly nonce: Bytes;
  readonly maxSendItems: number;
  readonly powBitsCreate: number;
  readonly powBitsSend: number;
  readonly powBitsFetch: number;
  /** What it does, by number. */
  readonly operations: readonly number[];
}

export interface Message {
  readonly name: "message";
  readonly mailbox: Bytes;
  /** 0: nothing to acknowledge (RLY-40). */
  readonly seq: Integer;
  readonly msgId: Bytes;
  readonly body: Bytes;
}

export type Push =
  | Hello
  | Message
  | { readonly name: "queue_empty"; readonly mailbox: Bytes }
  | { readonly name: "displaced"; readonly mailbox: Bytes }
  | { readonly name: "go_away"; readonly retryAfterMs: number };

export interface SendResult {
  readonly code: number;
  readonly retryAfterMs: number;
}

export interface LookupResult {
  readonly name: "lookup_result";
  readonly lists: readonly Bytes[];
  readonly records: readonly Bytes[];
  readonly addresses: readonly (Bytes | null)[];
  readonly more: boolean;
  readonly slots: readonly Bytes[];
}

export type Answer =
  | { readonly name: "error"; readonly code: number; readonly retryAfterMs: number }
  | { readonly name: "done" }
  | { readonly name: "auth_result"; readonly refused: readonly Bytes[] }
  | { readonly name: "send_results"; readonly results: readonly SendResult[] }
  | LookupResult
  | PrekeysStock
  | { readonly name: "prekeys_bundle"; readonly bundle: Bytes }
  | BlobState
  | { readonly name: "blob_data"; readonly parts: readonly Bytes[] };

/** What a relay has of the prekeys of a device, and the ids of the reusable ones. */
export interface PrekeysStock {
  readonly name: "prekeys_stock";
  readonly opks: number;
  readonly pqks: number;
  /** The highest id that was ever uploaded, of each of the two. */
  readonly opkId: number;
  readonly oneTimePqkId: number;
  readonly spkId: number | null;
  readonly pqkId: number | null;
}

/** How far a blob has come, and until when the relay keeps it (RLY-243, RLY-247). */
export interface BlobState {
  readonly name: "blob_state";
  readonly next: number;
  readonly sizeB: number;
  readonly expiresMs: number;
}

export type Frame =
  | { readonly push: Push }
  | { readonly requestId: number; readonly answer: Answer }
  /** An operation that this client does not know, or has no use for; it is ignored. */
  | { readonly unknown: number };

/**
 * The frames of one WebSocket message.
 *
 * @throws RemoteError `remote.decode` for bytes that are no message of this protocol
 */
export function decodeAnswers(data: Uint8Array): readonly Frame[] {
  const frames = asArray(decode(data, MAX_MESSAGE_B), MAX_FRAMES, 1);
  const counts = frames.map(itemsOf);
  // What a frame holds is within it; the frame itself is an item of the message (RLY-141).
  if (counts.some((count) => count - 1 > MAX_FRAME_ITEMS)) throw notAccepted("a frame with too many items");
  if (counts.reduce((sum, count) => sum + count, 1) > MAX_ITEMS) throw notAccepted("a message with too many items");
  return frames.map(frameOf);
}

/** A value and all that it holds, keys of maps as well. */
function itemsOf(value: Value): number {
  if (value instanceof Map) return [...value.values()].reduce((sum: number, one) => sum + 1 + itemsOf(one), 1);
  if (Array.isArray(value)) return value.reduce((sum: number, one: Value) => sum + itemsOf(one), 1);
  return 1;
}

type Read = (fields: readonly Value[]) => Push | Answer;

const PUSHES: ReadonlyMap<number, readonly [count: number, read: Read]> = new Map([
  [128, [5, asHello]],
  [129, [5, asMessage]],
  [130, [1, ([mailbox]) => ({ name: "queue_empty", mailbox: bytesOf(mailbox, 16) })]],
  [131, [1, ([mailbox]) => ({ name: "displaced", mailbox: bytesOf(mailbox, 16) })]],
  [133, [1, ([retry]) => ({ name: "go_away", retryAfterMs: saturated(retry) })]],
]);

const ANSWERS: ReadonlyMap<number, readonly [count: number, read: Read]> = new Map([
  [63, [2, ([code, retry]) => ({ name: "error", code: codeOf(code), retryAfterMs: saturated(retry) })]],
  [64, [0, () => ({ name: "done" })]],
  [66, [1, ([refused]) => ({ name: "auth_result", refused: listOf(refused, 1_024, (one) => bytesOf(one, 16)) })]],
  [69, [1, ([results]) => ({ name: "send_results", results: listOf(results, 256, asResult, 1) })]],
  [73, [5, asLookup]],
  [75, [6, asStock]],
  [76, [3, asBundle]],
  [79, [3, asBlobState]],
  [
    81,
    [1, ([parts]) => ({ name: "blob_data", parts: listOf(parts, MAX_PARTS, (one) => asBytes(one, 0, MAX_PART_B), 1) })],
  ],
]);

/** Keys 0 to n + 1 for n fields, without gaps (RLY-04). */
function frameOf(value: Value): Frame {
  const map = asMap(value);
  const operation = asUint(present(map.get(0)), 65_535, 1);
  const requestId = asUint(present(map.get(1)), MAX_REQUEST_ID);
  const fields = Array.from({ length: map.size - 2 }, (_, i) => present(map.get(i + 2)));
  const push = PUSHES.get(operation);
  const found = push ?? ANSWERS.get(operation);
  if (found === undefined) return { unknown: operation };
  const [count, read] = found;
  if (fields.length !== count) throw notAccepted("a frame with other fields than its operation has");
  if ((push !== undefined) !== (requestId === 0)) throw notAccepted("a request id where none belongs, or none");
  return push !== undefined ? { push: read(fields) as Push } : { requestId, answer: read(fields) as Answer };
}

function present(value: Value | undefined): Value {
  if (value === undefined) throw notAccepted("a frame with a gap in its keys");
  return value;
}

function bytesOf(value: Value | undefined, sizeB: number): Bytes {
  return asBytes(present(value), sizeB, sizeB);
}

function listOf<T>(value: Value | undefined, most: number, read: (value: Value) => T, least = 0): readonly T[] {
  return asArray(present(value), most, least).map(read);
}

function u64Of(value: Value | undefined): Integer {
  const found = present(value);
  if (!isInteger(found) || found < 0 || BigInt(found) > MAX_U64) throw notAccepted("no u64");
  return found;
}

/** A u64 as a number; one that is not exact is far beyond every bound that a client has. */
function saturated(value: Value | undefined): number {
  return Math.min(Number(u64Of(value)), Number.MAX_SAFE_INTEGER);
}

function codeOf(value: Value | undefined): number {
  return asUint(present(value), MAX_CODE);
}

function asResult(value: Value): SendResult {
  const [code, retry] = asArray(value, 2, 2);
  return { code: codeOf(code), retryAfterMs: saturated(retry) };
}

function asStock([opks, pqks, highest, highestKem, spk, pqk]: readonly Value[]): Answer {
  const [opkId, oneTimePqkId] = [highest, highestKem].map(saturated);
  const [spkId, pqkId] = [spk, pqk].map((one) => (present(one) === null ? null : saturated(one)));
  const ids = { opkId, oneTimePqkId, spkId, pqkId };
  return { name: "prekeys_stock", opks: saturated(opks), pqks: saturated(pqks), ...ids } as PrekeysStock;
}

function asHello([version, relayName, nonce, limits, operations]: readonly Value[]): Push {
  const map = asMap(present(limits));
  const limit = (key: number): number => saturated(map.get(key));
  for (let key = 0; key < LIMITS; key++) limit(key);
  return {
    name: "hello",
    version: asUint(present(version), 65_535, 1),
    relayName: asText(present(relayName), 255),
    nonce: bytesOf(nonce, 32),
    maxSendItems: limit(2),
    powBitsCreate: limit(12),
    powBitsSend: limit(13),
    powBitsFetch: limit(14),
    operations: listOf(operations, 256, (one) => asUint(one, 65_535, 1)),
  };
}

function asMessage([mailbox, seq, msgId, body, receivedMs]: readonly Value[]): Push {
  u64Of(receivedMs);
  return {
    name: "message",
    mailbox: bytesOf(mailbox, 16),
    seq: u64Of(seq),
    msgId: bytesOf(msgId, 16),
    body: asBytes(present(body), 1, 98_304),
  };
}

function asLookup([lists, records, addresses, more, slots]: readonly Value[]): Answer {
  const upTo = (mostB: number) => (value: Value) => asBytes(value, 1, mostB);
  return {
    name: "lookup_result",
    lists: listOf(lists, MAX_LISTS, upTo(2_048)),
    records: listOf(records, MAX_RECORDS, upTo(512)),
    addresses: listOf(addresses, MAX_RECORDS, (value) => (value === null ? null : asBytes(value, 1, 512))),
    more: asBoolean(present(more)),
    slots: listOf(slots, MAX_RECORDS, upTo(4_096)),
  };
}

function asBlobState([next, sizeB, expiresMs]: readonly Value[]): Answer {
  return { name: "blob_state", next: saturated(next), sizeB: saturated(sizeB), expiresMs: saturated(expiresMs) };
}

function asBundle([bundle, oneTimeX25519, oneTimeKem]: readonly Value[]): Answer {
  asBoolean(present(oneTimeX25519));
  asBoolean(present(oneTimeKem));
  return { name: "prekeys_bundle", bundle: asBytes(present(bundle), 1, 8_192) };
}
