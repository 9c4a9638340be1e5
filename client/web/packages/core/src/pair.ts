/** Events of a pair, one after the other: what is wanted, what is a sign of life, what goes (chapter 08). */

import type { Bytes } from "./bytes.ts";
import { same } from "./bytes.ts";
import { DAY_MS, MAX_OTHER_SESSIONS, MINUTE_MS, OTHER_TTL_MS } from "./constants.ts";
import type { Top } from "./content.ts";
import type { Pair, Standing } from "./pair_state.ts";
import { activeOf, outranks } from "./pair_state.ts";

const UNPROVEN_TTL_MS = 44 * DAY_MS;
const SEARCH_MS = 14 * DAY_MS;
/** How far an epoch may be ahead of our clock and still enter `known` from an unproven session (SES-21). */
const EPOCHS_AHEAD = 2 * 365 * 24 * 60;

/** What an event did beside the new state. */
export interface Outcome {
  readonly pair: Pair;
  /** Sessions whose keys go. */
  readonly gone: readonly Standing[];
  readonly proven: boolean;
  readonly activated: boolean;
  readonly doubted: boolean;
}

/** The pair with its stored times that are ahead of the clock set to now (chapter 08). */
export function looked(pair: Pair, nowMs: number): Pair {
  const past = (ms: number): number => Math.min(ms, nowMs);
  return {
    ...pair,
    sessions: pair.sessions.map((one) => ({ ...one, createdMs: past(one.createdMs), sinceMs: past(one.sinceMs) })),
    wanted: pair.wanted && { ...pair.wanted, sinceMs: past(pair.wanted.sinceMs) },
    candidate: pair.candidate && {
      ...pair.candidate,
      sinceMs: past(pair.candidate.sinceMs),
      askedMs: past(pair.candidate.askedMs),
    },
    ask: pair.ask && { ...pair.ask, takenMs: past(pair.ask.takenMs) },
    askedMs: past(pair.askedMs),
    rolledBackMs: past(pair.rolledBackMs),
    budget: { ...pair.budget, sinceMs: past(pair.budget.sinceMs) },
  };
}

/** What follows of an event at a time: sessions that have passed their age go with it (SES-33). */
function settled(pair: Pair, before: Pair, nowMs: number, more: Partial<Outcome> = {}): Outcome {
  return outcome(aged(pair, nowMs), before, more);
}

function outcome(pair: Pair, before: Pair, more: Partial<Outcome> = {}): Outcome {
  const gone = before.sessions.filter((one) => !pair.sessions.some((kept) => same(kept.id, one.id)));
  return { pair, gone, proven: false, activated: false, doubted: false, ...more };
}

/** `known` after an epoch was seen; one far ahead enters it from a proven session only (SES-21). */
function seen(pair: Pair, epoch: number, proven: boolean, nowMs: number): number {
  const near = epoch <= Math.floor(nowMs / MINUTE_MS) + EPOCHS_AHEAD;
  return proven || near ? Math.max(pair.known, epoch) : pair.known;
}

/** At most four sessions beside the active one and the candidate: those made last (SES-33). */
function limited(pair: Pair): Pair {
  const active = activeOf(pair.sessions);
  const others = pair.sessions.filter((one) => one !== active && !isCandidate(pair, one));
  const dropped = others.slice(0, Math.max(0, others.length - MAX_OTHER_SESSIONS));
  return { ...pair, sessions: pair.sessions.filter((one) => !dropped.includes(one)) };
}

function isCandidate(pair: Pair, one: Standing): boolean {
  return pair.candidate !== null && same(pair.candidate.id, one.id);
}

export interface Made {
  readonly id: Bytes;
  readonly epoch: number;
  readonly endsMs: number;
}

/** A flight was taken: a session of the peer's, no more (SES-23). */
export function hear(given: Pair, made: Made, nowMs: number): Outcome {
  const before = looked(given, nowMs);
  const standing = { ...made, ours: false, createdMs: nowMs, proven: false, sinceMs: 0, beside: null, top: null };
  const known = seen(before, made.epoch, false, nowMs);
  return settled({ ...before, known, sessions: [...before.sessions, standing] }, before, nowMs);
}

