/** Proofs of consent: one file for both sides, which needs the company's account alone (CNS-23 to CNS-25). */

import type { Bytes } from "../bytes.ts";
import { same } from "../bytes.ts";
import type { Mandate } from "../company/mandate.ts";
import { MAX_MANDATE_B, verifyMandate } from "../company/mandate.ts";
import { CLOCK_TOLERANCE_MS, MAX_RECORD_B, MAX_SIGNED_LIST_B } from "../constants.ts";
import { RemoteError } from "../errors.ts";
import type { DeviceList } from "../identity/list.ts";
import { checkListed, verifyList } from "../identity/list.ts";
import type { DeviceRecord } from "../identity/record.ts";
import { ACCOUNT_ID_B, decodeRecord } from "../identity/record.ts";
import { checkIdentity, checkVersion } from "../identity/signed.ts";
import { roomIdOf } from "../rooms/entry.ts";
import type { RoomAccounts } from "../rooms/entry_reading.ts";
import type { Value } from "../wire/cbor.ts";
import { decode } from "../wire/cbor.ts";
import { asArray, asBytes, Fields } from "../wire/fields.ts";
import type { Notice } from "./notice.ts";
import { checkText, MAX_NOTICE_B, MAX_TEXT_B, verifyNotice } from "./notice.ts";
import { verifyAnswer } from "./proof_answer.ts";
import type { Receipt, Withdrawal } from "./receipt.ts";
import { checkReceipt, MAX_RECEIPT_B, takesBack, verifyReceipt, verifyWithdrawal } from "./receipt.ts";

const MAX_PROOF_B = 65_536;
const NONCE_B = 16;

export type Doubt = "device_list" | "mandate" | "notice" | "record";

/** A device of the customer that signed something of a proof. */
export interface Signer {
  readonly list: DeviceList;
  readonly record: DeviceRecord;
}

export interface VerifiedProof {
  readonly customer: Bytes;
  readonly room: RoomAccounts;
  readonly notice: Notice;
  readonly text: string;
  readonly receipt: Receipt;
  readonly withdrawal: Withdrawal | null;
  readonly withdrawn: boolean;
  /** What the company answered: to the receipt, or to the withdrawal. */
  readonly answer: "receipt" | "withdrawal" | null;
  /** What was not valid at the stated times, in alphabetical order (CNS-25). */
  readonly doubts: readonly Doubt[];
}

/**
 * A proof for the reader's company, checked in the order of its keys (CNS-24).
 *
 * @throws RemoteError with the code of the first failure
 */
export function verifyProof(accountId: Uint8Array, data: Uint8Array): VerifiedProof {
  const fields = new Fields(decode(data, MAX_PROOF_B), 10);
  checkVersion(fields.get(1));
  const company = fields.bytes(2, ACCOUNT_ID_B);
  checkIdentity(same(company, accountId), "a proof of another company");
  const customer = fields.bytes(3, ACCOUNT_ID_B);
  const nonce = fields.bytes(4, NONCE_B);
  const room = { company, customer, roomId: roomIdOf(company, customer, nonce) };
  const mandate = verifyMandate(company, fields.bytesUpTo(5, MAX_MANDATE_B));
  const notice = verifyNotice(company, fields.bytesUpTo(6, MAX_NOTICE_B));
  const textBytes = fields.bytesUpTo(7, MAX_TEXT_B);
  const signedReceipt = signedBy(fields.get(8), customer);
  const receipt = verifyReceipt(signedReceipt.signer.record.signPublic, signedReceipt.signed);
  checkReceipt(receipt, room.roomId, notice);
  const text = checkText(notice, receipt.locale, textBytes);
  const signedWithdrawal = fields.orNull(9, (value) => signedBy(value, customer));
  const withdrawal = signedWithdrawal && withdrawalOf(signedWithdrawal, room, receipt);
  const signers = { receipt: signedReceipt.signer, withdrawal: signedWithdrawal?.signer ?? null };
  const shown = { room, nonce, notice, receipt, withdrawal, signers };
  const answer = fields.orNull(10, (value) => verifyAnswer(value, shown));
  const withdrawn = takesBack(withdrawal, receipt);
  const doubts = doubtsOf(mandate, notice, receipt, withdrawal, signers);
  return { customer, room, notice, text, receipt, withdrawal, withdrawn, answer, doubts };
}

/** [signed receipt or withdrawal, device record, signed device list]: list and record first (ID-29, ID-09). */
function signedBy(value: Value, customer: Bytes) {
  const [signed, recordBytes, listBytes] = asArray(value, 3, 3) as [Value, Value, Value];
  const parts = {
    signed: asBytes(signed, 1, MAX_RECEIPT_B),
    record: asBytes(recordBytes, 1, MAX_RECORD_B),
    list: asBytes(listBytes, 1, MAX_SIGNED_LIST_B),
  };
  const list = verifyList(customer, parts.list);
  const record = decodeRecord(parts.record);
  checkListed(list, record);
  return { signed: parts.signed, signer: { list, record } };
}

function withdrawalOf(by: ReturnType<typeof signedBy>, room: RoomAccounts, receipt: Receipt): Withdrawal {
  const withdrawal = verifyWithdrawal(by.signer.record.signPublic, room.roomId, by.signed);
  if (!same(withdrawal.receiptHash, receipt.hash)) {
    throw new RemoteError("room.consent_required", "a withdrawal of another receipt");
  }
  return withdrawal;
}

function doubtsOf(
  mandate: Mandate,
  notice: Notice,
  receipt: Receipt,
  withdrawal: Withdrawal | null,
  signers: { readonly receipt: Signer; readonly withdrawal: Signer | null },
): readonly Doubt[] {
  const at = receipt.acceptedMs;
  const doubts = new Set<Doubt>(signerDoubts(signers.receipt, at));
  if (!holdsAt(mandate, at)) doubts.add("mandate");
  if (notice.issuedMs > at + CLOCK_TOLERANCE_MS) doubts.add("notice");
  if (withdrawal !== null && signers.withdrawal !== null) {
    for (const doubt of signerDoubts(signers.withdrawal, withdrawal.withdrawnMs)) doubts.add(doubt);
  }
  return [...doubts].sort();
}

function signerDoubts(signer: Signer, atMs: number): readonly Doubt[] {
  const { record, list } = signer;
  const doubts: Doubt[] = holdsAt(list, atMs) ? [] : ["device_list"];
  return holdsAt({ issuedMs: record.createdMs, expiresMs: record.expiresMs }, atMs) ? doubts : [...doubts, "record"];
}

function holdsAt(one: { readonly issuedMs: number; readonly expiresMs: number }, atMs: number): boolean {
  return one.issuedMs <= atMs + CLOCK_TOLERANCE_MS && atMs <= one.expiresMs + CLOCK_TOLERANCE_MS;
}
