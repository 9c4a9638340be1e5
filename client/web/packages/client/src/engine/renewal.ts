/**
 * The one place that decides whether a session is started, asked on, told on or given up (chapter 08).
 *
 *     need, want --> tryStart --> directory --> start: session, first ask
 *     doubt --> ask
 *     tick --> silence, repeats, gaps, by code that comes later
 */

import * as budget from "@sealroom/core/budget.ts";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { CLOCK_TOLERANCE_MS, MINUTE_MS, PREKEY_GRACE_MS } from "@sealroom/core/constants.ts";
import { SYNC } from "@sealroom/core/content.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import type { VerifiedBundle } from "@sealroom/core/identity/bundle.ts";
import type { Outcome } from "@sealroom/core/pair.ts";
import * as pairs from "@sealroom/core/pair.ts";
import type { Pair, Standing } from "@sealroom/core/pair_state.ts";
import { activeOf, NEW_PAIR, sendingOf } from "@sealroom/core/pair_state.ts";
import { draw } from "@sealroom/core/ports.ts";
import type { Session } from "@sealroom/core/session.ts";
import { nextEpoch, startSession } from "@sealroom/core/session.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "./context.ts";
import { fetchPrekeys, lookUp } from "./directory.ts";
import type { SessionNews } from "./events.ts";
import type { Peer } from "./records.ts";
import { sealOpenAhead } from "./rooms/opening.ts";
import { maySend, pump, sendControl } from "./sending.ts";
import { peerOf, peersNamed, sessionOf, setPair, setPeer, setSession } from "./state.ts";
import type { Turn } from "./turn.ts";
import { compact } from "./upkeep.ts";

const RETRY_MS = 10 * MINUTE_MS;
const TICK_APART_MS = 1_000;
const STARTS_A_TICK = 5;

export function tell(turn: Turn, peer: Peer, what: SessionNews): void {
  turn.notify({ type: "session", what, device: hex(peer.deviceId) });
}

export function set(c: Context, turn: Turn, deviceId: Bytes, pair: Pair, gone: readonly Standing[] = []): Peer {
  const peer = setPair(c, turn, deviceId, pair, gone);
  wakeFor(c, turn, peer);
  return peer;
}

// --- which session sends ---

/** The session that contents to a device go on (SES-22); null while there is none. */
export function sessionFor(c: Context, turn: Turn, peer: Peer): Session | null {
  if (isStale(c, turn)) return null;
  const standing = sendingOf(peer.pair, turn.nowMs);
  return standing && sessionOf(c, standing.id);
}

/** Whether the company's list is so far past its end that nothing is sealed for it (ID-36). */
export function isStale(c: Context, turn: Turn): boolean {
  const { list } = c.company;
  if (list === null || turn.nowMs <= list.expiresMs + CLOCK_TOLERANCE_MS) {
    c.staleTold = false;
    return false;
  }
  if (!c.staleTold) {
    c.staleTold = true;
    turn.notify({ type: "session", what: "list_stale", device: "" });
    lookUp(c, turn);
  }
  return true;
}

export function active(c: Context, peer: Peer): Session | null {
  const standing = activeOf(peer.pair.sessions);
  return standing && sessionOf(c, standing.id);
}

/** A session can send no more: another one is needed (DR-09, HS-04). */
export function exhausted(c: Context, turn: Turn, deviceId: Bytes, sessionId: Bytes): void {
  const peer = peerOf(c, deviceId) as Peer;
  const pair = budget.ended(peer.pair, sessionId);
  const wanted = pair.wanted ?? (pair.met ? { sinceMs: turn.nowMs, top: null, again: false } : null);
  set(c, turn, deviceId, { ...pair, wanted });
}

// --- starting ---

/** A content waits for a session with a device (SES-22). */
export function need(c: Context, turn: Turn, peer: Peer): void {
  if (isStale(c, turn)) return;
  const { pair } = peer;
  const isSought = pair.wanted !== null || (pair.met && pair.candidate !== null);
  if (!isSought && sendingOf(pair, turn.nowMs) === null) want(c, turn, peer.deviceId);
  tryStart(c, turn, peer.deviceId);
}

