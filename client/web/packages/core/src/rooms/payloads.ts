/** Payloads of entries by kind (TRN-20 to TRN-22). */
import type { Bytes } from "../bytes.ts";
import { asLocale } from "../company/card.ts";
import { MAX_FILE_B, MAX_U32 } from "../constants.ts";
import { notAccepted, recoded } from "../errors.ts";
import { paddedSizeB } from "../files.ts";
import { isEmail, isVisibleText } from "../grammar.ts";
import { asHash } from "../identity/list.ts";
import { DEVICE_ID_B } from "../identity/record.ts";
import type { Value } from "../wire/cbor.ts";
import { asArray, asBoolean, asBytes, ascending, asText, asUint, Fields, isInteger } from "../wire/fields.ts";
import { asState } from "./state.ts";

const MAX_SIGNED_B = 8_192;
const MAX_TEXT_B = 16_384;
const MAX_SHORT_B = 200;
export const MAX_HASHES = 64;
const NONCE_B = 16;
const MAX_EMAIL_B = 254;
const HAND_OVER = 2;
const CHOICE = 1;
const MAX_QUESTIONS = 12;

export type Side = "customer" | "company" | "both";

type Check = (payload: Value) => unknown;

function asSigned(value: Value): Bytes {
  return asBytes(value, 1, MAX_SIGNED_B);
}

/** 1 to 64 entry hashes. */
export function asHashes(value: Value): readonly Bytes[] {
  return asArray(value, MAX_HASHES, 1).map(asHash);
}

function asOpen(payload: Value): void {
  const fields = new Fields(payload, 2);
  fields.bytes(1, NONCE_B);
  asSigned(fields.get(2));
}

function asText3(payload: Value): void {
  const fields = new Fields(payload, 4, [2, 3, 4]);
  fields.text(1, MAX_TEXT_B);
  if (fields.has(2)) asHash(fields.get(2));
  if (fields.has(3)) fields.text(3, 35);
  if (fields.has(4) && fields.get(4) !== true) throw notAccepted("a mark of machines that is not true");
}

function asEdit(payload: Value): void {
  const fields = new Fields(payload, 2);
  asHash(fields.get(1));
  fields.text(2, MAX_TEXT_B);
}

function asErased(payload: Value): void {
  const fields = new Fields(payload, 3, [3]);
  fields.orNull(1, asHashes);
  fields.uint(2, 3, 1);
  if (fields.has(3)) fields.uint(3);
}

function asFile(payload: Value): void {
  const fields = new Fields(payload, 9);
  asHash(fields.get(1));
  asHash(fields.get(2));
  const paddedB = fields.uint(3, MAX_U32);
  asHash(fields.get(4));
  const sizeB = fields.uint(5, MAX_FILE_B);
  if (paddedB !== paddedSizeB(sizeB)) throw notAccepted("sizes that do not belong together");
  if (!isFileName(fields.text(6, 128))) throw notAccepted("no name of a file");
  fields.text(7, 64);
  fields.uint(8);
  asBytes(fields.get(9), DEVICE_ID_B, DEVICE_ID_B);
}

/** What a system of files takes for a device, whatever stands behind the first dot (FIL-08). */
const DEVICE =
  /^(?:[Cc][Oo][Nn]|[Pp][Rr][Nn]|[Aa][Uu][Xx]|[Nn][Uu][Ll]|[Cc][Oo][Nn](?:[Ii][Nn]|[Oo][Uu][Tt])\$|(?:[Cc][Oo][Mm]|[Ll][Pp][Tt])[0-9\u00b9\u00b2\u00b3]) *(?:\.|$)/;

