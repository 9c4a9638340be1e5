/** ChaCha20-Poly1305 with the zero nonce: each key seals one message (PRM-07). */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import type { Bytes } from "../bytes.ts";
import { notAuthentic } from "../errors.ts";

export const TAG_B = 16;
const NONCE_B = 12;

/** `AEAD(key, plaintext, associated)`: sealed, 16 bytes longer. */
export function seal(key: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Bytes {
  const cipher = chacha20poly1305(key, new Uint8Array(NONCE_B), associated);
  return new Uint8Array(cipher.encrypt(plaintext));
}

/**
 * What was sealed under `key` with this associated data.
 *
 * @throws RemoteError `remote.authentication`
 */
export function open(key: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Bytes {
  if (sealed.length < TAG_B) throw notAuthentic();
  const cipher = chacha20poly1305(key, new Uint8Array(NONCE_B), associated);
  try {
    return new Uint8Array(cipher.decrypt(sealed));
  } catch {
    throw notAuthentic();
  }
}
