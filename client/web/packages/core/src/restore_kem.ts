/** States of the KEM ratchet from what is stored of them (SES-14). */
import type { Bytes } from "./bytes.ts";
import { notAccepted } from "./errors.ts";
import { KEM_PUBLIC_B, kemPublic, kemPublicOf } from "./primitives/kem.ts";
import type { Pieces, PieceType } from "./ratchet/fragment.ts";
import { PIECE_HASH_B, PIECE_OF_CIPHERTEXT, PIECE_OF_KEY, PIECES, pieceSizeB } from "./ratchet/fragment.ts";
import type { Kem, Moment } from "./ratchet/kem_state.ts";
import { CIPHERTEXT_MESSAGE_B, COLLECTING, generates, isGenerator, KEY_DUE } from "./ratchet/kem_state.ts";
import { Secret } from "./secret.ts";
import type { Value } from "./wire/cbor.ts";
import { asArray, asBytes, asUint } from "./wire/fields.ts";

const MAX_SECRET_B = 64;

export function momentOf(value: Value): Moment {
  const [ms, at] = asArray(value, 2, 2) as [Value, Value];
  return { ms: asUint(ms), at: asUint(at) };
}

/** The state of its stored form, which is one of the side that this is in the epoch under way (PQ-01). */
export function kemOf(value: Value, initiator: boolean, pqEpoch: number): Kem {
  const kem = stateOf(asArray(value, 7, 1));
  if (isGenerator(kem) !== generates(initiator, pqEpoch)) throw notAccepted("a state of the other side");
  return kem;
}

const LENGTHS = [1, 5, 4, 2, 2, 7];

function stateOf(items: readonly Value[]): Kem {
  const [state, a, b, c, d, e, f] = items as [Value, Value, Value, Value, Value, Value, Value];
  if (LENGTHS[asUint(state, LENGTHS.length - 1)] !== items.length) throw notAccepted("no state of the KEM ratchet");
  switch (state) {
    case 0:
      return KEY_DUE;
    case 1: {
      const seed = new Secret("ML-KEM seed", asBytes(a, 64, 64));
      const pieces = piecesOf(c, PIECE_OF_CIPHERTEXT);
      return { state: "Offering", seed, key: kemPublicOf(seed), sent: asUint(b), pieces, made: momentOf(d) };
    }
    case 2:
      return { state: "SecretHeld", secret: epochSecret(a), ciphertextId: hashOf(b), made: momentOf(c) };
    case 3:
      return a === null ? COLLECTING : { state: "Collecting", pieces: piecesOf(a, PIECE_OF_KEY) };
    case 4:
      return { state: "CiphertextDue", key: kemPublic(asBytes(a, KEM_PUBLIC_B, KEM_PUBLIC_B)) };
    default:
      return {
        state: "Answering",
        keyId: hashOf(a),
        message: asBytes(b, CIPHERTEXT_MESSAGE_B, CIPHERTEXT_MESSAGE_B),
        secret: epochSecret(c),
        sent: asUint(d),
        pieces: piecesOf(e, PIECE_OF_KEY),
        made: momentOf(f),
      };
  }
}

function epochSecret(value: Value): Secret<"epoch secret"> {
  return new Secret("epoch secret", asBytes(value, 0, MAX_SECRET_B));
}

function hashOf(value: Value): Bytes {
  return asBytes(value, PIECE_HASH_B, PIECE_HASH_B);
}

/** One to four of five pieces, without their fill. */
function piecesOf(value: Value, type: PieceType): Pieces | null {
  if (value === null) return null;
  const [hash, list] = asArray(value, 2, 2) as [Value, Value];
  const parts = asArray(list, PIECES, PIECES).map((part, index) => {
    const sizeB = pieceSizeB(type, index);
    return part === null ? null : asBytes(part, sizeB, sizeB);
  });
  const there = parts.filter((part) => part !== null).length;
  if (there === 0 || there === PIECES) throw notAccepted("one to four of the five pieces are there");
  return { hash: hashOf(hash), parts };
}
