/** A session of two devices: begun from a bundle, sealing contents (chapters 06 to 08, 10). */

import type { Bytes } from "./bytes.ts";
import { same } from "./bytes.ts";
import { MAX_JUMP, MAX_U32, MINUTE_MS, PREKEY_LIFE_MS } from "./constants.ts";
import type { Content } from "./content.ts";
import { encodeContent } from "./content.ts";
import { LocalError } from "./errors.ts";
import type { OwnDevice } from "./handshake.ts";
import { initiate, isSameDevice } from "./handshake.ts";
import type { VerifiedBundle } from "./identity/bundle.ts";
import { oneTimeKeys } from "./identity/bundle.ts";
import { names } from "./identity/list.ts";
import { servesUntilMs } from "./identity/prekey.ts";
import type { DeviceRecord } from "./identity/record.ts";
import type { Ports } from "./ratchet/sending.ts";
import { sealMessage } from "./ratchet/sending.ts";
import type { Ratchet } from "./ratchet/state.ts";
import { initiatorStart } from "./ratchet/state.ts";

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

export function peerOf(record: DeviceRecord): Peer {
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
