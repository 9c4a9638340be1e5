/** Receipts and withdrawals of a customer, and which of them counts (CNS-06 to CNS-09, CNS-12). */

import type { Bytes } from "../bytes.ts";
import { compare, same } from "../bytes.ts";
import { asLocale } from "../company/card.ts";
import type { Roster } from "../company/roster.ts";
import { MAX_COUNTER, MAX_U32 } from "../constants.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import { openSigned } from "../identity/signed.ts";
import { hash } from "../primitives/hash.ts";
import { Fields } from "../wire/fields.ts";
import type { Notice } from "./notice.ts";

export const MAX_RECEIPT_B = 256;
const SECOND_MS = 1_000;
const ROOM_ID_B = 16;
const MODES = 3;

export interface Receipt {
  readonly signed: Bytes;
  readonly hash: Bytes;
  readonly noticeHash: Bytes;
  readonly locale: string;
  readonly mode: number;
  /** Purpose n is bit n - 1. */
  readonly purposes: number;
  readonly acceptedMs: number;
  readonly room: Bytes;
  readonly seq: number;
}

export interface Withdrawal {
  readonly signed: Bytes;
  readonly receiptHash: Bytes;
  readonly room: Bytes;
  readonly withdrawnMs: number;
  readonly seq: number;
}

/**
 * A receipt that a device of the customer signed (CNS-06).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`
 */
export function verifyReceipt(publicKey: Uint8Array, data: Uint8Array): Receipt {
  const { signed, value } = openSigned(data, MAX_RECEIPT_B, publicKey, "SR1-sig-consent");
  const fields = new Fields(value, 7);
  const receipt = {
    signed: new Uint8Array(data),
    hash: hash("SR1-consent", signed.map),
    noticeHash: fields.bytes(1, 32),
    locale: asLocale(fields.get(2)),
    mode: fields.uint(3, MODES, 1),
    purposes: fields.uint(4, MAX_U32),
    acceptedMs: fields.uint(5),
    room: fields.bytes(6, ROOM_ID_B),
    seq: fields.uint(7, MAX_COUNTER - 1, 1),
  };
  if (receipt.acceptedMs % SECOND_MS !== 0) throw notAccepted("a consent at part of a second");
  return receipt;
}

function required(what: string): RemoteError {
  return new RemoteError("room.consent_required", what);
}

/**
 * A receipt is taken for its own room and notice only, with mode, locale and purposes of the notice (CNS-07).
 *
 * @throws RemoteError `room.consent_required`
 */
export function checkReceipt(receipt: Receipt, room: Uint8Array, notice: Notice): void {
  if (!same(receipt.room, room)) throw required("a receipt of another room");
  if (!same(receipt.noticeHash, notice.hash)) throw required("a receipt of another notice");
  if (receipt.mode !== notice.mode) throw required("a receipt of another mode");
  if (!notice.texts.some((text) => text.locale === receipt.locale))
    throw required("a receipt in a language without text");
  if (!purposesFit(receipt.purposes, notice)) throw required("purposes that the notice does not have, or asks for");
}

function purposesFit(purposes: number, notice: Notice): boolean {
  const numbers = Array.from({ length: 32 }, (_, i) => i + 1);
  return numbers.every((number) => {
    const given = Math.floor(purposes / 2 ** (number - 1)) % 2 === 1;
    const purpose = notice.purposes.find((one) => one.number === number);
    return given ? purpose !== undefined : purpose === undefined || !purpose.required;
  });
}

/**
 * A withdrawal of a receipt in this room (CNS-08).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`, `room.consent_required`
 */
export function verifyWithdrawal(publicKey: Uint8Array, room: Uint8Array, data: Uint8Array): Withdrawal {
  const { value } = openSigned(data, MAX_RECEIPT_B, publicKey, "SR1-sig-withdraw");
  const fields = new Fields(value, 4);
  const withdrawal = {
    signed: new Uint8Array(data),
    receiptHash: fields.bytes(1, 32),
    room: fields.bytes(2, ROOM_ID_B),
    withdrawnMs: fields.uint(3),
    seq: fields.uint(4, MAX_COUNTER - 1, 1),
  };
  if (!same(withdrawal.room, room)) throw required("a withdrawal of another room");
  return withdrawal;
}

/** What is known of the consent of a room; the same whatever the order in which it came (CNS-09). */
export interface Consent {
  readonly receipt: Receipt | null;
  readonly withdrawal: Withdrawal | null;
}

export const NO_CONSENT: Consent = { receipt: null, withdrawal: null };

/** The consent with a receipt more: the highest seq, of two the smaller hash. */
export function withReceipt(known: Consent, other: Receipt): Consent {
  const { receipt } = known;
  const newer = receipt === null || other.seq > receipt.seq;
  const smaller = receipt !== null && other.seq === receipt.seq && compare(other.hash, receipt.hash) < 0;
  return newer || smaller ? { ...known, receipt: other } : known;
}

/** The consent with a withdrawal more: the highest seq, of two the smaller bytes. */
export function withWithdrawal(known: Consent, other: Withdrawal): Consent {
  const { withdrawal } = known;
  const newer = withdrawal === null || other.seq > withdrawal.seq;
  const smaller = withdrawal !== null && other.seq === withdrawal.seq && compare(other.signed, withdrawal.signed) < 0;
  return newer || smaller ? { ...known, withdrawal: other } : known;
}

/** Whether a withdrawal counts against a receipt: its seq is not below (CNS-09). */
export function takesBack(withdrawal: Withdrawal | null, receipt: Receipt | null): boolean {
  return withdrawal !== null && (receipt === null || withdrawal.seq >= receipt.seq);
}

/** The receipt that counts, or null. */
export function countingReceipt(consent: Consent): Receipt | null {
  return takesBack(consent.withdrawal, consent.receipt) ? null : consent.receipt;
}

/** Whether a receipt is over by the roster in force: of a notice that it names no more, or only until now (CNS-12). */
export function isStale(receipt: Receipt, roster: Roster, nowMs: number): boolean {
  if (same(receipt.noticeHash, roster.noticeHash)) return false;
  const older = roster.older.find((one) => same(one.hash, receipt.noticeHash));
  return older === undefined || nowMs > older.untilMs;
}
