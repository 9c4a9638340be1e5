/** Signed structures: the array [bytes of the map, signature 64] (ID-29). */
import type { Bytes } from "../bytes.ts";
import { VERSION } from "../constants.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import type { Label } from "../labels.ts";
import { SIGNATURE_B, sign, verify } from "../primitives/sign.ts";
import type { Ed25519Seed } from "../secret.ts";
import type { Value } from "../wire/cbor.ts";
import { decode, encode } from "../wire/cbor.ts";
import { asArray, asBytes, isInteger } from "../wire/fields.ts";

export interface Signed {
  /** The bytes of the map, as they were signed. */
  readonly map: Bytes;
  readonly signature: Bytes;
}

/**
 * The two parts of a signed structure of at most `capB` bytes.
 *
 * @throws RemoteError `remote.decode`
 */
export function decodeSigned(data: Uint8Array, capB: number): Signed {
  const [map, signature] = asArray(decode(data, capB), 2, 2) as [Value, Value];
  return { map: asBytes(map, 1, capB), signature: asBytes(signature, SIGNATURE_B, SIGNATURE_B) };
}

export function encodeSigned(signed: Signed): Bytes {
  return encode([signed.map, signed.signature]);
}

/**
 * The map of a signed structure, verified first and decoded then (ID-29).
 *
 * @throws RemoteError `remote.decode`, `remote.signature`
 */
export function openSigned(data: Uint8Array, capB: number, publicKey: Uint8Array, label: Label): Opened {
  const signed = decodeSigned(data, capB);
  verify(publicKey, label, signed.map, signed.signature);
  return { signed, value: decode(signed.map, capB) };
}

export interface Opened {
  readonly signed: Signed;
  readonly value: Value;
}

/** The bytes of a map, signed under a label. */
export function signMap(seed: Ed25519Seed, label: Label, map: Bytes): Bytes {
  return encodeSigned({ map, signature: sign(seed, label, map) });
}

/**
 * Version or suite 1.
 *
 * @throws RemoteError `remote.version` for another unsigned integer, `remote.decode` for anything else (ID-03)
 */
export function checkVersion(value: Value): void {
  if (!isInteger(value) || value < 0) throw notAccepted("a version is an unsigned integer");
  if (BigInt(value) !== BigInt(VERSION)) {
    throw new RemoteError("remote.version", "a version or suite that is not known");
  }
}

/** Refuse keys that do not belong to the account or device in question. */
export function checkIdentity(belongs: boolean, what: string): void {
  if (!belongs) throw new RemoteError("remote.identity", what);
}
