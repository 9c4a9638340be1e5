/** Opening one message: by its tag, then its header, then its body (DR-10 to DR-19, PQ-12, PQ-13). */

import type { Bytes } from "../bytes.ts";
import { concat, cut, same } from "../bytes.ts";
import { MAX_CONTENT_B } from "../constants.ts";
import { CoreError, notAuthentic, RemoteError, recoded } from "../errors.ts";
import { open } from "../primitives/aead.ts";
import { dh, x25519Public } from "../primitives/dh.ts";
import type { HeaderKey, MessageKey } from "../secret.ts";
import type { Envelope } from "../wire/envelope.ts";
import { beforeBody } from "../wire/envelope.ts";
import type { Header } from "../wire/header.ts";
import { decodeHeader } from "../wire/header.ts";
import { unpad } from "../wire/unpadding.ts";
import { chain, keyOfBody, keyOfHeader, root } from "./chain.ts";
import { FRAGMENT_B } from "./fragment.ts";
import { desync } from "./kem_ratchet.ts";
import type { Kem } from "./kem_state.ts";
import { KEY_DUE } from "./kem_state.ts";
import { takeBlock } from "./kem_taking.ts";
import { headerAd } from "./sending.ts";
import type { SkippedKey } from "./skipped.ts";
import { inTime } from "./skipped.ts";
import { find, headerKeysOf, limited, skip } from "./skipping.ts";
import type { Ratchet, ReceivingChain } from "./state.ts";
import { nextReceive, used } from "./state.ts";

/** A message that has opened; its fragment is taken when its content holds (PQ-07). */
export interface OpenedMessage {
  readonly ratchet: Ratchet;
  readonly content: Bytes;
  /** Of kind 1, else null. */
  readonly block: Bytes | null;
  readonly beginsChain: boolean;
  /** Keys that went unopened: lost numbers (DR-16). */
  readonly lost: readonly SkippedKey[];
}

/** What a header leads to: the state after it, and the key of its body. */
interface Step {
  readonly ratchet: Ratchet;
  readonly messageKey: MessageKey;
  readonly beginsChain: boolean;
}

type Place = "current" | "next" | "older";

/**
 * Open a message; the ratchet given stays as it was (DR-18).
 *
 * @throws RemoteError `remote.authentication`, `remote.replay`, `remote.skip_limit`, `remote.pq_desync`
 */
export function openMessage(before: Ratchet, envelope: Envelope, nowMs: number, maxJump: number): OpenedMessage {
  const kept = inTime(before.skipped, nowMs);
  const expired = before.skipped.filter((key) => !kept.includes(key));
  const ratchet = { ...before, skipped: kept };
  const { header, headerKey, place } = openHeader(ratchet, envelope);
  const step = take(ratchet, place, headerKey, header, nowMs, maxJump);
  const body = openBody(step.messageKey, envelope, before.sessionId);
  const { kept: skipped, dropped } = limited(step.ratchet.skipped);
  return {
    ratchet: { ...step.ratchet, skipped },
    ...parts(envelope.kind, body),
    beginsChain: step.beginsChain,
    lost: [...expired, ...dropped],
  };
}

/** The header and the place of the first header key of its tag that opens it (DR-10, DR-11). */
function openHeader(ratchet: Ratchet, envelope: Envelope) {
  for (const { headerKey, place } of candidates(ratchet, envelope.tag)) {
    const header = tryHeader(headerKey, envelope, ratchet.sessionId);
    if (header !== null) return { header: decodeHeader(header), headerKey, place };
  }
  throw notAuthentic();
}

function candidates(ratchet: Ratchet, tag: Bytes): readonly { headerKey: HeaderKey; place: Place }[] {
  const { receiving, nextReceive: next } = ratchet;
  const found: { headerKey: HeaderKey; place: Place }[] = [];
  const current = receiving.state === "Receiving" ? receiving : null;
  if (current !== null && same(current.tag, tag)) found.push({ headerKey: current.headerKey, place: "current" });
  if (same(next.tag, tag)) found.push({ headerKey: next.headerKey, place: "next" });
  for (const headerKey of headerKeysOf(ratchet.skipped, tag)) {
    if (current === null || !headerKey.equals(current.headerKey)) found.push({ headerKey, place: "older" });
  }
  return found;
}

function tryHeader(headerKey: HeaderKey, envelope: Envelope, sessionId: Bytes): Bytes | null {
  const { kind, tag, salt, sealedHeader } = envelope;
  try {
    return open(keyOfHeader(headerKey, salt), sealedHeader, headerAd(kind, tag, salt, sessionId));
  } catch (error) {
    if (error instanceof CoreError) return null;
    throw error;
  }
}

function take(
  ratchet: Ratchet,
  place: Place,
  headerKey: HeaderKey,
  header: Header,
  nowMs: number,
  maxJump: number,
): Step {
  const { receiving } = ratchet;
  if (place === "older") return takeSkipped(ratchet, headerKey, header);
  if (place === "next") return beginChain(ratchet, header, nowMs, maxJump);
  return takeCurrent(ratchet, receiving as ReceivingChain, header, nowMs, maxJump);
}

/** A key that was skipped, which is then gone (DR-12). */
function takeSkipped(ratchet: Ratchet, headerKey: HeaderKey, header: Header): Step {
  const key = find(ratchet.skipped, headerKey, header.number);
  if (key === null) throw new RemoteError("remote.replay", "a message that was taken, or is too old");
  const skipped = ratchet.skipped.filter((one) => one !== key);
  return { ratchet: { ...ratchet, skipped }, messageKey: key.messageKey, beginsChain: false };
}

