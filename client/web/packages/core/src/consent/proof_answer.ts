/** How a company answered a consent, on the customer's side of a proof (CNS-24). */

import type { Bytes } from "../bytes.ts";
import { same } from "../bytes.ts";
import { MAX_MANDATE_B, verifyMandate } from "../company/mandate.ts";
import type { Roster } from "../company/roster.ts";
import { isOf, MAX_ROSTER_B, verifyRoster } from "../company/roster.ts";
import type { InForce } from "../company/team.ts";
import { RANK_DESK, wasInForce } from "../company/team.ts";
import { MAX_RECORD_B, MAX_SIGNED_LIST_B } from "../constants.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import { verifyList } from "../identity/list.ts";
import { decodeRecord } from "../identity/record.ts";
import { checkIdentity } from "../identity/signed.ts";
import type { Entry } from "../rooms/entry.ts";
import { decodeBody, KIND_OPEN, KIND_STATE } from "../rooms/entry.ts";
import type { RoomAccounts } from "../rooms/entry_reading.ts";
import { readLine } from "../rooms/entry_reading.ts";
import { checkPayload } from "../rooms/payloads.ts";
import { asState } from "../rooms/state.ts";
import type { Value } from "../wire/cbor.ts";
import { asBytes, Fields } from "../wire/fields.ts";
import type { Notice } from "./notice.ts";
import type { Signer } from "./proof.ts";
import type { Receipt, Withdrawal } from "./receipt.ts";

const MAX_RECORDS = 16;
const KIND_CONSENT = 8;
const KIND_WITHDRAW = 9;

/** What a proof shows before its answer is looked at. */
export interface Shown {
  readonly room: RoomAccounts;
  readonly nonce: Bytes;
  readonly notice: Notice;
  readonly receipt: Receipt;
  readonly withdrawal: Withdrawal | null;
  readonly signers: { readonly receipt: Signer; readonly withdrawal: Signer | null };
}

/**
 * What the company answered: to the receipt, or to the withdrawal.
 *
 * @throws RemoteError with the codes of CNS-24
 */
export function verifyAnswer(value: Value, shown: Shown): "receipt" | "withdrawal" {
  const fields = new Fields(value, 6);
  const { company } = shown.room;
  const mandate = verifyMandate(company, fields.bytesUpTo(1, MAX_MANDATE_B));
  const roster = verifyRoster(mandate, fields.bytesUpTo(2, MAX_ROSTER_B));
  const list = verifyList(company, fields.bytesUpTo(3, MAX_SIGNED_LIST_B));
  const records = fields.array(4, MAX_RECORDS, 1).map((one) => decodeRecord(asBytes(one, 1, MAX_RECORD_B)));
  const devices = wasInForce(roster, list, records);
  const signPublicOf = (id: Uint8Array): Bytes | null => deviceOf(devices, id)?.record.signPublic ?? null;
  const asked = readLine(fields.get(5), shown.room, signPublicOf);
  const given = readLine(fields.get(6), shown.room, signPublicOf);
  checkIdentity(same(asked.author.accountId, shown.room.customer), "an answer to another side");
  checkIdentity(same(given.author.accountId, company), "an answer of another side");
  const of = carried(asked, shown);
  checkState(given, devices, asked, roster, of === "receipt" ? shown.notice : null);
  return of;
}

function deviceOf(devices: readonly InForce[], id: Uint8Array): InForce | null {
  return devices.find((device) => same(device.record.deviceId, id)) ?? null;
}

function payloadOf(entry: Entry): Value {
  if (entry.body === null) throw new RemoteError("remote.content", "a body that is withheld");
  const payload = decodeBody(entry.body);
  checkPayload(entry.header.kind, payload);
  return payload;
}

/** The receipt or the withdrawal that is shown, in an entry of the device that signed it. */
function carried(asked: Entry, shown: Shown): "receipt" | "withdrawal" {
  const payload = payloadOf(asked);
  const { kind } = asked.header;
  const isWithdrawal = kind === KIND_WITHDRAW;
  checkIdentity(isWithdrawal || kind === KIND_CONSENT || kind === KIND_OPEN, "an answer to something else");
  const signed = kind === KIND_OPEN ? signedOfOpen(payload, shown.nonce) : payload;
  const expected = isWithdrawal ? shown.withdrawal : shown.receipt;
  const signer = isWithdrawal ? shown.signers.withdrawal : shown.signers.receipt;
  const carries = expected !== null && signed instanceof Uint8Array && same(signed, expected.signed);
  checkIdentity(carries, "an answer to another receipt or withdrawal");
  const isSigner = signer !== null && same(signer.record.deviceId, asked.author.deviceId);
  checkIdentity(isSigner, "an answer to another device");
  return isWithdrawal ? "withdrawal" : "receipt";
}

function signedOfOpen(payload: Value, nonce: Bytes): Value {
  const fields = new Fields(payload, 2);
  if (!same(fields.bytes(1, nonce.length), nonce)) throw new RemoteError("remote.content", "an open of another nonce");
  return fields.get(2);
}

/** A state of a desk or supervisor that names the entry, the roster and, for a receipt, the notice. */
function checkState(
  given: Entry,
  devices: readonly InForce[],
  asked: Entry,
  roster: Roster,
  notice: Notice | null,
): void {
  if (given.header.kind !== KIND_STATE) throw notAccepted("an answer that is no state");
  const state = asState(payloadOf(given));
  const rank = deviceOf(devices, given.author.deviceId)?.rank ?? 0;
  if (rank < RANK_DESK) throw new RemoteError("room.right", "an answer of an agent");
  const names = [...(state.parent === null ? [] : [state.parent]), ...state.answers];
  checkIdentity(
    names.some((one) => same(one, asked.hash)),
    "an answer to another entry",
  );
  checkIdentity(isOf(roster, state.roster), "an answer by another roster");
  const isOfNotice = notice === null || (state.notice !== null && same(state.notice, notice.hash));
  checkIdentity(isOfNotice, "an answer under another notice");
}
