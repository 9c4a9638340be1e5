/** Safety numbers (ID-24 to ID-26). */

import type { Bytes } from "../bytes.ts";
import { compare, concat, cut, hex, sameSecret, unhex } from "../bytes.ts";
import { notAccepted } from "../errors.ts";
import { padded } from "../labels.ts";
import { sha512 } from "../primitives/hash.ts";

const ROUNDS = 5_199;
const GROUPS = 6;
const GROUP_B = 5;
const GROUP_MODULUS = 100_000n;
const QR_START = "SEALROOM:1:";
const QR = /^SEALROOM:1:(?:[0-9A-F]{128})$/;

/** The fingerprint of an account, 32 bytes (ID-24). */
export function fingerprint(accountId: Uint8Array): Bytes {
  let h = sha512(concat(padded("SR1-safety"), accountId));
  for (let i = 0; i < ROUNDS; i++) h = sha512(concat(h, accountId));
  return cut(h, 0, 32);
}

/** Six groups of five digits (ID-25). */
function groups(print: Bytes): readonly string[] {
  return Array.from({ length: GROUPS }, (_, i) => {
    const value = BigInt(`0x${hex(cut(print, i * GROUP_B, GROUP_B))}`) % GROUP_MODULUS;
    return value.toString().padStart(GROUP_B, "0");
  });
}

/** The fingerprint of an account as it is shown alone: six groups of five digits. */
export function fingerprintGroups(accountId: Uint8Array): readonly string[] {
  return groups(fingerprint(accountId));
}

/** 60 digits in 12 groups, the smaller fingerprint first (ID-25). */
export function safetyNumber(a: Bytes, b: Bytes): string {
  return inOrder(a, b).flatMap(groups).join(" ");
}

/** What is shown as QR code: both fingerprints in upper-case hexadecimal, the smaller first (ID-26). */
export function qrPayload(a: Bytes, b: Bytes): string {
  return QR_START + hex(concat(...inOrder(a, b))).toUpperCase();
}

function inOrder(a: Bytes, b: Bytes): readonly Bytes[] {
  return compare(a, b) <= 0 ? [a, b] : [b, a];
}

/**
 * Whether a scanned payload is that of these two fingerprints, compared in constant time (ID-26).
 *
 * @throws RemoteError `remote.decode` for a text that is no safety number
 */
export function compareScanned(ours: Bytes, theirs: Bytes, scanned: string): boolean {
  if (!QR.test(scanned)) throw notAccepted("a scanned text that is no safety number");
  const shown = unhex(scanned.slice(QR_START.length).toLowerCase());
  return sameSecret(shown, concat(...inOrder(ours, theirs)));
}