/** A message of the current chain: its key and epoch stay the same (DR-12, DR-13, DR-15, PQ-13). */
function takeCurrent(ratchet: Ratchet, current: ReceivingChain, header: Header, nowMs: number, maxJump: number): Step {
  if (!same(header.ratchetKey, current.theirKey) || header.pqEpoch !== current.pqEpoch) throw notAuthentic();
  if (header.number < current.number) return takeSkipped(ratchet, current.headerKey, header);
  checkJump(header.number - current.number, maxJump);
  return advance(ratchet, current, header.number, nowMs, false);
}

/** Skip to a number and take its key. */
function advance(ratchet: Ratchet, current: ReceivingChain, number: number, nowMs: number, beginsChain: boolean): Step {
  const skipped = skip(current, current.chainKey, current.number, number, nowMs);
  const step = chain(skipped.chainKey);
  const receiving = { ...current, chainKey: step.chainKey, number: number + 1 };
  return {
    ratchet: { ...ratchet, receiving, skipped: [...ratchet.skipped, ...skipped.keys] },
    messageKey: step.messageKey,
    beginsChain,
  };
}

function checkJump(keys: number, maxJump: number): void {
  if (keys > maxJump) throw new RemoteError("remote.skip_limit", "a message that would skip too many keys");
}

/** A new chain of the peer; the checks in the order of DR-14. */
function beginChain(before: Ratchet, header: Header, nowMs: number, maxJump: number): Step {
  const { sending, receiving } = before;
  if (sending.state === "StepDue") throw notAuthentic();
  const mixed = checkEpoch(before.kem, before.pqEpoch, header.pqEpoch);
  const rest = checkOldChain(before, header);
  checkJump(rest + header.number, maxJump);
  const keys = recoded(["remote.key"], "remote.authentication", () => {
    const shared = dh(sending.privateKey, x25519Public(header.ratchetKey));
    return root(before.rootKey, shared, mixed?.secret ?? null, header.pqEpoch);
  });
  const old =
    receiving.state === "NoChain"
      ? []
      : skip(receiving, receiving.chainKey, receiving.number, header.previousLength, nowMs).keys;
  const started: ReceivingChain = {
    state: "Receiving",
    theirKey: x25519Public(header.ratchetKey),
    headerKey: before.nextReceive.headerKey,
    tag: before.nextReceive.tag,
    chainKey: keys.chainKey,
    number: 0,
    pqEpoch: header.pqEpoch,
  };
  const ratchet: Ratchet = {
    ...before,
    rootKey: keys.rootKey,
    sending: {
      state: "StepDue",
      theirKey: started.theirKey,
      nextHeaderKey: sending.nextHeaderKey,
      previousLength: used(sending),
    },
    nextReceive: nextReceive(keys.nextHeaderKey),
    pqEpoch: header.pqEpoch,
    kem: mixed === null ? before.kem : KEY_DUE,
    pqHealing: mixed?.made ?? before.pqHealing,
    healedMs: nowMs,
    finished: before.finished + used(sending) + header.previousLength,
    skipped: [...before.skipped, ...old],
  };
  return advance(ratchet, started, header.number, nowMs, true);
}

/** The answer whose secret a new chain mixes, or null where its epoch is the state's own (PQ-12). */
function checkEpoch(kem: Kem, pqEpoch: number, stated: number): Extract<Kem, { state: "Answering" }> | null {
  if (stated === pqEpoch) return null;
  if (stated !== pqEpoch + 1) throw notAuthentic();
  if (kem.state !== "Answering") throw desync();
  return kem;
}

/** How many numbers of the old chain are still to come; none where there is no old chain (DR-14). */
function checkOldChain(ratchet: Ratchet, header: Header): number {
  const { receiving } = ratchet;
  const next = receiving.state === "NoChain" ? 0 : receiving.number;
  const rest = header.previousLength - next;
  const oldKey = receiving.state === "Receiving" && same(header.ratchetKey, receiving.theirKey);
  if (oldKey || rest < 0 || (receiving.state === "NoChain" && rest > 0)) throw notAuthentic();
  return rest;
}

function openBody(messageKey: MessageKey, envelope: Envelope, sessionId: Bytes): Bytes {
  const associated = concat(beforeBody(envelope), sessionId);
  return open(keyOfBody(messageKey, envelope.salt), envelope.sealedBody, associated);
}

/** Fragment block and content of a padded body (WIRE-10, WIRE-13, WIRE-14). */
function parts(kind: 1 | 2, body: Bytes): { readonly content: Bytes; readonly block: Bytes | null } {
  const plain = unpad(kind, body);
  const blockB = kind === 1 ? FRAGMENT_B : 0;
  if (plain.length < blockB || plain.length - blockB > MAX_CONTENT_B) throw notAuthentic();
  const content = cut(plain, blockB, plain.length - blockB);
  return { content, block: kind === 1 ? cut(plain, 0, blockB) : null };
}

/**
 * The ratchet with the fragment of a message taken, when its content was found to hold (PQ-07).
 *
 * @throws RemoteError `remote.authentication`, `remote.pq_desync`
 */
export function takeFragment(opened: OpenedMessage): Ratchet {
  const { ratchet, block, beginsChain } = opened;
  if (block === null) return ratchet;
  return { ...ratchet, kem: takeBlock(ratchet.kem, block, beginsChain, ratchet) };
}
