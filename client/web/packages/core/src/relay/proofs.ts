/** What a client signs, hashes and works for at a relay (RLY-22, RLY-24, RLY-25). */

import { blake2b } from "@noble/hashes/blake2.js";
import type { Bytes } from "../bytes.ts";
import { ascii, concat } from "../bytes.ts";
import { signBare } from "../primitives/sign.ts";
import type { Ed25519Seed } from "../secret.ts";
import { encode } from "../wire/cbor.ts";

const AUTH = labelOf("SR1-relay-auth");
const TOKEN = labelOf("SR1-relay-token");
const POW = labelOf("SR1-relay-pow");
const BLOB = labelOf("SR1-relay-blob");
export const MAX_POW_BITS = 16;

function labelOf(text: string): Bytes {
  const padded = new Uint8Array(16);
  padded.set(ascii(text));
  return padded;
}

/** The signature over label | CBOR [relay name, nonce, [mailbox ids]] of this connection's HELLO (RLY-22). */
export function signAuth(seed: Ed25519Seed, relayName: string, nonce: Bytes, mailboxes: readonly Bytes[]): Bytes {
  return signBare(seed, concat(AUTH, encode([relayName, nonce, mailboxes])));
}

/** The 32 bytes by which a relay knows a delivery token (RLY-25). */
export function tokenHash(token: Bytes): Bytes {
  return new Uint8Array(blake2b(token, { dkLen: 32, personalization: TOKEN }));
}

/** The 32 bytes by which a relay knows the secret of a blob's writer (RLY-240). */
export function blobHash(secret: Bytes): Bytes {
  return new Uint8Array(blake2b(secret, { dkLen: 32, personalization: BLOB }));
}

/** Whether BLAKE2b-256(label, context | work) begins with so many zero bits (RLY-24). */
export function isEnoughWork(context: Uint8Array, work: Uint8Array, bits: number): boolean {
  const digest = blake2b(concat(context, work), { dkLen: 32, personalization: POW });
  const first = ((digest[0] as number) << 16) | ((digest[1] as number) << 8) | (digest[2] as number);
  return bits === 0 || first >>> (24 - bits) === 0;
}
