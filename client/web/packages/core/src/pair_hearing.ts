/** Events of a pair that come from the other side: a session, a message, an answer, a sync, a taken ask (chapter 08). */

import type { Bytes } from "./bytes.ts";
import { same } from "./bytes.ts";
import { MINUTE_MS } from "./constants.ts";
import type { Top } from "./content.ts";
import type { Made, Outcome } from "./pair.ts";
import { isCandidate, looked, outcome, settled } from "./pair.ts";
import type { Pair, Standing } from "./pair_state.ts";
import { activeOf, outranks } from "./pair_state.ts";

/** How far an epoch may be ahead of our clock and still enter `known` from an unproven session (SES-21). */
const EPOCHS_AHEAD = 2 * 365 * 24 * 60;

/** `known` after an epoch was seen; one far ahead enters it from a proven session only (SES-21). */
function seen(pair: Pair, epoch: number, proven: boolean, nowMs: number): number {
  const near = epoch <= Math.floor(nowMs / MINUTE_MS) + EPOCHS_AHEAD;
  return proven || near ? Math.max(pair.known, epoch) : pair.known;
}

/** A flight was taken: a session of the peer's, no more (SES-23). */
export function hear(given: Pair, made: Made, nowMs: number): Outcome {
  const before = looked(given, nowMs);
  const standing = { ...made, ours: false, createdMs: nowMs, proven: false, sinceMs: 0, beside: null, top: null };
  const known = seen(before, made.epoch, false, nowMs);
  return settled({ ...before, known, sessions: [...before.sessions, standing] }, before, nowMs);
}

/** A sign of life, on a session, ends ask, candidate and wanted session, but not what a top asks for that outranks us. */
function alive(pair: Pair, on: Standing | null): Pair {
  const active = activeOf(pair.sessions);
  const stands = (top: Top | null): boolean => top !== null && (active === null || outranks(top, active));
  const wanted = stands(pair.wanted?.top ?? null) ? pair.wanted : null;
  // A tell leaves the session that it came on; a chain leaves those that were started for a top that outranks us.
  const stays = (one: Standing): boolean => (on === null ? stands(one.top) : one === on);
  const sessions = pair.sessions.filter((one) => one.proven || !one.ours || stays(one));
  const candidate = sessions.some((one) => !one.proven && isCandidate(pair, one)) ? pair.candidate : null;
  return { ...pair, sessions, candidate, wanted, ask: null };
}

/** A chain has opened on a session that answers this ratchet key of ours (SES-27, SES-36). */
export function answer(given: Pair, id: Bytes, key: Bytes, nowMs: number): Outcome {
  const before = looked(given, nowMs);
  const one = find(before, id);
  const active = activeOf(before.sessions);
  if (one === null) return outcome(before, before);
  if (one.proven) {
    if (one !== active) return settled(before, before, nowMs, { doubted: true });
    return settled(answered(before, key), before, nowMs);
  }
  const proven = { ...one, proven: true };
  const known = seen(before, one.epoch, true, nowMs);
  const sessions = before.sessions.map((other) => (other === one ? proven : other));
  const activated = activeOf(sessions) === proven;
  const replaced = sessions.map((other) => (activated && other === active ? { ...other, sinceMs: nowMs } : other));
  const own = replaced.map((other) => (!activated && other === proven ? { ...other, sinceMs: nowMs } : other));
  const candidate = isCandidate(before, one) ? null : before.candidate;
  const pair = { ...before, sessions: own, known, met: true, candidate };
  return settled(activated ? alive(pair, null) : pair, before, nowMs, { proven: true, activated, doubted: !activated });
}

/**
 * A chain on the active session answers a key of ours: sessions that were started before the key was made go, and the
 * ask with them (SES-27).
 */
function answered(pair: Pair, key: Bytes): Pair {
  const active = activeOf(pair.sessions);
  const isFor = (top: Top | null): boolean => top !== null && active !== null && outranks(top, active);
  const goes = (one: Standing): boolean => {
    return one.ours && !one.proven && !isFor(one.top) && (one.beside === null || !same(one.beside, key));
  };
  const sessions = pair.sessions.filter((one) => !goes(one));
  if (sessions.length === pair.sessions.length) return pair;
  const wanted = isFor(pair.wanted?.top ?? null) ? pair.wanted : null;
  const candidate = sessions.some((one) => isCandidate(pair, one)) ? pair.candidate : null;
  return { ...pair, sessions, candidate, wanted, ask: null };
}

/** The session of this id, or null where it has gone: what came on it then changes nothing of sessions. */
function find(pair: Pair, id: Bytes): Standing | null {
  return pair.sessions.find((session) => same(session.id, id)) ?? null;
}

/** A message came on a session: doubt, where it is proven and not active (SES-25). */
export function message(given: Pair, id: Bytes, nowMs: number): Outcome {
  const before = looked(given, nowMs);
  const one = find(before, id);
  if (one === null) return outcome(before, before);
  return settled(before, before, nowMs, { doubted: one.proven && one !== activeOf(before.sessions) });
}

/** An ask or a tell that states its sender's active session (SES-28). */
export function sync(given: Pair, id: Bytes, top: Top | null, nowMs: number): Outcome {
  const before = looked(given, nowMs);
  const one = find(before, id);
  if (one === null) return outcome(before, before);
  return settled(top === null ? before : withTop(before, one, top, nowMs), before, nowMs);
}

/** A tell: one with the id of the open ask is a sign of life (SES-24, SES-27). */
export function tell(given: Pair, id: Bytes, askId: Bytes | null, top: Top | null, nowMs: number): Outcome {
  const before = looked(given, nowMs);
  const one = find(before, id);
  if (one === null) return outcome(before, before);
  const isAnswer = before.ask !== null && askId !== null && same(before.ask.id, askId);
  // Who states a top that we lack is on another session than ours: the ask is answered, and nothing else ends.
  const lacking = top !== null && lacks(before, top);
  const life = lacking ? { ...before, ask: null } : alive(before, one);
  const pair = isAnswer ? life : before;
  if (top === null) return settled(pair, before, nowMs);
  const known = seen(pair, top.epoch, one.proven, nowMs);
  return settled(lacking ? withTop(pair, one, top, nowMs) : { ...pair, known }, before, nowMs);
}

/** Whether a top names a session that we do not have and that outranks our active one (SES-28). */
function lacks(pair: Pair, top: Top): boolean {
  const active = activeOf(pair.sessions);
  const has = pair.sessions.some((one) => one.epoch === top.epoch && same(one.id.subarray(0, top.id.length), top.id));
  return !has && (active === null || outranks(top, active));
}

/** Who has no such session and is outranked by it wants one, in place of a candidate that is not above (SES-28). */
function withTop(pair: Pair, on: Standing, top: Top, nowMs: number): Pair {
  const known = seen(pair, top.epoch, on.proven, nowMs);
  const candidate = pair.sessions.find((one) => isCandidate(pair, one)) ?? null;
  if (!lacks(pair, top) || (candidate !== null && candidate.epoch > top.epoch)) return { ...pair, known };
  const wanted = { sinceMs: nowMs, top, again: false };
  return { ...pair, known, wanted, candidate: null, sessions: pair.sessions.filter((one) => one !== candidate) };
}
