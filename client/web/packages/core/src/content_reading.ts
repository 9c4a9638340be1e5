/** Reads what stands inside a body (chapter 10). */

import { cut, readU64, same, u64 } from "./bytes.ts";
import { MAX_CONTENT_B, MAX_SIGNED_LIST_B, MAX_TIME_MS, MAX_U32 } from "./constants.ts";
import type { Content, Heads, Payload, Sync, TextNumber, Top, WayBack } from "./content.ts";
import {
  ADDRESS,
  CONTENT_ID_B,
  DOSSIER,
  ENTRY,
  FORWARD,
  LIST,
  NOTHING,
  RECEIPT,
  ROSTER,
  SIGNAL,
  SYNC,
  TEXT,
} from "./content.ts";
import { notAccepted, recoded } from "./errors.ts";
import { isRelayUrl } from "./grammar.ts";
import { MAILBOX_B, TOKEN_B } from "./identity/address.ts";
import { asCompactBundle } from "./identity/bundle.ts";
import { asListHead } from "./identity/list.ts";
import type { Value } from "./wire/cbor.ts";
import { decode } from "./wire/cbor.ts";
import { asArray, asBytes, asMap, asText, asUint, Fields } from "./wire/fields.ts";

const COUNTED: readonly number[] = [TEXT, ENTRY, FORWARD, DOSSIER, ROSTER];

const NUMBER_B = 20;
const LINE_B = 4;
const ASK_ID_B = 8;
const TOP_ID_B = 8;
const MAX_RECEIPT_IDS = 64;
const MAX_RELAY_URL_B = 240;
const FIRST_LATER_KEY = 64;
const KEYS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/**
 * The content of at most 65 536 bytes (CON-01 to CON-04, CON-12).
 *
 * @throws RemoteError `remote.content`
 */
export function decodeContent(data: Uint8Array): Content {
  return recoded(["remote.decode"], "remote.content", () => read(decode(data, MAX_CONTENT_B)));
}

function read(value: Value): Content {
  const map = asMap(value);
  const kept = new Map([...map].filter(([key]) => key < FIRST_LATER_KEY));
  if ([...kept.keys()].some((key) => !KEYS.includes(Number(key))))
    throw notAccepted("a content with a key that none has");
  const fields = new Fields(kept, 9, [5, 6, 7, 8, 9]);
  const type = fields.uint(1, MAX_U32);
  const decoded = {
    type,
    contentId: fields.bytes(2, CONTENT_ID_B),
    sentMs: fields.uint(3),
    payload: asPayload(type, fields.get(4)),
    heads: fields.has(5) ? asHeads(fields.get(5)) : null,
    epoch: fields.has(6) ? fields.uint(6, MAX_U32) : null,
    address: fields.has(7) ? asWayBack(fields.get(7)) : null,
    bundle: fields.has(8) ? asBundle(fields.get(8)) : null,
    number: fields.has(9) ? asNumber(fields.get(9)) : null,
  };
  if (COUNTED.includes(type) !== (decoded.number !== null)) throw notAccepted("a number where none belongs, or none");
  if (type === ADDRESS && decoded.address === null) throw notAccepted("an address without an address");
  return decoded;
}

function asPayload(type: number, value: Value): Payload {
  switch (type) {
    case TEXT:
      return { name: "text", text: new Fields(value, 1).text(1, MAX_CONTENT_B) };
    case RECEIPT:
      return asReceipt(new Fields(value, 2));
    case ADDRESS:
      return { name: "address", ...asNull(value) };
    case SYNC:
      return { name: "sync", sync: asSync(new Fields(value, 5)) };
    case LIST:
      return { name: "list", list: new Fields(value, 1).bytesUpTo(1, MAX_SIGNED_LIST_B) };
    case NOTHING:
      return { name: "nothing", ...asNull(value) };
    case ENTRY:
    case SIGNAL:
    case FORWARD:
    case DOSSIER:
    case ROSTER:
      return { name: "room", value };
    default:
      return { name: "unsupported", value };
  }
}

function asNull(value: Value): Record<never, never> {
  if (value !== null) throw notAccepted("a payload where none belongs");
  return {};
}

function asReceipt(fields: Fields): Payload {
  const read = fields.uint(1, 2, 1) === 2;
  const ids = fields.array(2, MAX_RECEIPT_IDS, 1).map((id) => asBytes(id, CONTENT_ID_B, CONTENT_ID_B));
  return { name: "receipt", read, ids };
}

function asSync(fields: Fields): Sync {
  const kind = fields.uint(1, 2, 1) === 1 ? "ask" : "tell";
  const askId = fields.orNull(2, (value) => asBytes(value, ASK_ID_B, ASK_ID_B));
  if (kind === "ask" && askId === null) throw notAccepted("an ask without an id");
  return {
    kind,
    askId,
    top: fields.orNull(3, asTop),
    given: fields.orNull(4, asNumber),
    got: fields.uint(5),
  };
}

export function asTop(value: Value): Top {
  const [epoch, id] = asArray(value, 2, 2) as [Value, Value];
  return { epoch: asUint(epoch, MAX_U32), id: asBytes(id, TOP_ID_B, TOP_ID_B) };
}

function asHeads(value: Value): Heads {
  const fields = new Fields(value, 2);
  return { own: asListHead(fields.get(1)), peer: fields.orNull(2, asListHead) };
}

export function asWayBack(value: Value): WayBack {
  const fields = new Fields(value, 3);
  const mailbox = fields.bytes(1, MAILBOX_B);
  const token = fields.bytes(2, TOKEN_B);
  const relayUrl = asText(fields.get(3), MAX_RELAY_URL_B);
  if (!isRelayUrl(relayUrl)) throw notAccepted("no relay URL");
  return { mailbox, token, relayUrl };
}

function asBundle(value: Value): Value {
  asCompactBundle(value);
  return value;
}

/** The 20 bytes n u64 | line 4 | first u64, with 1 <= first <= n + 1 and 1 <= n < 2^53 (CON-12). */
export function asNumber(value: Value): TextNumber {
  const data = asBytes(value, NUMBER_B, NUMBER_B);
  const n = readU64(data, 0);
  const first = readU64(data, 8 + LINE_B);
  // Of the first numbers that are not exact only 2^53 itself is in range, and only behind n = 2^53 - 1.
  const exact = first <= MAX_TIME_MS || same(data.subarray(8 + LINE_B), u64(2 ** 53));
  if (n < 1 || n > MAX_TIME_MS || first < 1 || first > n + 1 || !exact) throw notAccepted("no number of a text");
  return { n, line: cut(data, 8, LINE_B), first };
}
