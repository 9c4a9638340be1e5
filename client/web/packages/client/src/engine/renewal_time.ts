/** What time does to sessions: silence, repeats, gaps, ages; and how sessions end (SES-26, SES-32, SES-33). */

import { isGapAskDue, isRepeatDue } from "@sealroom/core/asks_due.ts";
import * as budget from "@sealroom/core/budget.ts";
import type { Bytes } from "@sealroom/core/bytes.ts";
import { DAY_MS } from "@sealroom/core/constants.ts";
import type { Pair } from "@sealroom/core/pair_state.ts";
import { lose, passTime, repeated } from "@sealroom/core/pair_time.ts";
import type { Context } from "./context.ts";
import { refresh } from "./directory.ts";
import { deleteItem } from "./outbox.ts";
import type { Peer } from "./records.ts";
import { active, askOn, doubt, isStale, sendAsk, set, tell, want } from "./renewal.ts";
import { isYoung } from "./sending.ts";
import { againUnanswered, reviewUnconfirmed } from "./sending_again.ts";
import { isNamed, peerOf, peersNamed, sessionOf } from "./state.ts";
import { removePeer } from "./state_ends.ts";
import type { Turn } from "./turn.ts";
import { compact } from "./upkeep.ts";

const UNPROVEN_TTL_MS = 44 * DAY_MS;
const UNREACHABLE_MS = 3 * DAY_MS;

/** Look at every pair, as once an hour: ages, contents without a receipt for a day (SES-25, SES-33). */
export function lookAtAll(c: Context, turn: Turn): void {
  for (const peer of [...c.peers.values()]) {
    const { deviceId } = peer;
    if (isPast(c, turn, peer)) {
      // The last word to it, which no relay has taken (ACC-66).
      for (const item of c.outbox.drop(deviceId)) deleteItem(turn, item);
      removePeer(c, turn, peer);
      continue;
    }
    lookAt(c, turn, deviceId);
    if (!reviewUnconfirmed(c, turn, deviceId)) continue;
    refresh(c, turn);
    const { pair } = peerOf(c, deviceId) as Peer;
    if (pair.met || pair.candidate !== null) doubt(c, turn, deviceId);
    else if (!isStale(c, turn)) want(c, turn, deviceId);
  }
}

/** Whether a device was struck off so long ago that nothing of it can arrive any more. */
function isPast(c: Context, turn: Turn, peer: Peer): boolean {
  if (peer.pair.sessions.length > 0 || isNamed(c, peer.record)) return false;
  return turn.nowMs > Math.max(peer.pair.budget.sinceMs, peer.wayBackMs) + UNPROVEN_TTL_MS;
}

/** Do what is due in one pair (SES-25, SES-26, SES-33). */
export function lookAt(c: Context, turn: Turn, deviceId: Bytes): void {
  const lane = c.outbox.lane(deviceId);
  const link = c.links.all.get("mailbox");
  const hasAll = link?.state === "ready" && link.emptied;
  const waits = lane.waiting.length > 0 || [...lane.unconfirmed.values()].some((one) => isYoung(one, turn.nowMs));
  const outcome = passTime((peerOf(c, deviceId) as Peer).pair, waits, turn.nowMs, hasAll);
  const { pair } = set(c, turn, deviceId, outcome.pair, outcome.gone);
  if (isStale(c, turn)) return;
  if (pair.candidate !== null && isRepeatDue(pair, turn.nowMs)) {
    set(c, turn, deviceId, repeated(pair, turn.nowMs).pair);
    const session = sessionOf(c, pair.candidate.id);
    if (session !== null && session.phase.name === "Started" && turn.nowMs <= session.phase.notAfterMs) {
      sendAsk(c, turn, deviceId, session, compact(c, turn, false));
    }
  }
  const isOut = (one: Pair) => !one.met || turn.nowMs > (one.candidate?.sinceMs ?? turn.nowMs) + UNREACHABLE_MS;
  const isMet = hasAll && pair.met && peersNamed(c).every((one) => isOut(one.pair));
  if (isMet) tell(turn, peerOf(c, deviceId) as Peer, "unreachable"); // SES-43
  const peer = peerOf(c, deviceId) as Peer;
  const session = isGapAskDue(peer.pair, turn.nowMs) ? active(c, peer) : null;
  if (session !== null) askOn(c, turn, deviceId, session, budget.LONG_PATIENCE_MS, null, true);
}

/** Sessions that carry a list or record of a time to come are refused by everybody: new ones are started (ID-39). */
export function redoAhead(c: Context, turn: Turn): void {
  for (const { deviceId } of [...c.peers.values()]) {
    const { pair } = peerOf(c, deviceId) as Peer;
    const unanswered = pair.sessions.filter((one) => one.ours && !one.proven);
    if (unanswered.length === 0) continue;
    const after = unanswered.reduce((state, one) => budget.ended(state, one.id), pair);
    set(c, turn, deviceId, { ...after, candidate: null, wanted: { sinceMs: turn.nowMs, top: null, again: false } });
    if (!pair.met) againUnanswered(c, turn, deviceId);
  }
}

/** The store does not continue its last run: no session of it is used again (SES-32, STO-15). */
export function loseAll(c: Context, turn: Turn): void {
  for (const { deviceId, pair } of [...c.peers.values()]) {
    const given = Math.max(pair.given + 1, turn.nowMs);
    const after = lose(pair, turn.nowMs).pair;
    set(c, turn, deviceId, { ...after, given }, pair.sessions);
  }
}
