/** Stored states of the KEM ratchet (SES-14). */
import type { Pieces } from "./ratchet/fragment.ts";
import type { Kem, Moment } from "./ratchet/kem_state.ts";
import type { Value } from "./wire/cbor.ts";

export function momentValue(moment: Moment): Value {
  return [moment.ms, moment.at];
}

export function kemValue(kem: Kem): Value {
  switch (kem.state) {
    case "KeyDue":
      return [0];
    case "Offering":
      return [1, kem.seed.expose(), kem.sent, piecesValue(kem.pieces), momentValue(kem.made)];
    case "SecretHeld":
      return [2, kem.secret.expose(), kem.ciphertextId, momentValue(kem.made)];
    case "Collecting":
      return [3, piecesValue(kem.pieces)];
    case "CiphertextDue":
      return [4, kem.key];
    case "Answering": {
      const { keyId, message, secret, sent, pieces, made } = kem;
      return [5, keyId, message, secret.expose(), sent, piecesValue(pieces), momentValue(made)];
    }
  }
}

function piecesValue(pieces: Pieces | null): Value {
  return pieces && [pieces.hash, pieces.parts];
}
