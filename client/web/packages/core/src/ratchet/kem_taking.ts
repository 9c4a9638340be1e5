/** What the fragment of a message that has opened does to the KEM ratchet (PQ-07 to PQ-11). */

import type { Bytes } from "../bytes.ts";
import { cut, same, sameSecret } from "../bytes.ts";
import { notAuthentic, recoded } from "../errors.ts";
import { CIPHERTEXT_B, decapsulate, kemPublic } from "../primitives/kem.ts";
import type { Fragment } from "./fragment.ts";
import { PIECE_OF_CIPHERTEXT, PIECE_OF_KEY } from "./fragment.ts";
import { collect, decodeFragment, whole } from "./fragment_collecting.ts";
import type { KemContext } from "./kem_ratchet.ts";
import { desync } from "./kem_ratchet.ts";
import type { Kem, Offering } from "./kem_state.ts";
import { ciphertextId, epochValues, isGenerator, keyId } from "./kem_state.ts";

const HALF_ID_B = 4;

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
