/**
 * The one place that decides whether a session is started, asked on, told on or given up (chapter 08).
 *
 *     need, want --> tryStart --> directory --> start: session, first ask
 *     opened, synced, doubt --> ask, tell, contents again
 *     tick --> silence, repeats, gaps
 */

import * as budget from "@sealroom/core/budget.ts";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { hex, same } from "@sealroom/core/bytes.ts";
import { CLOCK_TOLERANCE_MS, DAY_MS, MINUTE_MS, PREKEY_GRACE_MS } from "@sealroom/core/constants.ts";
import type { Sync } from "@sealroom/core/content.ts";
import { SYNC } from "@sealroom/core/content.ts";
import { CoreError } from "@sealroom/core/errors.ts";
import type { VerifiedBundle } from "@sealroom/core/identity/bundle.ts";
import type { Finding } from "@sealroom/core/numbers.ts";
import type { Outcome } from "@sealroom/core/pair.ts";
import * as pairs from "@sealroom/core/pair.ts";
import type { Pair, Standing } from "@sealroom/core/pair_state.ts";
import { activeOf, sendingOf } from "@sealroom/core/pair_state.ts";
import { draw } from "@sealroom/core/ports.ts";
import type { Session } from "@sealroom/core/session.ts";
import { nextEpoch, startSession } from "@sealroom/core/session.ts";
import type { Value } from "@sealroom/core/wire/cbor.ts";
import type { Context } from "./context.ts";
import { fetchPrekeys, lookUp } from "./directory.ts";
import type { SessionNews } from "./events.ts";
import type { Peer } from "./records.ts";
import { tick } from "./renewal_time.ts";
import { sealOpenAhead } from "./rooms/opening.ts";
import { againFromOthers, againUpTo, maySend, pump, sendControl } from "./sending.ts";
import { notePeer, peerOf, peersNamed, sessionOf, setPair, setPeer, setSession } from "./state.ts";
import type { Turn } from "./turn.ts";
import { compact } from "./upkeep.ts";

const RETRY_MS = 10 * MINUTE_MS;
const UNREACHABLE_MS = 3 * DAY_MS;
const MAX_DOUBTED = 4;
const SEARCH_MS = 14 * DAY_MS;

function tell(turn: Turn, peer: Peer, what: SessionNews): void {
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
  const may = maySend(c) && isFirst && c.links.online && !isPutOff;
  if (pair.wanted === null || !may || budget.left(pair, "starts", turn.nowMs) === 0) return false;
  fetchPrekeys(c, turn, peer);
  return true;
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
  const peer = peerOf(c, deviceId) as Peer;
  const since = peer.pair.candidate?.sinceMs ?? turn.nowMs;
  if (peer.pair.met && turn.nowMs > since + UNREACHABLE_MS) tell(turn, peer, "unreachable");
  pump(c, turn);
}

export function retryLater(c: Context, turn: Turn, deviceId: Bytes): void {
  c.timers.set(`start ${hex(deviceId)}`, turn.nowMs + RETRY_MS, (later) => tick(c, later));
}

function adopt(c: Context, turn: Turn, deviceId: Bytes, session: Session, outcome: Outcome): void {
  setSession(c, turn, session);
  const peer = set(c, turn, deviceId, outcome.pair, outcome.gone);
  setPeer(c, turn, { ...peer, told: [0, 0] });
  tell(turn, peer, "started");
}

// --- what comes ---

/** Take in a session that a device has started; it proves nothing yet (SES-23). */
export function heard(c: Context, turn: Turn, deviceId: Bytes, session: Session): void {
  const { pair } = peerOf(c, deviceId) as Peer;
  const made = { id: session.ratchet.sessionId, epoch: session.epoch, endsMs: turn.nowMs + SEARCH_MS };
  const counted = budget.use(pair, "flights", turn.nowMs);
  adopt(c, turn, deviceId, session, pairs.hear(counted, made, turn.nowMs));
  notePeer(c, { ...(peerOf(c, deviceId) as Peer), heardMs: turn.nowMs });
}

