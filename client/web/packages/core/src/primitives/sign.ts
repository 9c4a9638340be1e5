/** Ed25519, verified as libsodium does: the library's own check accepts more (PRM-03). */
import { getPublicKey, hashes, Point, sign as signed } from "@noble/ed25519";
import type { Bytes } from "../bytes.ts";
import { concat, same } from "../bytes.ts";
import { RemoteError } from "../errors.ts";
import type { Label } from "../labels.ts";
import { padded } from "../labels.ts";
import type { Ed25519Seed } from "../secret.ts";
import { sha512 } from "./hash.ts";

export const ED25519_PUBLIC_B = 32;
export const SIGNATURE_B = 64;
const HALF_B = 32;

const ORDER = Point.CURVE().n;
hashes.sha512 = sha512;

export function ed25519PublicOf(seed: Ed25519Seed): Bytes {
  return new Uint8Array(getPublicKey(seed.expose()));
}

/** `sign(label, data)`: Ed25519 over the padded label and the data; 64 bytes (PRM-11). */
export function sign(seed: Ed25519Seed, label: Label, data: Uint8Array): Bytes {
  return signBare(seed, concat(padded(label), data));
}

/** Ed25519 over what has its label already; 64 bytes. */
export function signBare(seed: Ed25519Seed, labelled: Uint8Array): Bytes {
  return new Uint8Array(signed(labelled, seed.expose()));
}

/**
 * Verify a signature of the padded label and the data (PRM-03, PRM-11).
 *
 * @throws RemoteError `remote.signature`
 */
export function verify(publicKey: Uint8Array, label: Label, data: Uint8Array, signature: Uint8Array): void {
  if (!holds(publicKey, concat(padded(label), data), signature)) {
    throw new RemoteError("remote.signature", "a signature does not verify");
  }
}

/** Cofactorless equation on canonical A, R and S, neither A nor R of small order. */
function holds(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== ED25519_PUBLIC_B || signature.length !== SIGNATURE_B) return false;
  const r = signature.subarray(0, HALF_B);
  const s = littleEndian(signature.subarray(HALF_B));
  const a = strictPoint(publicKey);
  if (a === null || a.isSmallOrder() || s >= ORDER) return false;
  const k = littleEndian(sha512(concat(r, publicKey, message))) % ORDER;
  const expected = Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k));
  return !expected.isSmallOrder() && same(expected.toBytes(), r);
}

/** The point of a canonical encoding, or null. */
function strictPoint(encoded: Uint8Array): Point | null {
  try {
    return Point.fromBytes(encoded, false);
  } catch {
    return null;
  }
}

function littleEndian(data: Uint8Array): bigint {
  return data.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
