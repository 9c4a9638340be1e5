/** Device records (ID-02 to ID-04). */
import type { Bytes } from "../bytes.ts";
import { CLOCK_TOLERANCE_MS, MAX_RECORD_B, VERSION } from "../constants.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import type { X25519Public } from "../primitives/dh.ts";
import { x25519Public } from "../primitives/dh.ts";
import { hash } from "../primitives/hash.ts";
import { cborMap, decode, encode } from "../wire/cbor.ts";
import { Fields } from "../wire/fields.ts";
import { checkVersion } from "./signed.ts";

export const KIND_PERSON = 0;
export const KIND_AGENT = 1;
export const KIND_BOT = 2;
export const FLAG_FRONT_DESK = 1;
export const ACCOUNT_ID_B = 32;
export const DEVICE_ID_B = 16;
export const HASH_B = 32;

export interface RecordFields {
  readonly accountId: Bytes;
  readonly deviceId: Bytes;
  readonly signPublic: Bytes;
  readonly dhPublic: X25519Public;
  /** 0 person, 1 agent, 2 bot. */
  readonly kind: number;
  /** Bit 0: front desk. */
  readonly flags: number;
  readonly createdMs: number;
  readonly expiresMs: number;
}

export interface DeviceRecord extends RecordFields {
  readonly bytes: Bytes;
  /** `hash("SR1-record", record)` (ID-02). */
  readonly hash: Bytes;
}

export function encodeRecord(record: RecordFields): Bytes {
  return encode(
    cborMap([
      [1, VERSION],
      [2, [VERSION]],
      [3, record.accountId],
      [4, record.deviceId],
      [5, record.signPublic],
      [6, record.dhPublic],
      [7, record.kind],
      [8, record.flags],
      [9, record.createdMs],
      [10, record.expiresMs],
    ]),
  );
}

/**
 * The record of at most 256 bytes (ID-29, ID-03).
 *
 * @throws RemoteError `remote.decode`, `remote.version`, `remote.key`
 */
export function decodeRecord(data: Uint8Array): DeviceRecord {
  const fields = new Fields(decode(data, MAX_RECORD_B), 10);
  checkVersion(fields.get(1));
  checkVersion(fields.array(2, 1, 1)[0] ?? null);
  const record = {
    bytes: new Uint8Array(data),
    hash: hash("SR1-record", data),
    accountId: fields.bytes(3, ACCOUNT_ID_B),
    deviceId: fields.bytes(4, DEVICE_ID_B),
    signPublic: fields.bytes(5, 32),
    dhPublic: x25519Public(fields.bytes(6, 32)),
    kind: fields.uint(7, KIND_BOT),
    flags: fields.uint(8, FLAG_FRONT_DESK),
    createdMs: fields.uint(9),
    expiresMs: fields.uint(10),
  };
  if (record.expiresMs <= record.createdMs) throw notAccepted("a record ends after it begins");
  return record;
}

/**
 * A record is not used before `created_ms` minus the clock tolerance, nor after `expires_ms` plus `graceMs` (ID-04).
 *
 * @throws RemoteError `remote.expired`
 */
export function checkRecordTime(record: DeviceRecord, nowMs: number, graceMs = 0): void {
  if (nowMs < record.createdMs - CLOCK_TOLERANCE_MS || nowMs > record.expiresMs + graceMs) {
    throw new RemoteError("remote.expired", "a device record outside of its time");
  }
}