export function want(c: Context, turn: Turn, deviceId: Bytes): void {
  const { pair } = peerOf(c, deviceId) as Peer;
  set(c, turn, deviceId, { ...pair, wanted: pair.wanted ?? { sinceMs: turn.nowMs, top: null, again: false } });
}

/** Start the session that is wanted, if it may be now; tell whether that was tried (SES-26). */
export function tryStart(c: Context, turn: Turn, deviceId: Bytes): boolean {
  const peer = peerOf(c, deviceId) as Peer;
  const { pair } = peer;
  const isFirst = !pair.met || pair.candidate === null;
  const isPutOff = c.timers.isWaiting(`start ${hex(deviceId)}`, turn.nowMs);
  // What is made under a list that is over nobody takes; pumped when the next one is ours (ID-08).
  const may = maySend(c) && isFirst && c.links.online && !isPutOff && turn.nowMs <= c.own.list.expiresMs;
  const isFree = pair.wanted !== null && budget.left(pair, "starts", turn.nowMs) > 0;
  return may && isFree && fetchPrekeys(c, turn, peer);
}

/** Start a session from a verified bundle; its first content is an ask, behind the `open` (SES-24, TRN-30). */
export function start(c: Context, turn: Turn, deviceId: Bytes, bundle: VerifiedBundle): void {
  const { pair } = peerOf(c, deviceId) as Peer;
  try {
    const epoch = nextEpoch(pair.known, turn.nowMs);
    const ports = { nowMs: turn.nowMs, rng: c.rng, encapsulate: c.encapsulate };
    const session = startSession(c.own, bundle, epoch, pair.met ? PREKEY_GRACE_MS : 0, ports);
    const beside = active(c, peerOf(c, deviceId) as Peer)?.ratchet.sending ?? null;
    const key = beside?.state === "Sending" ? beside.publicKey : null;
    const endsMs = session.phase.name === "Started" ? session.phase.notAfterMs : 0;
    const made = { id: session.ratchet.sessionId, epoch, endsMs };
    const counted = budget.use(pairs.looked(pair, turn.nowMs), "starts", turn.nowMs);
    adopt(c, turn, deviceId, session, pairs.start(counted, made, key, turn.nowMs));
    sendAsk(c, turn, deviceId, session, compact(c, turn, false));
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
    turn.notify({ type: "rejected", code: error.code });
    retryLater(c, turn, deviceId);
    return;
  }
  pump(c, turn);
}

export function retryLater(c: Context, turn: Turn, deviceId: Bytes): void {
  c.timers.set(`start ${hex(deviceId)}`, turn.nowMs + RETRY_MS, (later) => tick(c, later));
}

export function adopt(c: Context, turn: Turn, deviceId: Bytes, session: Session, outcome: Outcome): void {
  setSession(c, turn, session);
  const peer = set(c, turn, deviceId, outcome.pair, outcome.gone);
  setPeer(c, turn, { ...peer, told: [0, 0] });
  tell(turn, peer, "started");
}

// --- doubt ---

/** Something shows that the two sides may not share a session: ask on the active one (SES-25). */
export function doubt(c: Context, turn: Turn, deviceId: Bytes, patienceMs = budget.SHORT_PATIENCE_MS): void {
  const peer = peerOf(c, deviceId) as Peer;
  const session = active(c, peer);
  if (session === null || isStale(c, turn) || !budget.mayAsk(peer.pair, turn.nowMs)) return;
  tell(turn, peer, "doubt");
  askOn(c, turn, deviceId, session, patienceMs, null, false);
}

/** Give fresh prekeys to each device, with an ask (SES-25, CON-07). */
export function askWeekly(c: Context, turn: Turn): void {
  const bundle = compact(c, turn, true);
  for (const peer of peersNamed(c)) {
    const session = active(c, peer);
    if (session !== null && !isStale(c, turn)) {
      askOn(c, turn, peer.deviceId, session, budget.LONG_PATIENCE_MS, bundle, false);
    }
  }
}

export function askOn(
  c: Context,
  turn: Turn,
  deviceId: Bytes,
  session: Session,
  patienceMs: number,
  bundle: Value | null,
  forGap: boolean,
): void {
  const id = sendAsk(c, turn, deviceId, session, bundle);
  const { pair } = peerOf(c, deviceId) as Peer;
  set(c, turn, deviceId, budget.askSent(pair, id, patienceMs, turn.nowMs, forGap));
}

