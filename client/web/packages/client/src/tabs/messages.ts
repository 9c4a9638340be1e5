/**
 * What the tabs of one browser say to each other (STO-39): one CBOR array of a version, a kind and fields, of at most
 * 1 MiB, beside a blob or none. Whatever is anything else is ignored: another version of the page may have sent it.
 */

import type { Bytes } from "@sealroom/core/bytes.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import { decode, encode } from "@sealroom/core/wire/cbor.ts";
import { asArray, asBoolean, asBytes, asText, asUint } from "@sealroom/core/wire/fields.ts";

const VERSION = 1;
export const MAX_MESSAGE_B = 1_048_576;
export const ID_B = 16;
const MAX_METHOD_B = 64;
const MAX_CODE_B = 64;

/** What a call, an answer or an event carries; how it is to be read is the caller's. */
export interface Load {
  readonly data: Bytes;
  readonly blob: Blob | null;
}

export type Message =
  /** Who leads? */
  | { readonly kind: "hello"; readonly from: Bytes }
  /** I do; `hello` is answered by it, and it is said when one begins to lead. */
  | { readonly kind: "leader"; readonly from: Bytes }
  | { readonly kind: "call"; readonly from: Bytes; readonly id: Bytes; readonly method: string; readonly load: Load }
  | { readonly kind: "answer"; readonly to: Bytes; readonly id: Bytes; readonly code: string; readonly load: Load }
  | { readonly kind: "event"; readonly from: Bytes; readonly load: Load }
  /** Said before a call is carried out: who hears no answer does not know what has become of it. */
  | { readonly kind: "begun"; readonly to: Bytes; readonly id: Bytes };

const KINDS = ["hello", "leader", "call", "answer", "event", "begun"] as const;

/** What goes over the channel. */
export interface Posted {
  readonly bytes: Bytes;
  readonly blob: Blob | null;
}

/** The bytes of a message; null if it is too large. */
export function encodeMessage(message: Message): Posted | null {
  const bytes = encode([VERSION, KINDS.indexOf(message.kind), ...fieldsOf(message)]);
  const blob = "load" in message ? message.load.blob : null;
  return bytes.length > MAX_MESSAGE_B ? null : { bytes, blob };
}

function fieldsOf(message: Message): readonly Value[] {
  switch (message.kind) {
    case "hello":
    case "leader":
      return [message.from];
    case "call":
      return [message.from, message.id, message.method, message.load.data, message.load.blob !== null];
    case "answer":
      return [message.to, message.id, message.code, message.load.data, message.load.blob !== null];
    case "event":
      return [message.from, message.load.data, message.load.blob !== null];
    case "begun":
      return [message.to, message.id];
  }
}

/** The message that came, or null. */
export function decodeMessage(came: unknown): Message | null {
  const { bytes, blob } = (came ?? {}) as Record<string, unknown>;
  const isPosted = bytes instanceof Uint8Array && (blob === null || blob instanceof Blob);
  if (!isPosted || bytes.length > MAX_MESSAGE_B) return null;
  try {
    return parsed(decode(bytes, MAX_MESSAGE_B), blob);
  } catch (error) {
    if (error instanceof CoreError) return null;
    throw error;
  }
}

function parsed(value: Value, blob: Blob | null): Message | null {
  const [version, number, ...fields] = asArray(value, 7, 3);
  const kind = KINDS[asUint(number as Value, KINDS.length - 1)];
  if (version !== VERSION || kind === undefined) return null;
  const at = (i: number): Value => fields[i] ?? null;
  const from = asBytes(at(0), ID_B, ID_B);
  switch (kind) {
    case "hello":
    case "leader":
      return { kind, from };
    case "call":
      return { kind, from, id: idOf(at(1)), method: asText(at(2), MAX_METHOD_B), load: loadOf(at(3), at(4), blob) };
    case "answer": {
      const code = at(2) === "" ? "" : asText(at(2), MAX_CODE_B);
      return { kind, to: from, id: idOf(at(1)), code, load: loadOf(at(3), at(4), blob) };
    }
    case "event":
      return { kind, from, load: loadOf(at(1), at(2), blob) };
    case "begun":
      return { kind, to: from, id: idOf(at(1)) };
  }
}

function idOf(value: Value): Bytes {
  return asBytes(value, ID_B, ID_B);
}

function loadOf(data: Value, hasBlob: Value, blob: Blob | null): Load {
  return { data: asBytes(data, 0, MAX_MESSAGE_B), blob: asBoolean(hasBlob) ? blob : null };
}