/** No path, nothing that hides or turns it, and no device (FIL-08). */
export function isFileName(name: string): boolean {
  if (name === "" || /^[ .]|[ .]$|[/\\<>:"|?*]/.test(name) || DEVICE.test(name)) return false;
  return isVisibleText(name);
}

function asNotice(payload: Value): void {
  const [signed, texts] = asArray(payload, 2, 2) as [Value, Value];
  asSigned(signed);
  const [locale, text] = asArray(asArray(texts, 1, 1)[0] as Value, 2, 2) as [Value, Value];
  asLocale(locale);
  asBytes(text, 1, MAX_TEXT_B);
}

function asReach(payload: Value): void {
  new Fields(payload, 1).orNull(1, (value) => {
    if (!isEmail(asText(value, MAX_EMAIL_B))) throw notAccepted("no address of e-mail");
  });
}

/** A hand-over names device, count, first and last (TRN-22). */
function asAccess(payload: Value): void {
  const fields = new Fields(payload, 5);
  const kind = fields.uint(1, 4, 1);
  const device = fields.orNull(2, (id) => asBytes(id, DEVICE_ID_B, DEVICE_ID_B));
  const count = fields.uint(3, MAX_U32);
  const ends = fields.orNull(4, (value) => asArray(value, 2, 2).map(asHash));
  fields.orNull(5, (text) => asText(text, MAX_SHORT_B));
  if (kind === HAND_OVER && (device === null || count === 0 || ends === null))
    throw notAccepted("a hand-over of nothing");
}

function asForm(payload: Value): void {
  const fields = new Fields(payload, 2);
  fields.text(1, MAX_SHORT_B);
  ascending(fields.array(2, MAX_QUESTIONS, 1).map(asQuestion), (a, b) => a - b);
}

function asQuestion(value: Value): number {
  const [id, type, label, required, options] = asArray(value, 5, 5) as [Value, Value, Value, Value, Value];
  const number = asUint(id, MAX_U32);
  const isChoice = asUint(type, 4, 1) === CHOICE;
  asText(label, MAX_SHORT_B);
  asBoolean(required);
  const given = asArray(options, MAX_QUESTIONS).map((option) => asText(option, MAX_SHORT_B));
  if (isChoice !== given.length > 0) throw notAccepted("options of a choice, and of nothing else");
  return number;
}

function asAnswer(payload: Value): void {
  const fields = new Fields(payload, 2);
  asHash(fields.get(1));
  ascending(fields.array(2, MAX_QUESTIONS, 1).map(asAnswered), (a, b) => a - b);
}

function asAnswered(value: Value): number {
  const [id, answer] = asArray(value, 2, 2) as [Value, Value];
  if (isInteger(answer)) asUint(answer);
  else asText(answer, 1_000);
  return asUint(id, MAX_U32);
}

function asRating(payload: Value): void {
  const fields = new Fields(payload, 2, [2]);
  fields.uint(1, 5, 1);
  if (fields.has(2)) fields.text(2, 500);
}

function asMark(payload: Value): void {
  if (payload !== null) throw notAccepted("a mark with something in it");
}

function asRefusal(payload: Value): void {
  const fields = new Fields(payload, 2);
  const { length } = fields.bytesUpTo(1, 32);
  if (length !== 8 && length !== 32) throw notAccepted("neither an entry nor a request");
  fields.text(2, 64);
}

const KINDS: ReadonlyMap<number, readonly [side: Side, check: Check]> = new Map([
  [1, ["customer", asOpen]],
  [2, ["company", asState]],
  [3, ["both", asText3]],
  [4, ["both", asEdit]],
  [5, ["both", (payload: Value) => new Fields(payload, 1).orNull(1, asHashes)]],
  [6, ["company", asErased]],
  [7, ["both", asFile]],
  [8, ["customer", asSigned]],
  [9, ["customer", asSigned]],
  [10, ["customer", (payload: Value) => new Fields(payload, 1).uint(1, 5, 1)]],
  [12, ["company", asNotice]],
  [13, ["company", asSigned]],
  [14, ["customer", asReach]],
  [15, ["both", (payload: Value) => asHashes(new Fields(payload, 1).get(1))]],
  [16, ["company", asAccess]],
  [17, ["customer", (payload: Value) => payload === null || asSigned(payload)]],
  [18, ["company", asForm]],
  [19, ["customer", asAnswer]],
  [20, ["customer", asRating]],
  [21, ["both", asMark]],
  [22, ["company", asRefusal]],
] as const);

/** Which side writes a kind; one that is not known is written by either (TRN-20). */
export function sideOf(kind: number): Side {
  return KINDS.get(kind)?.[0] ?? "both";
}

/**
 * Check the payload of a kind; that of a kind that is not known may be any accepted value (TRN-21).
 *
 * @throws RemoteError `remote.content`, and `remote.version` for a state
 */
export function checkPayload(kind: number, payload: Value): void {
  recoded(["remote.decode"], "remote.content", () => KINDS.get(kind)?.[1](payload));
}
