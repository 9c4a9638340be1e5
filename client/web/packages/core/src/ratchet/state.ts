/** The state of a ratchet: frozen, replaced as one by each step (DR-18). */
import type { Bytes } from "../bytes.ts";
import type { X25519Public } from "../primitives/dh.ts";
import { publicOf } from "../primitives/dh.ts";
import type { ChainKey, HeaderKey, RootKey, X25519Private } from "../secret.ts";
import { tagOf } from "./chain.ts";
import type { Kem, Moment } from "./kem_state.ts";
import { COLLECTING, KEY_DUE } from "./kem_state.ts";
import type { SkippedKey } from "./skipped.ts";

export type Sending =
  /** Responder that has received nothing (DR-02). */
  | { readonly state: "Listening"; readonly privateKey: X25519Private; readonly nextHeaderKey: HeaderKey }
  | {
      readonly state: "Sending";
      readonly privateKey: X25519Private;
      readonly publicKey: X25519Public;
      readonly headerKey: HeaderKey;
      readonly tag: Bytes;
      readonly chainKey: ChainKey;
      readonly number: number;
      readonly previousLength: number;
      readonly nextHeaderKey: HeaderKey;
    }
  /** The next send takes a step first (DR-03). */
  | {
      readonly state: "StepDue";
      readonly theirKey: X25519Public;
      readonly nextHeaderKey: HeaderKey;
      readonly previousLength: number;
    };

export interface ReceivingChain {
  readonly state: "Receiving";
  readonly theirKey: X25519Public;
  readonly headerKey: HeaderKey;
  readonly tag: Bytes;
  readonly chainKey: ChainKey;
  /** The next number. */
  readonly number: number;
  readonly pqEpoch: number;
}

export type Receiving = { readonly state: "NoChain" } | ReceivingChain;

/** Header key and tag of the peer's next chain. */
export interface NextReceive {
  readonly headerKey: HeaderKey;
  readonly tag: Bytes;
}

export interface Ratchet {
  readonly sessionId: Bytes;
  readonly initiator: boolean;
  readonly rootKey: RootKey;
  readonly sending: Sending;
  readonly receiving: Receiving;
  readonly nextReceive: NextReceive;
  readonly pqEpoch: number;
  readonly kem: Kem;
  readonly skipped: readonly SkippedKey[];
  readonly healedMs: number;
  readonly pqHealing: Moment;
  /** Messages of all finished chains (PQ-16). */
  readonly finished: number;
}

/** The four outputs of a handshake. */
export interface HandshakeKeys {
  readonly sessionId: Bytes;
  readonly rootKey: RootKey;
  readonly initiatorHeaderKey: HeaderKey;
  readonly responderHeaderKey: HeaderKey;
}

export function nextReceive(headerKey: HeaderKey): NextReceive {
  return { headerKey, tag: tagOf(headerKey) };
}

/** The initiator's ratchet before its first message (DR-01). */
export function initiatorStart(keys: HandshakeKeys, theirSpk: X25519Public, nowMs: number): Ratchet {
  return {
    sending: { state: "StepDue", theirKey: theirSpk, nextHeaderKey: keys.initiatorHeaderKey, previousLength: 0 },
    nextReceive: nextReceive(keys.responderHeaderKey),
    ...start(keys, true, nowMs),
  };
}

/** The responder's ratchet before the first message has opened (DR-01). */
export function responderStart(keys: HandshakeKeys, spk: X25519Private, nowMs: number): Ratchet {
  return {
    sending: { state: "Listening", privateKey: spk, nextHeaderKey: keys.responderHeaderKey },
    nextReceive: nextReceive(keys.initiatorHeaderKey),
    ...start(keys, false, nowMs),
  };
}

function start(keys: HandshakeKeys, initiator: boolean, nowMs: number): Omit<Ratchet, "sending" | "nextReceive"> {
  return {
    sessionId: keys.sessionId,
    initiator,
    rootKey: keys.rootKey,
    receiving: { state: "NoChain" },
    pqEpoch: 0,
    kem: initiator ? KEY_DUE : COLLECTING,
    skipped: [],
    healedMs: nowMs,
    pqHealing: { ms: nowMs, at: 0 },
    finished: 0,
  };
}

/** A chain of ours with a ratchet key, before its first message. */
export function sendingChain(
  privateKey: X25519Private,
  headerKey: HeaderKey,
  keys: { readonly chainKey: ChainKey; readonly nextHeaderKey: HeaderKey },
  previousLength: number,
): Extract<Sending, { state: "Sending" }> {
  return {
    state: "Sending",
    privateKey,
    publicKey: publicOf(privateKey),
    headerKey,
    tag: tagOf(headerKey),
    chainKey: keys.chainKey,
    number: 0,
    previousLength,
    nextHeaderKey: keys.nextHeaderKey,
  };
}

/** Numbers used in our chain. */
export function used(sending: Sending): number {
  return sending.state === "Sending" ? sending.number : 0;
}

/** How many messages were sent or received, as the peer numbers them (PQ-16). */
export function messageCount(ratchet: Ratchet): number {
  const received = ratchet.receiving.state === "Receiving" ? ratchet.receiving.number : 0;
  return ratchet.finished + used(ratchet.sending) + received;
}

/** Ages in time and messages of the classical and the post-quantum healing (PQ-16). */
export interface Health {
  readonly classicalMs: number;
  readonly classicalMessages: number;
  readonly pqMs: number;
  readonly pqMessages: number;
}

/** `health` of a session (PQ-16); a clock that goes back gives age 0. */
export function health(ratchet: Ratchet, nowMs: number): Health {
  return {
    classicalMs: Math.max(0, nowMs - ratchet.healedMs),
    classicalMessages: messageCount(ratchet) - ratchet.finished,
    pqMs: Math.max(0, nowMs - ratchet.pqHealing.ms),
    pqMessages: Math.max(0, messageCount(ratchet) - ratchet.pqHealing.at),
  };
}
