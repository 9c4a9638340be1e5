/** Sealing one message: the sending step where it is due, then the chain (DR-03 to DR-09, PQ-04, PQ-06). */

import type { Bytes } from "../bytes.ts";
import { concat, sized } from "../bytes.ts";
import { MAX_CONTENT_B, MAX_COUNTER } from "../constants.ts";
import { LocalError } from "../errors.ts";
import type { Encapsulate, Rng } from "../ports.ts";
import { draw } from "../ports.ts";
import { seal } from "../primitives/aead.ts";
import { dh } from "../primitives/dh.ts";
import { Secret } from "../secret.ts";
import { beforeBody, encodeEnvelope } from "../wire/envelope.ts";
import { encodeHeader } from "../wire/header.ts";
import { pad } from "../wire/padding.ts";
import { chain, keyOfBody, keyOfHeader, root, saltOf } from "./chain.ts";
import { beforeSending } from "./kem_ratchet.ts";
import { COLLECTING } from "./kem_state.ts";
import type { Ratchet, Sending } from "./state.ts";
import { messageCount, sendingChain } from "./state.ts";

export interface Ports {
  readonly nowMs: number;
  readonly rng: Rng;
  readonly encapsulate: Encapsulate;
}

export interface Sealed {
  readonly ratchet: Ratchet;
  readonly envelope: Bytes;
}

type Chain = Extract<Sending, { state: "Sending" }>;
const RATCHET_KEY_B = 32;
const FRESH_B = 16;

/**
 * Seal a content, under a prefix if there is one; nothing of the KEM ratchet travels under a prefix (PQ-01).
 *
 * Draws 32 bytes for a sending step, 64 for a key pair, 16 for the salt, in this order.
 *
 * @throws LocalError `local.content_too_large`, `local.counter_exhausted`, `local.argument` before anything was received
 */
export function sealMessage(before: Ratchet, prefix: Bytes | null, content: Bytes, ports: Ports): Sealed {
  if (content.length > MAX_CONTENT_B)
    throw new LocalError("local.content_too_large", "a content of more than 65 536 bytes");
  const stepped = withSendingChain(before, ports.rng);
  const sending = stepped.sending as Chain;
  if (Math.max(sending.number, sending.previousLength) >= MAX_COUNTER) {
    throw new LocalError("local.counter_exhausted", "a number of 2^31 is never sent");
  }
  const { ratchet, body } = withBody(stepped, prefix, content, ports);
  const step = chain(sending.chainKey);
  const after = { ...ratchet, sending: { ...sending, chainKey: step.chainKey, number: sending.number + 1 } };
  return { ratchet: after, envelope: sealParts(ratchet, sending, step.messageKey, prefix, body, ports.rng) };
}

/** The ratchet with a chain to send on: a step is taken where it is due (DR-03, DR-06). */
function withSendingChain(ratchet: Ratchet, rng: Rng): Ratchet {
  switch (ratchet.sending.state) {
    case "Listening":
      throw new LocalError("local.argument", "a responder cannot send before it has received");
    case "Sending":
      return ratchet;
    case "StepDue":
      return sendingStep(ratchet, ratchet.sending, rng);
  }
}

function sendingStep(ratchet: Ratchet, due: Extract<Sending, { state: "StepDue" }>, rng: Rng): Ratchet {
  const held = ratchet.kem.state === "SecretHeld" ? ratchet.kem : null;
  const pqEpoch = ratchet.pqEpoch + (held === null ? 0 : 1);
  const privateKey = new Secret("X25519 private key", draw(rng, RATCHET_KEY_B));
  const keys = root(ratchet.rootKey, dh(privateKey, due.theirKey), held?.secret ?? null, pqEpoch);
  return {
    ...ratchet,
    rootKey: keys.rootKey,
    sending: sendingChain(privateKey, due.nextHeaderKey, keys, due.previousLength),
    pqEpoch,
    kem: held === null ? ratchet.kem : COLLECTING,
    pqHealing: held?.made ?? ratchet.pqHealing,
  };
}

function withBody(ratchet: Ratchet, prefix: Bytes | null, content: Bytes, ports: Ports) {
  if (prefix !== null) return { ratchet, body: pad(2, content) };
  const moment = { ms: ports.nowMs, at: messageCount(ratchet) };
  const { kem, block } = beforeSending(ratchet.kem, { ...ports, ...ratchet, moment });
  return { ratchet: { ...ratchet, kem }, body: pad(1, concat(block, content)) };
}

/** Header under its salted key, then the body under its own (DR-05, DR-07, DR-08). */
function sealParts(
  ratchet: Ratchet,
  sending: Chain,
  messageKey: Secret<"message key">,
  prefix: Bytes | null,
  body: Bytes,
  rng: Rng,
): Bytes {
  const { sessionId, pqEpoch } = ratchet;
  const kind = prefix === null ? 1 : 2;
  const { publicKey, previousLength, number, tag } = sending;
  const header = encodeHeader({ ratchetKey: publicKey, previousLength, number, pqEpoch });
  const salt = saltOf(messageKey, sized(draw(rng, FRESH_B), FRESH_B, "fresh"), header, body);
  const sealedHeader = seal(keyOfHeader(sending.headerKey, salt), header, headerAd(kind, tag, salt, sessionId));
  const parts = { kind, prefix, tag, salt, sealedHeader } as const;
  const sealedBody = seal(keyOfBody(messageKey, salt), body, concat(beforeBody(parts), sessionId));
  return encodeEnvelope({ ...parts, sealedBody });
}

/** `ver | kind | tag | salt | session id` (DR-07). */
export function headerAd(kind: 1 | 2, tag: Bytes, salt: Bytes, sessionId: Bytes): Bytes {
  return concat(Uint8Array.of(1, kind), tag, salt, sessionId);
}
