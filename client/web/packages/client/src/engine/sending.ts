/** From a content to an envelope: sealed for each device, at once where there is a session (SES-22, SES-37). */

import { give } from "@sealroom/core/budget.ts";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { Content, Payload, WayBack } from "@sealroom/core/content.ts";
import { LIST, content as newContent } from "@sealroom/core/content.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import { activeOf, checkSending } from "@sealroom/core/pair_state.ts";
import { draw } from "@sealroom/core/ports.ts";
import type { Session } from "@sealroom/core/session.ts";
import { sealContent } from "@sealroom/core/session.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "./context.ts";
import { flush } from "./delivery.ts";
import { seek } from "./directory.ts";
import type { Lane } from "./outbox.ts";
import { deleteItem, hasLeft, putItem, waitingAgain } from "./outbox.ts";
import { contentOf, findPosted, lost, notSent } from "./posting.ts";
import type { Outgoing, Peer } from "./records.ts";
import { exhausted, need, sessionFor } from "./renewal.ts";
import { doesLast } from "./rooms/progress.ts";
import { headOf, isNamed, isOwn, listOf, notePeer, peerOf, setPair, setPeer, setSession } from "./state.ts";
import type { Turn } from "./turn.ts";

const MAX_AGAIN = 64;
const MAX_SENDINGS = 4;
const ENDED: readonly string[] = ["local.counter_exhausted", "local.session_expired"];

// --- counted contents ---

/** Seal a new counted content at once where nothing waits before it: its row is written once. */
export function sealOrWait(c: Context, turn: Turn, peer: Peer | null, item: Outgoing, content: Content): void {
  const lane = c.outbox.lane(item.deviceId);
  const isFree = peer !== null && lane.waiting.length === 0 && maySend(c);
  const session = isFree ? sessionFor(c, turn, peer) : null;
  if (peer !== null && session !== null && sealCounted(c, turn, peer.deviceId, session, item, content)) return;
  lane.waiting.push(item);
  putItem(turn, item);
}

/** Whether anything may be sealed: not in an alarm, and by no device that was replaced (ID-07, ACC-67). */
export function maySend(c: Context): boolean {
  return c.company.alarm === "" && !c.isReplaced;
}

/** Seal what waits, ask for sessions where there are none, and hand it to the relay. */
export function pump(c: Context, turn: Turn): void {
  if (!maySend(c)) return;
  for (const [device, lane] of [...c.outbox.lanes()]) {
    const peer = c.peers.get(device);
    if (peer !== undefined) {
      pumpLane(c, turn, peer.deviceId, lane);
      const now = peerOf(c, peer.deviceId);
      if (now !== null) flush(c, turn, now);
    } else if (lane.waiting.length > 0) {
      seek(c, turn, device);
    }
  }
}

function pumpLane(c: Context, turn: Turn, deviceId: Bytes, lane: Lane): void {
  for (let item = lane.waiting[0]; item !== undefined; item = lane.waiting[0]) {
    const peer = peerOf(c, deviceId) as Peer;
    const session = sessionFor(c, turn, peer);
    const posted = findPosted(c, item.contentId);
    if (posted === null) {
      lane.waiting.shift();
      deleteItem(turn, item);
      continue;
    }
    if (session === null) {
      need(c, turn, peer);
      return;
    }
    lane.waiting.shift();
    if (!sealCounted(c, turn, deviceId, session, item, contentOf(posted))) {
      lane.waiting.unshift(item);
      need(c, turn, peerOf(c, deviceId) as Peer);
      return;
    }
  }
}

/** Seal a counted content; false if the session can send no more, so that another one is needed. */
export function sealCounted(
  c: Context,
  turn: Turn,
  deviceId: Bytes,
  session: Session,
  item: Outgoing,
  content: Content,
  isAhead = false,
): boolean {
  let numbered = item;
  if (item.number === null) {
    const peer = peerOf(c, deviceId) as Peer;
    const [pair, number] = give(peer.pair, c.line, peer.firstGiven);
    notePeer(c, { ...setPair(c, turn, deviceId, pair), firstGiven: number.first });
    numbered = { ...item, number };
  }
  return seal(c, turn, deviceId, session, numbered, { ...content, number: numbered.number }, isAhead ? "ask" : "text");
}

// --- contents that the application does not see ---

export interface Extras {
  readonly bundle?: Value | null;
}

/** Seal a content on a session and hand it to the relay; it is not sent again if it is lost. Returns its id, if it was. */
export function sendControl(
  c: Context,
  turn: Turn,
  deviceId: Bytes,
  session: Session,
  type: number,
  payload: Payload,
  { bundle = null }: Extras = {},
): Bytes | null {
  if (c.isReplaced) return null;
  const content = { ...newContent(type, draw(c.rng, 16), turn.nowMs, payload), bundle };
  const askId = payload.name === "sync" && payload.sync.kind === "ask" ? payload.sync.askId : null;
  const item = { ...c.outbox.newItem(deviceId, content.contentId, false, turn.nowMs), askId };
  const sealing = payload.name === "sync" ? payload.sync.kind : "text";
  if (!seal(c, turn, deviceId, session, item, content, sealing)) return null;
  const peer = peerOf(c, deviceId);
  if (peer !== null) flush(c, turn, peer);
  return content.contentId;
}

