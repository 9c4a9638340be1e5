/** HKDF-SHA-256 of asymmetric secrets (PRM-13) and keyed BLAKE2b of symmetric chains (PRM-12). */
import { blake2b } from "@noble/hashes/blake2.js";
import { hkdf as nobleHkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Bytes } from "../bytes.ts";
import { concat, sized } from "../bytes.ts";
import type { Label } from "../labels.ts";
import { padded } from "../labels.ts";

const KEY_B = 32;
const SALT_B = 16;

/** `prf(key, label, salt, data, size)`; a salt of null is 16 zero bytes (PRM-12). */
export function prf(
  key: Uint8Array,
  label: Label,
  salt: Uint8Array | null,
  data: Uint8Array,
  sizeB: 8 | 16 | 32 | 64,
): Bytes {
  return prfOf(sized(key, KEY_B, "key of a PRF"), label, salt, data, sizeB);
}

/** `prf` with 16 bytes as key: those of an invite (ACC-32, ACC-33), or of a recovery code (ACC-60). */
export function prfOfShort(key: Uint8Array, label: Label, data: Uint8Array, sizeB: 32 | 64): Bytes {
  return prfOf(sized(key, SALT_B, "short key of a PRF"), label, null, data, sizeB);
}

function prfOf(key: Bytes, label: Label, salt: Uint8Array | null, data: Uint8Array, sizeB: number): Bytes {
  const options = {
    key,
    dkLen: sizeB,
    personalization: padded(label),
    salt: salt === null ? new Uint8Array(SALT_B) : sized(salt, SALT_B, "salt of a PRF"),
  };
  return new Uint8Array(blake2b(data, options));
}

/** `HKDF(salt, ikm, info, n)`, extract then expand; `info` is the padded label, then `rest` (PRM-13). */
export function hkdf(salt: Uint8Array, ikm: Uint8Array, label: Label, rest: Uint8Array, sizeB: number): Bytes {
  return new Uint8Array(nobleHkdf(sha256, ikm, salt, concat(padded(label), rest), sizeB));
}
