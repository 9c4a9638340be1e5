/** A session of two devices: begun from a bundle or a flight, sealing and opening contents (chapters 06 to 08, 10). */

import type { Bytes } from "./bytes.ts";
import { same } from "./bytes.ts";
import { MAX_JUMP, MAX_U32, MINUTE_MS, PREKEY_LIFE_MS } from "./constants.ts";
import type { Content } from "./content.ts";
import { decodeContent, encodeContent } from "./content.ts";
import { LocalError, notAuthentic, RemoteError } from "./errors.ts";
import type { OwnDevice, UsedPrekeys } from "./handshake.ts";
import { initiate, isSameDevice, respond } from "./handshake.ts";
import type { VerifiedBundle } from "./identity/bundle.ts";
import { oneTimeKeys } from "./identity/bundle.ts";
import type { DeviceList } from "./identity/list.ts";
import { names } from "./identity/list.ts";
import { servesUntilMs } from "./identity/prekey.ts";
import type { DeviceRecord } from "./identity/record.ts";
import type { OpenedMessage } from "./ratchet/receiving.ts";
import { openMessage, takeFragment } from "./ratchet/receiving.ts";
import type { Ports } from "./ratchet/sending.ts";
import { sealMessage } from "./ratchet/sending.ts";
import type { SkippedKey } from "./ratchet/skipped.ts";
import type { Ratchet } from "./ratchet/state.ts";
import { initiatorStart, responderStart } from "./ratchet/state.ts";
import type { Envelope } from "./wire/envelope.ts";
import { decodeEnvelope, decodePrefix } from "./wire/envelope.ts";

/** The phases of SES-36. */
export type Phase =
  | { readonly name: "Started"; readonly prefix: Bytes; readonly notAfterMs: number }
  | { readonly name: "Heard" }
  | { readonly name: "Proven" };

export interface Peer {
  readonly accountId: Bytes;
  readonly deviceId: Bytes;
  readonly recordHash: Bytes;
}

export interface Session {
  readonly ourRecordHash: Bytes;
  readonly peer: Peer;
  readonly epoch: number;
  readonly phase: Phase;
  /** Whether one-time keys were used, X25519 and KEM (ID-17). */
  readonly oneTime: readonly [x25519: boolean, kem: boolean];
  readonly createdMs: number;
  /** Of the last message that opened; 0 as long as none has. */
  readonly openedMs: number;
  readonly ratchet: Ratchet;
}

/** Highest message number under a prefix: a later one could not be the first to arrive (HS-04). */
const MAX_PREFIX_NUMBER = MAX_JUMP;

/**
 * The epoch of a session that is begun now: above all that were known, and not below the Unix minute (SES-21).
 *
 * @throws LocalError `local.counter_exhausted`
 */
export function nextEpoch(known: number, nowMs: number): number {
  if (known >= MAX_U32) throw new LocalError("local.counter_exhausted", "no epoch is left");
  return Math.min(Math.max(known + 1, Math.floor(nowMs / MINUTE_MS)), MAX_U32);
}

function peerOf(record: DeviceRecord): Peer {
  return { accountId: record.accountId, deviceId: record.deviceId, recordHash: record.hash };
}

/**
 * Start a session from a verified bundle (HS-01); draws 32 bytes. SPK and last-resort PQK serve `graceMs` longer (ID-31),
 * and nothing is sent under the prefix for more than 14 days (SES-22).
 *
 * @throws LocalError `local.argument` for a bundle of our own device, or where our own list or record is past its end,
 *   or the list does not name the record
 */
export function startSession(
  own: OwnDevice,
  bundle: VerifiedBundle,
  epoch: number,
  graceMs: number,
  ports: Ports,
): Session {
  const { record } = bundle;
  checkOwn(own, record, ports.nowMs);
  const { keys, prefix } = initiate(own, bundle, ports.rng, ports.encapsulate);
  const ends = [bundle.spk, bundle.pqk, ...(bundle.opk === null ? [] : [bundle.opk])];
  const notAfterMs = Math.min(ports.nowMs + PREKEY_LIFE_MS, ...ends.map((prekey) => servesUntilMs(prekey, graceMs)));
  return {
    ourRecordHash: own.record.hash,
    peer: peerOf(record),
    epoch,
    phase: { name: "Started", prefix, notAfterMs },
    oneTime: oneTimeKeys(bundle),
    createdMs: ports.nowMs,
    openedMs: 0,
    ratchet: initiatorStart(keys, bundle.spk.key, ports.nowMs),
  };
}

function checkOwn(own: OwnDevice, theirs: DeviceRecord, nowMs: number): void {
  const { record, list } = own;
  const isOurs = isSameDevice(record, theirs) || same(record.dhPublic, theirs.dhPublic);
  const isNamed = same(list.accountId, record.accountId) && names(list, record);
  if (isOurs || !isNamed || nowMs > list.expiresMs || nowMs > record.expiresMs) {
    throw new LocalError("local.argument", "a bundle of our own device, or our list or record does not hold");
  }
}

