/** Reads envelopes and prefixes (WIRE-06 to WIRE-08). */

import { cut, readU32 } from "../bytes.ts";
import { MAX_ENVELOPE_B, VERSION } from "../constants.ts";
import { notAccepted, RemoteError } from "../errors.ts";
import { TAG_B as AEAD_TAG_B } from "../primitives/aead.ts";
import { x25519Public } from "../primitives/dh.ts";
import { CIPHERTEXT_B } from "../primitives/kem.ts";
import type { Envelope, Prefix } from "./envelope.ts";
import { PREFIX_B, SALT_B, SEALED_HEADER_B, SEALED_IDENTITY_B, TAG_B } from "./envelope.ts";
import { isClass } from "./unpadding.ts";

const VERSION_AND_KIND_B = 2;

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