/** A message of a session has opened; what was lost on others goes again on it (SES-37). */
export function opened(
  c: Context,
  turn: Turn,
  deviceId: Bytes,
  before: Session,
  after: Session,
  begins: boolean,
): Outcome {
  const peer = peerOf(c, deviceId) as Peer;
  const id = after.ratchet.sessionId;
  const { sending, receiving } = before.ratchet;
  const answers = begins && (before.ratchet.initiator || receiving.state === "Receiving");
  const key = answers && sending.state === "Sending" ? sending.publicKey : null;
  const outcome =
    key === null ? pairs.message(peer.pair, id, turn.nowMs) : pairs.answer(peer.pair, id, key, turn.nowMs);
  const skips = Math.max(0, after.ratchet.skipped.length - before.ratchet.skipped.length);
  const pair = skips > 0 ? budget.use(outcome.pair, "skips", turn.nowMs, skips) : outcome.pair;
  notePeer(c, { ...set(c, turn, deviceId, pair, outcome.gone), heardMs: turn.nowMs });
  if (outcome.proven) tell(turn, peer, "proven");
  if (outcome.activated) againFromOthers(c, turn, deviceId, id);
  return { ...outcome, pair };
}

/** After the content: doubt, what waits, the message that proves our session (SES-24). */
export function settle(c: Context, turn: Turn, deviceId: Bytes, id: Bytes, outcome: Outcome | null): void {
  if (outcome?.doubted) doubt(c, turn, deviceId);
  pump(c, turn);
  const session = sessionOf(c, id);
  if (session === null || outcome === null || !outcome.activated || !session.ratchet.initiator) return;
  if (session.ratchet.sending.state === "StepDue") sendSync(c, turn, deviceId, session, "tell", null, null);
}

/** Take what a device tells of itself, and answer an ask on its session (SES-24). */
export function synced(c: Context, turn: Turn, deviceId: Bytes, session: Session, sync: Sync): void {
  const id = session.ratchet.sessionId;
  const before = (peerOf(c, deviceId) as Peer).pair;
  const outcome =
    sync.kind === "tell"
      ? pairs.tell(before, id, sync.askId, sync.top, turn.nowMs)
      : pairs.sync(before, id, sync.top, turn.nowMs);
  const { pair, findings, rolledBack } = budget.counted(outcome.pair, sync, turn.nowMs);
  const peer = set(c, turn, deviceId, pair, outcome.gone);
  tellFindings(turn, peer, findings);
  if (rolledBack) {
    notePeer(c, { ...peer, firstGiven: null });
    tell(turn, peer, "rolled_back");
  }
  if (isStale(c, turn)) return;
  if (sync.kind === "ask") answerAsk(c, turn, deviceId, id, sync);
  const now = activeOf((peerOf(c, deviceId) as Peer).pair.sessions);
  if (now !== null && same(now.id, id)) againUpTo(c, turn, deviceId, sync.got);
  tryStart(c, turn, deviceId);
}

function answerAsk(c: Context, turn: Turn, deviceId: Bytes, id: Bytes, sync: Sync): void {
  const session = sessionOf(c, id);
  const { pair } = peerOf(c, deviceId) as Peer;
  if (session === null || session.phase.name === "Started" || budget.left(pair, "tells", turn.nowMs) === 0) return;
  set(c, turn, deviceId, budget.use(pair, "tells", turn.nowMs));
  sendSync(c, turn, deviceId, session, "tell", sync.askId, null);
}

export function tellFindings(turn: Turn, peer: Peer, findings: readonly Finding[]): void {
  for (const finding of findings) tell(turn, peer, finding);
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

/** Doubt the devices that were heard last: which one a tag belongs to is not known (SES-39). */
export function doubtAll(c: Context, turn: Turn): void {
  const peers = [...peersNamed(c)].sort((a, b) => a.heardMs - b.heardMs);
  for (const peer of peers.slice(-MAX_DOUBTED)) doubt(c, turn, peer.deviceId);
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

function sendSync(
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
