/**
 * The envelope that a relay carries, and the prefix of a first flight (WIRE-06 to WIRE-08).
 *
 *     kind 1   | ver 1 | kind 1 | tag 8 | salt 16 | sealed header 64 | sealed body n |
 *     kind 2   | ver 1 | kind 2 | prefix 2108 | tag 8 | salt 16 | sealed header 64 | sealed body n |
 *     prefix   | EK 32 | SPK id 4 | OPK id 4 | PQK id 4 | KEM ciphertext 1088 | sealed identity 976 |
 */

import type { Bytes } from "../bytes.ts";
import { concat, u32 } from "../bytes.ts";
import { VERSION } from "../constants.ts";
import type { X25519Public } from "../primitives/dh.ts";
import type { Kind } from "./padding.ts";

export const PREFIX_B = 2_108;
export const TAG_B = 8;
export const SALT_B = 16;
export const SEALED_HEADER_B = 64;
export const SEALED_IDENTITY_B = 976;
export interface Envelope {
  readonly kind: Kind;
  /** Of kind 2, else null. */
  readonly prefix: Bytes | null;
  readonly tag: Bytes;
  readonly salt: Bytes;
  readonly sealedHeader: Bytes;
  readonly sealedBody: Bytes;
}

/** Every byte of an envelope that precedes its sealed body (DR-08). */
export function beforeBody(envelope: Omit<Envelope, "sealedBody">): Bytes {
  const { kind, prefix, tag, salt, sealedHeader } = envelope;
  return concat(Uint8Array.of(VERSION, kind), prefix ?? new Uint8Array(0), tag, salt, sealedHeader);
}

export function encodeEnvelope(envelope: Envelope): Bytes {
  return concat(beforeBody(envelope), envelope.sealedBody);
}

export interface Prefix {
  readonly ephemeral: X25519Public;
  readonly spkId: number;
  /** 0 where no one-time X25519 prekey was used. */
  readonly opkId: number;
  readonly pqkId: number;
  readonly ciphertext: Bytes;
  readonly sealedIdentity: Bytes;
}

export function encodePrefix(prefix: Prefix): Bytes {
  const ids = [prefix.spkId, prefix.opkId, prefix.pqkId].map(u32);
  return concat(prefix.ephemeral, ...ids, prefix.ciphertext, prefix.sealedIdentity);
}
