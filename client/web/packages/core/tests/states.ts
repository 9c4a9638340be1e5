/** A ratchet as the conversations of ratchet.json and pq.json show it. */
import { hex } from "../src/bytes.ts";
import type { Pieces } from "../src/ratchet/fragment.ts";
import type { Kem } from "../src/ratchet/kem_state.ts";
import { ciphertextId, keyId } from "../src/ratchet/kem_state.ts";
import type { Ratchet, Receiving, Sending } from "../src/ratchet/state.ts";
import type { Json } from "./vectors.ts";

export function shown(ratchet: Ratchet): Json {
  return {
    session_id: hex(ratchet.sessionId),
    root_key: hex(ratchet.rootKey.expose()),
    sending: sending(ratchet.sending),
    receiving: receiving(ratchet.receiving),
    next_receive: { header_key: hex(ratchet.nextReceive.headerKey.expose()), tag: hex(ratchet.nextReceive.tag) },
    pq_epoch: ratchet.pqEpoch,
    kem: kem(ratchet.kem),
    finished: ratchet.finished,
    pq_healing: { healed_ms: ratchet.pqHealing.ms, at: ratchet.pqHealing.at },
    skipped: ratchet.skipped
      .map((key) => ({
        tag: hex(key.tag),
        number: key.number,
        header_key: hex(key.headerKey.expose()),
        message_key: hex(key.messageKey.expose()),
        stored_ms: key.storedMs,
      }))
      .sort(bySkipped),
    healed_ms: ratchet.healedMs,
  };
}

export function bySkipped(a: Json, b: Json): number {
  return a.tag === b.tag ? a.number - b.number : a.tag < b.tag ? -1 : 1;
}

function sending(state: Sending): Json {
  if (state.state === "Listening") {
    return {
      state: state.state,
      private_key: hex(state.privateKey.expose()),
      next_header_key: hex(state.nextHeaderKey.expose()),
    };
  }
  if (state.state === "StepDue") {
    const { theirKey, nextHeaderKey, previousLength } = state;
    return {
      state: state.state,
      their_key: hex(theirKey),
      next_header_key: hex(nextHeaderKey.expose()),
      previous_length: previousLength,
    };
  }
  return {
    state: state.state,
    private_key: hex(state.privateKey.expose()),
    public_key: hex(state.publicKey),
    header_key: hex(state.headerKey.expose()),
    tag: hex(state.tag),
    chain_key: hex(state.chainKey.expose()),
    number: state.number,
    previous_length: state.previousLength,
    next_header_key: hex(state.nextHeaderKey.expose()),
  };
}

function receiving(state: Receiving): Json {
  if (state.state === "NoChain") return { state: state.state };
  return {
    state: state.state,
    their_key: hex(state.theirKey),
    header_key: hex(state.headerKey.expose()),
    tag: hex(state.tag),
    chain_key: hex(state.chainKey.expose()),
    number: state.number,
    pq_epoch: state.pqEpoch,
  };
}

function pieces(collected: Pieces | null): Json {
  if (collected === null) return null;
  const there = collected.parts.flatMap((part, index) => (part === null ? [] : [index]));
  return { hash: hex(collected.hash), there };
}

function kem(state: Kem): Json {
  switch (state.state) {
    case "KeyDue":
      return { state: state.state };
    case "Collecting":
      return { state: state.state, pieces: pieces(state.pieces) };
    case "CiphertextDue":
      return { state: state.state, key_id: hex(keyId(state.key)) };
    case "Offering": {
      const { seed, sent, made } = state;
      return { state: state.state, seed: hex(seed.expose()), sent, made, pieces: pieces(state.pieces) };
    }
    case "SecretHeld": {
      const { secret, made } = state;
      return { state: state.state, epoch_secret: hex(secret.expose()), ciphertext_id: hex(state.ciphertextId), made };
    }
    case "Answering": {
      const { secret, sent, made } = state;
      const id = ciphertextId(state.keyId, state.message);
      return {
        state: state.state,
        key_id: hex(state.keyId),
        epoch_secret: hex(secret.expose()),
        sent,
        made,
        ciphertext_id: hex(id),
        pieces: pieces(state.pieces),
      };
    }
  }
}
