/** Transitions of the KEM ratchet: what a message takes along, what its fragment does (PQ-04 to PQ-14). */

import type { Bytes } from "../bytes.ts";
import { concat } from "../bytes.ts";
import { MAX_COUNTER } from "../constants.ts";
import { RemoteError } from "../errors.ts";
import type { Encapsulate, Rng } from "../ports.ts";
import { draw } from "../ports.ts";
import type { KemPublic } from "../primitives/kem.ts";
import { KEM_SEED_B, kemPublicOf } from "../primitives/kem.ts";
import { Secret } from "../secret.ts";
import { emptyBlock, PIECE_OF_CIPHERTEXT, PIECE_OF_KEY, pieceBlock, pieceIndex } from "./fragment.ts";
import type { Answering, Kem, Moment } from "./kem_state.ts";
import { ciphertextId, epochValues, keyId } from "./kem_state.ts";

/** What a step of the KEM ratchet goes by. */
export interface KemContext {
  readonly sessionId: Bytes;
  readonly pqEpoch: number;
}

export interface SendingContext extends KemContext {
  readonly moment: Moment;
  readonly rng: Rng;
  readonly encapsulate: Encapsulate;
}

export function desync(): RemoteError {
  return new RemoteError("remote.pq_desync", "the sides have parted in the KEM ratchet");
}

export interface Sent {
  readonly kem: Kem;
  readonly block: Bytes;
}

/** The state after a message of kind 1, and the block that it carries (PQ-04, PQ-05). */
export function beforeSending(kem: Kem, context: SendingContext): Sent {
  const ready = prepared(kem, context);
  const epoch = context.pqEpoch + 1;
  if (ready.state === "Offering" && ready.pieces === null) {
    const id = keyId(ready.key);
    const block = pieceBlock(PIECE_OF_KEY, epoch, id, ready.key, pieceIndex(ready.sent, id));
    return { kem: { ...ready, sent: ready.sent + 1 }, block };
  }
  if (ready.state === "Answering") {
    const id = ciphertextId(ready.keyId, ready.message);
    const block = pieceBlock(PIECE_OF_CIPHERTEXT, epoch, id, ready.message, pieceIndex(ready.sent, id));
    return { kem: { ...ready, sent: ready.sent + 1 }, block };
  }
  return { kem: ready, block: emptyBlock() };
}

/** The state with its key pair or ciphertext made, where that is due (PQ-04, PQ-15). */
function prepared(kem: Kem, context: SendingContext): Kem {
  if (kem.state === "KeyDue" && context.pqEpoch + 1 < MAX_COUNTER) {
    const seed = new Secret("ML-KEM seed", draw(context.rng, KEM_SEED_B));
    return { state: "Offering", seed, key: kemPublicOf(seed), sent: 0, pieces: null, made: context.moment };
  }
  return kem.state === "CiphertextDue" ? answer(kem.key, context) : kem;
}

function answer(key: KemPublic, context: SendingContext): Answering {
  const { ciphertext, secret: shared } = context.encapsulate(key);
  const values = epochValues(context.sessionId, context.pqEpoch + 1, shared, key, ciphertext);
  return {
    state: "Answering",
    keyId: keyId(key),
    message: concat(ciphertext, values.confirmation),
    secret: values.secret,
    sent: 0,
    pieces: null,
    made: context.moment,
  };
}
