/** Rosters: who of a company is in force now (ACC-02, ACC-03). */

import type { Bytes } from "../bytes.ts";
import { compare, same } from "../bytes.ts";
import { MAX_COUNTER, MAX_TEAM, ROSTER_TTL_MS } from "../constants.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import type { ListHead } from "../identity/list.ts";
import { asHash, asListHead } from "../identity/list.ts";
import { ACCOUNT_ID_B, DEVICE_ID_B } from "../identity/record.ts";
import { checkIdentity, checkVersion, openSigned } from "../identity/signed.ts";
import { hash } from "../primitives/hash.ts";
import type { RosterRef } from "../rooms/state.ts";
import type { Value } from "../wire/cbor.ts";
import { decode } from "../wire/cbor.ts";
import { asArray, asBytes, ascending, asUint, Fields } from "../wire/fields.ts";
import type { Mandate } from "./mandate.ts";
import { asDeviceIds, lifetime, MAX_MANDATE_B, verifyMandate } from "./mandate.ts";

export const MAX_ROSTER_B = 2_000;
const MAX_SLOT_B = 4_096;
const MAX_OLDER = 4;
const MAX_SUSPENDED = 16;

export interface NamedDevice {
  readonly deviceId: Bytes;
  readonly notAfterMs: number;
  readonly cardHash: Bytes;
}

export interface OlderNotice {
  readonly hash: Bytes;
  readonly untilMs: number;
}

export interface Roster {
  readonly signed: Bytes;
  readonly hash: Bytes;
  readonly mandate: Mandate;
  readonly seq: number;
  readonly issuedMs: number;
  readonly expiresMs: number;
  readonly list: ListHead;
  readonly devices: readonly NamedDevice[];
  readonly noticeHash: Bytes;
  readonly older: readonly OlderNotice[];
  readonly suspended: readonly Bytes[];
}

/**
 * The roster that the roster key of its mandate signed (ACC-02, ACC-03).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`, `remote.version`, `remote.identity`, `room.mandate`
 */
export function verifyRoster(mandate: Mandate, data: Uint8Array): Roster {
  const { signed, value } = openSigned(data, MAX_ROSTER_B, mandate.rosterPublic, "SR1-sig-roster");
  const fields = new Fields(value, 11);
  checkVersion(fields.get(1));
  checkMandateOf(fields, mandate);
  const seq = fields.uint(4, MAX_COUNTER - 1, 1);
  const { issuedMs, expiresMs } = lifetime(fields, 5, ROSTER_TTL_MS);
  return {
    signed: new Uint8Array(data),
    hash: hash("SR1-roster", signed.map),
    mandate,
    seq,
    issuedMs,
    expiresMs,
    list: asListHead(fields.get(7)),
    devices: asDevices(fields.get(8), expiresMs),
    noticeHash: asHash(fields.get(9)),
    older: ascending(fields.array(10, MAX_OLDER).map(asOlder), (a, b) => compare(a.hash, b.hash)),
    suspended: asDeviceIds(fields.get(11), MAX_SUSPENDED),
  };
}

/** Whether it is the roster that a state names, by its numbers and its hash (ROOM-10). */
export function isOf(roster: Roster, ref: RosterRef): boolean {
  return roster.mandate.seq === ref.mandateSeq && roster.seq === ref.seq && same(roster.hash, ref.hash);
}

/** Keys 2 and 3 of a roster or of channels: account and number of the mandate (ACC-03). */
export function checkMandateOf(fields: Fields, mandate: Mandate): void {
  checkIdentity(same(fields.bytes(2, ACCOUNT_ID_B), mandate.accountId), "a structure of another account");
  if (fields.uint(3, MAX_COUNTER - 1, 1) !== mandate.seq) {
    throw new RemoteError("room.mandate", "a structure of another mandate");
  }
}

function asDevices(value: Value, expiresMs: number): readonly NamedDevice[] {
  const devices = asArray(value, MAX_TEAM).map((one) => asNamedDevice(one, expiresMs));
  return ascending(devices, (a, b) => compare(a.deviceId, b.deviceId));
}

function asNamedDevice(value: Value, expiresMs: number): NamedDevice {
  const [id, notAfter, cardHash] = asArray(value, 3, 3) as [Value, Value, Value];
  const deviceId = asBytes(id, DEVICE_ID_B, DEVICE_ID_B);
  const notAfterMs = asUint(notAfter);
  if (notAfterMs > expiresMs) throw notAccepted("a device longer than its roster");
  return { deviceId, notAfterMs, cardHash: asHash(cardHash) };
}

function asOlder(value: Value): OlderNotice {
  const [noticeHash, untilMs] = asArray(value, 2, 2) as [Value, Value];
  return { hash: asHash(noticeHash), untilMs: asUint(untilMs) };
}

/** Mandate and roster of a slot of the directory (ACC-11). */
export function verifySlot(accountId: Uint8Array, data: Uint8Array): Roster {
  const [mandate, roster] = asArray(decode(data, MAX_SLOT_B), 2, 2) as [Value, Value];
  const [first, second] = [asBytes(mandate, 1, MAX_MANDATE_B), asBytes(roster, 1, MAX_ROSTER_B)];
  return verifyRoster(verifyMandate(accountId, first), second);
}
