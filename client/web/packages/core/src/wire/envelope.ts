/**
 * The envelope that a relay carries, and the prefix of a first flight (WIRE-06 to WIRE-08).
 *
 *     kind 1   | ver 1 | kind 1 | tag 8 | salt 16 | sealed header 64 | sealed body n |
 *     kind 2   | ver 1 | kind 2 | prefix 2108 | tag 8 | salt 16 | sealed header 64 | sealed body n |
 *     prefix   | EK 32 | SPK id 4 | OPK id 4 | PQK id 4 | KEM ciphertext 1088 | sealed identity 976 |
 */

import type { Bytes } from "../bytes.ts";
import { concat, cut, readU32, u32 } from "../bytes.ts";
import { MAX_ENVELOPE_B, VERSION } from "../constants.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import { TAG_B as AEAD_TAG_B } from "../primitives/aead.ts";
import type { X25519Public } from "../primitives/dh.ts";
import { x25519Public } from "../primitives/dh.ts";
import { CIPHERTEXT_B } from "../primitives/kem.ts";
import type { Kind } from "./padding.ts";
import { isClass } from "./padding.ts";

export const PREFIX_B = 2_108;
export const TAG_B = 8;
export const SALT_B = 16;
export const SEALED_HEADER_B = 64;
export const SEALED_IDENTITY_B = 976;
const VERSION_AND_KIND_B = 2;

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

/**
 * The parts of an envelope.
 *
 * @throws RemoteError `remote.version` (WIRE-06), `remote.decode` (WIRE-07)
 */
export function decodeEnvelope(data: Uint8Array): Envelope {
  const kind = data[1];
  if (data[0] !== VERSION || (kind !== 1 && kind !== 2)) {
    throw new RemoteError("remote.version", "a version or kind of envelope that is not known");
  }
  const prefixB = kind === 2 ? PREFIX_B : 0;
  const tagAt = VERSION_AND_KIND_B + prefixB;
  const headerAt = tagAt + TAG_B + SALT_B;
  const bodyAt = headerAt + SEALED_HEADER_B;
  if (data.length > MAX_ENVELOPE_B || !isClass(kind, data.length - bodyAt - AEAD_TAG_B)) {
    throw notAccepted("an envelope of a length that none has");
  }
  return {
    kind,
    prefix: kind === 2 ? cut(data, VERSION_AND_KIND_B, PREFIX_B) : null,
    tag: cut(data, tagAt, TAG_B),
    salt: cut(data, tagAt + TAG_B, SALT_B),
    sealedHeader: cut(data, headerAt, SEALED_HEADER_B),
    sealedBody: cut(data, bodyAt, data.length - bodyAt),
  };
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

/**
 * The parts of a prefix of 2108 bytes.
 *
 * @throws RemoteError `remote.decode` for its size or an SPK or PQK id of 0 (WIRE-08), `remote.key` (PRM-01)
 */
export function decodePrefix(data: Uint8Array): Prefix {
  if (data.length !== PREFIX_B) throw notAccepted("a prefix has 2108 bytes");
  const [spkId, opkId, pqkId] = [32, 36, 40].map((at) => readU32(data, at)) as [number, number, number];
  if (spkId === 0 || pqkId === 0) throw notAccepted("an SPK or PQK id of 0");
  return {
    ephemeral: x25519Public(cut(data, 0, 32)),
    spkId,
    opkId,
    pqkId,
    ciphertext: cut(data, 44, CIPHERTEXT_B),
    sealedIdentity: cut(data, 44 + CIPHERTEXT_B, SEALED_IDENTITY_B),
  };
}
