/** An invite of a further device: its code, where the holder waits, its messages and digits (ACC-31 to ACC-34). */

import { fromBase64url, toBase64url } from "../base64url.ts";
import type { Bytes } from "../bytes.ts";
import { concat, cut, readU32, same, sized } from "../bytes.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import { MAILBOX_B, TOKEN_B } from "../identity/address.ts";
import { DEVICE_ID_B } from "../identity/record.ts";
import { open, seal } from "../primitives/aead.ts";
import { hash } from "../primitives/hash.ts";
import { prfOfShort } from "../primitives/kdf.ts";
import { classB, padTo } from "../wire/padding.ts";
import { unmark } from "../wire/unpadding.ts";

const SECRET_B = 16;
const COMMIT_B = 16;
const CHECK_B = 5;
const CODE_B = SECRET_B + COMMIT_B + 2 + CHECK_B;
const CODE = /^sealroom:join\?v=1&c=([A-Za-z0-9_-]{52})$/;
const FRESH_B = 88;
const HEAD_B = FRESH_B + 2;
const DIGITS = 1_000_000n;

export const IN = 1;
export const OPENING = 2;
export const OUT = 3;
/** A company whose account key is elsewhere says that it takes a while; no browser joins one (ACC-43). */
export const HOLD = 4;
export type InviteMessage = typeof IN | typeof OPENING | typeof OUT | typeof HOLD;

/** What a code holds, and what both sides of an invite know. */
export interface InviteCode {
  readonly secret: Bytes;
  readonly commitment: Bytes;
  readonly kind: number;
  readonly frontDesk: number;
}

/** The first 16 bytes of `hash("SR1-link-commit", r)`. */
export function commitmentOf(r: Uint8Array): Bytes {
  return cut(hash("SR1-link-commit", r), 0, COMMIT_B);
}

function checked(accountId: Uint8Array, code: InviteCode): Bytes {
  const body = concat(code.secret, code.commitment, Uint8Array.of(code.kind, code.frontDesk));
  return concat(body, cut(hash("SR1-link-code", accountId, body), 0, CHECK_B));
}

export function encodeInvite(accountId: Uint8Array, code: InviteCode): string {
  return `sealroom:join?v=1&c=${toBase64url(checked(accountId, code))}`;
}

/**
 * The code of a text, which has to check with the account of the card (ACC-31).
 *
 * @throws RemoteError `remote.decode`
 */
export function decodeInvite(accountId: Uint8Array, text: string): InviteCode {
  const match = CODE.exec(text);
  if (match === null) throw notAccepted("no code of an invite");
  const data = fromBase64url(match[1] as string);
  const [kind, frontDesk] = [data[SECRET_B + COMMIT_B] as number, data[SECRET_B + COMMIT_B + 1] as number];
  const code = { secret: cut(data, 0, SECRET_B), commitment: cut(data, SECRET_B, COMMIT_B), kind, frontDesk };
  if (data.length !== CODE_B || kind > 2 || frontDesk > 1 || !same(checked(accountId, code), data)) {
    throw notAccepted("a code of another company, or a damaged one");
  }
  return code;
}

export interface InvitePlace {
  readonly mailbox: Bytes;
  readonly token: Bytes;
  readonly deviceId: Bytes;
}

/** Where the holder waits, and the id of the device to come (ACC-32). */
export function placeOf(secret: Uint8Array, accountId: Uint8Array): InvitePlace {
  const out = prfOfShort(secret, "SR1-link-place", accountId, 64);
  return {
    mailbox: cut(out, 0, MAILBOX_B),
    token: cut(out, MAILBOX_B, TOKEN_B),
    deviceId: cut(out, MAILBOX_B + TOKEN_B, DEVICE_ID_B),
  };
}

/** The key of one message, which has 88 random bytes of its own: it seals nothing else (ACC-33, PRM-07). */
export function keyOf(secret: Uint8Array, accountId: Uint8Array, message: InviteMessage, fresh: Uint8Array): Bytes {
  return prfOfShort(secret, "SR1-link-keys", concat(accountId, Uint8Array.of(message), fresh), 32);
}

/** A message of an invite, which looks like an envelope of kind 1; `fresh` are 88 random bytes (ACC-33). */
export function sealInvite(
  secret: Uint8Array,
  accountId: Uint8Array,
  message: InviteMessage,
  fresh: Uint8Array,
  plain: Uint8Array,
): Bytes {
  const head = concat(Uint8Array.of(1, 1), sized(fresh, FRESH_B, "fresh bytes of an invite"));
  const key = keyOf(secret, accountId, message, fresh);
  return concat(head, seal(key, padTo(plain, classB(1, plain.length + 1)), head));
}

/**
 * The plaintext of a message of an invite.
 *
 * @throws RemoteError `remote.authentication`
 */
export function openInvite(
  secret: Uint8Array,
  accountId: Uint8Array,
  message: InviteMessage,
  sealed: Uint8Array,
): Bytes {
  const head = cut(sealed, 0, HEAD_B);
  if (head.length !== HEAD_B || head[0] !== 1 || head[1] !== 1) {
    throw new RemoteError("remote.authentication", "no message of an invite");
  }
  const key = keyOf(secret, accountId, message, cut(head, 2, FRESH_B));
  return unmark(open(key, sealed.subarray(HEAD_B), head));
}

/** The six digits that both devices show (ACC-34). */
export function digitsOf(secret: Uint8Array, message: Uint8Array, r: Uint8Array): string {
  const first = hash("SR1-link-sas", secret, message, r);
  const value = (BigInt(readU32(first, 0)) << 32n) | BigInt(readU32(first, 4));
  return (value % DIGITS).toString().padStart(6, "0");
}