export function sendAsk(c: Context, turn: Turn, deviceId: Bytes, session: Session, bundle: Value | null): Bytes {
  const id = draw(c.rng, 8);
  if (session.phase.name === "Started") sealOpenAhead(c, turn, deviceId, session, bundle);
  const now = sessionOf(c, session.ratchet.sessionId) ?? session;
  sendSync(c, turn, deviceId, now, "ask", id, bundle);
  return id;
}

export function sendSync(
  c: Context,
  turn: Turn,
  deviceId: Bytes,
  session: Session,
  kind: "ask" | "tell",
  askId: Bytes | null,
  bundle: Value | null,
): void {
  const { pair, firstGiven } = peerOf(c, deviceId) as Peer;
  const given = pair.given === 0 ? null : { n: pair.given, line: c.line, first: firstGiven ?? pair.given + 1 };
  const sync = { kind, askId, top: budget.topOf(pair), given, got: pair.received.highest };
  sendControl(c, turn, deviceId, session, SYNC, { name: "sync", sync }, { bundle });
}

/** The relay has taken an ask: from now on silence counts (SES-26). */
export function askTaken(c: Context, turn: Turn, deviceId: Bytes, askId: Bytes): void {
  const peer = peerOf(c, deviceId);
  const open = peer?.pair.ask ?? null;
  if (peer === null || open === null || !same(open.id, askId) || open.takenMs > 0) return;
  set(c, turn, deviceId, { ...peer.pair, ask: { ...open, takenMs: turn.nowMs } });
}

export function askRefused(c: Context, turn: Turn, deviceId: Bytes, askId: Bytes): void {
  const peer = peerOf(c, deviceId);
  if (peer !== null) set(c, turn, deviceId, budget.askRefused(peer.pair, askId));
}

// --- when to look again ---

/** Wake when something is due; what could not be done then is looked at again a minute later. */
export function wakeFor(c: Context, turn: Turn, peer: Peer): void {
  const due = budget.dueMs(peer.pair);
  const startMs = c.timers.atMs(`start ${hex(peer.deviceId)}`) ?? 0;
  const times = [due, peer.pair.wanted === null ? null : Math.max(turn.nowMs, startMs)].filter((one) => one !== null);
  if (times.length === 0) return;
  const first = Math.min(...times);
  const atMs = first > turn.nowMs ? first : turn.nowMs + MINUTE_MS;
  c.timers.set("sessions", Math.min(atMs, c.timers.atMs("sessions") ?? atMs), (later) => tick(c, later));
}

/** Look at the pairs that wait for something; at most five sessions a second (SES-32). */
export function tick(c: Context, turn: Turn): void {
  c.timers.drop("sessions");
  let starts = STARTS_A_TICK;
  for (const peer of [...c.peers.values()].sort((a, b) => b.heardMs - a.heardMs)) {
    const { deviceId } = peer;
    lookAt(c, turn, peer);
    if (starts > 0 && tryStart(c, turn, deviceId)) starts -= 1;
    wakeFor(c, turn, peerOf(c, deviceId) as Peer);
  }
  if (starts === 0) c.timers.set("sessions", turn.nowMs + TICK_APART_MS, (later) => tick(c, later));
}

/** Time asks for it: the code for that comes later, and is fetched for the first that is due (STO-43). */
function lookAt(c: Context, turn: Turn, peer: Peer): void {
  const dueMs = budget.dueMs(peer.pair);
  if (c.received !== null) c.received.lookAt(c, turn, peer.deviceId);
  else if (dueMs !== null && dueMs <= turn.nowMs) turn.after({ name: "fetch" });
}

/** A device is not named by the list any more: its sessions go; what it used of its budgets stays used (ID-28). */
export function struckOff(c: Context, turn: Turn, peer: Peer): void {
  const { known, given, received, budget: used, sessions } = peer.pair;
  set(c, turn, peer.deviceId, { ...NEW_PAIR, known, given, received, budget: used }, sessions);
}