/** A session of ours is started: the candidate; texts go on no earlier one of ours (SES-22, SES-26). */
export function start(given: Pair, made: Made, beside: Bytes | null, nowMs: number): Outcome {
  const before = looked(given, nowMs);
  const top = before.wanted?.top ?? null;
  const standing = { ...made, ours: true, createdMs: nowMs, proven: false, sinceMs: 0, beside, top };
  const earlier = before.sessions.map((one) => (one.ours && !one.proven ? { ...one, endsMs: 0 } : one));
  const sinceMs = before.wanted?.sinceMs ?? nowMs;
  const pair = {
    ...before,
    sessions: [...earlier, standing],
    known: Math.max(before.known, made.epoch),
    wanted: null,
    candidate: { id: made.id, sinceMs, askedMs: nowMs, repeats: 0 },
  };
  return settled(pair, before, nowMs);
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

/** The relay took an ask; of several the first that is open counts (SES-25, SES-26). */
export function asked(given: Pair, id: Bytes, patienceMs: number, nowMs: number): Outcome {
  const before = looked(given, nowMs);
  const open = before.ask ?? { id, takenMs: 0, patienceMs };
  const ask = open.takenMs === 0 && same(open.id, id) ? { ...open, takenMs: nowMs } : open;
  return outcome({ ...before, ask, askedMs: nowMs }, before);
}

/** The ask of the candidate was repeated (SES-26). */
export function repeated(given: Pair, nowMs: number): Outcome {
  const before = looked(given, nowMs);
  const { candidate } = before;
  const again = candidate && { ...candidate, askedMs: nowMs, repeats: candidate.repeats + 1 };
  return outcome({ ...before, candidate: again }, before);
}

/** A loss that the store noticed: all sessions go, `known` and `met` stay (SES-32). */
export function lose(given: Pair, nowMs: number): Outcome {
  const before = looked(given, nowMs);
  const wanted = before.met ? { sinceMs: nowMs, top: null, again: false } : null;
  const pair = { ...before, sessions: [], wanted, candidate: null, ask: null };
  return outcome(pair, pair);
}

/**
 * What time alone does: silence, the age of a candidate, the ages of sessions (SES-26, SES-33). `hasAll` says that the
 * relay has delivered all it had, so that silence counts.
 */
export function passTime(given: Pair, textsWait: boolean, nowMs: number, hasAll = true): Outcome {
  const before = looked(given, nowMs);
  const heard = hasAll ? silent(before, nowMs) : before;
  const after = aged(searched(heard, textsWait, nowMs), nowMs);
  return outcome(textsWait ? wantedByTexts(after, nowMs) : after, before);
}

/** In a pair that has met and has no proven session, texts that wait want one where nothing is under way (SES-26). */
function wantedByTexts(pair: Pair, nowMs: number): Pair {
  const busy = pair.wanted ?? pair.candidate ?? activeOf(pair.sessions);
  return !pair.met || busy !== null ? pair : { ...pair, wanted: { sinceMs: nowMs, top: null, again: false } };
}

function silent(pair: Pair, nowMs: number): Pair {
  const { ask } = pair;
  if (ask === null || ask.takenMs === 0 || nowMs < ask.takenMs + ask.patienceMs) return pair;
  const wanted = pair.wanted ?? (pair.candidate === null ? { sinceMs: nowMs, top: null, again: false } : null);
  return { ...pair, ask: null, wanted };
}

function searched(pair: Pair, textsWait: boolean, nowMs: number): Pair {
  const { candidate } = pair;
  const session = pair.sessions.find((one) => isCandidate(pair, one));
  if (candidate === null || session === undefined || nowMs < session.createdMs + DAY_MS) return pair;
  if (!pair.met && nowMs > session.endsMs) return { ...pair, candidate: null };
  const searching = nowMs <= candidate.sinceMs + SEARCH_MS;
  if (textsWait || (pair.met && searching)) {
    return { ...pair, candidate: null, wanted: { sinceMs: candidate.sinceMs, top: session.top, again: true } };
  }
  return pair.met ? { ...pair, candidate: null } : pair;
}

function aged(pair: Pair, nowMs: number): Pair {
  const active = activeOf(pair.sessions);
  const sessions = pair.sessions.filter((one) => {
    const endMs = one.proven ? one.sinceMs + OTHER_TTL_MS : one.createdMs + UNPROVEN_TTL_MS;
    return one === active || isCandidate(pair, one) || nowMs < endMs;
  });
  return limited({ ...pair, sessions });
}
