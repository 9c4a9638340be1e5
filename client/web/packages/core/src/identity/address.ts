/** Addresses of published devices (ID-20) and successor statements (ID-13). */

import type { Bytes } from "../bytes.ts";
import { same } from "../bytes.ts";
import { MAX_SIGNED_ADDRESS_B, VERSION } from "../constants.ts";
import { RemoteError } from "../errors.ts";
import type { Ed25519Seed } from "../secret.ts";
import { cborMap, encode } from "../wire/cbor.ts";
import { Fields } from "../wire/fields.ts";
import type { DeviceList } from "./list.ts";
import type { DeviceRecord } from "./record.ts";
import { ACCOUNT_ID_B, HASH_B } from "./record.ts";
import { checkIdentity, checkVersion, decodeSigned, openSigned, signMap } from "./signed.ts";

export const MAILBOX_B = 16;
export const TOKEN_B = 32;

export interface Address {
  readonly mailbox: Bytes;
  readonly token: Bytes;
  readonly issuedMs: number;
}

/**
 * The address that the device of `owner` signed (ID-20).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`, `remote.version`, `remote.identity`
 */
export function verifyAddress(owner: DeviceRecord, data: Uint8Array): Address {
  const { value } = openSigned(data, MAX_SIGNED_ADDRESS_B, owner.signPublic, "SR1-sig-address");
  const fields = new Fields(value, 5);
  checkVersion(fields.get(1));
  checkIdentity(same(fields.bytes(2, HASH_B), owner.hash), "an address of another record");
  return { mailbox: fields.bytes(3, MAILBOX_B), token: fields.bytes(4, TOKEN_B), issuedMs: fields.uint(5) };
}

/** Sign where the device of a record is reached (ID-20). */
export function signAddress(seed: Ed25519Seed, owner: DeviceRecord, address: Address): Bytes {
  const map = cborMap([
    [1, VERSION],
    [2, owner.hash],
    [3, address.mailbox],
    [4, address.token],
    [5, address.issuedMs],
  ]);
  return signMap(seed, "SR1-sig-address", encode(map));
}

export interface Successor {
  readonly newAccountId: Bytes;
  readonly issuedMs: number;
}

/**
 * The successor by the recovery key that the pinned list names (ID-13); it is shown, and never followed by itself.
 *
 * @throws RemoteError `remote.decode`, `remote.signature`, `remote.version`, `remote.identity`
 */
export function verifySuccessor(pinned: DeviceList, data: Uint8Array): Successor {
  decodeSigned(data, MAX_SIGNED_ADDRESS_B);
  if (pinned.recoveryPublic === null) throw new RemoteError("remote.identity", "the list names no recovery key");
  const { value } = openSigned(data, MAX_SIGNED_ADDRESS_B, pinned.recoveryPublic, "SR1-sig-succ");
  const fields = new Fields(value, 4);
  checkVersion(fields.get(1));
  checkIdentity(same(fields.bytes(2, ACCOUNT_ID_B), pinned.accountId), "a successor of another account");
  const newAccountId = fields.bytes(3, ACCOUNT_ID_B);
  checkIdentity(!same(newAccountId, pinned.accountId), "an account that follows itself");
  return { newAccountId, issuedMs: fields.uint(4) };
}
