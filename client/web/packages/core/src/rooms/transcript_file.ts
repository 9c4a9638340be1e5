/** Lines of a transcript as a file (EXP-01, EXP-02). */

import type { Bytes } from "../bytes.ts";
import { hex } from "../bytes.ts";
import type { Value } from "../wire/cbor.ts";
import { encode } from "../wire/cbor.ts";
import type { Entry } from "./entry.ts";
import { decodeBody } from "./entry.ts";
import { lineOf } from "./entry_reading.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VERSION = 1;
export const BEGIN = "[";
export const CLOSE = "]";
/** The longest line that is taken (EXP-06). */
export const MAX_LINE_B = 262_144;

export type PartName = "company_list" | "customer_list" | "record" | "slot" | "card";

/** Whose room it is, by its `open`. */
export interface TranscriptHead {
  readonly company: Bytes;
  readonly customer: Bytes;
  readonly nonce: Bytes;
  readonly room: Bytes;
}

/** base64url of any size, without padding (RFC 4648). */
function base64url(data: Uint8Array): string {
  let text = "";
  for (let i = 0; i < data.length; i += 3) {
    const rest = Math.min(data.length - i, 3);
    const group = ((data[i] ?? 0) << 16) | ((data[i + 1] ?? 0) << 8) | (data[i + 2] ?? 0);
    for (const shift of [18, 12, 6, 0].slice(0, rest + 1)) text += ALPHABET[(group >> shift) & 63];
  }
  return text;
}

/** A value of a payload: byte strings as texts in hex, maps as objects with decimal keys in ascending order. */
function json(value: Value): string {
  if (value instanceof Uint8Array) return `"${hex(value)}"`;
  if (value instanceof Map) {
    const keys = [...value.keys()].sort((a, b) => a - b);
    return `{${keys.map((key) => `"${key}":${json(value.get(key) as Value)}`).join(",")}}`;
  }
  if (Array.isArray(value)) return `[${value.map((one: Value) => json(one)).join(",")}]`;
  if (typeof value === "bigint") return value.toString();
  return JSON.stringify(value);
}

export function headLine({ company, customer, nonce, room }: TranscriptHead): string {
  const [k, c, n, r] = [company, customer, nonce, room].map(hex);
  return `{"sealroom_transcript":${VERSION},"company":"${k}","customer":"${c}","nonce":"${n}","room":"${r}"}`;
}

export function partLine(name: PartName, part: Uint8Array): string {
  return `{"${name}":"${base64url(part)}"}`;
}

/** A line of an entry, with its commitment for a body that is not there. */
export function entryLine(entry: Entry): string {
  const { kind, n, sentMs } = entry.header;
  const said = `{"entry":"${base64url(encode(lineOf(entry)))}","hash":"${hex(entry.hash)}"`;
  const where = `"device":"${hex(entry.author.deviceId)}","kind":${kind},"n":${n},"sent_ms":${sentMs}`;
  const payload = entry.body === null ? "" : `,"payload":${json(decodeBody(entry.body))}`;
  return `${said},${where}${payload}}`;
}

export function endLine(entries: number): string {
  return `{"end":${entries}}`;
}
