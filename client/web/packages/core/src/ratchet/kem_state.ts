/** States of the KEM ratchet and the values of an epoch (chapter 09). */

import type { Bytes } from "../bytes.ts";
import { concat, cut, u32 } from "../bytes.ts";
import { hash, sha256 } from "../primitives/hash.ts";
import { hkdf } from "../primitives/kdf.ts";
import type { KemPublic } from "../primitives/kem.ts";
import { CIPHERTEXT_B } from "../primitives/kem.ts";
import type { EpochSecret, KemSeed, SharedSecret } from "../secret.ts";
import { Secret } from "../secret.ts";
import type { Pieces } from "./fragment.ts";

/** A time and a count of messages. */
export interface Moment {
  readonly ms: number;
  readonly at: number;
}

export type Kem =
  | { readonly state: "KeyDue" }
  | {
      readonly state: "Offering";
      readonly seed: KemSeed;
      readonly key: KemPublic;
      readonly sent: number;
      readonly pieces: Pieces | null;
      readonly made: Moment;
    }
  | {
      readonly state: "SecretHeld";
      readonly secret: EpochSecret;
      readonly ciphertextId: Bytes;
      readonly made: Moment;
    }
  | { readonly state: "Collecting"; readonly pieces: Pieces | null }
  | { readonly state: "CiphertextDue"; readonly key: KemPublic }
  | {
      readonly state: "Answering";
      readonly keyId: Bytes;
      readonly message: Bytes;
      readonly secret: EpochSecret;
      readonly sent: number;
      readonly pieces: Pieces | null;
      readonly made: Moment;
    };

export type Offering = Extract<Kem, { state: "Offering" }>;
export type Answering = Extract<Kem, { state: "Answering" }>;

export const KEY_DUE: Kem = { state: "KeyDue" };
export const COLLECTING: Kem = { state: "Collecting", pieces: null };
const GENERATOR_STATES: readonly Kem["state"][] = ["KeyDue", "Offering", "SecretHeld"];
const HALF_ID_B = 4;
export const CONFIRMATION_B = 32;
export const CIPHERTEXT_MESSAGE_B = CIPHERTEXT_B + CONFIRMATION_B;

/** Whether this side generates in the epoch under way: the initiator the odd ones (PQ-01). */
export function generates(initiator: boolean, pqEpoch: number): boolean {
  return initiator === (pqEpoch % 2 === 0);
}

/** Whether a state is one of the side that generates. */
export function isGenerator(kem: Kem): boolean {
  return GENERATOR_STATES.includes(kem.state);
}

/** The first 8 bytes of `hash("SR1-kem-key", ek)`. */
export function keyId(key: Uint8Array): Bytes {
  return cut(hash("SR1-kem-key", key), 0, 8);
}

/** Half of the key id, half of the hash of the ciphertext message. */
export function ciphertextId(ofKey: Uint8Array, message: Uint8Array): Bytes {
  return concat(cut(ofKey, 0, HALF_ID_B), cut(hash("SR1-kem-text", message), 0, HALF_ID_B));
}

export interface EpochValues {
  readonly secret: EpochSecret;
  readonly confirmation: Bytes;
}

/** `epoch(session id, n, ss, ek, ct)`: epoch secret and confirmation (PQ-03). */
export function epochValues(
  sessionId: Bytes,
  epoch: number,
  shared: SharedSecret,
  key: KemPublic,
  ciphertext: Uint8Array,
): EpochValues {
  const rest = concat(u32(epoch), sha256(concat(key, ciphertext)));
  const out = hkdf(sessionId, shared.expose(), "SR1-kem-epoch", rest, 64);
  return { secret: new Secret("epoch secret", cut(out, 0, 32)), confirmation: cut(out, 32, 32) };
}