export interface SealedContent {
  readonly session: Session;
  readonly envelope: Bytes;
}

/**
 * Seal a content; in a Started session under its prefix, where the epoch is filled in (HS-04, HS-05, SES-21).
 *
 * @throws LocalError `local.session_expired` (HS-04, SES-09), `local.argument` for an epoch that the caller set or a
 *   content under a prefix without an address, and what `sealMessage` throws
 */
export function sealContent(session: Session, content: Content, ports: Ports): SealedContent {
  const { phase } = session;
  if (content.epoch !== null) throw new LocalError("local.argument", "the epoch belongs to the session");
  if (phase.name !== "Started") return sealed(session, null, content, ports);
  checkUnanswered(session, phase.notAfterMs, ports.nowMs);
  if (content.address === null) throw new LocalError("local.argument", "a content under a prefix has an address");
  return sealed(session, phase.prefix, { ...content, epoch: session.epoch }, ports);
}

function sealed(session: Session, prefix: Bytes | null, content: Content, ports: Ports): SealedContent {
  const { ratchet, envelope } = sealMessage(session.ratchet, prefix, encodeContent(content), ports);
  return { session: { ...session, ratchet }, envelope };
}

function checkUnanswered(session: Session, notAfterMs: number, nowMs: number): void {
  const { sending } = session.ratchet;
  const number = sending.state === "Sending" ? sending.number : 0;
  if (nowMs > notAfterMs || number > MAX_PREFIX_NUMBER) {
    throw new LocalError("local.session_expired", "nobody has answered this session");
  }
}

export interface OpenedContent {
  readonly session: Session;
  readonly content: Content;
  readonly beginsChain: boolean;
  /** Keys that went unopened (DR-16). */
  readonly lost: readonly SkippedKey[];
}

/**
 * Open a message of this session; it stays as it was if anything fails (DR-18, CON-08). `maxJump` keys may be skipped.
 *
 * @throws RemoteError with the codes of DR-11, and `remote.content`
 */
export function openContent(session: Session, data: Uint8Array, nowMs: number, maxJump = MAX_JUMP): OpenedContent {
  const envelope = decodeEnvelope(data);
  // Only the initiator puts its messages under a prefix.
  if (envelope.kind === 2 && session.ratchet.initiator) throw notAuthentic();
  const opened = openMessage(session.ratchet, envelope, nowMs, maxJump);
  const content = checkedContent(opened, envelope, session.epoch);
  const ratchet = takeFragment(opened);
  const proven = opened.beginsChain && (ratchet.initiator || session.ratchet.receiving.state === "Receiving");
  const phase = proven ? ({ name: "Proven" } as const) : session.phase;
  const { beginsChain, lost } = opened;
  return { session: { ...session, phase, openedMs: nowMs, ratchet }, content, beginsChain, lost };
}

/** The content, with what a prefix asks for: the session's epoch and an address; without one, no epoch (SES-21, HS-05). */
function checkedContent(opened: OpenedMessage, envelope: Envelope, epoch: number | null): Content {
  const content = decodeContent(opened.content);
  const stated = content.epoch;
  const fits = envelope.kind === 1 ? stated === null : stated !== null && (epoch === null || stated === epoch);
  if (!fits) throw new RemoteError("remote.content", "another epoch than its place asks for");
  if (envelope.kind === 2 && content.address === null)
    throw new RemoteError("remote.content", "no address under a prefix");
  return content;
}

export interface Taken extends OpenedContent {
  readonly peer: DeviceRecord;
  /** The list of the peer's account that is in force, to be pinned (ID-11). */
  readonly list: DeviceList;
}

/**
 * Take a first flight with the prekeys that its prefix names (HS-06 to HS-11); what is returned is committed together
 * with the deletion of one-time keys and the replay entry (HS-08).
 *
 * @throws RemoteError with the code of the first failure
 */
export function takeFlight(
  own: OwnDevice,
  prekeys: UsedPrekeys,
  pinned: DeviceList | null,
  data: Uint8Array,
  nowMs: number,
  maxJump = MAX_JUMP,
): Taken {
  const envelope = decodeEnvelope(data);
  if (envelope.prefix === null) throw notAuthentic();
  const { keys, peer, list } = respond(own, prekeys, pinned, decodePrefix(envelope.prefix), nowMs);
  const start = responderStart(keys, prekeys.spk.private, nowMs);
  const opened = openMessage(start, envelope, nowMs, maxJump);
  const content = checkedContent(opened, envelope, null);
  const session: Session = {
    ourRecordHash: own.record.hash,
    peer: peerOf(peer),
    epoch: content.epoch as number,
    phase: { name: "Heard" },
    oneTime: [prekeys.opk !== null, prekeys.pqk.prekey.kind === "PQK_ONE_TIME"],
    createdMs: nowMs,
    openedMs: nowMs,
    ratchet: takeFragment(opened),
  };
  return { session, content, peer, list, beginsChain: true, lost: opened.lost };
}
