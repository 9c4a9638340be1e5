/** What the messages of an invite say: who comes, and the list that takes it in (ACC-33, ACC-35). */

import type { Bytes } from "../bytes.ts";
import { same } from "../bytes.ts";
import { CLOCK_TOLERANCE_MS, MAX_LIST_RECORDS, MAX_RECORD_B, MAX_SIGNED_LIST_B } from "../constants.ts";
import { RemoteError } from "../errors.ts";
import { MAILBOX_B, TOKEN_B } from "../identity/address.ts";
import type { DeviceList } from "../identity/list.ts";
import { checkListed, checkListTime, verifyList } from "../identity/list.ts";
import type { DeviceRecord } from "../identity/record.ts";
import { checkRecordTime, decodeRecord } from "../identity/record.ts";
import { checkIdentity } from "../identity/signed.ts";
import { cborMap, decode, encode } from "../wire/cbor.ts";
import { asBytes, Fields } from "../wire/fields.ts";
import type { InviteCode } from "./invite.ts";
import { placeOf } from "./invite.ts";

const MAX_MESSAGE_B = 8_192;

/** `in`: the record of the new device, and where it is answered. */
export interface InviteRequest {
  readonly record: DeviceRecord;
  readonly mailbox: Bytes;
  readonly token: Bytes;
}

export function encodeRequest(record: Bytes, mailbox: Bytes, token: Bytes): Bytes {
  return encode(cborMap([record, mailbox, token].map((part, i) => [i + 1, part] as const)));
}

/** The message of any device: where it is answered (ACC-53). @throws RemoteError where it is none */
export function readRequest(message: Uint8Array): InviteRequest {
  const fields = new Fields(decode(message, MAX_MESSAGE_B), 3);
  const record = decodeRecord(fields.bytesUpTo(1, MAX_RECORD_B));
  return { record, mailbox: fields.bytes(2, MAILBOX_B), token: fields.bytes(3, TOKEN_B) };
}

/**
 * The message of a new device that is what the invite of this account says (ACC-35).
 *
 * @throws RemoteError `remote.decode`, `remote.version`, `remote.key`, `remote.identity`, `remote.expired`
 */
export function decodeRequest(
  accountId: Uint8Array,
  code: InviteCode,
  message: Uint8Array,
  nowMs: number,
): InviteRequest {
  const request = readRequest(message);
  const { record } = request;
  const isInvited = same(record.deviceId, placeOf(code.secret, accountId).deviceId);
  const isOfAccount = same(record.accountId, accountId);
  checkIdentity(isInvited && isOfAccount, "another device than the one that was invited");
  checkIdentity(record.kind === code.kind && record.flags === code.frontDesk, "a device of another kind");
  checkRecordTime(record, nowMs);
  if (record.createdMs < nowMs - CLOCK_TOLERANCE_MS)
    throw new RemoteError("remote.expired", "a new device whose clock is behind");
  return request;
}

/** `out`: the list that names the new device, and the records of all that it names. */
export interface Welcome {
  readonly list: DeviceList;
  readonly records: readonly DeviceRecord[];
}

export function encodeWelcome(list: Bytes, records: readonly Bytes[]): Bytes {
  return encode(
    cborMap([
      [1, list],
      [2, records],
    ]),
  );
}

/**
 * What the device of a record goes on with (ACC-35).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`, `remote.version`, `remote.key`, `remote.identity`,
 *   `remote.list_expired`
 */
export function decodeWelcome(own: DeviceRecord, message: Uint8Array, nowMs: number): Welcome {
  const fields = new Fields(decode(message, MAX_MESSAGE_B), 2);
  const list = verifyList(own.accountId, fields.bytesUpTo(1, MAX_SIGNED_LIST_B));
  checkListTime(list, nowMs);
  checkListed(list, own);
  const records = fields.array(2, MAX_LIST_RECORDS, 1).map((one) => decodeRecord(asBytes(one, 1, MAX_RECORD_B)));
  const { recordHashes } = list;
  const isSame =
    records.length === recordHashes.length && records.every(({ hash }, i) => same(hash, recordHashes[i] as Bytes));
  checkIdentity(isSame, "records that are not those of the list");
  return { list, records };
}
