/** What time and a loss do to a pair: silence, ages, a repeated ask (SES-26, SES-32, SES-33). */

import { DAY_MS } from "./constants.ts";
import type { Outcome } from "./pair.ts";
import { aged, isCandidate, looked, outcome } from "./pair.ts";
import type { Pair, Standing } from "./pair_state.ts";
import { activeOf } from "./pair_state.ts";

const SEARCH_MS = 14 * DAY_MS;

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

/** When a candidate is to be replaced (SES-44); the times double, since a peer that is away gets all flights at once. */
function replacedMs(pair: Pair, candidate: Standing): number {
  const { createdMs, endsMs } = candidate;
  const firstMs = Math.min(...pair.sessions.filter((one) => one.ours && !one.proven).map((one) => one.createdMs));
  return createdMs + Math.max(DAY_MS, Math.min(createdMs - firstMs, endsMs + 1 - createdMs));
}

function searched(pair: Pair, textsWait: boolean, nowMs: number): Pair {
  const { candidate } = pair;
  const session = pair.sessions.find((one) => isCandidate(pair, one));
  if (candidate === null || session === undefined || nowMs < replacedMs(pair, session)) return pair;
  if (!pair.met && nowMs > session.endsMs) return { ...pair, candidate: null };
  const searching = nowMs <= candidate.sinceMs + SEARCH_MS;
  if (textsWait || (pair.met && searching)) {
    return { ...pair, candidate: null, wanted: { sinceMs: candidate.sinceMs, top: session.top, again: true } };
  }
  return pair.met ? { ...pair, candidate: null } : pair;
}
