/** Transitions of the KEM ratchet: what a message takes along, what its fragment does (PQ-04 to PQ-14). */

import type { Bytes } from "../bytes.ts";
import { concat, cut, same, sameSecret } from "../bytes.ts";
import { MAX_COUNTER } from "../constants.ts";
import { notAuthentic, RemoteError, recoded } from "../errors.ts";
import type { Encapsulate, Rng } from "../ports.ts";
import { draw } from "../ports.ts";
import type { KemPublic } from "../primitives/kem.ts";
import { CIPHERTEXT_B, decapsulate, KEM_SEED_B, kemPublic, kemPublicOf } from "../primitives/kem.ts";
import { Secret } from "../secret.ts";
import type { Fragment } from "./fragment.ts";
import {
  collect,
  decodeFragment,
  emptyBlock,
  PIECE_OF_CIPHERTEXT,
  PIECE_OF_KEY,
  pieceBlock,
  pieceIndex,
  whole,
} from "./fragment.ts";
import type { Answering, Kem, Moment, Offering } from "./kem_state.ts";
import { ciphertextId, epochValues, isGenerator, keyId } from "./kem_state.ts";

const HALF_ID_B = 4;

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

/**
 * The state after the block of a message that has opened (PQ-07 to PQ-11).
 *
 * @throws RemoteError `remote.authentication`, `remote.pq_desync`
 */
export function takeBlock(kem: Kem, block: Bytes, beginsChain: boolean, context: KemContext): Kem {
  const fragment = decodeFragment(block);
  if (fragment === null) {
    // The peer has lost its answer, and collects the key anew (PQ-11).
    return kem.state === "Offering" && beginsChain ? { ...kem, pieces: null } : kem;
  }
  if (fragment.epoch <= context.pqEpoch) return kem;
  const expected = isGenerator(kem) ? PIECE_OF_CIPHERTEXT : PIECE_OF_KEY;
  if (fragment.epoch > context.pqEpoch + 1 || fragment.type !== expected) throw notAuthentic();
  return takePiece(kem, fragment, context);
}

function takePiece(kem: Kem, fragment: Fragment, context: KemContext): Kem {
  switch (kem.state) {
    case "KeyDue":
      throw notAuthentic();
    case "Offering":
      return takeCiphertext(kem, fragment, context);
    case "SecretHeld":
      if (!same(fragment.hash, kem.ciphertextId)) throw desync();
      return kem;
    case "Collecting":
      return collectKey(kem, fragment);
    case "CiphertextDue":
      return same(fragment.hash, keyId(kem.key)) ? kem : collectKey({ state: "Collecting", pieces: null }, fragment);
    case "Answering":
      return same(fragment.hash, kem.keyId) ? kem : collectKey(kem, fragment);
  }
}

/** A piece of the key; when whole, and of its id and form, the ciphertext is due (PQ-10). */
function collectKey(kem: Extract<Kem, { state: "Collecting" | "Answering" }>, fragment: Fragment): Kem {
  const pieces = collect(kem.pieces, fragment);
  const key = whole(pieces);
  if (key === null) return { ...kem, pieces };
  if (!same(keyId(key), pieces.hash)) throw notAuthentic();
  const checked = recoded(["remote.key"], "remote.authentication", () => kemPublic(key));
  return { state: "CiphertextDue", key: checked };
}

/** A piece of a ciphertext for our key; one for another key drops what was collected (PQ-11). */
function takeCiphertext(kem: Offering, fragment: Fragment, context: KemContext): Kem {
  const id = keyId(kem.key);
  if (!same(cut(fragment.hash, 0, HALF_ID_B), cut(id, 0, HALF_ID_B))) return { ...kem, pieces: null };
  const pieces = collect(kem.pieces, fragment);
  const message = whole(pieces);
  if (message === null) return { ...kem, pieces };
  if (!same(ciphertextId(id, message), pieces.hash)) throw notAuthentic();
  const ciphertext = cut(message, 0, CIPHERTEXT_B);
  const shared = decapsulate(kem.seed, ciphertext);
  const values = epochValues(context.sessionId, context.pqEpoch + 1, shared, kem.key, ciphertext);
  if (!sameSecret(values.confirmation, message.subarray(CIPHERTEXT_B))) throw desync();
  return { state: "SecretHeld", secret: values.secret, ciphertextId: pieces.hash, made: kem.made };
}