/** Our address for the company, or for another device of ours (CON-06). */
function wayBack(c: Context, peer: Peer): WayBack {
  if (c.kin !== null && isOwn(c, peer.record)) return c.kin.wayBack();
  const { id, token, relayUrl } = c.mailbox;
  return { mailbox: id, token, relayUrl };
}

// --- seal ---

function seal(
  c: Context,
  turn: Turn,
  deviceId: Bytes,
  session: Session,
  item: Outgoing,
  content: Content,
  sealing: "text" | "ask" | "tell",
): boolean {
  const peer = peerOf(c, deviceId) as Peer;
  const id = session.ratchet.sessionId;
  checkSending(peer.pair, id, sealing, turn.nowMs);
  const dressed = dress(c, peer, session, content);
  try {
    const ports = { nowMs: turn.nowMs, rng: c.rng, encapsulate: c.encapsulate };
    const sealed = sealContent(session, dressed, ports);
    setSession(c, turn, sealed.session);
    if (dressed.heads !== null) setPeer(c, turn, { ...peer, told: headsNow(c, peer) });
    const done = { envelope: sealed.envelope, msgId: draw(c.rng, 16), sessionId: id };
    const kept = { ...item, ...done, sealedMs: turn.nowMs, sendings: item.sendings + 1 };
    c.outbox.add(kept);
    putItem(turn, kept);
    return true;
  } catch (error) {
    if (!(error instanceof CoreError) || !ENDED.includes(error.code)) throw error;
    exhausted(c, turn, deviceId, id);
    return false;
  }
}

/** Add what a session's first content and a changed list ask for (HS-05, CON-05). */
function dress(c: Context, peer: Peer, session: Session, content: Content): Content {
  const [ours, theirs] = headsNow(c, peer);
  const { list } = c.own;
  const isTold = peer.told[0] === ours && peer.told[1] === theirs;
  const heads = isTold ? null : { own: { seq: list.seq, hash: list.hash }, peer: headOf(listOf(c, peer.record)) };
  return { ...content, heads, address: session.phase.name === "Started" ? wayBack(c, peer) : null };
}

function headsNow(c: Context, peer: Peer): readonly [ours: number, theirs: number] {
  return [c.own.list.seq, listOf(c, peer.record)?.seq ?? 0];
}

/** Send again what the relay took only when another session than the one that it went on was active. */
export function againIfBehind(c: Context, turn: Turn, item: Outgoing): void {
  const { sessions } = (peerOf(c, item.deviceId) as Peer).pair;
  const active = activeOf(sessions);
  const wentOn = sessions.find(({ id }) => same(id, item.sessionId as Bytes));
  // On a session that is not proven yet goes what begins it, beside the active one (TRN-30).
  const isBehind = active !== null && wentOn !== active && wentOn?.proven !== false;
  if (isBehind) again(c, item.deviceId, [item], turn.nowMs);
}

/** The newest 64 of the last 14 days, each at most four times in all; `most` where as many are to go. */
export function again(c: Context, deviceId: Bytes, items: readonly Outgoing[], nowMs: number, most = MAX_AGAIN): void {
  const lane = c.outbox.lane(deviceId);
  const young = items.filter((one) => mayGoAgain(c, one, nowMs)).sort((a, b) => a.place - b.place);
  const room = Math.min(most, MAX_AGAIN - waitingAgain(lane).length);
  const chosen = young.slice(Math.max(0, young.length - room));
  for (const item of chosen) lane.unconfirmed.delete(hex(item.contentId));
  lane.waiting.unshift(...chosen);
}

/** By SES-37, and what lasts beyond that once in a day (ROOM-73). */
export function mayGoAgain(c: Context, item: Outgoing, nowMs: number): boolean {
  const isWithin = item.sendings < MAX_SENDINGS && isYoung(item, nowMs);
  return isWithin || (nowMs >= item.sealedMs + DAY_MS && doesLast(c, item.contentId));
}

/**
 * Whether it was written in the last 14 days: only then it is waited for (ROOM-73). Before a device had met, in the
 * last 44 (SES-37).
 */
export function isYoung(item: Outgoing, nowMs: number): boolean {
  return nowMs < item.createdMs + (item.first ? 44 : 14) * DAY_MS;
}

/**
 * Send a device that is struck off the list that does so, on the session that it still has (ACC-66). Returns what still
 * goes to it: of one that was struck off before what is on its way.
 */
function lastWords(c: Context, turn: Turn, peer: Peer): (item: Outgoing) => boolean {
  if (peer.pair.sessions.length === 0) return (item) => item.envelope !== null && !item.shown;
  const list = listOf(c, peer.record);
  const session = list && sessionFor(c, turn, peer);
  if (list === null || session === null) return () => false;
  const id = sendControl(c, turn, peer.deviceId, session, LIST, { name: "list", list: list.signed });
  return ({ contentId }) => id !== null && same(contentId, id);
}

/** End what we have for devices that the company's list does not name any more (ID-28). */
export function strikeOff(c: Context, turn: Turn, end: (peer: Peer) => void): void {
  for (const peer of [...c.peers.values()]) {
    if (isNamed(c, peer.record)) continue;
    const items = c.outbox.drop(peer.deviceId, lastWords(c, turn, peer));
    end(peer);
    for (const item of items) {
      deleteItem(turn, item);
      if (!item.shown) continue;
      if (hasLeft(item)) lost(c, turn, item, "remote.identity");
      else notSent(c, turn, item);
    }
  }
}
